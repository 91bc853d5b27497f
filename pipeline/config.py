"""The configuration of a job, resolved once, stored with the run, hashed into every label.

`PlanConfig` and `LabelConfig` decide what the labels are: a difference in them is another dataset.
`WorkerConfig` decides only how fast and where, and may differ from run to run.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass, replace

from human3r_model.config import PRECISIONS, Precision
from pipeline.errors import ConfigError

DEFAULT_MAX_FPS = 30.0
SHARDS_AT_ONCE = 2
"""Of a worker: one is at the network, the other is read, decoded or committed."""


@dataclass(frozen=True)
class PlanConfig:
    """What is annotated.

    Attributes:
        fps: Sampled frames a second, at most; None for the source's rate, capped at 30.
        max_clip_frames: Sampled frames of a clip at most; neighbours share one of them.
        max_shard_frames: Sampled frames of a shard at most; None chooses by the corpus.
        include: Glob patterns of names that are taken; () for every video file.
        exclude: Glob patterns of names that are left out.
        limit: At most this many videos; None for all.
        follow_links: Links in a folder may lead out of it.
    """

    fps: float | None = None
    max_clip_frames: int = 100
    max_shard_frames: int | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    limit: int | None = None
    follow_links: bool = False

    def __post_init__(self) -> None:
        """Refuse values no plan can be made with, by a ConfigError."""
        if self.fps is not None and not 0 < self.fps <= 1000:
            raise ConfigError(f"--fps {self.fps}: must be above 0 and at most 1000")
        if self.max_clip_frames < 2:
            raise ConfigError(
                f"--max-clip-frames {self.max_clip_frames}: must be 2 or more, since "
                "neighbouring clips share a frame"
            )
        if self.max_shard_frames is not None and self.max_shard_frames < 1:
            raise ConfigError(f"--max-shard-frames {self.max_shard_frames}: must be 1 or more")
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"--limit {self.limit}: must be 1 or more")


@dataclass(frozen=True)
class LabelConfig:
    """How the network is run.

    Attributes:
        ttt3r: Whether the state is updated with TTT3R's gate, as the authors' demo does.
        depth: Whether dense depth is written.
        precision: In which the network's trunk computes.
    """

    ttt3r: bool = True
    depth: bool = True
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        """Refuse a precision there is none of, by a ConfigError."""
        if self.precision not in PRECISIONS:
            raise ConfigError(
                f"--precision {self.precision}: must be one of {', '.join(PRECISIONS)}"
            )


@dataclass(frozen=True)
class WorkerConfig:
    """How a worker runs; changes no label beyond the last bits of its precision.

    Attributes:
        batch_clips: Clips of one picture size that advance through the network together.
        encode_frames: Frames of one clip that are encoded ahead of the recurrence at once.
        prefetch_frames: Decoded frames a clip may hold ready, in the network's size.
        decode_bytes: Main memory that the decoders of a shard may take, about; a clip
            too large for it runs alone.
        device: torch device, "auto" for CUDA when there is one; on Ray it follows from the GPUs
            that a worker has.
        is_compiled: Whether torch.compile fuses the network's small operations.
    """

    batch_clips: int = 4
    encode_frames: int = 4
    prefetch_frames: int = 8
    decode_bytes: int = 2**31
    device: str = "auto"
    is_compiled: bool = False

    def halved(self, times: int) -> "WorkerConfig":
        """With so many times half the frames at once: first of the clips, then of each clip's."""
        if not times:
            return self
        less = (
            replace(self, batch_clips=self.batch_clips // 2)
            if self.batch_clips > 1
            else replace(self, encode_frames=max(1, self.encode_frames // 2))
        )
        return less.halved(times - 1)


@dataclass(frozen=True)
class LabelIdentity:
    """Everything that two runs must have in common for their labels to stand in one dataset.

    Attributes:
        model_preset: Architecture, e.g. "896L".
        weights_sha256: Of the weights' file, or of the tensors of random weights.
        is_untrained: Whether the weights are random: the labels mean nothing.
        body_model_sha256: Of the body model's file; None without one.
        schema_version: Of the tables.
        plan: What is annotated.
        labels: How the network is run.
    """

    model_preset: str
    weights_sha256: str
    is_untrained: bool
    body_model_sha256: str | None
    schema_version: int
    plan: PlanConfig
    labels: LabelConfig

    @property
    def config_hash(self) -> str:
        """16 hex digits of the SHA-256 over the configuration and the schema's version."""
        return fingerprint(
            [dataclasses.asdict(self.plan), dataclasses.asdict(self.labels), self.schema_version]
        )


def fingerprint(value: object) -> str:
    """16 hex digits of the SHA-256 of `value` as canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def differences(stored: dict, current: dict, prefix: str = "") -> list[str]:
    """The leaves in which two configurations differ, as `name: stored -> current`."""
    lines: list[str] = []
    for key in sorted(stored.keys() | current.keys()):
        old, new = stored.get(key), current.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            lines += differences(old, new, f"{prefix}{key}.")
        elif old != new:
            lines.append(f"{prefix}{key}: {old!r} -> {new!r}")
    return lines
