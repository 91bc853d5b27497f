"""Every fault that is planted in a shard is found and named, each by its own check."""

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipeline.ledger import read_commit
from pipeline.tables import read_table
from pipeline.verify import verify
from tests.pipeline.planting import (
    KINDS,
    LEDGER,
    faults,
    file_of,
    only_fault,
    plant,
    put,
    rewrite,
    sign,
)


def test_what_signs_a_file_again_plants_nothing(store):
    for kind in KINDS:
        sign(store, kind)
    assert faults(store) == []


def test_changed_files_are_not_what_was_committed(store):
    expected = {}
    for path in [file_of(store, kind, row=1) for kind in KINDS]:
        data = bytearray(store.read(path))
        data[len(data) // 2] ^= 1
        store.write(path, bytes(data))
        expected[path] = f"{len(data)} bytes with sha256 {hashlib.sha256(data).hexdigest()}, "
    found = verify(store).faults
    assert {(fault.check, fault.subject) for fault in found} == {("hash", p) for p in expected}
    assert all(fault.message.startswith(expected[fault.subject]) for fault in found)


def test_a_commit_whose_files_are_gone(store):
    paths = [file_of(store, kind) for kind in KINDS]
    for path in paths:
        store.delete(path)
    found = verify(store).faults
    assert [(fault.check, fault.subject) for fault in found] == [("hash", path) for path in paths]
    assert all("named by a commit, but cannot be read" in fault.message for fault in found)


def test_a_wrong_size_in_the_ledger(store):
    rewrite(store, LEDGER, put("depth_size_bytes", lambda size: size + 1, row=1))
    assert faults(store) == [("hash", file_of(store, "depth", row=1))]


@pytest.mark.parametrize("kind", ["frames", "people", "tracks"])
def test_a_dropped_row(kind, store):
    plant(store, kind, lambda table: table.slice(1))
    assert ("keys", LEDGER) in faults(store)
    assert f"clips whose num_{kind}" in only_keys_fault(store).message


def only_keys_fault(store):
    (fault,) = [fault for fault in verify(store).faults if fault.check == "keys"]
    return fault


def test_a_dropped_frame_that_the_ledger_calls_lost(store):
    plant(store, "frames", lambda table: table.slice(1))
    rewrite(store, LEDGER, put("num_frames", 3))
    rewrite(store, LEDGER, put("num_frames_lost", 1))
    fault = only_keys_fault(store)  # its person is still there
    assert "people in frames that `frames` has not" in fault.message


def test_a_dropped_frame_that_the_ledger_says_was_never_planned(store):
    rewrite(store, LEDGER, put("num_frames", 3))
    rewrite(store, LEDGER, put("num_frames_planned", 3))
    assert ("accounting", LEDGER) in faults(store)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("frames", "be unique by clip_id, frame_index"),
        ("people", "be unique by clip_id, frame_index, track_id"),
        ("tracks", "be unique by clip_id, track_id"),
    ],
)
def test_a_duplicated_row(kind, message, store):
    plant(store, kind, lambda table: pa.concat_tables([table.slice(0, 1), table]))
    fault = only_fault(store)
    assert (fault.check, fault.subject) == ("schema", file_of(store, kind))
    assert message in fault.message


def swapped(first, second):
    """A change of every row of the first clip into one of the second, and back."""

    def change(table):
        ids = table["clip_id"].to_pylist()
        other = [{first: second, second: first}.get(name, name) for name in ids]
        return table.set_column(
            table.schema.get_field_index("clip_id"),
            table.schema.field("clip_id"),
            pa.array(other, pa.string()),
        )

    return change


def test_two_clips_whose_ids_are_swapped(store):
    first, second = read_commit(store, 0)["clip_id"].to_pylist()[:2]
    for kind in ("frames", "people", "tracks"):
        plant(store, kind, swapped(first, second))
    found = verify(store).faults
    assert {(fault.check, fault.subject) for fault in found} == {
        ("keys", LEDGER),
        ("frames", LEDGER),
    }
    assert "frames whose depth_file is not the one of the ledger" in found[0].message
    assert first in found[1].message


def test_rows_of_a_clip_that_was_never_planned(store):
    first = read_commit(store, 0)["clip_id"].to_pylist()[0]
    plant(store, "frames", swapped(first, "0" * 20))
    found = verify(store).faults
    assert {fault.check for fault in found} == {"keys", "frames"}
    assert "frames rows of clips that are not in the ledger" in found[0].message


@pytest.mark.parametrize(
    ("kind", "name", "value", "message"),
    [
        ("frames", "camera_rotation", [-1.0, 0.0, 0.0, 0.0], "with w >= 0"),
        ("frames", "camera_rotation", [0.5, 0.0, 0.0, 0.0], "be a unit quaternion"),
        (
            "frames",
            "camera_position",
            [np.nan, 0.0, 0.0],
            "column 'camera_position' must be finite",
        ),
        ("people", "betas", [np.inf] + [0.0] * 9, "column 'betas' must be finite"),
        ("people", "global_orient", [9.0, 0.0, 0.0], "column 'global_orient' must"),
        ("people", "score", 1.5, "column 'score' must be"),
        ("tracks", "quality_tier", "D", "column 'quality_tier' must be"),
    ],
)
def test_a_value_that_no_label_can_have(kind, name, value, message, store):
    plant(store, kind, put(name, value, row=2))
    fault = only_fault(store)
    assert (fault.check, fault.subject) == ("schema", file_of(store, kind))
    assert message in fault.message


@pytest.mark.parametrize(
    ("kind", "name", "change", "check"),
    [
        ("frames", "pts", lambda pts: pts - 1, "frames"),
        ("frames", "time_s", lambda time_s: time_s + 0.001, "frames"),
        ("frames", "frame_index", lambda index: index + 1, "frames"),
        ("frames", "num_people", lambda count: count + 1, "keys"),
        ("people", "time_s", lambda time_s: time_s + 0.001, "keys"),
        ("people", "track_id", lambda track: track + 7, "keys"),
        ("tracks", "start_frame", lambda start: start - 1, "keys"),
        ("frames", "video_id", lambda _: "0" * 20, "keys"),
        ("frames", "depth_sha256", lambda _: "0" * 64, "keys"),
    ],
)
def test_a_value_that_does_not_fit_the_plan_or_the_other_tables(kind, name, change, check, store):
    plant(store, kind, put(name, change, row=-1))
    assert (check, LEDGER) in faults(store)


def test_a_seam_that_is_none(store):
    plant(store, "frames", put("is_seam", True))
    plant(store, "people", put("is_seam", True))
    fault = only_fault(store)
    assert (fault.check, fault.subject) == ("frames", LEDGER)
    assert "clip_frame=0, frame_index=0, pts=0, time_s=0.0, is_seam=True" in fault.message


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data, start, end: data[:9], "cannot be opened"),
        (lambda data, start, end: data[:end], "point at pictures (index, offset, length) [(2, "),
        (lambda data, start, end: data[: end - 9] + b"?" + data[end - 8 :], "checksum of bytes"),
    ],
    ids=["all but the start", "between pictures", "a byte of a picture"],
)
def test_a_depth_object_cut_short_or_damaged_whose_hashes_were_made_true(damage, message, store):
    path = file_of(store, "depth")
    offset, length = next(
        (row["depth_byte_offset"], row["depth_byte_length"])
        for row in read_table(store, file_of(store, "frames")).to_pylist()
        if (row["depth_file"], row["depth_index"]) == (path, 1)
    )
    data = damage(store.read(path), offset, offset + length)
    store.write(path, data)
    sign(store, "depth")
    digest = hashlib.sha256(data).hexdigest()

    def change(table):
        for row, name in enumerate(table["depth_file"].to_pylist()):
            if name == path:
                table = put("depth_sha256", digest, row)(table)
        return table

    plant(store, "frames", change)
    fault = only_fault(store)
    assert (fault.check, fault.subject) == ("depth", path)
    assert message in fault.message


@pytest.mark.parametrize("name", ["depth_byte_offset", "depth_byte_length", "depth_index"])
def test_a_frame_that_points_beside_its_depth(name, store):
    plant(store, "frames", put(name, lambda value: value + 1))
    assert faults(store) == [("depth", file_of(store, "depth"))]


def test_a_table_from_another_model(store):
    other = {
        "weights_sha256": "e" * 64,
        "model_preset": "896L",
        "is_untrained": "false",
        "body_model_sha256": "b" * 64,
        "config_hash": "0" * 16,
        "schema_version": "99",
    }
    path = file_of(store, "people")
    table = pq.read_table(pa.BufferReader(store.read(path)))
    changes = {f"h3r.{name}".encode(): value.encode() for name, value in other.items()}
    file = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(table.schema.metadata | changes), file)
    store.write(path, file.getvalue().to_pybytes())
    sign(store, "people")
    found = verify(store).faults
    assert [(fault.check, fault.subject) for fault in found] == [("identity", path)] * 6
    for fault, (name, value) in zip(found, other.items(), strict=True):
        assert f"its metadata says {name} {value}, not " in fault.message


def test_a_ledger_row_from_another_model(store):
    other = {
        "weights_sha256": "e" * 64,
        "model_preset": "896L",
        "is_untrained": False,
        "body_model_sha256": "b" * 64,
        "config_hash": "0" * 16,
    }
    for name, value in other.items():
        rewrite(store, LEDGER, put(name, value, row=1))
    found = verify(store).faults
    assert [(fault.check, fault.subject) for fault in found] == [("identity", LEDGER)] * 5
    for fault, (name, value) in zip(found, other.items(), strict=True):
        assert f"{name} is ['{value}'], run.json says" in fault.message


def test_a_ledger_row_is_missing(store):
    clip = read_commit(store, 0)["clip_id"].to_pylist()[4]  # broken.mp4, which has no rows
    rewrite(store, LEDGER, lambda t: t.filter(pc.not_equal(t["clip_id"], clip)))
    fault = only_fault(store)
    assert (fault.check, fault.subject) == ("accounting", LEDGER)
    assert fault.message == f"1 planned clips are not in the ledger: {clip}"


def test_a_ledger_row_too_many(store):
    extra = put("clip_id", "0" * 20)(read_commit(store, 0).slice(4, 1))
    rewrite(store, LEDGER, lambda table: pa.concat_tables([table, extra]))
    fault = only_fault(store)
    assert (fault.check, fault.subject) == ("accounting", LEDGER)
    assert fault.message == f"1 ledger rows are not of the plan: {'0' * 20}"


def test_a_ledger_row_twice(store):
    rewrite(store, LEDGER, lambda table: pa.concat_tables([table, table.slice(0, 1)]))
    fault = only_fault(store)
    assert (fault.check, fault.subject) == ("schema", LEDGER)
    assert "be unique by clip_id" in fault.message


@pytest.mark.parametrize("path", [LEDGER, "frames", "people"])
def test_a_damaged_parquet_file(path, store):
    path = path if path == LEDGER else file_of(store, path)
    data = bytearray(store.read(path))
    data[8:200] = b"\0" * 192
    store.write(path, bytes(data))
    if path != LEDGER:
        sign(store, path.split("/")[0])
    fault = only_fault(store)
    assert (fault.check, fault.subject) == ("schema", path)
    assert "deserialize" in fault.message
