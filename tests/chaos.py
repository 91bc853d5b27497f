"""Kill a job at random moments, run it again until it ends, and compare with an undisturbed run.

`python -m tests.chaos --trials 100` prints a line a trial and a summary; a trial that ends
otherwise than the undisturbed run is a failure, and so is one that does not end.
`python -m tests.chaos --drive SRC OUT` is the job that is killed.
"""

import argparse
import contextlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from pipeline.config import WorkerConfig
from pipeline.job import annotate_job
from pipeline.ledger import read_status
from pipeline.planning import PlannedJob, plan_job
from pipeline.ray_runner import RayResources, run_shards
from pipeline.storage import Store
from pipeline.verify import verify
from pipeline.worker import ShardWorker, WorkerSettings
from tests.canonical import canonical
from tests.commands import quiet_environment
from tests.fakes import FakeHuman3R, fake_models
from tests.pipeline.small_job import SOURCE, identity_of, inline_runner
from tests.synthetic import make_video

NUM_VIDEOS, NUM_FRAMES = 8, 16  # 40 clips of at most 4 frames
PLAN = {"max_clip_frames": 4, "max_shard_frames": 8}
WORKERS = 2
SLOWEST_S = 0.05
"""A step of the network, and a request of the store, take up to so long: time to be killed in."""
LATEST_KILL_S = 16.0
MAX_KILLS = 3
MAX_RUNS = 8
RUN_TIMEOUT_S = 180.0


class SlowHuman3R(FakeHuman3R):
    """Takes its time over a step."""

    def step(self, *arguments, **options):
        time.sleep(random.uniform(0, SLOWEST_S))
        return super().step(*arguments, **options)


class SlowStore(Store):
    """Takes its time before and after it writes."""

    def _run(self, action, path, request):
        time.sleep(random.uniform(0, SLOWEST_S))
        answer = super()._run(action, path, request)
        if action in ("write", "create"):
            time.sleep(random.uniform(0, SLOWEST_S))
        return answer


@dataclass
class Trial:
    """What became of one job that was killed again and again.

    Attributes:
        kills: What was killed, in order.
        num_runs: Runs until it ended.
        seconds: All of them.
        faults: What is not as it should be.
    """

    kills: list[str] = field(default_factory=list)
    num_runs: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


def make_source(folder: Path) -> Path:
    """The videos of the job."""
    folder.mkdir(parents=True)
    for code in range(1, NUM_VIDEOS + 1):
        make_video(folder / f"{code}.mp4", NUM_FRAMES, clip_id=code, gop=4)
    return folder


def plan_source(source: Path, out: Path) -> PlannedJob:
    """Its plan."""
    return plan_job(str(source), str(out), PLAN)


def load_slow(settings: WorkerSettings) -> ShardWorker:
    """A worker in no hurry."""
    worker = ShardWorker(settings, fake_models(SlowHuman3R()))
    worker._store = SlowStore(settings.out)
    return worker


def drive(source: Path, out: Path) -> None:
    """Run the job on Ray, as `h3r annotate` does."""
    job = plan_source(source, out)
    identity = identity_of(job, fake_models())
    resources = RayResources(WORKERS, num_gpus=0, num_cpus=1)
    annotate_job(
        job,
        identity,
        SOURCE,
        WorkerConfig(batch_clips=2),
        lambda shards, settings: run_shards(shards, settings, resources, load_slow),
    )


def reference(source: Path, out: Path) -> dict[str, list[dict]]:
    """What an undisturbed run ends with."""
    job = plan_source(source, out)
    models = fake_models()
    annotate_job(job, identity_of(job, models), SOURCE, WorkerConfig(), inline_runner(models))
    return canonical(job.store)


def _is_worker(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return "ShardActor" in " ".join(process.cmdline())
    return False


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return process.children(recursive=True)
    return []


def kill_worker(driver: psutil.Process, rng: random.Random) -> None:
    """One actor's process; the job goes on by itself."""
    workers = [process for process in _descendants(driver) if _is_worker(process)]
    if workers:
        rng.choice(workers).kill()


def kill_driver(driver: psutil.Process, rng: random.Random) -> None:
    """The command alone; what Ray started may live on for a while."""
    driver.kill()


def kill_cluster(driver: psutil.Process, rng: random.Random) -> None:
    """The command and everything that Ray started, at once."""
    for process in (driver, *_descendants(driver)):
        with contextlib.suppress(psutil.Error):
            process.kill()


def stop_driver(driver: psutil.Process, rng: random.Random) -> None:
    """As a machine that is taken back does: SIGTERM."""
    driver.send_signal(signal.SIGTERM)


KILLS: dict[str, Callable[[psutil.Process, random.Random], None]] = {
    "worker": kill_worker,
    "driver": kill_driver,
    "cluster": kill_cluster,
    "terminate": stop_driver,
}


def try_once(source: Path, out: Path, expected: dict[str, list[dict]], rng: random.Random) -> Trial:
    """Run the job until it ends, with something killed in each of the first one to three runs."""
    trial, began = Trial(), time.monotonic()
    num_kills = rng.randint(1, MAX_KILLS)
    command = [sys.executable, "-m", "tests.chaos", "--drive", str(source), str(out)]
    while trial.num_runs < MAX_RUNS:
        trial.num_runs += 1
        process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env=quiet_environment()
        )
        driver = psutil.Process(process.pid)
        started = _descendants(driver)
        if len(trial.kills) < num_kills:
            name = rng.choice(list(KILLS))
            end = time.monotonic() + rng.uniform(0, LATEST_KILL_S)
            while process.poll() is None and time.monotonic() < end:
                time.sleep(0.05)
                started = _descendants(driver) or started
            if process.poll() is None:
                trial.kills.append(name)
                KILLS[name](driver, rng)
        try:
            _, errors = process.communicate(timeout=RUN_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            kill_cluster(driver, rng)
            trial.faults.append(f"run {trial.num_runs} did not end in {RUN_TIMEOUT_S:g} s")
            break
        if process.returncode == 0:
            break
        if not trial.kills:
            trial.faults.append(f"failed without a kill: {errors[-2000:]}")
            break
        if rng.random() < 0.5:  # else the next run begins while orphans still work
            for orphan in started:
                with contextlib.suppress(psutil.Error):
                    orphan.kill()
    else:
        trial.faults.append(f"not done after {MAX_RUNS} runs")
    trial.seconds = time.monotonic() - began
    trial.faults += _differences(Store(str(out)), expected)
    return trial


def _differences(store: Store, expected: dict[str, list[dict]]) -> list[str]:
    faults = [f"{fault.check} {fault.subject}: {fault.message}" for fault in verify(store).faults]
    status = read_status(store)
    if status.num_failed or status.num_pending:
        faults.append(f"{status.num_failed} clips failed, {status.num_pending} pending")
    found = canonical(store)
    faults += [
        f"{name}: {len(found[name])} rows are not the {len(rows)} of the undisturbed run"
        for name, rows in expected.items()
        if found[name] != rows
    ]
    return faults


def run_trials(num_trials: int, seed: int, show: Callable[[str], None]) -> list[Trial]:
    """All trials, in a folder of their own that is removed."""
    trials = []
    with tempfile.TemporaryDirectory(prefix="h3r-chaos-") as folder:
        source = make_source(Path(folder) / "src")
        expected = reference(source, Path(folder) / "undisturbed")
        for index in range(num_trials):
            out = Path(folder) / "out"
            trial = try_once(source, out, expected, random.Random(f"{seed} {index}"))
            trials.append(trial)
            outcome = "same rows" if not trial.faults else "; ".join(trial.faults)
            show(
                f"trial {index}: {trial.num_runs} runs, {trial.seconds:.0f} s, "
                f"killed {' '.join(trial.kills) or 'nothing'}: {outcome}"
            )
            shutil.rmtree(out)
    return trials


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--drive", nargs=2, metavar=("SRC", "OUT"), type=Path)
    arguments = parser.parse_args()
    if arguments.drive:
        drive(*arguments.drive)
        return
    trials = run_trials(arguments.trials, arguments.seed, lambda line: print(line, flush=True))
    kills = Counter(kill for trial in trials for kill in trial.kills)
    num_bad = sum(bool(trial.faults) for trial in trials)
    print(
        f"{len(trials)} trials, {sum(kills.values())} kills ({dict(kills)}), "
        f"{sum(trial.num_runs for trial in trials)} runs: {num_bad} ended otherwise"
    )
    sys.exit(bool(num_bad))


if __name__ == "__main__":
    main()
