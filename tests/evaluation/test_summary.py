from dataclasses import replace

import numpy as np
import pytest

from evaluation.cameras import CameraErrors
from evaluation.depth_metrics import DepthScore
from evaluation.detection import DetectionCounts
from evaluation.metric_list import METRICS
from evaluation.samples import DepthSamples, Samples, join_samples, no_bodies
from evaluation.summary import Reasons, metrics_of
from evaluation.tracking import TrackingCounts

NOTHING = Samples(DetectionCounts(), TrackingCounts(), no_bodies(), (), (), (), ())
MAP = np.zeros((18, 32))


def summed_up(*parts, **reasons):
    return {m.name: m for m in metrics_of(join_samples(parts), Reasons(**reasons))}


def camera(ate_m, *, is_still=False, scale=1.0):
    return CameraErrors(np.full(3, ate_m), ate_m, 2 * ate_m, 3 * ate_m, scale, is_still, 4 * ate_m)


def depth(num_pixels, abs_rel):
    return DepthSamples(DepthScore(num_pixels, abs_rel, 1 - abs_rel), 2 * num_pixels, MAP, MAP)


def test_nothing_measured_is_none_with_a_reason_never_0():
    for metrics in (metrics_of(NOTHING, Reasons()), metrics_of(join_samples([]), Reasons())):
        assert [metric.name for metric in metrics] == [spec.name for spec in METRICS]
        assert {metric.value for metric in metrics} == {None}
        assert {metric.num_samples for metric in metrics} == {0}
        definitions = {spec.name: spec.note for spec in METRICS}
        assert all(metric.note and metric.note != definitions[metric.name] for metric in metrics)


def test_cameras_are_averaged_over_videos():
    found = summed_up(
        replace(NOTHING, cameras=(camera(0.1, scale=2.0), camera(0.2, scale=4.0))),
        replace(NOTHING, cameras=(camera(0.6, is_still=True, scale=None),)),
    )
    assert found["ATE"].value == pytest.approx(0.3)
    assert found["ATE"].num_samples == 3
    assert found["ATE"].note.endswith("; true cameras that stand still, aligned without scale: 1")
    assert found["ATE of no motion"].value == pytest.approx(1.2)
    assert (found["Camera scale"].value, found["Camera scale"].num_samples) == (3, 2)
    still = summed_up(replace(NOTHING, cameras=(camera(0.6, scale=None),)))
    assert still["Camera scale"].note == "no camera moves on both sides"


ALIGNED = ("W-MPJPE", "WA-MPJPE", "RTE", "ATE", "ATE of no motion", "RPE translation")


@pytest.mark.parametrize(
    ("names", "remark"),
    [
        ((*ALIGNED, "Camera scale"), "; aligned in 4 pieces of at most 100 frames"),
        (("MOTA", "IDF1", "Switches"), "; followed in 4 pieces of at most 100 frames"),
        (("RPE rotation", "AbsRel, scaled", "PVE"), ""),
    ],
)
def test_figures_from_pieces_of_videos_say_so(names, remark):
    paths = ("first_aligned_mm", "all_aligned_mm", "root_percent")
    measured = replace(
        NOTHING,
        detection=DetectionCounts(num_found=2),
        tracking=TrackingCounts(2, 2),
        bodies=replace(no_bodies(), vertices_mm=np.ones(2), **dict.fromkeys(paths, np.ones(2))),
        cameras=(camera(0.1), camera(0.2)),
        scaled_depths=(DepthScore(9, 0.1, 1.0),),
    )
    definitions = {spec.name: spec.note for spec in METRICS}
    whole = summed_up(replace(measured, pieces=((300,), (40,))))
    cut = summed_up(replace(measured, pieces=((100, 99, 12), (40,))))
    for name in names:
        assert whole[name].note == definitions[name]
        assert cut[name].note == definitions[name] + remark


def test_depth_is_averaged_over_pixels():
    no_depth = DepthSamples(None, 200, MAP, MAP)
    found = summed_up(
        replace(
            NOTHING,
            depths=(depth(100, 0.1), no_depth, depth(300, 0.5)),
            scaled_depths=(DepthScore(100, 0.05, 1.0), DepthScore(300, 0.25, 0.8)),
        )
    )
    assert found["AbsRel, metric"].value == pytest.approx(0.4)
    assert found["AbsRel, scaled"].value == pytest.approx(0.2)
    assert found["delta1, metric"].value == pytest.approx(0.6)
    assert found["delta1, scaled"].value == pytest.approx(0.85)
    assert found["AbsRel, metric"].num_samples == 400
    assert found["Depth coverage"].value == 400 / (2 * 400 + 200)
    assert summed_up(NOTHING)["Depth coverage"].note == "the truth has no depth"


def test_head_position_is_a_median_and_the_rest_are_means():
    bodies = replace(
        no_bodies(),
        head_m=np.array([0.1, 0.2, 9.0]),
        mpjpe_mm=np.array([10.0, 30.0]),
        root_percent=np.array([1.0, 3.0]),
        num_short_paths=2,
    )
    found = summed_up(replace(NOTHING, bodies=bodies, detection=DetectionCounts(num_found=3)))
    assert found["Head position"].value == 0.2
    assert "left out" not in found["Head position"].note
    assert (found["MPJPE"].value, found["MPJPE"].num_samples) == (20, 2)
    assert found["MPJPE"].note.endswith(
        "; matched and left out, since their joints are not known: 1"
    )
    assert found["RTE"].value == 2
    assert found["RTE"].note.endswith("; without people who travel less than 1 m: 2")


def test_counts_of_sequences_add_up():
    found = summed_up(
        replace(NOTHING, detection=DetectionCounts(3, 0, 1)),
        replace(
            NOTHING, detection=DetectionCounts(1, 4, 0), tracking=TrackingCounts(4, 4, 1, 1, 1)
        ),
    )
    assert found["Precision"].value == 0.5
    assert found["Recall"].value == 0.8
    assert found["MOTA"].value == 0.25
    assert found["Switches"].value == 1


def test_a_reason_known_beforehand_is_the_one_given():
    found = summed_up(NOTHING, joints="of two bodies", skin="no skin", world="no world")
    assert found["ATE"].note == found["Camera scale"].note == "no world"
    without_world = summed_up(NOTHING, world="no world")
    for name in ("W-MPJPE", "WA-MPJPE", "RTE", "Jitter", "Foot sliding", "Ground penetration"):
        assert without_world[name].note == "no world"
    assert found["PA-MPJPE"].note == found["Jitter"].note == "of two bodies"
    assert found["PVE"].note == "no skin"
