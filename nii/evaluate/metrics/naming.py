"""What is it? Families named for found concealments, with 'unknown', and whether their probabilities are right.

Counted are concealments that one of the LOOKED_AT highest regions of their scan hits, by the best such region.
A concealment of a family that the model can't name is truly unknown: any name for it is wrong.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nii.evaluate.metrics.detection import Figures
from nii.evaluate.metrics.missing import Unknown
from nii.evaluate.metrics.regions import false_regions, matches, ranked
from nii.evaluate.metrics.results import ScanResult, ScoredRegion
from nii.model.naming import NO_FAMILY, UNKNOWN
from nii.stats.rates import clopper_pearson

LOOKED_AT = 5  # highest regions of a scan; with the one that alarms alone there would be little to count
DRAWS = 500
BINS = 15  # of the expected calibration error, with equally many regions each


@dataclass(frozen=True, slots=True)
class Named:
    """A found concealment: its true family ('unknown' where the model has none for it) and what it was called.

    likeliest, probability: the first of the region's families, named or not. similar: families of the
    known concealments that were shown beside it.
    """

    truth: str
    called: str
    likeliest: str
    probability: float
    similar: tuple[str, ...] = ()


def what_metrics(results: Sequence[ScanResult], families: Iterable[str] | None = None) -> Figures | Unknown:
    """Confusion, shares and expected calibration error.

    families: that the model can name; None: all that occur but that of no family.
    """
    first = [replace(result, regions=tuple(ranked(result)[:LOOKED_AT])) for result in results]
    found = named(first, families)
    if not found:
        return Unknown(f"no concealment was hit by one of the {LOOKED_AT} highest regions that has a family")
    false = [region for region in false_regions(first) if region.families]
    return {"regions_of_a_scan": LOOKED_AT, **shares(found), "false_regions": _named_false(false)}


def named(results: Sequence[ScanResult], families: Iterable[str] | None = None) -> list[Named]:
    """The found concealments of these scans, each with the best region that hits it."""
    known = None if families is None else set(families) - {NO_FAMILY}
    return [
        _named(match.truth.family, match.region, known)
        for match in matches(results)
        if match.region is not None and match.region.families
    ]


def _named(family: str, region: ScoredRegion, known: set[str] | None) -> Named:
    strange = family == NO_FAMILY or (known is not None and family not in known)
    likeliest, probability = region.families[0]
    return Named(UNKNOWN if strange else family, region.family or UNKNOWN, likeliest, probability, region.similar)


def shares(found: Sequence[Named]) -> Figures:
    """Every figure of found concealments; at least one."""
    known = [one for one in found if one.truth != UNKNOWN]
    strange = [one for one in found if one.truth == UNKNOWN]
    said = [one for one in found if one.called != UNKNOWN]
    return {
        "n": len(found),
        "named": share(len(said), len(found)),
        "right_of_named": share(sum(one.called == one.truth for one in said), len(said)),
        "right_of_known": share(sum(one.called == one.truth for one in known), len(known)),
        "likeliest_right_of_known": share(sum(one.likeliest == one.truth for one in known), len(known)),
        "unknown_of_known": share(sum(one.called == UNKNOWN for one in known), len(known)),
        "unknown_of_truly_unknown": share(sum(one.called == UNKNOWN for one in strange), len(strange)),
        "similar_of_the_family": share(
            sum(one.truth in one.similar for one in known if one.similar), sum(bool(one.similar) for one in known)
        ),
        "ece": calibration_error([one.probability for one in found], [one.likeliest == one.truth for one in found]),
        "confusion": _confusion(found),
    }


def share(hits: int, n: int) -> Figures:
    """A share with its counts and 95 % interval; null without any."""
    none = Unknown("no such concealment was found")
    return {"count": hits, "n": n, "share": hits / n if n else none, "ci": clopper_pearson(hits, n) if n else none}


def calibration_error(probabilities: Sequence[float], right: Sequence[bool], bins: int = BINS) -> Figures:
    """Expected calibration error: mean over bins of |mean probability - share right|, weighted by their size.

    Bins hold equally many regions, since few probabilities are high. Source: Naeini et al., AAAI 2015; equal
    mass: Nixon et al., CVPR workshops 2019. Example: 0.8 of two, one right: 0.3. if_right: what it would be on
    average if every probability were right, from DRAWS draws; few regions never give 0.
    """
    order = np.argsort(probabilities, kind="stable")
    told, truth = np.asarray(probabilities)[order], np.asarray(right, float)[order]
    parts = [part for part in np.array_split(np.arange(told.size), bins) if part.size]
    drawn = np.random.default_rng(0).random((DRAWS, told.size)) < told
    gaps = [part.size * np.abs(told[part].mean() - np.vstack([truth, drawn])[:, part].mean(axis=1)) for part in parts]
    error, *if_right = sum(gaps) / told.size
    rows = [{"probability": float(told[p].mean()), "right": float(truth[p].mean()), "n": p.size} for p in parts]
    return {
        "value": float(error),
        "if_right": float(np.mean(if_right)),
        "n": told.size,
        "mean_probability": float(told.mean()),
        "bins": rows,
    }


def _confusion(found: Iterable[Named]) -> dict[str, dict[str, int]]:
    table: dict[str, Counter[str]] = {}
    for one in found:
        table.setdefault(one.truth, Counter())[one.called] += 1
    return {true: dict(sorted(row.items())) for true, row in sorted(table.items())}


def _named_false(regions: Sequence[ScoredRegion]) -> Figures:
    """Regions that hit nothing, and how many of them got the name of a family nevertheless."""
    return share(sum(region.family != UNKNOWN for region in regions), len(regions))
