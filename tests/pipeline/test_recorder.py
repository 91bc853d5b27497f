import gc
import weakref

import numpy as np
import pytest

from human3r_model.preprocess import image_geometry
from pipeline.errors import AnnotateError, DepthError
from pipeline.labels import ModelFrame
from pipeline.recorder import ClipRecorder

GEOMETRY = image_geometry(64, 48, 64)
NOBODY = {
    "track_id": np.zeros(0, np.int64),
    "score": np.zeros(0, np.float32),
    "head_px": np.zeros((0, 2), np.float32),
    "rotations": np.zeros((0, 53, 3, 3), np.float32),
    "betas": np.zeros((0, 10), np.float32),
    "expression": np.zeros((0, 10), np.float32),
    "head_position": np.zeros((0, 3), np.float32),
}


def add(recorder, clip_frame, depth_m, focal_px=50.0, pose=(0, 0, 0, 1, 0, 0, 0)):
    frame = ModelFrame(clip_frame, np.zeros((48, 64, 3), np.uint8), False, 0.5)
    camera = np.array(pose, np.float32)
    recorder.add(frame, clip_frame / 25, camera, focal_px, 2.0, depth_m, NOBODY)


@pytest.mark.parametrize("has_depth", [True, False])
def test_no_depth_map_stays_in_memory(has_depth):
    recorder = ClipRecorder(GEOMETRY, (32, 24), has_depth=has_depth)
    maps = []
    for clip_frame in range(3):
        depth_m = np.full((48, 64), 2.0, np.float32)
        add(recorder, clip_frame, depth_m)
        maps.append(weakref.ref(depth_m))
        del depth_m
    gc.collect()
    assert [kept() for kept in maps] == [None] * 3
    labels = recorder.finish(num_lost=0)
    assert labels.coarse_depth_m.shape == (3, 12, 16)
    assert labels.coarse_depth_m.dtype == np.float32


def test_statistics_are_of_the_pixels_that_have_a_depth():
    depth_m = np.full((48, 64), np.nan, np.float32)
    depth_m[0, :5] = [1, 2, 4, -3, np.inf]
    recorder = ClipRecorder(GEOMETRY, (32, 24), has_depth=True)
    add(recorder, 0, depth_m)
    add(recorder, 1, np.zeros((48, 64), np.float32))
    frames = recorder.finish(num_lost=0).frames
    assert frames.depth_valid_fraction.tolist() == pytest.approx([3 / 3072, 0])
    ranges = [frames.depth_min_m, frames.depth_median_m, frames.depth_max_m]
    assert [values[0] for values in ranges] == [1, 2, 4]
    assert np.isnan([values[1] for values in ranges]).all()


def test_coarse_depth_is_every_fourth_pixel_and_nan_without_depth():
    depth_m = np.arange(48 * 64, dtype=np.float32).reshape(48, 64)
    depth_m[4, 8] = -1
    recorder = ClipRecorder(GEOMETRY, (32, 24), has_depth=False)
    add(recorder, 0, depth_m)
    coarse = recorder.finish(num_lost=0).coarse_depth_m[0]
    assert coarse[1, 3] == 4 * 64 + 12
    assert np.isnan(coarse[0, 0])  # 0 m
    assert np.isnan(coarse[1, 2])  # -1 m


@pytest.mark.parametrize("focal_px", [np.nan, np.inf, 0.0, -3.0])
def test_a_focal_length_that_is_none_is_nan(focal_px):
    recorder = ClipRecorder(GEOMETRY, (32, 24), has_depth=False)
    add(recorder, 0, np.ones((48, 64), np.float32), focal_px)
    add(recorder, 1, np.ones((48, 64), np.float32), 50.0)
    assert recorder.finish(num_lost=0).frames.focal_px.tolist() == pytest.approx(
        [np.nan, 50], nan_ok=True
    )


def test_a_camera_that_is_not_finite_is_refused():
    recorder = ClipRecorder(GEOMETRY, (32, 24), has_depth=True)
    with pytest.raises(AnnotateError, match=r"frame 7 of the clip: .* not finite \(\[nan, 0.0"):
        add(recorder, 7, np.ones((48, 64), np.float32), pose=(np.nan, 0, 0, 1, 0, 0, 0))
    assert recorder.num_frames == 0


def test_frames_have_to_come_in_order():
    recorder = ClipRecorder(GEOMETRY, (32, 24), has_depth=True)
    add(recorder, 3, np.ones((48, 64), np.float32))
    with pytest.raises(DepthError, match="add frames in presentation order"):
        add(recorder, 2, np.ones((48, 64), np.float32))


def test_seconds_add_up():
    recorder = ClipRecorder(GEOMETRY, (32, 24), has_depth=True)
    for clip_frame in range(4):
        add(recorder, clip_frame, np.ones((48, 64), np.float32))
    recorder.add_network_seconds(1.5)
    recorder.add_network_seconds(0.25)
    labels = recorder.finish(num_lost=2)
    assert (labels.decode_s, labels.network_s, labels.num_lost) == (2.0, 1.75, 2)
    assert labels.depth_s > 0
