"""The network computed the plain way: the yardstick of `bench model` and an oracle of tests.

Attention makes the whole matrix of queries and keys, TTT3R's gate is the mean of all its logits,
every head runs, and clips go one by one. The product never computes like this.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import torch
from torch import Tensor

from human3r_model.model import Human3R
from human3r_model.values import HeadSelection, Prediction

ALL_HEADS = HeadSelection(pointmap=True, world_pointmap=True, masks=True)


def run_plain(model: Human3R, clips: Tensor) -> list[list[Prediction]]:
    """Run clips `[B, T, H, W, 3]` one by one: a prediction a frame of each."""
    with plain_attention():
        return [_run_clip(model, clip) for clip in clips]


@contextmanager
def plain_attention() -> Iterator[None]:
    """Within it, every network attends by the whole matrix."""
    with (
        patch("human3r_model.layers.attend", attend),
        patch("human3r_model.encoder.attend", attend),
        patch("human3r_model.layers.mean_logit", mean_logit),
    ):
        yield


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """As `human3r_model.layers.attend`, by softmax of all logits."""
    weights = _logits(q, k, mask).softmax(dim=-1).to(v.dtype)
    return (weights @ v).transpose(1, 2).flatten(2)


def mean_logit(q: Tensor, k: Tensor, mask: Tensor | None) -> Tensor:
    """As `human3r_model.layers.mean_logit`, by all logits."""
    logits = _logits(q, k, None)
    if mask is None:
        return logits.mean(dim=(1, 3))
    logits = logits.masked_fill(~mask[:, None, None], 0.0)
    return logits.sum(dim=3).mean(dim=1) / mask.sum(dim=1, keepdim=True)


def _logits(q: Tensor, k: Tensor, mask: Tensor | None) -> Tensor:
    """[B, H, N, K], minus infinity where a key is padding."""
    logits = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    return logits if mask is None else logits.masked_fill(~mask[:, None, None], -torch.inf)


def _run_clip(model: Human3R, frames: Tensor) -> list[Prediction]:
    state, predictions = model.initial_state(1), []
    for frame in frames:
        features = model.encode(frame[None], ALL_HEADS)
        prediction, state = model.step(features, state, heads=ALL_HEADS)
        predictions.append(prediction)
    return predictions
