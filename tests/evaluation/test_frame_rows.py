import pytest

from evaluation.frame_rows import find_frame_rows
from pipeline.errors import ConfigError, PlanError
from pipeline.storage import Store
from tests.fakes import FakeHuman3R, fake_models
from tests.pipeline.small_job import annotate_small, plan_small
from tests.synthetic import damage_packets, make_video

# a/walk.mp4 is video 1 of `small_out`: 9 frames in the clips [0, 4) [3, 7) [6, 9), shards 0 0 1.


def test_the_rows_of_one_frame_and_its_clip(small_out):
    rows = find_frame_rows(Store(str(small_out)), "a/walk.mp4", 5)
    assert (rows.video["uri"], rows.frame["frame_index"]) == ("a/walk.mp4", 5)
    assert (rows.clip["start_frame"], rows.clip["end_frame"]) == (3, 7)
    assert rows.clip_frames["frame_index"].to_pylist() == [3, 4, 5, 6]
    assert set(rows.clip_people["clip_id"].to_pylist()) == {rows.clip["clip_id"]}
    assert [person["frame_index"] for person in rows.people] == [5]


@pytest.mark.parametrize(("video", "middle"), [("a/walk.mp4", 4), ("b/walk.mp4", 2)])
def test_the_middle_frame_is_taken_unless_told(small_out, video, middle):
    assert find_frame_rows(Store(str(small_out)), video, None).frame["frame_index"] == middle


@pytest.mark.parametrize(("frame", "start"), [(3, 0), (6, 3)])
def test_a_frame_that_two_clips_share_is_of_the_first(small_out, frame, start):
    rows = find_frame_rows(Store(str(small_out)), "a/walk.mp4", frame)
    assert rows.clip["start_frame"] == start
    assert not rows.frame["is_seam"]


@pytest.mark.parametrize(
    ("video", "frame", "message"),
    [
        ("walk.mp4", None, "no video of that name (4 in all). Near it: a/walk.mp4, b/walk.mp4"),
        ("tail.mp4", None, "no video of that name (4 in all). Near it: tall.mp4"),
        ("?", None, "Near it: a/walk.mp4, b/walk.mp4, broken.mp4, tall.mp4"),
        ("broken.mp4", None, "it has no labels: "),
        ("a/walk.mp4", 9, "--frame 9: the frame has no labels: it was not sampled. Near it: 4, 5"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(small_out, video, frame, message):
    with pytest.raises(ConfigError) as caught:
        find_frame_rows(Store(str(small_out)), video, frame)
    assert f"--video {video}" in str(caught.value)
    assert message in str(caught.value)


def test_a_clip_that_is_not_annotated_yet(small_source, tmp_path):
    job = plan_small(small_source, tmp_path / "out")
    with pytest.raises(ConfigError, match="has no labels yet: run h3r annotate to go on"):
        find_frame_rows(job.store, "a/walk.mp4", 0)


def test_a_clip_that_failed(small_source, tmp_path):
    job = plan_small(small_source, tmp_path / "out", include=("b/*",))
    annotate_small(job, fake_models(FakeHuman3R(breaks_at={(2, 1)})))
    with pytest.raises(ConfigError, match=r"its clip failed \(annotate, RuntimeError\): "):
        find_frame_rows(job.store, "b/walk.mp4", 1)


def test_a_frame_that_was_lost(tmp_path):
    (tmp_path / "src").mkdir()
    options = {"cpu-used": "8", "deadline": "realtime"}
    make_video(tmp_path / "a.webm", 4, codec="libvpx-vp9", gop=1, codec_options=options)
    damage_packets(tmp_path / "a.webm", tmp_path / "src/b.webm", [2])
    job = plan_small(tmp_path / "src", tmp_path / "out")
    annotate_small(job, fake_models())
    with pytest.raises(ConfigError, match=r"it could not be decoded. Near it: 0, 1, 3$"):
        find_frame_rows(job.store, "b.webm", 2)


def test_a_shard_in_which_nobody_was_seen_has_no_people(small_source, tmp_path):
    job = plan_small(small_source, tmp_path / "out", include=("tall.mp4",))
    annotate_small(job, fake_models(FakeHuman3R(num_people=lambda video, frame: 0)))
    rows = find_frame_rows(job.store, "tall.mp4", 0)
    assert rows.people == []
    assert rows.clip_people.num_rows == 0


def test_a_folder_that_is_no_dataset(tmp_path):
    with pytest.raises(PlanError, match="holds no plan"):
        find_frame_rows(Store(str(tmp_path)), "a.mp4", None)
