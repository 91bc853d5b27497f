"""Draws places: furnished rooms and streets of textured boxes, with the area people may walk in."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from synth.materials import BRICKS, CHECKER, NOISE, PLAIN, STRIPES
from synth.values import Box, Material, Place

PlaceKind = Literal["room", "street"]
Triple = tuple[float, float, float]

ROOM_SPAN_M = (4.4, 8.0)  # leaves at least 2.3 m between the furniture of opposite walls
ROOM_HEIGHT_M = (2.4, 3.2)
ROOM_MIDDLE_Z_M = 3.5
MAX_FURNITURE = 6
SEAT_SHARE = 0.25  # of the furniture
SEAT_HEIGHT_M = (0.42, 0.5)
HEIGHTS_M = (0.75, 0.9, 1.2, 1.9)  # of the other pieces
HANGING_M = 0.015  # half the thickness of what hangs on a wall
WALL_GAP_M = 0.35  # between the free area and what stands around it
GROUND_HALF_M = 60.0
WARM = np.array([1.0, 0.1, -0.8])  # how the share of each channel grows with warmth
TINT = 0.1  # spread of each channel beside that
STREET_Z_M = (-16.0, 28.0)  # where its ends stand
STREET_AREA_Z_M = (1.0, 7.5)


def sample_place(rng: np.random.Generator, kind: PlaceKind) -> Place:
    """Draw a place.

    Args:
        rng: Where everything random comes from.
        kind: A room seen from inside, or a street under the sky.
    """
    return _sample_room(rng) if kind == "room" else _sample_street(rng)


def _sample_room(rng: np.random.Generator) -> Place:
    """A room around (0, ROOM_MIDDLE_Z_M) with furniture along its walls."""
    half_x, half_z = 0.5 * rng.uniform(*ROOM_SPAN_M, 2)
    half_y = 0.5 * rng.uniform(*ROOM_HEIGHT_M)
    odd_side, side = _sample_wall(rng), _sample_wall(rng)
    ceiling = _sample_material(rng, (PLAIN,), (0.6, 0.9))
    sides = (odd_side, side, ceiling, _sample_floor(rng), side, side)
    room = _box((0.0, -half_y, ROOM_MIDDLE_Z_M), (half_x, half_y, half_z), sides, is_room=True)
    boxes = [room]
    depths = [0.0, 0.0, 0.0, 0.0]  # how far furniture reaches in from the walls -x, +x, -z, +z
    for _ in range(rng.integers(MAX_FURNITURE + 1)):
        wall = int(rng.integers(4))
        depth = rng.uniform(0.35, 0.7)
        depths[wall] = max(depths[wall], depth)
        is_seat = rng.random() < SEAT_SHARE
        height = rng.uniform(*SEAT_HEIGHT_M) if is_seat else rng.choice(HEIGHTS_M)
        boxes.append(_stand_at_wall(rng, room, wall, (rng.uniform(0.5, 1.8), height, depth), 0.0))
    for _ in range(rng.integers(4)):
        is_door = rng.random() < 0.3
        width, height = (0.9, 2.05) if is_door else rng.uniform((0.4, 0.4), (1.4, 1.0))
        lift = 0.0 if is_door else rng.uniform(1.0, 1.3)
        size = (width, height, 2 * HANGING_M)
        boxes.append(_stand_at_wall(rng, room, int(rng.integers(4)), size, lift))
    insets = [depth + WALL_GAP_M for depth in depths]
    return Place(
        boxes=tuple(boxes),
        sky_colour=(0.0, 0.0, 0.0),
        light_direction=_sample_light(rng, 0.6),
        ambient=float(rng.uniform(0.4, 0.65)),
        free_area=(
            float(insets[0] - half_x),
            float(ROOM_MIDDLE_Z_M + insets[2] - half_z),
            float(half_x - insets[1]),
            float(ROOM_MIDDLE_Z_M + half_z - insets[3]),
        ),
    )


def _stand_at_wall(
    rng: np.random.Generator,
    room: Box,
    wall: int,
    size: Triple,
    lift: float,
) -> Box:
    """A box `size` = (along, up, across) somewhere at the wall -x, +x, -z or +z of a room."""
    along, height, across = size
    half_along, half_across = (room.half_size[2 if wall < 2 else 0], room.half_size[wall // 2 * 2])
    place = rng.uniform(0.5 * along - half_along, half_along - 0.5 * along)
    near = (half_across - 0.5 * across) * (1 if wall % 2 else -1)
    x, z = (near, place) if wall < 2 else (place, near)
    half_x, half_z = (across / 2, along / 2) if wall < 2 else (along / 2, across / 2)
    material = _sample_material(rng, (PLAIN, PLAIN, STRIPES, NOISE), (0.05, 0.6))
    return _box(
        (x, -lift - 0.5 * height, room.centre[2] + z),
        (half_x, 0.5 * height, half_z),
        (material,) * 6,
    )


def _sample_street(rng: np.random.Generator) -> Place:
    """A street along z between pavements and houses, closed at both ends."""
    road = rng.uniform(2.6, 4.5)  # half its width
    houses_x = road + rng.uniform(1.2, 2.5)
    asphalt = _sample_material(rng, (NOISE, NOISE, BRICKS, CHECKER), (0.1, 0.4), (0.3, 1.5))
    boxes = [_box((0.0, 0.5, 0.0), (GROUND_HALF_M, 0.5, GROUND_HALF_M), (asphalt,) * 6)]
    paving = _sample_material(rng, (PLAIN, CHECKER, BRICKS), (0.2, 0.5), (0.4, 1.0))
    first_z, last_z = STREET_Z_M
    half_length, middle_z = 0.5 * (last_z - first_z), 0.5 * (last_z + first_z)
    for side in (-1, 1):
        kerb = 0.5 * (houses_x - road)
        boxes.append(
            _box((side * (road + kerb), -0.06, middle_z), (kerb, 0.06, half_length), (paving,) * 6)
        )
        z = first_z
        while z < last_z:
            half_z = rng.uniform(3.0, 6.5)
            boxes += _sample_house(rng, side, houses_x, z + half_z, half_z)
            z += 2 * half_z
    for z, sign in ((first_z, -1), (last_z, 1)):
        half_y = rng.uniform(2.5, 5.5)
        front = (_sample_facade(rng),) * 6
        boxes.append(_box((0.0, -half_y, z + 3.0 * sign), (12.0, half_y, 3.0), front))
    for _ in range(rng.integers(4)):
        x, z = rng.choice((-1, 1)) * (road - 1.1), rng.uniform(10.0, 22.0)
        paint = (_sample_material(rng, (PLAIN,), (0.03, 0.6)),) * 6
        boxes.append(_box((x, -0.55, z), (0.85, 0.35, 2.1), paint))
        boxes.append(_box((x, -1.1, z + 0.2), (0.75, 0.3, 1.1), paint))
        boxes.append(_box((x, -0.15, z), (0.8, 0.15, 1.8), (_dark(rng),) * 6))
    grey, blue = rng.uniform(0.5, 0.85), rng.uniform(0.0, 0.3)
    reach = road - WALL_GAP_M
    return Place(
        boxes=tuple(boxes),
        sky_colour=(float(grey - blue), float(grey - 0.4 * blue), float(grey + 0.1)),
        light_direction=_sample_light(rng, 1.0),
        ambient=float(rng.uniform(0.4, 0.65)),
        free_area=(float(-reach), STREET_AREA_Z_M[0], float(reach), STREET_AREA_Z_M[1]),
    )


def _sample_house(
    rng: np.random.Generator, side: int, x: float, z: float, half_z: float
) -> list[Box]:
    """A house whose front stands at `x` on one side of the street, with rows of windows."""
    half_y = rng.uniform(2.5, 6.0)
    boxes = [
        _box((side * (x + 3.0), -half_y, z), (3.0, half_y, half_z), (_sample_facade(rng),) * 6)
    ]
    glass = (_dark(rng),) * 6
    spacing = rng.uniform(1.8, 3.0)
    num_windows = int((2 * half_z - 1.0) / spacing)
    for storey in range(2):
        for index in range(num_windows):
            window_z = z + (index - 0.5 * (num_windows - 1)) * spacing
            centre = (side * (x + 0.02), -1.6 - 2.9 * storey, window_z)
            if centre[1] - 0.8 > -2 * half_y:
                boxes.append(_box(centre, (0.05, 0.7, 0.45), glass))
    return boxes


def _sample_wall(rng: np.random.Generator) -> Material:
    """Paint, plaster, striped wallpaper or, now and then, bricks."""
    kinds = (PLAIN, PLAIN, NOISE, STRIPES, STRIPES, BRICKS)
    return _sample_material(rng, kinds, (0.25, 0.75), (0.15, 0.6))


def _sample_floor(rng: np.random.Generator) -> Material:
    """Tiles, boards, bricks or carpet."""
    kinds = (CHECKER, CHECKER, STRIPES, BRICKS, BRICKS, NOISE)
    return _sample_material(rng, kinds, (0.12, 0.5), (0.25, 0.9))


def _sample_facade(rng: np.random.Generator) -> Material:
    """Bricks or plaster."""
    return _sample_material(rng, (BRICKS, BRICKS, NOISE, PLAIN), (0.25, 0.75), (0.25, 0.6))


def _dark(rng: np.random.Generator) -> Material:
    """Glass from outside, or the shade under a car."""
    return _sample_material(rng, (PLAIN,), (0.01, 0.08))


def _sample_material(
    rng: np.random.Generator,
    kinds: tuple[int, ...],
    brightness: tuple[float, float],
    period_m: tuple[float, float] = (0.1, 0.5),
) -> Material:
    """One of `kinds` in a muted colour and a related one; lengths and brightness from ranges."""
    warmth = rng.uniform(-0.3, 0.5)  # from blue grey over grey to brick
    colour = rng.uniform(*brightness) * (1.0 + warmth * WARM + rng.uniform(-TINT, TINT, 3))
    other = colour * rng.choice((rng.uniform(0.35, 0.8), rng.uniform(1.25, 2.2)))
    other *= 1.0 + rng.uniform(-TINT, TINT, 3)
    return Material(
        kind=int(rng.choice(kinds)),
        colour=_triple(np.clip(colour, 0.0, 0.95)),
        other_colour=_triple(np.clip(other, 0.0, 0.95)),
        period_m=float(rng.uniform(*period_m)),
        roughness=float(rng.uniform(0.05, 0.4)),
        seed=int(rng.integers(2**20)),
    )


def _sample_light(rng: np.random.Generator, tilt: float) -> Triple:
    """A direction upwards, at most about `tilt` metres aside for one up."""
    direction = np.array([rng.uniform(-tilt, tilt), -1.0, rng.uniform(-tilt, 0.4 * tilt)])
    return _triple(direction / np.linalg.norm(direction))


def _triple(values: NDArray[np.float64]) -> Triple:
    return float(values[0]), float(values[1]), float(values[2])


def _box(
    centre: Triple,
    half_size: Triple,
    materials: tuple[Material, ...],
    is_room: bool = False,
) -> Box:
    """A box along the world's axes, of plain floats."""
    return Box(_triple(np.array(centre)), _triple(np.array(half_size)), 0.0, materials, is_room)
