"""Learning a judge: which candidates of a site are its own goods, and which were put there.

Logistic regression that starts from the shipped judge and is held to it: the penalty counts as much as PRIOR scans, so
that few scans change little, and none change nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nii.model.judge import Judge
from nii.scan import FloatArray

Float64Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

PRIOR = 20.0  # scans that outweigh the shipped judge; chosen on simulated strange scanners (docs/results/questions.md)
FOLDS = 10  # in which scans are left out in turn
STEPS = 25  # of Newton's method; it needs about eight
SMALLEST = 1e-5  # step, in standard deviations of the features, at which it has arrived
EVEN = 1e-6  # standard deviation of a feature that says nothing at this site


@dataclass(frozen=True, eq=False)
class Table:
    """Candidates of the scans of a site, (n,) each; a looked-at scan is a benign one or one with something put in.

    features: float32 (n, feature). scan: number of the benign scan that it comes from. seen: number of the scan that
    was looked at. inserted: what was looked at has a concealment. hit: the candidate lies on it.
    """

    features: FloatArray
    scan: Ints
    seen: Ints
    inserted: Mask
    hit: Mask

    def of(self, scans: Mask) -> "Table":
        """The candidates of the scans (scan,) that are True."""
        kept = scans[self.scan]
        return Table(self.features[kept], self.scan[kept], self.seen[kept], self.inserted[kept], self.hit[kept])


def scored(features: FloatArray, judge: Judge) -> Float64Array:
    """Score of each candidate, (n,)."""
    return features.astype(np.float64) @ judge.weight.astype(np.float64) + float(judge.bias[0])


def learned(table: Table, shipped: Judge, prior: float = PRIOR) -> Judge:
    """The judge that tells hits in inserted scans from candidates of benign scans.

    Each benign scan counts once on either side, however many candidates and insertions it has. A table without
    candidates gives the shipped judge.
    """
    used = ~table.inserted | table.hit
    kept = Table(table.features[used], table.scan[used], table.seen[used], table.inserted[used], table.hit[used])
    if not (kept.hit.any() and (~kept.hit).any()):
        return shipped
    features, start = kept.features.astype(np.float64), scored(kept.features, shipped)
    mean, spread = features.mean(axis=0), features.std(axis=0)
    even = spread <= EVEN * (1 + np.abs(mean))
    unit = np.where(even, 1.0, spread)
    standard = np.where(even, 0.0, (features - mean) / unit)
    change = _newton(np.c_[standard, np.ones(len(standard))], start, kept.hit, _weights(kept), prior)
    step = change[:-1] / unit
    weight = shipped.weight + step
    bias = shipped.bias + change[-1] - step @ mean
    return Judge(weight.astype(np.float32), bias.astype(np.float32))


def _weights(table: Table) -> Float64Array:
    """Of each candidate: those of one scan sum to 1 on either side."""
    groups = 2 * table.scan + table.hit
    return np.asarray(1 / np.bincount(groups)[groups], np.float64)


def _newton(x: Float64Array, start: Float64Array, hit: Mask, weight: Float64Array, prior: float) -> Float64Array:
    """What is added to the scores, x @ change, where weighted logistic loss and prior / 2 |change|^2 are least."""
    change = np.zeros(x.shape[1])
    for _ in range(STEPS):
        p = 0.5 * (1 + np.tanh((start + x @ change) / 2))
        slope = x.T @ (weight * (p - hit)) + prior * change
        curvature = (x.T * (weight * p * (1 - p))) @ x + prior * np.eye(x.shape[1])
        step = np.linalg.solve(curvature, slope)
        change -= np.clip(step, -1, 1)
        if np.abs(step).max() < SMALLEST:
            break
    return change


def folds(scans: int) -> Iterator[Mask]:
    """Which scans (scan,) are left out, in turn; each once, spread evenly over the order given."""
    parts = min(FOLDS, scans)
    for part in range(parts):
        yield np.arange(scans) % parts == part


def cross_fitted(table: Table, scans: int, shipped: Judge, prior: float = PRIOR) -> Float64Array:
    """Score of each candidate by a judge that has seen neither its scan nor what was put into that, (n,)."""
    scores = np.full(len(table.features), np.nan)
    for left_out in folds(scans):
        judge = learned(table.of(~left_out), shipped, prior)
        here = left_out[table.scan]
        scores[here] = scored(table.features[here], judge)
    return scores


def highest(scores: Float64Array, seen: Ints, count: int) -> Float64Array:
    """Score of each of `count` looked-at scans: its highest candidate; -inf for one without."""
    most = np.full(count, -np.inf)
    np.maximum.at(most, seen, scores)
    return most
