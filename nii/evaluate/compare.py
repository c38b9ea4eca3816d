"""Two models on the same scans: is the difference more than chance?

The bootstrap is paired: both models are seen on the same drawn scans, so what makes a scan
hard for both cancels, and much smaller differences show than from two separate intervals.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from nii.errors import ScanSetError
from nii.evaluate.detection import NO_BENIGN, NO_CONCEALED, Figures, array
from nii.evaluate.metrics import PFAS, check
from nii.evaluate.rates import (
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
from nii.evaluate.results import ScanResult, Scored, usable
from nii.evaluate.unknown import split_unknown

Statistic = Callable[[Scores, Scores, Resample], Scores]


def compare(
    results_a: Sequence[ScanResult],
    results_b: Sequence[ScanResult],
    *,
    pfas: Iterable[float] = PFAS,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Figures:
    """AUROC and Pd of two models over the scans that both scored; differences are b - a.

    Each model has its own threshold, from the benign scans of the resample. ci: 95 %;
    p_value: two-sided, of no difference. Raises ScanSetError if the truths of a scan differ.
    """
    budgets = list(pfas)
    for results in (results_a, results_b):
        check(results, budgets)
    a, b = common(results_a, results_b)
    counts = {"benign": len(a.benign), "concealed": len(a.concealed)}
    counts |= {"left_out_a": len(results_a) - len(a.all), "left_out_b": len(results_b) - len(b.all)}
    if not (a.benign and a.concealed):
        reason = NO_CONCEALED if a.benign else NO_BENIGN
        tree: Figures = {"scans": counts, "auroc": reason, "pd_at_pfa": reason}
    else:
        rng = np.random.default_rng(seed)
        draws = list(draw_resamples(rng, len(a.benign), len(a.concealed), resamples))
        at_pfa = {f"{pfa:g}": difference(a, b, draws, pd_statistic(len(a.benign), pfa)) for pfa in budgets}
        tree = {"scans": counts, "auroc": difference(a, b, draws, resampled_auroc), "pd_at_pfa": at_pfa}
    figures, reasons = split_unknown(tree)
    return {**figures, "unknown": reasons}


def common(results_a: Sequence[ScanResult], results_b: Sequence[ScanResult]) -> tuple[Scored, Scored]:
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


def difference(a: Scored, b: Scored, draws: Sequence[Resample], statistic: Statistic) -> Figures:
    """A statistic of both models and its paired bootstrap difference."""
    itself = once(len(a.benign), len(a.concealed))
    of_a, of_b = _arrays(a), _arrays(b)
    value_a, value_b = float(statistic(*of_a, itself)[0]), float(statistic(*of_b, itself)[0])
    drawn = np.concatenate([statistic(*of_b, draw) - statistic(*of_a, draw) for draw in draws])
    return {
        "a": value_a,
        "b": value_b,
        "difference": value_b - value_a,
        "ci": percentile_interval(drawn),
        "p_value": two_sided(drawn),
    }


def two_sided(drawn: Scores) -> float:
    """Bootstrap p-value of zero: twice the smaller tail, in [2 / (R + 1), 1]."""
    tail = min(np.count_nonzero(drawn <= 0), np.count_nonzero(drawn >= 0))
    return float(min(1.0, 2 * (1 + tail) / (drawn.size + 1)))


def _arrays(scored: Scored) -> tuple[Scores, Scores]:
    return array(scored.benign), array(scored.concealed)
