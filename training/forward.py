"""The network's forward pass with people at their true places, so that gradients flow.

`Human3R.encode` keeps the patches whose score is a peak; here the true ones are kept instead, and
everything after that is the network's own code. Letters: F frames, P people (flat), G DINOv2
patches a side, H and W pixels.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from human3r_model.backbone import fit_square
from human3r_model.model import Human3R
from human3r_model.people import detect_people
from human3r_model.values import Features


@dataclass(frozen=True)
class Tokens:
    """What the backbones make of F frames, whoever may be in them.

    Attributes:
        image_size_hw: H, W.
        image: [F, L, C].
        dino: [F, G*G, C]; None where the person backbone did not run.
    """

    image_size_hw: tuple[int, int]
    image: Tensor
    dino: Tensor | None


@dataclass(frozen=True)
class Encoded:
    """Frames as the network sees them, with what the losses need of the person backbone.

    Attributes:
        features: Of F frames; its detections are the people of `cells`, in their order.
        dino_tokens: [F, G*G, C].
        score_logits: [F, G*G] person detection, before the sigmoid.
        mask_logits: [F, G*G, 196] person mask of each patch, before the sigmoid.
    """

    features: Features
    dino_tokens: Tensor
    score_logits: Tensor
    mask_logits: Tensor


def look(model: Human3R, frames: Tensor, *, for_people: bool = True) -> Tokens:
    """Run the backbones over frames, each on its own.

    Args:
        model: In training mode or not: it has no dropout.
        frames: [F, H, W, 3] uint8 RGB.
        for_people: Run the person backbone too, which takes most of the time.
    """
    image = (frames.permute(0, 3, 1, 2).to(model.pose_token.dtype) / 255 - 0.5) / 0.5
    dino = None
    with torch.autocast(frames.device.type, torch.bfloat16, enabled=frames.is_cuda):
        image_tokens = model.encode_image(image)
        if for_people:
            dino = model.backbone(fit_square(image, model.config.dino_image_size))
    return Tokens((frames.shape[1], frames.shape[2]), image_tokens, dino)


def seat(model: Human3R, tokens: Tokens, cells: Tensor) -> Encoded:
    """Seat people where they are known to be.

    Args:
        model: Whose tokens they are.
        tokens: Of both backbones.
        cells: [P, 3] int64 frame, row, column of each person's patch, ascending, no two equal.
    """
    assert tokens.dino is not None
    head = model.downstream_head
    score_map = _empty_map(model, tokens)
    score_map[tuple(cells.unbind(-1))] = 1.0
    return Encoded(
        features=_features(model, tokens, score_map, tokens.dino),
        dino_tokens=tokens.dino,
        score_logits=head.mlp_classif(tokens.dino)[..., 0],
        mask_logits=head.mlp_msk(tokens.dino),
    )


def seat_nobody(model: Human3R, tokens: Tokens) -> Features:
    """Take frames for such as nobody is in."""
    config = model.config
    nothing = tokens.image.new_zeros(len(tokens.image), config.dino_grid**2, config.dino_dim)
    return _features(model, tokens, _empty_map(model, tokens), nothing)


def _empty_map(model: Human3R, tokens: Tokens) -> Tensor:
    grid = model.config.dino_grid
    return torch.zeros(len(tokens.image), grid, grid).to(model.pose_token)


def _features(model: Human3R, tokens: Tokens, score_map: Tensor, dino: Tensor) -> Features:
    size, image = tokens.image_size_hw, tokens.image
    found = detect_people(model.downstream_head, model.config, score_map, dino, image, size)
    return Features(size, image, score_map, None, found)
