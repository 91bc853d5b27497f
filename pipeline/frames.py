"""From a planned clip to pictures the network can take: open, decode, resize, one by one."""

import time
from collections.abc import Iterator

from human3r_model.preprocess import ImageGeometry, prepare_image
from pipeline.decode import LostFrame, decode_frames
from pipeline.errors import DecodeError
from pipeline.labels import ModelFrame
from pipeline.plan import PlannedClip
from pipeline.retries import Retries
from pipeline.storage import StoredFile, open_media
from pipeline.uris import join_uri


def open_frames(
    clip: PlannedClip,
    root: str,
    geometry: ImageGeometry,
    retries: Retries,
    num_decoders: int = 1,
) -> Iterator[ModelFrame]:
    """Decode a clip's sampled frames, lazily; frames that are lost are left out.

    Args:
        clip: What to decode.
        root: SRC, which the video's name is relative to.
        geometry: How a source picture becomes the network's.
        retries: What reading the video may try again.
        num_decoders: Clips that are decoded side by side, this one among them.

    Raises:
        DecodeError: The video cannot be decoded, or is no longer the one that was planned.
        StorageError: It is gone, or cannot be read.
    """
    with open_media(join_uri(root, clip.uri), retries) as (media, stored):
        _check_unchanged(clip, stored)
        frames = decode_frames(
            media,
            clip.uri,
            clip.frame_pts,
            width=clip.width,
            height=clip.height,
            has_timestamps=clip.has_timestamps,
            num_decoders=num_decoders,
        )
        began = time.perf_counter()
        for clip_frame, frame in enumerate(frames):
            if not isinstance(frame, LostFrame):
                rgb = prepare_image(frame.rgb, geometry)
                seconds = time.perf_counter() - began
                yield ModelFrame(clip_frame, rgb, frame.is_corrupt, seconds)
                began = time.perf_counter()


def _check_unchanged(clip: PlannedClip, stored: StoredFile) -> None:
    """Labels of a file that was replaced since would stand under the old one's name."""
    if (stored.size_bytes, stored.version) != (clip.size_bytes, clip.etag):
        raise DecodeError(
            f"{clip.uri}: changed since it was planned ({clip.size_bytes} bytes, {clip.etag}, "
            f"now {stored.size_bytes} bytes, {stored.version}). Annotate it into a new OUT"
        )
