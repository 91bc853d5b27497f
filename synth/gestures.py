"""What spine, head, arms and hands do: angles of anatomy turned into SMPL-X's rotations.

Axes are the rest pose's: x to the body's left, y up, z forward; radians. Letters: T frames.
"""

from dataclasses import dataclass

import numpy as np

from synth.figures import Figure, Joint
from synth.turns import Floats, about, about_x, about_y, about_z, frame, unit

DOWN = np.array([0.0, -1.0, 0.0])
FIRST_FINGERS = (22, 37)  # where each hand starts among the 53 rotations
INDEX, MIDDLE, PINKY = 25, 28, 31  # first knuckles among the 55 joints, left
KNUCKLES_A_HAND = 15
CURLED = 12  # knuckles of a hand, thumb left out


@dataclass(frozen=True, eq=False)
class ArmPose:
    """One arm's angles, each [T]; all 0 is hanging straight down, palm to the thigh.

    Attributes:
        forward: Upper arm lifted to the front.
        outward: Upper arm lifted to the side.
        roll: Upper arm turned about itself, so that a bent forearm swings outwards.
        elbow: Flexion.
        twist: Forearm turned about itself, the palm to the back.
    """

    forward: Floats
    outward: Floats
    roll: Floats
    elbow: Floats
    twist: Floats


@dataclass(frozen=True, eq=False)
class TrunkPose:
    """Angles of spine and head, each [T], over the pelvis.

    Attributes:
        bend: Forward.
        side: To the right.
        turn: To the left.
        head_turn: To the left, over the chest.
        head_nod: Forward, over the chest.
    """

    bend: Floats
    side: Floats
    turn: Floats
    head_turn: Floats
    head_nod: Floats


def mix_arms(share: Floats, first: ArmPose, second: ArmPose) -> ArmPose:
    """`first` where share [T] is 0, `second` where it is 1."""
    return ArmPose(
        *(
            (1 - share) * getattr(first, name) + share * getattr(second, name)
            for name in ("forward", "outward", "roll", "elbow", "twist")
        )
    )


def set_trunk(rotations: Floats, pose: TrunkPose) -> None:
    """Fill in spine, neck and head of [T, 53, 3, 3] local rotations."""
    third = about_y(pose.turn / 3) @ about_z(pose.side / 3) @ about_x(pose.bend / 3)
    for joint in (Joint.SPINE1, Joint.SPINE2, Joint.SPINE3):
        rotations[:, joint] = third
    half = about_y(pose.head_turn / 2) @ about_x(pose.head_nod / 2)
    rotations[:, Joint.NECK] = half
    rotations[:, Joint.HEAD] = half


def set_arm(rotations: Floats, figure: Figure, side: int, pose: ArmPose) -> None:
    """Fill in the left (0) or right (1) arm of [T, 53, 3, 3] local rotations."""
    outward = (1, -1)[side]
    upper, fore, palm = _arm_at_rest(figure, side)
    hinge = unit(np.cross(upper, fore))
    straight = about(hinge, -np.arctan2(np.linalg.norm(np.cross(upper, fore)), upper @ fore))
    hang = frame(DOWN, np.array([-1.0, 0, 0])) @ frame(upper, hinge).T
    hanging_palm = hang @ straight @ palm
    # Turn about the forearm that brings the palm to the thigh.
    to_thigh = np.arctan2(-outward * hanging_palm[2], -outward * hanging_palm[0])
    lift = about_z(outward * pose.outward) @ about_x(-pose.forward)
    rotations[:, Joint.SHOULDER + side] = lift @ about_y(outward * pose.roll) @ hang
    twist = about(fore, outward * pose.twist - to_thigh)
    rotations[:, Joint.ELBOW + side] = about(hinge, pose.elbow) @ straight @ twist


def set_fingers(rotations: Floats, figure: Figure, side: int, curl: float) -> None:
    """Bend every knuckle but the thumb's by `curl` towards the palm."""
    index, pinky = _knuckles(figure, side, INDEX, PINKY)
    towards_pinky = (pinky - index) * (1, -1)[side]
    start = FIRST_FINGERS[side]
    rotations[:, start : start + CURLED] = about(towards_pinky, curl)


def _arm_at_rest(figure: Figure, side: int) -> tuple[Floats, Floats, Floats]:
    """Upper arm and forearm, and a unit normal [3] of the palm, outwards."""
    shoulder, elbow, wrist = (
        figure.joints[j + side] for j in (Joint.SHOULDER, Joint.ELBOW, Joint.WRIST)
    )
    index, pinky, middle = _knuckles(figure, side, INDEX, PINKY, MIDDLE)
    normal = np.cross(middle - wrist, pinky - index) * (-1, 1)[side]
    return elbow - shoulder, unit(wrist - elbow), unit(normal)


def _knuckles(figure: Figure, side: int, *left: int) -> list[Floats]:
    """Joints of the hand, given as the left one's."""
    return [figure.joints[joint + side * KNUCKLES_A_HAND] for joint in left]
