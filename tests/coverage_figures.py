"""Is the promise kept? Observed Pfa over many calibrations, and p-values of fresh benign scans.

python tests/coverage_figures.py [FIGURE.png]   # prints the table; draws the uniformity figure

Each repetition draws 1999 calibration scans and 1000 fresh benign scans from one skewed law. Given a
calibration the true Pfa is Beta(k, n + 1 - k), k = floor(pfa (n + 1)), so that false alarms are
beta-binomial; the table sets what was seen beside that law.
"""

import sys

import numpy as np
from scipy import stats

from nii.operating_point import p_values, threshold, tolerated

REPETITIONS, CALIBRATION, FRESH = 300, 1999, 1000
BUDGETS = (0.001, 0.005, 0.01, 0.05)


def main(figure: str | None) -> None:
    rng = np.random.default_rng(6)
    alarms = {pfa: np.zeros(REPETITIONS) for pfa in BUDGETS}
    ranks = []
    for repetition in range(REPETITIONS):
        known, fresh = rng.gamma(0.7, size=CALIBRATION), rng.gamma(0.7, size=FRESH)
        ranks.append(p_values(fresh[:1], known)[0])  # one per calibration, so that they are independent
        for pfa in BUDGETS:
            alarms[pfa][repetition] = np.count_nonzero(fresh > threshold(known, pfa))
    print(f"{REPETITIONS} repetitions, {CALIBRATION} calibration scans, {FRESH} fresh benign scans each")
    print("budget   observed  expected  std error  outside the central 95 % (expected)")
    for pfa in BUDGETS:
        k = tolerated(CALIBRATION, pfa) + 1
        law = stats.betabinom(FRESH, k, CALIBRATION + 1 - k)
        low, high = law.ppf(0.025), law.ppf(0.975)
        outside = np.mean((alarms[pfa] < low) | (alarms[pfa] > high))
        expected = law.cdf(low - 1) + law.sf(high)
        error = law.std() / FRESH / np.sqrt(REPETITIONS)
        mean = alarms[pfa].mean() / FRESH
        print(f"{pfa:6.3f}   {mean:.5f}   {law.mean() / FRESH:.5f}   {error:.5f}    {outside:.3f} ({expected:.3f})")
    test = stats.kstest(ranks, "uniform")
    print(f"p-values of {len(ranks)} fresh scans, one per calibration: KS {test.statistic:.4f}, p {test.pvalue:.3f}")
    if figure:
        draw(np.sort(ranks), figure)


def draw(ranks: np.ndarray, path: str) -> None:
    from matplotlib.figure import Figure

    n = ranks.size
    share = np.arange(1, n + 1) / n
    band = stats.kstwo.ppf(0.95, n)
    page = Figure(figsize=(5, 5), layout="constrained")
    axes = page.subplots()
    axes.fill_between([0, 1], [-band, 1 - band], [band, 1 + band], alpha=0.2, label="95 % of uniform samples")
    axes.step(ranks, share, where="post", label=f"{n} fresh benign scans")
    axes.set(xlabel="p-value", ylabel="share at most that", xlim=(0, 1), ylim=(0, 1))
    axes.legend()
    page.savefig(path)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
