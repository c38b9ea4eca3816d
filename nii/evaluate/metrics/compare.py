"""Two models on the same scans: is the difference more than chance?

The bootstrap is paired: both models are seen on the same drawn scans, so what makes a scan
hard for both cancels, and much smaller differences show than from two separate intervals.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from nii.errors import ScanSetError
from nii.evaluate.metrics.collect import OPERATING_PFA, PFAS, check
from nii.evaluate.metrics.detection import NO_BENIGN, NO_CONCEALED, Figures, array
from nii.evaluate.metrics.missing import Unknown, split_unknown
from nii.evaluate.metrics.regions import first_hits
from nii.evaluate.metrics.results import ScanResult, ScoredSet, usable
from nii.stats.rates import (
    RESAMPLES,
    Resample,
    Scores,
    allowed_alarms,
    draw_resamples,
    once,
    percentile_interval,
    resampled_auroc,
    resampled_pd,
)

Bools = npt.NDArray[np.bool_]
Statistic = Callable[[Scores, Scores, Resample], Scores]


def compare(
    results_a: Sequence[ScanResult],
    results_b: Sequence[ScanResult],
    *,
    pfas: Iterable[float] = PFAS,
    operating_pfa: float = OPERATING_PFA,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Figures:
    """Two models over the scans that both scored; differences are b - a.

    auroc, families and pd_at_pfa: each model has its own threshold, from the benign scans of the
    resample. operating_point: Pd and Pfa by each model's own calibration at the budget
    operating_pfa. recall_at_1: scans whose first region lies in the right place.
    ci: 95 %; p_value: two-sided, of no difference. Raises ScanSetError if the truths of a scan differ.
    """
    budgets = list(pfas)
    for results in (results_a, results_b):
        check(results, budgets)
    a, b = common(results_a, results_b)
    counts = {"benign": len(a.benign), "concealed": len(a.concealed)}
    counts |= {"left_out_a": len(results_a) - len(a.all), "left_out_b": len(results_b) - len(b.all)}
    rng = np.random.default_rng(seed)
    tree: Figures = {"scans": counts, "operating_point": decisions(a, b, operating_pfa, rng, resamples)}
    tree["recall_at_1"] = places(a, b, rng, resamples)
    if not (a.benign and a.concealed):
        reason = NO_CONCEALED if a.benign else NO_BENIGN
        tree |= {"auroc": reason, "pd_at_pfa": reason, "families": reason}
    else:
        draws = list(draw_resamples(rng, len(a.benign), len(a.concealed), resamples))
        at_pfa = {f"{pfa:g}": difference(a, b, draws, pd_statistic(len(a.benign), pfa)) for pfa in budgets}
        tree |= {"auroc": difference(a, b, draws, resampled_auroc), "pd_at_pfa": at_pfa}
        tree["families"] = families(a, b, rng, resamples)
    figures, reasons = split_unknown(tree)
    return {**figures, "unknown": reasons}


def families(a: ScoredSet, b: ScoredSet, rng: np.random.Generator, resamples: int) -> Figures:
    """AUROC of both models for each family against all benign scans."""
    rows = {}
    for name in sorted({family for result in a.concealed for family in result.families}):
        ours, theirs = (ScoredSet(s.benign, tuple(r for r in s.concealed if name in r.families)) for s in (a, b))
        draws = list(draw_resamples(rng, len(ours.benign), len(ours.concealed), resamples))
        rows[name] = {"n": len(ours.concealed), **difference(ours, theirs, draws, resampled_auroc)}
    return rows


def decisions(a: ScoredSet, b: ScoredSet, pfa: float, rng: np.random.Generator, resamples: int) -> Figures | Unknown:
    """Pd and Pfa by the calibrations in the two model files."""
    if any(result.p_value is None for result in (*a.all, *b.all)):
        return Unknown("not every scan has a p-value from both models")
    return {
        "pfa": pfa,
        "pd": _shares(_alarms(a.concealed, pfa), _alarms(b.concealed, pfa), NO_CONCEALED, rng, resamples),
        "pfa_observed": _shares(_alarms(a.benign, pfa), _alarms(b.benign, pfa), NO_BENIGN, rng, resamples),
    }


def places(a: ScoredSet, b: ScoredSet, rng: np.random.Generator, resamples: int) -> Figures | Unknown:
    """Concealed scans of known boxes whose first region lies in the right place."""
    ours, theirs = first_hits(a.concealed), first_hits(b.concealed)
    names = [name for name in ours if name in theirs]
    a_hits, b_hits = (np.array([found[name] for name in names], bool) for found in (ours, theirs))
    return _shares(a_hits, b_hits, Unknown("no concealment with a known box in this set"), rng, resamples)


def _alarms(results: Sequence[ScanResult], pfa: float) -> Bools:
    return np.array([bool(result.alarm(pfa)) for result in results], bool)


def _shares(a: Bools, b: Bools, none: Unknown, rng: np.random.Generator, resamples: int) -> Figures | Unknown:
    """Two shares over the same scans, with the counts of scans that only one model has."""
    n = a.size
    if not n:
        return none
    gain = b.astype(np.float64) - a
    drawn = rng.multinomial(n, np.full(n, 1 / n), size=resamples) @ gain / n
    only = {"only_a": int((a & ~b).sum()), "only_b": int((b & ~a).sum())}
    return {"n": n, **_row(float(a.mean()), float(b.mean()), drawn), **only}


def common(results_a: Sequence[ScanResult], results_b: Sequence[ScanResult]) -> tuple[ScoredSet, ScoredSet]:
    """The scans that both models scored, in one order."""
    by_name = {result.name: result for result in usable(results_b).all}
    pairs = [(a, by_name[a.name]) for a in usable(results_a).all if a.name in by_name]
    for a, b in pairs:
        if a.concealed != b.concealed:
            raise ScanSetError(f"{a.name}: expected one truth for both models, came benign and concealed")
    return usable(a for a, _ in pairs), usable(b for _, b in pairs)


def pd_statistic(benign: int, pfa: float) -> Statistic:
    """Pd at a budget, as a statistic of resamples."""
    allowed = [allowed_alarms(benign, pfa)]
    return lambda ours, theirs, draws: resampled_pd(ours, theirs, draws, allowed)[:, 0]


def difference(a: ScoredSet, b: ScoredSet, draws: Sequence[Resample], statistic: Statistic) -> Figures:
    """A statistic of both models and its paired bootstrap difference."""
    itself = once(len(a.benign), len(a.concealed))
    of_a, of_b = _arrays(a), _arrays(b)
    value_a, value_b = float(statistic(*of_a, itself)[0]), float(statistic(*of_b, itself)[0])
    drawn = np.concatenate([statistic(*of_b, draw) - statistic(*of_a, draw) for draw in draws])
    return _row(value_a, value_b, drawn)


def _row(a: float, b: float, drawn: Scores) -> Figures:
    ends = {"ci": percentile_interval(drawn), "p_value": two_sided(drawn)}
    return {"a": a, "b": b, "difference": b - a, **ends}


def two_sided(drawn: Scores) -> float:
    """Bootstrap p-value of zero: twice the smaller tail, in [2 / (R + 1), 1]."""
    tail = min(np.count_nonzero(drawn <= 0), np.count_nonzero(drawn >= 0))
    return float(min(1.0, 2 * (1 + tail) / (drawn.size + 1)))


def _arrays(scored: ScoredSet) -> tuple[Scores, Scores]:
    return array(scored.benign), array(scored.concealed)
