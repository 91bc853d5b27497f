"""Tables to and from the bytes of a Parquet file, laid out as their declaration says."""

import contextlib
import io
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.errors import StorageError
from pipeline.layout import ROW_TABLES
from pipeline.storage import Store
from schemas.arrow import arrow_schema, table_from_columns
from schemas.checks import validate_table
from schemas.errors import SchemaError
from schemas.fields import TableSpec
from schemas.metadata import LabelProvenance, table_metadata
from schemas.parquet import parquet_options
from schemas.tables import TABLES

ROW_SPECS: tuple[TableSpec, ...] = tuple(TABLES[name] for name in ROW_TABLES)
"""The tables a worker writes beside the ledger."""

MIN_PIECE_ROWS = 32_768  # to be checked at once: a check has a price of its own


def table_bytes(table: pa.Table, spec: TableSpec, provenance: LabelProvenance | None) -> bytes:
    """The Parquet file of `table`, with the metadata that explains it.

    Built in memory: an object is written whole or not at all.
    """
    file = io.BytesIO()
    described = table.replace_schema_metadata(table_metadata(spec, provenance))
    pq.write_table(described, file, **parquet_options(spec))
    return file.getvalue()


class TableWriter:
    """The Parquet file of a table, made row by row in memory; rows are checked as they go in.

    The file is the same however many rows wait for each other, since a row group is full before it
    is written.
    """

    def __init__(self, spec: TableSpec) -> None:
        """Start an empty file of a table without labels."""
        self._spec = spec
        self._rows: list[dict] = []
        self._keys: list[pa.Table] = []
        options = parquet_options(spec)
        self._group_size = options.pop("row_group_size")
        self._piece_size = self._group_size * max(1, MIN_PIECE_ROWS // self._group_size)
        self._schema = arrow_schema(spec, table_metadata(spec, None))
        self._file = io.BytesIO()
        self._writer = pq.ParquetWriter(self._file, self._schema, **options)

    def add(self, row: dict) -> None:
        """Take a row: a value for every column.

        Raises:
            SchemasError: It, or one of those before, breaks the declaration.
        """
        self._rows.append(row)
        if len(self._rows) == self._piece_size:
            self._flush()

    def finish(self) -> bytes:
        """The whole file.

        Raises:
            SchemasError: Rows break the declaration, or two have the same key.
        """
        self._flush()
        self._writer.close()
        keys = pa.concat_tables(self._keys)
        counts = keys.group_by(self._spec.key).aggregate([([], "count_all")])
        num_repeated = keys.num_rows - counts.num_rows
        if num_repeated:
            raise SchemaError(self._spec.name, (f"{num_repeated} rows repeat {self._spec.key}",))
        return self._file.getvalue()

    def _flush(self) -> None:
        columns = {name: [row[name] for row in self._rows] for name in self._spec.column_names}
        table = table_from_columns(self._spec, columns)
        validate_table(table, self._spec)
        self._writer.write_table(
            table.replace_schema_metadata(self._schema.metadata), self._group_size
        )
        self._keys.append(table.select(self._spec.key))
        self._rows.clear()


def plain_bytes(rows: list[dict], schema: pa.Schema) -> bytes:
    """The Parquet file of a truth's rows, of which it holds the columns that the schema names."""
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), file, compression="zstd")
    return file.getvalue()


class SortedTable:
    """A Parquet file whose rows ascend by a column of integers, read by a range of it.

    Its footer, which grows with the table, is read once; the file must not change.
    """

    def __init__(self, store: Store, path: str, column: str) -> None:
        """Nothing is read yet.

        Args:
            store: Where the file is.
            path: Of the file.
            column: By which the rows ascend; it has statistics.
        """
        self._store = store
        self._path = path
        self._column = column
        self._footer: tuple[pq.FileMetaData, list[int], list[int]] | None = None

    def read(self, first: int, last: int) -> pa.Table:
        """The rows whose column is at least `first` and at most `last`.

        Raises:
            StorageError: The file is not there, or is no whole Parquet file.
        """
        with _open_parquet(self._store, self._path) as file:
            if self._footer is None:
                self._footer = self._read_footer(file)
            metadata, lowest, highest = self._footer
            groups = range(bisect_left(highest, first), bisect_right(lowest, last))
            rows = pq.ParquetFile(file, metadata=metadata).read_row_groups(groups)
            value = pc.field(self._column)
            return rows.filter((value >= first) & (value <= last))

    def _read_footer(self, file: BinaryIO) -> tuple[pq.FileMetaData, list[int], list[int]]:
        """What pyarrow needs of the footer, and the least and greatest value of each row group."""
        metadata = pq.read_metadata(file)
        place = [metadata.schema.column(i).path for i in range(metadata.num_columns)].index(
            self._column
        )
        ranges = [
            metadata.row_group(group).column(place).statistics
            for group in range(metadata.num_row_groups)
        ]
        return metadata, [one.min for one in ranges], [one.max for one in ranges]


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
    with _open_parquet(store, path) as file:
        if filters is None:  # without the machinery of datasets: a ledger has many small files
            return pq.ParquetFile(file).read(columns=columns)
        return pq.read_table(file, columns=columns, filters=filters)


@contextlib.contextmanager
def _open_parquet(store: Store, path: str) -> Iterator[BinaryIO]:
    """A file to be read as Parquet; what pyarrow finds wrong with it is a `StorageError`."""
    with store.open_read(path) as file:
        try:
            yield file
        except (pa.ArrowException, OSError) as error:
            if isinstance(error, OSError) and (type(error) is not OSError or error.errno):
                raise  # the store's; pyarrow's own, of damaged pages, have no number
            raise StorageError(
                f"{store.uri}/{path}: not a readable Parquet file: {error}"
            ) from error
