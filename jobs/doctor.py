"""`h3r doctor`: what this machine can run, and what to do about what is missing."""

import dataclasses
import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from jobs.exit_codes import ExitCode
from jobs.options import AsJson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.doctor import Check

_COLOURS = {"ok": "green", "warning": "yellow", "missing": "red"}


def doctor(
    weights: Annotated[
        str | None, typer.Option(help="Weights that will be used: a path or uri.")
    ] = None,
    body_model: Annotated[
        str | None, typer.Option(help="Body model that will be used: a path or uri.")
    ] = None,
    out: Annotated[
        str | None, typer.Option(help="Folder or uri for labels; a probe is written and removed.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what this machine can run, and what to do about what is missing.

    Exits with 0 if `h3r annotate` can run with these arguments (with none: at least
    `--preset tiny`), else with 1.
    """
    from pipeline.doctor import can_annotate, examine

    checks = examine(weights, body_model, out)
    is_able = can_annotate(checks)
    if as_json:
        lines = [dataclasses.asdict(check) for check in checks]
        typer.echo(json.dumps({"can_annotate": is_able, "checks": lines}, indent=2))
    elif sys.stdout.isatty():
        _print_table(checks)
    else:
        for check in checks:
            remedy = f" -> {check.remedy}" if check.remedy else ""
            typer.echo(f"{check.status:8}{check.name}: {check.detail}{remedy}")
    raise typer.Exit(ExitCode.OK if is_able else ExitCode.FAILED)


def _print_table(checks: "Sequence[Check]") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("", "", "found", "what to do", box=None, pad_edge=False)
    for check in checks:
        status = Text(check.status, style=_COLOURS[check.status])
        table.add_row(status, check.name, Text(check.detail), Text(check.remedy))
    Console().print(table)
