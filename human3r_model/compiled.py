"""The trunk by torch.compile: the same products, with the small operations between them fused."""

import torch
from torch import nn

from human3r_model.errors import CompilerError
from human3r_model.model import Human3R

MOST_VARIANTS = 64
"""Of one block's compiled forms: by picture size, batch of one or more, with padded people or not;
past torch's own 8 a block would quietly run uncompiled."""


def compile_trunk(model: Human3R, backend: str = "inductor") -> None:
    """Have backbones, decoder, pose memory and dense head compiled when they are first run.

    Each kind of block is compiled once and again for another picture size; the first batch of a
    process takes a minute or so. Numbers differ in their last bits, as between two kinds of GPU; in
    16 bits those are coarse, and fused operations round less often.

    Args:
        model: Changed in place; already on its device and in its precision.
        backend: Of torch.compile. "inductor" needs a C compiler, and triton on a GPU.

    Raises:
        CompilerError: Nothing can be compiled here.
    """
    _try_out(model.pose_token.device, backend)
    repeated = (
        model.backbone.encoder.blocks,
        model.enc_blocks,
        model.dec_blocks,
        model.dec_blocks_state,
        model.pose_retriever.read_blocks,
        model.pose_retriever.write_blocks,
    )
    parts: list[nn.Module] = [block for blocks in repeated for block in blocks]
    for part in [*parts, model.downstream_head.dpt_self]:
        # Not torch._dynamo.config: what is set there holds in this thread alone.
        part.compile(backend=backend, recompile_limit=MOST_VARIANTS)


def _try_out(device: torch.device, backend: str) -> None:
    """Compile something small, so that what is missing is told before a clip can fail of it."""
    try:
        torch.compile(torch.sin, backend=backend)(torch.zeros(2, device=device))
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise CompilerError(
            f"torch.compile does not work here: {reason} "
            "Install a C and C++ compiler (gcc, g++), or run without --compile"
        ) from error
