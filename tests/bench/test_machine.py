import shutil
import subprocess

import pytest

from bench.machine import read_commit


def git(folder, *arguments):
    who = ("-c", "user.name=n", "-c", "user.email=e")
    command = ["git", "-C", folder, *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    git(tmp_path, "init")
    for name in ("measured.py", "other.py"):
        (tmp_path / name).write_text("x = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    return tmp_path


needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@needs_git
def test_the_commit_that_was_measured_is_named(checkout):
    short_hash = git(checkout, "rev-parse", "--short", "HEAD")
    assert read_commit(checkout / "measured.py") == short_hash
    git(checkout, "tag", "-a", "v1", "-m", "a tag is no hash")
    assert read_commit(checkout / "measured.py") == short_hash
    (checkout / "other.py").write_text("x = 2\n")
    assert read_commit(checkout / "measured.py") == f"{short_hash}+"


@needs_git
def test_what_git_does_not_follow_has_no_commit(checkout, tmp_path_factory):
    (checkout / "installed.py").write_text("")  # as in a virtual environment within a checkout
    assert read_commit(checkout / "installed.py") is None
    assert read_commit(tmp_path_factory.mktemp("nowhere") / "measured.py") is None


@needs_git
def test_without_git_there_is_no_commit(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert read_commit(checkout / "measured.py") is None
