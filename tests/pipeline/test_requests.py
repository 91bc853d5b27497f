"""What a job asks of an S3, counted at a proxy: shards list no whole folders."""

from urllib.parse import parse_qs, urlsplit

import pytest

from pipeline import remote_objects
from pipeline.ledger import read_status
from pipeline.storage import Store
from pipeline.worker import ShardWorker
from tests.fakes import fake_models
from tests.fault_proxy import FaultProxy
from tests.pipeline.small_job import annotate_small, make_videos, plan_small, settings_of

ONCE_A_RUN = ["clips", "retries"]  # what is done; what is asked for again
LEDGER = ["clips", "digests"]
TIDYING = [
    *("frames", "people", "tracks", "depth", "attempts", "clips", "plan/probed"),
    *("retries", *LEDGER),
]
ACCOUNTS = [*LEDGER, "retries"]


class Listings:
    """Folders below a root that are listed through a proxy, in order."""

    def __init__(self, proxy: FaultProxy, root_uri: str) -> None:
        self._prefix = root_uri.removeprefix("s3://").partition("/")[2] + "/"
        self._folders: list[str] = []
        proxy.draw_fault = self._note

    def take(self) -> list[str]:
        """Those since the last time."""
        taken, self._folders = self._folders, []
        return taken

    def _note(self, method: str, path: str) -> None:
        query = parse_qs(urlsplit(path).query)
        if method == "GET" and "list-type" in query:
            prefix = query["prefix"][0].removeprefix(self._prefix).removesuffix("/")
            limit = " (one)" if query["max-keys"] == ["1"] else ""
            self._folders.append(f"{prefix}{limit}")


@pytest.fixture
def remote_source(s3_uri, tmp_path):
    source, remote = make_videos(tmp_path / "src"), Store(f"{s3_uri}/src")
    for path in source.rglob("*.*"):
        remote.write(path.relative_to(source).as_posix(), path.read_bytes())
    return remote.uri


def test_a_shard_lists_its_own_marks_and_nothing_else(proxy, s3_uri, remote_source):
    """However many shards there are: whole folders are listed a fixed number of times a run."""
    out = f"{s3_uri}/out"
    job = plan_small(remote_source, out)
    listings = Listings(proxy, out)
    annotate_small(job, fake_models())
    marks = [f"attempts/shard-{shard:06d}" for shard in range(3)]
    assert listings.take() == [*ONCE_A_RUN, *marks, *TIDYING, *ACCOUNTS]
    annotate_small(job, fake_models())
    assert listings.take() == [*ONCE_A_RUN, *TIDYING, *ACCOUNTS]
    read_status(job.store)
    assert listings.take() == ACCOUNTS


def test_a_shard_costs_thirteen_requests_and_one_a_clip(proxy, s3_uri, tmp_path):
    """Its mark and the look at others', the plan, three tables, the commit and two looks for it."""
    job, models = plan_small(make_videos(tmp_path / "src"), f"{s3_uri}/out"), fake_models()
    worker = ShardWorker(settings_of(job, models), models)
    proxy.num_requests.clear()
    assert worker.annotate(0).num_done == 2  # clips
    assert proxy.num_requests == {"PUT": 5 + 2, "HEAD": 4, "GET": 3, "DELETE": 1}


def test_planning_lists_the_source_and_what_was_found_before_once(proxy, s3_uri, remote_source):
    listings = Listings(proxy, s3_uri)
    plan_small(remote_source, f"{s3_uri}/out")
    # Without a run.json nothing may be committed.
    assert listings.take() == ["out/clips", "src (one)", "src", "out/plan/probed"]


def test_looking_for_what_is_not_there_lists_nothing(proxy, s3_uri):
    listings = Listings(proxy, s3_uri)
    store = Store(s3_uri)
    assert store.info("clips/shard-000000.parquet") is None
    assert listings.take() == []
    assert store.list("clips") == []
    assert not store.is_folder("clips")
    assert listings.take() == ["clips", "clips (one)"]
    assert proxy.num_requests.total() == 3


def test_a_long_list_comes_in_pages_and_each_is_tried_by_itself(proxy, s3_uri, monkeypatch):
    store = Store(s3_uri)
    for i in range(5):
        store.write(f"a/{i}", b"x")
    has_failed: set[str] = set()

    def second_page_fails_once(method, path):
        is_first = "continuation-token" in path and path not in has_failed
        has_failed.add(path)
        return "503" if is_first else None

    monkeypatch.setattr(remote_objects, "PAGE_KEYS", 2)
    proxy.draw_fault = second_page_fails_once
    before = proxy.num_requests["GET"]
    assert [file.path for file in store.list("a")] == [f"a/{i}" for i in range(5)]
    assert proxy.num_requests["GET"] - before == 5
    assert proxy.num_faults["503"] == 2
