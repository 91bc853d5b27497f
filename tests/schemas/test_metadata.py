"""A file found alone says what it is and what may be done with it."""

import json
from dataclasses import replace

import pytest

from schemas.metadata import LabelProvenance, table_metadata
from schemas.tables import PEOPLE, TABLES, VIDEOS

TRAINED = LabelProvenance("a" * 64, "896L", False, "b" * 64, "c" * 16, "0.1.0")
UNTRAINED = LabelProvenance("a" * 64, "tiny", True, None, "c" * 16, "0.1.0")


@pytest.mark.parametrize("spec", TABLES.values(), ids=TABLES)
def test_every_table_says_what_it_is(spec):
    metadata = table_metadata(spec, TRAINED)
    assert metadata["h3r.table"] == spec.name
    assert metadata["h3r.schema_version"] == "1"
    assert all(isinstance(text, str) for text in metadata.values())


def test_people_say_their_joint_order_and_frames():
    metadata = table_metadata(PEOPLE, TRAINED)
    assert json.loads(metadata["h3r.body_pose_joints"])[:2] == ["left_hip", "right_hip"]
    assert len(json.loads(metadata["h3r.body_pose_joints"])) == 21
    assert json.loads(metadata["h3r.joint_names"])[15] == "head"
    assert json.loads(metadata["h3r.reference_frames"])["camera"].startswith("The camera of")


def test_published_weights_make_labels_for_research_only():
    metadata = table_metadata(PEOPLE, TRAINED)
    assert "non-commercial research only" in metadata["h3r.label_licence"]
    assert metadata["h3r.is_untrained"] == "false"
    assert metadata["h3r.body_model_sha256"] == "b" * 64


@pytest.mark.parametrize(
    ("preset", "word"), [("nano", "synthetic world"), ("truth", "made by no network")]
)
def test_labels_that_owe_nothing_to_the_published_weights_say_so(preset, word):
    metadata = table_metadata(PEOPLE, replace(TRAINED, model_preset=preset))
    assert word in metadata["h3r.label_licence"]
    assert "non-commercial" not in metadata["h3r.label_licence"]


def test_random_weights_make_no_labels():
    metadata = table_metadata(PEOPLE, UNTRAINED)
    assert metadata["h3r.label_licence"] == "untrained: random weights, not labels"
    assert metadata["h3r.is_untrained"] == "true"
    assert metadata["h3r.body_model_sha256"].startswith("none:")


def test_the_plan_names_no_weights():
    assert "h3r.weights_sha256" not in table_metadata(VIDEOS, None)
