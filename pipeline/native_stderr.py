"""Keep a known, harmless line of a native library from the user, and nothing else.

Code below Python writes to file descriptor 2 itself, past `sys.stderr`, and may offer no switch for
a single message. Here descriptor 2 becomes a pipe for a while; a thread passes on every line but
those it was told of. A live display must write to a descriptor of its own meanwhile.
"""

import contextlib
import os
import threading
from collections.abc import Iterator

STDERR = 2
JOIN_TIMEOUT_S = 1.0  # a child process may hold the pipe open for longer than we care to wait


@contextlib.contextmanager
def dropped_lines(mark: str) -> Iterator[None]:
    """While this lasts, lines with `mark` in them do not come out of descriptor 2."""
    reader, writer = os.pipe()
    terminal = os.dup(STDERR)
    os.dup2(writer, STDERR)
    os.close(writer)
    forwarder = threading.Thread(target=_forward, args=(reader, terminal, mark.encode()))
    forwarder.daemon = True
    forwarder.start()
    try:
        yield
    finally:
        os.dup2(terminal, STDERR)
        forwarder.join(JOIN_TIMEOUT_S)


def _forward(reader: int, terminal: int, mark: bytes) -> None:
    """Copy line by line until the last writer has closed; owns both descriptors."""
    with open(reader, "rb") as lines, open(terminal, "wb", buffering=0) as out:
        for line in lines:
            if mark not in line:
                out.write(line)
