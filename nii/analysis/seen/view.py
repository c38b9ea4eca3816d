"""Where in a scan a reference object would still be seen, and where it would not.

Looked at on a grid, each place as if what covers it covered the whole reference: the question is what the place is
opaque to, not whether an edge of the thing sticks out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from nii.io.energies import MEGA, kilovolts
from nii.physics.beams import standard_beams
from nii.physics.forward import Beam
from nii.physics.noise import NoiseModel, variance
from nii.physics.reference import POWDER, STEEL, Reference, contrast
from nii.quality.measure import NoiseCurve, noise_curve
from nii.scan import FloatArray, Kind, Scan, attenuation_of

Mask = npt.NDArray[np.bool_]

SEEN = 30.0
"""Detectability from which on a reference counts as seen. An ideal observer who knows the background needs 5 (Rose,
Vision: Human and Electronic, 1973); of concealments below 100 the shipped model found none of 8, up to 1000 4 of 21."""
CELL_MM, TUBE_CELL_MM = 24.0, 6.0  # side of a cell of the grid; of a scanner by tubes
PITCH_MM, TUBE_PITCH_MM = (6.0, 6.0), (1.0, 1.0)  # where nobody knows it
BEAMS, TUBE_BEAMS = ("4MV", "6MV"), ("160kV-low", "160kV-high")  # where a scan doesn't say its energies
FAINTEST = 1e-6  # transmission
CLIPPED = 0.4  # share of a cell's pixels that read nothing: what the others read is noise without its lower half
SOMETHING = 0.1  # attenuation from which on a cell holds something
SCATTER = 0.02  # most of the mean signal around that may be scatter, which nothing behind a cover takes away
DARKEST = 1.25  # times the lowest share of the signal around that a scan shows: more of it can't be scatter
SCATTER_MM, TUBE_SCATTER_MM = 200.0, 30.0  # half the side of the square over which the signal around is averaged
LEVELS = 201  # of transmission, even in attenuation, for which detectability is computed
CELL_PX = 6  # of an operator image, whose pitch nobody knows
BLACK = 0.2  # brightest of red, green and blue, below which a colour of an operator image is as good as black
PALE = 0.85  # of the background's brightness: what is darker holds something


@dataclass(frozen=True, eq=False)
class View:
    """What can be seen, on a grid of cells; masks are bool (row, column) of it.

    shape: rows and columns of the scan. attenuation: of the highest energy; of an operator image, of its brightness.
    load: cells that hold something. powder, steel: where the reference would be seen; None where that can't be told.
    dark: cells that count as opaque. pitch_mm: of the scan's pixels, (row, column); None of an operator image. told:
    what the figures don't rest on, in words.
    """

    shape: tuple[int, int]
    attenuation: FloatArray
    load: Mask
    powder: Mask | None
    steel: Mask | None
    dark: Mask
    pitch_mm: tuple[float, float] | None
    told: str = ""

    @cached_property
    def unseen(self) -> Mask:
        """Cells that hold something and are opaque."""
        return np.asarray(self.load & self.dark)

    def pixels(self, row: int, column: int, height: int, width: int) -> tuple[int, int, int, int]:
        """A box of cells as (x, y, w, h) in pixels of the scan."""
        (rows, columns), (high, wide) = self.shape, self.load.shape
        y, x = row * rows // high, column * columns // wide
        bottom, right = -(-(row + height) * rows // high), -(-(column + width) * columns // wide)
        return x, y, right - x, bottom - y

    def full(self, mask: Mask) -> Mask:
        """A mask of the grid in pixels of the scan."""
        large = cv2.resize(mask.view(np.uint8), self.shape[::-1], interpolation=cv2.INTER_NEAREST)
        return np.asarray(large, np.uint8) > 0


def view(scan: Scan, pitch_mm: tuple[float, float] | None = None) -> View:
    """What can be seen in a scan. pitch_mm: taken where the scan doesn't say its own."""
    return _shown(scan) if scan.kind is Kind.OPERATOR_IMAGE else _measured(scan, pitch_mm)


def _measured(scan: Scan, pitch_mm: tuple[float, float] | None) -> View:
    tubes = 0 < max(kilovolts(scan.energies), default=0.0) < MEGA
    pitch = scan.pitch_mm or pitch_mm or (TUBE_PITCH_MM if tubes else PITCH_MM)
    cell = TUBE_CELL_MM if tubes else CELL_MM
    planes = _on_grid(scan.transmission, (pitch[0] / cell, pitch[1] / cell))
    beams, told = _beams(scan.energies, len(planes), tubes=tubes)
    clipped = _on_grid(np.asarray(scan.transmission <= 0, np.float32), (pitch[0] / cell, pitch[1] / cell)) > CLIPPED
    primary = _without_scatter(
        np.where(clipped, np.float32(0), planes), round((TUBE_SCATTER_MM if tubes else SCATTER_MM) / cell)
    )
    noise = [noise_curve(plane) for plane in scan.transmission]

    def seen(reference: Reference) -> Mask:
        each = [
            _detectability(plane, curve, reference.pixels(pitch), reference, beam)
            for plane, curve, beam in zip(primary, noise, beams, strict=True)
        ]
        return np.asarray(np.sum(each, axis=0) >= SEEN**2)

    powder, steel = seen(POWDER), seen(STEEL)
    attenuation = attenuation_of(planes[-1], FAINTEST)
    return View(scan.shape, attenuation, attenuation > SOMETHING, powder, steel, ~powder, pitch, told)


def _on_grid(planes: FloatArray, cells_per_pixel: tuple[float, float]) -> FloatArray:
    """Means over cells, without specks of one cell."""
    rows, columns = (min(max(round(n * by), 1), n) for n, by in zip(planes.shape[1:], cells_per_pixel, strict=True))
    small = [cv2.resize(plane, (columns, rows), interpolation=cv2.INTER_AREA) for plane in planes]
    return np.stack([cv2.medianBlur(plane, 3) for plane in small])


def _without_scatter(planes: FloatArray, reach: int) -> FloatArray:
    """What is left of the signal (energy, row, column) if as much of it is scatter as may be. reach: cells."""
    side = 2 * reach + 1
    left = []
    for plane in planes:
        around = np.maximum(cv2.blur(plane, (side, side), borderType=cv2.BORDER_REPLICATE), np.float32(FAINTEST))
        share = min(SCATTER, DARKEST * float((plane / around).min()))
        left.append(plane - np.float32(share) * around)
    return np.stack(left)


def _beams(energies: Sequence[str], planes: int, *, tubes: bool) -> tuple[tuple[Beam, ...], str]:
    """The beams of these energies, or those of a common scanner, and words that say so."""
    known = standard_beams(energies) if energies else None
    if known is not None:
        return known, ""
    taken = ((TUBE_BEAMS if tubes else BEAMS) * planes)[-planes:]
    return standard_beams(taken) or (), f"energies taken for {' and '.join(taken)}"


def _detectability(
    plane: FloatArray, noise: NoiseCurve | None, pixels: float, reference: Reference, beam: Beam
) -> FloatArray:
    """Square of the detectability behind each cell (row, column) of one energy, read off a table over transmission."""
    T = np.exp(-np.linspace(-np.log(FAINTEST), 0.0, LEVELS))
    spread = variance(T.astype(np.float32), NoiseModel()) if noise is None else noise.variance(T)
    squared = pixels * (T * contrast(reference, T, beam)) ** 2 / np.maximum(spread, FAINTEST**2)
    return np.asarray(np.interp(plane, T, squared, left=0.0), np.float32)


def _shown(scan: Scan) -> View:
    """Of an operator image: black is opaque, and of the rest nobody can tell."""
    cells = _on_grid(scan.transmission, (1 / CELL_PX, 1 / CELL_PX))
    brightest, dimmest = cells.max(axis=0), cells.min(axis=0)
    return View(
        shape=scan.shape,
        attenuation=attenuation_of(brightest, 1 / 255),
        load=dimmest < PALE * np.percentile(dimmest, 95),
        powder=None,
        steel=None,
        dark=brightest < BLACK,
        pitch_mm=None,
        told="an operator image holds no transmission: black counts as not seen through, "
        "of the rest nobody can tell what would be seen behind it",
    )
