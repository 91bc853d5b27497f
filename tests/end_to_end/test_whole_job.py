"""A folder of videos becomes tables that anyone's Parquet reader opens."""

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.depth import read_depth_frame
from tests.commands import files_of, h3r
from tests.conftest import FREE_BODY
from tests.synthetic import make_video

# Two videos of one name. Clips of at most 4 frames that share one: [0, 4) [3, 7) and [0, 3);
# shards of at most 8 frames: the first two, and the third.
PLAN = ("--max-clip-frames", 4, "--max-shard-frames", 8)
MODEL = ("--preset", "tiny", "--seed", 1, "--body-model", FREE_BODY)
pytestmark = pytest.mark.usefixtures("ray_cluster")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "my videos"
    for name, num_frames, clip_id in (("a/walk.mp4", 7, 1), ("b/walk.mp4", 3, 2)):
        path = folder / name
        path.parent.mkdir(parents=True)
        make_video(path, num_frames, width=128, height=64, fps=25, clip_id=clip_id)
    return folder


@pytest.fixture(scope="module")
def annotated(source, tmp_path_factory):
    """(OUT, what the command said) with one worker."""
    out = tmp_path_factory.mktemp("whole") / "out"
    answer = h3r("annotate", source, out, *MODEL, *PLAN, "--num-cpus-per-worker", 1, "--json")
    assert answer.exit_code == 0, answer.stderr
    return out, answer


def query(out, sql):
    """Rows of a query on the tables of OUT and on `videos`, as any Parquet reader sees them."""
    tables = {name: out / name / "*.parquet" for name in ("frames", "people", "tracks", "clips")}
    tables["videos"] = out / "plan" / "videos.parquet"
    with duckdb.connect() as connection:
        for name, files in tables.items():
            connection.sql(f"create view {name} as from read_parquet('{files}')")
        return connection.sql(sql).fetchall()


def test_the_summary_closes_the_accounts(annotated):
    out, answer = annotated
    summary = answer.json
    assert summary["out"] == str(out)
    assert (summary["num_videos"], summary["num_clips"], summary["num_shards"]) == (2, 3, 2)
    assert summary["num_done"] + summary["num_empty"] == 3
    assert (summary["num_failed"], summary["num_pending"]) == (0, 0)
    assert summary["num_frames_planned"] == summary["num_frames"] == 4 + 4 + 3
    assert summary["first_failures"] == []
    assert summary["is_untrained"] is True
    assert "note: tiny with random weights: untrained" in answer.stderr


def test_duckdb_reads_and_joins_the_tables(annotated):
    out, _ = annotated
    assert query(
        out,
        """select v.uri, c.start_frame, c.end_frame, c.num_frames, count(*)
        from videos v join clips c using (video_id) join frames f using (clip_id)
        group by all order by all""",
    ) == [("a/walk.mp4", 0, 4, 4, 4), ("a/walk.mp4", 3, 7, 4, 4), ("b/walk.mp4", 0, 3, 3, 3)]


def test_people_belong_to_frames_and_tracks(annotated):
    out, _ = annotated
    ((num_people,),) = query(out, "select count(*) from people")
    assert num_people > 0
    assert query(out, "select sum(num_people) from frames") == [(num_people,)]
    for sql in (
        "from people anti join tracks using (clip_id, track_id)",
        "from people anti join frames using (clip_id, frame_index, time_s)",
        """from frames f where num_people != (select count(*) from people p
        where p.clip_id = f.clip_id and p.frame_index = f.frame_index)""",
        "from people where is_finite and (joints_3d is null or transl_world is null)",
    ):
        assert query(out, sql) == []


def test_times_are_the_videos_own(annotated):
    out, _ = annotated
    rows = query(out, "select frame_index, time_s, is_seam from frames order by all")
    assert [time_s for _, time_s, _ in rows] == pytest.approx([row[0] / 25 for row in rows])
    # a [0, 4), then a [3, 7) with its seam at 3, and b [0, 3).
    assert sorted((index, is_seam) for index, _, is_seam in rows) == sorted(
        [(i, False) for i in (0, 1, 2, 3)]
        + [(3, True), (4, False), (5, False), (6, False)]
        + [(i, False) for i in (0, 1, 2)]
    )


def test_a_depth_picture_is_read_from_its_bytes_alone(annotated):
    out, _ = annotated
    rows = query(
        out,
        """select depth_file, depth_byte_offset, depth_byte_length, depth_codec_header,
        depth_width, depth_height, depth_min_m, depth_median_m, depth_max_m from frames
        where frame_index = 3 and is_seam""",
    )
    ((name, offset, length, header, width, height, *statistics),) = rows
    with (out / name).open("rb") as file:
        file.seek(offset)
        depth_m = read_depth_frame(file.read(length), header, width, height)
    assert depth_m.shape == (64, 128)
    found = (np.nanmin(depth_m), np.nanmedian(depth_m), np.nanmax(depth_m))
    assert found == pytest.approx(statistics, rel=1e-3)


def test_a_second_run_has_nothing_to_do_and_changes_no_byte(source, annotated):
    out, first = annotated
    before = files_of(out)
    again = h3r("annotate", source, out, *MODEL, *PLAN)
    assert again.exit_code == 0
    assert "this run: nothing to do" in again.stdout
    assert files_of(out) == before
    # Settings that are left out are those of OUT.
    short = h3r("annotate", source, out, *MODEL, "--json")
    assert short.exit_code == 0
    assert {**short.json, "run_seconds": 0} == {
        **first.json,
        "run_seconds": 0,
        "run_frames": 0,
        "run_frames_per_s": 0.0,
    }


def test_verify_finds_no_fault_and_gc_nothing_to_do(annotated):
    out, _ = annotated
    verdict = h3r("verify", out, "--json")
    assert verdict.exit_code == 0
    assert verdict.json["faults"] == []
    assert verdict.json["num_clips"] == 3
    # Frames, people and tracks of two shards, and a depth object a clip.
    assert verdict.json["num_files"] == 2 * 3 + 3
    assert h3r("gc", out, "--grace-hours", 0, "--json").json["files"] == []


def test_labels_of_another_model_are_refused(source, annotated, tmp_path):
    out, _ = annotated
    before = files_of(out)
    model = h3r("annotate", source, out, "--preset", "tiny", "--seed", 2, "--no-depth")
    assert model.exit_code == 4
    assert f"h3r: {out}: holds labels made differently" in model.stderr
    assert "\n  body_model_sha256: '" in model.stderr
    assert "\n  labels.depth: True -> False\n" in model.stderr
    assert "\n  weights_sha256: '" in model.stderr
    assert model.stderr.endswith("Use OUT's settings, or annotate into a new OUT\n")
    plan = h3r("annotate", source, out, *MODEL, "--fps", 5)
    assert plan.exit_code == 4
    assert "\n  fps: None -> 5.0\n" in plan.stderr
    make_video(tmp_path / "other.mp4", 2)
    elsewhere = h3r("annotate", tmp_path / "other.mp4", out, *MODEL)
    assert elsewhere.exit_code == 4
    assert "was planned from 2 other videos, such as 'a/walk.mp4'" in elsewhere.stderr
    assert files_of(out) == before


def test_neither_workers_nor_batches_change_a_row(source, annotated, tmp_path):
    """One worker with clips side by side (`annotated`), and two with one clip after another."""
    out = tmp_path / "out"
    pace = ("--workers", 2, "--batch-clips", 1, "--num-cpus-per-worker", 1)
    answer = h3r("annotate", source, out, *MODEL, *PLAN, *pace)
    assert answer.exit_code == 0, answer.stderr
    for name in ("frames", "people", "tracks", "clips"):
        found, expected = (canonical_rows(path, name) for path in (out, annotated[0]))
        assert found.num_rows == expected.num_rows > 0
        for column in expected.column_names:
            assert_close(found[column].to_pylist(), expected[column].to_pylist(), column)


def canonical_rows(out, name):
    """A table in one order, without what another run of the same job may say differently."""
    table = pq.read_table(out / name)
    keys = [key for key in ("clip_id", "frame_index", "track_id") if key in table.column_names]
    kept = [column for column in table.column_names if not is_of_the_run(column)]
    return table.sort_by([(key, "ascending") for key in keys]).select(kept)


def is_of_the_run(column):
    """Files (their names carry the attempt), seconds spent, and depth's bytes.

    A depth on the brink between two codes may fall to either, and changes the bytes after it.
    """
    seconds = ("decode_s", "network_s", "body_s", "depth_s", "write_s")
    endings = ("_file", "_sha256", "_size_bytes", "_byte_offset", "_byte_length")
    return column in seconds or (column.endswith(endings) and column != "weights_sha256")


def assert_close(found, expected, name):
    """Equal; floating-point numbers within 1e-5."""
    is_given = [value is not None for value in expected]
    assert [value is not None for value in found] == is_given, name
    pairs = [np.array([v for v in values if v is not None]) for values in (found, expected)]
    if pairs[1].dtype.kind == "f":
        np.testing.assert_allclose(*pairs, rtol=1e-5, atol=1e-5, err_msg=name)
    else:
        assert found == expected, name
