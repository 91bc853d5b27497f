"""`h3r status OUT`: the accounts of a job, from any machine, while it runs or after."""

import dataclasses
import json

import typer

from jobs.options import AsJson, Out


def status(out: Out, as_json: AsJson = False) -> None:
    """Say how far a job has come, how fast it goes and who is at it, from any machine.

    planned = done + empty + failed + pending
    """
    from jobs.summary import account_lines, pace_lines
    from pipeline.ledger import read_status
    from pipeline.pace import read_pace
    from pipeline.storage import Store

    store = Store(out)
    accounts = read_status(store)
    pace = read_pace(store, accounts)
    if as_json:
        parts = dataclasses.asdict(accounts) | {"pace": dataclasses.asdict(pace)}
        typer.echo(json.dumps({"out": store.uri, **parts}))
        return
    for line in (*account_lines(store.uri, accounts), *pace_lines(pace)):
        typer.echo(line)
