"""Stage, check, commit: what stands in OUT afterwards, whoever else was at it."""

import pytest

from human3r_model.preprocess import image_geometry
from pipeline.attempts import Attempt
from pipeline.commit import ShardWriter
from pipeline.errors import StorageError
from pipeline.ledger import read_commit
from pipeline.outcome import ClipFailure
from pipeline.rows import make_rows
from pipeline.storage import Store
from pipeline.tables import read_table
from tests.fakes import CarelessStore, ForgetfulStore
from tests.pipeline.test_outcome import WORKER
from tests.pipeline.truth import clip_labels, people_labels, planned_clip

SMALL = image_geometry(64, 48, 64)
CLIPS = [planned_clip(2, SMALL, clip_id=letter * 20) for letter in "abc"]
GONE = ClipFailure("decode", "DecodeError", "gone")


def writer_of(store, name):
    """A writer with rows of the first and third clip, and a failure of the second."""
    writer = ShardWriter(store, 0, Attempt(store, 0, 0, name, is_careful=False), WORKER)
    writer.add_failure(CLIPS[1], GONE)
    add_rows(writer, CLIPS[0])
    add_rows(writer, CLIPS[2])
    return writer


def add_rows(writer, clip, people=(0, 1), **changes):
    labels = clip_labels(people_labels(list(people), **changes), 2, SMALL)
    rows = make_rows(clip, labels, None, writer.depth_file(clip))
    writer.add_rows(clip, rows, labels.depth, {"network_s": 2.0})


def content(store):
    return {file.path: store.read(file.path) for file in store.list()}


def test_a_commit_accounts_for_every_clip_and_names_its_files(tmp_path):
    store = Store(str(tmp_path))
    ledger = writer_of(store, "000-run-a").commit(CLIPS)
    assert read_commit(store, 0).equals(ledger)
    assert ledger["clip_id"].to_pylist() == [letter * 20 for letter in "abc"]
    assert ledger["status"].to_pylist() == ["done", "failed", "done"]
    assert sorted(content(store)) == [
        "clips/shard-000000.parquet",
        "depth/shard-000000.000-run-a/aaaaaaaaaaaaaaaaaaaa.mkv",
        "depth/shard-000000.000-run-a/cccccccccccccccccccc.mkv",
        "frames/shard-000000.000-run-a.parquet",
        "people/shard-000000.000-run-a.parquet",
        "tracks/shard-000000.000-run-a.parquet",
    ]
    row = ledger.to_pylist()[2]
    assert row["frames_file"] == "frames/shard-000000.000-run-a.parquet"
    assert row["depth_file"] == "depth/shard-000000.000-run-a/cccccccccccccccccccc.mkv"
    assert row["network_s"] == 2.0
    assert row["write_s"] > 0
    frames = read_table(store, row["frames_file"])
    assert frames["clip_id"].to_pylist() == ["a" * 20] * 2 + ["c" * 20] * 2


def test_nothing_is_committed_before_the_commit(tmp_path):
    store = Store(str(tmp_path))
    writer_of(store, "000-run-a")
    assert read_commit(store, 0) is None
    assert store.list("clips") == []


def test_a_shard_of_failures_only_has_no_files(tmp_path):
    store = Store(str(tmp_path))
    writer = ShardWriter(store, 0, Attempt(store, 0, 0, "a", is_careful=False), WORKER)
    for clip in CLIPS:
        writer.add_failure(clip, GONE)
    assert writer.commit(CLIPS)["status"].to_pylist() == ["failed"] * 3
    assert list(content(store)) == ["clips/shard-000000.parquet"]


@pytest.mark.parametrize("kind", [Store, CarelessStore])
def test_who_comes_second_takes_its_own_files_away(kind, tmp_path):
    store = Store(str(tmp_path))
    second = writer_of(kind(str(tmp_path)), "001-run-b")
    first = writer_of(store, "000-run-a").commit(CLIPS)
    before = content(store)
    assert second.commit(CLIPS).equals(first)
    expected = {path: data for path, data in before.items() if "run-b" not in path}
    assert content(store) == expected
    assert len(expected) == 6


class LateStore(Store):
    """Someone else's commit appears between the last look and the own `create`."""

    def create(self, path: str, data: bytes) -> bool:
        writer_of(Store(self.uri), "000-run-a").commit(CLIPS)
        return super().create(path, data)


def test_who_loses_the_race_at_the_last_moment_takes_its_own_files_away(tmp_path):
    store = LateStore(str(tmp_path))
    ledger = writer_of(store, "001-run-b").commit(CLIPS)
    assert ledger["frames_file"].to_pylist()[0] == "frames/shard-000000.000-run-a.parquet"
    assert len(content(store)) == 6
    assert not [path for path in content(store) if "run-b" in path]


def test_a_commit_whose_answer_was_lost_keeps_its_files(tmp_path):
    store = ForgetfulStore(str(tmp_path))
    ledger = writer_of(store, "000-run-a").commit(CLIPS)
    assert ledger.equals(read_commit(store, 0))
    assert len(content(store)) == 6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"track_id": [4, 4], "people": (0, 0)}, "be unique by clip_id, frame_index, track_id"),
        ({"track_id": [-1, 4]}, "column 'track_id' must be >= 0"),
        ({"score": [7.5, 0.5]}, "column 'score' must be"),
    ],
)
def test_a_clip_whose_rows_break_the_schema_fails_alone(changes, message, tmp_path):
    store = Store(str(tmp_path))
    writer = writer_of(store, "000-run-a")
    add_rows(writer, CLIPS[0], **changes)
    rows = writer.commit(CLIPS).to_pylist()
    assert [row["status"] for row in rows] == ["failed", "failed", "done"]
    assert (rows[0]["error_stage"], rows[0]["error_class"]) == ("quality", "SchemaError")
    assert message in rows[0]["error_message"]
    assert rows[0]["depth_file"] is None
    frames = read_table(store, rows[2]["frames_file"])
    assert frames["clip_id"].to_pylist() == ["c" * 20] * 2


def test_what_cannot_be_written_is_not_committed(tmp_path):
    store = Store(str(tmp_path))
    (tmp_path / "people").write_text("a file where the folder should be")
    with pytest.raises(StorageError, match="people"):
        writer_of(store, "000-run-a").commit(CLIPS)
    assert read_commit(store, 0) is None
