import numpy as np
import pytest

from evaluation.detection import (
    DetectionCounts,
    assign,
    box_distances,
    head_distances,
    match_frame,
)

FAR = np.nan


def heads(*points):
    return np.array(points, np.float64).reshape(-1, 2)


def match(pred, true, ignored=(), radius_px=10):
    return match_frame(
        head_distances(heads(*pred), heads(*true), radius_px),
        np.isfinite(head_distances(heads(*pred), heads(*ignored), radius_px)).any(axis=1),
    )


@pytest.mark.parametrize(
    ("pred", "true", "counts"),
    [
        ([], [], (0, 0, 0)),
        ([], [(5, 5)], (0, 0, 1)),
        ([(5, 5)], [], (0, 1, 0)),
        ([(5, 5)], [(5, 15)], (1, 0, 0)),
        ([(5, 5)], [(5, 15.01)], (0, 1, 1)),
        ([(5, 5), (6, 6)], [(5, 5)], (1, 1, 0)),
        ([(5, 5)], [(5, 5), (6, 6)], (1, 0, 1)),
    ],
    ids=["nobody", "missed", "false", "at the radius", "beyond it", "twice", "one of two"],
)
def test_counts(pred, true, counts):
    assert match(pred, true).counts == DetectionCounts(*counts)


def test_as_many_pairs_as_can_be_though_longer_together():
    # The nearest pair (0.0) would leave the other person without a detection in reach.
    assert head_distances(heads((0, 0), (9, 0)), heads((0, 0), (-9, 0)), 10)[1, 1] is not FAR
    found = match([(0, 0), (9, 0)], [(0, 0), (-9, 0)])
    assert found.counts == DetectionCounts(2, 0, 0)
    assert found.pred.tolist() == [0, 1]
    assert found.true.tolist() == [1, 0]


def test_of_equally_many_pairs_the_shortest():
    rows, columns = assign(np.array([[3.0, 1.0], [1.0, 3.0], [FAR, FAR]]))
    assert rows.tolist() == [0, 1]
    assert columns.tolist() == [1, 0]


def test_a_detection_of_somebody_hidden_counts_neither_way():
    found = match([(5, 5), (50, 50), (90, 90)], [(5, 5)], ignored=[(51, 50), (5, 6)])
    assert found.counts == DetectionCounts(num_found=1, num_false=1, num_missed=0)


def test_somebody_hidden_takes_no_detection_from_somebody_there():
    assert match([(5, 5)], [(8, 5)], ignored=[(5, 5)]).counts == DetectionCounts(1, 0, 0)


def test_ratios():
    counts = DetectionCounts(num_found=6, num_false=2, num_missed=4)
    assert counts.precision == 0.75
    assert counts.recall == 0.6
    assert counts.f1 == pytest.approx(2 * 0.75 * 0.6 / (0.75 + 0.6))
    assert counts + counts == DetectionCounts(12, 4, 8)


def test_ratios_of_nothing_are_none_and_of_failure_0():
    assert (DetectionCounts().precision, DetectionCounts().recall, DetectionCounts().f1) == (
        None,
        None,
        None,
    )
    missed = DetectionCounts(num_missed=3)
    assert (missed.precision, missed.recall, missed.f1) == (None, 0, 0)


def test_boxes_by_their_overlap():
    true = np.array([[0.0, 0, 10, 10]])
    pred = np.array([[0.0, 0, 10, 5], [5, 0, 15, 10], [0, 0, 10, 10], [3, 3, 3, 3], [FAR] * 4])
    # Half of it is an IoU of 0.5, half beside it of 1/3.
    np.testing.assert_allclose(box_distances(pred, true)[:, 0], [0.5, FAR, 0, FAR, FAR])
