"""Jobs whose processes are killed at random moments end as if nothing had happened."""

import threading

from pipeline.verify import verify
from tests.canonical import canonical
from tests.chaos import run_trials
from tests.fakes import fake_models
from tests.pipeline.small_job import annotate_small, plan_small


def test_a_job_killed_twice_ends_with_the_rows_of_an_undisturbed_run():
    said = []
    [trial] = run_trials(1, 0, said.append)
    assert trial.faults == [], "\n".join(said)
    assert len(trial.kills) == 2


def test_two_drivers_at_once_end_with_the_rows_of_one(small_source, tmp_path):
    undisturbed = plan_small(small_source, tmp_path / "undisturbed")
    annotate_small(undisturbed, fake_models())
    for trial in range(5):
        job = plan_small(small_source, tmp_path / f"out{trial}")
        together = threading.Barrier(3)
        errors = []

        def drive(job=job, together=together, errors=errors):
            together.wait()
            try:
                annotate_small(job, fake_models())
            except Exception as error:
                errors.append(error)

        drivers = [threading.Thread(target=drive) for _ in range(3)]
        for driver in drivers:
            driver.start()
        for driver in drivers:
            driver.join()
        assert errors == []
        assert verify(job.store).faults == ()
        assert canonical(job.store) == canonical(undisturbed.store)
