"""Two passages laid over each other, what can be compared of them, and where they differ."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from nii.analysis.empty.background import layer_mass
from nii.compare.align import Aligned, align
from nii.compare.difference import SIZES_MM, at_ends, filtered, in_noise, measured
from nii.compare.places import Places, attenuation, find_places
from nii.physics.beams import standard_beams
from nii.physics.mass import Mass
from nii.scan import FloatArray, Scan

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

LEAST_FIT = 0.15  # of the edges, below which the passages are not of one conveyance
LEAST_COMPARED = 0.1  # share of the conveyance
EDGE_SHARE = 0.4  # of an area's peak, down to which it reaches
DIFFERS = 0.25  # share of the most that an area differs by, from which on a point belongs to the thing itself
MOST_AREAS = 10
FRINGE = 20  # points of the grid around an area, where the larger filters still see it


@dataclass(frozen=True, eq=False)
class Area:
    """A connected area that differs: mask on the grid (row, column), whether there is more than before, its peak."""

    mask: Mask
    added: bool
    peak: float


@dataclass(frozen=True, eq=False)
class Pair:
    """Two aligned passages.

    after: attenuation (energy, row, column) on the grid. maps: signed evidence at each of SIZES_MM (size, row, column).
    ends: signed evidence at the ends of rooms, (column,).
    """

    after: FloatArray
    aligned: Aligned
    places: Places
    maps: FloatArray
    ends: FloatArray

    def unfit(self) -> str | None:
        """Why these two can't be compared; None where they can."""
        if not self.aligned.fit >= LEAST_FIT:
            return "the two passages don't show the same conveyance"
        if not self.places.compared >= LEAST_COMPARED:
            return f"only {self.places.compared:.0%} of the conveyance can be compared: loads or darkness hide the rest"
        return None

    def measured(self) -> Array:
        """Largest evidence of each of KINDS, (kind,)."""
        return measured(self.maps, self.ends, self.places)

    def evidence(self, scales: Sequence[float]) -> FloatArray:
        """The strongest signed evidence at each point (row, column), in units of these scales of KINDS."""
        n = len(SIZES_MM)
        tall = np.zeros(self.places.inside.shape)
        for room in self.places.rooms:
            tall[room.top : room.rows[1]] = self.ends / scales[-1]
        strongest: Array = np.zeros(tall.shape)
        for plane, outside, inside in zip(self.maps, scales[:n], scales[n : 2 * n], strict=True):
            _keep_stronger(strongest, plane / np.where(self.places.inside, inside, outside))
        _keep_stronger(strongest, tall)
        return strongest.astype(np.float32)

    def difference(self) -> FloatArray:
        """Attenuation of the later less that of the earlier (row, column), NaN where nothing can be compared."""
        apart = (self.after - self.aligned.before).mean(axis=0)
        return np.asarray(np.where(self.places.comparable, apart, np.nan), np.float32)

    def areas(self, scales: Sequence[float], threshold: float) -> list[Area]:
        """Areas whose evidence exceeds the threshold, the strongest first."""
        found: list[Area] = []
        signed = self.evidence(scales)
        left = np.abs(signed)
        while len(found) < MOST_AREAS and float(left.max()) > threshold:
            row, column = np.unravel_index(int(left.argmax()), left.shape)
            peak, added = float(left[row, column]), bool(signed[row, column] > 0)
            alike = (left >= EDGE_SHARE * peak) & ((signed > 0) == added)
            _, labels = cv2.connectedComponents(alike.astype(np.uint8))
            area = np.asarray(labels == labels[row, column])
            found.append(Area(self._core(area, added=added), added, peak))
            left[cv2.dilate(area.astype(np.uint8), np.ones((2 * FRINGE + 1,) * 2, np.uint8)) > 0] = 0
        return found

    def _core(self, area: Mask, *, added: bool) -> Mask:
        """The part of an area that differs most; filters reach beyond a thing's edges."""
        apart = (self.after - self.aligned.before).mean(axis=0)
        excess = np.where(area, apart if added else -apart, 0)
        part = excess > DIFFERS * max(float(np.quantile(excess[area], 0.95)), 0)
        return np.asarray(part if part.any() else area)

    def mass(self, area: Area, energies: Sequence[str]) -> Mass | None:
        """Mass of what was added or is missing, its interval by noise alone; None where the energies are unknown."""
        beams = standard_beams(tuple(energies)) if energies else None
        if beams is None:
            return None
        passages = (self.after, self.aligned.before)
        with_it, without = passages if area.added else passages[::-1]
        mask = cv2.dilate(area.mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        return layer_mass(with_it - without, mask, np.exp(-with_it), beams)


def _keep_stronger(strongest: Array, other: Array) -> None:
    """Take over, point by point, what exceeds it in size; a plane at a time, since all at once are slow to search."""
    np.copyto(strongest, other, where=np.abs(other) > np.abs(strongest))


def look(before: Scan, after: Scan) -> Pair:
    """Align two scans that have a pitch and measure where they differ."""
    later = attenuation(after)
    aligned = align(attenuation(before), later)
    means = aligned.before.mean(axis=0), later.mean(axis=0)
    places = find_places(*means, aligned.seen)
    return Pair(later, aligned, places, filtered(in_noise(*means, places), places), at_ends(*means, places))
