"""A corpus small enough for tests, and a look into its tables."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.ledger import JobStatus, read_ledger
from pipeline.storage import Store
from pipeline.tables import read_table
from synth.video_spec import CorpusSpec

SPEC = CorpusSpec(
    seed=4,
    num_videos=6,
    num_frames=8,
    sizes=((128, 72), (72, 128)),
    min_people=2,
    max_people=3,
    variants=("plain", "cuts", "long", "vfr", "border", "empty"),
    max_clip_frames=6,
)
"""Video i has variant i; the long one has 15 frames: clips [0, 6) [5, 11) [10, 15)."""


@dataclass(frozen=True)
class SmallCorpus:
    """What was made, and the accounts that came back."""

    path: Path
    status: JobStatus

    @property
    def truth(self) -> Store:
        return Store(str(self.path / "truth"))

    def clips(self, uri: str) -> list[dict]:
        """Ledger rows of a video."""
        return [row for row in read_ledger(self.truth).to_pylist() if row["uri"] == uri]

    def rows(self, table: str, uri: str) -> list[dict]:
        """Rows of a video in `frames`, `people` or `tracks`."""
        return truth_table(self.truth, table, uri).to_pylist()


def truth_table(truth: Store, table: str, uri: str) -> pa.Table:
    """A video's rows of a table, without what names the attempt that wrote them."""
    ledger = read_ledger(truth)
    video_id = ledger.filter(pc.equal(ledger["uri"], uri))["video_id"][0]
    files = sorted({name for name in ledger[f"{table}_file"].to_pylist() if name})
    rows = pa.concat_tables(
        [read_table(truth, name).replace_schema_metadata(None) for name in files]
    )
    return rows.filter(pc.equal(rows["video_id"], video_id))


def poses_of(frames: list[dict]) -> np.ndarray:
    """[T, 7] of `frames` rows."""
    return np.array([[*row["camera_position"], *row["camera_rotation"]] for row in frames])
