"""What labels say of the people of a video, frame by frame."""

import numpy as np

from evaluation.dataset import Dataset

Rows = dict[str, np.ndarray]
COLUMNS = ("head_px", "head_position", "joints", "track_id", "betas")


def people_by_clip(dataset: Dataset, uri: str) -> dict[tuple[int, int], Rows]:
    """`COLUMNS` of the rows of a frame, by (first frame of the clip, frame)."""
    frames = {}
    for entry in dataset.clips[uri]:
        clip = dataset.read_clip(entry)
        for place, frame_index in enumerate(clip.frame_index.tolist()):
            is_here = clip.people.frame == place
            rows = {name: getattr(clip.people, name)[is_here] for name in COLUMNS}
            frames[entry.start_frame, frame_index] = rows
    return frames


def people_by_frame(dataset: Dataset, uri: str) -> dict[int, Rows]:
    """Likewise by frame; of a frame that two clips share, the later one's."""
    return {frame: rows for (_, frame), rows in people_by_clip(dataset, uri).items()}
