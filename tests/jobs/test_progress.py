import contextlib
import os
import pty
import re
import select

import pytest

from jobs.progress import AnnotateProgress, PlanProgress, ProgressLine
from pipeline.report import ShardReport

REPORT = ShardReport(
    0, num_done=2, num_failed=1, num_frames_planned=30, num_frames=20, num_people=50
)


@pytest.fixture
def terminal(monkeypatch):
    """(a stream that is a terminal, what it has shown so far without control codes)."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    master, slave = pty.openpty()

    def read_shown():
        shown = b""
        while select.select([master], [], [], 0.5)[0]:  # it arrives a little after it was written
            shown += os.read(master, 65536)
        return re.sub(r"\x1b\[[\d;?]*\w", "", shown.decode())

    with open(slave, "w") as stream:
        yield stream, read_shown
    os.close(master)


def test_plain_lines_elsewhere_than_on_a_terminal(capsys):
    with AnnotateProgress(num_clips=10, num_clips_pending=6, num_frames_pending=90) as progress:
        progress.add(REPORT)  # so soon that no line is due
        progress.add(REPORT)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "annotate 4/10 clips"
    assert re.fullmatch(
        r"annotate 10/10 clips · [\d.]+ frames/s · 100 people · 2 failed · ETA \d:\d\d:\d\d",
        lines[1],
    )
    assert len(lines) == 2


def test_a_live_line_on_a_terminal(terminal):
    stream, read_shown = terminal
    with (
        contextlib.redirect_stderr(stream),
        AnnotateProgress(num_clips=10, num_clips_pending=6, num_frames_pending=90) as progress,
    ):
        progress.add(REPORT)
    shown = read_shown()
    assert "\r" in shown
    assert re.search(
        r"annotate .* 7/10 +clips · [\d.]+ frames/s · 50 people · 1 failed · ETA", shown
    )


def test_nothing_is_said_when_there_is_nothing_to_do(capsys):
    with AnnotateProgress(num_clips=10, num_clips_pending=0, num_frames_pending=0):
        pass
    assert capsys.readouterr().err == ""


def test_time_left_follows_the_planned_frames(capsys, monkeypatch):
    # 30 of 90 frames are dealt with after 60 s, 20 of them annotated: 120 s are left.
    with AnnotateProgress(num_clips=3, num_clips_pending=3, num_frames_pending=90) as progress:
        monkeypatch.setattr(AnnotateProgress, "seconds", 60.0)
        monkeypatch.setattr("jobs.progress.PLAIN_INTERVAL_S", 0.0)
        progress.add(ShardReport(0, num_done=1, num_frames_planned=30, num_frames=20))
    line = capsys.readouterr().err.splitlines()[-1]
    assert line == "annotate 1/3 clips · 0.3 frames/s · 0 people · 0 failed · ETA 0:02:00"


def test_shards_that_could_not_be_committed_are_counted(capsys, monkeypatch):
    monkeypatch.setattr("jobs.progress.PLAIN_INTERVAL_S", 0.0)
    with AnnotateProgress(num_clips=3, num_clips_pending=3, num_frames_pending=90) as progress:
        progress.add(ShardReport(0, error="no space"))
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.endswith("· 0 failed · ETA ? · 1 shards not committed")


def test_probing_counts_files(capsys):
    with ProgressLine("probe") as progress:
        for done in range(1, 4):
            progress.show(done, 3)
    assert capsys.readouterr().err == "probe 1/3\nprobe 3/3\n"


def test_cutting_is_told_of_where_it_takes_long(capsys, monkeypatch):
    with PlanProgress() as progress:
        for show in (progress.show, progress.show_cut):
            for done in range(1, 4):
                show(done, 3)
        assert capsys.readouterr().err == "probe 1/3\nprobe 3/3\n"
        monkeypatch.setattr("jobs.progress.PLAIN_INTERVAL_S", 0.0)
        for done in range(1, 4):
            progress.show_cut(done, 3)
    assert capsys.readouterr().err == "probe 1/3 cut into clips\nprobe 2/3 cut into clips\n"
