import dataclasses
import os
from collections.abc import Iterator

import numpy as np
import pytest

from human3r_model.preprocess import image_geometry, prepare_image
from pipeline.config import PlanConfig
from pipeline.errors import DecodeError, StorageError
from pipeline.frames import open_frames
from pipeline.labels import ModelFrame
from pipeline.plan import PlannedClip, PlanReader, make_plan, write_plan
from pipeline.retries import Retries
from pipeline.source import list_source
from pipeline.storage import Store
from tests.synthetic import damage_packets, draw_code, make_video, read_code

GEOMETRY = image_geometry(128, 96, 128)


def put(root_uri: str, data: bytes) -> list[PlannedClip]:
    """The clips of one video, of at most 8 frames at 15 a second."""
    Store(root_uri).write("src/a b#1.mp4", data)
    out = Store(f"{root_uri}/out")
    config = PlanConfig(fps=15, max_clip_frames=8)
    write_plan(out, make_plan(list_source(f"{root_uri}/src"), config))
    return PlanReader(out).read_shard(0)


def frames_of(clip: PlannedClip, root_uri: str) -> Iterator[ModelFrame]:
    return open_frames(clip, f"{root_uri}/src", GEOMETRY, Retries())


def test_every_sampled_frame_in_order_and_no_other(root_uri, tmp_path):
    make_video(tmp_path / "a.mp4", 24, clip_id=7)
    first, second = put(root_uri, (tmp_path / "a.mp4").read_bytes())
    frames = [list(frames_of(clip, root_uri)) for clip in (first, second)]
    assert [[read_code(frame.rgb) for frame in clip] for clip in frames] == [
        [(7, i) for i in (0, 2, 4, 6, 8, 10, 12, 14)],
        [(7, i) for i in (14, 16, 18, 20, 22)],
    ]
    assert [frame.clip_frame for frame in frames[0]] == list(range(8))
    assert [frame.clip_frame for frame in frames[1]] == list(range(5))
    assert not any(frame.is_corrupt for clip in frames for frame in clip)
    assert all(frame.decode_s > 0 for clip in frames for frame in clip)


def test_pictures_are_prepared_for_the_network(root_uri, tmp_path):
    make_video(tmp_path / "a.mp4", 3)
    (clip,) = put(root_uri, (tmp_path / "a.mp4").read_bytes())
    frame = next(frames_of(clip, root_uri))
    expected = prepare_image(draw_code(128, 96, 1, 0), GEOMETRY)
    assert frame.rgb.shape == expected.shape == (GEOMETRY.height, GEOMETRY.width, 3)
    assert np.abs(frame.rgb.astype(int) - expected).mean() < 6  # lossy, at sharp edges


def test_lost_frames_are_left_out_and_leave_a_hole(root_uri, tmp_path):
    make_video(tmp_path / "a.mp4", 9)
    (clip,) = put(root_uri, (tmp_path / "a.mp4").read_bytes())
    pts = clip.frame_pts + np.array([0, 1, 0, 0, 1])  # no frame is shown at two of them
    frames = list(frames_of(dataclasses.replace(clip, frame_pts=pts), root_uri))
    assert [frame.clip_frame for frame in frames] == [0, 2, 3]
    assert [read_code(frame.rgb) for frame in frames] == [(1, 0), (1, 4), (1, 6)]


def test_damaged_frames_are_marked(root_uri, tmp_path):
    make_video(tmp_path / "a.mp4", 9, gop=1, max_b_frames=0)
    damage_packets(tmp_path / "a.mp4", tmp_path / "b.mp4", [4])
    (clip,) = put(root_uri, (tmp_path / "b.mp4").read_bytes())
    frames = list(frames_of(clip, root_uri))
    assert [frame.is_corrupt for frame in frames] == [False, False, True, False, False]


def test_a_file_that_is_gone(root_uri, tmp_path):
    make_video(tmp_path / "a.mp4", 3)
    (clip,) = put(root_uri, (tmp_path / "a.mp4").read_bytes())
    Store(root_uri).delete("src/a b#1.mp4")
    with pytest.raises(StorageError, match=r"a b#1.mp4: cannot read: no such file or object"):
        next(frames_of(clip, root_uri))


def test_a_file_that_was_replaced(root_uri, tmp_path):
    make_video(tmp_path / "a.mp4", 3)
    (clip,) = put(root_uri, (tmp_path / "a.mp4").read_bytes())
    make_video(tmp_path / "a.mp4", 3, clip_id=2)
    Store(root_uri).write("src/a b#1.mp4", (tmp_path / "a.mp4").read_bytes())
    with pytest.raises(DecodeError, match=r"changed since it was planned .* into a new OUT"):
        next(frames_of(clip, root_uri))


def test_a_file_that_was_written_again_with_the_same_size(tmp_path):
    make_video(tmp_path / "a.mp4", 3)
    (clip,) = put(str(tmp_path), (tmp_path / "a.mp4").read_bytes())
    path = tmp_path / "src" / "a b#1.mp4"
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    with pytest.raises(DecodeError, match="changed since it was planned"):
        next(frames_of(clip, str(tmp_path)))


def test_a_linked_video_is_the_one_that_was_planned(tmp_path):
    (tmp_path / "src").mkdir()
    make_video(tmp_path / "a.mp4", 3)
    (tmp_path / "src" / "link.mp4").symlink_to(tmp_path / "a.mp4")
    out = Store(str(tmp_path / "out"))
    source = list_source(str(tmp_path / "src"), follow_links=True)
    write_plan(out, make_plan(source, PlanConfig()))
    (clip,) = PlanReader(out).read_shard(0)
    assert len(list(frames_of(clip, str(tmp_path)))) == 3
