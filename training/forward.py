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


def encode_scenery(model: Human3R, frames: Tensor) -> Features:
    """Look at frames, each on its own, and find nobody; the person backbone does not run.

    Args:
        model: In training mode or not.
        frames: [F, H, W, 3] uint8 RGB.
    """
    config, size = model.config, (frames.shape[1], frames.shape[2])
    image_tokens = _encode_image(model, _normalise(model, frames))
    score_map = image_tokens.new_zeros(len(frames), config.dino_grid, config.dino_grid)
    nothing = image_tokens.new_zeros(len(frames), config.dino_grid**2, config.dino_dim)
    found = detect_people(model.downstream_head, config, score_map, nothing, image_tokens, size)
    return Features(size, image_tokens, score_map, None, found)


def encode(model: Human3R, frames: Tensor, cells: Tensor) -> Encoded:
    """Look at frames, each on its own, and seat people where they are known to be.

    Args:
        model: In training mode or not: it has no dropout.
        frames: [F, H, W, 3] uint8 RGB.
        cells: [P, 3] int64 frame, row, column of each person's patch, ascending, no two equal.
    """
    config, head = model.config, model.downstream_head
    size = (frames.shape[1], frames.shape[2])
    image = _normalise(model, frames)
    image_tokens = _encode_image(model, image)
    with torch.autocast(frames.device.type, torch.bfloat16, enabled=frames.is_cuda):
        dino_tokens = model.backbone(fit_square(image, config.dino_image_size))
    score_map = image.new_zeros(len(frames), config.dino_grid, config.dino_grid)
    score_map[tuple(cells.unbind(-1))] = 1.0
    found = detect_people(head, config, score_map, dino_tokens, image_tokens, size)
    return Encoded(
        features=Features(size, image_tokens, score_map, None, found),
        dino_tokens=dino_tokens,
        score_logits=head.mlp_classif(dino_tokens)[..., 0],
        mask_logits=head.mlp_msk(dino_tokens),
    )


def _normalise(model: Human3R, frames: Tensor) -> Tensor:
    return (frames.permute(0, 3, 1, 2).to(model.pose_token.dtype) / 255 - 0.5) / 0.5


def _encode_image(model: Human3R, image: Tensor) -> Tensor:
    with torch.autocast(image.device.type, torch.bfloat16, enabled=image.is_cuda):
        return model.encode_image(image)
