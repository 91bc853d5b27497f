"""Shards annotated without Ray: every label on its own clip and frame, every trouble in its row."""

import dataclasses
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from human3r_model.preprocess import image_geometry
from pipeline.attempts import begin_attempt
from pipeline.config import SHARDS_AT_ONCE, WorkerConfig
from pipeline.depth import read_depth_object
from pipeline.errors import RefusedError
from pipeline.inference import ClipInput
from pipeline.ledger import read_commit, read_ledger
from pipeline.plan import PlanReader
from pipeline.tables import read_table
from pipeline.worker import DEVICE_LOST, SWITCH_INTERVAL_S, ShardWorker, make_batches
from tests.fakes import FakeHuman3R, fake_models
from tests.pipeline.small_job import VIDEO_OF_CODE, plan_small, settings_of
from tests.synthetic import make_video

CODE_OF_VIDEO = {name: code for code, name in VIDEO_OF_CODE.items()}


def worker_of(job, network=None, body=None, config=None, **labels):
    models = fake_models(network, body)
    return ShardWorker(settings_of(job, models, config, **labels), models)


def annotate_all(job, **options):
    """Reports of all shards, the last first."""
    worker = worker_of(job, **options)
    return [worker.annotate(shard) for shard in (2, 1, 0)]


@pytest.mark.parametrize(("is_compiled", "device"), [(False, "cpu"), (True, "cpu, compiled")])
def test_the_ledger_says_whether_the_network_was_compiled(
    is_compiled, device, small_source, tmp_path
):
    job = plan_small(small_source, tmp_path / "out")
    worker_of(job, config=WorkerConfig(is_compiled=is_compiled)).annotate(0)
    assert set(read_commit(job.store, 0)["device"].to_pylist()) == {device}


def rows_of(store, kind):
    paths = set(read_ledger(store)[f"{kind}_file"].to_pylist()) - {None}
    return [row for path in sorted(paths) for row in read_table(store, path).to_pylist()]


def clips_of(store):
    return {row["clip_id"]: row for row in read_ledger(store).to_pylist()}


@pytest.mark.parametrize(
    "config",
    [WorkerConfig(batch_clips=1, encode_frames=1), WorkerConfig(8, 3, 1)],
    ids=["one by one", "wide"],
)
def test_every_row_carries_the_labels_of_its_own_clip_and_frame(config, small_source, tmp_path):
    job = plan_small(small_source, tmp_path / "out")
    assert [report.error for report in annotate_all(job, config=config)] == ["", "", ""]
    clips = clips_of(job.store)
    pictures = {
        clip["depth_file"]: list(
            read_depth_object(job.store.read(clip["depth_file"]), clip["depth_sha256"])
        )
        for clip in clips.values()
        if clip["depth_file"]
    }
    frames, people = rows_of(job.store, "frames"), rows_of(job.store, "people")
    assert (len(frames), len(people)) == (21, 20)
    for row in frames:
        clip, frame = clips[row["clip_id"]], row["frame_index"]
        video = CODE_OF_VIDEO[clip["uri"]]
        assert clip["start_frame"] <= frame < clip["end_frame"]
        assert row["video_id"] == clip["video_id"]
        assert row["time_s"] == pytest.approx(frame / 30)
        # The network counts its steps in z: 0 at the clip's own first frame.
        assert row["camera_position"] == [video, frame, frame - clip["start_frame"]]
        assert row["depth_confidence_mean"] == 2 + frame
        # 40 + v pixels of a picture half as large as the source.
        assert row["fx"] == pytest.approx(2 * (40 + video), rel=1e-4)
        assert row["num_people"] == (video + frame) % 3
        assert row["is_seam"] == (frame == clip["start_frame"] > 0)
        depth_m = 2 + video + frame / 64
        assert row["depth_median_m"] == pytest.approx(depth_m)
        picture = pictures[row["depth_file"]][row["depth_index"]]
        assert picture.shape == ((64, 48) if video == 3 else (48, 64))
        assert picture == pytest.approx(np.full(picture.shape, depth_m), rel=5e-4)
    for row in people:
        video = CODE_OF_VIDEO[clips[row["clip_id"]]["uri"]]
        assert row["betas"][:3] == [video, row["frame_index"], row["track_id"]]
        assert row["head_position"][0] == pytest.approx((video + row["track_id"]) / 10)


def test_a_report_counts_what_was_committed(small_source, tmp_path):
    job = plan_small(small_source, tmp_path / "out")
    report = worker_of(job).annotate(1)
    assert (report.num_done, report.num_empty, report.num_failed) == (2, 0, 1)
    assert (report.num_frames, report.num_people) == (7, 8)
    assert job.store.list("attempts") == []


def test_the_network_waits_little_for_the_interpreter(small_source, tmp_path):
    sys.setswitchinterval(0.005)
    worker_of(plan_small(small_source, tmp_path / "out"))
    assert sys.getswitchinterval() == SWITCH_INTERVAL_S < 0.001


def test_a_committed_shard_is_left_alone(small_source, tmp_path):
    job = plan_small(small_source, tmp_path / "out")
    network = FakeHuman3R()
    worker = worker_of(job, network)
    first = worker.annotate(0)
    num_steps, before = len(network.batch_sizes), job.store.list()
    assert worker.annotate(0) == first
    assert (len(network.batch_sizes), job.store.list()) == (num_steps, before)


def test_clips_of_one_size_go_through_the_network_together(small_source, tmp_path):
    network = FakeHuman3R()
    worker_of(plan_small(small_source, tmp_path / "out"), network).annotate(1)
    assert network.batch_sizes == [2, 2, 2, 1]  # b/walk.mp4 has 4 frames, a/walk.mp4 3 left


@pytest.mark.parametrize(
    ("network", "error"),
    [
        (FakeHuman3R(breaks_at={(1, 7)}), ("annotate", "RuntimeError", "cannot take (1, 7)")),
        (
            FakeHuman3R(nan_camera_at={(1, 8)}),
            ("annotate", "AnnotateError", "frame 2 of the clip: the network's camera is not fin"),
        ),
    ],
    ids=["raises", "camera"],
)
def test_one_clips_trouble_is_its_own_row(network, error, small_source, tmp_path):
    job = plan_small(small_source, tmp_path / "out")
    assert worker_of(job, network).annotate(1).error == ""
    first, second, third = read_commit(job.store, 1).to_pylist()
    assert third["error_stage"] == "probe"
    assert (first["status"], second["status"]) == ("failed", "done")
    assert (first["error_stage"], first["error_class"]) == error[:2]
    assert first["error_message"].startswith(error[2])
    assert {row["clip_id"] for row in rows_of(job.store, "frames")} == {second["clip_id"]}


def test_a_clip_with_nobody_is_empty(small_source, tmp_path):
    job = plan_small(small_source, tmp_path / "out")
    report = worker_of(job, FakeHuman3R(num_people=lambda video, frame: 0)).annotate(2)
    assert (report.error, report.num_empty, report.num_people) == ("", 2, 0)
    row = read_commit(job.store, 2).to_pylist()[0]
    assert (row["status"], row["num_frames"], row["people_file"]) == ("empty", 4, None)


def test_a_person_that_is_not_finite_costs_no_clip(small_source, tmp_path):
    job = plan_small(small_source, tmp_path / "out", max_clip_frames=9)
    network = FakeHuman3R(num_people=lambda video, frame: 1, nan_betas_at={(1, 4)})
    assert worker_of(job, network).annotate(0).error == ""
    row = read_commit(job.store, 0).to_pylist()[0]
    assert (row["status"], row["num_people_rows"], row["num_non_finite"]) == ("done", 9, 1)
    people = rows_of(job.store, "people")
    assert [row["is_finite"] for row in people] == [frame != 4 for frame in range(9)]


def test_a_video_that_is_gone_or_changed_fails_with_its_reason(small_source, tmp_path):
    source = shutil.copytree(small_source, tmp_path / "src")
    job = plan_small(source, tmp_path / "out")
    (source / "a/walk.mp4").unlink()
    make_video(source / "tall.mp4", 5, clip_id=9, width=96, height=128)
    annotate_all(job)
    outcomes = {(row["uri"], row["error_class"]) for row in clips_of(job.store).values()}
    assert outcomes == {
        ("a/walk.mp4", "StorageError"),
        ("b/walk.mp4", None),
        ("broken.mp4", "ProbeError"),
        ("tall.mp4", "DecodeError"),
    }
    messages = {row["uri"]: row["error_message"] for row in clips_of(job.store).values()}
    assert messages["a/walk.mp4"].endswith("src/a/walk.mp4: cannot read: no such file or object")
    assert messages["tall.mp4"].startswith("tall.mp4: changed since it was planned")


def test_a_picture_too_thin_for_the_network_fails_with_its_size(tmp_path):
    make_video(tmp_path / "src.mp4", 2, width=640, height=32)
    job = plan_small(tmp_path / "src.mp4", tmp_path / "out")
    assert worker_of(job).annotate(0).num_failed == 1
    row = read_commit(job.store, 0).to_pylist()[0]
    assert (row["error_stage"], row["error_class"]) == ("annotate", "InputError")
    assert "640x32" in row["error_message"]


def test_a_body_model_fills_its_columns_and_its_errors_are_the_clips(
    free_body, small_source, tmp_path
):
    job = plan_small(small_source, tmp_path / "out")
    assert worker_of(job, body=free_body).annotate(2).num_done == 2
    assert all(row["transl_world"] is not None for row in rows_of(job.store, "people"))

    def place(*_):
        raise ArithmeticError("no body")

    broken = plan_small(small_source, tmp_path / "broken")
    body = SimpleNamespace(sha256="b" * 64, place=place)
    report = worker_of(broken, body=body).annotate(2)
    assert (report.error, report.num_failed) == ("", 2)
    assert read_commit(broken.store, 2)["error_class"].to_pylist() == ["ArithmeticError"] * 2


def test_depth_can_be_left_out(small_source, tmp_path):
    job = plan_small(small_source, tmp_path / "out")
    worker_of(job, depth=False).annotate(0)
    assert job.store.list("depth") == []
    assert {row["depth_file"] for row in rows_of(job.store, "frames")} == {None}


def test_after_a_death_clips_go_one_by_one(small_source, tmp_path):
    job = plan_small(small_source, tmp_path / "out")
    job.store.write("attempts/shard-000001/000-run-dead.json", b"{}")
    network = FakeHuman3R()
    worker_of(job, network).annotate(1)
    assert set(network.batch_sizes) == {1}
    assert read_commit(job.store, 1)["attempt"].to_pylist() == [2, 2, 2]


def test_batches_that_do_not_fit_are_smaller_from_then_on(small_source, tmp_path):
    job = plan_small(small_source, tmp_path / "out")
    network = FakeHuman3R(most_frames=2)
    worker = worker_of(job, network, config=WorkerConfig(batch_clips=2, encode_frames=2))
    for shard in (0, 1, 2):
        worker.annotate(shard)
    counts = [read_commit(job.store, shard)["num_out_of_memory"].to_pylist() for shard in range(3)]
    assert counts == [[1, 1], [0, 0, 0], [0, 0]]
    assert set(network.batch_sizes) == {1}


LOSE_THE_DEVICE = """
import sys
from pathlib import Path
from tests.fakes import FakeHuman3R
from tests.pipeline.small_job import plan_small
from tests.pipeline.test_worker import worker_of
job = plan_small(Path(sys.argv[1]), Path(sys.argv[2]))
worker_of(job, FakeHuman3R(loses_device_at={(2, 1)})).annotate(1)
"""


def test_a_process_that_lost_its_gpu_ends_and_fails_no_clip(small_source, tmp_path):
    command = [sys.executable, "-c", LOSE_THE_DEVICE, str(small_source), str(tmp_path / "out")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == DEVICE_LOST, ended.stderr
    assert "illegal memory access was encountered\nThis worker ends; its shards" in ended.stderr
    job = plan_small(small_source, tmp_path / "out")
    assert read_commit(job.store, 1) is None
    report = worker_of(job).annotate(1)
    assert (report.num_done, report.num_failed) == (2, 1)  # as without it


def test_a_clip_that_killed_two_workers_is_quarantined(small_source, tmp_path):
    job = plan_small(small_source, tmp_path / "out")
    clip = PlanReader(job.store).read_shard(0)[1].clip_id
    for attempt in ("000-run-a", "001-run-b", "002-run-c"):
        job.store.write(f"attempts/shard-000000/{attempt}.json", b"{}")
    for attempt in ("001-run-b", "002-run-c"):
        job.store.write(f"attempts/shard-000000/{attempt}.{clip}", b"{}")
    worker_of(job).annotate(0)
    first, second = read_commit(job.store, 0).to_pylist()
    assert first["status"] == "done"
    assert (second["error_stage"], second["error_class"]) == ("worker", "WorkerDiedError")


@pytest.mark.parametrize("folder", ["people", "depth", "clips"])
def test_an_out_that_cannot_be_written_is_reported_not_raised(folder, small_source, tmp_path):
    job = plan_small(small_source, tmp_path / "out")
    (tmp_path / "out" / folder).write_text("a file where the folder should be")
    report = worker_of(job).annotate(0)
    assert f"{tmp_path}/out/{folder}" in report.error
    assert "Traceback" not in report.error
    assert read_commit(job.store, 0) is None
    assert job.store.list("attempts") == []


def test_a_bug_is_reported_with_its_trace_and_the_next_shard_goes_on(small_source, tmp_path):
    job = plan_small(small_source, tmp_path / "out")
    network = FakeHuman3R()
    worker = worker_of(job, network)
    config, network.config = network.config, None
    report = worker.annotate(0)
    assert "AttributeError: 'NoneType' object has no attribute 'long_side'" in report.error
    assert "Traceback" in report.error
    network.config = config
    assert worker.annotate(0).num_done == 2


@pytest.mark.parametrize("kind", ["weights", "body"])
def test_models_that_are_not_the_jobs_are_refused(kind, small_source, tmp_path):
    job = plan_small(small_source, tmp_path / "out")
    settings = settings_of(job, fake_models())
    other = fake_models(weights_sha256="e" * 64)
    if kind == "body":
        other = dataclasses.replace(fake_models(), body=SimpleNamespace(sha256="e" * 64))
    with pytest.raises(RefusedError, match=f"{'e' * 64}.*Give every machine the same files"):
        ShardWorker(settings, other)


def test_batches_are_of_one_size_longest_first():
    def clip(name, width, num_frames):
        return ClipInput(
            name, image_geometry(width, 48, 64), np.zeros(num_frames), lambda: iter(())
        )

    clips = [clip("a", 64, 3), clip("b", 96, 9), clip("c", 64, 8), clip("d", 64, 5)]
    names = [[c.clip_id for c in batch] for batch in make_batches(clips, 2, 2**30)]
    assert names == [["b"], ["c", "d"], ["a"]]  # 64x32 before 64x48
    assert list(make_batches([], 4, 2**30)) == []


def test_batches_of_large_pictures_are_small(monkeypatch):
    monkeypatch.setattr("pipeline.av_io.reader.count_cores", lambda: 64)

    def sizes_of_batches(width, height, decode_bytes):
        clips = [
            ClipInput(name, image_geometry(width, height), np.zeros(3), lambda: iter(()))
            for name in "abcdef"
        ]
        return [len(batch) for batch in make_batches(clips, 4, decode_bytes)]

    default = WorkerConfig().decode_bytes
    assert sizes_of_batches(1920, 1080, default) == [4, 2]  # 65 bytes a pixel with 16 threads
    assert sizes_of_batches(3840, 2160, default) == [4, 2]  # 32 bytes a pixel with 5 threads
    assert sizes_of_batches(7680, 4320, default) == [3, 3]  # 20 bytes a pixel with 1
    assert sizes_of_batches(7680, 4320, default // 2) == [1] * 6
    assert sizes_of_batches(64, 64, 1) == [1] * 6


def test_many_clips_of_full_hd_fit_side_by_side(monkeypatch):
    monkeypatch.setattr("pipeline.av_io.reader.count_cores", lambda: 16)
    clips = [
        ClipInput(str(name), image_geometry(1920, 1080), np.zeros(3), lambda: iter(()))
        for name in range(40)
    ]
    batches = make_batches(clips, 32, WorkerConfig().decode_bytes)
    assert [len(batch) for batch in batches] == [32, 8]


class WatchedHuman3R(FakeHuman3R):
    """Writes down which attempts are under way whenever it is used; nobody else may use it then."""

    def watch(self, store):
        self.store, self.lock, self.under_way = store, threading.Lock(), []
        return self

    def encode(self, frames, heads):
        assert self.lock.acquire(blocking=False)
        marks = [file.path.removeprefix("attempts/shard-") for file in self.store.list("attempts")]
        shards = frozenset(int(mark.split("/")[0]) for mark in marks)
        self.under_way.append((shards, any(not mark.endswith(".json") for mark in marks)))
        time.sleep(0.05)
        self.lock.release()
        return super().encode(frames, heads)


def annotate_side_by_side(job, network):
    worker = worker_of(job, network, config=WorkerConfig(batch_clips=1, encode_frames=1))
    with ThreadPoolExecutor(SHARDS_AT_ONCE) as pool:
        reports = list(pool.map(worker.annotate, (0, 1, 2)))
    assert [report.error for report in reports] == ["", "", ""]


def test_two_shards_are_under_way_and_take_turns_at_the_network(small_source, tmp_path):
    job = plan_small(small_source, tmp_path / "out")
    network = WatchedHuman3R().watch(job.store)
    annotate_side_by_side(job, network)
    assert max(len(shards) for shards, _ in network.under_way) == 2


def test_a_shard_that_an_attempt_died_on_has_the_worker_for_itself(small_source, tmp_path):
    job = plan_small(small_source, tmp_path / "out")
    begin_attempt(job.store, 1, "before", "a worker that died")
    network = WatchedHuman3R().watch(job.store)
    annotate_side_by_side(job, network)
    on_trial = [shards for shards, is_clip_marked in network.under_way if is_clip_marked]
    assert len(on_trial) == 7  # the frames of shard 1, one by one
    assert set(on_trial) == {frozenset({1})}
