"""From a declaration to Arrow: schema, empty table, table from columns; and back to numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.errors import ColumnsError
from schemas.fields import Field, TableSpec
from schemas.rules import Mask

Column: TypeAlias = NDArray[Any] | Sequence[Any]


def arrow_schema(spec: TableSpec, metadata: Mapping[str, str] | None = None) -> pa.Schema:
    """Arrow schema of a table.

    Args:
        spec: The table's declaration.
        metadata: Key-value metadata of the whole table (`schemas.metadata`).

    Returns:
        The schema; every field carries `doc`, `unit` and `frame` as metadata.
    """
    return pa.schema([_arrow_field(field) for field in spec.fields], metadata=dict(metadata or {}))


def empty_table(spec: TableSpec, metadata: Mapping[str, str] | None = None) -> pa.Table:
    """A table of `spec` with no rows."""
    return arrow_schema(spec, metadata).empty_table()


def table_from_columns(
    spec: TableSpec, columns: Mapping[str, Column], metadata: Mapping[str, str] | None = None
) -> pa.Table:
    """Build a table from whole columns, without a Python object a value.

    A column is a numpy array (`[N]`, or `[N, K]` for a fixed-size list), a numpy masked array for
    nulls (mask `[N]`, or `[N, K]`: a list with any value masked is null), a Python list (None is
    null). Numbers are converted only without loss of range:
    an integer that does not fit, a float for an integer column and an array of another width are
    errors. float64 is rounded to a float32 column.

    Args:
        spec: The table's declaration.
        columns: Every column of the table by name; none may be missing or unexpected.
        metadata: Key-value metadata of the whole table.

    Returns:
        The table, with the columns in the order of `spec`. Its values are not checked yet:
        `schemas.checks.validate_table` does that.

    Raises:
        ColumnsError: Missing or unexpected columns, unequal lengths, a value that does not fit.
    """
    missing = [name for name in spec.column_names if name not in columns]
    unexpected = [name for name in columns if name not in spec.column_names]
    if missing or unexpected:
        raise ColumnsError(
            f"table {spec.name!r}: missing columns {missing}, unexpected columns {unexpected}"
        )
    lengths = {name: len(columns[name]) for name in spec.column_names}
    if len(set(lengths.values())) > 1:
        raise ColumnsError(f"table {spec.name!r}: columns of unequal length: {lengths}")
    arrays = [_array(spec, field, columns[field.name]) for field in spec.fields]
    return pa.Table.from_arrays(arrays, schema=arrow_schema(spec, metadata))


def present_values(column: pa.ChunkedArray) -> tuple[NDArray[Any], Mask]:
    """The values of a column that are present, as numpy, and where they stand.

    Args:
        column: A column of any type of these tables except lists of free length.

    Returns:
        The values, `[P]` or for a fixed-size list `[P, K]`, and the mask `[N]` of present rows.
    """
    array = column.combine_chunks()
    is_present: Mask = array.is_valid().to_numpy(zero_copy_only=False)
    present = array.drop_null() if array.null_count else array
    if pa.types.is_fixed_size_list(array.type):
        size = array.type.list_size
        return present.flatten().to_numpy(zero_copy_only=False).reshape(-1, size), is_present
    return present.to_numpy(zero_copy_only=False), is_present


def _arrow_field(field: Field) -> pa.Field:
    metadata = {"doc": field.doc, "unit": field.unit, "frame": field.frame}
    return pa.field(field.name, field.type, nullable=field.nullable, metadata=metadata)


def _array(spec: TableSpec, field: Field, column: Column) -> pa.Array:
    try:
        if pa.types.is_fixed_size_list(field.type) and isinstance(column, np.ndarray):
            return _list_array(field.type, column)
        if isinstance(column, np.ma.MaskedArray):
            mask = np.ma.getmaskarray(column)
            return pa.array(_narrowed(column.data, field.type), field.type, mask=mask)
        if isinstance(column, np.ndarray):
            return pa.array(_narrowed(column, field.type), field.type)
        return pa.array(column, field.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError, OverflowError, TypeError) as error:
        raise ColumnsError(
            f"table {spec.name!r}, column {field.name!r}: does not fit {field.type}: {error}"
        ) from error


def _list_array(list_type: pa.DataType, column: NDArray[Any]) -> pa.Array:
    """[N, K] to a fixed-size list array; rows with a masked value are null."""
    if column.ndim != 2 or column.shape[1] != list_type.list_size:
        raise ValueError(f"expected shape (N, {list_type.list_size}), got {column.shape}")
    mask = None
    if isinstance(column, np.ma.MaskedArray):
        mask = pa.array(np.ma.getmaskarray(column).any(axis=1))
        column = column.data
    flat = np.ascontiguousarray(column).reshape(-1)
    values = pa.array(_narrowed(flat, list_type.value_type), list_type.value_type)
    return pa.FixedSizeListArray.from_arrays(values, type=list_type, mask=mask)


def _narrowed(values: NDArray[Any], arrow_type: pa.DataType) -> NDArray[Any]:
    """float64 as float32 where the column is float32; everything else as it is."""
    is_wide = values.dtype == np.float64 and pa.types.is_float32(arrow_type)
    return values.astype(np.float32) if is_wide else values
