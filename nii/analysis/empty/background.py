"""What an empty inside looks like, learnt from the scan itself, and what stands out from it.

Walls, posts and corrugation are the same in every row, roof and floor the same in every column; the fan makes the
columns' pattern a little stronger in some rows. So A = row + slope(row) x column, fitted by medians, which a load that
covers less than half of a row or of a column does not move. What is left is filtered at several sizes and counted
in units of its own robust noise.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from nii.analysis.empty.inside import GRID_MM
from nii.errors import PhysicsError
from nii.physics.forward import Beam
from nii.physics.mass import Mass, excess_mass
from nii.scan import FloatArray

Array = npt.NDArray[np.float64]

SIZES_MM = ((40.0, 40.0), (80.0, 80.0), (60.0, 160.0), (160.0, 160.0), (160.0, 400.0))
"""Of the filters, rows and columns: half a bottle, a brick, a bag, a carton, a heap of them."""

PER_SIGMA = 0.6745  # median of |x| of a normal distribution over its standard deviation
EXCEEDED, AT_EXCEEDED = 0.9, 1.645  # quantile of |x| of a normal distribution, in standard deviations
ROUNDS = 3
CLIPPED = (-10.0, 30.0)  # standard deviations of a point, beyond which it says no more
LEAST_NOISE = 0.3  # of the noise of the whole strip, that a quiet column is taken to have
STEEPEST = (0.5, 2.0)  # slope of a row against the usual one
PIECE_MM = 60.0  # over which a column's noise is pooled


def residual(strip: FloatArray) -> FloatArray:
    """Attenuation over the background, float32 like `strip` (row, column)."""
    row = np.median(strip, axis=1, keepdims=True)
    slope = np.ones_like(row)
    column = np.zeros((1, strip.shape[1]), np.float32)
    for _ in range(ROUNDS):
        column = np.median((strip - row) / slope, axis=0, keepdims=True)
        column -= np.median(column)
        row = np.median(strip - slope * column, axis=1, keepdims=True)
        slope = _slopes(strip - row, column)
    return np.asarray(strip - row - slope * column, np.float32)


def continued(strip: FloatArray, inside: FloatArray) -> FloatArray:
    """Residual of the rows below an inside, too few for a pattern of their own: the walls' pattern goes on there."""
    column = np.median(inside - np.median(inside, axis=1, keepdims=True), axis=0, keepdims=True)
    row = np.median(strip, axis=1, keepdims=True)
    slope = _slopes(strip - row, column)
    left = strip - slope * column
    return np.asarray(left - np.median(left, axis=1, keepdims=True), np.float32)


def _slopes(above: FloatArray, column: FloatArray) -> FloatArray:
    """How strong the columns' pattern is in each row, (row, 1), without the half of it that is weakest."""
    strong = np.abs(column) >= np.median(np.abs(column))
    if not (np.abs(column[strong]) > 1e-3).any():
        return np.ones((len(above), 1), np.float32)
    ratio = above[:, strong[0]] / np.where(np.abs(column[strong]) > 1e-3, column[strong], np.float32(1e9))
    weight = np.abs(column[strong])
    order = np.argsort(ratio, axis=1)
    share = np.cumsum(weight[order], axis=1) / weight.sum()
    at = (share < 0.5).sum(axis=1)[:, None]
    found = np.take_along_axis(np.take_along_axis(ratio, order, 1), np.minimum(at, order.shape[1] - 1), 1)
    return np.asarray(np.clip(found, *STEEPEST), np.float32)


def standing_out(left: FloatArray, looked_at: npt.NDArray[np.bool_], noise: Array) -> FloatArray:
    """The residual filtered at each size, in units of a point's noise over the filter, float32 (size, row, column).

    looked_at: bool (row, column); elsewhere nothing stands out. noise: (1, column) or (row, 1).
    """
    weighed = np.clip(left / noise * looked_at, *CLIPPED).astype(np.float32)
    return np.stack([_filtered(weighed, size) for size in SIZES_MM])


def in_sigmas(found: FloatArray) -> FloatArray:
    """Maps (size, row, column), each in units of its own robust noise."""
    noise = np.median(np.abs(found), axis=(1, 2), keepdims=True) / PER_SIGMA
    return np.asarray(found / (noise + 1e-6), np.float32)


def column_noise(left: FloatArray) -> Array:
    """Robust noise of each column, smoothed along the travel, (1, column): posts and their edges are noisier."""
    by_column = np.median(np.abs(left), axis=0) / PER_SIGMA
    reach = 2 * int(PIECE_MM / GRID_MM / 2) + 1
    smooth = cv2.blur(by_column.astype(np.float32)[None], (reach, 1))[0]
    return np.asarray(np.maximum(smooth, LEAST_NOISE * np.median(by_column) + 1e-6), np.float64)[None]


def row_noise(left: FloatArray) -> Array:
    """Noise of each row, (row, 1): what a tenth of its columns exceed, so that cross members count as noise."""
    return np.asarray(np.quantile(np.abs(left), EXCEEDED, axis=1, keepdims=True) / AT_EXCEEDED + 1e-6, np.float64)


def _filtered(image: FloatArray, size: tuple[float, float]) -> FloatArray:
    rows, columns = (max(round(side / GRID_MM), 1) for side in size)
    rows = min(rows, len(image))
    return np.asarray(cv2.blur(image, (columns, rows), borderType=cv2.BORDER_REFLECT), np.float32)


def layer_mass(excess: FloatArray, mask: npt.NDArray[np.bool_], T: FloatArray, beams: Sequence[Beam]) -> Mass | None:
    """Mass of what stands out under the mask, its interval by the layer's own noise; None where physics has none.

    excess: attenuation (energy, row, column) on the grid. T: transmission with it.
    """
    noise = np.median(np.abs(excess), axis=(1, 2), keepdims=True) / PER_SIGMA
    try:
        return excess_mass(
            np.asarray(excess, np.float32),
            mask,
            np.asarray(T, np.float32),
            pitch_mm=(GRID_MM, GRID_MM),
            beams=beams,
            of_transmission=np.asarray((T * noise) ** 2, np.float32),
            background_error=float(noise.mean()),
        )
    except PhysicsError:
        return None
