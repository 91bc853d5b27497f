"""S3 asked in few requests, and objects that go up in parts, of which requests fail."""

import fsspec
import pytest

from pipeline import remote_objects
from pipeline.errors import JobError, StorageError
from pipeline.ledger import committed_shards
from pipeline.storage import Store
from pipeline.verify import verify
from tests.canonical import canonical
from tests.fakes import fake_models
from tests.fault_proxy import first_fails
from tests.pipeline.small_job import annotate_small, make_videos, plan_small

MIB = 2**20
ENDS = [("PUT", 3, 6, 2), ("POST", 1, 3, 3)]  # parts; and what makes an object of them
DATA = bytes(range(251)) * 48_000  # 12 MB: three parts


@pytest.fixture
def small_parts(monkeypatch):
    """The smallest that S3 takes."""
    monkeypatch.setattr(remote_objects, "PART_BYTES", 5 * MIB)
    monkeypatch.setattr(remote_objects, "MULTIPART_BYTES", 6 * MIB)


def unfinished_uploads(uri: str) -> list[str]:
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    uploads = fsspec.filesystem("s3").list_multipart_uploads(bucket)
    return [upload["Key"] for upload in uploads if upload["Key"].startswith(f"{prefix}/")]


@pytest.mark.parametrize(("method", "num_faults", "num_puts", "num_posts"), ENDS)
@pytest.mark.parametrize("fault", ["500", "503", "reset", "cut"])
def test_a_part_or_the_end_that_fails_once_is_made_again(
    proxy, s3_uri, small_parts, fault, method, num_faults, num_puts, num_posts
):
    """That request alone, of all five. Of some faults the work is done, only the answer lost."""
    proxy.draw_fault = first_fails(fault, method, "uploadId=")
    store = Store(s3_uri)
    store.write("a", DATA)
    assert proxy.num_faults[fault] == num_faults
    assert (proxy.num_requests["PUT"], proxy.num_requests["POST"]) == (num_puts, num_posts)
    assert store.read("a") == DATA
    assert unfinished_uploads(s3_uri) == []


def test_what_may_be_there_once_goes_up_in_one_request(proxy, s3_uri, small_parts):
    """Ceph's gateway would let the later of two uploads in parts replace the earlier one."""
    store = Store(s3_uri)
    assert store.create("a", DATA)
    assert not store.create("a", DATA[::-1])
    assert store.read("a") == DATA
    assert (proxy.num_requests["PUT"], proxy.num_requests["POST"]) == (2, 0)


def test_an_upload_that_is_given_up_leaves_what_was_there_and_no_parts(proxy, s3_uri, small_parts):
    store = Store(s3_uri)
    store.write("old", b"before")
    proxy.draw_fault = lambda method, path: "503" if "partNumber=3" in path else None
    for name in ("old", "new"):
        with pytest.raises(StorageError, match=r"cannot write: .* 503 SlowDown") as caught:
            store.write(name, DATA)
        assert caught.value.is_transient
    assert proxy.num_faults["503"] == 16
    assert store.read("old") == b"before"
    assert [file.path for file in store.list()] == ["old"]
    assert unfinished_uploads(s3_uri) == []


def test_an_upload_that_is_refused_says_why_even_where_it_cannot_be_aborted(
    proxy, s3_uri, small_parts
):
    proxy.draw_fault = lambda method, path: "expired" if "uploadId=" in path else None
    with pytest.raises(StorageError, match="refuses the credentials: Expired") as caught:
        Store(s3_uri).write("a", DATA)
    assert not caught.value.is_transient
    assert proxy.num_faults["expired"] == 2  # a part, and the end of it all
    assert Store(s3_uri).info("a") is None


def test_a_shard_whose_uploads_fail_is_not_committed_and_done_by_the_next_run(
    proxy, s3_uri, tmp_path, monkeypatch
):
    monkeypatch.setattr(remote_objects, "MULTIPART_BYTES", 0)  # all that is written, in one part
    source = make_videos(tmp_path / "src")
    good = plan_small(source, tmp_path / "good")
    annotate_small(good, fake_models())
    job = plan_small(source, f"{s3_uri}/out")
    proxy.draw_fault = lambda method, path: (
        "503" if "depth/shard-000001" in path and "partNumber" in path else None
    )
    with pytest.raises(JobError, match="503 SlowDown"):
        annotate_small(job, fake_models())
    assert sorted(committed_shards(job.store)) == [0, 2]
    assert not any("shard-000001" in file.path for file in job.store.list("depth"))
    assert unfinished_uploads(s3_uri) == []
    proxy.draw_fault = lambda method, path: None
    annotate_small(job, fake_models())
    assert verify(job.store).faults == ()
    assert canonical(job.store) == canonical(good.store)
