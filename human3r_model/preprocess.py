"""Image preparation: from a source picture to the picture the network sees, and the maps between.

The long side is resized, both sides are cropped to multiples of the patch. This module knows
nothing of videos or of the network; values stay uint8 (the network scales them itself).
Letters: H, W height and width in pixels. Pixel coordinates are (x, y) with integers at pixel
centres: (0, 0) is the centre of the first pixel.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from human3r_model.errors import InputError

PATCH = 16
LONG_SIDE = 512


@dataclass(frozen=True)
class ImageGeometry:
    """How one source size becomes the network's picture: resize first, then crop.

    Attributes:
        source_width: Width of the source picture as displayed, pixels.
        source_height: Height of the source picture as displayed, pixels.
        resized_width: Width after resizing, before the crop.
        resized_height: Height after resizing, before the crop.
        crop_left: First column of the resized picture that is kept.
        crop_top: First row of the resized picture that is kept.
        width: Width of the network's picture, a multiple of 16.
        height: Height of the network's picture, a multiple of 16.
    """

    source_width: int
    source_height: int
    resized_width: int
    resized_height: int
    crop_left: int
    crop_top: int
    width: int
    height: int

    @property
    def scale_x(self) -> float:
        """Source pixels per pixel of the network's picture, along x."""
        return self.source_width / self.resized_width

    @property
    def scale_y(self) -> float:
        """Source pixels per pixel of the network's picture, along y."""
        return self.source_height / self.resized_height

    def source_from_model(self, xy: ArrayLike) -> NDArray[np.float64]:
        """Points of the network's picture, in the source picture.

        Args:
            xy: [..., 2] pixels of the network's picture, integers at pixel centres.

        Returns:
            [..., 2] pixels of the source picture: (xy + crop + 0.5) * scale - 0.5.
        """
        return (np.asarray(xy, np.float64) + self._crop + 0.5) * self._scale - 0.5

    def model_from_source(self, xy: ArrayLike) -> NDArray[np.float64]:
        """Points of the source picture, in the network's picture; they may lie outside the crop.

        Args:
            xy: [..., 2] pixels of the source picture, integers at pixel centres.

        Returns:
            [..., 2] pixels of the network's picture: (xy + 0.5) / scale - 0.5 - crop.
        """
        return (np.asarray(xy, np.float64) + 0.5) / self._scale - 0.5 - self._crop

    @property
    def _scale(self) -> NDArray[np.float64]:
        return np.array([self.scale_x, self.scale_y])

    @property
    def _crop(self) -> NDArray[np.float64]:
        return np.array([self.crop_left, self.crop_top], np.float64)


def image_geometry(width: int, height: int, long_side: int = LONG_SIDE) -> ImageGeometry:
    """The resize and crop of a source size (FACTS: the authors' image preparation).

    The long side becomes `long_side`, the other keeps the ratio, and the centre is kept down to
    multiples of 16; what is square after resizing keeps three quarters of its height.

    Args:
        width: Width of the source picture as displayed, pixels.
        height: Height of the source picture as displayed, pixels.
        long_side: Long side of the network's picture, a multiple of 64.

    Raises:
        InputError: Nothing is left of the short side, a side is not positive, or `long_side`
            cannot be cut into whole patches.
    """
    if long_side <= 0 or long_side % (4 * PATCH):
        raise InputError(f"long_side={long_side}: give a positive multiple of {4 * PATCH}")
    if width <= 0 or height <= 0:
        raise InputError(f"a picture of {width}x{height} pixels: both sides must be positive")
    long_source = max(width, height)
    resized_width = round(width * long_side / long_source)
    resized_height = round(height * long_side / long_source)
    centre_x, centre_y = resized_width // 2, resized_height // 2
    half_width = 2 * centre_x // PATCH * (PATCH // 2)
    half_height = 2 * centre_y // PATCH * (PATCH // 2)
    if resized_width == resized_height:
        half_height = 3 * half_width // 4
    if not half_width or not half_height:
        raise InputError(
            f"a picture of {width}x{height} pixels becomes {resized_width}x{resized_height} and "
            f"is thinner than a patch of {PATCH}: use a picture whose sides differ by less than "
            f"{long_side // PATCH} times"
        )
    return ImageGeometry(
        source_width=width,
        source_height=height,
        resized_width=resized_width,
        resized_height=resized_height,
        crop_left=centre_x - half_width,
        crop_top=centre_y - half_height,
        width=2 * half_width,
        height=2 * half_height,
    )


def prepare_image(rgb: NDArray[np.uint8], geometry: ImageGeometry) -> NDArray[np.uint8]:
    """Resize and crop one picture: Lanczos when shrinking, bicubic otherwise.

    Args:
        rgb: [H, W, 3] uint8 source picture as displayed (rotation metadata applied).
        geometry: What `image_geometry` gave for this size.

    Returns:
        [geometry.height, geometry.width, 3] uint8, a new array.

    Raises:
        InputError: The picture is not uint8 RGB of the geometry's source size.
    """
    expected = (geometry.source_height, geometry.source_width, 3)
    if rgb.shape != expected or rgb.dtype != np.uint8:
        raise InputError(
            f"a picture of shape {rgb.shape}, {rgb.dtype}: expected {expected}, uint8; "
            "make the geometry from this picture's own size"
        )
    is_shrinking = max(rgb.shape[:2]) > max(geometry.resized_width, geometry.resized_height)
    resized = Image.fromarray(rgb).resize(
        (geometry.resized_width, geometry.resized_height),
        Image.Resampling.LANCZOS if is_shrinking else Image.Resampling.BICUBIC,
    )
    left, top = geometry.crop_left, geometry.crop_top
    return np.array(resized.crop((left, top, left + geometry.width, top + geometry.height)))
