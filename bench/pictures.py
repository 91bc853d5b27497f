"""The frames of a local video: as they are decoded, and as a network sees them."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from human3r_model.preprocess import image_geometry, prepare_image
from pipeline.decode import DecodedFrame, LostFrame, decode_frames
from pipeline.probe import VideoInfo


def first_frames(
    video: str, info: VideoInfo, num_frames: int | None = None
) -> Iterator[DecodedFrame | LostFrame]:
    """Decode the first frames of a video.

    Args:
        video: Local path.
        info: What was probed of it.
        num_frames: At most; None for all.
    """
    return decode_frames(
        video,
        video,
        info.frame_pts[:num_frames],
        width=info.width,
        height=info.height,
        has_timestamps=info.has_timestamps,
    )


def network_pictures(
    video: str, info: VideoInfo, long_side: int, num_frames: int | None = None
) -> Iterator[NDArray[np.uint8]]:
    """The first frames as a network sees them, but for those that are lost.

    Args:
        video: Local path.
        info: What was probed of it.
        long_side: Of the network's picture.
        num_frames: At most; None for all.

    Yields:
        [H, W, 3] RGB.
    """
    geometry = image_geometry(info.width, info.height, long_side)
    for frame in first_frames(video, info, num_frames):
        if isinstance(frame, DecodedFrame):
            yield prepare_image(frame.rgb, geometry)
