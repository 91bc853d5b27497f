"""The compiled trunk: the same numbers, whole, however clips and people come."""

import copy
import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch._dynamo.utils import counters

from human3r_model.compiled import MOST_VARIANTS, compile_trunk
from human3r_model.errors import CompilerError
from human3r_model.random_weights import random_model
from human3r_model.values import HeadSelection

HEADS = HeadSelection(pointmap=True)


@pytest.fixture(scope="module")
def models():
    """The same network twice; one is compiled as far as goes without a C compiler."""
    plain = random_model("tiny").model
    compiled = copy.deepcopy(plain)
    counters.clear()
    compile_trunk(compiled, backend="eager")
    yield plain, compiled
    torch.compiler.reset()


def run(model, clips):
    """What is said of clips [B, T, H, W, 3] that advance side by side."""
    num_clips, num_frames = clips.shape[:2]
    features = model.encode(clips.flatten(0, 1), HEADS)
    state, predictions = model.initial_state(num_clips), []
    for frame in range(num_frames):
        rows = torch.arange(num_clips) * num_frames + frame
        prediction, state = model.step(features.select(rows), state, heads=HEADS)
        predictions.append(prediction)
    return predictions, state


@pytest.mark.parametrize(("num_clips", "size_hw"), [(2, (64, 128)), (1, (64, 128)), (3, (96, 128))])
def test_the_compiled_network_says_the_same(models, num_clips, size_hw):
    generator = torch.Generator().manual_seed(num_clips)
    shape = (num_clips, 3, *size_hw, 3)
    clips = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    with torch.inference_mode():
        (plain, state), (compiled, other_state) = (run(model, clips) for model in models)
    num_people = {tuple(p.people.clip_index.bincount(minlength=num_clips)) for p in plain}
    assert num_clips == 1 or any(len(set(counts)) > 1 for counts in num_people)  # some are padded
    for one, other in zip(plain, compiled, strict=True):
        for name in ("patch", "track_id", "clip_index"):
            assert torch.equal(getattr(one.people, name), getattr(other.people, name))
        for name in ("rotations", "head_position", "score"):
            torch.testing.assert_close(
                getattr(one.people, name), getattr(other.people, name), rtol=1e-4, atol=1e-4
            )
        torch.testing.assert_close(one.camera_pose, other.camera_pose, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(one.pointmap, other.pointmap, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(state.tokens, other_state.tokens, rtol=1e-3, atol=1e-3)


def test_nothing_fell_back_to_the_uncompiled_network(models):
    assert counters["stats"]["unique_graphs"] > 4
    assert not counters["graph_break"]
    assert counters["stats"]["unique_graphs"] < MOST_VARIANTS


def test_every_form_is_compiled_whatever_torch_allows():
    """Past its limit (of 8) torch leaves a block uncompiled, and says nothing. Here it is 1."""
    torch.compiler.reset()
    counters.clear()
    compiled = random_model("tiny").model
    compile_trunk(compiled, backend="eager")

    def run_all():
        with torch.inference_mode(), torch._dynamo.config.patch(recompile_limit=1):
            for num_clips, height in itertools.product((2, 1), (48, 64)):
                run(compiled, torch.zeros(num_clips, 1, height, 128, 3, dtype=torch.uint8))

    with ThreadPoolExecutor(1) as pool:  # as in a worker: what another thread has set is not seen
        pool.submit(run_all).result()
    assert counters["frames"]["ok"] == counters["frames"]["total"] > 8
    assert not counters["unimplemented"]


def test_a_machine_that_cannot_compile_says_so_at_once():
    model = random_model("tiny").model
    with pytest.raises(CompilerError, match=r"does not work here: .*run without --compile"):
        compile_trunk(model, backend="no such backend")
