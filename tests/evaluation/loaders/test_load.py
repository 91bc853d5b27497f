"""Which dataset a path holds is found out, or what was expected and found is said."""

import shutil

import pytest

from evaluation.loaders.errors import TruthError
from evaluation.loaders.load import load
from pipeline.errors import ConfigError
from tests.evaluation.loaders.tiny_truths import (
    write_bedlam,
    write_emdb,
    write_kitti_drive,
    write_rgbd,
    write_rich,
    write_sintel,
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


def test_only_what_is_wanted_is_read(tmp_path):
    """So that a part of a dataset can be used, whatever the rest lacks."""
    rich = write_rich(tmp_path / "rich")
    shutil.copytree(rich / "bodies/test/Gym_010_dips1", rich / "bodies/test/Gym_011_pushup1")
    threedpw = write_threedpw(tmp_path / "3dpw") / "sequenceFiles/test"
    shutil.copy(threedpw / "walk_00.pkl", threedpw / "alley_00.pkl")
    emdb = write_emdb(tmp_path / "emdb")
    (emdb / "P1/02_run").mkdir()
    (emdb / "P1/02_run/P1_02_run_data.pkl").touch()
    rgbd = write_rgbd(tmp_path / "tum/rgbd_dataset_freiburg3_desk").parent
    for name in ("rgb.txt", "depth.txt", "groundtruth.txt"):
        (rgbd / "other").mkdir(exist_ok=True)
        (rgbd / "other" / name).touch()
    sintel = write_sintel(tmp_path / "sintel")
    (sintel / "training/depth/ambush_2").mkdir()
    kitti = write_kitti_drive(tmp_path / "kitti")
    (kitti / "val/other/proj_depth/groundtruth/image_02").mkdir(parents=True)
    (kitti / "val/other/proj_depth/groundtruth/image_02/x.png").touch()
    for dataset, path, only, name in (
        ("rich", rich, "Gym_010*", "Gym_010_dips1_cam_01"),
        ("rich", rich, "*_cam_01", "Gym_010_dips1_cam_01"),
        ("3dpw", threedpw, "walk*", "walk_00"),
        ("emdb", emdb, "*walk", "P1_01_walk"),
        ("emdb1", emdb, "*walk", "P1_01_walk"),
        ("tum", rgbd, "*desk", "rgbd_dataset_freiburg3_desk"),
        ("sintel", sintel, "alley_1", "alley_1"),
        ("kitti", kitti, "2011*", "2011_09_26_drive_0002_sync_image_02"),
    ):
        assert [sequence.name for sequence in load(path, dataset, [only])] == [name]
        with pytest.raises(TruthError):
            load(path, dataset)
    (second,) = load(write_bedlam(tmp_path / "bedlam"), "bedlam", ["*1"])
    assert second.name == "scene_seq_000001"


def test_several_are_wanted(tmp_path):
    for name in ("rgbd_bonn_crowd2", "rgbd_bonn_crowd3", "rgbd_bonn_balloon2"):
        write_rgbd(tmp_path / name)
    names = [sequence.name for sequence in load(tmp_path, "bonn", ["*crowd2", "*balloon?"])]
    assert names == ["rgbd_bonn_balloon2", "rgbd_bonn_crowd2"]


def test_frames_are_counted_after_association(tmp_path):
    """The first picture and the third have a depth map and a pose."""
    folder = write_rgbd(tmp_path / "rgbd_bonn_crowd2")
    (sequence,) = load(folder, frames=slice(1, 140))
    assert sequence.frame_names == ("rgb/10.06.png",)
    assert sequence.times_s.tolist() == [0]
    assert sequence.read_depth(0).tolist() == [[0, 1.5]]
    with pytest.raises(
        ConfigError, match="--frames: takes none of the 2 pictures of rgbd_bonn_crowd2"
    ):
        load(folder, frames=slice(30, 140))


def test_what_lacks_pictures_is_left_out_by_only(tmp_path):
    rich = write_rich(tmp_path / "rich")
    (rich / "images").rename(rich / "pictures")
    with pytest.raises(TruthError, match="--only leaves out sequences without pictures"):
        load(rich, "rich", ["Gym_010*"])
    threedpw = write_threedpw(tmp_path / "3dpw")
    (threedpw / "imageFiles").rename(threedpw / "pictures")
    with pytest.raises(TruthError, match="--only leaves out sequences without pictures"):
        load(threedpw)


def test_nothing_is_wanted(tmp_path):
    with pytest.raises(
        ConfigError, match=r"--only \*walking\*: none of 2 sequences is .* such as scene_seq_000000"
    ):
        load(write_bedlam(tmp_path), None, ["*0", "*walking*"])
    write_emdb(tmp_path)
    with pytest.raises(TruthError, match="has 1 sequences, none of them of emdb2"):
        load(tmp_path, "emdb2", ["*walk"])


def test_a_path_relative_to_inside_the_dataset(tmp_path, monkeypatch):
    monkeypatch.chdir(write_threedpw(tmp_path) / "sequenceFiles/test")
    (sequence,) = load(".", "3dpw")
    write_rgbd(tmp_path / "rgbd_bonn_crowd2")
    monkeypatch.chdir(tmp_path / "rgbd_bonn_crowd2")
    assert [found.name for found in load(".", "bonn")] == ["rgbd_bonn_crowd2"]
    assert sequence.name == "walk_00"
