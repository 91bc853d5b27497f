"""`tracks`: one row for every person followed through a clip, and how far to trust the track."""

from __future__ import annotations

import pyarrow as pa

from schemas.fields import Field, TableSpec, vector
from schemas.reference_frames import CLIP_WORLD, VIDEO_CLOCK
from schemas.row_rules import where
from schemas.rules import at_least, in_range, one_of
from schemas.tables.common import (
    CLIP_ID,
    END_FRAME,
    START_FRAME,
    START_TIME,
    TRACK_ID,
    VIDEO_ID,
)

QUALITY_TIERS: tuple[str, ...] = ("A", "B", "C")

MIN_FRAMES = 8
MIN_SCORE = 0.5
MIN_SCORE_OF_A = 0.7
MAX_MISSING = 0.2
MAX_TRUNCATED_OF_A = 0.1

TIER_TEXT = (
    f"A: mean score >= {MIN_SCORE_OF_A:g}, no gap, at most {MAX_TRUNCATED_OF_A:.0%} of the rows "
    f"truncated. C: fewer than {MIN_FRAMES} rows, mean score < {MIN_SCORE:g}, more than "
    f"{MAX_MISSING:.0%} of the span missing, or any row that is not finite. B: the rest."
)


def quality_tier(
    *, mean_score: float, num_frames: int, num_gaps: int, num_truncated: int, num_non_finite: int
) -> str:
    """Tier of a track, by TIER_TEXT: limits chosen for simplicity, not fitted to any benchmark.

    Args:
        mean_score: Mean detection score of its rows.
        num_frames: Its rows.
        num_gaps: Annotated frames inside its span where it is missing.
        num_truncated: Rows where the picture's edge cuts the person.
        num_non_finite: Rows without labels.

    Returns:
        "A", "B" or "C".
    """
    is_short = num_frames < MIN_FRAMES
    is_holey = num_gaps > MAX_MISSING * (num_frames + num_gaps)
    if is_short or is_holey or num_non_finite > 0 or mean_score < MIN_SCORE:
        return "C"
    is_whole = num_gaps == 0 and num_truncated <= MAX_TRUNCATED_OF_A * num_frames
    return "A" if is_whole and mean_score >= MIN_SCORE_OF_A else "B"


TRACKS = TableSpec(
    name="tracks",
    doc="One person followed through a clip.",
    fields=(
        CLIP_ID,
        VIDEO_ID,
        TRACK_ID,
        Field(
            "shot_track_id",
            pa.int32(),
            "The same person across the clips of a shot, from 0 in each shot; null until the clips "
            "are stitched.",
            nullable=True,
            rules=(at_least(0),),
        ),
        START_FRAME,
        END_FRAME,
        START_TIME,
        Field(
            "end_time_s",
            pa.float64(),
            "Presentation time of the last frame of the span, source frame `end_frame - 1`.",
            "s",
            VIDEO_CLOCK,
            rules=(at_least(0),),
        ),
        Field(
            "num_frames",
            pa.int32(),
            "Rows of the track in `people`.",
            "frame",
            rules=(at_least(1),),
        ),
        Field(
            "num_gaps",
            pa.int32(),
            "Annotated frames inside the span where the person is missing.",
            "frame",
            rules=(at_least(0),),
        ),
        Field(
            "longest_gap",
            pa.int32(),
            "Length of the longest run of such frames.",
            "frame",
            rules=(at_least(0),),
        ),
        Field(
            "num_truncated",
            pa.int32(),
            "Rows where the picture's edge is known to cut the person.",
            "frame",
            rules=(at_least(0),),
        ),
        Field(
            "num_non_finite",
            pa.int32(),
            "Rows without labels, because they were not finite.",
            "frame",
            rules=(at_least(0),),
        ),
        Field("mean_score", pa.float32(), "Mean detection score.", rules=(in_range(0, 1),)),
        Field(
            "median_betas",
            vector(10),
            "Median of each shape coefficient over the rows that have labels; null where none has.",
            nullable=True,
        ),
        Field(
            "max_root_jerk",
            pa.float32(),
            "Greatest root_jerk of the rows; null where none has one.",
            "m/s^3",
            CLIP_WORLD,
            nullable=True,
            rules=(at_least(0),),
        ),
        Field(
            "quality_tier",
            pa.string(),
            f"How far to trust the track. {TIER_TEXT}",
            rules=(one_of(*QUALITY_TIERS),),
        ),
    ),
    key=("clip_id", "track_id"),
    row_rules=(
        where(
            "start before it ends",
            ("start_frame", "end_frame"),
            lambda row: row["end_frame"] <= row["start_frame"],
        ),
        where(
            "end no earlier than it starts",
            ("start_time_s", "end_time_s"),
            lambda row: row["end_time_s"] < row["start_time_s"],
        ),
        where(
            "have no more frames and gaps than its span",
            ("start_frame", "end_frame", "num_frames", "num_gaps"),
            lambda row: row["num_frames"] + row["num_gaps"] > row["end_frame"] - row["start_frame"],
        ),
        where(
            "have longest_gap <= num_gaps, and 0 only together",
            ("num_gaps", "longest_gap"),
            lambda row: (
                (row["longest_gap"] > row["num_gaps"])
                | ((row["longest_gap"] == 0) != (row["num_gaps"] == 0))
            ),
        ),
        where(
            "count no more truncated or non-finite rows than rows",
            ("num_frames", "num_truncated", "num_non_finite"),
            lambda row: (
                (row["num_truncated"] > row["num_frames"])
                | (row["num_non_finite"] > row["num_frames"])
            ),
        ),
    ),
    rows_per_group=16_384,
)
