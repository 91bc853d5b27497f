"""EMDB: world-to-camera poses are inverted, bad frames marked, its two benchmarks told apart."""

import numpy as np
import pytest

from evaluation.loaders.errors import TruthError
from evaluation.loaders.load import load
from tests.evaluation.loaders.tiny_truths import TURNED, WORLD_FROM_CAMERA, write_emdb


def test_sequence(tmp_path):
    (sequence,) = load(write_emdb(tmp_path))
    assert (sequence.dataset, sequence.name) == ("emdb", "P1_01_walk")
    assert (sequence.width, sequence.height) == (64, 48)
    assert sequence.frame_names == ("00000.jpg", "00001.jpg", "00002.jpg")
    assert sequence.image_paths[0] == tmp_path / "P1/01_walk/images/00000.jpg"
    assert sequence.times_s[2] == pytest.approx(2 / 30)
    assert sequence.world_from_camera[1] == pytest.approx(np.array(WORLD_FROM_CAMERA))
    assert sequence.intrinsics[0].tolist() == [600, 610, 31, 23]


def test_person(tmp_path):
    ((person,),) = [sequence.people for sequence in load(write_emdb(tmp_path))]
    assert (person.body, person.gender) == ("smpl", "female")
    assert person.is_valid.tolist() == [True, True, False]
    assert person.global_orient[1] == pytest.approx(TURNED)
    assert person.transl_world[0].tolist() == [0.25, 0.25, 0.25]
    assert person.body_pose.shape == (3, 69)
    assert (person.transl, person.joints) == (None, None)
    assert person.joints_px[2, 15].tolist() == [20.5, 20.5]


@pytest.mark.parametrize(
    ("dataset", "names"),
    [("emdb1", ["P1_01_walk"]), ("emdb2", ["P1_02_run"]), ("emdb", ["P1_01_walk", "P1_02_run"])],
)
def test_benchmarks(tmp_path, dataset, names):
    write_emdb(tmp_path)
    write_emdb(tmp_path, name="P1_02_run", emdb1=False)
    assert [sequence.name for sequence in load(tmp_path, dataset)] == names


def test_no_sequence_of_a_benchmark(tmp_path):
    with pytest.raises(TruthError, match="has 1 sequences, none of them of emdb2"):
        load(write_emdb(tmp_path), "emdb2")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gender": "unknown"}, "gender is 'unknown'"),
        ({"good_frames_mask": np.ones(4)}, r"good_frames_mask has shape \(4,\): expected \(3\)"),
        ({"camera": {}}, r"no field 'extrinsics'; found \[\]"),
        ({"smpl": None}, "no field 'poses_root'; found NoneType"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, changes, message):
    with pytest.raises(TruthError, match=rf"P1_01_walk_data\.pkl: {message}"):
        load(write_emdb(tmp_path, **changes))
