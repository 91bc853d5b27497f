"""A training clip made by hand: two people stand still before a wall, nothing is rendered."""

import numpy as np

from training.clips import TrainingClip

UPRIGHT = np.diag([1.0, -1.0, -1.0]).astype(np.float32)


def make_clip(
    head_px: list[tuple[float, float]],
    *,
    num_frames: int = 4,
    height: int = 96,
    width: int = 192,
    visible_fraction: float = 1.0,
) -> TrainingClip:
    """Everybody's head at a place of the picture, 3 m, 4 m, 5 m... away; a wall at 6 m."""
    num_people = len(head_px)
    rng = np.random.default_rng(7)
    rotations = np.tile(np.eye(3, dtype=np.float32), (num_frames, num_people, 53, 1, 1))
    rotations[:, :, 0] = UPRIGHT
    depth = 3.0 + np.arange(num_people)
    heads = np.array(head_px, np.float32).reshape(num_people, 2)
    offset = (heads - [(width - 1) / 2, (height - 1) / 2]) / 160 * depth[:, None]
    position = np.concatenate([offset, depth[:, None]], axis=1).astype(np.float32)
    shape = (num_frames, height, width)
    return TrainingClip(
        frames=rng.integers(0, 256, (*shape, 3), dtype=np.uint8),
        depth_m=np.full(shape, 6, np.float16),
        person=np.zeros(shape, np.uint8),
        surface=np.zeros((*shape, 3), np.int8),
        world_from_camera=np.tile(np.eye(4, dtype=np.float32), (num_frames, 1, 1)),
        focal_px=np.full(num_frames, 160, np.float32),
        is_seen=np.ones((num_frames, num_people), np.bool_),
        visible_fraction=np.full((num_frames, num_people), visible_fraction, np.float32),
        head_px=np.tile(heads, (num_frames, 1, 1)),
        rotations=rotations,
        betas=np.zeros((num_people, 10), np.float32),
        head_position=np.tile(position, (num_frames, 1, 1)),
    )
