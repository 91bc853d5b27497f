"""Sintel: binaries with the tag 202021.25, extrinsics from the world to the camera."""

import numpy as np
import pytest

from evaluation.loaders.errors import TruthError
from evaluation.loaders.load import load
from evaluation.loaders.sintel import TAG
from tests.evaluation.loaders.tiny_truths import (
    SINTEL_TAG,
    WORLD_FROM_CAMERA,
    cam_bytes,
    dpt_bytes,
    write_sintel,
)

DEPTH, CAMERA = "depth/alley_1/frame_0002.dpt", "camdata_left/alley_1/frame_0002.cam"


def test_the_tag_is_the_published_one():
    assert TAG.tobytes() == SINTEL_TAG


def test_sequence(tmp_path):
    (sequence,) = load(write_sintel(tmp_path))
    assert (sequence.dataset, sequence.name) == ("sintel", "alley_1")
    assert (sequence.width, sequence.height) == (3, 2)
    assert sequence.frame_names == ("frame_0001.png", "frame_0002.png")
    assert sequence.times_s.tolist() == pytest.approx([0, 1 / 24])
    assert sequence.world_from_camera[1] == pytest.approx(np.array(WORLD_FROM_CAMERA))
    assert sequence.intrinsics[1].tolist() == [600, 610, 31, 23]
    assert sequence.image_paths is None


def test_depth_without_a_value_is_0(tmp_path):
    (sequence,) = load(write_sintel(tmp_path))
    assert sequence.read_depth(1).tolist() == [[1.5, 0, 0], [70, 0, 2]]


def test_final_pass_is_preferred(tmp_path):
    for kind in ("clean", "final"):
        (tmp_path / f"training/{kind}/alley_1").mkdir(parents=True)
    (sequence,) = load(write_sintel(tmp_path) / "training")
    assert sequence.image_paths[0] == tmp_path / "training/final/alley_1/frame_0001.png"


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (CAMERA, b"", "begins with : expected the float 202021.25"),
        (CAMERA, cam_bytes()[:-1], "has 167 bytes after the tag: expected 9 . 12 float64"),
        (DEPTH, dpt_bytes([[1, 2]])[:-4], "says 2 x 1 and has 4 bytes of depth"),
        (DEPTH, SINTEL_TAG[::-1] + dpt_bytes([[1]])[4:], "begins with 48454950: expected the"),
    ],
    ids=["empty", "short-camera", "short-depth", "big-endian"],
)
def test_damaged_files_are_named(tmp_path, file, content, message):
    root = write_sintel(tmp_path)
    (root / "training" / file).write_bytes(content)
    with pytest.raises(TruthError, match=rf"{file}: {message}"):
        load(root)[0].read_depth(1)


def test_missing_camera(tmp_path):
    root = write_sintel(tmp_path)
    (root / "training" / CAMERA).unlink()
    with pytest.raises(TruthError, match=r"frame_0002\.cam: cannot be read .*found frame_0001"):
        load(root)
