"""A dataset without what another run of the same job may say differently: equal means equal."""

import pyarrow as pa

from pipeline import layout
from pipeline.ledger import read_ledger
from pipeline.storage import Store
from pipeline.tables import read_table

SECONDS = ("decode_s", "network_s", "body_s", "depth_s", "write_s")
OF_THE_RUN = frozenset(
    {"attempt", "num_retries", "num_out_of_memory", "host", "device", "depth_uri", *SECONDS}
    | {f"{kind}_file" for kind in (*layout.ROW_TABLES, "depth")}
    | {f"{kind}_{what}" for kind in layout.ROW_TABLES for what in ("sha256", "size_bytes")}
)
"""Who did it when, and names of files, which carry the attempt. Depth's own bytes are compared."""


def canonical(store: Store) -> dict[str, list[dict]]:
    """Rows of every table in one order, as a reader of the ledger finds them."""
    ledger = read_ledger(store)
    tables = {"clips": _sorted_rows([ledger])}
    for kind in layout.ROW_TABLES:
        paths = set(ledger[f"{kind}_file"].drop_null().to_pylist())
        tables[kind] = _sorted_rows([read_table(store, path) for path in paths])
    return tables


def _sorted_rows(tables: list[pa.Table]) -> list[dict]:
    rows = [
        row
        for table in tables
        for row in table.drop_columns(OF_THE_RUN & set(table.column_names)).to_pylist()
    ]
    return sorted(
        rows, key=lambda row: (row["clip_id"], row.get("frame_index"), row.get("track_id"))
    )
