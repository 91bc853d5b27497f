"""Agreement with the reference files, and a measure that cannot look away."""

from dataclasses import replace

import numpy as np
import pytest

from human3r_model.parity import compare_run, measure
from human3r_model.reference_run import OUTPUTS, read_reference, run_reference
from tests.human3r_model.reference import GOLDEN, tiny_model

FILES = ["landscape", "landscape_ttt3r", "portrait_ttt3r", "reset_ttt3r", "sparse"]
TOLERANCE = 1e-4


@pytest.mark.parametrize("name", FILES)
def test_every_output_agrees(name):
    reference = read_reference(GOLDEN / f"{name}.npz")
    model = tiny_model(reference.classifier_bias)
    errors = compare_run(reference, run_reference(model, reference, ttt3r=reference.ttt3r))
    beyond = {error.output: error.worst for error in errors if not error.worst <= TOLERANCE}
    assert not beyond
    compared = {error.output for error in errors}
    assert compared == {"num_people", *OUTPUTS, "steps", "kept_steps", "camera_to_world"}


@pytest.fixture(scope="module")
def sparse():
    """Two steps of a reference file; nobody is in the second."""
    whole = read_reference(GOLDEN / "sparse.npz")
    steps = {index: whole.steps[index] for index in (0, 1)}
    return replace(whole, frames=whole.frames[:2], steps=steps, run={})


def worst(reference):
    model = tiny_model(reference.classifier_bias)
    errors = compare_run(reference, run_reference(model, reference, ttt3r=False))
    return {error.output: error.worst for error in errors}


def with_step(reference, index, **changes):
    outputs = {k: v for k, v in (reference.steps[index] | changes).items() if v is not None}
    return replace(reference, steps={**reference.steps, index: outputs})


def test_an_absent_output_had_nobody_in_it(sparse):
    assert worst(sparse)["num_people"] == 0
    people = {name: None for name in sparse.steps[0] if name.startswith("smpl_")}
    assert worst(with_step(sparse, 0, **people))["num_people"] == np.inf


def test_a_step_that_was_not_stored_claims_nothing(sparse):
    errors = worst(replace(sparse, steps={1: sparse.steps[1]}))
    assert errors["num_people"] == 0
    assert errors["camera_pose"] < TOLERANCE


def test_a_step_that_is_never_run_is_a_mismatch(sparse):
    steps = {**sparse.steps, 2: {"camera_pose": np.zeros(7)}}
    assert worst(replace(sparse, steps=steps))["camera_pose"] == np.inf


def test_other_ids_counts_and_values_are_found(sparse):
    pose = sparse.steps[0]["camera_pose"] + np.float32(1e-3)  # the largest number in it is -1.14
    errors = worst(with_step(sparse, 0, camera_pose=pose, smpl_id=np.array([7])))
    assert errors["camera_pose"] == pytest.approx(1e-3 / 1.14, rel=0.02)
    assert errors["smpl_id"] == np.inf
    assert worst(replace(sparse, run={"steps": np.array(3)}))["steps"] == np.inf


@pytest.mark.parametrize(
    ("output", "ours", "theirs", "expected"),
    [
        ("conf", [1.0, 2.0], [1.0, 2.5], 0.2),  # 0.5 / 2.5
        ("smpl_loc", [0.1], [0.2], 0.1),  # small values: absolute
        ("pts3d_in_self_view", [np.e**5 - 1], [np.e**4 - 1], 0.25),  # (5 - 4) / 4
        ("pts3d_in_self_view", [1 - np.e], [np.e - 1], 2.0),  # the sign counts
        ("smpl_id", [1, 2], [1, 2], 0.0),
        ("smpl_id", [2, 1], [1, 2], np.inf),
        ("conf", [1.0], [1.0, 1.0], np.inf),
        ("conf", [np.nan], [1.0], np.inf),
        ("conf", [1.0], [np.nan], np.inf),
        ("smpl_loc", np.zeros((0, 2)), np.zeros((0, 2)), 0.0),
    ],
)
def test_measure(output, ours, theirs, expected):
    found = measure(output, np.array(ours), np.array(theirs))
    assert found == pytest.approx(expected, abs=1e-12)
