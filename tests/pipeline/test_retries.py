"""Trying again: only what may pass, later each time, within a budget."""

import pytest

from pipeline import retries
from pipeline.errors import StorageError
from pipeline.retries import MAX_TRIES, Retries


class Requests:
    """Fails so many times, then answers."""

    def __init__(self, num_failures, *, is_transient=True):
        self.num_failures = num_failures
        self.is_transient = is_transient
        self.num_made = 0

    def __call__(self):
        self.num_made += 1
        if self.num_made <= self.num_failures:
            raise StorageError("a/b: cannot read: busy", is_transient=self.is_transient)
        return "answer"


@pytest.fixture
def waits(monkeypatch):
    """The waits there were; nothing is waited for, and jitter always takes the longest."""
    waited = []
    monkeypatch.setattr(retries.time, "sleep", waited.append)
    monkeypatch.setattr(retries.random, "uniform", lambda low, high: high)
    monkeypatch.setattr(retries, "FIRST_WAIT_S", 0.5)
    return waited


def test_waits_double_up_to_a_limit(waits):
    budget = Retries()
    assert budget.run(Requests(MAX_TRIES - 1)) == "answer"
    assert waits == [1, 2, 4, 8, 16, 20, 20]
    assert (budget.num_retries, budget.waited_s) == (7, 71)


def test_jitter_is_anywhere_below(waits, monkeypatch):
    bounds = []
    monkeypatch.setattr(retries.random, "uniform", lambda *two: bounds.append(two) or 0.25)
    Retries().run(Requests(2))
    assert bounds == [(0, 1), (0, 2)]
    assert waits == [0.25, 0.25]


def test_the_last_try_says_how_many_there_were(waits):
    requests = Requests(100)
    with pytest.raises(StorageError, match=r"a/b: cannot read: busy \(tried 8 times\)") as caught:
        Retries().run(requests)
    assert caught.value.is_transient
    assert requests.num_made == MAX_TRIES


def test_what_cannot_pass_is_not_tried_again(waits):
    requests = Requests(1, is_transient=False)
    with pytest.raises(StorageError, match=r"busy$"):
        Retries().run(requests)
    assert (requests.num_made, waits) == (1, [])


def test_all_requests_share_the_budget(waits):
    budget = Retries(budget_s=10)
    for _ in range(3):
        assert budget.run(Requests(2)) == "answer"  # 1 and 2 seconds
    with pytest.raises(StorageError, match="tried 2 times"):
        budget.run(Requests(2))
    assert budget.waited_s == 10
