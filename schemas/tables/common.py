"""Fields that several tables share, so that a column means the same wherever it stands."""

from __future__ import annotations

import pyarrow as pa

from schemas.fields import Field
from schemas.ids import ID_CHARS
from schemas.reference_frames import CLIP_FRAMES, VIDEO_CLOCK, VIDEO_FRAMES
from schemas.rules import Rule, at_least, hex_digest, matches, not_blank

VIDEO_ID = Field(
    "video_id",
    pa.string(),
    "Identity of the source video: a hash of its path below the source root, its size and its etag "
    "(or modification time). Never of its file name.",
    rules=(hex_digest(ID_CHARS),),
)
CLIP_ID = Field(
    "clip_id",
    pa.string(),
    "Identity of the clip: a hash of its video, its shot, its span and the frames sampled from it.",
    rules=(hex_digest(ID_CHARS),),
)
SHARD_ID = Field(
    "shard_id",
    pa.string(),
    "Identity of the shard: a hash of its clips, in order.",
    rules=(hex_digest(ID_CHARS),),
)
URI = Field(
    "uri",
    pa.string(),
    "Path of the video relative to the source root, with forward slashes.",
    rules=(not_blank(),),
)
VIDEO_INDEX = Field(
    "video_index",
    pa.int32(),
    "Place of the video in the plan, from 0.",
    rules=(at_least(0),),
)
SHARD_INDEX = Field(
    "shard_index",
    pa.int32(),
    "Place of the shard in the plan, from 0; it names the shard's files.",
    rules=(at_least(0),),
)
SHOT_INDEX = Field(
    "shot_index",
    pa.int32(),
    "Shot of the video (frames without a cut between them), from 0.",
    rules=(at_least(0),),
)
START_FRAME = Field(
    "start_frame",
    pa.int32(),
    "Source frame the span starts at (inclusive).",
    "frame",
    VIDEO_FRAMES,
    rules=(at_least(0),),
)
END_FRAME = Field(
    "end_frame",
    pa.int32(),
    "Source frame the span ends before (exclusive): one more than the last frame in it.",
    "frame",
    VIDEO_FRAMES,
    rules=(at_least(0),),
)
START_TIME = Field(
    "start_time_s",
    pa.float64(),
    "Presentation time of the first frame of the span.",
    "s",
    VIDEO_CLOCK,
    rules=(at_least(0),),
)
END_TIME = Field(
    "end_time_s",
    pa.float64(),
    "Presentation time the span ends at: of source frame `end_frame`, or the end of the video.",
    "s",
    VIDEO_CLOCK,
    rules=(at_least(0),),
)
FRAME_INDEX = Field(
    "frame_index",
    pa.int32(),
    "Source frame.",
    "frame",
    VIDEO_FRAMES,
    rules=(at_least(0),),
)
CLIP_FRAME = Field(
    "clip_frame",
    pa.int32(),
    "Place of the frame among the sampled frames of the clip, from 0. A lost frame leaves a hole.",
    "frame",
    CLIP_FRAMES,
    rules=(at_least(0),),
)
TIME = Field(
    "time_s",
    pa.float64(),
    "Presentation time of the frame.",
    "s",
    VIDEO_CLOCK,
    rules=(at_least(0),),
)
IS_SEAM = Field(
    "is_seam",
    pa.bool_(),
    "Whether the frame is the clip's first and also the last of the previous clip of the shot. "
    "Releases keep the previous clip's rows and drop these.",
)
TRACK_ID = Field(
    "track_id",
    pa.int32(),
    "Person inside the clip, from 0. The same number in another clip is another person.",
    rules=(at_least(0),),
)


def sha256_rule() -> Rule:
    """A full sha256 in hexadecimal."""
    return hex_digest(64)


def relative_path_rule() -> Rule:
    """A path below the output root: no scheme, no leading slash, no parent folder."""
    return matches(
        r"(?!/)(?!.*://)(?!(.*/)?\.\.(/|$)).+", "a path relative to the output root, without '..'"
    )
