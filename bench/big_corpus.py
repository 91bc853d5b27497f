"""A corpus of any number of clips that is nothing but names: for what must not grow with it."""

import io
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline import layout
from pipeline.digest import COMMITS_A_DIGEST, write_digests
from pipeline.ledger import DIGEST_COLUMNS, committed_shards
from pipeline.plan import read_plan
from pipeline.probe import VideoInfo
from pipeline.source import SourceFile
from pipeline.storage import Store, StoredFile
from schemas.arrow import arrow_schema
from schemas.tables import CLIPS

FILES_A_FOLDER = 1000
FPS = 30
NUM_FRAMES = 100  # of a clip: as many as a clip has at most by default


def write_list(folder: Path, num_videos: int) -> Path:
    """A list of `num_videos` names, all of which lead to empty files; the list's path.

    A thousand files, under as many links to their folder as it takes.
    """
    files = folder / "files"
    files.mkdir(parents=True)
    for place in range(min(num_videos, FILES_A_FOLDER)):
        (files / f"{place:03d}.mp4").touch()
    for link in range(math.ceil(num_videos / FILES_A_FOLDER)):
        (folder / f"{link:06d}").symlink_to(files, target_is_directory=True)
    path = folder / "videos.txt"
    with path.open("w") as names:
        names.writelines(
            f"{place // FILES_A_FOLDER:06d}/{place % FILES_A_FOLDER:03d}.mp4\n"
            for place in range(num_videos)
        )
    return path


class NullProbe:
    """Takes every file for a video of so many clips, without opening it."""

    def __init__(self, clips_per_video: int) -> None:
        """Neighbouring clips share a frame."""
        num_frames = clips_per_video * (NUM_FRAMES - 1) + 1
        self._frame_pts = np.arange(num_frames, dtype=np.int64) * 512
        self._square, self._time_base = Fraction(1), Fraction(1, 512 * FPS)

    def __call__(self, root: str, file: SourceFile) -> VideoInfo:
        """The same for every file."""
        return VideoInfo(
            container="mov,mp4,m4a,3gp,3g2,mj2",
            codec="h264",
            pixel_format="yuv420p",
            width=1280,
            height=720,
            rotation_deg=0,
            is_mirrored=False,
            sample_aspect_ratio=self._square,
            fps=float(FPS),
            is_variable_rate=False,
            duration_s=len(self._frame_pts) / FPS,
            time_base=self._time_base,
            frame_pts=self._frame_pts.copy(),
            num_key_frames=1,
            has_timestamps=True,
            is_truncated=False,
            warnings=(),
        )


def commit_shards(store: Store, shards: Sequence[int]) -> None:
    """Make shards look committed: empty commits, and digests that say their clips are done.

    A commit itself is then read by nobody, so what it holds does not count.
    """
    folder = store.local_path(layout.LEDGER_FOLDER)
    assert folder is not None
    folder.mkdir(parents=True, exist_ok=True)
    for shard in shards:
        (folder / Path(layout.commit_path(shard)).name).touch()
    rows_of = _ledger_reader(store)

    def make_rows(files: Sequence[StoredFile]) -> list[pa.Table]:
        found = [layout.shard_of(file.path) for file in files]
        return [rows_of(shard) for shard in found if shard is not None]

    for commits_a_digest in (COMMITS_A_DIGEST, len(shards) % COMMITS_A_DIGEST):
        if commits_a_digest:
            write_digests(store, committed_shards(store), make_rows, commits_a_digest)


def commit_files(store: Store, shards: Sequence[int]) -> dict[int, bytes]:
    """What the commits of shards would be, by shard; only of the columns that digests take."""
    rows_of = _ledger_reader(store)
    files = {}
    for shard in shards:
        file = io.BytesIO()
        pq.write_table(rows_of(shard), file)
        files[shard] = file.getvalue()
    return files


def _ledger_reader(store: Store) -> Callable[[int], pa.Table]:
    """Gives the ledger's rows of a shard of the plan, all of whose clips are done."""
    plan = read_plan(store, ["clip_id", "shard_index", "start_frame", "end_frame", "num_frames"])
    starts = np.searchsorted(plan.clips["shard_index"].to_numpy(), range(plan.num_shards + 1))

    def read(shard: int) -> pa.Table:
        return _ledger_rows(plan.clips.slice(starts[shard], starts[shard + 1] - starts[shard]))

    return read


def _ledger_rows(clips: pa.Table) -> pa.Table:
    """What a digest holds of clips that were done."""
    num_clips = clips.num_rows
    shard = clips["shard_index"][0].as_py()
    depth = pc.binary_join_element_wise(
        layout.depth_path(shard, "000-bench", "").removesuffix(".mkv"), clips["clip_id"], ".mkv", ""
    )
    files = {
        f"{kind}_file": pa.array([layout.rows_path(kind, shard, "000-bench")] * num_clips)
        for kind in layout.ROW_TABLES
    }
    known: dict[str, pa.Array | pa.ChunkedArray] = {
        **{name: clips[name] for name in ("clip_id", "shard_index", "start_frame", "end_frame")},
        **files,
        "uri": pa.array([f"videos/{shard:06d}.mp4"] * num_clips),
        "status": pa.array(["done"] * num_clips),
        "num_frames_planned": clips["num_frames"],
        "num_frames": clips["num_frames"],
        "num_people_rows": clips["num_frames"],
        "depth_file": depth,
    }
    schema = arrow_schema(CLIPS)
    columns = []
    for name in DIGEST_COLUMNS:
        kind = schema.field(name).type
        missing = pa.nulls(num_clips, kind) if schema.field(name).nullable else None
        zeros = pa.array([0] * num_clips, kind) if name.startswith("num_") else missing
        columns.append(known[name].cast(kind) if name in known else zeros)
    return pa.Table.from_arrays(
        columns, schema=pa.schema([schema.field(n) for n in DIGEST_COLUMNS])
    )
