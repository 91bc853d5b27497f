"""Draws whole shots: who is where, doing what, seen by which camera, in which light."""

from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from human3r_model.body import BodyModel
from synth.cameras import CameraKind, sample_camera
from synth.motions import MOTIONS, sample_actor
from synth.places import PlaceKind, sample_place
from synth.values import Actor, CameraPath, Look, Place, Shot

Kind = TypeVar("Kind", bound=str)

PLACE_SHARES: dict[PlaceKind, float] = {"room": 0.6, "street": 0.4}
CAMERA_SHARES: dict[CameraKind, float] = {
    "static": 0.25,
    "pan": 0.2,
    "handheld": 0.3,
    "orbit": 0.25,
}
MAX_NOISE = 0.03
BLURRED_SHARE = 0.25
MAX_SHUTTER = 0.6
EXPOSURE_SPREAD = 0.25  # standard deviation of the exposure's natural logarithm
BORDER_SHARE = 0.96  # of half the picture: where the head in a border shot comes to lie


def sample_shot(
    rng: np.random.Generator,
    body: BodyModel,
    *,
    width: int,
    height: int,
    times_s: NDArray[np.float64],
    num_people: int,
    place: Place | PlaceKind | None = None,
    camera: CameraPath | CameraKind | None = None,
) -> Shot:
    """Draw a shot.

    Args:
        rng: Where everything random comes from.
        body: Whom the people are made of.
        width: Of the picture, pixels.
        height: Likewise.
        times_s: [T] increasing.
        num_people: In the place; not all of them need be seen.
        place: A place, or the kind to draw; None draws the kind too.
        camera: Likewise.
    """
    if place is None:
        place = draw_kind(rng, PLACE_SHARES)
    if not isinstance(place, Place):
        place = sample_place(rng, place)
    actors: tuple[Actor, ...] = ()
    for _ in range(num_people):
        motion = MOTIONS[rng.integers(len(MOTIONS))]
        actor = sample_actor(rng, body, place.free_area, times_s, motion, others=actors)
        actors = (*actors, actor)
    if camera is None:
        camera = draw_kind(rng, CAMERA_SHARES)
    if not isinstance(camera, CameraPath):
        camera = sample_camera(rng, camera, place, actors, times_s, width, height)
    return Shot(times_s, place, actors, camera, sample_look(rng))


def sample_look(rng: np.random.Generator) -> Look:
    """Draw a sensor: exposure around 1, noise up to 0.03, sharp three times out of four."""
    exposure = float(np.exp(rng.normal(0.0, EXPOSURE_SPREAD)))
    noise = float(rng.uniform(0.0, MAX_NOISE))
    is_blurred = bool(rng.random() < BLURRED_SHARE)
    shutter = float(rng.uniform(0.2, MAX_SHUTTER)) if is_blurred else 0.0
    return Look(exposure, noise, shutter, seed=int(rng.integers(2**31)))


def turn_aside(rng: np.random.Generator, shot: Shot) -> Shot:
    """Turn the camera left or right, so that halfway somebody's head is at the picture's border.

    It is the nearest whose head is then in the picture; a shot without one stays as it is.
    """
    camera, middle = shot.camera, len(shot.times_s) // 2
    pose = camera.world_from_camera[middle]
    heads = np.array([actor.head_position[middle] for actor in shot.actors]).reshape(-1, 3)
    x, y, z = ((heads - pose[:3, 3]) @ pose[:3, :3]).T  # [A] each, camera
    border = np.arctan(BORDER_SHARE * 0.5 * camera.width / camera.focal_px)
    distance = np.hypot(x, z)
    rise_px = camera.focal_px * y / (distance * np.cos(border))
    is_shown = (z > 0) & (np.abs(rise_px) < 0.5 * (camera.height - 1))
    if not is_shown.any():
        return shot
    nearest = np.argmin(np.where(is_shown, distance, np.inf))
    angle = np.arctan2(x[nearest], z[nearest]) - border * rng.choice((-1.0, 1.0))
    sine, cosine = np.sin(angle), np.cos(angle)
    turn = np.eye(4)
    turn[[0, 0, 2, 2], [0, 2, 0, 2]] = cosine, sine, -sine, cosine
    return replace(shot, camera=replace(camera, world_from_camera=camera.world_from_camera @ turn))


def draw_kind(rng: np.random.Generator, shares: dict[Kind, float]) -> Kind:
    """Draw one key of `shares`, whose values add up to 1."""
    kinds = list(shares)
    return kinds[rng.choice(len(kinds), p=list(shares.values()))]
