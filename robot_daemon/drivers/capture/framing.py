"""Crops and resizes camera images: first the crop, in px of the sensor's image, then the resize."""

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from serl_api.cell import CameraIntrinsics
from serl_api.settings import ConfigError, require_between

Box: TypeAlias = tuple[int, int, int, int]
Size: TypeAlias = tuple[int, int]
MAX_SIDE_PX = 8192


def require_framing(crop_px: Box | None, output_px: Size | None) -> None:
    """Checks what can be checked before the size of the image is known.

    Raises:
        ConfigError: A negative edge, or an empty box or picture.
    """
    if crop_px is not None:
        for name, value, least in zip(("left", "top", "width", "height"), crop_px, (0, 0, 1, 1), strict=True):
            require_between(f"crop_px ({name})", value, least, MAX_SIDE_PX)
    if output_px is not None:
        for name, value in zip(("width", "height"), output_px, strict=True):
            require_between(f"output_px ({name})", value, 1, MAX_SIDE_PX)


@dataclass(frozen=True)
class Framing:
    """Says what part of an image is kept, and how large it becomes."""

    left: int
    top: int
    width: int
    height: int
    output_width: int
    output_height: int

    @classmethod
    def of(cls, size: Size, crop_px: Box | None, output_px: Size | None) -> "Framing":
        """Makes the framing of an image of `size` (width, height); None keeps everything, or the size.

        Raises:
            ConfigError: The box reaches beyond the picture.
        """
        left, top, width, height = crop_px or (0, 0, *size)
        if left + width > size[0] or top + height > size[1]:
            asked = f"crop_px is {list(crop_px or ())}, which ends at {left + width} x {top + height} px"
            raise ConfigError(f"{asked}; the picture is {size[0]} x {size[1]} px")
        return cls(left, top, width, height, *(output_px or (width, height)))

    def colour(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Crops and resizes a colour image, (height, width, 3); each output pixel averages the area it covers."""
        return self._scaled(image, cv2.INTER_AREA).astype(np.uint8, copy=False)

    def depth(self, image: NDArray[np.uint16]) -> NDArray[np.uint16]:
        """Crops and resizes an aligned depth image by nearest pixels: a mean across an edge is no depth of anything."""
        return self._scaled(image, cv2.INTER_NEAREST).astype(np.uint16, copy=False)

    def intrinsics(self, sensor: CameraIntrinsics) -> CameraIntrinsics:
        """Converts pinhole parameters of the whole image to those of the result."""
        sx, sy = self.output_width / self.width, self.output_height / self.height
        # The centre of a pixel has whole coordinates, so scaling is about the corner, half a pixel away.
        cx, cy = (sensor.cx - self.left + 0.5) * sx - 0.5, (sensor.cy - self.top + 0.5) * sy - 0.5
        return CameraIntrinsics(sensor.fx * sx, sensor.fy * sy, cx, cy)

    def _scaled(self, image: NDArray, interpolation: int) -> NDArray:
        part = image[self.top : self.top + self.height, self.left : self.left + self.width]
        if (self.output_width, self.output_height) == (self.width, self.height):
            return part.copy()
        size = (self.output_width, self.output_height)
        return np.ascontiguousarray(cv2.resize(part, size, interpolation=interpolation))
