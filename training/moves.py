"""What a moving camera sees, made from one picture and its depth.

How far what is seen has moved is learned from these: it moves by whole patches, and costs nothing
to render. People in the picture stand still, so somebody from another picture passes by, or the
network would look how people move instead of the camera. Letters: T frames, H and W pixels.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from training.augment import draw_focal_share
from training.compression import QUALITY, compress

MOST_DEG = (9.0, 5.0, 4.0)
"""How far each of its frames is turned from the picture, at most: yaw, pitch, roll."""
MOST_M = (0.4, 0.15, 0.4)
"""And how far it is away: right, down, forward."""
ORBIT_M = (0.7, 0.2, 0.4)
"""Likewise of a camera that keeps looking at the middle of the scene, as many a camera does."""
SHARES = (0.3, 1.0)
"""Of how far it is turned at most: this clip's camera."""
_ORBITS, _UNSTEADY = 0.4, 0.3
_EXPOSURE = 0.1
_MOST_NOISE = 8.0
_FAR_M = 1e4
_LEAST_DEPTH_M = 0.1
_NUM_STEPS = 4  # to find a point along a ray; what is hidden in the picture is never found


@dataclass(frozen=True, eq=False)
class Moved:
    """T frames of a camera that moves; the world is the first one's camera.

    Attributes:
        frames: [T, H, W, 3] uint8.
        depth_m: [T, H, W] float16 camera z, 0 where infinitely far.
        is_person: [T, H, W] shows a person, or lies past the picture's border, where its last
            pixels go on: what a camera is not to be told from.
        world_from_camera: [T, 4, 4].
        focal_px: Of all frames.
    """

    frames: NDArray[np.uint8]
    depth_m: NDArray[np.float16]
    is_person: NDArray[np.bool_]
    world_from_camera: NDArray[np.float32]
    focal_px: float


def move_camera(
    picture: NDArray[np.uint8],
    depth_m: NDArray[np.float16],
    is_person: NDArray[np.bool_],
    passer: tuple[NDArray[np.uint8], NDArray[np.bool_]],
    focal_px: float,
    size: tuple[int, int],
    num_frames: int,
    rng: np.random.Generator,
) -> Moved:
    """Move a camera through the scene of a picture, a little this way and that.

    Args:
        picture: [H, W, 3].
        depth_m: [H, W] of it, 0 where infinitely far.
        is_person: [H, W] of it.
        passer: Another picture [H, W, 3], and what of it passes by [H, W].
        focal_px: Of the camera that took the picture.
        size: Width and height of what the moving camera sees: a part of the picture, if that was
            taken with a shorter lens.
        num_frames: T.
        rng: Draws everything. Exposure, noise and compression are drawn anew for every frame: what
            does not move with the scene is no help in finding it again.
    """
    focal = draw_focal_share(focal_px / max(picture.shape), rng) * max(size)
    far_m = float(np.median(np.where(depth_m == 0, _FAR_M, depth_m)))
    turns, positions = _draw_path(num_frames, far_m, rng)
    half = (np.array(picture.shape[1::-1]) - 1) / 2  # x, y of the middle
    seen_half = (np.array(size) - 1) / 2
    pixels = np.stack(np.meshgrid(*[np.arange(2 * end + 1) - end for end in seen_half]), axis=-1)
    rays = np.concatenate([pixels / focal, np.ones_like(pixels[..., :1])], axis=-1)
    scale = torch.tensor(focal_px / half).float()

    seen = torch.from_numpy(np.einsum("tij,hwj->thwi", turns, rays)).float()
    known = torch.from_numpy(np.where(depth_m == 0, _FAR_M, depth_m)).float()
    origins = torch.from_numpy(positions)[:, None, None].float()
    places, depth = _project(seen, scale), known.new_zeros(())
    for _ in range(_NUM_STEPS):
        z = _sample(known[..., None], places, "nearest")[..., 0]
        depth = ((z - origins[..., 2]) / seen[..., 2]).clamp(min=_LEAST_DEPTH_M)
        places = _project(origins + seen * depth[..., None], scale)
    frames = _sample(torch.tensor(picture).float(), places, "bilinear")
    hides = _sample(torch.tensor(is_person)[..., None].float(), places, "nearest")[..., 0] > 0
    hides |= (places.abs() > 1).any(-1)

    paths = np.einsum("tij,hwj->thwi", _draw_turns(num_frames, rng.uniform(0, 1), rng), rays)
    beside = _project(torch.from_numpy(paths).float(), scale)
    clothes, shape = (torch.tensor(part) for part in passer)
    passes = _sample(shape[..., None].float(), beside, "nearest") > 0
    passes &= (beside.abs() <= 1).all(-1, keepdim=True)
    frames = torch.where(passes, _sample(clothes.float(), beside, "bilinear"), frames)

    poses = np.tile(np.eye(4), (num_frames, 1, 1))
    poses[:, :3, :3], poses[:, :3, 3] = turns, positions
    return Moved(
        frames=_taken(frames.numpy(), rng),
        depth_m=torch.where(depth > _FAR_M / 2, 0.0, depth).numpy().astype(np.float16),
        is_person=(hides | passes[..., 0]).numpy(),
        world_from_camera=(np.linalg.inv(poses[0]) @ poses).astype(np.float32),
        focal_px=focal,
    )


def _draw_path(
    num_frames: int, far_m: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rotations [T, 3, 3] and positions [T, 3]: anyhow, or around what is `far_m` ahead."""
    reach = rng.uniform(0, 1)
    if rng.random() < _ORBITS:
        positions = reach * rng.uniform(-1, 1, (num_frames, 3)) * ORBIT_M
        x, y, z = positions.T
        aimed = [np.arctan2(-x, far_m - z), np.arctan2(y, far_m - z), np.zeros(num_frames)]
        aims = np.stack([_turn(one) for one in np.stack(aimed, axis=1)])
        return aims @ _draw_turns(num_frames, rng.uniform(0, _UNSTEADY), rng), positions
    positions = reach * rng.uniform(-1, 1, (num_frames, 3)) * MOST_M
    return _draw_turns(num_frames, rng.uniform(*SHARES), rng), positions


def _draw_turns(num_frames: int, share: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """[T, 3, 3] within a share of the bounds."""
    angles = share * np.radians(rng.uniform(-1, 1, (num_frames, 3)) * MOST_DEG)
    return np.stack([_turn(one) for one in angles])


def _turn(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """[3, 3] of yaw, pitch, roll in radians, OpenCV camera: the roll first."""
    turn = np.eye(3)
    for angle, first, second in zip(angles, (2, 1, 0), (0, 2, 1), strict=True):
        one = np.eye(3)
        one[first, first] = one[second, second] = np.cos(angle)
        one[second, first], one[first, second] = np.sin(angle), -np.sin(angle)
        turn = turn @ one
    return turn


def _project(points: Tensor, scale: Tensor) -> Tensor:
    """[T, H, W, 3] to where they are in the picture [T, H, W, 2], its borders at -1 and 1."""
    return points[..., :2] / points[..., 2:].clamp(min=_LEAST_DEPTH_M) * scale


def _sample(values: Tensor, places: Tensor, mode: str) -> Tensor:
    """[H, W, C] at places [T, H, W, 2]; past the border, the border goes on."""
    source = values.permute(2, 0, 1).expand(len(places), -1, -1, -1)
    found = F.grid_sample(source, places, mode=mode, padding_mode="border", align_corners=True)
    return found.permute(0, 2, 3, 1)


def _taken(frames: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Frames [T, H, W, 3] as cameras leave them."""
    gains = rng.uniform(1 - _EXPOSURE, 1 + _EXPOSURE, (len(frames), 1, 1, 3))
    spread = rng.uniform(0, _MOST_NOISE, (len(frames), 1, 1, 1))
    noisy = frames * gains + spread * rng.standard_normal(frames.shape)
    pictures = noisy.round().clip(0, 255).astype(np.uint8)
    return np.stack([compress(one, int(rng.integers(*QUALITY))) for one in pictures])
