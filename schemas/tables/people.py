"""`people`: one row for every person detected in every annotated frame."""

from __future__ import annotations

import pyarrow as pa

from schemas.fields import Field, TableSpec, vector
from schemas.joints import NUM_JOINTS
from schemas.reference_frames import CAMERA, CLIP_WORLD, PARENT_JOINT, SOURCE_PICTURE
from schemas.row_rules import null_when, present_when, together_and_rising
from schemas.rules import Rule, at_least, axis_angles, in_range, ordered_box
from schemas.tables.common import (
    CLIP_FRAME,
    CLIP_ID,
    FRAME_INDEX,
    IS_SEAM,
    TIME,
    TRACK_ID,
    VIDEO_ID,
)

_AXIS_ANGLE = (axis_angles(),)


def _label(
    name: str, size: int, doc: str, unit: str = "-", frame: str = "-", rules: tuple[Rule, ...] = ()
) -> Field:
    return Field(name, vector(size), doc, unit, frame, nullable=True, rules=rules)


POSE_FIELDS: tuple[Field, ...] = (
    _label(
        "global_orient",
        3,
        "Rotation of the pelvis, SMPL-X's own, axis-angle.",
        "rad",
        CAMERA,
        _AXIS_ANGLE,
    ),
    _label(
        "body_pose",
        63,
        "Rotations of the 21 body joints left_hip to right_wrist, three numbers each, axis-angle.",
        "rad",
        PARENT_JOINT,
        _AXIS_ANGLE,
    ),
    _label(
        "left_hand_pose",
        45,
        "Rotations of the 15 joints of the left hand, axis-angle around the flat hand (no PCA, no "
        "mean pose added).",
        "rad",
        PARENT_JOINT,
        _AXIS_ANGLE,
    ),
    _label(
        "right_hand_pose",
        45,
        "Rotations of the 15 joints of the right hand, axis-angle around the flat hand (no PCA, no "
        "mean pose added).",
        "rad",
        PARENT_JOINT,
        _AXIS_ANGLE,
    ),
    _label("jaw_pose", 3, "Rotation of the jaw, axis-angle.", "rad", PARENT_JOINT, _AXIS_ANGLE),
    _label("betas", 10, "Shape coefficients of neutral SMPL-X, as seen in this frame."),
    _label("expression", 10, "Expression coefficients of SMPL-X."),
    _label("head_position", 3, "Position of the head joint.", "m", CAMERA),
    _label(
        "global_orient_world",
        3,
        "Rotation of the pelvis in the world: R global_orient, with R of world_from_camera.",
        "rad",
        CLIP_WORLD,
        _AXIS_ANGLE,
    ),
    _label(
        "head_position_world",
        3,
        "Position of the head joint in the world: R head_position + t, with R and t of "
        "world_from_camera.",
        "m",
        CLIP_WORLD,
    ),
)
"""What the network alone says of a person: all null in a row that is not finite."""

BODY_FIELDS: tuple[Field, ...] = (
    _label(
        "transl",
        3,
        "Translation as SMPL-X takes it: head_position minus the head joint of the posed body at "
        "transl 0. It is not where the pelvis is. Null without a body model.",
        "m",
        CAMERA,
    ),
    _label(
        "transl_world",
        3,
        "The same for global_orient_world: R (J0 + transl) + t - J0, with J0 the pelvis of the "
        "person's shape at rest and R and t of world_from_camera. Null without a body model.",
        "m",
        CLIP_WORLD,
    ),
    _label(
        "joints_3d",
        3 * NUM_JOINTS,
        "Positions x, y, z of 52 joints, joint after joint, in the order of the metadata key "
        "joint_names. Null without a body model.",
        "m",
        CAMERA,
    ),
    _label(
        "joints_2d",
        2 * NUM_JOINTS,
        "Those joints projected with the clip's focal length: x, y, joint after joint. May lie "
        "outside the picture. Null without a body model or focal length, or where a joint is not "
        "in front of the camera.",
        "px",
        SOURCE_PICTURE,
    ),
    _label(
        "box_px",
        4,
        "Box around the projected body: x0, y0, x1, y1; it may reach out of the picture. Null "
        "where joints_2d is.",
        "px",
        SOURCE_PICTURE,
        (ordered_box(),),
    ),
)
"""What needs a body model too: null without one."""

PEOPLE = TableSpec(
    name="people",
    doc="One person detected in one frame of a clip.",
    fields=(
        CLIP_ID,
        VIDEO_ID,
        FRAME_INDEX,
        CLIP_FRAME,
        TIME,
        TRACK_ID,
        Field(
            "score",
            pa.float32(),
            "The network's detection score.",
            rules=(in_range(0, 1),),
        ),
        Field(
            "head_px",
            vector(2),
            "Where the network sees the head: x, y, from the detection, not from the projected "
            "body.",
            "px",
            SOURCE_PICTURE,
        ),
        *POSE_FIELDS,
        *BODY_FIELDS,
        Field(
            "visible_fraction",
            pa.float32(),
            "Part of the body's joints that lie inside the picture and are not behind what the "
            "depth shows; null where it was not judged.",
            nullable=True,
            rules=(in_range(0, 1),),
        ),
        Field(
            "truncated_fraction",
            pa.float32(),
            "Part of the body's joints that lie outside the picture; null where joints_2d is.",
            nullable=True,
            rules=(in_range(0, 1),),
        ),
        Field(
            "root_jerk",
            pa.float32(),
            "Length of the third time derivative of the head's path in the world, from this frame "
            "and its neighbours in the track; null where the track has too few neighbours.",
            "m/s^3",
            CLIP_WORLD,
            nullable=True,
            rules=(at_least(0),),
        ),
        Field(
            "is_truncated",
            pa.bool_(),
            "Whether the picture's edge cuts the person; null where that is not known.",
            nullable=True,
        ),
        Field(
            "is_out_of_frame",
            pa.bool_(),
            "Whether the head joint projects outside the picture; null where that is not known.",
            nullable=True,
        ),
        Field(
            "is_finite",
            pa.bool_(),
            "Whether everything the network says of the person is finite. Where false, the label "
            "columns are null and only the detection stands.",
        ),
        IS_SEAM,
    ),
    key=("clip_id", "frame_index", "track_id"),
    row_rules=(
        together_and_rising("clip_id", ("frame_index", "clip_frame", "time_s"), is_strict=False),
        present_when("is_finite", (True,), tuple(field.name for field in POSE_FIELDS)),
        null_when(
            "is_finite",
            (False,),
            (
                *(field.name for field in POSE_FIELDS),
                *(field.name for field in BODY_FIELDS),
                "root_jerk",
            ),
        ),
    ),
    rows_per_group=8_192,
)
