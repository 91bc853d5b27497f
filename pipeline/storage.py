"""The one door to storage: local folders and object stores, through fsspec.

Reads are whole objects or byte ranges. Writes are one object at once, staged so that no reader
ever sees half of one: a temporary file and a rename or link on a local disk, one PUT elsewhere
(conditional for `create`). Must not know what the objects mean.
"""

import contextlib
import errno
import hashlib
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem

from pipeline.errors import StorageError

TEMPORARY_PREFIX = ".tmp-"


@dataclass(frozen=True)
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

    def __init__(self, uri: str) -> None:
        """Open `uri` (a local path, `file://` or any fsspec uri); creates nothing.

        Raises:
            StorageError: The scheme is unknown or its client is missing.
        """
        self.uri = normalise_uri(uri)
        try:
            if "://" in self.uri:
                self._fs, self._root = fsspec.core.url_to_fs(self.uri)
            else:  # never parsed: a local name may hold "::" or "#"
                self._fs, self._root = LocalFileSystem(), self.uri
        except (ValueError, ImportError) as error:
            raise StorageError(f"{uri}: cannot be opened as a store: {error}") from error
        self._root = self._root.rstrip("/")
        self.is_local = isinstance(self._fs, LocalFileSystem)

    def local_path(self, path: str) -> Path | None:
        """The file's place on this machine's disk, or None when it is remote."""
        return Path(self._full(path)) if self.is_local else None

    def info(self, path: str) -> StoredFile | None:
        """Size and version of one object, or None when there is none (or it is a folder)."""
        with self._named_errors("read", path):
            try:
                entry = self._fs.info(self._full(path))
            except (FileNotFoundError, NotADirectoryError):
                return None
        return self._stored_file(entry) if entry["type"] == "file" else None

    def is_folder(self, path: str = "") -> bool:
        """Whether `path` is a folder (or a prefix with objects below it)."""
        with self._named_errors("read", path):
            return bool(self._fs.isdir(self._full(path)))

    def list(self, prefix: str = "") -> list[StoredFile]:
        """Every object below the folder `prefix`, at any depth, sorted by path."""
        with self._named_errors("list", prefix):
            self._fs.invalidate_cache()
            try:
                found = self._fs.find(self._full(prefix), detail=True)
            except (FileNotFoundError, NotADirectoryError):
                return []
        files = [self._stored_file(entry) for entry in found.values()]
        return sorted(files, key=lambda file: file.path)

    def read(self, path: str) -> bytes:
        """The whole object.

        Raises:
            StorageError: It is not there or cannot be read.
        """
        with self._named_errors("read", path):
            return cast(bytes, self._fs.cat_file(self._full(path)))

    def read_range(self, path: str, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`, in one request."""
        with self._named_errors("read", path):
            return cast(bytes, self._fs.cat_file(self._full(path), offset, offset + length))

    def open_read(self, path: str) -> BinaryIO:
        """A seekable binary file object; remote reads go in cached blocks of 2 MiB."""
        with self._named_errors("read", path):
            if self.is_local:
                return cast(BinaryIO, self._fs.open(self._full(path), "rb"))
            return cast(
                BinaryIO,
                self._fs.open(self._full(path), "rb", cache_type="blockcache", block_size=2**21),
            )

    def write(self, path: str, data: bytes) -> None:
        """Put `data` at `path`, replacing what is there, all at once.

        Raises:
            StorageError: No space, no permission, or the store refused.
        """
        with self._named_errors("write", path):
            if not self.is_local:
                self._fs.pipe_file(self._full(path), data)
                return
            with self._staged(path, data) as staged:
                staged.replace(self._full(path))

    def create(self, path: str, data: bytes) -> bool:
        """Put `data` at `path` only if nothing is there; whether it was this call that did.

        A store that ignores the condition lets the last writer win and answers True to both.
        """
        with self._named_errors("create", path):
            try:
                if not self.is_local:
                    self._fs.pipe_file(self._full(path), data, mode="create")
                else:
                    with self._staged(path, data) as staged:
                        os.link(staged, self._full(path))
            except FileExistsError:
                return False
            return True

    def delete(self, path: str) -> None:
        """Remove one object; one that is gone already is no error."""
        with self._named_errors("delete", path), contextlib.suppress(FileNotFoundError):
            self._fs.rm_file(self._full(path))

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

    def _full(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root

    def _stored_file(self, entry: dict) -> StoredFile:
        name = entry["name"]
        modified = entry.get("mtime", entry.get("LastModified", entry.get("created", 0.0)))
        modified_s = modified.timestamp() if hasattr(modified, "timestamp") else float(modified)
        etag = entry.get("ETag") or entry.get("etag")
        return StoredFile(
            path=name[len(self._root) :].lstrip("/"),
            size_bytes=int(entry["size"] or 0),
            version=str(etag).strip('"') if etag else str(int(modified_s * 1e9)),
            modified_s=modified_s,
        )

    @contextlib.contextmanager
    def _staged(self, path: str, data: bytes) -> Iterator[Path]:
        """A temporary file beside `path` that holds `data` on disk; gone afterwards."""
        target = Path(self._full(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        staged = target.parent / f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}"
        try:
            with staged.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            yield staged
        finally:
            staged.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _named_errors(self, action: str, path: str) -> Iterator[None]:
        """Turn what a client raises into StorageError with the object's name and the remedy."""
        try:
            yield
        except OSError as error:
            if isinstance(error, FileExistsError) and action == "create":
                raise
            reason, is_transient = _explain(error)
            raise StorageError(
                f"{self._full(path)}: cannot {action}: {reason}", is_transient=is_transient
            ) from error


def normalise_uri(uri: str) -> str:
    """An absolute form of `uri`: local paths are made absolute, remote ones lose a last slash."""
    if "://" in uri:
        return uri if uri.endswith("://") else uri.rstrip("/")
    return str(Path(uri).expanduser().absolute())


def join_uri(root: str, name: str) -> str:
    """`name` below `root`; a name that is absolute or has a scheme stays as it is."""
    if "://" in name or name.startswith("/"):
        return name
    return f"{root.rstrip('/')}/{name}"


def split_uri(uri: str) -> tuple[str, str]:
    """(uri of the folder, last part)."""
    folder, _, name = normalise_uri(uri).rpartition("/")
    return folder or "/", name


@contextlib.contextmanager
def open_media(uri: str) -> Iterator[str | BinaryIO]:
    """What a video reader can open at once: a path on this machine, or a seekable remote file.

    Raises:
        StorageError: There is nothing at `uri`, or it cannot be read.
    """
    folder, name = split_uri(uri)
    store = Store(folder)
    path = store.local_path(name)
    if path is not None:
        yield str(path)
    else:
        with store.open_read(name) as file:
            yield file


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
        Store(str(target.parent)).write(name, store.read(name))
    return target


def _explain(error: OSError) -> tuple[str, bool]:
    """(reason with what to do, whether another try can help)."""
    if error.errno == errno.ENOSPC:
        return "no space left on the device. Free some space and run again", False
    if error.errno == errno.EDQUOT:
        return "the disk quota is used up. Free some space and run again", False
    if isinstance(error, PermissionError):
        return f"permission denied ({error}). Check the permissions or the credentials", False
    if isinstance(error, FileNotFoundError):
        return "no such file or object", False
    if isinstance(error, NotADirectoryError | IsADirectoryError | FileExistsError):
        return f"{error.strerror or error}. A file and a folder have the same name", False
    if error.errno == errno.EROFS:
        return "the file system is read-only", False
    return str(error) or type(error).__name__, True
