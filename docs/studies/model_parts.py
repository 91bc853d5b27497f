"""Times the parts of a network on a GPU, as they are and compiled, beside what the GPU could do.

Run: PYTHONPATH=. python docs/studies/model_parts.py PARTS.json PRECISION

It needs torch and smplx alone, for machines without the rest; `h3r bench model` is the bench.
Weights are random, three people are planted in every frame. docs/benchmarks/model_parts_h100.json
(TF32) and model_parts_h200.txt (bfloat16) are what earlier forms of it said.
"""

import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from human3r_model.backbone import fit_square
from human3r_model.compiled import compile_trunk
from human3r_model.config import PRECISIONS, PRESETS, Precision
from human3r_model.model import Human3R
from human3r_model.precision import set_precision
from human3r_model.values import HeadSelection
from training.forward import look, seat

DEVICE = "cuda"
SIZE_HW = (288, 512)
NUM_PEOPLE = 3
BATCHES = (8, 32)


def median_s(way: Callable[[], object], repeats: int = 5, warm_up: int = 2) -> float:
    """Seconds a call takes, once it is warm."""
    times = []
    for repeat in range(warm_up + repeats):
        torch.cuda.synchronize()
        began_s = time.perf_counter()
        way()
        torch.cuda.synchronize()
        if repeat >= warm_up:
            times.append(time.perf_counter() - began_s)
    return statistics.median(times)


def ceilings() -> Iterator[dict[str, object]]:
    """Matrix products in three precisions, and a copy."""
    for dtype, is_tf32 in (
        (torch.bfloat16, False),
        (torch.float32, True),
        (torch.float32, False),
    ):
        torch.backends.cuda.matmul.allow_tf32 = is_tf32
        left, right = (torch.randn(8192, 8192, device=DEVICE, dtype=dtype) for _ in range(2))
        seconds = median_s(lambda left=left, right=right: left @ right)
        rate = 2 * 8192**3 / seconds / 1e12
        yield {"what": "matmul", "dtype": str(dtype), "tf32": is_tf32, "tflops": rate}
    source = torch.empty(2**31, device=DEVICE, dtype=torch.uint8)
    target = torch.empty_like(source)
    yield {"what": "copy", "gb_s": 2 * 2**31 / median_s(lambda: target.copy_(source)) / 1e9}


def random_network(preset: str) -> Human3R:
    """A network whose numbers stay finite."""
    with torch.device("meta"):
        model = Human3R(PRESETS[preset])
    model = model.to_empty(device=DEVICE).eval().requires_grad_(False)
    generator = torch.Generator(DEVICE).manual_seed(0)
    for name, value in [*model.named_parameters(), *model.named_buffers()]:
        if value.ndim == 1:
            value.fill_(1.0 if name.endswith(("weight", "gamma")) else 0.0)
        else:
            value.normal_(generator=generator).div_(math.sqrt(max(math.prod(value.shape[1:]), 1)))
    identity = torch.tensor([1.0, 0, 0, 1, 0, 0], device=DEVICE)
    model.downstream_head.init_body_pose.copy_(identity.repeat(53)[None])
    return model


def parts(preset: str, precision: Precision) -> Iterator[dict[str, object]]:
    """Milliseconds a frame of each part, as it is and then compiled."""
    model = random_network(preset)
    set_precision(model, precision)
    for is_compiled in (False, True):
        if is_compiled:
            compile_trunk(model)
        for num_frames in BATCHES:
            torch.cuda.reset_peak_memory_stats()
            seconds = part_times_s(model, num_frames)
            yield {
                "what": "model",
                "preset": preset,
                "precision": precision,
                "compiled": is_compiled,
                "frames": num_frames,
                **{f"{name}_ms": 1000 * value for name, value in seconds.items()},
                "fps": 1 / (seconds["encoder"] + seconds["dino"] + seconds["step"]),
                "mem_gb": torch.cuda.max_memory_allocated() / 1e9,
            }


def part_times_s(model: Human3R, num_frames: int) -> dict[str, float]:
    """Seconds a frame of each part, on so many frames of as many clips."""
    shape = (num_frames, *SIZE_HW, 3)
    frames = torch.randint(0, 256, shape, dtype=torch.uint8, device=DEVICE)
    seats = [(f, 5 + i, 5 + 4 * i) for f in range(num_frames) for i in range(NUM_PEOPLE)]
    image = (frames.permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5
    square = fit_square(image, model.config.dino_image_size)
    features = seat(model, look(model, frames), torch.tensor(seats, device=DEVICE)).features
    _, state = model.step(features, model.initial_state(num_frames))
    no_points = HeadSelection(pointmap=False)
    ways: dict[str, Callable[[], object]] = {
        "encoder": lambda: model.encode_image(image),
        "dino": lambda: model.backbone(square),
        "step": lambda: model.step(features, state),
        "step_without_points": lambda: model.step(features, state, heads=no_points),
    }
    return {name: median_s(way) / num_frames for name, way in ways.items()}


def main() -> None:
    """Measure, and write JSON."""
    precision = next(name for name in PRECISIONS if name == sys.argv[2])
    with torch.inference_mode():
        rows = (row for preset in ("896L", "672S") for row in parts(preset, precision))
        results = [*ceilings(), *rows]
    content = {
        "device": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "results": results,
    }
    Path(sys.argv[1]).write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
