"""A clip that kills its process is quarantined; its neighbours are annotated."""

import functools
import signal
import threading

import pyarrow.parquet as pq

from pipeline.config import WorkerConfig
from pipeline.job import annotate_job, pending_shards
from pipeline.ray_runner import RayResources, run_shards
from pipeline.retry import request_retries
from pipeline.retry_requests import requested_shards
from pipeline.verify import verify
from pipeline.worker import ShardWorker
from tests.fakes import FakeHuman3R, fake_models
from tests.pipeline.small_job import SOURCE, annotate_small, identity_of, plan_small

DEADLY_VIDEO = 2  # b/walk.mp4, in shard 1 with a/walk.mp4 [6, 9) and broken.mp4


class DeadlyHuman3R(FakeHuman3R):
    """Takes its process with it when it sees frames of one video."""

    ends_by = signal.SIGKILL

    def encode(self, frames, heads):
        features = super().encode(frames, heads)
        if any(video == DEADLY_VIDEO for video, _ in features.codes):
            # At this thread, as a fault would come: Ray's handler then holds it up, not another.
            signal.pthread_kill(threading.get_ident(), self.ends_by)
        return features


def load_deadly(ends_by, settings):
    network = DeadlyHuman3R()
    network.ends_by = ends_by
    return ShardWorker(settings, fake_models(network))


def annotate_deadly(job, ends_by):
    """Annotate on Ray, in a process that dies whenever it sees the deadly video."""
    load = functools.partial(load_deadly, ends_by)
    resources = RayResources(workers=1, num_gpus=0, num_cpus=1)
    return annotate_job(
        job,
        identity_of(job, fake_models()),
        SOURCE,
        WorkerConfig(),
        lambda shards, settings: run_shards(shards, settings, resources, load),
    )


def test_the_clip_is_a_failed_row_and_the_rest_is_done(ray_cluster, small_source, tmp_path):
    job = plan_small(small_source, tmp_path / "out")
    status = annotate_deadly(job, signal.SIGSEGV)
    assert (status.num_clips, status.num_failed, status.num_pending) == (7, 2, 0)
    assert status.failures == {"worker/WorkerDiedError": 1, "probe/ProbeError": 1}
    ledger = pq.read_table(tmp_path / "out" / "clips").to_pylist()
    (dead,) = [row for row in ledger if row["uri"] == "b/walk.mp4"]
    assert dead["error_message"].startswith("worker died: the process ended 2 times")
    # One death of the whole shard, two of the clip alone, then the attempt that was committed.
    assert {row["attempt"] for row in ledger if row["shard_index"] == 1} == {4}
    # The shard beside it died with it once; never while a clip was on trial.
    assert {row["attempt"] for row in ledger if row["shard_index"] != 1} <= {1, 2}
    assert sum(row["uri"] == "a/walk.mp4" and row["status"] == "done" for row in ledger) == 3
    assert verify(job.store).faults == ()
    assert not any(path.is_file() for path in (tmp_path / "out" / "attempts").rglob("*"))


def test_a_clip_that_kills_when_it_is_done_again_is_quarantined_again(
    ray_cluster, small_source, tmp_path
):
    job = plan_small(small_source, tmp_path / "out")
    broken = FakeHuman3R(breaks_at={(DEADLY_VIDEO, 1), (1, 7)})  # two clips of shard 1
    annotate_small(job, fake_models(broken))
    assert request_retries(job.store, ["annotate"]).num_clips == 2
    status = annotate_deadly(job, signal.SIGKILL)  # as the kernel does for want of memory
    assert (status.num_failed, status.num_pending, status.num_to_retry) == (2, 0, 0)
    assert status.failures == {"worker/WorkerDiedError": 1, "probe/ProbeError": 1}
    ledger = pq.read_table(tmp_path / "out" / "clips").to_pylist()
    again = {row["uri"]: row for row in ledger if row["shard_index"] == 1}
    assert again["b/walk.mp4"]["error_message"].startswith("worker died: the process ended 2 times")
    assert again["a/walk.mp4"]["status"] == "done"
    # After the first run's: one death of both clips, two of the one alone, then the commit.
    assert {row["attempt"] for row in again.values() if row["uri"] != "broken.mp4"} == {5}
    assert requested_shards(job.store) == set()
    assert pending_shards(job.store) == []
    assert verify(job.store).faults == ()
    # Whoever mends the cause and asks once more is not told of deaths that are over.
    assert request_retries(job.store, ["worker"]).num_clips == 1
    assert annotate_small(job, fake_models()).failures == {"probe/ProbeError": 1}
