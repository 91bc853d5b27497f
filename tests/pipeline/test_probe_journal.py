"""What was found of videos is kept many at once, and comes back as it was."""

import numpy as np
import pytest

from pipeline import probe_journal
from pipeline.layout import PROBED_FOLDER
from pipeline.probe_journal import Probed, ProbeJournal
from pipeline.storage import Store


def video(name: str, num_frames: int = 3) -> Probed:
    columns = {
        "video_id": f"{int(name):020x}",
        "uri": f"{name}.mp4",
        "etag": "v",
        "size_bytes": 9,
        "container": "mov",
        "codec": "h264",
        "pixel_format": None,
        "width": 128,
        "height": 96,
        "rotation_deg": 90,
        "sample_aspect_ratio": 4 / 3,
        "fps": 30.0,
        "is_variable_rate": False,
        "has_timestamps": True,
        "is_truncated": False,
        "time_base_num": 1,
        "time_base_den": 90_000,
        "start_pts": 100,
        "duration_s": 0.1,
        "num_frames": num_frames,
        "status": "ok",
    }
    return Probed(columns, 100 + 3000 * np.arange(num_frames))


def files(store: Store) -> list[str]:
    return [file.path for file in store.list(PROBED_FOLDER)]


def stop(journal: ProbeJournal) -> None:
    with pytest.raises(KeyboardInterrupt), journal:
        raise KeyboardInterrupt


@pytest.fixture
def store(root_uri) -> Store:
    return Store(root_uri)


def test_few_videos_stay_in_memory_when_all_goes_well(store):
    with ProbeJournal(store) as journal:
        journal.add(video("1"))
        assert "1".zfill(20) in journal
        assert journal.get("1".zfill(20)).columns["uri"] == "1.mp4"
    assert files(store) == []


def test_what_an_error_ends_is_kept_and_comes_back_as_it_was(store):
    kept = [video("1"), video("2", num_frames=1), video("3", num_frames=200)]
    journal = ProbeJournal(store)
    for one in kept:
        journal.add(one)
    stop(journal)
    assert len(files(store)) == 1
    with ProbeJournal(store) as again:
        for one in kept:
            found = again.get(one.video_id)
            assert {name: found.columns[name] for name in one.columns} == one.columns
            assert found.frame_pts.dtype == np.int64
            assert np.array_equal(found.frame_pts, one.frame_pts)
        assert "4".zfill(20) not in again


@pytest.mark.parametrize(
    ("bound", "value"), [("MAX_VIDEOS", 2), ("MAX_FRAMES", 5)], ids=["videos", "frames"]
)
def test_many_videos_are_kept_a_file_for_some(store, monkeypatch, bound, value):
    monkeypatch.setattr(probe_journal, bound, value)
    monkeypatch.setattr(probe_journal, "NUM_READ", 1)
    with ProbeJournal(store) as journal:
        for number in range(7):
            journal.add(video(str(number)))
        assert len(files(store)) == 3
        for number in (0, 6, 1, 5, 2, 4, 3):
            assert journal.get(f"{number:020x}").columns["uri"] == f"{number}.mp4"
    assert len(files(store)) == 3
    journal.forget()
    assert files(store) == []


def test_another_planning_of_the_same_out_keeps_its_own(store):
    other = ProbeJournal(store)
    with ProbeJournal(store) as journal:
        other.add(video("1"))
        stop(other)
    journal.forget()
    assert len(files(store)) == 1
    with ProbeJournal(store) as journal:
        pass
    journal.forget()
    assert files(store) == []


def test_without_a_store_all_stays_in_memory(monkeypatch):
    monkeypatch.setattr(probe_journal, "MAX_VIDEOS", 1)
    journal = ProbeJournal()
    for name in ("1", "2"):
        journal.add(video(name))
    assert journal.get("1".zfill(20)).columns["uri"] == "1.mp4"
