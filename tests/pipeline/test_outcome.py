import pytest

from human3r_model.errors import BodyModelError, InputError
from pipeline.config import LabelConfig, LabelIdentity, PlanConfig
from pipeline.errors import AnnotateError, DecodeError, DepthError, ProbeError, StorageError
from pipeline.outcome import (
    ClipFailure,
    WorkerIdentity,
    WrittenFile,
    failure_of,
    ledger_row,
    quarantine_failure,
)
from pipeline.rows import make_rows
from schemas.arrow import table_from_columns
from schemas.checks import validate_table
from schemas.errors import SchemaError
from schemas.tables import CLIPS
from tests.pipeline.truth import clip_labels, people_labels, planned_clip

LABELS = LabelIdentity("tiny", "f" * 64, True, None, 1, PlanConfig(), LabelConfig())
WORKER = WorkerIdentity(LABELS, code_version="0.1.0", host="here", device="cpu")
ROWS = WrittenFile("frames/shard-000000.a.parquet", "e" * 64, 10)


@pytest.mark.parametrize(
    ("error", "stage"),
    [
        (ProbeError("x"), "probe"),
        (DecodeError("x"), "decode"),
        (StorageError("x"), "decode"),
        (AnnotateError("x"), "annotate"),
        (InputError("x"), "annotate"),
        (RuntimeError("x"), "annotate"),
        (MemoryError("x"), "annotate"),
        (BodyModelError("x.npz", "x"), "body"),
        (DepthError("x"), "depth"),
        (SchemaError("people", ("x",)), "quality"),
    ],
)
def test_the_stage_follows_from_the_error(error, stage):
    failure = failure_of(error)
    assert (failure.stage, failure.error_class) == (stage, type(error).__name__)
    assert "x" in failure.message


def test_messages_are_bounded_and_never_empty():
    assert failure_of(ValueError("long" * 1000)).message == "long" * 500
    assert failure_of(KeyError()).message == "KeyError()"


def ledger_of(outcome, files, attempt=0):
    row = ledger_row(planned_clip(3), outcome, files, {"decode_s": 1.5}, attempt, 2, WORKER)
    table = table_from_columns(CLIPS, {name: [value] for name, value in row.items()})
    validate_table(table, CLIPS)
    return table.to_pylist()[0]


@pytest.mark.parametrize(
    "failure", [ClipFailure("decode", "DecodeError", "gone"), quarantine_failure(2)]
)
def test_a_failure_is_a_row_without_files(failure):
    row = ledger_of(failure, {"frames": ROWS}, attempt=2)
    assert row["status"] == "failed"
    assert row["error_stage"] == failure.stage
    assert row["error_class"] == failure.error_class
    assert row["error_message"] == failure.message
    assert (row["num_frames_planned"], row["num_frames"], row["frames_file"]) == (3, 0, None)
    assert (row["attempt"], row["weights_sha256"], row["host"]) == (3, "f" * 64, "here")


def test_a_quarantined_clip_says_how_often_its_worker_died():
    failure = quarantine_failure(2)
    assert (failure.stage, failure.error_class) == ("worker", "WorkerDiedError")
    assert failure.message.startswith("worker died: the process ended 2 times")


@pytest.mark.parametrize(("people", "status"), [([0, 1], "done"), ([], "empty")])
def test_an_annotated_clip_is_a_row_with_its_files(people, status):
    rows = make_rows(planned_clip(3), clip_labels(people_labels(people), 3), None, "depth/x.mkv")
    files = dict.fromkeys(("frames", "people", "tracks"), ROWS)
    row = ledger_of(rows, files)
    assert (row["status"], row["error_stage"], row["attempt"]) == (status, None, 1)
    assert (row["num_frames"], row["num_people_rows"]) == (3, len(people))
    assert (row["frames_file"], row["frames_sha256"], row["frames_size_bytes"]) == (
        ROWS.path,
        ROWS.sha256,
        10,
    )
    assert (row["decode_s"], row["network_s"]) == (1.5, 0)
    assert row["depth_file"] is None
