"""Arms, hands and trunk, from angles to joints."""

import numpy as np
import pytest
import torch

from synth.figures import Joint, measure_figure
from synth.gestures import ArmPose, TrunkPose, mix_arms, set_arm, set_fingers, set_trunk

PALM_INDEX, PALM_PINKY, TIP = 25, 31, 30  # left: index 1, pinky 1, middle 3
QUARTER = np.pi / 2


@pytest.fixture(scope="module")
def figure(free_body):
    return measure_figure(free_body, np.zeros(10, np.float32))


def arm(**angles):
    names = ("forward", "outward", "roll", "elbow", "twist")
    return ArmPose(**{name: np.array([angles.get(name, 0.0)]) for name in names})


def at_rest():
    return np.broadcast_to(np.eye(3), (1, 53, 3, 3)).copy()


def joints_of(body, rotations):
    placed = body.place_skeletons(
        torch.from_numpy(rotations).float(), torch.zeros(1, 10), torch.zeros(1, 10),
        torch.zeros(1, 3),
    )  # fmt: skip
    return placed.joints[0].double().numpy()


def arm_joints(body, figure, side, pose):
    rotations = at_rest()
    set_arm(rotations, figure, side, pose)
    return joints_of(body, rotations)


def direction(joints, start, end):
    difference = joints[end] - joints[start]
    return difference / np.linalg.norm(difference)


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(
    ("angles", "upper", "fore"),  # of a left arm; the right one's are its mirror image
    [
        ({}, (0, -1, 0), (0, -1, 0)),
        ({"forward": QUARTER}, (0, 0, 1), (0, 0, 1)),
        ({"outward": QUARTER}, (1, 0, 0), (1, 0, 0)),
        ({"elbow": QUARTER}, (0, -1, 0), (0, 0, 1)),
        ({"elbow": QUARTER, "roll": QUARTER}, (0, -1, 0), (1, 0, 0)),
        ({"outward": QUARTER, "roll": QUARTER, "elbow": QUARTER}, (1, 0, 0), (0, 1, 0)),
    ],
)
def test_an_arm_points_where_its_angles_say(free_body, figure, side, angles, upper, fore):
    joints = arm_joints(free_body, figure, side, arm(**angles))
    mirror = np.array([(1, -1)[side], 1, 1])
    shoulder, elbow, wrist = (j + side for j in (Joint.SHOULDER, Joint.ELBOW, Joint.WRIST))
    np.testing.assert_allclose(direction(joints, shoulder, elbow) * mirror, upper, atol=1e-3)
    np.testing.assert_allclose(direction(joints, elbow, wrist) * mirror, fore, atol=1e-3)


@pytest.mark.parametrize(("twist", "index_is"), [(0.0, (0, 0, 1)), (QUARTER, (-1, 0, 0))])
def test_thumbs_are_in_front_of_hanging_hands_until_they_twist(free_body, figure, twist, index_is):
    joints = arm_joints(free_body, figure, 0, arm(twist=twist))
    across = direction(joints, PALM_PINKY, PALM_INDEX)
    assert across @ np.array(index_is) > 0.9


@pytest.mark.parametrize(("side", "inwards"), [(0, -1), (1, 1)])
def test_fingers_curl_towards_the_thigh(free_body, figure, side, inwards):
    tips = []
    for curl in (0.0, 0.4):
        rotations = at_rest()
        set_arm(rotations, figure, side, arm())
        set_fingers(rotations, figure, side, curl)
        tips.append(joints_of(free_body, rotations)[TIP + 15 * side])
    assert (tips[1] - tips[0])[0] * inwards > 0.01


def test_a_trunk_bends_and_turns_by_its_angles(free_body):
    rotations = at_rest()
    zero = np.zeros(1)
    pose = TrunkPose(bend=zero, side=zero, turn=zero + 0.6, head_turn=zero + 0.3, head_nod=zero)
    set_trunk(rotations, pose)
    joints = joints_of(free_body, rotations)
    across = direction(joints, Joint.SHOULDER + 1, Joint.SHOULDER)
    np.testing.assert_allclose(across, [np.cos(0.6), 0, -np.sin(0.6)], atol=1e-3)
    eyes = direction(joints, 24, 23)
    np.testing.assert_allclose(eyes, [np.cos(0.9), 0, -np.sin(0.9)], atol=1e-3)


def test_mixed_arms_are_between_the_two():
    mixed = mix_arms(np.array([0.25]), arm(elbow=1.0), arm(elbow=2.0, twist=0.4))
    assert (mixed.elbow[0], mixed.twist[0]) == pytest.approx((1.25, 0.1))
