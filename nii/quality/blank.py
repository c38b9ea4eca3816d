"""Does a scan show anything? One that shows nothing is no clear scan: nobody can decide on it.

The beam was off, an energy or a large part of the detector read nothing, or nothing was in front of it. What is opaque
in places of an otherwise good scan is no matter of this module.
"""

import cv2
import numpy as np
import numpy.typing as npt

from nii.quality.measure import AIR_WIDTH, MEDIAN_PER_SIGMA, dead_lines
from nii.scan import FloatArray, Kind, Scan

BLACK = 0.01  # transmission; above the dark level of a detector, below all that a scan shows around its dense parts
STRAY = 0.05  # share of pixels that read more than that where nothing is seen: hot ones, a stamped text
MOST_DEAD = 0.4  # share of rows or of columns; the ground below a vehicle is black in up to 0.27 of simulated rows
BLOCK = 5  # pixels
FLAT = 0.02  # of transmission between blocks, once rows and columns are level; air itself varies by less
STRIPED = 0.06  # as blocks of rows and columns may differ by their gains; a roof or a floor differs by more


def blank(scan: Scan) -> str | None:
    """Why a scan shows nothing, in words for its reader; None where it shows something.

    One energy that shows nothing is enough: the other one alone is another scan. Example: "4MV is black".
    """
    planes = scan.transmission
    if scan.kind is Kind.OPERATOR_IMAGE:
        planes = planes.mean(axis=0, keepdims=True)  # red alone is even where all is orange
    names = scan.energies if len(scan.energies) == len(planes) else ()
    for number, plane in enumerate(planes):
        if (why := _why(plane)) is not None:
            return f"{names[number] if names else f'image {number + 1}'} {why}"
    return None


def _why(plane: FloatArray) -> str | None:
    """The same of one image (row, column)."""
    light = plane > BLACK
    if light.mean() <= STRAY:
        return "is black"
    if flat(plane):
        return "is the same all over"
    rows, columns = _dead(plane, light), _dead(plane.T, light.T)
    if max(rows, columns) > MOST_DEAD:
        share, lines = max((rows, "rows"), (columns, "columns"))
        return f"reads nothing in {share:.0%} of its {lines}"
    return None


def _dead(plane: FloatArray, light: npt.NDArray[np.bool_]) -> float:
    """Share of the rows that are black, or stuck at a value other than the brightest, which may be clean or clipped."""
    stuck = dead_lines(plane[None])
    stuck[stuck] = np.median(plane[stuck], axis=1) < (1 - AIR_WIDTH) * plane.max()
    return float(((light.mean(axis=1) <= STRAY) | stuck).mean())


def flat(plane: FloatArray) -> bool:
    """Whether an image (row, column) holds nothing but noise, gains of its rows and columns, and some dead ones."""
    rows, columns = plane.shape
    blocks = np.asarray(cv2.resize(plane, (columns // BLOCK, rows // BLOCK), interpolation=cv2.INTER_AREA), np.float32)
    low, high = np.percentile(blocks, (10, 90))
    level = blocks - np.median(blocks, axis=1, keepdims=True)
    level = cv2.medianBlur(level - np.median(level, axis=0, keepdims=True), 3)  # lone blocks are hot or dead pixels
    noise = _noise(plane)
    return bool(high - low < max(STRIPED, noise) and np.ptp(level) < max(FLAT, noise))


def _noise(plane: FloatArray) -> float:
    """Standard deviation of a pixel from its neighbour to the right, deaf to edges."""
    some = plane[:: len(plane) // 30 + 1]
    return float(np.median(np.abs(np.diff(some, axis=1)))) / MEDIAN_PER_SIGMA / 2**0.5
