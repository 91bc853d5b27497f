"""`python -m jobs.parity`: its lines and its exit code."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from jobs.parity import app

GOLDEN = Path(__file__).parents[1] / "golden"


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_agreement_is_a_line_an_output_and_exit_0(tmp_path):
    shutil.copy(GOLDEN / "sparse.npz", tmp_path / "a file.npz")
    done = run("--preset", "tiny", tmp_path / "a file.npz")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert len(lines) == 18  # 17 outputs and the summary
    assert all(" ok " in line for line in lines[:-1])
    assert lines[-1] == "1 files, 0 failures, tolerance 1e-04 (tiny)"


def test_disagreement_and_a_bad_file_are_exit_1(tmp_path):
    with np.load(GOLDEN / "sparse.npz") as file:
        arrays = {name: file[name] for name in ("frames", "classifier_bias", "000/camera_pose")}
    arrays["frames"] = arrays["frames"][:1]
    arrays["000/camera_pose"] = arrays["000/camera_pose"] + np.float32(0.01)
    arrays["000/smpl_loc"] = np.zeros((1, 2))
    np.savez(tmp_path / "wrong.npz", **arrays)
    (tmp_path / "broken.npz").write_bytes(b"nothing")
    done = run(tmp_path / "wrong.npz", tmp_path / "broken.npz")
    assert done.exit_code == 1
    assert "camera_pose          8.8e-03 FAILED (worst of 1 at step 000)" in done.stdout
    assert "broken.npz: not a readable .npz file" in done.stdout
    assert done.stdout.splitlines()[-1] == "2 files, 3 failures, tolerance 1e-04 (tiny)"


def test_a_file_without_frames_is_skipped_but_never_alone(tmp_path):
    done = run(GOLDEN / "focal.npz", GOLDEN / "sparse.npz")
    assert done.exit_code == 0
    assert "focal.npz: SKIPPED, it has no frames to run" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("2 files, 0 failures, 1 skipped")
    assert run(GOLDEN / "focal.npz").exit_code == 1


def test_an_unstated_mode_is_found_and_said(tmp_path):
    with np.load(GOLDEN / "landscape.npz") as file:
        kept = [name for name in file.files if name.startswith("002/")]
        arrays = {name: file[name] for name in ("classifier_bias", "dense_stride", *kept)}
        arrays["frames"] = file["frames"][:3]
    np.savez(tmp_path / "unstated.npz", **arrays)
    done = run(tmp_path / "unstated.npz")
    assert "ttt3r: not stated; off is nearer" in done.stdout


@pytest.mark.parametrize("arguments", [["--preset", "huge", "a.npz"], []])
def test_wrong_arguments_are_exit_2(arguments):
    assert run(*arguments).exit_code == 2


def test_it_is_run_as_a_module():
    command = [sys.executable, "-m", "jobs.parity", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "FILE.npz..." in done.stdout
