"""Scans through pixels of another size."""

import math

import cv2
import numpy as np

from nii.scan import SMALLEST_SIDE, FloatArray

SAME_PITCH = 0.02  # of its logarithm: resampling would blur more than it mends

Size = tuple[int, int]
"""Rows and columns."""


def size_at(shape: Size, pitch_mm: tuple[float, float], wanted_mm: tuple[float, float]) -> Size:
    """Rows and columns of a scan of this shape and pitch (row, column) at another pitch, at least SMALLEST_SIDE."""
    rows, columns = (
        max(round(n * pitch / wanted), SMALLEST_SIDE)
        for n, pitch, wanted in zip(shape, pitch_mm, wanted_mm, strict=True)
    )
    return rows, columns


def working_size(shape: Size, pitch_mm: tuple[float, float] | None, working_mm: float) -> Size:
    """Rows and columns of a scan at the pitch at which a model works, in training and in use alike.

    Its own where it doesn't say its pitch (row, column), or is within SAME_PITCH of the model's.
    """
    if pitch_mm is None or all(abs(math.log(pitch / working_mm)) <= SAME_PITCH for pitch in pitch_mm):
        return shape
    return size_at(shape, pitch_mm, (working_mm, working_mm))


def resized(planes: FloatArray, size: Size) -> FloatArray:
    """Planes (plane, row, column) at this size: along each axis means over what a new pixel covers, or, where it gets
    finer, straight between the old ones.

    No value exceeds those around it: next to bright air, what overshoots would make a dark edge opaque.
    """
    if planes.shape[1:] == size:
        return planes
    return np.stack([_along_columns(_along_rows(plane, size[0]), size[1]) for plane in planes])


def _along_rows(plane: FloatArray, rows: int) -> FloatArray:
    return _scaled(plane, (rows, plane.shape[1]), finer=rows > plane.shape[0])


def _along_columns(plane: FloatArray, columns: int) -> FloatArray:
    return _scaled(plane, (plane.shape[0], columns), finer=columns > plane.shape[1])


def _scaled(plane: FloatArray, size: Size, *, finer: bool) -> FloatArray:
    if plane.shape == size:
        return plane
    way = cv2.INTER_LINEAR if finer else cv2.INTER_AREA
    return np.asarray(cv2.resize(plane, size[::-1], interpolation=way), np.float32)


def axis_weights(old: int, new: int, wanted: slice, given: slice) -> FloatArray:
    """What the pixels `given` of an axis of `old` contribute to the pixels `wanted` of `new`, as in `resized`.

    float32 (wanted, given); rows sum to 1 where `given` holds all that they are made of.
    Example: of 4 pixels to 2, for all of them: [[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]].
    """
    step = old / new
    i, j = np.arange(wanted.start, wanted.stop)[:, None], np.arange(given.start, given.stop)[None, :]
    if new > old:
        middle = np.clip((i + 0.5) * step - 0.5, 0, old - 1)
        return np.asarray(np.maximum(1 - np.abs(j - middle), 0), np.float32)
    covered = np.minimum((i + 1) * step, j + 1) - np.maximum(i * step, j)
    return np.asarray(np.maximum(covered, 0) / step, np.float32)


def touched(old: int, new: int, given: slice) -> tuple[slice, slice]:
    """Pixels of an axis of `new` that the pixels `given` of `old` contribute to, and all that those are made of.

    Both may be a little wider than needed.
    """
    step = old / new
    first, last = max(int((given.start - 1) / step) - 1, 0), min(int((given.stop + 1) / step) + 2, new)
    return slice(first, last), slice(max(int(first * step) - 1, 0), min(int(last * step) + 2, old))
