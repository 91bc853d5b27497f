"""Tables that do not fit each other are refused, with the keys."""

from typing import Any

import pyarrow as pa
import pytest

from schemas.arrow import empty_table
from schemas.errors import KeysError
from schemas.keys import check_keys
from schemas.tables import CLIPS, FRAMES, PEOPLE, TRACKS
from tests.schemas.rows import CLIP_ID, ROWS, table_of, valid_table

SPECS = {"clips": CLIPS, "frames": FRAMES, "people": PEOPLE, "tracks": TRACKS}
OTHER = "c" * 20


def tables(**changed: pa.Table) -> dict[str, pa.Table]:
    return {name: valid_table(spec) for name, spec in SPECS.items()} | changed


def changed(name: str, row: int = 0, **changes: Any) -> dict[str, pa.Table]:
    return tables(**{name: valid_table(SPECS[name], row, **changes)})


def test_tables_that_fit_pass():
    check_keys(**tables())
    check_keys(**{name: empty_table(spec) for name, spec in SPECS.items()})


def test_an_empty_and_a_failed_clip_have_no_people():
    empty = ROWS["clips"][0] | {"clip_id": OTHER, "num_people_rows": 0, "num_tracks": 0}
    failed = empty | {"clip_id": "d" * 20, "status": "failed", "num_frames": 0}
    frame = ROWS["frames"][2] | {"clip_id": OTHER}
    check_keys(
        **tables(
            clips=table_of(CLIPS, [ROWS["clips"][0], empty | {"num_frames": 1}, failed]),
            frames=table_of(FRAMES, [*ROWS["frames"], frame]),
        )
    )


@pytest.mark.parametrize(
    ("name", "row", "changes", "message"),
    [
        (
            "frames",
            2,
            {"clip_id": OTHER},
            f"1 frames rows of clips .* not in the ledger: .*{OTHER}",
        ),
        (
            "people",
            0,
            {"clip_id": OTHER},
            f"1 people rows of clips .* not in the ledger: .*{OTHER}",
        ),
        (
            "tracks",
            0,
            {"clip_id": OTHER},
            f"1 tracks rows of clips .* not in the ledger: .*{OTHER}",
        ),
        ("clips", 0, {"status": "failed"}, f"2 people rows of clips .* failed: clip_id={CLIP_ID};"),
        ("frames", 1, {"video_id": OTHER}, "1 frames rows with another video than their clip's"),
        (
            "clips",
            0,
            {"num_frames": 4},
            "num_frames is not what frames holds: .*num_frames=4, found=3",
        ),
        ("clips", 0, {"num_frames_corrupt": 1}, "num_frames_corrupt=1, found=0"),
        ("clips", 0, {"num_people_rows": 1}, "num_people_rows=1, found=2"),
        ("clips", 0, {"num_non_finite": 1}, "num_non_finite=1, found=0"),
        ("people", 0, {"is_truncated": True}, "num_truncated=0, found=1"),
        ("people", 0, {"is_out_of_frame": True}, "num_out_of_frame=0, found=1"),
        ("clips", 0, {"num_tracks": 2}, "num_tracks=2, found=1"),
        ("clips", 0, {"depth_file": "depth/other.mkv"}, "3 frames whose depth_file is not the one"),
        ("frames", 0, {"depth_sha256": "f" * 64}, "1 frames whose depth_sha256 is not the one"),
        ("people", 1, {"frame_index": 7}, "1 people in frames .*: clip_id=a+, frame_index=7"),
        ("people", 1, {"time_s": 9.0}, "1 people whose time_s is not that of their frame: .*=9.0"),
        ("people", 0, {"clip_frame": 1}, "1 people whose clip_frame is not that of their frame"),
        ("people", 0, {"is_seam": True}, "1 people whose is_seam is not that of their frame"),
        ("frames", 2, {"num_people": 1}, "frame_index=2, num_people=1, found=0"),
        ("people", 1, {"track_id": 5}, "1 people on tracks that `tracks` has not: .* track_id=5"),
        ("tracks", 0, {"num_frames": 1}, "num_frames=1, found=2"),
        ("tracks", 0, {"track_id": 3}, "track_id=3, num_frames=2, found=0"),
        ("tracks", 0, {"start_frame": 1}, "span is not that of their people: .*, start_frame=1,"),
        ("tracks", 0, {"end_frame": 3}, "span is not that of their people: .*, end_frame=3"),
    ],
)
def test_tables_that_do_not_fit_are_refused(name, row, changes, message):
    with pytest.raises(KeysError, match=message):
        check_keys(**changed(name, row, **changes))


def test_an_error_shows_five_keys_and_counts_the_rest():
    rows = [ROWS["tracks"][0] | {"track_id": i} for i in range(9)]
    with pytest.raises(KeysError) as caught:
        check_keys(**tables(tracks=table_of(TRACKS, rows)))
    count, num_frames = caught.value.violations
    assert count == (
        "1 clips whose num_tracks is not what tracks holds: "
        f"clip_id={CLIP_ID}, num_tracks=1, found=9"
    )
    ids = "; ".join(f"clip_id={CLIP_ID}, track_id={i}, num_frames=2, found=0" for i in range(1, 6))
    assert num_frames == (f"8 tracks whose num_frames is not what people holds: {ids} and 3 more")
