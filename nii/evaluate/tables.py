"""The rows behind the report: `scores.parquet`, one per scan, and `regions.parquet`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nii.evaluate.regions import hit_truth, ranked
from nii.evaluate.results import Region, ScanResult

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped] # pyarrow ships no types


def score_table(results: Sequence[ScanResult], pfa: float | None) -> "pa.Table":
    """A row per scan, failed ones too.

    alarm is the decision at the budget pfa by the model's own calibration; both are null for
    pfa None, when the model can't decide at this budget.
    """
    import pyarrow as pa

    schema = pa.schema(
        {
            "name": pa.string(),
            "status": pa.string(),
            "error": pa.string(),
            "concealed": pa.bool_(),
            "score": pa.float64(),
            "p_value": pa.float64(),
            "alarm": pa.bool_(),
            "pfa": pa.float64(),
            "families": pa.list_(pa.string()),
            "mass_kg": pa.float64(),
            "dprime": pa.float64(),
            "cargo": pa.string(),
            "scanner": pa.string(),
            "regions": pa.int32(),
            "seconds": pa.float64(),
        }
    )
    return pa.Table.from_pylist([_scan_row(result, pfa) for result in results], schema=schema)


def _scan_row(result: ScanResult, pfa: float | None) -> dict[str, Any]:
    copied = ("name", "error", "concealed", "score", "p_value", "mass_kg", "dprime", "cargo", "scanner")
    return {
        **{field: getattr(result, field) for field in copied},
        "status": "ok" if result.error is None else "error",
        "alarm": None if pfa is None else result.alarm(pfa),
        "pfa": pfa,
        "families": list(result.families),
        "regions": len(result.regions) if result.error is None else None,
        "seconds": result.seconds,
    }


def region_table(results: Sequence[ScanResult]) -> "pa.Table":
    """A row per region, rank 1 = highest score of its scan; hit is null where places are unknown."""
    import pyarrow as pa

    real = ("x", "y", "width", "height", "score", "p_value", "mass_kg", "mass_low_kg", "mass_high_kg")
    schema = pa.schema(
        [("name", pa.string()), ("rank", pa.int32())]
        + [(field, pa.float64()) for field in real]
        + [("family", pa.string()), ("material", pa.string()), ("hit", pa.bool_())]
        + [("true_family", pa.string()), ("true_mass_kg", pa.float64())]
    )
    rows = [
        _region_row(result, rank, region)
        for result in results
        for rank, region in enumerate(ranked(result), start=1)
    ]
    return pa.Table.from_pylist(rows, schema=schema)


def _region_row(result: ScanResult, rank: int, region: Region) -> dict[str, Any]:
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
        "material": region.material,
        "hit": truth is not None if placed else None,
        "true_family": truth.family if truth else None,
        "true_mass_kg": truth.mass_kg if truth else None,
    }
