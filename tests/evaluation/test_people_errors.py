import numpy as np
import pytest
import torch

from evaluation.clip_arrays import PeopleRows
from evaluation.people_errors import (
    PairedPeople,
    PairErrors,
    body_samples,
    pair_errors,
    penetration_mm,
)
from evaluation.physics import Plane
from human3r_model.geometry import axis_angle_to_matrix

BODY = np.random.default_rng(0).normal(size=(22, 3))
TIMES_S = np.arange(20) / 30


def pairs(frame, person):
    rows = np.arange(len(frame))
    return PairedPeople(np.array(frame), np.array(person), rows, rows)


def errors(num_pairs):
    known = np.full(num_pairs, 0.5)
    no_skin = np.full(num_pairs, np.nan)
    return PairErrors(known, np.full((num_pairs, 22), 7.0), known, known, no_skin)


def joints_at(frame, step_m=0.2):
    """One pose that travels along x."""
    return BODY + np.asarray(frame)[:, None, None] * [step_m, 0, 0]


def test_unknown_values_are_left_out_not_counted():
    given = errors(2)
    given.head_m[1] = np.nan
    given.joints_mm[1, 3] = np.nan
    world = joints_at([0, 1])
    found = body_samples(given, pairs([0, 1], [0, 0]), world, world, TIMES_S)
    assert found.head_m.tolist() == [0.5]
    assert found.joints_mm.shape == (1, 22)
    assert found.vertices_mm.shape == (0,)


def test_skins_are_compared_around_the_middle_of_the_hips(free_body):
    random = np.random.default_rng(1)

    def person(joint_rotations):
        known = {"head_position": np.array([[0.0, 0, 4]]), "axis_angle": joint_rotations}
        sizes = {"head_px": 2, "box_px": 4, "betas": 10, "expression": 10}
        known |= {name: np.zeros((1, size)) for name, size in sizes.items()}
        no_joints = np.full((1, 22, 3), np.nan)
        return PeopleRows(np.zeros(1, int), np.zeros(1, int), joints=no_joints, **known)

    def skin(people):
        placed = free_body.place(
            axis_angle_to_matrix(torch.from_numpy(people.axis_angle)),
            *(torch.from_numpy(getattr(people, name)) for name in ("betas", "expression")),
            torch.from_numpy(people.head_position),
        )
        vertices, joints = (part[0].double().numpy() for part in (placed.vertices, placed.joints))
        return vertices - (joints[1] + joints[2]) / 2

    pred, true = (person(random.normal(0, 0.4, (1, 53, 3))) for _ in range(2))
    found = pair_errors(pred, true, pairs([0], [0]), free_body)
    by_hand = 1000 * np.linalg.norm(skin(pred) - skin(true), axis=1).mean()
    assert found.vertices_mm == pytest.approx([by_hand])
    assert by_hand > 50


def test_each_person_is_aligned_alone():
    frame, person = [0, 0, 1, 1, 2, 2], [5, 9, 5, 9, 5, 9]
    true = joints_at(frame)
    pred = true.copy()
    pred[1::2] += [0, 0, 3]  # person 9 is 3 m off as a whole
    found = body_samples(errors(6), pairs(frame, person), pred, true, TIMES_S)
    assert found.first_aligned_mm.shape == found.all_aligned_mm.shape == (6,)
    assert found.first_aligned_mm.max() < 1e-9


def test_one_frame_is_no_path():
    world = joints_at([0])
    found = body_samples(errors(1), pairs([0], [0]), world, world, TIMES_S)
    assert len(found.first_aligned_mm) == len(found.root_percent) == len(found.jitter_pred) == 0
    assert len(found.joints_mm) == 1


def test_jitter_does_not_reach_over_a_gap():
    frame = [0, 1, 2, 3, 4, 9, 10, 11]  # runs of 5 and 3 frames
    world = joints_at(frame)
    found = body_samples(errors(8), pairs(frame, [0] * 8), world, world, TIMES_S)
    assert found.jitter_pred.shape == found.jitter_true.shape == (2,)
    assert len(found.first_aligned_mm) == 8


def test_people_who_do_not_travel_are_counted():
    frame = list(range(8))
    stands = np.broadcast_to(BODY, (8, 22, 3))
    found = body_samples(errors(8), pairs(frame, [0] * 8), stands, stands, TIMES_S)
    assert found.num_short_paths == 1
    assert len(found.root_percent) == 0
    assert found.sliding_mm_per_s.tolist() == [0] * 7 * 4  # two ankles and two feet that stand
    walks = body_samples(
        errors(8), pairs(frame, [0] * 8), joints_at(frame), joints_at(frame), TIMES_S
    )
    assert walks.num_short_paths == 0
    assert walks.root_percent == pytest.approx(np.zeros(8), abs=1e-9)


def test_nobody():
    nothing = np.zeros((0, 22, 3))
    found = body_samples(errors(0), pairs([], []), nothing, nothing, TIMES_S)
    assert found.joints_mm.shape == (0, 22)
    assert found.num_short_paths == 0


def test_penetration_looks_at_ankles_and_feet_alone():
    joints = np.zeros((3, 22, 3))
    joints[0, 15] = [0, 9, 0]  # the head, y down
    joints[1, 10] = [0, 1.25, 0]  # the left foot
    joints[2] = np.nan
    found = penetration_mm(joints, Plane(np.array([0.0, -1, 0]), -1.0))
    assert found == pytest.approx([0, 250])
