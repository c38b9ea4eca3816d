"""What in a scan's transmission contradicts the file: notes for whoever reads the result, or a refusal.

Checked on 64 + 60 simulated scans of containers, on real ones of a railcar and a truck and on the shipped samples:
none gets a note of this module, and all of them turned inverse but the railcar's do.
"""

from itertools import combinations

import numpy as np
import numpy.typing as npt

from nii.errors import ScanError
from nii.io.air import estimate_air
from nii.io.picture import finite_share_within
from nii.scan import FloatArray

SAMPLE = 30_000  # pixels that are enough to know the level of air
AIR_WITHIN = 0.05  # air may lie so far from 1: drift of the source, noise of the estimate
BRIGHTEST_AIR = 1.25  # an area brighter than this is no drift
PLAUSIBLE = (-0.1, 2.0)  # transmission; noise and dark subtraction leave (0, 1] only slightly
IMPLAUSIBLE_SHARE = 0.01  # of pixels outside this range, before a scan is refused
DIFFERENT = 0.002  # mean difference of the transmissions of two energies in cargo; 4/6 MV cargo has -0.05
CARGO = (0.1, 0.7)  # transmission dark enough for a difference, bright enough against noise
SAME = 0.999  # share of pixels with one value in both energies
END = 0.07  # of the range from dark to bright
FULL_SIDE = 0.4  # share of a side's pixels at one end; of true scans at most 0.13 are dark, of inverse ones bright


def doubts(transmission: FloatArray, *, air_told: bool, name: str) -> tuple[str, ...]:
    """Notes on a scan (energy, row, column), finite. Raises ScanError where its values can't be transmissions.

    air_told: whether the air level (or transmission itself) came from the file and not from the scan.
    """
    if finite_share_within(transmission, *PLAUSIBLE) < 1 - IMPLAUSIBLE_SHARE:
        low, high = float(transmission.min()), float(transmission.max())
        raise ScanError(
            f"{name}: expected transmission in (0, 1], came {low:.3g} to {high:.3g}; is the air level right?"
        )
    found = [_inverse(transmission[-1]), _energies(transmission)]
    if air_told:
        found = [_air(transmission, name), *found]
    return tuple(text for text in found if text)


def _air(transmission: FloatArray, name: str) -> str:
    """A note where the brightest area isn't near 1; far above, the scan is refused."""
    levels = [estimate_air(plane.ravel()[:: plane.size // SAMPLE + 1], np.inf) for plane in transmission]
    came = ", ".join(f"{level:.3g}" for level, _ in levels)
    if any(certain and level > BRIGHTEST_AIR for level, certain in levels):
        raise ScanError(
            f"{name}: expected transmission in (0, 1], came an area at {came}; "
            "is the air level right, or is it attenuation?"
        )
    if any(level > 1 + AIR_WITHIN for level, _ in levels):
        return f"the brightest area transmits {came} in place of 1: the air level told is too low"
    if any(level < 1 - AIR_WITHIN for level, _ in levels):
        return f"the brightest area transmits {came}: no air in view, or the air level told is too high"
    return ""


def _inverse(plane: FloatArray) -> str:
    """A note where a side of the picture other than its bottom is dark and none is bright, as if air were dark."""
    lowest, highest = _ends(plane)
    span = highest - lowest
    if not span > 0:
        return ""
    sides = [plane[:2], plane[:, :2], plane[:, -2:]]
    dark = [np.mean(side < lowest + END * span) for side in sides]
    bright = [np.mean(side > highest - END * span) for side in sides]
    if max(dark) < FULL_SIDE or max(bright) >= FULL_SIDE:
        return ""
    return "dark along its sides, where air would be bright: the picture may be inverse, framed or without air"


def _ends(plane: FloatArray) -> tuple[float, float]:
    """Dark and bright end of an image, without single pixels."""
    lowest, highest = np.percentile(plane.ravel()[:: plane.size // SAMPLE + 1], [0.5, 99.5])
    return float(lowest), float(highest)


def _energies(transmission: FloatArray) -> str:
    """A note if the first energy penetrates more than the second, as if exchanged, or two are one image."""
    some = transmission[:, :: transmission[0].size // (4 * SAMPLE) + 1]  # whole rows
    if any(np.mean(one == other) >= SAME for one, other in combinations(some, 2)):
        return "two energies show one and the same image: nothing can be told from their ratio"
    if transmission.shape[0] != 2:
        return ""
    low, high = some / max(_ends(transmission[1])[1], 1e-6)  # of the brightest, if air isn't at 1
    cargo: npt.NDArray[np.bool_] = (high > CARGO[0]) & (high < CARGO[1])
    if np.count_nonzero(cargo) < 0.01 * cargo.size:
        return ""
    excess = float(np.mean(low[cargo] - high[cargo]))
    if excess > DIFFERENT:
        return "the first energy penetrates more than the second: the order may be exchanged, or the picture inverse"
    if excess > -DIFFERENT:
        return "both energies penetrate alike, as if one image were given for both: their ratio tells little"
    return ""
