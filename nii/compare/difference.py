"""What differs between two aligned passages, in units of what noise and a residual shift would make of it."""

import cv2
import numpy as np
import numpy.typing as npt

from nii.analysis.empty.background import PER_SIGMA
from nii.analysis.empty.inside import GRID_MM
from nii.compare.places import Places
from nii.scan import FloatArray

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

SIZES_MM = ((50.0, 50.0), (100.0, 100.0), (60.0, 400.0), (400.0, 60.0), (200.0, 200.0), (200.0, 800.0))
"""Of the filters, rows and columns: a filled post, a package, a floor or roof, a wall, a tank, a row of packages."""

ENDS = "ends"
KINDS = (*(f"outside {rows:g} x {columns:g} mm" for rows, columns in SIZES_MM),
         *(f"inside {rows:g} x {columns:g} mm" for rows, columns in SIZES_MM), ENDS)  # fmt: skip
"""What is measured, in the order of a `Standard`; inside and outside of the rooms."""

SHIFT = 0.35  # points of the grid that the alignment may be off at an edge
QUIETEST = 0.002  # attenuation, least noise of a point
LEVELS = 16  # of attenuation, with as many points each
LEAST_NOISE = 0.3  # standard deviations of a point, as white noise that a filter leaves; two copies of a scan have none
CLIPPED = 8.0  # standard deviations of a point, beyond which it says no more
FEWEST = 0.3  # share of a filter's points that must be comparable
END_MM = 800.0  # of a room at each end, where second walls stand
BEYOND_MM = 150.0  # beyond the ends, for the posts
FULL_HEIGHT = 15.0  # percentile of a column's rows: what is there over the full height
WALL_MM = 30.0  # over which columns are pooled


def in_noise(before: FloatArray, after: FloatArray, places: Places) -> FloatArray:
    """Difference of attenuation (row, column), each point in its own noise; 0 where it can't be compared."""
    D, level = after - before, np.asarray((before + after) / 2, np.float32)
    steepest = np.maximum(_steepness(before), _steepness(after))
    edges = np.asarray(cv2.dilate(steepest, np.ones((3, 3), np.uint8)), np.float32)
    offset, noise = _by_level(D, level, places.comparable, edges)
    z = (D - offset) / np.sqrt(noise**2 + (SHIFT * edges) ** 2)
    return np.asarray(np.clip(z, -CLIPPED, CLIPPED) * places.comparable, np.float32)


def _steepness(plane: FloatArray) -> FloatArray:
    across, along = np.gradient(plane)
    return np.asarray(np.hypot(across, along), np.float32)


def _by_level(D: FloatArray, level: FloatArray, mask: Mask, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Median and robust noise of the difference at each point's attenuation, from points away from edges."""
    flat = mask & (edges <= np.median(edges[mask])) if mask.any() else mask
    if not flat.any():
        return np.zeros_like(D), np.full_like(D, QUIETEST)
    steps = np.quantile(level[flat], np.linspace(0, 1, LEVELS + 1))
    middle = (steps[1:] + steps[:-1]) / 2
    number = np.clip(np.searchsorted(steps, level[flat], side="right") - 1, 0, LEVELS - 1)
    values = D[flat]
    groups = [values[number == n] if (number == n).any() else values for n in range(LEVELS)]
    offset = np.array([np.median(group) for group in groups])
    noise = np.array([np.median(np.abs(group - np.median(group))) / PER_SIGMA for group in groups])
    found = (np.interp(level, middle, values) for values in (offset, np.maximum(noise, QUIETEST)))
    return next(found).astype(np.float32), next(found).astype(np.float32)


def filtered(z: FloatArray, places: Places) -> FloatArray:
    """Signed evidence at each size (size, row, column), in units of its own robust noise on the conveyance."""
    counted = places.comparable.astype(np.float32)
    maps = []
    for size in SIZES_MM:
        rows, columns = (max(round(side / GRID_MM), 1) for side in size)
        share = cv2.blur(counted, (columns, rows), borderType=cv2.BORDER_CONSTANT)
        total = cv2.blur(z, (columns, rows), borderType=cv2.BORDER_CONSTANT)
        found = np.where(share >= FEWEST, total / np.sqrt(np.maximum(share, FEWEST)), 0) * counted
        looked_at = places.conveyance & places.comparable & (share >= FEWEST)
        noise = np.median(np.abs(found[looked_at])) / PER_SIGMA if looked_at.any() else 1.0
        maps.append(found / max(float(noise), LEAST_NOISE / np.sqrt(rows * columns)))
    return np.asarray(maps, np.float32)


def at_ends(before: FloatArray, after: FloatArray, places: Places) -> FloatArray:
    """Signed evidence by column (column,) for what is there over the full height near the ends of a room."""
    D, out = after - before, np.zeros(after.shape[1], np.float32)
    edges = np.maximum(_steepness(before), _steepness(after))
    z = np.clip(D / np.sqrt(QUIETEST**2 + (SHIFT * edges) ** 2), -CLIPPED, CLIPPED)
    reach, end, beyond = (int(size / GRID_MM) for size in (WALL_MM, END_MM, BEYOND_MM))
    for room in places.rooms:
        first, last = room.columns
        for start, stop in ((first - beyond, first + end), (last - end, last + beyond)):
            near = slice(max(start - reach, 0), max(stop + reach, 0))
            kept = slice(max(start, 0), max(stop, 0))
            low, high = np.percentile(z[room.top : room.rows[1], near], (FULL_HEIGHT, 100 - FULL_HEIGHT), axis=0)
            through = np.where(low > 0, low, np.where(high < 0, high, 0)).astype(np.float32)
            out[kept] = cv2.blur(through[None], (reach, 1))[0][kept.start - near.start :][: kept.stop - kept.start]
    return out


def measured(maps: FloatArray, ends: FloatArray, places: Places) -> Array:
    """Largest evidence of each of KINDS, without its sign, (kind,)."""
    strongest = [
        float(np.abs(plane[where]).max()) if where.any() else 0.0
        for where in (~places.inside, places.inside)
        for plane in maps
    ]
    return np.array([*strongest, float(np.abs(ends).max())])
