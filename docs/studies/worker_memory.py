"""Does a worker's memory grow with the length of a video? One worker in this process, no Ray.

    python docs/studies/worker_memory.py CLIP.mp4 --seconds 10 --seconds 60

For each length, a video is made by playing CLIP over and over, and annotated in a fresh process
with the tiny preset. Printed: frames, wall time, frames a second, and the process's peak memory
before the first shard (the models are loaded) and after the last.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av

from pipeline.config import LabelConfig, WorkerConfig
from pipeline.job import annotate_job, identify
from pipeline.models import ModelSource
from pipeline.planning import plan_job
from pipeline.worker import ShardWorker

BODY = Path(__file__).parents[2] / "assets/body/anny_body_smplx_layout.npz"


def repeat_video(clip: Path, seconds: int, target: Path) -> None:
    """Play `clip` again and again until `seconds` are full."""
    with av.open(str(target), "w") as output:
        stream = None
        num_frames = 0
        while stream is None or num_frames < seconds * stream.average_rate:
            with av.open(str(clip)) as source:
                video = source.streams.video[0]
                if stream is None:
                    stream = output.add_stream("libx264", rate=video.average_rate)
                    stream.width, stream.height = video.width, video.height
                    stream.pix_fmt = "yuv420p"
                for frame in source.decode(video):
                    if num_frames >= seconds * stream.average_rate:
                        break
                    frame.pts, frame.time_base = num_frames, 1 / Fraction(stream.average_rate)
                    output.mux(stream.encode(frame))
                    num_frames += 1
        output.mux(stream.encode(None))


def peak_mib() -> float:
    """Peak resident memory of this process, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(video: str, out: str, seconds: int) -> None:
    """Annotate one video in this process and print a line."""
    models = ModelSource(None, "tiny", 0, str(BODY))
    job = plan_job(video, out, {})
    identity = identify(models, job.run.plan, LabelConfig())
    before = []

    def run(shards, settings):
        worker = ShardWorker.load(settings)
        before.append(peak_mib())
        for shard in shards:
            yield worker.annotate(shard)

    began = time.perf_counter()
    status = annotate_job(job, identity, models, WorkerConfig(), run)
    took = time.perf_counter() - began
    print(
        f"{seconds:4d} s  {status.num_frames:6d} frames  {took:7.1f} s  "
        f"{status.num_frames / took:5.2f} frames/s  {before[0]:6.0f} -> {peak_mib():6.0f} MiB",
        flush=True,
    )


def main() -> None:
    """Measure every length asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--seconds", type=int, action="append", required=True)
    arguments = parser.parse_args()
    for seconds in arguments.seconds:
        with tempfile.TemporaryDirectory() as folder:
            video = Path(folder) / "video.mp4"
            repeat_video(arguments.clip, seconds, video)
            process = multiprocessing.get_context("spawn").Process(
                target=measure, args=(str(video), f"{folder}/out", seconds)
            )
            process.start()
            process.join()


if __name__ == "__main__":
    main()
