"""Paint people over a picture: bodies or skeletons, heads, boxes, ids. Knows no tables, no video.

Letters: H and W pixels of the source picture, J = 52 joints, V vertices and F faces of a body.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from human3r_model.body_file import PARENTS
from schemas.joints import JOINT_INDICES

LONG_SIDE = 1600
"""Pixels of the painted picture's longer side: twice what a panel shows, so lines are smooth."""
MIN_SKIN_Z_M = 0.05  # nearer than this, skin has no place in the picture
SKIN_OPACITY = 0.75
LINE_PX = 5
HEAD_RADIUS_PX = 9
TEXT_PX = 34

TRACK_COLOURS: tuple[tuple[int, int, int], ...] = (
    (86, 180, 233),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (213, 94, 0),
    (0, 114, 178),
    (240, 228, 66),
)
"""Colours that colour-blind people tell apart (Okabe and Ito, "Color Universal Design", 2008)."""

BONES: tuple[tuple[int, int], ...] = tuple(
    (place, JOINT_INDICES.index(PARENTS[joint]))
    for place, joint in enumerate(JOINT_INDICES)
    if joint > 0
)
"""(joint, its parent) among the 52 joints of the people table."""


@dataclass(frozen=True, eq=False)
class Skin:
    """The surface of one person.

    Attributes:
        vertices: [V, 3] camera, metres.
        vertices_px: [V, 2] their projection, source pixels; anything where z is not positive.
    """

    vertices: NDArray[np.float32]
    vertices_px: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PaintedPerson:
    """What is painted of one person, in source pixels with (0, 0) at the first pixel's centre.

    Attributes:
        track_id: Chooses the colour.
        score: Of the detection.
        head_px: [2] where the network sees the head.
        box_px: [2, 2] upper left and lower right corner, or None.
        joints_px: [J, 2] in the order of the people table, or None.
        skin: The body, painted instead of the skeleton, or None.
    """

    track_id: int
    score: float
    head_px: NDArray[np.float64]
    box_px: NDArray[np.float64] | None
    joints_px: NDArray[np.float64] | None
    skin: Skin | None


def track_colour(track_id: int) -> tuple[int, int, int]:
    """RGB of a track; they repeat after seven."""
    return TRACK_COLOURS[track_id % len(TRACK_COLOURS)]


def paint_people(
    rgb: NDArray[np.uint8], people: Sequence[PaintedPerson], faces: NDArray[np.int64] | None
) -> NDArray[np.uint8]:
    """The picture with everybody on it.

    Args:
        rgb: [H, W, 3] source picture.
        people: Who to paint; later ones over earlier ones, skins by their depth.
        faces: [F, 3] of every skin; None where nobody has one.

    Returns:
        [H', W', 3], the picture resized so that its longer side has `LONG_SIDE` pixels.
    """
    height, width = rgb.shape[:2]
    scale = LONG_SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    canvas = Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC)
    if faces is not None:
        canvas = _paint_skins(canvas, people, faces, scale)
    draw = ImageDraw.Draw(canvas)
    for person in people:
        _paint_marks(draw, person, scale)
    for person in people:
        _paint_name(draw, person, scale)
    return np.asarray(canvas)


def _paint_skins(
    canvas: Image.Image, people: Sequence[PaintedPerson], faces: NDArray[np.int64], scale: float
) -> Image.Image:
    """All faces, far ones first (the painter's algorithm), lit from the camera."""
    triangles = [
        triangle for person in people for triangle in _triangles(person, faces, scale, canvas.size)
    ]
    triangles.sort(key=lambda triangle: -triangle[0])
    skins, mask = canvas.copy(), Image.new("L", canvas.size)
    draw_skins, draw_mask = ImageDraw.Draw(skins), ImageDraw.Draw(mask)
    for _, corners, colour in triangles:
        draw_skins.polygon(corners, fill=colour)
        draw_mask.polygon(corners, fill=round(255 * SKIN_OPACITY))
    return Image.composite(skins, canvas, mask)


def _triangles(
    person: PaintedPerson, faces: NDArray[np.int64], scale: float, size: tuple[int, int]
) -> Iterator[tuple[float, list[float], tuple[int, int, int]]]:
    """(depth, corners x0 y0 x1 y1 x2 y2, colour) of every face that can be seen."""
    if person.skin is None:
        return
    corners = person.skin.vertices[faces]  # [F, 3, 3]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    centre = corners.mean(axis=1)
    length = np.linalg.norm(normal, axis=1) * np.linalg.norm(centre, axis=1)
    facing = -(normal * centre).sum(axis=1) / np.maximum(length, 1e-12)  # cosine to the camera
    corners_px = _on_canvas(person.skin.vertices_px, scale)[faces]  # [F, 3, 2]
    is_near_picture = (corners_px > -max(size)).all((1, 2)) & (corners_px < 2 * max(size)).all(
        (1, 2)
    )
    is_seen = (corners[..., 2].min(axis=1) > MIN_SKIN_Z_M) & (facing > 0) & is_near_picture
    shade = 0.45 + 0.55 * facing[is_seen]
    colours = np.rint(shade[:, None] * track_colour(person.track_id)).astype(int)
    for depth, xy, colour in zip(
        centre[is_seen, 2], corners_px[is_seen].reshape(-1, 6), colours, strict=True
    ):
        yield float(depth), xy.tolist(), (int(colour[0]), int(colour[1]), int(colour[2]))


def _paint_marks(draw: ImageDraw.ImageDraw, person: PaintedPerson, scale: float) -> None:
    """Box, skeleton, and where the network sees the head."""
    colour = track_colour(person.track_id)
    if person.box_px is not None:
        x0, y0, x1, y1 = _on_canvas(person.box_px, scale).ravel().tolist()
        draw.rectangle((x0, y0, x1, y1), outline=colour, width=LINE_PX)
    if person.joints_px is not None and person.skin is None:
        joints = _on_canvas(person.joints_px, scale)
        for joint, parent in BONES:
            line = [*joints[joint].tolist(), *joints[parent].tolist()]
            draw.line(line, fill=colour, width=LINE_PX)
    x, y = _on_canvas(person.head_px, scale).tolist()
    draw.circle((x, y), HEAD_RADIUS_PX, fill=colour, outline="white", width=2)


def _paint_name(draw: ImageDraw.ImageDraw, person: PaintedPerson, scale: float) -> None:
    """Track id and score, above the box or the head, inside the picture."""
    font = ImageFont.load_default(TEXT_PX)
    text = f" {person.track_id}  {person.score:.2f} "
    if person.box_px is not None:
        x, y = _on_canvas(person.box_px[0], scale)
    else:
        x, y = _on_canvas(person.head_px, scale) - [0, 2 * HEAD_RADIUS_PX]
    width, height = draw.textlength(text, font), 1.2 * TEXT_PX
    x = min(max(float(x), 0), max(0, draw.im.size[0] - width))
    y = min(max(float(y) - height, 0), draw.im.size[1] - height)
    draw.rectangle((x, y, x + width, y + height), fill=track_colour(person.track_id))
    draw.text((x, y), text, fill="black", font=font)


def _on_canvas(xy_px: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """Source pixels to canvas pixels, centres at integers in both."""
    return (np.asarray(xy_px, np.float64) + 0.5) * scale - 0.5
