"""What a model does on real scans: python datasets/benchmarks/real.py REAL OUT [--insertions 100] [--pfa 0.05]

REAL holds real-cargo/ (a railcar at 4/6 MV and a truck of 8 bits) and real-parcel/{benign,threat}/ (operator images);
nothing of it is copied into the project. Into each cargo scan, which nobody knows to hold anything, concealments of
drawn masses are inserted one at a time by threat image projection; into the operator images too. No real
concealment is among them but the guns and knives of real-parcel/threat. One scanner each, and few scans: these are
examples, no rates of the field. OUT gets overlays and real.json.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from nii.analysis.record import Result, analyse
from nii.errors import UsageError
from nii.evaluate.metrics.regions import hits
from nii.io.picture import Metadata
from nii.io.read import read_scan
from nii.model.detector import Detector, choose_model
from nii.scan import Scan
from nii.show.overlay import overlay, png
from nii.simulate.render.draws import log_uniform
from nii.simulate.sets.truth import Hidden
from nii.simulate.tip.operator_image import insert_coloured
from nii.simulate.tip.transmission import insert
from nii.stats.rates import clopper_pearson

SEED = 6001
RAILCAR = Metadata(pitch_mm=(14.0, 14.0), energies=("4MV", "6MV"))
TRUCK = Metadata(pitch_mm=(14.0, 14.0), energies=("6MV",))  # nobody told; the wheels say about so
CARGO_KG, PARCEL_KG = (0.5, 1, 3, 10, 30, 100), (0.03, 0.1, 0.3, 1, 3)
SHOWN = 3  # overlays of insertions
Insert = Callable[[Scan, np.random.Generator, float], tuple[Scan, Hidden]]


def main() -> None:
    """Cargo first, then operator images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("real", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--insertions", type=int, default=100)
    parser.add_argument("--pfa", type=float, default=0.05)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    found = {}
    cargo = asked.real / "real-cargo"
    pair = f"{cargo / 'eagle2_low_4mv.png'},{cargo / 'eagle2_high_6mv.png'}"
    for name, source, known in (("railcar", pair, RAILCAR), ("truck", str(cargo / "truck_trailer_toys.png"), TRUCK)):
        found[name] = _inserted(name, [read_scan(source, known=known)], CARGO_KG, _into_cargo, asked)
    benign = [read_scan(path) for path in sorted((asked.real / "real-parcel/benign").iterdir())]
    found["parcels"] = _inserted("parcels", benign, PARCEL_KG, _into_parcel, asked)
    found["threats"] = _threats(sorted((asked.real / "real-parcel/threat").iterdir()), asked)
    (asked.out / "real.json").write_text(json.dumps(found, indent=1))


def _into_cargo(scan: Scan, rng: np.random.Generator, mass_kg: float) -> tuple[Scan, Hidden]:
    return insert(scan, rng, mass_kg=mass_kg)


def _into_parcel(scan: Scan, rng: np.random.Generator, mass_kg: float) -> tuple[Scan, Hidden]:
    return insert_coloured(scan, rng, mass_kg=mass_kg)


def _inserted(
    name: str, scans: Sequence[Scan], masses: Sequence[float], put: Insert, asked: argparse.Namespace
) -> dict[str, Any]:
    """Alarms and regions of the untouched scans, and what is found of insertions into them, by mass."""
    detector = Detector.load(choose_model(scans[0]))
    plain = [analyse(scan, detector, asked.pfa) for scan in scans]
    alarms, regions = sum(bool(one.alarm) for one in plain), [len(one.regions) for one in plain]
    print(
        f"\n{name} ({detector.contract.name} {detector.contract.version}, Pfa {asked.pfa:g}): {len(plain)} untouched, ",
        end="",
    )
    print(f"alarms {_rate(alarms, len(plain))}, false regions per scan {np.mean(regions):.2f}")
    for number, one in enumerate(plain[:SHOWN]):
        _draw(asked.out / f"{name}-{number}.png", one)
    rows, rng = [], np.random.default_rng(SEED)
    while len(rows) < asked.insertions:
        scan = scans[len(rows) % len(scans)]
        try:
            changed, hidden = put(scan, rng, log_uniform(rng, masses[0], masses[-1]))
        except UsageError:
            continue  # a thing of that mass doesn't fit into this scan; another one is drawn
        result = analyse(changed, detector, asked.pfa)
        rows.append(_row(result, hidden))
        if len(rows) <= SHOWN:
            _draw(asked.out / f"{name}-inserted-{len(rows)}.png", result)
    print("  kg              alarm               first region there")
    for low, high in pairwise(masses):
        here = [row for row in rows if low <= row["mass_kg"] < high]
        alarm, first = (sum(row[key] for row in here) for key in ("alarm", "first"))
        print(f"  {low:g} to {high:g}".ljust(18) + _rate(alarm, len(here)).ljust(20) + _rate(first, len(here)))
    return {"alarms": alarms, "scans": len(plain), "regions": regions, "insertions": rows}


def _row(result: Result, hidden: Hidden) -> dict[str, Any]:
    """One insertion: whether the scan alarms, and whether its highest region lies on the thing."""
    height, width = hidden.mask.shape
    box = (hidden.column, hidden.row, width, height)
    first = bool(result.candidates) and hits(result.candidates[0].box, box)
    return {
        "family": hidden.family,
        "mass_kg": round(hidden.mass_kg, 3),
        "dprime": round(hidden.dprime, 1),
        "alarm": bool(result.alarm),
        "first": bool(first),
        "score": result.layers.score,
    }


def _threats(paths: Sequence[Path], asked: argparse.Namespace) -> dict[str, Any]:
    """Operator images with guns or knives in view: pictures to look at, since nobody marked the place."""
    results = [analyse(scan, Detector.load(choose_model(scan)), asked.pfa) for scan in map(read_scan, paths)]
    for path, result in zip(paths, results, strict=True):
        _draw(asked.out / f"threat-{path.stem}.png", result)
    alarms = sum(bool(result.alarm) for result in results)
    print(
        f"\noperator images with threats: alarms {_rate(alarms, len(results))} (another scanner than the benign ones)"
    )
    return {"alarms": alarms, "scans": len(results)}


def _draw(path: Path, result: Result) -> None:
    path.write_bytes(png(overlay(result)))


def _rate(count: int, of: int) -> str:
    low, high = clopper_pearson(count, of)
    return f"{count} of {of} ({100 * low:.0f}-{100 * high:.0f} %)"


if __name__ == "__main__":
    main()
