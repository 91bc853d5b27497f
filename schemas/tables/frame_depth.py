"""The part of `frames` that says where a frame's depth picture is and how to read it."""

from __future__ import annotations

import pyarrow as pa

from schemas.fields import Field
from schemas.reference_frames import CAMERA, DEPTH_PICTURE
from schemas.rules import at_least, in_range, more_than, not_blank
from schemas.tables.common import relative_path_rule, sha256_rule

DEPTH_FIELDS: tuple[Field, ...] = (
    Field(
        "depth_file",
        pa.string(),
        "Object that holds the depth pictures of the clip, below the output root; null where the "
        "frame has no depth.",
        nullable=True,
        rules=(relative_path_rule(),),
    ),
    Field(
        "depth_sha256",
        pa.string(),
        "sha256 of that whole object.",
        nullable=True,
        rules=(sha256_rule(),),
    ),
    Field(
        "depth_index",
        pa.int32(),
        "Place of the picture in the object, from 0.",
        nullable=True,
        rules=(at_least(0),),
    ),
    Field(
        "depth_byte_offset",
        pa.int64(),
        "Where the picture's packet starts in the object.",
        "byte",
        nullable=True,
        rules=(at_least(0),),
    ),
    Field(
        "depth_byte_length",
        pa.int32(),
        "Length of the picture's packet.",
        "byte",
        nullable=True,
        rules=(at_least(1),),
    ),
    Field(
        "depth_encoding",
        pa.string(),
        "How packets and codes are to be read (docs/depth.md). 'ffv1-gray16-log1024-mkv': FFV1 "
        "packets of 16-bit codes c in Matroska; depth = 0.001 exp(c / 1024) m, c = 0 is none.",
        nullable=True,
        rules=(not_blank(),),
    ),
    Field(
        "depth_codec_header",
        pa.binary(),
        "Decoder configuration (extradata) of the object's packets, so that one packet can be "
        "decoded alone.",
        nullable=True,
    ),
    Field(
        "depth_width",
        pa.int32(),
        "Width of the depth picture.",
        "px",
        nullable=True,
        rules=(at_least(1),),
    ),
    Field(
        "depth_height",
        pa.int32(),
        "Height of the depth picture.",
        "px",
        nullable=True,
        rules=(at_least(1),),
    ),
    Field(
        "depth_px_per_source_px_x",
        pa.float32(),
        "Scale a in x_depth = a * x_source + b, pixel centres at integers in both pictures.",
        "px/px",
        DEPTH_PICTURE,
        nullable=True,
        rules=(more_than(0),),
    ),
    Field(
        "depth_px_per_source_px_y",
        pa.float32(),
        "Scale a in y_depth = a * y_source + b.",
        "px/px",
        DEPTH_PICTURE,
        nullable=True,
        rules=(more_than(0),),
    ),
    Field(
        "depth_shift_x_px",
        pa.float32(),
        "Shift b in x_depth = a * x_source + b; negative where the sides were cropped away.",
        "px",
        DEPTH_PICTURE,
        nullable=True,
    ),
    Field(
        "depth_shift_y_px",
        pa.float32(),
        "Shift b in y_depth = a * y_source + b.",
        "px",
        DEPTH_PICTURE,
        nullable=True,
    ),
    Field(
        "depth_valid_fraction",
        pa.float32(),
        "Part of the depth picture that has a depth.",
        nullable=True,
        rules=(in_range(0, 1),),
    ),
    Field(
        "depth_min_m",
        pa.float32(),
        "Smallest depth (z) of the picture; null where no pixel has one.",
        "m",
        CAMERA,
        nullable=True,
        rules=(more_than(0),),
    ),
    Field(
        "depth_median_m",
        pa.float32(),
        "Median depth (z) of the pixels that have one.",
        "m",
        CAMERA,
        nullable=True,
        rules=(more_than(0),),
    ),
    Field(
        "depth_max_m",
        pa.float32(),
        "Greatest depth (z) of the picture.",
        "m",
        CAMERA,
        nullable=True,
        rules=(more_than(0),),
    ),
)

DEPTH_RANGE: tuple[str, ...] = ("depth_min_m", "depth_median_m", "depth_max_m")
"""Columns that are null where no pixel has a depth."""
DEPTH_REFERENCE: tuple[str, ...] = tuple(
    field.name for field in DEPTH_FIELDS if field.name not in DEPTH_RANGE
)
"""Columns that are null only where the frame has no depth picture."""
