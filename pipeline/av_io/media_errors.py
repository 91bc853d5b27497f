"""What libav, or the file under it, could not do, and what it said."""

import contextlib
from collections.abc import Iterator

import av
import av.logging


class MediaError(Exception):
    """Something libav, or the file under it, could not do; the message is one plain clause."""

    def __init__(self, message: str, *, is_transient: bool = False) -> None:
        """Keep whether another try can help."""
        super().__init__(message)
        self.is_transient = is_transient


@contextlib.contextmanager
def captured_messages() -> Iterator[list[str]]:
    """Collect libav's error messages of this thread; the list is filled when the block ends."""
    messages: list[str] = []
    with av.logging.Capture() as logs:
        try:
            yield messages
        finally:
            messages += [text.strip() for _, _, text in logs]


@contextlib.contextmanager
def media_errors() -> Iterator[None]:
    """Turn what libav or a file object raises into MediaError."""
    try:
        yield
    except av.FFmpegError as error:
        raise MediaError(error.strerror or type(error).__name__) from error
    except (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError) as error:
        raise MediaError(error.strerror or type(error).__name__) from error
    except OSError as error:
        raise MediaError(f"reading failed: {error}", is_transient=True) from error
