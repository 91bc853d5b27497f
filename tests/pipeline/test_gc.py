import os
import time

import pytest

from pipeline.gc import collect_garbage
from pipeline.ledger import read_commit
from pipeline.storage import Store
from tests.fakes import CarelessStore
from tests.pipeline.test_commit import CLIPS, content, writer_of

OLD_S = 2 * 24 * 3600  # twice the default grace

COMMITTED = [
    "frames/shard-000000.001-run-b.parquet",
    "people/shard-000000.001-run-b.parquet",
    "depth/shard-000000.001-run-b/aaaaaaaaaaaaaaaaaaaa.mkv",
    "attempts/shard-000000/001-run-b.json",
]
"""Of another attempt at a committed shard."""
UNCOMMITTED = [
    "tracks/shard-000001.000-run-a.parquet",
    "depth/shard-000001.000-run-a/bbbbbbbbbbbbbbbbbbbb.mkv",
    "attempts/shard-000001/000-run-a.json",
    "attempts/shard-000001/000-run-a.bbbbbbbbbbbbbbbbbbbb",
    "attempts/start-run-worker/0.json",
    "plan/probed/0.1.0-c.parquet",
]
TEMPORARY = ["frames/.tmp-1", "clips/.tmp-2", "depth/shard-000000.001-run-b/.tmp-3"]
NOT_OURS = ["frames/notes.txt", "README.md", "releases/v1/frames.parquet", "run.json"]


@pytest.fixture
def store(tmp_path):
    """One committed shard, and files that its commit does not name."""
    store = Store(str(tmp_path))
    writer_of(store, "000-run-a").commit(CLIPS)
    for path in (*COMMITTED, *UNCOMMITTED, *TEMPORARY, *NOT_OURS):
        store.write(path, b"12345")
    return store


def make_old(store):
    for file in store.list():
        os.utime(store.local_path(file.path), times=(time.time() - OLD_S,) * 2)


def test_young_files_go_only_where_their_shard_is_committed(store):
    garbage = collect_garbage(store)
    assert garbage.files == tuple(COMMITTED)
    assert garbage.num_bytes == 5 * 4
    left = content(store)
    assert not left.keys() & set(COMMITTED)
    assert left.keys() >= {*UNCOMMITTED, *TEMPORARY, *NOT_OURS}


def test_where_a_commit_can_be_replaced_young_files_stay(store):
    assert collect_garbage(CarelessStore(store.uri)).files == ()
    make_old(store)
    assert set(collect_garbage(CarelessStore(store.uri)).files) >= set(COMMITTED)


def test_old_files_go_unless_a_commit_names_them_or_they_are_nobodys(store):
    make_old(store)
    garbage = collect_garbage(store)
    assert sorted(garbage.files) == sorted([*COMMITTED, *UNCOMMITTED, *TEMPORARY])
    assert content(store).keys() >= set(NOT_OURS)


@pytest.mark.parametrize("is_old", [True, False])
def test_a_named_file_never_goes(is_old, store):
    if is_old:
        make_old(store)
    rows = read_commit(store, 0).to_pylist()
    named = {row[f"{kind}_file"] for row in rows for kind in ("frames", "people", "depth")} - {None}
    assert len(named) == 4
    before = content(store)
    collect_garbage(store, grace_s=0)
    after = content(store)
    assert {path: after[path] for path in named} == {path: before[path] for path in named}
    assert after["clips/shard-000000.parquet"] == before["clips/shard-000000.parquet"]


def test_grace_is_what_is_asked_for(store):
    make_old(store)
    assert len(collect_garbage(store, grace_s=OLD_S + 60).files) == len(COMMITTED)
    assert len(collect_garbage(store, grace_s=OLD_S - 60).files) == len(UNCOMMITTED + TEMPORARY)


def test_a_dry_run_removes_nothing(store):
    before = content(store)
    assert collect_garbage(store, is_dry_run=True).files == collect_garbage(store).files != ()
    assert before.keys() - content(store).keys() == set(COMMITTED)


def test_folders_that_become_empty_go(store):
    collect_garbage(store)
    assert not store.local_path("depth/shard-000000.001-run-b/aaaaaaaaaaaaaaaaaaaa.mkv").exists()
    assert not store.local_path("attempts/shard-000000").exists()
    assert store.local_path("depth/shard-000001.000-run-a").is_dir()


def test_an_out_without_anything_has_no_garbage(tmp_path):
    assert collect_garbage(Store(str(tmp_path))).files == ()
