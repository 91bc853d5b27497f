"""Display matrices and what they do to a picture."""

import numpy as np
import pytest

from pipeline.orientation import Orientation, orientation_of_matrix

ONE = 1 << 16
PICTURE = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)[:, :, None].repeat(3, axis=2)


@pytest.mark.parametrize(
    ("a", "b", "c", "d", "rotation_deg", "is_mirrored", "displayed"),
    [
        (ONE, 0, 0, ONE, 0, False, [[1, 2, 3], [4, 5, 6]]),
        (0, ONE, -ONE, 0, 90, False, [[4, 1], [5, 2], [6, 3]]),  # a phone held upright
        (-ONE, 0, 0, -ONE, 180, False, [[6, 5, 4], [3, 2, 1]]),
        (0, -ONE, ONE, 0, 270, False, [[3, 6], [2, 5], [1, 4]]),
        (-ONE, 0, 0, ONE, 0, True, [[3, 2, 1], [6, 5, 4]]),
        (0, ONE, ONE, 0, 90, True, [[1, 4], [2, 5], [3, 6]]),
        (ONE, 0, 0, -ONE, 180, True, [[4, 5, 6], [1, 2, 3]]),
        (0, -ONE, -ONE, 0, 270, True, [[6, 3], [5, 2], [4, 1]]),
        (0, 0, 0, 0, 0, False, [[1, 2, 3], [4, 5, 6]]),  # written by some cameras
        (46341, 46340, -46340, 46341, 0, False, [[1, 2, 3], [4, 5, 6]]),  # 45 degrees
    ],
)
def test_matrix_turns_and_mirrors(
    a: int, b: int, c: int, d: int, rotation_deg: int, is_mirrored: bool, displayed: list
) -> None:
    orientation = orientation_of_matrix(np.array([a, b, 0, c, d, 0, 0, 0, 1 << 30], np.int32))
    assert (orientation.rotation_deg, orientation.is_mirrored) == (rotation_deg, is_mirrored)
    assert orientation.apply(PICTURE)[:, :, 0].tolist() == displayed
    assert orientation.size(3, 2) == (len(displayed[0]), len(displayed))


def test_picture_is_contiguous_whatever_the_turn() -> None:
    turned = Orientation(is_transposed=True, is_flipped_x=True).apply(PICTURE)
    assert turned.flags.c_contiguous
