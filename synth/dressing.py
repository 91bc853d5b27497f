"""Dresses a body: a colour for every face of its mesh, from skin, hair and clothes drawn.

Regions come from the joint that moves a face most and from where the face is at rest, in the rest
pose's axes (x to the left, y up, z forward, metres from the mean shape's pelvis). Places look at
|x|, so left and right are alike. Colours are linear RGB in [0, 1]. Letters: F faces.
"""

import functools
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from human3r_model.body import NUM_ROTATIONS, BodyModel
from human3r_model.body_file import NUM_EXPRESSIONS, NUM_SHAPES
from synth.figures import Joint
from synth.turns import Floats

Mask = NDArray[np.bool_]

FAIREST, DARKEST = np.array([0.72, 0.47, 0.36]), np.array([0.07, 0.035, 0.02])
HAIR_COLOURS = np.array(
    [
        [0.008, 0.007, 0.006],
        [0.040, 0.020, 0.010],
        [0.120, 0.055, 0.022],
        [0.420, 0.280, 0.110],
        [0.280, 0.080, 0.025],
        [0.450, 0.440, 0.430],
    ]
)
EYE = np.array([0.02, 0.02, 0.025])
LIPS = np.array([0.75, 0.38, 0.38])  # factors on the skin's colour
LIDS = 0.45
EYES = (23, 24)
FACE_JOINTS = (Joint.HEAD, 22, *EYES)
FINGERS = range(25, 55)
SHARE_OF_GREY_CLOTHES = 0.35


@dataclass(frozen=True, eq=False)
class Regions:
    """Where the faces of a mesh are.

    Attributes:
        joints: [F] the joint that moves each face most.
        x: [F] to either side, at rest.
        y: [F] up.
        z: [F] forward.
    """

    joints: NDArray[np.int64]
    x: Floats
    y: Floats
    z: Floats

    def of(self, *joints: int) -> Mask:
        """Faces [F] that one of these joints moves most."""
        return np.isin(self.joints, joints)

    def pair(self, *joints: Joint) -> Mask:
        """Faces [F] of these joints of the left side and of their twins."""
        return self.of(*joints, *(joint + 1 for joint in joints))


def sample_face_colours(rng: np.random.Generator, body: BodyModel) -> NDArray[np.float32]:
    """Draw skin, hair, shirt, trousers and shoes, and colour every face [F, 3] with them."""
    regions = _regions(body)
    colours = np.empty((len(body.faces), 3))
    skin = _mix(FAIREST, DARKEST, rng.beta(1.0, 1.3)) * rng.uniform(0.9, 1.1, 3)
    colours[:] = skin
    _wear_trousers(rng, colours, regions)
    _wear_shirt(rng, colours, regions)
    _wear_shoes(rng, colours, regions)
    _make_face(rng, colours, regions, skin)
    return np.clip(colours, 0, 1).astype(np.float32)


@functools.cache
def face_middles(body: BodyModel) -> Floats:
    """Middles [F, 3] of the faces at rest, metres left, up and forward of the pelvis."""
    at_rest = body.place(
        torch.eye(3).expand(1, NUM_ROTATIONS, 3, 3),
        torch.zeros(1, NUM_SHAPES),
        torch.zeros(1, NUM_EXPRESSIONS),
        torch.zeros(1, 3),
    )
    vertices = (at_rest.vertices - at_rest.joints[:, :1])[0].cpu().double().numpy()
    middles = vertices[body.faces].mean(1)
    middles.setflags(write=False)
    return middles


@functools.cache
def _regions(body: BodyModel) -> Regions:
    x, y, z = face_middles(body).T
    joints = body.leading_joints[body.faces[:, 0]]
    return Regions(joints=joints, x=np.abs(x), y=y, z=z)


def _wear_trousers(rng: np.random.Generator, colours: Floats, regions: Regions) -> None:
    """Long ones or shorts."""
    cuff_y = rng.uniform(-0.45, -0.25) if rng.random() < 0.25 else -0.86
    legs = regions.pair(Joint.HIP, Joint.KNEE) | regions.of(Joint.PELVIS, Joint.SPINE1)
    _cover(rng, colours, regions, legs & (regions.y > cuff_y))


def _wear_shirt(rng: np.random.Generator, colours: Floats, regions: Regions) -> None:
    """Down to a hem, with sleeves of any length, and perhaps a print on the chest."""
    sleeve = rng.choice([0.17, rng.uniform(0.26, 0.42), 0.64], p=[0.1, 0.45, 0.45])
    hem_y = rng.uniform(-0.1, 0.1)
    trunk = regions.of(Joint.PELVIS, Joint.SPINE1, Joint.SPINE2, Joint.SPINE3)
    trunk |= regions.pair(Joint.COLLAR, Joint.HIP)
    arms = regions.pair(Joint.SHOULDER, Joint.ELBOW, Joint.WRIST)
    worn = (trunk & (regions.y > hem_y)) | (arms & (regions.x < sleeve))
    _cover(rng, colours, regions, worn)
    if rng.random() < 0.4:
        width_m, top_y = rng.uniform(0.04, 0.12), rng.uniform(0.36, 0.46)
        on_chest = (regions.x < width_m) & (regions.z > 0) & (regions.y < top_y)
        print_bottom = regions.y > top_y - rng.uniform(0.08, 0.25)
        colours[worn & on_chest & print_bottom] = _cloth_colour(rng)


def _wear_shoes(rng: np.random.Generator, colours: Floats, regions: Regions) -> None:
    """Low ones, or boots."""
    top_y = rng.choice([-0.9, rng.uniform(-0.85, -0.7)], p=[0.7, 0.3])
    feet = regions.pair(Joint.KNEE, Joint.ANKLE, Joint.FOOT) & (regions.y < top_y)
    colours[feet] = _cloth_colour(rng) * 0.7
    colours[feet & (regions.y < -0.958)] = _cloth_colour(rng)  # the sole


def _make_face(rng: np.random.Generator, colours: Floats, regions: Regions, skin: Floats) -> None:
    """Hair to the back and the top, dark eyes and a mouth to the front."""
    hair = HAIR_COLOURS[rng.integers(len(HAIR_COLOURS))] * rng.uniform(0.8, 1.2)
    x, y, z = regions.x, regions.y, regions.z
    head = regions.of(*FACE_JOINTS)
    style = rng.choice(["bald", "crown", "short", "long"], p=[0.1, 0.1, 0.5, 0.3])
    line_y = 0.69 + rng.uniform(0.9, 1.15) * np.maximum(z, -0.01)
    if style == "crown":
        colours[head & (y > line_y) & (y < 0.775)] = hair
    if style in ("short", "long"):
        colours[head & (y > line_y)] = hair
    if style == "long":
        ends_y = rng.uniform(0.45, 0.62)
        behind = regions.of(Joint.NECK, Joint.SPINE3) | regions.pair(Joint.COLLAR) | head
        colours[behind & (z < 0.015) & (x < 0.1) & (y > ends_y)] = hair
    front = head & (z > 0.06)
    if rng.random() < 0.2:
        colours[front & (y < 0.67)] = hair
    beside_eye, above_eye = np.abs(x - 0.031), y - 0.722
    colours[front & (beside_eye < 0.02) & (np.abs(above_eye) < 0.012)] = LIDS * skin
    colours[front & (beside_eye < 0.022) & (np.abs(above_eye - 0.021) < 0.005)] = hair
    colours[front & (x < 0.026) & (np.abs(y - 0.648) < 0.009)] = LIPS * skin
    colours[regions.of(*EYES)] = EYE


def _cover(rng: np.random.Generator, colours: Floats, regions: Regions, worn: Mask) -> None:
    """Colour the faces `worn` in one cloth, plain or patterned."""
    first, second = _cloth_colour(rng), _cloth_colour(rng)
    period_m = rng.uniform(0.04, 0.16)
    share = _pattern(rng, regions, period_m)
    colours[worn] = _mix(first, second, share[worn, None])


def _pattern(rng: np.random.Generator, regions: Regions, period_m: float) -> Floats:
    """Share [F] of a cloth's second colour: plain, stripes, checks or blotches."""
    across = np.floor(2 * regions.x / period_m)
    up = np.floor(2 * regions.y / period_m)
    kind = rng.choice(
        ["plain", "hoops", "stripes", "checks", "blotches"], p=[0.5, 0.15, 0.1, 0.1, 0.15]
    )
    if kind == "hoops":
        return up % 2
    if kind == "stripes":
        return across % 2
    if kind == "checks":
        return (up + across) % 2
    if kind == "blotches":
        cells = np.stack([across, up, np.floor(2 * regions.z / period_m)], -1)
        _, cell = np.unique(cells, axis=0, return_inverse=True)
        return rng.random(len(cells))[cell]
    return np.zeros(len(up))


def _cloth_colour(rng: np.random.Generator) -> Floats:
    """Grey from black to white, or a hue."""
    value = rng.uniform(0.01, 0.85) ** 1.5
    if rng.random() < SHARE_OF_GREY_CLOTHES:
        return np.full(3, value)
    tint = rng.random(3)
    return np.clip(value * 1.5 * tint / tint.max(), 0, 0.9)


def _mix(first: Floats, second: Floats, share: float | Floats) -> Floats:
    """`first` where the share is 0, `second` where it is 1, evenly to the eye."""
    return np.exp((1 - share) * np.log(first + 0.005) + share * np.log(second + 0.005))
