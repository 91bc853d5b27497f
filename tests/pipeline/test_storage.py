import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import StorageError
from pipeline.retries import Retries
from pipeline.storage import Store, fetch_to_local, open_media
from tests.stores import FlakyFileSystem

ODD_NAMES = [
    "a b.mp4",
    "été/日本.mp4",
    "a#1.mp4",
    "what?.mp4",
    "100%20.mp4",
    "a::b/c::d.mp4",
    "[x]*.mp4",
    "~a.mp4",
    "a\nb.mp4",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_what_is_written_is_read_listed_and_deleted(name, root_uri, request):
    is_moto = root_uri.startswith("s3:") and request.config.getoption("--s3") == "moto"
    if "\n" in name and is_moto:
        pytest.skip("moto's server knows no keys with a line break")
    store = Store(root_uri)
    store.write(name, b"0123456789")
    assert store.read(name) == b"0123456789"
    assert store.read_range(name, 3, 4) == b"3456"
    with store.open_read(name) as file:
        file.seek(8)
        assert file.read() == b"89"
    with open_media(f"{root_uri}/{name}") as (media, _):
        data = Path(media).read_bytes() if isinstance(media, str) else media.read()
    assert data == b"0123456789"
    found = store.info(name)
    assert (found.path, found.size_bytes) == (name, 10)
    assert found.modified_s == pytest.approx(time.time(), abs=60)
    (listed,) = store.list()
    # Some stores (Ceph) are exact to the millisecond in a list only.
    assert listed.modified_s == pytest.approx(found.modified_s, abs=1)
    assert replace(listed, modified_s=found.modified_s) == found
    store.delete(name)
    assert store.info(name) is None
    assert store.list() == []


def test_a_write_replaces_and_changes_the_version(root_uri):
    store = Store(root_uri)
    store.write("a", b"one")
    before = store.info("a")
    assert store.info("a") == before
    store.write("a", b"two")
    assert store.read("a") == b"two"
    assert store.info("a").version != before.version


def test_a_list_is_sorted_deep_and_of_its_folder_only(root_uri):
    store = Store(root_uri)
    for name in ("clips/b", "clips/a/z", "clips/a-b", "clips.old/c", "clips/B", "d"):
        store.write(name, b"x")
    assert [file.path for file in store.list("clips")] == [
        "clips/B",
        "clips/a-b",
        "clips/a/z",
        "clips/b",
    ]
    assert len(store.list()) == 6
    assert store.list("nothing") == []


def test_folders_are_no_objects(root_uri):
    store = Store(root_uri)
    assert not store.is_folder("a")
    store.write("a/b", b"x")
    assert store.info("a") is None
    assert store.is_folder("a")
    assert store.is_folder()
    assert not store.is_folder("a/b")


def test_what_is_missing(root_uri):
    store = Store(root_uri)
    assert store.info("a/b") is None
    store.delete("a/b")
    for read in (store.read, lambda path: store.read_range(path, 0, 1)):
        with pytest.raises(StorageError, match="a/b: cannot read: no such file") as caught:
            read("a/b")
        assert not caught.value.is_transient
    with pytest.raises(StorageError, match="no such file"), store.open_read("a/b"):
        pass


def test_another_store_of_the_same_root_sees_what_changes(root_uri):
    first, second = Store(root_uri), Store(root_uri)
    assert first.list("clips") == []
    second.write("clips/a", b"x")
    assert [file.path for file in first.list("clips")] == ["clips/a"]
    assert first.info("clips/a") is not None
    second.delete("clips/a")
    assert first.info("clips/a") is None


def test_create_takes_a_free_name_only(root_uri):
    store = Store(root_uri)
    assert store.create("clips/a", b"first")
    assert not store.create("clips/a", b"second")
    assert store.read("clips/a") == b"first"
    assert [file.path for file in store.list()] == ["clips/a"]


def test_a_repeated_request_is_not_refused_by_its_own_object():
    store = Store("deaf://repeated")
    assert store.create("a", b"mine")
    assert not store.create("a", b"another's")
    assert store.read("a") == b"mine"


def _race(root_uri: str, racer: str, num_names: int) -> list[str]:
    store = Store(root_uri)
    return [f"{i}" for i in range(num_names) if store.create(f"clips/{i}", f"{racer} {i}".encode())]


def test_one_of_many_threads_creates(root_uri):
    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(lambda i: _race(root_uri, f"{i}", 20), range(16)))
    _check_winners(Store(root_uri), won)


def test_one_of_many_processes_creates(tmp_path):
    with multiprocessing.get_context("fork").Pool(8) as pool:
        won = pool.starmap(_race, [(str(tmp_path), f"{i}", 20) for i in range(8)], chunksize=1)
    _check_winners(Store(str(tmp_path)), won)


def _check_winners(store: Store, won: list[list[str]]) -> None:
    """Every name has one winner, its object is the winner's, and nothing else was left."""
    assert sorted(name for names in won for name in names) == sorted(f"{i}" for i in range(20))
    for racer, names in enumerate(won):
        for name in names:
            assert store.read(f"clips/{name}") == f"{racer} {name}".encode()
    assert len(store.list()) == 20


def test_no_reader_sees_half(root_uri):
    store = Store(root_uri)
    wholes = [b"a" * 2_000_000, b"b" * 1_000_000]
    store.write("a", wholes[0])
    has_ended = threading.Event()
    seen = set()

    def read() -> None:
        while not has_ended.is_set():
            seen.add(store.read("a"))

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        for i in range(30):
            store.write("a", wholes[i % 2])
        has_ended.set()
        for reader in readers:
            reader.result()
    assert seen <= set(wholes)


def test_empty_folders_go_and_others_stay(tmp_path):
    store = Store(str(tmp_path))
    store.write("depth/a/x", b"x")
    store.write("depth/b/c/y", b"y")
    store.delete("depth/b/c/y")
    store.prune_empty_folders("depth")
    assert [path.name for path in (tmp_path / "depth").iterdir()] == ["a"]
    Store("bucket://nothing").prune_empty_folders("depth")


def test_access_check_leaves_nothing(root_uri):
    store = Store(root_uri)
    store.check_access()
    assert store.list() == []


def test_local_path_of_local_stores_only(tmp_path):
    assert Store(f"file://{tmp_path}").local_path("a b") == tmp_path / "a b"
    assert Store("bucket://a").local_path("b") is None


@pytest.mark.parametrize("uri", ["nonsense://a", "simplecache::s3://a"])
def test_unknown_scheme(uri):
    with pytest.raises(StorageError, match=f"{uri}: cannot be opened as a store"):
        Store(uri)


def test_fetch_takes_a_local_file_as_it_is(tmp_path):
    (tmp_path / "weights.bin").write_bytes(b"x")
    assert fetch_to_local(str(tmp_path / "weights.bin")) == tmp_path / "weights.bin"
    assert fetch_to_local(f"file://{tmp_path}/weights.bin") == tmp_path / "weights.bin"
    with pytest.raises(StorageError, match=r"other\.bin: no such file\. Check the path"):
        fetch_to_local(str(tmp_path / "other.bin"))


def test_fetch_copies_a_remote_file_once_a_version(tmp_path):
    store = Store("bucket://fetched")
    store.write("weights.bin", b"one")
    first = fetch_to_local("bucket://fetched/weights.bin", tmp_path)
    assert (first.name, first.read_bytes()) == ("weights.bin", b"one")
    first.write_bytes(b"kept")
    assert fetch_to_local("bucket://fetched/weights.bin", tmp_path).read_bytes() == b"kept"
    store.write("weights.bin", b"two")
    second = fetch_to_local("bucket://fetched/weights.bin", tmp_path)
    assert second.read_bytes() == b"two"
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == {first, second}
    with pytest.raises(StorageError, match="no such object"):
        fetch_to_local("bucket://fetched/other.bin", tmp_path)


def test_two_fetches_at_once_both_have_the_whole_file(tmp_path):
    data = bytes(range(256)) * 40_000  # 10 MB: several blocks
    Store("bucket://fetched").write("large.bin", data)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        copies = pool.starmap(_fetch_read, [("bucket://fetched/large.bin", tmp_path)] * 2, 1)
    assert copies == [data, data]
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def _fetch_read(uri: str, cache: Path) -> bytes:
    return fetch_to_local(uri, cache).read_bytes()


def test_a_copy_that_is_cut_short_is_none(tmp_path):
    Store("short://a").write("weights.bin", b"0123456789")
    with pytest.raises(StorageError, match="got 9 bytes, which is not all of it") as caught:
        fetch_to_local("short://a/weights.bin", tmp_path)
    assert caught.value.is_transient
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_broken_connection_is_tried_again_and_counted():
    retries = Retries()
    store = Store("flaky://a", retries)
    store.write("b", b"x")
    with store.open_read("b") as file:
        assert file.read() == b"x"
    assert retries.num_retries == 2
    FlakyFileSystem.num_opened.clear()


def test_a_connection_that_stays_broken_is_given_up_and_said():
    store = Store("flaky://a", Retries(budget_s=0.0))
    store.write("c", b"x")
    with pytest.raises(StorageError, match=r"reset by peer \(tried 1 times\)") as caught:
        store.open_read("c").__enter__()
    assert caught.value.is_transient
    FlakyFileSystem.num_opened.clear()
