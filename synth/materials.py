"""Paints what a canvas shows: face colours of bodies, procedural textures of boxes.

Textures are averaged over a pixel's footprint, so that they fade to their mean instead of
flickering in the distance. Letters: A actors, F faces, B boxes, W and H pixels. Linear RGB.
"""

import numpy as np
from numpy.typing import NDArray

from synth.boxes import STEEPEST, BoxView
from synth.compiled import compiled
from synth.raster import Canvas
from synth.values import Box

PLAIN, CHECKER, STRIPES, BRICKS, NOISE = range(5)  # Material.kind
ROW_SHARE = 0.4  # height of a row of bricks over a brick's length
JOINT_SHARE = 0.05  # of the mortar, likewise
PATCHES_M = 0.9  # sizes of the noise that lies over a material
GRAIN_M = 0.06

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


def pack_materials(boxes: tuple[Box, ...]) -> Doubles:
    """Materials as rows [6 B, 10]: kind, colour, other colour, period, roughness, seed."""
    rows = [
        (m.kind, *m.colour, *m.other_colour, m.period_m, m.roughness, m.seed)
        for box in boxes
        for m in box.materials
    ]
    return np.array(rows, np.float64).reshape(-1, 10)


def paint(
    canvas: Canvas,
    view: BoxView,
    materials: Doubles,
    face_colours: Floats,
    sky_colour: tuple[float, float, float],
) -> Floats:
    """Colours without light.

    Args:
        canvas: Bodies and boxes drawn.
        view: Of the boxes.
        materials: [6 B, 10] from `pack_materials`.
        face_colours: [A, F, 3].
        sky_colour: Where nothing is; it pales towards the lower edge.

    Returns:
        [H, W, 3] share of the light that each colour channel sends back.
    """
    return _paint(
        canvas.depth, canvas.person, canvas.surface,
        view.eyes, view.rays, materials, face_colours, np.array(sky_colour),
    )  # fmt: skip


@compiled
def _paint(
    depth: Floats,
    person: NDArray[np.uint8],
    surface: NDArray[np.int32],
    eyes: Doubles,
    rays: Doubles,
    materials: Doubles,
    face_colours: Floats,
    sky: Doubles,
) -> Floats:
    height, width = depth.shape
    out = np.empty((height, width, 3), np.float32)
    for y in range(height):
        for x in range(width):
            index = surface[y, x]
            if index < 0:
                pale = 0.75 + 0.25 * (y + 1.0) / height
                for k in range(3):
                    out[y, x, k] = pale * sky[k]
            elif person[y, x] > 0:
                for k in range(3):
                    out[y, x, k] = face_colours[person[y, x] - 1, index, k]
            else:
                u, v, u_width, v_width = _on_side(eyes, rays, index, depth[y, x], x, y)
                share = _pattern(materials, index, u, v, u_width, v_width)
                grain = _grain(materials, index, u, v, max(u_width, v_width))
                for k in range(3):
                    one, other = materials[index, 1 + k], materials[index, 4 + k]
                    out[y, x, k] = grain * (one + share * (other - one))
    return out


@compiled
def _on_side(
    eyes: Doubles, rays: Doubles, index: int, z: float, x: int, y: int
) -> tuple[float, float, float, float]:
    """Where a ray meets a side, across and up it, and how far a pixel reaches there; metres."""
    b, axis = index // 6, index % 6 // 2
    u_axis, v_axis = 0, 1
    if axis == 0:
        u_axis = 2
    elif axis == 1:
        v_axis = 2
    through = x * rays[b, 0, axis] + y * rays[b, 1, axis] + rays[b, 2, axis]
    if abs(through) < STEEPEST:
        through = STEEPEST
    u_ray = x * rays[b, 0, u_axis] + y * rays[b, 1, u_axis] + rays[b, 2, u_axis]
    v_ray = x * rays[b, 0, v_axis] + y * rays[b, 1, v_axis] + rays[b, 2, v_axis]
    turn_x, turn_y = rays[b, 0, axis] / through, rays[b, 1, axis] / through
    u_width = abs(rays[b, 0, u_axis] - turn_x * u_ray) + abs(rays[b, 1, u_axis] - turn_y * u_ray)
    v_width = abs(rays[b, 0, v_axis] - turn_x * v_ray) + abs(rays[b, 1, v_axis] - turn_y * v_ray)
    u, v = eyes[b, u_axis] + z * u_ray, eyes[b, v_axis] + z * v_ray
    return u, v, z * u_width + 1e-6, z * v_width + 1e-6


@compiled
def _pattern(
    materials: Doubles, index: int, u: float, v: float, u_width: float, v_width: float
) -> float:
    """Share of the second colour over a pixel's footprint."""
    kind, period = int(materials[index, 0]), materials[index, 7]
    if kind == CHECKER:
        return 0.5 + 0.5 * _square(u, u_width, period) * _square(v, v_width, period)
    if kind == STRIPES:
        return 0.5 + 0.5 * _square(u, u_width, period)
    if kind == BRICKS:
        row_height, joint = ROW_SHARE * period, JOINT_SHARE * period
        row = np.floor(v / row_height)
        shift = period * (0.5 * row - np.floor(0.5 * row))  # half a brick every other row
        between = _pulse(u + shift, u_width, period, joint)
        return 1.0 - (1.0 - between) * (1.0 - _pulse(v, v_width, row_height, joint))
    if kind == NOISE:
        seed, width = int(materials[index, 9]), max(u_width, v_width)
        coarse = _faded_noise(u, v, width, period, seed)
        return 0.5 + 0.7 * coarse + 0.4 * _faded_noise(u, v, width, 0.37 * period, seed + 1)
    return 0.0


@compiled
def _square(x: float, width: float, period: float) -> float:
    """Mean over `width` of a wave that is 1, then -1, half a period each."""
    a, b = (x - 0.5 * width) / period, (x + 0.5 * width) / period
    ramp_a = 0.5 - abs(a - np.floor(a) - 0.5)  # the wave's integral
    ramp_b = 0.5 - abs(b - np.floor(b) - 0.5)
    return (ramp_b - ramp_a) / (b - a)


@compiled
def _pulse(x: float, width: float, period: float, length: float) -> float:
    """Mean over `width` of a wave that is 1 for the first `length` of each period, else 0."""
    a, b = (x - 0.5 * width) / period, (x + 0.5 * width) / period
    duty = length / period
    ramp_a = np.floor(a) * duty + min(a - np.floor(a), duty)
    ramp_b = np.floor(b) * duty + min(b - np.floor(b), duty)
    return (ramp_b - ramp_a) / (b - a)


@compiled
def _grain(materials: Doubles, index: int, u: float, v: float, width: float) -> float:
    """Factor on a colour: patches and grain of the material's roughness."""
    seed = int(materials[index, 9])
    patches = _faded_noise(u, v, width, PATCHES_M, seed + 2)
    grain = _faded_noise(u, v, width, GRAIN_M, seed + 3)
    return max(0.0, 1.0 + materials[index, 8] * (patches + grain))


@compiled
def _faded_noise(u: float, v: float, width: float, period: float, seed: int) -> float:
    """Value noise in [-0.5, 0.5] that fades as a pixel comes to cover its period."""
    fade = 1.0 - 1.5 * width / period
    if fade <= 0.0:
        return 0.0
    u, v = u / period, v / period
    column, row = np.floor(u), np.floor(v)
    s, t = u - column, v - row
    s, t = s * s * (3.0 - 2.0 * s), t * t * (3.0 - 2.0 * t)
    i, j = int(column), int(row)
    above = (1.0 - s) * _hash(i, j, seed) + s * _hash(i + 1, j, seed)
    below = (1.0 - s) * _hash(i, j + 1, seed) + s * _hash(i + 1, j + 1, seed)
    return fade * ((1.0 - t) * above + t * below - 0.5)


@compiled
def _hash(i: int, j: int, seed: int) -> float:
    """A number in [0, 1) that looks random and is not."""
    h = (i * 374761393 + j * 668265263 + seed * 974634323) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 1274126177) & 0xFFFFFFFF
    h = ((h ^ (h >> 16)) * 374761393) & 0xFFFFFFFF
    return ((h ^ (h >> 15)) & 0xFFFFFF) / 16777216.0
