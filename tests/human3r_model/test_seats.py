"""Ragged people to a padded batch and back."""

import torch

from human3r_model.seats import assign_seats


def test_people_come_back_from_their_seats():
    seats = assign_seats(torch.tensor([0, 0, 2, 2, 2]), num_clips=4)
    flat = torch.arange(10.0).view(5, 2)
    padded = seats.pad(flat)
    assert seats.is_taken.tolist() == [
        [True, True, False],
        [False, False, False],
        [True, True, True],
        [False, False, False],
    ]
    assert padded[:, :, 0].tolist() == [[0, 2, 0], [0, 0, 0], [4, 6, 8], [0, 0, 0]]
    assert torch.equal(seats.gather(padded), flat)


def test_nobody_anywhere():
    seats = assign_seats(torch.zeros(0, dtype=torch.int64), num_clips=2)
    assert seats.is_taken.shape == (2, 0)
    assert seats.gather(seats.pad(torch.zeros(0, 3))).shape == (0, 3)
