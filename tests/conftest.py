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
from tests.fault_proxy import running_proxy
from tests.pipeline.small_job import annotate_small, make_videos, plan_small
from tests.rgw import check_installed, running_rgw
from tests.stores import BucketFileSystem, running_moto

BUCKET = "tests"
SILENT = ("stall", "hang")
"""Faults of answers that do not come."""
KEYS = ("tests", "hush-key")
FREE_BODY = Path(__file__).parents[1] / "assets/body/anny_body_smplx_layout.npz"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--s3 rgw` runs the tests that need an S3, and those alone, against a real server."""
    text = "moto, in this process; or rgw, a real server (tests/rgw.py), and only tests of S3"
    parser.addoption("--s3", choices=["moto", "rgw"], default="moto", help=text)


def pytest_configure(config: pytest.Config) -> None:
    """Say once what is missing for a real server."""
    if config.getoption("--s3") == "rgw":
        try:
            check_installed()
        except RuntimeError as error:
            raise pytest.UsageError(str(error)) from error


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With a real server, leave out what asks none."""
    if config.getoption("--s3") == "moto":
        return
    others = [item for item in items if not _needs_s3(item)]
    items[:] = [item for item in items if _needs_s3(item)]
    config.hook.pytest_deselected(items=others)


def _needs_s3(item: pytest.Item) -> bool:
    is_case = isinstance(item, pytest.Function) and hasattr(item, "callspec")
    kind = item.callspec.params.get("root_uri") if is_case else None
    return kind == "s3" or "s3_server" in getattr(item, "fixturenames", ())


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
def s3_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, int]]:
    """Host and port of an S3 on the loopback interface, the only one the tests' clients know."""
    kind = request.config.getoption("--s3")
    start = running_moto() if kind == "moto" else running_rgw(tmp_path_factory.mktemp("rgw"), *KEYS)
    with start as (host, port), pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", KEYS[0])
        patch.setenv("AWS_SECRET_ACCESS_KEY", KEYS[1])
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        fsspec.filesystem("s3").mkdir(BUCKET)
        yield host, port


@pytest.fixture
def proxy(s3_server, monkeypatch, request):
    """The proxy, which every client made in this test goes through.

    Tests of a `fault` of silence lose patience after a second, and are kept waiting for two;
    `tests/real_s3.py` has silence at full length.
    """
    with running_proxy(*s3_server) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.url)
        if "fault" in request.fixturenames and request.getfixturevalue("fault") in SILENT:
            monkeypatch.setattr("pipeline.storage.READ_TIMEOUT_S", 1.0)
            running.stall_s = 2.0
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        yield running
    fsspec.get_filesystem_class("s3").clear_instance_cache()


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
