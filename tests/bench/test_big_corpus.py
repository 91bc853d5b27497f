import numpy as np

from bench.big_corpus import NullProbe, commit_shards, write_list
from pipeline.config import PlanConfig
from pipeline.job import pending_shards
from pipeline.ledger import read_status
from pipeline.plan import make_plan, write_plan
from pipeline.source import list_source
from pipeline.storage import Store


def planned(tmp_path, num_videos, clips_per_video):
    source = list_source(str(write_list(tmp_path / "src", num_videos)))
    store = Store(str(tmp_path / "out"))
    write_plan(store, make_plan(source, PlanConfig(), probe=NullProbe(clips_per_video)))
    return store


def test_every_name_of_the_list_is_another_file_that_is_there(tmp_path):
    source = list_source(str(write_list(tmp_path / "src", 2_500)))
    assert len({file.name for file in source.files}) == 2_500
    assert {file.size_bytes for file in source.files} == {0}


def test_a_video_has_the_clips_that_were_asked_for(tmp_path):
    status = read_status(planned(tmp_path, num_videos=3, clips_per_video=4))
    assert (status.num_videos, status.num_clips, status.num_videos_failed) == (3, 12, 0)
    assert status.num_frames_planned == 1_200


def test_committed_shards_are_done_and_the_others_are_left(tmp_path):
    store = planned(tmp_path, num_videos=20, clips_per_video=1)  # 10 shards of 2 clips
    commit_shards(store, range(7))
    status = read_status(store)
    assert (status.num_done, status.num_pending, status.num_shards_committed) == (14, 6, 7)
    assert pending_shards(store) == [7, 8, 9]


def test_the_probe_gives_frames_at_30_a_second():
    info = NullProbe(1)("root", None)
    assert (info.num_frames, info.fps) == (100, 30.0)
    assert np.diff(info.frame_pts).tolist() == [512] * 99
    assert 1 / (512 * info.time_base) == 30
