"""What a corpus is asked to be, and what each of its videos then is; nothing is rendered here."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.config import DEFAULT_MAX_FPS
from pipeline.errors import ConfigError
from synth.cameras import CameraKind
from synth.places import PlaceKind
from synth.sampling import CAMERA_SHARES, PLACE_SHARES, draw_kind

GENERATOR_VERSION = 2
"""Goes up when the same seed gives other videos or another truth."""

Variant = Literal["plain", "cuts", "long", "vfr", "border", "empty"]

VARIANT_SHARES: dict[Variant, float] = {
    "plain": 0.6,
    "cuts": 0.12,
    "long": 0.04,
    "vfr": 0.1,
    "border": 0.1,
    "empty": 0.04,
}
MIXED = "mixed"
VARIANTS = (MIXED, *VARIANT_SHARES)
WITH_PEOPLE = (MIXED, "border")  # say of a video that somebody is in it
CRF_RANGE = (16, 31)  # libx264: hardly visible to plainly visible
VFR_GAPS_MS = (34, 100)  # never above 30 frames a second, which a job would thin out
VFR_TIME_BASE = Fraction(1, 1000)
MIN_SIDE_PX, MAX_SIDE_PX = 32, 4096
MAX_PEOPLE = 8
MIN_SHOT_FRAMES = 4  # of a video with cuts, on average


@dataclass(frozen=True)
class CorpusSpec:
    """What a corpus holds; video i depends on everything but `num_videos`, and on i.

    Attributes:
        seed: Of everything random.
        num_videos: Videos.
        num_frames: Frames of a video; "long" ones have others.
        sizes: (width, height) a video may have, pixels.
        fps: Frames a second a video may have; "vfr" ones have uneven times instead.
        min_people: Least number of people in a place; "empty" videos have none.
        max_people: Greatest number.
        variants: Taken in turn, video by video; "mixed" draws one by `VARIANT_SHARES`.
        max_clip_frames: Frames of a clip of the truth at most.
        num_long_frames: Frames of a "long" video; None has the least, `least_long_frames`.
    """

    seed: int
    num_videos: int
    num_frames: int = 60
    sizes: tuple[tuple[int, int], ...] = ((512, 288), (512, 384), (288, 512))
    fps: tuple[int, ...] = (24, 25, 30)
    min_people: int = 1
    max_people: int = 5
    variants: tuple[str, ...] = (MIXED,)
    max_clip_frames: int = 100
    num_long_frames: int | None = None

    def __post_init__(self) -> None:
        """Refuse values no corpus can be made of, by a ConfigError."""
        if self.seed < 0 or self.num_videos < 1 or self.num_frames < 1 or self.max_clip_frames < 2:
            raise ConfigError(
                f"--seed {self.seed} --videos {self.num_videos} --frames {self.num_frames} "
                f"--max-clip-frames {self.max_clip_frames}: the seed must be 0 or more, the first "
                "two numbers 1 or more, the last 2 or more"
            )
        for width, height in self.sizes:
            sides_px = range(MIN_SIDE_PX, MAX_SIDE_PX + 1, 2)
            if width not in sides_px or height not in sides_px:
                raise ConfigError(
                    f"--size {width}x{height}: both sides must be even and {MIN_SIDE_PX} to "
                    f"{MAX_SIDE_PX}"
                )
        for fps in self.fps:
            if not 1 <= fps <= DEFAULT_MAX_FPS:
                raise ConfigError(f"--fps {fps}: must be 1 to {DEFAULT_MAX_FPS:.0f}")
        if not 0 <= self.min_people <= self.max_people <= MAX_PEOPLE:
            raise ConfigError(
                f"--people {self.min_people}-{self.max_people}: give LEAST-MOST from 0 to "
                f"{MAX_PEOPLE}"
            )
        unknown = sorted(set(self.variants) - set(VARIANTS))
        if unknown:
            raise ConfigError(f"--variant {unknown[0]}: must be one of {', '.join(VARIANTS)}")
        with_people = [name for name in self.variants if name in WITH_PEOPLE]
        if with_people and self.min_people < 1:
            raise ConfigError(
                f"--people {self.min_people}-{self.max_people} --variant {with_people[0]}: border "
                "videos, which mixed has some of, show somebody. Give at least one person, or "
                "other variants"
            )

    @property
    def least_long_frames(self) -> int:
        """Two and a half clips: what a "long" video has at least."""
        return 5 * self.max_clip_frames // 2

    @property
    def sha256(self) -> str:
        """Names generator and spec: what stands for the weights of a network."""
        fields = dataclasses.asdict(self)
        given = {name: value for name, value in fields.items() if value is not None}
        text = json.dumps([GENERATOR_VERSION, given], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class ShotSpec:
    """One shot of a video.

    Attributes:
        start_frame: First frame of the video; the span is half-open.
        end_frame: Its end.
        place: Kind of place.
        camera: Kind of camera.
        num_people: People in the place.
        seed: Of everything in it.
    """

    start_frame: int
    end_frame: int
    place: PlaceKind
    camera: CameraKind
    num_people: int
    seed: tuple[int, ...]


@dataclass(frozen=True)
class VideoSpec:
    """One video, before anything is rendered.

    Attributes:
        uri: Its name.
        index: Its place in the corpus, from 0.
        variant: What it stresses.
        width: Pixels.
        height: Pixels.
        mean_fps: Frames a second.
        time_base: Seconds a unit of `pts`.
        pts: [T] when each frame is shown, from 0.
        crf: How much it is compressed, libx264's scale.
        shots: In order, without gaps.
    """

    uri: str
    index: int
    variant: Variant
    width: int
    height: int
    mean_fps: Fraction
    time_base: Fraction
    pts: tuple[int, ...]
    crf: int
    shots: tuple[ShotSpec, ...]

    @property
    def times_s(self) -> NDArray[np.float64]:
        """[T] presentation times, seconds."""
        return np.array(self.pts) * float(self.time_base)

    @property
    def cuts(self) -> tuple[int, ...]:
        """First frame of every shot but the first."""
        return tuple(shot.start_frame for shot in self.shots[1:])


def draw_video(spec: CorpusSpec, index: int) -> VideoSpec:
    """Draw video `index` of a corpus."""
    rng = np.random.default_rng((spec.seed, index))
    variant = _draw_variant(rng, spec, index)
    num_frames = spec.num_frames
    if variant == "long":
        num_frames = max(spec.least_long_frames, spec.num_long_frames or 0)
    width, height = spec.sizes[rng.integers(len(spec.sizes))]
    fps = spec.fps[rng.integers(len(spec.fps))]
    crf = int(rng.integers(*CRF_RANGE))
    time_base, pts = Fraction(1, fps), np.arange(num_frames)
    if variant == "vfr":
        gaps_ms = rng.integers(*VFR_GAPS_MS, num_frames - 1)
        time_base, pts = VFR_TIME_BASE, np.concatenate([[0], np.cumsum(gaps_ms)])
    span_s = int(pts[-1]) * time_base
    return VideoSpec(
        uri=f"{index:06d}-{variant}.mp4",
        index=index,
        variant=variant,
        width=width,
        height=height,
        mean_fps=(num_frames - 1) / span_s if span_s else Fraction(fps),
        time_base=time_base,
        pts=tuple(pts.tolist()),
        crf=crf,
        shots=_draw_shots(rng, spec, index, variant, num_frames),
    )


def _draw_variant(rng: np.random.Generator, spec: CorpusSpec, index: int) -> Variant:
    """The variant whose turn it is."""
    wanted = spec.variants[index % len(spec.variants)]
    drawn = draw_kind(rng, VARIANT_SHARES)
    return next((variant for variant in VARIANT_SHARES if variant == wanted), drawn)


def _draw_shots(
    rng: np.random.Generator, spec: CorpusSpec, index: int, variant: Variant, num_frames: int
) -> tuple[ShotSpec, ...]:
    most_shots = max(1, num_frames // MIN_SHOT_FRAMES)
    num_shots = min(int(rng.integers(2, 4)), most_shots) if variant == "cuts" else 1
    shifts = rng.uniform(-0.3, 0.3, num_shots - 1)
    cuts = ((np.arange(1, num_shots) + shifts) * num_frames / num_shots).round().astype(int)
    bounds = [0, *cuts.tolist(), num_frames]
    return tuple(
        ShotSpec(
            start_frame=bounds[shot],
            end_frame=bounds[shot + 1],
            place=draw_kind(rng, PLACE_SHARES),
            camera=draw_kind(rng, CAMERA_SHARES),
            num_people=0
            if variant == "empty"
            else int(rng.integers(spec.min_people, spec.max_people + 1)),
            seed=(spec.seed, index, shot + 1),
        )
        for shot in range(num_shots)
    )
