"""The main job with the fake network and no Ray: resume, refusals, and when it gives up."""

import dataclasses

import pytest

from pipeline.config import LabelConfig, WorkerConfig
from pipeline.errors import JobError, RefusedError, TooManyFailuresError
from pipeline.job import annotate_job, pending_shards
from pipeline.ledger import read_status
from pipeline.planning import PlannedJob, plan_job
from pipeline.report import ShardReport
from pipeline.run_file import read_run
from tests.canonical import canonical
from tests.fakes import FakeHuman3R, fake_models
from tests.pipeline.small_job import (
    SOURCE,
    annotate_small,
    identity_of,
    inline_runner,
    plan_small,
)
from tests.pipeline.test_commit import content


@pytest.fixture
def job(small_source, tmp_path) -> PlannedJob:
    return plan_small(small_source, tmp_path / "out")


@pytest.fixture(scope="module")
def finished(small_source, tmp_path_factory) -> PlannedJob:
    """A job that is done; not to be changed."""
    job = plan_small(small_source, tmp_path_factory.mktemp("finished") / "out")
    annotate_small(job, fake_models())
    return job


def run(job, runner, identity=None, on_report=lambda report: None):
    identity = identity or identity_of(job, fake_models())
    return annotate_job(job, identity, SOURCE, WorkerConfig(), runner, on_report)


def must_not_run(shards, settings):
    raise AssertionError(f"nothing is to be done, but {shards} are run")


def again(job, small_source, **plan) -> PlannedJob:
    """The job as the same command finds it the next time."""
    return plan_small(small_source, job.store.local_path(""), **plan)


def test_of_two_jobs_that_begin_at_once_the_second_kind_is_refused(job):
    """Both found the plan before either had begun."""
    first = identity_of(job, fake_models())
    run(job, inline_runner(fake_models()))
    before = canonical(job.store)
    other = dataclasses.replace(first, weights_sha256="b" * 64)
    with pytest.raises(RefusedError, match="is being labelled differently") as refusal:
        run(job, must_not_run, other)
    assert f"weights_sha256: '{first.weights_sha256}' -> '{'b' * 64}'" in str(refusal.value)
    assert read_run(job.store).identity == first
    assert canonical(job.store) == before
    run(job, must_not_run, first)  # of the same kind


def test_a_job_closes_its_accounts(job):
    reports = []
    status = run(job, inline_runner(fake_models()), on_report=reports.append)
    assert [report.shard_index for report in reports] == [0, 1, 2]
    assert status.num_done + status.num_empty + status.num_failed == status.num_clips == 7
    assert (status.num_failed, status.num_pending, status.num_frames) == (1, 0, 21)
    assert (status.is_finished, status.is_partial) == (True, True)
    assert read_run(job.store).identity == identity_of(job, fake_models())


def test_a_second_run_has_nothing_to_do_and_changes_no_byte(finished, small_source):
    before, status = content(finished.store), read_status(finished.store)
    assert run(again(finished, small_source), must_not_run) == status
    assert content(finished.store) == before


def test_a_run_does_what_is_not_committed_only(job, small_source):
    annotate_small(job, fake_models())
    before = content(job.store)
    job.store.delete("clips/shard-000001.parquet")
    assert pending_shards(job.store) == [1]
    network = FakeHuman3R()
    assert annotate_small(again(job, small_source), fake_models(network)).num_pending == 0
    assert sum(network.batch_sizes) == 7  # frames of shard 1
    after = content(job.store)
    other = {path for path in before if "shard-000001" not in path}
    assert {path: after[path] for path in other} == {path: before[path] for path in other}
    assert len(after) == len(before)  # the files of the lost commit are collected


def test_a_driver_that_dies_between_a_commit_and_its_line(job, small_source, finished):
    class Died(BaseException):
        """Nothing of the program's runs after it."""

    def die(report):
        raise Died

    with pytest.raises(Died):
        run(job, inline_runner(fake_models()), on_report=die)
    assert pending_shards(job.store) == [1, 2]
    network = FakeHuman3R()
    annotate_small(again(job, small_source), fake_models(network))
    assert sum(network.batch_sizes) == 13  # frames of shards 1 and 2
    assert canonical(job.store) == canonical(finished.store)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"weights_sha256": "e" * 64}, f"weights_sha256: '{'f' * 64}' -> '{'e' * 64}'"),
        ({"model_preset": "896L"}, "model_preset: 'tiny' -> '896L'"),
        ({"is_untrained": False}, "is_untrained: True -> False"),
        ({"body_model_sha256": "b" * 64}, f"body_model_sha256: None -> '{'b' * 64}'"),
        ({"schema_version": 99}, "-> 99"),
        ({"labels": LabelConfig(ttt3r=False)}, "labels.ttt3r: True -> False"),
        ({"labels": LabelConfig(depth=False)}, "labels.depth: True -> False"),
        (
            {"labels": LabelConfig(precision="bfloat16")},
            "labels.precision: 'float32' -> 'bfloat16'",
        ),
    ],
)
def test_labels_of_another_kind_are_refused_with_what_differs(change, line, finished, small_source):
    before = content(finished.store)
    identity = dataclasses.replace(identity_of(finished, fake_models()), **change)
    with pytest.raises(RefusedError) as refusal:
        run(again(finished, small_source), must_not_run, identity)
    listed = str(refusal.value).splitlines()[1:-1]
    assert len(listed) == 1
    assert line in listed[0]
    assert "or annotate into a new OUT" in str(refusal.value)
    assert content(finished.store) == before


@pytest.mark.parametrize(
    ("plan", "line"),
    [
        ({"fps": 5.0}, "fps: None -> 5.0"),
        ({"max_clip_frames": 5}, "max_clip_frames: 4 -> 5"),
    ],
)
def test_a_plan_of_another_kind_is_refused_with_what_differs(plan, line, finished, small_source):
    with pytest.raises(RefusedError, match=line):
        again(finished, small_source, **plan)
    assert plan_job(str(small_source), finished.store.uri, {}).run.plan == finished.run.plan


def failing_runner(errors, closed):
    """Reports `errors` (shard by shard, "" is done) and notes when it is closed."""

    def runner(shards, settings):
        try:
            for shard, error in enumerate(errors):
                yield ShardReport(shard, error=error)
        finally:
            closed.append(settings.run_id)

    return runner


def test_three_errors_in_a_row_stop_the_job(job):
    closed, reports = [], []
    runner = failing_runner(["disk full"] * 9, closed)
    with pytest.raises(JobError) as stop:
        run(job, runner, on_report=reports.append)
    assert len(reports) == 3
    assert len(closed) == 1
    message = str(stop.value)
    assert "7 of 7 clips are not accounted for" in message
    assert "run the same command again" in message
    assert message.count("disk full") == 1
    assert stop.value.is_transient


def test_errors_that_are_not_in_a_row_let_the_others_go_on(job):
    reports = []
    errors = ["a", "b", "", "c", "", "d", "e", ""]
    with pytest.raises(JobError) as stop:
        run(job, failing_runner(errors, []), on_report=reports.append)
    assert len(reports) == 8
    assert str(stop.value).splitlines()[1:] == ["  c", "  d", "  e"]


def test_clips_that_fail_are_no_errors_of_the_job(job):
    network = FakeHuman3R(breaks_at={(video, frame) for video in (1, 2, 3) for frame in range(9)})
    status = run(job, inline_runner(fake_models(network)))
    assert (status.num_failed, status.num_done, status.is_partial) == (7, 0, True)
    assert status.failures == {"annotate/RuntimeError": 6, "probe/ProbeError": 1}


def test_a_job_that_goes_wrong_is_stopped(job, monkeypatch):
    """Of 4 clips seen, all but one have failed."""
    monkeypatch.setattr("pipeline.job.MIN_CLIPS_JUDGED", 4)
    models = fake_models(FakeHuman3R(breaks_at={(1, frame) for frame in range(9)}))
    with pytest.raises(
        TooManyFailuresError, match=r"stopped: 4 of 5 clips failed, more than .* 0\.5"
    ):
        annotate_job(
            job,
            identity_of(job, models),
            SOURCE,
            WorkerConfig(),
            inline_runner(models),
            max_failure_rate=0.5,
        )
    assert pending_shards(job.store) == [2]
    assert job.store.list("attempts") == []


def test_an_error_is_none_once_somebody_else_committed_the_shard(job):
    inline = inline_runner(fake_models())

    def runner(shards, settings):
        yield ShardReport(0, error="connection reset")
        yield from inline(shards, settings)

    assert run(job, runner).is_finished


def marks(store):
    return [file.path for file in store.list("attempts")]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, "errors"])
def test_workers_that_are_stopped_on_purpose_are_not_counted_as_dead(stop, job):
    job.store.write("attempts/shard-000002/000-other-x.json", b"{}")
    closed = []

    def runner(shards, settings):
        mark = f"attempts/shard-000000/000-{settings.run_id}-x.json"
        try:
            job.store.write(mark, b"{}")
            if stop != "errors":
                raise stop
            while True:
                yield ShardReport(0, error="disk full")
        finally:
            closed.append(marks(job.store))

    with pytest.raises(JobError if stop == "errors" else stop):
        run(job, runner)
    assert len(closed) == 1
    assert len(closed[0]) == 2
    assert marks(job.store) == ["attempts/shard-000002/000-other-x.json"]


def test_a_job_ends_with_the_garbage_collected(job):
    job.store.write("frames/shard-000000.000-dead-x.parquet", b"left by a worker that died")
    annotate_small(job, fake_models())
    assert job.store.info("frames/shard-000000.000-dead-x.parquet") is None
    assert read_status(job.store).num_pending == 0
