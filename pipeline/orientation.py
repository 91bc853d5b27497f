"""From stored pixels to the picture as displayed: the eight upright orientations of a video.

Arithmetic on a display matrix; knows nothing of where it was stored.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Orientation:
    """How stored pixels become the displayed picture: transpose first, then the flips."""

    is_transposed: bool = False
    is_flipped_x: bool = False
    is_flipped_y: bool = False

    @property
    def is_mirrored(self) -> bool:
        """Whether a left-right mirroring follows the turn."""
        return self.is_transposed ^ self.is_flipped_x ^ self.is_flipped_y

    @property
    def rotation_deg(self) -> int:
        """Clockwise turn from stored to displayed: 0, 90, 180 or 270."""
        is_flipped_x = self.is_flipped_x ^ self.is_mirrored
        if self.is_transposed:
            return 90 if is_flipped_x else 270
        return 180 if is_flipped_x else 0

    def size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) of the displayed picture of a stored one."""
        return (height, width) if self.is_transposed else (width, height)

    def apply(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """[h, w, 3] as stored -> [H, W, 3] as displayed."""
        if self.is_transposed:
            picture = picture.transpose(1, 0, 2)
        if self.is_flipped_x:
            picture = picture[:, ::-1]
        if self.is_flipped_y:
            picture = picture[::-1]
        return np.ascontiguousarray(picture)


def orientation_of_matrix(matrix: NDArray[np.int32]) -> Orientation:
    """The upright orientation nearest to a display matrix.

    Args:
        matrix: [9] of [[a, b, u], [c, d, v], [x, y, w]], which sends stored (p, q) to
            (a p + c q, b p + d q) (ISO/IEC 14496-12, 6.2.2); all zeros means as stored.
    """
    a, b, _, c, d = (int(value) for value in matrix[:5])
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(is_transposed=True, is_flipped_x=c < 0, is_flipped_y=b < 0)
    return Orientation(is_flipped_x=a < 0, is_flipped_y=d < 0)
