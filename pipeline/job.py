"""The main job: annotate what is not committed yet, tidy up, close the accounts.

Shards are run by whatever `run_shards` it is handed; this module knows no Ray.
"""

import uuid
from collections.abc import Callable, Generator, Sequence

import numpy as np

from pipeline.attempts import forget_attempts
from pipeline.config import LabelConfig, LabelIdentity, PlanConfig, WorkerConfig
from pipeline.digest import COMMITS_A_DIGEST
from pipeline.errors import JobError, TooManyFailuresError
from pipeline.gc import collect_garbage
from pipeline.ledger import JobStatus, committed_shards, digest_ledger, read_status
from pipeline.models import ModelSource, load_body, load_network
from pipeline.plan import read_plan
from pipeline.planning import PlannedJob
from pipeline.report import ShardReport
from pipeline.retry_requests import requested_shards
from pipeline.run_file import claim_labels
from pipeline.storage import Store
from pipeline.worker import WorkerSettings
from schemas.fields import SCHEMA_VERSION

MAX_CONSECUTIVE_ERRORS = 3
MIN_CLIPS_JUDGED = 20  # of a run, before its failures can stop it

RunShards = Callable[[Sequence[int], WorkerSettings], Generator[ShardReport]]


def identify(models: ModelSource, plan: PlanConfig, labels: LabelConfig) -> LabelIdentity:
    """What labels of these models and settings are; checks both files without running anything.

    Raises:
        CheckpointError: The weights cannot be read or do not fit.
        BodyModelError: The body model is no SMPL-X model.
        StorageError: A file is not there.
    """
    network = load_network(models, "cpu")
    body = load_body(models)
    return LabelIdentity(
        model_preset=network.config.name,
        weights_sha256=network.weights_sha256,
        is_untrained=network.is_untrained,
        body_model_sha256=body.sha256 if body else None,
        schema_version=SCHEMA_VERSION,
        plan=plan,
        labels=labels,
    )


def annotate_job(
    job: PlannedJob,
    identity: LabelIdentity,
    models: ModelSource,
    worker: WorkerConfig,
    run_shards: RunShards,
    on_report: Callable[[ShardReport], None] = lambda report: None,
    max_failure_rate: float = 1.0,
) -> JobStatus:
    """Annotate every shard of the plan that is not committed.

    Args:
        job: OUT and its plan.
        identity: What the labels will be.
        models: Where the models come from.
        worker: How much a worker does at once.
        run_shards: Runs shards and gives their reports as they end.
        on_report: Called with every report.
        max_failure_rate: The job stops when more than this share of its clips fail, once there are
            enough to tell.

    Returns:
        The closed accounts.

    Raises:
        RefusedError: OUT holds labels of another identity, or another job is making such.
        JobError: Clips are not accounted for: their shards could not be committed, or too many
            clips failed.
    """
    store = job.store
    claim_labels(store, job.run, identity)
    pending = pending_shards(store)
    errors: list[str] = []
    if pending:
        settings = WorkerSettings(
            out=store.uri,
            source_root=job.source_root,
            run_id=uuid.uuid4().hex[:8],
            models=models,
            identity=identity,
            config=worker,
        )
        watched = _watch_failures(on_report, max_failure_rate)
        errors = _run(pending, settings, store, run_shards, watched)
    if not errors:
        collect_garbage(store)
    status = read_status(store)
    if not status.is_finished or status.num_to_retry:
        reasons = "".join(
            f"\n  {error}" for error in dict.fromkeys(errors[-MAX_CONSECUTIVE_ERRORS:])
        )
        left = [f"{status.num_pending} of {status.num_clips} clips are not accounted for"]
        if status.num_to_retry:
            left.append(f"{status.num_to_retry} were not done again")
        raise JobError(
            f"{store.uri}: {', '.join(left)}; what is committed stays. Mend the cause and run the "
            f"same command again{reasons}"
        )
    return status


def pending_shards(store: Store) -> list[int]:
    """Shards of the plan that have no commit, or clips that are to be done again; longest first.

    So what is left for the end, when workers run out of shards, is short.
    """
    plan = read_plan(store, clip_columns=["shard_index", "num_frames"], video_columns=[])
    shards, frames = (plan.clips[name].to_numpy() for name in ("shard_index", "num_frames"))
    shard_frames = np.bincount(shards, weights=frames)
    done = committed_shards(store).keys() - requested_shards(store)
    order = np.argsort(-shard_frames, kind="stable").tolist()
    return [shard for shard in order if shard not in done]


def _run(
    pending: Sequence[int],
    settings: WorkerSettings,
    store: Store,
    run_shards: RunShards,
    on_report: Callable[[ShardReport], None],
) -> list[str]:
    """Run shards; the errors of those that could not be committed.

    After a few in a row the job stops: nothing that follows would fare better. Workers that are
    stopped on purpose have not died: their marks go.
    """
    errors: list[str] = []
    num_in_a_row = num_reports = 0
    reports = run_shards(pending, settings)

    def stop() -> None:
        reports.close()
        forget_attempts(store, settings.run_id)

    try:
        for report in reports:
            on_report(report)
            num_in_a_row = num_in_a_row + 1 if report.error else 0
            num_reports += 1
            if num_reports % COMMITS_A_DIGEST == 0:
                digest_ledger(store)
            if report.error:
                errors.append(report.error)
            if num_in_a_row == MAX_CONSECUTIVE_ERRORS:
                stop()
                break
    except (KeyboardInterrupt, SystemExit, TooManyFailuresError):  # SIGTERM is either of the first
        stop()
        raise
    return errors


def _watch_failures(
    on_report: Callable[[ShardReport], None], max_rate: float
) -> Callable[[ShardReport], None]:
    """`on_report`, and an end to a job that goes wrong."""
    num_clips = num_failed = 0

    def watch(report: ShardReport) -> None:
        nonlocal num_clips, num_failed
        on_report(report)
        num_failed += report.num_failed
        num_clips += report.num_done + report.num_empty + report.num_failed
        if num_clips >= MIN_CLIPS_JUDGED and num_failed > max_rate * num_clips:
            raise TooManyFailuresError(
                f"stopped: {num_failed} of {num_clips} clips failed, more than --max-failure-rate "
                f"{max_rate:g} allows. h3r status OUT says why; what is committed stays, and the "
                "same command goes on. h3r retry OUT has failed clips done again"
            )

    return watch
