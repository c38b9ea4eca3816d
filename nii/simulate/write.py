"""Simulated scan sets on disk: SET/scans, SET/masks, SET/truth, SET/annotations.json."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from nii.io.write import write_tiff
from nii.simulate.concealments import FAMILIES
from nii.simulate.generate import Job, Simulated, simulate
from nii.simulate.truth import write_truth

CATEGORIES = {family: number for number, family in enumerate(FAMILIES, start=1)}


def is_done(out: Path, index: int) -> bool:
    """Whether this scan of the set is whole on disk (its entry is written last)."""
    return _entry_path(out, f"{index:06d}").is_file()


def write_simulated(out: Path, kind: str, seed: int, job: Job) -> None:
    """Simulate one scan and write its files; its entry for annotations.json comes last."""
    index, concealed = job
    scan = simulate(kind, seed, index, concealed=concealed)
    for folder in ("scans", "masks", "truth", "entries"):
        (out / folder).mkdir(exist_ok=True)
    write_tiff(
        out / "scans" / f"{scan.name}.tif",
        scan.measured,
        open_beam=scan.scanner.noise.open_beam,
        pitch_mm=scan.scanner.pitch_mm,
        energies=scan.scanner.energies,
        scanner=scan.scanner.name,
    )
    write_truth(out / "truth" / f"{scan.name}.npz", scan.truth)
    if scan.truth.hidden:
        mask = scan.truth.mask().astype(np.uint8) * 255
        cv2.imwrite(str(out / "masks" / f"{scan.name}.png"), mask)
    _write_json(_entry_path(out, scan.name), _entry(scan))


def finish_set(out: Path, *, kind: str, seed: int, scans: int) -> None:
    """Join the entries to annotations.json (COCO) and remove them. The set is whole from here on."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for index in range(scans):
        entry = json.loads(_entry_path(out, f"{index:06d}").read_text())
        images.append({"id": index, **entry["image"]})
        for found in entry["annotations"]:
            annotations.append({"id": len(annotations), "image_id": index, **found})
    info = {"description": f"nii simulate {kind}", "seed": seed, "scans": scans}
    categories = [{"id": number, "name": name} for name, number in CATEGORIES.items()]
    whole = {"info": info, "images": images, "annotations": annotations, "categories": categories}
    _write_json(out / "annotations.json", whole)


def _entry_path(out: Path, name: str) -> Path:
    return out / "entries" / f"{name}.json"


def _entry(scan: Simulated) -> dict[str, Any]:
    """The scan's part of annotations.json."""
    _, rows, columns = scan.measured.shape
    return {
        "image": {
            "file_name": f"scans/{scan.name}.tif",
            "width": columns,
            "height": rows,
            "cargo": scan.cargo,
            "conveyance": scan.conveyance,
            "pitch_mm": list(scan.scanner.pitch_mm),
            "energies": list(scan.scanner.energies),
            "open_beam": scan.scanner.noise.open_beam,
            "scanner": scan.scanner.name,
            "mask": f"masks/{scan.name}.png" if scan.truth.hidden else None,
        },
        "annotations": [
            {
                "category_id": CATEGORIES[one.family],
                "bbox": _box(one.mask, one.row, one.column),
                "area": int(np.count_nonzero(one.mask)),
                "iscrowd": 0,
                "mass_kg": round(one.mass_kg, 4),
                "ideal_observer_dprime": round(one.dprime, 2),
            }
            for one in scan.truth.hidden
        ],
    }


def _box(mask: np.ndarray[Any, np.dtype[np.bool_]], row: int, column: int) -> list[int]:
    """COCO box (x, y, width, height) of a mask whose corner lies at (row, column)."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return [
        int(column + columns[0]),
        int(row + rows[0]),
        int(columns[-1] - columns[0] + 1),
        int(rows[-1] - rows[0] + 1),
    ]


def _write_json(path: Path, value: object) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value))
    part.replace(path)
