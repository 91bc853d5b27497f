import pytest

from bench.null_workers import Slept, sleep_through


@pytest.mark.usefixtures("ray_cluster")
def test_workers_sleep_for_every_shard(tmp_path):
    slept = sleep_through(tmp_path / "out", 2, [0.05] * 6)
    assert (slept.num_workers, slept.num_shards) == (2, 6)
    assert slept.work_s == pytest.approx(0.3)
    assert slept.run_s >= 0.15  # six naps of two sleepers
    assert 0 <= slept.tail_s <= slept.run_s


def test_the_rate_is_work_done_in_a_second_of_the_run():
    slept = Slept(4, 40, work_s=40.0, run_s=12.5, start_s=3.0, tail_s=0.5, driver_cpu_s=1.0)
    assert slept.work_rate == 3.2
