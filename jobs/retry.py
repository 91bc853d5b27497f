"""`h3r retry OUT --class transient`: have failed clips done again by the next `h3r annotate`."""

import dataclasses
import json
from typing import Annotated

import typer

from jobs.options import AsJson, Out


def retry(
    out: Out,
    kinds: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            help="Failures that are meant: transient (what may pass), all, a stage such as decode, "
            "or an error's class such as DecodeError; may be given again. Default: transient.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask that failed clips be done again; `h3r annotate` does them, with the same settings.

    Until then they stay failed in the ledger. Clips of videos that could not be read when they were
    planned are left out: a plan never changes.
    """
    from pipeline.retry import TRANSIENT, request_retries
    from pipeline.storage import Store

    store = Store(out)
    asked = request_retries(store, kinds or [TRANSIENT])
    if as_json:
        typer.echo(json.dumps({"out": store.uri, **dataclasses.asdict(asked)}))
        return
    if asked.num_clips:
        found = ", ".join(f"{kind} {count}" for kind, count in asked.failures.items())
        typer.echo(
            f"{store.uri}: {asked.num_clips} clips in {asked.num_shards} shards will be done again "
            f"({found}): run h3r annotate with the same settings"
        )
    else:
        typer.echo(f"{store.uri}: nothing to do again")
    if asked.num_unreadable:
        typer.echo(
            f"{asked.num_unreadable} clips stay failed, since their videos could not be read when "
            "they were planned: plan those videos into a new OUT"
        )
