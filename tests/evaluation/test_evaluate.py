"""Known errors are planted into copies of a dataset: exactly they are reported."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from evaluation.evaluate import evaluate
from human3r_model.geometry import axis_angle_to_matrix
from schemas.joints import BODY_JOINTS
from tests.evaluation.small_scene import SCENE, move_world, notes, values, written

TURN = axis_angle_to_matrix(torch.tensor([0.1, 0.7, -0.2], dtype=torch.float64)).numpy()
PERFECT = {
    "Precision": 1,
    "Recall": 1,
    "F1": 1,
    "Head position": 0,
    "MPJPE": 0,
    "PA-MPJPE": 0,
    "PVE": 0,
    "W-MPJPE": 0,
    "WA-MPJPE": 0,
    "RTE": 0,
    "MOTA": 1,
    "IDF1": 1,
    "Switches": 0,
    "ATE": 0,
    "RPE translation": 0,
    "RPE rotation": 0,
    "Camera scale": 1,
    "AbsRel, metric": 0,
    "delta1, metric": 1,
    "AbsRel, scaled": 0,
    "delta1, scaled": 1,
}


def test_a_dataset_against_itself_is_perfect(truth, free_body):
    found = evaluate(truth, truth, body=free_body, command="h3r evaluate A A")
    assert found.command == "h3r evaluate A A"
    measured = values(found)
    assert {name: measured[name] for name in PERFECT} == pytest.approx(PERFECT, abs=1e-6)
    assert measured["Jitter"] == measured["Jitter of the truth"]
    assert measured["ATE of no motion"] > 0.1
    num_samples = {metric.name: metric.num_samples for metric in found.metrics}
    assert (num_samples["F1"], num_samples["MPJPE"], num_samples["ATE"]) == (48, 24, 1)
    assert num_samples["AbsRel, metric"] == 12 * 64 * 48
    assert found.joint_names == BODY_JOINTS
    np.testing.assert_allclose(found.joint_error_mm, np.zeros(22), atol=1e-6)
    np.testing.assert_array_equal(found.depth_error_map, np.zeros((18, 32)))
    accounts = found.accounts
    assert (accounts.num_videos, accounts.num_frames_true, accounts.num_frames) == (1, 12, 12)
    assert found.pred.body_model_sha256 == free_body.sha256


def test_arrays_of_a_sequence_are_those_of_its_frames(truth):
    (sequence,) = evaluate(truth, truth).sequences
    assert sequence.uri == "walk.mp4"
    assert sequence.frame_index.tolist() == list(range(12))
    np.testing.assert_allclose(sequence.time_s, np.arange(12) / 50)
    assert sequence.num_true.tolist() == sequence.num_matched.tolist() == [2] * 12
    for errors in (sequence.mpjpe_mm, sequence.head_error_m, sequence.depth_abs_rel):
        np.testing.assert_allclose(errors, np.zeros(12), atol=1e-6)
    np.testing.assert_allclose(sequence.camera_true, SCENE.world_from_camera[:, :3, 3], atol=1e-6)
    assert sequence.up is None  # without a ground
    assert [path.track_id for path in sequence.people] == [0, 1]
    assert sequence.people[0].frame.tolist() == list(range(12))
    np.testing.assert_allclose(
        sequence.people[0].pelvis_pred, sequence.people[0].pelvis_true, atol=1e-6
    )


def test_everybody_a_tenth_of_a_metre_aside(truth, tmp_path, free_body):
    aside = replace(SCENE, heads=SCENE.heads + np.array([0, 0.1, 0]))
    found = evaluate(written(tmp_path, aside, body=free_body), truth, body=free_body)
    assert values(found)["Head position"] == pytest.approx(0.1, abs=1e-6)
    # Alignments take a common shift away.
    for name in ("MPJPE", "PA-MPJPE", "PVE", "W-MPJPE", "WA-MPJPE", "RTE"):
        assert values(found)[name] == pytest.approx(0, abs=1e-3)
    np.testing.assert_allclose(found.sequences[0].head_error_m, np.full(12, 0.1), atol=1e-6)


def test_people_turned_as_a_whole(truth, tmp_path, free_body):
    turned = SCENE.rotations.copy()
    turned[:, :, 0] = turned[:, :, 0] @ np.diag([-1, 1, -1]).astype(np.float32)  # half a turn
    pred = written(tmp_path, replace(SCENE, rotations=turned), body=free_body)
    found = evaluate(pred, truth, body=free_body)
    assert values(found)["PA-MPJPE"] == pytest.approx(0, abs=1e-3)
    errors = dict(zip(found.joint_names, found.joint_error_mm, strict=True))
    assert errors["left_hip"] == pytest.approx(errors["right_hip"])  # turned about their middle
    # Half a turn about the body's own axis puts the right wrist where the left one is.
    assert errors["left_wrist"] == pytest.approx(errors["right_wrist"], rel=0.2)
    assert errors["left_wrist"] > 500
    assert values(found)["MPJPE"] == pytest.approx(found.joint_error_mm.mean())
    assert values(found)["PVE"] > 100


def test_ids_swapped_halfway(bare_truth, tmp_path):
    ids = SCENE.track_ids.copy()
    ids[:, 6:] = 1 - ids[:, 6:]
    found = evaluate(written(tmp_path, replace(SCENE, track_ids=ids)), bare_truth)
    assert values(found)["Switches"] == 2
    assert values(found)["MOTA"] == pytest.approx(1 - 2 / 24)
    assert values(found)["IDF1"] == 0.5
    assert values(found)["F1"] == 1


@pytest.mark.parametrize(("factor", "delta_1"), [(1.1, 1), (1.3, 0)])
def test_depth_times_a_factor(bare_truth, tmp_path, factor, delta_1):
    pred = written(tmp_path, replace(SCENE, depth_m=factor * SCENE.depth_m))
    found = evaluate(pred, bare_truth)
    # Depth is stored within 5e-4 on either side.
    assert values(found)["AbsRel, metric"] == pytest.approx(factor - 1, abs=1.5e-3)
    assert values(found)["delta1, metric"] == delta_1
    assert values(found)["AbsRel, scaled"] == pytest.approx(0, abs=1e-3)
    assert values(found)["delta1, scaled"] == 1
    np.testing.assert_allclose(found.depth_error_map, np.full((18, 32), factor - 1), atol=1.5e-3)
    np.testing.assert_allclose(
        found.sequences[0].depth_abs_rel, np.full(12, factor - 1), atol=1.5e-3
    )


def test_another_world_of_the_same_size(truth, tmp_path, free_body):
    pred = written(tmp_path, move_world(SCENE, TURN, np.array([1.0, 2, 3])), body=free_body)
    found = evaluate(pred, truth)
    for name in ("ATE", "RPE translation", "RPE rotation", "Head position"):
        assert values(found)[name] == pytest.approx(0, abs=1e-5)
    for name in ("MPJPE", "W-MPJPE", "WA-MPJPE", "RTE"):
        assert values(found)[name] == pytest.approx(0, abs=1e-2)
    sequence = found.sequences[0]
    np.testing.assert_allclose(sequence.camera_pred, sequence.camera_true, atol=1e-5)
    for path in sequence.people:
        np.testing.assert_allclose(path.pelvis_pred, path.pelvis_true, atol=1e-4)


def test_a_camera_path_of_twice_the_size(bare_truth, tmp_path):
    pred = written(tmp_path, move_world(SCENE, TURN, np.zeros(3), scale=2.0))
    found = evaluate(pred, bare_truth)
    assert values(found)["ATE"] == pytest.approx(0, abs=1e-6)
    assert values(found)["Camera scale"] == pytest.approx(0.5)
    # The picture of the paths has no scale: twice as far from the middle as the truth.
    sequence = found.sequences[0]
    middle = sequence.camera_true.mean(axis=0)
    np.testing.assert_allclose(
        sequence.camera_pred - middle, 2 * (sequence.camera_true - middle), atol=1e-5
    )
    np.testing.assert_allclose(sequence.camera_error_m, np.zeros(12), atol=1e-6)


def test_missing_people_and_people_too_many(bare_truth, tmp_path):
    one = SCENE.track_ids.copy()
    one[1, 3:] = -1
    fewer = written(tmp_path / "fewer", replace(SCENE, track_ids=one))
    found = evaluate(fewer, bare_truth)
    assert values(found)["Recall"] == pytest.approx(15 / 24)
    assert values(found)["Precision"] == 1
    other_way_round = evaluate(bare_truth, fewer)
    assert values(other_way_round)["Precision"] == pytest.approx(15 / 24)
    assert values(other_way_round)["Recall"] == 1


def test_nobody_at_all(bare_truth, tmp_path):
    nobody = written(tmp_path, replace(SCENE, track_ids=np.full((2, 12), -1)))
    found = evaluate(nobody, bare_truth)
    assert (values(found)["Recall"], values(found)["F1"]) == (0, 0)
    assert values(found)["Precision"] is None
    assert notes(found)["Precision"] == "nobody was detected"
    assert values(found)["Head position"] is None
    assert np.isnan(found.sequences[0].head_error_m).all()
    empty = evaluate(nobody, nobody)
    assert [values(empty)[name] for name in ("F1", "MOTA", "IDF1", "Switches")] == [None] * 4
    assert values(empty)["ATE"] == pytest.approx(0, abs=1e-9)


def test_a_head_within_one_patch_is_found(bare_truth, tmp_path):
    near, far = SCENE.heads_px.copy(), SCENE.heads_px.copy()
    near[0, :, 1] += 15.9  # a patch is 16 pixels of the network's picture, 32 of the source
    far[0, :, 1] += 16.1
    for name, heads_px, recall in (("near", near, 1), ("far", far, 0.5)):
        pred = written(tmp_path / name, replace(SCENE, heads_px=heads_px))
        assert values(evaluate(pred, bare_truth))["Recall"] == recall
        assert values(evaluate(pred, bare_truth, radius_px=40))["Recall"] == 1
        assert values(evaluate(pred, bare_truth, radius_px=30))["Recall"] == 0.5


def test_people_matched_by_box(truth, tmp_path, free_body):
    elsewhere = replace(SCENE, heads_px=SCENE.heads_px + np.float32(17))
    pred = written(tmp_path, elsewhere, body=free_body)
    assert values(evaluate(pred, truth))["Recall"] == 0
    assert values(evaluate(pred, truth, match="box"))["Recall"] == 1
