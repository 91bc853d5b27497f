"""The one door to storage: local folders and object stores, through fsspec.

Reads are whole objects or byte ranges. Writes are one object at once, staged so that no reader
ever sees half of one: a temporary file and a rename or link on a local disk, one PUT elsewhere
(conditional for `create`). What a remote store fails at for a moment is tried again here, and
nowhere else: its client's own retries are off. Must not know what the objects mean.
"""

import contextlib
import hashlib
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem

from pipeline.errors import CredentialsError, StorageError
from pipeline.local_disk import (
    TEMPORARY_PREFIX,
    create_file,
    file_status,
    replace_file,
    staged_file,
    walk_files,
)
from pipeline.remote_file import RemoteFile
from pipeline.remote_objects import RemoteObjects, S3Objects
from pipeline.retries import Retries
from pipeline.storage_errors import explain, is_about_credentials, is_of_store, tripped_over
from pipeline.uris import is_remote, normalise_uri, split_uri

Answer = TypeVar("Answer")

BLOCK_BYTES = 2**21
MAX_BLOCKS = 8  # of an open object that are kept
S3_SCHEMES = ("s3", "s3a")
READ_TIMEOUT_S = 15.0  # an answer that stalls for so long is asked for again


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One object of a store.

    Attributes:
        path: Name relative to the store's root, `/` between parts.
        size_bytes: Its length.
        version: The store's etag, or the modification time in nanoseconds as text: changes
            when the content does.
        modified_s: Modification time, seconds since 1970; 0.0 where the store does not say.
    """

    path: str
    size_bytes: int
    version: str
    modified_s: float


class Store:
    """A folder, local or in an object store, addressed by paths relative to its root."""

    def __init__(self, uri: str, retries: Retries | None = None) -> None:
        """Open `uri` (a local path, `file://` or any fsspec uri); creates nothing.

        Args:
            uri: The root.
            retries: What all requests together may try again; None gives each its own.

        Raises:
            StorageError: The scheme is unknown or its client is missing.
        """
        self.uri = normalise_uri(uri)
        try:
            self._fs, root = _open_filesystem(self.uri)
        except (ValueError, ImportError) as error:
            raise StorageError(f"{uri}: cannot be opened as a store: {error}") from error
        self._root = root.rstrip("/")
        is_s3 = self.uri.partition("://")[0] in S3_SCHEMES
        self._objects = S3Objects(self._fs) if is_s3 else RemoteObjects(self._fs)
        self._retries = retries
        self.is_local = isinstance(self._fs, LocalFileSystem)

    def local_path(self, path: str) -> Path | None:
        """The file's place on this machine's disk, or None when it is remote."""
        return Path(self._full(path)) if self.is_local else None

    def info(self, path: str) -> StoredFile | None:
        """Size and version of one object, or None when there is none (or it is a folder)."""
        return self._run("read", path, lambda: self._info(path))

    def is_folder(self, path: str = "") -> bool:
        """Whether `path` is a folder (or a prefix with objects below it)."""
        is_folder = self._fs.isdir if self.is_local else self._objects.is_folder
        return self._run("read", path, lambda: bool(is_folder(self._full(path))))

    def list(self, prefix: str = "") -> list[StoredFile]:
        """Every object below the folder `prefix`, at any depth, sorted by path."""
        full = self._full(prefix)
        if self.is_local:
            files = self._run("list", prefix, lambda: self._list_here(full))
        else:
            entries = self._objects.list_below(full, partial(self._run, "list", prefix))
            files = [self._remote_file(entry) for entry in entries]
        return sorted(files, key=lambda file: file.path)

    def read(self, path: str) -> bytes:
        """The whole object.

        Raises:
            StorageError: It is not there or cannot be read.
        """
        return self._run("read", path, lambda: cast(bytes, self._fs.cat_file(self._full(path))))

    def read_range(self, path: str, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`, in one request."""
        span = {"start": offset, "end": offset + length}
        full = self._full(path)
        return self._run("read", path, lambda: cast(bytes, self._fs.cat_file(full, **span)))

    @contextlib.contextmanager
    def open_read(self, path: str) -> Iterator[BinaryIO]:
        """A seekable binary file object; remote reads go in cached blocks of 2 MiB.

        A remote object is pinned where the store can: once it is replaced, reads fail.

        Raises:
            StorageError: It is not there, or reading from it failed inside the context.
        """
        with self._open(path) as (file, _):
            yield file

    def download(self, path: str, target: Path) -> None:
        """Copy an object to the local file `target`, which appears all at once.

        Raises:
            StorageError: It cannot be read whole, or `target` cannot be written.
        """

        def copy() -> None:
            stored = self._info(path)
            with staged_file(target) as staged:
                self._fs.get_file(self._full(path), str(staged))
                size_bytes = staged.stat().st_size
                if stored is None or size_bytes != stored.size_bytes:
                    raise ConnectionError(f"got {size_bytes} bytes, which is not all of it")
                staged.replace(target)

        self._run(f"copy to {target}", path, copy)

    def write(self, path: str, data: bytes) -> None:
        """Put `data` at `path`, replacing what is there, all at once.

        Raises:
            StorageError: No space, no permission, or the store refused.
        """
        run, full = partial(self._run, "write", path), self._full(path)
        if self.is_local:
            run(lambda: replace_file(Path(full), data))
        else:
            self._objects.put(full, data, run, is_new=False)

    def create(self, path: str, data: bytes) -> bool:
        """Put `data` at `path` only if nothing is there; whether it was this call that did.

        True as well when `data` is what stands there already: a client that repeats a request
        whose answer was lost is refused by its own object. A store that ignores the condition lets
        the last writer win and answers True to both.
        """
        run, full = partial(self._run, "create", path), self._full(path)
        if self.is_local:
            is_new = run(lambda: create_file(Path(full), data))
        else:
            is_new = self._objects.put(full, data, run, is_new=True)
        return is_new or self.read(path) == data

    def delete(self, path: str) -> None:
        """Remove one object; one that is gone already is no error."""

        def remove() -> None:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                self._fs.rm_file(self._full(path))

        self._run("delete", path, remove)

    def prune_empty_folders(self, prefix: str) -> None:
        """Remove the empty folders below `prefix`; object stores have none."""
        if not self.is_local:
            return
        for folder, _, _ in os.walk(self._full(prefix), topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()

    def check_access(self) -> None:
        """Write, read and remove a small object, so that a job fails before it starts.

        Raises:
            StorageError: What was refused, and what to do.
        """
        probe = f"{TEMPORARY_PREFIX}access-{uuid.uuid4().hex}"
        self.write(probe, b"h3r")
        try:
            self.read(probe)
        finally:
            self.delete(probe)

    def _list_here(self, folder: str) -> Sequence[StoredFile]:
        try:
            return [self._local_file(*entry) for entry in walk_files(folder)]
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _info(self, path: str) -> StoredFile | None:
        if self.is_local:
            status = file_status(self._full(path))
            return self._local_file(self._full(path), status) if status else None
        entry = self._objects.find(self._full(path))
        return self._remote_file(entry) if entry else None

    @contextlib.contextmanager
    def _open(self, path: str) -> Iterator[tuple[BinaryIO, StoredFile]]:
        """The object as a file, and which version of it that is."""
        full = self._full(path)
        if self.is_local:
            with self._named_errors("read", path), Path(full).open("rb") as here:
                yield here, self._local_file(full, os.fstat(here.fileno()))
            return

        def open_object() -> tuple[BinaryIO, StoredFile]:
            cache = {"cache_type": "blockcache", "cache_options": {"maxblocks": MAX_BLOCKS}}
            file = self._fs.open(full, "rb", block_size=BLOCK_BYTES, **cache)
            return file, self._remote_file(getattr(file, "details", None) or self._fs.info(full))

        file, stored = self._run("read", path, open_object)
        with file:
            remote = RemoteFile(
                file, stored.size_bytes, lambda request: self._run("read", path, request)
            )
            yield cast(BinaryIO, remote), stored

    def has_conditional_writes(self) -> bool:
        """Whether the second of two `create` at one place is refused; some stores take both.

        Raises:
            StorageError: Neither can be tried.
        """
        probe = f"{TEMPORARY_PREFIX}condition-{uuid.uuid4().hex}"
        try:
            return self.create(probe, b"first") and not self.create(probe, b"second")
        finally:
            self.delete(probe)

    def _full(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root or "/"

    def _relative(self, full: str) -> str:
        return full[len(self._root) :].removeprefix("/")

    def _local_file(self, full: str, status: os.stat_result) -> StoredFile:
        return StoredFile(
            self._relative(full), status.st_size, str(status.st_mtime_ns), status.st_mtime
        )

    def _remote_file(self, entry: dict) -> StoredFile:
        modified = entry.get("LastModified", entry.get("mtime", entry.get("created", 0.0)))
        modified_s = modified.timestamp() if hasattr(modified, "timestamp") else float(modified)
        etag = entry.get("ETag") or entry.get("etag")
        return StoredFile(
            path=self._relative(entry["name"]),
            size_bytes=int(entry["size"] or 0),
            version=str(etag).strip('"') if etag else str(int(modified_s * 1e9)),
            modified_s=modified_s,
        )

    def _run(self, action: str, path: str, request: Callable[[], Answer]) -> Answer:
        """The answer of `request`; a remote one is made again where that can help."""

        def attempt() -> Answer:
            with self._named_errors(action, path):
                return request()

        return attempt() if self.is_local else (self._retries or Retries()).run(attempt)

    @contextlib.contextmanager
    def _named_errors(self, action: str, path: str) -> Iterator[None]:
        """Turn what a client raises into StorageError with the object's name and the remedy."""
        try:
            yield
        except Exception as raised:
            error = tripped_over(raised)
            if not is_of_store(error):
                raise
            reason, is_transient = explain(error, is_write=action in ("write", "create"))
            kind = CredentialsError if is_about_credentials(error) else StorageError
            raise kind(
                f"{self._full(path)}: cannot {action}: {reason}", is_transient=is_transient
            ) from error


class OpenMedia(NamedTuple):
    """What a video reader can open, and which version of the file that is."""

    media: str | BinaryIO
    stored: StoredFile


@contextlib.contextmanager
def open_media(uri: str, retries: Retries | None = None) -> Iterator[OpenMedia]:
    """A path on this machine, or a seekable remote file that is pinned to its version.

    Args:
        uri: The file.
        retries: What reading it may try again; None gives each request its own.

    Raises:
        StorageError: There is nothing at `uri`, or it cannot be read.
    """
    folder, name = split_uri(uri)
    store = Store(folder, retries)
    path = store.local_path(name)
    if path is None:
        with store._open(name) as (file, stored):
            yield OpenMedia(file, stored)
        return
    stored_here = store.info(name)
    if stored_here is None:
        raise StorageError(f"{uri}: cannot read: no such file or object")
    yield OpenMedia(str(path), stored_here)


def fetch_to_local(uri: str, cache: Path | None = None) -> Path:
    """`uri` as a file on this machine: local ones as they are, remote ones copied once.

    Args:
        uri: Local path or fsspec uri of one file, or of a folder on this machine.
        cache: Where copies are kept; `~/.cache/h3r` when None.

    Raises:
        StorageError: There is nothing at `uri`, or it cannot be read.
    """
    folder, name = split_uri(uri)
    store = Store(folder)
    path = store.local_path(name)
    if path is not None:
        if not path.exists():
            raise StorageError(f"{uri}: no such file. Check the path")
        return path
    stored = store.info(name)
    if stored is None:
        raise StorageError(f"{uri}: no such object. Check the uri and the credentials")
    key = hashlib.sha256(f"{uri} {stored.version} {stored.size_bytes}".encode()).hexdigest()[:16]
    target = (cache or Path.home() / ".cache" / "h3r") / key / name
    if not target.exists():
        store.download(name, target)
    return target


def _open_filesystem(uri: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """(file system, root in it) of a normalised uri.

    Nothing but the scheme is parsed, since a name may hold "::" or "#". Listings are not cached:
    other processes write, too.
    """
    if not is_remote(uri):
        return LocalFileSystem(), uri
    scheme = uri.partition("://")[0]
    kind = fsspec.get_filesystem_class(scheme)
    options = {"use_listings_cache": False, **kind._get_kwargs_from_urls(uri)}
    if scheme in S3_SCHEMES:
        patience = {"connect_timeout": READ_TIMEOUT_S, "read_timeout": READ_TIMEOUT_S}
        config = {"retries": {"total_max_attempts": 1}, **patience}
        # One request at a time: to read in pieces, s3fs asks for the size first.
        options |= {"config_kwargs": config, "max_concurrency": 1}
    filesystem = fsspec.filesystem(scheme, **options)
    if scheme in S3_SCHEMES:
        filesystem.retries = 1
    return filesystem, cast(str, kind._strip_protocol(uri))
