"""How a table is laid out in Parquet: compression, row groups, encodings, statistics, filters.

It opens no file: the options are handed to `pyarrow.parquet.write_table` by whoever does.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from schemas.fields import Field, TableSpec

COMPRESSION_LEVEL = 3
"""zstd; level 15 takes 0.5 % off the people table, for 13 times the time."""

BLOOM_COLUMNS: tuple[str, ...] = ("clip_id", "video_id")
"""Ids a reader looks rows up by. They are hashes, so the smallest and the greatest of a row group
say little once it holds many clips: a Bloom filter says whether an id is in it."""
BLOOM_DISTINCT = 1_024
BLOOM_FALSE_POSITIVES = 0.01


def parquet_options(spec: TableSpec) -> dict[str, Any]:
    """Keyword arguments of `pyarrow.parquet.write_table` for a table of `spec`.

    Floats are byte-stream-split, integers delta-encoded, texts and blobs dictionary-encoded; all in
    zstd. Scalar columns have statistics, lists have none.
    """
    columns = {_path(field): field for field in spec.fields}
    ids = [name for name in BLOOM_COLUMNS if name in spec.column_names]
    bloom = {"ndv": BLOOM_DISTINCT, "fpp": BLOOM_FALSE_POSITIVES}
    return {
        "row_group_size": spec.rows_per_group,
        "compression": "zstd",
        "compression_level": COMPRESSION_LEVEL,
        "use_dictionary": [path for path, field in columns.items() if _is_text(field)],
        "column_encoding": {
            path: encoding for path, field in columns.items() if (encoding := _encoding(field))
        },
        "write_statistics": [path for path, field in columns.items() if not _is_list(field)],
        "bloom_filter_options": dict.fromkeys(ids, bloom),
        "store_schema": True,
    }


def _path(field: Field) -> str:
    """The column's path in the file: a list's values are one level down."""
    return f"{field.name}.list.element" if _is_list(field) else field.name


def _is_list(field: Field) -> bool:
    return pa.types.is_list(field.type) or pa.types.is_fixed_size_list(field.type)


def _is_text(field: Field) -> bool:
    return pa.types.is_string(field.type) or pa.types.is_binary(field.type)


def _encoding(field: Field) -> str | None:
    """Encoding of a column's values; None where the dictionary or the default serves."""
    value_type = field.type.value_type if _is_list(field) else field.type
    if pa.types.is_floating(value_type):
        return "BYTE_STREAM_SPLIT"
    if pa.types.is_integer(value_type):
        return "DELTA_BINARY_PACKED"
    return None
