"""The local disk's part of the storage door: listing files, and writing them all at once.

Times are taken to the nanosecond and links are followed, in a listing as for a single file, so
that a file has one version however it was found.
"""

import contextlib
import errno
import functools
import os
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

TEMPORARY_PREFIX = ".tmp-"


def walk_files(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """(path, status) of every file below `folder`, at any depth, in no order.

    Links are followed, a loop of folders is entered once. A link to nothing, or in a circle, is
    listed too, with its own status: whoever opens it can then say that it is broken. Pipes and
    devices are not.

    Raises:
        OSError: `folder`, or a folder below it, cannot be listed.
    """
    yield from _walk(folder, frozenset())


def file_status(path: str) -> os.stat_result | None:
    """The status of the file at `path`, or None when there is none (or it is no file).

    Raises:
        OSError: It cannot be told.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - a list may name 10^6 files
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def leads_outside(root: str, path: str) -> bool:
    """Whether `path`, by its name below `root`, lies elsewhere, by links on the way or at it."""
    folder, name = os.path.split(path)
    is_link = Path(path).is_symlink()
    real = os.path.realpath(path) if is_link else f"{_real_folder(folder)}/{name}"
    return not real.startswith(f"{_real_folder(root).rstrip('/')}/")


@functools.lru_cache(maxsize=4096)
def _real_folder(folder: str) -> str:
    """The folder without links; asked once for all its files."""
    return os.path.realpath(folder)


@contextlib.contextmanager
def staged_file(target: Path) -> Iterator[Path]:
    """The name of a temporary file beside `target`, in a folder that is there; gone afterwards."""
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = target.parent / f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}"
    try:
        yield staged
    finally:
        staged.unlink(missing_ok=True)


def replace_file(target: Path, data: bytes) -> None:
    """Put `data` at `target`, all at once, in the place of what is there."""
    with staged_file(target) as staged:
        _write_through(staged, data)
        staged.replace(target)


def create_file(target: Path, data: bytes) -> bool:
    """Put `data` at `target`, all at once, if nothing is there yet; whether it was done."""
    try:
        with staged_file(target) as staged:
            _write_through(staged, data)
            os.link(staged, target)
    except FileExistsError:
        if file_status(str(target)) is None:  # a folder, or a file as one
            raise
        return False
    return True


def _write_through(path: Path, data: bytes) -> None:
    """Write a new file, down to the disk."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _walk(folder: str, above: frozenset[tuple[int, int]]) -> Iterator[tuple[str, os.stat_result]]:
    """`walk_files`, where `above` are the (device, inode) of the folders on the way."""
    here = Path(folder).stat()
    if (here.st_dev, here.st_ino) in above:
        return
    above |= {(here.st_dev, here.st_ino)}
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                status = entry.stat()
                if stat.S_ISDIR(status.st_mode):
                    yield from _walk(entry.path, above)
                elif stat.S_ISREG(status.st_mode):
                    yield entry.path, status
            except OSError as error:
                # A link to nothing or to itself; else removed while we look.
                if error.errno not in (errno.ENOENT, errno.ELOOP):
                    raise
                if entry.is_symlink():
                    yield entry.path, entry.stat(follow_symlinks=False)
