"""Where the ground is in the world of each clip, so that feet below it can be measured."""

import numpy as np
from numpy.typing import NDArray

UP = np.array([0.0, -1.0, 0.0])  # of the scene's world, whose ground is y = 0


def ground_plane(world_from_camera: NDArray[np.float64]) -> dict:
    """`normal` and `offset_m` of `schemas.truth_files.GROUND`, in the world of a clip.

    Args:
        world_from_camera: [4, 4] of the clip's first frame, in the scene's world.
    """
    rotation, position = world_from_camera[:3, :3], world_from_camera[:3, 3]
    return {"normal": (rotation.T @ UP).tolist(), "offset_m": -float(UP @ position)}
