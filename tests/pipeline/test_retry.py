"""Failed clips are done again when asked for, and only those; the accounts stay closed."""

import pytest

from pipeline.commit import ShardWriter
from pipeline.errors import ConfigError, JobError, PlanError
from pipeline.gc import collect_garbage
from pipeline.job import pending_shards
from pipeline.ledger import read_commit, read_ledger, read_status
from pipeline.retry import request_retries
from pipeline.retry_requests import forget_request, read_request, requested_shards, write_request
from pipeline.storage import Store
from pipeline.verify import verify
from tests.canonical import canonical
from tests.fakes import FakeHuman3R, fake_models
from tests.pipeline.small_job import annotate_small, plan_small

GOOD = fake_models(FakeHuman3R())
# b/walk.mp4 fails in shard 1, beside clips that are done; tall.mp4's second clip in shard 2.
BAD = fake_models(FakeHuman3R(breaks_at={(2, 1), (3, 4)}))


@pytest.fixture
def job(small_source, tmp_path):
    """A finished job with two clips that the network broke on, and a video that is none."""
    job = plan_small(small_source, tmp_path / "out")
    assert annotate_small(job, BAD).num_failed == 3
    return job


@pytest.fixture
def undisturbed(small_source, tmp_path):
    job = plan_small(small_source, tmp_path / "undisturbed")
    annotate_small(job, GOOD)
    return canonical(job.store)


def test_where_nothing_is_planned_nothing_can_be_asked_for(tmp_path):
    with pytest.raises(PlanError, match="holds no plan"):
        request_retries(Store(str(tmp_path / "none")), ["all"])


def test_clips_that_are_done_again_end_as_if_they_had_never_failed(job, undisturbed):
    before = {row["clip_id"]: row for row in read_ledger(job.store).to_pylist()}
    asked = request_retries(job.store, ["annotate"])
    assert (asked.num_clips, asked.num_shards, asked.num_unreadable) == (2, 2, 0)
    assert pending_shards(job.store) == [1, 2]
    status = read_status(job.store)
    assert (status.num_failed, status.num_pending, status.num_to_retry) == (3, 0, 2)
    status = annotate_small(job, GOOD)
    assert (status.num_failed, status.num_to_retry) == (1, 0)
    assert verify(job.store).faults == ()
    assert canonical(job.store) == undisturbed
    after = {row["clip_id"]: row for row in read_ledger(job.store).to_pylist()}
    again = {clip_id for clip_id, row in after.items() if row != before[clip_id]}
    assert {(before[clip_id]["uri"], before[clip_id]["status"]) for clip_id in again} == {
        ("b/walk.mp4", "failed"),
        ("tall.mp4", "failed"),
    }
    assert {after[clip_id]["attempt"] for clip_id in again} == {2}
    assert requested_shards(job.store) == set()
    assert collect_garbage(job.store, grace_s=0).files == ()


def test_what_fails_again_is_failed_again_and_can_be_asked_for_again(job, undisturbed):
    for _ in range(2):
        assert request_retries(job.store, ["all"]).num_clips == 2
        assert annotate_small(job, BAD).num_failed == 3
        assert verify(job.store).faults == ()
    request_retries(job.store, ["all"])
    annotate_small(job, GOOD)
    assert canonical(job.store) == undisturbed
    attempts = {row["uri"]: row["attempt"] for row in read_ledger(job.store).to_pylist()}
    assert attempts["b/walk.mp4"] == 4


def test_a_request_outlives_who_dies_on_it(job, undisturbed, monkeypatch):
    """Before the commit, and between the commit and the end of the request."""

    def die(*_, **__):
        raise OSError("died")

    request_retries(job.store, ["all"])
    with monkeypatch.context() as patch:
        patch.setattr("pipeline.commit.ShardWriter.commit", die)
        with pytest.raises(JobError, match="2 were not done again"):
            annotate_small(job, GOOD)
    assert pending_shards(job.store) == [1, 2]
    with monkeypatch.context() as patch:
        patch.setattr("pipeline.worker.forget_request", die)
        assert annotate_small(job, GOOD).num_failed == 1
    assert pending_shards(job.store) == [1, 2]
    annotate_small(job, GOOD)
    assert pending_shards(job.store) == []
    assert verify(job.store).faults == ()
    assert canonical(job.store) == undisturbed


def test_only_what_is_meant_is_asked_for(job):
    assert request_retries(job.store, ["RuntimeError"]).failures == {"annotate/RuntimeError": 2}
    assert len(read_request(job.store, 1) | read_request(job.store, 2)) == 2
    with pytest.raises(
        ConfigError, match=r"--class decode: none of the 3 failed clips is of it. .* RuntimeError"
    ):
        request_retries(job.store, ["decode"])
    assert request_retries(job.store, ["transient"]).num_clips == 0


def test_unreadable_videos_stay_failed(job):
    asked = request_retries(job.store, ["probe"])
    assert (asked.num_clips, asked.num_unreadable) == (0, 1)
    assert pending_shards(job.store) == []


def test_nothing_failed_is_nothing_to_ask_for(small_source, tmp_path):
    job = plan_small(small_source / "tall.mp4", tmp_path / "out")
    annotate_small(job, GOOD)
    assert request_retries(job.store, ["transient"]).num_clips == 0


def test_transient_failures_are_told_apart(small_source, tmp_path):
    """A video on a connection that stays broken, and one that is gone for good."""
    source = f"flaky://{tmp_path.name}/src"
    for path in small_source.rglob("*.mp4"):
        Store(source).write(path.relative_to(small_source).as_posix(), path.read_bytes())
    job = plan_small(source, tmp_path / "out")
    Store(source).delete("tall.mp4")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.stores.FlakyFileSystem.is_broken", True)
        annotate_small(job, GOOD)
    rows = {row["uri"]: row for row in read_ledger(job.store).to_pylist()}
    assert rows["b/walk.mp4"]["error_is_transient"]
    assert rows["b/walk.mp4"]["num_retries"] == 7
    assert not rows["broken.mp4"]["error_is_transient"]
    asked = request_retries(job.store, ["transient"])
    assert asked.failures == {"decode/StorageError": asked.num_clips}
    status = annotate_small(job, GOOD)
    assert {
        row["uri"] for row in read_ledger(job.store).to_pylist() if row["status"] == "failed"
    } == {
        "broken.mp4",
        "tall.mp4",
    }
    assert status.num_to_retry == 0


@pytest.mark.parametrize("moment", ["while the first is at it", "after the first is done"])
def test_garbage_is_not_collected_from_under_who_does_clips_again(
    moment, job, undisturbed, monkeypatch
):
    """Another driver ends, with its collection, after the clips' files are there and before the
    commit that names them.
    """
    request_retries(job.store, ["all"])

    def write_then_collect(writer, name, table):
        file = write_rows(writer, name, table)
        if moment == "after the first is done":
            forget_request(job.store, writer._shard_index)
        collect_garbage(job.store)
        return file

    write_rows = ShardWriter._write_rows
    monkeypatch.setattr(ShardWriter, "_write_rows", write_then_collect)
    annotate_small(job, GOOD)
    assert verify(job.store).faults == ()
    assert canonical(job.store) == undisturbed


def test_another_committer_of_the_same_request_changes_nothing(job, undisturbed):
    """Two drivers at it: the second finds the request gone, or does the same clips once more."""
    request_retries(job.store, ["all"])
    requests = {shard: read_request(job.store, shard) for shard in (1, 2)}
    annotate_small(job, GOOD)
    ledger = read_commit(job.store, 1)
    for shard, clip_ids in requests.items():
        write_request(job.store, shard, clip_ids)
    annotate_small(job, GOOD)
    assert read_commit(job.store, 1).equals(ledger)
    assert canonical(job.store) == undisturbed
