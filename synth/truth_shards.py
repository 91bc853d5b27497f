"""Commits shards of a corpus's truth: what was staged of the clips becomes a job's rows."""

import socket
from dataclasses import replace
from importlib.metadata import version

import numpy as np
import pyarrow as pa

from human3r_model.body import BodyModel
from pipeline.attempts import begin_attempt
from pipeline.commit import ShardWriter
from pipeline.outcome import WorkerIdentity
from pipeline.plan import PlannedClip, PlanReader
from pipeline.report import ShardReport, report_commit
from pipeline.rows import ClipRows, clip_times_s, make_rows
from pipeline.storage import Store
from pipeline.worker import WorkerSettings
from synth.clip_truth import ClipTruth, from_bytes
from synth.filming import load_body
from synth.layout import mask_path, staged_clip_path

TIME_TOLERANCE_S = 1e-6


def commit_truth(corpus: str, settings: WorkerSettings, shard_index: int) -> ShardReport:
    """Write and commit one shard of the truth; what was staged for it goes.

    Args:
        corpus: Uri of the corpus.
        settings: As a worker of the job is told; `settings.out` is the truth.
        shard_index: The shard.

    Raises:
        StorageError: The truth cannot be written, or what was staged is gone.
    """
    staged, store = Store(corpus), Store(settings.out)
    clips = PlanReader(store).read_shard(shard_index)
    ledger = _commit(staged, store, settings, shard_index, clips)
    for clip in clips:
        staged.delete(staged_clip_path(clip.uri, clip.start_frame))
    return report_commit(shard_index, ledger)


def truth_rows(clip: PlannedClip, truth: ClipTruth, body: BodyModel, depth_file: str) -> ClipRows:
    """A clip's rows as the job makes them; `visible_fraction` is that of the body's pixels."""
    planned_s = clip_times_s(clip)
    assert len(planned_s) == len(truth.times_s), (clip.uri, clip.start_frame, len(truth.times_s))
    assert np.abs(planned_s - truth.times_s).max() <= TIME_TOLERANCE_S, (clip.uri, clip.start_frame)
    rows = make_rows(clip, truth.labels, body, depth_file)
    return replace(rows, people=rows.people | {"visible_fraction": truth.visible_fraction})


def _commit(
    staged: Store,
    store: Store,
    settings: WorkerSettings,
    shard_index: int,
    clips: list[PlannedClip],
) -> pa.Table:
    """The shard's ledger."""
    body_path = settings.models.body_model
    assert body_path is not None
    host = socket.gethostname()
    attempt = begin_attempt(store, shard_index, settings.run_id, f"{host} {settings.run_id}")
    try:
        worker = WorkerIdentity(settings.identity, version("h3r"), host, device="cpu")
        writer = ShardWriter(store, shard_index, attempt, worker)
        for clip in clips:
            truth = from_bytes(staged.read(staged_clip_path(clip.uri, clip.start_frame)))
            rows = truth_rows(clip, truth, load_body(body_path), writer.depth_file(clip))
            store.write(mask_path(clip.clip_id), truth.masks)
            writer.add_rows(clip, rows, truth.labels.depth, {"depth_s": truth.labels.depth_s})
        return writer.commit(clips)
    finally:
        attempt.end()
