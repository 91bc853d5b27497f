"""Colours of decoded frames, by the frame's own matrix and range; and what is encoded."""

import gc
import io
from fractions import Fraction

import av
import numpy as np
import pytest

from pipeline.av_io.gray import GrayEncoder
from pipeline.av_io.h264 import H264Encoder
from pipeline.av_io.reader import RgbConverter, VideoReader, num_threads
from tests.synthetic import make_video

RGB = (200, 60, 30)
WEIGHTS = {"BT.709": (0.2126, 0.0722), "BT.601": (0.299, 0.114)}  # of red and blue in luma
MATRIX_CODES = {"BT.709": 1, "BT.601": 6, "untagged": 2}  # ISO/IEC 23091-2
LIMITED, FULL = 1, 2


def flat_frame(matrix: str, color_range: int) -> av.VideoFrame:
    """A picture of one colour, RGB (200, 60, 30), by the definition of the matrix."""
    red_weight, blue_weight = WEIGHTS.get(matrix, WEIGHTS["BT.601"])
    red, green, blue = (value / 255 for value in RGB)
    luma = red_weight * red + (1 - red_weight - blue_weight) * green + blue_weight * blue
    chroma_blue = (blue - luma) / (2 * (1 - blue_weight))
    chroma_red = (red - luma) / (2 * (1 - red_weight))
    offset, luma_scale, chroma_scale = (16, 219, 224) if color_range == LIMITED else (0, 255, 255)
    values = [
        round(offset + luma_scale * luma),
        round(128 + chroma_scale * chroma_blue),
        round(128 + chroma_scale * chroma_red),
    ]
    frame = av.VideoFrame(64, 48, "yuv420p")
    for plane, value in zip(frame.planes, values, strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    frame.colorspace, frame.color_range = MATRIX_CODES[matrix], color_range
    return frame


@pytest.mark.parametrize("color_range", [LIMITED, FULL])
@pytest.mark.parametrize("matrix", ["BT.709", "BT.601", "untagged"])
def test_colour_matrix_and_range_are_the_frames_own(matrix: str, color_range: int) -> None:
    rgb = RgbConverter().convert(flat_frame(matrix, color_range))
    assert rgb.shape == (48, 64, 3)
    assert rgb[24, 32].tolist() == pytest.approx(RGB, abs=2)  # 8-bit rounding, twice


@pytest.mark.parametrize("pts", [(0,), (0, 40, 80, 120, 160), (0, 34, 133, 170, 171, 300)])
def test_an_encoded_video_has_the_frames_and_times_it_was_given(pts: tuple[int, ...]) -> None:
    encoder = H264Encoder(64, 48, Fraction(20), Fraction(1, 1000), crf=10)
    for place, time_ms in enumerate(pts):
        encoder.add(np.full((48, 64, 3), 40 + 10 * place, np.uint8), time_ms)
    with av.open(io.BytesIO(encoder.finish())) as video:
        frames = list(video.decode(video=0))
    times_ms = [frame.pts * frame.time_base * 1000 for frame in frames]
    assert [time_ms - times_ms[0] for time_ms in times_ms] == list(pts)
    for place, frame in enumerate(frames):
        rgb = RgbConverter().convert(frame)
        assert rgb.mean() == pytest.approx(40 + 10 * place, abs=2)


def test_the_same_frames_give_the_same_bytes_and_a_higher_crf_fewer() -> None:
    """Narrow and upright: there libx264's mbtree reads what happens to lie in memory."""
    random = np.random.default_rng(0)
    wall = random.integers(0, 255, (14, 10, 3)).repeat(10, axis=0).repeat(10, axis=1)
    noise = random.normal(0, 4, (8, 112, 64, 3))
    pictures = [
        (wall[i : i + 112, 2 * i : 2 * i + 64] + noise[i]).clip(0, 255).astype(np.uint8)
        for i in range(8)
    ]

    def video(crf: int) -> bytes:
        encoder = H264Encoder(64, 112, Fraction(25), Fraction(1, 25), crf)
        for place, rgb in enumerate(pictures):
            encoder.add(rgb, place)
        return encoder.finish()

    assert len({video(28) for _ in range(30)}) == 1
    assert len(video(40)) < len(video(28))


@pytest.mark.parametrize(("pix_fmt", "dtype"), [("gray", np.uint8), ("gray16le", np.uint16)])
def test_grey_frames_of_either_depth_come_back_as_they_were(pix_fmt: str, dtype: type) -> None:
    random = np.random.default_rng(0)
    codes = random.integers(0, np.iinfo(dtype).max, (3, 16, 24), endpoint=True).astype(dtype)
    encoder = GrayEncoder(24, 16, pix_fmt)
    for place, picture in enumerate(codes):
        encoder.add(picture, 40 * place)
    with av.open(io.BytesIO(encoder.finish(Fraction(25), {}))) as video:
        assert np.array_equal([frame.to_ndarray() for frame in video.decode(video=0)], codes)


def test_a_picture_is_gone_when_its_colours_were_taken(tmp_path):
    """Not at the next collection of garbage: there may be hundreds by then."""
    make_video(tmp_path / "a.mp4", 12, max_b_frames=0)
    converter = RgbConverter()
    gc.collect()
    gc.disable()
    num_before = sum(type(thing) is av.VideoFrame for thing in gc.get_objects())
    try:
        with VideoReader(tmp_path / "a.mp4", is_threaded=False) as reader:
            for packet in reader.packets():
                for frame in reader.decode(packet):
                    converter.convert(frame)
        assert sum(type(thing) is av.VideoFrame for thing in gc.get_objects()) < num_before + 3
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("cores", "size", "num_decoders", "threads"),
    [
        (2, (1920, 1080), 1, 2),
        (64, (640, 480), 1, 16),
        (64, (640, 480), 16, 4),
        (64, (3840, 2160), 1, 5),
        (64, (8192, 8192), 1, 1),
        (16, (1920, 1080), 32, 1),
        (1, (0, 0), 1, 1),
    ],
)
def test_threads_of_decoders_share_the_cores_and_hold_few_bytes(
    monkeypatch, cores, size, num_decoders, threads
):
    monkeypatch.setattr("pipeline.av_io.reader.count_cores", lambda: cores)
    assert num_threads(*size, num_decoders) == threads
