"""The part of the ledger about space: seams, focal length, and the picture the network saw."""

from __future__ import annotations

import pyarrow as pa

from schemas.fields import Field, vector
from schemas.reference_frames import SHOT_WORLD, SOURCE_PICTURE
from schemas.rules import at_least, more_than, rigid_matrix

GEOMETRY_FIELDS: tuple[Field, ...] = (
    Field(
        "seam_rotation_rad",
        pa.float32(),
        "Rotation left over at the seam with the previous clip of the shot; null until the clips "
        "are stitched, and where there is no seam.",
        "rad",
        nullable=True,
        rules=(at_least(0),),
    ),
    Field(
        "seam_translation_m",
        pa.float32(),
        "Distance left over at that seam.",
        "m",
        nullable=True,
        rules=(at_least(0),),
    ),
    Field(
        "seam_scale",
        pa.float32(),
        "Scale of this clip over that of the previous one at that seam; 1 is agreement.",
        nullable=True,
        rules=(more_than(0),),
    ),
    Field(
        "world_from_clip",
        vector(16, pa.float64()),
        "Rigid motion from the clip's world to the shot's, 4x4, row by row; null until the clips "
        "are stitched.",
        "m",
        SHOT_WORLD,
        nullable=True,
        rules=(rigid_matrix(),),
    ),
    Field(
        "focal_x_px",
        pa.float32(),
        "Horizontal focal length of the clip: the median over its frames; null where none has one.",
        "px",
        SOURCE_PICTURE,
        nullable=True,
        rules=(more_than(0),),
    ),
    Field(
        "focal_y_px",
        pa.float32(),
        "Vertical focal length of the clip: the median over its frames.",
        "px",
        SOURCE_PICTURE,
        nullable=True,
        rules=(more_than(0),),
    ),
    Field(
        "model_width",
        pa.int32(),
        "Width of the picture the network saw; null where no frame was decoded.",
        "px",
        nullable=True,
        rules=(at_least(1),),
    ),
    Field(
        "model_height",
        pa.int32(),
        "Height of the picture the network saw.",
        "px",
        nullable=True,
        rules=(at_least(1),),
    ),
    Field(
        "source_px_per_model_px_x",
        pa.float32(),
        "Scale a in x_source = a * x_model + b, pixel centres at integers in both pictures.",
        "px/px",
        SOURCE_PICTURE,
        nullable=True,
        rules=(more_than(0),),
    ),
    Field(
        "source_px_per_model_px_y",
        pa.float32(),
        "Scale a in y_source = a * y_model + b.",
        "px/px",
        SOURCE_PICTURE,
        nullable=True,
        rules=(more_than(0),),
    ),
    Field(
        "source_shift_x_px",
        pa.float32(),
        "Shift b in x_source = a * x_model + b.",
        "px",
        SOURCE_PICTURE,
        nullable=True,
    ),
    Field(
        "source_shift_y_px",
        pa.float32(),
        "Shift b in y_source = a * y_model + b.",
        "px",
        SOURCE_PICTURE,
        nullable=True,
    ),
)
