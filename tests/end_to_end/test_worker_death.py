"""A clip that kills its process is quarantined; its neighbours are annotated."""

import os

import pyarrow.parquet as pq

from pipeline.config import WorkerConfig
from pipeline.job import annotate_job
from pipeline.ray_runner import RayResources, run_shards
from pipeline.verify import verify
from pipeline.worker import ShardWorker
from tests.fakes import FakeHuman3R, fake_models
from tests.pipeline.small_job import SOURCE, identity_of, plan_small

DEADLY_VIDEO = 2  # b/walk.mp4, in shard 1 with a/walk.mp4 [6, 9) and broken.mp4


class DeadlyHuman3R(FakeHuman3R):
    """Takes its process with it when it sees frames of one video."""

    def encode(self, frames, heads):
        features = super().encode(frames, heads)
        if any(video == DEADLY_VIDEO for video, _ in features.codes):
            os._exit(9)
        return features


def load_deadly(settings):
    return ShardWorker(settings, fake_models(DeadlyHuman3R()))


def test_the_clip_is_a_failed_row_and_the_rest_is_done(ray_cluster, small_source, tmp_path):
    job = plan_small(small_source, tmp_path / "out")
    resources = RayResources(workers=1, num_cpus=1)
    status = annotate_job(
        job,
        identity_of(job, fake_models()),
        SOURCE,
        WorkerConfig(),
        lambda shards, settings: run_shards(shards, settings, resources, load_deadly),
    )
    assert (status.num_clips, status.num_failed, status.num_pending) == (7, 2, 0)
    assert status.failures == {"worker/WorkerDiedError": 1, "probe/ProbeError": 1}
    ledger = pq.read_table(tmp_path / "out" / "clips").to_pylist()
    (dead,) = [row for row in ledger if row["uri"] == "b/walk.mp4"]
    assert dead["error_message"].startswith("worker died: the process ended 2 times")
    # One death of the whole shard, two of the clip alone, then the attempt that was committed.
    assert {row["attempt"] for row in ledger if row["shard_index"] == 1} == {4}
    assert {row["attempt"] for row in ledger if row["shard_index"] != 1} == {1}
    assert sum(row["uri"] == "a/walk.mp4" and row["status"] == "done" for row in ledger) == 3
    assert verify(job.store).faults == ()
    assert not any(path.is_file() for path in (tmp_path / "out" / "attempts").rglob("*"))
