"""Lay ragged people out in a padded batch and back.

Letters: B clips, P people (flat), Q most people in one clip.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Seats:
    """Where each of P flat people sits in a padded batch.

    Args:
        clip_index: `[P]` int64, ascending.
        seat: `[P]` int64, place inside the clip.
        is_taken: `[B, Q]` bool, False where padded.
    """

    clip_index: Tensor
    seat: Tensor
    is_taken: Tensor

    def pad(self, flat: Tensor) -> Tensor:
        """Lay `[P, ...]` out as `[B, Q, ...]`, zeros where padded."""
        padded = flat.new_zeros((*self.is_taken.shape, *flat.shape[1:]))
        padded[self.clip_index, self.seat] = flat
        return padded

    def gather(self, padded: Tensor) -> Tensor:
        """Read `[P, ...]` back from `[B, Q, ...]`."""
        return padded[self.clip_index, self.seat]


def assign_seats(clip_index: Tensor, num_clips: int) -> Seats:
    """Seat the people of each clip in their order.

    Args:
        clip_index: `[P]` int64, ascending.
        num_clips: B, at least 1.
    """
    count = torch.bincount(clip_index, minlength=num_clips)
    first = count.cumsum(0) - count
    seat = torch.arange(len(clip_index), device=clip_index.device) - first[clip_index]
    places = torch.arange(int(count.max()), device=clip_index.device)
    return Seats(clip_index, seat, places[None] < count[:, None])
