"""A scene whose every number is known, written as a committed dataset.

Written without the checks of `ShardWriter`, which take most of a second.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from evaluation.dataset import Dataset
from human3r_model.body import BodyModel
from human3r_model.geometry import axis_angle_to_matrix, matrix_to_quaternion
from human3r_model.preprocess import image_geometry
from pipeline import layout
from pipeline.config import LabelConfig, LabelIdentity, PlanConfig
from pipeline.depth import DepthWriter
from pipeline.outcome import ClipFailure, WorkerIdentity, WrittenFile, ledger_row
from pipeline.plan import Plan, PlannedClip
from pipeline.rows import ClipRows, make_rows
from pipeline.run_file import RunFile, write_run
from pipeline.storage import Store
from pipeline.tables import ROW_SPECS, table_bytes
from schemas.arrow import table_from_columns
from schemas.fields import SCHEMA_VERSION
from schemas.tables import CLIPS, PLAN_CLIPS, VIDEOS
from tests.pipeline.truth import clip_labels, people_labels, planned_clip, random_rotations

SMALL = image_geometry(128, 96, 64)  # 64x48, two source pixels a pixel
NUM_FRAMES = 12
NUM_PEOPLE = 2
HOUR = "1970-01-01T00:00:00+00:00"
GONE = ClipFailure("decode", "DecodeError", "gone")


@dataclass(frozen=True, eq=False)
class Scene:
    """Two people who walk past a camera that moves and turns, in front of a wall.

    T = 12 frames at 50 frames a second, P = 2 people, who travel 1.1 m each.

    Attributes:
        world_from_camera: [T, 4, 4].
        rotations: [P, T, 53, 3, 3] SMPL-X; global in the world.
        heads: [P, T, 3] world, metres.
        heads_px: [P, T, 2] the network's picture.
        track_ids: [P, T]; -1 where a person is not labelled.
        betas: [P, 10].
        depth_m: Of the wall, [T].
    """

    world_from_camera: np.ndarray
    rotations: np.ndarray
    heads: np.ndarray
    heads_px: np.ndarray
    track_ids: np.ndarray
    betas: np.ndarray
    depth_m: np.ndarray


def make_scene(num_frames: int = NUM_FRAMES) -> Scene:
    """The scene."""
    frames = np.arange(num_frames)
    poses = np.tile(np.eye(4), (num_frames, 1, 1))
    turns = torch.zeros(num_frames, 3, dtype=torch.float64)
    turns[:, 1] = torch.from_numpy(0.02 * frames)
    poses[:, :3, :3] = axis_angle_to_matrix(turns).numpy()
    poses[:, :3, 3] = np.stack([0.05 * frames, 0.02 * np.sin(frames), 0.01 * frames**1.5], 1)
    heads = np.zeros((NUM_PEOPLE, num_frames, 3))
    heads[0] = np.stack([-1 + 0.1 * frames, 0 * frames, 4 + 0 * frames], 1)
    heads[1] = np.stack([1 + 0 * frames, 0 * frames, 5 - 0.1 * frames], 1)
    rotations = random_rotations(3, NUM_PEOPLE, num_frames, 53, most=0.3).numpy()
    heads_px = np.stack([np.full((num_frames, 2), [16, 20]), np.full((num_frames, 2), [44, 20])])
    return Scene(
        world_from_camera=poses,
        rotations=rotations,
        heads=heads,
        heads_px=heads_px.astype(np.float32),
        track_ids=np.array([[0], [1]]) + np.zeros(num_frames, np.int64),
        betas=np.array([[0.0] * 10, [1.0] + [0.0] * 9]),
        depth_m=np.full(num_frames, 8.0),
    )


def move_world(scene: Scene, rotation: np.ndarray, shift: np.ndarray, scale: float = 1.0) -> Scene:
    """The same labels in another world; a scale moves the cameras alone, bodies keep their size."""
    poses = scene.world_from_camera.copy()
    poses[:, :3, :3] = rotation @ poses[:, :3, :3]
    poses[:, :3, 3] = scale * poses[:, :3, 3] @ rotation.T + shift
    heads = (scene.heads - scene.world_from_camera[:, :3, 3]) @ rotation.T + poses[:, :3, 3]
    return replace(
        scene,
        world_from_camera=poses,
        heads=heads,
        rotations=_turned(scene.rotations, np.broadcast_to(rotation, (len(poses), 3, 3))),
    )


@dataclass(frozen=True)
class Span:
    """One clip: frames [start, stop) of the scene, or of its own one, each `step`-th."""

    start: int
    stop: int
    step: int = 1
    is_failed: bool = False
    lost: tuple[int, ...] = ()
    shares_first_frame: bool = False
    uri: str = "walk.mp4"
    scene: Scene | None = None

    @property
    def frames(self) -> np.ndarray:
        return np.arange(self.start, self.stop, self.step)


@dataclass(frozen=True)
class Writing:
    """How a scene is written."""

    spans: Sequence[Span] = (Span(0, NUM_FRAMES),)
    body_sha256: str | None = None
    has_depth: bool = True
    size: tuple[int, int] = (128, 96)


def write_scene(
    folder: Path, scene: Scene, body: BodyModel | None, writing: Writing | None = None
) -> Dataset:
    """Write a scene as one committed shard, and open it."""
    writing = writing or Writing()
    store = Store(str(folder))
    clips = [_clip(index, span, writing.size) for index, span in enumerate(writing.spans)]
    body_sha256 = writing.body_sha256 or (body.sha256 if body else None)
    identity = LabelIdentity(
        "tiny", "f" * 64, False, body_sha256, SCHEMA_VERSION, PlanConfig(), LabelConfig()
    )
    plan = _plan(clips)
    for path, spec, table in (
        (layout.PLAN_VIDEOS, VIDEOS, plan.videos),
        (layout.PLAN_CLIPS, PLAN_CLIPS, plan.clips),
    ):
        store.write(path, table_bytes(table, spec, None))
    write_run(store, RunFile("/videos", HOUR, "0.1.0", PlanConfig(), identity))
    worker = WorkerIdentity(identity, "0.1.0", "host", "cpu")
    outcomes = [
        _outcome(store, scene, clip, span, body, has_depth=writing.has_depth)
        for clip, span in zip(clips, writing.spans, strict=True)
    ]
    files = {}
    for spec in ROW_SPECS:
        parts = [
            table_from_columns(spec, getattr(rows, spec.name))
            for rows in outcomes
            if isinstance(rows, ClipRows)
        ]
        if parts and sum(part.num_rows for part in parts):
            path = layout.rows_path(spec.name, 0, "a")
            files[spec.name] = WrittenFile(path, "0" * 64, 1)
            store.write(path, table_bytes(pa.concat_tables(parts), spec, None))
    ledger = [
        ledger_row(clip, outcome, files, {}, 0, 0, worker)
        for clip, outcome in zip(clips, outcomes, strict=True)
    ]
    columns = {name: [row[name] for row in ledger] for name in CLIPS.column_names}
    store.write(layout.commit_path(0), table_bytes(table_from_columns(CLIPS, columns), CLIPS, None))
    return Dataset(store)


def _outcome(
    store: Store,
    scene: Scene,
    clip: PlannedClip,
    span: Span,
    body: BodyModel | None,
    *,
    has_depth: bool,
) -> ClipRows | ClipFailure:
    """The rows of a clip, its depth written."""
    if span.is_failed:
        return GONE
    labels = _labels(span.scene or scene, span, has_depth=has_depth)
    depth_file = None
    if labels.depth is not None:
        depth_file = layout.depth_path(0, "a", clip.clip_id)
        store.write(depth_file, labels.depth.data)
    return make_rows(clip, labels, body, depth_file)


def _labels(scene: Scene, span: Span, *, has_depth: bool):
    """What a network would have said of the span."""
    kept = np.array([frame for frame in span.frames if frame not in span.lost])
    rows = [
        (place, person, frame)
        for place, frame in enumerate(kept)
        for person in range(len(scene.track_ids))
        if scene.track_ids[person, frame] >= 0
    ]
    places, persons, frames = np.array(rows, np.int64).reshape(-1, 3).T
    poses = scene.world_from_camera
    heads = scene.heads[persons, frames] - poses[frames, :3, 3]
    camera_from_world = np.swapaxes(poses[frames, :3, :3], 1, 2)
    rotations = scene.rotations[persons, frames].copy()
    rotations[:, 0] = camera_from_world @ rotations[:, 0]
    people = people_labels(
        places.tolist(),
        track_id=scene.track_ids[persons, frames].tolist(),
        head_px=scene.heads_px[persons, frames].astype(np.float32),
        rotations=rotations.astype(np.float32),
        betas=scene.betas[persons].astype(np.float32),
        expression=np.zeros((len(rows), 10), np.float32),
        head_position=(camera_from_world @ heads[..., None])[..., 0].astype(np.float32),
    )
    quaternions = matrix_to_quaternion(torch.from_numpy(poses[kept, :3, :3])).numpy()
    labels = clip_labels(
        people,
        len(kept),
        SMALL,
        has_depth=False,
        num_lost=len(span.lost),
        clip_frame=np.searchsorted(span.frames, kept).astype(np.int32),
        world_from_camera=np.hstack([poses[kept, :3, 3], quaternions]).astype(np.float32),
        focal_px=60.0,
    )
    writer = DepthWriter(SMALL.width, SMALL.height)
    for frame in kept:
        wall_m = np.full((SMALL.height, SMALL.width), scene.depth_m[frame], np.float32)
        writer.add(wall_m, frame / 50)
    return replace(labels, depth=writer.finish()) if has_depth else labels


def _clip(index: int, span: Span, size: tuple[int, int]) -> PlannedClip:
    frames = span.frames.astype(np.int32)
    videos = sorted({"walk.mp4", span.uri})
    return planned_clip(
        len(frames),
        SMALL,
        clip_id=f"{index + 1:020x}",
        video_id=f"{videos.index(span.uri) + 100:020x}",
        video_index=videos.index(span.uri),
        uri=span.uri,
        start_frame=span.start,
        end_frame=int(frames[-1]) + 1 if len(frames) else span.start,
        start_time_s=span.start / 50,
        end_time_s=span.stop / 50,
        frame_index=frames,
        frame_pts=1000 + 20 * frames.astype(np.int64),
        width=size[0],
        height=size[1],
        shares_first_frame=span.shares_first_frame,
    )


def _plan(clips: list[PlannedClip]) -> Plan:
    videos = {clip.video_id: clip for clip in clips}
    video_rows = [
        dict.fromkeys(VIDEOS.column_names)
        | {
            "video_index": clip.video_index,
            "video_id": video_id,
            "uri": clip.uri,
            "etag": "1",
            "size_bytes": 1,
            "container": "mp4",
            "codec": "h264",
            "width": clip.width,
            "height": clip.height,
            "rotation_deg": 0,
            "is_variable_rate": False,
            "has_timestamps": True,
            "is_truncated": False,
            "time_base_num": 1,
            "time_base_den": 1000,
            "start_pts": 1000,
            "duration_s": NUM_FRAMES / 50,
            "num_frames": NUM_FRAMES,
            "status": "ok",
        }
        for video_id, clip in videos.items()
    ]
    clip_rows = [
        {name: getattr(clip, name) for name in PLAN_CLIPS.column_names if hasattr(clip, name)}
        | {
            "clip_index": index,
            "num_frames": len(clip.frame_index),
            "frame_index": clip.frame_index.tolist(),
            "frame_pts": clip.frame_pts.tolist(),
        }
        for index, clip in enumerate(clips)
    ]
    return Plan(
        *(
            table_from_columns(spec, {name: [row[name] for row in rows] for name in rows[0]})
            for spec, rows in ((VIDEOS, video_rows), (PLAN_CLIPS, clip_rows))
        )
    )


def _turned(rotations: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Rotations [P, T, 53, 3, 3] with the global one turned by [T, 3, 3]."""
    turned = rotations.copy()
    turned[:, :, 0] = turns @ turned[:, :, 0]
    return turned


SCENE = make_scene()
ENTIRE = Span(0, 12)


def written(folder, scene=SCENE, *spans, body=None, **changes):
    return write_scene(folder, scene, body, Writing(spans=spans or (ENTIRE,), **changes))


def values(evaluation):
    return {metric.name: metric.value for metric in evaluation.metrics}


def notes(evaluation):
    return {metric.name: metric.note for metric in evaluation.metrics}
