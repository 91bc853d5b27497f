import json
import os
import re
import weakref

import pytest

from human3r_model.errors import CheckpointError, InputError
from jobs.cli import exit_code
from jobs.exit_codes import ExitCode
from pipeline.errors import (
    ConfigError,
    JobError,
    PlanError,
    RefusedError,
    SourceError,
    StorageError,
)
from schemas.errors import SchemasError
from tests.commands import h3r
from tests.human3r_model.checkpoints import save_checkpoint

VERBS = (
    "doctor",
    "convert-weights",
    "plan",
    "annotate",
    "retry",
    "status",
    "verify",
    "gc",
    "preview",
    "synth",
    "import-truth",
    "evaluate",
    "bench",
)


def test_help_groups_the_verbs_in_the_order_of_the_job(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    answer = h3r("--help")
    assert answer.exit_code == 0
    assert re.findall(r"[1-5]\. [A-Z][a-z ]+", answer.stdout) == [
        "1. Prepare ",
        "2. Annotate ",
        "3. Trust what is there ",
        "4. Measure against the truth ",
        "5. Measure the speed ",
    ]
    found = re.findall(r"^│ ([a-z][a-z-]+) ", answer.stdout, re.MULTILINE)
    assert tuple(found) == VERBS


@pytest.mark.parametrize(
    "words",
    ["0 all done", "1 could not", "2 wrong", "3 finished, and", "4 refused", "5 verify", "130 int"],
)
def test_help_documents_every_exit_code(words):
    assert words in " ".join(h3r("--help").stdout.split())
    assert int(words.split()[0]) in list(ExitCode)


def test_s3_options_become_the_variables_that_clients_read(monkeypatch, tmp_path):
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.setenv(name, "")
    h3r("--profile", "labels", "--endpoint-url", "http://127.0.0.1:9", "status", tmp_path)
    assert os.environ["AWS_PROFILE"] == "labels"
    assert os.environ["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb):
    answer = h3r(verb, "--help")
    assert answer.exit_code == 0
    assert "--json" in answer.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["annotte"], "No such command 'annotte'. Did you mean 'annotate'?"),
        (["annotate", "src"], "Missing argument 'OUT'"),
        (["status", "out", "more"], "Got unexpected extra argument"),
        (["annotate", "src", "out", "--wokers", "2"], "No such option: --wokers"),
        (["annotate", "src", "out", "--workers", "0"], "Invalid value for '--workers'"),
        (["plan", "src", "out", "--fps", "fast"], "Invalid value for '--fps'"),
        (["gc", "out", "--grace-hours", "-1"], "Invalid value for '--grace-hours'"),
    ],
)
def test_wrong_arguments_exit_with_2(arguments, words):
    answer = h3r(*arguments)
    assert answer.exit_code == 2
    assert words in " ".join(answer.stderr.replace("│", " ").split())
    assert answer.stdout == ""


def test_no_arguments_show_the_help():
    answer = h3r()
    assert answer.exit_code == 2
    assert "1. Prepare" in answer.stdout + answer.stderr


def test_version():
    assert re.fullmatch(r"h3r \d+\.\d+\.\d+\n", h3r("--version").stdout)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SourceError("x"), 2),
        (ConfigError("x"), 2),
        (RefusedError("x"), 4),
        (JobError("x"), 1),
        (PlanError("x"), 1),
        (StorageError("x"), 1),
        (CheckpointError("x", "y"), 1),
        (InputError("x"), 1),
        (SchemasError("x"), 1),
    ],
)
def test_errors_have_exit_codes(error, code):
    assert exit_code(error) == code


def test_what_an_error_holds_is_let_go_of_before_the_process_ends(monkeypatch):
    held = []

    class Reader:
        """As Arrow's are, which abort a process that still has them at its end."""

    def read(store):
        reader = Reader()
        held.append(weakref.ref(reader))
        try:
            raise OSError("damaged")
        except OSError as error:
            raise StorageError(f"{store.uri}: damaged") from error

    monkeypatch.setattr("pipeline.ledger.read_status", read)
    assert h3r("status", "out").exit_code == ExitCode.FAILED
    assert [reader() for reader in held] == [None]


def test_json_of_every_verb_is_one_object_and_all_of_stdout(small_out, small_source, tmp_path):
    """`annotate` with something to do is in `tests/end_to_end`."""
    checkpoint = save_checkpoint(tmp_path / "in.pth")
    for arguments, key in (
        (("doctor",), "can_annotate"),
        (("convert-weights", checkpoint, tmp_path / "out.safetensors"), "weights_sha256"),
        (("plan", small_source, tmp_path / "out"), "num_clips"),
        (("status", small_out), "num_done"),
        (("verify", small_out), "faults"),
        (("gc", small_out, "--dry-run"), "files"),
        (("preview", small_out, "--video", "a/walk.mp4", "-o", tmp_path / "a.png"), "num_people"),
    ):
        answer = h3r(*arguments, "--json")
        assert answer.exit_code == 0, answer.stderr
        assert key in json.loads(answer.stdout)
