"""`h3r verify OUT`: hold a dataset to its promises."""

import dataclasses
import json

import typer

from jobs.exit_codes import ExitCode
from jobs.options import AsJson, Out


def verify(out: Out, as_json: AsJson = False) -> None:
    """Recompute every hash, check every row, key and account; exits with 5 when one is wrong."""
    from pipeline.report import printable_lines
    from pipeline.storage import Store
    from pipeline.verify import verify as verify_store

    store = Store(out)
    verdict = verify_store(store)
    if as_json:
        typer.echo(json.dumps({"out": store.uri, **dataclasses.asdict(verdict)}))
    else:
        for fault in verdict.faults:
            typer.echo(printable_lines(f"{fault.check}: {fault.subject}: {fault.message}"))
        typer.echo(
            f"{store.uri}: {verdict.num_shards} shards, {verdict.num_clips} clips, "
            f"{verdict.num_files} files ({verdict.num_bytes / 1e6:.1f} MB) checked: "
            f"{len(verdict.faults) or 'no'} faults"
        )
    if verdict.faults:
        raise typer.Exit(ExitCode.FAULTS)
