"""TUM RGB-D and Bonn: lists joined on time, 5000 codes a metre; Bonn's markers are no camera."""

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.transform import Rotation

from evaluation.loaders.errors import TruthError
from evaluation.loaders.load import load
from evaluation.loaders.rgbd import BONN_T_M, BONN_T_ROS
from tests.evaluation.loaders.tiny_truths import WORLD_FROM_CAMERA, write_rgbd

NAME = "rgbd_dataset_freiburg3_walking_xyz"


def test_pictures_without_depth_or_pose_are_left_out(tmp_path):
    (sequence,) = load(write_rgbd(tmp_path / NAME))
    assert (sequence.dataset, sequence.name) == ("tum", NAME)
    assert sequence.frame_names == ("rgb/10.0.png", "rgb/10.06.png")
    assert sequence.image_paths[1] == tmp_path / NAME / "rgb/10.06.png"
    assert sequence.times_s == pytest.approx([0, 0.06])
    assert (sequence.width, sequence.height) == (2, 1)


def test_camera(tmp_path):
    (sequence,) = load(write_rgbd(tmp_path / NAME))
    assert sequence.world_from_camera[1] == pytest.approx(np.array(WORLD_FROM_CAMERA), abs=1e-7)
    assert sequence.intrinsics.tolist() == [[535.4, 539.2, 320.1, 247.6]] * 2


def test_depth(tmp_path):
    (sequence,) = load(write_rgbd(tmp_path / NAME))
    assert [sequence.read_depth(index).tolist() for index in (0, 1)] == [[[0, 1]], [[0, 1.5]]]
    assert sequence.read_depth(0).dtype == np.float32


def write_poses(folder, poses):
    """Poses [4, 4] at 9.99 s, 10.055 s: those of the pictures that have a depth map."""
    lines = [
        [time, *pose[:3, 3], *Rotation.from_matrix(pose[:3, :3]).as_quat()]
        for time, pose in zip((9.99, 10.055), poses, strict=True)
    ]
    np.savetxt(folder / "groundtruth.txt", lines, fmt="%.12f")


def test_bonns_markers_are_turned_into_the_camera(tmp_path):
    folder = write_rgbd(tmp_path / "rgbd_bonn_crowd2")
    cameras = np.stack([np.array(WORLD_FROM_CAMERA, float)] * 2)
    cameras[1, :3, :3] = Rotation.from_rotvec([0.3, -0.2, 1]).as_matrix()
    cameras[1, :3, 3] = [0.5, -1.5, 1.25]
    camera_from_markers = np.eye(4)  # of a rigid T_m: R^T and -R^T t
    camera_from_markers[:3, :3] = BONN_T_M[:3, :3].T / np.cbrt(np.linalg.det(BONN_T_M[:3, :3]))
    camera_from_markers[:3, 3] = -camera_from_markers[:3, :3] @ BONN_T_M[:3, 3]
    write_poses(folder, BONN_T_ROS @ cameras @ camera_from_markers @ BONN_T_ROS)
    (sequence,) = load(tmp_path)
    assert sequence.world_from_camera == pytest.approx(cameras, abs=2e-4)  # T_m has 4 digits
    rotations = sequence.world_from_camera[:, :3, :3]
    assert rotations @ rotations.swapaxes(1, 2) == pytest.approx(np.stack([np.eye(3)] * 2))


def test_bonns_markers_at_the_origin_give_its_calibration(tmp_path):
    folder = write_rgbd(tmp_path / "rgbd_bonn_crowd2")
    write_poses(folder, np.stack([np.eye(4)] * 2))
    (sequence,) = load(tmp_path)
    published = [[1.0157, 0.1828, -0.2389], [0.0009, -0.8431, -0.6413], [-0.3009, 0.6147, -0.8085]]
    assert sequence.world_from_camera[0, :3, :3] == pytest.approx(
        np.array(published) / 1.0593, abs=2e-4
    )
    assert sequence.world_from_camera[0, :3, 3].tolist() == [0.0113, -0.0098, 0.0111]


@pytest.mark.parametrize(
    ("name", "dataset", "focal"),
    [("rgbd_bonn_crowd2", "bonn", 542.822841), ("rgbd_dataset_freiburg1_desk", "tum", 517.3)],
)
def test_the_name_tells_the_camera(tmp_path, name, dataset, focal):
    write_rgbd(tmp_path / name)
    (sequence,) = load(tmp_path)
    assert (sequence.dataset, sequence.intrinsics[0, 0]) == (dataset, focal)


def test_unknown_camera_has_no_intrinsics(tmp_path):
    (sequence,) = load(write_rgbd(tmp_path / "kitchen"))
    assert sequence.intrinsics is None


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("groundtruth.txt", "10 1 2 3\n", "line 1 has 4 fields: expected 8"),
        ("groundtruth.txt", "10 0 0 0 0 0 0 2\n", "a quaternion is not of length 1"),
        ("groundtruth.txt", "10 0 0 x 0 0 0 1\n", "a pose is not of numbers"),
        ("depth.txt", "# nothing\n", "has no line but comments"),
        ("rgb.txt", "# c\nrgb/1.png 1\n", "line 2: 'rgb/1.png' is no time stamp"),
    ],
)
def test_damaged_lists_are_named(tmp_path, file, content, message):
    (write_rgbd(tmp_path / NAME) / file).write_text(content)
    with pytest.raises(TruthError, match=rf"{file}: {message}"):
        load(tmp_path)


def test_lists_of_other_times(tmp_path):
    (write_rgbd(tmp_path / NAME) / "groundtruth.txt").write_text("99 0 0 0 0 0 0 1\n")
    with pytest.raises(TruthError, match="none of 4 pictures has a depth map and a pose within"):
        load(tmp_path)


def test_depth_of_the_wrong_kind(tmp_path):
    folder = write_rgbd(tmp_path / NAME)
    (sequence,) = load(folder)
    (folder / "depth/10.01.png").write_bytes(b"\x89PNG")
    with pytest.raises(TruthError, match=r"10\.01\.png: not a depth picture that can be read"):
        sequence.read_depth(0)
    Image.new("L", (2, 1)).save(folder / "depth/10.07.png")
    with pytest.raises(TruthError, match=r"10\.07\.png: a picture of mode L: expected 16-bit"):
        sequence.read_depth(1)
