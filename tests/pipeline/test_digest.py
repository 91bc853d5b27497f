import os
import shutil

import pytest

from pipeline.ledger import STATUS_COLUMNS, digest_ledger, read_ledger, read_status
from pipeline.storage import Store
from tests.fakes import fake_models
from tests.pipeline.small_job import annotate_small, plan_small


@pytest.fixture(scope="module")
def three_shards(small_source, tmp_path_factory):
    out = tmp_path_factory.mktemp("digests") / "out"
    annotate_small(plan_small(small_source, out), fake_models())
    return out


@pytest.fixture
def store(three_shards, tmp_path):
    """Three committed shards; their files may be spoiled."""
    return Store(str(shutil.copytree(three_shards, tmp_path / "out")))


def spoil(store: Store, path: str) -> None:
    """Make a file unreadable that still looks the same from outside."""
    file = store.local_path(path)
    before = file.stat()
    file.write_bytes(bytes(before.st_size))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_few_commits_are_left_as_they_are(store):
    assert digest_ledger(store, commits_a_digest=4) == 0
    assert store.list("digests") == []


@pytest.mark.parametrize("commits_a_digest", [1, 2, 3])
def test_with_digests_the_ledger_and_the_accounts_are_the_same(store, commits_a_digest):
    ledger, status = read_ledger(store, STATUS_COLUMNS), read_status(store)
    assert digest_ledger(store, commits_a_digest) == 3 // commits_a_digest
    assert read_ledger(store, STATUS_COLUMNS).equals(ledger)
    assert read_status(store) == status


def test_what_a_digest_holds_is_not_read_again(store):
    ledger = read_ledger(store, STATUS_COLUMNS)
    digest_ledger(store, commits_a_digest=3)
    for shard in range(3):
        spoil(store, f"clips/shard-{shard:06d}.parquet")
    assert read_ledger(store, STATUS_COLUMNS).equals(ledger)


def test_a_commit_that_was_replaced_is_read_itself(store):
    digest_ledger(store, commits_a_digest=3)
    other = store.read("clips/shard-000002.parquet")
    store.write("clips/shard-000001.parquet", other)
    uris = read_ledger(store, ["uri"])["uri"].to_pylist()
    assert uris == ["a/walk.mp4"] * 2 + ["tall.mp4"] * 4


def test_commits_that_were_replaced_go_into_a_new_digest(store):
    digest_ledger(store, commits_a_digest=1)
    store.write("clips/shard-000001.parquet", store.read("clips/shard-000001.parquet"))
    ledger = read_ledger(store, STATUS_COLUMNS)
    assert digest_ledger(store, commits_a_digest=1) == 1
    spoil(store, "clips/shard-000001.parquet")
    assert read_ledger(store, STATUS_COLUMNS).equals(ledger)


def test_digests_of_two_drivers_count_once(store):
    ledger = read_ledger(store, STATUS_COLUMNS)
    digest_ledger(store, commits_a_digest=3)
    (first,) = store.list("digests")
    store.write("digests/other.parquet", store.read(first.path))
    assert read_ledger(store, STATUS_COLUMNS).equals(ledger)


def test_a_damaged_digest_is_as_good_as_none(store):
    status = read_status(store)
    digest_ledger(store, commits_a_digest=3)
    (digest,) = store.list("digests")
    store.write(digest.path, store.read(digest.path)[:-9])
    assert read_status(store) == status


def test_columns_that_digests_lack_come_from_the_commits(store):
    ledger = read_ledger(store, ["clip_id", "host"])
    digest_ledger(store, commits_a_digest=3)
    assert read_ledger(store, ["clip_id", "host"]).equals(ledger)
