"""Ids: kept by the same person, never given twice, bounded memory, padding without influence."""

from dataclasses import replace

import pytest
import torch

from human3r_model.config import PRESETS
from human3r_model.tracking import empty_tracks, match_probability, track_people

TINY = PRESETS["tiny"]


def people(*places):
    """One clip's people: tokens `[1, Q, 2]` at the given numbers, all real."""
    tokens = torch.tensor([[[float(place), 0.0] for place in places]]).reshape(1, len(places), 2)
    return tokens, torch.ones(1, len(places), dtype=torch.bool)


def run(frames, config=TINY):
    """Ids of each frame of one clip, and the memory after the last."""
    memory, ids = empty_tracks(1, torch.zeros(1), 2), []
    for places in frames:
        tokens, is_person = people(*places)
        found, memory = track_people(tokens, is_person, memory, config)
        ids.append(found[0].tolist())
    return ids, memory


def plain_match(rows, columns, dustbin=-10.0, iterations=20):
    """Sinkhorn with a dustbin, one pair of sets, in double precision and without padding."""
    m, n = len(rows), len(columns)
    cost = torch.full((m + 1, n + 1), dustbin, dtype=torch.float64)
    cost[:m, :n] = -(rows[:, None].double() - columns[None].double()).norm(dim=-1)
    total = torch.tensor(float(m + n), dtype=torch.float64)
    mu = torch.tensor([1.0] * m + [n], dtype=torch.float64) / total
    nu = torch.tensor([1.0] * n + [m], dtype=torch.float64) / total
    u, v = torch.ones(m + 1, dtype=torch.float64), torch.ones(n + 1, dtype=torch.float64)
    for _ in range(iterations):
        u = mu / (cost.exp() @ v)
        v = nu / (cost.exp().T @ u)
    return (u[:, None] * cost.exp() * v * total)[:m, :n]


def test_probability_is_sinkhorns():
    generator = torch.Generator().manual_seed(0)
    rows, columns = torch.randn(5, 3, generator=generator), torch.randn(3, 3, generator=generator)
    everyone = torch.ones(1, 5, dtype=torch.bool)
    found = match_probability(rows[None], columns[None], everyone, everyone[:, :3])[0]
    torch.testing.assert_close(found.double(), plain_match(rows, columns), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([[]], [[]]),
        ([[0, 50]], [[0, 1]]),
        ([[0, 50], [50, 0]], [[0, 1], [1, 0]]),
        ([[0, 50], [51, 1, 300]], [[0, 1], [1, 0, 2]]),
        ([[], [0], [], [0]], [[], [0], [], [0]]),
        # Far from everybody: a new id; the one who left is remembered and comes back.
        ([[0], [200], [0]], [[0], [1], [0]]),
        ([[0, 50], [50], [100], [0, 50, 100, 200]], [[0, 1], [1], [2], [0, 1, 2, 3]]),
    ],
)
def test_ids(frames, expected):
    assert run(frames)[0] == expected


def test_memory_holds_this_frame_first_then_who_is_not_here():
    _, memory = run([[0, 50, 100], [50, 200]])
    assert memory.ids.tolist() == [[1, 3, 0, 2]]
    assert memory.tokens[0, :, 0].tolist() == [50, 200, 0, 100]


def test_memory_is_bounded_and_the_longest_unseen_leave():
    config = replace(TINY, max_remembered_people=3)
    ids, memory = run([[0], [100], [200], [300], [0]], config)
    assert ids == [[0], [1], [2], [3], [4]]  # forgotten, and its old id is not given again
    assert memory.ids.tolist() == [[4, 3, 2]]


def test_clips_of_a_batch_do_not_meet():
    memory = empty_tracks(3, torch.zeros(1), 2)
    tokens = torch.tensor([[[0.0, 0], [50, 0]], [[7, 0], [9e9, 9e9]], [[9e9, 0], [0, 9e9]]])
    is_person = torch.tensor([[True, True], [True, False], [False, False]])
    first, memory = track_people(tokens, is_person, memory, TINY)
    assert first.tolist() == [[0, 1], [0, -1], [-1, -1]]
    assert memory.ids.tolist() == [[0, 1], [0, -1], [-1, -1]]
    assert memory.next_id.tolist() == [2, 1, 0]
    second, memory = track_people(
        tokens[[0, 0, 0]], torch.tensor([[False, True]] * 3), memory, TINY
    )
    assert second.tolist() == [[-1, 1], [-1, 1], [-1, 0]]
