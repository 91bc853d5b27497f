import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import StorageError
from pipeline.retries import Retries
from pipeline.storage import Store
from pipeline.tables import ROW_SPECS, SortedTable, read_table, table_bytes
from schemas.arrow import table_from_columns
from schemas.tables.plan_clips import PLAN_CLIPS


def plan_clips(num_rows: int) -> pa.Table:
    """One clip of one frame a shard."""
    columns = {
        "shard_index": list(range(num_rows)),
        "shard_id": ["a" * 20] * num_rows,
        "clip_index": list(range(num_rows)),
        "clip_id": [f"{i:020x}" for i in range(num_rows)],
        "video_index": [0] * num_rows,
        "video_id": ["b" * 20] * num_rows,
        "shot_index": [0] * num_rows,
        "start_frame": list(range(num_rows)),
        "end_frame": list(range(1, num_rows + 1)),
        "start_time_s": [0.0] * num_rows,
        "end_time_s": [1.0] * num_rows,
        "num_frames": [1] * num_rows,
        "frame_index": [[i] for i in range(num_rows)],
        "frame_pts": [[i] for i in range(num_rows)],
        "shares_first_frame": [False] * num_rows,
    }
    return table_from_columns(PLAN_CLIPS, columns)


def test_what_is_written_is_read(root_uri):
    store, table = Store(root_uri), plan_clips(5)
    store.write("t.parquet", table_bytes(table, PLAN_CLIPS, provenance=None))
    assert read_table(store, "t.parquet").equals(table)
    columns = read_table(store, "t.parquet", columns=["clip_index"])
    assert columns.to_pydict() == {"clip_index": [0, 1, 2, 3, 4]}


def test_the_file_explains_itself(tmp_path):
    store = Store(str(tmp_path))
    store.write("t.parquet", table_bytes(plan_clips(1), PLAN_CLIPS, provenance=None))
    assert pq.read_schema(tmp_path / "t.parquet").metadata


def test_a_filter_finds_rows_of_any_row_group(root_uri):
    store = Store(root_uri)
    store.write("t.parquet", table_bytes(plan_clips(5000), PLAN_CLIPS, provenance=None))
    with store.open_read("t.parquet") as file:
        assert pq.ParquetFile(file).num_row_groups == 10  # of 512 rows
    for shard in (0, 511, 512, 4999):
        rows = read_table(store, "t.parquet", filters=[("shard_index", "==", shard)])
        assert rows["clip_index"].to_pylist() == [shard]


@pytest.mark.parametrize(
    ("first", "last"), [(0, 0), (3, 3), (4, 4), (2, 9), (0, 99), (5, 5), (20, 30), (-3, -1)]
)
def test_a_range_of_a_sorted_table(root_uri, first, last):
    values = [0, 0, 1, 2, 3, 3, 3, 3, 3, 3, 3, 4, 6, 7, 7, 9]  # 3 fills a group and parts of two
    table = pa.table({"name": pa.array([[i] for i in range(16)]), "value": values})
    store, file = Store(root_uri), io.BytesIO()
    pq.write_table(table, file, row_group_size=4)
    store.write("t.parquet", file.getvalue())
    rows = SortedTable(store, "t.parquet", "value").read(first, last)
    wanted = [i for i, value in enumerate(values) if first <= value <= last]
    assert rows["name"].to_pylist() == [[i] for i in wanted]
    assert rows.schema.equals(table.schema)


def test_a_sorted_table_reads_its_footer_once(tmp_path, monkeypatch):
    store = Store(str(tmp_path))
    store.write("t.parquet", table_bytes(plan_clips(5000), PLAN_CLIPS, provenance=None))
    table = SortedTable(store, "t.parquet", "shard_index")
    table.read(0, 0)

    def read_metadata(_):
        raise AssertionError("once more")

    monkeypatch.setattr(pq, "read_metadata", read_metadata)
    assert table.read(4000, 4000)["clip_index"].to_pylist() == [4000]


def test_a_sorted_table_that_is_none(tmp_path):
    (tmp_path / "t.parquet").write_bytes(b"PAR1 not really PAR1")
    with pytest.raises(StorageError, match="not a readable Parquet file"):
        SortedTable(Store(str(tmp_path)), "t.parquet", "shard_index").read(0, 0)


def test_the_same_table_is_the_same_bytes():
    first, second = (table_bytes(plan_clips(3), PLAN_CLIPS, provenance=None) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"no parquet",
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: data[:-1500] + bytes(1492) + data[-8:],
        lambda data: data[:60] + b"\xff" * 200 + data[260:],
    ],
    ids=["empty", "text", "half", "a byte short", "footer", "pages"],
)
def test_a_damaged_file_is_named(damage, root_uri):
    store = Store(root_uri)
    data = table_bytes(plan_clips(500), PLAN_CLIPS, provenance=None)
    store.write("clips/t.parquet", damage(data))
    with pytest.raises(
        StorageError, match=r"clips/t\.parquet: not a readable Parquet file: "
    ) as caught:
        read_table(store, "clips/t.parquet")
    assert not caught.value.is_transient


def test_a_broken_connection_is_no_damage():
    store = Store("flaky://tables", Retries(budget_s=0.0))
    store.write("t.parquet", table_bytes(plan_clips(1), PLAN_CLIPS, provenance=None))
    with pytest.raises(StorageError, match="connection reset by peer") as caught:
        read_table(store, "t.parquet")
    assert caught.value.is_transient


def test_a_missing_file_is_named(root_uri):
    with pytest.raises(StorageError, match=r"t\.parquet: cannot read: no such file or object"):
        read_table(Store(root_uri), "t.parquet")


def test_a_worker_writes_frames_people_and_tracks():
    assert [spec.name for spec in ROW_SPECS] == ["frames", "people", "tracks"]
