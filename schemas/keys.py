"""Do the tables of a shard, or of a release, fit each other? Keys, counts and what rows repeat.

Every table has passed `schemas.checks.validate_table` before: keys are unique, nothing required is
missing. The ledger (`clips`) is what the others are held to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.errors import KeysError
from schemas.rules import Mask

NUM_SHOWN = 5
"""Rows named in a sentence; the rest is counted."""

UNKNOWN = -1
"""Place of a row's partner in another table where it has none."""


def check_keys(clips: pa.Table, frames: pa.Table, people: pa.Table, tracks: pa.Table) -> None:
    """Hold frames, people and tracks to the ledger and to each other.

    - every row belongs to a clip of the ledger that is done or empty, and names that clip's video;
    - the ledger's counts of frames, corrupt frames, people rows (also non-finite, truncated, out of
      frame) and tracks are those of the tables;
    - every person is in a frame of `frames`, at the same place, time and seam, and every frame has
      as many people as it says;
    - every person is on a track of `tracks`, and every track has the rows and the span it says;
    - a frame's depth is in the object the ledger names for its clip.

    Args:
        clips: Rows of the ledger.
        frames: All rows of `frames` for these clips.
        people: All rows of `people` for these clips.
        tracks: All rows of `tracks` for these clips.

    Raises:
        KeysError: One sentence for every broken relation, with the first five keys and values.
    """
    violations: list[str] = []
    for name, table in (("frames", frames), ("people", people), ("tracks", tracks)):
        violations += _check_ledger(clips, name, table)
    violations += _check_counts(clips, "frames", frames, _frame_flags(frames))
    violations += _check_counts(clips, "people", people, _people_flags(people))
    violations += _check_counts(clips, "tracks", tracks, {"num_tracks": _all(tracks)})
    violations += _check_depth(clips, frames)
    violations += _check_frames_of_people(frames, people)
    violations += _check_tracks_of_people(tracks, people)
    if violations:
        raise KeysError(tuple(violations))


def _check_ledger(clips: pa.Table, name: str, table: pa.Table) -> list[str]:
    """Every row belongs to an annotated clip of the ledger, and to that clip's video."""
    clip = _places(table, clips, ("clip_id",))
    is_known = clip != UNKNOWN
    status = _numpy(clips, "status")
    video = _numpy(clips, "video_id")
    is_failed = is_known & _looked_up(status == "failed", clip)
    is_elsewhere = is_known & (_looked_up(video, clip) != _numpy(table, "video_id"))
    return [
        *_violation(
            f"{name} rows of clips that are not in the ledger", table, ~is_known, "clip_id"
        ),
        *_violation(
            f"{name} rows of clips that the ledger calls failed", table, is_failed, "clip_id"
        ),
        *_violation(
            f"{name} rows with another video than their clip's",
            table,
            is_elsewhere,
            "clip_id",
            "video_id",
        ),
    ]


def _all(table: pa.Table) -> Mask:
    return np.ones(table.num_rows, dtype=np.bool_)


def _frame_flags(frames: pa.Table) -> dict[str, Mask]:
    """Which rows each count of the ledger counts."""
    return {"num_frames": _all(frames), "num_frames_corrupt": _numpy(frames, "is_corrupt")}


def _people_flags(people: pa.Table) -> dict[str, Mask]:
    """Which rows each count of the ledger counts."""
    return {
        "num_people_rows": _all(people),
        "num_non_finite": ~_numpy(people, "is_finite"),
        "num_truncated": _numpy(people, "is_truncated", if_null=False),
        "num_out_of_frame": _numpy(people, "is_out_of_frame", if_null=False),
    }


def _check_counts(clips: pa.Table, name: str, table: pa.Table, flags: dict[str, Mask]) -> list[str]:
    """The ledger's counts are those of the rows of `table` that each of them counts."""
    clip = _places(table, clips, ("clip_id",))
    violations = []
    for column, is_counted in flags.items():
        found = np.bincount(clip[is_counted & (clip != UNKNOWN)], minlength=clips.num_rows)
        is_wrong = found != _numpy(clips, column)
        shown = clips.append_column("found", pa.array(found))
        text = f"clips whose {column} is not what {name} holds"
        violations += _violation(text, shown, is_wrong, "clip_id", column, "found")
    return violations


def _check_depth(clips: pa.Table, frames: pa.Table) -> list[str]:
    """A frame with depth names the object, and the hash, that the ledger names for its clip."""
    clip = _places(frames, clips, ("clip_id",))
    has_depth = (clip != UNKNOWN) & (_numpy(frames, "depth_file", if_null="") != "")
    violations = []
    for column in ("depth_file", "depth_sha256"):
        expected = _looked_up(_numpy(clips, column, if_null=""), clip)
        is_other = has_depth & (_numpy(frames, column, if_null="") != expected)
        text = f"frames whose {column} is not the one of the ledger"
        violations += _violation(text, frames, is_other, "clip_id", "frame_index", column)
    return violations


def _check_frames_of_people(frames: pa.Table, people: pa.Table) -> list[str]:
    """People and frames agree on who is where."""
    key = ("clip_id", "frame_index")
    frame = _places(people, frames, key)
    is_known = frame != UNKNOWN
    violations = _violation("people in frames that `frames` has not", people, ~is_known, *key)
    for column in ("clip_frame", "time_s", "is_seam"):
        expected = _looked_up(_numpy(frames, column), frame)
        is_other = is_known & (_numpy(people, column) != expected)
        text = f"people whose {column} is not that of their frame"
        violations += _violation(text, people, is_other, *key, column)
    found = np.bincount(frame[is_known], minlength=frames.num_rows)
    is_wrong = found != _numpy(frames, "num_people")
    shown = frames.append_column("found", pa.array(found))
    text = "frames whose num_people is not what people holds"
    return violations + _violation(text, shown, is_wrong, *key, "num_people", "found")


def _check_tracks_of_people(tracks: pa.Table, people: pa.Table) -> list[str]:
    """People and tracks agree on who is whom; a track's span is that of its people."""
    key = ("clip_id", "track_id")
    track = _places(people, tracks, key)
    is_known = track != UNKNOWN
    violations = _violation("people on tracks that `tracks` has not", people, ~is_known, *key)
    found = np.bincount(track[is_known], minlength=tracks.num_rows)
    is_wrong = found != _numpy(tracks, "num_frames")
    shown = tracks.append_column("found", pa.array(found))
    text = "tracks whose num_frames is not what people holds"
    violations += _violation(text, shown, is_wrong, *key, "num_frames", "found")

    frame_index = _numpy(people, "frame_index")[is_known].astype(np.int64)
    first = np.full(tracks.num_rows, np.iinfo(np.int64).max)
    last = np.full(tracks.num_rows, -1, dtype=np.int64)
    np.minimum.at(first, track[is_known], frame_index)
    np.maximum.at(last, track[is_known], frame_index)
    is_elsewhere = (first != _numpy(tracks, "start_frame")) | (
        last + 1 != _numpy(tracks, "end_frame")
    )
    text = "tracks whose span is not that of their people"
    is_elsewhere &= found > 0
    return violations + _violation(text, tracks, is_elsewhere, *key, "start_frame", "end_frame")


def _places(table: pa.Table, other: pa.Table, key: Sequence[str]) -> NDArray[np.int64]:
    """For each row of `table` the row of `other` with the same key, or UNKNOWN."""
    clip_ids = pc.unique(other.column(key[0]))

    def codes(side: pa.Table) -> NDArray[np.int64]:
        clip = pc.index_in(side.column(key[0]), value_set=clip_ids).fill_null(UNKNOWN)
        code: NDArray[np.int64] = clip.to_numpy().astype(np.int64)
        for name in key[1:]:
            code = np.where(code == UNKNOWN, UNKNOWN, (code << 32) + _numpy(side, name))
        return code

    wanted, known = codes(table), codes(other)
    places = pc.index_in(pa.array(wanted), value_set=pa.array(known)).fill_null(UNKNOWN)
    found: NDArray[np.int64] = places.to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def _looked_up(values: NDArray[Any], places: NDArray[np.int64]) -> NDArray[Any]:
    """The value at each place; where the place is UNKNOWN, any value."""
    if len(values) == 0:
        return np.zeros(len(places), dtype=values.dtype)
    return values[places]


def _numpy(table: pa.Table, name: str, if_null: Any = None) -> NDArray[Any]:
    column = table.column(name)
    if if_null is not None:
        column = column.fill_null(if_null)
    values: NDArray[Any] = column.combine_chunks().to_numpy(zero_copy_only=False)
    return values


def _violation(text: str, table: pa.Table, mask: Mask, *columns: str) -> list[str]:
    """No sentence where nothing is in `mask`, else one with the first rows' `columns`."""
    rows = np.flatnonzero(mask)
    if not len(rows):
        return []
    shown = table.select(columns).take(pa.array(rows[:NUM_SHOWN])).to_pylist()
    parts = [", ".join(f"{name}={value}" for name, value in row.items()) for row in shown]
    more = f" and {len(rows) - NUM_SHOWN} more" if len(rows) > NUM_SHOWN else ""
    return [f"{len(rows)} {text}: {'; '.join(parts)}{more}"]
