"""`frames`: one row for every annotated frame: its camera, its people count, where its depth is."""

from __future__ import annotations

import pyarrow as pa

from schemas.fields import Field, TableSpec, vector
from schemas.reference_frames import CLIP_WORLD, SOURCE_PICTURE, STREAM_CLOCK
from schemas.row_rules import null_together, together_and_rising, where
from schemas.rules import at_least, more_than, unit_quaternion
from schemas.tables.common import (
    CLIP_FRAME,
    CLIP_ID,
    FRAME_INDEX,
    IS_SEAM,
    TIME,
    VIDEO_ID,
)
from schemas.tables.frame_depth import DEPTH_FIELDS, DEPTH_RANGE, DEPTH_REFERENCE


def _focal(name: str, doc: str) -> Field:
    return Field(
        name,
        pa.float32(),
        f"{doc} Null where the network's points allow no positive focal length.",
        "px",
        SOURCE_PICTURE,
        nullable=True,
        rules=(more_than(0),),
    )


CAMERA_FIELDS: tuple[Field, ...] = (
    Field(
        "camera_position",
        vector(3),
        "Centre of the camera: the translation of world_from_camera.",
        "m",
        CLIP_WORLD,
    ),
    Field(
        "camera_rotation",
        vector(4),
        "Rotation of world_from_camera as a unit quaternion (w, x, y, z) with w >= 0.",
        "-",
        CLIP_WORLD,
        rules=(unit_quaternion(),),
    ),
    _focal("fx", "Horizontal focal length estimated from this frame alone."),
    _focal("fy", "Vertical focal length estimated from this frame alone."),
    Field("cx", pa.float32(), "Principal point, horizontally.", "px", SOURCE_PICTURE),
    Field("cy", pa.float32(), "Principal point, vertically.", "px", SOURCE_PICTURE),
    _focal("clip_fx", "Horizontal focal length of the clip: the median over its frames."),
    _focal("clip_fy", "Vertical focal length of the clip: the median over its frames."),
    Field(
        "depth_confidence_mean",
        pa.float32(),
        "Mean over the picture of the network's confidence in its points: 1 + exp(c), 1 is none. "
        "Null where it is not finite.",
        nullable=True,
        rules=(at_least(0.999),),
    ),
    Field(
        "is_camera_static",
        pa.bool_(),
        "Whether the camera stands still around this frame; null until that has been judged.",
        nullable=True,
    ),
)


FRAMES = TableSpec(
    name="frames",
    doc="One annotated frame of a clip. The frame two neighbouring clips share has a row in each "
    "until a release drops the second (`is_seam`).",
    fields=(
        CLIP_ID,
        VIDEO_ID,
        FRAME_INDEX,
        CLIP_FRAME,
        Field(
            "pts",
            pa.int64(),
            "Presentation time stamp in the video's time base: the exact address of the frame.",
            "time base",
            STREAM_CLOCK,
        ),
        TIME,
        *CAMERA_FIELDS,
        Field(
            "num_people",
            pa.int32(),
            "People detected: the frame's rows in `people`.",
            rules=(at_least(0),),
        ),
        *DEPTH_FIELDS,
        IS_SEAM,
        Field(
            "is_corrupt",
            pa.bool_(),
            "Whether the decoder reported damage in the frame; its labels come from what it could "
            "show.",
        ),
    ),
    key=("clip_id", "frame_index"),
    row_rules=(
        together_and_rising(
            "clip_id", ("frame_index", "clip_frame", "pts", "time_s"), is_strict=True
        ),
        null_together("fx", "fy"),
        null_together("clip_fx", "clip_fy"),
        null_together(*DEPTH_REFERENCE),
        null_together(*DEPTH_RANGE),
        where(
            "have depth_min_m <= depth_median_m <= depth_max_m",
            DEPTH_RANGE,
            lambda row: (
                (row["depth_min_m"] > row["depth_median_m"])
                | (row["depth_median_m"] > row["depth_max_m"])
            ),
        ),
        where(
            "be a seam only at the clip's first sampled frame",
            ("is_seam", "clip_frame"),
            lambda row: row["is_seam"] & (row["clip_frame"] != 0),
        ),
    ),
    rows_per_group=8_192,
)
