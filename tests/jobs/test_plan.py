import json
import shutil

import pytest

from tests.commands import files_of, h3r
from tests.synthetic import make_video


def test_says_what_was_planned(small_source, tmp_path):
    out = tmp_path / "out"
    answer = h3r("plan", small_source, out, "--max-clip-frames", 4, "--max-shard-frames", 8)
    assert answer.exit_code == 0
    # [0, 4) [3, 7) [6, 9) of a/walk.mp4, [0, 4) of b/walk.mp4, [0, 4) [3, 5) of tall.mp4.
    assert answer.stdout.splitlines()[:2] == [
        f"{out}: 4 videos (1 cannot be read), 7 clips, 21 frames, 3 shards",
        "cannot be read:",
    ]
    assert answer.stdout.splitlines()[2].startswith("  broken.mp4: it is no video")
    assert answer.stderr == "probe 1/4\nprobe 4/4\n"
    assert sorted(files_of(out)) == ["plan/clips.parquet", "plan/videos.parquet", "run.json"]


def test_the_plan_of_out_is_kept_and_new_files_are_counted(tmp_path):
    source, out = tmp_path / "src", tmp_path / "out"
    source.mkdir()
    make_video(source / "b.mp4", 2)
    assert h3r("plan", source, out, "--fps", 10).exit_code == 0
    before = files_of(out)
    make_video(source / "a.mp4", 2)
    again = h3r("plan", source, out)
    assert again.exit_code == 0
    assert "1 videos" in again.stdout
    assert "1 files of SRC are newer than the plan and not in it" in again.stdout
    assert files_of(out) == before


def test_another_rate_on_a_planned_out_is_refused(small_source, tmp_path):
    assert h3r("plan", small_source, tmp_path / "out", "--fps", 10).exit_code == 0
    answer = h3r("plan", small_source, tmp_path / "out", "--fps", 5)
    assert answer.exit_code == 4
    assert "\n  fps: 10.0 -> 5.0\n" in answer.stderr


@pytest.mark.parametrize(
    ("options", "num_videos"),
    [
        (("--include", "*walk*"), 2),
        (("--exclude", "a/*", "--exclude", "broken*"), 2),
        (("--limit", 1), 1),
    ],
)
def test_filters(small_source, tmp_path, options, num_videos):
    answer = h3r("plan", small_source, tmp_path / "out", *options, "--json")
    assert answer.json["num_videos"] == num_videos


CPU = {"device": "cpu", "cpu": "AMD EPYC", "num_cores": 2}
H200 = {"device": "NVIDIA H200", "cpu": "INTEL XEON", "num_cores": 16}
NANO = {"preset": "nano", "precision": "float32", "compiled": False}
LARGE = {"preset": "896L", "precision": "bfloat16", "compiled": True}


def write_report(path, settings=NANO, machine=CPU, fps=2.0, written=500.0):
    figures = [{"name": "whole job", "median": fps}, {"name": "written", "median": written}]
    path.write_text(json.dumps({"figures": figures, "settings": settings, "machine": machine}))
    return path


@pytest.fixture
def bench_report(tmp_path):
    return write_report(tmp_path / "pipeline.json")


def test_an_estimate_plans_nothing(small_source, bench_report, tmp_path):
    answer = h3r("plan", small_source, tmp_path / "out", "--estimate", bench_report, "--json")
    assert answer.exit_code == 0, answer.stderr
    assert answer.json["num_videos"] == answer.json["num_probed"] == 4
    assert answer.json["num_probed_failed"] == 1
    assert answer.json["num_frames"] == 9 + 4 + 5
    assert (answer.json["gpu_hours"], answer.json["cpu_hours"]) == (
        None,
        pytest.approx(18 / 2 / 3600),
    )
    assert answer.json["output_bytes"] == 9000
    assert answer.json["speed"] == {
        **{"preset": "nano", "precision": "float32", "is_compiled": False},
        **{"is_gpu": False, "device": "AMD EPYC", "num_cores": 2},
        **{"frames_per_s": 2.0, "bytes_per_frame": 500.0},
    }
    assert not (tmp_path / "out").exists()


def estimated(src, out, report):
    """What is said of the cost, in two lines."""
    answer = h3r("plan", src, out, "--estimate", report)
    assert answer.exit_code == 0, answer.stderr
    return answer.stdout.splitlines()[2:]


def test_an_estimate_of_a_cpu_says_that_it_is_none_of_a_gpu(small_source, bench_report, tmp_path):
    cost, caution = estimated(small_source, tmp_path / "out", bench_report)
    assert cost.startswith(
        "0.15 CPU-minutes (nano, float32, AMD EPYC; 2 cores), 0.009 MB, "
    )  # 18 frames
    assert "measured with nano, float32 on a CPU: NO ESTIMATE FOR A GPU, nor" in caution


def test_an_estimate_of_a_gpu_names_it(small_source, tmp_path):
    report = write_report(tmp_path / "a.json", LARGE, H200, fps=0.0025, written=1e8)
    cost, caution = estimated(small_source, tmp_path / "out", report)
    assert cost.startswith("2 GPU-hours (896L, bfloat16, compiled, NVIDIA H200), 1.8 GB, ")
    assert caution.endswith("NVIDIA H200: no estimate for another preset, precision or GPU")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"settings": {}}, "(settings.preset, settings.precision, settings.compiled missing)"),
        ({"machine": {"device": "cpu", "cpu": "AMD EPYC"}}, "(machine.num_cores missing)"),
        ({"fps": 0.0}, "whole job and written have to be above 0"),
        ({"fps": float("nan")}, "whole job and written have to be above 0"),
    ],
)
def test_an_estimate_is_of_a_worker_that_the_report_names(changes, reason, small_source, tmp_path):
    report = write_report(tmp_path / "report.json", **changes)
    answer = h3r("plan", small_source, tmp_path / "out", "--estimate", report)
    assert answer.exit_code == 2
    assert reason in answer.stderr
    assert answer.stderr.endswith("Measure anew: h3r bench pipeline SRC --json FILE\n")


def test_an_estimate_leaves_out_what_lies_in_out(small_source, bench_report, tmp_path):
    src = shutil.copytree(small_source, tmp_path / "src")
    out = shutil.copytree(small_source, src / "labels")
    answer = h3r("plan", src, out, "--estimate", bench_report, "--json")
    assert answer.json["num_videos"] == 4


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no JSON", "not a report of h3r bench"),
        ('{"figures": []}', "is of another bench. Give that of h3r bench pipeline"),
    ],
)
def test_an_estimate_takes_a_report_of_the_right_bench(text, reason, small_source, tmp_path):
    report = tmp_path / "report.json"
    report.write_text(text)
    answer = h3r("plan", small_source, tmp_path / "out", "--estimate", report)
    assert answer.exit_code == 2
    assert reason in answer.stderr
