"""Tables written with their options come back whole, small, and open elsewhere."""

import io

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.arrow import table_from_columns
from schemas.metadata import table_metadata
from schemas.parquet import parquet_options
from schemas.tables import CLIPS, PEOPLE, TABLES
from schemas.tables.people import POSE_FIELDS
from tests.schemas.rows import CLIP_ID, PERSON, valid_table


def written(table: pa.Table, spec, **options) -> io.BytesIO:
    file = io.BytesIO()
    pq.write_table(table, file, **parquet_options(spec) | options)
    return file


@pytest.mark.parametrize("spec", TABLES.values(), ids=TABLES)
def test_a_table_comes_back_with_its_schema_and_metadata(spec):
    metadata = table_metadata(spec, None)
    table = valid_table(spec).replace_schema_metadata(metadata)
    read = pq.read_table(written(table, spec))
    assert read.schema.equals(table.schema, check_metadata=True)
    assert read.equals(table)


def test_duckdb_reads_lists_and_nulls(tmp_path):
    path = tmp_path / "people.parquet"
    path.write_bytes(written(valid_table(PEOPLE), PEOPLE).getvalue())
    rows = duckdb.sql(
        f"SELECT clip_id, global_orient[1], len(body_pose), joints_3d FROM '{path}'"
    ).fetchall()
    assert rows == [(CLIP_ID, pytest.approx(3.1416, abs=1e-4), 63, None)] * 2


def test_a_clip_is_found_by_the_bloom_filter(tmp_path):
    """64 clips in 8 row groups, ids spread over each: statistics could not rule any group out."""
    path = tmp_path / "clips.parquet"
    ids = [f"{(i * 37) % 64:02x}" + "0" * 18 for i in range(64)]
    table = pa.concat_tables([valid_table(CLIPS, clip_id=clip_id) for clip_id in ids])
    path.write_bytes(written(table, CLIPS, row_group_size=8).getvalue())
    excluded = duckdb.sql(
        f"SELECT bloom_filter_excludes FROM parquet_bloom_probe('{path}', 'clip_id', '{ids[9]}')"
    ).fetchall()
    assert [row[0] for row in excluded].count(False) == 1


def test_statistics_stand_on_scalars_only():
    group = pq.ParquetFile(written(valid_table(PEOPLE), PEOPLE)).metadata.row_group(0)
    has_statistics = {
        column.path_in_schema: column.is_stats_set
        for column in (group.column(i) for i in range(group.num_columns))
    }
    assert has_statistics["clip_id"]
    assert has_statistics["score"]
    assert not has_statistics["body_pose.list.element"]


def test_bytes_of_a_people_row():
    """The figures of docs/data-dictionary.md: made-up motion, 20 clips, 100 frames, 4 people."""
    table = random_walks(num_clips=20, num_frames=100, num_people=4)
    text = [field.name for field in PEOPLE.fields if pa.types.is_string(field.type)]
    split = bytes_by_column(written(table, PEOPLE), table.num_rows)
    plain = bytes_by_column(
        written(table, PEOPLE, column_encoding=None, use_dictionary=text), table.num_rows
    )
    is_world = [field.name for field in POSE_FIELDS if field.name.endswith("_world")]
    pose = [field.name for field in POSE_FIELDS if field.name not in is_world] + ["transl"]
    joints = ["joints_3d", "joints_2d"]
    figures = {
        "pose": (sum(split[n] for n in pose), sum(plain[n] for n in pose)),
        "joints": (sum(split[n] for n in joints), sum(plain[n] for n in joints)),
        "everything": (sum(split.values()), sum(plain.values())),
    }
    print(figures)
    assert figures["pose"] == pytest.approx((575, 685), rel=0.02)
    assert figures["joints"] == pytest.approx((804, 963), rel=0.02)
    assert figures["everything"] == pytest.approx((1435, 1714), rel=0.02)


def random_walks(num_clips: int, num_frames: int, num_people: int) -> pa.Table:
    """People whose every number wanders by 2 % of its spread from frame to frame."""
    rng = np.random.default_rng(0)
    shape = (num_clips, num_frames, num_people)
    num_rows = num_clips * num_frames * num_people

    def walk(size: int, spread: float) -> np.ndarray:
        start = rng.normal(size=(num_clips, 1, num_people, size))
        steps = rng.normal(size=(*shape, size)) * 0.02
        return (spread * (start + np.cumsum(steps, axis=1))).reshape(num_rows, size)

    clip, frame, track = (axis.reshape(-1).astype(np.int32) for axis in np.indices(shape))
    columns = {name: [value] * num_rows for name, value in PERSON.items()}
    for field in PEOPLE.fields:
        if pa.types.is_fixed_size_list(field.type):
            spread = 100.0 if field.unit == "px" else 0.3
            columns[field.name] = walk(field.type.list_size, spread)
    columns |= {
        "clip_id": [f"{index:020x}" for index in clip],
        "frame_index": frame,
        "clip_frame": frame,
        "time_s": frame / 30,
        "track_id": track,
        "score": rng.uniform(0.3, 1, num_rows),
        "root_jerk": rng.uniform(0, 10, num_rows),
    }
    return table_from_columns(PEOPLE, columns)


def bytes_by_column(file: io.BytesIO, num_rows: int) -> dict[str, float]:
    metadata = pq.ParquetFile(file).metadata
    sizes: dict[str, float] = {}
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            name = column.path_in_schema.split(".")[0]
            sizes[name] = sizes.get(name, 0) + column.total_compressed_size / num_rows
    return sizes
