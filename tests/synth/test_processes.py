import operator
import os
import sys
import time

import psutil
import pytest
import torch

from pipeline.errors import JobError
from synth.processes import Processes


@pytest.fixture(scope="module")
def processes():
    with Processes(2) as processes:
        yield processes


def test_one_process_is_this_one_with_one_thread():
    num_threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with Processes(1) as here:
            assert list(here.run(lambda item: torch.get_num_threads(), [1, 2])) == [1, 1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(num_threads)


def test_an_answer_comes_out(processes):
    assert list(processes.run(operator.neg, [7])) == [-7]


def test_an_error_comes_out(processes):
    with pytest.raises(TypeError, match="bad operand"):
        list(processes.run(operator.neg, ["a"]))


def test_processes_end_with_one_that_is_killed():
    script = (
        "import time; from synth.processes import Processes\n"
        "with Processes(2) as processes: list(processes.run(time.sleep, [600, 600]))"
    )
    parent = psutil.Popen([sys.executable, "-c", script])
    try:
        deadline = time.monotonic() + 60
        while len(workers := workers_of(parent)) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        parent.kill()
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert alive == []


def workers_of(parent):
    return [one for one in parent.children() if "spawn_main" in " ".join(one.cmdline())]


def test_a_process_that_dies_is_a_job_to_run_again():
    with (
        Processes(2) as mortals,
        pytest.raises(JobError, match=r"a process was killed.*goes on where it stopped"),
    ):
        list(mortals.run(os._exit, [1]))
