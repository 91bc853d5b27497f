"""What a turning camera sees, made from one picture.

A camera that turns about its centre sees the rays it saw before, so one picture is enough for its
whole way, however far the scene is (Hartley and Zisserman, Multiple View Geometry, sec. 8.4). How
far what is seen has moved is learned from these: they move by whole patches, and cost nothing to
render. Letters: T frames, H and W pixels.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from training.compression import QUALITY, compress

ZOOM = 1.5
"""The turning camera's focal length over the picture's: what it sees is a part of the picture."""
MOST_DEG = (9.0, 5.0, 4.0)
"""How far each of its pictures is turned from the one it looks into, at most: yaw, pitch, roll."""
_EXPOSURE = 0.1
_MOST_NOISE = 8.0


def turn_camera(
    picture: NDArray[np.uint8], focal_px: float, num_frames: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Look into a picture with a camera of `ZOOM` times its focal length, this way and that.

    Args:
        picture: [H, W, 3].
        focal_px: Of the camera that took it.
        num_frames: T.
        rng: Draws turns, exposures, noise and compression, all anew for every frame: what does not
            move with the scene is no help in finding it again.

    Returns:
        Frames [T, H, W, 3] and world_from_camera [T, 4, 4]; the world is the first frame's camera.
        Where it looks past the picture's border, the border goes on.
    """
    turns = np.stack(
        [_turn(np.radians(rng.uniform(-1, 1, 3) * MOST_DEG)) for _ in range(num_frames)]
    )
    gains = rng.uniform(1 - _EXPOSURE, 1 + _EXPOSURE, (num_frames, 1, 1, 3))
    half = (np.array(picture.shape[1::-1]) - 1) / 2  # x, y of the middle
    pixels = np.stack(np.meshgrid(*[np.arange(2 * end + 1) - end for end in half]), axis=-1)
    rays = np.concatenate([pixels / (ZOOM * focal_px), np.ones_like(pixels[..., :1])], axis=-1)
    seen = np.einsum("tij,hwj->thwi", turns, rays)
    places = seen[..., :2] / seen[..., 2:] * focal_px / half  # [T, H, W, 2] in -1..1
    source = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float()
    frames = F.grid_sample(
        source.expand(num_frames, -1, -1, -1),
        torch.from_numpy(places).float(),
        padding_mode="border",
        align_corners=True,
    )
    exposed = frames.permute(0, 2, 3, 1).numpy() * gains
    spread = rng.uniform(0, _MOST_NOISE, (num_frames, 1, 1, 1))
    noisy = (exposed + spread * rng.standard_normal(exposed.shape)).round().clip(0, 255)
    pictures = [compress(one, int(rng.integers(*QUALITY))) for one in noisy.astype(np.uint8)]
    poses = np.tile(np.eye(4, dtype=np.float32), (num_frames, 1, 1))
    poses[:, :3, :3] = turns[0].T @ turns
    return np.stack(pictures), poses


def _turn(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """[3, 3] of yaw, pitch, roll in radians, OpenCV camera: the roll first."""
    turn = np.eye(3)
    for angle, first, second in zip(angles, (2, 1, 0), (0, 2, 1), strict=True):
        one = np.eye(3)
        one[first, first] = one[second, second] = np.cos(angle)
        one[second, first], one[first, second] = np.sin(angle), -np.sin(angle)
        turn = turn @ one
    return turn
