"""What a video is said to hold: counts and times are those that were written."""

import os
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import ProbeError
from pipeline.probe import probe_video
from tests.pipeline.video_cases import (
    NUM_HIDDEN,
    WITHOUT_TIMES,
    FailingFile,
    every_case,
    make_case,
)
from tests.synthetic import damage_packets, make_audio, make_video


@every_case
def test_counts_and_times_are_those_written(case: str, tmp_path: Path) -> None:
    video = make_case(case, tmp_path)
    info = probe_video(str(video.path), "a")
    shown_s = video.times_s[NUM_HIDDEN.get(case, 0) :]
    assert info.num_frames == len(shown_s)
    assert info.has_timestamps == (case not in WITHOUT_TIMES)
    since_start_s = (info.frame_pts - info.start_pts) * float(info.time_base)
    # 0.5 ms: MKV, WebM and FLV store whole milliseconds; twice, as both ends are rounded.
    np.testing.assert_allclose(
        since_start_s, [float(t - shown_s[0]) for t in shown_s], atol=1.01e-3
    )
    assert info.is_variable_rate == ("uneven" in case or "empty" in case)
    assert not info.is_truncated
    assert info.warnings == ()


@pytest.mark.parametrize(
    ("suffix", "pts", "time_base"),
    [
        (".mp4", [0, 512, 1024], Fraction(1, 15360)),
        (".mkv", [0, 33, 67], Fraction(1, 1000)),
        (".ts", [6000, 9000, 12000], Fraction(1, 90000)),  # two frames late: B-frames
        (".h264", [0, 1, 2], Fraction(1, 30)),
    ],
)
def test_literal_times_of_30_fps(
    suffix: str, pts: list[int], time_base: Fraction, tmp_path: Path
) -> None:
    make_video(tmp_path / f"a{suffix}", 12)
    info = probe_video(str(tmp_path / f"a{suffix}"), "a")
    assert (info.frame_pts[:3].tolist(), info.time_base) == (pts, time_base)
    assert info.fps == pytest.approx(30.0, rel=0.002)
    assert info.duration_s == pytest.approx(0.4, abs=0.001)


def test_facts_of_a_portrait_video_with_oblong_pixels(tmp_path: Path) -> None:
    path = tmp_path / "clip ü 1:2.mp4"
    make_video(
        path, width=96, height=128, rotation_deg=90, sample_aspect_ratio=Fraction(4, 3), fps=25
    )
    info = probe_video(path, "clip")
    assert (info.container, info.codec, info.pixel_format) == (
        "mov,mp4,m4a,3gp,3g2,mj2",
        "h264",
        "yuv420p",
    )
    # Stored as 128 x 96: 171 x 96 of square pixels, then turned.
    assert (info.width, info.height, info.rotation_deg, info.is_mirrored) == (96, 171, 90, False)
    assert info.sample_aspect_ratio == Fraction(4, 3)
    assert (info.num_frames, info.fps, info.duration_s) == (24, 25.0, 0.96)
    assert info.num_key_frames == 2


def test_one_frame_has_the_stated_rate_and_a_duration(tmp_path: Path) -> None:
    make_video(tmp_path / "a.mp4", 1)
    info = probe_video(str(tmp_path / "a.mp4"), "a")
    assert (info.num_frames, info.fps, info.is_variable_rate) == (1, 30.0, False)
    assert info.duration_s == pytest.approx(1 / 30)


@pytest.mark.parametrize("case", ["a.mp4", "a.ts", "a.avi"])
def test_file_object_and_path_agree(case: str, tmp_path: Path) -> None:
    make_video(tmp_path / case)
    by_path = probe_video(str(tmp_path / case), "a")
    with (tmp_path / case).open("rb") as file:
        by_object = probe_video(file, "a")
        assert not file.closed
    np.testing.assert_array_equal(by_path.frame_pts, by_object.frame_pts)


def _cut(path: Path, kept: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mp4", {"container_options": {"movflags": "faststart"}}),
        ("a.mkv", {}),
        ("a.avi", {"codec": "mpeg4", "max_b_frames": 0}),
    ],
)
def test_truncated_file_has_the_frames_that_are_there(
    name: str, options: dict, tmp_path: Path
) -> None:
    make_video(tmp_path / name, 60, **options)
    _cut(tmp_path / name, 0.7)
    info = probe_video(str(tmp_path / name), "a")
    assert 5 < info.num_frames < 60
    assert info.is_truncated
    assert info.warnings


def test_stream_joined_in_the_middle_starts_at_its_first_key_frame(tmp_path: Path) -> None:
    make_video(tmp_path / "a.ts", 60, gop=12)
    data = (tmp_path / "a.ts").read_bytes()
    (tmp_path / "a.ts").write_bytes(data[188 * 40 :])
    info = probe_video(str(tmp_path / "a.ts"), "a")
    assert info.num_frames == 36
    assert info.start_pts == 6000 + 24 * 3000


def test_track_that_appears_half_way_changes_nothing(tmp_path: Path) -> None:
    make_video(tmp_path / "a.ts", 30)
    make_video(tmp_path / "b.ts", 30, ticks=range(40, 70), has_audio=True)
    path = tmp_path / "c.ts"
    path.write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    assert probe_video(path, "c").num_frames == 60


def test_clock_that_starts_again_is_no_clock(tmp_path: Path) -> None:
    make_video(tmp_path / "a.ts")
    (tmp_path / "b.ts").write_bytes((tmp_path / "a.ts").read_bytes() * 2)
    info = probe_video(str(tmp_path / "b.ts"), "b")
    assert not info.has_timestamps
    assert info.frame_pts.tolist() == list(range(48))
    assert (info.fps, info.time_base) == (30.0, Fraction(1, 30))


def _make_bad(kind: str, path: Path) -> None:
    if kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("not a video\n" * 50)
    elif kind == "play list":
        make_video(path.with_name("good.ts"))
        path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\ngood.ts\n#EXT-X-ENDLIST\n")
    elif kind == "no index":
        make_video(path)
        _cut(path, 0.6)
    elif kind == "audio only":
        make_audio(path)
    elif kind == "picture":
        Image.new("RGB", (64, 48)).save(path)
    elif kind == "noise":
        path.write_bytes(np.random.default_rng(0).bytes(20_000))
    elif kind == "folder":
        path.mkdir()
    elif kind == "all damaged":
        make_video(path.with_suffix(".good.webm"), codec="libvpx-vp9")
        damage_packets(path.with_suffix(".good.webm"), path, range(24))


BAD_FILES = [
    ("empty", "a.mp4", "the file is empty (0 bytes)"),
    ("text", "a.mp4", "it is no video"),
    ("text", "a.txt", "a text"),
    ("play list", "a.m3u8", "a play list"),
    ("no index", "a.mp4", "cut short before its index (moov)"),
    ("audio only", "a.mp4", "it has no video stream (only: audio)"),
    ("picture", "a.png", "it is a picture"),
    ("noise", "a.mkv", "it is not a video in a known container"),
    ("folder", "a.mp4", "Is a directory"),
    ("nothing", "a.mp4", "No such file"),
    ("all damaged", "a.webm", "no frame of it can be decoded"),
]


@pytest.mark.parametrize(("kind", "name", "reason"), BAD_FILES)
def test_bad_file_is_named_with_the_reason_and_the_remedy(
    kind: str, name: str, reason: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    _make_bad(kind, tmp_path / name)
    with pytest.raises(ProbeError) as caught:
        probe_video(str(tmp_path / name), "sub/clip one.mp4")
    message = str(caught.value)
    assert message.startswith("sub/clip one.mp4: ")
    assert reason in message
    assert "--exclude" in message
    assert not caught.value.is_transient
    assert capfd.readouterr().err == ""


def test_libavs_own_words_come_with_the_error_of_their_file_only(tmp_path: Path) -> None:
    _make_bad("no index", tmp_path / "cut.mp4")
    make_video(tmp_path / "good.mp4")
    make_audio(tmp_path / "sound.mp4")

    def outcome(name: str) -> str:
        try:
            return str(probe_video(str(tmp_path / name), name).warnings)
        except ProbeError as error:
            return str(error)

    names = ["cut.mp4", "good.mp4", "sound.mp4"] * 8
    with ThreadPoolExecutor(4) as pool:
        outcomes = dict(zip(names, pool.map(outcome, names), strict=True))
    assert "(libav: moov atom not found)" in outcomes["cut.mp4"]
    assert outcomes["good.mp4"] == "()"
    assert "libav" not in outcomes["sound.mp4"]


@pytest.mark.parametrize("num_good_bytes", [0, 1000])
def test_broken_connection_can_be_tried_again(num_good_bytes: int, tmp_path: Path) -> None:
    make_video(tmp_path / "a.mkv")
    file = FailingFile((tmp_path / "a.mkv").read_bytes(), num_good_bytes)
    with pytest.raises(ProbeError, match="connection reset") as caught:
        probe_video(file, "a")
    assert caught.value.is_transient


@pytest.mark.parametrize("position", [0, 100])
def test_a_file_object_is_read_from_its_start(position: int, tmp_path: Path) -> None:
    make_video(tmp_path / "a.mp4")
    with (tmp_path / "a.mp4").open("rb") as file:
        file.seek(position, os.SEEK_SET)
        assert probe_video(file, "a").num_frames == 24
