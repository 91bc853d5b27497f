"""The form of a declaration: a field, a rule between columns, a table. One declaration a table.

The Arrow schema (`schemas.arrow`), the checks (`schemas.checks`), the way the table is written
(`schemas.parquet`) and its page in the data dictionary (`schemas.dictionary`) all come from these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.reference_frames import NO_FRAME
from schemas.rules import Rule

SCHEMA_VERSION = 1

NO_UNIT = "-"


@dataclass(frozen=True)
class Field:
    """One column.

    Attributes:
        name: Column name; carries the unit or frame where a reader could guess wrong.
        type: Arrow type; lists hold no null inside (checked).
        doc: What the value says, in one or two sentences, and what null means where it may be null.
        unit: Unit of the value, "-" where it has none.
        frame: Name in `schemas.reference_frames` of the frame or clock it is given in, or "-".
        nullable: Whether a value may be missing.
        rules: What present values are held to, besides being finite.
    """

    name: str
    type: pa.DataType
    doc: str
    unit: str = NO_UNIT
    frame: str = NO_FRAME
    nullable: bool = False
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class RowRule:
    """A demand on several columns of a row, or of neighbouring rows.

    Attributes:
        text: The demand in words, as it reads after "must".
        columns: The columns it looks at; their values are shown when it breaks.
        broken: From the whole table to the mask `[num_rows]` of rows that break it.
    """

    text: str
    columns: tuple[str, ...]
    broken: Callable[[pa.Table], NDArray[np.bool_]]


@dataclass(frozen=True)
class TableSpec:
    """One table.

    Attributes:
        name: Table name, also the folder of its files.
        doc: What one row is.
        fields: Columns in order.
        key: Columns that together name a row; unique in the table.
        row_rules: Demands between columns.
        rows_per_group: Rows of a Parquet row group.
    """

    name: str
    doc: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    row_rules: tuple[RowRule, ...] = ()
    rows_per_group: int = 65_536

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns in order."""
        return tuple(field.name for field in self.fields)

    def field(self, name: str) -> Field:
        """The field called `name`; KeyError when there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(f"table {self.name!r} has no column {name!r}")


def vector(size: int, value: pa.DataType | None = None) -> pa.DataType:
    """Arrow type of a fixed-size list of `size` floating-point values, float32 unless told.

    Arrow 26 cannot cast a column of lists that may be null while their elements may not, so the
    elements may: one that is null reads as NaN and breaks the rule that every value is finite.
    """
    return pa.list_(pa.field("element", value or pa.float32()), size)


def sequence(value: pa.DataType) -> pa.DataType:
    """Arrow type of a list of any length of present values."""
    return pa.list_(pa.field("element", value, nullable=False))
