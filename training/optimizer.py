"""Which parameter is stepped how: Muon for the matrices of the trunk, AdamW for the rest."""

import torch
from torch import nn

from human3r_model.model import Human3R
from training.muon import Muon

_NOT_OF_THE_TRUNK = ("downstream_head.", "pose_retriever.")


def make_optimizers(
    model: Human3R, parameters: list[nn.Parameter], learning_rate: float, weight_decay: float
) -> list[torch.optim.Optimizer]:
    """Split parameters between two optimizers that take the same learning rate.

    Muon takes the linear layers of backbones and decoder; embeddings, convolutions, vectors, pose
    memory and heads are AdamW's.

    Args:
        model: The network.
        parameters: Those to be stepped, of the network or not.
        learning_rate: Of both.
        weight_decay: Of both.
    """
    trunk = {
        id(layer.weight)
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear) and not name.startswith(_NOT_OF_THE_TRUNK)
    }
    matrices = [parameter for parameter in parameters if id(parameter) in trunk]
    rest = [parameter for parameter in parameters if id(parameter) not in trunk]
    return [
        Muon(matrices, learning_rate, weight_decay),
        torch.optim.AdamW(rest, lr=learning_rate, weight_decay=weight_decay),
    ]
