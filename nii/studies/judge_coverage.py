"""Does a fitted and cross-fitted judge keep its false-alarm rate? Counted: `nii study judge_coverage`.

Each repetition draws the scans of a site, fits a judge to them, calibrates it on their cross-fitted scores as `nii fit`
does, and counts how many fresh benign scans of the site alarm. Were the judge not fitted to the same scans, the mean
would be floor(Pfa (n + 1)) / (n + 1); cross-fitting keeps near it, and what is measured here is how near.
"""

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np

from nii.fit.learn import Table, cross_fitted, highest, learned, scored
from nii.model.judge import Judge
from nii.stats.operating_point import Calibration, smallest_pfa, tolerated

BUDGETS = (0.01, 0.05, 0.1)
REPETITIONS, FRESH = 300, 500
CANDIDATES, FEATURES = 8, 30
COPIES = 2  # of a scan with something put in


def draw_site(rng: np.random.Generator, scans: int, *, copies: int = COPIES) -> Table:
    """Candidates of scans whose features vary from scan to scan as much as within one, with long tails.

    A concealment moves the first features of one candidate. copies: of each scan, with something in them; 0 for none.
    """
    each = 1 + copies
    load = rng.standard_t(4, (scans, 1, 1, FEATURES))
    features = load + rng.standard_t(4, (scans, each, CANDIDATES, FEATURES))
    hit = np.zeros((scans, each, CANDIDATES), np.bool_)
    hit[:, 1:, 0] = True
    features[..., :4] += 2.0 * hit[..., None]
    number = np.arange(scans * each * CANDIDATES)
    seen = number // CANDIDATES
    return Table(
        features=features.reshape(-1, FEATURES).astype(np.float32),
        scan=seen // each,
        seen=seen,
        inserted=seen % each > 0,
        hit=hit.ravel(),
    )


def coverage(n: int, *, repetitions: int = REPETITIONS, fresh: int = FRESH, seed: int = 22) -> list[dict[str, Any]]:
    """False alarms of fresh benign scans for judges fitted to n scans, by budget that n scans support.

    Each: pfa, observed, its standard error over repetitions, expected without any fitting, and reused: observed if
    the scans were scored by the very judge that is fitted to them.
    """
    rng, came = np.random.default_rng(seed), Judge(np.eye(FEATURES, dtype=np.float32)[0], np.zeros(1, np.float32))
    budgets = [pfa for pfa in BUDGETS if smallest_pfa(n) <= pfa]
    rates = np.zeros((repetitions, 2, len(budgets)))
    for repetition in range(repetitions):
        site, others = draw_site(rng, n), draw_site(rng, fresh, copies=0)
        judge = learned(site, came)
        new = highest(scored(others.features, judge), others.seen, fresh)
        for way, scores in enumerate((cross_fitted(site, n, came), scored(site.features, judge))):
            benign = ~site.inserted
            known = highest(scores[benign], site.scan[benign], n)
            p = Calibration.from_scores(known).p_values(new.astype(np.float32))
            rates[repetition, way] = [(p <= pfa).mean() for pfa in budgets]
    mean, error = rates.mean(axis=0), rates.std(axis=0) / np.sqrt(repetitions)
    return [
        {
            "pfa": pfa,
            "observed": float(mean[0, i]),
            "standard_error": float(error[0, i]),
            "expected": (tolerated(n, pfa) + 1) / (n + 1),
            "reused": float(mean[1, i]),
        }
        for i, pfa in enumerate(budgets)
    ]


def table(found: dict[int, Sequence[dict[str, Any]]]) -> str:
    """The figures as text, a line for each number of scans and budget."""
    lines = ["scans  budget  observed  std error  expected  if scored by the judge fitted to them"]
    for n, rows in found.items():
        for row in rows:
            values = f"{row['observed']:9.4f} {row['standard_error']:10.4f} {row['expected']:9.4f}  {row['reused']:.4f}"
            lines.append(f"{n:5}  {row['pfa']:6g} {values}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="nii study judge_coverage", description="False alarms of fitted judges over many simulated sites."
    )
    parser.add_argument("--scans", type=int, nargs="+", default=[10, 30, 60, 200])
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    asked = parser.parse_args(arguments)
    print(table({n: coverage(n, repetitions=asked.repetitions) for n in asked.scans}))


if __name__ == "__main__":
    main()
