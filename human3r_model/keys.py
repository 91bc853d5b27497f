"""Which tensors of a published checkpoint the network has no use for, and which are there twice.

The module tree carries the checkpoint's own names, so nothing is renamed:
`set(checkpoint) == set(model.state_dict()) | {unused} | {aliases}` holds exactly.
"""

import re

UNUSED_KEYS: dict[str, str] = {
    r"patch_embed_ray_map\..+": "ray-map input, never fed at inference",
    r"enc_blocks_ray_map\..+": "ray-map encoder, never run at inference",
    r"enc_norm_ray_map\..+": "ray-map encoder, never run at inference",
    r"masked_(img|ray_map|smpl)_token": "stands for inputs dropped in training",
    r"mhmr_masked_(img|smpl)_token": "stands for inputs dropped in training",
    r"backbone\.encoder\.mask_token": "stands for patches masked in pre-training",
    r"downstream_head\.init_betas_kid": "child shape prior, not read at inference",
    r"downstream_head\.init_cam": "camera prior, not read at inference",
    r"downstream_head\.dpt_\w+\.scratch\.refinenet4\.resConfUnit1\..+": (
        "would refine a level deeper than the deepest; there is none"
    ),
    r"downstream_head\.dpt_rgb\..+": "colour head, not needed for annotation",
}
"""Pattern (matched against the whole name) -> why the tensor is left out."""

ALIASES: dict[str, str] = {
    f"downstream_head.{head}.scratch.layer{level + 1}_rn.weight": (
        f"downstream_head.{head}.scratch.layer_rn.{level}.weight"
    )
    for head in ("dpt_self", "dpt_cross")
    for level in range(4)
}
"""Second name of a tensor -> the name the network loads it by."""


def unused_reason(name: str) -> str | None:
    """Return why a checkpoint tensor is left out, or None when the network (or an alias) needs it.

    Args:
        name: Name in the checkpoint's `model` dictionary.
    """
    for pattern, reason in UNUSED_KEYS.items():
        if re.fullmatch(pattern, name):
            return reason
    return None
