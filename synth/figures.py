"""A body's measures at rest, and the legs that reach where the feet are planted.

Axes are the rest pose's: x to the body's left, y up, z forward; metres. Letters: T frames.
Joints are named by SMPL-X's indices, which `Joint` spells out.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import torch
from numpy.typing import NDArray

from human3r_model.body import NUM_ROTATIONS, BodyModel
from human3r_model.body_file import NUM_EXPRESSIONS
from synth.turns import Floats, about_x, frame

SIDES = (0, 1)  # left, right: where the enumerations below give pairs
SOLE_M = 0.01  # skin that is not higher above the lowest is the sole
PITCHES = np.linspace(-0.45, 1.2, 12)  # of a foot, toes down, radians


class Joint(IntEnum):
    """SMPL-X's joints that motions move by name; the right one of a pair follows the left."""

    PELVIS = 0
    HIP = 1
    SPINE1 = 3
    KNEE = 4
    SPINE2 = 6
    ANKLE = 7
    SPINE3 = 9
    FOOT = 10
    NECK = 12
    COLLAR = 13
    HEAD = 15
    SHOULDER = 16
    ELBOW = 18
    WRIST = 20


@dataclass(frozen=True, eq=False)
class Figure:
    """What of a body's shape its motion depends on.

    Attributes:
        betas: [10].
        joints: [55, 3] at rest, from the pelvis.
        heels: [2, 3] lowest hindmost point of each foot, from its ankle.
        ankle_heights: [2, len(PITCHES)] of each ankle over the ground that its foot, tipped by
            PITCHES, touches with its skin.
        height_m: From sole to crown.
    """

    betas: NDArray[np.float32]
    joints: Floats
    heels: Floats
    ankle_heights: Floats
    height_m: float

    def ankle_height(self, side: int, pitch: Floats) -> Floats:
        """Height [T] of the left (0) or right (1) ankle over the ground its foot touches.

        Args:
            side: Which.
            pitch: [T] of the foot, toes down, radians; the toes themselves stay level.
        """
        return np.interp(pitch, PITCHES, self.ankle_heights[side])


def measure_figure(body: BodyModel, betas: NDArray[np.float32]) -> Figure:
    """Place a body of shape [10] at rest and with tipped feet, and measure it, skin included."""
    num_poses = 1 + len(PITCHES)
    rotations = np.broadcast_to(np.eye(3), (num_poses, NUM_ROTATIONS, 3, 3)).copy()
    for side in SIDES:
        rotations[1:, Joint.ANKLE + side] = about_x(PITCHES)
        rotations[1:, Joint.FOOT + side] = about_x(-np.maximum(PITCHES, 0))
    placed = body.place(
        torch.from_numpy(rotations).float(),
        torch.from_numpy(betas).expand(num_poses, -1),
        torch.zeros(num_poses, NUM_EXPRESSIONS),
        torch.zeros(num_poses, 3),
    )
    joints = placed.joints[0].double().numpy()
    vertices = placed.vertices.double().numpy()
    ankles = joints[Joint.ANKLE : Joint.ANKLE + 2]
    heels, heights = np.zeros((2, 3)), np.zeros((2, len(PITCHES)))
    for side in SIDES:
        half = vertices[:, np.sign(vertices[0, :, 0]) == (1, -1)[side]]
        heights[side] = ankles[side, 1] - half[1:, :, 1].min(1)
        sole = half[0][half[0, :, 1] < half[0, :, 1].min() + SOLE_M]
        heels[side, 1:] = np.array([half[0, :, 1].min(), sole[:, 2].min()]) - ankles[side, 1:]
    return Figure(
        betas=betas,
        joints=joints - joints[Joint.PELVIS],
        heels=heels,
        ankle_heights=heights,
        height_m=float(np.ptp(vertices[0, :, 1])),
    )


@dataclass(frozen=True, eq=False)
class Leg:
    """Two bones and a hinge, at rest.

    The distance d from hip to ankle depends on the knee's flexion a, a turn of the shank about x,
    by d^2 = constant + along cos(a) + across sin(a): the law of cosines of two bones in space.

    Attributes:
        thigh: [3] from hip to knee.
        shank: [3] from knee to ankle.
    """

    thigh: Floats
    shank: Floats

    @property
    def along(self) -> float:
        """Factor of cos(a), metres squared."""
        return float(2 * self.thigh[1:] @ self.shank[1:])

    @property
    def across(self) -> float:
        """Factor of sin(a), metres squared."""
        return float(2 * (self.thigh[2] * self.shank[1] - self.thigh[1] * self.shank[2]))

    @property
    def constant(self) -> float:
        """What the flexion does not change, metres squared."""
        bones = self.thigh @ self.thigh + self.shank @ self.shank
        return float(bones + 2 * self.thigh[0] * self.shank[0])

    @property
    def longest_m(self) -> float:
        """Distance from hip to ankle of the straight leg."""
        return float(np.sqrt(self.constant + np.hypot(self.along, self.across)))


def leg_of(figure: Figure, side: int) -> Leg:
    """The left (0) or right (1) leg of a figure."""
    hip, knee, ankle = (figure.joints[j + side] for j in (Joint.HIP, Joint.KNEE, Joint.ANKLE))
    return Leg(thigh=knee - hip, shank=ankle - knee)


def reach(leg: Leg, reach_m: Floats, lateral: Floats) -> tuple[Floats, Floats]:
    """Turn hip and bend knee so that the ankle is where it shall be; knees bend forward.

    Args:
        leg: Whose.
        reach_m: [T, 3] from hip to ankle; what is too far is reached for.
        lateral: [T, 3] about where the knee's axis points, to the body's left.

    Returns:
        [T, 3, 3] the thigh's rotation in the axes of `reach_m`, and the knee's own [T, 3, 3].
    """
    square = (reach_m**2).sum(-1) - leg.constant
    ratio = np.clip(square / np.hypot(leg.along, leg.across), -1, 1)
    knee = about_x(np.arctan2(leg.across, leg.along) + np.arccos(ratio))
    rest_reach = leg.thigh + knee @ leg.shank
    rest_frame = frame(rest_reach, np.broadcast_to([1.0, 0, 0], rest_reach.shape))
    return frame(reach_m, lateral) @ rest_frame.swapaxes(-1, -2), knee
