"""The training pass is the network's own: seated at what it detects, it gives the same features."""

import torch

from human3r_model.random_weights import random_model
from training.forward import look, seat


def test_seated_where_the_network_detects_the_features_are_its_own():
    model = random_model("nano", seed=3).model
    frames = torch.randint(0, 256, (2, 96, 192, 3), dtype=torch.uint8, generator=_generator())
    own = model.encode(frames)
    found = own.detections
    assert len(found.score) > 1
    cells = (own.score_map >= model.config.detection_threshold).nonzero()
    seen = seat(model, look(model, frames), cells).features
    torch.testing.assert_close(seen.image_tokens, own.image_tokens, atol=2e-3, rtol=0)
    torch.testing.assert_close(seen.detections.padded_head_px, found.padded_head_px)
    assert seen.detections.patch.tolist() == found.patch.tolist()
    torch.testing.assert_close(seen.detections.human_token, found.human_token, atol=2e-3, rtol=0)


def test_gradients_reach_the_patches():
    model = random_model("nano").model.requires_grad_(True)
    frames = torch.zeros(1, 96, 192, 3, dtype=torch.uint8)
    seen = seat(model, look(model, frames), torch.tensor([[0, 5, 5]]))
    seen.features.detections.human_token.sum().backward()
    assert model.patch_embed.proj.weight.grad is not None
    assert model.backbone.encoder.patch_embed.proj.weight.grad is not None


def _generator():
    return torch.Generator().manual_seed(0)
