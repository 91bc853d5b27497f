"""The command around the conversion: what it prints."""

import json
from pathlib import Path

import pytest
import torch
import typer
from typer.testing import CliRunner

from human3r_model.errors import CheckpointError
from human3r_model.keys import ALIASES
from jobs.convert_weights import convert_weights

KEYS = Path(__file__).parents[1] / "golden" / "tiny.keys.json"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / "in.pth"
    shapes = json.loads(KEYS.read_text())
    state = {name: torch.zeros(1).expand(shape) for name, shape in shapes.items()}
    torch.save({"model": state | {alias: state[name] for alias, name in ALIASES.items()}}, path)
    return path


def run(*arguments):
    app = typer.Typer()
    app.command()(convert_weights)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_prints_what_was_kept_and_dropped(checkpoint, tmp_path):
    result = run(checkpoint, tmp_path / "out.safetensors")
    assert result.exit_code == 0
    assert "preset   tiny" in result.stdout
    assert "kept     555 tensors" in result.stdout
    assert "dropped  26 tensors: ray-map encoder, never run at inference" in result.stdout
    assert (tmp_path / "out.safetensors").is_file()


def test_json_is_one_object(checkpoint, tmp_path):
    result = run(checkpoint, tmp_path / "out.safetensors", "--json")
    summary = json.loads(result.stdout)
    assert summary["preset"] == "tiny"
    assert summary["num_kept"] == 555
    assert summary["dropped"]["ray-map input, never fed at inference"] == 2
    assert len(summary["weights_sha256"]) == 64


def test_an_old_result_is_kept_unless_forced(checkpoint, tmp_path):
    target = tmp_path / "out.safetensors"
    assert run(checkpoint, target).exit_code == 0
    again = run(checkpoint, target)
    assert isinstance(again.exception, CheckpointError)
    assert "--force" in str(again.exception)
    assert run(checkpoint, target, "--force").exit_code == 0
