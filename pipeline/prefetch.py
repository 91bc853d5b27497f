"""Run an iterator ahead in a thread, a bounded number of items at most."""

import queue
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True)
class _End:
    error: BaseException | None


class Prefetch(Generic[Item]):
    """An iterator whose items are made ahead of time; an error of the maker arrives in its place.

    Close it (or use it as a context) when it is left before its end, so that the thread stops.
    """

    def __init__(self, items: Iterator[Item], max_items: int) -> None:
        """Start the thread; it holds at most `max_items` finished items."""
        self._items = items
        self._queue: queue.Queue[Item | _End] = queue.Queue(maxsize=max_items)
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Item]:
        """Itself."""
        return self

    def __next__(self) -> Item:
        """The next item, waited for; raises what the maker raised."""
        entry = self._queue.get()
        if not isinstance(entry, _End):
            return entry
        self._queue.put(entry)
        if entry.error is not None:
            raise entry.error
        raise StopIteration

    def __enter__(self) -> "Prefetch[Item]":
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the thread and wait for it."""
        self._is_closed.set()
        while self._thread.is_alive():
            try:
                self._queue.get(timeout=0.05)
            except queue.Empty:
                continue

    def _run(self) -> None:
        error = None
        try:
            for item in self._items:
                if not self._put(item):
                    break
            if isinstance(self._items, Generator):
                self._items.close()  # here, where it ran: it may hold a file open
        except BaseException as caught:  # a thread that dies silently would be waited for, for ever
            error = caught
        self._put(_End(error))

    def _put(self, entry: Item | _End) -> bool:
        while not self._is_closed.is_set():
            try:
                self._queue.put(entry, timeout=0.05)
            except queue.Full:
                continue
            return True
        return False
