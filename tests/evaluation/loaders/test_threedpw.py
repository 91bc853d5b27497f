"""3DPW: world-to-camera poses are inverted, people turned into the camera's frame."""

import numpy as np
import pytest

from evaluation.loaders.errors import TruthError
from evaluation.loaders.load import load
from tests.evaluation.loaders.tiny_truths import (
    TURNED,
    WORLD_FROM_CAMERA,
    threedpw_fields,
    write_pickle,
    write_threedpw,
)


def test_sequence_and_camera(tmp_path):
    (sequence,) = load(write_threedpw(tmp_path))
    assert (sequence.dataset, sequence.name) == ("3dpw", "walk_00")
    assert (sequence.width, sequence.height) == (64, 48)
    assert sequence.times_s.tolist() == pytest.approx([0, 1 / 30, 2 / 30])
    assert sequence.image_paths[2] == tmp_path / "imageFiles/walk_00/image_00002.jpg"
    assert sequence.world_from_camera[1] == pytest.approx(np.array(WORLD_FROM_CAMERA))
    assert sequence.intrinsics[2].tolist() == [600, 610, 31, 23]


def test_people(tmp_path):
    (sequence,) = load(write_threedpw(tmp_path))
    first, second = sequence.people
    assert [(p.name, p.body, p.gender) for p in (first, second)] == [
        ("0", "smpl", "male"),
        ("1", "smpl", "female"),
    ]
    assert first.is_valid.tolist() == [True, False, True]
    assert first.global_orient[2] == pytest.approx(TURNED)
    assert first.global_orient_world.tolist() == [[0, 0, 0]] * 3
    assert first.body_pose.shape == (3, 69)
    assert first.betas[1].tolist() == list(range(10))
    assert (first.transl, first.transl_world.tolist()) == (None, [[0.25] * 3] * 3)
    # The head at (3, 0.5, 1): 5 m before a camera at x = -2 that looks along x, 1 m to its left.
    assert first.joints[0, 15] == pytest.approx([-1, 0.5, 5])


@pytest.mark.parametrize("part", ["sequenceFiles", "sequenceFiles/test/walk_00.pkl"])
def test_a_part_can_be_named(tmp_path, part):
    (sequence,) = load(write_threedpw(tmp_path) / part)
    assert sequence.name == "walk_00"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cam_poses": np.zeros((3, 4, 4))}, r"cam_poses\[0\] is not a rigid pose"),
        ({"cam_poses": np.diag([-1.0, 1, 1, 1])[None]}, r"cam_poses\[0\] is not a rigid pose"),
        ({"cam_poses": np.zeros((0, 4, 4))}, "cam_poses is empty"),
        ({"cam_intrinsics": np.full((3, 3), np.nan)}, "cam_intrinsics has 9 numbers not finite"),
        ({"genders": ["m", "x"]}, r"genders\[1\] is 'x': expected one of male"),
        ({"trans": [np.zeros((3, 3))]}, "trans has 1 people: expected 2 or more"),
        ({"poses": [np.zeros((2, 72))]}, r"poses\[0\] has shape \(2, 72\): expected \(3, 72\)"),
        ({"betas": ["a", "b"]}, r"betas\[0\] is not an array of numbers"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, changes, message):
    with pytest.raises(TruthError, match=rf"walk_00\.pkl: {message}"):
        load(write_threedpw(tmp_path, **changes))


def test_missing_picture(tmp_path):
    write_threedpw(tmp_path)
    (tmp_path / "imageFiles/walk_00/image_00000.jpg").unlink()
    with pytest.raises(TruthError, match=r"image_00000\.jpg: not a picture that can be read"):
        load(tmp_path)


def test_missing_field(tmp_path):
    fields = threedpw_fields()
    del fields["campose_valid"]
    write_threedpw(tmp_path)
    write_pickle(tmp_path / "sequenceFiles/test/walk_00.pkl", fields)
    with pytest.raises(TruthError, match=r"no field 'campose_valid'; found .*'betas', 'cam_int"):
        load(tmp_path)
