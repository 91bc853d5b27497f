"""Object stores by fsspec scheme, one good and some that misbehave; and a disk that is full."""

import contextlib
import io
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import fsspec
from fsspec.implementations.memory import MemoryFileSystem

_MOUNT = 'mount -t tmpfs -o size=1m full "$1" && shift && exec "$@"'


class BucketFileSystem(MemoryFileSystem):
    """fsspec's memory, as a bucket and its clients behave: no names are special, readers do not
    share a place in the file, one of many conditional writes wins, and listings may be cached.
    """

    protocol = "bucket"
    _lock = threading.Lock()

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        path = path.removeprefix(f"{cls.protocol}://").strip("/")
        return f"/{path}" if path else ""

    def _open(self, path: str, mode: str = "rb", **kwargs: object) -> io.BytesIO:
        file = super()._open(path, mode, **kwargs)
        return io.BytesIO(file.getvalue()) if mode == "rb" else file

    def find(self, path: str, **kwargs: object) -> object:
        if path not in self.dircache:
            self.dircache[path] = found = super().find(path, **kwargs)
            return found
        return self.dircache[path]

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: object) -> None:
        with self._lock:
            super().pipe_file(path, value, mode, **kwargs)


class FullFileSystem(BucketFileSystem):
    """Takes no object: the kernel says why, as it does of a full disk."""

    protocol = "full"

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: object) -> None:
        with open("/dev/full", "wb") as file:
            file.write(value)


class DeafFileSystem(BucketFileSystem):
    """Loses its first answer to a conditional write, so that its client asks again."""

    protocol = "deaf"

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: object) -> None:
        super().pipe_file(path, value, mode)
        if mode == "create":
            super().pipe_file(path, value, mode)


class FlakyFileSystem(BucketFileSystem):
    """Breaks the connection the first two times that each object is opened; every time, if told."""

    protocol = "flaky"
    is_broken = False
    num_opened: dict[str, int] = {}  # noqa: RUF012 - of the class, as the stored bytes are

    def _open(self, path: str, mode: str = "rb", **kwargs: object) -> object:
        if mode == "rb":
            self.num_opened[path] = self.num_opened.get(path, 0) + 1
            if self.num_opened[path] <= 2 or self.is_broken:
                raise ConnectionResetError("connection reset by peer")
        return super()._open(path, mode, **kwargs)


class ShortFileSystem(BucketFileSystem):
    """Ends a copy early without saying so."""

    protocol = "short"

    def get_file(self, rpath: str, lpath: str, **kwargs: object) -> None:
        Path(lpath).write_bytes(self.cat_file(rpath)[:-1])


for kind in (BucketFileSystem, FullFileSystem, DeafFileSystem, FlakyFileSystem, ShortFileSystem):
    fsspec.register_implementation(kind.protocol, kind, clobber=True)


@contextlib.contextmanager
def running_moto() -> Iterator[tuple[str, int]]:
    """Host and port of moto's S3 in a thread of this process; it takes any signature."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    try:
        yield server.get_host_and_port()
    finally:
        server.stop()


def run_on_full_disk(folder: Path, script: str) -> str:
    """What a Python script prints that runs with a disk of 1 MiB mounted on `folder`.

    The disk is in a name space of its own and gone with the script. Users make one by themselves
    where the kernel lets them; root can anyway.
    """
    for private in (["unshare", "--map-root-user", "--mount"], ["unshare", "--mount"]):
        if subprocess.run([*private, "true"], capture_output=True).returncode == 0:
            inside = ["sh", "-c", _MOUNT, "sh", str(folder), sys.executable, "-c", script]
            command = [*private, *inside, str(folder)]
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    raise RuntimeError("needs user name spaces, or root, to mount a small disk")
