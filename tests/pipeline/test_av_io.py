"""Colours of decoded frames: the frame's own matrix and range."""

import av
import pytest

from pipeline.av_io import RgbConverter

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
