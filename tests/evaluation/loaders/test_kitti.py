"""KITTI depth: 256 codes a metre; the selection and the annotated drives."""

import pytest

from evaluation.loaders.errors import TruthError
from evaluation.loaders.load import load
from tests.evaluation.loaders.tiny_truths import write_kitti_drive, write_kitti_selection

DRIVE = "2011_09_26_drive_0002_sync"


def test_selection(tmp_path):
    (sequence,) = load(write_kitti_selection(tmp_path))
    assert (sequence.dataset, sequence.name) == ("kitti", f"{DRIVE}_image_02")
    assert sequence.frame_names[1] == f"{DRIVE}_image_0000000008_image_02.png"
    assert sequence.image_paths[1] == tmp_path / "image" / sequence.frame_names[1]
    assert sequence.times_s.tolist() == pytest.approx([0, 0.3])
    assert (sequence.width, sequence.height) == (2, 2)
    assert sequence.intrinsics[1].tolist() == [600, 610, 31, 23]
    assert sequence.read_depth(1).tolist() == [[0, 8], [0.5, 1 / 256]]
    assert (sequence.world_from_camera, sequence.people) == (None, ())


@pytest.mark.parametrize("part", ["", "val", f"val/{DRIVE}"])
def test_annotated_drive(tmp_path, part):
    (sequence,) = load(write_kitti_drive(tmp_path) / part)
    assert sequence.name == f"{DRIVE}_image_02"
    assert sequence.frame_names == ("0000000005.png", "0000000006.png")
    assert sequence.read_depth(0).tolist() == [[0, 2]]
    assert (sequence.intrinsics, sequence.image_paths) == (None, None)


def test_pictures_of_kitti_raw_are_found_beside(tmp_path):
    pictures = tmp_path / "val" / DRIVE / "image_02/data"
    pictures.mkdir(parents=True)
    (sequence,) = load(write_kitti_drive(tmp_path))
    assert sequence.image_paths == (pictures / "0000000005.png", pictures / "0000000006.png")


def test_names_and_intrinsics_that_do_not_fit(tmp_path):
    root = write_kitti_selection(tmp_path)
    intrinsics = root / "intrinsics" / f"{DRIVE}_image_0000000008_image_02.txt"
    intrinsics.write_text("1 2 3")
    with pytest.raises(TruthError, match=r"image_02\.txt: intrinsics has shape \(3,\): expected"):
        load(root)
    intrinsics.unlink()
    with pytest.raises(TruthError, match=r"image_02\.txt: cannot be read \(No such file"):
        load(root)
    (root / "groundtruth_depth/a.png").touch()
    with pytest.raises(TruthError, match=r"a\.png: not named DRIVE_sync_groundtruth_depth"):
        load(root)
