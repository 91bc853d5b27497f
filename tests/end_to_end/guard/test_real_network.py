"""The network's own code on the world, with random weights: what holds whatever it has learned."""

import numpy as np
import pytest

from evaluation.dataset import Dataset
from human3r_model.random_weights import random_model
from pipeline.config import WorkerConfig
from pipeline.models import Models
from pipeline.planning import plan_job
from tests.end_to_end.guard.people import people_by_clip
from tests.end_to_end.guard.world import LONG, SPANS, SPEC, WIDE
from tests.pipeline.small_job import annotate_small

ROUNDING = 1e-4  # metres, pixels: sums of float32 in another order


@pytest.fixture(scope="module")
def annotate(world, off_body):
    """Runs the job with a random network, which sees people of a kind."""
    models = Models(random_model("tiny", seed=1), off_body, "cpu")

    def run(out, worker=None, **plan):
        wanted = {"max_clip_frames": SPEC.max_clip_frames} | plan
        job = plan_job(str(world.source), str(out), wanted)
        annotate_small(job, models, worker or WorkerConfig())
        return Dataset(job.store)

    return run


@pytest.fixture(scope="module")
def labelled(annotate, tmp_path_factory):
    return annotate(tmp_path_factory.mktemp("real") / "out")


def test_neighbours_in_a_batch_change_nothing(labelled, annotate, tmp_path):
    alone = WorkerConfig(batch_clips=1, encode_frames=1)
    again = annotate(tmp_path / "out", alone, include=(LONG, WIDE))
    for uri in (LONG, WIDE):
        here, there = people_by_clip(labelled, uri), people_by_clip(again, uri)
        assert here.keys() == there.keys()
        assert sum(len(people["betas"]) for people in here.values()) > 0
        for frame, people in here.items():
            for name, values in people.items():
                assert np.abs(values - there[frame][name]).max(initial=0) <= ROUNDING, name


def test_a_reset_loses_nobody(labelled, annotate, tmp_path):
    """People are found in each picture by itself: where clips begin is of no account."""
    whole = people_by_clip(annotate(tmp_path / "out", include=(LONG,), max_clip_frames=100), LONG)
    cut = people_by_clip(labelled, LONG)
    assert [start for start, index in cut if index in (5, 10)] == [0, 5, 5, 10]
    assert len(cut) == sum(end - start for start, end in SPANS[LONG])
    for (_, index), people in cut.items():
        heads = whole[0, index]["head_px"]
        assert people["head_px"].shape == heads.shape
        assert np.abs(people["head_px"] - heads).max(initial=0) <= ROUNDING
