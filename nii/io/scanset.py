"""Scan sets: COCO annotations beside scans, the MVTec folder layout, and plain folders of scans."""

import glob
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from nii.errors import NiiError, ScanSetError
from nii.io.picture import Metadata, Pitch, parse_metadata
from nii.io.read import SNIFFED, read_scan, sniff, split_pair
from nii.io.write import write_atomically
from nii.scan import Scan, check_size

ANNOTATIONS = "annotations.json"
SCAN_SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".npy", ".dcs", ".dcm")
GOOD = "good"  # name of the benign folders of the MVTec layout
MASK_DECODER_LIMIT = 1 << 26  # bytes of a mask file; a mask of 45 million pixels deflates to far less

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One concealment. box: (x, y, w, h) in pixels, None where only a mask tells (MVTec layout).

    area: pixels of the concealment. dprime: detectability for an observer who knows the background.
    material: its class, such as "organic" or "heavy metal"; None where the set doesn't say.
    """

    family: str
    box: Box | None = None
    mass_kg: float | None = None
    dprime: float | None = None
    area: int | None = None
    material: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanEntry:
    """One scan of a set, not yet read. A scan without annotations is benign.

    name: file name without folders and suffix. open_beam: counts, one per energy or one for all.
    load_kg: mass of the cargo. size: (rows, columns) if the annotations tell. split: "train" or "test" in the MVTec
    layout.
    """

    name: str
    path: Path
    mask_path: Path | None = None
    annotations: tuple[Annotation, ...] = ()
    cargo: str | None = None
    load_kg: float | None = None
    scanner: str | None = None
    pitch_mm: Pitch | None = None
    energies: tuple[str, ...] = ()
    open_beam: tuple[float, ...] = ()
    size: tuple[int, int] | None = None
    split: str = ""

    @property
    def concealed(self) -> bool:
        """True if something in this scan should not be there."""
        return bool(self.annotations)

    @property
    def metadata(self) -> Metadata:
        """What the set says about the scan's acquisition."""
        return Metadata(
            open_beam=self.open_beam,
            pitch_mm=self.pitch_mm,
            energies=self.energies,
            scanner=self.scanner,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanSet:
    """The entries of a set in the order of its annotations, and its family names, sorted."""

    path: Path
    entries: tuple[ScanEntry, ...]
    families: tuple[str, ...]

    @property
    def benign(self) -> tuple[ScanEntry, ...]:
        """Entries without a concealment."""
        return tuple(entry for entry in self.entries if not entry.concealed)

    @property
    def concealed(self) -> tuple[ScanEntry, ...]:
        """Entries with at least one concealment."""
        return tuple(entry for entry in self.entries if entry.concealed)


def read_set(path: str | Path) -> ScanSet:
    """The scan set in a folder: COCO (annotations.json) or MVTec (train/good, test/good, test/<defect>).

    Raises ScanSetError for anything else, a plain folder of scans included: it says nothing of what
    is benign (`list_scans` lists one).
    """
    folder = Path(path)
    if (folder / ANNOTATIONS).is_file():
        return _read_coco(folder)
    if (folder / "train" / GOOD).is_dir() or (folder / "test").is_dir():
        return _read_mvtec(folder)
    came = "a folder without them" if folder.is_dir() else "no such folder"
    raise ScanSetError(f"{path}: expected {ANNOTATIONS} or train/good and test/, came {came}")


def read_entry(entry: ScanEntry) -> Scan:
    """The scan of an entry; the set's metadata fills what its file lacks. Raises ScanError."""
    return read_scan(entry.path, known=entry.metadata)


def read_mask(entry: ScanEntry, shape: tuple[int, int] | None = None) -> npt.NDArray[np.bool_]:
    """Where the concealments are: bool (row, column), all false for a benign scan without a mask.

    shape: rows and columns of the scan; default: what the annotations say. Raises ScanSetError.
    """
    expected = shape or entry.size
    if entry.mask_path is None:
        if entry.concealed or expected is None:
            raise ScanSetError(f"{entry.name}: expected a mask, came none")
        return np.zeros(expected, dtype=bool)
    mask = _decode_mask(entry.mask_path)
    if expected is not None and mask.shape != expected:
        raise ScanSetError(f"{entry.mask_path}: expected a mask of {expected}, came {mask.shape}")
    return mask


def _decode_mask(path: Path) -> npt.NDArray[np.bool_]:
    data = _read_bytes(path, MASK_DECODER_LIMIT)
    if not data.startswith(b"\x89PNG\r\n\x1a\n") or len(data) < 24:
        raise ScanSetError(f"{path}: expected a PNG mask, came something else")
    _check_mask_size(int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big"), path)
    mask = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise ScanSetError(f"{path}: expected a PNG mask, came a damaged one")
    return np.asarray(mask > 0)


def _check_mask_size(width: int, height: int, path: Path) -> None:
    try:
        check_size(width, height, str(path))
    except NiiError as error:
        raise ScanSetError(str(error)) from None


def _read_bytes(path: Path, limit: int) -> bytes:
    try:
        if path.stat().st_size > limit:
            raise ScanSetError(f"{path}: expected at most {limit} bytes, came {path.stat().st_size}")
        return path.read_bytes()
    except OSError as error:
        raise ScanSetError(f"{path}: expected a readable file, came: {error.strerror}") from None


# COCO


def _read_coco(folder: Path) -> ScanSet:
    path = folder / ANNOTATIONS
    try:
        table = json.loads(_read_bytes(path, 1 << 30))
    except (ValueError, RecursionError) as error:
        raise ScanSetError(f"{path}: expected JSON, came: {error}") from None
    if not isinstance(table, dict):
        raise ScanSetError(f"{path}: expected an object with images, came {type(table).__name__}")
    families = {_id(row, path): _field(row, "name", str, path) for row in _rows(table, "categories", path)}
    by_image = _annotations_by_image(table, families, path)
    images = _rows(table, "images", path, needed=True)
    known = {_id(row, path) for row in images}
    if len(known) != len(images):
        raise ScanSetError(f"{path}: expected a different id for each image, came repeated ones")
    strays = sorted(by_image.keys() - known)
    if strays:
        raise ScanSetError(f"{path}: expected annotations of listed images, came image_id {strays[0]}")
    entries = tuple(_entry(row, tuple(by_image.get(_id(row, path), ())), folder) for row in images)
    return ScanSet(path=folder, entries=entries, families=tuple(sorted(set(families.values()))))


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
    for row in _rows(table, "annotations", path):
        category = _field(row, "category_id", int, path)
        if category not in families:
            raise ScanSetError(f"{path}: expected a category of the list, came category_id {category}")
        by_image.setdefault(_field(row, "image_id", int, path), []).append(
            Annotation(
                family=families[category],
                box=_box(row.get("bbox"), path),
                mass_kg=_number(row, "mass_kg", path),
                dprime=_number(row, "ideal_observer_dprime", path),
                area=None if row.get("area") is None else round(_number(row, "area", path) or 0),
                material=None if row.get("material") is None else _field(row, "material", str, path),
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
        name=scan.stem,
        path=scan,
        mask_path=mask,
        annotations=annotations,
        cargo=cargo,
        load_kg=_number(row, "load_kg", path),
        scanner=metadata.scanner,
        pitch_mm=metadata.pitch_mm,
        energies=metadata.energies,
        open_beam=metadata.open_beam,
        size=size if all(isinstance(side, int) for side in size) else None,  # type: ignore[arg-type] # checked
    )


def _inside(folder: Path, name: str) -> Path:
    """A path of the set. Raises ScanSetError for one that leads out of its folder."""
    inner = Path(name)
    if inner.is_absolute() or ".." in inner.parts or not name:
        raise ScanSetError(f"{folder / ANNOTATIONS}: expected a path inside the set, came {name!r:.60}")
    return folder / inner


# MVTec


def _read_mvtec(folder: Path) -> ScanSet:
    entries = [
        entry
        for split in ("train", "test")
        for defect in _folders(folder / split)
        for entry in _mvtec_entries(folder, split, defect)
    ]
    if not entries:
        raise ScanSetError(f"{folder}: expected scans in train/good or test/<defect>, came none")
    families = {note.family for entry in entries for note in entry.annotations}
    return ScanSet(path=folder, entries=tuple(entries), families=tuple(sorted(families)))


def _folders(path: Path) -> list[str]:
    return sorted(child.name for child in path.iterdir() if child.is_dir()) if path.is_dir() else []


def _mvtec_entries(folder: Path, split: str, defect: str) -> Iterator[ScanEntry]:
    for path in _scans_in(folder / split / defect):
        masks = folder / "ground_truth" / defect
        candidates = (masks / f"{path.stem}_mask.png", masks / f"{path.stem}.png")
        yield ScanEntry(
            name=f"{defect}/{path.stem}",  # numbers start again in every folder
            path=path,
            mask_path=next((mask for mask in candidates if mask.is_file()), None),
            annotations=() if defect == GOOD else (Annotation(family=defect),),
            split=split,
        )


# Plain folders


def list_scans(source: str | Path) -> list[str]:
    """What to read for one argument of a command: a file, a pair, a folder (with subfolders) or a glob.

    A folder with annotations.json or the MVTec layout gives its scans without masks. In other
    folders a file counts as a scan by its content or, so that a broken one is reported and not
    passed over, by its suffix. Raises ScanSetError if there is nothing.
    """
    name = str(source)
    path = Path(name)
    if path.is_dir():
        found = _listed_in(path)
    elif os.path.lexists(name) or len(split_pair(name)) == 2 or not glob.has_magic(name):
        return [name]
    else:
        found = sorted(match for match in glob.glob(name, recursive=True) if Path(match).is_file())  # noqa: PTH207 - Path.glob refuses absolute patterns
    if not found:
        raise ScanSetError(f"{name}: expected scans, came none")
    return found


def _listed_in(folder: Path) -> list[str]:
    if (folder / ANNOTATIONS).is_file() or (folder / "train" / GOOD).is_dir():
        return [str(entry.path) for entry in read_set(folder).entries]
    return [str(path) for path in _scans_in(folder)]


def _scans_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if _looks_like_scan(path))


def _looks_like_scan(path: Path) -> bool:
    if path.name.startswith(".") or not path.is_file():
        return False
    if path.suffix.lower() in SCAN_SUFFIXES:
        return True
    try:
        with path.open("rb") as file:
            return sniff(file.read(SNIFFED)) is not None
    except OSError:
        return False  # neither its name nor its content says that it is a scan


# Writing


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
    more = {"ideal_observer_dprime": note.dprime, "material": note.material}
    return row | {key: value for key, value in more.items() if value is not None}


def _relative(path: Path, folder: Path) -> str:
    try:
        return path.relative_to(folder).as_posix()
    except ValueError:
        raise ScanSetError(f"{path}: expected a file inside {folder}, came one outside") from None
