"""Plants faults in a dataset: changes what a file says, and the ledger's hashes with it."""

import hashlib

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ledger import read_commit
from pipeline.tables import read_table
from pipeline.verify import verify

KINDS = ("frames", "people", "tracks", "depth")
LEDGER = "clips/shard-000000.parquet"


def file_of(store, kind, row=0):
    return read_commit(store, 0)[f"{kind}_file"].to_pylist()[row]


def rewrite(store, path, change):
    """Change the table of a file, its metadata kept; nothing else learns of it."""
    table = read_table(store, path)
    changed = change(table).replace_schema_metadata(table.schema.metadata)
    file = pa.BufferOutputStream()
    pq.write_table(changed, file)
    store.write(path, file.getvalue().to_pybytes())


def put(name, value, row=0):
    """A change of one value."""

    def change(table):
        values = table[name].to_pylist()
        values[row] = value(values[row]) if callable(value) else value
        field = table.schema.field(name)
        index = table.schema.get_field_index(name)
        return table.set_column(index, field, pa.array(values, field.type))

    return change


def sign(store, kind):
    """Make the ledger's hashes and sizes of one kind of file true again."""
    for row, name in enumerate(read_table(store, LEDGER)[f"{kind}_file"].to_pylist()):
        if name is not None:
            data = store.read(name)
            digest = hashlib.sha256(data).hexdigest()
            rewrite(store, LEDGER, put(f"{kind}_sha256", digest, row))
            rewrite(store, LEDGER, put(f"{kind}_size_bytes", len(data), row))


def plant(store, kind, change):
    """Change the rows of one table and sign them, so that no hash gives them away."""
    rewrite(store, file_of(store, kind), change)
    sign(store, kind)


def faults(store):
    return [(fault.check, fault.subject) for fault in verify(store).faults]


def only_fault(store):
    (fault,) = verify(store).faults
    return fault
