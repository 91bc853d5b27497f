import json
import subprocess
import sys

import pytest

from pipeline.attempts import (
    Attempt,
    begin_attempt,
    forget_attempts,
    forget_deaths,
    start_mark,
)
from pipeline.errors import JobError
from pipeline.storage import Store

DIE_ON_CLIP = """
import os, sys
from pipeline.attempts import begin_attempt
from pipeline.storage import Store
attempt = begin_attempt(Store(sys.argv[1]), 3, "run1", "host")
with attempt.clip_mark("clipA"):
    os._exit(9)
"""


def begin(store: Store, run_id: str = "run1") -> Attempt:
    return begin_attempt(store, 3, run_id, "host pid 7")


def names(store: Store) -> list[str]:
    return [file.path for file in store.list()]


def test_the_first_attempt_is_not_careful_and_leaves_a_mark(root_uri):
    store = Store(root_uri)
    attempt = begin(store)
    assert (attempt.number, attempt.is_careful, attempt.quarantined) == (0, False, {})
    assert names(store) == [f"attempts/shard-000003/{attempt.name}.json"]
    assert json.loads(store.read(names(store)[0]))["worker"] == "host pid 7"
    assert attempt.name.startswith("000-run1-")


def test_an_attempt_that_ended_leaves_nothing(root_uri):
    store = Store(root_uri)
    attempt = begin(store)
    with attempt.clip_mark("clipA"):
        pass
    attempt.end()
    assert names(store) == []
    assert not begin(store).is_careful


def test_after_a_death_the_next_attempt_is_careful(root_uri):
    store = Store(root_uri)
    begin(store)
    second = begin(store)
    assert (second.number, second.is_careful, second.quarantined) == (1, True, {})
    assert begin(store).number == 2
    assert not begin_attempt(store, 4, "run1", "host").is_careful


def test_a_shard_that_is_asked_for_again_has_no_deaths(root_uri):
    store = Store(root_uri)
    living = begin(store)
    other = begin_attempt(store, 4, "run1", "host")
    forget_deaths(store, 3)
    assert names(store) == [f"attempts/shard-000004/{other.name}.json"]
    assert not begin(store).is_careful
    living.end()  # its mark is gone already


def test_attempts_at_once_have_names_of_their_own(root_uri):
    store = Store(root_uri)
    assert len({begin(store).name for _ in range(5)}) == 5
    assert len(names(store)) == 5


def test_a_careful_attempt_marks_the_clip_it_is_on(root_uri):
    store = Store(root_uri)
    first = begin(store)
    with first.clip_mark("clipA"):
        assert len(names(store)) == 1
    careful = begin(store)
    with careful.clip_mark("clipA"):
        assert f"attempts/shard-000003/{careful.name}.clipA" in names(store)
    assert len(names(store)) == 2


def test_a_clip_that_raises_has_not_killed_its_process(root_uri):
    store = Store(root_uri)
    begin(store)
    careful = begin(store)
    with pytest.raises(ZeroDivisionError), careful.clip_mark("clipA"):
        raise ZeroDivisionError
    assert len(names(store)) == 2


def test_two_deaths_on_one_clip_quarantine_it(root_uri):
    store = Store(root_uri)
    begin(store)
    for clip_id in ("clipA", "clipB", "clipA"):
        attempt = begin(store)
        assert attempt.quarantined == {}
        store.create(f"attempts/shard-000003/{attempt.name}.{clip_id}", b"{}")
    assert begin(store).quarantined == {"clipA": 2}


def test_a_process_that_dies_leaves_its_marks(tmp_path):
    deaths = [
        subprocess.run([sys.executable, "-c", DIE_ON_CLIP, str(tmp_path)]).returncode
        for _ in range(3)
    ]
    assert deaths == [9, 9, 9]
    # the first had the whole shard, the others the clip alone
    attempt = begin(Store(str(tmp_path)))
    assert (attempt.number, attempt.is_careful) == (3, True)
    assert attempt.quarantined == {"clipA": 2}


def test_a_run_that_was_stopped_takes_back_its_own_marks_only(root_uri):
    store = Store(root_uri)
    begin_attempt(store, 1, "runA", "host")
    other = begin_attempt(store, 1, "runB", "host")
    for shard in (2, 3):
        begin_attempt(store, shard, "runA", "host")
    mark = begin_attempt(store, 2, "runA", "host").clip_mark("clipA")
    mark.__enter__()
    forget_attempts(store, "runA")
    assert names(store) == [f"attempts/shard-000001/{other.name}.json"]


def test_a_worker_that_dies_twice_while_it_starts_is_not_started_again(root_uri):
    store = Store(root_uri)
    with start_mark(store, "run1", "w0"):
        assert len(names(store)) == 1
    assert names(store) == []
    dying = [start_mark(store, "run1", "w0") for _ in range(2)]  # held: nothing may end them
    for mark in dying:
        mark.__enter__()
    with pytest.raises(JobError, match="died 2 times while it loaded the models"):
        start_mark(store, "run1", "w0").__enter__()
    with start_mark(store, "run1", "w1"):
        pass


def test_a_worker_that_has_started_leaves_nothing(root_uri):
    store = Store(root_uri)
    with start_mark(store, "run1", "actor7"):
        assert names(store) == ["attempts/start-run1-actor7/0.json"]
    assert names(store) == []


def test_a_worker_that_died_twice_while_it_started_is_given_up(root_uri):
    store = Store(root_uri)
    for number in range(2):  # marks of processes that are gone
        store.create(f"attempts/start-run1-actor7/{number}.json", b"{}")
    with pytest.raises(JobError, match="died 2 times while it loaded the models"):
        start_mark(store, "run1", "actor7").__enter__()
    with start_mark(store, "run1", "actor8"), start_mark(store, "run2", "actor7"):
        assert len(names(store)) == 4
    forget_attempts(store, "run1")
    assert names(store) == []
