"""`h3r bench model`: the network alone, part by part, beside what the device could do at best.

Frames are noise and the weights may be random: neither changes what is computed. How many people
are seen does, so the threshold is set to give as many as asked for.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from bench.ceilings import measure_ceilings, wait_for
from bench.machine import read_machine
from bench.plain import run_plain
from bench.report import BenchReport, Figure
from human3r_model.backbone import fit_square
from human3r_model.compiled import compile_trunk
from human3r_model.config import Precision
from human3r_model.model import Human3R
from human3r_model.preprocess import image_geometry
from human3r_model.values import HeadSelection
from pipeline.models import ModelSource, device_name, load_models

HEADS = HeadSelection(pointmap=True)
WHOLE, PLAIN = "through the network", "plain formulation"
MIN_OF_PLAIN = 1.3  # on a CPU, of the plain formulation's speed
MIN_OF_CEILING = 0.6  # on a GPU, of its matrix products' rate
MIN_FPS = {"896L": 90.0, "672S": 300.0}  # on one H200, in 16 bits


@dataclass(frozen=True)
class ModelOptions:
    """What is measured.

    Attributes:
        models: The network; a body model is not read.
        precision: In which its trunk computes.
        device: "cpu", "cuda", or "auto".
        width: Of the source picture, pixels.
        height: Likewise.
        num_clips: Clips side by side.
        num_frames: Frames of each that are encoded at once.
        num_people: In a frame, on average.
        repeats: Of everything; one more goes before, to warm up.
        with_plain: Run the plain formulation on the same frames, in turns.
        is_compiled: By torch.compile.
    """

    models: ModelSource
    precision: Precision = "float32"
    device: str = "auto"
    width: int = 1280
    height: int = 720
    num_clips: int = 4
    num_frames: int = 4
    num_people: float = 2.0
    repeats: int = 5
    with_plain: bool = False
    is_compiled: bool = False


def bench_model(
    options: ModelOptions, on_progress: Callable[[str], None] = lambda text: None
) -> BenchReport:
    """Measure; `on_progress` is told what comes next."""
    machine = read_machine()
    on_progress("loading the network")
    models = load_models(options.models, options.device, options.precision)
    model, device = models.network.model, models.device
    clips = _noise(options, model, device)
    with torch.inference_mode():
        on_progress("counting what is to be computed")
        num_people = _set_people(model, clips.flatten(0, 1), options.num_people)
        flops = _count_flops(model, clips)  # fused operations would not be counted
        if options.is_compiled:
            compile_trunk(model)
        rounds = _measure(model, clips, options, on_progress)
        gpu_bytes = _most_gpu_bytes(model, clips) if clips.is_cuda else None
    height, width = clips.shape[2:4]
    return BenchReport(
        bench="model",
        machine=replace(machine, device=device_name(device)),
        settings={
            "preset": model.config.name,
            "precision": options.precision,
            "compiled": options.is_compiled,
            "picture": f"{width}x{height}",
            "clips": options.num_clips,
            "frames": options.num_frames,
            "people_a_frame": round(num_people, 2),
            "warm_up": 1,
            "repeats": options.repeats,
        },
        figures=tuple(_figures(model, options, device, flops, rounds, gpu_bytes)),
        not_measured=("frames that come to the device from a video: see bench pipeline",),
    )


def flop_counter() -> FlopCounterMode:
    """Torch's counter, which leaves out attention on a CPU, with it."""
    on_cpu = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu

    def count(query: tuple, key: tuple, value: tuple, *_: object, **__: object) -> int:
        return sdpa_flop_count(query, key, value)

    return FlopCounterMode(display=False, custom_mapping={on_cpu: count})


def _figures(
    model: Human3R,
    options: ModelOptions,
    device: str,
    flops: float,
    rounds: dict[str, list[float]],
    gpu_bytes: int | None,
) -> Iterator[Figure]:
    """Ceilings, the whole, its parts, and the plain formulation where it was run."""
    num_frames, whole_s = options.num_clips * options.num_frames, rounds.pop(WHOLE)
    is_gpu = device != "cpu"
    ceilings = measure_ceilings(device, options.precision)
    rate = tuple(num_frames * flops / 1e9 / seconds for seconds in whole_s)
    is_judged = "H200" in device_name(device) and options.precision in ("bfloat16", "float16")
    target = MIN_FPS.get(model.config.name) if is_judged else None
    yield from ceilings
    yield Figure(WHOLE, "frames/s", tuple(num_frames / s for s in whole_s), at_least=target)
    yield Figure("arithmetic", "GFLOP/frame", (flops / 1e9,), note="matrix products, convolutions")
    yield Figure("rate of arithmetic", "GFLOP/s", rate)
    yield Figure(
        "rate, of the matrix product's",
        "ratio",
        tuple(value / ceilings[0].median for value in rate),
        at_least=MIN_OF_CEILING if is_gpu else None,
    )
    plain_s = rounds.pop(PLAIN, [])
    for name, seconds in rounds.items():
        yield Figure(f"a frame: {name}", "ms", tuple(1000 * s / num_frames for s in seconds))
    if plain_s:
        ratio = tuple(plain / ours for plain, ours in zip(plain_s, whole_s, strict=True))
        yield Figure(PLAIN, "frames/s", tuple(num_frames / s for s in plain_s))
        yield Figure(
            f"{WHOLE}, of the {PLAIN}",
            "ratio",
            ratio,
            at_least=None if is_gpu else MIN_OF_PLAIN,
        )
    if gpu_bytes is not None:
        yield Figure(
            "memory of the GPU, at most",
            "GB",
            (gpu_bytes / 1e9,),
            note="torch's, reserved; CUDA's own, some hundred MB a process, comes on top",
        )


def _noise(options: ModelOptions, model: Human3R, device: str) -> Tensor:
    """[B, T, H, W, 3] uint8 of the network's picture."""
    geometry = image_geometry(options.width, options.height, model.config.long_side)
    shape = (options.num_clips, options.num_frames, geometry.height, geometry.width, 3)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    return noise.to(device)


def _set_people(model: Human3R, frames: Tensor, num_people: float) -> float:
    """Set the threshold for so many people a frame, as nearly as there are peaks; how many."""
    model.config = replace(model.config, detection_threshold=1.0)  # above every score
    scores = model.encode(frames).score_map.flatten().sort(descending=True).values
    wanted = min(round(num_people * len(frames)), int((scores > 0).sum()))
    if wanted:
        threshold = float(scores[wanted - 1])
        model.config = replace(model.config, detection_threshold=threshold)
    return wanted / len(frames)


def _count_flops(model: Human3R, clips: Tensor) -> float:
    """Floating-point operations a frame: two for every product that is summed."""
    with flop_counter() as counter:
        _run(model, clips)
    return counter.get_total_flops() / (clips.shape[0] * clips.shape[1])


def _run(model: Human3R, clips: Tensor) -> None:
    """Encode all frames at once, then advance the clips side by side."""
    num_clips, num_frames = clips.shape[:2]
    features = model.encode(clips.flatten(0, 1), HEADS)
    state = model.initial_state(num_clips)
    first = torch.arange(num_clips, device=clips.device) * num_frames
    for frame in range(num_frames):
        _, state = model.step(features.select(first + frame), state, heads=HEADS)


def _most_gpu_bytes(model: Human3R, clips: Tensor) -> int:
    """The most memory of one run, weights and frames included."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    _run(model, clips)
    return torch.cuda.max_memory_reserved()


def _measure(
    model: Human3R,
    clips: Tensor,
    options: ModelOptions,
    on_progress: Callable[[str], None],
) -> dict[str, list[float]]:
    """Seconds of the whole and of its parts, in turns; the first round is not kept."""
    frames = clips.flatten(0, 1)
    image = (frames.permute(0, 3, 1, 2).to(model.pose_token.dtype) / 255 - 0.5) / 0.5
    square = fit_square(image, model.config.dino_image_size)
    features, state = model.encode(frames, HEADS), model.initial_state(len(frames))
    ways: dict[str, Callable[[], object]] = {
        WHOLE: lambda: _run(model, clips),
        "DINOv2": lambda: model.backbone(square),
        "image encoder": lambda: model.encode_image(image),
        "decoder and heads": lambda: model.step(features, state, heads=HEADS),
        "decoder and heads without points": lambda: model.step(
            features, state, heads=HeadSelection(pointmap=False)
        ),
    }
    if options.with_plain:
        ways[PLAIN] = lambda: run_plain(model, clips)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for repeat in range(options.repeats + 1):
        on_progress(f"round {repeat} of {options.repeats}")
        for name, way in ways.items():
            wait_for(clips.device.type)
            began_s = time.perf_counter()
            way()
            wait_for(clips.device.type)
            if repeat:
                seconds[name].append(time.perf_counter() - began_s)
    return seconds
