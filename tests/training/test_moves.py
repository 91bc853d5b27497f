"""Moving cameras and the motion of what they see, against numbers worked out by hand."""

import math

import numpy as np
import pytest
import torch

from human3r_model.random_weights import random_model
from training.forward import look
from training.joint_maps import Grid
from training.motion_maps import MotionMap, true_motion
from training.moves import MOST_DEG, ORBIT_M, move_camera
from training.objective import TeacherMaps, run_scenery
from training.stream import Scenery

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


def move(picture, seed, num_frames=4, depth_m=4.0, passer=None):
    """Frames of a camera that moves before a wall at `depth_m`, or infinitely far at 0."""
    nobody = np.zeros(picture.shape[:2], bool)
    return move_camera(
        picture,
        np.full(picture.shape[:2], depth_m, np.float16),
        nobody,
        passer or (picture, nobody),
        FOCAL_PX,
        picture.shape[1::-1],
        num_frames,
        np.random.default_rng(seed),
    )


@pytest.mark.parametrize("depth_m", [0.0, 3.0])
def test_motion_of_what_a_made_camera_sees_leads_to_where_it_was(picture, depth_m):
    moved = move(picture, 3, 6, depth_m)
    assert (moved.frames.shape, moved.frames.dtype) == ((6, 96, 192, 3), np.uint8)
    assert moved.world_from_camera[0] == pytest.approx(np.eye(4), abs=1e-6)
    depth, poses = torch.from_numpy(moved.depth_m), torch.from_numpy(moved.world_from_camera)
    motion, is_seen = true_motion(depth.float(), poses, torch.full((6,), moved.focal_px))
    assert motion[0].abs().max() < 0.05
    places = np.array([spot(frame) for frame in moved.frames])
    for index, (x, y) in enumerate(places):
        assert is_seen[index, round(y), round(x)]
        was = motion[index, round(y), round(x)].numpy() + np.array([x, y])
        assert was == pytest.approx(places[0], abs=0.5)
    assert np.ptp(places, axis=0).min() > 10  # it did move


def test_a_wall_is_nearer_where_a_camera_came_forward(picture):
    moved = move(picture, 1, 8, depth_m=3.0)
    ahead = moved.world_from_camera[:, 2, 3]
    middle = moved.depth_m[:, 48, 96].astype(float)
    assert np.ptp(ahead) > 0.1
    assert np.corrcoef(ahead, middle)[0, 1] < -0.7  # the turns do the rest
    assert (move(picture, 1, 8, depth_m=0.0).depth_m == 0).all()


def test_cameras_stay_within_their_bounds(picture):
    one = [move(picture, seed, 2).world_from_camera[1] for seed in range(100)]
    poses = np.stack(one)
    cosine = (np.trace(poses[:, :3, :3], axis1=1, axis2=2) - 1) / 2
    degrees = np.degrees(np.arccos(cosine.clip(-1, 1)))
    assert 3 < np.median(degrees) < degrees.max() < 2 * sum(MOST_DEG)
    ways = np.linalg.norm(poses[:, :3, 3], axis=1)
    assert 0.1 < np.median(ways) < ways.max() < 2 * np.linalg.norm(ORBIT_M)
    # Some turn back to what they looked at: those that go right look left.
    yaw = np.arctan2(poses[:, 0, 2], poses[:, 2, 2])
    assert -0.9 < np.corrcoef(yaw, poses[:, 0, 3])[0, 1] < -0.2


def test_who_passes_by_is_seen_moves_and_does_not_count(picture):
    red, shape = np.zeros_like(picture), np.zeros(picture.shape[:2], bool)
    red[..., 0] = 255
    shape[30:60, 80:110] = True
    moved = move(np.zeros_like(picture), 2, 6, passer=(red, shape))
    there = np.array([spot(frame) for frame in moved.frames])
    for frame, is_person, (x, y) in zip(moved.frames, moved.is_person, there, strict=True):
        assert is_person[round(y), round(x)]
        assert frame[round(y), round(x), 0] > 150
        assert (frame[~is_person, 0] > 100).mean() < 0.01  # JPEG blurs colours at its edge
    assert np.ptp(there, axis=0).max() > 3


def test_people_of_the_picture_and_what_lies_past_it_do_not_count(picture):
    everybody = np.ones(picture.shape[:2], bool)
    far = np.zeros(picture.shape[:2], np.float16)
    passer = (picture, ~everybody)
    make = np.random.default_rng
    size = picture.shape[1::-1]
    assert move_camera(picture, far, everybody, passer, FOCAL_PX, size, 2, make(0)).is_person.all()
    shares = [move(picture, seed, 2).is_person.mean() for seed in range(30)]
    assert min(shares) == 0 < max(shares) < 0.4


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


def test_losses_of_moves_ask_the_camera_and_nothing_of_people(picture):
    model = random_model("nano", seed=1).model.requires_grad_(True)
    moved = [move(picture, seed, 2, depth_m=0.0) for seed in range(3)]

    def joined(name):
        return torch.from_numpy(np.concatenate([getattr(one, name) for one in moved]))

    moves = Scenery(
        frames=joined("frames"),
        depth_m=joined("depth_m"),
        person=joined("is_person").to(torch.uint8),
        world_from_camera=joined("world_from_camera"),
        focal_px=torch.tensor([one.focal_px for one in moved for _ in range(2)]).float(),
        is_start=torch.ones(3, dtype=torch.bool),
    )
    maps = TeacherMaps(model.config)
    tokens = look(model, moves.frames, for_people=False)
    losses, _ = run_scenery(model, maps, moves, tokens, None, {1})
    assert sorted(losses) == ["camera_r", "camera_t", "focal", "motion_maps", "points"]
    sum(losses.values()).backward()
    for part in (model.downstream_head.pose_head, model.pose_retriever.read_blocks[0], maps.motion):
        assert all(parameter.grad is not None for parameter in part.parameters())
    assert model.patch_embed.proj.weight.grad.norm() > 0
    assert model.backbone.encoder.pos_embed.grad is None
    stood_still = math.sqrt(2) * np.radians(8)  # about as far as they turn
    assert losses["camera_r"].item() < 3 * stood_still
