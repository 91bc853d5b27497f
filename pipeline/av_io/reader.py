"""Open a video, read and decode its packets, turn frames into RGB as displayed."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, cast

import av
import numpy as np
from av.buffer import Buffer
from av.codec.context import ThreadType
from av.container.streams import StreamContainer
from av.packet import Packet
from av.sidedata.sidedata import SideDataContainer
from av.stream import Discard, Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from pipeline.av_io.media_errors import MediaError, media_errors
from pipeline.machine import count_cores
from pipeline.orientation import Orientation, orientation_of_matrix

VideoFile = str | os.PathLike[str] | BinaryIO  # local path, or seekable binary file object

# Containers of video only: pictures, text ("tty") and play lists, which open other files, stay out.
CONTAINERS = "mov,matroska,avi,mpegts,mpeg,asf,flv,ogg,mxf,h264,hevc,m4v,mpegvideo"
MAX_STREAMS = 100
MAX_PIXELS = 2**26  # of a stored picture: 8192 x 8192
MAX_THREADS = 16  # of a decoder, as many as libav starts by itself
THREAD_BYTES = 2**27  # of pictures that the threads of a decoder hold beyond those of one
THREAD_BYTES_PER_PIXEL = 3  # two pictures of 8 bits in 4:2:0 a thread
CONTAINER_OPTIONS = {
    "format_whitelist": CONTAINERS,
    "protocol_whitelist": "file",  # what a container may open, were there one that opens others
    "max_streams": str(MAX_STREAMS),
}
NOT_A_VIDEO_TRACK = Disposition.attached_pic | Disposition.timed_thumbnails


@dataclass(frozen=True)
class StreamFacts:
    """What the container says of its video stream before anything is decoded.

    Attributes:
        container: libav's name of the format, such as `mov,mp4,m4a,3gp,3g2,mj2`.
        codec: libav's name of the codec, such as `h264`.
        time_base: Seconds a unit of time stamp.
        nominal_fps: Frames a second as stated or guessed from the first frames; None if unknown.
        sample_aspect_ratio: Width over height of a stored pixel; 1 where nothing is said.
        num_promised_frames: Frames the header promises; 0 when it does not say.
        is_interlaced: Stored as fields.
        num_reorder_frames: Frames the decoder may hold back to put them in order.
    """

    container: str
    codec: str
    time_base: Fraction
    nominal_fps: Fraction | None
    sample_aspect_ratio: Fraction
    num_promised_frames: int
    is_interlaced: bool
    num_reorder_frames: int


class VideoReader:
    """An open video stream: its packets in stored order and a decoder for them."""

    def __init__(self, file: VideoFile, *, is_threaded: bool, num_decoders: int = 1) -> None:
        """Open the stream a player would show: default track first, then the largest picture.

        Args:
            file: Local path, or a seekable binary file object (read from its start, left open).
            is_threaded: Decode on several cores. A damaged packet then raises some packets late,
                and frames at the end can be lost with it.
            num_decoders: Decoders at work side by side, which share the cores.

        Raises:
            MediaError: Unreadable, empty, not a video, or no decoder for it.
        """
        with media_errors():
            if _size_bytes(file) == 0:
                raise MediaError("the file is empty (0 bytes)")
            self._container = av.open(
                f"file:{os.fspath(file)}" if isinstance(file, str | os.PathLike) else file,
                mode="r",
                container_options=CONTAINER_OPTIONS,
                metadata_errors="replace",
            )
        try:
            self._stream = _best_video_stream(self._container.streams)
        except MediaError:
            self._container.close()
            raise
        for stream in self._container.streams:
            if stream.index != self._stream.index:
                stream.discard = Discard.all
        codec = self._stream.codec_context
        codec.options = {"max_pixels": str(MAX_PIXELS)}  # its pictures may grow half way
        codec.thread_type = ThreadType.AUTO if is_threaded else ThreadType.NONE
        codec.thread_count = (
            num_threads(codec.width, codec.height, num_decoders) if is_threaded else 1
        )
        self.end_error: str | None = None
        self.facts = StreamFacts(
            container=self._container.format.name,
            codec=codec.codec.canonical_name,
            time_base=self._stream.time_base or Fraction(1, 1000),
            nominal_fps=self._stream.guessed_rate or None,
            sample_aspect_ratio=self._stream.sample_aspect_ratio or Fraction(1),
            num_promised_frames=self._stream.frames,
            is_interlaced=codec.field_order > 1,  # 0 unknown, 1 progressive
            num_reorder_frames=codec.reorder_depth,
        )

    def __enter__(self) -> "VideoReader":
        """Nothing more to open."""
        return self

    def __exit__(self, *error: object) -> None:
        """Stop the decoder's threads and let go of the file."""
        # Flushing waits for the threads without the interpreter's lock; freeing would hold it
        # while they may need it to report, and neither would ever go on.
        self._stream.codec_context.flush_buffers()
        self._container.close()

    def packets(self) -> Iterator[Packet]:
        """Packets of the stream from where it stands, in stored order.

        They end early, and `end_error` says why, where the container is damaged or cut.

        Raises:
            MediaError: Reading the bytes failed (transient).
        """
        packets = self._container.demux(self._stream)
        while True:
            try:
                with media_errors():
                    packet = next(packets, None)
            except MediaError as error:
                if error.is_transient:
                    raise
                self.end_error = f"the file is damaged or cut: {error}"
                return
            except IndexError:  # PyAV's, behind the last packet, if a track appeared half way
                return
            if packet is None:
                return
            if packet.size > 0:
                yield packet

    def decode(self, packet: Packet | None) -> list[VideoFrame]:
        """Frames that came out of the decoder for `packet`; None asks for the held back ones.

        Raises:
            MediaError: The packet is damaged; the decoder goes on with the next one.
        """
        with media_errors():
            return self._stream.codec_context.decode(packet)

    def seek(self, pts: int) -> None:
        """Go to the key frame that the container thinks is the last one at or before `pts`.

        Raises:
            MediaError: It cannot seek there.
        """
        with media_errors():
            self._container.seek(pts, stream=self._stream)


class RgbConverter:
    """Turns frames into displayed RGB pictures; keep one a video, it caches its tables."""

    def __init__(self) -> None:
        """Tables are made for the first frame."""
        self._reformatter = VideoReformatter()

    def convert(
        self, frame: VideoFrame, sample_aspect_ratio: Fraction = Fraction(1)
    ) -> NDArray[np.uint8]:
        """[H, W, 3] RGB 0..255 as displayed, by the frame's own colour matrix and range.

        Untagged video is taken for BT.601 with limited range, as ffmpeg and OpenCV do. Pixels that
        are not square are made so. What is transparent keeps its colour; brightness beyond a
        screen's (HDR) is not mapped into it.

        Args:
            frame: As it came out of the decoder.
            sample_aspect_ratio: Width over height of its pixels.
        """
        width = _square_width(frame.width, sample_aspect_ratio)
        rgb = self._reformatter.reformat(frame, width=width, format="rgb24", threads=1)
        return orientation_of(frame).apply(rgb.to_ndarray().astype(np.uint8, copy=False))


def num_threads(width: int, height: int, num_decoders: int = 1) -> int:
    """Threads for each of some decoders: one a core for all of them, if their pictures are small.

    Args:
        width: Of the pictures.
        height: Likewise.
        num_decoders: That are at work side by side.
    """
    held_bytes = THREAD_BYTES_PER_PIXEL * max(1, width * height)
    return max(1, min(MAX_THREADS, count_cores() // num_decoders, THREAD_BYTES // held_bytes))


def displayed_size(frame: VideoFrame, sample_aspect_ratio: Fraction) -> tuple[int, int]:
    """(width, height) of what `RgbConverter.convert` makes of a frame."""
    width = _square_width(frame.width, sample_aspect_ratio)
    return orientation_of(frame).size(width, frame.height)


def orientation_of(frame: VideoFrame) -> Orientation:
    """How the frame's own display matrix, if it has one, says to show it."""
    # Not `frame.side_data`: the frame would keep it, and it the frame, until the next collection of
    # Python's garbage; hundreds of pictures may lie there by then.
    matrix = SideDataContainer(frame).get("DISPLAYMATRIX")  # type: ignore[call-arg]
    if matrix is None:
        return Orientation()
    return orientation_of_matrix(np.frombuffer(bytes(cast(Buffer, matrix)), np.int32))


def _square_width(width: int, sample_aspect_ratio: Fraction) -> int:
    """Width of a stored picture once its pixels are square; its height stays."""
    return max(1, round(width * sample_aspect_ratio))


def _size_bytes(file: VideoFile) -> int:
    """Length of the file; leaves a file object at its start."""
    if isinstance(file, str | os.PathLike):
        return Path(file).stat().st_size
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return size


def _best_video_stream(streams: StreamContainer) -> VideoStream:
    """The default video stream with the most pixels; cover art is none."""
    if len(streams) >= MAX_STREAMS:  # libav leaves out what is beyond
        raise MediaError(f"it has {MAX_STREAMS} streams or more, which no video needs")
    videos = [stream for stream in streams.video if not stream.disposition & NOT_A_VIDEO_TRACK]
    if not videos:
        others = ", ".join(sorted({stream.type for stream in streams})) or "nothing"
        raise MediaError(f"it has no video stream (only: {others})")
    decodable = [stream for stream in videos if stream.codec_context is not None]
    if not decodable:
        raise MediaError("there is no decoder for its video stream")
    best = max(
        decodable,
        key=lambda stream: (
            bool(stream.disposition & Disposition.default),
            stream.codec_context.width * stream.codec_context.height,
            -stream.index,
        ),
    )
    ratio = max(Fraction(1), best.sample_aspect_ratio or Fraction(1))
    size = (_square_width(best.codec_context.width, ratio), best.codec_context.height)
    if size[0] * size[1] > MAX_PIXELS:
        raise MediaError(
            f"its pictures are said to have {size[0]}x{size[1]} pixels; more than {MAX_PIXELS} are "
            "refused"
        )
    return best
