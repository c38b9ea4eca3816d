"""Is the promised false-alarm rate kept? Simulated calibrations, counted: `nii study coverage`.

Each repetition draws calibration scans and fresh benign scans from one law of scores, and counts the fresh
scans that alarm. If both are exchangeable, the false alarms of one repetition are beta-binomial whatever
the law: given the calibration the true Pfa is Beta(k, n + 1 - k), k = floor(Pfa (n + 1)).
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nii.analysis.regions import MOST
from nii.model.detector import Detector
from nii.stats.operating_point import Calibration, Scores, choose_calibration, smallest_pfa, tolerated
from nii.stats.optional import evaluate_extra

Draw = Callable[[np.random.Generator, int], Scores]
"""Region scores of n benign scans, (n, regions), any order; the scan's score is the highest."""

BUDGETS = (0.001, 0.005, 0.01, 0.05)
REPETITIONS, CALIBRATION, FRESH = 300, 1999, 1000
CENTRAL = 0.95  # share of repetitions that lie inside the law's central part


def skewed(rng: np.random.Generator, n: int) -> Scores:
    """Scores without ties, with a long tail of hard scans."""
    return rng.gamma(0.7, size=(n, 1))


def tied(rng: np.random.Generator, n: int) -> Scores:
    """Scores of which many are equal, as a clipping or coarse model would give them."""
    return rng.gamma(0.7, size=(n, 1)).round(1)


def regions(rng: np.random.Generator, n: int) -> Scores:
    """Scans of very different size: 1 to 20 regions each, of which the highest is the scan's score."""
    scores = rng.normal(size=(n, MOST))
    beyond = np.arange(MOST) >= rng.integers(1, MOST + 1, size=(n, 1))
    return np.where(beyond, scores[:, :1], scores)


LAWS: Mapping[str, Draw] = {"skewed": skewed, "tied": tied, "1 to 20 regions a scan": regions}


def coverage(
    draw: Draw, *, repetitions: int = REPETITIONS, n: int = CALIBRATION, fresh: int = FRESH, seed: int = 6
) -> dict[str, Any]:
    """Observed false alarms beside what exchangeability says of them, for one law of scores.

    n: calibration scans; fresh: benign scans of each repetition. Returns by budget: the observed and the
    expected Pfa, the standard error of the observed one, and the share of repetitions outside the central
    95 % of their law, with the share expected. p_values: of one fresh scan for each calibration, so that
    they are independent. Budgets that n scans don't support are left out.
    """
    rng = np.random.default_rng(seed)
    budgets = [pfa for pfa in BUDGETS if smallest_pfa(n) <= pfa]
    alarms, p_values = np.zeros((repetitions, len(budgets)), int), np.zeros(repetitions)
    for repetition in range(repetitions):
        every = draw(rng, n + fresh).astype(np.float32)
        known = Calibration.from_scores(every[:n].max(axis=1))
        lowest = known.p_values(every[n:]).min(axis=1)  # of a scan's regions
        p_values[repetition] = lowest[0]
        alarms[repetition] = [(lowest <= pfa).sum() for pfa in budgets]
    rows = {f"{pfa:g}": _beside(alarms[:, i], n, fresh, pfa) for i, pfa in enumerate(budgets)}
    return {"repetitions": repetitions, "n": n, "fresh": fresh, "budgets": rows, **_uniform(p_values)}


def _beside(alarms: npt.NDArray[np.int_], n: int, fresh: int, pfa: float) -> dict[str, float]:
    with evaluate_extra():
        from scipy.stats import betabinom  # type: ignore[import-untyped] # scipy ships no types

    k = tolerated(n, pfa) + 1
    law = betabinom(fresh, k, n + 1 - k)
    low, high = law.interval(CENTRAL)
    return {
        "observed": float(alarms.mean() / fresh),
        "expected": float(law.mean() / fresh),
        "standard_error": float(law.std() / fresh / np.sqrt(alarms.size)),
        "outside": float(np.mean((alarms < low) | (alarms > high))),
        "outside_expected": float(law.cdf(low - 1) + law.sf(high)),
    }


def _uniform(p_values: Scores) -> dict[str, Any]:
    with evaluate_extra():
        from scipy.stats import kstest

    test = kstest(p_values, "uniform")
    return {"p_values": np.sort(p_values).tolist(), "ks": float(test.statistic), "ks_p_value": float(test.pvalue)}


def of_model(calibration: Calibration) -> Draw:
    """The calibration scores of a model themselves: each repetition parts them anew, at random."""

    def draw(rng: np.random.Generator, n: int) -> Scores:
        return rng.permutation(np.array(calibration.scores))[:n, None]

    return draw


def table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The figures as text, a line for each law and budget."""
    lines = ["scores                        budget  observed  expected  std error  outside 95 % (expected)"]
    for law, figures in found.items():
        for pfa, row in figures["budgets"].items():
            outside = f"{row['outside']:.3f} ({row['outside_expected']:.3f})"
            values = f"{row['observed']:9.5f} {row['expected']:9.5f}  {row['standard_error']:9.5f}  {outside}"
            lines.append(f"{law:28}  {pfa:>6} {values}")
        size = f"{figures['repetitions']} repetitions of {figures['n']} calibration and {figures['fresh']} fresh scans"
        test = f"KS distance of {len(figures['p_values'])} p-values {figures['ks']:.3f} (p {figures['ks_p_value']:.2f})"
        lines.append(f"    {size}; {test}")
    return "\n".join(lines)


def draw_figure(found: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Left: observed over expected false alarms. Right: p-values of fresh benign scans, which should be uniform."""
    with evaluate_extra():
        from matplotlib.figure import Figure
        from scipy.stats import kstwo

    page = Figure(figsize=(10, 4.6), layout="constrained")
    left, right = page.subplots(1, 2)
    left.axhline(1, color="0.5", ls="--", lw=1)
    for number, (law, figures) in enumerate(found.items()):
        rows = list(figures["budgets"].values())
        places = [BUDGETS.index(float(pfa)) + 0.15 * (number - (len(found) - 1) / 2) for pfa in figures["budgets"]]
        ratio = [row["observed"] / row["expected"] for row in rows]
        error = [1.96 * row["standard_error"] / row["expected"] for row in rows]
        left.errorbar(places, ratio, yerr=error, fmt="o", capsize=3, label=law)
        right.plot(
            figures["p_values"], np.arange(1, len(figures["p_values"]) + 1) / len(figures["p_values"]), label=law
        )
    left.set_xticks(range(len(BUDGETS)), [f"{100 * pfa:g} %" for pfa in BUDGETS])
    left.set(xlabel="promised Pfa", ylabel="observed over expected false alarms, 95 % interval")
    band = kstwo.ppf(CENTRAL, min(len(figures["p_values"]) for figures in found.values()))
    right.fill_between([0, 1], [-band, 1 - band], [band, 1 + band], color="0.5", alpha=0.2, label="95 % if uniform")
    right.set(xlabel="p-value of a fresh benign scan", ylabel="share at most that", xlim=(0, 1), ylim=(0, 1))
    for axes in (left, right):
        axes.legend(fontsize=8)
        axes.grid(alpha=0.3)
    page.savefig(path, dpi=110)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table; write figures and picture where asked."""
    parser = argparse.ArgumentParser(
        prog="nii study coverage", description="Observed false alarms over many simulated calibrations."
    )
    parser.add_argument("--model", help="also part this model's own calibration scores at random")
    parser.add_argument("--out", type=Path, help="figures as JSON")
    parser.add_argument("--figure", type=Path, help="picture, .png or .svg")
    asked = parser.parse_args(arguments)
    found = {name: coverage(law) for name, law in LAWS.items()}
    if asked.model:
        own = choose_calibration(Detector.load(asked.model).contract.calibrations, None)
        half = own.n // 2
        found[f"scores of model {asked.model}"] = coverage(of_model(own), n=half, fresh=own.n - half)
    print(table(found))
    if asked.out:
        asked.out.write_text(json.dumps(found, indent=1) + "\n")
    if asked.figure:
        draw_figure(found, asked.figure)


if __name__ == "__main__":
    main()
