"""The pace of a job as another machine sees it."""

import os
import time

import pytest

from pipeline.attempts import begin_attempt
from pipeline.job import pending_shards
from pipeline.ledger import read_status
from pipeline.pace import WINDOW_S, read_pace
from pipeline.worker import ShardWorker
from tests.fakes import fake_models
from tests.pipeline.small_job import plan_small, settings_of


@pytest.fixture
def job(small_source, tmp_path):
    """Shards 0 and 1, of 8 and 7 frames, are done; shard 2, of 6, is pending."""
    job = plan_small(small_source, tmp_path / "out")
    models = fake_models()
    worker = ShardWorker(settings_of(job, models), models)
    for shard in (0, 1):
        worker.annotate(shard)
    assert pending_shards(job.store) == [2]
    return job


def committed_ago(job, shard, seconds):
    path = job.store.local_path(f"clips/shard-{shard:06d}.parquet")
    os.utime(path, times=(time.time() - seconds,) * 2)


def pace_of(job):
    return read_pace(job.store, read_status(job.store))


def test_pace_and_time_left_follow_from_commits(job):
    committed_ago(job, 0, 110)
    committed_ago(job, 1, 100)
    pace = pace_of(job)
    frames = read_status(job.store)
    second = frames.num_frames_planned - frames.num_frames_pending - 8
    assert pace.frames_per_s == pytest.approx(second / 10, rel=1e-3)
    assert pace.seconds_since_commit == pytest.approx(100, abs=5)
    assert (pace.attempting, pace.eta_s) == ((), None)  # nobody is at it
    begin_attempt(job.store, 2, "run", "machine-a run")
    eta_s = frames.num_frames_pending * 10 / second
    assert pace_of(job).eta_s == pytest.approx(eta_s, rel=1e-3)


def test_a_job_that_stands_still_has_no_pace(job):
    committed_ago(job, 0, WINDOW_S + 110)
    committed_ago(job, 1, WINDOW_S + 100)
    pace = pace_of(job)
    assert (pace.frames_per_s, pace.eta_s) == (0.0, None)
    assert pace.seconds_since_commit == pytest.approx(WINDOW_S + 100, abs=5)


def test_workers_at_a_shard_are_seen(job):
    begin_attempt(job.store, 2, "run", "machine-a run")
    (mark,) = pace_of(job).attempting
    assert (mark.worker, mark.shard_index) == ("machine-a run", 2)
    assert 0 <= mark.seconds < 30


def test_nothing_begun_is_no_pace(small_source, tmp_path):
    pace = pace_of(plan_small(small_source, tmp_path / "out"))
    assert (pace.frames_per_s, pace.seconds_since_commit, pace.eta_s) == (0.0, None, None)
