"""Demands between columns of a row and between neighbouring rows, for `TableSpec.row_rules`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.fields import RowRule
from schemas.rules import Mask


def null_together(*columns: str) -> RowRule:
    """All of `columns` are present in a row, or none is."""

    def broken(table: pa.Table) -> Mask:
        nulls = np.stack([_is_null(table, name) for name in columns])
        return np.asarray(nulls.any(axis=0) & ~nulls.all(axis=0))

    return RowRule(f"have {_list(columns)} all present or all null", columns, broken)


def present_exactly_when(column: str, values: tuple[Any, ...], columns: tuple[str, ...]) -> RowRule:
    """`columns` are present where `column` is one of `values`, and null in the other rows."""

    def broken(table: pa.Table) -> Mask:
        is_wanted = _is_one_of(table, column, values)
        nulls = np.stack([_is_null(table, name) for name in columns])
        return np.where(is_wanted, nulls.any(axis=0), ~nulls.all(axis=0))

    text = f"have {_list(columns)} exactly where {column} is {_list(map(str, values), 'or')}"
    return RowRule(text, (column, *columns), broken)


def present_when(column: str, values: tuple[Any, ...], columns: tuple[str, ...]) -> RowRule:
    """`columns` are present where `column` is one of `values`."""

    def broken(table: pa.Table) -> Mask:
        nulls = np.stack([_is_null(table, name) for name in columns])
        return _is_one_of(table, column, values) & nulls.any(axis=0)

    text = f"have {_list(columns)} where {column} is {_list(map(str, values), 'or')}"
    return RowRule(text, (column, *columns), broken)


def null_when(column: str, values: tuple[Any, ...], columns: tuple[str, ...]) -> RowRule:
    """`columns` are null where `column` is one of `values`."""

    def broken(table: pa.Table) -> Mask:
        nulls = np.stack([_is_null(table, name) for name in columns])
        return _is_one_of(table, column, values) & ~nulls.all(axis=0)

    text = f"have no {_list(columns, 'or')} where {column} is {_list(map(str, values), 'or')}"
    return RowRule(text, (column, *columns), broken)


def where(
    text: str, columns: tuple[str, ...], broken: Callable[[dict[str, NDArray[Any]]], Mask]
) -> RowRule:
    """A demand on scalar columns as numpy arrays; rows with a null among them are exempt.

    Nulls reach `broken` as zeros (False, empty text); what it says of such rows is ignored.
    """

    def broken_in_table(table: pa.Table) -> Mask:
        nulls = np.stack([_is_null(table, name) for name in columns])
        values = {name: _filled(table, name) for name in columns}
        return broken(values) & ~nulls.any(axis=0)

    return RowRule(text, columns, broken_in_table)


def together_and_rising(group: str, columns: tuple[str, ...], *, is_strict: bool) -> RowRule:
    """Rows of one `group` stand together, and each of `columns` rises inside it from row to row.

    Args:
        group: The column that names the group.
        columns: Numeric columns without nulls.
        is_strict: Whether two neighbouring rows may not hold the same value.
    """

    def broken(table: pa.Table) -> Mask:
        codes = _filled(table, group)
        mask = np.zeros(len(codes), dtype=np.bool_)
        if len(codes) < 2:
            return mask
        starts_run = np.concatenate([[True], codes[1:] != codes[:-1]])
        run_starts = np.flatnonzero(starts_run)
        _, first_run = np.unique(codes[run_starts], return_index=True)
        is_second_run = np.ones(len(run_starts), dtype=np.bool_)
        is_second_run[first_run] = False
        mask[run_starts[is_second_run]] = True
        for name in columns:
            steps = np.diff(_filled(table, name))
            is_bad_step = steps <= 0 if is_strict else steps < 0
            mask[1:] |= is_bad_step & ~starts_run[1:]
        return mask

    how = "rise" if is_strict else "never fall"
    text = f"stand together by {group}, where {_list(columns)} {how} from row to row"
    return RowRule(text, (group, *columns), broken)


def _is_null(table: pa.Table, name: str) -> Mask:
    mask: Mask = table.column(name).is_null().combine_chunks().to_numpy(zero_copy_only=False)
    return mask


def _is_one_of(table: pa.Table, name: str, values: tuple[Any, ...]) -> Mask:
    column = table.column(name)
    wanted = pc.is_in(column, value_set=pa.array(values, column.type))
    mask: Mask = wanted.combine_chunks().to_numpy(zero_copy_only=False)
    return mask


def _filled(table: pa.Table, name: str) -> NDArray[Any]:
    column = table.column(name).combine_chunks()
    if pa.types.is_string(column.type):
        texts: NDArray[Any] = column.fill_null("").to_numpy(zero_copy_only=False)
        return texts.astype(str)
    zero = pa.scalar(False) if pa.types.is_boolean(column.type) else pa.scalar(0, column.type)
    numbers: NDArray[Any] = column.fill_null(zero).to_numpy(zero_copy_only=False)
    return numbers


def _list(words: Iterable[str], conjunction: str = "and") -> str:
    *most, last = list(words)
    return f"{', '.join(most)} {conjunction} {last}" if most else last
