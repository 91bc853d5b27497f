"""Find the committed rows of one frame of one video, or say why there are none."""

import difflib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline import layout
from pipeline.errors import ConfigError
from pipeline.ledger import read_commit
from pipeline.plan import read_plan
from pipeline.storage import Store
from pipeline.tables import read_table
from schemas.arrow import empty_table
from schemas.tables import PEOPLE

NUM_NAMED = 5


@dataclass(frozen=True)
class FrameRows:
    """The rows of a frame and of the clip around it.

    Attributes:
        video: Row of `videos`.
        clip: Row of the ledger.
        frame: Row of `frames`.
        people: Rows of `people` in the frame.
        clip_frames: Table `frames` of the clip.
        clip_people: Table `people` of the clip.
    """

    video: dict
    clip: dict
    frame: dict
    people: list[dict]
    clip_frames: pa.Table
    clip_people: pa.Table


def find_frame_rows(store: Store, uri: str, frame_index: int | None) -> FrameRows:
    """Read the plan and the one shard that holds the frame.

    Args:
        store: OUT.
        uri: The video, as the tables name it.
        frame_index: Source frame; None for the middle one of those sampled. Of a frame that two
            clips share, the rows of the first.

    Raises:
        ConfigError: OUT has no such video or no labels of that frame; says what it has.
        H3RError: OUT cannot be read.
    """
    video = _find_video(store, uri)
    clip, index = _find_clip(store, video, frame_index)
    frames = _rows_of_clip(store, clip["frames_file"], clip["clip_id"])
    # A clip in which nobody was seen may have no file of people.
    people = (
        _rows_of_clip(store, clip["people_file"], clip["clip_id"])
        if clip["people_file"] is not None
        else empty_table(PEOPLE)
    )
    here = frames.filter(pc.field("frame_index") == index).to_pylist()
    if not here:
        annotated = frames["frame_index"].to_numpy()
        raise ConfigError(
            f"{_no_labels(uri, index)}: it could not be decoded. {_near(annotated, index)}"
        )
    return FrameRows(
        video=video,
        clip=clip,
        frame=here[0],
        people=people.filter(pc.field("frame_index") == index).to_pylist(),
        clip_frames=frames,
        clip_people=people,
    )


def _find_video(store: Store, uri: str) -> dict:
    rows = read_plan(store, clip_columns=[]).videos.to_pylist()
    videos = {row["uri"]: row for row in rows}
    if uri not in videos:
        inside = [name for name in videos if uri in name]
        near = inside or difflib.get_close_matches(uri, videos, NUM_NAMED) or list(videos)
        raise ConfigError(
            f"--video {uri}: {store.uri} has no video of that name ({len(videos)} in all). "
            f"Near it: {', '.join(near[:NUM_NAMED])}"
        )
    video = videos[uri]
    if video["status"] == "failed":
        raise ConfigError(f"--video {uri}: it has no labels: {video['error_message']}")
    return video


def _find_clip(store: Store, video: dict, frame_index: int | None) -> tuple[dict, int]:
    """Ledger row of the first clip that sampled the frame, and the frame."""
    clips = read_table(
        store,
        layout.PLAN_CLIPS,
        columns=["clip_id", "shard_index", "frame_index"],
        filters=[("video_index", "==", video["video_index"])],
    ).to_pylist()
    sampled = np.unique(np.concatenate([clip["frame_index"] for clip in clips]))
    index = int(sampled[len(sampled) // 2]) if frame_index is None else frame_index
    subject = _no_labels(video["uri"], index)
    clip = next((clip for clip in clips if index in clip["frame_index"]), None)
    if clip is None:
        raise ConfigError(f"{subject}: it was not sampled. {_near(sampled, index)}")
    ledger = read_commit(store, clip["shard_index"])
    if ledger is None:
        raise ConfigError(f"{subject} yet: run h3r annotate to go on")
    row = ledger.filter(pc.field("clip_id") == clip["clip_id"]).to_pylist()[0]
    if row["status"] == "failed":
        raise ConfigError(
            f"{subject}: its clip failed ({row['error_stage']}, {row['error_class']}): "
            f"{row['error_message']}"
        )
    return row, index


def _no_labels(uri: str, frame_index: int) -> str:
    return f"--video {uri} --frame {frame_index}: the frame has no labels"


def _near(frames: NDArray[np.int64], wanted: int) -> str:
    nearest = sorted(frames[np.argsort(abs(frames - wanted), kind="stable")][:NUM_NAMED].tolist())
    return f"Near it: {', '.join(map(str, nearest))}"


def _rows_of_clip(store: Store, path: str, clip_id: str) -> pa.Table:
    return read_table(store, path, filters=[("clip_id", "==", clip_id)])
