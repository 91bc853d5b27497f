"""MOTA, IDF1 and switches; the package motmetrics says what they are."""

import motmetrics
import numpy as np
import pytest

from evaluation.tracking import TrackedFrame, TrackingCounts, count_tracks

FAR = np.nan


def frame(pred_ids, true_ids, distances, excused=None):
    shape = (len(pred_ids), len(true_ids))
    return TrackedFrame(
        np.array(pred_ids, np.int64),
        np.array(true_ids, np.int64),
        np.array(distances, np.float64).reshape(shape),
        np.isin(pred_ids, excused or []),
    )


TOGETHER = [[0.0, FAR], [FAR, 0.0]]
CROSSED = [[FAR, 0.0], [0.0, FAR]]


def test_nobody():
    assert count_tracks([]) == TrackingCounts()
    assert count_tracks([frame([], [], [])]) == TrackingCounts()
    assert (TrackingCounts().mota, TrackingCounts().idf1) == (None, None)


def test_one_frame():
    found = count_tracks([frame([7], [3], [[0.0]])])
    assert found == TrackingCounts(num_true=1, num_pred=1, num_same_identity=1)
    assert (found.mota, found.idf1) == (1, 1)


def test_ids_that_are_swapped_halfway():
    frames = [frame([0, 1], [0, 1], TOGETHER)] * 5 + [frame([0, 1], [0, 1], CROSSED)] * 5
    found = count_tracks(frames)
    assert found.num_switches == 2
    assert found.mota == 1 - 2 / 20
    assert found.idf1 == 0.5


def test_a_person_who_comes_back_under_another_id():
    frames = [frame([0], [0], [[0.0]])] * 3 + [frame([], [0], [])] + [frame([4], [0], [[0.0]])]
    found = count_tracks(frames)
    assert (found.num_missed, found.num_switches, found.num_same_identity) == (1, 1, 3)
    assert found.mota == 1 - 2 / 5
    assert found.idf1 == 2 * 3 / (5 + 4)


def test_a_track_goes_on_though_another_is_nearer():
    frames = [frame([0], [0], [[1.0]]), frame([0, 1], [0], [[3.0], [0.5]])]
    found = count_tracks(frames)
    assert (found.num_switches, found.num_false) == (0, 1)


def test_false_tracks_can_make_mota_negative():
    found = count_tracks([frame([0, 1, 2], [0], [[FAR], [FAR], [FAR]])])
    assert found.mota == -3
    assert found.idf1 == 0


def test_what_the_tracker_leaves_over_near_somebody_hidden_counts_neither_way():
    # In frame 2 the other track is nearer, and the person goes on with the one they had.
    frames = [frame([1, 2], [0], [[2], [9]], [1, 2]), frame([1, 2], [0], [[9], [5]], [1, 2])]
    found = count_tracks(frames)
    assert found == TrackingCounts(num_true=2, num_pred=2, num_same_identity=2)
    assert (found.mota, found.idf1) == (1, 1)


def test_only_detections_near_somebody_hidden_are_excused():
    found = count_tracks([frame([1, 2, 3], [0], [[2], [FAR], [FAR]], [2])])
    assert (found.num_pred, found.num_false) == (2, 1)


def test_sequences_add_up():
    one = count_tracks([frame([0], [0], [[0.0]])])
    other = count_tracks([frame([], [0], [])])
    assert (one + other).mota == 0.5
    assert (one + other).idf1 == pytest.approx(2 / 3)


def random_frames(seed):
    """People and tracks that come, go, cross and are confused."""
    random = np.random.default_rng(seed)
    frames = []
    for time in range(60):
        true_ids = np.flatnonzero(random.random(5) < 0.8)
        pred_ids = np.flatnonzero(random.random(6) < 0.8)
        place = (pred_ids + time // 20) % 6  # every 20 frames, tracks take the next one's place
        distances = np.abs(place[:, None] - true_ids[None]) + random.random(
            (len(pred_ids), len(true_ids))
        )
        frames.append(frame(pred_ids, true_ids, np.where(distances < 1.5, distances, FAR)))
    return frames


@pytest.mark.parametrize("seed", range(5))
def test_agreement_with_motmetrics(seed):
    frames = random_frames(seed)
    accumulator = motmetrics.MOTAccumulator(auto_id=True)
    for each in frames:
        accumulator.update(each.true_ids, each.pred_ids, each.distances.T)
    names = ["mota", "idf1", "num_switches", "num_misses", "num_false_positives", "idtp"]
    (expected,) = (
        motmetrics.metrics.create().compute(accumulator, metrics=names).to_numpy().tolist()
    )
    found = count_tracks(frames)
    counts = [found.num_switches, found.num_missed, found.num_false, found.num_same_identity]
    assert [found.mota, found.idf1, *counts] == pytest.approx(expected, abs=1e-6)
    assert found.num_switches > 5
