"""Which preset a checkpoint is: read from its tensors' shapes and its authors' model string.

The string is Python its authors `eval`; here it is only parsed, and only the numbers and names
listed below are read from it.
"""

import ast
import re
from collections.abc import Mapping
from dataclasses import asdict

from human3r_model.config import PRESETS, ModelConfig
from human3r_model.errors import CheckpointError

Shapes = Mapping[str, tuple[int, ...]]

# Keyword of the model string -> the size it states.
_STATED = {
    "patch_size": "patch_size",
    "enc_embed_dim": "enc_dim",
    "enc_depth": "enc_depth",
    "enc_num_heads": "enc_heads",
    "dec_embed_dim": "dec_dim",
    "dec_depth": "dec_depth",
    "dec_num_heads": "dec_heads",
    "state_dec_num_heads": "state_heads",
    "state_size": "state_tokens",
    "local_mem_size": "memory_slots",
    "mhmr_img_res": "dino_image_size",
}

# What a run decides and no weight depends on.
_NOT_ARCHITECTURE = {"detection_threshold", "max_remembered_people"}


def architecture(config: ModelConfig) -> dict[str, object]:
    """Every size the weights depend on, as plain values for a file's metadata."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(config).items()
        if name not in _NOT_ARCHITECTURE
    }


def identify(
    path: str, shapes: Shapes, model_string: str | None, preset: str | None = None
) -> ModelConfig:
    """The preset whose sizes agree with everything the checkpoint says about itself.

    Attention heads and DINOv2's picture size leave no trace in the shapes: what the model string
    says of them is compared too, and what it leaves out is the preset's.

    Args:
        path: The checkpoint, for messages.
        shapes: Shape of every tensor by name.
        model_string: The authors' expression, if the checkpoint has one.
        preset: Name of the preset, for a checkpoint without a model string.

    Raises:
        CheckpointError: No preset agrees (both values are named), more than one does, the model
            string cannot be parsed or contradicts the shapes.
    """
    if preset is not None and preset not in PRESETS:
        raise CheckpointError(path, f"no preset {preset!r}: choose one of {', '.join(PRESETS)}")
    measured = _sizes_of_shapes(path, shapes)
    stated = _sizes_of_string(path, model_string) if model_string else {}
    contradictions = [
        f"{name} is {measured[name]} by the tensors, {value} by the model string"
        for name, value in stated.items()
        if measured.get(name, value) != value
    ]
    if contradictions:
        raise CheckpointError(path, f"contradicts itself: {'; '.join(contradictions)}")
    known = measured | stated
    candidates = [PRESETS[preset]] if preset else list(PRESETS.values())
    differences = {config.name: _differences(known, config) for config in candidates}
    agreeing = [config for config in candidates if not differences[config.name]]
    if len(agreeing) > 1:
        names = ", ".join(config.name for config in agreeing)
        raise CheckpointError(path, f"has no model string to tell {names} apart: pass --preset")
    if not agreeing:
        nearest = min(differences, key=lambda name: len(differences[name]))
        raise CheckpointError(
            path, f"fits no known network; nearest {nearest}: {'; '.join(differences[nearest])}"
        )
    return agreeing[0]


def _differences(known: dict[str, object], config: ModelConfig) -> list[str]:
    return [
        f"{name} is {value}, expected {getattr(config, name)}"
        for name, value in known.items()
        if getattr(config, name) != value
    ]


def _sizes_of_shapes(path: str, shapes: Shapes) -> dict[str, object]:
    def size(name: str, axis: int) -> int:
        try:
            return shapes[name][axis]
        except LookupError as error:
            raise CheckpointError(path, f"lacks {name}: not a Human3R checkpoint") from error

    def depth(blocks: str) -> int:
        pattern = re.compile(re.escape(blocks) + r"\.(\d+)\.")
        found = {int(match[1]) for match in map(pattern.match, shapes) if match}
        return max(found, default=-1) + 1

    enc_dim = size("patch_embed.proj.weight", 0)
    levels = "downstream_head.dpt_self.act_postprocess.{}.0.weight"
    return {
        "enc_dim": enc_dim,
        "patch_size": size("patch_embed.proj.weight", 2),
        "enc_depth": depth("enc_blocks"),
        "mlp_ratio": size("enc_blocks.0.mlp.fc1.weight", 0) // max(enc_dim, 1),
        "dec_dim": size("decoder_embed.weight", 0),
        "dec_depth": depth("dec_blocks"),
        "state_tokens": size("register_tokens.weight", 0),
        "memory_slots": size("pose_retriever.mem", 1),
        "dino_dim": size("backbone.encoder.patch_embed.proj.weight", 0),
        "dino_patch_size": size("backbone.encoder.patch_embed.proj.weight", 2),
        "dino_depth": depth("backbone.encoder.blocks"),
        "dino_position_grid": round((size("backbone.encoder.pos_embed", 1) - 1) ** 0.5),
        "dpt_dims": tuple(size(levels.format(level), 0) for level in range(4)),
        "dpt_features": size("downstream_head.dpt_self.scratch.layer_rn.0.weight", 0),
    }


def _sizes_of_string(path: str, model_string: str) -> dict[str, object]:
    """The sizes stated in `ARCroco3DStereo(ARCroco3DStereoConfig(name=value, ...))`."""
    try:
        expression = ast.parse(model_string, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise CheckpointError(path, f"its model string cannot be parsed: {error}") from error
    match expression:
        case ast.Call(args=[ast.Call(keywords=keywords)]):
            values = {keyword.arg: keyword.value for keyword in keywords}
        case _:
            raise CheckpointError(
                path, f"its model string is not Network(Config(...)): {model_string[:100]!r}"
            )
    sizes: dict[str, object] = {}
    for keyword, field in _STATED.items():
        match values.get(keyword):
            case None:
                continue
            case ast.Constant(value=int(value)):
                sizes[field] = value
            case other:
                raise CheckpointError(
                    path, f"its model string states {keyword}={ast.unparse(other)}, not a number"
                )
    return sizes
