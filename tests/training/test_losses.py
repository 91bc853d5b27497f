"""Losses against numbers worked out by hand."""

import math

import pytest
import torch

from human3r_model.config import PRESETS
from human3r_model.geometry import axis_angle_to_matrix
from human3r_model.heads import expand_norm
from human3r_model.values import People
from tests.training.fake_clips import UPRIGHT
from training.losses import (
    camera_losses,
    detection_loss,
    focal_loss,
    mask_loss,
    matching_loss,
    points_loss,
    pose_losses,
    shrink_norm,
    true_points,
)

NANO = PRESETS["nano"]
SURE = 30.0  # a logit


def test_shrink_norm_undoes_expand_norm():
    v = torch.tensor([[0.3, -0.2, 1.5], [0.0, 0.0, 0.0]])
    torch.testing.assert_close(shrink_norm(expand_norm(v)), v)


def test_detection_counts_a_person_and_leaves_out_what_does_not_count():
    score = torch.tensor([[1.0, 0.0, -1.0, 0.0]])
    right = torch.tensor([[SURE, -SURE, SURE, -SURE]])
    assert detection_loss(right, score).item() == pytest.approx(0, abs=1e-6)
    missed = torch.tensor([[0.0, -SURE, 0.0, -SURE]])
    assert detection_loss(missed, score).item() == pytest.approx(math.log(2))


def test_true_points_of_a_pixel_right_of_the_middle():
    # 4x2 pixels, middle (1.5, 0.5), f = 2: pixel (3, 1) at 4 m is 4 * (1.5/2, 0.5/2, 1)
    points = true_points(torch.full((1, 2, 4), 4.0), torch.tensor([2.0]))
    assert points[0, 1, 3].tolist() == [3.0, 1.0, 4.0]


def test_points_are_right_only_where_they_are_valid():
    truth = torch.tensor([[[[0.0, 0.0, 2.0], [0.0, 0.0, 9.0]]]])
    guess = torch.tensor([[[[0.0, 0.0, 2.0], [0.0, 0.0, 1.0]]]])
    confidence = torch.ones(1, 1, 2)
    valid = torch.tensor([[[True, False]]])
    assert points_loss(guess, confidence, truth, valid).item() == 0
    # both: half of |log1p(1) - log1p(9)|
    everywhere = points_loss(guess, confidence, truth, torch.ones_like(valid)).item()
    assert everywhere == pytest.approx(math.log(10 / 2) / 2)


def test_camera_is_judged_in_metres_and_by_its_axes():
    truth = torch.eye(4)[None].clone()
    truth[0, 0, 3] = 0.3
    pose = torch.tensor([[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]])  # half a turn about z
    losses = camera_losses(pose, truth)
    assert losses["camera_t"].item() == pytest.approx(0.1)
    assert losses["camera_r"].item() == pytest.approx(math.sqrt(8))  # two axes reversed: 2 * 2^2


def test_the_right_match_is_no_surprise_and_the_wrong_one_is():
    rows = torch.tensor([[0.0, 0.0], [100.0, 0.0]])
    everybody, same = torch.ones(1, 2, dtype=torch.bool), torch.eye(2, dtype=torch.bool)[None]
    right = matching_loss(rows[None], rows[None].clone(), everybody, everybody, same)
    swapped = matching_loss(rows[None], rows.flip(0)[None], everybody, everybody, same)
    assert right.item() < 0.05
    assert swapped.item() > 5


def test_a_stranger_is_no_surprise_where_nobody_is_near():
    one = torch.ones(1, 1, dtype=torch.bool)
    nobody_the_same = torch.zeros(1, 1, 1, dtype=torch.bool)
    far = torch.full((1, 1, 2), 100.0)
    assert matching_loss(torch.zeros(1, 1, 2), far, one, one, nobody_the_same).item() < 0.01


def test_clips_with_fewer_people_are_judged_as_if_alone():
    generator = torch.Generator().manual_seed(0)
    rows, columns = torch.randn(2, 2, 3, 4, generator=generator)  # 2 clips, 3 remembered, 3 seen
    is_row = torch.tensor([[True, False, True], [True, False, False]])
    is_column = torch.tensor([[True, True, True], [True, True, False]])
    is_same = torch.zeros(2, 3, 3, dtype=torch.bool)
    is_same[0, 0, 1] = is_same[0, 2, 2] = is_same[1, 0, 0] = True
    together = matching_loss(rows, columns, is_row, is_column, is_same)
    alone = [
        matching_loss(
            rows[clip : clip + 1, is_row[clip]],
            columns[clip : clip + 1, is_column[clip]],
            is_row[clip : clip + 1, is_row[clip]],
            is_column[clip : clip + 1, is_column[clip]],
            is_same[clip : clip + 1, is_row[clip]][:, :, is_column[clip]],
        )
        for clip in range(2)
    ]
    assert together.item() == pytest.approx((3 * alone[0].item() + 2 * alone[1].item()) / 5)


def test_a_mask_is_compared_inside_the_picture_only():
    person = torch.ones(1, 96, 192)
    logits = torch.full((1, 24, 24, 64), -SURE)
    logits[:, 6:18] = SURE  # rows 48 to 144 of the square: 192x96 of picture in the middle
    assert mask_loss(logits.flatten(1, 2), person, NANO).item() == pytest.approx(0, abs=1e-6)


def test_a_focal_length_is_judged_by_what_the_points_say_of_it():
    depth = torch.rand(2, 24, 32) + 2
    told = torch.tensor([30.0, 40.0], requires_grad=True)
    points = true_points(depth, told)
    assert focal_loss(points, told.detach()).item() == pytest.approx(0, abs=1e-3)
    loss = focal_loss(points, torch.tensor([33.0, 40.0]))
    assert loss.item() == pytest.approx(math.log(1.1) / 2, abs=2e-3)
    loss.backward()
    assert told.grad[0] < 0  # a longer one would be nearer to the truth


def test_who_looks_the_other_way_counts_by_the_angle(free_body):
    truth, turned = a_person([0.0, 0.0, 4.0]), []
    for angle in (0.5, 1.0):
        person = a_person([0.0, 0.0, 4.0])
        person.rotations[0, 0] = axis_angle_to_matrix(torch.tensor([0.0, angle, 0.0]))
        turned.append(pose_losses(person, truth, free_body)["orient"].item())
    assert turned[0] == pytest.approx(2 * math.sqrt(2) * math.sin(0.25), rel=1e-3)
    assert turned[1] / turned[0] < 2


def test_upright_is_half_a_turn_about_x():
    assert UPRIGHT.tolist() == [[1, 0, 0], [0, -1, 0], [0, 0, -1]]


def a_person(head_position):
    none = torch.zeros(1, dtype=torch.int64)
    return People(
        clip_index=none,
        track_id=none,
        score=torch.ones(1),
        head_px=torch.zeros(1, 2),
        padded_head_px=torch.zeros(1, 2),
        patch=torch.zeros(1, 2, dtype=torch.int64),
        rotations=torch.eye(3).repeat(1, 53, 1, 1),
        betas=torch.zeros(1, 10),
        expression=torch.zeros(1, 10),
        head_position=torch.tensor([head_position]),
    )


def test_a_head_is_judged_by_where_it_is_and_by_its_ray(free_body):
    truth = a_person([1.0, 0.5, 4.0])
    same = pose_losses(truth, truth, free_body)
    assert {name: loss.item() for name, loss in same.items()} == pytest.approx(
        dict.fromkeys(same, 0), abs=1.1e-3
    )
    farther = pose_losses(a_person([1.25, 0.625, 5.0]), truth, free_body)
    assert farther["ray"].item() == pytest.approx(0, abs=1e-6)
    assert farther["head"].item() > 0.05
    aside = pose_losses(a_person([1.4, 0.5, 4.0]), truth, free_body)
    assert aside["ray"].item() == pytest.approx(0.05)  # 0.1 in x / z, 0 in y / z
