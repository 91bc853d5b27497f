"""Muon: torch's own, but for the rounding of its 16 bits."""

import copy

import pytest
import torch

from training.muon import MOMENTUM, Muon, orthogonalise


@pytest.mark.parametrize("shape", [(24, 24), (24, 40), (40, 24)])
def test_singular_values_become_nearly_one(shape):
    matrix = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    before = torch.linalg.svd(matrix, full_matrices=False)
    after = before.U.T @ orthogonalise(matrix) @ before.Vh.T  # in the same singular vectors
    values = after.diagonal()
    assert 0.6 < values.min() < values.max() < 1.3
    torch.testing.assert_close(after, torch.diag(values), rtol=0, atol=1e-4)


@pytest.mark.parametrize("shape", [(24, 24), (24, 40), (40, 24)])
def test_steps_are_those_of_torch_within_its_rounding(shape):
    generator = torch.Generator().manual_seed(1)
    begun = torch.randn(*shape, generator=generator)
    gradients = [torch.randn(*shape, generator=generator) for _ in range(4)]

    def stepped(make):
        matrix = torch.nn.Parameter(begun.clone())
        optimizer = make([matrix])
        for gradient in gradients:
            matrix.grad = gradient.clone()
            optimizer.step()
        return matrix.detach() - begun

    ours = stepped(lambda matrices: Muon(matrices, 0.01, 0.1))
    theirs = stepped(
        lambda matrices: torch.optim.Muon(
            matrices,
            lr=0.01,
            weight_decay=0.1,
            momentum=MOMENTUM,
            adjust_lr_fn="match_rms_adamw",
        )
    )
    assert (ours - theirs).norm() < 0.02 * theirs.norm()


def test_what_has_no_gradient_stays():
    matrix = torch.nn.Parameter(torch.ones(3, 4))
    optimizer = Muon([matrix], 0.01, 0.1)
    optimizer.step()
    assert torch.equal(matrix, torch.ones(3, 4))


def test_a_kept_state_goes_on():
    generator = torch.Generator().manual_seed(2)
    gradients = [torch.randn(3, 4, generator=generator) for _ in range(3)]
    first, second = (torch.nn.Parameter(torch.ones(3, 4)) for _ in range(2))
    optimizer, other = Muon([first], 0.01, 0.1), Muon([second], 0.01, 0.1)
    for gradient in gradients:
        first.grad = gradient
        optimizer.step()
    second.data.copy_(first.data)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    first.grad = second.grad = gradients[0]
    optimizer.step()
    other.step()
    assert torch.equal(first, second)
