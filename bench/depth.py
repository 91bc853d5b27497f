"""`h3r bench depth`: bytes and time of a frame's depth, written, recorded and read as the job does.

The scene is a room seen by a camera that walks ahead, with noise on its depth: noise decides how
well depth can be compressed, so several strengths are measured. `docs/studies/depth_codecs.py`
compares other encodings.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.machine import read_machine
from bench.report import BenchReport, Figure
from human3r_model.preprocess import image_geometry
from pipeline.depth import DepthObject, DepthWriter, quantise_depth, read_depth_frame
from pipeline.labels import ModelFrame
from pipeline.recorder import ClipRecorder

FOCAL_PX = 420.0
CAMERA_HEIGHT_M = 1.6
WALL_M = 6.0
STEP_M = 0.02
MAX_RELATIVE_ERROR = 5e-4
Depth = NDArray[np.float32]


@dataclass(frozen=True)
class DepthOptions:
    """What is measured.

    Attributes:
        width: Pixels of a depth map, as the network's picture has them.
        height: Likewise.
        num_frames: Of a clip.
        noises: Relative standard deviations of the depth's noise.
        repeats: Of every clip; one more goes before, to warm up.
    """

    width: int = 512
    height: int = 288
    num_frames: int = 100
    noises: tuple[float, ...] = (0.0, 1e-3, 1e-2)
    repeats: int = 5


def bench_depth(
    options: DepthOptions, on_progress: Callable[[str], None] = lambda text: None
) -> BenchReport:
    """Measure; `on_progress` is told what comes next."""
    machine = read_machine()
    raw_bytes = 2 * options.width * options.height
    figures = [Figure("16 bits a pixel, not compressed", "KB/frame", (raw_bytes / 1000,))]
    for noise in options.noises:
        on_progress(f"noise {noise:g}")
        figures += _scene_figures(draw_room(options, noise), options, f"noise {noise:g}: ")
    return BenchReport(
        bench="depth",
        machine=machine,
        settings={
            "picture": f"{options.width}x{options.height}",
            "frames": options.num_frames,
            "warm_up": 1,
            "repeats": options.repeats,
        },
        figures=tuple(figures),
        not_measured=("depth of the published weights",),
    )


def draw_room(options: DepthOptions, noise: float) -> list[Depth]:
    """Depth [H, W], metres, of a floor and a wall that comes nearer."""
    random = np.random.default_rng(0)
    rows = np.arange(options.height) - options.height / 2
    floor_m = FOCAL_PX * CAMERA_HEIGHT_M / np.maximum(rows, 1e-6)  # [H]
    shape = (options.height, options.width)
    frames = []
    for place in range(options.num_frames):
        depth_m = np.minimum(WALL_M - STEP_M * place, floor_m)[:, None]
        frames.append((depth_m * np.exp(noise * random.standard_normal(shape))).astype(np.float32))
    return frames


def _scene_figures(frames: list[Depth], options: DepthOptions, at: str) -> list[Figure]:
    write_ms, record_ms, read_ms, zstd_ms = [], [], [], []
    zstd = pa.Codec("zstd", 3)
    codes = [quantise_depth(depth_m) for depth_m in frames]
    for repeat in range(options.repeats + 1):
        began_s = time.thread_time()
        depth = _write(frames)
        written_s = time.thread_time()
        _record(frames)
        recorded_s = time.thread_time()
        largest_error = max(_read_errors(depth, frames))
        read_s = time.thread_time()
        zstd_bytes = sum(len(zstd.compress(frame.tobytes(), asbytes=True)) for frame in codes)
        end_s = time.thread_time()
        if repeat:
            write_ms.append(1000 * (written_s - began_s) / len(frames))
            record_ms.append(1000 * (recorded_s - written_s) / len(frames))
            read_ms.append(1000 * (read_s - recorded_s) / len(frames))
            zstd_ms.append(1000 * (end_s - read_s) / len(frames))
    return [
        Figure(f"{at}size", "KB/frame", (len(depth.data) / len(frames) / 1000,)),
        Figure(
            f"{at}size of the same codes by zstd", "KB/frame", (zstd_bytes / len(frames) / 1000,)
        ),
        Figure(f"{at}write, one thread", "ms/frame", tuple(write_ms)),
        Figure(
            f"{at}record, one thread",
            "ms/frame",
            tuple(record_ms),
            note="all that a recorder does of a frame without people: writing, and statistics",
        ),
        Figure(f"{at}read, one thread", "ms/frame", tuple(read_ms), note="errors compared, too"),
        Figure(f"{at}compress the same codes by zstd", "ms/frame", tuple(zstd_ms)),
        Figure(f"{at}largest error", "relative", (largest_error,), at_most=MAX_RELATIVE_ERROR),
    ]


def _write(frames: list[Depth]) -> DepthObject:
    height, width = frames[0].shape
    writer = DepthWriter(width, height)
    for place, depth_m in enumerate(frames):
        writer.add(depth_m, place / 30)
    return writer.finish()


def _record(frames: list[Depth]) -> None:
    height, width = frames[0].shape
    geometry = image_geometry(width, height, max(width, height))
    recorder = ClipRecorder(geometry, (width // 2, height // 2), has_depth=True)
    camera, nobody = np.array([0, 0, 0, 0, 0, 0, 1], np.float32), {"track_id": np.zeros(0)}
    for place, depth_m in enumerate(frames):
        frame = ModelFrame(place, np.zeros((0, 0, 3), np.uint8), is_corrupt=False, decode_s=0.0)
        recorder.add(frame, place / 30, camera, FOCAL_PX, 1.0, depth_m, nobody)


def _read_errors(depth: DepthObject, frames: list[Depth]) -> list[float]:
    """The largest relative error of every frame, as it is read back alone."""
    height, width = frames[0].shape
    errors = []
    for depth_m, (offset, length) in zip(frames, depth.frame_spans, strict=True):
        data = depth.data[offset : offset + length]
        read_m = read_depth_frame(data, depth.codec_header, width, height)
        errors.append(float(np.nanmax(np.abs(read_m / depth_m - 1))))
    return errors
