import pytest

from pipeline.errors import PlanError
from pipeline.ledger import committed_shards, read_commit, read_ledger, read_status
from pipeline.storage import Store
from pipeline.worker import ShardWorker
from tests.fakes import fake_models
from tests.pipeline.small_job import plan_small, settings_of


@pytest.fixture(scope="module")
def half_done(small_source, tmp_path_factory):
    """Shards 0 and 1 of 3 are committed."""
    job = plan_small(small_source, tmp_path_factory.mktemp("half") / "out")
    worker = ShardWorker(settings_of(job, fake_models()), fake_models())
    for shard in (1, 0):
        assert worker.annotate(shard).error == ""
    return job.store


def test_accounts_of_a_job_under_way(half_done):
    status = read_status(half_done)
    assert (status.num_videos, status.num_videos_failed) == (4, 1)
    assert (status.num_shards, status.num_shards_committed) == (3, 2)
    assert status.num_clips == 7
    assert (status.num_done, status.num_empty, status.num_failed, status.num_pending) == (
        4,
        0,
        1,
        2,
    )
    # Clips [0, 4) [3, 7) [6, 9) of video 1 and [0, 4) of video 2; tall.mp4's 4 + 2 are to come.
    assert (status.num_frames_planned, status.num_frames, status.num_frames_lost) == (21, 15, 0)
    # (v + f) % 3 people: frames 0..8 of video 1 have 1 2 0 1 2 0 1 2 0, with 3 and 6 twice.
    assert status.num_people == (1 + 2 + 0 + 1) + (1 + 2 + 0 + 1) + (1 + 2 + 0) + (2 + 0 + 1 + 2)
    assert status.failures == {"probe/ProbeError": 1}
    assert not status.is_finished
    assert not status.is_partial


def test_the_ledger_is_in_shard_order_with_a_row_a_clip(half_done):
    ledger = read_ledger(half_done, ["shard_index", "uri", "start_frame", "status"])
    assert [tuple(row.values()) for row in ledger.to_pylist()] == [
        (0, "a/walk.mp4", 0, "done"),
        (0, "a/walk.mp4", 3, "done"),
        (1, "a/walk.mp4", 6, "done"),
        (1, "b/walk.mp4", 0, "done"),
        (1, "broken.mp4", 0, "failed"),
    ]


def test_commits_are_found_by_their_name_alone(half_done):
    half_done.write("clips/.tmp-shard-000002.parquet", b"half")
    half_done.write("clips/shard-000001.parquet.bak", b"not one")
    half_done.write("clips/shard-000002.parquet.bak", b"nor this")
    found = {shard: file.path for shard, file in committed_shards(half_done).items()}
    assert found == {0: "clips/shard-000000.parquet", 1: "clips/shard-000001.parquet"}
    assert read_commit(half_done, 2) is None
    assert read_commit(half_done, 1).num_rows == 3


def test_nothing_committed_is_an_empty_ledger(small_source, tmp_path):
    job = plan_small(small_source, tmp_path / "out")
    assert read_ledger(job.store).num_rows == 0
    assert read_ledger(job.store, ["clip_id", "status"]).column_names == ["clip_id", "status"]
    status = read_status(job.store)
    assert (status.num_pending, status.num_frames, status.failures) == (7, 0, {})


def test_without_a_plan_there_are_no_accounts(tmp_path):
    with pytest.raises(PlanError, match="holds no plan"):
        read_status(Store(str(tmp_path)))
