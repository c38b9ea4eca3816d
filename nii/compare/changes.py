"""Was the conveyance itself changed between two passages: where, more or less of it, and by what mass?

The earlier passage is laid over the later one; what differs where no load may lie is filtered at several sizes. Each
size, inside and outside of the rooms, is measured against what unchanged simulated pairs show of it (a `PairStandard`);
the largest is the score of the pair, ranked among those of other unchanged pairs.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import cv2
import numpy as np
import numpy.typing as npt

from nii.analysis.fields import ChangeAnswer, ChangeRecord, ChangesRecord
from nii.compare.pair import Area, Pair, look
from nii.physics.calibrated_mass import FEWEST_RATIOS, calibrate_mass
from nii.physics.mass import Mass
from nii.quality.blank import blank
from nii.scan import FloatArray, Kind, Scan, of_tube
from nii.show.overlay import kilograms
from nii.stats import operating_point

PFA = 0.01  # share of unchanged pairs that may be called changed
CLEAR = 0.05  # p-value above which nothing is left to doubt
SMALLEST_MM = 500.0  # height or width of a picture, below which nothing in it is a conveyance


@dataclass(frozen=True)
class PairStandard:
    """What unchanged pairs show.

    scales: of each of KINDS, what a score of 1 means. scores: of other unchanged pairs, ascending. mass_ratios: true
    over found mass of changes that were found, ascending. command: that made it.
    """

    scales: tuple[float, ...]
    scores: tuple[float, ...]
    mass_ratios: tuple[float, ...] = ()
    command: str = ""

    def score(self, measured: npt.NDArray[np.float64]) -> float:
        """The largest of what a pair shows, (kind,), in units of the scales."""
        return float((measured / np.array(self.scales)).max())

    def p_value(self, score: float) -> float:
        """Share of unchanged pairs that score as high, conformal, in (0, 1]."""
        return float(operating_point.p_values(score, self.scores))

    def threshold(self, pfa: float) -> float:
        """The score above which a pair alarms. Raises CalibrationError where the pairs are too few for the budget."""
        return operating_point.threshold(self.scores, pfa)


@dataclass(frozen=True, eq=False)
class ChangedRegion:
    """One change: box (x, y, w, h) in pixels of the later scan, and whether there is more or less than before.

    mass: of what was added or is missing; None where pitch or energies are unknown, or nothing is known of its error.
    """

    box: tuple[int, int, int, int]
    added: bool
    score: float
    p_value: float
    mass: Mass | None

    def words(self) -> str:
        """Such as "added 35 kg"."""
        mass = f" {kilograms(self.mass.kg)}" if self.mass is not None and np.isfinite(self.mass.high) else ""
        return f"{'added' if self.added else 'missing'}{mass}"

    def to_record(self) -> ChangeRecord:
        """What a record holds of it."""
        known = self.mass is not None and np.isfinite(self.mass.high)
        mass = [round(v, 2) for v in (self.mass.kg, self.mass.low, self.mass.high)] if self.mass and known else None
        return ChangeRecord(
            box=self.box,
            change="added" if self.added else "missing",
            score=round(self.score, 4),
            p_value=self.p_value,
            mass_kg=mass[0] if mass else None,
            mass_low_kg=mass[1] if mass else None,
            mass_high_kg=mass[2] if mass else None,
        )


@dataclass(frozen=True, eq=False)
class Changes:
    """The answer for a pair.

    score, p_value: None where the pair can't be compared, which `why` says. compared: share of the conveyance that can.
    mirrored: the passages ran opposite ways. difference: attenuation of the later less that of the earlier one
    (row, column), on the grid, NaN where nothing can be compared; None where the two could not be aligned.
    """

    answer: ChangeAnswer
    score: float | None = None
    p_value: float | None = None
    pfa: float = PFA
    regions: tuple[ChangedRegion, ...] = ()
    compared: float = 0.0
    mirrored: bool = False
    why: str = ""
    difference: FloatArray | None = None

    def line(self) -> str:
        """All of it in one line, for people."""
        p_value = "" if self.p_value is None else f"  p {self.p_value:.3g} at Pfa {self.pfa:g}"
        compared = f"  {self.compared:.0%} of the conveyance compared" if self.compared else ""
        where = "".join(f"  {region.words()} at {list(region.box)}" for region in self.regions[:1])
        return f"{self.answer}{p_value}{compared}{where}" + (f"  ({self.why})" if self.why else "")

    def to_record(self) -> ChangesRecord:
        """What a record holds of it; masses in kg, None where unknown."""
        return ChangesRecord(
            answer=self.answer,
            p_value=self.p_value,
            pfa=self.pfa,
            score=None if self.score is None else round(self.score, 4),
            regions=tuple(region.to_record() for region in self.regions),
            compared=round(self.compared, 3),
            mirrored=self.mirrored,
            why=self.why,
        )


@cache
def standard() -> PairStandard:
    """The one that ships; `nii study compare_standard` makes it."""
    record = json.loads((files("nii.compare") / "standard.json").read_text())
    return PairStandard(
        tuple(record["scales"]), tuple(record["scores"]), tuple(record["mass_ratios"]), record["command"]
    )


def find_changes(before: Scan, after: Scan, by: PairStandard | None = None, *, pfa: float = PFA) -> Changes:
    """Whether the conveyance of two passages was changed between them; goods may be others.

    Undetermined where a scan is no transmission at MV energies with a pitch, or shows nothing
    (`nii.quality.blank`), where the two have other energies, don't fit on each other, or leave too little that can be
    compared. Raises CalibrationError where the standard's unchanged pairs are too few for the budget.
    """
    by = by or standard()
    operating_point.check_pfa(pfa)
    threshold = by.threshold(pfa)
    if (why := _unfit(before, after)) is not None:
        return Changes(ChangeAnswer.UNDETERMINED, pfa=pfa, why=why)
    pair = look(before, after)
    if (why := pair.unfit()) is not None:
        return Changes(ChangeAnswer.UNDETERMINED, pfa=pfa, mirrored=pair.aligned.mirrored, why=why)
    score = by.score(pair.measured())
    p_value = by.p_value(score)
    return Changes(
        answer=_answer(p_value, pfa),
        score=score,
        p_value=p_value,
        pfa=pfa,
        regions=tuple(_region(pair, area, by, after) for area in pair.areas(by.scales, threshold)),
        compared=pair.places.compared,
        mirrored=pair.aligned.mirrored,
        why=f"something differs, as in {p_value:.1%} of unchanged pairs" if pfa < p_value <= CLEAR else "",
        difference=pair.difference(),
    )


def _answer(p_value: float, pfa: float) -> ChangeAnswer:
    if p_value <= pfa:
        return ChangeAnswer.CHANGED
    return ChangeAnswer.UNCHANGED if p_value > CLEAR else ChangeAnswer.UNDETERMINED


def _unfit(before: Scan, after: Scan) -> str | None:
    """Why nothing can be said of such a pair; None where something can."""
    for name, scan in (("earlier", before), ("later", after)):
        if scan.kind is not Kind.TRANSMISSION:
            return f"the {name} scan is an operator image, which holds no transmission"
        if scan.pitch_mm is None:
            return f"pixel pitch of the {name} scan unknown"
        if min(n * pitch for n, pitch in zip(scan.shape, scan.pitch_mm, strict=True)) < SMALLEST_MM:
            return f"the {name} scan is smaller than any conveyance"
        if any(map(of_tube, scan.energies)):
            return "made for MV energies"
        if (nothing := blank(scan)) is not None:
            return f"the {name} scan shows nothing: {nothing}"
    if before.energies != after.energies or len(before.transmission) != len(after.transmission):
        energies = (", ".join(scan.energies) or f"{len(scan.transmission)} unnamed" for scan in (before, after))
        return "different energies: " + " and ".join(energies)
    return None


def _region(pair: Pair, area: Area, by: PairStandard, after: Scan) -> ChangedRegion:
    mass = pair.mass(area, after.energies) if len(by.mass_ratios) >= FEWEST_RATIOS else None
    return ChangedRegion(
        box=box_of(area, after.shape),
        added=area.added,
        score=area.peak,
        p_value=by.p_value(area.peak),
        mass=None if mass is None else calibrate_mass(mass, by.mass_ratios),
    )


def box_of(area: Area, shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """Box (x, y, w, h) of an area in pixels of a scan of this shape (row, column)."""
    by_row, by_column = (side / points for side, points in zip(shape, area.mask.shape, strict=True))
    x, y, w, h = (int(v) for v in cv2.boundingRect(area.mask.astype(np.uint8)))
    return round(x * by_column), round(y * by_row), max(round(w * by_column), 1), max(round(h * by_row), 1)
