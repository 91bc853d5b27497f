"""Pictures as a lossy codec leaves them."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

QUALITY = (40, 95)
"""Of JPEG, from 1 to 100: the least that occurs, and beyond the greatest."""


def compress(rgb: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """The picture [H, W, 3] after JPEG of a quality from 1 to 100."""
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", quality=quality)
    return np.array(Image.open(stream))
