"""With a network that answers what is true of the picture it is shown, the labels are true."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from evaluation.dataset import Dataset
from evaluation.joining import join_clips
from pipeline.config import WorkerConfig
from pipeline.ledger import read_ledger
from pipeline.plan import read_plan
from pipeline.tables import read_table
from tests.end_to_end.guard.comparison import compare
from tests.end_to_end.guard.found import read_clip
from tests.end_to_end.guard.planting import Plant, plant
from tests.end_to_end.guard.world import FOUR_THREE, LONG, PORTRAIT, SPANS, TURNED, WIDE


@pytest.fixture(scope="module")
def found(world, labelled, off_body):
    """The columns of every clip in the labels, by (video, first frame)."""
    return read_all(labelled, world, off_body)


def read_all(store, world, body):
    return {
        (row["uri"], row["start_frame"]): read_clip(store, row, world.videos[row["uri"]], body)
        for row in read_ledger(store).to_pylist()
    }


def differing(one, other):
    """Columns that are not the same to the last bit."""
    assert one.keys() == other.keys()
    return {name for name in one if not np.array_equal(one[name], other[name], equal_nan=True)}


def test_the_world_is_hard_enough(world, labelled):
    sizes = {uri: (video.width, video.height) for uri, video in world.videos.items()}
    assert sizes == {
        FOUR_THREE: (208, 156),
        LONG: (250, 140),
        PORTRAIT: (140, 250),
        WIDE: (250, 140),
        "turned/four-three.mp4": (208, 156),
        "turned/portrait.mp4": (140, 250),
    }
    rows = read_plan(labelled, clip_columns=[]).videos.to_pylist()
    assert {row["uri"]: row["rotation_deg"] for row in rows if row["rotation_deg"]} == {
        "turned/four-three.mp4": 90,
        "turned/portrait.mp4": 270,
    }
    assert [row["uri"] for row in rows if row["is_variable_rate"]] == [
        PORTRAIT,
        "turned/portrait.mp4",
    ]
    for video in world.videos.values():
        first, last = (video.frames[i].world_from_camera[:3, 3] for i in (0, -1))
        assert np.linalg.norm(last - first) > 0.01  # metres the camera moves
        assert max(len(frame.seen) for frame in video.frames) >= 2


def test_the_files_show_what_was_rendered_frame_by_frame(world):
    for video in world.videos.values():
        shown, rendered = (
            np.array([getattr(frame, name) for frame in video.frames], float)
            for name in ("shown", "rendered")
        )
        apart = np.square(shown[:, None] - rendered).mean(axis=(2, 3, 4))
        assert apart.argmin(axis=1).tolist() == list(range(len(video.frames)))


def test_every_column_of_the_labels_is_true(world, labelled, expected, off_body):
    assert compare(labelled, expected, world.videos, off_body) == []


def test_every_column_of_the_corpus_truth_is_true(world, expected, off_body):
    upright = {key: clip for key, clip in expected.items() if key[0] not in TURNED}
    assert compare(world.truth, upright, world.videos, off_body, is_exact=True) == []


@pytest.mark.parametrize(("turned", "original"), [(uri, TURNED[uri][0]) for uri in TURNED])
def test_a_turned_video_gives_the_same_people(found, turned, original):
    same, other = found[turned, 0].people, found[original, 0].people
    assert len(same["track_id"]) >= 12  # two people in 6 frames
    assert differing(same, other) == set()


NUM_TRACKS = 4
"""Of three actors: one is seen in frame 0 and from 6 on, and not where the clips meet, at 5."""
APART = np.eye(4)
APART[:3, :3] = Rotation.from_rotvec([0.3, -0.8, 0.5]).as_matrix()
APART[:3, 3] = (1, 2, 3)


def joined(labelled):
    """The long video's clips as evaluation joins them, worlds and track ids made to differ first.

    The oracle's worlds all begin at the identity, and its tracks are the actors.
    """
    labels = Dataset(labelled)
    clips = []
    for place, entry in enumerate(labels.clips[LONG]):
        clip = labels.read_clip(entry)
        poses = np.linalg.matrix_power(APART, place) @ clip.world_from_camera
        others = replace(clip.people, track_id=(clip.people.track_id + place) % 3)
        clips.append(replace(clip, world_from_camera=poses, people=others))
    (piece,) = join_clips(clips)
    return piece


def chain_error(world, piece):
    """How far the joined cameras of the long video are off."""
    true = np.array([frame.world_from_camera for frame in world.videos[LONG].frames])
    return np.abs(piece.world_from_camera - np.linalg.inv(true[0]) @ true).max()


def wrong_tracks(found, piece):
    """How many rows of the joined clips are not of the actor that their track begins with."""
    clips = [found[LONG, start].people for start, _ in SPANS[LONG]]
    actors = np.concatenate(
        [
            people["track_id"][(people["frame_index"] > start) | (start == 0)]
            for people, (start, _) in zip(clips, SPANS[LONG], strict=True)
        ]
    )
    _, first_row, track = np.unique(piece.people.track_id, return_index=True, return_inverse=True)
    return int((actors[first_row][track] != actors).sum())


def test_clips_are_joined_over_the_frame_they_share(world, labelled, found):
    piece = joined(labelled)
    assert piece.frame_index.tolist() == list(range(15))
    assert chain_error(world, piece) < 1e-5
    assert wrong_tracks(found, piece) == 0
    assert len(np.unique(piece.people.track_id)) == NUM_TRACKS


@pytest.mark.parametrize(
    ("function", "right", "wrong"),
    [
        (
            "human3r_model.geometry:chain_poses",
            "world_from_segment @ poses",
            "poses @ world_from_segment",
        ),
        ("human3r_model.geometry:chain_poses", "= world[-1]", "= poses[-1]"),
        ("human3r_model.geometry:chain_poses", "= world[-1]", "= world[-2]"),
        ("evaluation.joining:_chained", "inv(poses[0]) @ poses", "inv(poses[1]) @ poses"),
        (
            "evaluation.joining:_chained",
            "np.linalg.inv(poses[0]) @ poses",
            "poses @ np.linalg.inv(poses[0])",
        ),
        ("evaluation.joining:_chained", "np.linalg.inv(poses[0]) @ poses", "poses[0] @ poses"),
        ("evaluation.joining:_chained", "np.linalg.inv(poses[0]) @ poses", "poses"),
    ],
)
def test_a_wrong_chain_is_seen(function, right, wrong, world, labelled, monkeypatch):
    plant(monkeypatch, Plant("a wrong chain", function, right, wrong, frozenset()))
    assert chain_error(world, joined(labelled)) > 1e-3


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("tracks[-1][is_last]", "before.people.track_id[is_last]"),
        ("row_track[is_first][first]", "first"),
        ("is_new = linked < 0", "linked, is_new = ids, linked < -1"),
        ("before.people.frame == len(before.frame_index) - 1", "before.people.frame == 0"),
    ],
)
def test_tracks_that_are_linked_wrongly_are_seen(right, wrong, labelled, found, monkeypatch):
    function = "evaluation.joining:_linked_tracks"
    plant(monkeypatch, Plant("wrong tracks", function, right, wrong, frozenset()))
    piece = joined(labelled)
    assert wrong_tracks(found, piece) or len(np.unique(piece.people.track_id)) > NUM_TRACKS


def test_the_shared_frame_says_the_same_in_both_clips(found):
    for start, before in ((5, 0), (10, 5)):
        end = found[LONG, before].people
        begin = found[LONG, start].people
        last, first = (side["frame_index"] == start for side in (end, begin))
        assert last.sum() == first.sum() >= 2
        for name in ("track_id", "head_px", "joints_3d", "betas", "transl"):
            assert np.array_equal(end[name][last], begin[name][first]), name
        # Each clip estimates the focal length in float32: the last of its bits may differ.
        assert np.abs(end["joints_2d"][last] - begin["joints_2d"][first]).max() < 1e-4


def test_tracks_are_the_people(world, labelled):
    for row in read_ledger(labelled).to_pylist():
        video, span = world.videos[row["uri"]], range(row["start_frame"], row["end_frame"])
        seen = {actor: [i for i in span if actor in video.frames[i].seen] for actor in range(3)}
        tracks = read_table(
            labelled, row["tracks_file"], filters=[("clip_id", "==", row["clip_id"])]
        ).to_pylist()
        assert {
            t["track_id"]: (t["start_frame"], t["end_frame"], t["num_frames"]) for t in tracks
        } == {
            actor: (frames[0], frames[-1] + 1, len(frames))
            for actor, frames in seen.items()
            if frames
        }
        for track in tracks:
            betas = video.actors[track["track_id"]].betas
            assert track["median_betas"] == pytest.approx(betas.tolist(), abs=1e-6)


def test_alone_and_side_by_side_are_one(world, found, annotate, off_body, tmp_path):
    alone = WorkerConfig(batch_clips=1, encode_frames=1, prefetch_frames=1)
    again = read_all(annotate(tmp_path / "out", worker=alone), world, off_body)
    assert again.keys() == found.keys()
    for key, clip in found.items():
        assert differing(clip.frames, again[key].frames) == set(), key
        assert differing(clip.people, again[key].people) == set(), key
