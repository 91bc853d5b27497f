"""What a store asks of a remote one: by fsspec's ways, and of S3 in fewer requests and safer ones.

fsspec asks S3 for a listing to say that nothing is there, lists a whole folder to see whether it is
one, and begins a listing or an upload in parts anew where one request of it fails. Entries are
fsspec's: a name, a size, and what the store says of version and time.
"""

import contextlib
import errno
from collections.abc import Callable
from functools import partial
from typing import Any

from pipeline.errors import StorageError

PAGE_KEYS = 1000  # of a listing, the most there are
PART_BYTES = 50 * 2**20  # S3 takes 5 MiB and more, and 10,000 parts
MULTIPART_BYTES = 2 * PART_BYTES
"""Objects of so many bytes go up in parts."""
CONFLICTS = frozenset({errno.EEXIST, errno.EINVAL, errno.EBUSY})
"""What clients make of an object that is there already: s3fs of 412 and 409."""

Entry = dict[str, Any]
Run = Callable[[Callable[[], Any]], Any]
"""Makes one request, again where that can help, and names its errors."""


class RemoteObjects:
    """Objects behind any fsspec file system, by their full paths."""

    def __init__(self, filesystem: Any) -> None:
        """Ask `filesystem`, of fsspec."""
        self._fs = filesystem

    def find(self, path: str) -> Entry | None:
        """The object at `path`, or None when there is none (or it is a folder)."""
        try:
            entry: Entry = self._fs.info(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return entry if entry["type"] == "file" else None

    def is_folder(self, path: str) -> bool:
        """Whether objects are below `path`."""
        return bool(self._fs.isdir(path))

    def list_below(self, path: str, run: Run) -> list[Entry]:
        """Every object below the folder `path`, at any depth."""

        def list_all() -> list[Entry]:
            try:
                return list(self._fs.find(path, detail=True).values())
            except (FileNotFoundError, NotADirectoryError):
                return []

        entries: list[Entry] = run(list_all)
        return entries

    def put(self, path: str, data: bytes, run: Run, *, is_new: bool) -> bool:
        """Put `data` at `path`, all at once; whether it is there now.

        Args:
            path: Where.
            data: The whole object.
            run: Makes the requests.
            is_new: Only if nothing is there yet; else what is there is replaced.
        """
        return bool(run(partial(self._put_whole, path, data, is_new=is_new)))

    def _put_whole(self, path: str, data: bytes, *, is_new: bool) -> bool:
        try:
            self._send(path, data, is_new=is_new)
        except OSError as error:
            is_conflict = error.errno in CONFLICTS or isinstance(error, FileExistsError)
            # Where nothing is there it was some other conflict, such as a file as a folder.
            if not (is_new and is_conflict) or self.find(path) is None:
                raise
            return False
        return True

    def _send(self, path: str, data: bytes, *, is_new: bool) -> None:
        self._fs.pipe_file(path, data, mode="create" if is_new else "overwrite")


class S3Objects(RemoteObjects):
    """The same of S3, by its own requests."""

    def find(self, path: str) -> Entry | None:
        """The object at `path`, or None; one request."""
        bucket, key = self._place(path)
        if not key:
            return None
        try:
            answer = self._fs.call_s3("head_object", Bucket=bucket, Key=key)
        except FileNotFoundError:
            return None
        return {**answer, "name": path, "size": answer["ContentLength"]}

    def is_folder(self, path: str) -> bool:
        """Whether objects are below `path`, or it is a bucket; one request.

        Raises:
            FileNotFoundError: There is no such bucket.
        """
        bucket, key = self._place(path)
        page = self._fs.call_s3("list_objects_v2", Bucket=bucket, Prefix=_below(key), MaxKeys=1)
        return not key or bool(page.get("Contents"))

    def list_below(self, path: str, run: Run) -> list[Entry]:
        """Every object below `path`: a thousand a request, and each request may fail by itself."""
        entries: list[Entry] = []
        token: str | None = ""
        while token is not None:
            page = run(partial(self._list_page, path, token))
            entries += page.get("Contents", ())
            token = page.get("NextContinuationToken")
        bucket, _ = self._place(path)
        return [
            {**entry, "name": f"{bucket}/{entry['Key']}", "size": entry["Size"]}
            for entry in entries
            if not entry["Key"].endswith("/")  # a folder, as some programs make them
        ]

    def put(self, path: str, data: bytes, run: Run, *, is_new: bool) -> bool:
        """Put `data` at `path`, all at once; in parts where it is large, each tried by itself.

        Never in parts where it must be new: Ceph takes no account of that at the end of an upload.
        One that comes to nothing is aborted: S3 keeps, and charges for, its parts.
        """
        if is_new or len(data) < MULTIPART_BYTES:
            return super().put(path, data, run, is_new=is_new)
        bucket, key = self._place(path)
        place = {"Bucket": bucket, "Key": key}
        upload = run(partial(self._fs.call_s3, "create_multipart_upload", **place))
        place["UploadId"] = upload["UploadId"]
        is_there = False
        try:
            parts = [run(partial(self._put_part, place, data, n)) for n in range(_num_parts(data))]
            run(partial(self._complete, path, place, parts, len(data)))
            is_there = True
        finally:
            if not is_there:
                with contextlib.suppress(StorageError):  # what went wrong before is what counts
                    run(partial(self._fs.call_s3, "abort_multipart_upload", **place))
        return is_there

    def _send(self, path: str, data: bytes, *, is_new: bool) -> None:
        bucket, key = self._place(path)
        condition = {"IfNoneMatch": "*"} if is_new else {}
        self._fs.call_s3("put_object", Bucket=bucket, Key=key, Body=data, **condition)

    def _list_page(self, path: str, token: str) -> Entry:
        bucket, key = self._place(path)
        after = {"ContinuationToken": token} if token else {}
        page: Entry = self._fs.call_s3(
            "list_objects_v2", Bucket=bucket, Prefix=_below(key), MaxKeys=PAGE_KEYS, **after
        )
        return page

    def _put_part(self, place: Entry, data: bytes, index: int) -> Entry:
        body = data[index * PART_BYTES : (index + 1) * PART_BYTES]
        answer = self._fs.call_s3("upload_part", **place, PartNumber=index + 1, Body=body)
        return {"PartNumber": index + 1, "ETag": answer["ETag"]}

    def _complete(self, path: str, place: Entry, parts: list[Entry], size_bytes: int) -> None:
        wanted = {"MultipartUpload": {"Parts": parts}}
        try:
            self._fs.call_s3("complete_multipart_upload", **place, **wanted)
        except FileNotFoundError:  # no such upload: a try whose answer was lost has completed it
            stands = self.find(path)
            if stands is None or stands["size"] != size_bytes:
                raise

    def _place(self, path: str) -> tuple[str, str]:
        """(bucket, key); no key is the bucket itself."""
        bucket, key, _ = self._fs.split_path(path)
        return bucket, key


def _below(key: str) -> str:
    """The prefix of what is below `key`."""
    return f"{key}/" if key else ""


def _num_parts(data: bytes) -> int:
    return -(-len(data) // PART_BYTES)
