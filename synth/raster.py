"""Skin and z-buffer of bodies.

Knows nothing of colour, nor of anything but bodies. Letters: V vertices, F faces, J joints, W and
H pixels. A canvas is written in place, since a picture is drawn body after body.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth.compiled import compiled

NEAR_M = 0.05  # triangles with a vertex nearer than this are not drawn
MARGIN = 1  # a body's own pixels are counted that many pictures beyond each edge
SKY = -1

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Integers = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Canvas:
    """What each pixel sees, written in place by whatever is drawn.

    Attributes:
        depth: [H, W] float32 camera z, metres; infinite where nothing is.
        person: [H, W] uint8: 1 + index of the actor, 0 elsewhere.
        surface: [H, W] int32: the body's face where a person is, else 6 * box + side, else SKY.
    """

    depth: NDArray[np.float32]
    person: NDArray[np.uint8]
    surface: NDArray[np.int32]

    @classmethod
    def blank(cls, width: int, height: int) -> "Canvas":
        """A canvas with nothing but sky."""
        return cls(
            depth=np.full((height, width), np.inf, np.float32),
            person=np.zeros((height, width), np.uint8),
            surface=np.full((height, width), SKY, np.int32),
        )


@dataclass(frozen=True, eq=False)
class SparseWeights:
    """Skin weights without their zeros: vertex v has those in [starts[v], starts[v + 1]).

    Attributes:
        starts: [V + 1] int64.
        joints: [nonzero] int64.
        weights: [nonzero] float32.
    """

    starts: NDArray[np.int64]
    joints: NDArray[np.int64]
    weights: NDArray[np.float32]

    @classmethod
    def from_dense(cls, weights: NDArray[np.float32]) -> "SparseWeights":
        """Drop the zeros of [V, J] weights."""
        vertices, joints = np.nonzero(weights)
        starts = np.searchsorted(vertices, np.arange(len(weights) + 1))
        return cls(starts, joints, weights[vertices, joints])


def skin(rest: Floats, transforms: Floats, weights: SparseWeights) -> Floats:
    """Linear blend skinning.

    Args:
        rest: [V, 3] vertices at rest.
        transforms: [J, 3, 4] from rest to the pose.
        weights: Of V vertices.

    Returns:
        [V, 3] in the frame the transforms lead to.
    """
    return _skin(rest, transforms, weights.starts, weights.joints, weights.weights)


def draw_body(
    canvas: Canvas, vertices: Floats, faces: Integers, focal_px: float, person: int
) -> int:
    """Draw a body where it is nearer than what the canvas holds.

    Args:
        canvas: Written in place.
        vertices: [V, 3] camera, metres.
        faces: [F, 3] vertex indices, counter-clockwise seen from outside; backs are not drawn.
        focal_px: Of the camera; its principal point is the middle of the canvas.
        person: What to write into `canvas.person`.

    Returns:
        Pixels the body would fill alone on a canvas of three pictures by three.
    """
    height, width = canvas.depth.shape
    screen = _project(vertices, focal_px, width, height)
    seen = screen[screen[:, 2] > 0]
    if not len(seen):
        return 0
    edge = np.array([width, height])
    first = np.ceil(np.maximum(seen[:, :2].min(0), -MARGIN * edge)).astype(int)
    last = np.floor(np.minimum(seen[:, :2].max(0), (1 + MARGIN) * edge - 1)).astype(int)
    if (last < first).any():
        return 0
    columns, rows = (last - first + 1).tolist()
    nearness = np.zeros((rows, columns), np.float32)  # 1 / z; 0 where nothing is
    face_seen = np.empty((rows, columns), np.int32)
    left, top = first.tolist()
    _draw_faces(nearness, face_seen, screen, faces, left, top)
    return _merge(
        canvas.depth, canvas.person, canvas.surface, nearness, face_seen, left, top, person
    )


@compiled
def _skin(
    rest: Floats,
    transforms: Floats,
    starts: NDArray[np.int64],
    joints: NDArray[np.int64],
    weights: Floats,
) -> Floats:
    out = np.zeros(rest.shape, np.float32)
    for v in range(rest.shape[0]):
        for k in range(starts[v], starts[v + 1]):
            j, weight = joints[k], weights[k]
            for row in range(3):
                moved = transforms[j, row, 3]
                for column in range(3):
                    moved += transforms[j, row, column] * rest[v, column]
                out[v, row] += weight * moved
    return out


@compiled
def _project(vertices: Floats, focal_px: float, width: int, height: int) -> Doubles:
    """Pixels and 1 / z [V, 3]; all 0 nearer than NEAR_M."""
    screen = np.zeros((vertices.shape[0], 3))
    for v in range(vertices.shape[0]):
        z = np.float64(vertices[v, 2])
        if z >= NEAR_M:
            screen[v, 0] = focal_px * vertices[v, 0] / z + 0.5 * (width - 1)
            screen[v, 1] = focal_px * vertices[v, 1] / z + 0.5 * (height - 1)
            screen[v, 2] = 1.0 / z
    return screen


@compiled
def _draw_faces(
    nearness: Floats, face_seen: Integers, screen: Doubles, faces: Integers, left: int, top: int
) -> None:
    """Triangles on a canvas of a body's own; 1 / z is linear on the screen, so it is exact."""
    right, bottom = left + nearness.shape[1] - 1, top + nearness.shape[0] - 1
    for f in range(faces.shape[0]):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        xa, ya, wa = screen[i, 0], screen[i, 1], screen[i, 2]
        xb, yb, wb = screen[j, 0], screen[j, 1], screen[j, 2]
        xc, yc, wc = screen[k, 0], screen[k, 1], screen[k, 2]
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        if area >= 0.0 or wa == 0.0 or wb == 0.0 or wc == 0.0:
            continue
        inverse = 1.0 / area
        first_x = max(int(np.ceil(min(xa, xb, xc))), left)
        last_x = min(int(np.floor(max(xa, xb, xc))), right)
        first_y = max(int(np.ceil(min(ya, yb, yc))), top)
        last_y = min(int(np.floor(max(ya, yb, yc))), bottom)
        for y in range(first_y, last_y + 1):
            for x in range(first_x, last_x + 1):
                a = ((xb - x) * (yc - y) - (xc - x) * (yb - y)) * inverse
                b = ((xc - x) * (ya - y) - (xa - x) * (yc - y)) * inverse
                c = ((xa - x) * (yb - y) - (xb - x) * (ya - y)) * inverse
                if a >= 0.0 and b >= 0.0 and c >= 0.0:
                    w = np.float32(a * wa + b * wb + c * wc)
                    if w > nearness[y - top, x - left]:
                        nearness[y - top, x - left] = w
                        face_seen[y - top, x - left] = f


@compiled
def _merge(
    depth: Floats,
    person: NDArray[np.uint8],
    surface: Integers,
    nearness: Floats,
    face_seen: Integers,
    left: int,
    top: int,
    number: int,
) -> int:
    """Write a body's own canvas into the picture's; return its pixels, those outside included."""
    height, width = depth.shape
    num_pixels = 0
    for row in range(nearness.shape[0]):
        for column in range(nearness.shape[1]):
            if nearness[row, column] == 0.0:
                continue
            num_pixels += 1
            y, x = row + top, column + left
            z = np.float32(1.0) / nearness[row, column]
            if 0 <= y < height and 0 <= x < width and z < depth[y, x]:
                depth[y, x] = z
                person[y, x] = number
                surface[y, x] = face_seen[row, column]
    return num_pixels
