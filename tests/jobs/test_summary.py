from dataclasses import replace

from jobs.summary import account_lines
from pipeline.ledger import JobStatus

STATUS = JobStatus(
    num_videos=3,
    num_videos_failed=0,
    num_clips=10,
    num_done=6,
    num_empty=4,
    num_failed=0,
    num_pending=0,
    num_to_retry=0,
    num_shards=2,
    num_shards_committed=2,
    num_frames_planned=900,
    num_frames_pending=0,
    num_frames=900,
    num_frames_lost=0,
    num_people=1500,
    num_tracks=20,
    failures={},
    first_failures=(),
)


def test_a_finished_job():
    assert account_lines("out", STATUS) == [
        "out: 10 clips = 6 done + 4 empty + 0 failed",
        "900 of 900 frames, 1500 people rows, 20 tracks, 2 of 2 shards committed",
    ]


def test_lost_frames_and_pending_clips_are_said():
    status = replace(STATUS, num_empty=1, num_pending=3, num_frames_lost=7, num_frames=800)
    lines = account_lines("out", status)
    assert lines[0] == "out: 10 clips = 6 done + 1 empty + 0 failed + 3 pending"
    assert lines[1].startswith("800 of 900 frames (7 lost in decoding), ")


def test_the_first_failures_are_named_and_the_others_counted():
    status = replace(
        STATUS,
        num_done=0,
        num_failed=6,
        failures={"decode/DecodeError": 5, "probe/ProbeError": 1},
        first_failures=("a.mp4 [0, 9): decode DecodeError: gone", "b.mp4: probe ProbeError: text"),
    )
    assert account_lines("out", status)[2:] == [
        "failures: decode/DecodeError 5, probe/ProbeError 1",
        "  a.mp4 [0, 9): decode DecodeError: gone",
        "  b.mp4: probe ProbeError: text",
        "  and 4 more: every clip has a row in out/clips",
    ]
