"""What became of a clip: rows, or a failure with its stage; and the ledger's row for either."""

from dataclasses import dataclass

from human3r_model.errors import BodyModelError
from pipeline.config import LabelIdentity
from pipeline.errors import DecodeError, DepthError, ProbeError, StorageError
from pipeline.plan import PlannedClip
from pipeline.rows import ClipRows
from schemas.errors import SchemasError
from schemas.metadata import LabelProvenance
from schemas.tables import CLIPS

MAX_MESSAGE_CHARS = 2000
_PLANNED_COLUMNS = (
    "clip_id",
    "video_id",
    "shard_id",
    "shard_index",
    "video_index",
    "uri",
    "shot_index",
    "start_frame",
    "end_frame",
    "start_time_s",
    "end_time_s",
)
_SECONDS_COLUMNS = ("decode_s", "network_s", "body_s", "depth_s", "write_s")
_STAGES: tuple[tuple[type[Exception], str], ...] = (
    (ProbeError, "probe"),
    (DecodeError, "decode"),
    (StorageError, "decode"),
    (BodyModelError, "body"),
    (DepthError, "depth"),
    (SchemasError, "quality"),
)


@dataclass(frozen=True)
class ClipFailure:
    """Why a clip has no labels.

    Attributes:
        stage: Where it failed, one of the ledger's stages.
        error_class: Name of the error's class.
        message: The error in words.
        is_transient: Whether trying the same thing again can help.
    """

    stage: str
    error_class: str
    message: str
    is_transient: bool = False


@dataclass(frozen=True)
class WrittenFile:
    """A file an attempt wrote.

    Attributes:
        path: Below the output root.
        sha256: Of its bytes.
        size_bytes: Its length.
    """

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class WorkerIdentity:
    """Who annotated, and with what.

    Attributes:
        labels: What the labels depend on.
        code_version: Of this program.
        host: Machine.
        device: "cpu" or the GPU's name.
    """

    labels: LabelIdentity
    code_version: str
    host: str
    device: str

    @property
    def provenance(self) -> LabelProvenance:
        """What tables carry in their metadata."""
        return provenance_of(self.labels, self.code_version)


def provenance_of(labels: LabelIdentity, code_version: str) -> LabelProvenance:
    """What tables with labels of an identity carry in their metadata."""
    return LabelProvenance(
        weights_sha256=labels.weights_sha256,
        model_preset=labels.model_preset,
        is_untrained=labels.is_untrained,
        body_model_sha256=labels.body_model_sha256,
        config_hash=labels.config_hash,
        code_version=code_version,
    )


def failure_of(error: Exception) -> ClipFailure:
    """The failure that an error stands for; its stage follows from its class."""
    stage = next((name for kind, name in _STAGES if isinstance(error, kind)), "annotate")
    message = (str(error) or repr(error))[:MAX_MESSAGE_CHARS]
    is_transient = bool(getattr(error, "is_transient", False))
    return ClipFailure(stage, type(error).__name__, message, is_transient)


def quarantine_failure(num_deaths: int) -> ClipFailure:
    """The failure of a clip that kills its worker."""
    return ClipFailure(
        "worker",
        "WorkerDiedError",
        f"worker died: the process ended {num_deaths} times while it was on this clip alone",
    )


def ledger_row(
    clip: PlannedClip,
    outcome: ClipRows | ClipFailure,
    files: dict[str, WrittenFile],
    seconds: dict[str, float],
    attempt: int,
    num_retries: int,
    worker: WorkerIdentity,
) -> dict[str, object]:
    """The clip's row in the ledger, every column present.

    Args:
        clip: What was planned.
        outcome: What became of it.
        files: The files with its rows and its depth, by table name and "depth".
        seconds: By phase, such as "decode_s"; phases that were not reached are 0.
        attempt: Number of the attempt, from 0.
        num_retries: Requests for its video that were made again.
        worker: Who did it.
    """
    row: dict[str, object] = dict.fromkeys(CLIPS.column_names)
    row |= {name: 0 for name in CLIPS.column_names if name.startswith("num_")}
    row |= {name: getattr(clip, name) for name in _PLANNED_COLUMNS}
    row |= {"attempt": attempt + 1, "num_retries": num_retries}
    row["num_frames_planned"] = len(clip.frame_index)
    row |= {name: seconds.get(name, 0.0) for name in _SECONDS_COLUMNS}
    if isinstance(outcome, ClipFailure):
        row |= {
            "status": "failed",
            "error_stage": outcome.stage,
            "error_class": outcome.error_class,
            "error_message": outcome.message,
            "error_is_transient": outcome.is_transient,
        }
    else:
        row |= outcome.outcome
        for kind, file in files.items():
            row |= {
                f"{kind}_file": file.path,
                f"{kind}_sha256": file.sha256,
                f"{kind}_size_bytes": file.size_bytes,
            }
    labels = worker.labels
    return row | {
        "weights_sha256": labels.weights_sha256,
        "model_preset": labels.model_preset,
        "is_untrained": labels.is_untrained,
        "body_model_sha256": labels.body_model_sha256,
        "config_hash": labels.config_hash,
        "schema_version": labels.schema_version,
        "code_version": worker.code_version,
        "host": worker.host,
        "device": worker.device,
    }
