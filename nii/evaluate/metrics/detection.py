"""Who alarms: Pd and Pfa of a set, of its families, loads, scanners, masses, at every threshold.

Two kinds of threshold, never mixed. `pd_at_pfa` takes it from the benign scans of this
very set and describes the ROC curve. `operating_point` is the promise of the model file,
calibrated before this set was opened, with the false alarms that were observed here.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from nii.errors import CalibrationError
from nii.evaluate.metrics.curve import detection_curve
from nii.evaluate.metrics.missing import Unknown
from nii.evaluate.metrics.results import ScanResult, ScoredSet, scores
from nii.stats.operating_point import Calibration, choose_calibration, scans_needed, smallest_pfa, tolerated
from nii.stats.optional import evaluate_extra
from nii.stats.rates import RESAMPLES, Scores, auroc, auroc_interval, clopper_pearson, set_threshold

Figures = dict[str, Any]
Decide = Callable[[ScanResult], bool]
Value = Callable[[ScanResult], float | None]

NO_BENIGN = Unknown("no benign scan")
NO_CONCEALED = Unknown("no concealed scan")


@dataclass(frozen=True, slots=True)
class Deciders:
    """The alarm rules under test; Unknown where the set or the model can't give one."""

    at_pfa: Mapping[str, Decide | Unknown]
    promised: Decide | Unknown


def above(threshold: float) -> Decide:
    """Alarm when the score exceeds a threshold."""
    return lambda result: result.score is not None and result.score > threshold


def array(results: Sequence[ScanResult]) -> Scores:
    """Scores of usable scans, (n,)."""
    return np.array(scores(results), dtype=np.float64)


def deciders(
    scored: ScoredSet, calibrations: Sequence[Calibration], pfas: Iterable[float], operating_pfa: float
) -> Deciders:
    """The rules for each budget, from the benign scans of the set, and the model's own."""
    benign = array(scored.benign)
    at_pfa = {f"{p:g}": above(set_threshold(benign, p)) if benign.size else NO_BENIGN for p in pfas}
    reason = broken_promise(scored, calibrations, operating_pfa)
    return Deciders(at_pfa, reason or (lambda result: bool(result.alarm(operating_pfa))))


def broken_promise(scored: ScoredSet, calibrations: Sequence[Calibration], pfa: float) -> Unknown | None:
    """Why the model can't decide at this budget for every scan of the set, if so."""
    if not calibrations:
        return Unknown("the model carries no calibration; `nii calibrate` makes one from benign scans")
    try:
        for calibration in used(scored, calibrations):
            calibration.threshold(pfa)
    except CalibrationError as error:
        return Unknown(str(error))
    without = sum(1 for result in scored.all if result.p_value is None)
    return Unknown(f"{without} of {len(scored.all)} scans have no p-value") if without else None


def used(scored: ScoredSet, calibrations: Sequence[Calibration]) -> list[Calibration]:
    """The calibrations that rank the scans of this set, each once."""
    return list(dict.fromkeys(ranked_by(result, calibrations) for result in scored.all))


def ranked_by(result: ScanResult, calibrations: Sequence[Calibration]) -> Calibration:
    """The calibration that the result names, or else the one for its scanner."""
    if result.calibration is None:
        return choose_calibration(calibrations, result.scanner)
    named = next((calibration for calibration in calibrations if calibration.name == result.calibration), None)
    if named is None:
        raise CalibrationError(f"{result.name}: expected calibration {result.calibration!r} in the model, came none")
    return named


def pd_rate(concealed: Sequence[ScanResult], decide: Decide | Unknown) -> Figures:
    """Pd over concealed scans: rate, interval and counts."""
    if isinstance(decide, Unknown) or not concealed:
        reason = decide if isinstance(decide, Unknown) else NO_CONCEALED
        return {"pd": reason, "ci": reason, "found": reason, "concealed": len(concealed)}
    found, n = sum(map(decide, concealed)), len(concealed)
    return {"pd": found / n, "ci": clopper_pearson(found, n), "found": found, "concealed": n}


def pfa_rate(benign: Sequence[ScanResult], decide: Decide | Unknown) -> Figures:
    """Observed Pfa over benign scans: rate, interval and counts."""
    if isinstance(decide, Unknown) or not benign:
        reason = decide if isinstance(decide, Unknown) else NO_BENIGN
        return {"pfa_observed": reason, "pfa_ci": reason, "alarms_benign": reason, "benign": len(benign)}
    alarms, n = sum(map(decide, benign)), len(benign)
    interval = clopper_pearson(alarms, n)
    return {"pfa_observed": alarms / n, "pfa_ci": interval, "alarms_benign": alarms, "benign": n}


def pd_at_pfa(scored: ScoredSet, pfa: float, decide: Decide | Unknown) -> Figures:
    """Pd at the lowest threshold that at most a share pfa of this set's benign scans exceeds.

    `supported` is false, with a note, for fewer benign scans than 1 / pfa - 1: none of them
    alarms then, and the true Pfa may be well above the budget.
    """
    threshold = set_threshold(array(scored.benign), pfa) if scored.benign else NO_BENIGN
    return {
        **pd_rate(scored.concealed, decide),
        **pfa_rate(scored.benign, decide),
        "threshold": threshold,
        "threshold_from": "benign scans of this set",
        **_support(len(scored.benign), pfa),
    }


def _support(benign: int, pfa: float) -> Figures:
    if not benign:
        return {"supported": False}
    if smallest_pfa(benign) <= pfa:
        return {"supported": True}
    smallest = smallest_pfa(benign)
    note = f"a Pfa of {pfa:g} takes {scans_needed(pfa)} benign scans, these {benign} support {smallest:.3g}"
    return {"supported": False, "note": note}


def operating_point(
    scored: ScoredSet, calibrations: Sequence[Calibration], pfa: float, decide: Decide | Unknown
) -> Figures:
    """The model's promise at a budget, and what this set says about it.

    `threshold` is the artefact's, or Unknown where several scanners have their own, which
    `thresholds` lists by calibration name. `tail_probability`: see `tail_probability`.
    """
    rates = {"pfa": pfa, **pd_rate(scored.concealed, decide), **pfa_rate(scored.benign, decide)}
    rates["threshold_from"] = "calibration in the model file"
    if isinstance(decide, Unknown):
        return {**rates, "threshold": decide, "thresholds": decide, "tail_probability": decide}
    mine = used(scored, calibrations)
    thresholds = {calibration.name: calibration.threshold(pfa) for calibration in mine}
    several = Unknown("the scanners of this set have calibrations of their own" if mine else "no scored scan")
    return {
        **rates,
        "threshold": next(iter(thresholds.values())) if len(mine) == 1 else several,
        "thresholds": thresholds,
        "calibration_scans": {calibration.name: calibration.n for calibration in mine},
        "tail_probability": _tail(mine, len(scored.benign), rates["alarms_benign"], pfa),
    }


def _tail(mine: Sequence[Calibration], benign: int, alarms: Any, pfa: float) -> float | Unknown:
    if not benign:
        return NO_BENIGN
    if len(mine) != 1:
        return Unknown("the scanners of this set have calibrations of their own")
    return tail_probability(alarms, benign, mine[0].n, pfa)


def tail_probability(alarms: int, benign: int, n: int, pfa: float) -> float:
    """Probability of so many false alarms or more, if n calibration and the benign scans are alike.

    Alarms are then beta-binomial: given the calibration the true Pfa is Beta(k, n + 1 - k),
    k = floor(pfa (n + 1)). Small: this scanner no longer looks like its calibration.
    Example: 1 alarm of 1 scan, n = 99, pfa = 0.05: 0.05.
    """
    with evaluate_extra():
        from scipy.stats import betabinom  # type: ignore[import-untyped] # scipy ships no types

    k = tolerated(n, pfa) + 1
    return float(betabinom.sf(alarms - 1, benign, k, n + 1 - k))


@dataclass(frozen=True, slots=True)
class DetectionTables:
    """Detection split by family, load, scanner, mass and detectability, at the same thresholds."""

    scored: ScoredSet
    rules: Deciders
    rng: np.random.Generator
    resamples: int = RESAMPLES

    def area(self, benign: Sequence[ScanResult], concealed: Sequence[ScanResult]) -> Figures:
        """AUROC between two groups, with its bootstrap interval."""
        if not (benign and concealed):
            reason = NO_CONCEALED if benign else NO_BENIGN
            return {"auroc": reason, "auroc_ci": reason}
        ours, theirs = array(benign), array(concealed)
        interval = auroc_interval(ours, theirs, self.rng, self.resamples)
        return {"auroc": auroc(ours, theirs), "auroc_ci": interval}

    def found(self, concealed: Sequence[ScanResult]) -> Figures:
        """Pd of a group of concealed scans at every threshold."""
        return {
            "n": len(concealed),
            "pd_at_pfa": {pfa: pd_rate(concealed, rule) for pfa, rule in self.rules.at_pfa.items()},
            "operating_point": pd_rate(concealed, self.rules.promised),
        }

    def both(self, benign: Sequence[ScanResult], concealed: Sequence[ScanResult]) -> Figures:
        """Pd and observed Pfa of a part of the set, and AUROC within it."""
        at_pfa = self.rules.at_pfa.items()
        promised = self.rules.promised
        return {
            "benign": len(benign),
            "concealed": len(concealed),
            **self.area(benign, concealed),
            "pd_at_pfa": {p: {**pd_rate(concealed, rule), **pfa_rate(benign, rule)} for p, rule in at_pfa},
            "operating_point": {**pd_rate(concealed, promised), **pfa_rate(benign, promised)},
        }

    def families(self) -> Figures:
        """Per family of concealment, each against all benign scans; a scan counts in each of its families."""
        groups: dict[str, list[ScanResult]] = defaultdict(list)
        for result in self.scored.concealed:
            for family in result.families:
                groups[family].append(result)
        benign = self.scored.benign
        return {name: {**self.found(g), **self.area(benign, g)} for name, g in sorted(groups.items())}

    def by(self, key: Callable[[ScanResult], str | None]) -> Figures:
        """Per value of a property that benign and concealed scans have, such as the load."""
        groups: dict[str, ScoredSet] = {}
        for name in sorted({name for result in self.scored.all if (name := key(result)) is not None}):
            benign = tuple(r for r in self.scored.benign if key(r) == name)
            groups[name] = ScoredSet(benign, tuple(r for r in self.scored.concealed if key(r) == name))
        return {name: self.both(group.benign, group.concealed) for name, group in groups.items()}

    def curve(self, value: Value) -> Figures:
        """Detection curve over a property of concealed scans, at every threshold."""
        known = [(v, result) for result in self.scored.concealed if (v := value(result)) is not None]
        at_pfa = self.rules.at_pfa.items()
        return {
            "operating_point": self._fitted(known, self.rules.promised),
            "pd_at_pfa": {pfa: self._fitted(known, rule) for pfa, rule in at_pfa},
        }

    def _fitted(self, known: Sequence[tuple[float, ScanResult]], rule: Decide | Unknown) -> Figures | Unknown:
        if isinstance(rule, Unknown):
            return rule
        return detection_curve([v for v, _ in known], [rule(result) for _, result in known], self.rng)

    def binned(self, value: Value, edges: Sequence[float], **more: Value) -> list[Figures]:
        """Pd per bin [low, high) of a property of concealed scans.

        Empty bins are left out, and so is `high` in a last bin that has no end. more: further
        properties, whose medians the rows give where all scans of the bin have them.
        """
        known = [(v, result) for result in self.scored.concealed if (v := value(result)) is not None]
        rows = []
        for low, high in pairwise(edges):
            inside = [(v, result) for v, result in known if low <= v < high]
            if inside:
                end = {"high": high} if np.isfinite(high) else {}
                middle = {"median": float(np.median([v for v, _ in inside]))}
                group = [result for _, result in inside]
                rows.append({"low": low, **end, **middle, **_medians(group, more), **self.found(group)})
        return rows


def _medians(group: Sequence[ScanResult], properties: Mapping[str, Value]) -> Figures:
    medians = {}
    for name, value in properties.items():
        known = [v for result in group if (v := value(result)) is not None]
        if len(known) == len(group):
            medians[name] = float(np.median(known))
    return medians
