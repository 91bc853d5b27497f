from dataclasses import replace

import numpy as np
import pytest

from evaluation.dataset import Dataset
from evaluation.errors import EvaluationError
from pipeline.errors import PlanError
from pipeline.storage import Store
from tests.evaluation.small_scene import Span, Writing, make_scene, write_scene

SCENE = make_scene()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory, free_body):
    spans = (Span(6, 12, step=2, lost=(8,)), Span(0, 7), Span(2, 4, is_failed=True))
    folder = tmp_path_factory.mktemp("dataset")
    return write_scene(folder, SCENE, free_body, Writing(spans=spans))


def test_clips_stand_in_the_order_of_their_frames_and_failed_ones_do_not(dataset):
    spans = [(clip.start_frame, clip.end_frame) for clip in dataset.clips["walk.mp4"]]
    assert spans == [(0, 7), (6, 11)]
    assert dataset.clips["walk.mp4"][0].source_px_per_model_px == 2
    assert dataset.picture_of_video == {"walk.mp4": (128, 96)}
    assert dataset.planned_frames == {"walk.mp4": {0, 1, 2, 3, 4, 5, 6, 8, 10}}
    assert dataset.annotated_frames("walk.mp4").tolist() == [0, 1, 2, 3, 4, 5, 6, 10]
    assert dataset.annotated_frames("run.mp4").tolist() == []


def test_the_arrays_of_a_clip(dataset, free_body):
    clip = dataset.read_clip(dataset.clips["walk.mp4"][1])
    assert clip.frame_index.tolist() == [6, 10]
    np.testing.assert_allclose(clip.time_s, [0.12, 0.2])
    np.testing.assert_allclose(clip.world_from_camera, SCENE.world_from_camera[[6, 10]], atol=1e-6)
    people = clip.people
    assert people.frame.tolist() == [0, 0, 1, 1]
    assert people.track_id.tolist() == [0, 1, 0, 1]
    assert people.head_px[0].tolist() == [32.5, 40.5]  # of (16, 20), pixels twice as large
    np.testing.assert_allclose(
        people.joints[:, 15], people.head_position, atol=1e-6
    )  # SMPL-X's joint 15 is the head
    assert people.axis_angle.shape == (4, 53, 3)
    assert people.betas[1].tolist() == [1] + [0] * 9
    assert dataset.side.body_model_sha256 == free_body.sha256


def test_depth_of_chosen_frames_in_the_order_asked_for(dataset):
    clip = dataset.read_clip(dataset.clips["walk.mp4"][0])
    (first, grid), (second, _) = dataset.read_depth(clip, [4, 1])
    assert first.shape == second.shape == (48, 64)
    np.testing.assert_allclose(first, np.full((48, 64), 8), rtol=5e-4)
    # The depth picture's pixel 0 covers source pixels 0 and 1: its centre is at 0.5.
    assert (grid.scale_x, grid.shift_x) == (0.5, -0.25)


def test_what_is_null_is_nan(tmp_path):
    nobody = replace(SCENE, track_ids=np.full((2, 12), -1))
    empty = write_scene(tmp_path / "empty", nobody, None, Writing(has_depth=False))
    clip = empty.read_clip(empty.clips["walk.mp4"][0])
    assert clip.people.joints.shape == (0, 22, 3)
    assert list(empty.read_depth(clip, [0, 1])) == [None, None]
    bare = write_scene(tmp_path / "bare", SCENE, None)
    people = bare.read_clip(bare.clips["walk.mp4"][0]).people
    assert np.isnan(people.joints).all()
    assert np.isnan(people.box_px).all()
    assert np.isfinite(people.head_position).all()


def test_a_truth_with_nothing_beside_its_tables(dataset):
    assert dataset.read_hidden() == {}
    assert dataset.read_ground() == {}


def test_a_folder_without_a_dataset(tmp_path):
    with pytest.raises(PlanError, match="holds no plan"):
        Dataset(Store(str(tmp_path)))
    write_scene(tmp_path, SCENE, None)
    (tmp_path / "run.json").unlink()
    with pytest.raises(EvaluationError, match=r"holds a plan but no labels\. Run h3r annotate"):
        Dataset(Store(str(tmp_path)))
