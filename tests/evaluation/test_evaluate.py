"""Known errors are planted into copies of a dataset: exactly they are reported."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from evaluation.dataset import Dataset
from evaluation.errors import EvaluationError
from evaluation.evaluate import evaluate
from human3r_model.geometry import axis_angle_to_matrix
from pipeline.errors import ConfigError
from pipeline.storage import Store
from schemas.joints import BODY_JOINTS
from tests.evaluation.small_scene import Span, Writing, make_scene, move_world, write_scene

SCENE = make_scene()
TURN = axis_angle_to_matrix(torch.tensor([0.1, 0.7, -0.2], dtype=torch.float64)).numpy()
ENTIRE = Span(0, 12)
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


@pytest.fixture(scope="module")
def truth(tmp_path_factory, free_body):
    return write_scene(tmp_path_factory.mktemp("truth"), SCENE, free_body)


@pytest.fixture(scope="module")
def bare_truth(tmp_path_factory):
    """The same without a body model."""
    return write_scene(tmp_path_factory.mktemp("bare"), SCENE, None)


def written(folder, scene=SCENE, *spans, body=None, **changes):
    return write_scene(folder, scene, body, Writing(spans=spans or (ENTIRE,), **changes))


def values(evaluation):
    return {metric.name: metric.value for metric in evaluation.metrics}


def notes(evaluation):
    return {metric.name: metric.note for metric in evaluation.metrics}


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
    assert errors["pelvis"] == 0
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
    # The picture from above has no scale: twice as far from the middle as the truth.
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


def test_clips_need_not_be_cut_alike(bare_truth, tmp_path):
    # The prediction's clips share frame 6, the truth's begin anew at 4.
    pred = written(tmp_path / "pred", SCENE, Span(0, 7), Span(6, 12, shares_first_frame=True))
    cut = written(tmp_path / "cut", SCENE, Span(0, 4), Span(4, 12))
    found = evaluate(pred, cut)
    spans = [sequence.frame_index.tolist() for sequence in found.sequences]
    assert spans == [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9, 10, 11]]
    assert found.accounts.num_frames == found.accounts.num_frames_true == 12
    other_way_round = evaluate(cut, pred)
    assert other_way_round.accounts.num_frames_true == 12
    assert values(other_way_round)["F1"] == 1
    assert other_way_round.accounts.num_frames_without_truth == 0


def test_frames_without_labels_are_missed_people(bare_truth, tmp_path):
    pred = written(tmp_path, SCENE, Span(0, 5), Span(5, 8, is_failed=True), Span(8, 12, lost=(9,)))
    found = evaluate(pred, bare_truth)
    accounts = found.accounts
    assert (accounts.num_frames, accounts.num_frames_missing) == (8, 4)
    assert (accounts.num_people_missing, accounts.num_frames_not_planned) == (8, 0)
    assert values(found)["Recall"] == pytest.approx(16 / 24)
    assert values(found)["Precision"] == 1
    assert values(found)["MOTA"] == pytest.approx(16 / 24)
    assert values(found)["IDF1"] == pytest.approx(2 * 16 / (24 + 16))


def test_frames_that_were_not_planned_count_neither_way(bare_truth, tmp_path):
    found = evaluate(written(tmp_path, SCENE, Span(0, 12, step=3)), bare_truth)
    accounts = found.accounts
    assert (accounts.num_frames, accounts.num_frames_not_planned) == (4, 8)
    assert accounts.num_frames_missing == 0
    assert values(found)["Recall"] == 1


def test_frames_without_truth_are_told(bare_truth, tmp_path):
    short = written(tmp_path, SCENE, Span(2, 6))
    found = evaluate(bare_truth, short)
    assert (found.accounts.num_frames, found.accounts.num_frames_without_truth) == (4, 8)


def test_videos_of_one_side_are_named(bare_truth, tmp_path):
    two = written(tmp_path, SCENE, ENTIRE, Span(0, 12, uri="run.mp4"))
    found = evaluate(two, bare_truth)
    assert found.accounts.videos_without_truth == ("run.mp4",)
    assert values(found)["F1"] == 1
    found = evaluate(bare_truth, two)
    assert found.accounts.videos_not_planned == ("run.mp4",)
    assert found.accounts.num_frames_not_planned == 12
    assert values(found)["Recall"] == 1


def test_somebody_hidden_counts_neither_way(bare_truth, tmp_path):
    one = SCENE.track_ids.copy()
    one[0] = -1
    folder = tmp_path / "truth"
    alone = written(folder, replace(SCENE, track_ids=one))
    assert values(evaluate(bare_truth, alone))["Precision"] == 0.5
    # The first person's head, (16, 20) in the network's picture, is at (32.5, 40.5).
    rows = {
        "uri": ["walk.mp4"] * 12,
        "frame_index": list(range(12)),
        "head_px": [[32.5, 40.5]] * 12,
        "box": [None] * 12,
    }
    pq.write_table(pa.table(rows), folder / "hidden.parquet")
    found = evaluate(bare_truth, Dataset(Store(str(folder))))
    assert values(found)["Precision"] == 1
    assert values(found)["MOTA"] == 1


def test_somebody_who_may_be_anywhere_excuses_every_detection(bare_truth, tmp_path):
    one = SCENE.track_ids.copy()
    one[0] = -1
    folder = tmp_path / "truth"
    written(folder, replace(SCENE, track_ids=one))
    rows = {
        "uri": ["walk.mp4"] * 6,
        "frame_index": list(range(6)),
        "head_px": [[float("nan")] * 2] * 6,
        "box": [None] * 6,
    }
    pq.write_table(pa.table(rows), folder / "hidden.parquet")
    found = evaluate(bare_truth, Dataset(Store(str(folder))))
    assert values(found)["Precision"] == 12 / 18  # six are excused, six are not
    assert values(found)["Recall"] == 1


def test_a_truth_without_a_world_says_nothing_of_worlds(tmp_path, free_body):
    truth = written(tmp_path, body=free_body)
    pq.write_table(pa.table({"uri": ["walk.mp4"]}), tmp_path / "no_world.parquet")
    found = evaluate(truth, Dataset(Store(str(tmp_path))))
    for name in ("ATE", "RPE rotation", "W-MPJPE", "RTE", "Jitter", "Foot sliding"):
        assert values(found)[name] is None
        assert notes(found)[name] == "the truth does not know where the camera was"
    assert values(found)["MPJPE"] == pytest.approx(0, abs=1e-6)
    assert values(found)["AbsRel, metric"] == 0
    (sequence,) = found.sequences
    assert np.isnan(sequence.camera_true).all()
    assert sequence.people == ()


def test_cameras_of_one_video_count_once(bare_truth, tmp_path):
    pred = written(tmp_path, SCENE, Span(0, 8), Span(8, 12))
    found = evaluate(pred, bare_truth)
    assert {m.name: m.num_samples for m in found.metrics}["ATE"] == 1
    assert [
        next(m.num_samples for m in sequence.metrics if m.name == "ATE")
        for sequence in found.sequences
    ] == [1, 1]


def test_boxes_that_nobody_has(truth, bare_truth):
    with pytest.raises(EvaluationError, match="none of 24 people of PRED has a box"):
        evaluate(bare_truth, truth, match="box")
    with pytest.raises(EvaluationError, match="of TRUTH has a box, which takes a body model"):
        evaluate(truth, bare_truth, match="box")


def test_a_video_of_other_times_is_refused(bare_truth):
    class Later(Dataset):
        def read_clip(self, entry):
            clip = super().read_clip(entry)
            return replace(clip, time_s=clip.time_s + 0.011)  # frames are 0.02 s apart

    later = Later(Store(bare_truth.side.uri))
    with pytest.raises(EvaluationError, match=r"frame \d+ is shown at 0\.\d+ s in the prediction"):
        evaluate(later, bare_truth)


def test_the_ground_where_the_truth_knows_it(tmp_path, free_body):
    folder = tmp_path / "truth"
    truth = written(folder, body=free_body)
    shifted = replace(SCENE, heads=SCENE.heads + np.array([0, 5, 0]))
    lowered = written(tmp_path / "pred", shifted, body=free_body)
    assert notes(evaluate(lowered, truth))["Ground penetration"] == (
        "the truth does not say where the ground is"
    )
    clip_id = truth.clips["walk.mp4"][0].clip_id
    found = {}
    for y in (2.0, 2.5):  # metres down; the truth's people end above
        ground = {"clip_id": [clip_id], "normal": [[0.0, -1.0, 0.0]], "offset_m": [-y]}
        pq.write_table(pa.table(ground), folder / "ground.parquet")
        told = Dataset(Store(str(folder)))
        assert values(evaluate(told, told))["Ground penetration"] == 0
        found[y] = values(evaluate(lowered, told))["Ground penetration"]
    assert found[2.5] > 1000
    assert found[2.0] == pytest.approx(found[2.5] + 500)


def test_a_file_beside_the_tables_must_have_its_columns(tmp_path):
    truth = written(tmp_path)
    pq.write_table(pa.table({"uri": ["walk.mp4"]}), tmp_path / "hidden.parquet")
    with pytest.raises(EvaluationError, match=r"hidden\.parquet: has no column frame_index, head"):
        evaluate(truth, truth)


def test_joints_of_two_body_models_are_not_compared(truth, tmp_path, free_body):
    other = written(tmp_path, body=free_body, body_sha256="e" * 64)
    found = evaluate(other, truth)
    for name in ("MPJPE", "PA-MPJPE", "W-MPJPE", "RTE", "Jitter", "Foot sliding"):
        assert values(found)[name] is None
        assert notes(found)[name].startswith("the joints are of two body models, eeeeeeeeeeee in")
    assert values(found)["Head position"] == pytest.approx(0, abs=1e-6)
    assert np.isnan(found.joint_error_mm).all()


def test_labels_without_a_body_model_say_so(truth, bare_truth):
    found = evaluate(bare_truth, truth)
    assert values(found)["MPJPE"] is None
    assert notes(found)["MPJPE"] == "PRED has no joints: it was made without a body model"
    assert notes(evaluate(truth, bare_truth))["MPJPE"].startswith("TRUTH has no joints")
    assert notes(found)["PVE"] == "no body model was given (--body-model)"


def test_skin_of_another_body_model_is_refused(truth, tmp_path, rough_body):
    with pytest.raises(
        ConfigError, match=r"rough\.npz: its sha256 is .* and PRED .* was made with"
    ):
        evaluate(truth, truth, body=rough_body)


def test_without_depth_there_is_no_depth_error(bare_truth, tmp_path):
    found = evaluate(written(tmp_path, has_depth=False), bare_truth)
    assert values(found)["AbsRel, metric"] is None
    assert notes(found)["delta1, scaled"] == "no pixel has depth on both sides"
    assert np.isnan(found.depth_error_map).all()


def test_one_frame_has_no_path(bare_truth, tmp_path):
    found = evaluate(written(tmp_path, SCENE, Span(3, 4)), bare_truth)
    assert found.accounts.num_frames == 1
    assert values(found)["F1"] == 1
    assert notes(found)["ATE"] == "no sequence has 3 frames"
    assert np.isnan(found.sequences[0].camera_error_m).all()


@pytest.mark.parametrize(
    "span", [Span(0, 12, uri="run.mp4"), Span(0, 12, is_failed=True)], ids=["other", "failed"]
)
def test_nothing_in_common_is_an_error(bare_truth, tmp_path, span):
    pred = written(tmp_path, SCENE, span)
    with pytest.raises(EvaluationError, match="have no annotated frame in common"):
        evaluate(pred, bare_truth)


def test_two_videos_of_one_name_are_an_error(bare_truth, tmp_path):
    with pytest.raises(EvaluationError, match=r"walk\.mp4: \(96, 128\) pixels in .*two videos"):
        evaluate(written(tmp_path, size=(96, 128)), bare_truth)
