"""The training itself: windows in, weights and a curve out; a checkpoint is enough to go on."""

import copy
import itertools
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.distributed
from torch import Tensor, nn
from torch.utils.data import DataLoader

from human3r_model.body import BodyModel
from human3r_model.errors import CheckpointError
from human3r_model.model import Human3R
from human3r_model.random_weights import random_model
from human3r_model.weights import load_model
from training.forward import Tokens, look
from training.joint_maps import sine_positions
from training.measure import measure
from training.objective import Memory, TeacherMaps, run_scenery, run_window, weighted_sum
from training.optimizer import make_optimizers
from training.stream import Batch, ClipStream, Scenery

Learn = Literal["all", "decoder", "camera"]
ECHOED = 32
"""Batches that are kept to be learned from again: of 24 frames each, 0.4 GB a picture size."""


@dataclass(frozen=True)
class TrainConfig:
    """Everything a training depends on besides its clips.

    Attributes:
        preset: Architecture.
        seed: Of the first weights and of every draw.
        num_steps: Steps of the optimiser in all.
        max_seconds: When to end before that, the learning rate falling by the clock; None: never.
        num_clips: Clips side by side in each process.
        num_processes: Processes that share the work of a step.
        window: Frames of each a step goes through.
        num_loaders: Processes a picture size that make batches ahead in each process; 0: none.
        learning_rate: Its peak.
        warmup_steps: Until the peak.
        weight_decay: Of both optimizers.
        max_grad_norm: Gradients are scaled down to it.
        ema_decay: Of the average of the weights that is measured and kept.
        measure_every: Steps between two points of the curve.
        measure_windows: Windows of held-out clips a point rests on.
        echoes: How often batches are learned from, `ECHOED` of them in turns (data echoing, arXiv
            1907.05550): backbones that do not learn look at each once. More than 1 is for them.
        learn: All of the network; the decoder and what reads it; or likewise, from cameras and
            points alone, so that the person backbone need not run.
        move_share: Share of the batches that are cameras moving in one picture.
    """

    preset: str = "nano"
    seed: int = 0
    num_steps: int = 20000
    max_seconds: float | None = None
    num_clips: int = 8
    num_processes: int = 1
    window: int = 3
    num_loaders: int = 0
    learning_rate: float = 2e-3
    warmup_steps: int = 200
    weight_decay: float = 0.02
    max_grad_norm: float = 1.0
    ema_decay: float = 0.997
    measure_every: int = 250
    measure_windows: int = 10
    echoes: int = 1
    learn: Learn = "all"
    move_share: float = 0.3


class Trainer:
    """Weights on their way, the same in every process of the training."""

    def __init__(
        self,
        config: TrainConfig,
        streams: list[ClipStream],
        shares: tuple[float, ...],
        held_out: list[ClipStream],
        body: BodyModel,
        device: str,
        start_from: Path | None = None,
    ) -> None:
        """Start from seeded random weights, or from a file.

        Args:
            config: How to train.
            streams: This process's clips to learn from, one stream a picture size.
            shares: How often each stream is drawn; they sum to 1.
            held_out: Clips to measure on; empty where another process does it.
            body: For the joints.
            device: Where to train.
            start_from: Weight file of the same preset.

        Raises:
            CheckpointError: The file is none, or of another preset.
        """
        self.config = config
        self.step = 0
        self.seconds = 0.0
        self._streams = streams
        self._shares = shares
        self._held_out = held_out
        self._body = body
        self._device = device
        self.model = first_model(config, start_from, device).requires_grad_(True)
        torch.manual_seed(config.seed)
        self._maps = TeacherMaps(self.model.config).to(device)
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        if config.learn != "all":
            freeze_backbones(self.model)
        self._parameters = [*trained_parameters(self.model), *self._maps.parameters()]
        self._optimizers = make_optimizers(
            self.model, self._parameters, config.learning_rate, config.weight_decay
        )

    def save(self, path: Path) -> None:
        """Write everything there is to go on from."""
        draft = path.with_suffix(".part")
        content = {
            "step": self.step,
            "seconds": self.seconds,
            "learn": self.config.learn,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "maps": self._maps.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
        }
        torch.save(content, draft)
        draft.replace(path)

    def load(self, path: Path) -> None:
        """Go on from what `save` wrote; other clips begin.

        Raises:
            CheckpointError: It is of a training that learned something else.
        """
        content = torch.load(path, map_location=self._device, weights_only=True)
        learned = content.get("learn")
        if learned != self.config.learn:
            raise CheckpointError(
                str(path),
                f"is of a training with --learn {learned}, not {self.config.learn}. Begin in "
                "another folder, with --start-from",
            )
        self.step, self.seconds = content["step"], content["seconds"]
        self.model.load_state_dict(content["model"])
        self.average.load_state_dict(content["average"])
        self._maps.load_state_dict(content["maps"])
        for optimizer, state in zip(self._optimizers, content["optimizers"], strict=True):
            optimizer.load_state_dict(state)

    def run(self, curve: Path, checkpoint: Path, show: Callable[[str], None]) -> None:
        """Train to the last step.

        Args:
            curve: JSON lines, one a measurement, appended to.
            checkpoint: Written at every measurement.
            show: Told a line a measurement.
        """
        rng = np.random.default_rng((self.config.seed, self.step))
        lanes = [_Lanes(stream, self.step, self.config, self._device) for stream in self._streams]
        recent: dict[str, list[float]] = {}
        began = time.perf_counter() - self.seconds
        while self._done < 1:
            losses = self._advance(lanes[rng.choice(len(lanes), p=self._shares)], rng)
            for name, value in losses.items():
                recent.setdefault(name, []).append(value)
            self.seconds = self._agree_on(time.perf_counter() - began)
            if self.step % self.config.measure_every and self._done < 1:
                continue
            if self._held_out:
                point = self._point(recent)
                with curve.open("a") as stream:
                    stream.write(json.dumps(point) + "\n")
                self.save(checkpoint)
                show(_line(point))
            recent = {}

    def _agree_on(self, seconds: float) -> float:
        """The mean clock of all processes, so that all end at the same step."""
        if self.config.num_processes == 1:
            return seconds
        total = torch.tensor(seconds, dtype=torch.float64)
        torch.distributed.all_reduce(total)
        return total.item() / self.config.num_processes

    @property
    def _done(self) -> float:
        """The share of the training that lies behind, by steps or by the clock."""
        by_clock = (
            0.0 if self.config.max_seconds is None else self.seconds / self.config.max_seconds
        )
        return max(self.step / self.config.num_steps, by_clock)

    @property
    def _frames_a_step(self) -> int:
        return self.config.num_processes * self.config.num_clips * self.config.window

    def _advance(self, lanes: "_Lanes", rng: np.random.Generator) -> dict[str, float]:
        """One step of the optimiser."""
        config = self.config
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(config, self.step, self._done)
        losses = self._run(lanes, rng)
        for parameter in self._parameters:
            parameter.grad = None
        weighted_sum(losses).backward()
        if config.num_processes > 1:
            _average_gradients(self._parameters, config.num_processes)
        norm = nn.utils.clip_grad_norm_(self._parameters, config.max_grad_norm)
        if torch.isfinite(norm):
            for optimizer in self._optimizers:
                optimizer.step()
        self.step += 1
        decay = min(config.ema_decay, self.step / (self.step + 10))
        with torch.no_grad():
            average: list[Tensor] = list(self.average.parameters())
            torch._foreach_lerp_(average, list[Tensor](self.model.parameters()), 1 - decay)
        values = torch.stack([loss.detach() for loss in losses.values()]).tolist()
        return dict(zip(losses, values, strict=True))

    def _run(self, lanes: "_Lanes", rng: np.random.Generator) -> dict[str, Tensor]:
        """The next frames' losses; all processes draw the same kind and size."""
        dense = {int(rng.integers(self.config.window))}
        shown, memory = lanes.next()
        batch, model, maps = shown.batch, self.model, self._maps
        has_people = isinstance(batch, Batch) and self.config.learn != "camera"
        tokens = shown.tokens or look(model, batch.frames, for_people=has_people)
        if self.config.learn != "all":  # backbones that do not learn see the same next time
            shown.tokens = tokens
        if not isinstance(batch, Batch):
            return run_scenery(model, maps, batch, tokens, None, dense)[0]
        if batch.is_single:
            return run_window(model, maps, self._body, batch, tokens, None, {0}).losses
        if has_people:
            outcome = run_window(model, maps, self._body, batch, tokens, memory, dense)
            losses, memory = outcome.losses, outcome.memory
        else:
            losses, memory = run_scenery(model, maps, batch, tokens, memory, dense)
        lanes.remember(memory)
        return losses

    def _point(self, recent: dict[str, list[float]]) -> dict[str, object]:
        measured = [
            measure(self.average, self._maps, self._body, stream, self.config.measure_windows)
            for stream in self._held_out
        ]
        return {
            "step": self.step,
            "frames": self.step * self._frames_a_step,
            "seconds": round(self.seconds, 1),
            "losses": {name: round(float(np.mean(values)), 5) for name, values in recent.items()},
            "held_out": {
                name: round(float(np.mean([one[name] for one in measured])), 5)
                for name in measured[0]
            },
        }


@dataclass(eq=False)
class _Shown:
    """A batch, and what frozen backbones made of it."""

    batch: Scenery
    tokens: Tokens | None = None


class _Lanes:
    """One stream's batches, each with what its clips carry from the window before.

    With loaders, batches come from each in turn, and each has clips of its own.
    """

    def __init__(self, stream: ClipStream, step: int, config: TrainConfig, device: str) -> None:
        stream.begin(step)
        loader = DataLoader(
            stream,
            batch_size=None,
            num_workers=config.num_loaders,
            pin_memory=device.startswith("cuda"),
        )
        self._batches = iter(loader)
        self._device = device
        self._memories: list[Memory | None] = [None] * max(1, config.num_loaders)
        self._turn = -1
        self._echoed = self._echo(config.echoes)

    def next(self) -> tuple[_Shown, Memory | None]:
        """The next batch, and the memory of the clips it goes on with."""
        shown = next(self._echoed)
        self._turn = (self._turn + 1) % len(self._memories)
        return shown, self._memories[self._turn]

    def remember(self, memory: Memory) -> None:
        """Keep what the clips of the last batch carry on."""
        self._memories[self._turn] = memory

    def _echo(self, num_times: int) -> Iterator[_Shown]:
        """Batches without end, `ECHOED` of them so many times: each time from the same memory."""
        while True:
            turn, memories = self._turn, list(self._memories)
            kept: list[_Shown] = []
            for batch in itertools.islice(self._batches, ECHOED):
                shown = _Shown(batch.to(self._device))
                if num_times > 1:
                    kept.append(shown)
                yield shown
            for _ in range(num_times - 1):
                self._turn, self._memories = turn, list(memories)
                yield from kept


def first_model(config: TrainConfig, start_from: Path | None, device: str) -> Human3R:
    """The network before the first step, random or of a file.

    Raises:
        CheckpointError: The file is none, or of another preset.
    """
    if start_from is not None:
        loaded = load_model(start_from, device)
        if loaded.config.name != config.preset:
            raise CheckpointError(
                str(start_from),
                f"is of preset {loaded.config.name}, and {config.preset} is to be trained",
            )
        return loaded.model
    model = random_model(config.preset, config.seed, device).model
    with torch.no_grad():
        grid, dim = model.config.dino_position_grid, model.config.dino_dim
        model.backbone.encoder.pos_embed[0, 1:] = sine_positions(grid, dim)
    return model


def trained_parameters(model: Human3R) -> list[nn.Parameter]:
    """Everything annotation reads; the points in the world's frame, which it does not, stay."""
    unread = tuple(f"downstream_head.{part}." for part in ("dpt_cross", "final_transform"))
    return [
        value
        for name, value in model.named_parameters()
        if value.requires_grad and not name.startswith(unread)
    ]


def freeze_backbones(model: Human3R) -> None:
    """Keep from learning what sees frames one by one, detection included."""
    head = model.downstream_head
    for part in (
        *(model.backbone, model.patch_embed, model.enc_blocks, model.enc_norm),
        *(head.mlp_classif, head.mlp_offset, head.mlp_msk),
    ):
        part.requires_grad_(False)


def learning_rate(config: TrainConfig, step: int, done: float) -> float:
    """Half a cosine down to a fiftieth of the peak, begun by a linear warm-up.

    Args:
        config: The training.
        step: The one that comes.
        done: Share of the training that lies behind.
    """
    falling = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(done, 1)))
    return config.learning_rate * falling * min(1, (step + 1) / config.warmup_steps)


def _average_gradients(parameters: list[nn.Parameter], num_processes: int) -> None:
    """Give every process the mean gradient; where nobody has one there is none afterwards either.

    A parameter that only some processes used counts as zero in the others.
    """
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    flat = nn.utils.parameters_to_vector(gradients)
    torch.distributed.all_reduce(flat)
    flat /= num_processes
    for parameter, part in zip(
        parameters, flat.split([p.numel() for p in parameters]), strict=True
    ):
        if parameter.grad is not None or part.any():
            parameter.grad = part.view_as(parameter)


def _line(point: dict[str, object]) -> str:
    held_out = point["held_out"]
    assert isinstance(held_out, dict)
    figures = "  ".join(f"{name} {value:.3f}" for name, value in held_out.items())
    return f"step {point['step']}  {point['seconds']} s  {figures}"
