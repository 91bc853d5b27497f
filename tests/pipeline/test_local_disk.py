import os

import pytest

from pipeline.local_disk import file_status, staged_file, walk_files
from pipeline.storage import Store


def test_linked_files_and_folders_are_listed_as_what_they_lead_to(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.mp4").write_bytes(b"0123456789")
    src = tmp_path / "src"
    src.mkdir()
    (src / "file.mp4").symlink_to(tmp_path / "data" / "a.mp4")
    (src / "folder").symlink_to(tmp_path / "data")
    files = Store(str(src)).list()
    assert [(file.path, file.size_bytes) for file in files] == [
        ("file.mp4", 10),
        ("folder/a.mp4", 10),
    ]
    assert [Store(str(src)).info(file.path) for file in files] == files


def test_a_loop_of_folders_ends(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_bytes(b"x")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    assert [path for path, _ in walk_files(str(tmp_path))] == [f"{tmp_path}/a/x"]


def test_a_link_to_nothing_is_listed_and_has_no_file(tmp_path):
    (tmp_path / "a.mp4").symlink_to(tmp_path / "gone")
    assert [path for path, _ in walk_files(str(tmp_path))] == [f"{tmp_path}/a.mp4"]
    assert file_status(f"{tmp_path}/a.mp4") is None


def test_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "a.mp4")
    assert list(walk_files(str(tmp_path))) == []
    assert file_status(f"{tmp_path}/a.mp4") is None


def test_a_name_that_is_not_utf_8_is_listed(tmp_path):
    (tmp_path / os.fsdecode(b"\xff.mp4")).write_bytes(b"x")
    assert [path for path, _ in walk_files(str(tmp_path))] == [f"{tmp_path}/\udcff.mp4"]


def test_a_folder_that_is_not_there_is_no_empty_one(tmp_path):
    with pytest.raises(FileNotFoundError):
        list(walk_files(f"{tmp_path}/gone"))


def test_version_is_the_time_to_the_nanosecond(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"x")
    store = Store(str(tmp_path))
    versions = []
    for time_ns in (1_700_000_000_123_456_789, 1_700_000_000_123_456_790):
        os.utime(path, ns=(time_ns, time_ns))
        versions.append(store.info("a").version)
        assert store.list()[0].version == versions[-1]
    assert versions == ["1700000000123456789", "1700000000123456790"]


def test_staged_file_is_gone_after_an_error(tmp_path):
    with (  # noqa: PT012 - the file is looked at before the error
        pytest.raises(ZeroDivisionError),
        staged_file(tmp_path / "folder" / "a") as staged,
    ):
        staged.write_bytes(b"x")
        assert [path.name for path in (tmp_path / "folder").iterdir()] == [staged.name]
        raise ZeroDivisionError
    assert list((tmp_path / "folder").iterdir()) == []
