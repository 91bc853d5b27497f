import os
import sys

import pytest

from bench.processes import limit_memory, peak_bytes, restart_peak, run_alone

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
    with pytest.raises(MemoryError):
        run_alone(hold_within, 2048, 1024)
