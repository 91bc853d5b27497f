"""One filmed world, what the tables must say of it, and the tables of a job that saw it."""

import pytest

from pipeline.config import WorkerConfig
from pipeline.planning import plan_job
from pipeline.storage import Store
from tests.end_to_end.guard.expected import expect_clip
from tests.end_to_end.guard.oracle import OracleHuman3R
from tests.end_to_end.guard.world import SPANS, SPEC, film_world
from tests.fakes import fake_models
from tests.pipeline.small_job import annotate_small


@pytest.fixture(scope="session")
def world(tmp_path_factory, free_body):
    return film_world(tmp_path_factory.mktemp("world"), free_body)


@pytest.fixture(scope="session")
def expected(world, free_body):
    """What the tables must say, by (video, first frame, one after the last)."""
    return {
        (uri, start, end): expect_clip(video, start, end, free_body)
        for uri, video in world.videos.items()
        for start, end in SPANS[uri]
    }


@pytest.fixture(scope="session")
def annotate(world, free_body):
    """Runs the job over videos of the world with the network that knows it; gives OUT."""

    def run(out, include=(), worker=None) -> Store:
        wanted = {"max_clip_frames": SPEC.max_clip_frames, "include": include}
        job = plan_job(str(world.source), str(out), wanted)
        models = fake_models(OracleHuman3R(world.videos), free_body)
        annotate_small(job, models, worker or WorkerConfig())
        return job.store

    return run


@pytest.fixture(scope="session")
def labelled(annotate, tmp_path_factory):
    """OUT of all videos, clips of one size side by side; not to be written to."""
    return annotate(tmp_path_factory.mktemp("guard") / "out")
