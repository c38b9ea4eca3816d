"""Scans through pixels of another size."""

import cv2
import numpy as np

from nii.scan import SMALLEST_SIDE, FloatArray

Size = tuple[int, int]
"""Rows and columns."""


def size_at(shape: Size, pitch_mm: tuple[float, float], wanted_mm: tuple[float, float]) -> Size:
    """Rows and columns of a scan of this shape and pitch (row, column) at another pitch, at least SMALLEST_SIDE."""
    rows, columns = (
        max(round(n * pitch / wanted), SMALLEST_SIDE)
        for n, pitch, wanted in zip(shape, pitch_mm, wanted_mm, strict=True)
    )
    return rows, columns


def resized(planes: FloatArray, size: Size) -> FloatArray:
    """Planes (plane, row, column) at this size: means over what a new pixel covers, or straight between the old ones.

    No value exceeds those around it: next to bright air, what overshoots would make a dark edge opaque.
    """
    if planes.shape[1:] == size:
        return planes
    smaller = size[0] * size[1] < planes.shape[1] * planes.shape[2]
    way = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.stack([np.asarray(cv2.resize(plane, size[::-1], interpolation=way), np.float32) for plane in planes])
