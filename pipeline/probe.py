"""Look at a video without decoding it all: which frames it has, when they are shown, their size.

The times come from the packets, the size and the rotation from the first frame that decodes. Where
packets cannot be trusted to be frames one for one, the whole video is decoded once instead, so
that what is counted here is what `decode` later finds.
"""

import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from pipeline.av_io.media_errors import MediaError, captured_messages
from pipeline.av_io.reader import (
    Packet,
    StreamFacts,
    VideoFile,
    VideoFrame,
    VideoReader,
    displayed_size,
    orientation_of,
)
from pipeline.errors import ProbeError

MAX_WARNINGS = 5
MAX_FRAMES = 5_000_000  # two days at 30 a second
MAX_FPS = 2000
MAX_DURATION_S = 7 * 24 * 3600
DEFAULT_FPS = Fraction(25)  # ffmpeg's own, for streams that state no rate
# Rounding of a constant rate: one unit of the time base, or the millisecond of MKV, WebM and FLV.
ROUNDING_S = Fraction(1, 1000)
TRUNCATION_MARKS = ("partial file", "ended prematurely")
# What libav says of a file it cannot open, and what that means; the first that fits.
PLAIN_REASONS = {
    "moov atom not found": "it is no video, or was cut short before its index (moov) was written",
    "error reading header": "it was cut short inside its header",
    "not on whitelist": "it is a picture, a text or a play list, not a video",
    "Invalid data found": "it is not a video in a known container",
}


@dataclass(frozen=True, eq=False)
class VideoInfo:
    """What a video is and exactly when its frames are shown.

    Attributes:
        container: libav's name of the format, such as `mov,mp4,m4a,3gp,3g2,mj2`.
        codec: libav's name of the codec, such as `h264`.
        pixel_format: libav's name, such as `yuv420p`.
        width: Of the displayed picture (pixels made square, rotation applied), pixels.
        height: Of the displayed picture, pixels.
        rotation_deg: Clockwise turn from stored to displayed picture: 0, 90, 180 or 270.
        is_mirrored: The displayed picture is also mirrored left to right, after the turn.
        sample_aspect_ratio: Width over height of a stored pixel, already counted in `width` and
            `height`; 1 where the file says nothing.
        fps: Average rate over the video; the stated rate when there is one frame.
        is_variable_rate: Frames are not evenly spaced, beyond rounding of the time stamps.
        duration_s: From the first frame's start to the last frame's end, seconds.
        time_base: Seconds a unit of `frame_pts`.
        frame_pts: [F] int64, rising: presentation time of every frame that is shown. A frame's
            index is its position here.
        num_key_frames: Frames that decoding can begin at.
        has_timestamps: False when the file stores no usable times: then `frame_pts` is 0, 1, 2...
            in the order the decoder gives them and `time_base` one frame at the stated rate.
        is_truncated: The file ends before its container says it should.
        warnings: What libav complained about, and what the header promised but the file lacks.
    """

    container: str
    codec: str
    pixel_format: str
    width: int
    height: int
    rotation_deg: int
    is_mirrored: bool
    sample_aspect_ratio: Fraction
    fps: float
    is_variable_rate: bool
    duration_s: float
    time_base: Fraction
    frame_pts: NDArray[np.int64]
    num_key_frames: int
    has_timestamps: bool
    is_truncated: bool
    warnings: tuple[str, ...]

    @property
    def num_frames(self) -> int:
        """Frames that are shown."""
        return len(self.frame_pts)

    @property
    def start_pts(self) -> int:
        """Presentation time of the first frame."""
        return int(self.frame_pts[0])


def probe_video(file: VideoFile, name: str) -> VideoInfo:
    """Find out what a video holds; one pass over its packets, one frame decoded.

    Args:
        file: Local path, or a seekable binary file object (left open).
        name: What the video is called in errors.

    Raises:
        ProbeError: Not a video, unreadable, or without a frame that decodes; transient when
            reading the bytes failed.
    """
    messages: list[str] = []
    try:
        with captured_messages() as messages:
            scan = _scan(file)
        times = _frame_times(file, scan)
    except MediaError as error:
        reason = _plain_reason(error, messages)
        raise _probe_error(name, reason, messages, is_transient=error.is_transient) from error
    if scan.first_frame is None or len(times.frame_pts) == 0:
        raise _probe_error(name, "no frame of it can be decoded", messages)
    info = _video_info(scan, scan.first_frame, times, messages)
    if info.fps > MAX_FPS or info.duration_s > MAX_DURATION_S:
        reason = (
            f"its times are not to be believed: {info.num_frames} frames in {info.duration_s:g} s, "
            f"{info.fps:g} a second; at most {MAX_DURATION_S} s and {MAX_FPS} a second are taken"
        )
        raise _probe_error(name, reason, messages)
    return info


@dataclass(frozen=True)
class _Scan:
    """One pass over the packets. Times in units of the stream's time base, in stored order."""

    facts: StreamFacts
    packet_pts: Sequence[int | None]  # of packets that are shown
    last_duration: int
    num_key_frames: int
    first_key_pts: int | None
    do_keys_rise: bool
    first_frame: VideoFrame | None
    end_error: str | None  # why reading stopped before the end


@dataclass(frozen=True)
class _Times:
    time_base: Fraction
    frame_pts: NDArray[np.int64]
    last_duration: int
    has_timestamps: bool


def _scan(file: VideoFile) -> _Scan:
    pts: list[int | None] = []
    first_frame = first_key_pts = last_key_pts = None
    do_keys_rise, is_last_cut, last_duration, num_key_frames = True, False, 0, 0
    with VideoReader(file, is_threaded=False) as reader:
        for packet in reader.packets():
            if first_frame is None:
                first_frame = _first_frame(reader, packet)
            num_key_frames += packet.is_keyframe
            if packet.is_keyframe and packet.pts is not None:
                first_key_pts = packet.pts if first_key_pts is None else first_key_pts
                do_keys_rise &= last_key_pts is None or packet.pts > last_key_pts
                last_key_pts = packet.pts
            if not packet.is_discard:
                if len(pts) == MAX_FRAMES:
                    raise MediaError(f"it has more than {MAX_FRAMES} frames. Split it")
                pts.append(packet.pts)
                is_last_cut, last_duration = packet.is_corrupt, packet.duration or 0
        if first_frame is None:
            first_frame = _first_frame(reader, None)
    end_error = reader.end_error
    if is_last_cut and len(pts) > 1:
        pts.pop()
        end_error = end_error or "the file ends inside a frame"
    return _Scan(
        reader.facts,
        pts,
        last_duration,
        num_key_frames,
        first_key_pts,
        do_keys_rise,
        first_frame,
        end_error,
    )


def _first_frame(reader: VideoReader, packet: Packet | None) -> VideoFrame | None:
    """The first frame `packet` gives; None when it gives none or is damaged."""
    try:
        return next(iter(reader.decode(packet)), None)
    except MediaError:
        return None


def _frame_times(file: VideoFile, scan: _Scan) -> _Times:
    """Times of the shown frames: the packets' own where those are frames, else the decoder's."""
    time_base = scan.facts.time_base
    if _are_packets_frames(scan):
        frame_pts = np.sort(np.array(scan.packet_pts, np.int64))
        return _Times(time_base, frame_pts, scan.last_duration, has_timestamps=True)
    decoded = _decoded_pts(file, len(scan.packet_pts))
    stored = np.array([value for value in decoded if value is not None], np.int64)
    if len(stored) == len(decoded) and np.all(np.diff(stored) >= 0):
        # Of frames with one and the same time only the first has an index.
        return _Times(time_base, np.unique(stored), scan.last_duration, has_timestamps=True)
    ordinals = np.arange(len(decoded), dtype=np.int64)
    return _Times(1 / (scan.facts.nominal_fps or DEFAULT_FPS), ordinals, 1, has_timestamps=False)


def _are_packets_frames(scan: _Scan) -> bool:
    """Whether every packet is one frame, shown at the time the packet says."""
    facts = scan.facts
    stored = [value for value in scan.packet_pts if value is not None]
    return (
        len(stored) == len(scan.packet_pts) == len(set(stored))
        and scan.do_keys_rise  # else the clock starts again half way
        # Frames shown before the first key frame have nothing to be decoded from.
        and scan.first_key_pts is not None
        and all(value >= scan.first_key_pts for value in stored)
        and not facts.is_interlaced  # a packet may be one field
        and facts.codec != "vp8"  # a packet may be a reference that is never shown
        # AVI stores no presentation times; libav makes them up, at times wrongly.
        and not (facts.container == "avi" and facts.num_reorder_frames > 0)
    )


def _decoded_pts(file: VideoFile, num_packets: int) -> list[int | None]:
    """Decode it all for the frames' times, in the order they come out."""
    with contextlib.suppress(MediaError):
        decoded = _decoded_pts_once(file, is_threaded=True)
        if len(decoded) >= num_packets:
            return decoded
    return _decoded_pts_once(file, is_threaded=False)


def _decoded_pts_once(file: VideoFile, *, is_threaded: bool) -> list[int | None]:
    pts: list[int | None] = []
    with VideoReader(file, is_threaded=is_threaded) as reader:
        for packet in itertools.chain(reader.packets(), (None,)):
            try:
                pts += [frame.pts for frame in reader.decode(packet)]
            except MediaError:  # the frame is lost and not counted
                if is_threaded:
                    raise
    return pts


def _video_info(
    scan: _Scan, first_frame: VideoFrame, times: _Times, messages: Sequence[str]
) -> VideoInfo:
    facts, pts = scan.facts, times.frame_pts
    orientation = orientation_of(first_frame)
    width, height = displayed_size(first_frame, facts.sample_aspect_ratio)
    intervals = np.diff(pts)
    spread_s = int(np.ptp(intervals)) * times.time_base if len(intervals) else Fraction(0)
    shown_s = int(pts[-1] - pts[0]) * times.time_base
    last_duration = times.last_duration or (int(np.median(intervals)) if len(intervals) else 0)
    nominal_fps = facts.nominal_fps or DEFAULT_FPS
    is_truncated = (
        scan.end_error is not None
        or any(mark in text for text in messages for mark in TRUNCATION_MARKS)
        # AVI counts time in frames, empty ones too; its reader takes a cut for the end.
        or (facts.container == "avi" and pts[-1] + 1 < facts.num_promised_frames)
    )
    warnings = [*([scan.end_error] if scan.end_error else []), *messages]
    if is_truncated and facts.num_promised_frames > len(pts):
        warnings.insert(0, f"the header promises {facts.num_promised_frames} frames")
    return VideoInfo(
        container=facts.container,
        codec=facts.codec,
        pixel_format=first_frame.format.name,
        width=width,
        height=height,
        rotation_deg=orientation.rotation_deg,
        is_mirrored=orientation.is_mirrored,
        sample_aspect_ratio=facts.sample_aspect_ratio,
        fps=float((len(pts) - 1) / shown_s) if shown_s else float(nominal_fps),
        is_variable_rate=spread_s > max(times.time_base, ROUNDING_S),
        duration_s=float(shown_s + last_duration * times.time_base),
        time_base=times.time_base,
        frame_pts=pts,
        num_key_frames=scan.num_key_frames,
        has_timestamps=times.has_timestamps,
        is_truncated=is_truncated,
        warnings=tuple(dict.fromkeys(warnings))[:MAX_WARNINGS],
    )


def _plain_reason(error: MediaError, messages: Sequence[str]) -> str:
    said = " ".join([*messages, str(error)])
    plain = [meaning for mark, meaning in PLAIN_REASONS.items() if mark in said]
    return plain[0] if plain and not error.is_transient else str(error)


def _probe_error(
    name: str, reason: str, messages: Sequence[str], *, is_transient: bool = False
) -> ProbeError:
    """The error with the file's name, the reason, libav's own words, and what to do."""
    said = "; ".join(list(dict.fromkeys(messages))[:MAX_WARNINGS])
    advice = (
        "Try again; the bytes could not be read"
        if is_transient
        else "Check that a player opens it; replace it, or leave it out with --exclude"
    )
    details = f" (libav: {said})" if said else ""
    error = ProbeError(f"{name}: {reason}{details}. {advice}")
    error.is_transient = is_transient
    return error
