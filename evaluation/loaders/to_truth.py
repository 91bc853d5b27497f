"""Writes a ground truth as videos and, of those videos, a dataset such as a job writes.

OUT/videos/NAME.mp4 are the sequences' pictures, to be annotated; OUT/truth is the dataset that
`h3r evaluate` compares their labels with; OUT/import.json, written first, is what OUT is of. Every
step leaves what it has done, so that the same call goes on where an earlier one stopped.
"""

import hashlib
import json
import socket
from collections.abc import Callable, Generator, Sequence
from fractions import Fraction
from importlib.metadata import version

import numpy as np
from PIL import Image

from evaluation.loaders.errors import TruthError
from evaluation.loaders.fields import ONLY_HELPS
from evaluation.loaders.sequence import TrueSequence
from evaluation.loaders.true_bodies import BodyFolder
from evaluation.loaders.true_rows import SequencePeople, find_people, label_clip, true_rows
from evaluation.smpl import NUM_BETAS
from pipeline.attempts import begin_attempt
from pipeline.av_io.h264 import H264Encoder
from pipeline.commit import ShardWriter
from pipeline.config import LabelConfig, LabelIdentity, WorkerConfig, differences
from pipeline.errors import RefusedError
from pipeline.job import annotate_job
from pipeline.ledger import JobStatus
from pipeline.models import ModelSource
from pipeline.outcome import WorkerIdentity
from pipeline.plan import PlanReader, has_plan, read_plan
from pipeline.planning import plan_job
from pipeline.report import ShardReport, report_commit
from pipeline.storage import Store
from pipeline.tables import plain_bytes
from pipeline.uris import join_uri
from pipeline.worker import WorkerSettings
from schemas.fields import SCHEMA_VERSION
from schemas.truth_files import HIDDEN, NO_WORLD, SMPL_PEOPLE

CLAIM_FILE = "import.json"
VIDEOS_FOLDER = "videos"
TRUTH_FOLDER = "truth"
MODEL_PRESET = "truth"
TIME_BASE = Fraction(1, 90_000)
CRF = 12
"""Of the videos: hardly to be told from the pictures."""


def import_truth(
    sequences: Sequence[TrueSequence],
    out: str,
    bodies: BodyFolder | None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> JobStatus:
    """Write videos and truth of some sequences, or what is missing of them.

    A sequence is one clip of the truth, however long: it is compared by the clips of its labels.

    Args:
        sequences: Of one dataset; each needs its pictures.
        out: Uri of the folder to write.
        bodies: SMPL-X's models, for SMPL-X people.
        on_progress: Called with (videos there, videos).

    Returns:
        The accounts of the truth.

    Raises:
        TruthError: Pictures or depth maps are missing or damaged, or a body model is missing.
        RefusedError: `out` holds another truth.
        StorageError: `out` cannot be written.
        JobError: Something is left to do; the same call goes on.
    """
    store = Store(out)
    by_uri = {f"{sequence.name}.mp4": sequence for sequence in sequences}
    truth = Store(join_uri(store.uri, TRUTH_FOLDER))
    people = {
        uri: find_people(sequence, bodies, *video_size(sequence))
        for uri, sequence in by_uri.items()
    }
    contents = _contents(sequences, bodies)
    _claim(store, truth, contents)
    for number, (uri, sequence) in enumerate(by_uri.items(), start=1):
        path = f"{VIDEOS_FOLDER}/{uri}"
        if store.info(path) is None:
            store.write(path, encode(sequence))
        on_progress(number, len(by_uri))
    longest = max(2, *(len(sequence.frame_names) for sequence in sequences))
    job = plan_job(join_uri(store.uri, VIDEOS_FOLDER), truth.uri, {"max_clip_frames": longest})
    _check_videos(truth, by_uri)
    truth.write(HIDDEN.path, plain_bytes(_hidden_rows(people), HIDDEN.schema))
    no_world = [{"uri": uri} for uri, s in by_uri.items() if s.world_from_camera is None]
    if no_world:
        truth.write(NO_WORLD.path, plain_bytes(no_world, NO_WORLD.schema))
    smpl_rows = _smpl_rows(by_uri, people)
    if smpl_rows:
        truth.write(SMPL_PEOPLE.path, plain_bytes(smpl_rows, SMPL_PEOPLE.schema))

    def run_shards(shards: Sequence[int], settings: WorkerSettings) -> Generator[ShardReport]:
        for shard in shards:
            yield _commit_shard(truth, settings, shard, by_uri, people)

    identity = LabelIdentity(
        model_preset=MODEL_PRESET,
        weights_sha256=_sha256(json.dumps(contents)),
        is_untrained=False,
        body_model_sha256=contents["body_model_sha256"],
        schema_version=SCHEMA_VERSION,
        plan=job.run.plan,
        labels=LabelConfig(depth=any(s.read_depth is not None for s in sequences)),
    )
    models = ModelSource(weights=None, preset=MODEL_PRESET, seed=0, body_model=None)
    return annotate_job(job, identity, models, WorkerConfig(), run_shards)


def video_size(sequence: TrueSequence) -> tuple[int, int]:
    """Width and height of the video: a codec takes even sides, so a last column or row goes."""
    return sequence.width // 2 * 2, sequence.height // 2 * 2


def encode(sequence: TrueSequence) -> bytes:
    """The pictures of a sequence as an MP4, at their times.

    Raises:
        TruthError: A picture is missing, damaged or of another size than the truth says.
    """
    if sequence.image_paths is None:
        raise TruthError(
            sequence.name, "its pictures are not beside the truth, and without them there is "
            f"nothing to annotate; see docs/evaluation.md for where they go. {ONLY_HELPS}"
        )  # fmt: skip
    width, height = video_size(sequence)
    step_s = float(np.median(np.diff(sequence.times_s))) if len(sequence.times_s) > 1 else 1.0
    fps = Fraction(1 / step_s).limit_denominator(1001)
    encoder = H264Encoder(width, height, fps, TIME_BASE, CRF)
    for path, time_s in zip(sequence.image_paths, sequence.times_s, strict=True):
        try:
            with Image.open(path) as picture:
                rgb = np.asarray(picture.convert("RGB"))
        except OSError as error:
            raise TruthError(
                path, f"not a picture that can be read ({error}). {ONLY_HELPS}"
            ) from error
        if rgb.shape[:2] != (sequence.height, sequence.width):
            raise TruthError(
                path,
                f"is {rgb.shape[1]} x {rgb.shape[0]}, and the truth is for {sequence.width} x "
                f"{sequence.height}: turn it, or get the picture in its full size",
            )
        encoder.add(np.ascontiguousarray(rgb[:height, :width]), round(time_s / TIME_BASE))
    return encoder.finish()


def _claim(store: Store, truth: Store, wanted: dict) -> None:
    """Write down what OUT is of, the very pictures of each sequence, or refuse to mix two.

    As long as no truth is planned, videos of other pictures give way.

    Raises:
        RefusedError: What differs and what to do.
    """
    is_claimed = store.info(CLAIM_FILE) is not None
    if not is_claimed and store.list():
        raise RefusedError(
            f"{store.uri}: is not empty and holds no imported truth. Give a new folder as OUT"
        )
    stored = json.loads(store.read(CLAIM_FILE)) if is_claimed else {"sequences": {}}
    lines = differences(stored, wanted)
    if not lines:
        return
    if is_claimed and has_plan(truth):
        listed = "".join(f"\n  {line}" for line in lines)
        raise RefusedError(
            f"{store.uri}: holds another truth. What differs (OUT's -> yours):{listed}\n"
            "Use OUT's --only, --frames and --body-models, or give a new folder"
        )
    for name, pictures in stored["sequences"].items():
        path = f"{VIDEOS_FOLDER}/{name}.mp4"
        if pictures != wanted["sequences"].get(name) and store.info(path) is not None:
            store.delete(path)
    store.check_access()
    store.write(CLAIM_FILE, (json.dumps(wanted, indent=2) + "\n").encode())


def _contents(sequences: Sequence[TrueSequence], bodies: BodyFolder | None) -> dict:
    """What makes two truths the same: the body model, and the pictures and people of each video."""
    has_bodies = any(person.body == "smplx" for s in sequences for person in s.people)
    return {
        "body_model_sha256": bodies.neutral_sha256 if bodies and has_bodies else None,
        "sequences": {
            sequence.name: {
                "dataset": sequence.dataset,
                "num_people": len(sequence.people),
                "num_frames": len(sequence.frame_names),
                "first_frame": sequence.frame_names[0],
                "last_frame": sequence.frame_names[-1],
                "frames_sha256": _sha256("\n".join(sequence.frame_names)),
            }
            for sequence in sequences
        },
    }


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _check_videos(truth: Store, by_uri: dict[str, TrueSequence]) -> None:
    """Refuse a plan of other videos than those of the sequences."""
    planned = read_plan(truth, clip_columns=[], video_columns=["uri"]).videos["uri"].to_pylist()
    others = sorted(set(planned) ^ by_uri.keys())
    if others:
        raise RefusedError(
            f"{truth.uri}: is of other videos than these sequences: {others[0]} is of one of the "
            "two only. Choose a new OUT"
        )


def _hidden_rows(people: dict[str, SequencePeople]) -> list[dict]:
    return [
        {"uri": uri, "frame_index": int(frame), "head_px": head_px.tolist(), "box": None}
        for uri, everybody in people.items()
        for hidden in [everybody.select(np.flatnonzero(~everybody.is_valid))]
        for frame, head_px in zip(hidden.frame, hidden.head_px, strict=True)
    ]


def _smpl_rows(by_uri: dict[str, TrueSequence], people: dict[str, SequencePeople]) -> list[dict]:
    """SMPL's parameters of everybody who has a row and is of SMPL, in the order of the people."""
    rows = []
    for uri, sequence in by_uri.items():
        everybody = people[uri]
        for track, person in enumerate(sequence.people):
            if person.body != "smpl":
                continue
            assert sequence.world_from_camera is not None
            assert person.transl_world is not None
            frames = everybody.frame[everybody.is_valid & (everybody.track_id == track)]
            camera_from_world = np.linalg.inv(sequence.world_from_camera[frames])[:, :3]
            pose = np.hstack([person.global_orient, person.body_pose])
            rows += [
                {
                    "uri": uri,
                    "frame_index": frame,
                    "track_id": track,
                    "gender": person.gender,
                    "pose": pose[place].tolist(),
                    "betas": person.betas[place, :NUM_BETAS].tolist(),
                    "transl": person.transl_world[place].tolist(),
                    "camera_from_world": matrix.ravel().tolist(),
                }
                for frame, place, matrix in zip(
                    frames.tolist(),
                    np.searchsorted(person.frame, frames),
                    camera_from_world,
                    strict=True,
                )
            ]
    return rows


def _commit_shard(
    store: Store,
    settings: WorkerSettings,
    shard_index: int,
    sequences: dict[str, TrueSequence],
    people: dict[str, SequencePeople],
) -> ShardReport:
    host = socket.gethostname()
    clips = PlanReader(store).read_shard(shard_index)
    attempt = begin_attempt(store, shard_index, settings.run_id, f"{host} {settings.run_id}")
    try:
        worker = WorkerIdentity(settings.identity, version("h3r"), host, device="cpu")
        writer = ShardWriter(store, shard_index, attempt, worker)
        for clip in clips:
            sequence, seen = sequences[clip.uri], people[clip.uri]
            labels = label_clip(sequence, seen, clip)
            depth_file = writer.depth_file(clip)
            rows = true_rows(sequence, seen, clip, labels, depth_file)
            writer.add_rows(clip, rows, labels.depth, {"depth_s": labels.depth_s})
        return report_commit(shard_index, writer.commit(clips))
    finally:
        attempt.end()
