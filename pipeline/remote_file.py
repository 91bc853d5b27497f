"""A remote object as a seekable file, whose failed reads are made again where they failed."""

import io
from collections.abc import Callable
from typing import BinaryIO


class RemoteFile(io.RawIOBase):
    """Reads of an open object, each one made again until it is had or given up."""

    def __init__(
        self, file: BinaryIO, size_bytes: int, run: Callable[[Callable[[], bytes]], bytes]
    ) -> None:
        """Read from `file`, which stays the caller's to close.

        Args:
            file: Open, seekable; a read that failed leaves it usable.
            size_bytes: Its length.
            run: Makes a request, again where that can help, and names its errors.
        """
        self._file = file
        self._size_bytes = size_bytes
        self._run = run
        self._position = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; nothing is asked of the store."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size_bytes}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill `buffer` from here on; less only at the end.

        Raises:
            StorageError: The bytes cannot be had.
        """
        wanted = min(len(buffer), self._size_bytes - self._position)
        data = self._run(lambda: self._read_at(self._position, wanted)) if wanted > 0 else b""
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _read_at(self, start: int, length: int) -> bytes:
        self._file.seek(start)
        data = self._file.read(length)
        if len(data) < length:
            raise ConnectionError(f"got {len(data)} bytes of {length}")
        return data
