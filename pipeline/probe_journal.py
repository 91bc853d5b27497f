"""What was found of SRC's videos while there is no plan yet: kept in OUT, a Parquet file for many.

So a planning that is stopped, or refused since some files cannot be read for now, goes on where it
was, and that of a large corpus holds little of it in memory. An entry counts for the very file it
was made of (its video id hashes name, size and version) and for this version of the program alone.
"""

import contextlib
import functools
import io
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline import layout
from pipeline.errors import StorageError
from pipeline.storage import Store
from pipeline.tables import read_table
from schemas.arrow import arrow_schema
from schemas.tables import VIDEOS

MAX_VIDEOS = 5000  # in memory until they are written
MAX_FRAMES = 2**22  # of all of them: 32 MiB of times
NUM_READ = 4  # files in memory; what is asked for lies nearly as it was found

_PTS = "frame_pts"
_COLUMNS = [name for name in VIDEOS.column_names if name != "video_index"]
_SCHEMA = pa.schema(
    [*(arrow_schema(VIDEOS).field(name) for name in _COLUMNS), (_PTS, pa.list_(pa.int64()))]
)


@dataclass(frozen=True, slots=True, eq=False)
class Probed:
    """What is known of one file.

    Attributes:
        columns: Of its row in `videos`: all but `video_index`, which is the plan's.
        frame_pts: [F] presentation times of its frames; [0] when it cannot be read.
    """

    columns: dict[str, Any]
    frame_pts: NDArray[np.int64]

    @property
    def video_id(self) -> str:
        """Its identity."""
        return str(self.columns["video_id"])


class ProbeJournal:
    """The entries in one OUT; as a context, it keeps all when an error ends it."""

    def __init__(self, store: Store | None = None) -> None:
        """Keep entries in `store`; without one, in memory alone."""
        self._store = store
        self._prefix = f"{layout.PROBED_FOLDER}/{version('h3r')}-"
        self._unkept: dict[str, Probed] = {}
        self._num_unkept_frames = 0
        self._paths: list[str] = []
        self._path_of: dict[str, str] = {}
        self._read = functools.lru_cache(NUM_READ)(self._read_file)

    def __enter__(self) -> "ProbeJournal":
        """Look up what is there; a file that is damaged is passed over: it only saves time."""
        if self._store is not None:
            self._paths = [file.path for file in self._store.list(layout.PROBED_FOLDER)]
        for path in self._paths:
            if path.startswith(self._prefix):
                with contextlib.suppress(StorageError, ValueError):
                    self._path_of |= dict.fromkeys(self._read(path), path)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Keep what is only in memory, unless all went well."""
        if kind is not None:
            self._keep()

    def __contains__(self, video_id: str) -> bool:
        """Whether there is an entry of a video."""
        return video_id in self._unkept or video_id in self._path_of

    def add(self, video: Probed) -> None:
        """Take an entry of a video that can be read."""
        self._unkept[video.video_id] = video
        self._num_unkept_frames += len(video.frame_pts)
        if len(self._unkept) >= MAX_VIDEOS or self._num_unkept_frames >= MAX_FRAMES:
            self._keep()

    def get(self, video_id: str) -> Probed:
        """The entry of a video.

        Raises:
            StorageError: It cannot be read back.
        """
        if video_id in self._unkept:
            return self._unkept[video_id]
        return self._read(self._path_of[video_id])[video_id]

    def forget(self) -> None:
        """Remove what it found in OUT and wrote there: the plan says it now."""
        if self._store is not None:
            for path in self._paths:
                self._store.delete(path)

    def _keep(self) -> None:
        """Write what is only in memory, if there is anything."""
        if self._store is not None and self._unkept:
            path = f"{self._prefix}{uuid.uuid4().hex}.parquet"
            self._paths.append(path)
            self._store.write(path, _to_parquet(self._unkept))
            self._path_of |= dict.fromkeys(self._unkept, path)
            self._unkept = {}
            self._num_unkept_frames = 0

    def _read_file(self, path: str) -> dict[str, Probed]:
        assert self._store is not None
        return _from_table(read_table(self._store, path).cast(_SCHEMA))


def _to_parquet(videos: Mapping[str, Probed]) -> bytes:
    rows = [video.columns for video in videos.values()]
    times = [video.frame_pts for video in videos.values()]
    starts = np.cumsum([0, *map(len, times)], dtype=np.int32)
    columns: list[pa.Array] = [
        pa.array([row.get(name) for row in rows], _SCHEMA.field(name).type) for name in _COLUMNS
    ]
    columns.append(pa.ListArray.from_arrays(starts, np.concatenate(times)))
    file = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(columns, schema=_SCHEMA), file, compression="zstd")
    return file.getvalue()


def _from_table(table: pa.Table) -> dict[str, Probed]:
    times = table[_PTS].combine_chunks()
    starts, values = times.offsets.to_numpy(), times.values.to_numpy()
    rows = table.select(_COLUMNS).to_pylist()
    return {
        row["video_id"]: Probed(row, values[start:stop])
        for row, start, stop in zip(rows, starts, starts[1:], strict=False)
    }
