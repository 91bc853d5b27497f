"""What a worker tells the driver of a shard: counts and failures, nothing dense."""

import dataclasses
from dataclasses import dataclass

import pyarrow as pa

MAX_FAILURES_NAMED = 20


@dataclass(frozen=True)
class ShardReport:
    """One shard, done with or given up.

    Attributes:
        shard_index: The shard.
        error: Why it could not be committed; "" when it is.
        num_done: Clips with people; likewise empty and failed ones.
        num_frames: Annotated frames.
        num_people: People rows.
        failures: The first failed clips, as "video [start, end): stage Class: message".
    """

    shard_index: int
    error: str = ""
    num_done: int = 0
    num_empty: int = 0
    num_failed: int = 0
    num_frames: int = 0
    num_people: int = 0
    failures: tuple[str, ...] = ()

    def to_row(self) -> dict[str, object]:
        """Plain values, for Ray."""
        return {**dataclasses.asdict(self), "failures": list(self.failures)}

    @classmethod
    def from_row(cls, row: dict) -> "ShardReport":
        """Back from `to_row`."""
        return cls(**{**row, "failures": tuple(row["failures"])})


def report_commit(shard_index: int, ledger: pa.Table) -> ShardReport:
    """Sum up a shard's ledger rows."""
    status = ledger["status"].to_pylist()
    return ShardReport(
        shard_index=shard_index,
        num_done=status.count("done"),
        num_empty=status.count("empty"),
        num_failed=status.count("failed"),
        num_frames=sum(ledger["num_frames"].to_pylist()),
        num_people=sum(ledger["num_people_rows"].to_pylist()),
        failures=tuple(describe_failures(ledger)[:MAX_FAILURES_NAMED]),
    )


def describe_failures(ledger: pa.Table) -> list[str]:
    """One line for every failed clip of ledger rows."""
    columns = ("uri", "start_frame", "end_frame", "status", "error_stage", "error_message")
    return [
        f"{row['uri']} [{row['start_frame']}, {row['end_frame']}): {row['error_stage']}: "
        f"{row['error_message']}"
        for row in ledger.select(columns).to_pylist()
        if row["status"] == "failed"
    ]
