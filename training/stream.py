"""Clips side by side, a few frames at a time, turned into what the losses compare with.

Several clips of one picture size stream through the network together, each from its first frame to
its last; where one ends, another begins. Between them come single frames of many more clips: what a
picture says by itself is learned from more places and people; and moving cameras
(`training/moves.py`), from which it is learned to compare pictures. Letters: B clips, T steps,
F = B * T frames (clip-major), P labelled people (flat over the frames), G DINOv2 patches a side,
H and W pixels.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from human3r_model.config import ModelConfig
from human3r_model.preprocess import image_geometry
from training.augment import draw_focal_share, draw_softness, mirror, recolour, zoom
from training.clips import LEAST_VISIBLE, TrainingClip, read_clip, read_frame
from training.moves import move_camera

_JITTER_PROBABILITY = 0.25
IGNORED = -1.0
HEAD_M, SIGMAS_A_HEAD = 0.24, 6
"""A head is wanted on a hill of the score as wide as it is seen (CenterNet, arXiv 1904.07850), so
that a near head, on many patches, has one peak."""


@dataclass(frozen=True, eq=False)
class Scenery:
    """T steps of B clips: what is true of pictures and cameras.

    Attributes:
        frames: [F, H, W, 3] uint8 RGB.
        depth_m: [F, H, W] float16 camera z, 0 where there is none.
        person: [F, H, W] uint8, 0 where nobody is seen.
        world_from_camera: [F, 4, 4]; the world is the camera of the clip's first frame.
        focal_px: [F].
        is_start: [B] bool, these are the clip's first frames.
    """

    frames: Tensor
    depth_m: Tensor
    person: Tensor
    world_from_camera: Tensor
    focal_px: Tensor
    is_start: Tensor

    @property
    def is_single(self) -> bool:
        """Every frame is all there is of its clip."""
        return len(self.frames) == len(self.is_start)

    def to(self, device: str | torch.device) -> Self:
        """The same on another device."""
        moved = {name: value.to(device, non_blocking=True) for name, value in vars(self).items()}
        return type(self)(**moved)

    def pin_memory(self) -> Self:
        """The same in memory that a GPU reads while the CPU goes on; the data loader asks."""
        return type(self)(**{name: value.pin_memory() for name, value in vars(self).items()})


@dataclass(frozen=True, eq=False)
class Batch(Scenery):
    """T steps of B clips and everything true of them.

    Attributes:
        surface: [F, H, W, 3] int8 `TrainingClip.surface`.
        score: [F, G*G] 1 where a head is, less beside it, 0 where none is, -1 where neither is to
            be learned.
        cells: [P, 3] frame, row, column of the patch each person is read from, ascending.
        padded_head_px: [P, 2] head in DINOv2's square, clamped into the picture.
        actor: [P] who it is; the same number is the same person inside a clip.
        rotations: [P, 53, 3, 3] SMPL-X, camera.
        betas: [P, 10].
        head_position: [P, 3] camera, metres.
    """

    surface: Tensor
    score: Tensor
    cells: Tensor
    padded_head_px: Tensor
    actor: Tensor
    rotations: Tensor
    betas: Tensor
    head_position: Tensor


class ClipStream(IterableDataset[Scenery]):
    """B clips of one size on their way through the network, and what comes between them.

    A loader's worker has clips of its own, so memory is carried from a worker's batch to its next.
    """

    def __init__(
        self,
        paths: list[Path],
        config: ModelConfig,
        num_clips: int,
        num_steps: int,
        seed: tuple[int, ...],
        *,
        single_paths: Sequence[Path] = (),
        single_share: float = 0.0,
        move_share: float = 0.0,
        is_augmented: bool = True,
    ) -> None:
        """Open the first clips.

        Args:
            paths: Files of `render_corpus`, at least one, each of `num_steps` frames or more.
            config: Sizes of the network.
            num_clips: B.
            num_steps: T.
            seed: Of the draws of clips, mirrors and colours. The first number alone says what
                comes when, so that processes that differ in the others do the same work.
            single_paths: Files whose frames may come singly, of any number of frames.
            single_share: Share of the batches that are single frames.
            move_share: Share of the batches that are moving cameras, in such single frames.
            is_augmented: False gives the pictures and the people's places as they are.
        """
        self._paths = paths
        self._single_paths = single_paths
        self._config = config
        self._num_steps = num_steps
        self._num_clips = num_clips
        self._seed = seed
        self._single_share = single_share
        self._move_share = move_share
        self._is_augmented = is_augmented
        self.begin(0)

    def begin(self, step: int, worker: int = 0) -> None:
        """Draw anew: the same clips for the same step of a training, others for another."""
        self._step = step
        self._rng = np.random.default_rng((*self._seed, step, worker))
        self._kinds = np.random.default_rng((self._seed[0], step, worker))
        self._clips = [self._open() for _ in range(self._num_clips)]
        self._starts = [0] * self._num_clips

    def __iter__(self) -> Iterator[Scenery]:
        """Batches without end, from the step last begun at, in a loader's worker or without."""
        worker = get_worker_info()
        self.begin(self._step, 0 if worker is None else worker.id)
        while True:
            kind = self._kinds.random()
            if kind < self._single_share:
                yield self.draw_singles(self._num_clips * self._num_steps)
            elif kind < self._single_share + self._move_share:
                yield self.draw_moves()
            else:
                yield self.next()

    def next(self) -> Batch:
        """The next T frames of every clip."""
        windows, is_start = [], []
        for lane, clip in enumerate(self._clips):
            start = self._starts[lane]
            if start + self._num_steps > len(clip.frames):
                clip, start = self._open(), 0
                self._clips[lane] = clip
            windows.append((clip, slice(start, start + self._num_steps)))
            is_start.append(start == 0)
            self._starts[lane] = start + self._num_steps
        return _batch(windows, is_start, self._config, self._rng if self._is_augmented else None)

    def draw_singles(self, num_frames: int) -> Batch:
        """Frames of as many clips, drawn anew, each the first and only one of its clip."""
        clips = [self._recolour(self._zoom(self._open_frame())) for _ in range(num_frames)]
        return single_batch(clips, self._config, self._rng if self._is_augmented else None)

    def draw_moves(self) -> Scenery:
        """T frames of B moving cameras, each in the scene of a frame drawn anew."""
        moved = []
        for _ in range(self._num_clips):
            clip, other = (self._recolour(self._open_frame()) for _ in range(2))
            moved.append(
                move_camera(
                    clip.frames[0],
                    clip.depth_m[0],
                    clip.person[0] > 0,
                    (other.frames[0], other.person[0] > 0),
                    clip.focal_px[0],
                    self._picture_size(clip),
                    self._num_steps,
                    self._rng,
                )
            )

        def joined(name: str) -> Tensor:
            return torch.from_numpy(np.concatenate([getattr(one, name) for one in moved]))

        focal_px = np.repeat([one.focal_px for one in moved], self._num_steps)
        return Scenery(
            frames=joined("frames"),
            depth_m=joined("depth_m"),
            person=joined("is_person").to(torch.uint8),
            world_from_camera=joined("world_from_camera"),
            focal_px=torch.from_numpy(focal_px.astype(np.float32)),
            is_start=torch.ones(self._num_clips, dtype=torch.bool),
        )

    def _open(self) -> TrainingClip:
        clip = read_clip(self._paths[self._rng.integers(len(self._paths))])
        return self._recolour(self._zoom(clip))

    def _open_frame(self) -> TrainingClip:
        path = self._single_paths[int(self._rng.integers(len(self._single_paths)))]
        return read_frame(path, lambda num_frames: int(self._rng.integers(num_frames)))

    def _zoom(self, clip: TrainingClip) -> TrainingClip:
        if not self._is_augmented:
            return clip
        share = draw_focal_share(float(clip.focal_px[0]) / max(clip.frames.shape[1:3]), self._rng)
        focal_px = share * self._config.long_side
        return zoom(clip, focal_px, self._picture_size(clip), draw_softness(self._rng))

    def _picture_size(self, clip: TrainingClip) -> tuple[int, int]:
        """Width and height that the network sees of a clip."""
        height, width = clip.frames.shape[1:3]
        geometry = image_geometry(width, height, self._config.long_side)
        return geometry.width, geometry.height

    def _recolour(self, clip: TrainingClip) -> TrainingClip:
        if not self._is_augmented:
            return clip
        if self._rng.random() < 0.5:
            clip = mirror(clip)
        return replace(clip, frames=recolour(clip.frames, clip.person, self._rng))


def single_batch(
    clips: Sequence[TrainingClip], config: ModelConfig, rng: np.random.Generator | None = None
) -> Batch:
    """The first frame of every clip, each all there is of it.

    Args:
        clips: Of one picture size.
        config: Sizes of the network.
        rng: Moves some people beside their patches; None leaves them.
    """
    windows = [(clip, slice(0, 1)) for clip in clips]
    return _batch(windows, [True] * len(clips), config, rng)


def _batch(
    windows: list[tuple[TrainingClip, slice]],
    is_start: list[bool],
    config: ModelConfig,
    rng: np.random.Generator | None,
) -> Batch:
    people, scores, num_frames = [], [], 0
    for clip, span in windows:
        for place in range(span.start, span.stop):
            score, rows = _seat(clip, place, config, rng)
            scores.append(score)
            people += [(num_frames, *row) for row in rows]
            num_frames += 1

    def column(index: int, shape: tuple[int, ...]) -> Tensor:
        values = [person[index] for person in people]
        return torch.from_numpy(np.array(values, np.float32).reshape(-1, *shape))

    def frames_of(name: str) -> NDArray:
        return np.concatenate([getattr(clip, name)[span] for clip, span in windows])

    cells = np.array([person[:3] for person in people], np.int64).reshape(-1, 3)
    return Batch(
        frames=torch.from_numpy(frames_of("frames")),
        depth_m=torch.from_numpy(frames_of("depth_m")),
        person=torch.from_numpy(frames_of("person")),
        surface=torch.from_numpy(frames_of("surface")),
        world_from_camera=torch.from_numpy(frames_of("world_from_camera")),
        focal_px=torch.from_numpy(frames_of("focal_px")),
        is_start=torch.tensor(is_start),
        score=torch.from_numpy(np.stack(scores).reshape(num_frames, -1)),
        cells=torch.from_numpy(cells),
        padded_head_px=column(3, (2,)),
        actor=column(4, ()).long(),
        rotations=column(5, (53, 3, 3)),
        betas=column(6, (10,)),
        head_position=column(7, (3,)),
    )


def _seat(
    clip: TrainingClip, place: int, config: ModelConfig, rng: np.random.Generator | None
) -> tuple[NDArray[np.float32], list[tuple]]:
    """The score map [G, G] of one frame, and its people in the order of their patches."""
    height, width = clip.frames.shape[1:3]
    grid, side, longest = config.dino_grid, config.dino_image_size, max(height, width)
    margin = np.array([(longest - width) // 2, (longest - height) // 2])
    inside = np.clip(clip.head_px[place], 0, [width - 1, height - 1])
    padded = (inside + margin) * (side / longest)
    score = np.zeros((grid, grid), np.float32)
    taken: dict[tuple[int, int], int] = {}
    for who in np.argsort(clip.head_position[place, :, 2]):  # the nearer of two takes the patch
        if not clip.is_seen[place, who]:
            continue
        column, row = (padded[who] // config.dino_patch_size).astype(int).clip(0, grid - 1)
        is_label = clip.visible_fraction[place, who] > LEAST_VISIBLE
        if is_label and (row, column) not in taken:
            taken[row, column] = who
        elif not is_label:
            around = np.s_[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
            score[around] = IGNORED
    for cell, who in taken.items():
        head_px = HEAD_M * clip.focal_px[place] / clip.head_position[place, who, 2]
        spread = head_px * side / longest / config.dino_patch_size / SIGMAS_A_HEAD
        raised = np.maximum(score, _hill(grid, padded[who] / config.dino_patch_size, spread))
        score = np.where(score == IGNORED, score, raised)
        score[cell] = 1
    seats = dict(taken)
    if rng is not None:
        for cell, who in taken.items():
            step = rng.integers(-1, 2, 2)
            moved = (cell[0] + int(step[0]), cell[1] + int(step[1]))
            is_free = moved not in seats and min(moved) >= 0 and max(moved) < grid
            if is_free and rng.random() < _JITTER_PROBABILITY:
                del seats[cell]
                seats[moved] = who
    rows = [
        (
            *cell,
            padded[who],
            who,
            clip.rotations[place, who],
            clip.betas[who],
            clip.head_position[place, who],
        )
        for cell, who in sorted(seats.items())
    ]
    return score, rows


def _hill(grid: int, middle: NDArray, spread: float) -> NDArray[np.float32]:
    """[G, G] a Gaussian of the distance of each patch's middle from x, y, all in patches."""
    x, y = np.meshgrid(*[np.arange(grid) + 0.5] * 2)
    squared = (x - middle[0]) ** 2 + (y - middle[1]) ** 2
    return np.exp(-squared / (2 * spread**2)).astype(np.float32)
