"""The rows behind the report: `scores.parquet`, one per scan, and `regions.parquet`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nii.evaluate.metrics.regions import hit_truth, ranked
from nii.evaluate.metrics.results import ScanResult, ScoredRegion
from nii.io.columns import as_json, column_types

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class ScoreRow:
    """A row of scores.parquet. regions: their number. alarm, pfa: of the operating point."""

    name: str
    status: Literal["ok", "error"]
    error: str | None
    concealed: bool
    score: float | None
    p_value: float | None
    alarm: bool | None
    pfa: float | None
    calibration: str | None
    families: tuple[str, ...]
    mass_kg: float | None
    dprime: float | None
    cargo: str | None
    scanner: str | None
    regions: int | None
    unseen: float | None
    not_seen_through: bool | None
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class RegionRow:
    """A row of regions.parquet. x, y, width, height: in pixels. similar: families of the most similar concealments."""

    name: str
    rank: int
    x: float
    y: float
    width: float
    height: float
    score: float
    p_value: float | None
    family: str | None
    family_probability: float | None
    similar: tuple[str, ...]
    material: str | None
    mass_kg: float | None
    mass_low_kg: float | None
    mass_high_kg: float | None
    hit: bool | None
    true_family: str | None
    true_mass_kg: float | None
    true_material: str | None


SCORE_COLUMNS = column_types(ScoreRow)
REGION_COLUMNS = column_types(RegionRow)


def score_rows(results: Sequence[ScanResult], pfa: float | None) -> list[Row]:
    """A row per scan, failed ones too.

    alarm is the decision at the budget pfa by the model's own calibration; both are null for
    pfa None, when the model can't decide at this budget.
    """
    return [as_json(_score_row(result, pfa)) for result in results]


def _score_row(result: ScanResult, pfa: float | None) -> ScoreRow:
    return ScoreRow(
        name=result.name,
        status="ok" if result.error is None else "error",
        error=result.error,
        concealed=result.concealed,
        score=result.score,
        p_value=result.p_value,
        alarm=None if pfa is None else result.alarm(pfa),
        pfa=pfa,
        calibration=result.calibration,
        families=result.families,
        mass_kg=result.mass_kg,
        dprime=result.dprime,
        cargo=result.cargo,
        scanner=result.scanner,
        regions=len(result.regions) if result.error is None else None,
        unseen=result.unseen,
        not_seen_through=None if pfa is None else not (result.seen_enough or result.alarm(pfa)),
        seconds=result.seconds,
    )


def region_rows(results: Sequence[ScanResult]) -> list[Row]:
    """A row per region, rank 1 = highest score of its scan; hit is null where places are unknown."""
    return [
        as_json(_region_row(result, rank, region))
        for result in results
        for rank, region in enumerate(ranked(result), start=1)
    ]


def _region_row(result: ScanResult, rank: int, region: ScoredRegion) -> RegionRow:
    truth = hit_truth(region, result)
    placed = not result.concealed or any(t.box is not None for t in result.truth)
    x, y, width, height = region.box
    return RegionRow(
        name=result.name,
        rank=rank,
        x=x,
        y=y,
        width=width,
        height=height,
        score=region.score,
        p_value=region.p_value,
        mass_kg=region.mass_kg,
        mass_low_kg=region.mass_low,
        mass_high_kg=region.mass_high,
        family=region.family,
        family_probability=region.families[0][1] if region.families else None,
        similar=region.similar,
        material=region.material,
        hit=truth is not None if placed else None,
        true_family=truth.family if truth else None,
        true_mass_kg=truth.mass_kg if truth else None,
        true_material=truth.material if truth else None,
    )
