"""RICH: one sequence a camera, bodies of the multi-camera frame turned into each camera's."""

from dataclasses import replace

import numpy as np
import pytest

from evaluation.loaders.errors import TruthError
from evaluation.loaders.load import load
from evaluation.loaders.true_bodies import BodyFolder
from evaluation.loaders.true_rows import find_people
from tests.conftest import FREE_BODY
from tests.evaluation.loaders.tiny_truths import (
    TURNED,
    WORLD_FROM_CAMERA,
    write_picture,
    write_rich,
)


def test_sequence(tmp_path):
    (sequence,) = load(write_rich(tmp_path))
    assert (sequence.dataset, sequence.name) == ("rich", "Gym_010_dips1_cam_01")
    assert sequence.frame_names == ("00009_01.bmp", "00010_01.bmp", "00011_01.bmp")
    assert sequence.times_s.tolist() == pytest.approx([0, 1 / 30, 2 / 30])
    assert (sequence.width, sequence.height) == (64, 48)
    assert sequence.world_from_camera[2] == pytest.approx(np.array(WORLD_FROM_CAMERA))
    assert sequence.intrinsics[0].tolist() == [600, 610, 31, 23]


def test_person_is_found_by_the_number_of_the_picture(tmp_path):
    ((person,),) = [sequence.people for sequence in load(write_rich(tmp_path))]
    assert (person.name, person.body, person.gender) == ("010", "smplx", "female")
    assert person.frame.tolist() == [1, 2]
    assert person.body_pose[:, 0] == pytest.approx([0.10, 0.11])
    assert person.global_orient[0] == pytest.approx(TURNED)
    assert person.transl_world[1].tolist() == [0.25, 0.25, 0.25]
    assert person.hand_pose is None


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for gender in ("NEUTRAL", "FEMALE"):
        (folder / f"SMPLX_{gender}.npz").symlink_to(FREE_BODY)
    return BodyFolder(folder)


def test_somebody_may_be_in_a_picture_without_bodies(tmp_path, models):
    (sequence,) = load(write_rich(tmp_path))
    wide = replace(sequence, intrinsics=np.tile([10.0, 10, 31, 23], (3, 1)))
    people = find_people(wide, models, 64, 48)
    assert people.frame.tolist() == [0, 1, 2]
    assert people.is_valid.tolist() == [False, True, True]
    assert np.isfinite(people.head_px[:, 0]).tolist() == [False, True, True]


def test_somebody_whose_bodies_are_of_no_picture_may_be_in_all(tmp_path, models):
    bodies = write_rich(tmp_path) / "bodies/test/Gym_010_dips1"
    for number in (10, 11):
        (bodies / f"{number:05d}").rename(bodies / f"{number + 90:05d}")
    (sequence,) = load(tmp_path)
    people = find_people(sequence, models, 64, 48)
    assert people.frame.tolist() == [0, 1, 2]
    assert not people.is_valid.any()


@pytest.mark.parametrize("part", ["bodies/test", "bodies/test/Gym_010_dips1"])
def test_a_part_can_be_named(tmp_path, part):
    assert len(load(write_rich(tmp_path) / part)) == 1


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("scan_calibration/Gym/calibration/001.xml", "<a/>", "CameraMatrix/data has 0 numbers"),
        ("scan_calibration/Gym/calibration/001.xml", "<a", "not a calibration in XML"),
        ("gender.json", "{}", r"no field '10'; found \[\]"),
        ("gender.json", "no", "not readable .* resource/gender.json of the toolkit"),
    ],
)
def test_damaged_files_are_named(tmp_path, file, content, message):
    write_rich(tmp_path)
    (tmp_path / file).write_text(content)
    with pytest.raises(TruthError, match=rf"{file}: {message}"):
        load(tmp_path)


def test_missing_calibration_of_a_camera(tmp_path):
    write_rich(tmp_path)
    write_picture(tmp_path / "images/test/Gym_010_dips1/cam_03/00010_03.bmp")
    with pytest.raises(TruthError, match=r"003\.xml: no calibration; found 001\.xml"):
        load(tmp_path)


def test_missing_pictures(tmp_path):
    write_rich(tmp_path)
    (tmp_path / "images").rename(tmp_path / "pictures")
    with pytest.raises(TruthError, match="expected folders cam_00 and on; nothing is there"):
        load(tmp_path)
