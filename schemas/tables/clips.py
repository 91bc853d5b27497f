"""`clips`: the ledger, one row for what happened to every clip. A shard's rows are its commit."""

from __future__ import annotations

import pyarrow as pa

from schemas.fields import Field, TableSpec
from schemas.reference_frames import CLIP_WORLD
from schemas.row_rules import (
    null_together,
    null_when,
    present_exactly_when,
    present_when,
    where,
)
from schemas.rules import at_least, in_range, not_blank, one_of
from schemas.tables.clip_geometry import GEOMETRY_FIELDS
from schemas.tables.clip_origin import FILE_FIELDS, ORIGIN_FIELDS, SECONDS_FIELDS
from schemas.tables.common import (
    CLIP_ID,
    END_FRAME,
    END_TIME,
    SHARD_ID,
    SHARD_INDEX,
    SHOT_INDEX,
    START_FRAME,
    START_TIME,
    URI,
    VIDEO_ID,
    VIDEO_INDEX,
)

CLIP_STATUSES: tuple[str, ...] = ("done", "empty", "failed")
ERROR_STAGES: tuple[str, ...] = (
    "probe",
    "decode",
    "annotate",
    "body",
    "depth",
    "quality",
    "write",
    "worker",
)
ANNOTATED = ("done", "empty")


def _count(name: str, doc: str, unit: str = "-") -> Field:
    return Field(name, pa.int32(), doc, unit, rules=(at_least(0),))


OUTCOME_FIELDS: tuple[Field, ...] = (
    Field(
        "status",
        pa.string(),
        "done: annotated, with people; empty: annotated, nobody seen; failed: no labels, see the "
        "error.",
        rules=(one_of(*CLIP_STATUSES),),
    ),
    Field(
        "error_stage",
        pa.string(),
        "Where the clip failed; null where it did not. 'worker' is a process that died on it.",
        nullable=True,
        rules=(one_of(*ERROR_STAGES),),
    ),
    Field(
        "error_class",
        pa.string(),
        "Class of the error; null where the clip did not fail.",
        nullable=True,
        rules=(not_blank(),),
    ),
    Field(
        "error_message",
        pa.string(),
        "The error in words; null where the clip did not fail.",
        nullable=True,
    ),
    Field(
        "error_is_transient",
        pa.bool_(),
        "Whether trying the same again can help; null where the clip did not fail.",
        nullable=True,
    ),
    _count("num_retries", "Requests for the clip's video that failed and were made again."),
    _count("num_frames_planned", "Frames the plan sampled from the clip.", "frame"),
    _count("num_frames", "Frames annotated: the clip's rows in `frames`.", "frame"),
    _count("num_frames_lost", "Planned frames the decoder could not give.", "frame"),
    _count(
        "num_frames_corrupt",
        "Annotated frames the decoder reported damage in: their rows with `is_corrupt`.",
        "frame",
    ),
    _count(
        "num_out_of_memory",
        "Times the clip's batch did not fit into the device's memory and was made smaller.",
    ),
    _count("num_people_rows", "The clip's rows in `people`."),
    _count("num_tracks", "The clip's rows in `tracks`."),
)

QUALITY_FIELDS: tuple[Field, ...] = (
    Field(
        "mean_score",
        pa.float32(),
        "Mean detection score of the clip's people rows; null where there are none.",
        nullable=True,
        rules=(in_range(0, 1),),
    ),
    Field(
        "max_root_jerk",
        pa.float32(),
        "Greatest root_jerk of the clip's people rows; null where none has one.",
        "m/s^3",
        CLIP_WORLD,
        nullable=True,
        rules=(at_least(0),),
    ),
    _count("num_non_finite", "People rows without labels, because they were not finite."),
    _count("num_truncated", "People rows that the picture's edge is known to cut."),
    _count("num_out_of_frame", "People rows whose head is known to project outside the picture."),
)

_ROW_COUNTS = ("num_frames", "num_people_rows", "num_tracks")

CLIPS = TableSpec(
    name="clips",
    doc="What happened to one planned clip. A shard is committed if and only if the object with "
    "the rows of all its clips exists; only files named there belong to the dataset.",
    fields=(
        CLIP_ID,
        VIDEO_ID,
        SHARD_ID,
        SHARD_INDEX,
        VIDEO_INDEX,
        URI,
        SHOT_INDEX,
        START_FRAME,
        END_FRAME,
        START_TIME,
        END_TIME,
        Field(
            "attempt",
            pa.int32(),
            "Attempt at the shard that was committed, from 1.",
            rules=(at_least(1),),
        ),
        *OUTCOME_FIELDS,
        *GEOMETRY_FIELDS,
        *QUALITY_FIELDS,
        *FILE_FIELDS,
        *ORIGIN_FIELDS,
        *SECONDS_FIELDS,
    ),
    key=("clip_id",),
    row_rules=(
        present_exactly_when(
            "status",
            ("failed",),
            ("error_stage", "error_class", "error_message", "error_is_transient"),
        ),
        where(
            "be done with people and tracks, empty without, failed without rows",
            ("status", *_ROW_COUNTS),
            lambda row: (
                ((row["status"] == "failed") & (row["num_frames"] != 0))
                | ((row["status"] != "failed") & (row["num_frames"] == 0))
                | ((row["status"] == "done") != (row["num_people_rows"] > 0))
                | ((row["status"] == "done") != (row["num_tracks"] > 0))
            ),
        ),
        where(
            "account for every planned frame: annotated + lost = planned, unless failed",
            ("status", "num_frames_planned", "num_frames", "num_frames_lost"),
            lambda row: (
                (row["status"] != "failed")
                & (row["num_frames"] + row["num_frames_lost"] != row["num_frames_planned"])
            ),
        ),
        where(
            "have no more corrupt frames than annotated ones",
            ("num_frames", "num_frames_corrupt"),
            lambda row: row["num_frames_corrupt"] > row["num_frames"],
        ),
        where(
            "have no more tracks, non-finite, truncated or out-of-frame rows than people rows",
            (
                "num_people_rows",
                "num_tracks",
                "num_non_finite",
                "num_truncated",
                "num_out_of_frame",
            ),
            lambda row: (
                (row["num_tracks"] > row["num_people_rows"])
                | (row["num_non_finite"] > row["num_people_rows"])
                | (row["num_truncated"] > row["num_people_rows"])
                | (row["num_out_of_frame"] > row["num_people_rows"])
            ),
        ),
        where(
            "end no earlier than it starts",
            ("start_frame", "end_frame", "start_time_s", "end_time_s"),
            lambda row: (
                (row["end_frame"] < row["start_frame"]) | (row["end_time_s"] < row["start_time_s"])
            ),
        ),
        null_together("focal_x_px", "focal_y_px"),
        null_together("seam_rotation_rad", "seam_translation_m", "seam_scale"),
        null_together(*(field.name for field in GEOMETRY_FIELDS if "model_" in field.name)),
        present_when("status", ANNOTATED, ("model_width", "frames_file")),
        present_exactly_when("status", ("done",), ("mean_score",)),
        present_when("status", ("done",), ("people_file", "tracks_file")),
        null_when("status", ("failed",), ("depth_file", "max_root_jerk", "focal_x_px")),
        *(
            null_together(f"{kind}_file", f"{kind}_sha256", f"{kind}_size_bytes")
            for kind in ("frames", "people", "tracks", "depth")
        ),
    ),
    rows_per_group=16_384,
)
