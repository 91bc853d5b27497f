"""Depth objects: what quantising loses, which bytes a frame is, and what damage does."""

import hashlib
import io
import subprocess
import sys

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from pipeline.depth import (
    DEPTH_MAX_RELATIVE_ERROR,
    DepthObject,
    DepthWriter,
    dequantise_depth,
    quantise_depth,
    read_depth_frame,
    read_depth_object,
)
from pipeline.errors import DepthError

# Prints the hash of a fixed object; run in another process to see that nothing random is in it.
WRITE_AND_HASH = """
import numpy as np
from pipeline.depth import DepthWriter
writer = DepthWriter(48, 32)
ramp = np.linspace(1, 9, 32 * 48, dtype=np.float32).reshape(32, 48)
for i in range(3):
    writer.add(ramp + i, i / 30)
print(writer.finish().sha256)
"""


def make_frames(width: int, height: int, num_frames: int) -> list[np.ndarray]:
    """A tilted plane with noise that comes nearer."""
    random = np.random.default_rng(0)
    plane = np.linspace(2, 6, width * height, dtype=np.float32).reshape(height, width)
    return [
        (plane - 0.05 * i + 0.01 * random.standard_normal(plane.shape)).astype(np.float32)
        for i in range(num_frames)
    ]


def write(frames: list[np.ndarray], fps: float = 30) -> DepthObject:
    height, width = frames[0].shape
    writer = DepthWriter(width, height)
    for i, frame in enumerate(frames):
        writer.add(frame, i / fps)
    return writer.finish()


def read_spans(depth: DepthObject) -> list[np.ndarray]:
    """Every frame from its own bytes only."""
    return [
        read_depth_frame(
            depth.data[start : start + length], depth.codec_header, depth.width, depth.height
        )
        for start, length in depth.frame_spans
    ]


@pytest.mark.parametrize(
    ("depth_m", "code"),
    [
        # 1024 ln(depth / 0.001) with the `decimal` module: 10.19, 2357.85, 7073.54, ...
        (0.00101, 10),
        (0.01, 2358),
        (1.0, 7074),
        (2.718281828, 8098),
        (10.0, 9431),
        (1000.0, 14147),
        (0.001, 0),
        (0.0, 0),
        (-0.0, 0),
        (-2.0, 0),
        (1e-30, 0),
        (float("nan"), 0),
        (float("inf"), 0),
        (float("-inf"), 0),
        (1e25, 0),
    ],
)
def test_code_of_depth(depth_m, code):
    assert quantise_depth(np.array([depth_m], np.float32)).tolist() == [code]


def test_depth_of_code():
    depth_m = dequantise_depth(np.array([0, 1, 7074, 9431, 65535], np.uint16))
    assert depth_m.dtype == np.float32
    assert np.isnan(depth_m[0])
    # exp(code / 1024) / 1000 with the `decimal` module, 30 digits
    expected = [0.0010009770, 1.0004479463, 9.9962063750, 6.2290630402e24]
    np.testing.assert_allclose(depth_m[1:], expected, rtol=1e-6)


@given(st.floats(-6.9, 57.05))  # exp of these: 1.008 mm to 5.98e24 m, all but the whole range
def test_relative_error_is_bounded_over_the_whole_range(log_depth):
    depth_m = np.exp([log_depth]).astype(np.float32)
    error = np.abs(dequantise_depth(quantise_depth(depth_m)) / depth_m.astype(np.float64) - 1)
    assert error <= DEPTH_MAX_RELATIVE_ERROR


def test_relative_error_between_1_cm_and_1_km_is_half_a_code():
    depth_m = np.geomspace(0.01, 1000, 1_000_003).astype(np.float32)
    error = np.abs(dequantise_depth(quantise_depth(depth_m)) / depth_m.astype(np.float64) - 1)
    assert error.max() < 4.9e-4  # exp(1/2048) - 1 = 4.884e-4


@pytest.mark.parametrize(("width", "height"), [(64, 48), (17, 31), (3, 5), (2, 2), (512, 2)])
@pytest.mark.parametrize("num_frames", [1, 4])
def test_frames_come_back_as_quantised(width, height, num_frames):
    frames = make_frames(width, height, num_frames)
    depth = write(frames)
    expected = [dequantise_depth(quantise_depth(frame)) for frame in frames]
    assert_array_equal(list(read_depth_object(depth.data, depth.sha256)), expected)
    assert_array_equal(read_spans(depth), expected)


def test_every_code_survives():
    codes = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    depth_m = dequantise_depth(codes)
    (frame,) = read_spans(write([depth_m]))
    assert_array_equal(quantise_depth(frame)[:255], codes[:255])


def test_frame_without_any_depth_is_all_nan():
    (frame,) = read_spans(write([np.full((32, 48), np.nan, np.float32)]))
    assert frame.shape == (32, 48)
    assert np.isnan(frame).all()


def test_object_describes_itself():
    depth = write(make_frames(64, 48, 2))
    assert depth.sha256 == hashlib.sha256(depth.data).hexdigest()
    assert (depth.width, depth.height) == (64, 48)
    assert depth.encoding == "ffv1-gray16-log1024-mkv"
    assert len(depth.codec_header) == 200


def test_public_library_reads_codes_times_and_their_meaning():
    frames = make_frames(64, 48, 3)
    writer = DepthWriter(64, 48)
    for frame, time_s in zip(frames, [7.0, 7.0334, 7.2], strict=True):
        writer.add(frame, time_s)
    with av.open(io.BytesIO(writer.finish().data)) as container:
        decoded = list(container.decode(video=0))
        assert container.metadata["COMMENT"].startswith("metres = 0.001 * exp(code / 1024)")
        assert container.streams.video[0].average_rate == 10  # 2 intervals in 0.2 s
    assert [frame.pts for frame in decoded] == [0, 33, 200]
    assert [frame.format.name for frame in decoded] == ["gray16le"] * 3
    assert_array_equal(
        [frame.to_ndarray() for frame in decoded], [quantise_depth(frame) for frame in frames]
    )


def test_same_frames_give_same_bytes_in_another_process():
    hashes = {
        subprocess.run(
            [sys.executable, "-c", WRITE_AND_HASH], check=True, capture_output=True, text=True
        ).stdout
        for _ in range(2)
    }
    assert len(hashes) == 1


def test_frames_within_a_millisecond_keep_their_order():
    frames = make_frames(16, 16, 3)
    depth = write(frames, fps=10_000)
    with av.open(io.BytesIO(depth.data)) as container:
        assert [frame.pts for frame in container.decode(video=0)] == [0, 1, 2]


@pytest.mark.parametrize("bit", range(8))
def test_flipped_bit_in_a_frame_is_refused(bit):
    depth = write(make_frames(24, 16, 1))
    ((start, length),) = depth.frame_spans
    for i in range(bit, length, 8):
        payload = bytearray(depth.data[start : start + length])
        payload[i] ^= 1 << bit
        with pytest.raises(DepthError):
            read_depth_frame(bytes(payload), depth.codec_header, 24, 16)


def test_cut_or_shifted_frame_is_refused():
    depth = write(make_frames(24, 16, 2))
    start, length = depth.frame_spans[0]
    for first, last in [(0, 0), (0, 7), (0, length // 2), (0, length - 1), (1, length), (-1, 0)]:
        with pytest.raises(DepthError, match=r"depth frame of \d+ bytes"):
            read_depth_frame(depth.data[start + first : start + last], depth.codec_header, 24, 16)


def test_damaged_codec_header_is_refused():
    depth = write(make_frames(24, 16, 1))
    ((start, length),) = depth.frame_spans
    for i in range(len(depth.codec_header)):
        header = bytearray(depth.codec_header)
        header[i] ^= 0x10
        with pytest.raises(DepthError, match="cannot be decoded"):
            read_depth_frame(depth.data[start : start + length], bytes(header), 24, 16)


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_object_that_is_not_what_was_written_is_refused(damage):
    depth = write(make_frames(24, 16, 2))
    flipped = bytearray(depth.data)
    flipped[len(flipped) // 2] ^= 1
    data = {"cut": depth.data[:-1], "flip": bytes(flipped), "empty": b""}[damage]
    with pytest.raises(DepthError, match=f"expected {depth.sha256}"):
        next(read_depth_object(data, depth.sha256))


def test_object_needs_a_frame():
    with pytest.raises(DepthError, match="without frames"):
        DepthWriter(64, 48).finish()


@pytest.mark.parametrize(("width", "height"), [(1, 64), (64, 1), (0, 0)])
def test_picture_too_small_for_the_codec_is_refused(width, height):
    with pytest.raises(DepthError, match=f"{width}x{height}"):
        DepthWriter(width, height)


def test_frame_of_another_shape_is_refused():
    with pytest.raises(DepthError, match=r"\(64, 48\), expected \(48, 64\)"):
        DepthWriter(64, 48).add(np.ones((64, 48), np.float32), 0.0)


@pytest.mark.parametrize("time_s", [0.5, 0.4, float("nan")])
def test_time_must_go_forward(time_s):
    writer = DepthWriter(16, 16)
    writer.add(np.ones((16, 16), np.float32), 0.5)
    with pytest.raises(DepthError, match="frame 1 at"):
        writer.add(np.ones((16, 16), np.float32), time_s)
