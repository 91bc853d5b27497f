"""Clips whose truth is known: cameras, focal length and people made up, as if a network said so."""

from fractions import Fraction

import numpy as np
import torch

from human3r_model.geometry import axis_angle_to_matrix, matrix_to_quaternion
from human3r_model.preprocess import ImageGeometry, image_geometry
from pipeline.depth import DepthWriter
from pipeline.labels import DEPTH_STRIDE, ClipLabels, FrameLabels, PeopleLabels
from pipeline.plan import PlannedClip

LANDSCAPE = image_geometry(1920, 1080)  # 512x288, 3.75 source pixels a pixel, no crop
PORTRAIT = image_geometry(1080, 1920)
SQUARE = image_geometry(600, 600)  # 512x512, then 64 rows are cut off above and below


def planned_clip(num_frames: int, geometry: ImageGeometry = LANDSCAPE, **changes) -> PlannedClip:
    """Every second frame of a video at 50 frames a second whose clock starts at 1000."""
    index = 10 + 2 * np.arange(num_frames, dtype=np.int32)
    fields = {
        "shard_index": 0,
        "shard_id": "b" * 20,
        "clip_id": "a" * 20,
        "video_id": "c" * 20,
        "video_index": 0,
        "uri": "walk.mp4",
        "etag": "1",
        "size_bytes": 1,
        "shot_index": 0,
        "start_frame": 10,
        "end_frame": 9 + 2 * num_frames,
        "start_time_s": 0.2,
        "end_time_s": (9 + 2 * num_frames) / 50,
        "frame_index": index,
        "frame_pts": 1000 + 20 * index.astype(np.int64),
        "start_pts": 1000,
        "time_base": Fraction(1, 1000),
        "width": geometry.source_width,
        "height": geometry.source_height,
        "rotation_deg": 0,
        "has_timestamps": True,
        "shares_first_frame": False,
        "probe_error": None,
    }
    return PlannedClip(**(fields | changes))


def random_rotations(seed: int, *shape: int, most: float = 1.0) -> torch.Tensor:
    """[..., 3, 3] turns of at most `most` radians about each axis."""
    vectors = torch.rand(*shape, 3, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return axis_angle_to_matrix(vectors * most)


def cameras(num_frames: int) -> np.ndarray:
    """[T, 7] cameras that turn and move."""
    quaternions = matrix_to_quaternion(random_rotations(11, num_frames)).numpy()
    positions = np.random.default_rng(11).normal(size=(num_frames, 3)) * 3
    return np.concatenate([positions, quaternions], axis=1).astype(np.float32)


def frame_labels(num_frames: int, focal_px: object = 400.0, **changes) -> FrameLabels:
    """Frames with the cameras of `cameras`; the last one's depth has no valid pixel."""
    depth_m = np.full(num_frames, 4, np.float32)
    depth_m[-1] = np.nan
    fields = {
        "clip_frame": np.arange(num_frames, dtype=np.int32),
        "is_corrupt": np.zeros(num_frames, np.bool_),
        "world_from_camera": cameras(num_frames),
        "focal_px": np.broadcast_to(np.asarray(focal_px, np.float32), num_frames).copy(),
        "confidence": np.full(num_frames, 3, np.float32),
        "depth_valid_fraction": np.isfinite(depth_m).astype(np.float32),
        "depth_min_m": depth_m,
        "depth_median_m": depth_m,
        "depth_max_m": depth_m,
    }
    return FrameLabels(**(fields | changes))


def people_labels(frame: list[int], track_id: list[int] | None = None, **changes) -> PeopleLabels:
    """Random people 3 to 5 m away: bent, of all shapes, heads near the picture's centre."""
    num_people = len(frame)
    random = np.random.default_rng(5)
    heads = random.uniform([-0.5, -0.4, 3], [0.5, 0.4, 5], (num_people, 3))
    fields = {
        "frame": np.array(frame, np.int64),
        "track_id": np.array(track_id or range(num_people), np.int32),
        "score": np.full(num_people, 0.75, np.float32),
        "head_px": random.uniform(0, 250, (num_people, 2)).astype(np.float32),
        "rotations": random_rotations(5, num_people, 53).numpy(),
        "betas": random.normal(size=(num_people, 10)).astype(np.float32),
        "expression": random.normal(size=(num_people, 10)).astype(np.float32),
        "head_position": heads.astype(np.float32),
    }
    return PeopleLabels(**(fields | changes))


def clip_labels(
    people: PeopleLabels,
    num_frames: int,
    geometry: ImageGeometry = LANDSCAPE,
    *,
    has_depth: bool = True,
    depth_m: float = 100.0,
    num_lost: int = 0,
    **frames,
) -> ClipLabels:
    """A clip's labels; the scene is a wall, `depth_m` away."""
    writer = DepthWriter(geometry.width, geometry.height)
    for frame in range(num_frames):
        writer.add(np.full((geometry.height, geometry.width), depth_m, np.float32), frame / 25)
    coarse = (num_frames, geometry.height // DEPTH_STRIDE, geometry.width // DEPTH_STRIDE)
    return ClipLabels(
        geometry=geometry,
        principal_px=(geometry.width // 2, geometry.height // 2),
        frames=frame_labels(num_frames, **frames),
        people=people,
        depth=writer.finish() if has_depth else None,
        coarse_depth_m=np.full(coarse, depth_m, np.float32),
        num_lost=num_lost,
        decode_s=0.0,
        network_s=0.0,
        depth_s=0.0,
    )
