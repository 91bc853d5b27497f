"""`plan_clips`: one row for every clip the run has to account for; immutable once written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.fields import Field, RowRule, TableSpec, sequence
from schemas.reference_frames import STREAM_CLOCK, VIDEO_FRAMES
from schemas.row_rules import where
from schemas.rules import Mask, at_least
from schemas.tables.common import (
    CLIP_ID,
    END_FRAME,
    END_TIME,
    SHARD_ID,
    SHARD_INDEX,
    SHOT_INDEX,
    START_FRAME,
    START_TIME,
    VIDEO_ID,
    VIDEO_INDEX,
)


def _sampled_frames_rule(column: str) -> RowRule:
    """Inside a row the list `column` rises strictly and has `num_frames` values."""

    def broken(table: pa.Table) -> Mask:
        values, row_of_value, lengths = _flat(table, column)
        does_not_rise = (np.diff(values) <= 0) & (np.diff(row_of_value) == 0)
        mask: Mask = lengths != table.column("num_frames").to_numpy()
        mask[row_of_value[1:][does_not_rise]] = True
        return mask

    text = f"list num_frames values in {column}, each greater than the one before"
    return RowRule(text, ("num_frames", column), broken)


def _span_rule() -> RowRule:
    def broken(table: pa.Table) -> Mask:
        values, row_of_value, lengths = _flat(table, "frame_index")
        start = table.column("start_frame").to_numpy()
        end = table.column("end_frame").to_numpy()
        mask: Mask = (end < start) | ((lengths == 0) & (end != start))
        is_outside = (values < start[row_of_value]) | (values >= end[row_of_value])
        mask[row_of_value[is_outside]] = True
        return mask

    columns = ("start_frame", "end_frame", "frame_index")
    return RowRule("sample its frames from [start_frame, end_frame)", columns, broken)


def _flat(
    table: pa.Table, column: str
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Of a list column: the values end to end, the row of each, the length of each row's list."""
    lists = table.column(column).combine_chunks()
    values: NDArray[Any] = lists.flatten().to_numpy()
    lengths = np.diff(lists.offsets.to_numpy()).astype(np.int64)
    return values.astype(np.int64), np.repeat(np.arange(len(lengths)), lengths), lengths


PLAN_CLIPS = TableSpec(
    name="plan_clips",
    doc="One planned clip: the unit of inference. A video that cannot be read has one clip of 0 "
    "frames, so that the ledger accounts for it.",
    fields=(
        SHARD_INDEX,
        SHARD_ID,
        Field(
            "clip_index",
            pa.int32(),
            "Place of the clip in the whole plan, from 0.",
            rules=(at_least(0),),
        ),
        CLIP_ID,
        VIDEO_INDEX,
        VIDEO_ID,
        SHOT_INDEX,
        START_FRAME,
        END_FRAME,
        START_TIME,
        END_TIME,
        Field(
            "num_frames",
            pa.int32(),
            "Frames sampled from the span; 0 for a video that cannot be read.",
            "frame",
            rules=(at_least(0),),
        ),
        Field(
            "frame_index",
            sequence(pa.int32()),
            "Source frames sampled, in order.",
            "frame",
            VIDEO_FRAMES,
        ),
        Field(
            "frame_pts",
            sequence(pa.int64()),
            "Presentation time stamps of the sampled frames, in order: what the decoder is asked "
            "for.",
            "time base",
            STREAM_CLOCK,
        ),
        Field(
            "shares_first_frame",
            pa.bool_(),
            "Whether the first frame is also the last of the previous clip of the shot.",
        ),
    ),
    key=("clip_id",),
    row_rules=(
        _sampled_frames_rule("frame_index"),
        _sampled_frames_rule("frame_pts"),
        _span_rule(),
        where(
            "end no earlier than it starts",
            ("start_time_s", "end_time_s"),
            lambda row: row["end_time_s"] < row["start_time_s"],
        ),
    ),
    rows_per_group=512,
)
