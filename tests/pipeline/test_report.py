import pyarrow as pa

from human3r_model.errors import CheckpointError
from pipeline.errors import StorageError
from pipeline.report import (
    ShardReport,
    describe_failures,
    error_text,
    printable,
    report_commit,
)


def ledger(*rows):
    names = ("uri", "start_frame", "end_frame", "status", "error_stage", "error_class")
    names = (*names, "error_message", "num_frames_planned", "num_frames", "num_people_rows")
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows])


FAILED = ("a.mp4", 0, 9, "failed", "decode", "DecodeError", "a.mp4: gone", 9, 0, 0)
UNREADABLE = ("d.mp4", 0, 0, "failed", "probe", "ProbeError", "d.mp4: no video", 0, 0, 0)
LEDGER = ledger(
    ("a.mp4", 9, 20, "done", None, None, None, 11, 11, 30),
    FAILED,
    ("b.mp4", 0, 4, "done", None, None, None, 4, 3, 2),
    ("c.mp4", 0, 4, "empty", None, None, None, 4, 4, 0),
)


def test_a_report_sums_up_the_ledger():
    assert report_commit(7, LEDGER) == ShardReport(
        shard_index=7,
        num_done=2,
        num_empty=1,
        num_failed=1,
        num_frames_planned=28,
        num_frames=18,
        num_people=32,
    )


def test_failures_are_named_once_and_with_their_place():
    lines = describe_failures(ledger(FAILED, UNREADABLE), max_lines=5)
    assert lines == [
        "a.mp4 [0, 9): decode DecodeError: gone",
        "d.mp4: probe ProbeError: no video",
    ]


def test_names_leave_a_terminal_alone():
    assert printable("a\x1b[2J\r\nb \u202e 跳舞 🕺 é") == "a\\x1b[2J\\r\\nb \\u202e 跳舞 🕺 é"


def test_only_the_first_failures_are_named():
    assert len(describe_failures(ledger(*[FAILED] * 30), max_lines=5)) == 5


def test_an_error_on_purpose_is_its_message_and_a_bug_its_trace():
    assert error_text(StorageError("/out/x: cannot write")) == "/out/x: cannot write"
    assert error_text(CheckpointError("w.pth", "a pickle")) == "w.pth: a pickle"
    assert error_text(KeyError("surprise")).endswith("KeyError: 'surprise'")


def test_a_report_survives_the_way_through_ray():
    for report in (report_commit(7, LEDGER), ShardReport(3, error="full disk")):
        assert ShardReport.from_row(report.to_row()) == report
