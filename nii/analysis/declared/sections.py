"""What kind of load each stretch of the travel looks like, by the network that finds the concealments.

Looked at on the pitch at which the model works, or the coarsest that it was trained on: the kind shows there too, in a
fraction of the time.
A cab is no load: where an inside is found, only that is looked at.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from nii.analysis.declared.insides import Insides
from nii.analysis.empty.inside import GRID_MM
from nii.model.detector import Detector
from nii.model.pitch import resized, size_at
from nii.scan import SMALLEST_SIDE, Scan

SECTION_MM = 2400.0  # of a section, about the depth of two pallets: the load's pattern has to be seen
EMPTY = "empty"

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Section:
    """A stretch of the travel: columns of the scan (start, end), and the probability of each kind, (kind,)."""

    columns: tuple[int, int]
    probabilities: Array


def find_sections(scan: Scan, insides: Insides, detector: Detector) -> list[Section]:
    """Sections of the insides in view, from left to right; the whole scan where no inside is found.

    Raises ModelError if scan and model don't fit.
    """
    contract = detector.contract
    coarse = on_pitch(scan, contract.working_pitch_mm or contract.pitch_mm[1])
    by = coarse.shape[1] / scan.shape[1]
    found = []
    for start, end in _pieces(scan, insides):
        left = min(int(start * by), coarse.shape[1] - SMALLEST_SIDE)
        piece = coarse.transmission[:, :, left : max(round(end * by), left + SMALLEST_SIDE)]
        part = replace(coarse, transmission=np.ascontiguousarray(piece))
        found.append(Section((start, end), np.asarray(detector.cargo(part), np.float64)))
    return found


def on_pitch(scan: Scan, pitch_mm: float) -> Scan:
    """The scan with pixels of at least this size, each the mean of those that it covers."""
    if scan.pitch_mm is None:
        return scan
    coarser = (max(scan.pitch_mm[0], pitch_mm), max(scan.pitch_mm[1], pitch_mm))
    planes = resized(scan.transmission, size_at(scan.shape, scan.pitch_mm, coarser))
    return replace(scan, transmission=planes, pitch_mm=coarser)


def counted(sections: Sequence[Section], cargos: Sequence[str]) -> list[Section]:
    """The sections that say something of the load: those that don't look empty, or all where every one does."""
    if EMPTY not in cargos:
        return list(sections)
    empty = list(cargos).index(EMPTY)
    return [section for section in sections if section.probabilities.argmax() != empty] or list(sections)


def _pieces(scan: Scan, insides: Insides) -> list[tuple[int, int]]:
    """Columns of the scan of each section."""
    if insides.A is None or not insides.rooms:
        return [(0, scan.shape[1])]
    by = scan.shape[1] / insides.A.shape[2]
    pieces = [piece for room in insides.rooms for piece in _cut(*room.columns)]
    return [(round(start * by), round(end * by)) for start, end in pieces]


def _cut(start: int, end: int) -> list[tuple[int, int]]:
    """An inside in equal parts of about SECTION_MM, in columns of the grid."""
    edges = np.linspace(start, end, max(round((end - start) * GRID_MM / SECTION_MM), 1) + 1).round().astype(int)
    return [(int(a), int(b)) for a, b in itertools.pairwise(edges)]
