"""The rows behind the report: `scores.parquet`, one per scan, and `regions.parquet`."""

from collections.abc import Mapping, Sequence
from typing import Any

from nii.evaluate.metrics.regions import hit_truth, ranked
from nii.evaluate.metrics.results import ScanResult, ScoredRegion

Row = dict[str, Any]

SCORE_COLUMNS: Mapping[str, str] = {
    "name": "VARCHAR",
    "status": "VARCHAR",
    "error": "VARCHAR",
    "concealed": "BOOLEAN",
    "score": "DOUBLE",
    "p_value": "DOUBLE",
    "alarm": "BOOLEAN",
    "pfa": "DOUBLE",
    "calibration": "VARCHAR",
    "families": "VARCHAR[]",
    "mass_kg": "DOUBLE",
    "dprime": "DOUBLE",
    "cargo": "VARCHAR",
    "scanner": "VARCHAR",
    "regions": "INTEGER",
    "unseen": "DOUBLE",
    "not_seen_through": "BOOLEAN",
    "seconds": "DOUBLE",
}
REGION_COLUMNS: Mapping[str, str] = {
    "name": "VARCHAR",
    "rank": "INTEGER",
    "x": "DOUBLE",
    "y": "DOUBLE",
    "width": "DOUBLE",
    "height": "DOUBLE",
    "score": "DOUBLE",
    "p_value": "DOUBLE",
    "family": "VARCHAR",
    "family_probability": "DOUBLE",
    "similar": "VARCHAR[]",
    "material": "VARCHAR",
    "mass_kg": "DOUBLE",
    "mass_low_kg": "DOUBLE",
    "mass_high_kg": "DOUBLE",
    "hit": "BOOLEAN",
    "true_family": "VARCHAR",
    "true_mass_kg": "DOUBLE",
    "true_material": "VARCHAR",
}
COPIED = ("name", "error", "concealed", "score", "p_value", "calibration", "mass_kg", "dprime", "cargo", "scanner")


def score_rows(results: Sequence[ScanResult], pfa: float | None) -> list[Row]:
    """A row per scan, failed ones too.

    alarm is the decision at the budget pfa by the model's own calibration; both are null for
    pfa None, when the model can't decide at this budget.
    """
    return [_score_row(result, pfa) for result in results]


def _score_row(result: ScanResult, pfa: float | None) -> Row:
    return {
        **{field: getattr(result, field) for field in COPIED},
        "status": "ok" if result.error is None else "error",
        "alarm": None if pfa is None else result.alarm(pfa),
        "pfa": pfa,
        "families": list(result.families),
        "regions": len(result.regions) if result.error is None else None,
        "unseen": result.unseen,
        "not_seen_through": None if pfa is None else not (result.seen_enough or result.alarm(pfa)),
        "seconds": result.seconds,
    }


def region_rows(results: Sequence[ScanResult]) -> list[Row]:
    """A row per region, rank 1 = highest score of its scan; hit is null where places are unknown."""
    return [
        _region_row(result, rank, region) for result in results for rank, region in enumerate(ranked(result), start=1)
    ]


def _region_row(result: ScanResult, rank: int, region: ScoredRegion) -> Row:
    truth = hit_truth(region, result)
    placed = not result.concealed or any(t.box is not None for t in result.truth)
    x, y, width, height = region.box
    return {
        "name": result.name,
        "rank": rank,
        "x": x,
        "y": y,
        "width": width,
        "height": height,
        "score": region.score,
        "p_value": region.p_value,
        "mass_kg": region.mass_kg,
        "mass_low_kg": region.mass_low,
        "mass_high_kg": region.mass_high,
        "family": region.family,
        "family_probability": region.families[0][1] if region.families else None,
        "similar": list(region.similar),
        "material": region.material,
        "hit": truth is not None if placed else None,
        "true_family": truth.family if truth else None,
        "true_mass_kg": truth.mass_kg if truth else None,
        "true_material": truth.material if truth else None,
    }
