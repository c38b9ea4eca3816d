"""The figures of a set: what `metrics.json` holds.

`metrics` takes scan results and returns plain dictionaries. Every rate comes with its
counts and a 95 % interval (Clopper-Pearson for rates, bootstrap over scans for areas).
A figure that the set can't give is null, and `unknown` says why, by dotted path.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nii.errors import CalibrationError, ScanSetError
from nii.evaluate.metrics.detection import (
    NO_BENIGN,
    NO_CONCEALED,
    DetectionTables,
    Figures,
    array,
    deciders,
    operating_point,
    pd_at_pfa,
    ranked_by,
    used,
)
from nii.evaluate.metrics.loads import load_metrics
from nii.evaluate.metrics.missing import Unknown, split_unknown
from nii.evaluate.metrics.naming import what_metrics
from nii.evaluate.metrics.pixels import pixel_metrics
from nii.evaluate.metrics.regions import confusion, mass_metrics, material_rate, region_metrics
from nii.evaluate.metrics.results import ScanResult, ScoredSet, failed, usable
from nii.evaluate.metrics.seen import seen_metrics
from nii.stats.operating_point import Calibration, check_pfa
from nii.stats.optional import evaluate_extra
from nii.stats.rates import LEVEL, RESAMPLES, roc_band

FORMAT = 1
PFAS = (0.001, 0.01, 0.05)
OPERATING_PFA = 0.01
MASS_EDGES = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, math.inf)  # kg
COVER_EDGES = (0, 0.25, 0.5, 1, 1.5, 2, 3, 4, math.inf)  # attenuation around the concealment, no unit
DPRIME_EDGES = (0, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, math.inf)  # no unit


def metrics(
    results: Sequence[ScanResult],
    *,
    model: Mapping[str, Any],
    calibrations: Sequence[Calibration] = (),
    pfas: Sequence[float] = PFAS,
    operating_pfa: float = OPERATING_PFA,
    about: Mapping[str, Any] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Figures:
    """All figures of a set, ready for JSON.

    model: name, version and whatever else names the artefact. calibrations: those in the
    artefact, by which the p-values of the results were made. pfas: budgets at which Pd is
    read off this set; operating_pfa: the budget of the promise that is checked. about: goes
    into the file as it is (set, date, command). seed: of the bootstrap.
    """
    check(results, [*pfas, operating_pfa])
    scored, rng = usable(results), np.random.default_rng(seed)
    rules = deciders(scored, calibrations, pfas, operating_pfa)
    tables = DetectionTables(scored, rules, rng, resamples)
    tree = {
        "format": FORMAT,
        "about": dict(about or {}),
        "model": dict(model),
        "scans": scan_counts(results, scored),
        **tables.area(scored.benign, scored.concealed),
        "pd_at_pfa": {f"{p:g}": pd_at_pfa(scored, p, rules.at_pfa[f"{p:g}"]) for p in pfas},
        "operating_point": operating_point(scored, calibrations, operating_pfa, rules.promised),
        "families": tables.families(),
        "cargo": tables.by(lambda result: result.load),
        "scanners": tables.by(lambda result: result.scanner),
        "detection_by_mass_kg": tables.binned(lambda result: result.mass_kg, MASS_EDGES),
        "detection_by_dprime": tables.binned(lambda result: result.dprime, DPRIME_EDGES),
        "detection_by_cover": tables.binned(
            lambda result: result.cover, COVER_EDGES, steel_mm=lambda result: result.cover_steel_mm
        ),
        "detection_curves": {
            "mass_kg": tables.curve(lambda result: result.mass_kg),
            "dprime": tables.curve(lambda result: result.dprime),
        },
        "pixel": pixel_metrics(result.pixels for result in scored.all if result.pixels is not None),
        "regions": region_metrics(scored.all),
        "mass": mass_metrics(scored.concealed),
        "material": material_rate(scored.concealed),
        "load": load_metrics(scored.all),
        "seen": seen_metrics(scored, rules.promised),
        "what": what_metrics(scored.all, model.get("families")),
        "confusion": confusion(scored.concealed),
        "calibration": calibration_check(scored, calibrations),
        "roc": roc(scored, rng),
        **seconds(scored),
        "failed": [{"name": r.name, "concealed": r.concealed, "error": r.error} for r in failed(results)],
        "interval_level": LEVEL,
    }
    figures, reasons = split_unknown(tree)
    return {**figures, "unknown": reasons}


def check(results: Sequence[ScanResult], pfas: Sequence[float]) -> None:
    """Refuse an empty set, two scans of one name (tables couldn't tell them apart), and bad budgets."""
    for pfa in pfas:
        check_pfa(pfa)
    if not results:
        raise ScanSetError("scan set: expected at least one scan, came none")
    seen: set[str] = set()
    for result in results:
        if result.name in seen:
            raise ScanSetError(f"scan set: expected each name once, came {result.name!r} twice")
        seen.add(result.name)


def scan_counts(results: Sequence[ScanResult], scored: ScoredSet) -> Figures:
    """Usable scans by truth, which are the denominators of every rate, and the failed ones."""
    counts = {"benign": len(scored.benign), "concealed": len(scored.concealed)}
    return {**counts, "failed": len(results) - len(scored.all), "total": len(results)}


def roc(scored: ScoredSet, rng: np.random.Generator) -> dict[str, list[float]] | Unknown:
    """ROC curve with its band, for the plot."""
    if not (scored.benign and scored.concealed):
        return NO_CONCEALED if scored.benign else NO_BENIGN
    return roc_band(array(scored.benign), array(scored.concealed), rng)


def seconds(scored: ScoredSet) -> Figures:
    """Time per scan: the median, which a slow first scan doesn't move, and more under `seconds`."""
    times = np.array([result.seconds for result in scored.all if result.seconds is not None])
    if not times.size:
        reason = Unknown("no scan has a time")
        return {"seconds_per_scan": reason, "seconds": reason}
    spread = {"mean": float(times.mean()), "p95": float(np.quantile(times, 0.95)), "max": float(times.max())}
    return {"seconds_per_scan": float(np.median(times)), "seconds": {"n": times.size, **spread}}


def calibration_check(scored: ScoredSet, calibrations: Sequence[Calibration]) -> Figures | Unknown:
    """Do the benign scans of this set look like the calibration scans? By calibration name.

    ks: largest distance between the two score distributions, [0, 1]; ks_p_value: how likely
    so large a distance is if both come from one distribution (asymptotic).
    """
    if not calibrations:
        return Unknown("the model carries no calibration")
    try:
        mine = used(scored, calibrations)
    except CalibrationError as error:
        return Unknown(str(error))
    return {one.name: _same(one, [r for r in scored.benign if ranked_by(r, calibrations) is one]) for one in mine}


def _same(calibration: Calibration, benign: Sequence[ScanResult]) -> Figures:
    with evaluate_extra():
        from scipy.stats import ks_2samp  # type: ignore[import-untyped] # scipy ships no types

    about = {"n": calibration.n, "smallest_pfa": calibration.smallest_pfa, "benign": len(benign)}
    if not benign:
        return {**about, "ks": NO_BENIGN, "ks_p_value": NO_BENIGN}
    test = ks_2samp(calibration.scores, array(benign), method="asymp")
    return {**about, "ks": float(test.statistic), "ks_p_value": float(test.pvalue)}
