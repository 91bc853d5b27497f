"""The training corpus: random shots of the synthetic world, rendered as the network sees them."""

import functools
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from human3r_model.body import BodyModel
from human3r_model.preprocess import ImageGeometry, image_geometry, prepare_image
from synth.cameras import sample_camera
from synth.dressing import face_middles
from synth.render import render_shot
from synth.sampling import CAMERA_SHARES, draw_kind, sample_look, sample_shot
from synth.values import RenderedFrame, Shot
from training.clips import MOST_PEOPLE, TrainingClip, write_clip
from training.compression import QUALITY, compress

NUM_PEOPLE = (0, 1, 1, 1, 2, 2, 2, 3, 3, MOST_PEOPLE)
INTERVALS_S = (1 / 30, 1 / 15, 1 / 8, 1 / 4, 1 / 2)
VIEWS_SPAN_S = 30.0


@dataclass(frozen=True)
class CorpusSpec:
    """What a training corpus holds; clip i depends on these and i alone.

    Attributes:
        seed: Of everything random.
        width: Of the rendered picture, pixels.
        height: Of the rendered picture, pixels.
        long_side: Of the network's picture.
        num_frames: Frames a clip may have; one is drawn, as often as it is named.
        has_views: Its frames are views of one scene, each from a camera and at a time of its own,
            instead of a video's.
        margin: How much shorter than drawn focal lengths are. What is around what a network is to
            see leaves room for other focal lengths (`training/augment.py`) and for moves.
    """

    seed: int
    width: int
    height: int
    long_side: int
    num_frames: tuple[int, ...]
    has_views: bool = False
    margin: float = 1.0


@dataclass(frozen=True)
class ClipJob:
    """One clip to render.

    Attributes:
        path: The file it becomes.
        spec: What it is.
        index: Which of them.
    """

    path: Path
    spec: CorpusSpec
    index: int


def corpus_jobs(folder: Path, spec: CorpusSpec, num_clips: int) -> list[ClipJob]:
    """The clips of a corpus, a file each in `folder`."""
    names = [f"{index:06d}.safetensors" for index in range(num_clips)]
    return [ClipJob(folder / name, spec, index) for index, name in enumerate(names)]


def render_corpus(jobs: list[ClipJob], body_path: Path, num_processes: int) -> None:
    """Render the clips that are not there yet.

    Args:
        jobs: The clips.
        body_path: Body model of the people.
        num_processes: Processes that render side by side; 1 renders in this one.
    """
    missing = [job for job in jobs if not job.path.exists()]
    missing.sort(key=lambda job: job.index)  # all sizes and kinds at once, wherever it is stopped
    for folder in {job.path.parent for job in missing}:
        folder.mkdir(parents=True, exist_ok=True)
    if num_processes == 1 or not missing:
        for job in missing:
            _render(job, body_path)
        return
    context = get_context("spawn")
    with ProcessPoolExecutor(num_processes, context, torch.set_num_threads, (1,)) as pool:
        for done in [pool.submit(_render, job, body_path) for job in missing]:
            done.result()


def render_clip(spec: CorpusSpec, index: int, body: BodyModel) -> TrainingClip:
    """Render clip `index` of a corpus."""
    rng = np.random.default_rng((spec.seed, index))
    num_frames, interval_s = rng.choice(spec.num_frames), rng.choice(INTERVALS_S)
    times_s = np.arange(num_frames) * interval_s
    if spec.has_views:
        times_s = np.sort(rng.uniform(0, VIEWS_SPAN_S, num_frames))
    num_people = int(rng.choice(NUM_PEOPLE))
    shot = sample_shot(
        rng,
        body,
        width=spec.width,
        height=spec.height,
        times_s=times_s,
        num_people=num_people,
    )
    geometry = image_geometry(spec.width, spec.height, spec.long_side)
    quality = int(rng.integers(*QUALITY))
    shots = [_widen(s, spec.margin) for s in (_views(rng, shot) if spec.has_views else [shot])]
    rendered = [frame for part in shots for frame in render_shot(part, body)]
    focal_px = np.concatenate([np.full(len(p.times_s), p.camera.focal_px) for p in shots])
    middles = face_middles(body)
    return TrainingClip(
        frames=np.stack([prepare_image(compress(f.rgb, quality), geometry) for f in rendered]),
        depth_m=np.stack([_shrink(f.depth_m, geometry) for f in rendered]).astype(np.float16),
        person=np.stack([_shrink(f.person, geometry) for f in rendered]),
        surface=np.stack([_shrink(_on_body(f, middles), geometry) for f in rendered]),
        world_from_camera=_from_first([f.world_from_camera for f in rendered]),
        focal_px=(focal_px / geometry.scale_x).astype(np.float32),
        betas=np.stack([actor.betas for actor in shot.actors])
        if shot.actors
        else np.zeros((0, 10), np.float32),
        **_people(rendered, len(shot.actors), geometry),
    )


def _views(rng: np.random.Generator, shot: Shot) -> list[Shot]:
    """Every frame of a shot as a shot of its own, with another camera and another look."""
    views = []
    for place in range(len(shot.times_s)):
        part = slice(place, place + 1)
        actors = tuple(
            replace(actor, rotations=actor.rotations[part], head_position=actor.head_position[part])
            for actor in shot.actors
        )
        size = shot.camera.width, shot.camera.height
        kind, times_s = draw_kind(rng, CAMERA_SHARES), shot.times_s[part]
        camera = sample_camera(rng, kind, shot.place, actors, times_s, *size)
        views.append(Shot(times_s, shot.place, actors, camera, sample_look(rng)))
    return views


def _widen(shot: Shot, margin: float) -> Shot:
    """The same with a shorter lens."""
    return replace(shot, camera=replace(shot.camera, focal_px=shot.camera.focal_px / margin))


def _render(job: ClipJob, body_path: Path) -> None:
    write_clip(job.path, render_clip(job.spec, job.index, _read_body(body_path)))


@functools.cache
def _read_body(path: Path) -> BodyModel:
    """Each process reads it once."""
    return BodyModel.from_file(path)


def _on_body(frame: RenderedFrame, middles: NDArray[np.float64]) -> NDArray[np.int8]:
    """[H, W, 3] `TrainingClip.surface`, in the rendered picture."""
    points = np.where(frame.person[..., None] > 0, middles[frame.surface], 0.0)
    return (100 * points).round().astype(np.int8)


def _shrink(picture: NDArray, geometry: ImageGeometry) -> NDArray:
    """The nearest source pixel of every pixel of the network's picture."""
    columns = geometry.source_from_model([[x, 0] for x in range(geometry.width)])[:, 0]
    rows = geometry.source_from_model([[0, y] for y in range(geometry.height)])[:, 1]
    return picture[np.ix_(rows.round().astype(int), columns.round().astype(int))]


def _from_first(poses: list[NDArray[np.float64]]) -> NDArray[np.float32]:
    return (np.linalg.inv(poses[0]) @ np.stack(poses)).astype(np.float32)


def _people(
    rendered: list[RenderedFrame], num_people: int, geometry: ImageGeometry
) -> dict[str, NDArray]:
    """The columns of `TrainingClip` that say who is where; zeros where a head is not seen."""
    num_frames = len(rendered)
    columns: dict[str, NDArray] = {
        "is_seen": np.zeros((num_frames, num_people), np.bool_),
        "visible_fraction": np.zeros((num_frames, num_people), np.float32),
        "head_px": np.zeros((num_frames, num_people, 2), np.float32),
        "rotations": np.zeros((num_frames, num_people, 53, 3, 3), np.float32),
        "head_position": np.zeros((num_frames, num_people, 3), np.float32),
    }
    for place, frame in enumerate(rendered):
        people = frame.people
        columns["is_seen"][place, people.actor] = True
        columns["visible_fraction"][place, people.actor] = people.visible_fraction
        columns["head_px"][place, people.actor] = geometry.model_from_source(people.head_px)
        columns["rotations"][place, people.actor] = people.rotations
        columns["head_position"][place, people.actor] = people.head_position
    return columns
