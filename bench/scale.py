"""`h3r bench scale`: what grows with the corpus and the workers, and must not.

Corpora are lists of names, whose probing is a function that answers at once; workers sleep. So what
is measured is what the job adds to the work: planning, deciding what is left, accounts, scheduling.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from bench.big_corpus import NullProbe, commit_files, commit_shards, write_list
from bench.machine import read_machine
from bench.null_workers import Slept, sleep_through
from bench.processes import Run, run_alone
from bench.report import BenchReport, Figure
from pipeline import layout
from pipeline.config import PlanConfig
from pipeline.digest import COMMITS_A_DIGEST
from pipeline.job import pending_shards
from pipeline.ledger import digest_ledger, read_commit, read_status
from pipeline.pace import read_pace
from pipeline.plan import PlanReader, make_plan, read_plan, write_plan
from pipeline.planning import plan_job
from pipeline.probe_journal import ProbeJournal
from pipeline.run_file import RunFile, write_run
from pipeline.source import list_source
from pipeline.storage import Store

GIB = 2**30
LARGE = 1_000_000
"""Clips, from which on the targets of a large corpus hold."""
MAX_PLAN_S = 60.0
MAX_RESUME_S = 10.0
MAX_DRIVER_GIB = 2.0
MIN_EFFICIENCY = 0.95
MAX_TAIL = 0.05
SHARDS_LOOKED_AT = 20
SPREAD = 0.5
"""Of the shards' lengths: standard deviation of their logarithm."""


@dataclass(frozen=True)
class ScaleOptions:
    """What is measured.

    Attributes:
        clips: Sizes of corpora.
        clips_per_video: 1 is the worst: every clip's video is listed and probed.
        shards: Numbers of shards that go through Ray, none of which takes any time.
        workers: Numbers of workers that sleep side by side.
        shard_s: How long a shard takes them, on average.
        shards_per_worker: How many shards of that length each gets, on average.
        repeats: Of each number of workers.
    """

    clips: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)
    clips_per_video: int = 1
    shards: tuple[int, ...] = (100, 1_000)
    workers: tuple[int, ...] = (8, 16)
    shard_s: float = 2.0
    shards_per_worker: int = 30
    repeats: int = 3


def bench_scale(
    options: ScaleOptions,
    on_progress: Callable[[str], None] = lambda text: None,
    run: Callable[..., Run] = run_alone,
) -> BenchReport:
    """Measure.

    Args:
        options: What.
        on_progress: Told what comes next.
        run: Runs each part, so that its memory is its own.
    """
    machine = read_machine()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="h3r-bench-") as folder:
        for num_clips in options.clips:
            on_progress(f"{num_clips} clips")
            place = Path(folder) / f"clips-{num_clips}"
            figures += _corpus_figures(place, num_clips, options.clips_per_video, run)
        for num_shards in options.shards:
            on_progress(f"{num_shards} shards through Ray")
            figures += _driver_figures(Path(folder) / f"shards-{num_shards}", num_shards, run)
        figures += _worker_figures(Path(folder) / "workers", options, on_progress, run)
    return BenchReport(
        bench="scale",
        machine=machine,
        settings={
            "clips_per_video": options.clips_per_video,
            "frames_per_clip": 100,
            "shard_s": options.shard_s,
            "shards_per_worker": options.shards_per_worker,
            "repeats": options.repeats,
        },
        figures=tuple(figures),
        not_measured=(
            "probing the videos: here it is a function that answers at once",
            "an object store: its lists and requests come on top (1000 names a request)",
            "workers on other machines",
        ),
    )


def _corpus_figures(
    folder: Path, num_clips: int, clips_per_video: int, run: Callable[..., Run]
) -> Iterator[Figure]:
    src = write_list(folder / "src", max(1, num_clips // clips_per_video))
    out = str(folder / "out")
    is_large = num_clips >= LARGE
    at = f"{num_clips:,} clips: "
    plan = run(_plan, str(src), out, clips_per_video)
    yield Figure(
        f"{at}plan from a list", "s", (plan.wall_s,), at_most=MAX_PLAN_S if is_large else None
    )
    yield Figure(f"{at}plan, CPU time", "s", (plan.cpu_s,))
    num_shards = read_plan(Store(out), ["shard_index"], []).num_shards
    commit_shards(Store(out), range(num_shards // 2))
    decision = run(_decide, out)
    yield Figure(
        f"{at}resume decision",
        "s",
        decision.answer,
        at_most=MAX_RESUME_S if is_large else None,
        note="which shards are left, longest first; half of them are committed",
    )
    resume = run(_resume, str(src), out)
    yield Figure(f"{at}from command to first shard", "s", resume.answer)
    status = run(_status, out)
    yield Figure(f"{at}status", "s", status.answer)
    shard_s = run(_read_shards, out, num_shards).answer
    yield Figure(f"{at}read a shard's plan", "ms", tuple(1000 * value for value in shard_s))
    commits = run(_commit, out).answer
    num_digested = commits[0].num_shards
    yield Figure(
        f"{at}commit a shard",
        "ms",
        tuple(1000 * one.seconds / one.num_shards for one in commits),
        note=f"its file, and its share of a digest of {num_digested}; no rows are checked or "
        "written",
    )
    yield Figure(
        f"{at}commit a shard, of which the digest",
        "ms",
        tuple(1000 * one.digest_s / one.num_shards for one in commits),
    )
    peaks = [done.peak_bytes / GIB for done in (plan, decision, resume, status)]
    yield Figure(
        f"{at}memory of plan, resume, status",
        "GiB",
        (max(peaks),),
        at_most=MAX_DRIVER_GIB if is_large else None,
        note="the most of four processes",
    )


def _plan(src: str, out: str, clips_per_video: int) -> None:
    """Plan a list of videos."""
    store = Store(out)
    source = list_source(src)
    with ProbeJournal(store) as journal:
        probe = NullProbe(clips_per_video)
        write_plan(store, make_plan(source, PlanConfig(), journal=journal, probe=probe))
        write_run(store, RunFile(source.root, "2026-01-01T00:00:00+00:00", "bench", PlanConfig()))
    journal.forget()


def _decide(out: str) -> tuple[float, ...]:
    return _times(lambda: pending_shards(Store(out)))


def _resume(src: str, out: str) -> tuple[float, ...]:
    """What `h3r annotate` does on a planned OUT before its workers start, models aside."""

    def start() -> None:
        job = plan_job(src, out, {})
        read_status(job.store)
        pending_shards(job.store)

    return _times(start)


def _status(out: str) -> tuple[float, ...]:
    def look() -> None:
        store = Store(out)
        read_pace(store, read_status(store))

    return _times(look)


def _read_shards(out: str, num_shards: int) -> tuple[float, ...]:
    plan = PlanReader(Store(out))
    places = np.linspace(0, num_shards - 1, SHARDS_LOOKED_AT).astype(int).tolist()
    return tuple(_times(partial(plan.read_shard, place), 1)[0] for place in places)


@dataclass(frozen=True)
class _Commits:
    """What committing some shards took: all of it, and the digest alone."""

    num_shards: int
    seconds: float
    digest_s: float


def _commit(out: str, repeats: int = 3) -> list[_Commits]:
    """Commit shards that are left as a job does, as many as make a digest where there are."""
    store = Store(out)
    pending = pending_shards(store)
    num_shards = min(COMMITS_A_DIGEST, max(1, len(pending) // repeats))
    done = []
    for first in range(0, min(len(pending), repeats * num_shards), num_shards):
        files = commit_files(store, pending[first : first + num_shards])
        began_s = time.perf_counter()
        for shard, data in files.items():
            assert read_commit(store, shard) is None  # as whoever commits looks first
            store.create(layout.commit_path(shard), data)
        committed_s = time.perf_counter()
        assert digest_ledger(store, num_shards) == 1
        end_s = time.perf_counter()
        done.append(_Commits(num_shards, end_s - began_s, end_s - committed_s))
    return done


def _times(action: Callable[[], object], repeats: int = 3) -> tuple[float, ...]:
    """How long an action takes, each time."""
    times = []
    for _ in range(repeats):
        began_s = time.perf_counter()
        action()
        times.append(time.perf_counter() - began_s)
    return tuple(times)


def _driver_figures(out: Path, num_shards: int, run: Callable[..., Run]) -> Iterator[Figure]:
    done = run(sleep_through, out, 2, [0.0] * num_shards)
    slept: Slept = done.answer
    at = f"{num_shards:,} shards of no length: "
    yield Figure(f"{at}time a shard", "ms", (1000 * slept.run_s / num_shards,))
    yield Figure(f"{at}driver's CPU time a shard", "ms", (1000 * slept.driver_cpu_s / num_shards,))
    yield Figure(f"{at}driver's memory", "GiB", (done.peak_bytes / GIB,), at_most=MAX_DRIVER_GIB)


def _worker_figures(
    out: Path,
    options: ScaleOptions,
    on_progress: Callable[[str], None],
    run: Callable[..., Run],
) -> Iterator[Figure]:
    """Many workers against one, in turns; shards of uneven length, longest first."""
    for num_workers in options.workers:
        efficiency, tail, start_s = [], [], []
        for repeat in range(options.repeats):
            on_progress(f"{num_workers} workers against one, {repeat + 1} of {options.repeats}")
            place = out / f"{num_workers}-{repeat}"
            many = _draw_shards(num_workers * options.shards_per_worker, options.shard_s)
            few = _draw_shards(options.shards_per_worker // 2, options.shard_s)
            one = run(sleep_through, place / "one", 1, few).answer
            all_ = run(sleep_through, place / "many", num_workers, many).answer
            efficiency.append(all_.work_rate / (num_workers * one.work_rate))
            tail.append(all_.tail_s / all_.run_s)
            start_s.append(all_.start_s)
        at = f"{num_workers} workers: "
        yield Figure(
            f"{at}work done, of {num_workers} x one worker's",
            "ratio",
            tuple(efficiency),
            at_least=MIN_EFFICIENCY,
            note="from the first shard's beginning to the last one's end",
        )
        yield Figure(
            f"{at}tail of the run",
            "ratio",
            tuple(tail),
            at_most=MAX_TAIL,
            note="from when the first worker had nothing left to the end",
        )
        yield Figure(f"{at}start of Ray and the workers", "s", tuple(start_s))


def _draw_shards(num_shards: int, mean_s: float) -> Sequence[float]:
    """Lengths of shards that differ as those of packed clips do, longest first."""
    lengths = np.random.default_rng(0).lognormal(0, SPREAD, num_shards)
    return sorted((lengths / lengths.mean() * mean_s).tolist(), reverse=True)
