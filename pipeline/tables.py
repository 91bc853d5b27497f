"""Tables to and from the bytes of a Parquet file, laid out as their declaration says."""

import io

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import StorageError
from pipeline.layout import ROW_TABLES
from pipeline.storage import Store
from schemas.fields import TableSpec
from schemas.metadata import LabelProvenance, table_metadata
from schemas.parquet import parquet_options
from schemas.tables import TABLES

ROW_SPECS: tuple[TableSpec, ...] = tuple(TABLES[name] for name in ROW_TABLES)
"""The tables a worker writes beside the ledger."""


def table_bytes(table: pa.Table, spec: TableSpec, provenance: LabelProvenance | None) -> bytes:
    """The Parquet file of `table`, with the metadata that explains it.

    Built in memory: an object is written whole or not at all.
    """
    file = io.BytesIO()
    described = table.replace_schema_metadata(table_metadata(spec, provenance))
    pq.write_table(described, file, **parquet_options(spec))
    return file.getvalue()


def plain_bytes(rows: list[dict], schema: pa.Schema) -> bytes:
    """The Parquet file of a truth's rows, of which it holds the columns that the schema names."""
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), file, compression="zstd")
    return file.getvalue()


def read_table(
    store: Store,
    path: str,
    columns: list[str] | None = None,
    filters: list[tuple[str, str, object]] | None = None,
) -> pa.Table:
    """Read a Parquet file of a store; with `filters`, only the row groups that can match.

    Raises:
        StorageError: It is not there, or is no whole Parquet file.
    """
    with store.open_read(path) as file:
        try:
            return pq.read_table(file, columns=columns, filters=filters)
        except (pa.ArrowException, OSError) as error:
            if isinstance(error, OSError) and (type(error) is not OSError or error.errno):
                raise  # the store's; pyarrow's own, of damaged pages, have no number
            raise StorageError(
                f"{store.uri}/{path}: not a readable Parquet file: {error}"
            ) from error
