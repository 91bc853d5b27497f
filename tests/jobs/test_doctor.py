import json

import pytest
import typer
from typer.testing import CliRunner

from jobs.doctor import doctor


@pytest.fixture
def app():
    app = typer.Typer()
    app.command()(doctor)
    return app


def test_json_is_exact_and_a_machine_that_can_annotate_exits_with_0(app, tmp_path):
    result = CliRunner().invoke(app, ["--json", "--out", str(tmp_path)])
    answer = json.loads(result.stdout)
    assert result.exit_code == 0
    assert answer["can_annotate"] is True
    assert set(answer["checks"][0]) == {"name", "status", "detail", "remedy"}


def test_weights_that_cannot_be_used_exit_with_1_and_say_what_to_do(app, tmp_path):
    result = CliRunner().invoke(app, ["--weights", str(tmp_path / "human3r.pth")])
    assert result.exit_code == 1
    line = next(line for line in result.stdout.splitlines() if "weights: " in line)
    assert line.startswith("missing ")
    assert "-> h3r convert-weights" in line
