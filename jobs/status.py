"""`h3r status OUT`: the accounts of a job, from any machine, while it runs or after."""

import dataclasses
import json

import typer

from jobs.options import AsJson, Out


def status(out: Out, as_json: AsJson = False) -> None:
    """Say how far a job has come: planned = done + empty + failed + pending."""
    from jobs.summary import account_lines
    from pipeline.ledger import read_status
    from pipeline.storage import Store

    store = Store(out)
    accounts = read_status(store)
    if as_json:
        typer.echo(json.dumps({"out": store.uri, **dataclasses.asdict(accounts)}))
        return
    for line in account_lines(store.uri, accounts):
        typer.echo(line)
