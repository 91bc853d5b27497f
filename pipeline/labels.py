"""What the network said of one clip, gathered frame by frame; arrays of fixed meaning, no tables.

Letters: T annotated frames, N people over all of them, H and W the network's picture.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from human3r_model.preprocess import ImageGeometry
from pipeline.depth import DepthObject

DEPTH_STRIDE = 4


@dataclass(frozen=True)
class ModelFrame:
    """One frame ready for the network.

    Attributes:
        clip_frame: Its place among the clip's sampled frames.
        rgb: [H, W, 3] uint8, resized and cropped.
        is_corrupt: The decoder reported damage.
        decode_s: Seconds spent on decoding and preparing it.
    """

    clip_frame: int
    rgb: NDArray[np.uint8]
    is_corrupt: bool
    decode_s: float


@dataclass(frozen=True)
class FrameLabels:
    """[T] arrays of one clip's annotated frames.

    Attributes:
        clip_frame: [T] place among the clip's sampled frames; holes where frames were lost.
        is_corrupt: [T].
        world_from_camera: [T, 7] translation (metres) and unit quaternion (w, x, y, z), w >= 0.
        focal_px: [T] pixels of the network's picture; NaN where none can be estimated.
        confidence: [T] mean over the picture of the pointmap's confidence.
        depth_valid_fraction: [T] part of the pixels with a depth.
        depth_min_m: [T] metres; NaN without a valid pixel. Likewise median and max.
    """

    clip_frame: NDArray[np.int32]
    is_corrupt: NDArray[np.bool_]
    world_from_camera: NDArray[np.float32]
    focal_px: NDArray[np.float32]
    confidence: NDArray[np.float32]
    depth_valid_fraction: NDArray[np.float32]
    depth_min_m: NDArray[np.float32]
    depth_median_m: NDArray[np.float32]
    depth_max_m: NDArray[np.float32]


@dataclass(frozen=True)
class PeopleLabels:
    """[N] arrays of every person of every frame, in frame order.

    Attributes:
        frame: [N] index into the arrays of `FrameLabels`.
        track_id: [N] person inside the clip.
        score: [N] detection score.
        head_px: [N, 2] x, y in the network's picture.
        rotations: [N, 53, 3, 3] global (camera's frame), 21 body, 15 left and 15 right hand, jaw.
        betas: [N, 10] shape.
        expression: [N, 10].
        head_position: [N, 3] metres, camera's frame.
    """

    frame: NDArray[np.int64]
    track_id: NDArray[np.int32]
    score: NDArray[np.float32]
    head_px: NDArray[np.float32]
    rotations: NDArray[np.float32]
    betas: NDArray[np.float32]
    expression: NDArray[np.float32]
    head_position: NDArray[np.float32]


@dataclass(frozen=True)
class ClipLabels:
    """The network's whole answer for one clip.

    Attributes:
        geometry: Between the source picture and the network's.
        principal_px: x, y of the principal point, in the network's picture.
        frames: What was said of each frame.
        people: What was said of each person.
        depth: The depth object; None when depth is off.
        coarse_depth_m: [T, h, w] every `DEPTH_STRIDE`-th pixel of the depth, NaN where there is
            none: enough to tell what hides what.
        num_lost: Sampled frames that could not be decoded.
        decode_s: Seconds of work on decoding, in a thread of its own; likewise the other phases.
        num_out_of_memory: Times the clip's batch was too large for the device and made smaller.
    """

    geometry: ImageGeometry
    principal_px: tuple[float, float]
    frames: FrameLabels
    people: PeopleLabels
    depth: DepthObject | None
    coarse_depth_m: NDArray[np.float32]
    num_lost: int
    decode_s: float
    network_s: float
    depth_s: float
    num_out_of_memory: int = 0
