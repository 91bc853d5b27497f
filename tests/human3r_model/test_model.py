"""The network's promises: purity, neighbours without influence, only the heads asked for."""

import pytest
import torch

from human3r_model.errors import InputError
from human3r_model.random_weights import random_model
from human3r_model.values import Features, HeadSelection, State
from tests.human3r_model.reference import load, new_tiny_model, relative_error, tiny_model

EVERYTHING = HeadSelection(pointmap=True, world_pointmap=True, masks=True)
NO_MAPS = HeadSelection(pointmap=False)
OUTPUTS = ("camera_pose", "pointmap", "confidence", "world_pointmap", "world_confidence", "masks")
PEOPLE = ("track_id", "score", "head_px", "padded_head_px", "patch", "rotations", "betas")
PEOPLE += ("expression", "head_position")


@pytest.fixture(scope="module")
def model():
    return tiny_model(-1.5)


@pytest.fixture(scope="module")
def frames():
    return load("sparse.npz")["frames"]


def random_frames(num_frames, height=48, width=64):
    generator = torch.Generator().manual_seed(0)
    size = (num_frames, height, width, 3)
    return torch.randint(0, 256, size, dtype=torch.uint8, generator=generator)


def advance(model, clip, state=None, heads=EVERYTHING):
    """Run a clip alone; its last prediction and its state."""
    state = state or model.initial_state(1)
    prediction = None
    for frame in clip:
        prediction, state = model.step(model.encode(frame[None], heads), state, heads=heads)
    return prediction, state


def assert_same_prediction(batch, place, alone, tolerance):
    """Compare one clip of a batch's prediction with the clip run alone, as reference files are."""
    for name in OUTPUTS:
        ours, theirs = getattr(batch, name)[place], getattr(alone, name)[0]
        if "pointmap" in name:
            ours, theirs = (x.sign() * x.abs().log1p() for x in (ours, theirs))
        assert relative_error(ours, theirs) < tolerance, name
    mine = batch.people.clip_index == place
    for name in PEOPLE:
        ours, theirs = getattr(batch.people, name)[mine], getattr(alone.people, name)
        torch.testing.assert_close(ours, theirs, atol=tolerance, rtol=tolerance)


# The reference files' network magnifies float32's last bits beyond 1e-5 (lengths are exponentials,
# some rotations nearly degenerate), so it is run in float64.
@pytest.mark.parametrize(
    ("make_model", "tolerance", "counts"),
    [
        (lambda: random_model("tiny").model, 1e-5, [[6, 3, 0, 0], [7, 8, 0, 7]]),
        (lambda: new_tiny_model(-1.5).double(), 1e-10, [[1, 6, 0, 0], [2, 2, 0, 3]]),
    ],
    ids=["float32", "float64"],
)
def test_four_clips_together_are_each_alone(make_model, tolerance, counts, frames):
    model, noise = make_model(), random_frames(4)
    black = torch.zeros_like(noise)  # nobody is seen in it
    # (frames seen before, the two frames of the test, reset just now)
    clips = [
        (frames[:3], frames[3:5], False),
        (frames[:0], noise[:2], False),
        (frames[4:6], black[:2], True),
        (noise[2:4], torch.stack([black[0], frames[6]]), False),
    ]
    states = []
    for seen, _, is_reset in clips:
        _, state = advance(model, seen, heads=NO_MAPS)
        states.append(state.reset(torch.tensor([is_reset])))
    together = State.concatenate(states)
    assert together.is_first.tolist() == [False, True, True, False]
    for step in range(2):
        pictures = torch.stack([new[step] for _, new, _ in clips])
        features = model.encode(pictures, EVERYTHING)
        prediction, together = model.step(features, together, heads=EVERYTHING)
        assert prediction.people.clip_index.bincount(minlength=4).tolist() == counts[step]
        for place, (_, new, _) in enumerate(clips):
            alone, states[place] = advance(model, new[step : step + 1], states[place])
            assert_same_prediction(prediction, place, alone, tolerance)
    for place, state in enumerate(states):
        mine = together.select(torch.tensor([place]))
        assert relative_error(mine.tokens, state.tokens) < tolerance
        assert relative_error(mine.memory, state.memory) < tolerance
        assert mine.tracks.next_id.tolist() == state.tracks.next_id.tolist()


def test_encoding_in_any_batch_is_the_same(model, frames):
    whole = model.encode(frames, EVERYTHING)
    for place in range(len(frames)):
        one, part = model.encode(frames[place][None], EVERYTHING), whole[place : place + 1]
        assert torch.equal(part.image_tokens, one.image_tokens)
        torch.testing.assert_close(part.score_map, one.score_map)
        assert part.detections.patch.tolist() == one.detections.patch.tolist()


def test_step_is_pure(model, frames):
    _, state = advance(model, frames[:2], heads=NO_MAPS)
    features = model.encode(frames[2:3])
    tokens, ids = state.tokens.clone(), state.tracks.ids.clone()
    first, _ = model.step(features, state, heads=NO_MAPS)
    second, _ = model.step(features, state, heads=NO_MAPS)
    assert torch.equal(state.tokens, tokens)
    assert torch.equal(state.tracks.ids, ids)
    assert torch.equal(first.camera_pose, second.camera_pose)
    assert first.people.track_id.tolist() == second.people.track_id.tolist()


def test_gate_changes_the_third_frame_and_not_the_first_two(model, frames):
    poses = {}
    for ttt3r in (True, False):
        state, poses[ttt3r] = model.initial_state(1), []
        for frame in frames[:3]:
            features = model.encode(frame[None])
            prediction, state = model.step(features, state, ttt3r=ttt3r, heads=NO_MAPS)
            poses[ttt3r].append(prediction.camera_pose)
    gated, plain = torch.cat(poses[True]), torch.cat(poses[False])
    assert torch.equal(gated[:2], plain[:2])
    assert (gated[2] - plain[2]).abs().max() > 1e-3


def test_reset_is_a_new_segment_with_the_old_ids(model, frames):
    _, state = advance(model, frames[:5], heads=NO_MAPS)
    fresh, reset = model.initial_state(1), state.reset(torch.tensor([True]))
    assert torch.equal(reset.tokens, fresh.tokens)
    assert torch.equal(reset.memory, fresh.memory)
    assert reset.tracks is state.tracks
    assert reset.tracks.next_id.item() == 2
    untouched = state.reset(torch.tensor([False]))
    assert torch.equal(untouched.tokens, state.tokens)
    assert not untouched.is_first.any()


def test_state_does_not_grow_with_the_clip(model):
    black = torch.zeros(6, 48, 64, 3, dtype=torch.uint8)
    _, short = advance(model, black[:1], heads=NO_MAPS)
    _, long = advance(model, black, heads=NO_MAPS)
    assert long.tokens.shape == short.tokens.shape == (1, 16, 48)
    assert long.memory.shape == short.memory.shape == (1, 8, 96)
    assert long.tracks.ids.shape == (1, 0)


def test_only_asked_for_heads_run(model, frames):
    prediction, _ = advance(model, frames[:1], heads=NO_MAPS)
    assert [getattr(prediction, name) for name in OUTPUTS[1:]] == [None] * 5
    everything, _ = advance(model, frames[:1])
    assert torch.equal(prediction.camera_pose, everything.camera_pose)
    assert everything.masks.shape == (1, 112, 112)
    assert everything.world_pointmap.shape == everything.pointmap.shape == (1, 48, 64, 3)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (64, 64), (16, 112), (96, 32), (80, 48)])
def test_any_multiple_of_sixteen(model, height, width):
    prediction, _ = advance(model, random_frames(2, height, width))
    assert prediction.pointmap.shape == (1, height, width, 3)
    head_px = prediction.people.head_px
    assert ((head_px >= 0) & (head_px <= torch.tensor([width - 1, height - 1]))).all()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (torch.zeros(1, 48, 64, 3), r"torch.float32 \[1, 48, 64, 3\]; give uint8"),
        (torch.zeros(48, 64, 3, dtype=torch.uint8), r"\[48, 64, 3\]"),
        (torch.zeros(1, 3, 48, 64, dtype=torch.uint8), r"\[1, 3, 48, 64\]"),
        (torch.zeros(1, 50, 64, 3, dtype=torch.uint8), "64x50 pixels.*multiples of 16"),
        (torch.zeros(1, 0, 64, 3, dtype=torch.uint8), "64x0 pixels"),
    ],
)
def test_frames_that_do_not_fit_are_named(model, wrong, words):
    with pytest.raises(InputError, match=words):
        model.encode(wrong)


def test_step_refuses_what_does_not_belong_together(model, frames):
    features = model.encode(frames[:2])
    with pytest.raises(InputError, match="2 frames and the state 1 clips"):
        model.step(features, model.initial_state(1))
    with pytest.raises(InputError, match="masks were asked of step but not of encode"):
        model.step(features, model.initial_state(2), heads=EVERYTHING)


def test_features_join_and_select_with_their_people(model, frames):
    whole = model.encode(frames[:5], EVERYTHING)
    joined = Features.concatenate([whole[:2], whole[2:2], whole[2:5]])
    for ours, theirs in ((joined, whole), (joined.select(torch.arange(5)), whole)):
        assert len(ours) == 5
        assert torch.equal(ours.image_tokens, theirs.image_tokens)
        assert torch.equal(ours.masks, theirs.masks)
        assert torch.equal(ours.detections.frame_index, theirs.detections.frame_index)
        assert torch.equal(ours.detections.head_px, theirs.detections.head_px)
    assert whole.detections.frame_index.tolist() == [0, 2, 2, 3, 4, 4]
    picked = whole.select(torch.tensor([4, 1, 4, 0]))
    assert picked.detections.frame_index.tolist() == [0, 0, 2, 2, 3]
    order = torch.tensor([4, 5, 4, 5, 0])
    assert torch.equal(picked.detections.head_px, whole.detections.head_px[order])
