"""People who are there and too hidden to be labelled: to find them is neither right nor wrong."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from human3r_model.body import BodyModel
from pipeline.bodies import clip_focal_px, place_bodies
from pipeline.labels import ClipLabels, PeopleLabels


def hidden_rows(
    uri: str,
    first_frame: int,
    labels: ClipLabels,
    hidden: PeopleLabels,
    body: BodyModel,
    *,
    has_seam: bool,
) -> list[dict]:
    """Where a clip's hidden people are: rows of `schemas.truth_files.HIDDEN`.

    Args:
        uri: The clip's video.
        first_frame: Source frame of the clip's first.
        labels: The clip's truth.
        hidden: Who is too hidden to be in it.
        body: Their body.
        has_seam: The first frame is the last of the clip before, which has told of it.
    """
    is_finite = np.ones(len(hidden.frame), np.bool_)
    bodies = place_bodies(replace(labels, people=hidden), is_finite, body, clip_focal_px(labels))
    return [
        {
            "uri": uri,
            "frame_index": first_frame + int(frame),
            "head_px": head_px.tolist(),
            "box": _present(box_px),
        }
        for frame, head_px, box_px in zip(hidden.frame, hidden.head_px, bodies.box_px, strict=True)
        if frame > 0 or not has_seam
    ]


def _present(values: NDArray[np.float32]) -> list[float] | None:
    """None where a part of the body is not in front of the camera."""
    return values.tolist() if np.isfinite(values).all() else None
