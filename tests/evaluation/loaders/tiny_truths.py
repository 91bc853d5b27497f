"""Tiny ground truths in the exact formats of the public datasets, written by hand.

The camera is the same everywhere: it stands at x = -2 of the world and looks along x, so that a
world-to-camera matrix and its inverse cannot be taken for each other.
"""

import json
import pickle

import numpy as np
from PIL import Image

CAMERA_FROM_WORLD = np.array([[0, 0, -1, 0], [0, 1, 0, 0], [1, 0, 0, 2], [0, 0, 0, 1]], float)
WORLD_FROM_CAMERA = [[0, 0, 1, -2], [0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 0, 1]]
TURNED = [0, -np.pi / 2, 0]  # what a body that is not turned in that world is for the camera
K = np.array([[600.0, 0, 31], [0, 610, 23], [0, 0, 1]])
NUM_FRAMES = 3


def write_picture(path, size=(64, 48)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(path)


def write_depth_png(path, codes):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.array(codes, np.uint16)).save(path)


def write_pickle(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=2))
    return path


def threedpw_fields():
    poses = np.zeros((NUM_FRAMES, 72))
    poses[:, 3:] = 0.1
    joints = np.zeros((NUM_FRAMES, 24, 3))
    joints[:, 15] = [3, 0.5, 1]  # the head, world
    person = {
        "poses": poses,
        "trans": np.full((NUM_FRAMES, 3), 0.25),
        "betas": np.arange(10.0),
        "jointPositions": joints.reshape(NUM_FRAMES, 72),
        "campose_valid": np.array([1, 0, 1]),
    }
    return {name: [value, value] for name, value in person.items()} | {
        "sequence": "walk_00",
        "genders": ["m", "f"],
        "cam_poses": np.stack([CAMERA_FROM_WORLD] * NUM_FRAMES),
        "cam_intrinsics": K,
    }


def write_threedpw(root, **changes):
    write_picture(root / "imageFiles/walk_00/image_00000.jpg")
    fields = threedpw_fields() | changes
    write_pickle(root / "sequenceFiles/test/walk_00.pkl", fields)
    return root


def write_emdb(root, name="P1_01_walk", emdb1=True, **changes):
    fields = {
        "gender": "female",
        "name": name,
        "emdb1": emdb1,
        "emdb2": not emdb1,
        "n_frames": NUM_FRAMES,
        "good_frames_mask": np.array([True, True, False]),
        "camera": {
            "intrinsics": K,
            "extrinsics": np.stack([CAMERA_FROM_WORLD] * NUM_FRAMES),
            "width": 64,
            "height": 48,
        },
        "kp2d": np.full((NUM_FRAMES, 24, 2), 20.5),
        "smpl": {
            "poses_root": np.zeros((NUM_FRAMES, 3)),
            "poses_body": np.full((NUM_FRAMES, 69), 0.1),
            "trans": np.full((NUM_FRAMES, 3), 0.25),
            "betas": np.arange(10.0),
        },
    }
    write_pickle(root / "P1" / name[3:] / f"{name}_data.pkl", fields | changes)
    return root


RICH_XML = """<?xml version="1.0"?>
<opencv_storage>
<CameraMatrix type_id="opencv-matrix"><rows>3</rows><cols>4</cols><dt>d</dt>
  <data>0 0 -1 0 0 1 0 0 1 0 0 2</data></CameraMatrix>
<Intrinsics type_id="opencv-matrix"><rows>3</rows><cols>3</cols><dt>d</dt>
  <data>600. 0. 31. 0. 610. 23. 0. 0. 1.</data></Intrinsics>
<Distortion type_id="opencv-matrix"><rows>4</rows><cols>1</cols><dt>d</dt>
  <data>0.1 0. 0. 0.</data></Distortion>
</opencv_storage>
"""


def write_rich(root):
    """One sequence of three pictures by camera 1; the body is in the second and the third."""
    sequence = "test/Gym_010_dips1"
    for number in (9, 10, 11):
        write_picture(root / f"images/{sequence}/cam_01/{number:05d}_01.bmp")
    for number in (10, 11):
        body = {
            "transl": np.full((1, 3), 0.25, np.float32),
            "global_orient": np.zeros((1, 3), np.float32),
            "body_pose": np.full((1, 63), number / 100, np.float32),
            "betas": np.zeros((1, 10), np.float32),
            "left_hand_pose": np.zeros((1, 12), np.float32),
        }
        write_pickle(root / f"bodies/{sequence}/{number:05d}/010.pkl", body)
    (root / "gender.json").write_text(json.dumps({"10": "female"}))
    calibration = root / "scan_calibration/Gym/calibration"
    calibration.mkdir(parents=True)
    (calibration / "001.xml").write_text(RICH_XML)
    return root


def bedlam_rows():
    """Ann in pictures 0 and 5 of one sequence, Bob in 0 of it and in 0 of another."""
    extrinsics = np.tile(np.eye(4), (4, 1, 1))
    extrinsics[:, :3, 3] = [[0, 0, 4], [1, 0, 6], [0, 0, 5], [0, 0, 7]]
    pose = np.zeros((4, 165))
    pose[:, 0], pose[:, 3], pose[:, 75], pose[:, 120] = 3.0, 0.1, 0.2, 0.3
    return {
        "imgname": np.array(
            [f"seq_000000/seq_000000_{n:04d}.png" for n in (0, 0, 5)]
            + ["seq_000001/seq_000001_0000.png"]
        ),
        "sub": np.array(["ann", "bob", "ann", "bob"]),
        "gender": np.array(["female", "male", "female", "male"]),
        "shape": np.ones((4, 10)),
        "pose_cam": pose,
        "trans_cam": np.full((4, 3), 0.5),
        "cam_int": np.tile([[900.0, 0, 640], [0, 901, 360], [0, 0, 1]], (4, 1, 1)),
        "cam_ext": extrinsics,
    }


def write_bedlam(root, **changes):
    root.mkdir(parents=True, exist_ok=True)
    np.savez(root / "scene.npz", **(bedlam_rows() | changes))
    return root


def write_rgbd(folder):
    """Four pictures: the second has no depth map, the fourth no pose."""
    folder.mkdir(parents=True)
    colour = "".join(f"{time} rgb/{time}.png\n" for time in (10.00, 10.035, 10.06, 10.09))
    (folder / "rgb.txt").write_text(f"# color images\n# timestamp filename\n{colour}")
    depth = "".join(f"{time} depth/{time}.png\n" for time in (10.01, 10.07, 10.10))
    (folder / "depth.txt").write_text(f"# depth maps\n{depth}")
    # A turn by -90 degrees about y, scalar last.
    pose = "-2 0 0 0 0.70710678 0 0.70710678"
    truth = "".join(f"{time} {pose}\n" for time in (9.99, 10.035, 10.055))
    (folder / "groundtruth.txt").write_text(f"# ground truth trajectory\n{truth}")
    for time, code in ((10.01, 5000), (10.07, 7500), (10.10, 1)):
        write_depth_png(folder / f"depth/{time}.png", [[0, code]])
    return folder


SINTEL_TAG = b"PIEH"  # the bytes of 202021.25 in float32


def dpt_bytes(depth):
    depth = np.array(depth, "<f4")
    height, width = depth.shape
    return SINTEL_TAG + np.array([width, height], "<i4").tobytes() + depth.tobytes()


def cam_bytes(matrix=K, extrinsics=CAMERA_FROM_WORLD[:3]):
    return SINTEL_TAG + matrix.astype("<f8").tobytes() + extrinsics.astype("<f8").tobytes()


def write_sintel(root):
    for index in (1, 2):
        depth = root / f"training/depth/alley_1/frame_{index:04d}.dpt"
        camera = root / f"training/camdata_left/alley_1/frame_{index:04d}.cam"
        for file, data in (
            (depth, dpt_bytes([[1.5, np.inf, 0], [70, 71, index]])),
            (camera, cam_bytes()),
        ):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
    return root


def write_kitti_selection(root):
    for number in (5, 8):
        name = f"2011_09_26_drive_0002_sync_{{}}_{number:010d}_image_02"
        depth = root / "groundtruth_depth" / f"{name.format('groundtruth_depth')}.png"
        write_depth_png(depth, [[0, 256 * number], [128, 1]])
        intrinsics = root / "intrinsics" / f"{name.format('image')}.txt"
        intrinsics.parent.mkdir(exist_ok=True)
        intrinsics.write_text(" ".join(str(number) for number in K.ravel()))
    return root


def write_kitti_drive(root):
    for number in (5, 6):
        depth = f"val/2011_09_26_drive_0002_sync/proj_depth/groundtruth/image_02/{number:010d}.png"
        write_depth_png(root / depth, [[0, 512]])
    return root
