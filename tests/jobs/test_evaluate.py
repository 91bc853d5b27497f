import json
import shutil

import pytest

from tests.commands import h3r


@pytest.fixture(scope="module")
def shifted_out(small_out, tmp_path_factory):
    """`small_out` in another folder."""
    out = tmp_path_factory.mktemp("evaluate") / "out"
    shutil.copytree(small_out, out)
    return out


def test_labels_against_themselves(small_out, shifted_out):
    answer = h3r("evaluate", small_out, shifted_out)
    assert answer.exit_code == 0, answer.stderr
    assert answer.stderr.splitlines()[-1] == "evaluate 3/3 videos"
    lines = answer.stdout.splitlines()
    assert lines[0] == f"labels  {small_out} (tiny, UNTRAINED: random weights, not labels)"
    assert lines[1].startswith(f"truth   {shifted_out} ")
    # 9, 4 and 5 frames in 3, 1 and 2 clips, which share a frame with their neighbours.
    assert lines[2] == "18 of 18 true frames compared, in 3 videos and 3 sequences"
    words = [line.split() for line in lines]
    assert ["↑", "F1", "1", "(36", "people,"] in [line[:5] for line in words]
    assert ["↓", "Head", "position", "0", "m"] in [line[:5] for line in words]
    assert "pieces" not in answer.stdout
    assert "    MPJPE                        -   not measured: PRED has no joints" in answer.stdout


def test_json_and_html_files(small_out, shifted_out, tmp_path):
    json_file, html_file = tmp_path / "found.json", tmp_path / "found.html"
    answer = h3r("evaluate", small_out, shifted_out, "--json", json_file, "--html", html_file)
    assert answer.exit_code == 0, answer.stderr
    found = json.loads(json_file.read_text())
    assert found["command"] == (
        f"h3r evaluate {small_out} {shifted_out} --json={json_file} --html={html_file} --match=head"
    )
    assert found["pred"]["uri"] == str(small_out)
    assert found["pred"]["body_model_sha256"] is None
    assert found["versions"].keys() == {"h3r", "numpy", "scipy"}
    metrics = {metric["name"]: metric for metric in found["metrics"]}
    assert (metrics["F1"]["value"], metrics["F1"]["num_samples"]) == (1.0, 36)
    assert (metrics["MPJPE"]["value"], metrics["MPJPE"]["num_samples"]) == (None, 0)
    assert found["joint_error_mm"] == [None] * 22
    assert len(found["sequences"]) == 3
    first = found["sequences"][0]
    assert (first["uri"], first["frame_index"]) == ("a/walk.mp4", list(range(9)))
    assert first["head_error_m"] == [0] * 9
    assert first["mpjpe_mm"] == [None] * 9
    assert html_file.read_text().lstrip().lower().startswith("<!doctype html>")


def test_json_on_stdout_is_alone_there(small_out, shifted_out, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = h3r("evaluate", small_out, shifted_out, "--json", "-", "--html", "found.html")
    assert answer.exit_code == 0, answer.stderr
    assert answer.json["pred"]["uri"] == str(small_out)
    assert [path.name for path in tmp_path.iterdir()] == ["found.html"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--radius-px", "0"], "--radius-px 0.0: must be above 0"),
        (["--json", "nowhere/found.json"], "nowhere/found.json: its folder does not exist"),
        (["--match", "nose"], "nose"),
        (["--match", "box", "--radius-px", "9"], "leave it out with --match box"),
        (
            ["--smpl-model", "SMPL_NEUTRAL.pkl"],
            "a truth of SMPL takes three files: give --body-model",
        ),
        (["--h36m-regressor", "J_regressor_h36m.npy"], "a truth of SMPL takes three files"),
    ],
)
def test_wrong_arguments_are_exit_2(small_out, options, message):
    answer = h3r("evaluate", small_out, small_out, *options)
    assert answer.exit_code == 2
    assert message in answer.stderr
    assert answer.stdout == ""


def test_the_skin_of_two_equal_sides(small_out, free_body):
    answer = h3r("evaluate", small_out, small_out, "--body-model", free_body.path)
    assert answer.exit_code == 0, answer.stderr
    pve = next(line.split() for line in answer.stdout.splitlines() if " PVE " in line)
    assert pve[:5] == ["↓", "PVE", "0", "mm", "(18"]


def test_a_folder_without_labels_is_exit_1(small_out, tmp_path):
    answer = h3r("evaluate", tmp_path, small_out)
    assert answer.exit_code == 1
    assert f"{tmp_path}: holds no plan" in answer.stderr
