"""A dataset without what another run of the same job may say differently: equal means equal."""

import pyarrow as pa

from pipeline import layout
from pipeline.ledger import read_ledger
from pipeline.storage import Store
from pipeline.tables import read_table

SECONDS = ("decode_s", "network_s", "body_s", "depth_s", "write_s")
OF_THE_RUN = frozenset(
    {"attempt", "num_retries", "host", "device", "depth_uri", *SECONDS}
    | {f"{kind}_file" for kind in (*layout.ROW_TABLES, "depth")}
    | {f"{kind}_{what}" for kind in layout.ROW_TABLES for what in ("sha256", "size_bytes")}
)
"""Who did it when, and names of files, which carry the attempt. Depth's own bytes are compared."""


def canonical(store: Store) -> dict[str, list[dict]]:
    """Rows of every table in one order, as a reader of the ledger finds them."""
    ledger = read_ledger(store)
    tables = {"clips": _rows(ledger)}
    for kind in layout.ROW_TABLES:
        paths = sorted(set(ledger[f"{kind}_file"].drop_null().to_pylist()))
        tables[kind] = [row for path in paths for row in _rows(read_table(store, path))]
    return tables


def _rows(table: pa.Table) -> list[dict]:
    keys = [key for key in ("clip_id", "frame_index", "track_id") if key in table.column_names]
    kept = [name for name in table.column_names if name not in OF_THE_RUN]
    return table.sort_by([(key, "ascending") for key in keys]).select(kept).to_pylist()
