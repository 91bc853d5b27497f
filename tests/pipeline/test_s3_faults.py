"""S3 behind a proxy of ours that fails requests: what may pass is made again, the rest is said."""

import os
import random
import socket
import time

import fsspec
import pytest

from human3r_model.preprocess import image_geometry
from pipeline.errors import CredentialsError, StorageError
from pipeline.frames import open_frames
from pipeline.plan import PlanReader, has_plan
from pipeline.planning import plan_job
from pipeline.retries import Retries
from pipeline.storage import Store
from pipeline.verify import verify
from tests.canonical import canonical
from tests.fakes import FakeHuman3R, fake_models
from tests.fault_proxy import first_fails
from tests.pipeline.small_job import annotate_small, make_videos, plan_small
from tests.synthetic import make_video, read_code

PASSING = ("500", "503", "reset", "cut", "stall")


@pytest.mark.parametrize("fault", [*PASSING, "hang"])
def test_reads_that_fail_once_are_made_again(proxy, s3_uri, fault):
    data = bytes(range(256)) * 20_000  # 5 MB: three blocks
    Store(s3_uri).write("a.bin", data)
    proxy.draw_fault = first_fails(fault, "GET")
    retries = Retries()
    assert Store(s3_uri, retries).read("a.bin") == data
    assert retries.num_retries == proxy.num_faults[fault] == 1
    proxy.draw_fault = first_fails(fault, "GET")
    assert Store(s3_uri, retries).read_range("a.bin", 1_000_003, 5) == data[1_000_003:1_000_008]
    proxy.draw_fault = first_fails(fault, "GET")
    with Store(s3_uri, retries).open_read("a.bin") as file:
        file.seek(3_000_000)
        assert file.read(3) == data[3_000_000:3_000_003]
        file.seek(0)
        assert file.read() == data
    assert retries.num_retries == proxy.num_faults[fault] == 3


@pytest.mark.parametrize("fault", PASSING)
def test_writes_that_fail_once_are_made_again(proxy, s3_uri, fault):
    """Of some faults the first request has done its work, and only the answer is lost."""
    proxy.draw_fault = first_fails(fault, "PUT")
    store = Store(s3_uri)
    store.write("a", b"data")
    assert store.create("b", b"mine")
    assert not store.create("b", b"another's")
    assert (store.read("a"), store.read("b")) == (b"data", b"mine")
    assert proxy.num_faults[fault] == 2


def test_expired_credentials_are_said_at_once(proxy, s3_uri):
    store = Store(s3_uri)
    assert store.list("a") == []
    proxy.draw_fault = lambda method, path: "expired"
    for request in (
        lambda: store.read("a"),
        lambda: store.write("a", b"x"),
        lambda: store.create("a", b"x"),
        lambda: store.list("a"),
    ):
        before = proxy.num_requests.total()
        with pytest.raises(StorageError, match="the store refuses the credentials: Expired") as got:
            request()
        assert not got.value.is_transient
        assert "Renew the credentials" in str(got.value)
        assert proxy.num_requests.total() - before == 1


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_credentials_that_expire_while_videos_are_planned_end_it(proxy, s3_uri, tmp_path, method):
    """A HEAD has no body that could say why."""
    make_video(tmp_path / "a.mp4", 3)
    Store(s3_uri).write("src/a.mp4", (tmp_path / "a.mp4").read_bytes())
    proxy.draw_fault = lambda command, path: (
        "expired" if command == method and path.endswith("a.mp4") else None
    )
    with pytest.raises(CredentialsError, match=r"a\.mp4: cannot read: .*credentials"):
        plan_job(f"{s3_uri}/src", f"{s3_uri}/out", {})
    assert not has_plan(Store(f"{s3_uri}/out"))


def test_a_store_that_stays_busy_is_given_up_and_said(proxy, s3_uri):
    proxy.draw_fault = lambda method, path: "503"
    with pytest.raises(StorageError, match=r"503 SlowDown: .* \(tried 8 times\)") as caught:
        Store(s3_uri).read("a")
    assert caught.value.is_transient
    assert proxy.num_faults["503"] == 8


def test_a_server_that_takes_no_connections_is_given_up_in_time(s3_server, monkeypatch):
    monkeypatch.setattr("pipeline.storage.READ_TIMEOUT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        port = deaf.getsockname()[1]
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        with socket.create_connection(("127.0.0.1", port)):  # the one that is queued
            began_s = time.monotonic()
            with pytest.raises(StorageError, match="Connect timeout") as caught:
                Store("s3://tests", Retries(budget_s=0.0)).read("a")
    assert caught.value.is_transient
    assert time.monotonic() - began_s < 5
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def test_a_server_that_comes_back_is_waited_for(s3_server, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    with pytest.raises(StorageError, match=r"Could not connect .* \(tried 8 times\)") as caught:
        Store("s3://tests").read("a")
    assert caught.value.is_transient
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def test_an_object_that_is_replaced_while_it_is_read_is_not_mixed(proxy, s3_uri):
    store = Store(s3_uri)
    store.write("a", b"1" * 6_000_000)
    with store.open_read("a") as file:
        assert file.read(4) == b"1111"
        store.write("a", b"2" * 6_000_000)
        file.seek(5_000_000)
        with pytest.raises(StorageError, match="was replaced while it was read") as caught:
            file.read(4)
    assert not caught.value.is_transient


@pytest.mark.parametrize(
    ("suffix", "pix_fmt"), [("mov", "uyvy422"), ("mkv", "yuv420p"), ("avi", "yuv420p")]
)
def test_a_clip_of_a_large_file_costs_little_more_than_its_bytes(
    proxy, s3_uri, tmp_path, suffix, pix_fmt
):
    """Five frames of 18 kB or more, in the middle of 28 MB, come in a few blocks of 2 MiB."""
    options = {"codec": "rawvideo", "pix_fmt": pix_fmt, "gop": 1, "max_b_frames": 0}
    make_video(tmp_path / f"long.{suffix}", 1500, **options)
    data = (tmp_path / f"long.{suffix}").read_bytes()
    assert len(data) > 27e6
    Store(s3_uri).write(f"src/long.{suffix}", data)
    wanted = {"max_clip_frames": 5, "max_shard_frames": 2000}
    job = plan_job(f"{s3_uri}/src", f"{s3_uri}/out", wanted)
    (clip,) = (clip for clip in PlanReader(job.store).read_shard(0) if clip.start_frame == 752)
    before = proxy.num_bytes_sent
    frames = list(open_frames(clip, job.source_root, image_geometry(128, 96, 64), Retries()))
    assert [read_code(frame.rgb) for frame in frames] == [(1, i) for i in range(752, 757)]
    assert proxy.num_bytes_sent - before < 7e6


def test_secrets_are_nowhere(proxy, s3_uri, tmp_path, monkeypatch, caplog, request):
    """Not in what is written, in errors or in logs, though every request is signed by them."""
    secrets = [os.environ["AWS_SECRET_ACCESS_KEY"]]
    if request.config.getoption("--s3") == "moto":  # which takes any token
        monkeypatch.setenv("AWS_SESSION_TOKEN", "hush-token")
        secrets.append("hush-token")
    source = make_videos(tmp_path / "src")
    job = plan_small(source, f"{s3_uri}/out")
    proxy.draw_fault = first_fails("503", "PUT")
    caplog.set_level("INFO")
    annotate_small(job, fake_models())
    written = b"".join(job.store.read(file.path) for file in job.store.list())
    proxy.draw_fault = lambda method, path: "expired"
    with pytest.raises(StorageError) as caught:
        job.store.read("run.json")
    said = f"{caught.value!r} {caught.value.__cause__!r} {caplog.text}"
    for value in secrets:
        assert value.encode() not in written
        assert value not in said


@pytest.mark.parametrize("seed", [0, 1])
def test_a_job_on_a_bad_store_ends_with_the_rows_of_an_undisturbed_one(
    proxy, s3_uri, tmp_path, seed
):
    models = fake_models(FakeHuman3R())
    source = make_videos(tmp_path / "src")
    remote = Store(f"{s3_uri}/src")
    for path in source.rglob("*.*"):
        remote.write(path.relative_to(source).as_posix(), path.read_bytes())
    good = plan_small(remote.uri, f"{s3_uri}/good")
    annotate_small(good, models)
    rng = random.Random(seed)

    def draw(method, path):
        return rng.choice(PASSING[:4]) if rng.random() < 0.2 else None

    proxy.draw_fault = draw
    bad = plan_small(remote.uri, f"{s3_uri}/bad")
    annotate_small(bad, models)
    assert proxy.num_faults.total() > 10
    proxy.draw_fault = lambda method, path: None
    assert verify(bad.store).faults == ()
    assert canonical(bad.store) == canonical(good.store)
