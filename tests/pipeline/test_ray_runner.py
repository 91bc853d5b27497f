import contextlib
import io
import os
import socket
import time
from collections import Counter
from pathlib import Path

import pytest

from pipeline import ray_runner
from pipeline.config import WorkerConfig
from pipeline.errors import ConfigError, JobError, StorageError
from pipeline.models import ModelSource
from pipeline.ray_runner import RayResources, check_reachable, run_shards
from pipeline.report import ShardReport
from pipeline.worker import WorkerSettings

ONE_CPU = RayResources(num_gpus=0, num_cpus=1)


class FakeWorker:
    """Answers at once; what it does with a shard is in the folder OUT, as `do-SHARD`."""

    def __init__(self, settings):
        self.out = Path(settings.out)

    def annotate(self, shard_index):
        with (self.out / "seen").open("a") as seen:
            seen.write(f"{shard_index}\n")
        order = self.out / f"do-{shard_index}"
        if order.exists():
            order.unlink()
            os._exit(1)
        return ShardReport(shard_index, num_done=1, num_frames=10 + shard_index)


def settings(out):
    source = ModelSource(None, "tiny", 0, None)
    return WorkerSettings(str(out), str(out), "run1", source, None, WorkerConfig())


def run(out, shards, load_worker=FakeWorker, resources=ONE_CPU):
    return sorted(
        run_shards(shards, settings(out), resources, load_worker),
        key=lambda report: report.shard_index,
    )


def refused(settings):
    raise StorageError(f"{settings.out}/weights: no such file")


def die(settings):
    os._exit(1)


pytestmark = pytest.mark.usefixtures("ray_cluster")


def test_every_shard_gives_its_report(tmp_path):
    reports = run(tmp_path, [0, 3, 7], resources=RayResources(workers=2, num_gpus=0, num_cpus=1))
    assert reports == [ShardReport(i, num_done=1, num_frames=10 + i) for i in (0, 3, 7)]


def test_a_worker_that_dies_is_replaced_and_its_shard_tried_again(tmp_path):
    (tmp_path / "do-1").touch()
    stdout = io.StringIO()
    with contextlib.redirect_stdout(stdout):
        reports = run(tmp_path, [0, 1, 2])
    assert [report.num_done for report in reports] == [1, 1, 1]
    seen = Counter((tmp_path / "seen").read_text().split())
    assert seen["1"] == 2
    assert seen.keys() == {"0", "1", "2"}  # the shard beside it is tried again, too
    assert seen.total() <= 5
    assert stdout.getvalue() == ""  # what Ray prints of the death is not the command's answer


def test_a_worker_that_cannot_load_says_so_in_the_report(tmp_path):
    (report,) = run(tmp_path, [4], refused)
    assert report == ShardReport(4, error=f"{tmp_path}/weights: no such file")


def test_a_worker_that_dies_while_loading_is_given_up(tmp_path):
    (report,) = run(tmp_path, [4], die)
    assert "died 2 times while it loaded the models" in report.error
    assert "--workers" in report.error


def test_closing_stops_the_workers(tmp_path):
    reports = run_shards(range(1000), settings(tmp_path), ONE_CPU, FakeWorker)
    next(reports)
    reports.close()
    num_before, num_seen = -1, 0
    while num_before < num_seen < 1000:  # actors of a busy machine take a while to be killed
        time.sleep(1)
        num_before, num_seen = num_seen, len((tmp_path / "seen").read_text().split())
    assert num_seen < 1000


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        (RayResources(num_gpus=1, num_cpus=1), "a worker needs 1 CPU cores and 1 GPUs"),
        (RayResources(num_gpus=0, num_cpus=3), "a worker needs 3 CPU cores and 0 GPUs"),
    ],
)
def test_a_worker_that_fits_nowhere_is_refused_at_once(tmp_path, resources, words):
    with pytest.raises(JobError, match=words) as error:
        run(tmp_path, [0], resources=resources)
    assert "it has 2 and 0" in str(error.value)


def test_a_worker_takes_a_gpu_where_the_cluster_has_any(tmp_path, monkeypatch):
    monkeypatch.setattr("ray.cluster_resources", lambda: {"CPU": 2.0, "GPU": 8.0})
    with pytest.raises(JobError, match="a worker needs 1 CPU cores and 1 GPUs"):  # there are none
        run(tmp_path, [0], resources=RayResources(num_cpus=1))


@pytest.mark.parametrize(("num_gpus", "device"), [(0, "cpu"), (0.25, "cuda"), (1, "cuda")])
def test_a_worker_computes_on_what_ray_reserves_for_it(tmp_path, num_gpus, device):
    told = ray_runner._on_its_device(settings(tmp_path), num_gpus)
    assert told.config == WorkerConfig(device=device)
    assert told.out == str(tmp_path)


def test_a_failure_of_ray_is_one_error(tmp_path, capfd):
    class Mute(FakeWorker):
        """Breaks its promise of a report, so that Ray has an error to tell."""

        def annotate(self, shard_index):
            return None

    with pytest.raises(
        JobError, match=r"^Ray failed: AttributeError: 'NoneType' .* has no .*again"
    ):
        run(tmp_path, [0], Mute)
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("address", ["nonsense", "host:", ":6379", "host:port"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(ConfigError, match="must be auto, or HOST:PORT"):
        check_reachable(address)


def test_an_address_where_nobody_listens_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        check_reachable(f"{host}:{port}")
    with pytest.raises(JobError, match=f"--address {host}:{port}: no Ray cluster answers there"):
        check_reachable(f"{host}:{port}")
