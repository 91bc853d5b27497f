"""The command: from a dataset on disk to videos and a truth."""

import json

import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from evaluation.loaders.errors import TruthError
from jobs.import_truth import import_truth
from pipeline.errors import ConfigError, RefusedError
from tests.commands import h3r
from tests.evaluation.loaders.tiny_truths import (
    write_depth_png,
    write_emdb,
    write_picture,
    write_rgbd,
)


@pytest.fixture
def tum(tmp_path):
    folder = write_rgbd(tmp_path / "rgbd_dataset_freiburg3_desk")
    for time in ("10.0", "10.06"):
        write_picture(folder / f"rgb/{time}.png", (64, 48))
    for time in ("10.01", "10.07"):
        write_depth_png(folder / f"depth/{time}.png", [[5000] * 64] * 48)
    return folder


def run(*arguments):
    app = typer.Typer()
    app.command()(import_truth)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_it_says_what_it_wrote_and_what_is_next(tum, tmp_path):
    done = run("auto", tum, tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert done.stdout == (
        f"{tmp_path}/out: 1 videos, 2 frames of truth\n"
        f"next: h3r annotate {tmp_path}/out/videos PRED; h3r evaluate PRED {tmp_path}/out/truth\n"
    )
    assert (tmp_path / "out/videos/rgbd_dataset_freiburg3_desk.mp4").is_file()


def test_json(tum, tmp_path):
    done = run("tum", tum, tmp_path / "out", "--json")
    counts = json.loads(done.stdout)
    assert (counts["num_frames"], counts["num_people"], counts["num_failed"]) == (2, 0, 0)


def test_smpl_people_need_no_model(tmp_path):
    """Whatever is in the folder of body models: nothing of them is lost."""
    emdb = write_emdb(tmp_path / "emdb")
    for index in range(3):
        write_picture(emdb / f"P1/01_walk/images/{index:05d}.jpg")
    for name, options in (("a", []), ("b", ["--body-models", tmp_path / "nowhere"])):
        done = run("emdb1", emdb, tmp_path / name, *options)
        assert done.exit_code == 0, done.output
        people = pq.read_table(tmp_path / name / "truth/smpl_people.parquet").to_pylist()
        assert [row["frame_index"] for row in people] == [0, 1]  # 2 is not to be trusted
        assert people[0]["gender"] == "female"


def test_what_cannot_be_taken(tum, tmp_path):
    done = run("tum", tum, tmp_path / "out", "--only", "*walking*")
    assert isinstance(done.exception, ConfigError)
    assert "--only *walking*: none of 1 sequences is named so" in str(done.exception)
    assert isinstance(run("kitti", tum, tmp_path / "out").exception, TruthError)


def test_some_frames(tum, tmp_path):
    done = run("tum", tum, tmp_path / "out", "--frames", ":270:3")
    assert done.stdout.startswith(f"{tmp_path}/out: 1 videos, 1 frames of truth\n")
    assert run("tum", tum, tmp_path / "out", "--frames", "0::3").exit_code == 0  # the same ones
    assert isinstance(run("tum", tum, tmp_path / "out").exception, RefusedError)
    assert isinstance(run("tum", tum, tmp_path / "b", "--frames", "2:").exception, ConfigError)


@pytest.mark.parametrize("frames", ["", "3", "a:b", "1:2:3:4", "::0", "::-1", "1.5:", "1: 2"])
def test_what_are_no_frames(tum, tmp_path, frames):
    answer = h3r("import-truth", "tum", tum, tmp_path / "out", "--frames", frames)
    assert answer.exit_code == 2
    assert f"--frames {frames}: give START:STOP" in " ".join(answer.stderr.split())
    assert not (tmp_path / "out").exists()
