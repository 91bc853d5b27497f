"""The same clip as another camera and other clothes would have shown it.

What is true of it changes along. Letters: T frames, H and W pixels.
"""

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from synth.cameras import FOCAL_SHARES
from training.clips import TrainingClip

MIRROR = np.array([-1.0, 1.0, 1.0], np.float32)
# Places in the network's 53 rotations: each joint's partner on the other side of the body.
_PAIRS = ((1, 2), (4, 5), (7, 8), (10, 11), (13, 14), (16, 17), (18, 19), (20, 21))
MOST_SOFT = 1.4
_SOFTENED, _DRESSED = 0.5, 0.5  # how often
_WHITE_BALANCE, _CAST = 0.08, 0.4  # how far a channel's gain may be from the others'
_MOST_PATCHES = 3


def zoom(
    clip: TrainingClip, focal_px: float, size: tuple[int, int], softness: float = 1.0
) -> TrainingClip:
    """The middle of a clip's pictures, as a camera with a longer lens would have seen it.

    A picture that always had one focal length is known by heart, and nobody looks how what it shows
    is foreshortened; so focal lengths are drawn anew each time.

    Args:
        clip: Of pictures with a margin around what is to be seen.
        focal_px: The new focal length, in pixels of the new picture.
        size: Width and height of the new picture. What a network's crop leaves out above and below,
            or at the sides, still counts as seen.
        softness: At least so soft as if enlarged so often: a picture that is enlarged should not be
            told by that.
    """
    old = np.array(clip.frames.shape[2:0:-1])  # width, height
    old_middle, middle = (old - 1) / 2, (np.array(size) - 1) / 2
    ratio = float(clip.focal_px[0]) / focal_px  # of an old pixel to a new one
    column, row = (
        np.rint((np.arange(2 * half + 1) - half) * ratio + old_half).astype(int)
        for half, old_half in zip(middle, old_middle, strict=True)
    )

    def picked(values: NDArray) -> NDArray:
        return values[:, row.clip(0, old[1] - 1)[:, None], column.clip(0, old[0] - 1)]

    offset = (clip.head_px - old_middle) / ratio
    uncropped = np.round(old * (max(size) / max(old)))
    return replace(
        clip,
        frames=_resample(clip.frames, ratio, size, softness),
        depth_m=picked(clip.depth_m),
        person=picked(clip.person),
        surface=picked(clip.surface),
        focal_px=np.full_like(clip.focal_px, focal_px),
        head_px=(offset + middle).astype(np.float32),
        is_seen=clip.is_seen & (abs(offset) <= uncropped / 2).all(-1),
    )


def draw_focal_share(share: float, rng: np.random.Generator) -> float:
    """A focal length as the world's cameras have them, over the longer side of the picture.

    Args:
        share: Likewise of the picture there is, which no shorter lens can look out of.
        rng: Draws it.
    """
    return max(share, rng.uniform(*FOCAL_SHARES))


def draw_softness(rng: np.random.Generator) -> float:
    """What `zoom` takes: half of the pictures are no softer than they are."""
    return rng.uniform(1, MOST_SOFT) if rng.random() < _SOFTENED else 1.0


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


def _resample(
    frames: NDArray[np.uint8], ratio: float, size: tuple[int, int], softness: float
) -> NDArray[np.uint8]:
    """Pictures [T, H, W, 3] about their middle, an old pixel being `ratio` of a new one."""
    pictures: Tensor = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float()
    old = (pictures.shape[2], pictures.shape[3])
    shrink = softness * ratio
    if shrink > 1:
        small = tuple(round(side / shrink) for side in old)
        pictures = F.interpolate(pictures, small, mode="bilinear", antialias=True)
        pictures = F.interpolate(pictures, old, mode="bilinear")
    width, height = size
    part = torch.tensor([[(width - 1) / (old[1] - 1), 0, 0], [0, (height - 1) / (old[0] - 1), 0]])
    grid = F.affine_grid(
        (ratio * part).expand(len(pictures), -1, -1),
        [len(pictures), 3, height, width],
        align_corners=True,
    )
    found = F.grid_sample(pictures, grid, align_corners=True, padding_mode="border")
    return found.permute(0, 2, 3, 1).round().clamp(0, 255).to(torch.uint8).numpy()
