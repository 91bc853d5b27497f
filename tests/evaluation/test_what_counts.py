"""What counts of two datasets: frames and people of one side alone, and what a side lacks."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluation.dataset import Dataset
from evaluation.errors import EvaluationError
from evaluation.evaluate import evaluate
from pipeline.errors import ConfigError
from pipeline.storage import Store
from tests.evaluation.small_scene import ENTIRE, SCENE, Span, notes, values, written


def test_clips_need_not_be_cut_alike(bare_truth, tmp_path):
    # The prediction's clips share frame 6 and are joined over it, the truth's begin anew at 4.
    pred = written(tmp_path / "pred", SCENE, Span(0, 7), Span(6, 12, shares_first_frame=True))
    cut = written(tmp_path / "cut", SCENE, Span(0, 4), Span(4, 12))
    found = evaluate(pred, cut)
    spans = [sequence.frame_index.tolist() for sequence in found.sequences]
    assert spans == [[0, 1, 2, 3], [4, 5, 6, 7, 8, 9, 10, 11]]
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


def hide_anywhere(folder, num_frames):
    """Somebody may be anywhere in each of the first frames."""
    rows = {
        "uri": ["walk.mp4"] * num_frames,
        "frame_index": list(range(num_frames)),
        "head_px": [[float("nan")] * 2] * num_frames,
        "box": [None] * num_frames,
    }
    pq.write_table(pa.table(rows), folder / "hidden.parquet")


def test_somebody_who_may_be_anywhere_excuses_every_detection(bare_truth, tmp_path):
    one = SCENE.track_ids.copy()
    one[0] = -1
    folder = tmp_path / "truth"
    written(folder, replace(SCENE, track_ids=one))
    hide_anywhere(folder, 6)
    found = evaluate(bare_truth, Dataset(Store(str(folder))))
    assert values(found)["Precision"] == 12 / 18  # six are excused, six are not
    assert values(found)["Recall"] == 1


def test_somebody_hidden_is_no_reason_to_change_tracks(tmp_path):
    one = SCENE.track_ids.copy()
    one[1] = -1
    folder = tmp_path / "truth"
    written(folder, replace(SCENE, track_ids=one))
    hide_anywhere(folder, 12)
    # Two detections in reach of the one person: from frame 6 on the other track's is nearer.
    near = np.stack([SCENE.heads_px[0]] * 2)
    near[0, 6:, 1] += 9
    near[1, :6, 1] += 9
    pred = written(tmp_path / "pred", replace(SCENE, heads_px=near))
    found = values(evaluate(pred, Dataset(Store(str(folder)))))
    assert [found[name] for name in ("Switches", "MOTA", "IDF1", "Precision")] == [0, 1, 1, 1]


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
    assert notes(found)["ATE"].endswith("after Sim3; aligned in 2 pieces of at most 8 frames")
    assert not any("pieces" in note for note in notes(found.sequences[0]).values())
    assert not any("pieces" in note for note in notes(evaluate(bare_truth, bare_truth)).values())
    assert [
        next(m.num_samples for m in sequence.metrics if m.name == "ATE")
        for sequence in found.sequences
    ] == [1, 1]


def test_depth_has_one_scale_a_video_however_it_is_cut(bare_truth, tmp_path):
    half_again = np.where(np.arange(12) < 6, 1.0, 1.5)
    scene = replace(SCENE, depth_m=half_again * SCENE.depth_m)
    found = {}
    for name, spans in (("whole", [ENTIRE]), ("cut", [Span(0, 6), Span(6, 12)])):
        evaluation = evaluate(written(tmp_path / name, scene, *spans), bare_truth)
        found[name] = values(evaluation)
    # The farther half has more weight, so the scale is its 2 / 3: AbsRel 1 / 3 and 0.
    for of in found.values():
        assert of["AbsRel, scaled"] == pytest.approx(1 / 6, abs=1e-3)
        assert of["delta1, scaled"] == 0.5
        assert of["AbsRel, metric"] == pytest.approx(1 / 4, abs=1e-3)
    # Alone, each half has a scale of its own.
    alone = [values(sequence)["AbsRel, scaled"] for sequence in evaluation.sequences]
    assert alone == pytest.approx([0, 0], abs=1e-3)


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
        itself = evaluate(told, told)
        assert values(itself)["Ground penetration"] == 0
        assert itself.sequences[0].up.tolist() == [0, -1, 0]
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
