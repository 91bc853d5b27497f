"""Names of the coordinate frames, counts and clocks that columns are given in, and what each is."""

from __future__ import annotations

NO_FRAME = "-"

CAMERA = "camera"
CLIP_WORLD = "clip world"
SHOT_WORLD = "shot world"
PARENT_JOINT = "parent joint"
SOURCE_PICTURE = "source picture"
DEPTH_PICTURE = "depth picture"
VIDEO_FRAMES = "video frames"
CLIP_FRAMES = "clip frames"
VIDEO_CLOCK = "video clock"
STREAM_CLOCK = "stream clock"

REFERENCE_FRAMES: dict[str, str] = {
    CAMERA: "The camera of the row's frame, OpenCV axes: x right, y down, z forward; metres.",
    CLIP_WORLD: "The world the network places the clip in, metric, close to the camera of the "
    "clip's first frame; another clip has another one. world_from_camera takes camera coordinates "
    "into it: x_world = R x_camera + t.",
    SHOT_WORLD: "One world for all clips of a shot: the clip world of its first clip.",
    PARENT_JOINT: "The axes of the joint's parent in SMPL-X's kinematic tree.",
    SOURCE_PICTURE: "The video's picture as displayed, in square pixels, rotation applied: x "
    "right, y down, (0, 0) at the centre of the first pixel.",
    DEPTH_PICTURE: "The stored depth picture, in its own pixels, (0, 0) at the centre of the "
    "first.",
    VIDEO_FRAMES: "Displayed frames of the video in order of presentation, counted from 0.",
    CLIP_FRAMES: "Frames sampled from the clip in order of presentation, counted from 0.",
    VIDEO_CLOCK: "Seconds since the first displayed frame of the video.",
    STREAM_CLOCK: "The video stream's own time stamps, in units of its time base.",
}
"""Each frame's name, as the `frame` of a field, and what it is."""
