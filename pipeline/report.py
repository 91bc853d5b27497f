"""What a worker tells the driver of a shard, and how failures are put into words."""

import dataclasses
import traceback
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from human3r_model.errors import Human3RError
from pipeline.errors import H3RError
from schemas.errors import SchemasError


@dataclass(frozen=True)
class ShardReport:
    """One shard, done with or given up.

    Attributes:
        shard_index: The shard.
        error: Why it could not be committed; "" when it is.
        num_done: Clips with people; likewise empty and failed ones.
        num_frames_planned: Sampled frames of all its clips.
        num_frames: Annotated frames.
        num_people: People rows.
    """

    shard_index: int
    error: str = ""
    num_done: int = 0
    num_empty: int = 0
    num_failed: int = 0
    num_frames_planned: int = 0
    num_frames: int = 0
    num_people: int = 0

    def to_row(self) -> dict[str, object]:
        """Plain values, for Ray."""
        return dataclasses.asdict(self)

    @classmethod
    def from_row(cls, row: dict) -> "ShardReport":
        """Back from `to_row`."""
        return cls(**row)


def report_commit(shard_index: int, ledger: pa.Table) -> ShardReport:
    """Sum up a shard's ledger rows."""
    status = ledger["status"].to_pylist()
    return ShardReport(
        shard_index=shard_index,
        num_done=status.count("done"),
        num_empty=status.count("empty"),
        num_failed=status.count("failed"),
        num_frames_planned=sum(ledger["num_frames_planned"].to_pylist()),
        num_frames=sum(ledger["num_frames"].to_pylist()),
        num_people=sum(ledger["num_people_rows"].to_pylist()),
    )


def error_text(error: Exception) -> str:
    """What a report says of an error: its message if it was raised on purpose, else its trace."""
    if isinstance(error, H3RError | Human3RError | SchemasError):
        return str(error)
    return "".join(traceback.format_exception(error)).strip()


def describe_failures(ledger: pa.Table, max_lines: int) -> list[str]:
    """The first failed clips of ledger rows, as "video [start, end): stage Class: message".

    Args:
        ledger: Rows of `clips`.
        max_lines: How many at most.
    """
    span, error = ("uri", "start_frame", "end_frame"), ("stage", "class", "message")
    columns = (*span, *(f"error_{part}" for part in error))
    failed = ledger.filter(pc.equal(ledger["status"], "failed")).select(columns)
    return [_describe_failure(**row) for row in failed.slice(0, max_lines).to_pylist()]


def _describe_failure(
    uri: str,
    start_frame: int,
    end_frame: int,
    error_stage: str,
    error_class: str,
    error_message: str,
) -> str:
    """One line; a video that could not be read has no frames to name."""
    place = f"{uri} [{start_frame}, {end_frame})" if end_frame else uri
    message = error_message.removeprefix(f"{uri}: ")
    return printable(f"{place}: {error_stage} {error_class}: {message}")


def printable_lines(text: str) -> str:
    """`printable` line by line, for messages that have several."""
    return "\n".join(map(printable, text.split("\n")))


def printable(text: str) -> str:
    """One line that leaves a terminal alone: control characters of names and messages spelled."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
