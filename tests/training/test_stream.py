"""Frames and truth side by side: who sits where, and what is not to be learned."""

import itertools

import numpy as np
import torch

from human3r_model.config import PRESETS
from tests.training.fake_clips import make_clip
from training.clips import write_clip
from training.stream import Batch, ClipStream, Scenery

NANO = PRESETS["nano"]


def one_window(tmp_path, clip, num_steps=1):
    write_clip(tmp_path / "clip.safetensors", clip)
    return ClipStream(
        [tmp_path / "clip.safetensors"], NANO, 1, num_steps, (0,), is_augmented=False
    ).next()


def test_a_head_is_learned_at_its_patch_of_the_square(tmp_path):
    # 192x96 in the middle of a square of 192: y 21 + 48; patches of 8
    batch = one_window(tmp_path, make_clip([(102, 21)]))
    assert batch.padded_head_px.tolist() == [[102.0, 69.0]]
    assert batch.cells.tolist() == [[0, 8, 12]]
    assert (batch.score.view(24, 24) == 1).nonzero().tolist() == [[8, 12]]


def test_the_score_around_a_head_falls_as_widely_as_the_head_is_seen(tmp_path):
    clip = make_clip([(102, 21)])
    widths = []
    for distance_m in (1.0, 8.0):
        clip.head_position[:, :, 2] = distance_m
        row = one_window(tmp_path, clip).score.view(24, 24)[8]  # the head is 0.25 patches right
        assert row[12] == 1
        assert (row[13:].diff() <= 0).all()
        assert row[13] >= row[11]
        widths.append((row > 0.1).sum().item())
    assert widths[0] == 3
    assert widths[1] == 1


def test_a_head_beyond_the_crop_is_learned_at_the_edge(tmp_path):
    batch = one_window(tmp_path, make_clip([(102, -5)]))
    assert batch.padded_head_px.tolist() == [[102.0, 48.0]]


def test_of_two_heads_in_one_patch_the_nearer_is_learned(tmp_path):
    batch = one_window(tmp_path, make_clip([(101, 21), (100, 20)]))
    assert batch.actor.tolist() == [0]
    assert batch.head_position[:, 2].tolist() == [3.0]


def test_people_come_in_the_order_of_their_patches(tmp_path):
    batch = one_window(tmp_path, make_clip([(150, 60), (20, 60), (100, 20)]), num_steps=2)
    assert batch.actor.tolist() == [2, 1, 0, 2, 1, 0]
    assert batch.cells[:, 0].tolist() == [0, 0, 0, 1, 1, 1]


def test_hidden_people_are_neither_right_nor_wrong(tmp_path):
    batch = one_window(tmp_path, make_clip([(100, 20)], visible_fraction=0.05))
    assert len(batch.cells) == 0
    ignored = (batch.score.view(24, 24) < 0).nonzero().tolist()
    assert ignored == [[r, c] for r in (7, 8, 9) for c in (11, 12, 13)]


def test_nobody_is_no_people(tmp_path):
    batch = one_window(tmp_path, make_clip([]))
    assert batch.rotations.shape == (0, 53, 3, 3)
    assert batch.score.abs().sum() == 0


def test_clips_stream_in_order_and_begin_anew(tmp_path):
    clip = make_clip([(100, 20)], num_frames=4)
    write_clip(tmp_path / "clip.safetensors", clip)
    stream = ClipStream([tmp_path / "clip.safetensors"], NANO, 1, 2, (0,), is_augmented=False)
    windows = [stream.next() for _ in range(3)]
    assert [window.is_start.tolist() for window in windows] == [[True], [False], [True]]
    expected = np.concatenate([clip.frames, clip.frames[:2]])
    np.testing.assert_array_equal(torch.cat([w.frames for w in windows]).numpy(), expected)


def test_single_frames_are_clips_of_their_own(tmp_path):
    clip = make_clip([(100, 20)], num_frames=4)
    clip.world_from_camera[:, 2, 3] = range(4)
    write_clip(tmp_path / "clip.safetensors", clip)
    paths = [tmp_path / "clip.safetensors"]
    stream = ClipStream(paths, NANO, 1, 2, (0,), single_paths=paths, is_augmented=False)
    batch = stream.draw_singles(8)
    assert batch.is_start.tolist() == [True] * 8
    assert (batch.world_from_camera == torch.eye(4)).all()
    assert batch.cells[:, 0].tolist() == list(range(8))
    drawn = {
        int(np.flatnonzero((clip.frames == frame).all(axis=(1, 2, 3)))[0])
        for frame in batch.frames.numpy()
    }
    assert len(drawn) > 1
    assert len(stream.next().frames) == 2


def test_moves_come_as_often_as_they_are_asked_for(tmp_path):
    clip = make_clip([(100, 20)], num_frames=2)
    clip.focal_px[:] = 110
    write_clip(tmp_path / "clip.safetensors", clip)
    paths = [tmp_path / "clip.safetensors"]

    def kinds(num, **shares):
        stream = ClipStream(paths, NANO, 3, 2, (0,), single_paths=paths, **shares)
        return [type(batch) for batch in itertools.islice(stream, num)]

    assert set(kinds(5, move_share=1.0)) == {Scenery}
    assert set(kinds(5, single_share=1.0)) == {Batch}
    both = kinds(60, single_share=0.5, move_share=0.3)
    assert 8 < both.count(Scenery) < 28
    moves = ClipStream(paths, NANO, 3, 2, (0,), single_paths=paths).draw_moves()
    assert moves.frames.shape == (6, 96, 192, 3)
    assert moves.depth_m.shape == moves.person.shape == (6, 96, 192)
    assert torch.equal(moves.focal_px[::2], moves.focal_px[1::2])
    assert len(moves.focal_px.unique()) == 3
    stood = moves.world_from_camera - torch.eye(4)
    assert stood[::2].abs().max() < 1e-6
    assert (stood[1::2, :3].abs().amax(1) > 1e-3).all()


def test_pictures_with_a_margin_come_with_many_focal_lengths(tmp_path):
    clip = make_clip([(128, 72)], num_frames=1, height=144, width=256)
    clip.focal_px[:] = 0.6 * 256
    write_clip(tmp_path / "clip.safetensors", clip)
    paths = [tmp_path / "clip.safetensors"]
    stream = ClipStream(paths, NANO, 1, 1, (0,), single_paths=paths)
    for batch in (stream.draw_singles(40), stream.draw_moves()):
        assert batch.frames.shape[1:] == (96, 192, 3)
        assert batch.depth_m.shape[1:] == batch.person.shape[1:] == (96, 192)
    shares = stream.draw_singles(40).focal_px / 192
    assert 0.75 < shares.min() < 0.8 < 0.95 < shares.max() < 1


def test_a_step_begins_with_clips_of_its_own(tmp_path):
    paths = [tmp_path / f"{index}.safetensors" for index in range(20)]
    for index, path in enumerate(paths):
        write_clip(path, make_clip([(index, 20)], num_frames=1))
    stream = ClipStream(paths, NANO, 4, 1, (0,), is_augmented=False)

    def heads(step):
        stream.begin(step)
        return stream.next().padded_head_px[:, 0].tolist()

    assert heads(0) == heads(0)
    assert heads(0) != heads(500)


def test_augmented_people_sit_on_free_patches_beside_their_own(tmp_path):
    write_clip(tmp_path / "clip.safetensors", make_clip([(60, 20), (72, 20)]))
    stream = ClipStream([tmp_path / "clip.safetensors"], NANO, 4, 2, (3,))
    moved = 0
    for _ in range(8):
        batch = stream.next()
        own = (batch.padded_head_px // NANO.dino_patch_size).long().flip(-1)
        step = (batch.cells[:, 1:] - own).abs().amax(dim=1)
        assert step.max() <= 1
        assert len(torch.unique(batch.cells, dim=0)) == len(batch.cells)
        moved += int(step.sum())
    assert moved > 0
