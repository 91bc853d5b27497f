"""Key-value metadata of every written table, so that a file found alone explains itself."""

from __future__ import annotations

import json
from dataclasses import dataclass

from schemas.fields import SCHEMA_VERSION, TableSpec
from schemas.joints import BODY_JOINTS, JOINT_NAMES
from schemas.reference_frames import REFERENCE_FRAMES

PREFIX = "h3r."

CONVENTIONS = (
    "Lengths in metres, angles in radians, times in seconds, pixels of the source picture as "
    "displayed with (0, 0) at the centre of the first pixel. Cameras have OpenCV axes (x right, y "
    "down, z forward) and their poses are camera-to-world. Quaternions are (w, x, y, z) with "
    "w >= 0; body rotations are axis-angle. Spans are half-open."
)
LICENCE_OF_PUBLISHED_WEIGHTS = (
    "Labels made with the published Human3R weights: non-commercial research only, as the weights "
    "themselves and the SMPL-X body model they refer to."
)
LICENCE_OF_UNTRAINED = "untrained: random weights, not labels"
LICENCE_OF_PRESET = {
    "nano": "Labels made with weights trained on the synthetic world: they know nothing of real "
    "footage, of which these are a demonstration. The project's own weights are under Apache-2.0.",
    "truth": "True by construction or by measurement, made by no network: the terms are those of "
    "the videos or of the dataset they come from.",
}
"""Of presets whose labels owe nothing to the published weights."""
NO_BODY_MODEL = "none: transl, transl_world, joints and boxes are null"


@dataclass(frozen=True)
class LabelProvenance:
    """What made the labels of a table.

    Attributes:
        weights_sha256: sha256 of the network's weights.
        model_preset: Size of the network, such as "896L".
        is_untrained: Whether the weights are random.
        body_model_sha256: sha256 of the SMPL-X model file; None when none was given.
        config_hash: Hash of the resolved configuration that decides the labels.
        code_version: Version of the program.
    """

    weights_sha256: str
    model_preset: str
    is_untrained: bool
    body_model_sha256: str | None
    config_hash: str
    code_version: str


def table_metadata(spec: TableSpec, provenance: LabelProvenance | None) -> dict[str, str]:
    """Metadata of one table, for `arrow_schema` and `table_from_columns`.

    Args:
        spec: The table's declaration.
        provenance: What made its labels; None for a table of the plan, which holds none.

    Returns:
        Texts by keys that start with "h3r.".
    """
    frames = {field.frame for field in spec.fields} & REFERENCE_FRAMES.keys()
    metadata = {
        "table": spec.name,
        "schema_version": str(SCHEMA_VERSION),
        "row": spec.doc,
        "conventions": CONVENTIONS,
        "reference_frames": json.dumps({name: REFERENCE_FRAMES[name] for name in sorted(frames)}),
    }
    if {"body_pose", "joints_3d"} & set(spec.column_names):
        metadata["body_pose_joints"] = json.dumps(BODY_JOINTS[1:])
        metadata["joint_names"] = json.dumps(JOINT_NAMES)
    if provenance is not None:
        metadata |= _provenance_texts(provenance)
    return {f"{PREFIX}{key}": text for key, text in metadata.items()}


def _provenance_texts(provenance: LabelProvenance) -> dict[str, str]:
    return {
        "weights_sha256": provenance.weights_sha256,
        "model_preset": provenance.model_preset,
        "is_untrained": json.dumps(provenance.is_untrained),
        "label_licence": _licence(provenance),
        "body_model_sha256": provenance.body_model_sha256 or NO_BODY_MODEL,
        "config_hash": provenance.config_hash,
        "code_version": provenance.code_version,
    }


def _licence(provenance: LabelProvenance) -> str:
    if provenance.is_untrained:
        return LICENCE_OF_UNTRAINED
    return LICENCE_OF_PRESET.get(provenance.model_preset, LICENCE_OF_PUBLISHED_WEIGHTS)
