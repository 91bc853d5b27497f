from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.uris import is_remote, join_uri, normalise_uri, split_uri


@pytest.mark.parametrize(
    ("uri", "normal"),
    [
        ("/a/b/", "/a/b"),
        ("/a//b", "/a/b"),
        ("/a b/ü#1?%20::x", "/a b/ü#1?%20::x"),
        ("file:///a/b", "/a/b"),
        ("file:///", "/"),
        ("s3://bucket/a/", "s3://bucket/a"),
        ("s3://bucket", "s3://bucket"),
        ("memory://", "memory://"),
        ("memory:///", "memory://"),
    ],
)
def test_normal_form(uri, normal):
    assert normalise_uri(uri) == normal
    assert normalise_uri(normal) == normal


@given(st.text("/.~a ").map("/".__add__))
def test_absolute_paths_are_as_pathlib_writes_them(path):
    assert normalise_uri(path) == str(Path(path))


def test_relative_paths_and_the_home_folder_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert normalise_uri("videos") == f"{tmp_path}/videos"
    assert normalise_uri(".") == str(tmp_path)
    assert normalise_uri("~/videos") == f"{Path.home()}/videos"


@pytest.mark.parametrize(
    ("root", "name", "joined"),
    [
        ("/a", "b.mp4", "/a/b.mp4"),
        ("/", "b.mp4", "/b.mp4"),
        ("s3://bucket/a", "b/c.mp4", "s3://bucket/a/b/c.mp4"),
        ("memory://", "b.mp4", "memory://b.mp4"),
        ("/a", "/b.mp4", "/b.mp4"),
        ("/a", "s3://bucket/b.mp4", "s3://bucket/b.mp4"),
        ("s3://bucket", "a b#1?%20::x", "s3://bucket/a b#1?%20::x"),
    ],
)
def test_join(root, name, joined):
    assert join_uri(root, name) == joined


@pytest.mark.parametrize(
    ("uri", "folder", "name"),
    [
        ("/a/b.mp4", "/a", "b.mp4"),
        ("/b.mp4", "/", "b.mp4"),
        ("s3://bucket/a/b.mp4", "s3://bucket/a", "b.mp4"),
        ("memory://b.mp4", "memory://", "b.mp4"),
        ("memory://a::b/c#.mp4", "memory://a::b", "c#.mp4"),
    ],
)
def test_split_is_the_way_back(uri, folder, name):
    assert split_uri(uri) == (folder, name)
    assert join_uri(folder, name) == uri


def test_only_a_scheme_makes_a_uri_remote():
    assert is_remote("s3://bucket")
    assert not is_remote("/a/b::c")
