"""The accounts of a job in words."""

from typing import TYPE_CHECKING

from pipeline.layout import LEDGER_FOLDER

if TYPE_CHECKING:
    from pipeline.ledger import JobStatus


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
