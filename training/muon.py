"""Muon in float32.

`torch.optim.Muon` orthogonalises in bfloat16, for which a CPU without instructions for it takes
thirty times as long (docs/nano.md).
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

MOMENTUM = 0.95
NUM_ITERATIONS = 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic that is steepest at 0 and leaves singular values between 0.7 and 1.2."""
ADAMW_SIZE = 0.2
"""Root mean square of AdamW's steps, in learning rates (arXiv 2502.16982, sec. 2.2)."""


class Muon(torch.optim.Optimizer):
    """Steps matrices by their orthogonalised Nesterov momentum, scaled to the size of AdamW's step.

    Keller Jordan, "Muon: An optimizer for hidden layers in neural networks", 2024.
    """

    def __init__(
        self, matrices: Iterable[nn.Parameter], learning_rate: float, weight_decay: float
    ) -> None:
        """Step `matrices`, each [A, B]; `weight_decay` is AdamW's."""
        super().__init__(matrices, {"lr": learning_rate, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Step every matrix that has a gradient; there is no closure, which torch's others take."""
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                state = self.state[matrix]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(matrix)
                momentum = state["momentum_buffer"].lerp_(matrix.grad, 1 - MOMENTUM)
                update = orthogonalise(matrix.grad.lerp(momentum, MOMENTUM))
                size = ADAMW_SIZE * max(matrix.shape) ** 0.5
                matrix.mul_(1 - group["lr"] * group["weight_decay"])
                matrix.add_(update, alpha=-group["lr"] * size)


def orthogonalise(matrix: Tensor) -> Tensor:
    """[A, B] with the singular vectors of `matrix` and singular values near 1 (Newton-Schulz)."""
    a, b, c = COEFFICIENTS
    wide = matrix.mT if matrix.shape[0] > matrix.shape[1] else matrix
    wide = wide / wide.norm().clamp(min=1e-7)
    for _ in range(NUM_ITERATIONS):
        gram = wide @ wide.mT
        wide = torch.addmm(wide, torch.addmm(gram, gram, gram, beta=b, alpha=c), wide, beta=a)
    return wide.mT if matrix.shape[0] > matrix.shape[1] else wide
