"""Joint names and order of SMPL-X, as the people table's columns use them.

The order is that of the `smplx` package's first 55 joints (Pavlakos et al., "Expressive Body
Capture", CVPR 2019): 22 of the body, jaw and two eyes, 15 of each hand.
"""

from __future__ import annotations

BODY_JOINTS: tuple[str, ...] = (
    "pelvis",
    "left_hip",
    "right_hip",
    "spine1",
    "left_knee",
    "right_knee",
    "spine2",
    "left_ankle",
    "right_ankle",
    "spine3",
    "left_foot",
    "right_foot",
    "neck",
    "left_collar",
    "right_collar",
    "head",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
)
FINGERS: tuple[str, ...] = ("index", "middle", "pinky", "ring", "thumb")


def _hand(side: str) -> tuple[str, ...]:
    return tuple(f"{side}_{finger}{knuckle}" for finger in FINGERS for knuckle in (1, 2, 3))


LEFT_HAND_JOINTS: tuple[str, ...] = _hand("left")
RIGHT_HAND_JOINTS: tuple[str, ...] = _hand("right")

JOINT_NAMES: tuple[str, ...] = BODY_JOINTS + LEFT_HAND_JOINTS + RIGHT_HAND_JOINTS
"""The 52 joints of `joints_3d` and `joints_2d`, in order."""

JOINT_INDICES: tuple[int, ...] = (*range(22), *range(25, 55))
"""Where each of JOINT_NAMES stands among SMPL-X's 55; jaw and eyes (22 to 24) are left out."""

NUM_JOINTS = len(JOINT_NAMES)
