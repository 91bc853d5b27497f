"""`h3r bench decode`: from a video to the network's pictures, beside a bare decoder.

A bare decoder makes no RGB, resizes nothing and answers for no frame: what it does is the least
that there is to do.
"""

import itertools
import resource
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.machine import read_machine
from bench.pictures import first_frames, network_pictures
from bench.report import BenchReport, Figure
from pipeline.av_io.reader import VideoReader
from pipeline.decode import LostFrame
from pipeline.probe import probe_video

FFMPEG = "ffmpeg"
LONG_SIDE = 512  # of the network's picture, as the published presets have it


@dataclass(frozen=True)
class DecodeOptions:
    """What is measured.

    Attributes:
        video: A local file.
        repeats: Of every way, in turns; one more goes before, to warm up.
    """

    video: Path
    repeats: int


def bench_decode(
    options: DecodeOptions, on_progress: Callable[[str], None] = lambda text: None
) -> BenchReport:
    """Measure; `on_progress` is told what comes next."""
    machine = read_machine()
    video = str(options.video)
    info = probe_video(video, video)
    ways: dict[str, Callable[[], int]] = {
        "libav, one thread": lambda: _decode_bare(video, is_threaded=False),
        "libav, all cores": lambda: _decode_bare(video, is_threaded=True),
        "frames as RGB": lambda: _count(first_frames(video, info)),
        "network's pictures": lambda: _count(network_pictures(video, info, LONG_SIDE)),
        "probe": lambda: probe_video(video, video).num_frames,
    }
    if shutil.which(FFMPEG):
        ways = {"ffmpeg, all cores": lambda: _run_ffmpeg(video, info.num_frames)} | ways
    fps: dict[str, list[float]] = {name: [] for name in ways}
    cpu_ms: dict[str, list[float]] = {name: [] for name in ways}
    for repeat in range(options.repeats + 1):
        on_progress(f"round {repeat} of {options.repeats}")
        for name, way in ways.items():
            wall_s, cpu_s = time.perf_counter(), _cpu_s()
            num_frames = way()
            wall_s, cpu_s = time.perf_counter() - wall_s, _cpu_s() - cpu_s
            assert num_frames == info.num_frames, (name, num_frames)
            if repeat:
                fps[name].append(num_frames / wall_s)
                cpu_ms[name].append(1000 * cpu_s / num_frames)
    ratio = [
        ours / bare
        for ours, bare in zip(fps["network's pictures"], fps["libav, all cores"], strict=True)
    ]
    return BenchReport(
        bench="decode",
        machine=machine,
        settings={
            "video": f"{info.codec} {info.width}x{info.height}, {info.num_frames} frames",
            "picture": f"long side {LONG_SIDE}",
            "warm_up": 1,
            "repeats": options.repeats,
        },
        figures=(
            *(Figure(name, "frames/s", tuple(values)) for name, values in fps.items()),
            Figure("network's pictures, of libav on all cores", "ratio", tuple(ratio)),
            *(Figure(f"{name}: CPU", "ms/frame", tuple(values)) for name, values in cpu_ms.items()),
        ),
        not_measured=(
            "decoding on a GPU",
            *(() if shutil.which(FFMPEG) else ("ffmpeg's command line: it is not installed",)),
        ),
    )


def _decode_bare(video: str, *, is_threaded: bool) -> int:
    with VideoReader(video, is_threaded=is_threaded) as reader:
        packets = itertools.chain(reader.packets(), (None,))
        return sum(1 for packet in packets for _ in reader.decode(packet))


def _count(items: Iterable[object]) -> int:
    return sum(not isinstance(item, LostFrame) for item in items)


def _run_ffmpeg(video: str, num_frames: int) -> int:
    command = [FFMPEG, "-v", "error", "-i", video, "-map", "0:v:0", "-f", "null", "-"]
    subprocess.run(command, check=True)
    return num_frames


def _cpu_s() -> float:
    """CPU time of this process and of the children it waited for."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    used = [resource.getrusage(who) for who in whose]  # os.times() counts hundredths of a second
    return sum(one.ru_utime + one.ru_stime for one in used)
