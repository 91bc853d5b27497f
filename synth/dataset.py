"""Makes a corpus: films its videos, plans them as a job would, commits their truth.

Every step leaves what it has done, so that the same call goes on where an earlier one stopped.
"""

import dataclasses
import json
from collections.abc import Callable, Generator, Sequence
from functools import partial

from pipeline.config import LabelConfig, LabelIdentity, WorkerConfig, differences
from pipeline.errors import JobError, RefusedError
from pipeline.job import annotate_job
from pipeline.ledger import JobStatus, read_ledger, read_status
from pipeline.models import ModelSource
from pipeline.plan import has_plan
from pipeline.planning import plan_job
from pipeline.report import ShardReport
from pipeline.storage import Store, fetch_to_local
from pipeline.tables import plain_bytes
from pipeline.uris import join_uri
from pipeline.worker import WorkerSettings
from schemas.fields import SCHEMA_VERSION
from schemas.truth_files import GROUND, HIDDEN
from synth.filming import film_video, load_body
from synth.layout import (
    CORPUS_FILE,
    STAGED_FOLDER,
    TRUTH_FOLDER,
    VIDEOS_FILE,
    VIDEOS_FOLDER,
    record_path,
)
from synth.processes import Processes
from synth.truth_shards import commit_truth
from synth.video_spec import GENERATOR_VERSION, CorpusSpec, draw_video

MODEL_PRESET = "truth"


@dataclasses.dataclass(frozen=True)
class CorpusProgress:
    """Whom to tell how far it is.

    Attributes:
        on_video: Called with (videos filmed, videos, frames filmed by this call).
        on_shard: Called with (shards of the truth committed by this call, shards it has to do).
    """

    on_video: Callable[[int, int, int], None] = lambda done, total, num_frames: None
    on_shard: Callable[[int, int], None] = lambda done, total: None


def make_corpus(
    out: str,
    spec: CorpusSpec,
    body_path: str,
    num_processes: int,
    progress: CorpusProgress | None = None,
) -> JobStatus:
    """Make a corpus, or what is missing of it.

    Args:
        out: Uri of the corpus.
        spec: What it is.
        body_path: Body model of its people.
        num_processes: Processes side by side; never changes a byte of the videos or a label.
        progress: Whom to tell.

    Returns:
        The accounts of its truth.

    Raises:
        RefusedError: `out` holds something else.
        BodyModelError: The body model is none.
        StorageError: The corpus cannot be written, or the body model is not there.
        JobError: Something is left to do; the same call goes on.
    """
    progress = progress or CorpusProgress()
    body_path = str(fetch_to_local(body_path))
    body_sha256 = load_body(body_path).sha256
    store = Store(out)
    _claim(store, spec, body_sha256)
    truth = Store(join_uri(store.uri, TRUTH_FOLDER))
    if store.info(VIDEOS_FILE) is None:
        with Processes(num_processes) as processes:
            if not has_plan(truth):
                _film(store, spec, body_path, processes, progress)
            _commit(store, truth, spec, (body_path, body_sha256), processes, progress)
        _publish(store, truth, spec)
    for staged in store.list(STAGED_FOLDER):
        store.delete(staged.path)
    store.prune_empty_folders(STAGED_FOLDER)
    return read_status(truth)


def _claim(store: Store, spec: CorpusSpec, body_sha256: str) -> None:
    """Write down what the corpus is, or refuse to mix two.

    Raises:
        RefusedError: What differs and what to do.
    """
    wanted = {
        "generator_version": GENERATOR_VERSION,
        "body_model_sha256": body_sha256,
        "spec": dataclasses.asdict(spec),
    }
    text = json.dumps(wanted, indent=2) + "\n"
    if store.info(CORPUS_FILE) is None:
        if store.list():
            raise RefusedError(
                f"{store.uri}: is not empty and holds no corpus. Give a new folder as OUT"
            )
        store.check_access()
        store.write(CORPUS_FILE, text.encode())
        return
    lines = differences(json.loads(store.read(CORPUS_FILE)), json.loads(text))
    if lines:
        listed = "".join(f"\n  {line}" for line in lines)
        raise RefusedError(
            f"{store.uri}: holds another corpus. What differs (OUT's -> yours):{listed}\n"
            "Use OUT's arguments, or give a new folder"
        )


def _film(
    store: Store, spec: CorpusSpec, body_path: str, processes: Processes, progress: CorpusProgress
) -> None:
    """Film the videos that have no record yet."""
    filmed = {file.path for file in store.list(STAGED_FOLDER)}
    missing = [
        index
        for index in range(spec.num_videos)
        if record_path(draw_video(spec, index).uri) not in filmed
    ]
    num_done, num_frames = spec.num_videos - len(missing), 0
    film = partial(film_video, store.uri, body_path, spec)
    for frames in processes.run(film, missing):
        num_done, num_frames = num_done + 1, num_frames + frames
        progress.on_video(num_done, spec.num_videos, num_frames)


def _commit(
    store: Store,
    truth: Store,
    spec: CorpusSpec,
    body: tuple[str, str],
    processes: Processes,
    progress: CorpusProgress,
) -> None:
    """Plan the videos and commit the truth of every shard."""
    body_path, body_sha256 = body
    videos = (draw_video(spec, index) for index in range(spec.num_videos))
    job = plan_job(
        join_uri(store.uri, VIDEOS_FOLDER),
        truth.uri,
        {"max_clip_frames": spec.max_clip_frames},
        cuts={video.uri: video.cuts for video in videos},
    )
    identity = LabelIdentity(
        model_preset=MODEL_PRESET,
        weights_sha256=spec.sha256,
        is_untrained=False,
        body_model_sha256=body_sha256,
        schema_version=SCHEMA_VERSION,
        plan=job.run.plan,
        labels=LabelConfig(),
    )
    models = ModelSource(weights=None, preset=MODEL_PRESET, seed=spec.seed, body_model=body_path)

    def run_shards(shards: Sequence[int], settings: WorkerSettings) -> Generator[ShardReport]:
        commit = partial(commit_truth, store.uri, settings)
        reports = processes.run(commit, shards)
        for num_done, report in enumerate(reports):
            progress.on_shard(num_done + 1, len(shards))
            yield report

    status = annotate_job(job, identity, models, WorkerConfig(), run_shards)
    if status.num_failed:
        listed = "".join(f"\n  {failure}" for failure in status.first_failures)
        raise JobError(f"{truth.uri}: {status.num_failed} clips have no truth{listed}")


def _publish(store: Store, truth: Store, spec: CorpusSpec) -> None:
    """Put the videos' records together; the list of videos comes last and says: it is whole."""
    uris = [draw_video(spec, index).uri for index in range(spec.num_videos)]
    records = [json.loads(store.read(record_path(uri))) for uri in uris]
    hidden = [row for record in records for row in record["hidden"]]
    ledger = read_ledger(truth, ["uri", "start_frame", "clip_id"]).to_pylist()
    clip_ids = {(row["uri"], row["start_frame"]): row["clip_id"] for row in ledger}
    ground = [
        row | {"clip_id": clip_ids[uri, row["start_frame"]]}
        for uri, record in zip(uris, records, strict=True)
        for row in record["ground"]
    ]
    for file, rows in ((HIDDEN, hidden), (GROUND, ground)):
        truth.write(file.path, plain_bytes(rows, file.schema))
    lines = "".join(json.dumps(record["video"]) + "\n" for record in records)
    store.write(VIDEOS_FILE, lines.encode())
