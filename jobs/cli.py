"""The `h3r` command: its verbs in the order of the job, and what errors become."""

import gc
import os
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer

from human3r_model.errors import Human3RError
from jobs.annotate import annotate
from jobs.bench import bench
from jobs.convert_weights import convert_weights
from jobs.doctor import doctor
from jobs.evaluate import evaluate
from jobs.exit_codes import EXIT_CODE_HELP, ExitCode
from jobs.gc import gc as collect
from jobs.import_truth import import_truth
from jobs.plan import plan
from jobs.preview import preview
from jobs.retry import retry
from jobs.status import status
from jobs.synth import synth
from jobs.verify import verify
from pipeline.errors import ConfigError, H3RError, RefusedError, SourceError
from schemas.errors import SchemasError

PREPARE = "1. Prepare"
ANNOTATE = "2. Annotate"
TRUST = "3. Trust what is there"
MEASURE = "4. Measure against the truth"
SPEED = "5. Measure the speed"

app = typer.Typer(
    name="h3r",
    help="Turn folders or buckets of video into motion datasets: SMPL-X bodies, camera paths and "
    "depth, labelled by Human3R.",
    epilog=EXIT_CODE_HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for panel, name, command in (
    (PREPARE, "doctor", doctor),
    (PREPARE, "convert-weights", convert_weights),
    (ANNOTATE, "plan", plan),
    (ANNOTATE, "annotate", annotate),
    (ANNOTATE, "retry", retry),
    (TRUST, "status", status),
    (TRUST, "verify", verify),
    (TRUST, "gc", collect),
    (TRUST, "preview", preview),
    (MEASURE, "synth", synth),
    (MEASURE, "import-truth", import_truth),
    (MEASURE, "evaluate", evaluate),
):
    app.command(name, rich_help_panel=panel)(command)
app.add_typer(bench, name="bench", rich_help_panel=SPEED)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; errors on purpose become one message and an exit code.

    Args:
        arguments: Those after the program's name; None takes the process's own.
    """
    code = ExitCode.OK
    try:
        app(arguments)
    except (H3RError, Human3RError, SchemasError) as error:
        from pipeline.report import printable_lines

        sys.stderr.write(f"h3r: {printable_lines(str(error))}\n")
        code = exit_code(error)
        _forget_frames(error)
    except SystemExit as end:
        if end.code == ExitCode.INTERRUPTED:  # what typer makes of Ctrl-C
            sys.stderr.write("h3r: interrupted; run the same command again to go on\n")
        raise
    sys.exit(code)


def exit_code(error: Exception) -> ExitCode:
    """The exit code of an error that ended a command."""
    if isinstance(error, RefusedError):
        return ExitCode.REFUSED
    is_usage = isinstance(error, SourceError | ConfigError)
    return ExitCode.USAGE if is_usage else ExitCode.FAILED


def _forget_frames(error: BaseException) -> None:
    """Let go of what an error holds: one process in ten aborted at its end over Arrow's readers."""
    link: BaseException | None = error
    while link is not None:
        traceback.clear_frames(link.__traceback__)
        link = link.__cause__ or link.__context__
    gc.collect()


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"h3r {version('h3r')}")
        raise typer.Exit


@app.callback()
def _global_options(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Profile of the AWS configuration, for s3:// uris."),
    ] = None,
    endpoint_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="S3 server that is not Amazon's, for s3:// uris."),
    ] = None,
) -> None:
    """Options before the verb; they become the AWS variables that every client and worker reads."""
    for name, value in (("AWS_PROFILE", profile), ("AWS_ENDPOINT_URL", endpoint_url)):
        if value is not None:
            os.environ[name] = value


if __name__ == "__main__":
    main()
