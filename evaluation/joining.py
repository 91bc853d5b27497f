"""Joins the clips of a shot, each in a world of its own, into one piece in the world of the first.

Neighbouring clips of a shot share a frame: the last of one is the first of the next. Letters: N
people rows of a clip.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from evaluation.clip_arrays import ClipArrays, PeopleRows
from evaluation.detection import PATCH_MODEL_PX, assign, head_distances
from evaluation.smpl import SmplPeople
from human3r_model.geometry import chain_poses

SAME_HEAD_MODEL_PX = PATCH_MODEL_PX / 2
"""Heads of one picture that lie this close are one head, in pixels of what the network saw.

A network that finds people frame by frame says the same of the shared frame in both clips, but for
rounding. Peaks of its score are two patches apart, so nobody else is within half a patch.
"""


def join_clips(clips: Iterable[ClipArrays]) -> Iterator[ClipArrays]:
    """Join clips for as long as each begins with the frame that the one before it ends with.

    A clip's world is moved so that the camera of the shared frame stands where the clip before has
    it. The shared frame is kept once, as the clip before has it; of that picture's people, those
    with the same head go on as one track. Everybody else of the later clip is new, even who was in
    the clip before and is not in that picture: ids of two clips have nothing to do with each other.
    A cut, a clip that failed or a shared frame that was lost begins a new piece.

    Args:
        clips: Of one video, in the order of their frames.

    Yields:
        The pieces. World and entry are those of the piece's first clip, and so are its track ids.
    """
    run: list[ClipArrays] = []
    for clip in clips:
        if run and run[-1].frame_index[-1] != clip.frame_index[0]:
            piece, run = _join(run), []  # nothing else is held while the piece is looked at
            yield piece
        run.append(clip)
    if run:
        piece, run = _join(run), []
        yield piece


def _join(clips: Sequence[ClipArrays]) -> ClipArrays:
    """The piece of clips that share their frames at the seams."""
    if len(clips) == 1:
        return clips[0]
    first, *later = clips
    return ClipArrays(
        entry=first.entry,
        frame_index=np.concatenate([first.frame_index, *(c.frame_index[1:] for c in later)]),
        time_s=np.concatenate([first.time_s, *(c.time_s[1:] for c in later)]),
        world_from_camera=_chained(clips),
        people=_followed(clips),
        depth=[*first.depth, *(row for clip in later for row in clip.depth[1:])],
    )


def _chained(clips: Sequence[ClipArrays]) -> NDArray[np.float64]:
    """[T, 4, 4] the piece's cameras, in the world of the first clip.

    The next world is the pose of the shared frame times the inverse of the next clip's pose of it.
    """
    first, *later = (clip.world_from_camera for clip in clips)
    segments = [first, *(np.linalg.inv(poses[0]) @ poses for poses in later)]
    world, *moved = chain_poses([torch.from_numpy(poses) for poses in segments])
    return torch.cat([world, *(poses[1:] for poses in moved)]).numpy()


def _followed(clips: Sequence[ClipArrays]) -> PeopleRows:
    """The piece's people, their frames and tracks those of the piece."""
    starts = np.cumsum([0, *(len(clip.frame_index) - 1 for clip in clips[:-1])])
    parts = [
        replace(clip.people, frame=clip.people.frame + start, track_id=track_id)
        for clip, start, track_id in zip(clips, starts, _linked_tracks(clips), strict=True)
    ]
    first_new = [0, *(starts[1:] + 1)]
    kept = [people.frame >= place for people, place in zip(parts, first_new, strict=True)]
    smpl = [people.smpl for people in parts if people.smpl is not None]
    return PeopleRows(
        **_end_to_end([replace(people, smpl=None) for people in parts], kept),
        smpl=SmplPeople(**_end_to_end(smpl, kept)) if smpl else None,
    )


def _linked_tracks(clips: Sequence[ClipArrays]) -> list[NDArray[np.int64]]:
    """[N] the piece's tracks of each clip's rows; those of the first clip keep their ids."""
    tracks = [clips[0].people.track_id]
    num_tracks = int(tracks[0].max(initial=-1)) + 1
    for before, clip in pairwise(clips):
        is_last = before.people.frame == len(before.frame_index) - 1
        is_first = clip.people.frame == 0
        radius_px = SAME_HEAD_MODEL_PX * clip.entry.source_px_per_model_px
        last, first = assign(
            head_distances(before.people.head_px[is_last], clip.people.head_px[is_first], radius_px)
        )
        ids, row_track = np.unique(clip.people.track_id, return_inverse=True)
        linked = np.full(len(ids), -1)
        linked[row_track[is_first][first]] = tracks[-1][is_last][last]
        is_new = linked < 0
        linked[is_new] = num_tracks + np.arange(is_new.sum())
        num_tracks += int(is_new.sum())
        tracks.append(linked[row_track])
    return tracks


def _end_to_end(
    parts: Sequence[PeopleRows] | Sequence[SmplPeople], kept: Sequence[NDArray[np.bool_]]
) -> dict[str, Any]:
    """By name every array of rows: the kept rows [N] of each part, one part after the other."""
    return {
        name: np.concatenate(
            [vars(part)[name][rows] for part, rows in zip(parts, kept, strict=True)]
        )
        for name, values in vars(parts[0]).items()
        if values is not None
    }
