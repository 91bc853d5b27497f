"""What is refused as a body model, and that nothing in it is unpickled."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from human3r_model.body_file import read_body_file
from human3r_model.errors import BodyModelError

FREE_BODY = Path(__file__).parents[2] / "assets/body/anny_body_smplx_layout.npz"


class Payload:
    """Makes the file `marker` when unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def small_arrays(**changes):
    """The arrays of a body of four vertices; `None` leaves one out."""
    arrays = {
        "kintree_table": np.load(FREE_BODY)["kintree_table"],
        "v_template": np.zeros((4, 3)),
        "f": np.array([[0, 1, 2]]),
        "weights": np.ones((4, 55)) / 55,
        "J_regressor": np.ones((55, 4)) / 4,
        "shapedirs": np.zeros((4, 3, 20)),
        "posedirs": np.zeros((4, 3, 486)),
    } | changes
    return {name: array for name, array in arrays.items() if array is not None}


def big_arrays(**changes):
    """The same with as many vertices as smplx asks for."""
    arrays = small_arrays()
    for name, axis in (("v_template", 0), ("weights", 0), ("J_regressor", 1), ("shapedirs", 0),
                       ("posedirs", 0)):  # fmt: skip
        arrays[name] = np.repeat(arrays[name].astype(np.float32), 2500, axis)
    return arrays | changes


def test_free_body_is_read():
    arrays = read_body_file(FREE_BODY)
    assert arrays.template.shape == (10475, 3)
    assert arrays.shape_directions.shape == (10475, 3, 20)
    assert np.array_equal(
        arrays.shape_directions[..., :10], np.load(FREE_BODY)["shapedirs"][..., :10]
    )
    assert not arrays.shape_directions[
        ..., 10:
    ].any()  # taken from 300 on, where the free body has none


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"posedirs": None, "f": None}, "lacks f, posedirs"),
        ({"kintree_table": np.zeros((2, 24))}, r"24 joints \(SMPL\?\)"),
        ({"kintree_table": np.zeros((2, 52))}, r"52 joints \(SMPL-H\?\)"),
        ({"kintree_table": np.zeros((2, 7))}, "7 joints, not 55"),
        ({"kintree_table": np.float64(1)}, "0 joints, not 55"),
        ({"weights": np.zeros((4, 24))}, r"weights has shape \(4, 24\)"),
        ({"J_regressor": np.zeros((55, 5))}, "J_regressor has shape"),
        ({"posedirs": np.zeros((4, 3, 207))}, "posedirs has shape"),
        ({"v_template": np.full((4, 3), np.nan)}, "v_template has values that are not finite"),
        ({"weights": np.array([{}], object)}, "weights is damaged or not a plain array"),
        ({"f": np.array(["a"])}, "f is damaged or not a plain array"),
        ({}, "has 4 vertices, not 9930 or more"),
    ],
)
def test_wrong_kinds_are_named(tmp_path, changes, words):
    path = tmp_path / "body.npz"
    np.savez(path, **small_arrays(**changes))
    with pytest.raises(BodyModelError, match=words) as caught:
        read_body_file(path)
    assert str(path) in str(caught.value)
    assert "SMPLX_NEUTRAL.npz" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"shapedirs": np.zeros((10000, 3, 10), np.float32)}, "10 shape and expression directions"),
        ({"f": np.array([[0, 1, 10000]])}, "beyond 9999"),
        ({"f": np.zeros((0, 3))}, "0 faces"),
        ({"kintree_table": np.zeros((2, 55))}, "not in SMPL-X's order"),
    ],
)
def test_wrong_contents_are_named(tmp_path, changes, words):
    path = tmp_path / "body.npz"
    np.savez(path, **big_arrays(**changes))
    with pytest.raises(BodyModelError, match=words):
        read_body_file(path)


def test_pickled_extras_are_left_alone(tmp_path):
    """The published file has such members (joint2num, part2num); they are never opened."""
    path, marker = tmp_path / "body.npz", tmp_path / "marker"
    np.savez(path, **big_arrays(joint2num=np.array([Payload(marker)], object)))
    assert read_body_file(path).template.shape == (10000, 3)
    assert not marker.exists()


def test_a_pickled_needed_array_runs_nothing(tmp_path):
    path, marker = tmp_path / "body.npz", tmp_path / "marker"
    np.savez(path, **small_arrays(v_template=np.array([Payload(marker)], object)))
    with pytest.raises(BodyModelError, match="v_template"):
        read_body_file(path)
    assert not marker.exists()


@pytest.mark.parametrize("name", ["SMPLX_NEUTRAL.pkl", "renamed.npz"])
def test_a_pickle_is_never_opened(tmp_path, name):
    path, marker = tmp_path / name, tmp_path / "marker"
    path.write_bytes(pickle.dumps(Payload(marker)))
    with pytest.raises(BodyModelError, match=r"not an \.npz"):
        read_body_file(path)
    assert not marker.exists()


def test_missing_and_cut_files_are_named(tmp_path):
    with pytest.raises(BodyModelError, match="No such file"):
        read_body_file(tmp_path / "missing.npz")
    cut = tmp_path / "cut.npz"
    cut.write_bytes(FREE_BODY.read_bytes()[:100_000])
    with pytest.raises(BodyModelError, match="cut short"):
        read_body_file(cut)


def test_a_flipped_byte_is_noticed(tmp_path):
    data = bytearray(FREE_BODY.read_bytes())
    data[60_000] ^= 0xFF
    path = tmp_path / "flipped.npz"
    path.write_bytes(data)
    with pytest.raises(BodyModelError, match="damaged"):
        read_body_file(path)
