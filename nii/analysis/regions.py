"""From the layers of a scan to the regions that an officer is shown."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from nii.analysis.fields import Box, RegionRecord
from nii.analysis.known.identity import Identity, identify
from nii.errors import PhysicsError
from nii.model.contract import Contract
from nii.model.detector import Layers
from nii.model.region_features import RegionFeatures, measure_region
from nii.physics.beams import standard_beams
from nii.physics.calibrated_mass import calibrate_mass
from nii.physics.mass import Mass, excess_mass
from nii.physics.noise import NoiseModel
from nii.scan import FloatArray, Kind, Scan
from nii.stats.operating_point import Calibration

USUAL = 0.75  # quantile of a scan's own evidence that counts as usual
STEP = 4  # of the grid on which it is taken, places of the evidence
REACH = (0.3, 0.5, 0.7, 0.9)
"""Shares of its height down to which a region reaches: the first (it and USUAL: best overlap on validation scans), or
where that takes in a higher peak, the next."""
LOWEST = 0.3  # share of the height of the first region's peak below which no region is looked for
MARGIN = 2  # places of the evidence around a region in which no other begins
FILLED = 2  # what marks an area
MOST = 20  # regions of a scan that are looked at, the highest first
BACKGROUND_ERROR = 0.03  # rms error of the network's excess that all pixels of a region share, attenuation


@dataclass(frozen=True, eq=False)
class Region:
    """One area that may be a concealment.

    box: (x, y, w, h) in pixels of the scan. polygon: (x, y) corners. mask: bool (h, w) within the box.
    score: of its candidate, on the scale of the scan's score. p_value: among the benign
    calibration scans; None if the model has none. shares: float32 (family,), mean of the
    network's family probabilities over it. scan, layers: what it was found in. contract: of the model.
    """

    box: Box
    polygon: tuple[tuple[int, int], ...]
    mask: npt.NDArray[np.bool_]
    score: float
    p_value: float | None
    shares: FloatArray
    scan: Scan
    layers: Layers
    contract: Contract

    @property
    def family(self) -> str:
        """The family that it is named, or "unknown"."""
        return self.identity.family

    @cached_property
    def identity(self) -> Identity:
        """What it is called, how sure that is, and the known concealments most like it."""
        return identify(self.shares, self.look(), self.contract)

    def look(self) -> RegionFeatures:
        """What it looks like; where the scan doesn't say its pitch, at the middle of those that the model takes."""
        x, y, w, h = self.box
        excess = self.layers.excess[:, y : y + h, x : x + w]
        pitch = self.scan.pitch_mm or (sum(self.contract.pitch_mm) / 2,) * 2
        return measure_region(excess, self.mask, (y, x), self.scan.shape, pitch)

    @cached_property
    def mass(self) -> Mass | None:
        """Mass of the excess layer, with material; None where pitch or energies are unknown.

        Found when first asked for: it takes longer than all else about a region, and most regions are never shown.
        """
        found = _mass(self.scan, self.layers, self.mask, self.box)
        return found if found is None else calibrate_mass(found, self.contract.mass_ratios)

    def to_record(self) -> RegionRecord:
        """What a record holds of it; masses in kg, None where unknown."""
        mass = self.mass
        known = mass is not None and np.isfinite(mass.high)
        return RegionRecord(
            box=self.box,
            polygon=self.polygon,
            score=self.score,
            p_value=self.p_value,
            family=self.family,
            family_probability=self.identity.families[0][1],
            families=self.identity.families_record(),
            similar=self.identity.similar_record(),
            mass_kg=round(mass.kg, 4) if mass is not None and known else None,
            mass_low_kg=round(mass.low, 4) if mass is not None and known else None,
            mass_high_kg=round(mass.high, 4) if mass is not None and known else None,
            material=str(mass.material_class) if mass is not None else "undetermined",
            z_effective=round(mass.z, 1) if mass is not None and known else None,
        )


def find_regions(
    scan: Scan, layers: Layers, contract: Contract, calibration: Calibration | None, *, limit: int = MOST
) -> list[Region]:
    """Areas around the candidates of the judge, the highest score first, at most `limit`.

    Heights of evidence count from what is usual in the scan. An area reaches from its candidate down to REACH of its
    height; other candidates in it are no regions of their own. The first region's score is the scan's score, so that
    scan and region decide by the same calibration. Where there is no candidate, nothing alarms.
    """
    evidence = layers.evidence.copy()
    regions: list[Region] = []
    usual = float(np.quantile(evidence[::STEP, ::STEP], USUAL, method="lower"))
    lowest = -np.inf
    for row, column, score in layers.candidates:
        seed = int(row), int(column)
        peak = float(evidence[seed])
        if peak < lowest or not np.isfinite(peak) or len(regions) == limit:
            continue
        if not regions:
            lowest = min(usual + LOWEST * (peak - usual), peak)
        area = _area(evidence, seed, usual)
        regions.append(_region(scan, layers, contract, calibration, area, float(score)))
        _close(evidence, area)
    return regions


@dataclass(frozen=True, eq=False)
class _Area:
    """Places of the evidence: the corner of their box, and which ones in it, uint8 0 / 1 (row, column)."""

    row: int
    column: int
    mask: npt.NDArray[np.uint8]


def _area(evidence: npt.NDArray[np.float32], seed: tuple[int, int], usual: float) -> _Area:
    """The connected area around the seed that reaches down to a share of its height, and to no higher peak."""
    peak = float(evidence[seed])
    for reach in REACH:
        area = _above(evidence, seed, min(usual + reach * (peak - usual), peak))
        height, width = area.mask.shape
        here = evidence[area.row : area.row + height, area.column : area.column + width]
        if here[area.mask > 0].max() <= peak:
            break
    return area


def _above(evidence: npt.NDArray[np.float32], seed: tuple[int, int], level: float) -> _Area:
    """The connected area above the level that holds the seed."""
    inside = (evidence >= level).astype(np.uint8)
    _, _, _, (x, y, w, h) = cv2.floodFill(inside, None, seed[::-1], (FILLED,), flags=8)
    return _Area(y, x, np.asarray(inside[y : y + h, x : x + w] == FILLED, np.uint8))


def _close(evidence: npt.NDArray[np.float32], area: _Area) -> None:
    """Take the area and MARGIN places around it out of the evidence: no other region begins there."""
    height, width = area.mask.shape
    top, left = max(area.row - MARGIN, 0), max(area.column - MARGIN, 0)
    here = evidence[top : area.row + height + MARGIN, left : area.column + width + MARGIN]
    taken = np.zeros(here.shape, np.uint8)
    taken[area.row - top :, area.column - left :][:height, :width] = area.mask
    here[cv2.dilate(taken, np.ones((2 * MARGIN + 1,) * 2, np.uint8)) > 0] = -np.inf


def _region(
    scan: Scan,
    layers: Layers,
    contract: Contract,
    calibration: Calibration | None,
    area: _Area,
    score: float,
) -> Region:
    y, row_of = _pixels(area.row, area.mask.shape[0], layers.evidence.shape[0], scan.shape[0])
    x, column_of = _pixels(area.column, area.mask.shape[1], layers.evidence.shape[1], scan.shape[1])
    full = area.mask[row_of][:, column_of]
    outlines, _ = cv2.findContours(full, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    outline = cv2.approxPolyDP(max(outlines, key=cv2.contourArea), 1.5, closed=True)[:, 0, :]
    shares = layers.family.reshape(len(layers.family), -1)[:, _places(area, layers)].mean(axis=1)
    return Region(
        box=(x, y, full.shape[1], full.shape[0]),
        polygon=tuple((int(px) + x, int(py) + y) for px, py in outline),
        mask=full > 0,
        score=score,
        p_value=calibration.p_value(score) if calibration else None,
        shares=shares,
        scan=scan,
        layers=layers,
        contract=contract,
    )


def _places(area: _Area, layers: Layers) -> npt.NDArray[np.intp]:
    """Numbers of the places of the families, which may be coarser than the evidence, that an area touches."""
    rows, columns = (at + first for at, first in zip(np.nonzero(area.mask), (area.row, area.column), strict=True))
    (_, height, width), of = layers.family.shape, layers.evidence.shape
    return np.unique(rows * height // of[0] * width + columns * width // of[1])


def _pixels(first: int, places: int, of: int, size: int) -> tuple[int, npt.NDArray[np.intp]]:
    """Along one axis: the first pixel of these places of the evidence, and in which of them each pixel lies."""
    place = (np.arange(size) * of // size) - first
    within = np.flatnonzero((place >= 0) & (place < places))
    return int(within[0]), place[within]


def _mass(scan: Scan, layers: Layers, mask: npt.NDArray[np.bool_], box: Box) -> Mass | None:
    """Mass of the excess layer under the mask; None where the scan doesn't say its pitch or energies."""
    if scan.kind is not Kind.TRANSMISSION or scan.pitch_mm is None or not scan.energies:
        return None
    beams = standard_beams(scan.energies)
    if beams is None:
        return None
    x, y, w, h = box
    here = (slice(y, y + h), slice(x, x + w))
    both = min(len(beams), len(layers.excess))  # a scan of one energy by a model of two, or the high one of two by one
    try:
        return excess_mass(
            np.ascontiguousarray(layers.excess[:both, *here]),
            mask,
            np.ascontiguousarray(scan.transmission[-both:, *here]),
            pitch_mm=scan.pitch_mm,
            beams=beams[-both:],
            noise=NoiseModel(),
            background_error=BACKGROUND_ERROR,
        )
    except PhysicsError:
        return None
