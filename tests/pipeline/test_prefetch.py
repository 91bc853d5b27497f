import threading
import time
from collections.abc import Iterator

import pytest

from pipeline.prefetch import Prefetch


class Maker:
    """Counts; says how far it is, and whether and in which thread it was closed."""

    def __init__(self, num_items: int, error: BaseException | None = None) -> None:
        self.num_made = 0
        self.closed_in: threading.Thread | None = None
        self._num_items = num_items
        self._error = error

    def items(self) -> Iterator[int]:
        try:
            for item in range(self._num_items):
                self.num_made += 1
                yield item
            if self._error is not None:
                raise self._error
        finally:
            self.closed_in = threading.current_thread()


def wait_until(condition) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.mark.parametrize("num_items", [0, 1, 2, 100])
@pytest.mark.parametrize("max_items", [1, 3])
def test_all_items_in_order(num_items, max_items):
    with Prefetch(Maker(num_items).items(), max_items) as ahead:
        assert list(ahead) == list(range(num_items))
        assert list(ahead) == []


def test_an_iterator_will_do():
    with Prefetch(iter([3, 1, 2]), 2) as ahead:
        assert list(ahead) == [3, 1, 2]


@pytest.mark.parametrize("error", [ValueError("broken"), SystemExit("broken"), MemoryError()])
def test_an_error_arrives_after_the_items_before_it(error):
    with Prefetch(Maker(2, error).items(), 5) as ahead:
        assert [next(ahead), next(ahead)] == [0, 1]
        for _ in range(2):
            with pytest.raises(type(error)) as caught:
                next(ahead)
            assert caught.value is error


def test_items_are_made_ahead_up_to_the_bound():
    maker = Maker(100)
    with Prefetch(maker.items(), 3) as ahead:
        wait_until(lambda: maker.num_made == 4)  # three wait, one is in the maker's hand
        time.sleep(0.2)
        assert maker.num_made == 4
        assert next(ahead) == 0
        wait_until(lambda: maker.num_made == 5)


@pytest.mark.parametrize("num_taken", [0, 1, 5])
def test_leaving_early_stops_the_maker_and_closes_it_where_it_ran(num_taken):
    maker = Maker(1_000_000)
    before = set(threading.enumerate())
    with Prefetch(maker.items(), 2) as ahead:
        for _ in range(num_taken):
            next(ahead)
        (thread,) = set(threading.enumerate()) - before
    assert not thread.is_alive()
    assert maker.closed_in is thread
    assert maker.num_made <= num_taken + 4
