"""The one door to libav (PyAV): open a video, read and decode packets, turn frames into RGB.

Primitives only: which frames exist is `probe`'s business, which are wanted is `decode`'s. Nothing
here prints; what libav has to say travels in `MediaError` and `captured_messages`.
"""

import contextlib
import io
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Literal, cast

import av
import av.logging
import numpy as np
from av.buffer import Buffer
from av.codec.context import Flags, ThreadType
from av.container.streams import StreamContainer
from av.packet import Packet
from av.stream import Discard, Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from pipeline.orientation import Orientation, orientation_of_matrix

VideoFile = str | os.PathLike[str] | BinaryIO  # local path, or seekable binary file object

GrayFormat = Literal["gray", "gray16le"]  # of 8 and of 16 bits

# Containers of video only: pictures, text ("tty") and play lists, which open other files, stay out.
CONTAINERS = "mov,matroska,avi,mpegts,mpeg,asf,flv,ogg,mxf,h264,hevc,m4v,mpegvideo"
MAX_STREAMS = 100
MAX_PIXELS = 2**26  # of a stored picture: 8192 x 8192
CONTAINER_OPTIONS = {
    "format_whitelist": CONTAINERS,
    "protocol_whitelist": "file",  # what a container may open, were there one that opens others
    "max_streams": str(MAX_STREAMS),
}
NOT_A_VIDEO_TRACK = Disposition.attached_pic | Disposition.timed_thumbnails

_MILLISECOND = Fraction(1, 1000)

# libav's errors go to this logger, and no further: its words come back in our own errors. The
# level stays as it is set here, since changing it while another thread decodes prints to stderr.
logging.getLogger("libav").propagate = False
logging.getLogger("libav").addHandler(logging.NullHandler())
av.logging.set_skip_repeated(False)
av.logging.set_level(av.logging.ERROR)


class MediaError(Exception):
    """Something libav, or the file under it, could not do; the message is one plain clause."""

    def __init__(self, message: str, *, is_transient: bool = False) -> None:
        """Keep whether another try can help."""
        super().__init__(message)
        self.is_transient = is_transient


@dataclass(frozen=True)
class StreamFacts:
    """What the container says of its video stream before anything is decoded.

    Attributes:
        container: libav's name of the format, such as `mov,mp4,m4a,3gp,3g2,mj2`.
        codec: libav's name of the codec, such as `h264`.
        time_base: Seconds a unit of time stamp.
        nominal_fps: Frames a second as stated or guessed from the first frames; None if unknown.
        sample_aspect_ratio: Width over height of a stored pixel.
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

    def __init__(self, file: VideoFile, *, is_threaded: bool) -> None:
        """Open the stream a player would show: default track first, then the largest picture.

        Args:
            file: Local path, or a seekable binary file object (read from its start, left open).
            is_threaded: Decode on several cores. A damaged packet then raises some packets late,
                and frames at the end can be lost with it.

        Raises:
            MediaError: Unreadable, empty, not a video, or no decoder for it.
        """
        with _media_errors():
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
        codec.thread_count = 0 if is_threaded else 1
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
                with _media_errors():
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
        with _media_errors():
            return self._stream.codec_context.decode(packet)

    def seek(self, pts: int) -> None:
        """Go to the key frame that the container thinks is the last one at or before `pts`.

        Raises:
            MediaError: It cannot seek there.
        """
        with _media_errors():
            self._container.seek(pts, stream=self._stream)


class RgbConverter:
    """Turns frames into displayed RGB pictures; keep one a video, it caches its tables."""

    def __init__(self) -> None:
        """Tables are made for the first frame."""
        self._reformatter = VideoReformatter()

    def convert(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """[H, W, 3] RGB 0..255 as displayed, by the frame's own colour matrix and range.

        Untagged video is taken for BT.601 with limited range, as ffmpeg and OpenCV do.
        """
        rgb = self._reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()
        return orientation_of(frame).apply(rgb.astype(np.uint8, copy=False))


def orientation_of(frame: VideoFrame) -> Orientation:
    """How the frame's own display matrix, if it has one, says to show it."""
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return Orientation()
    return orientation_of_matrix(np.frombuffer(bytes(cast(Buffer, matrix)), np.int32))


@contextlib.contextmanager
def captured_messages() -> Iterator[list[str]]:
    """Collect libav's error messages of this thread; the list is filled when the block ends."""
    messages: list[str] = []
    with av.logging.Capture() as logs:
        try:
            yield messages
        finally:
            messages += [text.strip() for _, _, text in logs]


@contextlib.contextmanager
def _media_errors() -> Iterator[None]:
    """Turn what libav or the file object raises into MediaError."""
    try:
        yield
    except av.FFmpegError as error:
        raise MediaError(error.strerror or type(error).__name__) from error
    except (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError) as error:
        raise MediaError(error.strerror or type(error).__name__) from error
    except OSError as error:
        raise MediaError(f"reading failed: {error}", is_transient=True) from error


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
    size = (best.codec_context.width, best.codec_context.height)
    if size[0] * size[1] > MAX_PIXELS:
        raise MediaError(
            f"its pictures are said to have {size[0]}x{size[1]} pixels; more than {MAX_PIXELS} are "
            "refused"
        )
    return best


class H264Encoder:
    """Writes RGB frames as an MP4 a camera could have made: H.264, yuv420p, BT.601, untagged.

    The same frames, times and quality give the same bytes (with the same version of libx264).
    """

    def __init__(
        self, width: int, height: int, mean_fps: Fraction, time_base: Fraction, crf: int
    ) -> None:
        """Open the encoder.

        Args:
            width: Pixels a row, even.
            height: Rows, even.
            mean_fps: Frames a second.
            time_base: Seconds a unit of the times that `add` is given.
            crf: libx264's constant rate factor: 0 is lossless, 51 is worst.
        """
        self._file = io.BytesIO()
        self._container = av.open(self._file, "w", format="mp4", options={"fflags": "+bitexact"})
        # Without mbtree: where a CPU has AVX-512, libx264 165 reads beyond the picture for it, and
        # narrow videos come out other than the time before.
        params = "log-level=none:mbtree=0"
        options = {"crf": str(crf), "preset": "veryfast", "x264-params": params}
        self._stream = self._container.add_stream("libx264", rate=mean_fps, options=options)
        self._stream.width, self._stream.height = width, height
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = self._stream.codec_context.time_base = time_base
        self._stream.codec_context.thread_count = 1  # threads belong to the workers
        self._time_base = time_base

    def add(self, rgb: NDArray[np.uint8], pts: int) -> None:
        """Compress one frame [H, W, 3], shown at `pts`, later than the frame before."""
        frame = VideoFrame.from_ndarray(rgb, format="rgb24")
        frame.pts, frame.time_base = pts, self._time_base
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> bytes:
        """Return the MP4 file; call it once, after the last frame."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._file.getvalue()


@dataclass(frozen=True)
class GrayVideo:
    """A grey FFV1 video taken apart, still compressed.

    Attributes:
        width: Pixels a row.
        height: Rows.
        codec_header: The codec's configuration record (extradata), the same for every packet.
        packets: (byte offset in the file, payload) of every frame, in order.
    """

    width: int
    height: int
    codec_header: bytes
    packets: tuple[tuple[int, bytes], ...]


class GrayEncoder:
    """Writes grey frames of 8 or 16 bits as FFV1 in Matroska; holds compressed bytes only.

    Every frame is a key frame with a checksum a slice, and the same frames, times and tags give
    the same bytes.
    """

    def __init__(self, width: int, height: int, pix_fmt: GrayFormat) -> None:
        """Open the encoder for frames of `width` x `height` pixels, 2 x 2 at least."""
        self._size = (width, height)
        self._pix_fmt = pix_fmt
        self._context = av.CodecContext.create("ffv1", "w")
        _configure_gray(self._context, self._size, pix_fmt)
        self._packets: list[Packet] = []

    def add(self, codes: NDArray[np.uint8] | NDArray[np.uint16], time_ms: int) -> None:
        """Compress one frame [H, W]; `time_ms` is greater than the time of the frame before."""
        frame = VideoFrame.from_ndarray(codes, format=self._pix_fmt)
        frame.pts = time_ms
        frame.time_base = _MILLISECOND
        self._packets += self._context.encode(frame)

    def finish(self, mean_fps: Fraction, tags: Mapping[str, str]) -> bytes:
        """Return the Matroska file; `mean_fps` and `tags` are what players and probes show."""
        self._packets += self._context.encode(None)
        file = io.BytesIO()
        # bitexact: no random segment id, date or library version in the file.
        options = {"fflags": "+bitexact"}
        with av.open(file, "w", format="matroska", options=options) as container:
            stream = container.add_stream("ffv1", rate=mean_fps)
            stream.time_base = _MILLISECOND
            _configure_gray(stream.codec_context, self._size, self._pix_fmt)
            container.metadata.update(tags)
            for packet in self._packets:
                packet.stream = stream
                container.mux(packet)
        return file.getvalue()


def demux_gray(data: bytes) -> GrayVideo:
    """Take a `GrayEncoder` file apart without decoding it.

    The bytes must be known to be what was written: a damaged file may only seem shorter.

    Raises:
        MediaError: The bytes are not a Matroska file.
    """
    with _media_errors(), av.open(io.BytesIO(data), "r", format="matroska") as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        packets = []
        for packet in container.demux(stream):
            if packet.pos is None:  # the end-of-stream marker
                continue
            payload = bytes(packet)
            # `pos` is where the block starts; the payload follows its few bytes of header.
            packets.append((data.index(payload, packet.pos), payload))
        return GrayVideo(
            width=context.width,
            height=context.height,
            codec_header=bytes(context.extradata or b""),
            packets=tuple(packets),
        )


def decode_gray16(
    payload: bytes, codec_header: bytes, width: int, height: int
) -> NDArray[np.uint16]:
    """Decode one 16-bit frame [H, W] of a `GrayEncoder` file from its payload alone.

    libav patches a damaged slice without saying so: check the payload before.

    Raises:
        MediaError: The payload or the header cannot be decoded.
    """
    context = av.CodecContext.create("ffv1", "r")
    context.width = width
    context.height = height
    context.pix_fmt = "gray16le"
    context.extradata = codec_header
    context.thread_count = 1
    with _media_errors():
        (frame,) = [*context.decode(Packet(payload)), *context.decode(None)]
    return frame.to_ndarray().astype(np.uint16, copy=False)


def _configure_gray(
    context: av.VideoCodecContext, size: tuple[int, int], pix_fmt: GrayFormat
) -> None:
    """The one set of FFV1 options: the file's header and its packets come of two contexts."""
    context.width, context.height = size
    context.pix_fmt = pix_fmt
    context.time_base = _MILLISECOND
    context.flags |= Flags.bitexact
    context.thread_count = 1  # threads belong to the workers
    context.options = {"level": "3", "slices": "4", "slicecrc": "1", "g": "1"}
