"""What slows the network of a job beside the same network alone: the figures of docs/benchmarks.md.

Run: PYTHONPATH=. python docs/studies/network_neighbours.py VIDEOS REPEATS, on a machine where
nobody else computes.

First the network alone on decoded frames, and beside a process of its own that works 18 of 100 ms:
what it loses there is the machine's, since the two share no interpreter. Then in a job, by the wall
and by its own CPU time: the difference is how long its thread waited for Python's lock.
"""

import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from PIL import Image

import pipeline.inference
from bench.pipeline import PipelineOptions, _decode_all, _plan, _run_bare, _run_job
from pipeline.config import SHARDS_AT_ONCE, WorkerConfig
from pipeline.models import ModelSource, load_models
from pipeline.planning import plan_job

WORKS_S, RESTS_S = 0.018, 0.082
SOURCE = ModelSource(
    "assets/nano/nano.safetensors", None, 0, "assets/body/anny_body_smplx_layout.npz"
)
WORKER = WorkerConfig(batch_clips=1)


def neighbour(kind: str) -> None:
    """Work by turns, until it is stopped."""
    picture = Image.fromarray(np.zeros((288, 512, 3), np.uint8))
    source = np.zeros(2**24, np.uint8)
    target = np.empty_like(source)
    ways: dict[str, Callable[[], object]] = {
        "counts": lambda: sum(range(1000)),
        "resizes": lambda: picture.resize((192, 108), Image.Resampling.LANCZOS),
        "copies": lambda: np.copyto(target, source),
    }
    while True:
        began_s = time.perf_counter()
        while time.perf_counter() - began_s < WORKS_S:
            ways[kind]()
        time.sleep(RESTS_S)


def main() -> None:
    """Print medians, and every sample."""
    videos, repeats = sys.argv[1], int(sys.argv[2])
    torch.set_num_threads(1)
    models = load_models(SOURCE, "cpu", "float32", is_compiled=False)
    samples: dict[str, list[float]] = {}
    clock_s = [0.0, 0.0]
    run_network = pipeline.inference._run

    def timed(*arguments: Any) -> None:
        began_s, began_cpu_s = time.perf_counter(), time.thread_time()
        run_network(*arguments)
        clock_s[0] += time.perf_counter() - began_s
        clock_s[1] += time.thread_time() - began_cpu_s

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(SHARDS_AT_ONCE) as pool:
        batches = _decode_all(plan_job(videos, f"{folder}/all", _plan(WORKER)), models, WORKER)
        num_frames = sum(len(clip) for batch in batches for clip in batch)

        def keep(name: str, seconds: float) -> None:
            samples.setdefault(name, []).append(1000 * seconds / num_frames)

        _run_bare(models.network.model, batches, WORKER)
        pipeline.inference._run = timed
        options = PipelineOptions(videos, SOURCE, WORKER, num_threads=1, repeats=1)
        for repeat in range(repeats):
            keep("network alone", _run_bare(models.network.model, batches, WORKER))
            for kind in ("counts", "resizes", "copies"):
                process = multiprocessing.Process(target=neighbour, args=(kind,), daemon=True)
                process.start()
                time.sleep(2)
                seconds = _run_bare(models.network.model, batches, WORKER)
                keep(f"beside a process that {kind}", seconds)
                process.kill()
                process.join()
            clock_s[:] = [0.0, 0.0]
            job_s, _ = _run_job(f"{folder}/{repeat}", options, models, pool)
            keep("whole job", job_s)
            keep("its network", clock_s[0])
            keep("its network, CPU time", clock_s[1])
    for name, values in samples.items():
        shown = " ".join(f"{value:.1f}" for value in values)
        print(f"{name}: {statistics.median(values):.1f} ms a frame ({shown})")


if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    main()
