import re

import pytest

from pipeline.attempts import begin_attempt
from tests.commands import h3r
from tests.pipeline.small_job import plan_small


def test_says_what_became_of_every_clip_and_why(small_out):
    answer = h3r("status", small_out)
    assert answer.exit_code == 0
    lines = answer.stdout.splitlines()
    assert lines[0] == f"{small_out}: 7 clips = 6 done + 0 empty + 1 failed"
    assert lines[1].startswith("21 of 21 frames, ")
    assert lines[1].endswith(" tracks, 3 of 3 shards committed")
    assert lines[2] == "failures: probe/ProbeError 1"
    assert lines[3].startswith("  broken.mp4: probe ProbeError: ")
    assert len(lines) == 4


def test_says_who_is_at_it(small_source, tmp_path):
    job = plan_small(small_source, tmp_path / "out")
    begin_attempt(job.store, 2, "run", "machine-a run")
    lines = h3r("status", tmp_path / "out").stdout.splitlines()
    assert lines[-2] == "workers at a shard: 1; nothing committed yet"
    assert re.fullmatch(r"  machine-a run: at shard 2 for 0:00:\d\d", lines[-1])
    assert h3r("status", tmp_path / "out", "--json").json["pace"]["frames_per_s"] == 0


def test_a_job_that_has_not_begun_is_pending(small_source, tmp_path):
    plan_small(small_source, tmp_path / "out")
    answer = h3r("status", tmp_path / "out")
    assert answer.exit_code == 0
    assert "7 clips = 0 done + 0 empty + 0 failed + 7 pending" in answer.stdout
    assert h3r("status", tmp_path / "out", "--json").json["num_frames_pending"] == 21


@pytest.mark.parametrize("verb", ["status", "verify", "gc"])
def test_a_folder_that_is_no_dataset(tmp_path, verb):
    answer = h3r(verb, tmp_path)
    assert answer.exit_code == 1
    assert answer.stderr == (
        f"h3r: {tmp_path}: holds no plan. Make one with h3r plan or h3r annotate\n"
    )
    assert answer.stdout == ""
