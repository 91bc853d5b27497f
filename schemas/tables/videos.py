"""`videos`: one row for every source video the plan saw, readable or not."""

from __future__ import annotations

import pyarrow as pa

from schemas.fields import Field, TableSpec
from schemas.reference_frames import VIDEO_CLOCK
from schemas.row_rules import null_together, null_when, present_when
from schemas.rules import at_least, more_than, not_blank, one_of
from schemas.tables.common import (
    URI,
    VIDEO_ID,
    VIDEO_INDEX,
)

VIDEO_STATUSES: tuple[str, ...] = ("ok", "failed")
ROTATIONS_DEG: tuple[int, ...] = (0, 90, 180, 270)

_PROBED: tuple[Field, ...] = (
    Field(
        "container",
        pa.string(),
        "Container format as libavformat names it, such as 'mov,mp4,m4a,3gp,3g2,mj2'.",
        nullable=True,
        rules=(not_blank(),),
    ),
    Field(
        "codec",
        pa.string(),
        "Video codec as libavcodec names it, such as 'h264'.",
        nullable=True,
        rules=(not_blank(),),
    ),
    Field(
        "pixel_format",
        pa.string(),
        "Stored pixel format as libavutil names it, such as 'yuv420p'; null where it is not known "
        "before decoding.",
        nullable=True,
        rules=(not_blank(),),
    ),
    Field(
        "width",
        pa.int32(),
        "Width of the picture as displayed: its pixels made square, then rotated. All source "
        "pixels of the dataset are of this picture.",
        "px",
        nullable=True,
        rules=(at_least(1),),
    ),
    Field(
        "height",
        pa.int32(),
        "Height of the picture as displayed, likewise.",
        "px",
        nullable=True,
        rules=(at_least(1),),
    ),
    Field(
        "rotation_deg",
        pa.int32(),
        "Clockwise rotation the file asks for; already applied to every frame and coordinate.",
        "deg",
        nullable=True,
        rules=(one_of(*ROTATIONS_DEG),),
    ),
    Field(
        "sample_aspect_ratio",
        pa.float64(),
        "Width of a stored pixel over its height as the file declares it; already applied, by "
        "stretching the stored picture's width, to every frame and coordinate. Null where it is "
        "not known.",
        nullable=True,
        rules=(more_than(0),),
    ),
    Field(
        "fps",
        pa.float64(),
        "Average frame rate: displayed frames over the duration; null where there is no duration.",
        "1/s",
        nullable=True,
        rules=(more_than(0),),
    ),
    Field(
        "is_variable_rate",
        pa.bool_(),
        "Whether the time between frames varies by more than rounding.",
        nullable=True,
    ),
    Field(
        "has_timestamps",
        pa.bool_(),
        "Whether the file stores usable presentation times. Where false, frames are counted in "
        "the order the decoder gives them, at the stated rate.",
        nullable=True,
    ),
    Field(
        "is_truncated",
        pa.bool_(),
        "Whether the file ends before its container says it should; the frames that are there are "
        "planned.",
        nullable=True,
    ),
    Field(
        "time_base_num",
        pa.int32(),
        "Numerator of the stream's time base; a presentation time stamp counts in units of "
        "num / den seconds.",
        nullable=True,
        rules=(at_least(1),),
    ),
    Field(
        "time_base_den",
        pa.int32(),
        "Denominator of the stream's time base.",
        nullable=True,
        rules=(at_least(1),),
    ),
    Field(
        "start_pts",
        pa.int64(),
        "Presentation time stamp of the first displayed frame, where the video's clock is 0: "
        "time_s = (pts - start_pts) * num / den.",
        "time base",
        nullable=True,
    ),
    Field(
        "duration_s",
        pa.float64(),
        "From the first displayed frame to the end of the last.",
        "s",
        VIDEO_CLOCK,
        nullable=True,
        rules=(at_least(0),),
    ),
    Field(
        "num_frames",
        pa.int32(),
        "Displayed frames.",
        "frame",
        nullable=True,
        rules=(at_least(1),),
    ),
)

_MAY_BE_UNKNOWN = ("pixel_format", "sample_aspect_ratio", "fps")
_KNOWN_OF_EVERY_READABLE = tuple(
    field.name for field in _PROBED if field.name not in _MAY_BE_UNKNOWN
)

VIDEOS = TableSpec(
    name="videos",
    doc="One source video of the plan. A video that cannot be read stays here, with the reason.",
    fields=(
        VIDEO_INDEX,
        VIDEO_ID,
        URI,
        Field(
            "etag",
            pa.string(),
            "What the store said of the content when the plan was made: its etag, or the "
            "modification time as text.",
            rules=(not_blank(),),
        ),
        Field("size_bytes", pa.int64(), "Size of the file.", "byte", rules=(at_least(0),)),
        *_PROBED,
        Field(
            "status",
            pa.string(),
            "ok: probed and planned; failed: could not be read, see the error.",
            rules=(one_of(*VIDEO_STATUSES),),
        ),
        Field(
            "error_class",
            pa.string(),
            "Class of the error that kept the video from being read; null where status is ok.",
            nullable=True,
            rules=(not_blank(),),
        ),
        Field(
            "error_message",
            pa.string(),
            "The error in words; null where status is ok.",
            nullable=True,
        ),
    ),
    key=("video_id",),
    row_rules=(
        present_when("status", ("ok",), _KNOWN_OF_EVERY_READABLE),
        present_when("status", ("failed",), ("error_class", "error_message")),
        null_when("status", ("ok",), ("error_class", "error_message")),
        null_together("width", "height"),
    ),
    rows_per_group=4_096,
)
