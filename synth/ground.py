"""Where the ground is in the world of each clip, so that feet below it can be measured."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

GROUND_SCHEMA = pa.schema(
    [
        pa.field("clip_id", pa.string(), nullable=False),
        pa.field("normal", pa.list_(pa.float64(), 3), nullable=False),
        pa.field("offset_m", pa.float64(), nullable=False),
    ]
)
"""Points x of the clip's world with normal . x = offset_m; the normal points up."""
UP = np.array([0.0, -1.0, 0.0])  # of the scene's world, whose ground is y = 0


def ground_plane(world_from_camera: NDArray[np.float64]) -> dict:
    """`normal` and `offset_m` in the world of a clip.

    Args:
        world_from_camera: [4, 4] of the clip's first frame, in the scene's world.
    """
    rotation, position = world_from_camera[:3, :3], world_from_camera[:3, 3]
    return {"normal": (rotation.T @ UP).tolist(), "offset_m": -float(UP @ position)}
