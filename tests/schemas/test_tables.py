"""The declarations themselves: complete, and true of what they say."""

import pytest

from schemas.fields import NO_UNIT
from schemas.joints import JOINT_INDICES, JOINT_NAMES
from schemas.reference_frames import NO_FRAME, REFERENCE_FRAMES
from schemas.tables import CLIPS, FRAMES, PEOPLE, TABLES, TRACKS
from schemas.tables.tracks import quality_tier

UNITS = {"m", "rad", "s", "px", "px/px", "frame", "byte", "deg", "1/s", "m/s^3", "time base"}


@pytest.mark.parametrize("spec", TABLES.values(), ids=TABLES)
def test_every_column_is_described(spec):
    for field in spec.fields:
        assert field.doc.endswith((".", "none.")), field.name
        assert "|" not in field.doc, field.name
        assert field.unit in UNITS | {NO_UNIT}, field.name
        assert field.frame in REFERENCE_FRAMES.keys() | {NO_FRAME}, field.name


@pytest.mark.parametrize("spec", TABLES.values(), ids=TABLES)
def test_columns_and_keys_are_named_once(spec):
    names = spec.column_names
    assert len(set(names)) == len(names)
    assert set(spec.key) <= set(names)
    for rule in spec.row_rules:
        assert set(rule.columns) <= set(names), rule.text


@pytest.mark.parametrize(
    ("spec", "name", "type_text"),
    [
        (PEOPLE, "body_pose", "fixed_size_list<element: float>[63]"),
        (PEOPLE, "joints_3d", "fixed_size_list<element: float>[156]"),
        (PEOPLE, "joints_2d", "fixed_size_list<element: float>[104]"),
        (FRAMES, "camera_rotation", "fixed_size_list<element: float>[4]"),
        (CLIPS, "world_from_clip", "fixed_size_list<element: double>[16]"),
        (TRACKS, "quality_tier", "string"),
    ],
)
def test_types(spec, name, type_text):
    assert str(spec.field(name).type) == type_text


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(KeyError, match="table 'tracks' has no column 'body_pose'"):
        TRACKS.field("body_pose")


def test_joints_are_those_of_smplx():
    """Names and order: smplx.joint_names.JOINT_NAMES of the smplx package, 0.1.28."""
    assert len(JOINT_NAMES) == len(JOINT_INDICES) == 52
    names = dict(zip(JOINT_INDICES, JOINT_NAMES, strict=True))
    assert names[0] == "pelvis"
    assert names[15] == "head"
    assert names[21] == "right_wrist"
    assert names[25] == "left_index1"
    assert names[31] == "left_pinky1"
    assert names[39] == "left_thumb3"
    assert names[40] == "right_index1"
    assert names[54] == "right_thumb3"


TRACK = {
    "mean_score": 0.9,
    "num_frames": 20,
    "num_gaps": 0,
    "num_truncated": 0,
    "num_non_finite": 0,
}


@pytest.mark.parametrize(
    ("change", "tier"),
    [
        ({}, "A"),
        ({"mean_score": 0.7}, "A"),
        ({"num_truncated": 2}, "A"),
        ({"mean_score": 0.69}, "B"),
        ({"num_truncated": 3}, "B"),
        ({"num_gaps": 1}, "B"),
        ({"num_gaps": 5}, "B"),
        ({"num_gaps": 6}, "C"),
        ({"mean_score": 0.49}, "C"),
        ({"num_frames": 7}, "C"),
        ({"num_non_finite": 1}, "C"),
    ],
)
def test_quality_tier(change, tier):
    assert quality_tier(**TRACK | change) == tier
