"""What `h3r annotate` refuses before it starts; the job itself is in `tests/end_to_end`."""

import pytest

from pipeline.worker import ShardWorker
from tests.commands import h3r, h3r_process

TINY = ("--preset", "tiny")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "give either --weights FILE"),
        ((*TINY, "--weights", "w.safetensors"), "give either --weights FILE"),
        (("--preset", "huge"), "--preset huge: must be one of 672S, 672B, 672L, 896L, tiny"),
        (
            (*TINY, "--precision", "half"),
            "--precision half: must be one of float32, tf32, bfloat16",
        ),
        ((*TINY, "--fps", "0"), "--fps 0.0: must be above 0 and at most 1000"),
        ((*TINY, "--fps", "nan"), "--fps nan: must be above 0"),
        ((*TINY, "--max-clip-frames", "1"), "--max-clip-frames 1: must be 2 or more"),
        ((*TINY, "--max-shard-frames", "0"), "--max-shard-frames 0: must be 1 or more"),
        ((*TINY, "--limit", "0"), "--limit 0: must be 1 or more"),
        ((*TINY, "--batch-clips", "0"), "Invalid value for '--batch-clips'"),
        ((*TINY, "--num-gpus-per-worker", "-1"), "Invalid value for '--num-gpus-per-worker'"),
    ],
)
def test_settings_no_job_can_run_with_exit_with_2(small_source, tmp_path, options, words):
    answer = h3r("annotate", small_source, tmp_path / "out", *options)
    assert answer.exit_code == 2
    assert words in " ".join(answer.stderr.replace("│", " ").split())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "options", [("--weights", "none.npz"), (*TINY, "--body-model", "none.npz")]
)
def test_models_that_are_not_there_are_told_of_before_src_is_read(small_source, tmp_path, options):
    answer = h3r("annotate", small_source, tmp_path / "out", *options)
    assert answer.exit_code == 1
    assert "none.npz: no such file" in answer.stderr
    assert not (tmp_path / "out").exists()


def test_more_gpus_than_there_are_fail_at_once(ray_cluster, small_source, tmp_path):
    options = (*TINY, "--num-gpus-per-worker", 1)
    answer = h3r("annotate", small_source, tmp_path / "out", *options)
    assert answer.exit_code == 1
    assert "h3r: a worker needs 2 CPU cores and 1 GPUs, and no machine" in answer.stderr


def test_a_cluster_that_does_not_answer_fails_at_once(small_source, tmp_path):
    answer = h3r_process(
        *("annotate", small_source, tmp_path / "out", *TINY, "--address", "127.0.0.1:1"),
        timeout=60,
    )
    assert answer.exit_code == 1
    message = "h3r: --address 127.0.0.1:1: no Ray cluster answers there:"
    assert answer.stderr.splitlines()[-1].startswith(message)


def test_a_machine_too_busy_to_start_ray_is_told_in_a_line(small_source, tmp_path, monkeypatch):
    def time_out(**_):
        raise Exception("The current node timed out during startup.")

    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr("ray.init", time_out)
    answer = h3r("annotate", small_source, tmp_path / "out", *TINY)
    assert answer.exit_code == 1
    said = "h3r: Ray on this machine cannot be used: The current node timed out during startup.\n"
    assert answer.stderr.endswith(said)


def run_here(shards, settings, resources):
    """As `run_shards`, in this process."""
    worker = ShardWorker.load(settings)
    yield from (worker.annotate(shard) for shard in shards)


@pytest.mark.parametrize(("max_shard_frames", "is_told"), [(8, True), (1600, False)])
def test_batches_that_shards_cannot_hold_are_told_of(
    small_source, tmp_path, monkeypatch, max_shard_frames, is_told
):
    monkeypatch.setattr("pipeline.ray_runner.run_shards", run_here)
    plan = ("--max-clip-frames", 4, "--max-shard-frames", max_shard_frames)
    answer = h3r("annotate", small_source, tmp_path / "out", *TINY, "--batch-clips", 16, *plan)
    assert ("for --batch-clips 16 plan with --max-shard-frames 64\n" in answer.stderr) == is_told


@pytest.mark.parametrize(("options", "num_compiled"), [((), 0), (("--compile",), 1)])
def test_a_worker_compiles_its_network_where_that_is_asked_for(
    small_source, tmp_path, monkeypatch, options, num_compiled
):
    compiled = []
    monkeypatch.setattr("human3r_model.compiled.compile_trunk", compiled.append)
    monkeypatch.setattr("pipeline.ray_runner.run_shards", run_here)
    answer = h3r("annotate", small_source, tmp_path / "out", *TINY, *options)
    assert answer.exit_code == 3  # one of the videos is none
    assert len(compiled) == num_compiled
