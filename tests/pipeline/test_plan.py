import dataclasses
import io
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.config import PlanConfig
from pipeline.errors import PlanError
from pipeline.plan import Plan, PlanFiles, PlanReader, has_plan, make_plan, read_plan, write_plan
from pipeline.probe import VideoInfo
from pipeline.source import Source, SourceFile, list_source
from pipeline.storage import Store
from schemas.ids import clip_id, shard_id, video_id
from tests.stores import FlakyFileSystem
from tests.synthetic import make_video

CONFIG = PlanConfig(max_clip_frames=10, max_shard_frames=15)
MAKE_PLAN = """
import sys
from pipeline.config import PlanConfig
from pipeline.plan import make_plan, write_plan
from pipeline.source import list_source
from pipeline.storage import Store
store = Store(sys.argv[2])
plan = make_plan(list_source(sys.argv[1]), PlanConfig(max_clip_frames=10, max_shard_frames=15))
write_plan(store, plan)
"""


def tables_of(files: PlanFiles) -> Plan:
    videos, clips = (pq.read_table(io.BytesIO(data)) for data in (files.videos, files.clips))
    return Plan(videos, clips)


def planned(root_uri: str, config: PlanConfig = CONFIG) -> Plan:
    return tables_of(make_plan(list_source(root_uri), config))


@pytest.fixture
def videos(tmp_path, root_uri) -> str:
    """24 frames and 5 at 30 a second, in two containers, and a text that is no video."""
    make_video(tmp_path / "a.mp4", 24)
    make_video(tmp_path / "b.mkv", 5, width=96, height=128)
    store = Store(root_uri)
    store.write("walk/a.mp4", (tmp_path / "a.mp4").read_bytes())
    store.write("b.mkv", (tmp_path / "b.mkv").read_bytes())
    store.write("c.mp4", b"not a video")
    return root_uri


def test_videos_in_order_with_what_was_probed(videos):
    rows = planned(videos).videos.to_pylist()
    assert [row["uri"] for row in rows] == ["b.mkv", "c.mp4", "walk/a.mp4"]
    assert [row["video_index"] for row in rows] == [0, 1, 2]
    assert [row["status"] for row in rows] == ["ok", "failed", "ok"]
    stored = Store(videos).info("walk/a.mp4")
    assert rows[2]["video_id"] == video_id("walk/a.mp4", stored.size_bytes, stored.version)
    assert (rows[2]["width"], rows[2]["height"], rows[2]["num_frames"]) == (128, 96, 24)
    assert rows[2]["duration_s"] == pytest.approx(0.8)
    assert rows[1]["width"] is None


def test_clips_share_a_frame_and_know_their_times(videos):
    rows = planned(videos).clips.to_pylist()[2:]
    assert [(row["start_frame"], row["end_frame"]) for row in rows] == [(0, 10), (9, 19), (18, 24)]
    assert [row["frame_index"] for row in rows] == [
        list(range(0, 10)),
        list(range(9, 19)),
        list(range(18, 24)),
    ]
    assert [row["shares_first_frame"] for row in rows] == [False, True, True]
    assert [row["start_time_s"] for row in rows] == pytest.approx([0, 0.3, 0.6])
    assert [row["end_time_s"] for row in rows] == pytest.approx([10 / 30, 19 / 30, 0.8])


def test_times_of_a_video_rounded_to_milliseconds_are_the_stored_ones(videos):
    row = planned(videos).clips.to_pylist()[0]
    assert (row["num_frames"], row["frame_pts"]) == (5, [0, 33, 67, 100, 133])


def test_sampled_clips_span_the_frames_they_leave_out(videos):
    config = PlanConfig(fps=15, max_clip_frames=5)
    rows = planned(videos, config).clips.to_pylist()[2:]
    assert [row["frame_index"] for row in rows] == [
        [0, 2, 4, 6, 8],
        [8, 10, 12, 14, 16],
        [16, 18, 20, 22],
    ]
    assert [(row["start_frame"], row["end_frame"]) for row in rows] == [(0, 9), (8, 17), (16, 23)]
    assert rows[1]["end_time_s"] == pytest.approx(17 / 30)


def test_known_shots_are_cut_apart_and_share_no_frame(videos):
    config = PlanConfig(max_clip_frames=10)
    plan = tables_of(make_plan(list_source(videos), config, cuts={"walk/a.mp4": [4, 18]}))
    rows = plan.clips.to_pylist()[2:]
    spans = [(row["shot_index"], row["start_frame"], row["end_frame"]) for row in rows]
    assert spans == [(0, 0, 4), (1, 4, 14), (1, 13, 18), (2, 18, 24)]
    assert [row["shares_first_frame"] for row in rows] == [False, False, True, False]
    assert [row["end_time_s"] for row in rows] == pytest.approx([4 / 30, 14 / 30, 18 / 30, 0.8])


def test_a_shot_too_short_for_the_sampling_has_no_clip(videos):
    config = PlanConfig(fps=15)
    plan = tables_of(make_plan(list_source(videos), config, cuts={"walk/a.mp4": [9, 10]}))
    rows = plan.clips.to_pylist()[2:]
    assert [(row["shot_index"], row["frame_index"]) for row in rows] == [
        (0, [0, 2, 4, 6, 8]),
        (2, [10, 12, 14, 16, 18, 20, 22]),
    ]


def test_a_file_that_is_no_video_is_one_clip_of_no_frames(videos):
    plan = planned(videos)
    row = plan.clips.to_pylist()[1]
    assert (row["num_frames"], row["frame_index"], row["frame_pts"]) == (0, [], [])
    assert (row["start_frame"], row["end_frame"], row["end_time_s"]) == (0, 0, 0.0)
    video = plan.videos.to_pylist()[1]
    assert video["error_class"] == "ProbeError"
    assert video["error_message"].startswith("c.mp4: ")


def test_a_file_that_a_list_names_and_is_not_there_is_planned_as_failed():
    plan = tables_of(
        make_plan(Source("bucket://none", (SourceFile("gone.mp4", None, ""),)), CONFIG)
    )
    video = plan.videos.to_pylist()[0]
    assert (video["status"], video["etag"], video["size_bytes"]) == ("failed", "missing", 0)
    assert video["error_message"] == "gone.mp4: no such file. Correct the list that names it"
    assert plan.clips.num_rows == 1


def test_a_file_that_vanished_since_it_was_listed_is_planned_as_failed(root_uri):
    plan = tables_of(make_plan(Source(root_uri, (SourceFile("gone.mp4", 9, "1"),)), CONFIG))
    assert plan.videos["status"].to_pylist() == ["failed"]
    assert "gone.mp4: " in plan.videos["error_message"][0].as_py()


def test_a_broken_connection_is_tried_again(tmp_path):
    make_video(tmp_path / "a.mp4", 3)
    Store("flaky://src").write("a.mp4", (tmp_path / "a.mp4").read_bytes())
    FlakyFileSystem.num_opened.clear()
    assert planned("flaky://src").videos["status"].to_pylist() == ["ok"]
    assert FlakyFileSystem.num_opened == {"/src/a.mp4": 3}


def test_shards_hold_neighbours_and_are_named_by_their_clips(videos):
    plan = planned(videos)
    rows = plan.clips.to_pylist()
    assert [row["shard_index"] for row in rows] == [0, 0, 0, 1, 2]
    assert plan.num_shards == 3
    ids = [row["clip_id"] for row in rows]
    assert [row["shard_id"] for row in rows] == [
        *[shard_id(ids[:3])] * 3,
        shard_id(ids[3:4]),
        shard_id(ids[4:]),
    ]
    a = rows[2]
    assert ids[2] == clip_id(a["video_id"], 0, 0, 10, a["frame_index"], a["frame_pts"])
    assert len(set(ids)) == 5


def test_a_shard_is_read_as_it_was_planned(videos):
    store = Store(f"{videos}/out")
    files = make_plan(list_source(videos), CONFIG)
    write_plan(store, files)
    plan = tables_of(files)
    reader = PlanReader(store)
    clips = reader.read_shard(0)
    assert [(clip.uri, clip.start_frame, clip.end_frame) for clip in clips] == [
        ("b.mkv", 0, 5),
        ("c.mp4", 0, 0),
        ("walk/a.mp4", 0, 10),
    ]
    assert [clip.clip_id for clip in clips] == plan.clips["clip_id"].to_pylist()[:3]
    assert [clip.video_index for clip in clips] == [0, 1, 2]
    assert np.array_equal(clips[0].frame_pts, [0, 33, 67, 100, 133])
    assert np.array_equal(clips[2].frame_index, range(10))
    assert (clips[0].width, clips[0].height, clips[0].time_base) == (96, 128, Fraction(1, 1000))
    assert clips[1].probe_error == ("ProbeError", plan.videos["error_message"][1].as_py())
    assert clips[0].probe_error is None
    stored = Store(videos).info("b.mkv")
    assert (clips[0].size_bytes, clips[0].etag) == (stored.size_bytes, stored.version)
    assert [clip.start_frame for shard in (1, 2) for clip in reader.read_shard(shard)] == [9, 18]
    assert [clip.shares_first_frame for clip in reader.read_shard(1)] == [True]


def test_a_plan_is_read_as_it_was_written(videos):
    store = Store(f"{videos}/out")
    assert not has_plan(store)
    files = make_plan(list_source(videos), CONFIG)
    write_plan(store, files)
    assert has_plan(store)
    read = read_plan(store)
    assert read.videos.equals(tables_of(files).videos)
    assert read.clips.equals(tables_of(files).clips)
    few = read_plan(store, clip_columns=["shard_index"], video_columns=["uri"])
    assert (few.clips.column_names, few.num_shards) == (["shard_index"], 3)
    assert few.videos.column_names == ["uri"]


def test_a_plan_is_the_same_bytes_in_another_process(tmp_path):
    src = tmp_path / "src"
    for name in ("x/a.mp4", "y/a.mp4", "b.mp4"):
        (src / name).parent.mkdir(parents=True, exist_ok=True)
        make_video(src / name, 12)
    (src / "c.mp4").write_bytes(b"not a video")
    outs = [tmp_path / "first", tmp_path / "second"]
    write_plan(Store(str(outs[0])), make_plan(list_source(str(src)), CONFIG))
    environment = os.environ | {"PYTHONHASHSEED": "12345"}
    command = [sys.executable, "-c", MAKE_PLAN, str(src), str(outs[1])]
    subprocess.run(command, env=environment, check=True)
    for name in ("plan/videos.parquet", "plan/clips.parquet"):
        assert (outs[0] / name).read_bytes() == (outs[1] / name).read_bytes()


def _ids(src: Path) -> tuple[list[str], list[str]]:
    plan = planned(str(src))
    return plan.videos["video_id"].to_pylist(), plan.clips["clip_id"].to_pylist()


def test_two_files_of_one_name_and_content_are_two_videos(tmp_path):
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        make_video(tmp_path / name / "a.mp4", 3)
        os.utime(tmp_path / name / "a.mp4", ns=(10**18, 10**18))
    videos, clips = _ids(tmp_path)
    assert len(set(videos)) == len(set(clips)) == 2


def test_ids_change_with_the_file_and_come_back_with_it(tmp_path):
    path = tmp_path / "a.mp4"
    make_video(path, 3)
    os.utime(path, ns=(10**18, 10**18))
    before = _ids(tmp_path)
    os.utime(path, ns=(10**18, 10**18 + 1))
    touched = _ids(tmp_path)
    path.write_bytes(path.read_bytes() + bytes(8))
    os.utime(path, ns=(10**18, 10**18))
    longer = _ids(tmp_path)
    assert len({before[0][0], touched[0][0], longer[0][0]}) == 3
    assert len({before[1][0], touched[1][0], longer[1][0]}) == 3
    path.write_bytes(path.read_bytes()[:-8])
    os.utime(path, ns=(10**18, 10**18))
    assert _ids(tmp_path) == before


def test_clip_ids_change_with_the_sampling(tmp_path):
    make_video(tmp_path / "a.mp4", 12)
    ids = [
        tuple(planned(str(tmp_path), config).clips["clip_id"].to_pylist())
        for config in (CONFIG, PlanConfig(fps=15), dataclasses.replace(CONFIG, max_clip_frames=11))
    ]
    assert len(set(ids)) == 3


def test_progress_counts_every_file(videos):
    seen = []

    def see(done, total):
        seen.append((done, total))

    make_plan(list_source(videos), CONFIG, see, on_cut=see)
    assert seen == [(1, 3), (2, 3), (3, 3)] * 2  # all are probed before the first is cut


def test_a_plan_of_many_pieces_has_every_clip_in_order():
    files = tuple(SourceFile(f"{i}.mp4", 1, "v") for i in range(35_000))
    info = VideoInfo(
        container="mov",
        codec="h264",
        pixel_format="yuv420p",
        width=128,
        height=96,
        rotation_deg=0,
        is_mirrored=False,
        sample_aspect_ratio=Fraction(1),
        fps=30.0,
        is_variable_rate=False,
        duration_s=0.5,
        time_base=Fraction(1, 30),
        frame_pts=np.arange(15),
        num_key_frames=1,
        has_timestamps=True,
        is_truncated=False,
        warnings=(),
    )
    config = dataclasses.replace(CONFIG, max_shard_frames=16)
    plan = tables_of(make_plan(Source("root", files), config, probe=lambda root, file: info))
    assert plan.videos["uri"].to_pylist() == [file.name for file in files]
    assert plan.clips["clip_index"].to_pylist() == list(range(70_000))  # [0, 10) and [9, 15)
    assert plan.clips["shard_index"].to_pylist() == [clip // 2 for clip in range(70_000)]


def test_no_plan(root_uri):
    with pytest.raises(PlanError, match=r"holds no plan\. Make one with h3r plan or h3r annotate"):
        read_plan(Store(root_uri))


@pytest.mark.parametrize("name", ["plan/videos.parquet", "plan/clips.parquet"])
def test_a_damaged_plan_is_named(name, videos):
    store = Store(f"{videos}/out")
    write_plan(store, make_plan(list_source(videos), CONFIG))
    store.write(name, store.read(name)[:-10])
    with pytest.raises(PlanError, match=f"the plan is damaged: .*{name}"):
        read_plan(store)
