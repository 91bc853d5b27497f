"""What was found of SRC's videos while there is no plan yet, kept in OUT as small Parquet files.

So a planning that is stopped, or refused since some files cannot be read for now, goes on where it
was. An entry counts for the very file it was made of (its video id hashes name, size and version)
and for this version of the program alone. Failures are not kept: their cause may be mended.
"""

import uuid
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np
import pyarrow as pa

from pipeline import layout
from pipeline.errors import StorageError
from pipeline.probing import Probed
from pipeline.storage import Store
from pipeline.tables import plain_bytes, read_table
from schemas.arrow import arrow_schema
from schemas.tables import VIDEOS

_PTS = "frame_pts"
_SCHEMA = pa.schema(
    [field for field in arrow_schema(VIDEOS) if field.name != "video_index"]
    + [pa.field(_PTS, pa.list_(pa.int64()))]
)


class ProbeJournal:
    """The entries in one OUT."""

    def __init__(self, store: Store) -> None:
        """Read and write nothing yet."""
        self._store = store
        self._prefix = f"{layout.PROBED_FOLDER}/{version('h3r')}-"

    def read(self) -> dict[str, Probed]:
        """All entries, by video id; a file that is damaged or gone is passed over."""
        found = {}
        for file in self._store.list(layout.PROBED_FOLDER):
            if not file.path.startswith(self._prefix):
                continue
            try:
                rows = read_table(self._store, file.path).cast(_SCHEMA).to_pylist()
            except (StorageError, ValueError):  # it only saves time
                continue
            for columns in rows:
                probed = Probed(columns, np.asarray(columns.pop(_PTS), np.int64))
                found[probed.video_id] = probed
        return found

    def keep(self, new: Sequence[Probed]) -> None:
        """Write entries, if there are any."""
        if new:
            rows = [{**probed.columns, _PTS: probed.frame_pts} for probed in new]
            path = f"{self._prefix}{uuid.uuid4().hex}.parquet"
            self._store.write(path, plain_bytes(rows, _SCHEMA))

    def forget(self) -> None:
        """Remove all entries: the plan says it now."""
        for file in self._store.list(layout.PROBED_FOLDER):
            self._store.delete(file.path)
