"""Clips of a shot become one piece: one world, one track a person, every frame once."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from evaluation.cameras import camera_errors
from evaluation.clip_arrays import ClipArrays, ClipEntry, PeopleRows
from evaluation.evaluate import evaluate
from evaluation.joining import join_clips
from evaluation.smpl import SmplPeople
from human3r_model.geometry import axis_angle_to_matrix
from tests.evaluation.small_scene import SCENE, Span, move_world, notes, values, written


def turn(*axis_angle):
    return axis_angle_to_matrix(torch.tensor(axis_angle, dtype=torch.float64)).numpy()


WORLDS = [
    (np.eye(3), np.zeros(3)),
    (turn(0.1, 0.7, -0.2), np.array([1.0, 2, 3])),
    (turn(-0.5, 0.2, 1.2), np.array([-4.0, 0, 1])),
]
FIRST, SECOND, THIRD = (move_world(SCENE, *world) for world in WORLDS)
CUT = [
    Span(0, 5, scene=FIRST),
    Span(4, 9, shares_first_frame=True, scene=SECOND),
    Span(8, 12, shares_first_frame=True, scene=THIRD),
]
"""The scene in three clips, each in a world of its own."""
CUT_ELSEWHERE = [Span(0, 7, scene=THIRD), Span(6, 12, shares_first_frame=True, scene=SECOND)]
WHOLE = {
    "F1": 1,
    "Head position": 0,
    "MPJPE": 0,
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
}


@pytest.mark.parametrize(
    ("pred_spans", "truth_spans"),
    [(CUT, [Span(0, 12)]), ([Span(0, 12)], CUT), (CUT, CUT_ELSEWHERE)],
    ids=["labels", "truth", "both"],
)
def test_what_is_exact_in_every_clip_is_exact_as_a_whole(
    tmp_path, free_body, pred_spans, truth_spans
):
    pred = written(tmp_path / "pred", SCENE, *pred_spans, body=free_body)
    truth = written(tmp_path / "truth", SCENE, *truth_spans, body=free_body)
    found = evaluate(pred, truth)
    assert {name: values(found)[name] for name in WHOLE} == pytest.approx(WHOLE, abs=2e-3)
    # Joints of float32 give 1e-3 mm; rows are counted once, and nobody travels 1 m in one clip.
    num_samples = {metric.name: metric.num_samples for metric in found.metrics}
    assert (num_samples["F1"], num_samples["RTE"], num_samples["MOTA"]) == (48, 24, 24)
    (sequence,) = found.sequences
    assert sequence.frame_index.tolist() == list(range(12))
    assert [path.frame.tolist() for path in sequence.people] == [list(range(12))] * 2
    assert not any("pieces" in note for note in notes(found).values())


@pytest.mark.parametrize("second_ids", ["kept", "swapped"])
def test_people_whose_ids_change_between_clips_are_the_same_people(
    bare_truth, tmp_path, second_ids
):
    ids = SCENE.track_ids if second_ids == "kept" else 1 - SCENE.track_ids
    later = Span(5, 12, shares_first_frame=True, scene=replace(SCENE, track_ids=ids))
    found = values(evaluate(written(tmp_path, SCENE, Span(0, 6), later), bare_truth))
    assert [found[name] for name in ("IDF1", "MOTA", "Switches")] == [1, 1, 0]


def test_somebody_who_enters_in_the_second_clip_is_new(tmp_path):
    alone = SCENE.track_ids.copy()
    alone[1, :8] = -1
    entering = replace(SCENE, track_ids=alone)
    truth = written(tmp_path / "truth", entering)
    # The second clip gives the first clip's id to who enters, and another to who was there.
    others = np.where(alone == 0, 1, np.where(alone == 1, 0, -1))
    later = Span(5, 12, shares_first_frame=True, scene=replace(SCENE, track_ids=others))
    pred = written(tmp_path / "pred", entering, Span(0, 6), later)
    found = values(evaluate(pred, truth))
    assert [found[name] for name in ("IDF1", "MOTA", "Switches")] == [1, 1, 0]
    (piece,) = join_clips(map(pred.read_clip, pred.clips["walk.mp4"]))
    assert piece.people.track_id.tolist() == [0] * 8 + [0, 1] * 4


@pytest.mark.parametrize(
    ("spans", "pieces"),
    [
        ([Span(0, 5), Span(4, 9, is_failed=True), Span(8, 12)], [[0, 1, 2, 3, 4], [8, 9, 10, 11]]),
        ([Span(0, 5), Span(4, 12, lost=(4,))], [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9, 10, 11]]),
        ([Span(0, 5, lost=(4,)), Span(4, 12)], [[0, 1, 2, 3], [4, 5, 6, 7, 8, 9, 10, 11]]),
        ([Span(0, 6), Span(6, 12)], [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]),
    ],
    ids=["failed", "lost in the later", "lost in the earlier", "another shot"],
)
def test_clips_that_share_no_frame_are_pieces(bare_truth, tmp_path, spans, pieces):
    found = evaluate(written(tmp_path, SCENE, *spans), bare_truth)
    assert [sequence.frame_index.tolist() for sequence in found.sequences] == pieces
    longest = max(map(len, pieces))
    assert notes(found)["ATE"].endswith(f"; aligned in 2 pieces of at most {longest} frames")
    assert notes(found)["IDF1"].endswith(f"; followed in 2 pieces of at most {longest} frames")


def test_a_lost_frame_inside_a_clip_breaks_nothing(bare_truth, tmp_path):
    later = Span(5, 12, shares_first_frame=True, lost=(8,), scene=SECOND)
    found = evaluate(written(tmp_path, SCENE, Span(0, 6, lost=(2,)), later), bare_truth)
    (sequence,) = found.sequences
    assert sequence.frame_index.tolist() == [0, 1, 3, 4, 5, 6, 7, 9, 10, 11]
    assert values(found)["ATE"] == pytest.approx(0, abs=1e-6)


def test_a_clip_of_the_shared_frame_alone(bare_truth, tmp_path):
    first = Span(0, 5, lost=(0, 1, 2, 3), scene=THIRD)
    later = Span(4, 8, lost=(5, 6, 7), scene=SECOND), Span(4, 12, scene=FIRST)
    pred = written(tmp_path, SCENE, first, *later)
    found = evaluate(pred, bare_truth)
    assert found.accounts.num_frames == 8
    assert [values(found)[name] for name in ("Precision", "IDF1")] == [1, 32 / 40]
    assert values(found)["ATE"] == pytest.approx(0, abs=1e-6)


def test_depth_is_read_from_every_clip_and_the_shared_frame_from_the_first(tmp_path):
    farther = replace(SCENE, depth_m=2 * SCENE.depth_m)
    pred = written(tmp_path, SCENE, Span(0, 3), Span(2, 5, scene=farther), Span(4, 6))
    (piece,) = join_clips(map(pred.read_clip, pred.clips["walk.mp4"]))
    depths = [depth[0].mean() for depth in pred.read_depth(piece, range(6))]
    assert depths == pytest.approx([8, 8, 8, 16, 16, 8], rel=1e-3)


RADIUS_M, FRAMES_PER_S, CLIP_FRAMES, NUM_FRAMES = 3.0, 30, 100, 1000
DRIFT_PER_S = np.deg2rad(1)


def circle_clips(turn_per_seam):
    """Once around a circle in 11 clips, each exact but for how its first frame is turned."""
    angle = 2 * np.pi * np.arange(NUM_FRAMES) / NUM_FRAMES
    poses = np.tile(np.eye(4), (NUM_FRAMES, 1, 1))
    turns = torch.zeros(NUM_FRAMES, 3, dtype=torch.float64)
    turns[:, 1] = torch.from_numpy(angle)
    poses[:, :3, :3] = axis_angle_to_matrix(turns).numpy()
    poses[:, 0, 3], poses[:, 2, 3] = RADIUS_M * np.sin(angle), RADIUS_M * np.cos(angle)
    starts = [*range(0, NUM_FRAMES - 1, CLIP_FRAMES - 1), NUM_FRAMES - 1]
    clips = []
    for number, (start, last) in enumerate(pairwise(starts)):
        own = np.linalg.inv(poses[start]) @ poses[start : last + 1]
        if number:
            own[0, :3, :3] = turn(0, -turn_per_seam, 0)
        clips.append(clip_of(np.arange(start, last + 1), own))
    return poses, clips


def clip_of(frame_index, poses, people=None):
    span = int(frame_index[0]), int(frame_index[-1]) + 1
    entry = ClipEntry("1" * 20, "walk.mp4", *span, 2.0, "frames", None)
    depth = [{} for _ in frame_index]
    people = people or people_of([], [], np.zeros((0, 2)))
    return ClipArrays(entry, frame_index, frame_index / FRAMES_PER_S, poses, people, depth)


def people_of(frame, track_id, head_px):
    num_rows = len(frame)
    frame, track_id = np.array(frame, np.int64), np.array(track_id, np.int64)
    shapes = ((4,), (3,), (22, 3), (53, 3), (10,), (10,))
    unknown = [np.full((num_rows, *shape), np.nan) for shape in shapes]
    return PeopleRows(frame, track_id, np.array(head_px, np.float64).reshape(-1, 2), *unknown)


def test_a_drift_from_clip_to_clip_is_the_error_of_the_whole_path():
    # At each seam, every 3.3 s, the heading turns by what a drift of 1 degree a second makes.
    turn_per_seam = DRIFT_PER_S * (CLIP_FRAMES - 1) / FRAMES_PER_S
    true, clips = circle_clips(turn_per_seam)
    (piece,) = join_clips(clips)
    found = camera_errors(piece.world_from_camera, true)
    # The path from above as complex numbers z + ix: every step is turned by the seams before it.
    path = true[:, 2, 3] + 1j * true[:, 0, 3]
    num_seams = np.arange(NUM_FRAMES - 1) // (CLIP_FRAMES - 1)
    steps = np.diff(path) * np.exp(1j * turn_per_seam * num_seams)
    drifted = np.concatenate([[0], np.cumsum(steps)])
    a, b = drifted - drifted.mean(), path - path.mean()
    left_over = np.vdot(b, b).real - abs(np.vdot(a, b)) ** 2 / np.vdot(a, a).real
    assert found.ate_m == pytest.approx(np.sqrt(left_over / NUM_FRAMES))
    assert found.ate_m == pytest.approx(0.4354, abs=1e-4)
    # Each clip aligned by itself hides it.
    alone = [camera_errors(clip.world_from_camera, true[clip.frame_index]) for clip in clips]
    assert max(errors.ate_m for errors in alone) < 1e-9


STILL = np.tile(np.eye(4), (2, 1, 1))
SEEN = [[30.0, 40], [80, 40]]


@pytest.mark.parametrize(
    ("later_heads", "later_tracks"),
    [
        (SEEN, [0, 3, 4]),
        (SEEN[::-1], [3, 0, 4]),
        ([[30, 55.9], [80, 40]], [0, 3, 4]),  # half a patch is 16 source pixels here
        ([[30, 56.1], [80, 40]], [4, 3, 5]),
        ([[31, 40], [29.5, 40]], [4, 0, 5]),
        ([[30, 40], [np.nan, np.nan]], [0, 4, 5]),
    ],
    ids=["the same", "crossed", "near", "too far", "one to one", "unknown head"],
)
def test_tracks_go_on_by_the_heads_of_the_shared_frame(later_heads, later_tracks):
    # Tracks 0 and 3 are in the shared frame, 1 is not; later 0 and 1 are, 2 comes after it.
    before = people_of([0, 1, 1], [1, 0, 3], [[30, 40], *SEEN])
    after = people_of([0, 0, 1, 1, 1], [0, 1, 0, 1, 2], [*later_heads, [1, 1], [2, 2], [3, 3]])
    clips = [clip_of(np.array([0, 1]), STILL, before), clip_of(np.array([1, 2]), STILL, after)]
    (piece,) = join_clips(clips)
    assert piece.people.frame.tolist() == [0, 1, 1, 2, 2, 2]
    assert piece.people.track_id.tolist() == [1, 0, 3, *later_tracks]
    assert piece.people.head_px[:, 0].tolist() == [30, 30, 80, 1, 2, 3]


def test_nobody_in_a_clip():
    nobody, somebody = people_of([], [], []), people_of([0, 1], [5, 5], [[9, 9]] * 2)
    clips = [
        clip_of(np.array([place, place + 1]), STILL, people)
        for place, people in enumerate([nobody, somebody, nobody, somebody])
    ]
    (piece,) = join_clips(clips)
    assert piece.people.frame.tolist() == [2, 4]
    assert piece.people.track_id.tolist() == [0, 1]
    assert list(join_clips([])) == []


def test_people_in_smpls_parameters_stay_beside_their_rows():
    def seen(betas):
        number = np.array(betas, np.float64)[:, None]
        smpl = SmplPeople(
            gender=np.array(["male"] * len(betas)),
            pose=number + np.zeros(72),
            betas=number + np.zeros(10),
            transl=number + np.zeros(3),
            camera_from_world=number[..., None] + np.zeros((3, 4)),
        )
        people = people_of([0, 1], [0, 0], [[9, 9]] * 2)
        return replace(people, smpl=smpl)

    clips = [clip_of(np.array([i, i + 1]), STILL, seen([i, i + 1])) for i in range(3)]
    (piece,) = join_clips(clips)
    smpl = piece.people.smpl
    assert smpl.betas[:, 0].tolist() == smpl.camera_from_world[:, 0, 0].tolist() == [0, 1, 2, 3]
    assert smpl.gender.tolist() == ["male"] * 4
