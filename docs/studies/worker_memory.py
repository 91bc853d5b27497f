"""Does a worker's memory grow with the length of a video? One worker in this process, no Ray.

    python docs/studies/worker_memory.py assets/demo/walk.mp4 \
        --seconds 10 --seconds 600 --seconds 7200 --fps 0.5 --limit-mib 2048

For each length, a video of 25 frames a second and 640 x 360 pixels is made, the first frames of
CLIP over and over, and annotated with the tiny preset in a fresh process that may take no more
memory than the limit (RLIMIT_DATA). Printed: the video's size, clips done and failed, frames, wall
time, and the process's resident memory when the models are loaded, and its peak from then on.
Linux only.
"""

import argparse
import itertools
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
WIDTH, HEIGHT, FPS = 640, 360, 25
PART_FRAMES = 250


def make_part(clip: Path, target: Path) -> None:
    """Encode the first frames of `clip`, a key frame a second."""
    with av.open(str(clip)) as source, av.open(str(target), "w") as output:
        stream = output.add_stream("libx264", rate=FPS, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.gop_size = FPS
        for index, frame in enumerate(itertools.islice(source.decode(video=0), PART_FRAMES)):
            small = frame.reformat(WIDTH, HEIGHT, "yuv420p")
            small.pts, small.time_base, small.pict_type = index, Fraction(1, FPS), 0
            output.mux(stream.encode(small))
        output.mux(stream.encode(None))


def repeat_part(part: Path, seconds: int, target: Path) -> None:
    """Copy the packets of `part` over and over until `seconds` are full; nothing is encoded."""
    with av.open(str(part)) as source, av.open(str(target), "w") as output:
        video = source.streams.video[0]
        stream = output.add_stream_from_template(video)
        length = round(1 / (FPS * video.time_base))  # of a frame, in units of the time base
        num_frames = 0
        while num_frames < seconds * FPS:
            source.seek(0, stream=video)
            packets = [packet for packet in source.demux(video) if packet.size]
            for packet in packets:
                packet.pts += num_frames * length
                packet.dts += num_frames * length
                packet.stream = stream
                output.mux(packet)
            num_frames += len(packets)


def memory_mib(name: str) -> float:
    """Resident memory of this process, MiB: VmRSS is now, VmHWM the peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024


def measure(video: str, out: str, seconds: int, fps: float, limit_mib: int) -> None:
    """Annotate one video in this process, within the limit, and print a line."""
    resource.setrlimit(resource.RLIMIT_DATA, (limit_mib * 2**20,) * 2)
    models = ModelSource(None, "tiny", 0, str(BODY))
    job = plan_job(video, out, {"fps": fps})
    identity = identify(models, job.run.plan, LabelConfig())
    before = []

    def run(shards, settings):
        worker = ShardWorker.load(settings)
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before.append(memory_mib("VmRSS"))
        for shard in shards:
            yield worker.annotate(shard)

    began = time.perf_counter()
    status = annotate_job(job, identity, models, WorkerConfig(), run)
    took = time.perf_counter() - began
    print(
        f"{seconds:5d} s  {Path(video).stat().st_size / 1e6:6.0f} MB  {status.num_clips:4d} clips, "
        f"{status.num_failed} failed  {status.num_frames:6d} frames  {took:6.1f} s  "
        f"{before[0]:6.0f} -> {memory_mib('VmHWM'):6.0f} MiB",
        flush=True,
    )


def main() -> None:
    """Measure every length asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--seconds", type=int, action="append", required=True)
    parser.add_argument("--fps", type=float, default=25.0, help="frames a second to annotate")
    parser.add_argument("--limit-mib", type=int, default=2**20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="h3r-memory-") as folder:
        part = Path(folder) / "part.mp4"
        make_part(arguments.clip, part)
        for seconds in arguments.seconds:
            video = Path(folder) / f"{seconds}.mp4"
            repeat_part(part, seconds, video)
            options = (str(video), f"{folder}/{seconds}", seconds, arguments.fps)
            process = multiprocessing.get_context("spawn").Process(
                target=measure, args=(*options, arguments.limit_mib)
            )
            process.start()
            process.join()
            video.unlink()


if __name__ == "__main__":
    main()
