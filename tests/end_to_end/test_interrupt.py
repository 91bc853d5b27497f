"""A job that is told to stop in the middle, by Ctrl-C or by the machine's owner."""

import os
import signal
import subprocess
import time

import psutil

from tests.commands import PROGRAM, h3r, quiet_environment
from tests.synthetic import make_video

WAIT_S = 120.0
# 12 clips of 4 frames, each its own shard.
NUM_CLIPS, NUM_FRAMES = 12, 37
OPTIONS = ("--preset", "tiny", "--max-clip-frames", "4", "--max-shard-frames", "4", "--no-depth")


def num_committed(out):
    return len(list((out / "clips").glob("shard-*.parquet")))


def stop_after_a_commit(video, out, stop):
    """Start the job, `stop` its process once it has committed something; (code, stdout, stderr)."""
    num_before = num_committed(out)
    process = subprocess.Popen(
        [*PROGRAM, "annotate", str(video), str(out), *OPTIONS],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=quiet_environment(),
        start_new_session=True,
        # A shell starts its background jobs, and so their children, deaf to Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    end_s = time.monotonic() + WAIT_S
    while num_committed(out) == num_before:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end_s
        time.sleep(0.01)
    stop(process)
    began_s = time.monotonic()
    stdout, stderr = process.communicate(timeout=WAIT_S)
    assert time.monotonic() - began_s < 15
    return process.returncode, stdout, stderr


def worker_environment(driver):
    """Variables of the first worker of a job under way."""
    for process in psutil.Process(driver.pid).children(recursive=True):
        if "ShardActor" in " ".join(process.cmdline()):
            return process.environ()
    raise AssertionError("no worker runs")


def press_ctrl_c(process):
    """As a terminal does: to the whole process group."""
    os.killpg(process.pid, signal.SIGINT)


def test_a_job_stops_at_once_and_the_next_run_goes_on(ray_cluster, tmp_path):
    video, out = tmp_path / "walk.mp4", tmp_path / "out"
    make_video(video, NUM_FRAMES, width=128, height=64)
    environments = []

    def look_and_press(process):
        environments.append(worker_environment(process))
        press_ctrl_c(process)

    for stop in (look_and_press, subprocess.Popen.terminate):
        code, stdout, stderr = stop_after_a_commit(video, out, stop)
        assert code == 130
        assert stderr.endswith("\nh3r: interrupted; run the same command again to go on\n")
        assert stdout == ""
        # Nothing of Ray's, nothing of libav's, no trace.
        beginnings = {line.split(" ", 1)[0] for line in stderr.splitlines()}
        assert beginnings <= {"probe", "note:", "annotate", "h3r:"}
        assert not any(path.is_file() for path in (out / "attempts").rglob("*"))
    assert environments[0]["MALLOC_ARENA_MAX"] == "1"  # so that memory is given back
    status = h3r("status", out, "--json").json
    assert 0 < status["num_pending"] < NUM_CLIPS

    again = h3r("annotate", video, out, *OPTIONS, "--json")
    assert again.exit_code == 0, again.stderr
    assert again.json["num_done"] + again.json["num_empty"] == NUM_CLIPS
    assert again.json["run_frames"] == 4 * status["num_pending"]
    assert h3r("verify", out).exit_code == 0
