"""Which dataset a path holds is found out, or what was expected and found is said."""

import pytest

from evaluation.loaders.errors import TruthError
from evaluation.loaders.load import load
from tests.evaluation.loaders.tiny_truths import (
    write_bedlam,
    write_emdb,
    write_rgbd,
    write_rich,
    write_threedpw,
)


def test_nothing_that_is_known(tmp_path):
    (tmp_path / "notes.md").touch()
    with pytest.raises(TruthError) as caught:
        load(tmp_path)
    first, *others = str(caught.value).splitlines()
    assert first.endswith("not a ground truth that is known; found notes.md. Expected")
    assert "  emdb: P*/SEQUENCE/PX_SEQUENCE_data.pkl beside images/00000.jpg" in others


def test_named_dataset_is_not_there(tmp_path):
    with pytest.raises(
        TruthError, match=r"no sintel there. Expected training/depth/.*empty folder"
    ):
        load(tmp_path, "sintel")


def test_nothing_is_there(tmp_path):
    with pytest.raises(TruthError, match=r"gone: no emdb there.*nothing is there"):
        load(tmp_path / "gone", "emdb")


def test_two_datasets_in_one_folder(tmp_path):
    write_emdb(tmp_path)
    write_bedlam(tmp_path)
    with pytest.raises(TruthError, match="could be any of emdb, bedlam; say which"):
        load(tmp_path)
    assert [sequence.dataset for sequence in load(tmp_path, "emdb")] == ["emdb"]


def test_unknown_name(tmp_path):
    with pytest.raises(TruthError, match="no dataset 'h36m' is known; one of 3dpw, emdb, rich"):
        load(write_threedpw(tmp_path), "h36m")


def test_bonn_and_tum_are_told_apart(tmp_path):
    write_rgbd(tmp_path / "rgbd_bonn_crowd2")
    write_rgbd(tmp_path / "rgbd_dataset_freiburg3_sitting_xyz")
    assert [sequence.name for sequence in load(tmp_path, "bonn")] == ["rgbd_bonn_crowd2"]
    with pytest.raises(TruthError, match="could be any of bonn, tum"):
        load(tmp_path)


def test_pictures_out_of_order(tmp_path):
    pictures = write_rich(tmp_path) / "images/test/Gym_010_dips1/cam_01"
    (pictures / "00009_01.bmp").rename(pictures / "9_01.bmp")  # sorted: 10, 11, 9
    with pytest.raises(
        TruthError, match="the pictures of Gym_010_dips1_cam_01 are not in order of time"
    ):
        load(tmp_path)


def test_a_path_relative_to_inside_the_dataset(tmp_path, monkeypatch):
    monkeypatch.chdir(write_threedpw(tmp_path) / "sequenceFiles/test")
    (sequence,) = load(".", "3dpw")
    write_rgbd(tmp_path / "rgbd_bonn_crowd2")
    monkeypatch.chdir(tmp_path / "rgbd_bonn_crowd2")
    assert [found.name for found in load(".", "bonn")] == ["rgbd_bonn_crowd2"]
    assert sequence.name == "walk_00"
