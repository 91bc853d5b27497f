"""Who is who: decoded human tokens matched to the people each clip remembers.

Optimal transport with a dustbin as in SuperGlue (arXiv 1911.11763). Letters: B clips, Q people of
this frame (padded), R remembered people (padded), C channels.
"""

import torch
from torch import Tensor

from human3r_model.config import ModelConfig
from human3r_model.values import TrackMemory

DUSTBIN_SCORE = -10.0
NUM_ITERATIONS = 20
LEAST_MATCH_PROBABILITY = 0.2
NO_ID = -1


def empty_tracks(num_clips: int, like: Tensor, dim: int) -> TrackMemory:
    """Return the memory of clips that have seen nobody.

    Args:
        num_clips: B.
        like: A tensor of the wanted device and dtype.
        dim: C.
    """
    return TrackMemory(
        tokens=like.new_zeros(num_clips, 0, dim),
        ids=torch.zeros(num_clips, 0, dtype=torch.int64, device=like.device),
        next_id=torch.zeros(num_clips, dtype=torch.int64, device=like.device),
    )


def track_people(
    tokens: Tensor, is_person: Tensor, memory: TrackMemory, config: ModelConfig
) -> tuple[Tensor, TrackMemory]:
    """Name the people of one frame of every clip and remember them.

    Afterwards this frame's people come first, then the remembered ones that were not matched; past
    `config.max_remembered_people` the longest unseen are forgotten, so memory stays bounded.

    Args:
        tokens: `[B, Q, C]` decoded human tokens.
        is_person: `[B, Q]`, False where padded.
        memory: What each clip remembers.
        config: For the bound.

    Returns:
        Ids `[B, Q]` int64 (-1 where padded) and the new memory.
    """
    is_remembered = memory.ids != NO_ID
    probability = match_probability(memory.tokens, tokens, is_remembered, is_person)
    is_match = _mutual_best(probability) & (probability > LEAST_MATCH_PROBABILITY)  # [B, R, Q]
    old_id = torch.where(is_match, memory.ids[:, :, None], 0).sum(dim=1)
    is_new = is_person & ~is_match.any(dim=1)
    new_id = memory.next_id[:, None] + is_new.cumsum(dim=1) - 1
    ids = torch.where(is_new, new_id, old_id).masked_fill(~is_person, NO_ID)

    stays = torch.cat([is_person, is_remembered & ~is_match.any(dim=2)], dim=1)
    all_ids = torch.cat([ids, memory.ids], dim=1).masked_fill(~stays, NO_ID)
    longest = min(int(stays.sum(dim=1).max()), config.max_remembered_people)
    order = stays.int().argsort(dim=1, descending=True, stable=True)[:, :longest]
    all_tokens = torch.cat([tokens, memory.tokens], dim=1)
    clip = torch.arange(len(order), device=order.device)[:, None]
    kept = TrackMemory(
        tokens=all_tokens[clip, order],
        ids=all_ids[clip, order],
        next_id=memory.next_id + is_new.sum(dim=1),
    )
    return ids, kept


def match_probability(rows: Tensor, columns: Tensor, is_row: Tensor, is_column: Tensor) -> Tensor:
    """Share each row among the columns and a dustbin by Sinkhorn's iteration in log space.

    Args:
        rows: `[B, R, C]`.
        columns: `[B, Q, C]`.
        is_row: `[B, R]`, False where padded.
        is_column: `[B, Q]`, False where padded.

    Returns:
        `[B, R, Q]`, 0 where padded; a certain match is near 1.
    """
    distance = torch.cdist(rows, columns, compute_mode="donot_use_mm_for_euclid_dist")
    cost = torch.nn.functional.pad(-distance, (0, 1, 0, 1), value=DUSTBIN_SCORE)
    num_rows, num_columns = is_row.sum(dim=1), is_column.sum(dim=1)
    log_total = (num_rows + num_columns).clamp(min=1).to(cost.dtype).log()
    log_mu = _log_marginal(is_row, num_columns, log_total)
    log_nu = _log_marginal(is_column, num_rows, log_total)
    u = torch.zeros_like(log_mu)  # padding weighs nothing from the start:
    v = torch.zeros_like(log_nu).masked_fill(log_nu.isneginf(), -torch.inf)
    for _ in range(NUM_ITERATIONS):
        u = log_mu - (cost + v[:, None, :]).logsumexp(dim=2)
        v = log_nu - (cost + u[:, :, None]).logsumexp(dim=1)
    plan = cost + u[:, :, None] + v[:, None, :] + log_total[:, None, None]
    return plan[:, :-1, :-1].exp()


def _log_marginal(is_real: Tensor, num_others: Tensor, log_total: Tensor) -> Tensor:
    """Log mass of every real entry (one share each) and of the dustbin (one for each other)."""
    entries = (-log_total[:, None]).expand(is_real.shape).masked_fill(~is_real, -torch.inf)
    dustbin = num_others.to(log_total.dtype).log() - log_total
    return torch.cat([entries, dustbin[:, None]], dim=1)


def _mutual_best(probability: Tensor) -> Tensor:
    """Mark the entries `[B, R, Q]` that are the first maximum of both their row and column."""
    if probability.numel() == 0:
        return torch.zeros_like(probability, dtype=torch.bool)
    num_rows, num_columns = probability.shape[1:]
    best_column = probability.argmax(dim=2, keepdim=True)
    best_row = probability.argmax(dim=1, keepdim=True)
    columns = torch.arange(num_columns, device=probability.device)
    rows = torch.arange(num_rows, device=probability.device)
    return (best_column == columns) & (best_row == rows[:, None])
