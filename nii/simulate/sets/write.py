"""Simulated scan sets on disk: SET/scans, SET/masks, SET/truth, SET/annotations.json.

A set of operator images holds the same scenes as the set of transmission scans of the same seed, and so does one of
truth alone, which is enough to train on.

While a set is made, SET/unfinished holds its recipe and one entry per finished scan.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nii import __version__
from nii.errors import ScanSetError, UsageError
from nii.io.outputs import prepare_folder
from nii.io.write import write_atomically, write_mask, write_tiff
from nii.simulate.scanner.operator_image import draw_image
from nii.simulate.scanner.presets import Scanner
from nii.simulate.sets.kinds import FAMILIES, kind_of
from nii.simulate.sets.scan import Simulated, simulate
from nii.simulate.sets.truth import Hidden, write_truth

FOLDERS = ("scans", "masks", "truth", "unfinished")

CATEGORIES = {family: number for number, family in enumerate(FAMILIES, start=1)}

NO_CHAPTER = "99"  # of the Harmonized System: of loads of no kind

Job = tuple[int, bool]  # index of a scan, and whether it is a concealed one


@dataclass(frozen=True)
class SetRecipe:
    """What a set is made of; the same recipe gives the same bytes.

    concealed: share of scans with a concealment. scanner: the one given for all scans, "" if drawn.
    operator_images: pseudo-colour pictures in place of transmission. truth_only: neither scans nor masks. held_out: of
    the world that training lacks. unlisted: share of loads of no kind. version: of this package, since another one may
    draw other scenes.
    """

    kind: str
    seed: int
    scans: int
    concealed: float
    scanner: str = ""
    operator_images: bool = False
    truth_only: bool = False
    held_out: bool = False
    unlisted: float = 0.0
    version: str = __version__


def begin_set(out: Path, recipe: SetRecipe) -> None:
    """Make the folders of a set, or go on with one of the same recipe.

    Raises UsageError if a finished set, an unfinished one of another recipe, or anything else is there.
    """
    if (out / "annotations.json").exists():
        raise UsageError(f"{out}: expected no finished scan set there, came one; choose another folder")
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: expected a folder, came a file")
    strangers = sorted({path.name for path in out.glob("[!.]*")} - set(FOLDERS))
    if strangers:
        raise UsageError(f"{out}: expected an empty folder or an unfinished set, came one that holds {strangers[0]}")
    prepare_folder(out)
    for folder in FOLDERS:
        (out / folder).mkdir(parents=True, exist_ok=True)
        for half_written in (out / folder).glob(".[0-9][0-9][0-9][0-9][0-9][0-9].*"):
            half_written.unlink()  # what a killed process left
    path = out / "unfinished" / "recipe.json"
    if path.is_file() and (came := _read_json(path)) != asdict(recipe):
        differing = [name for name, value in asdict(recipe).items() if came.get(name) != value]
        raise UsageError(f"{out}: expected the {' and '.join(differing)} of the unfinished set there, came other ones")
    _write_json(path, asdict(recipe))


def is_done(out: Path, index: int) -> bool:
    """Whether this scan of the set is whole on disk (its entry is written last)."""
    return _entry_path(out, index).is_file()


def write_simulated(out: Path, recipe: SetRecipe, job: Job, *, scanner: Scanner | None = None) -> None:
    """Simulate one scan and write its files; its entry for annotations.json comes last."""
    index, concealed = job
    held_out, unlisted = recipe.held_out, recipe.unlisted
    scan = simulate(
        recipe.kind, recipe.seed, index, concealed=concealed, scanner=scanner, held_out=held_out, unlisted=unlisted
    )
    truth = f"truth/{scan.name}.npz"
    if recipe.truth_only:
        image: dict[str, Any] = {"file_name": truth, "open_beam": scan.scanner.noise.open_beam}
    elif recipe.operator_images:
        image = _write_operator_image(out, recipe, index, scan)
    else:
        image = _write_scan(out, scan)
    write_truth(out / truth, scan.truth)
    masked = bool(scan.truth.hidden) and not recipe.truth_only
    if masked:
        write_mask(out / "masks" / f"{scan.name}.png", scan.truth.mask())
    annotations = [_annotation(concealment) for concealment in scan.truth.hidden]
    image |= _image(scan, kind_of(recipe.kind, held_out=held_out).hs_chapters)
    image["mask"] = f"masks/{scan.name}.png" if masked else None
    _write_json(_entry_path(out, index), {"image": image, "annotations": annotations})


def _write_scan(out: Path, scan: Simulated) -> dict[str, Any]:
    """Write the transmission; what annotations.json says of the file."""
    name = f"scans/{scan.name}.tif"
    write_tiff(
        out / name,
        scan.measured,
        open_beam=scan.scanner.noise.open_beam,
        pitch_mm=scan.scanner.pitch_mm,
        energies=scan.scanner.energies,
        scanner=scan.scanner.name,
    )
    return {"file_name": name, "open_beam": scan.scanner.noise.open_beam}


def _write_operator_image(out: Path, recipe: SetRecipe, index: int, scan: Simulated) -> dict[str, Any]:
    """Write the operator image; what annotations.json says of the file."""
    name = f"scans/{scan.name}.jpg"
    # a stream of its own, so that the scene is that of the transmission scan
    rng = np.random.default_rng(np.random.SeedSequence((recipe.seed, index), spawn_key=(1,)))
    megavolts = "MV" in scan.scanner.energies[0]
    data, colours = draw_image(rng, scan.measured, scan.scanner.beams(), megavolts=megavolts)
    write_atomically(out / name, data)
    return {"file_name": name, "open_beam": None, "colours": colours.to_json()}


def finish_set(out: Path, recipe: SetRecipe) -> None:
    """Join the entries to annotations.json (COCO) and remove them. The set is whole from here on."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for index in range(recipe.scans):
        entry = _read_json(_entry_path(out, index))
        images.append({"id": index, **entry["image"]})
        for found in entry["annotations"]:
            annotations.append({"id": len(annotations), "image_id": index, **found})
    info = {"description": f"nii simulate {recipe.kind}", **asdict(recipe)}
    categories = [{"id": number, "name": name} for name, number in CATEGORIES.items()]
    whole = {"info": info, "images": images, "annotations": annotations, "categories": categories}
    _write_json(out / "annotations.json", whole)
    shutil.rmtree(out / "unfinished")


def _entry_path(out: Path, index: int) -> Path:
    return out / "unfinished" / f"{index:06d}.json"


def _image(scan: Simulated, hs_chapters: Mapping[str, str]) -> dict[str, Any]:
    """What annotations.json says of a scan, whatever its file."""
    _, rows, columns = scan.expected.shape
    return {
        "width": columns,
        "height": rows,
        "cargo": scan.cargo,
        "hs_chapters": [hs_chapters.get(kind, NO_CHAPTER) for kind in scan.cargo.split("+")],
        "conveyance": scan.conveyance,
        "load_kg": round(scan.load_kg, 3),
        "pitch_mm": list(scan.scanner.pitch_mm),
        "energies": list(scan.scanner.energies),
        "scanner": scan.scanner.name,
    }


def _annotation(hidden: Hidden) -> dict[str, Any]:
    """A concealment's part of annotations.json, without its numbers."""
    return {
        "category_id": CATEGORIES[hidden.family],
        "bbox": _box(hidden.mask, hidden.row, hidden.column),
        "area": int(np.count_nonzero(hidden.mask)),
        "iscrowd": 0,
        "mass_kg": round(hidden.mass_kg, 4),
        "ideal_observer_dprime": round(hidden.dprime, 2),
        "material": hidden.material,
        "alike": hidden.alike,
    }


def _box(mask: npt.NDArray[np.bool_], row: int, column: int) -> list[int]:
    """COCO box (x, y, width, height) of a mask whose corner lies at (row, column)."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return [
        int(column + columns[0]),
        int(row + rows[0]),
        int(columns[-1] - columns[0] + 1),
        int(rows[-1] - rows[0] + 1),
    ]


def _write_json(path: Path, value: object) -> None:
    write_atomically(path, json.dumps(value).encode())


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise ScanSetError(f"{path}: expected what `nii simulate` wrote, came {error}; remove the set") from None
