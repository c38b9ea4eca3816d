"""The detection curve: share found against mass or detectability, fitted, and the limit read off it.

Model: log-odds of being found = a + b ln x, by maximum likelihood over scans. The limit is the x
at which 90 % are found. Source: MIL-HDBK-1823A, Nondestructive evaluation system reliability
assessment (2009), which calls it a90. Its interval is a bootstrap over scans.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from nii.evaluate.metrics.missing import Unknown
from nii.stats.rates import LEVEL

Array = npt.NDArray[np.float64]

GOAL = 0.9  # share found at the limit
FEWEST_FOUND = 3  # and fewest missed, below which a curve is a guess
FEWEST = 10
RESAMPLES = 300
POINTS = 50
STEPS = 25  # of Newton; 8 are enough without separation
RIDGE = 0.05  # keeps the slope finite where a mass separates found from missed
BEYOND = 3.0  # a limit beyond so many times the largest value is no finding of the set


def detection_curve(x: Sequence[float], found: Sequence[bool], rng: np.random.Generator) -> dict[str, Any] | Unknown:
    """The fitted curve of one threshold, with its limit.

    x: mass or detectability of each concealed scan, > 0. Returns n, found, `half` (x of Pd 50 %),
    `limit` (x of Pd 90 %) with `limit_ci`, and the curve with its 95 % band under x, pd, low, high.
    Unknown where the scans can't carry a curve.
    """
    values, hits = np.asarray(x, np.float64), np.asarray(found, bool)
    known = values > 0
    values, hits = values[known], hits[known]
    reason = _too_little(values, hits)
    if reason:
        return reason
    scale = np.log(values).mean(), max(float(np.log(values).std()), 1e-9)
    z = (np.log(values) - scale[0]) / scale[1]
    drawn = rng.multinomial(z.size, np.full(z.size, 1 / z.size), size=RESAMPLES).astype(np.float64)
    ours, theirs = fit(z, hits, np.ones((1, z.size))), fit(z, hits, drawn)
    grid = np.geomspace(values.min(), values.max(), POINTS)
    on_grid = (np.log(grid) - scale[0]) / scale[1]
    band = np.quantile(_pd(theirs, on_grid), [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    largest = values.max() * BEYOND
    limit, spread = _reach(ours, GOAL, scale), _reach(theirs, GOAL, scale)
    return {
        "n": int(values.size),
        "found": int(hits.sum()),
        "half": _within(float(_reach(ours, 0.5, scale)[0]), largest),
        "limit": _within(float(limit[0]), largest),
        "limit_ci": [_within(float(end), largest) for end in _ends(spread)],
        "x": grid.tolist(),
        "pd": _pd(ours, on_grid)[0].tolist(),
        "low": band[0].tolist(),
        "high": band[1].tolist(),
    }


def fit(z: Array, found: npt.NDArray[np.bool_], weights: Array) -> Array:
    """Logistic regression of many resamples at once by Newton's method: (R, 2), offset and slope.

    z: (n,) standardised; weights: (R, n), how often each scan counts.
    """
    beta = np.zeros((len(weights), 2))
    for _ in range(STEPS):
        p = _pd(beta, z)
        rest, curvature = weights * (found - p), weights * p * (1 - p)
        g0, g1 = rest.sum(axis=1) - RIDGE * beta[:, 0], rest @ z - RIDGE * beta[:, 1]
        h00, h01, h11 = curvature.sum(axis=1) + RIDGE, curvature @ z, curvature @ z**2 + RIDGE
        determinant = h00 * h11 - h01**2
        step = np.stack([h11 * g0 - h01 * g1, h00 * g1 - h01 * g0], axis=1) / determinant[:, None]
        beta += np.clip(step, -2, 2)  # far from the optimum a whole step overshoots
    return beta


def _pd(beta: Array, z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(beta[:, :1] + beta[:, 1:] * z, -60, 60))), np.float64)


def _reach(beta: Array, share: float, scale: tuple[float, float]) -> Array:
    """x at which the curve reaches a share; infinite where it doesn't rise."""
    rising = beta[:, 1] > 1e-6
    z = (np.log(share / (1 - share)) - beta[:, 0]) / np.where(rising, beta[:, 1], 1)
    return np.where(rising, np.exp(np.clip(scale[0] + scale[1] * z, -700, 700)), np.inf)


def _ends(spread: Array) -> Array:
    """The 95 % interval of values of which some may be infinite: order statistics, no interpolation."""
    ordered = np.sort(spread)
    cut = int((1 - LEVEL) / 2 * ordered.size)
    return ordered[[cut, ordered.size - 1 - cut]]


def _within(value: float, largest: float) -> float | Unknown:
    return value if value <= largest else Unknown("beyond the concealments of this set")


def _too_little(values: Array, hits: npt.NDArray[np.bool_]) -> Unknown | None:
    found, missed = int(hits.sum()), int((~hits).sum())
    if values.size < FEWEST or min(found, missed) < FEWEST_FOUND:
        need = f"{FEWEST} concealed scans of known size, {FEWEST_FOUND} found and {FEWEST_FOUND} missed"
        return Unknown(f"a detection curve takes {need}; these have {found} found and {missed} missed")
    return Unknown("all concealments are of one size") if np.ptp(values) == 0 else None
