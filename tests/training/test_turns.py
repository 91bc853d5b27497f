"""Turning cameras and the motion of what they see, against numbers worked out by hand."""

import math

import numpy as np
import pytest
import torch

from human3r_model.random_weights import random_model
from training.forward import look
from training.joint_maps import Grid
from training.motion_maps import MotionMap, true_motion
from training.objective import TeacherMaps, run_scenery
from training.stream import Scenery
from training.turns import MOST_DEG, ZOOM, turn_camera

FOCAL_PX = 150.0


def spot(frame):
    """Where the bright spot of a picture is: x, y."""
    bright = np.maximum(frame[..., 0].astype(float) - 80, 0)  # above noise and JPEG
    y, x = np.indices(bright.shape)
    return np.array([(x * bright).sum(), (y * bright).sum()]) / bright.sum()


@pytest.fixture
def picture():
    """A spot 10 pixels right of the middle and 5 above it."""
    y, x = np.indices((96, 192))
    bright = 255 * np.exp(-((x - 105.5) ** 2 + (y - 42.5) ** 2) / 18)
    return np.repeat(bright[..., None], 3, axis=-1).astype(np.uint8)


def test_a_turned_camera_sees_what_its_turn_says(picture):
    frames, poses = turn_camera(picture, FOCAL_PX, 6, np.random.default_rng(0))
    assert (frames.shape, frames.dtype, poses.shape) == ((6, 96, 192, 3), np.uint8, (6, 4, 4))
    assert poses[0] == pytest.approx(np.eye(4), abs=1e-7)
    zoomed = ZOOM * FOCAL_PX
    first = np.array([*(spot(frames[0]) - [95.5, 47.5]) / zoomed, 1])
    for frame, pose in zip(frames, poses, strict=True):
        x, y, z = pose[:3, :3].T @ first  # the direction, as this camera has it
        assert spot(frame) == pytest.approx([95.5 + zoomed * x / z, 47.5 + zoomed * y / z], abs=0.3)
    assert np.ptp([spot(frame) for frame in frames], axis=0).min() > 10  # it did turn


def test_turns_stay_within_their_bounds(picture):
    _, poses = turn_camera(picture, FOCAL_PX, 200, np.random.default_rng(1))
    cosine = (np.trace(poses[:, :3, :3], axis1=1, axis2=2) - 1) / 2
    degrees = np.degrees(np.arccos(cosine.clip(-1, 1)))
    assert 5 < np.median(degrees) < degrees.max() < 2 * sum(MOST_DEG)


def test_motion_of_what_a_turned_camera_sees_leads_to_where_it_was(picture):
    frames, poses = turn_camera(picture, FOCAL_PX, 4, np.random.default_rng(2))
    focal_px = torch.full((4,), ZOOM * FOCAL_PX)
    motion, is_seen = true_motion(torch.zeros(4, 96, 192), torch.from_numpy(poses), focal_px)
    assert motion[0].abs().max() < 1e-3
    for index in range(4):
        x, y = spot(frames[index])
        row, column = round(y), round(x)
        assert is_seen[index, row, column]
        was = motion[index, row, column].numpy() + np.array([x, y])
        assert was == pytest.approx(spot(frames[0]), abs=0.5)


def test_motion_of_what_a_moved_camera_sees_falls_with_its_depth():
    pose = torch.eye(4)[None].clone()
    pose[0, :3, 3] = torch.tensor([1.0, 0.0, 2.0])  # right and forward
    depth = torch.zeros(1, 97, 193)
    depth[0, 48, 96], depth[0, 48, 106] = 4.0, 8.0  # the others are infinitely far
    motion, is_seen = true_motion(depth, pose, torch.tensor([160.0]))
    assert motion[0, 48, 96].tolist() == pytest.approx([160 / 6, 0])
    assert motion[0, 48, 106].tolist() == pytest.approx([160 * (0.5 + 1) / 10 - 10, 0], abs=1e-4)
    assert motion[0, 0, 0].tolist() == pytest.approx([0, 0], abs=1e-4)
    pose[0, 0, 3] = 100
    assert true_motion(depth, pose, torch.tensor([160.0]))[1][0, 48, 96].item() is False
    assert is_seen[0, 48, 96].item() is True


def test_motion_is_asked_in_patches_where_nothing_moves_by_itself():
    motion_map, grid = MotionMap(6), Grid(rows=2, columns=3, patch_px=4)
    pose = torch.eye(4)[None].clone()
    pose[0, 0, 3] = 0.1
    depth, focal_px = torch.full((1, 8, 12), 2.0), torch.tensor([40.0])  # 2 pixels, half a patch
    with torch.no_grad():
        motion_map.motion.weight.zero_()
        motion_map.motion.bias.copy_(torch.tensor([0.5, 0.0]))
        motion_map.motion.weight[1, 5] = 1.0
    still = torch.ones(1, 8, 12, dtype=torch.bool)
    still[:, 4:, 8:] = False  # the last patch
    arguments = torch.eye(6)[None], grid, depth, pose, focal_px
    assert motion_map.loss(*arguments, still).item() == pytest.approx(0, abs=1e-5)
    assert motion_map.loss(*arguments, ~still).item() == 0  # what it shows was not seen before
    pose[0, 0, 3] = -0.1
    assert motion_map.loss(*arguments, still).item() == pytest.approx(1, abs=1e-5)


def test_losses_of_turns_ask_the_camera_and_nothing_of_people(picture):
    model = random_model("nano", seed=1).model.requires_grad_(True)
    turned = [turn_camera(picture, FOCAL_PX, 2, np.random.default_rng(i)) for i in range(3)]
    turns = Scenery(
        frames=torch.from_numpy(np.concatenate([frames for frames, _ in turned])),
        depth_m=torch.zeros(6, 96, 192),
        person=torch.zeros(6, 96, 192),
        world_from_camera=torch.from_numpy(np.concatenate([poses for _, poses in turned])),
        focal_px=torch.full((6,), ZOOM * FOCAL_PX),
        is_start=torch.ones(3, dtype=torch.bool),
    )
    maps = TeacherMaps(model.config)
    tokens = look(model, turns.frames, for_people=False)
    losses, _ = run_scenery(model, maps, turns, tokens, None, set())
    assert sorted(losses) == ["camera_r", "camera_t", "motion_maps"]
    sum(losses.values()).backward()
    for part in (model.downstream_head.pose_head, model.pose_retriever.read_blocks[0], maps.motion):
        assert all(parameter.grad is not None for parameter in part.parameters())
    assert model.patch_embed.proj.weight.grad.norm() > 0
    assert model.backbone.encoder.pos_embed.grad is None
    stood_still = math.sqrt(2) * np.radians(8)  # about as far as they turn
    assert losses["camera_r"].item() < 3 * stood_still
