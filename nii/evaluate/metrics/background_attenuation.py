"""How much cargo the beam has to pass besides the concealment: the attenuation around it.

What lies above and below a concealment can't be told from the scan itself, so it is read off a
ring around it, in the image of the highest energy, which sees deepest.
"""

from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from nii.physics.beams import standard_beams
from nii.physics.forward import attenuation_curve
from nii.physics.materials import STEEL_G_CM3
from nii.scan import FloatArray, Kind, Scan

Mask = npt.NDArray[np.bool_]
Box = tuple[int, int, int, int]

GAP = 3  # pixels next to the concealment that its blurred edge may reach
RING = 12  # pixels that the ring is wide
FAINTEST = 1e-4  # transmission; below lies the noise of the electronics alone
STEEL_MM = np.linspace(0.0, 600.0, 601)


def surroundings(scan: Scan, box: Box | None, mask: Mask | None) -> float | None:
    """Median attenuation of the ring around one concealment, highest energy, no unit.

    box: (x, y, w, h) of the concealment in pixels; None: all of the mask is it. mask: of all
    concealments, (row, column), none of which counts as cargo; None: the box is all concealment.
    None for operator images, or where nothing but concealment is in reach.
    """
    if scan.kind is not Kind.TRANSMISSION or (box is None and (mask is None or not mask.any())):
        return None
    hidden = mask if mask is not None and mask.any() else _box_mask(box, scan.shape)
    whole = _bounds(hidden) if box is None else box
    rows, columns = _around(whole, scan.shape)
    plane, part = scan.transmission[-1, rows, columns], hidden[rows, columns]
    mine = part if box is None else part & _box_mask(box, scan.shape)[rows, columns]
    if not mine.any():
        return None
    ring = _grown(mine, GAP + RING) & ~_grown(part, GAP)
    return attenuation_of(plane[ring])


def attenuation_of(pixels: FloatArray) -> float | None:
    """Attenuation of the median transmission, at least 0; None for no pixels. Example: T = 0.1353 gives 2."""
    if not pixels.size:
        return None
    return max(0.0, float(-np.log(max(float(np.median(pixels)), FAINTEST))))


def steel_mm(attenuation: float, energies: tuple[str, ...]) -> float | None:
    """The thickness of steel that attenuates the highest energy as much; None for beams that aren't known.

    Example: an attenuation of 1 at 6 MV is 25 mm within 5 mm.
    """
    curve = _steel_curve(energies[-1]) if energies else None
    return None if curve is None else float(np.interp(attenuation, curve, STEEL_MM))


@cache
def _steel_curve(energy: str) -> npt.NDArray[np.float64] | None:
    beams = standard_beams((energy,))
    return None if beams is None else attenuation_curve("Fe", STEEL_MM / 10 * STEEL_G_CM3, beams[0])


def _bounds(mask: Mask) -> Box:
    x, y, w, h = cv2.boundingRect(mask.view(np.uint8))
    return int(x), int(y), int(w), int(h)


def _box_mask(box: Box | None, shape: tuple[int, int]) -> Mask:
    mask = np.zeros(shape, bool)
    if box is not None:
        x, y, w, h = box
        mask[max(y, 0) : max(y + h, 0), max(x, 0) : max(x + w, 0)] = True
    return mask


def _around(box: Box, shape: tuple[int, int]) -> tuple[slice, slice]:
    """The part of the scan that the ring can lie in."""
    (x, y, w, h), reach = box, GAP + RING
    return (
        slice(max(y - reach, 0), min(max(y + h, 0) + reach, shape[0])),
        slice(max(x - reach, 0), min(max(x + w, 0) + reach, shape[1])),
    )


def _grown(mask: Mask, by: int) -> Mask:
    square = np.ones((2 * by + 1, 2 * by + 1), np.uint8)
    grown: Any = cv2.dilate(mask.view(np.uint8), square)
    return np.asarray(grown, np.uint8) > 0
