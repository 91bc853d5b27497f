"""Frames that no renderer made, with round numbers in them."""

import numpy as np

from pipeline.labels import PeopleLabels
from synth.clip_truth import ClipTruth, TruthRecorder
from synth.values import PeopleTruth, RenderedFrame

WIDTH, HEIGHT = 24, 16


def rendered(x_m: float, visible_fraction: tuple[float, ...]) -> RenderedFrame:
    """A frame by a camera at (x, 0, 1) that looks back along -z; person p has its head at p."""
    num_people = len(visible_fraction)
    pose = np.diag([-1.0, 1.0, -1.0, 1.0])
    pose[:3, 3] = x_m, 0, 1
    place = np.arange(num_people, dtype=np.float64)
    depth_m = np.full((HEIGHT, WIDTH), 2 + x_m, np.float32)
    depth_m[0] = 0
    person = np.zeros((HEIGHT, WIDTH), np.uint8)
    person[:, :num_people] = 1 + np.arange(num_people)
    return RenderedFrame(
        rgb=np.zeros((HEIGHT, WIDTH, 3), np.uint8),
        depth_m=depth_m,
        person=person,
        surface=np.zeros_like(person, np.int32),
        world_from_camera=pose,
        people=PeopleTruth(
            actor=np.arange(num_people),
            rotations=np.tile(np.eye(3, dtype=np.float32), (num_people, 53, 1, 1)),
            betas=np.tile(place[:, None], (1, 10)).astype(np.float32),
            head_position=np.stack([place, place, place + 2], axis=1),
            head_px=np.stack([place, place], axis=1),
            visible_fraction=np.array(visible_fraction, np.float32),
        ),
    )


def record(*frames: RenderedFrame) -> tuple[ClipTruth, PeopleLabels]:
    """The truth of a clip that begins at 4 s, 25 frames a second, focal length 20 pixels."""
    recorder = TruthRecorder(WIDTH, HEIGHT, focal_px=20.0)
    for place, frame in enumerate(frames):
        recorder.add(frame, 4 + place / 25)
    return recorder.finish()
