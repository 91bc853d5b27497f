import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from bench.processes import limit_memory, peak_bytes, restart_peak, run_alone
from pipeline.errors import JobError
from tests.commands import PROGRAM, quiet_environment

MIB = 2**20


def hold(num_mib):
    return len(b"x" * (num_mib * MIB)), os.getpid()


def hold_and_restart():
    hold(100)
    before = peak_bytes()
    restart_peak()
    return before - peak_bytes()


def hold_within(num_mib, limit_mib):
    limit_memory(limit_mib * MIB)
    return hold(num_mib)[0]


def test_a_function_runs_in_a_process_of_its_own():
    run = run_alone(hold, 1)
    assert run.answer[0] == MIB
    assert run.answer[1] != os.getpid()
    assert run.wall_s > 0


def test_memory_is_that_of_the_process_and_not_of_its_parent():
    small, large = run_alone(hold, 1), run_alone(hold, 101)
    assert 95 * MIB < large.peak_bytes - small.peak_bytes < 110 * MIB


def test_the_peak_stays_when_the_memory_is_gone():
    before = peak_bytes()
    hold(int(before / MIB) + 50)
    assert peak_bytes() >= before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can")
def test_the_peak_begins_anew_where_it_is_asked_to():
    assert 95 * MIB < run_alone(hold_and_restart).answer < 110 * MIB


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts what is mapped")
def test_more_memory_than_the_limit_is_refused():
    assert run_alone(hold_within, 10, 1024).answer == 10 * MIB
    for num_mib in (2048, 1):  # the latter also lacks what it takes to say so
        with pytest.raises(MemoryError):
            run_alone(hold_within, 2048, num_mib)


def test_a_process_that_is_killed_is_named():
    with pytest.raises(JobError, match="the process that ran _exit was killed"):
        run_alone(os._exit, 9)


def child_of(parent):
    """The process that a bench measures in, once it is there."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for child in psutil.Process(parent.pid).children():
            if "spawn_main" in " ".join(child.cmdline()):
                return child
        time.sleep(0.1)
    raise AssertionError("no child within a minute")


SLEEP = (
    "import sys, time\n"
    "from bench.processes import run_alone, take_sigterm_as_ctrl_c\n"
    "def sleep():\n"
    "    print('asleep', flush=True)\n"
    "    time.sleep(600)\n"
    "if __name__ == '__main__':\n"
    "    take_sigterm_as_ctrl_c()\n"
    "    run_alone(sleep)\n"
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_process_ends_with_the_bench(number, tmp_path):
    (tmp_path / "sleep.py").write_text(SLEEP)
    command = [sys.executable, tmp_path / "sleep.py"]
    parent = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # A test run in the background of a script would hand down that SIGINT is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        child = child_of(parent)
        assert parent.stdout.readline() == b"asleep\n"
        parent.send_signal(number)
        parent.wait(60)
        assert psutil.wait_procs([child], timeout=60)[1] == []
    finally:
        parent.kill()


def test_a_bench_that_is_ended_leaves_nothing_behind(tmp_path):
    command = [*PROGRAM, "bench", "scale", "--clips", "1000000", "--clips-per-video", "1000"]
    environment = quiet_environment() | {"TMPDIR": str(tmp_path)}
    quiet = subprocess.DEVNULL
    parent = subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet)
    try:
        child = child_of(parent)
        parent.terminate()
        parent.terminate()  # as timeout(1) does
        assert parent.wait(60) == 130
        assert psutil.wait_procs([child], timeout=60)[1] == []
        assert list(tmp_path.glob("h3r-bench-*")) == []
    finally:
        parent.kill()
