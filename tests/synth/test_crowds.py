"""What happens in a corpus: people come into the picture, leave it, and pass behind each other."""

import numpy as np
import pytest

from synth.filming import make_shot
from synth.video_spec import CorpusSpec, draw_video

SPEC = CorpusSpec(
    seed=1, num_videos=24, num_frames=24, fps=(4,), sizes=((512, 288),), variants=("plain",)
)
"""Six seconds a video. Nothing is rendered: who hides whom is told from where they stand."""
HALF_WIDTH_M = 0.2  # of a body, seen from any side
CROWN_M = 0.15  # above the head joint
DROPS_M = np.array([0.0, 0.3, 0.7, 1.1])  # points of a body below its head
LEAST_HIDDEN = 2  # of those points
A_WHILE = 2  # frames
BOUNDS = {
    "come late": (7, 14),  # 9 of 88; 6 before static cameras, 1 from far away or if all stand
    "leave early": (9, 16),  # 12; 7 before static cameras, 0 from far away, 1 if all stand
    "are hidden for a while": (22, 38),  # 29; 9 if all stand, 45 if all walk
}
"""Least and greatest number of people; what was measured, and with a poorer generator."""


@pytest.fixture(scope="module")
def crowds(free_body):
    """(whether a head is in the picture, whether its body is hidden) [A, T] of every video."""
    videos = [draw_video(SPEC, index) for index in range(SPEC.num_videos)]
    return [look(make_shot(video, video.shots[0], free_body)) for video in videos]


def look(shot):
    heads = np.array([actor.head_position for actor in shot.actors])  # [A, T, 3] world
    pose, camera = shot.camera.world_from_camera, shot.camera
    x, y, z = np.einsum("tji,atj->iat", pose[:, :3, :3], heads - pose[:, :3, 3])
    half = (camera.width / 2, camera.height / 2)
    is_inside = np.abs([x, y]) * camera.focal_px < np.reshape(half, (2, 1, 1)) * z
    return is_inside.all(axis=0), hidden_points(heads, pose[:, :3, 3]) >= LEAST_HIDDEN


def hidden_points(heads, eye):
    """How many of a body's points [A, T] have somebody else in front of them."""
    ground = heads[..., [0, 2]] - eye[:, [0, 2]]  # [A, T, 2] from the camera
    points = heads[:, :, 1:2] + DROPS_M - eye[:, 1:2]  # [A, T, D] downwards from the camera
    is_hidden = np.zeros(points.shape, bool)
    for other, way in zip(heads, ground, strict=True):
        share = (ground * way).sum(-1) / (ground**2).sum(-1)  # of the way to a body, beside another
        aside = np.linalg.norm(way - share[..., None] * ground, axis=-1)
        is_between = (share > 0) & (share < 1) & (aside < HALF_WIDTH_M)  # 1 is oneself
        top = other[:, 1] - CROWN_M - eye[:, 1]
        is_hidden |= is_between[..., None] & (share[..., None] * points > top[:, None])
    return is_hidden.sum(-1)


def test_people_come_late_leave_early_and_are_hidden_for_a_while(crowds):
    people = [pair for crowd in crowds for pair in zip(*crowd, strict=True)]
    counts = {
        "come late": sum(not is_in[0] and is_in.any() for is_in, _ in people),
        "leave early": sum(not is_in[-1] and is_in.any() for is_in, _ in people),
        "are hidden for a while": sum(
            (is_in & is_hidden).sum() >= A_WHILE and (is_in & ~is_hidden).any()
            for is_in, is_hidden in people
        ),
    }
    for what, (least, greatest) in BOUNDS.items():
        assert least <= counts[what] <= greatest, what
