"""Files that stand beside the tables of a truth: what no job could know, for whoever compares."""

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class TruthFile:
    """A Parquet file of a truth.

    Attributes:
        path: Below the truth.
        schema: Its columns.
    """

    path: str
    schema: pa.Schema


def _column(name: str, kind: pa.DataType, *, may_be_null: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=may_be_null)


HIDDEN = TruthFile(
    "hidden.parquet",
    pa.schema(
        [
            _column("uri", pa.string()),
            _column("frame_index", pa.int32()),
            _column("head_px", pa.list_(pa.float32(), 2)),
            _column("box", pa.list_(pa.float32(), 4), may_be_null=True),
        ]
    ),
)
"""People who are there and unlabelled: source pixels, the box that of the whole body. Whose
head is NaN may be anywhere in the frame."""

GROUND = TruthFile(
    "ground.parquet",
    pa.schema(
        [
            _column("clip_id", pa.string()),
            _column("normal", pa.list_(pa.float64(), 3)),
            _column("offset_m", pa.float64()),
        ]
    ),
)
"""Points x of the clip's world with normal . x = offset_m; the normal points up."""

NO_WORLD = TruthFile("no_world.parquet", pa.schema([_column("uri", pa.string())]))
"""Videos of which nobody knows where the camera was: their frames' poses mean nothing."""

SMPL_PEOPLE = TruthFile(
    "smpl_people.parquet",
    pa.schema(
        [
            _column("uri", pa.string()),
            _column("frame_index", pa.int32()),
            _column("track_id", pa.int32()),
            _column("gender", pa.string()),
            _column("pose", pa.list_(pa.float32(), 3 * 24)),
            _column("betas", pa.list_(pa.float32(), 10)),
            _column("transl", pa.list_(pa.float64(), 3)),
            _column("camera_from_world", pa.list_(pa.float64(), 3 * 4)),
        ]
    ),
)
"""Who is in SMPL's parameters, of the model of that gender: axis-angle of the 24 joints, the first
in the camera's frame; SMPL's `transl` in the dataset's own world, metres, and the rows of the
matrix that takes that world to the camera."""
