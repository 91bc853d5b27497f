"""The accounts of a job in words."""

from typing import TYPE_CHECKING

from pipeline.layout import LEDGER_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.ledger import JobStatus
    from pipeline.pace import Pace

MAX_WORKERS_NAMED = 5


def clock(seconds: float) -> str:
    """Hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def pace_lines(pace: "Pace") -> "Iterator[str]":
    """What `status` says of a job that runs, or did not end."""
    if pace.eta_s is not None:
        yield f"pace: {pace.frames_per_s:.1f} frames/s, ETA {clock(pace.eta_s)}"
    if pace.attempting:
        since = pace.seconds_since_commit
        last = "nothing committed yet" if since is None else f"last commit {clock(since)} ago"
        yield f"workers at a shard: {len(pace.attempting)}; {last}"
        for mark in pace.attempting[:MAX_WORKERS_NAMED]:
            yield f"  {mark.worker}: at shard {mark.shard_index} for {clock(mark.seconds)}"


def account_lines(uri: str, status: "JobStatus") -> list[str]:
    """What `status` and the end of `annotate` print."""
    pending = f" + {status.num_pending} pending" if status.num_pending else ""
    lost = f" ({status.num_frames_lost} lost in decoding)" if status.num_frames_lost else ""
    lines = [
        f"{uri}: {status.num_clips} clips = {status.num_done} done + {status.num_empty} empty + "
        f"{status.num_failed} failed{pending}",
        f"{status.num_frames} of {status.num_frames_planned} frames{lost}, {status.num_people} "
        f"people rows, {status.num_tracks} tracks, {status.num_shards_committed} of "
        f"{status.num_shards} shards committed",
    ]
    if status.num_to_retry:
        lines.append(f"{status.num_to_retry} failed clips will be done again by h3r annotate")
    if status.failures:
        kinds = ", ".join(f"{kind} {count}" for kind, count in status.failures.items())
        lines.append(f"failures: {kinds}")
        lines += [f"  {failure}" for failure in status.first_failures]
        num_unnamed = status.num_failed - len(status.first_failures)
        if num_unnamed:
            lines.append(f"  and {num_unnamed} more: every clip has a row in {uri}/{LEDGER_FOLDER}")
    return lines
