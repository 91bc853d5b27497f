"""A sound dataset has no faults; what is wrong with a plan and with whole shards is found."""

import json

import pytest

from pipeline.errors import PlanError
from pipeline.storage import Store
from pipeline.verify import verify
from tests.pipeline.planting import LEDGER, faults, only_fault, put, rewrite

PLAN_CLIPS = "plan/clips.parquet"
PLAN_VIDEOS = "plan/videos.parquet"


def test_a_sound_dataset_has_no_faults(sound):
    store = Store(str(sound))
    seen = []
    verdict = verify(store, lambda done, total: seen.append((done, total)))
    assert verdict.faults == ()
    assert (verdict.num_shards, verdict.num_clips) == (1, 7)
    data = [file for file in store.list() if file.path.split("/")[0] not in ("clips", "plan")]
    data = [file for file in data if file.path != "run.json"]
    assert verdict.num_files == len(data) == 3 + 6  # six clips have depth
    assert verdict.num_bytes == sum(file.size_bytes for file in data)
    assert seen == [(1, 1)]


def test_pending_shards(store):
    store.delete(LEDGER)
    fault = only_fault(store)
    assert (fault.check, fault.subject) == ("accounting", "clips")
    assert "7 of 7 planned clips are not accounted for, in 1 shards" in fault.message


def test_a_commit_of_a_shard_that_was_never_planned(store):
    store.write("clips/shard-000001.parquet", store.read(LEDGER))
    found = verify(store).faults
    assert (found[0].check, found[0].subject) == ("accounting", "clips/shard-000001.parquet")
    assert "7 ledger rows are not of the plan" in found[0].message


@pytest.mark.parametrize(
    ("path", "change", "message"),
    [
        (PLAN_CLIPS, put("frame_pts", lambda pts: [pts[0] + 1, *pts[1:]]), "1 clips are not what"),
        (PLAN_CLIPS, put("shot_index", 3), "1 clips are not what their id says"),
        (PLAN_CLIPS, put("shard_id", "0" * 20), "shards are not what their id says"),
        (
            PLAN_VIDEOS,
            put("uri", "other.mp4"),
            "1 videos are not what their id says: ['other.mp4']",
        ),
        (PLAN_VIDEOS, put("size_bytes", 1), "1 videos are not what their id says"),
        (PLAN_CLIPS, put("shard_index", 5), "the clips are not in shard order"),
        (PLAN_CLIPS, put("num_frames", 99), "list num_frames values in frame_index"),
        (PLAN_CLIPS, lambda table: table.slice(0, 3), "3 videos have no clip"),
    ],
)
def test_a_plan_that_was_tampered_with(path, change, message, store):
    rewrite(store, path, change)
    found = [fault for fault in verify(store).faults if fault.subject.startswith("plan/")]
    assert any(message in fault.message for fault in found), found


def test_a_run_file_that_says_of_no_model(store):
    run = json.loads(store.read("run.json"))
    store.write("run.json", json.dumps(run | {"identity": None}).encode())
    assert faults(store) == [("identity", "run.json")]
    store.delete("run.json")
    assert faults(store) == [("identity", "run.json")]


def test_without_a_plan_there_is_nothing_to_hold_it_to(tmp_path):
    with pytest.raises(PlanError, match="holds no plan"):
        verify(Store(str(tmp_path)))
