"""From what was looked at to a fitted and calibrated model, and to what that is worth.

Each benign scan, and each copy of it with something put in, is scored by a judge fitted without that scan. These scores
say whether fitting gains anything, and the benign ones are the calibration of the judge that is fitted on all scans.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nii.errors import CalibrationError
from nii.fit.calibrate import calibrated
from nii.fit.learn import Float64Array, Table, cross_fitted, highest, learned, scored
from nii.fit.look import ScanCandidates, Site
from nii.io.write import write_atomically
from nii.model.contract import Contract, with_contract
from nii.model.detector import find_model, read_model
from nii.model.judge import Judge, read_judge, with_judge
from nii.stats.operating_point import p_values

SURE = 1.0  # standard errors by which the mean gain must exceed nothing


@dataclass(frozen=True, eq=False)
class Inserted:
    """One copy of a benign scan with something put in. scan: number of the benign scan.

    Each pair: as the model came, and fitted without this scan. p_value: among the benign scans. first: whether the
    highest candidate lies on it.
    """

    scan: int
    family: str
    mass_kg: float
    p_value: tuple[float, float]
    first: tuple[bool, bool]


@dataclass(frozen=True, eq=False)
class Fitted:
    """What fitting has brought.

    judge: the fitted one, or where it gains nothing the one that the model came with. gain: mean over the insertions of
    ln(p-value as it came / p-value fitted), and its standard error over scans. benign: (scan, 2) scores as it came and
    fitted.
    """

    judge: Judge
    gain: tuple[float, float]
    benign: Float64Array
    inserted: list[Inserted]

    @property
    def gained(self) -> bool:
        """Whether the fitted judge is better, beyond what chance does."""
        return gains(self.gain)


def gains(gain: tuple[float, float]) -> bool:
    """Whether a mean exceeds its standard error by enough."""
    return bool(gain[0] > SURE * gain[1])


def fit_judge(site: Site, came: Judge) -> Fitted:
    """Fit the judge, and say what it is worth. Raises CalibrationError where no benign scan could be looked at."""
    if not site.looks:
        why = next((outcome.error for outcome in site.outcomes if outcome.error), "none")
        raise CalibrationError(f"fit: expected at least one readable benign scan, came {why}")
    table = site.table
    scores = np.stack([scored(table.features, came), cross_fitted(table, len(site.looks), came)], axis=1)
    benign, inserted = compared(site, table, scores)
    gain = _gain(inserted)
    return Fitted(learned(table, came) if gains(gain) else came, gain, benign, inserted)


def compared(site: Site, table: Table, scores: Float64Array) -> tuple[Float64Array, list[Inserted]]:
    """Scores of benign scans (scan, 2), and each insertion; scores: (candidate, 2), as the model came and fitted."""
    looks = [(number, look) for number, of_scan in enumerate(site.looks) for look in of_scan]
    best = np.stack([highest(scores[:, i], table.seen, len(looks)) for i in range(2)], axis=1)  # (looked-at scan, 2)
    benign = best[[look.hidden is None for _, look in looks]]
    p = np.stack([p_values(best[:, i], benign[:, i]) for i in range(2)], axis=1)
    candidates = np.split(scores, np.cumsum([len(look.hit) for _, look in looks])[:-1])
    rows = zip(looks, p, candidates, strict=True)
    return benign, [_inserted(number, look, pair, own) for (number, look), pair, own in rows if look.hidden is not None]


def _inserted(number: int, look: ScanCandidates, p: Float64Array, scores: Float64Array) -> Inserted:
    assert look.hidden is not None  # noqa: S101 - the caller takes only such
    first = look.hit[scores.argmax(axis=0)] if len(look.hit) else np.zeros(2, np.bool_)
    before, after = float(p[0]), float(p[1])
    return Inserted(number, look.hidden.family, look.hidden.mass_kg, (before, after), (bool(first[0]), bool(first[1])))


def _gain(inserted: list[Inserted]) -> tuple[float, float]:
    """Mean of ln(p before / p after), and its standard error; those of one scan are no independent ones."""
    if not inserted:
        return 0.0, 0.0
    scans = np.array([one.scan for one in inserted])
    gain = np.log([one.p_value[0] / one.p_value[1] for one in inserted])
    sums = np.bincount(scans, gain - gain.mean())
    return float(gain.mean()), float(np.sqrt(np.square(sums).sum()) / len(gain))


def fitted_contract(contract: Contract, site: Site, fitted: Fitted, scanner: str | None) -> Contract:
    """The contract with the operating points of the fitted judge alone: scores of another judge say nothing of it.

    A kept judge keeps its other calibrations too.
    """
    scores = iter(fitted.benign[:, int(fitted.gained)])
    outcomes = [
        outcome if outcome.score is None else replace(outcome, score=float(next(scores))) for outcome in site.outcomes
    ]
    note = {"scans": len(site.looks), "insertions": len(fitted.inserted), "gained": fitted.gained}
    kept = contract.calibrations if not fitted.gained else ()
    start = replace(contract, calibrations=kept, recipe={**contract.recipe, "fit": note})
    return calibrated(start, outcomes, scanner=scanner, name=None)


def judge_of(model: str | Path) -> Judge:
    """The judge of a model by name or path. Raises ModelError for a model without one."""
    path = find_model(model)
    return read_judge(read_model(path), str(path))


def write_fitted(model: str | Path, judge: Judge, contract: Contract, out: Path) -> None:
    """The model with another judge and contract, under another name; all else stays byte for byte."""
    path = find_model(model)
    data = with_judge(read_model(path), judge, str(path))
    write_atomically(out, with_contract(data, contract, str(out)))
