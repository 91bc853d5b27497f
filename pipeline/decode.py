"""Decode chosen frames of a video, exactly those: one answer for every presentation time asked.

Knows nothing of clips or models. A frame that cannot be had is an answer too (`LostFrame`), so
that one damaged packet costs its own frames and nothing else.
"""

import contextlib
import functools
import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.av_io.media_errors import MediaError
from pipeline.av_io.reader import (
    Packet,
    RgbConverter,
    VideoFile,
    VideoFrame,
    VideoReader,
    displayed_size,
)
from pipeline.errors import DecodeError

# Steps back from the wanted time, in seconds, until a seek lands on a key frame at or before it.
SEEK_BACK_S = (0, 1, 4, 16)
# Program streams store few times; those that are made up after a seek are not those before it.
WITHOUT_SEEKS = frozenset({"mpeg"})
NO_PTS = -(2**63)  # before every frame
OpenReader = Callable[..., VideoReader]  # of one file; takes `is_threaded`
# Frames that may come out of a decoder before one that is shown earlier.
MAX_DISORDER = 4


@dataclass(frozen=True, eq=False)
class DecodedFrame:
    """One frame as a player shows it.

    Attributes:
        pts: Presentation time, in units of the video's time base.
        rgb: [H, W, 3] uint8, rotation applied, of square pixels.
        is_corrupt: It, or a frame it was predicted from, was damaged.
    """

    pts: int
    rgb: NDArray[np.uint8]
    is_corrupt: bool


@dataclass(frozen=True)
class LostFrame:
    """A frame that could not be had.

    Attributes:
        pts: Presentation time that was asked for.
        reason: One plain clause.
    """

    pts: int
    reason: str


def decode_frames(
    file: VideoFile,
    name: str,
    wanted_pts: Sequence[int] | NDArray[np.int64],
    *,
    width: int,
    height: int,
    has_timestamps: bool = True,
    num_decoders: int = 1,
) -> Iterator[DecodedFrame | LostFrame]:
    """Decode the frames shown at `wanted_pts`, lazily, one item for each, in order.

    Starts at the key frame before the first and stops after the last; holds a few frames at most.

    Args:
        file: Local path, or a seekable binary file object (left open; not to be used by others
            while this runs).
        name: What the video is called in errors.
        wanted_pts: [F] rising presentation times out of `VideoInfo.frame_pts`.
        width: Of the displayed picture, from `VideoInfo`; a frame of another size is lost.
        height: Of the displayed picture.
        has_timestamps: From `VideoInfo`; when False, times are ordinals and every call decodes
            from the file's start (as it does for MPEG program streams).
        num_decoders: Videos that are decoded side by side, this one among them.

    Raises:
        ValueError: The times do not rise.
        DecodeError: The file cannot be opened (on the first item), or reading its bytes failed
            (transient).
    """
    wanted = [int(pts) for pts in wanted_pts]
    if any(later <= earlier for earlier, later in itertools.pairwise(wanted)):
        raise ValueError(f"{name}: wanted_pts must rise strictly")
    readers = functools.partial(VideoReader, file, num_decoders=num_decoders)
    return _decode(readers, name, wanted, (width, height), has_timestamps)


def _decode(
    readers: OpenReader, name: str, wanted: list[int], size: tuple[int, int], has_timestamps: bool
) -> Iterator[DecodedFrame | LostFrame]:
    """Decode on several cores; from the first lost or damaged frame on, on one.

    Only one thread tells which packet was damaged, loses nothing behind it, and gives the same
    pictures on every machine.
    """
    num_done = 0
    try:
        try:
            for item in _decode_once(readers, wanted, size, has_timestamps, is_threaded=True):
                yield item
                num_done += 1
            return
        except MediaError as error:
            if error.is_transient:
                raise
        left = wanted[num_done:]
        yield from _decode_once(readers, left, size, has_timestamps, is_threaded=False)
    except MediaError as error:
        advice = "Try again" if error.is_transient else "Probe it again; it may have changed"
        failure = DecodeError(f"{name}: {error}. {advice}")
        failure.is_transient = error.is_transient
        raise failure from error


@dataclass(frozen=True, eq=False)
class _Found:
    """A frame as it came out of the decoder."""

    pts: int
    frame: VideoFrame
    is_corrupt: bool


def _decode_once(
    readers: OpenReader,
    wanted: list[int],
    size: tuple[int, int],
    has_timestamps: bool,
    *,
    is_threaded: bool,
) -> Iterator[DecodedFrame | LostFrame]:
    if not wanted:
        return
    converter = RgbConverter()
    reasons: dict[int, str] = {}
    first_pts = wanted[0] if has_timestamps else None
    with _open_frames(readers, first_pts, reasons, is_threaded=is_threaded) as (reader, frames):
        for pts, found in _match(frames, wanted):
            if is_threaded and (found is None or found.is_corrupt):
                raise MediaError("a frame is lost or damaged")
            if found is None:
                reason = reasons.get(pts) or reader.end_error or "the decoder gave no such frame"
                yield LostFrame(pts, reason)
                continue
            ratio = reader.facts.sample_aspect_ratio
            found_size = displayed_size(found.frame, ratio)
            if found_size != size:
                found_text, size_text = ("x".join(map(str, pair)) for pair in (found_size, size))
                yield LostFrame(pts, f"its picture is {found_text}, the video's {size_text}")
            else:
                yield DecodedFrame(pts, converter.convert(found.frame, ratio), found.is_corrupt)


@contextlib.contextmanager
def _open_frames(
    readers: OpenReader, first_pts: int | None, reasons: dict[int, str], *, is_threaded: bool
) -> Iterator[tuple[VideoReader, Iterator[_Found]]]:
    """Decoded frames from one at or before `first_pts`; from the start, as ordinals, for None."""
    if first_pts is None:
        with readers(is_threaded=is_threaded) as reader:
            frames = _frames(reader, reader.packets(), reasons, is_strict=is_threaded)
            yield reader, (replace(found, pts=i) for i, found in enumerate(frames))
        return
    for back_s in SEEK_BACK_S:
        with readers(is_threaded=is_threaded) as reader:
            if reader.facts.container in WITHOUT_SEEKS:
                break
            packets = _packets_from_key(reader, first_pts, back_s)
            frames = _frames(reader, packets, reasons, is_strict=is_threaded)
            first = next(frames, None)
            if reasons or (first is not None and _is_fresh_start(first, first_pts)):
                yield reader, itertools.chain(() if first is None else (first,), frames)
                return
    with readers(is_threaded=is_threaded) as reader:
        yield reader, _frames(reader, reader.packets(), reasons, is_strict=is_threaded)


def _is_fresh_start(first: _Found, first_pts: int) -> bool:
    """Whether the frames that follow are whole, and the one at `first_pts` is among them.

    What a container calls a key frame may only begin a gradual refresh. Frames come out after it,
    the first of them no key frame; not all are right, and nothing says so.
    """
    return first.frame.key_frame and first.pts <= first_pts


def _packets_from_key(reader: VideoReader, first_pts: int, back_s: int) -> Iterator[Packet]:
    """Packets from the key frame that a seek finds; none when it is shown after `first_pts`.

    Containers seek by decoding time, or only roughly, so where they land has to be looked at.
    """
    try:
        reader.seek(first_pts - int(back_s / reader.facts.time_base))
    except MediaError as error:
        if error.is_transient:
            raise
        return
    packets = reader.packets()
    for packet in packets:
        if packet.pts is None or packet.pts > first_pts:
            return
        if packet.is_keyframe:
            yield packet
            yield from packets


def _frames(
    reader: VideoReader,
    packets: Iterator[Packet],
    reasons: dict[int, str],
    *,
    is_strict: bool,
) -> Iterator[_Found]:
    """Decode packet by packet; why a packet failed goes to `reasons` by its presentation time.

    Raises:
        MediaError: A packet is damaged, and `is_strict`; or reading the bytes failed.
    """
    is_damaged = False
    for packet in itertools.chain(packets, (None,)):
        try:
            frames = reader.decode(packet)
        except MediaError as error:
            if is_strict or error.is_transient:
                raise
            is_damaged = True
            if packet is not None and packet.pts is not None:
                reasons[packet.pts] = f"its data is damaged: {error}"
            continue
        for frame in frames:
            # Damage spreads through prediction until a key frame starts afresh.
            is_damaged = frame.is_corrupt or (is_damaged and not frame.key_frame)
            yield _Found(NO_PTS if frame.pts is None else frame.pts, frame, is_damaged)


def _match(frames: Iterable[_Found], wanted: Sequence[int]) -> Iterator[tuple[int, _Found | None]]:
    """Pair every wanted time with its frame; None once the frames have gone past it."""
    targets = deque(wanted)
    is_wanted = frozenset(wanted)
    held: dict[int, _Found] = {}
    recent: deque[int] = deque(maxlen=MAX_DISORDER)
    for found in frames:
        recent.append(found.pts)
        if found.pts in is_wanted and found.pts >= targets[0]:
            held.setdefault(found.pts, found)
        is_past = len(recent) == MAX_DISORDER
        while targets and (targets[0] in held or (is_past and min(recent) > targets[0])):
            pts = targets.popleft()
            yield pts, held.pop(pts, None)
        if not targets:
            return
    for pts in targets:
        yield pts, held.pop(pts, None)
