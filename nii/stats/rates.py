"""Rates and areas with their uncertainty: intervals, bootstrap over scans, thresholds of a set.

A bootstrap resample is kept as counts: how often each scan was drawn. Benign and concealed
scans are drawn apart, so every resample has as many of each as the set. Alarm means
score > threshold, as in `nii.stats.operating_point`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nii.stats.operating_point import check_pfa
from nii.stats.optional import evaluate_extra

Scores = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

LEVEL = 0.95  # of every interval in the report
RESAMPLES = 2000
CHUNK = 250  # resamples held at once: 250 x 10 000 scans are 20 MB


@dataclass(frozen=True, slots=True)
class Resample:
    """Draw counts of a chunk of resamples: benign (R, n), concealed (R, m); rows sum to n and m."""

    benign: Counts
    concealed: Counts


def draw_resamples(
    rng: np.random.Generator, benign: int, concealed: int, repeats: int = RESAMPLES
) -> Iterator[Resample]:
    """Stratified resamples with replacement, in chunks that fit into memory."""
    for start in range(0, repeats, CHUNK):
        size = min(CHUNK, repeats - start)
        yield Resample(_draws(rng, benign, size), _draws(rng, concealed, size))


def _draws(rng: np.random.Generator, n: int, repeats: int) -> Counts:
    return np.asarray(rng.multinomial(n, np.full(n, 1 / n), size=repeats), dtype=np.int64)


def once(benign: int, concealed: int) -> Resample:
    """The set itself as a resample: every scan drawn once."""
    return Resample(np.ones((1, benign), np.int64), np.ones((1, concealed), np.int64))


def resampled_auroc(benign: Scores, concealed: Scores, draws: Resample) -> Scores:
    """AUROC of each resample, (R,): P(concealed > benign) + P(equal) / 2."""
    order = np.argsort(benign)
    heavier = np.pad(np.cumsum(draws.benign[:, order], axis=1), ((0, 0), (1, 0)))
    below = heavier[:, np.searchsorted(benign[order], concealed, side="left")]
    not_above = heavier[:, np.searchsorted(benign[order], concealed, side="right")]
    wins = np.sum(draws.concealed * (below + not_above), axis=1) / 2
    return np.asarray(wins / (benign.size * concealed.size), dtype=np.float64)


def resampled_pd(benign: Scores, concealed: Scores, draws: Resample, allowed: Sequence[int]) -> Scores:
    """Pd of each resample at its own thresholds, (R, K): allowed[k] benign scans may alarm."""
    order, theirs = np.argsort(-benign), np.argsort(-concealed)
    above = np.cumsum(draws.benign[:, order], axis=1)
    found = np.pad(np.cumsum(draws.concealed[:, theirs], axis=1), ((0, 0), (1, 0)))
    columns = []
    for count in allowed:
        too_many = above > count
        first = benign[order][np.argmax(too_many, axis=1)]
        threshold = np.where(too_many[:, -1], first, -np.inf)
        exceed = np.searchsorted(-concealed[theirs], -threshold, side="left")
        columns.append(np.take_along_axis(found, exceed[:, None], axis=1)[:, 0])
    return np.asarray(np.stack(columns, axis=1) / concealed.size, dtype=np.float64)


def auroc(benign: Scores, concealed: Scores) -> float:
    """Area under the ROC curve; ties count half. Needs at least one score of each kind."""
    with evaluate_extra():
        from sklearn.metrics import roc_auc_score
    truth = np.repeat([0, 1], [benign.size, concealed.size])
    return float(roc_auc_score(truth, np.concatenate([benign, concealed])))


def auroc_interval(
    benign: Scores, concealed: Scores, rng: np.random.Generator, repeats: int = RESAMPLES
) -> tuple[float, float]:
    """95 % percentile bootstrap over scans; for complete separation `separated_interval`."""
    value = auroc(benign, concealed)
    if value in (0.0, 1.0):
        return separated_interval(value, min(benign.size, concealed.size))
    resamples = draw_resamples(rng, benign.size, concealed.size, repeats)
    return percentile_interval(np.concatenate([resampled_auroc(benign, concealed, r) for r in resamples]))


def separated_interval(value: float, pairs: int) -> tuple[float, float]:
    """Interval for an AUROC of exactly 0 or 1, where every resample agrees and says nothing.

    `pairs` disjoint pairs (benign, concealed) are independent trials that all went one way,
    so Clopper-Pearson bounds P(concealed > benign). Example: 10 of each, AUROC 1: from 0.692.
    """
    low, high = clopper_pearson(pairs if value == 1.0 else 0, pairs)
    return low, high


def percentile_interval(values: Scores) -> tuple[float, float]:
    """The central 95 % of bootstrap values."""
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def clopper_pearson(hits: int, n: int) -> tuple[float, float]:
    """Exact 95 % interval of a rate; (0, 1) for n = 0.

    Source: Clopper and Pearson, Biometrika 26 (1934). Example: 0 of 10 gives 0 to 0.308.
    """
    with evaluate_extra():
        from scipy.stats import beta  # type: ignore[import-untyped] # scipy ships no types

    tail = (1 - LEVEL) / 2
    low = float(beta.ppf(tail, hits, n - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, n - hits)) if hits < n else 1.0
    return low, high


def rate(hits: int, n: int) -> dict[str, Any]:
    """A share with its counts and 95 % interval (Clopper-Pearson); null without any."""
    if not n:
        return {"hits": 0, "n": 0, "rate": None, "ci": None}
    return {"hits": hits, "n": n, "rate": round(hits / n, 4), "ci": [round(v, 4) for v in clopper_pearson(hits, n)]}


def allowed_alarms(n: int, pfa: float) -> int:
    """How many of n benign scans may alarm so that alarms / n <= pfa; exact, 7 for 0.07 of 100."""
    return int(np.count_nonzero(np.arange(1, n + 1) / n <= pfa))


def set_threshold(benign: Scores, pfa: float) -> float:
    """The lowest threshold at which at most a share pfa of these benign scans alarms; pfa in (0, 1).

    It is chosen on the set that it is reported on, so it describes the ROC curve and
    promises nothing; `nii.stats.operating_point.threshold` does. Example: 1 ... 100, 0.05: 95.
    """
    check_pfa(pfa)
    return float(np.sort(benign)[benign.size - 1 - allowed_alarms(benign.size, pfa)])


def roc_band(
    benign: Scores, concealed: Scores, rng: np.random.Generator, repeats: int = 500, points: int = 60
) -> dict[str, list[float]]:
    """ROC curve with its 95 % bootstrap band: pfa, pd, low, high, about `points` values each.

    The curve is a staircase: pd[i] is the best Pd with at most pfa[i] of the benign scans
    alarming. Values of pfa are multiples of 1 / n, closer together at the low end.
    """
    n = benign.size
    allowed = [0, *np.unique(np.rint(np.geomspace(1, n, points)).astype(int)).tolist()]
    pd = resampled_pd(benign, concealed, once(n, concealed.size), allowed)[0]
    draws = draw_resamples(rng, n, concealed.size, repeats)
    drawn = np.concatenate([resampled_pd(benign, concealed, chunk, allowed) for chunk in draws])
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    pfa = [k / n for k in allowed]
    return {"pfa": pfa, "pd": pd.tolist(), "low": low.tolist(), "high": high.tolist()}
