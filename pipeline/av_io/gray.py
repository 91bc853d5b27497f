"""Write grey frames of 8 or 16 bits as FFV1 in Matroska, and read single ones."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import av
import numpy as np
from av.codec.context import Flags
from av.packet import Packet
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from pipeline.av_io.media_errors import media_errors

GrayFormat = Literal["gray", "gray16le"]  # of 8 and of 16 bits

_MILLISECOND = Fraction(1, 1000)


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
    with media_errors(), av.open(io.BytesIO(data), "r", format="matroska") as container:
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
    with media_errors():
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
