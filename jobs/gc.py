"""`h3r gc OUT`: remove files that no commit names."""

import json
from typing import Annotated

import typer

from jobs.options import AsJson, Out


def gc(
    out: Out,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    grace_hours: Annotated[
        float,
        typer.Option(
            min=0,
            help="Files of shards that are not committed stay until they are this old: their "
            "worker may still be at it.",
        ),
    ] = 24.0,
    as_json: AsJson = False,
) -> None:
    """Remove what attempts left that died or came second. Every annotate run ends with this."""
    from pipeline.gc import collect_garbage
    from pipeline.ledger import read_status
    from pipeline.storage import Store

    store = Store(out)
    read_status(store)  # refuses a folder that is no dataset
    garbage = collect_garbage(store, grace_s=grace_hours * 3600, is_dry_run=dry_run)
    if as_json:
        fields = {"dry_run": dry_run, "files": garbage.files, "num_bytes": garbage.num_bytes}
        typer.echo(json.dumps({"out": store.uri, **fields}))
        return
    for path in garbage.files:
        typer.echo(path)
    verb = "would be removed" if dry_run else "removed"
    typer.echo(f"{len(garbage.files)} files, {garbage.num_bytes} bytes {verb}")
