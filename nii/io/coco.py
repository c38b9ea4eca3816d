"""Scan sets with annotations in COCO's form: SET/annotations.json."""

import json
import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nii.errors import ScanSetError
from nii.io.entries import Annotation, Box, ScanEntry, ScanSet, distinct, means_benign
from nii.io.masks import read_bytes
from nii.io.picture import parse_metadata
from nii.io.write import write_atomically
from nii.names import printable

ANNOTATIONS = "annotations.json"
LARGEST_TABLE = 1 << 30  # bytes
SLACK = 1  # pixels that a box may reach beyond its image: boxes are rounded outwards


def read_coco(folder: Path) -> ScanSet:
    """The set of a folder with annotations.json.

    An annotation of a category that means benign, such as "normal", is none. Raises ScanSetError, one line that
    names the file, for ids and files that come twice, and for boxes outside their image.
    """
    path = folder / ANNOTATIONS
    table = _table(path)
    families = _families(table, path)
    by_image = _annotations_by_image(table, families, path)
    images = _rows(table, "images", path, needed=True)
    known = [_id(row, path) for row in images]
    _check_once(known, "id", "image", path)
    strays = sorted(by_image.keys() - set(known))
    if strays:
        raise ScanSetError(f"{path}: expected annotations of listed images, came image_id {strays[0]}")
    entries = [_entry(row, tuple(by_image.get(number, ())), folder) for number, row in zip(known, images, strict=True)]
    _check_once((entry.path for entry in entries), "file_name", "image", path)
    for entry in entries:
        check_boxes(entry, entry.size, path)
    concealed = {family for family in families.values() if not means_benign(family)}
    return ScanSet(path=folder, entries=distinct(entries, folder), families=tuple(sorted(concealed)))


def _table(path: Path) -> dict[str, Any]:
    try:
        table = json.loads(read_bytes(path, LARGEST_TABLE))
    except (ValueError, RecursionError) as error:
        raise ScanSetError(f"{path}: expected JSON, came: {error}") from None
    if not isinstance(table, dict):
        raise ScanSetError(f"{path}: expected an object with images, came {type(table).__name__}")
    return table


def _families(table: Mapping[str, Any], path: Path) -> dict[int, str]:
    rows = _rows(table, "categories", path)
    _check_once((_id(row, path) for row in rows), "id", "category", path)
    return {_id(row, path): _field(row, "name", str, path) for row in rows}


def _check_once(values: Iterable[Hashable], what: str, of: str, path: Path) -> None:
    seen: set[Hashable] = set()
    for value in values:
        if value in seen:
            raise ScanSetError(f"{path}: expected a different {what} for each {of}, came {value} twice")
        seen.add(value)


def check_boxes(entry: ScanEntry, size: tuple[int, int] | None, said_by: Path) -> None:
    """Raise ScanSetError for a box outside an image of this size (rows, columns); None: unknown."""
    for box in (note.box for note in entry.annotations if note.box and size):
        rows, columns = size or (0, 0)
        x, y, w, h = box
        if not (x >= -SLACK and x + w <= columns + SLACK and y >= -SLACK and y + h <= rows + SLACK):
            raise ScanSetError(
                f"{said_by}: expected boxes [x, y, w, h] inside {entry.path.name} of {columns}x{rows} pixels, "
                f"came {list(box)}"
            )


def _rows(table: Mapping[str, Any], key: str, path: Path, *, needed: bool = False) -> list[Mapping[str, Any]]:
    rows = table.get(key, None if needed else [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ScanSetError(f"{path}: expected a list of objects in {key}, came {type(rows).__name__}")
    return rows


def _field(row: Mapping[str, Any], key: str, kind: type[Any], path: Path) -> Any:
    value = row.get(key)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ScanSetError(f"{path}: expected {key} of type {kind.__name__}, came {value!r:.60}")
    return value


def _id(row: Mapping[str, Any], path: Path) -> int:
    return int(_field(row, "id", int, path))


def _annotations_by_image(
    table: Mapping[str, Any], families: Mapping[int, str], path: Path
) -> dict[int, list[Annotation]]:
    by_image: dict[int, list[Annotation]] = {}
    rows = _rows(table, "annotations", path)
    _check_once((row["id"] for row in rows if isinstance(row.get("id"), int)), "id", "annotation", path)
    for row in rows:
        category = _field(row, "category_id", int, path)
        if category not in families:
            raise ScanSetError(f"{path}: expected a category of the list, came category_id {category}")
        notes = by_image.setdefault(_field(row, "image_id", int, path), [])
        if means_benign(families[category]):
            continue
        notes.append(
            Annotation(
                family=families[category],
                box=_box(row.get("bbox"), path),
                mass_kg=_number(row, "mass_kg", path),
                dprime=_number(row, "ideal_observer_dprime", path),
                area=None if row.get("area") is None else round(_number(row, "area", path) or 0),
                material=None if row.get("material") is None else _field(row, "material", str, path),
                alike=row.get("alike") is True,
            )
        )
    return by_image


def _number(row: Mapping[str, Any], key: str, path: Path) -> float | None:
    value = row.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ScanSetError(f"{path}: expected a number for {key}, came {value!r:.60}")
    return float(value)


def _box(value: Any, path: Path) -> Box | None:
    """(x, y, w, h) in whole pixels, rounded outwards."""
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 4:
        raise ScanSetError(f"{path}: expected bbox as [x, y, w, h], came {value!r:.60}")
    sides = [_number({"bbox": side}, "bbox", path) for side in value]
    x, y, w, h = (math.nan if side is None else side for side in sides)
    if not (w > 0 and h > 0 and x == x and y == y):
        raise ScanSetError(f"{path}: expected bbox as [x, y, w, h] of some area, came {value!r:.60}")
    left, top = math.floor(x), math.floor(y)
    return left, top, math.ceil(x + w) - left, math.ceil(y + h) - top


def _entry(row: Mapping[str, Any], annotations: tuple[Annotation, ...], folder: Path) -> ScanEntry:
    path = folder / ANNOTATIONS
    scan = _inside(folder, _field(row, "file_name", str, path))
    mask = None if row.get("mask") is None else _inside(folder, _field(row, "mask", str, path))
    cargo = None if row.get("cargo") is None else _field(row, "cargo", str, path)
    metadata = parse_metadata(row, f"{path}: {row['file_name']}", ScanSetError)
    size = (row.get("height"), row.get("width"))
    return ScanEntry(
        name=printable(scan.stem),
        path=scan,
        mask_path=mask,
        annotations=annotations,
        cargo=cargo,
        load_kg=_number(row, "load_kg", path),
        scanner=metadata.scanner,
        pitch_mm=metadata.pitch_mm,
        energies=metadata.energies,
        open_beam=metadata.open_beam,
        size=size if all(isinstance(side, int) and side > 0 for side in size) else None,  # type: ignore[arg-type] # checked
    )


def _inside(folder: Path, name: str) -> Path:
    """A path of the set, written as on Windows or not. Raises ScanSetError for one that leads out of its folder."""
    inner = Path(name if "\\" not in name or (folder / name).exists() else name.replace("\\", "/"))
    if inner.is_absolute() or ".." in inner.parts or not name:
        raise ScanSetError(f"{folder / ANNOTATIONS}: expected a path inside the set, came {name!r:.60}")
    return folder / inner


def write_set(path: str | Path, entries: Sequence[ScanEntry], *, description: str = "") -> None:
    """Write annotations.json for scans and masks that lie in the folder already.

    Replaced in one step, so that a reader never sees half of it. Raises ScanSetError for an entry
    that lies outside the folder.
    """
    folder = Path(path)
    families = sorted({note.family for entry in entries for note in entry.annotations})
    numbers = {family: number for number, family in enumerate(families, start=1)}
    notes = [(index, note) for index, entry in enumerate(entries) for note in entry.annotations]
    table = {
        "info": {"description": description},
        "images": [_image_row(number, entry, folder) for number, entry in enumerate(entries)],
        "annotations": [_annotation_row(number, image, note, numbers) for number, (image, note) in enumerate(notes)],
        "categories": [{"id": number, "name": family} for family, number in numbers.items()],
    }
    write_atomically(folder / ANNOTATIONS, (json.dumps(table, indent=1) + "\n").encode())


def _image_row(number: int, entry: ScanEntry, folder: Path) -> dict[str, Any]:
    rows, columns = entry.size or (None, None)
    levels = list(entry.open_beam)
    return {
        "id": number,
        "file_name": _relative(entry.path, folder),
        "width": columns,
        "height": rows,
        "cargo": entry.cargo,
        "load_kg": entry.load_kg,
        "pitch_mm": list(entry.pitch_mm) if entry.pitch_mm else None,
        "energies": list(entry.energies) or None,
        "open_beam": levels[0] if len(levels) == 1 else levels or None,
        "scanner": entry.scanner,
        "mask": None if entry.mask_path is None else _relative(entry.mask_path, folder),
    }


def _annotation_row(number: int, image: int, note: Annotation, numbers: Mapping[str, int]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": number,
        "image_id": image,
        "category_id": numbers[note.family],
        "bbox": list(note.box) if note.box else None,
        "area": note.area,
        "iscrowd": 0,
        "mass_kg": note.mass_kg,
    }
    more = {"ideal_observer_dprime": note.dprime, "material": note.material, "alike": note.alike or None}
    return row | {key: value for key, value in more.items() if value is not None}


def _relative(path: Path, folder: Path) -> str:
    try:
        return path.relative_to(folder).as_posix()
    except ValueError:
        raise ScanSetError(f"{path}: expected a file inside {folder}, came one outside") from None
