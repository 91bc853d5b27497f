"""Draws cameras: where they stand, what they look at, how they move.

Letters: T frames, A actors. Speeds are per second, and movements swing to and fro, so that a shot
may be of any length.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from synth.values import Actor, Box, CameraPath, Place

CameraKind = Literal["static", "pan", "handheld", "orbit"]
Floats = NDArray[np.float64]

FOCAL_SHARES = (0.75, 1.0)  # of the picture's longer side
HEIGHT_M = (1.2, 1.9)
ODD_HEIGHT_M = (0.7, 2.2)
ODD_HEIGHT_SHARE = 0.15
DISTANCE_M = (1.8, 6.0)  # from what it looks at, on the ground
TARGET_HEIGHT_M = 1.0
WALL_MARGIN_M = 0.3
BOX_MARGIN_M = 0.2
PEOPLE_MARGIN_M = 0.8
SWING_S = 6.0  # to and fro
NUM_TRIES = 60
CHECKED_FRAMES = 40  # at which it is counted who is in the picture
BODY_DROPS_M = (0.0, 0.7, 1.4)  # points of a person below its head that should be in the picture


def sample_camera(
    rng: np.random.Generator,
    kind: CameraKind,
    place: Place,
    actors: tuple[Actor, ...],
    times_s: Floats,
    width: int,
    height: int,
) -> CameraPath:
    """Draw a camera that sees most of the actors, or the free area where there are none.

    It stays inside the room, out of the boxes and 0.8 m aside of every head; where 60 tries find
    no such path, the one that comes nearest to it is taken. Later tries move less.

    Args:
        rng: Where everything random comes from.
        kind: How it moves.
        place: Where it stands.
        actors: Whom it looks at.
        times_s: [T] increasing.
        width: Of the picture, pixels.
        height: Likewise.
    """
    focal_px = float(rng.uniform(*FOCAL_SHARES) * max(width, height))
    heads = np.array([actor.head_position for actor in actors]).reshape(-1, len(times_s), 3)
    target = _target(place, heads)
    wanted = rng.uniform(0.6, 0.9)
    best: tuple[float, CameraPath] | None = None
    for index in range(NUM_TRIES):
        poses = MOVES[kind](rng, _stand(rng, target), target, times_s, 1.0 - index / NUM_TRIES)
        path = CameraPath(width, height, focal_px, poses)
        room = min(_clearance(place, poses[:, :3, 3]), _people_clearance(heads, poses[:, :3, 3]))
        score = room if room < 0.0 else _share_seen(path, heads)
        if best is None or score > best[0]:
            best = score, path
        if score > wanted:
            break
    assert best is not None
    return best[1]


def _target(place: Place, heads: Floats) -> Floats:
    """The middle [3] of the actors over time, or of the free area, at half a person's height."""
    x_min, z_min, x_max, z_max = place.free_area
    middle = (0.5 * (x_min + x_max), 0.0, 0.5 * (z_min + z_max))
    x, _, z = heads.reshape(-1, 3).mean(0) if heads.size else middle
    return np.array([x, -TARGET_HEIGHT_M, z])


def _stand(rng: np.random.Generator, target: Floats) -> Floats:
    """A place [3] for a camera somewhere around its target."""
    angle, distance = rng.uniform(0.0, 2 * np.pi), rng.uniform(*DISTANCE_M)
    is_odd = rng.random() < ODD_HEIGHT_SHARE
    height = rng.uniform(*(ODD_HEIGHT_M if is_odd else HEIGHT_M))
    x, z = target[0] + distance * np.sin(angle), target[2] + distance * np.cos(angle)
    return np.array([x, -height, z])


def _static(
    rng: np.random.Generator, stand: Floats, target: Floats, times_s: Floats, amount: float
) -> Floats:
    """On a tripod."""
    still = np.zeros_like(times_s)
    return _look(still[:, None] + stand, target, _aim(rng) + still[:, None])


def _pan(
    rng: np.random.Generator, stand: Floats, target: Floats, times_s: Floats, amount: float
) -> Floats:
    """Turns by 10 to 40 degrees in three seconds, and back."""
    sweep = amount * np.radians(rng.uniform(10.0, 40.0))
    turns = np.zeros((len(times_s), 3)) + _aim(rng)
    turns[:, 0] += 0.5 * sweep * _swing(rng, times_s)
    return _look(np.zeros((len(times_s), 3)) + stand, target, turns)


def _handheld(
    rng: np.random.Generator, stand: Floats, target: Floats, times_s: Floats, amount: float
) -> Floats:
    """Trembles by centimetres and a degree, and drifts by up to half a metre."""
    tremble = np.zeros((len(times_s), 6))  # 3 metres, 3 radians
    sizes = np.array([0.015, 0.015, 0.015, 0.01, 0.008, 0.006])
    for _ in range(3):
        rates = rng.uniform(0.15, 1.2, 6)  # Hz
        phases = rng.uniform(0.0, 2 * np.pi, 6)
        tremble += sizes * np.sin(2 * np.pi * rates * times_s[:, None] + phases)
    drift = amount * rng.uniform(0.0, 0.5) * _swing(rng, times_s)
    heading = rng.uniform(0.0, 2 * np.pi)
    way = np.array([np.sin(heading), 0.1, np.cos(heading)])
    positions = stand + drift[:, None] * way + tremble[:, :3]
    return _look(positions, target, _aim(rng) + tremble[:, 3:])


def _orbit(
    rng: np.random.Generator, stand: Floats, target: Floats, times_s: Floats, amount: float
) -> Floats:
    """Travels 0.3 to 1.5 m on an arc around the target in three seconds, and back."""
    arm = stand - target
    travel = amount * rng.uniform(0.3, 1.5)
    angles = 0.5 * travel / np.hypot(arm[0], arm[2]) * _swing(rng, times_s)
    sine, cosine = np.sin(angles), np.cos(angles)
    positions = target + np.stack(
        [
            cosine * arm[0] + sine * arm[2],
            np.full_like(sine, arm[1]),
            cosine * arm[2] - sine * arm[0],
        ],
        1,
    )
    return _look(positions, target, np.zeros((len(times_s), 3)) + _aim(rng))


MOVES: dict[CameraKind, Callable[[np.random.Generator, Floats, Floats, Floats, float], Floats]] = {
    "static": _static,
    "pan": _pan,
    "handheld": _handheld,
    "orbit": _orbit,
}


def _aim(rng: np.random.Generator) -> Floats:
    """Yaw, pitch and roll [3] that a camera is off its target, radians."""
    return np.radians(rng.uniform((-6.0, -5.0, -2.0), (6.0, 5.0, 2.0)))


def _swing(rng: np.random.Generator, times_s: Floats) -> Floats:
    """A smooth way from -1 to 1 and back [T]."""
    return np.sin(2 * np.pi * times_s / SWING_S + rng.uniform(0.0, 2 * np.pi))


def _look(positions: Floats, target: Floats, turns: Floats) -> Floats:
    """Poses [T, 4, 4] at [T, 3] that look at a point [3], then turn: yaw, pitch, roll [T, 3]."""
    forward = target - positions
    forward /= np.linalg.norm(forward, axis=1, keepdims=True)
    right = np.cross([0.0, 1.0, 0.0], forward)
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    poses = np.tile(np.eye(4), (len(positions), 1, 1))
    poses[:, :3, :3] = np.stack([right, np.cross(forward, right), forward], 2)
    for angle, first, second in zip(turns.T, (2, 1, 0), (0, 2, 1), strict=True):
        turn = np.tile(np.eye(3), (len(positions), 1, 1))
        turn[:, first, first] = turn[:, second, second] = np.cos(angle)
        turn[:, second, first], turn[:, first, second] = np.sin(angle), -np.sin(angle)
        poses[:, :3, :3] = poses[:, :3, :3] @ turn
    poses[:, :3, 3] = positions
    return poses


def _clearance(place: Place, positions: Floats) -> float:
    """Metres [T, 3] keep from walls and boxes beyond the margins; negative where they do not."""
    return min(
        float(
            (WALL_MARGIN_M if box.is_room else BOX_MARGIN_M) * -1 + _distance(box, positions).min()
        )
        for box in place.boxes
    )


def _distance(box: Box, positions: Floats) -> Floats:
    """Metres [T] from a solid box, or inside a room; negative on the wrong side of its faces."""
    cosine, sine = np.cos(box.yaw), np.sin(box.yaw)
    x, y, z = (positions - box.centre).T
    local = np.stack([cosine * x - sine * z, y, sine * x + cosine * z], 1)
    beyond = (np.abs(local) - box.half_size).max(1)
    return -beyond if box.is_room else beyond


def _people_clearance(heads: Floats, positions: Floats) -> float:
    """Metres on the ground that [T, 3] keep from every head [A, T, 3] beyond the margin."""
    if not heads.size:
        return np.inf
    aside = (heads - positions)[..., [0, 2]]
    return float(np.linalg.norm(aside, axis=2).min() - PEOPLE_MARGIN_M)


def _share_seen(path: CameraPath, heads: Floats) -> float:
    """Share of the actors' points that are in the picture; 1 where there are no actors."""
    if not heads.size:
        return 1.0
    frames = np.linspace(0, heads.shape[1] - 1, CHECKED_FRAMES).astype(int)
    drops = np.array([(0.0, drop, 0.0) for drop in BODY_DROPS_M])
    points = heads[:, frames, None] + drops  # [A, frames, drops, 3]
    poses = path.world_from_camera[frames]
    seen = np.einsum("tji,atdj->atdi", poses[:, :3, :3], points - poses[:, None, :3, 3])
    z = np.maximum(seen[..., 2], 1e-3)
    half = 0.5 * np.array([path.width, path.height])
    is_inside = (np.abs(seen[..., :2] / z[..., None]) * path.focal_px < half).all(-1)
    return float((is_inside & (seen[..., 2] > 0.3)).mean())
