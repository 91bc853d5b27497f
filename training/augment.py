"""The same clip as another camera and other clothes would have shown it.

What is true of it changes along. Letters: T frames, H and W pixels.
"""

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from training.clips import TrainingClip

MIRROR = np.array([-1.0, 1.0, 1.0], np.float32)
# Places in the network's 53 rotations: each joint's partner on the other side of the body.
_PAIRS = ((1, 2), (4, 5), (7, 8), (10, 11), (13, 14), (16, 17), (18, 19), (20, 21))
MOST_FOCAL = 1.15
"""Of the picture's longer side: up to there a picture is zoomed into."""
MOST_SOFT = 1.5
_ZOOMED, _SOFTENED, _DRESSED = 0.6, 0.5, 0.5  # how often
_WHITE_BALANCE, _CAST = 0.08, 0.4  # how far a channel's gain may be from the others'
_MOST_PATCHES = 3


def draw_zoom(focal_px: float, long_side: int, rng: np.random.Generator) -> tuple[float, float]:
    """Draw what `zoom` takes: how much longer the focal length gets, and how soft the picture.

    A picture that always had one focal length would be known by heart, and the network would never
    look how what it sees is foreshortened. Pictures that are not enlarged are as soft as those that
    are, or softness would tell.

    Args:
        focal_px: Of the picture.
        long_side: Pixels of its longer side.
        rng: Draws them.
    """
    factor = 1.0
    if rng.random() < _ZOOMED:
        share = focal_px / long_side
        factor = rng.uniform(share, max(share, MOST_FOCAL)) / share
    softness = rng.uniform(1, MOST_SOFT) if rng.random() < _SOFTENED else 1.0
    return factor, max(factor, softness)


def zoom(clip: TrainingClip, factor: float, softness: float) -> TrainingClip:
    """The middle of a clip's pictures, enlarged: a longer focal length.

    Args:
        clip: The clip.
        factor: The new focal length over the old one, 1 or more.
        softness: How much as a picture enlarged so often; `factor` or more.
    """
    if softness == 1:
        return clip
    height, width = clip.frames.shape[1:3]
    middle = np.array([width - 1, height - 1]) / 2
    column, row = (
        np.rint((np.arange(2 * half + 1) - half) / factor + half).astype(int) for half in middle
    )

    def picked(values: NDArray) -> NDArray:
        return values[:, row[:, None], column]

    head_px = ((clip.head_px - middle) * factor + middle).astype(np.float32)
    is_inside = ((head_px >= -0.5) & (head_px < 2 * middle + 0.5)).all(-1)
    return replace(
        clip,
        frames=_enlarge(clip.frames, factor, softness),
        depth_m=picked(clip.depth_m),
        person=picked(clip.person),
        surface=picked(clip.surface),
        focal_px=(clip.focal_px * factor).astype(np.float32),
        head_px=head_px,
        is_seen=clip.is_seen & (is_inside | (factor == 1)),
    )


def mirror(clip: TrainingClip) -> TrainingClip:
    """The clip in a mirror: left is right, for pictures, cameras and bodies alike."""
    width = clip.frames.shape[2]
    order = np.arange(53)
    for left, right in _PAIRS:
        order[[left, right]] = right, left
    order[22:52] = np.r_[37:52, 22:37]  # the hands
    turn = np.outer(MIRROR, MIRROR)
    pose = clip.world_from_camera.copy()
    pose[:, :3, :3] *= turn
    pose[:, :3, 3] *= MIRROR
    head_px = clip.head_px.copy()
    head_px[..., 0] = width - 1 - head_px[..., 0]
    return replace(
        clip,
        frames=clip.frames[:, :, ::-1],
        depth_m=clip.depth_m[:, :, ::-1],
        person=clip.person[:, :, ::-1],
        surface=clip.surface[:, :, ::-1] * np.array([-1, 1, 1], np.int8),
        world_from_camera=pose,
        head_px=head_px,
        rotations=clip.rotations[:, :, order] * turn,
        head_position=clip.head_position * MIRROR,
    )


def recolour(
    frames: NDArray[np.uint8], person: NDArray[np.uint8], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Another exposure and white balance for all, and often other clothes and skin for everybody.

    The latter is against learning people by heart: known clothes tell which way somebody faced. So
    that a cast of colour or its edge does not tell who is a person, it is not always there, has a
    soft edge, and lies on pieces of the scene too.

    Args:
        frames: [T, H, W, 3].
        person: [T, H, W] whom a pixel shows; 0 is nobody.
        rng: Draws them.
    """
    seen = np.unique(person[person > 0]) if rng.random() < _DRESSED else ()
    parts = [person == who for who in seen]
    for _ in range(rng.integers(_MOST_PATCHES + 1)):
        part = np.zeros(person.shape, np.bool_)
        part[(slice(None), *_draw_box(person.shape[1:], rng))] = True
        parts.append(part)
    recoloured = frames
    for part in parts:
        cast = _colour_map(rng, _CAST)[recoloured, [0, 1, 2]].astype(np.float32)
        share = F.avg_pool2d(torch.from_numpy(part[:, None]).float(), 3, 1, 1)[:, 0, ..., None]
        recoloured = (recoloured + share.numpy() * (cast - recoloured)).round().astype(np.uint8)
    return _colour_map(rng, _WHITE_BALANCE)[recoloured, [0, 1, 2]]


def _draw_box(shape: tuple[int, ...], rng: np.random.Generator) -> list[slice]:
    """Rows and columns of a piece of a picture, some as large as a person."""
    starts = [int(rng.integers(length)) for length in shape]
    return [
        slice(start, start + int(length * rng.uniform(0.1, 0.6)) + 1)
        for start, length in zip(starts, shape, strict=True)
    ]


def _colour_map(rng: np.random.Generator, gain_spread: float) -> NDArray[np.uint8]:
    """[256, 3] what becomes of each level of each channel."""
    levels = np.arange(256)[:, None] / 255
    gain = rng.uniform(0.75, 1.25) * rng.uniform(1 - gain_spread, 1 + gain_spread, 3)
    contrast, shift = rng.uniform(0.8, 1.2), rng.uniform(-0.06, 0.06)
    table = np.clip(((levels * gain - 0.5) * contrast + 0.5 + shift) * 255, 0, 255)
    return table.astype(np.uint8)


def _enlarge(frames: NDArray[np.uint8], factor: float, softness: float) -> NDArray[np.uint8]:
    """Pictures [T, H, W, 3] about their middle, as soft as if enlarged `softness` times."""
    pictures: Tensor = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float()
    size = (pictures.shape[2], pictures.shape[3])
    if softness > factor:
        small = tuple(round(side * factor / softness) for side in size)
        pictures = F.interpolate(pictures, small, mode="bilinear", antialias=True)
        pictures = F.interpolate(pictures, size, mode="bilinear")
    if factor > 1:
        shrink = torch.eye(2, 3) / factor
        grid = F.affine_grid(
            shrink.expand(len(pictures), -1, -1), list(pictures.shape), align_corners=True
        )
        pictures = F.grid_sample(pictures, grid, align_corners=True, padding_mode="border")
    return pictures.permute(0, 2, 3, 1).round().clamp(0, 255).to(torch.uint8).numpy()
