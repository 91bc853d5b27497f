"""Identities. Expected digits: what `printf %s TEXT | sha256sum` prints, cut to 20, of
["video","a/clip.mp4",1000,"etag-1"]
["clip","f9a260257d0e0ca897ec",0,0,3,[0,2],[0,1024]]
["shard","a","b"]
"""

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.ids import clip_id, shard_id, video_id


def test_video_id_is_the_hash_of_what_it_names():
    assert video_id("a/clip.mp4", 1000, "etag-1") == "f9a260257d0e0ca897ec"


def test_clip_id_is_the_hash_of_what_it_names():
    assert clip_id("f9a260257d0e0ca897ec", 0, 0, 3, [0, 2], [0, 1024]) == "207bfc953fa7f838ea26"


int64s = st.lists(st.integers(-(2**63), 2**63 - 1))


@given(st.integers(0, 2**31 - 1), int64s, int64s)
def test_clip_id_is_of_plain_json(end, index, pts):
    text = json.dumps(["clip", "v", 0, 0, end, index, pts], separators=(",", ":"))
    expected = hashlib.sha256(text.encode()).hexdigest()[:20]
    assert clip_id("v", 0, 0, end, np.array(index, np.int64), np.array(pts, np.int64)) == expected


def test_frames_may_be_any_view():
    every = np.arange(8, dtype=np.int32)
    assert clip_id("v", 0, 0, 8, every[::2], every[::-2]) == clip_id(
        "v", 0, 0, 8, [0, 2, 4, 6], [7, 5, 3, 1]
    )


def test_shard_id_is_the_hash_of_its_clips_in_order():
    assert shard_id(["a", "b"]) == "eb82ab7263e8ab723754"
    assert shard_id(["b", "a"]) != "eb82ab7263e8ab723754"
    assert shard_id(["ab"]) != shard_id(["a", "b"])


@pytest.mark.parametrize(
    "other",
    [("b/clip.mp4", 1000, "etag-1"), ("a/clip.mp4", 1001, "etag-1"), ("a/clip.mp4", 1000, "e")],
    ids=["same name in another folder", "other size", "other content"],
)
def test_another_video_has_another_id(other):
    assert video_id(*other) != video_id("a/clip.mp4", 1000, "etag-1")


@pytest.mark.parametrize(
    "other",
    [
        ("v2", 0, 0, 3, [0, 2], [0, 1024]),
        ("v", 1, 0, 3, [0, 2], [0, 1024]),
        ("v", 0, 0, 4, [0, 2], [0, 1024]),
        ("v", 0, 0, 3, [0, 1, 2], [0, 512, 1024]),
        ("v", 0, 0, 3, [0, 2], [0, 1025]),
    ],
    ids=["video", "shot", "span", "sampling", "times"],
)
def test_another_clip_has_another_id(other):
    assert clip_id(*other) != clip_id("v", 0, 0, 3, [0, 2], [0, 1024])


def test_numpy_numbers_give_the_same_id():
    index, pts = np.array([0, 2], np.int32), np.array([0, 1024], np.int64)
    plain = clip_id("v", 0, 0, 3, [0, 2], [0, 1024])
    assert clip_id("v", np.int32(0), np.int32(0), np.int32(3), index, pts) == plain


@pytest.mark.parametrize("name", ["ünïcode 名前.mp4", "with space.mp4", 'quote".mp4', "\udcff.mp4"])
def test_any_file_name_has_an_id(name):
    assert len(video_id(name, 1, "e")) == 20
