"""Annotate shards: what runs inside a Ray actor, without Ray.

A worker loads the models once. For a shard it records the attempt, runs the clips, writes and
checks their rows, and commits them; whatever goes wrong with one clip ends as that clip's row. Two
threads may bring it shards: while the network is at one, the other is read, decoded or committed.
"""

import contextlib
import itertools
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import NoReturn

import pyarrow as pa
import pyarrow.compute as pc
import torch

from human3r_model.errors import InputError
from human3r_model.preprocess import image_geometry
from pipeline.attempts import Attempt, begin_attempt
from pipeline.commit import ShardWriter
from pipeline.config import SHARDS_AT_ONCE, LabelIdentity, WorkerConfig
from pipeline.errors import RefusedError
from pipeline.footprint import decoder_bytes
from pipeline.frames import open_frames
from pipeline.inference import ClipInput, annotate_clips
from pipeline.labels import ClipLabels
from pipeline.ledger import read_commit
from pipeline.machine import release_memory
from pipeline.models import Models, ModelSource, device_name, load_models
from pipeline.outcome import (
    ClipFailure,
    WorkerIdentity,
    failure_of,
    quarantine_failure,
)
from pipeline.plan import PlannedClip, PlanReader
from pipeline.report import ShardReport, error_text, report_commit
from pipeline.retries import Retries
from pipeline.retry_requests import forget_request, read_request
from pipeline.rows import clip_times_s, make_rows
from pipeline.storage import Store

DEVICE_LOST = 70  # EX_SOFTWARE of sysexits.h
SWITCH_INTERVAL_S = 0.0005
"""How long a thread may keep Python's interpreter to itself while another waits; usually 5 ms. The
network is thousands of small calls, and would wait for decoding, rows and writing before each."""


@dataclass(frozen=True)
class WorkerSettings:
    """All a worker needs to know; travels to every actor.

    Attributes:
        out: Uri of OUT.
        source_root: Uri that the videos' names are relative to.
        run_id: Of the run, part of the attempts' names.
        models: Where the network and the body model come from.
        identity: What the labels must be made with.
        config: How much is done at once.
    """

    out: str
    source_root: str
    run_id: str
    models: ModelSource
    identity: LabelIdentity
    config: WorkerConfig


class ShardWorker:
    """Annotates shards with models that are loaded once; threads may share it."""

    def __init__(self, settings: WorkerSettings, models: Models) -> None:
        """Work with `models`.

        Raises:
            RefusedError: They are not what the job was started with.
        """
        weights_sha256 = models.network.weights_sha256
        body_sha256 = models.body.sha256 if models.body else None
        expected, is_compiled = settings.identity, settings.config.is_compiled
        if (weights_sha256, body_sha256) != (expected.weights_sha256, expected.body_model_sha256):
            raise RefusedError(
                f"worker on {socket.gethostname()}: loaded weights {weights_sha256} and "
                f"body model {body_sha256}, but the job was started with "
                f"{expected.weights_sha256} and {expected.body_model_sha256}. Give every machine "
                "the same files"
            )
        self._settings = settings
        self._model = models.network.model
        self._body = models.body
        self._identity = WorkerIdentity(
            labels=expected,
            code_version=version("h3r"),
            host=socket.gethostname(),
            device=device_name(models.device) + (", compiled" if is_compiled else ""),
        )
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._store = Store(settings.out)
        self._plan = PlanReader(self._store)
        self._entry = threading.Lock()
        self._places = threading.Semaphore(SHARDS_AT_ONCE)
        self._network_turn = threading.Lock()
        self._num_halved = 0  # how often a batch was too large for the device: the next begin so

    @classmethod
    def load(cls, settings: WorkerSettings) -> "ShardWorker":
        """A worker with the models that `settings` name."""
        config, precision = settings.config, settings.identity.labels.precision
        return cls(
            settings,
            load_models(settings.models, config.device, precision, is_compiled=config.is_compiled),
        )

    def annotate(self, shard_index: int) -> ShardReport:
        """Annotate and commit one shard.

        A shard that someone has committed already is left alone, but for failed clips of it that
        are asked for again. An error that is not a clip's own (OUT cannot be written) is reported;
        the shard then stays as it was.
        """
        try:
            before = read_commit(self._store, shard_index)
            if before is not None and not read_request(self._store, shard_index):
                return report_commit(shard_index, before)
            with self._attempt(shard_index) as attempt:
                clips = self._plan.read_shard(shard_index)
                if before is None:
                    return report_commit(shard_index, self._annotate(clips, attempt))
                return self._annotate_again(clips, attempt, before)
        except Exception as error:  # the shard stays uncommitted, the others go on
            return ShardReport(shard_index, error=error_text(error))

    @contextlib.contextmanager
    def _attempt(self, shard_index: int) -> Iterator[Attempt]:
        """A new attempt, once there is a place; a careful one has the worker for itself.

        So a process that dies in a careful attempt died of its clip, and of no other shard's.
        """
        with contextlib.ExitStack() as held:
            held.callback(release_memory)
            with self._entry:
                held.enter_context(self._places)
                who = f"{self._identity.host} {self._settings.run_id}"
                attempt = begin_attempt(self._store, shard_index, self._settings.run_id, who)
                held.callback(attempt.end)
                for _ in range(SHARDS_AT_ONCE - 1 if attempt.is_careful else 0):
                    held.enter_context(self._places)
            yield attempt

    def _annotate_again(
        self, clips: list[PlannedClip], attempt: Attempt, before: pa.Table
    ) -> ShardReport:
        """Run the failed clips that are asked for again, and replace their rows in the commit."""
        wanted = read_request(self._store, attempt.shard_index)
        rows = zip(before["clip_id"].to_pylist(), before["status"].to_pylist(), strict=True)
        failed = {clip_id for clip_id, status in rows if status == "failed"}
        again = [clip for clip in clips if clip.clip_id in wanted & failed]
        # Files are named by the attempt's name; its number goes on from those that were committed.
        attempt = replace(attempt, number=attempt.number + max(before["attempt"].to_pylist()))
        ledger = self._annotate(again, attempt, is_again=True) if again else before
        forget_request(self._store, attempt.shard_index)
        is_again = pc.is_in(
            ledger["clip_id"], pa.array([clip.clip_id for clip in again], pa.string())
        )
        return report_commit(attempt.shard_index, ledger.filter(is_again))

    def _annotate(
        self, clips: list[PlannedClip], attempt: Attempt, *, is_again: bool = False
    ) -> pa.Table:
        """Run clips of a shard and commit them."""
        writer = ShardWriter(self._store, attempt.shard_index, attempt, self._identity)
        runnable: list[ClipInput] = []
        planned = {clip.clip_id: (clip, Retries()) for clip in clips}
        for clip, retries in planned.values():
            answer = self._prepare(clip, attempt, retries)
            if isinstance(answer, ClipFailure):
                writer.add_failure(clip, answer)
            else:
                runnable.append(answer)
        config = self._settings.config.halved(self._num_halved)
        batch_clips = 1 if attempt.is_careful else config.batch_clips
        with ThreadPoolExecutor(1, "rows") as pool:  # while the network is at the next batch
            finishing: Future[None] | None = None
            for batch in make_batches(runnable, batch_clips, config.decode_bytes):
                with attempt.clip_mark(batch[0].clip_id):
                    answers = self._run_network(batch, config)
                    release_memory()
                    if finishing is not None:
                        finishing.result()
                    finishing = pool.submit(self._add_answers, batch, answers, planned, writer)
                    if attempt.is_careful:  # whatever kills the process here is this clip's
                        finishing.result()
            if finishing is not None:
                finishing.result()
        return writer.commit(clips, is_again=is_again)

    def _prepare(
        self, clip: PlannedClip, attempt: Attempt, retries: Retries
    ) -> ClipInput | ClipFailure:
        """The clip ready to run, or why it will not be."""
        if clip.probe_error is not None:
            return ClipFailure("probe", *clip.probe_error)
        if clip.clip_id in attempt.quarantined:
            return quarantine_failure(attempt.quarantined[clip.clip_id])
        try:
            geometry = image_geometry(clip.width, clip.height, self._model.config.long_side)
        except InputError as error:
            return failure_of(error)
        root, num_decoders = self._settings.source_root, self._settings.config.batch_clips
        return ClipInput(
            clip_id=clip.clip_id,
            geometry=geometry,
            times_s=clip_times_s(clip),
            open_frames=lambda: open_frames(clip, root, geometry, retries, num_decoders),
        )

    def _run_network(
        self, batch: Sequence[ClipInput], config: WorkerConfig
    ) -> list[ClipLabels | Exception]:
        labels, num_before = self._settings.identity.labels, self._num_halved
        try:
            answers = annotate_clips(self._model, batch, labels, config, self._network_turn)
        except torch.AcceleratorError as error:  # all that follows would fail in this process
            end_process(f"{self._identity.host}: {self._identity.device} failed: {error}")
        counts = [answer.num_out_of_memory for answer in answers if isinstance(answer, ClipLabels)]
        self._num_halved = max(self._num_halved, num_before + max(counts, default=0))
        return answers

    def _add_answers(
        self,
        batch: Sequence[ClipInput],
        answers: Sequence[ClipLabels | Exception],
        planned: Mapping[str, tuple[PlannedClip, Retries]],
        writer: ShardWriter,
    ) -> None:
        """Each clip's rows or error go to the writer."""
        for clip_input, answer in zip(batch, answers, strict=True):
            clip, retries = planned[clip_input.clip_id]
            if isinstance(answer, ClipLabels):
                self._add_labels(clip, answer, retries.num_retries, writer)
            else:
                writer.add_failure(clip, failure_of(answer), retries.num_retries)

    def _add_labels(
        self, clip: PlannedClip, labels: ClipLabels, num_retries: int, writer: ShardWriter
    ) -> None:
        began = time.perf_counter()
        depth_file = writer.depth_file(clip) if labels.depth is not None else None
        try:
            rows = make_rows(clip, labels, self._body, depth_file)
        except Exception as error:  # the clip boundary: whatever is wrong here is this clip's
            writer.add_failure(clip, failure_of(error), num_retries)
            return
        seconds = {
            "decode_s": labels.decode_s,
            "network_s": labels.network_s,
            "depth_s": labels.depth_s,
            "body_s": time.perf_counter() - began,
        }
        writer.add_rows(clip, rows, labels.depth, seconds, num_retries)


def end_process(reason: str) -> NoReturn:
    """End at once, as a crash would: what was under way is tried again in another process."""
    sys.stderr.write(f"{reason}\nThis worker ends; its shards are tried again\n")
    sys.stderr.flush()
    os._exit(DEVICE_LOST)


def make_batches(
    clips: Sequence[ClipInput], batch_clips: int, decode_bytes: int
) -> Iterator[list[ClipInput]]:
    """Clips of one network picture together, longest first.

    Args:
        clips: In any order.
        batch_clips: So many at a time at most.
        decode_bytes: Fewer, where the decoders of their source pictures would take more than this.
    """

    def size(clip: ClipInput) -> tuple[int, int]:
        return clip.geometry.height, clip.geometry.width

    ordered = sorted(clips, key=lambda clip: (*size(clip), -len(clip.times_s)))
    for _, same_size in itertools.groupby(ordered, key=size):
        batch: list[ClipInput] = []
        batch_bytes = 0
        for clip in same_size:
            source_size = clip.geometry.source_width, clip.geometry.source_height
            clip_bytes = decoder_bytes(*source_size, batch_clips)
            is_full = len(batch) == batch_clips or batch_bytes + clip_bytes > decode_bytes
            if batch and is_full:
                yield batch
                batch, batch_bytes = [], 0
            batch.append(clip)
            batch_bytes += clip_bytes
        yield batch
