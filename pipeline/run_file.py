"""run.json: what OUT is a dataset of, and the refusal to make it a mixture of two."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from pipeline.config import LabelConfig, LabelIdentity, PlanConfig, differences
from pipeline.errors import PlanError, RefusedError
from pipeline.layout import LABELS_FILE, RUN_FILE
from pipeline.storage import Store

UNTRAINED_NOTE = "untrained: random weights, not labels"


@dataclass(frozen=True)
class RunFile:
    """What run.json says.

    Attributes:
        source: Uri that the videos' names are relative to.
        created: When the plan was made, ISO 8601 in UTC.
        code_version: Of the program that made the plan.
        plan: What is annotated.
        identity: What the labels are made with; None until the first annotation starts.
    """

    source: str
    created: str
    code_version: str
    plan: PlanConfig
    identity: LabelIdentity | None = None


def read_run(store: Store) -> RunFile | None:
    """What OUT is, or None when nothing was planned there.

    Raises:
        PlanError: run.json is there and cannot be read.
    """
    if store.info(RUN_FILE) is None:
        return None
    try:
        fields = json.loads(store.read(RUN_FILE))
        plan = PlanConfig(**{name: _frozen(value) for name, value in fields["plan"].items()})
        return RunFile(
            source=fields["source"],
            created=fields["created"],
            code_version=fields["code_version"],
            plan=plan,
            identity=_identity(fields["identity"], plan),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PlanError(
            f"{store.uri}/{RUN_FILE}: damaged or written by another version: {error!r}. Put "
            "it back, or annotate into a new OUT"
        ) from error


def write_run(store: Store, run: RunFile) -> None:
    """Put run.json in place."""
    store.write(RUN_FILE, _run_bytes(run))


def create_run(store: Store, run: RunFile) -> bool:
    """Put run.json in place if there is none; whether it was this call that did."""
    return store.create(RUN_FILE, _run_bytes(run))


def claim_labels(store: Store, run: RunFile, wanted: LabelIdentity) -> None:
    """Have run.json say what labels are made with; of two jobs that begin at once, for one alone.

    Raises:
        RefusedError: Labels of another model, configuration or schema are in OUT, or another job
            has begun to make such.
    """
    check_same_labels(store, run, wanted)
    if run.identity is not None:
        return
    fields = dataclasses.asdict(wanted)
    if not store.create(LABELS_FILE, _json_bytes(fields)):
        there = json.loads(store.read(LABELS_FILE))
        _check_same(store, there, json.loads(_json_bytes(fields)), "is being labelled")
    write_run(store, dataclasses.replace(run, identity=wanted))


def check_same_plan(store: Store, run: RunFile, wanted: PlanConfig) -> None:
    """Refuse a plan configuration that OUT was not planned with.

    Raises:
        RefusedError: What differs and what to do.
    """
    _check_same(store, dataclasses.asdict(run.plan), dataclasses.asdict(wanted), "was planned")


def check_same_labels(store: Store, run: RunFile, wanted: LabelIdentity) -> None:
    """Refuse to add labels of another model, configuration or schema to those of OUT.

    Raises:
        RefusedError: What differs and what to do.
    """
    if run.identity is not None:
        _check_same(
            store,
            dataclasses.asdict(run.identity),
            dataclasses.asdict(wanted),
            "holds labels made",
        )


def _run_bytes(run: RunFile) -> bytes:
    fields = dataclasses.asdict(run)
    if run.identity is not None:
        fields["config_hash"] = run.identity.config_hash
        fields["labels"] = (
            UNTRAINED_NOTE if run.identity.is_untrained else run.identity.model_preset
        )
    return _json_bytes(fields)


def _json_bytes(fields: dict) -> bytes:
    return (json.dumps(fields, indent=2) + "\n").encode()


def _check_same(store: Store, stored: dict, wanted: dict, state: str) -> None:
    lines = differences(stored, wanted)
    if lines:
        listed = "".join(f"\n  {line}" for line in lines)
        raise RefusedError(
            f"{store.uri}: {state} differently; going on would mix two datasets. What differs "
            f"(OUT's -> yours):{listed}\nUse OUT's settings, or annotate into a new OUT"
        )


def _identity(fields: dict | None, plan: PlanConfig) -> LabelIdentity | None:
    if fields is None:
        return None
    return LabelIdentity(**{**fields, "plan": plan, "labels": LabelConfig(**fields["labels"])})


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
