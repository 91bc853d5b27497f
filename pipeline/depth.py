"""Depth of a clip as one object: quantised, losslessly compressed, every frame readable alone.

A depth map becomes 16-bit codes `round(1024 ln(z / 1 mm))`, 0 where there is no depth, and the
codes of a clip become a grey FFV1 video in Matroska (docs/depth.md: why, and how others open it).
Knows nothing of clips, tables or stores: frames in, bytes and byte spans out.

Letters: H rows, W pixels a row. Depth is z along the optical axis of the frame's camera, metres.
"""

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from pipeline.av_io.gray import GrayEncoder, decode_gray16, demux_gray
from pipeline.av_io.media_errors import MediaError
from pipeline.errors import DepthError

DEPTH_ENCODING = "ffv1-gray16-log1024-mkv"
DEPTH_SCALE = 1024  # codes per unit of the natural logarithm
DEPTH_UNIT_M = 0.001  # the depth of code 0, were it not "invalid"
DEPTH_INVALID_CODE = 0
# Half a code is exp(1/2048) - 1 = 4.884e-4; the rest is for float32 rounding at either end.
DEPTH_MAX_RELATIVE_ERROR = 5e-4
DEPTH_MAX_M = 6e24  # code 65535 is 6.22e24 m

_DEPTH_OF_CODE = (DEPTH_UNIT_M * np.exp(np.arange(65536) / DEPTH_SCALE)).astype(np.float32)
_DEPTH_OF_CODE[DEPTH_INVALID_CODE] = np.nan

# FFV1's checksums run from the high bit of a byte to the low one, zlib's the other way.
_REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_SLICE_FOOTER_BYTES = 8


@dataclass(frozen=True)
class DepthObject:
    """The finished depth of one clip.

    Attributes:
        data: The Matroska file.
        sha256: Of `data`, hexadecimal.
        frame_spans: (byte offset, length) in `data` of every frame's payload, in frame order.
        codec_header: What a decoder needs besides a payload (FFV1's configuration record, 200 B).
        encoding: `DEPTH_ENCODING`.
        width: Pixels a row.
        height: Rows.
    """

    data: bytes
    sha256: str
    frame_spans: tuple[tuple[int, int], ...]
    codec_header: bytes
    encoding: str
    width: int
    height: int


class DepthWriter:
    """Collects a clip's depth frame by frame; holds compressed bytes only."""

    def __init__(self, width: int, height: int) -> None:
        """Start an object of frames [H, W] = [`height`, `width`].

        Raises:
            DepthError: A side is shorter than 2 pixels, which FFV1's four slices need.
        """
        if min(width, height) < 2:
            raise DepthError(f"depth of {width}x{height} pixels: both sides must be 2 or more")
        self._width = width
        self._height = height
        self._encoder = GrayEncoder(width, height, "gray16le")
        self._times_s: list[float] = []
        self._times_ms: list[int] = []

    def add(self, depth_m: NDArray[np.float32], time_s: float) -> None:
        """Compress the next frame.

        Args:
            depth_m: [H, W], metres; what `quantise_depth` calls invalid is stored as such.
            time_s: Presentation time, later than the frame's before. The object counts it from its
                first frame in whole milliseconds, each frame at least one after the last.

        Raises:
            DepthError: The shape is not the writer's, or time does not go forward.
        """
        if depth_m.shape != (self._height, self._width):
            raise DepthError(
                f"depth of shape {depth_m.shape}, expected {(self._height, self._width)}"
            )
        time_ms = 0
        if self._times_s:
            if not time_s > self._times_s[-1]:
                raise DepthError(
                    f"depth frame {len(self._times_s)} at {time_s} s follows one at "
                    f"{self._times_s[-1]} s: add frames in presentation order"
                )
            time_ms = max(round((time_s - self._times_s[0]) * 1000), self._times_ms[-1] + 1)
        self._encoder.add(quantise_depth(depth_m), time_ms)
        self._times_s.append(time_s)
        self._times_ms.append(time_ms)

    def finish(self) -> DepthObject:
        """Return the object; call it once, after the last frame.

        The same frames and times give the same bytes (with the same version of libav).

        Raises:
            DepthError: No frame was added.
        """
        num_frames = len(self._times_ms)
        if num_frames == 0:
            raise DepthError("depth object without frames: write none for a clip without frames")
        # A single frame has no rate; any will do.
        mean_fps = Fraction(1000 * (num_frames - 1), self._times_ms[-1] or 1) or Fraction(1)
        tags = {
            "title": "depth along the optical axis",
            "comment": f"metres = {DEPTH_UNIT_M} * exp(code / {DEPTH_SCALE}); code 0: no depth",
            "encoding": DEPTH_ENCODING,
        }
        depth = depth_object(self._encoder.finish(mean_fps, tags))
        assert len(depth.frame_spans) == num_frames
        return depth


def depth_object(data: bytes) -> DepthObject:
    """What `DepthWriter.finish` returned, from its bytes, which must be known to be whole."""
    video = demux_gray(data)
    return DepthObject(
        data=data,
        sha256=hashlib.sha256(data).hexdigest(),
        frame_spans=tuple((offset, len(payload)) for offset, payload in video.packets),
        codec_header=video.codec_header,
        encoding=DEPTH_ENCODING,
        width=video.width,
        height=video.height,
    )


def quantise_depth(depth_m: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Turn depth into codes: round(1024 ln(z / 1 mm)).

    Args:
        depth_m: Any shape, metres. NaN, infinity, zero, negative depth, depth up to 1 mm (and half
            a code above) and beyond `DEPTH_MAX_M` is invalid.

    Returns:
        Codes of the same shape, `DEPTH_INVALID_CODE` where invalid. Elsewhere `dequantise_depth`
        is within `DEPTH_MAX_RELATIVE_ERROR` of the depth.
    """
    is_valid = (depth_m > DEPTH_UNIT_M) & (depth_m <= DEPTH_MAX_M)  # NaN fails both
    # One unit has the logarithm 0, so its code is DEPTH_INVALID_CODE.
    units = np.where(is_valid, depth_m, np.float32(DEPTH_UNIT_M)) / np.float32(DEPTH_UNIT_M)
    return np.rint(np.log(units) * np.float32(DEPTH_SCALE)).astype(np.uint16)


def dequantise_depth(codes: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Turn codes of any shape into metres; NaN where the code says invalid."""
    return _DEPTH_OF_CODE[codes]


def read_depth_frame(
    payload: bytes, codec_header: bytes, width: int, height: int
) -> NDArray[np.float32]:
    """Decode one frame from its own bytes: one range request, no other frame needed.

    Args:
        payload: The bytes at one of `DepthObject.frame_spans`.
        codec_header: `DepthObject.codec_header`.
        width: `DepthObject.width`. Another size than the object's gives nonsense, not an error:
            FFV1 keeps it outside the payload.
        height: `DepthObject.height`.

    Returns:
        Depth [H, W], metres, NaN where there is none.

    Raises:
        DepthError: Payload or header are damaged, or the span is not a frame's.
    """
    _check_payload(payload)
    try:
        codes = decode_gray16(payload, codec_header, width, height)
    except MediaError as error:
        raise DepthError(
            f"depth frame of {len(payload)} bytes cannot be decoded: {error}"
        ) from error
    return dequantise_depth(codes)


def read_depth_object(data: bytes, sha256: str) -> Iterator[NDArray[np.float32]]:
    """Decode every frame of an object, in order.

    Args:
        data: `DepthObject.data`.
        sha256: What `data` must hash to, as the tables say.

    Yields:
        Depth [H, W] a frame, metres, NaN where there is none.

    Raises:
        DepthError: `data` is not what was written: changed, cut short, or another object.
    """
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise DepthError(
            f"depth object of {len(data)} bytes has sha256 {found}, expected {sha256}: "
            "read it again, or annotate its clip again"
        )
    video = demux_gray(data)
    for _, payload in video.packets:
        yield read_depth_frame(payload, video.codec_header, video.width, video.height)


def check_depth_object(data: bytes) -> tuple[tuple[int, int], ...]:
    """Take an object apart and check every frame's checksums, without decoding.

    Args:
        data: `DepthObject.data`.

    Returns:
        Its `DepthObject.frame_spans`; an object that was cut short may have lost the last ones.

    Raises:
        DepthError: It cannot be taken apart, or a frame is damaged.
    """
    try:
        video = demux_gray(data)
    except MediaError as error:
        raise DepthError(f"depth object of {len(data)} bytes cannot be opened: {error}") from error
    for _, payload in video.packets:
        _check_payload(payload)
    return tuple((offset, len(payload)) for offset, payload in video.packets)


def _check_payload(payload: bytes) -> None:
    """Check every slice's checksum; libav's decoder patches damaged slices without a word.

    From RFC 9043, section 4.9: a slice ends with its size without this footer (24 bits), an error
    status (8 bits) and a parity that makes the CRC-32 of the whole slice, footer included, 0.
    """
    end = len(payload)
    while True:
        footer = end - _SLICE_FOOTER_BYTES
        start = footer - int.from_bytes(payload[max(footer, 0) : max(footer, 0) + 3], "big")
        if footer < 0 or start < 0:
            raise DepthError(f"depth frame of {len(payload)} bytes: slice ends before it starts")
        # zlib inverts the value it starts from and the value it returns.
        if zlib.crc32(payload[start:end].translate(_REVERSED_BITS), 0xFFFFFFFF) != 0xFFFFFFFF:
            raise DepthError(
                f"depth frame of {len(payload)} bytes: checksum of bytes {start} to {end} is wrong"
            )
        if start == 0:
            return
        end = start
