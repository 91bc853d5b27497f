"""Tables from columns: what fits, what does not, and what comes back."""

import numpy as np
import pyarrow as pa
import pytest

from schemas.arrow import arrow_schema, empty_table, present_values, table_from_columns
from schemas.errors import ColumnsError
from schemas.fields import Field, TableSpec, sequence, vector
from schemas.tables import TABLES

SPEC = TableSpec(
    name="points",
    doc="One point.",
    fields=(
        Field("name", pa.string(), "Name."),
        Field("count", pa.int32(), "Count.", nullable=True),
        Field("xyz", vector(3), "Place.", "m", "camera", nullable=True),
        Field("times", sequence(pa.int64()), "Times."),
    ),
    key=("name",),
)
COLUMNS = {
    "name": ["a", "b"],
    "count": np.ma.masked_array([1, 2], mask=[False, True]),
    "xyz": np.array([[1, 2, 3], [4, 5, 6.5]]),
    "times": [[1, 2], []],
}


@pytest.mark.parametrize("spec", TABLES.values(), ids=TABLES)
def test_an_empty_table_has_the_schema(spec):
    table = empty_table(spec, {"key": "value"})
    assert table.num_rows == 0
    assert table.schema.equals(arrow_schema(spec))
    assert table.schema.metadata == {b"key": b"value"}


def test_every_field_carries_doc_unit_and_frame():
    field = arrow_schema(SPEC).field("xyz")
    assert field.metadata == {b"doc": b"Place.", b"unit": b"m", b"frame": b"camera"}
    assert str(field.type) == "fixed_size_list<element: float>[3]"


def test_columns_become_a_table_whatever_their_order():
    table = table_from_columns(SPEC, dict(reversed(COLUMNS.items())))
    assert table.to_pylist() == [
        {"name": "a", "count": 1, "xyz": [1.0, 2.0, 3.0], "times": [1, 2]},
        {"name": "b", "count": None, "xyz": [4.0, 5.0, 6.5], "times": []},
    ]


def test_a_list_with_a_masked_value_is_null():
    xyz = np.ma.masked_invalid([[1.0, np.nan, 3.0], [4.0, 5.0, 6.0]])
    table = table_from_columns(SPEC, COLUMNS | {"xyz": xyz})
    assert table["xyz"].to_pylist() == [None, [4.0, 5.0, 6.0]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"extra": [1, 2]}, r"missing columns \[\], unexpected columns \['extra'\]"),
        ({"name": ["a"]}, "unequal length: {'name': 1, 'count': 2"),
        ({"count": np.array([1.5, 2.0])}, "column 'count': does not fit int32"),
        ({"count": np.array([2**40, 0])}, "column 'count': does not fit int32"),
        ({"xyz": np.zeros((2, 4))}, r"expected shape \(N, 3\), got \(2, 4\)"),
        ({"xyz": np.zeros(2)}, r"expected shape \(N, 3\), got \(2,\)"),
        ({"xyz": [[1.0, 2.0], None]}, "column 'xyz': does not fit fixed_size_list"),
        ({"name": [1, 2]}, "column 'name': does not fit string"),
    ],
)
def test_a_column_that_does_not_fit_is_named(change, message):
    with pytest.raises(ColumnsError, match=message):
        table_from_columns(SPEC, COLUMNS | change)


def test_a_missing_column_is_named():
    columns = {name: column for name, column in COLUMNS.items() if name != "xyz"}
    with pytest.raises(ColumnsError, match=r"table 'points': missing columns \['xyz'\]"):
        table_from_columns(SPEC, columns)


def test_present_values_of_a_slice_of_chunks():
    table = table_from_columns(SPEC, COLUMNS | {"xyz": [None, [4.0, 5.0, 6.0]]})
    chunks = pa.concat_tables([table, table]).slice(1)
    values, is_present = present_values(chunks["xyz"])
    assert values.tolist() == [[4.0, 5.0, 6.0], [4.0, 5.0, 6.0]]
    assert is_present.tolist() == [True, False, True]
