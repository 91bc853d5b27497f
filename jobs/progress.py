"""The progress line: live on a terminal, a plain line now and then elsewhere; always on stderr.

The live line has a descriptor of its own, so that whoever filters descriptor 2 line by line does
not hold it up.
"""

import os
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from jobs.summary import clock

if TYPE_CHECKING:
    from pipeline.report import ShardReport

PLAIN_INTERVAL_S = 10.0


class ProgressLine:
    """A counter with a text beside it."""

    def __init__(self, label: str) -> None:
        """Prepare; shows nothing before the first `show`."""
        self._label = label
        self._bar: Progress | None = None
        self._last_plain_s = float("-inf")

    def __enter__(self) -> Self:
        """Start the live line if stderr is a terminal."""
        if sys.stderr.isatty():
            self._terminal = os.fdopen(os.dup(sys.stderr.fileno()), "w")
            self._bar = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=20),
                MofNCompleteColumn(),
                TextColumn("{task.fields[text]}"),
                console=Console(file=self._terminal),
            )
            self._task = self._bar.add_task(self._label, total=None, text="")
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the last line standing."""
        if self._bar is not None:
            self._bar.stop()
            self._terminal.close()

    def show(self, done: int, total: int, text: str = "") -> None:
        """Update; plain lines come every ten seconds, and at the end."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total, text=text)
            return
        now_s = time.monotonic()
        if done >= total or now_s - self._last_plain_s >= PLAIN_INTERVAL_S:
            self._last_plain_s = now_s
            sys.stderr.write(f"{self._label} {done}/{total} {text}".rstrip() + "\n")
            sys.stderr.flush()


class PlanProgress(ProgressLine):
    """Files probed; then, which is noticed where there are 10^5 of them, files cut into clips."""

    def __init__(self) -> None:
        """Prepare."""
        super().__init__("probe")

    def show_cut(self, done: int, total: int) -> None:
        """Update; among plain lines the end needs none of its own."""
        if done < total or self._bar is not None:
            self.show(done, total, "cut into clips")


class AnnotateProgress(ProgressLine):
    """Clips, frames a second, people, failures and the time that is left."""

    def __init__(self, num_clips: int, num_clips_pending: int, num_frames_pending: int) -> None:
        """Start counting after what earlier runs committed.

        Args:
            num_clips: Planned clips.
            num_clips_pending: Those that are not committed yet.
            num_frames_pending: Sampled frames of these.
        """
        super().__init__("annotate")
        self._num_clips_planned = num_clips
        self._num_clips_before = num_clips - num_clips_pending
        self._num_frames_pending = num_frames_pending
        self._num_clips = self._num_frames = self._num_frames_gone = 0
        self._num_people = self._num_failed = self._num_errors = 0
        self._began_s = time.monotonic()

    def __enter__(self) -> Self:
        """Show where the job stands, unless it is done."""
        super().__enter__()
        if self._num_clips_before < self._num_clips_planned:
            self.show(self._num_clips_before, self._num_clips_planned, "clips")
        return self

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._began_s

    @property
    def num_clips(self) -> int:
        """Clips committed by this run."""
        return self._num_clips

    @property
    def num_frames(self) -> int:
        """Frames annotated by this run."""
        return self._num_frames

    def add(self, report: "ShardReport") -> None:
        """Count a shard's report and show where the job stands."""
        self._num_clips += report.num_done + report.num_empty + report.num_failed
        self._num_frames += report.num_frames
        self._num_frames_gone += report.num_frames_planned
        self._num_people += report.num_people
        self._num_failed += report.num_failed
        self._num_errors += bool(report.error)
        text = (
            f"clips · {self._num_frames / self.seconds:.1f} frames/s · {self._num_people} people · "
            f"{self._num_failed} failed · ETA {self._time_left()}"
        )
        if self._num_errors:
            text += f" · {self._num_errors} shards not committed"
        self.show(self._num_clips_before + self._num_clips, self._num_clips_planned, text)

    def _time_left(self) -> str:
        """From the pace of this run; "?" before there is one."""
        num_left = self._num_frames_pending - self._num_frames_gone
        if num_left == 0:
            return clock(0)
        gone = self._num_frames_gone
        return clock(num_left * self.seconds / gone) if gone else "?"
