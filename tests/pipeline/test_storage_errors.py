import multiprocessing
import resource
from pathlib import Path

import fsspec
import pytest

from pipeline.errors import StorageError
from pipeline.storage import Store
from tests.stores import run_on_full_disk

WRITE_2_MB = """
import os, sys
from pipeline.errors import StorageError
from pipeline.storage import Store
store = Store(sys.argv[1])
store.write("small", b"x")
for put in (store.write, store.create):
    try:
        put("clips/large", bytes(2_000_000))
    except StorageError as error:
        print(error.is_transient, error)
print(sorted(os.listdir(sys.argv[1])), os.listdir(f"{sys.argv[1]}/clips"))
"""


def test_full_disk_is_said_and_nothing_is_left(tmp_path):
    path = f"{tmp_path}/clips/large"
    remedy = "no space left on the device. Free some space and run again"
    assert run_on_full_disk(tmp_path, WRITE_2_MB).splitlines() == [
        f"False {path}: cannot write: {remedy}",
        f"False {path}: cannot create: {remedy}",
        "['clips', 'small'] []",
    ]


def test_full_store_is_said():
    with pytest.raises(StorageError, match=r"no space left on the device. Free some") as caught:
        Store("full://a").write("b", b"x")
    assert not caught.value.is_transient


def _write_beyond_limit(folder: str) -> str:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    try:
        Store(folder).write("large", bytes(200_000))
    except StorageError as error:
        return str(error)
    return "written"


def test_a_failing_write_leaves_what_was_there(tmp_path):
    Store(str(tmp_path)).write("large", b"before")
    with multiprocessing.get_context("fork").Pool(1) as pool:
        message = pool.apply(_write_beyond_limit, (str(tmp_path),))
    assert message == (
        f"{tmp_path}/large: cannot write: the file is larger than the disk or `ulimit -f` allows. "
        "Raise the limit"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["large"]
    assert (tmp_path / "large").read_bytes() == b"before"


def test_out_below_a_file(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    for out in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(StorageError, match="A file and a folder have the same name; choose"):
            Store(str(out)).check_access()


def test_a_folder_that_is_a_file_is_no_lost_race(root_uri):
    store = Store(root_uri)
    store.write("clips", b"x")
    if root_uri.startswith("s3:"):  # which has no folders: both names are free
        assert store.create("clips/a", b"x")
        return
    with pytest.raises(StorageError, match="A file and a folder have the same name; choose"):
        store.create("clips/a", b"x")


def test_a_file_that_is_a_folder(tmp_path):
    store = Store(str(tmp_path))
    store.write("clips/a", b"x")
    with pytest.raises(StorageError, match=r"clips: cannot write: .*A file and a folder"):
        store.write("clips", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["clips"]


def test_out_where_no_folder_can_be_made():
    with pytest.raises(StorageError, match=r"cannot write: .* [Cc]hoose another place"):
        Store("/proc/out").check_access()


def test_read_only_file():
    with pytest.raises(StorageError, match=r"cannot delete: permission denied .* Check the perm"):
        Store("/proc/self").delete("status")


def test_s3_without_a_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    fsspec.get_filesystem_class("s3").clear_instance_cache()  # of clients with the tests' own key
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with pytest.raises(
        StorageError, match=r"credentials. Check the endpoint and the cred"
    ) as caught:
        Store("s3://bucket/out").info("run.json")
    assert not caught.value.is_transient
    fsspec.get_filesystem_class("s3").clear_instance_cache()
