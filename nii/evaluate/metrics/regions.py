"""Do the regions lie where the concealments are, and are their masses right?

A region hits a concealment when an officer who opens the region's box would see the thing:
at least half of the region lies in the true box, or the two boxes overlap by an
intersection over union of at least 0.1. A box around the whole scan hits nothing small.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from nii.evaluate.metrics.missing import Unknown
from nii.evaluate.metrics.pixels import Box
from nii.evaluate.metrics.results import KnownConcealment, ScanResult, ScoredRegion
from nii.physics.line import MaterialClass
from nii.stats.rates import clopper_pearson

HIT_INSIDE = 0.5
HIT_IOU = 0.1
RULE = f"at least {HIT_INSIDE:g} of the region in the true box, or intersection over union of {HIT_IOU:g}"
FROC_POINTS = 100
NOT_NAMED, NOT_FOUND = "not named", "not found"


def hits(region: Box, truth: Box) -> bool:
    """Whether a region points at a concealment; boxes (x, y, width, height)."""
    common = _overlap(region[0], region[2], truth[0], truth[2]) * _overlap(region[1], region[3], truth[1], truth[3])
    area = region[2] * region[3]
    union = area + truth[2] * truth[3] - common
    return common > 0 and (common >= HIT_INSIDE * area or common >= HIT_IOU * union)


def _overlap(a: float, a_length: float, b: float, b_length: float) -> float:
    return max(0.0, min(a + a_length, b + b_length) - max(a, b))


@dataclass(frozen=True, slots=True)
class Match:
    """A concealment and the highest-scoring region that hits it, if any."""

    truth: KnownConcealment
    region: ScoredRegion | None


def ranked(result: ScanResult) -> list[ScoredRegion]:
    """Its regions, highest score first."""
    return sorted(result.regions, key=lambda region: -region.score)


def matches(results: Iterable[ScanResult]) -> list[Match]:
    """Every concealment whose box is known, with the best region that hits it."""
    return [
        Match(truth, next((r for r in ranked(result) if hits(r.box, truth.box)), None))
        for result in results
        for truth in result.truth
        if truth.box is not None
    ]


def false_regions(results: Iterable[ScanResult]) -> list[ScoredRegion]:
    """Regions that hit no concealment, in benign and concealed scans."""
    return [r for result in results for r in result.regions if hit_truth(r, result) is None]


def hit_truth(region: ScoredRegion, result: ScanResult) -> KnownConcealment | None:
    """The first concealment of the scan that the region hits."""
    return next((t for t in result.truth if t.box is not None and hits(region.box, t.box)), None)


def located(results: Sequence[ScanResult]) -> list[ScanResult]:
    """Scans whose truth has places: benign ones, and concealed ones with all boxes known."""
    return [r for r in results if not r.concealed or (r.truth and all(t.box is not None for t in r.truth))]


def region_metrics(results: Sequence[ScanResult]) -> dict[str, object]:
    """FROC curve and recall at one region per scan, over the scans whose truth has boxes."""
    scans = located(results)
    pairs = matches(scans)
    counts = {"n": len(pairs), "scans": len(scans), "rule": RULE}
    if not pairs:
        reason = Unknown("no concealment with a known box in this set")
        return {"froc": reason, "recall_at_1_per_scan": reason, "recall_at_1_ci": reason, **counts}
    first = [t for r in scans for t in r.truth if t.box and r.regions and hits(ranked(r)[0].box, t.box)]
    return {
        "froc": froc(scans),
        "recall_at_1_per_scan": len(first) / len(pairs),
        "recall_at_1_ci": clopper_pearson(len(first), len(pairs)),
        "found_at_1": len(first),
        **counts,
    }


def first_hits(results: Sequence[ScanResult]) -> dict[str, bool]:
    """By name of each concealed scan with known boxes: whether its first region hits a concealment."""
    placed = [r for r in located(results) if r.truth]
    return {r.name: bool(r.regions) and hit_truth(ranked(r)[0], r) is not None for r in placed}


def froc(scans: Sequence[ScanResult]) -> list[dict[str, float]]:
    """Free-response ROC: recall over concealments against false regions per scan.

    Points from the highest threshold to the lowest, at most FROC_POINTS. A region that
    hits a concealment is never false, a second one on the same concealment counts nothing.
    """
    pairs = matches(scans)
    found = np.sort([match.region.score for match in pairs if match.region is not None])
    false = np.sort([region.score for region in false_regions(scans)])
    levels = np.unique(np.concatenate([found, false]))[::-1]
    if levels.size > FROC_POINTS:
        levels = levels[np.unique(np.linspace(0, levels.size - 1, FROC_POINTS).astype(int))]
    return [
        {
            "threshold": float(level),
            "false_per_scan": float(false.size - np.searchsorted(false, level)) / len(scans),
            "recall": float(found.size - np.searchsorted(found, level)) / len(pairs),
        }
        for level in levels
    ]


def mass_metrics(results: Sequence[ScanResult]) -> dict[str, object]:
    """Errors of the mass of found concealments; relative error = |estimate - true| / true.

    Only concealments that a region hits have an estimate; `n_truth` says how many there are.
    `families` has the same figures for each family with a known mass.
    """
    pairs = matches(results)
    names = sorted({match.truth.family for match in pairs if match.truth.mass_kg})
    by_family = {name: _mass_errors([m for m in pairs if m.truth.family == name]) for name in names}
    return {**_mass_errors(pairs), "families": by_family}


def _mass_errors(pairs: Sequence[Match]) -> dict[str, object]:
    found = _weighed(pairs)
    counts = {"n": len(found), "n_truth": sum(1 for match in pairs if match.truth.mass_kg)}
    if not found:
        reason = Unknown("no found concealment has both a true and an estimated mass")
        return {**counts, "median_relative_error": reason, "median_bias": reason, **_no_coverage(reason)}
    error = np.array([estimate / true - 1 for true, estimate, _ in found])
    return {
        **counts,
        "median_relative_error": float(np.median(np.abs(error))),
        "median_bias": float(np.median(error)),
        **_coverage(found),
    }


def _weighed(pairs: Iterable[Match]) -> list[tuple[float, float, ScoredRegion]]:
    """True mass and estimate in kg, with the region, where both are known."""
    return [
        (match.truth.mass_kg, match.region.mass_kg, match.region)
        for match in pairs
        if match.truth.mass_kg and match.region and match.region.mass_kg is not None
    ]


def _coverage(found: Iterable[tuple[float, float, ScoredRegion]]) -> dict[str, object]:
    inside = [
        region.mass_low <= true <= region.mass_high
        for true, _, region in found
        if region.mass_low is not None and region.mass_high is not None
    ]
    if not inside:
        return _no_coverage(Unknown("no mass estimate has an interval"))
    return {
        "ci90_coverage": sum(inside) / len(inside),
        "ci90_coverage_ci": clopper_pearson(sum(inside), len(inside)),
        "ci90_n": len(inside),
    }


def _no_coverage(reason: Unknown) -> dict[str, object]:
    return {"ci90_coverage": reason, "ci90_coverage_ci": reason, "ci90_n": 0}


def confusion(results: Sequence[ScanResult]) -> dict[str, dict[str, dict[str, int]]]:
    """What found concealments were called: rows are the truth, columns what the region says.

    family: true family against named family; family_material: true family against named material;
    material: true against named material, where the set says it. "not found" counts those that no region hits.
    """
    pairs = matches(results)
    return {
        "family": _crosstab((m.truth.family, _called(m.region, "family")) for m in pairs),
        "family_material": _crosstab((m.truth.family, _called(m.region, "material")) for m in pairs),
        "material": _crosstab((m.truth.material, _called(m.region, "material")) for m in pairs if m.truth.material),
    }


def material_rate(results: Sequence[ScanResult]) -> dict[str, object]:
    """Of found concealments of known material: how many got a material at all, and how many of these the right one."""
    found = [(m.truth.material, m.region.material) for m in matches(results) if m.region and m.truth.material]
    named = [(true, called) for true, called in found if called and called != MaterialClass.UNDETERMINED]
    right = sum(true == called for true, called in named)
    counts = {"found": len(found), "named": len(named)}
    if not named:
        reason = Unknown("no found concealment of known material was given a material")
        return {**counts, "right": reason, "share_right": reason, "ci": reason}
    return {**counts, "right": right, "share_right": right / len(named), "ci": clopper_pearson(right, len(named))}


def _called(region: ScoredRegion | None, field: str) -> str:
    if region is None:
        return NOT_FOUND
    return str((region.family if field == "family" else region.material) or NOT_NAMED)


def _crosstab(pairs: Iterable[tuple[str, str]]) -> dict[str, dict[str, int]]:
    table: dict[str, Counter[str]] = {}
    for true, called in pairs:
        table.setdefault(true, Counter())[called] += 1
    return {true: dict(sorted(row.items())) for true, row in sorted(table.items())}
