"""One filmed world, what the tables must say of it, and the tables of a job that saw it."""

import numpy as np
import pytest

from human3r_model.body import BodyModel
from pipeline.config import WorkerConfig
from pipeline.planning import plan_job
from pipeline.storage import Store
from tests.conftest import FREE_BODY
from tests.end_to_end.guard.expected import expect_clip
from tests.end_to_end.guard.oracle import OracleHuman3R
from tests.end_to_end.guard.world import SPANS, SPEC, film_world
from tests.fakes import fake_models
from tests.pipeline.small_job import annotate_small

SMPLX_PELVIS = (0.003, -0.351, 0.012)
"""Metres: where neutral SMPL-X has its pelvis at rest; the free body at the origin."""


@pytest.fixture(scope="session")
def off_body(tmp_path_factory):
    """The free body, its pelvis off the origin: else transl_world were R transl + t."""
    arrays = dict(np.load(FREE_BODY))
    arrays["v_template"] = arrays["v_template"] + np.array(SMPLX_PELVIS, np.float32)
    path = tmp_path_factory.mktemp("body") / "off.npz"
    np.savez(path, **arrays)
    return BodyModel.from_file(path)


@pytest.fixture(scope="session")
def world(tmp_path_factory, off_body):
    return film_world(tmp_path_factory.mktemp("world"), off_body)


@pytest.fixture(scope="session")
def expected(world, off_body):
    """What the tables must say, by (video, first frame, one after the last)."""
    return {
        (uri, start, end): expect_clip(video, start, end, off_body)
        for uri, video in world.videos.items()
        for start, end in SPANS[uri]
    }


@pytest.fixture(scope="session")
def annotate(world, off_body):
    """Runs the job over videos of the world with the network that knows it; gives OUT."""

    def run(out, include=(), worker=None) -> Store:
        wanted = {"max_clip_frames": SPEC.max_clip_frames, "include": include}
        job = plan_job(str(world.source), str(out), wanted)
        models = fake_models(OracleHuman3R(world.videos), off_body)
        annotate_small(job, models, worker or WorkerConfig())
        return job.store

    return run


@pytest.fixture(scope="session")
def labelled(annotate, tmp_path_factory):
    """OUT of all videos, clips of one size side by side; not to be written to."""
    return annotate(tmp_path_factory.mktemp("guard") / "out")
