"""Videos whose every picture says which one it is: clip id and frame index in big blocks.

The code is drawn in the picture as displayed, so a frame that is wrong, late, or not turned
upright cannot be read as the right one.
"""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import ParamSpec, TypeVar

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Disposition
from av.video.stream import VideoStream
from numpy.typing import NDArray

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")

CODE_COLUMNS, CODE_ROWS = 8, 6
MARKER = 0b10110010
DARK, BRIGHT = 40, 215


@dataclass(frozen=True)
class SyntheticVideo:
    """What was written: frame i is picture `(clip_id, i)`, meant to be shown at `times_s[i]`."""

    path: Path
    clip_id: int
    times_s: tuple[Fraction, ...]

    @property
    def num_frames(self) -> int:
        return len(self.times_s)


def in_its_own_thread(function: Callable[Parameters, Answer]) -> Callable[Parameters, Answer]:
    """`function`, which may leave its thread as it likes.

    For root, SVT-AV1 turns the thread that opens it into one of real time and leaves it so. With
    pytest's own, nothing else would run on that core any more while a test computes.
    """

    @functools.wraps(function)
    def run(*args: Parameters.args, **options: Parameters.kwargs) -> Answer:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(function, *args, **options).result()

    return run


@in_its_own_thread
def make_video(
    path: Path | str,
    num_frames: int = 24,
    *,
    width: int = 128,
    height: int = 96,
    fps: int = 30,
    clip_id: int = 1,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    gop: int = 12,
    max_b_frames: int = 2,
    ticks: Sequence[int] | None = None,
    rotation_deg: int = 0,
    is_mirrored: bool = False,
    has_audio: bool = False,
    has_cover: bool = False,
    sample_aspect_ratio: Fraction | None = None,
    codec_options: Mapping[str, str] | None = None,
    container_options: Mapping[str, str] | None = None,
) -> SyntheticVideo:
    """Write a video; the container follows from the suffix of `path`.

    Args:
        path: Where to; .mp4 .mov .mkv .webm .avi .ts .mpg .flv .h264 were tried.
        num_frames: Pictures.
        width: Of the displayed picture, in stored pixels; even unless `pix_fmt` is yuv444p.
        height: Of the displayed picture, likewise.
        fps: Pictures a second.
        clip_id: 0..255, drawn in every picture.
        codec: Encoder: libx264 libx265 libsvtav1 libvpx libvpx-vp9 mpeg4 mpeg2video mjpeg ...
        pix_fmt: Stored pixel format.
        gop: Pictures from key frame to key frame.
        max_b_frames: Pictures between references that are stored out of order.
        ticks: When each picture is shown, in units of 1/fps, for uneven or early times.
        rotation_deg: Clockwise turn the player has to make: the pictures are stored turned back.
        is_mirrored: The player also has to mirror left to right, after the turn.
        has_audio: With a second, silent track.
        has_cover: With a cover picture as a further video stream (.mp4).
        sample_aspect_ratio: Of the stored pixels.
        codec_options: Of the encoder, as ffmpeg names them.
        container_options: Of the muxer, such as `{"movflags": "faststart"}`.
    """
    ticks = range(num_frames) if ticks is None else ticks
    is_turned = rotation_deg in (90, 270)
    options = {"preset": "veryfast", "x264-params": "log-level=none"} if codec == "libx264" else {}
    pictures = (
        _as_stored(draw_code(width, height, clip_id, i), rotation_deg, is_mirrored)
        for i in range(num_frames)
    )
    with av.open(str(path), "w", options=dict(container_options or {})) as container:
        stream = container.add_stream(codec, rate=fps, options=options | dict(codec_options or {}))
        stream.width, stream.height = (height, width) if is_turned else (width, height)
        stream.pix_fmt = pix_fmt
        stream.codec_context.gop_size = gop
        stream.codec_context.max_b_frames = max_b_frames
        if sample_aspect_ratio is not None:
            stream.codec_context.sample_aspect_ratio = sample_aspect_ratio
        if rotation_deg or is_mirrored:
            stream.set_display_rotation(-rotation_deg, hflip=is_mirrored)
        audio = container.add_stream("aac", rate=16000) if has_audio else None
        cover = container.add_stream("png", rate=1) if has_cover else None
        if cover is not None:
            cover.width, cover.height, cover.pix_fmt = 256, 192, "rgb24"
            cover.disposition = Disposition.attached_pic
        frames = (_frame(*timed, Fraction(1, fps)) for timed in zip(pictures, ticks, strict=True))
        _encode_all(container, stream, frames)
        if cover is not None:
            _encode_all(container, cover, [av.VideoFrame(256, 192, "rgb24")])
        if audio is not None:
            _encode_all(container, audio, _silence(max(1, 16 * num_frames // fps)))
    return SyntheticVideo(Path(path), clip_id, tuple(Fraction(tick, fps) for tick in ticks))


def make_audio(path: Path | str) -> None:
    """Write a file with sound only."""
    with av.open(str(path), "w") as container:
        _encode_all(container, container.add_stream("aac", rate=16000), _silence(16))


def damage_packets(source: Path | str, target: Path | str, indices: Iterable[int]) -> None:
    """Copy a video with the payload of some packets (in stored order) overwritten by noise."""
    rng, damaged = np.random.default_rng(0), frozenset(indices)
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        stream = reader.streams.video[0]
        copy = writer.add_stream_from_template(stream)
        for i, packet in enumerate(p for p in reader.demux(stream) if p.size):
            if i in damaged:
                payload = bytearray(bytes(packet))
                payload[8:] = rng.bytes(len(payload) - 8)
                packet.update(bytes(payload))
            packet.stream = copy
            writer.mux(packet)


def draw_code(width: int, height: int, clip_id: int, index: int) -> NDArray[np.uint8]:
    """[H, W, 3] picture of `(clip_id, index)`: 8 x 6 blocks, dark for 0 and bright for 1."""
    rows = [MARKER, clip_id, index >> 8, index & 255, _checksum(clip_id, index), MARKER ^ 255]
    bits = np.array([[row >> (7 - column) & 1 for column in range(CODE_COLUMNS)] for row in rows])
    row_of = np.arange(height) * CODE_ROWS // height
    column_of = np.arange(width) * CODE_COLUMNS // width
    grey = np.where(bits[row_of][:, column_of], BRIGHT, DARK).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def read_code(rgb: NDArray[np.uint8]) -> tuple[int, int]:
    """(clip_id, index) of a displayed picture [H, W, 3].

    Raises:
        ValueError: It is no such picture, or not upright, or too damaged.
    """
    height, width = rgb.shape[:2]
    rows = []
    for row in range(CODE_ROWS):
        value = 0
        for column in range(CODE_COLUMNS):
            y = int((row + 0.5) * height / CODE_ROWS)
            x = int((column + 0.5) * width / CODE_COLUMNS)
            value = value << 1 | int(rgb[y - 1 : y + 2, x - 1 : x + 2].mean() > 128)
        rows.append(value)
    marker, clip_id, high, low, checksum, last = rows
    index = high << 8 | low
    if (marker, last) != (MARKER, MARKER ^ 255) or checksum != _checksum(clip_id, index):
        raise ValueError(f"no readable code: rows {rows}")
    return clip_id, index


def _checksum(clip_id: int, index: int) -> int:
    return (7 * clip_id + 3 * (index & 255) + 5 * (index >> 8)) & 255


def _as_stored(
    picture: NDArray[np.uint8], rotation_deg: int, is_mirrored: bool
) -> NDArray[np.uint8]:
    """Undo what the player will do: mirror, then turn back counter-clockwise."""
    if is_mirrored:
        picture = picture[:, ::-1]
    return np.ascontiguousarray(np.rot90(picture, rotation_deg // 90))


def _frame(picture: NDArray[np.uint8], tick: int, time_base: Fraction) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    frame.pts, frame.time_base = tick, time_base
    return frame


def _silence(num_frames: int) -> Iterator[av.AudioFrame]:
    for i in range(num_frames):
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
        )
        frame.pts, frame.sample_rate = 1024 * i, 16000
        yield frame


def _encode_all(
    container: OutputContainer,
    stream: VideoStream | AudioStream,
    frames: Iterable[av.VideoFrame | av.AudioFrame],
) -> None:
    for frame in itertools.chain(frames, (None,)):
        container.mux(stream.encode(frame))
