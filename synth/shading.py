"""Light on what a canvas shows, and what the camera's sensor makes of it.

Letters: A actors, V vertices, F faces, B boxes, K spheres that stand for a body when it throws a
shadow, W and H pixels. World: y down. Colours are linear RGB until `develop`.
"""

import numpy as np
from numpy.typing import NDArray

from synth.boxes import BoxView
from synth.compiled import compiled
from synth.raster import Canvas
from synth.values import Place

SOFTNESS = 0.25  # light goes that far round a surface, of the cosine
FALLOFF_M = 12.0  # distance from the middle of the free area where light has halved
SHADOW_DEPTH = 0.6
SHADOW_REACH_M = 2.5  # from a body's middle, on the ground
LONGEST_SHADOW = 1.2  # of something 1 m high, metres
BLUR_PER_M = 0.16  # how fast a shadow's edge softens with the height of what throws it
EDGE_M = 0.2  # width of the dimming where the sides of a room meet, and around furniture
EDGE_DEPTH = 0.3
UP = 0.9  # surfaces steeper than this have no shadows

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


def light_up(
    canvas: Canvas,
    colours: Floats,
    place: Place,
    view: BoxView,
    world_from_camera: Doubles,
    focal_px: float,
    normals: Floats,
    shadows: Doubles,
) -> Floats:
    """Light that reaches the camera; the sky is its own light.

    Args:
        canvas: Bodies and boxes drawn.
        colours: [H, W, 3] of what is seen.
        place: Whose boxes and light these are.
        view: Of the boxes.
        world_from_camera: [4, 4].
        focal_px: Of the camera.
        normals: [A, F, 3] of the bodies' faces, world.
        shadows: [A, K, 4] world centre and radius of the spheres that throw shadows, metres; the
            first is the body's middle.

    Returns:
        [H, W, 3] linear RGB.
    """
    x_min, z_min, x_max, z_max = place.free_area
    slope = np.array(place.light_direction)[[0, 2]] / max(1e-3, -place.light_direction[1])
    slope *= min(1.0, LONGEST_SHADOW / max(1e-9, float(np.hypot(*slope))))
    return _light_up(
        canvas.depth, canvas.person, canvas.surface, colours,
        np.array(place.light_direction), place.ambient, slope,
        np.array([0.5 * (x_min + x_max), 0.5 * (z_min + z_max)]),
        view.half_sizes, view.is_room, view.eyes, view.rays, view.axes, _standing(place),
        world_from_camera, focal_px, normals, shadows,
    )  # fmt: skip


def face_normals(vertices: Floats, faces: NDArray[np.int32]) -> Floats:
    """Outward unit normals [A, F, 3] of bodies [A, V, 3], smoothed over neighbouring faces."""
    return _face_normals(vertices, faces)


def develop(light: Floats, exposure: float, noise: Floats) -> NDArray[np.uint8]:
    """Linear light to sRGB (IEC 61966-2-1), through a lens that is soft over a pixel.

    Args:
        light: [H, W, 3] linear RGB.
        exposure: Factor on it.
        noise: [H, W, 3] added to the encoded picture, of a full scale of 1.

    Returns:
        [H, W, 3] sRGB.
    """
    return _develop(light, exposure, noise, SRGB)


def _srgb_table() -> Floats:
    """255 times the sRGB encoding of 0, 1 / 16383, ..., 1."""
    linear = np.linspace(0.0, 1.0, 16384)
    curve = 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    return (255.0 * np.where(linear <= 0.0031308, 12.92 * linear, curve)).astype(np.float32)


SRGB = _srgb_table()


def _standing(place: Place) -> Doubles:
    """Boxes that stand on something [S, 8]: centre x, z, half x, z, cosine, sine, bottom, top."""
    rows = [
        (
            *(box.centre[0], box.centre[2], box.half_size[0], box.half_size[2]),
            *(np.cos(box.yaw), np.sin(box.yaw)),
            *(box.centre[1] + box.half_size[1], box.centre[1] - box.half_size[1]),
        )
        for box in place.boxes
        if not box.is_room and abs(box.centre[1] + box.half_size[1]) < EDGE_M
    ]
    return np.array(rows, np.float64).reshape(-1, 8)


@compiled
def _light_up(
    depth: Floats,
    person: NDArray[np.uint8],
    surface: NDArray[np.int32],
    colours: Floats,
    sun: Doubles,
    ambient: float,
    slope: Doubles,
    middle: Doubles,
    half_sizes: Doubles,
    is_room: NDArray[np.bool_],
    eyes: Doubles,
    rays: Doubles,
    axes: Doubles,
    standing: Doubles,
    pose: Doubles,
    focal_px: float,
    normals: Floats,
    shadows: Doubles,
) -> Floats:
    height, width = depth.shape
    out = np.empty((height, width, 3), np.float32)
    for y in range(height):
        for x in range(width):
            index = surface[y, x]
            if index < 0:
                out[y, x] = colours[y, x]
                continue
            z = np.float64(depth[y, x])
            right = z * (x - 0.5 * (width - 1)) / focal_px
            down = z * (y - 0.5 * (height - 1)) / focal_px
            px = pose[0, 3] + pose[0, 0] * right + pose[0, 1] * down + pose[0, 2] * z
            py = pose[1, 3] + pose[1, 0] * right + pose[1, 1] * down + pose[1, 2] * z
            pz = pose[2, 3] + pose[2, 0] * right + pose[2, 1] * down + pose[2, 2] * z
            if person[y, x] > 0:
                actor = person[y, x] - 1
                nx = np.float64(normals[actor, index, 0])
                ny = np.float64(normals[actor, index, 1])
                nz = np.float64(normals[actor, index, 2])
                gain = 1.0
            else:
                b, axis = index // 6, index % 6 // 2
                sign = 1.0 if (index % 2 == 1) != is_room[b] else -1.0
                nx, ny, nz = (
                    sign * axes[b, 0, axis],
                    sign * axes[b, 1, axis],
                    sign * axes[b, 2, axis],
                )
                gain = _corner(half_sizes, eyes, rays, b, axis, z, x, y) if is_room[b] else 1.0
                if ny < -UP:
                    gain *= _body_shadows(px, py, pz, slope, shadows)
                    gain *= _box_shadows(px, py, pz, standing)
            cosine = nx * sun[0] + ny * sun[1] + nz * sun[2]
            direct = max(0.0, (cosine + SOFTNESS) / (1.0 + SOFTNESS))
            gain *= ambient * (0.8 - 0.2 * ny) + (1.0 - ambient) * direct
            aside_x, aside_z = px - middle[0], pz - middle[1]
            gain /= 1.0 + (aside_x * aside_x + aside_z * aside_z) / (FALLOFF_M * FALLOFF_M)
            for k in range(3):
                out[y, x, k] = gain * colours[y, x, k]
    return out


@compiled
def _corner(
    half_sizes: Doubles, eyes: Doubles, rays: Doubles, b: int, axis: int, z: float, x: int, y: int
) -> float:
    """Dimming of a room's side near the sides it meets."""
    gain = 1.0
    for k in range(3):
        if k != axis:
            at = eyes[b, k] + z * (x * rays[b, 0, k] + y * rays[b, 1, k] + rays[b, 2, k])
            gap = (half_sizes[b, k] - abs(at)) / EDGE_M
            gain *= 1.0 - EDGE_DEPTH / (1.0 + gap * gap)
    return gain


@compiled
def _body_shadows(px: float, py: float, pz: float, slope: Doubles, shadows: Doubles) -> float:
    """Dimming of a point that looks up by the bodies above it, away from the light."""
    left = 1.0
    for actor in range(shadows.shape[0]):
        x, z = px - shadows[actor, 0, 0], pz - shadows[actor, 0, 2]
        if x * x + z * z > SHADOW_REACH_M * SHADOW_REACH_M:
            continue
        for k in range(shadows.shape[1]):
            up = py - shadows[actor, k, 1]
            if up < 0.0:
                continue
            x = px - shadows[actor, k, 0] + up * slope[0]
            z = pz - shadows[actor, k, 2] + up * slope[1]
            radius, blur = shadows[actor, k, 3], BLUR_PER_M * up
            spread = radius * radius + blur * blur
            distance = (x * x + z * z) / spread
            if distance < 9.0:
                depth = SHADOW_DEPTH * radius * radius / spread
                left *= 1.0 - depth * np.exp(-0.5 * distance)
    return left


@compiled
def _box_shadows(px: float, py: float, pz: float, standing: Doubles) -> float:
    """Dimming of a point that looks up by the boxes that stand around it."""
    left = 1.0
    for s in range(standing.shape[0]):
        if standing[s, 7] > py - 0.05:
            continue
        x, z = px - standing[s, 0], pz - standing[s, 1]
        over_x = max(0.0, abs(standing[s, 4] * x - standing[s, 5] * z) - standing[s, 2])
        over_z = max(0.0, abs(standing[s, 5] * x + standing[s, 4] * z) - standing[s, 3])
        distance = (over_x * over_x + over_z * over_z) / (EDGE_M * EDGE_M)
        if distance < 25.0:
            left *= 1.0 - 1.5 * EDGE_DEPTH / (1.0 + distance)
    return left


@compiled
def _face_normals(vertices: Floats, faces: NDArray[np.int32]) -> Floats:
    num_actors, num_faces = vertices.shape[0], faces.shape[0]
    out = np.empty((num_actors, num_faces, 3), np.float32)
    for actor in range(num_actors):
        around = np.zeros(vertices.shape[1:], np.float32)  # [V, 3] sum of its faces' normals
        for f in range(num_faces):
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            x, y, z = vertices[actor, a, 0], vertices[actor, a, 1], vertices[actor, a, 2]
            px, py, pz = (
                vertices[actor, b, 0] - x,
                vertices[actor, b, 1] - y,
                vertices[actor, b, 2] - z,
            )
            qx, qy, qz = (
                vertices[actor, c, 0] - x,
                vertices[actor, c, 1] - y,
                vertices[actor, c, 2] - z,
            )
            nx, ny, nz = py * qz - pz * qy, pz * qx - px * qz, px * qy - py * qx
            for v in (a, b, c):
                around[v, 0] += nx
                around[v, 1] += ny
                around[v, 2] += nz
        for f in range(num_faces):
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            nx = around[a, 0] + around[b, 0] + around[c, 0]
            ny = around[a, 1] + around[b, 1] + around[c, 1]
            nz = around[a, 2] + around[b, 2] + around[c, 2]
            length = np.sqrt(nx * nx + ny * ny + nz * nz) + np.float32(1e-20)
            out[actor, f, 0] = nx / length
            out[actor, f, 1] = ny / length
            out[actor, f, 2] = nz / length
    return out


@compiled
def _develop(light: Floats, exposure: float, noise: Floats, table: Floats) -> NDArray[np.uint8]:
    height, width = light.shape[:2]
    out = np.empty((height, width, 3), np.uint8)
    for y in range(height):
        above, below = max(y - 1, 0), min(y + 1, height - 1)
        for x in range(width):
            left, right = max(x - 1, 0), min(x + 1, width - 1)
            for k in range(3):
                around = light[above, x, k] + light[below, x, k]
                around += light[y, left, k] + light[y, right, k]
                value = exposure * (0.6 * light[y, x, k] + 0.1 * around)
                level = min(16383, int(16383.0 * min(1.0, value) + 0.5))
                shown = table[level] + 255.0 * noise[y, x, k] + 0.5
                out[y, x, k] = np.uint8(min(255.0, max(0.0, shown)))
    return out
