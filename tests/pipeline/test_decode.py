"""Asked-for frames are exactly the ones that come: every picture carries its own index."""

import io
import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.decode import DecodedFrame, LostFrame, decode_frames
from pipeline.errors import DecodeError
from pipeline.probe import VideoInfo, probe_video
from tests.pipeline.video_cases import NUM_HIDDEN, FailingFile, every_case, make_case
from tests.synthetic import damage_packets, make_audio, make_video, read_code


def decode(
    file: str | Path | io.BytesIO, info: VideoInfo, indices: Sequence[int]
) -> list[DecodedFrame | LostFrame]:
    pts = info.frame_pts[list(indices)]
    frames = list(
        decode_frames(
            file,
            "a",
            pts,
            width=info.width,
            height=info.height,
            has_timestamps=info.has_timestamps,
        )
    )
    assert [frame.pts for frame in frames] == pts.tolist()
    return frames


def codes(frames: list[DecodedFrame | LostFrame]) -> list[int | None]:
    """Index drawn in each picture; None for lost ones."""
    return [read_code(f.rgb)[1] if isinstance(f, DecodedFrame) else None for f in frames]


@every_case
def test_every_wanted_frame_is_the_one_with_its_index(case: str, tmp_path: Path) -> None:
    path = make_case(case, tmp_path).path
    info = probe_video(path, "a")
    num_frames, num_hidden = info.num_frames, NUM_HIDDEN.get(case, 0)
    spans = [range(num_frames), range(37, 52), range(11, 25, 3), range(24, 26), [2, 50]]
    for span in [*spans, *([i] for i in range(num_frames))]:
        indices = [i for i in span if i < num_frames]
        frames = decode(path, info, indices)
        assert codes(frames) == [i + num_hidden for i in indices]
        assert not any(f.is_corrupt for f in frames if isinstance(f, DecodedFrame))
        assert {f.rgb.shape for f in frames if isinstance(f, DecodedFrame)} <= {
            (info.height, info.width, 3)
        }


@pytest.mark.parametrize("name", ["a.mp4", "a.ts"])
def test_single_frames_from_a_file_object(name: str, tmp_path: Path) -> None:
    make_video(tmp_path / name, 40)
    info = probe_video(tmp_path / name, "a")
    with (tmp_path / name).open("rb") as file:
        for i in (39, 0, 13, 12, 11, 30):
            assert codes(decode(file, info, [i])) == [i]
        assert not file.closed


def test_no_wanted_frames_is_no_frames(tmp_path: Path) -> None:
    assert list(decode_frames(tmp_path / "missing.mp4", "a", [], width=1, height=1)) == []


@pytest.mark.parametrize("wanted", [[512, 0], [0, 0]])
def test_times_that_do_not_rise_are_refused(wanted: list[int], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="rise"):
        decode_frames(tmp_path / "a.mp4", "a", wanted, width=128, height=96)


def test_a_time_without_a_frame_is_lost(tmp_path: Path) -> None:
    make_video(tmp_path / "a.mp4")
    frames = list(
        decode_frames(tmp_path / "a.mp4", "a", [-5, 0, 7, 512, 10**9], width=128, height=96)
    )
    assert [type(frame) for frame in frames] == [
        LostFrame,
        DecodedFrame,
        LostFrame,
        DecodedFrame,
        LostFrame,
    ]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_damaged_packets_cost_their_own_frames(name: str, tmp_path: Path) -> None:
    make_video(tmp_path / name, 60, max_b_frames=0, gop=12)
    damage_packets(tmp_path / name, tmp_path / f"bad-{name}", [27])
    path = tmp_path / f"bad-{name}"
    info = probe_video(path, "a")
    assert info.num_frames == 60
    frames = decode(path, info, range(60))
    # Those after it in its group of 12 (24..35) were predicted from it: there, but marked.
    assert [i for i, f in enumerate(frames) if isinstance(f, LostFrame) or f.is_corrupt] == list(
        range(27, 36)
    )
    assert codes([*frames[:27], *frames[36:]]) == [*range(27), *range(36, 60)]
    assert codes(decode(path, info, range(40, 44))) == [40, 41, 42, 43]


def test_lost_frame_says_why(tmp_path: Path) -> None:
    options = {"cpu-used": "8", "deadline": "realtime"}
    make_video(tmp_path / "a.webm", 24, codec="libvpx-vp9", codec_options=options)
    damage_packets(tmp_path / "a.webm", tmp_path / "b.webm", [5])
    path = tmp_path / "b.webm"
    frames = decode(path, probe_video(path, "b"), range(24))
    lost = [frame for frame in frames if isinstance(frame, LostFrame)]
    assert lost[0].reason == "its data is damaged: Invalid data found when processing input"


def test_truncated_file_gives_the_frames_that_are_there(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    make_video(path, 60, max_b_frames=0, container_options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[:-700])
    info = probe_video(path, "a")
    assert 30 < info.num_frames < 60
    assert codes(decode(path, info, range(info.num_frames))) == list(range(info.num_frames))


def test_file_that_shrank_since_its_plan_loses_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    make_video(path, 60)
    info = probe_video(path, "a")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    frames = decode(path, info, range(60))
    assert codes(frames[:12]) == list(range(12))
    assert isinstance(frames[59], LostFrame)


def test_a_change_of_size_is_never_rescaled(tmp_path: Path) -> None:
    make_video(tmp_path / "a.ts", 30)
    make_video(tmp_path / "b.ts", 30, width=160, ticks=range(40, 70))
    path = tmp_path / "c.ts"
    path.write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    frames = decode(path, probe_video(path, "c"), range(60))
    assert codes(frames) == [*range(30), *[None] * 30]
    assert frames[59] == LostFrame(frames[59].pts, "its picture is 160x96, the video's 128x96")


def test_clock_that_starts_again_is_counted_through(tmp_path: Path) -> None:
    make_video(tmp_path / "a.ts", 24)
    path = tmp_path / "b.ts"
    path.write_bytes((tmp_path / "a.ts").read_bytes() * 2)
    assert codes(decode(path, probe_video(path, "b"), [0, 23, 24, 40])) == [0, 23, 0, 16]


def test_decoding_is_lazy(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    make_video(path, 300, width=320, height=240, codec="mjpeg", pix_fmt="yuvj420p", max_b_frames=0)
    file = io.BytesIO(path.read_bytes())
    info = probe_video(path, "a")
    frames = decode_frames(file, "a", info.frame_pts, width=320, height=240)
    assert isinstance(next(frames), DecodedFrame)
    assert file.tell() < path.stat().st_size / 2
    frames.close()


def test_damage_in_many_threads_is_silent_and_left_half_way(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    make_video(tmp_path / "a.mp4", 60)
    damage_packets(tmp_path / "a.mp4", tmp_path / "b.mp4", range(5, 55, 3))

    def decode_some(num_frames: int) -> int:
        info = probe_video(tmp_path / "b.mp4", "b")
        frames = decode_frames(tmp_path / "b.mp4", "b", info.frame_pts, width=128, height=96)
        return len(list(itertools.islice(frames, num_frames)))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(decode_some, range(0, 60, 3))) == list(range(0, 60, 3))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", ["missing", "text", "audio"])
def test_file_that_cannot_be_opened(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    if kind == "text":
        path.write_text("not a video\n" * 50)
    elif kind == "audio":
        make_audio(path)
    with pytest.raises(DecodeError, match=r"clip one\.mp4: ") as caught:
        next(decode_frames(path, "clip one.mp4", [0], width=128, height=96))
    assert not caught.value.is_transient


def test_broken_connection_can_be_tried_again(tmp_path: Path) -> None:
    make_video(tmp_path / "a.mkv", 120, codec="mjpeg", pix_fmt="yuvj420p", max_b_frames=0)
    info = probe_video(tmp_path / "a.mkv", "a")
    data = (tmp_path / "a.mkv").read_bytes()
    with pytest.raises(DecodeError, match="connection reset") as caught:
        decode(FailingFile(data, len(data) // 2), info, range(120))
    assert caught.value.is_transient
