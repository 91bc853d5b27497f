"""Casts a ray a pixel at the boxes of a place.

Knows nothing of colour. Letters: B boxes, W and H pixels. World: y down.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth.compiled import compiled
from synth.raster import Canvas
from synth.values import Box

NEAR_M = 0.01  # boxes are looked for beyond it
STEEPEST = 1e-9  # a ray along a side is turned by that much

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]

_CORNERS = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
_EDGES = np.array(
    [(a, b) for a in range(8) for b in range(a) if np.abs(_CORNERS[a] - _CORNERS[b]).sum() == 2]
)


@dataclass(frozen=True, eq=False)
class BoxView:
    """Boxes as one camera sees them, in their own axes.

    Attributes:
        half_sizes: [B, 3] metres.
        is_room: [B] bool.
        eyes: [B, 3] the camera in the box's axes, metres.
        rays: [B, 3, 3] ray of the pixel (x, y) in those axes, of camera z 1, is
            x rays[0] + y rays[1] + rays[2].
        axes: [B, 3, 3] the box's axes in the world, as columns.
        bounds: [B, 4] left, top, right, bottom: inclusive pixels that may see the box.
    """

    half_sizes: Doubles
    is_room: NDArray[np.bool_]
    eyes: Doubles
    rays: Doubles
    axes: Doubles
    bounds: Integers


def view_boxes(
    boxes: tuple[Box, ...], world_from_camera: Doubles, focal_px: float, width: int, height: int
) -> BoxView:
    """Put a camera into the axes of every box.

    Args:
        boxes: Of a place.
        world_from_camera: [4, 4].
        focal_px: Of the camera; its principal point is the middle of the picture.
        width: Of the picture, pixels.
        height: Likewise.
    """
    centres = np.array([box.centre for box in boxes]).reshape(-1, 3)
    half_sizes = np.array([box.half_size for box in boxes]).reshape(-1, 3)
    is_room = np.array([box.is_room for box in boxes], bool)
    yaws = np.array([box.yaw for box in boxes])
    axes = np.zeros((len(boxes), 3, 3))
    axes[:, 0, 0] = axes[:, 2, 2] = np.cos(yaws)
    axes[:, 0, 2], axes[:, 2, 0] = np.sin(yaws), -np.sin(yaws)
    axes[:, 1, 1] = 1.0
    box_from_world = axes.transpose(0, 2, 1)
    rotation, position = world_from_camera[:3, :3], world_from_camera[:3, 3]
    middle = 0.5 * np.array([width - 1, height - 1])
    pixel_rays = np.diag([1.0 / focal_px, 1.0 / focal_px, 1.0])
    pixel_rays[2, :2] = -middle / focal_px
    corners = centres[:, None] + (half_sizes[:, None] * _CORNERS) @ box_from_world - position
    return BoxView(
        half_sizes=half_sizes,
        is_room=is_room,
        eyes=(box_from_world @ (position - centres)[..., None])[..., 0],
        rays=pixel_rays @ rotation.T @ axes,
        axes=axes,
        bounds=_bounds(corners @ rotation, focal_px, middle),
    )


def draw_boxes(canvas: Canvas, view: BoxView) -> None:
    """Draw boxes where they are nearer than what the canvas, written in place, holds."""
    _draw_boxes(
        canvas.depth, canvas.person, canvas.surface,
        view.half_sizes, view.is_room, view.eyes, view.rays, view.bounds,
    )  # fmt: skip


def _bounds(corners: Doubles, focal_px: float, middle: Doubles) -> Integers:
    """Pixels [B, 4] around what lies beyond NEAR_M of boxes with camera corners [B, 8, 3]."""
    a, b = corners[:, _EDGES[:, 0]], corners[:, _EDGES[:, 1]]
    is_cut = (a[..., 2] < NEAR_M) != (b[..., 2] < NEAR_M)
    rise = np.where(is_cut, b[..., 2] - a[..., 2], 1.0)
    cuts = a + ((NEAR_M - a[..., 2]) / rise)[..., None] * (b - a)
    points = np.concatenate([corners, cuts], 1)
    is_seen = np.concatenate([corners[..., 2] >= NEAR_M, is_cut], 1)[..., None]
    z = np.maximum(points[..., 2:], NEAR_M)
    pixels = focal_px * points[..., :2] / z + middle
    first = np.where(is_seen, pixels, np.inf).min(1)
    last = np.where(is_seen, pixels, -np.inf).max(1)
    first = np.floor(np.clip(first, 0, 2 * middle + 1))
    last = np.ceil(np.clip(last, -1, 2 * middle))
    return np.concatenate([first, last], 1).astype(np.int64)


@compiled
def _draw_boxes(
    depth: Floats,
    person: NDArray[np.uint8],
    surface: NDArray[np.int32],
    half_sizes: Doubles,
    is_room: NDArray[np.bool_],
    eyes: Doubles,
    rays: Doubles,
    bounds: Integers,
) -> None:
    """The slab test (Kay and Kajiya, 1986), a box after the other."""
    for b in range(len(bounds)):
        room = is_room[b]
        half_x, half_y, half_z = half_sizes[b, 0], half_sizes[b, 1], half_sizes[b, 2]
        eye_x, eye_y, eye_z = eyes[b, 0], eyes[b, 1], eyes[b, 2]
        step_x, step_y, step_z = rays[b, 0, 0], rays[b, 0, 1], rays[b, 0, 2]
        for y in range(bounds[b, 1], bounds[b, 3] + 1):
            row_x = y * rays[b, 1, 0] + rays[b, 2, 0]
            row_y = y * rays[b, 1, 1] + rays[b, 2, 1]
            row_z = y * rays[b, 1, 2] + rays[b, 2, 2]
            for x in range(bounds[b, 0], bounds[b, 2] + 1):
                ray_x, ray_y, ray_z = row_x + x * step_x, row_y + x * step_y, row_z + x * step_z
                enter_x, leave_x = _slab(half_x, eye_x, ray_x)
                enter_y, leave_y = _slab(half_y, eye_y, ray_y)
                enter_z, leave_z = _slab(half_z, eye_z, ray_z)
                enter = max(enter_x, enter_y, enter_z)
                leave = min(leave_x, leave_y, leave_z)
                z = leave if room else enter
                if enter > leave or z <= 0.0 or z >= depth[y, x]:
                    continue
                is_x = z == (leave_x if room else enter_x)
                is_y = z == (leave_y if room else enter_y)
                axis = 0 if is_x else (1 if is_y else 2)
                ray = ray_x if is_x else (ray_y if is_y else ray_z)
                depth[y, x] = z
                person[y, x] = 0
                surface[y, x] = 6 * b + 2 * axis + (1 if (ray > 0.0) == room else 0)


@compiled
def _slab(half: float, eye: float, ray: float) -> tuple[float, float]:
    """Where a ray enters and leaves the slab between two opposite sides."""
    if abs(ray) < STEEPEST:
        ray = STEEPEST
    inverse = 1.0 / ray
    middle, reach = -eye * inverse, half * abs(inverse)
    return middle - reach, middle + reach
