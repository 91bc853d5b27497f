"""Is this table what its declaration says? Values, nulls, keys and order, checked by pandera.

pandera is loaded on the first check, not on import: it takes over a second. It runs every rule and
collects what breaks; it knows no fixed-size list and names no row, so columns are compared as Arrow
schemas first, the rules run in two native checks, and the sentences with values and ids are ours.
A call costs tens of milliseconds whatever the rows: check a shard at once, not a clip.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from schemas.arrow import arrow_schema, present_values
from schemas.errors import SchemaError
from schemas.fields import Field, RowRule, TableSpec
from schemas.rules import Mask, Rule, finite

if TYPE_CHECKING:
    import pandera.pyarrow as pandera

NUM_SHOWN = 5
"""Rows named in a sentence; the rest is counted."""

MAX_CHARS_SHOWN = 160
"""Characters of a value that a sentence quotes."""


def validate_table(table: pa.Table, spec: TableSpec) -> None:
    """Hold a whole table to its declaration.

    Args:
        table: The rows, with the very columns, types and nullability of `spec`; metadata is free.
        spec: The table's declaration.

    Raises:
        SchemaError: One sentence for every broken rule: column, rule, number of rows, and of the
            first five the value and the ids.
    """
    from pandera.config import ValidationDepth, config_context
    from pandera.errors import SchemaErrors

    violations = _schema_violations(table.schema, spec)
    if violations:
        raise SchemaError(spec.name, tuple(violations))
    always = config_context(  # whatever PANDERA_* variables the environment sets
        validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA
    )
    try:
        with always:
            _pandera_schema(spec).validate(table, lazy=True)
    except SchemaErrors as errors:
        violations = _value_violations(table, spec)
        raise SchemaError(spec.name, tuple(violations or [str(errors)])) from None


def _schema_violations(schema: pa.Schema, spec: TableSpec) -> list[str]:
    """What keeps `schema` from being that of `spec`, metadata aside."""
    expected = arrow_schema(spec)
    if schema.equals(expected):
        return []
    missing = [name for name in expected.names if name not in schema.names]
    unexpected = [name for name in schema.names if name not in expected.names]
    violations = [f"column {name!r} is missing" for name in missing]
    violations += [f"column {name!r} is unexpected" for name in unexpected]
    for field in expected:
        if field.name in schema.names and not schema.field(field.name).equals(field):
            found = schema.field(field.name)
            violations.append(f"column {field.name!r} must be {_typed(field)}, got {_typed(found)}")
    if not violations:
        violations.append(f"columns must be in the order {expected.names}, got {schema.names}")
    return violations


def _typed(field: pa.Field) -> str:
    return str(field.type) if field.nullable else f"{field.type} not null"


@cache
def _pandera_schema(spec: TableSpec) -> pandera.DataFrameSchema:
    """The pandera form of a declaration."""
    import pandera.pyarrow as pandera

    def keeps_fields(data: Any) -> bool:
        return all(_is_kept(field, data.table) for field in spec.fields)

    def keeps_row_rules(data: Any) -> bool:
        return all(_is_kept_by_rows(rule, data.table) for rule in spec.row_rules)

    # pandera takes a millisecond a check, which is more than nearly all of ours do.
    checks = [pandera.Check(keeps, native=True) for keeps in (keeps_fields, keeps_row_rules)]
    return pandera.DataFrameSchema(checks=checks, unique=list(spec.key))


def _is_kept(field: Field, table: pa.Table) -> bool:
    """Whether a column keeps every rule of its field."""
    values, is_present = present_values(table.column(field.name))
    is_complete = field.nullable or is_present.all()
    return bool(is_complete) and not any(rule.broken(values).any() for rule in _rules(field))


def _is_kept_by_rows(rule: RowRule, table: pa.Table) -> bool:
    return not rule.broken(table).any()


def _rules(field: Field) -> tuple[Rule, ...]:
    """Its own rules, after finiteness where the values are floating-point."""
    value_type = getattr(field.type, "value_type", field.type)
    return (finite(), *field.rules) if pa.types.is_floating(value_type) else field.rules


def _value_violations(table: pa.Table, spec: TableSpec) -> list[str]:
    """Every broken rule of a table with the right schema, as a sentence."""
    violations = [
        sentence for field in spec.fields for sentence in _field_violations(table, spec, field)
    ]
    key = ", ".join(spec.key)
    row_rules = (RowRule(f"be unique by {key}", (), _repeats(spec.key)), *spec.row_rules)
    for rule in row_rules:
        rows = np.flatnonzero(rule.broken(table))
        if len(rows):
            shown = [
                ", ".join(
                    f"{name}={_short(table.column(name)[row].as_py())}" for name in rule.columns
                )
                for row in rows[:NUM_SHOWN].tolist()
            ]
            violations.append(f"rows must {rule.text}: {_examples(table, spec, rows, shown)}")
    return violations


def _field_violations(table: pa.Table, spec: TableSpec, field: Field) -> list[str]:
    """What is wrong with the values of one column, each rule on its own."""
    values, is_present = present_values(table.column(field.name))
    subject = f"column {field.name!r} must"
    violations = []
    missing = np.flatnonzero(~is_present)
    if not field.nullable and len(missing):
        examples = _examples(table, spec, missing, ["null"] * NUM_SHOWN)
        violations.append(f"{subject} not be null: {examples}")
    for rule in _rules(field):
        mask = rule.broken(values)
        breaches = np.flatnonzero(mask.any(axis=1) if mask.ndim == 2 else mask)
        if len(breaches):
            shown = [_breach(values[index], mask[index]) for index in breaches[:NUM_SHOWN]]
            rows = np.flatnonzero(is_present)[breaches]
            violations.append(f"{subject} {rule.text}: {_examples(table, spec, rows, shown)}")
    return violations


def _repeats(key: tuple[str, ...]) -> Callable[[pa.Table], Mask]:
    """From a table to the mask of rows whose key another row has too."""

    def broken(table: pa.Table) -> Mask:
        codes = [
            table.column(name).combine_chunks().dictionary_encode("encode").indices.to_numpy()
            for name in key
        ]
        _, inverse, counts = np.unique(
            np.stack(codes, axis=1), axis=0, return_inverse=True, return_counts=True
        )
        return np.asarray(counts[inverse.reshape(-1)] > 1)

    return broken


def _breach(value: Any, mask: Any) -> str:
    """A value that breaks a rule: of a list only the elements that do, where single ones do."""
    if np.ndim(mask) == 0:
        return _short(value.tolist() if isinstance(value, np.ndarray) else value)
    elements = [f"[{index}]={value[index]}" for index in np.flatnonzero(mask)]
    more = f" … {len(elements)} elements" if len(elements) > NUM_SHOWN else ""
    return " ".join(elements[:NUM_SHOWN]) + more


def _short(value: Any) -> str:
    """A value as text, cut where it is long."""
    text = str(value)
    return text if len(text) <= MAX_CHARS_SHOWN else f"{text[:MAX_CHARS_SHOWN]}…"


def _examples(table: pa.Table, spec: TableSpec, rows: Any, shown: list[str]) -> str:
    """How many rows, and of the first few what is `shown` of them and their ids."""
    keys = table.select(spec.key).take(pa.array(rows[:NUM_SHOWN])).to_pylist()
    parts = []
    for row, text, key in zip(rows, shown, keys, strict=False):
        ids = ", ".join(f"{name}={value}" for name, value in key.items())
        parts.append(f"{text} at row {row} ({ids})" if text else f"row {row} ({ids})")
    more = f" and {len(rows) - NUM_SHOWN} more" if len(rows) > NUM_SHOWN else ""
    return f"{len(rows)} of {table.num_rows} rows: {'; '.join(parts)}{more}"
