"""Films one video of a corpus: renders its shots, encodes them, and stages their truth."""

import json
import os
from collections import deque
from functools import lru_cache

import numpy as np

from human3r_model.body import BodyModel
from pipeline.av_io.h264 import H264Encoder
from pipeline.cutting import cut_clips
from pipeline.storage import Store
from synth.clip_truth import TruthRecorder, to_bytes
from synth.ground import ground_plane
from synth.hidden import hidden_rows
from synth.layout import record_path, staged_clip_path, video_path
from synth.render import render_shot
from synth.sampling import sample_shot, turn_aside
from synth.values import Shot
from synth.video_spec import CorpusSpec, ShotSpec, VideoSpec, draw_video

FILMED_S = 946_684_800
"""Modification time of every video, the year 2000: its identity depends on it, by the plan."""


@lru_cache(maxsize=1)
def load_body(path: str) -> BodyModel:
    """The body model, read once a process."""
    return BodyModel.from_file(path)


def film_video(out: str, body_path: str, spec: CorpusSpec, index: int) -> int:
    """Film video `index` of a corpus and stage its truth; its record is written last.

    Args:
        out: Uri of the corpus.
        body_path: Body model of its people.
        spec: What the corpus is.
        index: Which video.

    Returns:
        Frames filmed.

    Raises:
        StorageError: The corpus cannot be written.
    """
    store, body, video = Store(out), load_body(body_path), draw_video(spec, index)
    encoder = H264Encoder(video.width, video.height, video.mean_fps, video.time_base, video.crf)
    shots, hidden, ground = [], [], []
    for shot_spec in video.shots:
        shot = make_shot(video, shot_spec, body)
        hidden += _film_shot(store, spec, video, shot_spec, shot, body, encoder)
        ground += _ground_of_clips(spec, shot_spec, shot)
        shots.append(_describe_shot(shot_spec, shot))
    path = video_path(video.uri)
    store.write(path, encoder.finish())
    local = store.local_path(path)
    if local is not None:
        os.utime(local, (FILMED_S, FILMED_S))
    record = {"video": _describe_video(spec, video, shots), "hidden": hidden, "ground": ground}
    store.write(record_path(video.uri), json.dumps(record).encode())
    return len(video.pts)


def make_shot(video: VideoSpec, spec: ShotSpec, body: BodyModel) -> Shot:
    """Draw one shot of a video."""
    rng = np.random.default_rng(spec.seed)
    times_s = video.times_s[spec.start_frame : spec.end_frame]
    shot = sample_shot(
        rng,
        body,
        width=video.width,
        height=video.height,
        times_s=times_s - times_s[0],
        num_people=spec.num_people,
        place=spec.place,
        camera=spec.camera,
    )
    return turn_aside(rng, shot) if video.variant == "border" else shot


def _film_shot(
    store: Store,
    corpus: CorpusSpec,
    video: VideoSpec,
    spec: ShotSpec,
    shot: Shot,
    body: BodyModel,
    encoder: H264Encoder,
) -> list[dict]:
    """Render a shot into the encoder and stage the truth of its clips; its hidden people."""
    coming = deque(cut_clips(spec.end_frame - spec.start_frame, corpus.max_clip_frames))
    recorders: dict[tuple[int, int], TruthRecorder] = {}  # two: their clips share a frame
    times_s = video.times_s[spec.start_frame : spec.end_frame]
    rows = []
    for place, frame in enumerate(render_shot(shot, body)):
        encoder.add(frame.rgb, video.pts[spec.start_frame + place])
        if coming and coming[0][0] == place:
            size = video.width, video.height
            recorders[coming.popleft()] = TruthRecorder(*size, shot.camera.focal_px)
        for (start, end), recorder in list(recorders.items()):
            recorder.add(frame, float(times_s[place]))
            if place < end - 1:
                continue
            truth, hidden = recorders.pop((start, end)).finish()
            first_frame, has_seam = spec.start_frame + start, start > 0
            store.write(staged_clip_path(video.uri, first_frame), to_bytes(truth))
            rows += hidden_rows(
                video.uri, first_frame, truth.labels, hidden, body, has_seam=has_seam
            )
    return rows


def _ground_of_clips(corpus: CorpusSpec, spec: ShotSpec, shot: Shot) -> list[dict]:
    """The ground in the world of each clip of a shot, by the clip's first frame."""
    return [
        {"start_frame": spec.start_frame + start}
        | ground_plane(shot.camera.world_from_camera[start])
        for start, _ in cut_clips(spec.end_frame - spec.start_frame, corpus.max_clip_frames)
    ]


def _describe_video(corpus: CorpusSpec, video: VideoSpec, shots: list[dict]) -> dict:
    return {
        "uri": video.uri,
        "index": video.index,
        "seed": corpus.seed,
        "variant": video.variant,
        "width": video.width,
        "height": video.height,
        "mean_fps": float(video.mean_fps),
        "num_frames": len(video.pts),
        "crf": video.crf,
        "num_people": max(shot["num_people"] for shot in shots),
        "shots": shots,
    }


def _describe_shot(spec: ShotSpec, shot: Shot) -> dict:
    return {
        "start_frame": spec.start_frame,
        "end_frame": spec.end_frame,
        "place": spec.place,
        "camera": spec.camera,
        "num_people": spec.num_people,
        "focal_px": shot.camera.focal_px,
        "exposure": shot.look.exposure,
        "noise": shot.look.noise,
        "shutter": shot.look.shutter,
    }
