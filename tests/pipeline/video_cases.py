"""Videos that are all right, each in its own way, and a file object that is not."""

import io
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.synthetic import SyntheticVideo, make_video

VP9_OF_10_BITS = Path(__file__).parents[1] / "golden" / "vp9_10bit.webm"
NUM_FRAMES = 60
# Frames 0..59 shown at ever longer intervals, in thirtieths of a second.
UNEVEN_TICKS = [i + i * i // 4 for i in range(NUM_FRAMES)]
X265 = {"preset": "ultrafast", "x265-params": "log-level=none:pools=1"}
OPEN_GOP = {**X265, "x265-params": f"{X265['x265-params']}:bframes=3:open-gop=1"}
PYRAMID = {"x264-params": "log-level=none:b-pyramid=normal:b-adapt=0:bframes=7"}
VPX_ALT_REF = {"auto-alt-ref": "1", "lag-in-frames": "12", "cpu-used": "8"}
AV1 = {"preset": "8", "crf": "20", "svtav1-params": "enable-tf=0"}
INTERLACED = {"flags": "+ildct+ilme"}
# Their clock begins before zero: what comes before is shown in Matroska, and hidden in MP4.
BEFORE_ZERO = {"output_ts_offset": "-0.2", "avoid_negative_ts": "disabled"}
LAST_SECOND = {"output_ts_offset": "95442.7"}  # of 33 bits at 90 kHz


def hdr(transfer: str) -> dict[str, Any]:
    """Ten bits in BT.2020 with a transfer curve of high dynamic range."""
    colour = f"colorprim=bt2020:colormatrix=bt2020nc:transfer={transfer}"
    options = {**X265, "x265-params": f"{X265['x265-params']}:{colour}"}
    return {"codec": "libx265", "pix_fmt": "yuv420p10le", "codec_options": options}


CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "h264 mp4": ("a.mp4", {}),
    "no B-frames": ("a.mp4", {"max_b_frames": 0}),
    "faststart with audio": (
        "a.mp4",
        {"has_audio": True, "container_options": {"movflags": "faststart"}},
    ),
    "fragmented": ("a.mp4", {"container_options": {"movflags": "frag_keyframe+empty_moov"}}),
    "cover picture": ("a.mp4", {"has_cover": True}),
    "mov with audio": ("a.mov", {"has_audio": True}),
    "mkv": ("a.mkv", {}),
    "ts": ("a.ts", {}),
    "flv": ("a.flv", {}),
    "avi with B-frames": ("a.avi", {}),
    "mpeg4 avi": ("a.avi", {"codec": "mpeg4"}),
    "mpeg4 avi with empty frames": (
        "a.avi",
        {"codec": "mpeg4", "max_b_frames": 0, "ticks": [i + i // 9 * 5 for i in range(NUM_FRAMES)]},
    ),
    "motion jpeg avi": ("a.avi", {"codec": "mjpeg", "pix_fmt": "yuvj420p", "max_b_frames": 0}),
    "mpeg2 program stream": ("a.mpg", {"codec": "mpeg2video"}),
    "mpeg2 program stream without B-frames": ("a.mpg", {"codec": "mpeg2video", "max_b_frames": 0}),
    "mpeg1 program stream": ("a.mpg", {"codec": "mpeg1video"}),
    "mpeg2 ts": ("a.ts", {"codec": "mpeg2video"}),
    "bare h264": ("a.h264", {}),
    "bare mpeg2": ("a.m2v", {"codec": "mpeg2video"}),
    "vp8 webm": ("a.webm", {"codec": "libvpx", "codec_options": {"deadline": "realtime"}}),
    "vp9 webm": ("a.webm", {"codec": "libvpx-vp9", "codec_options": VPX_ALT_REF}),
    "av1 mp4": ("a.mp4", {"codec": "libsvtav1", "codec_options": AV1}),
    "hevc open gop mp4": ("a.mp4", {"codec": "libx265", "codec_options": OPEN_GOP}),
    "hevc open gop ts": ("a.ts", {"codec": "libx265", "codec_options": OPEN_GOP}),
    "prores mov": ("a.mov", {"codec": "prores_ks", "pix_fmt": "yuv422p10le"}),
    "wmv": ("a.wmv", {"codec": "wmv2", "max_b_frames": 0}),
    "B-pyramid mp4": ("a.mp4", {"max_b_frames": 7, "codec_options": PYRAMID}),
    "B-pyramid ts": ("a.ts", {"max_b_frames": 7, "codec_options": PYRAMID}),
    "h264 of 10 bits": ("a.mp4", {"pix_fmt": "yuv420p10le"}),
    "h264 4:4:4 of 10 bits": ("a.mkv", {"pix_fmt": "yuv444p10le"}),
    "hevc PQ": ("a.mp4", hdr("smpte2084")),
    "hevc HLG": ("a.mp4", hdr("arib-std-b67")),
    "vp9 with alpha": (
        "a.webm",
        {
            "codec": "libvpx-vp9",
            "pix_fmt": "yuva420p",
            "codec_options": {"cpu-used": "8", "auto-alt-ref": "0"},
        },
    ),
    "prores with alpha": ("a.mov", {"codec": "prores_ks", "pix_fmt": "yuva444p10le"}),
    "png with alpha": ("a.mov", {"codec": "png", "pix_fmt": "rgba", "gop": 1, "max_b_frames": 0}),
    "gradual refresh": ("a.mp4", {"codec_options": {"intra-refresh": "1"}}),
    "interlaced ts": ("a.ts", {"codec_options": INTERLACED}),
    "interlaced mp4": ("a.mp4", {"codec_options": INTERLACED}),
    "interlaced mpeg2": ("a.mpg", {"codec": "mpeg2video", "codec_options": INTERLACED}),
    "uneven mp4": ("a.mp4", {"ticks": UNEVEN_TICKS}),
    "uneven mkv": ("a.mkv", {"ticks": UNEVEN_TICKS}),
    "uneven ts": ("a.ts", {"ticks": UNEVEN_TICKS}),
    "starts late": ("a.mp4", {"ticks": range(30, 90)}),
    "edit list hides 7": ("a.mp4", {"ticks": range(-7, 53)}),
    "starts before zero": ("a.mkv", {"container_options": BEFORE_ZERO}),
    "starts before zero and hides 6": ("a.mp4", {"container_options": BEFORE_ZERO}),
    "clock wraps": ("a.ts", {"container_options": LAST_SECOND}),
    "no duration mkv": ("a.mkv", {"container_options": {"live": "1"}}),
    "no duration mp4": (
        "a.mp4",
        {"container_options": {"movflags": "frag_every_frame+empty_moov"}},
    ),
    "odd size": ("a.mp4", {"pix_fmt": "yuv444p", "width": 127, "height": 95}),
    "small odd size": ("a.mkv", {"pix_fmt": "yuv444p", "width": 33, "height": 25}),
    "odd size 4:2:0": ("a.avi", {"codec": "mpeg4", "width": 127, "height": 95, "max_b_frames": 0}),
    "oblong pixels": ("a.mp4", {"sample_aspect_ratio": Fraction(4, 3)}),
    "turned 90": ("a.mp4", {"rotation_deg": 90, "width": 96, "height": 128}),
    "turned 180": ("a.mov", {"rotation_deg": 180}),
    "turned 270": ("a.mkv", {"rotation_deg": 270, "width": 96, "height": 128}),
    "mirrored": ("a.mp4", {"is_mirrored": True}),
    "upside down": ("a.mp4", {"rotation_deg": 180, "is_mirrored": True}),
    "turned 90 and mirrored": (
        "a.mp4",
        {"rotation_deg": 90, "is_mirrored": True, "width": 96, "height": 128},
    ),
    "turned 270 and mirrored": (
        "a.mkv",
        {"rotation_deg": 270, "is_mirrored": True, "width": 96, "height": 128},
    ),
    "one frame": ("a.mp4", {"num_frames": 1}),
    "two frames": ("a.mkv", {"num_frames": 2}),
}
NUM_HIDDEN = {"edit list hides 7": 7, "starts before zero and hides 6": 6}
WITHOUT_TIMES = {
    "avi with B-frames",
    "mpeg2 program stream",
    "bare h264",
    "starts before zero",
}

every_case = pytest.mark.parametrize("case", CASES)


def make_case(case: str, folder: Path) -> SyntheticVideo:
    name, options = CASES[case]
    return make_video(folder / name, **({"num_frames": NUM_FRAMES} | options))


class FailingFile(io.BytesIO):
    """A remote file whose connection breaks after some bytes."""

    def __init__(self, data: bytes, num_good_bytes: int) -> None:
        super().__init__(data)
        self._num_good_bytes = num_good_bytes

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() >= self._num_good_bytes:
            raise ConnectionResetError("connection reset by peer")
        return super().read(size)
