"""What only a real S3 server, and patience, can show; `make test-s3` runs it with the other tests.

Signatures that are checked, credentials that run out, and answers that do not come for longer than
requests may take, at full length.
"""

import os
import time

import fsspec
import pytest

from jobs.exit_codes import ExitCode
from pipeline.doctor import Status, check_output
from pipeline.errors import StorageError
from pipeline.retries import Retries
from pipeline.storage import READ_TIMEOUT_S, Store
from tests.commands import h3r
from tests.fault_proxy import STALL_S, first_fails
from tests.pipeline.small_job import make_videos

SILENCES = [("stall", "GET"), ("hang", "GET"), ("stall", "PUT"), ("stall", "DELETE")]
WRONG = [
    ("AWS_SECRET_ACCESS_KEY", "another", "SignatureDoesNotMatch"),
    ("AWS_ACCESS_KEY_ID", "nobody", "InvalidAccessKeyId"),
]
DATA = bytes(range(256)) * 4000


@pytest.fixture
def fresh_clients():
    """Clients are made anew, by the credentials of the test."""
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    yield
    fsspec.get_filesystem_class("s3").clear_instance_cache()


@pytest.mark.parametrize(("silence", "method"), SILENCES)
def test_an_answer_that_does_not_come_is_asked_for_again_in_time(proxy, s3_uri, silence, method):
    """Half a minute of it ends with the request's own patience, and the next one is answered."""
    assert proxy.stall_s == STALL_S > READ_TIMEOUT_S
    retries = Retries()
    store = Store(s3_uri, retries)
    store.write("a", DATA)
    proxy.draw_fault = first_fails(silence, method)
    began_s = time.monotonic()
    if method == "GET":
        assert store.read("a") == DATA
    elif method == "PUT":
        assert store.create("b", DATA)
    else:
        store.delete("a")
    assert READ_TIMEOUT_S <= time.monotonic() - began_s < STALL_S
    assert retries.num_retries == proxy.num_faults[silence] == 1


@pytest.mark.parametrize(("name", "value", "code"), WRONG)
def test_wrong_credentials_are_said_at_once(
    proxy, s3_uri, fresh_clients, monkeypatch, name, value, code
):
    Store(s3_uri).write("a", DATA)
    monkeypatch.setenv(name, value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    store = Store(s3_uri)
    for request in (
        lambda: store.read("a"),
        lambda: store.write("a", b"x"),
        lambda: store.create("b", b"x"),
        lambda: store.list(),
    ):
        before = proxy.num_requests.total()
        with pytest.raises(StorageError, match=f"refuses the credentials: {code}") as caught:
            request()
        assert not caught.value.is_transient
        assert proxy.num_requests.total() - before == 1


def test_a_job_with_wrong_credentials_ends_at_once(s3_uri, fresh_clients, monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    answer = h3r("plan", make_videos(tmp_path / "src"), f"{s3_uri}/out")
    assert answer.exit_code == ExitCode.FAILED
    assert "credentials" in answer.stderr


def test_the_doctor_finds_that_conditional_writes_hold(s3_uri):
    check = check_output(f"{s3_uri}/out")
    assert (check.status, check.remedy) == (Status.OK, "")
    assert os.environ["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
