"""The plan: every video of SRC, cut into clips and packed into shards; written once, never changed.

The same SRC and configuration give the same plan, byte for byte, on every machine. A video that
cannot be read is planned too, as one clip of no frames, so that the ledger accounts for it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline import layout
from pipeline.config import PlanConfig
from pipeline.errors import PlanError, StorageError
from pipeline.plan_rows import clip_rows, pack_rows, video_row
from pipeline.probe_journal import ProbeJournal
from pipeline.probing import Probe, probe_file, probe_files
from pipeline.source import Source
from pipeline.storage import Store
from pipeline.tables import SortedTable, TableWriter, read_table
from schemas.tables.plan_clips import PLAN_CLIPS
from schemas.tables.videos import VIDEOS


@dataclass(frozen=True)
class Plan:
    """What a job has to do.

    Attributes:
        videos: Table `videos`, one row a file of SRC.
        clips: Table `plan_clips`, in shard order.
    """

    videos: pa.Table
    clips: pa.Table

    @property
    def num_shards(self) -> int:
        """Shards, numbered from 0."""
        return int(self.clips["shard_index"][-1].as_py()) + 1


@dataclass(frozen=True)
class PlannedClip:
    """One clip with all a worker needs to annotate it.

    Attributes:
        clip_id: Identity of the clip; likewise `video_id`, `shard_id`.
        uri: The video's name relative to SRC.
        etag: What the store said of the video when it was planned.
        size_bytes: Size of the video then.
        start_frame: First source frame; the span is half-open.
        start_time_s: Presentation time of the span's first frame, from the video's first.
        frame_index: [T] source frames to annotate.
        frame_pts: [T] their presentation times, in units of `time_base`.
        start_pts: The time stamp of the video's first frame, where its clock is 0.
        time_base: Seconds a time stamp's unit.
        width: Of the source picture as displayed, pixels; 0 when the video cannot be read.
        height: Likewise.
        rotation_deg: Clockwise, already counted in `width` and `height`.
        has_timestamps: The file stores times; without them frames are found by counting.
        shares_first_frame: The first frame is also the last of the clip before.
        probe_error: (class, message) of a video that cannot be read, else None.
    """

    shard_index: int
    shard_id: str
    clip_id: str
    video_id: str
    video_index: int
    uri: str
    etag: str
    size_bytes: int
    shot_index: int
    start_frame: int
    end_frame: int
    start_time_s: float
    end_time_s: float
    frame_index: NDArray[np.int32]
    frame_pts: NDArray[np.int64]
    start_pts: int
    time_base: Fraction
    width: int
    height: int
    rotation_deg: int
    has_timestamps: bool
    shares_first_frame: bool
    probe_error: tuple[str, str] | None


@dataclass(frozen=True)
class PlanFiles:
    """A plan as the files that hold it: as tables, a corpus of 10^6 clips would take gigabytes.

    Attributes:
        videos: The Parquet file of table `videos`.
        clips: The Parquet file of table `plan_clips`.
    """

    videos: bytes
    clips: bytes


def make_plan(
    source: Source,
    config: PlanConfig,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    cuts: Mapping[str, Sequence[int]] | None = None,
    journal: ProbeJournal | None = None,
    probe: Probe = probe_file,
    on_cut: Callable[[int, int], None] = lambda done, total: None,
) -> PlanFiles:
    """Probe every file of `source`, then cut them.

    Args:
        source: SRC as listed.
        config: Sampling and bounds.
        on_progress: Called with (files probed, files) after each.
        cuts: Where shots are known to begin: the first source frame of every shot but the first,
            by the video's name. Other videos are one shot.
        journal: Where what is found is kept, and taken from; None holds it in memory.
        probe: Looks at a file.
        on_cut: Called with (files cut, files) after each, once all are probed.

    Raises:
        PlanError: Files cannot be read for now (transient).
        CredentialsError: The store refuses the credentials.
        StorageError: The journal cannot be written or read back.
    """
    known = cuts or {}
    found = probe_files(source, journal or ProbeJournal(), on_progress, probe)
    videos, clips = TableWriter(VIDEOS), TableWriter(PLAN_CLIPS)

    def planned_clips() -> Iterator[dict]:
        for index, (file, video) in enumerate(zip(source.files, found, strict=True)):
            videos.add(video_row(index, video))
            yield from clip_rows(index, video, known.get(file.name, ()), config)
            on_cut(index + 1, len(source.files))

    for clip in pack_rows(planned_clips(), config.max_shard_frames):
        clips.add(clip)
    return PlanFiles(videos.finish(), clips.finish())


def write_plan(store: Store, plan: PlanFiles) -> None:
    """Write both tables; `plan_clips` last, since a plan counts once it is there."""
    store.write(layout.PLAN_VIDEOS, plan.videos)
    store.write(layout.PLAN_CLIPS, plan.clips)


def has_plan(store: Store) -> bool:
    """Whether OUT holds a whole plan."""
    return store.info(layout.PLAN_CLIPS) is not None


def check_planned(store: Store) -> None:
    """Refuse an OUT that holds no plan.

    Raises:
        PlanError: It holds none.
    """
    if not has_plan(store):
        raise PlanError(f"{store.uri}: holds no plan. Make one with h3r plan or h3r annotate")


def read_plan(
    store: Store,
    clip_columns: list[str] | None = None,
    video_columns: list[str] | None = None,
) -> Plan:
    """Read the plan of OUT.

    Args:
        store: OUT.
        clip_columns: Columns of `clips` to read; None for all.
        video_columns: Likewise of `videos`.

    Raises:
        PlanError: There is none, or it cannot be read.
    """
    check_planned(store)
    try:
        videos = read_table(store, layout.PLAN_VIDEOS, columns=video_columns)
        return Plan(videos, read_table(store, layout.PLAN_CLIPS, columns=clip_columns))
    except StorageError as error:
        raise PlanError(f"the plan is damaged: {error}") from error


class PlanReader:
    """Reads the plan of OUT shard by shard, at a cost that does not grow with the plan."""

    def __init__(self, store: Store) -> None:
        """Nothing is read yet.

        Args:
            store: OUT.
        """
        self._clips = SortedTable(store, layout.PLAN_CLIPS, "shard_index")
        self._videos = SortedTable(store, layout.PLAN_VIDEOS, "video_index")

    def read_shard(self, shard_index: int) -> list[PlannedClip]:
        """The clips of one shard, in order; reads only the row groups that hold them.

        Raises:
            StorageError: The plan is not there, or damaged.
        """
        clips = self._clips.read(shard_index, shard_index)
        spanned = pc.min_max(clips["video_index"]).as_py()
        videos = self._videos.read(spanned["min"], spanned["max"])
        video_rows = {row["video_index"]: row for row in videos.to_pylist()}
        return [_planned_clip(row, video_rows[row["video_index"]]) for row in clips.to_pylist()]


def _planned_clip(clip: dict, video: dict) -> PlannedClip:
    is_readable = video["status"] == "ok"
    return PlannedClip(
        shard_index=clip["shard_index"],
        shard_id=clip["shard_id"],
        clip_id=clip["clip_id"],
        video_id=clip["video_id"],
        video_index=clip["video_index"],
        uri=video["uri"],
        etag=video["etag"],
        size_bytes=video["size_bytes"],
        shot_index=clip["shot_index"],
        start_frame=clip["start_frame"],
        end_frame=clip["end_frame"],
        start_time_s=clip["start_time_s"],
        end_time_s=clip["end_time_s"],
        frame_index=np.asarray(clip["frame_index"], np.int32),
        frame_pts=np.asarray(clip["frame_pts"], np.int64),
        start_pts=video["start_pts"] if is_readable else 0,
        time_base=(
            Fraction(video["time_base_num"], video["time_base_den"]) if is_readable else Fraction(1)
        ),
        width=video["width"] if is_readable else 0,
        height=video["height"] if is_readable else 0,
        rotation_deg=video["rotation_deg"] if is_readable else 0,
        has_timestamps=video["has_timestamps"] if is_readable else True,
        shares_first_frame=clip["shares_first_frame"],
        probe_error=None if is_readable else (video["error_class"], video["error_message"]),
    )
