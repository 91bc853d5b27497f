"""`h3r bench decode`: from a video to the network's pictures, beside a bare decoder.

A bare decoder makes no RGB, resizes nothing and answers for no frame: what it does is the least
that there is to do. Of ffmpeg's command line its start is not counted, which takes longer than a
short video: it decodes the video once, then many times over, and the difference counts.
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
FFMPEG_NAME = "ffmpeg, all cores, its start not counted"
FFMPEG_S = 1.0
"""That ffmpeg decodes for, at least, beyond what it takes to start and decode the video once."""
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


@dataclass(frozen=True)
class _Spent:
    """Time that went, and frames that came of it; CPU time of children included."""

    num_frames: int
    wall_s: float
    cpu_s: float


def bench_decode(
    options: DecodeOptions, on_progress: Callable[[str], None] = lambda text: None
) -> BenchReport:
    """Measure; `on_progress` is told what comes next."""
    machine = read_machine()
    video = str(options.video)
    info = probe_video(video, video)
    ways: dict[str, Callable[[], _Spent]] = {
        "libav, one thread": lambda: _spend(lambda: _decode_bare(video, is_threaded=False)),
        "libav, all cores": lambda: _spend(lambda: _decode_bare(video, is_threaded=True)),
        "frames as RGB": lambda: _spend(lambda: _count(first_frames(video, info))),
        "network's pictures": lambda: _spend(
            lambda: _count(network_pictures(video, info, LONG_SIDE))
        ),
        "probe": lambda: _spend(lambda: probe_video(video, video).num_frames),
    }
    num_loops, no_ffmpeg = 0, "it is not installed"
    if shutil.which(FFMPEG):
        on_progress("how often ffmpeg has to decode it")
        num_loops, no_ffmpeg = _choose_loops(video, info.num_frames)
    if num_loops:
        ways = {FFMPEG_NAME: lambda: _decode_more(video, num_loops)} | ways
    fps: dict[str, list[float]] = {name: [] for name in ways}
    cpu_ms: dict[str, list[float]] = {name: [] for name in ways}
    for repeat in range(options.repeats + 1):
        on_progress(f"round {repeat} of {options.repeats}")
        for name, way in ways.items():
            spent = way()
            assert spent.num_frames == info.num_frames * (num_loops if name == FFMPEG_NAME else 1)
            if repeat:
                fps[name].append(spent.num_frames / spent.wall_s)
                cpu_ms[name].append(1000 * spent.cpu_s / spent.num_frames)
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
            *(
                Figure(name, "frames/s", tuple(values), note=_note(name, num_loops))
                for name, values in fps.items()
            ),
            Figure("network's pictures, of libav on all cores", "ratio", tuple(ratio)),
            *(Figure(f"{name}: CPU", "ms/frame", tuple(values)) for name, values in cpu_ms.items()),
        ),
        not_measured=(
            "decoding on a GPU",
            *((f"ffmpeg's command line: {no_ffmpeg}",) if no_ffmpeg else ()),
        ),
    )


def _decode_bare(video: str, *, is_threaded: bool) -> int:
    with VideoReader(video, is_threaded=is_threaded) as reader:
        packets = itertools.chain(reader.packets(), (None,))
        return sum(1 for packet in packets for _ in reader.decode(packet))


def _count(items: Iterable[object]) -> int:
    return sum(not isinstance(item, LostFrame) for item in items)


def _note(name: str, num_loops: int) -> str:
    if name != FFMPEG_NAME:
        return "from opening the file" if name.startswith("libav") else ""
    return f"the time of the video {1 + num_loops} times over (-stream_loop) less that of once"


def _choose_loops(video: str, num_frames: int) -> tuple[int, str]:
    """How many times over ffmpeg has to decode a video; or 0, and why it cannot be measured."""
    num_loops = 1
    while True:
        once, more = _run_ffmpeg(video, 0), _run_ffmpeg(video, num_loops)
        if (once.num_frames, more.num_frames) != (num_frames, (1 + num_loops) * num_frames):
            return 0, (
                f"it gives {once.num_frames} frames, and {more.num_frames} of the video "
                f"{1 + num_loops} times over, where the job has {num_frames}"
            )
        if more.wall_s - once.wall_s >= FFMPEG_S:
            return num_loops, ""
        num_loops *= 4


def _decode_more(video: str, num_loops: int) -> _Spent:
    """What ffmpeg spends on decoding a video so many times more than once."""
    once, more = _run_ffmpeg(video, 0), _run_ffmpeg(video, num_loops)
    return _Spent(
        more.num_frames - once.num_frames, more.wall_s - once.wall_s, more.cpu_s - once.cpu_s
    )


def _run_ffmpeg(video: str, num_loops: int) -> _Spent:
    """Decode a video once and so many times more; ffmpeg says how many frames that were."""

    def run() -> int:
        command = [FFMPEG, "-v", "error", "-nostdin", "-noautorotate"]
        command += ["-stream_loop", str(num_loops), "-i", video, "-map", "0:v:0"]
        command += ["-progress", "-", "-f", "null", "/dev/null"]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        counts = [line for line in said.splitlines() if line.startswith("frame=")]
        return int(counts[-1].removeprefix("frame=")) if counts else 0

    return _spend(run)


def _spend(way: Callable[[], int]) -> _Spent:
    wall_s, cpu_s = time.perf_counter(), _cpu_s()
    num_frames = way()
    return _Spent(num_frames, time.perf_counter() - wall_s, _cpu_s() - cpu_s)


def _cpu_s() -> float:
    """CPU time of this process and of the children it waited for."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    used = [resource.getrusage(who) for who in whose]  # os.times() counts hundredths of a second
    return sum(one.ru_utime + one.ru_stime for one in used)
