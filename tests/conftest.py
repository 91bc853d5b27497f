"""Fixtures that tests of several packages share."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import fsspec
import numpy as np
import pytest

from human3r_model.body import BodyModel
from pipeline import retries
from tests.fakes import FakeHuman3R, fake_models
from tests.pipeline.small_job import annotate_small, make_videos, plan_small
from tests.stores import BucketFileSystem

BUCKET = "tests"
FREE_BODY = Path(__file__).parents[1] / "assets/body/anny_body_smplx_layout.npz"


@pytest.fixture(scope="session", autouse=True)
def short_waits():
    """Requests are made again at once; how long is waited has tests of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retries, "FIRST_WAIT_S", 1e-4)
        yield


@pytest.fixture(scope="session")
def free_body():
    return BodyModel.from_file(FREE_BODY)


@pytest.fixture(scope="session")
def rough_file(tmp_path_factory):
    """The free body with random pose correctives and expressions, in the short (10+10) layout."""
    random = np.random.default_rng(7)
    arrays = dict(np.load(FREE_BODY))
    shapes = arrays["shapedirs"][:, :, :20].copy()
    shapes[:, :, 10:] = 0.01 * random.standard_normal(shapes[:, :, 10:].shape)
    arrays["shapedirs"] = shapes
    arrays["posedirs"] = 0.002 * random.standard_normal((10475, 3, 486), np.float32)
    path = tmp_path_factory.mktemp("body") / "rough.npz"
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="session")
def rough_body(rough_file):
    return BodyModel.from_file(rough_file)


@pytest.fixture(scope="session")
def small_source(tmp_path_factory):
    """The folder of `tests.pipeline.small_job.make_videos`; not to be written to."""
    return make_videos(tmp_path_factory.mktemp("small") / "src")


@pytest.fixture(scope="session")
def small_out(small_source, tmp_path_factory):
    """`small_source`, annotated by the fake network; not to be written to."""
    job = plan_small(small_source, tmp_path_factory.mktemp("small") / "out")
    annotate_small(job, fake_models(FakeHuman3R(num_people=lambda video, frame: 1)))
    return Path(job.store.uri)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[tuple[str, int]]:
    """Host and port of moto's S3 on the loopback interface, the only S3 the tests' clients know."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        fsspec.filesystem("s3").mkdir(BUCKET)
        yield host, port
    server.stop()


@pytest.fixture
def s3_uri(s3_server: tuple[str, int]) -> str:
    """An empty prefix of a bucket on that server."""
    return f"s3://{BUCKET}/{uuid4().hex}"


@pytest.fixture(params=["local", "bucket", "s3"])
def root_uri(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty root on this machine's disk, then in a bucket in memory, then on S3."""
    if request.param == "local":
        yield str(tmp_path / "root")
        return
    if request.param == "s3":
        yield request.getfixturevalue("s3_uri")
        return
    uri = f"bucket://{uuid4().hex}"
    yield uri
    bucket = BucketFileSystem()
    for path in bucket.find(uri):
        bucket.rm_file(path)


def start_ray():
    """Ray on this machine, on the loopback interface, small and quiet."""
    import ray

    import pipeline.ray_runner  # noqa: F401 - sets what Ray reads when it is imported

    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        object_store_memory=100 * 2**20,
    )
    return ray


@pytest.fixture(scope="session")
def ray_cluster():
    """One cluster for all tests that run jobs on Ray in this process."""
    ray = start_ray()
    yield
    ray.shutdown()
