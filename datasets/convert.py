"""Public X-ray sets as scan sets: `python datasets/convert.py LAYOUT SOURCE OUT [--part P] [--categories A B]`.

Nothing is downloaded: SOURCE is the unpacked set. Each part of it (train, test, ...) becomes a scan set OUT/PART
with annotations.json, scans/ and, where the source has outlines, masks/. Scans are the files of the source, byte
for byte (hard links where the file system allows). Layouts, their sources and terms: public-sets.md.
"""

import argparse
import csv
import json
import math
import os
import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import numpy.typing as npt
from rich.progress import track

from nii.errors import NiiError, ScanSetError
from nii.io.picture import LARGEST_FILE, foreign
from nii.io.read import read_scan
from nii.io.scanset import Annotation, Box, ScanEntry, write_set
from nii.io.write import write_mask

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Item:
    """What a source says of one thing: its category, its box, its outline as COCO writes it (polygons, run lengths)."""

    category: str
    box: Box | None = None
    outline: Any = None


@dataclass(frozen=True)
class Labelled:
    """One picture of a source and the things that should not be in it. name: file name in the scan set."""

    path: Path
    items: tuple[Item, ...] = ()
    name: str = ""
    cargo: str | None = None


Parts = Iterator[tuple[str, list[Labelled]]]


@dataclass(frozen=True)
class Layout:
    """A public set: its name, its terms in a line (they travel with the set), and its reader."""

    title: str
    terms: str
    read: Callable[[Path], Parts]


# Readers, one per layout. Each yields the parts of a source.


def sixray(source: Path) -> Parts:
    """ImageSet/{10,100,1000}/{train,test}.csv, Annotation/NAME.xml (Pascal VOC), NAME.jpg in any folder.

    A table has a column per class: 1 there, -1 not there.
    """
    tables = sorted(source.glob("ImageSet/*/*.csv"))
    _needed(tables, source, "ImageSet/10/train.csv")
    pictures = {path.stem: path for path in source.rglob("*.jpg")}
    for table in tables:
        with foreign(str(table), "a column name, then 1 or -1 per class"):
            rows = {row.pop("name"): row for row in csv.DictReader(_text(table).splitlines())}
            found = {name: _there(row) for name, row in rows.items()}
        yield (
            f"{table.parent.name}-{table.stem}",
            [
                Labelled(pictures.get(name, source / f"{name}.jpg"), _sixray_items(source, name, classes))
                for name, classes in found.items()
            ],
        )


def _there(row: dict[str, str]) -> list[str]:
    return [name for name, value in row.items() if int(value) == 1]


def _sixray_items(source: Path, name: str, classes: list[str]) -> tuple[Item, ...]:
    """Boxes where they were drawn, else the classes of the table, which has no column for hammers."""
    path = source / "Annotation" / f"{name}.xml"
    boxes = _voc(path) if path.is_file() else ()
    positive = name.startswith("P")  # the others start with N
    return boxes or tuple(map(Item, classes or ["Hammer"] * positive))


def _voc(path: Path) -> tuple[Item, ...]:
    """The objects of a Pascal VOC file."""
    text = _text(path)
    if "<!DOCTYPE" in text:
        raise ScanSetError(f"{path}: expected Pascal VOC without a document type, came one with it")
    with foreign(str(path), "Pascal VOC objects with name and bndbox"):
        objects = ET.fromstring(text).iter("object")  # noqa: S314 - entities need a document type
        return tuple(
            Item(_word(one.findtext("name")), _corners(*(one.findtext(f"bndbox/{side}") for side in VOC_SIDES)))
            for one in objects
        )


VOC_SIDES = ("xmin", "ymin", "xmax", "ymax")


def pidray(source: Path) -> Parts:
    """annotations/xray_{train,test_easy,test_hard,test_hidden}.json (COCO) and {train,easy,hard,hidden}/*.png."""
    tables = sorted(source.glob("annotations/xray_*.json"))
    _needed(tables, source, "annotations/xray_train.json")
    for table in tables:
        part = table.stem.removeprefix("xray_").removeprefix("test_")
        yield part, _coco(table, [source / part])


def coco_folder(source: Path) -> Parts:
    """annotations/PART_coco.json or PART.json; pictures in SOURCE, images/, PART/, images/PART/ or images_PART/."""
    tables = sorted(source.glob("annotations/*.json"))
    _needed(tables, source, "annotations/PART.json in COCO format (see public-sets.md)")
    for table in tables:
        part = table.stem.removesuffix("_coco")
        folders = ["", "images", part, f"images/{part}", f"images_{part}"]
        yield part, _coco(table, [source / folder for folder in folders])


def _coco(table: Path, folders: Sequence[Path]) -> list[Labelled]:
    """The pictures of a COCO file, each looked for in these folders in turn."""
    with foreign(str(table), "COCO: images, annotations, categories"):
        rows = json.loads(_text(table))
        categories = {row["id"]: _word(row["name"]) for row in rows["categories"]}
        items: dict[int, list[Item]] = defaultdict(list)
        for row in rows["annotations"]:
            x, y, w, h = row["bbox"]
            item = Item(categories[row["category_id"]], _corners(x, y, x + w, y + h), row.get("segmentation"))
            items[row["image_id"]].append(item)
        return [
            Labelled(_found(_inner(row["file_name"]), folders), tuple(items[row["id"]]), _flat(row["file_name"]))
            for row in rows["images"]
        ]


def _inner(name: str) -> Path:
    path = Path(name)
    if path.is_absolute() or ".." in path.parts:
        raise ScanSetError(f"{name!r:.60}: expected a file inside the set, came one outside")
    return path


def _found(name: Path, folders: Sequence[Path]) -> Path:
    """Where a picture lies: under its whole name, or under its last part; the first place if nowhere."""
    places = [folder / path for path in (name, name.name) for folder in folders]
    return next((place for place in places if place.is_file()), places[0])


def _flat(name: str) -> str:
    return name.replace("/", "-")


def beihang(source: Path) -> Parts:
    """{train,test}/{train,test}_annotation/NAME.txt beside {train,test}_image/NAME.jpg (OPIXray, HiXray).

    A line: picture, category, x1, y1, x2, y2. An empty file says that nothing is there.
    """
    tables = {part: sorted(source.glob(f"{part}/{part}_annotation/*.txt")) for part in ("train", "test")}
    _needed([path for paths in tables.values() for path in paths], source, "train/train_annotation/NAME.txt")
    for part, notes in tables.items():
        folder = source / part / f"{part}_image"
        pictures = {path.stem: path for path in folder.glob("*")}
        if notes:
            yield part, [Labelled(pictures.get(one.stem, folder / f"{one.stem}.jpg"), _lines(one)) for one in notes]


def _lines(path: Path) -> tuple[Item, ...]:
    items = []
    for line in filter(str.strip, _text(path).splitlines()):
        with foreign(str(path), "picture, category, x1, y1, x2, y2 in a line"):
            _, category, *sides = line.split()
            items.append(Item(category, _corners(*sides)))
    return tuple(items)


def gdxray(source: Path) -> Parts:
    """GROUP/SERIES/SERIES_0001.png and GROUP/SERIES/ground_truth.txt: number, x1, x2, y1, y2 in a row.

    Pictures without a box are left out: nothing says that they hold nothing. The category is always "object".
    """
    tables = sorted(source.resolve().rglob("ground_truth.txt"))
    _needed(tables, source, "Baggages/B0046/ground_truth.txt")
    groups: dict[str, list[Labelled]] = defaultdict(list)
    for table in tables:
        series = table.parent
        boxes: dict[int, list[Item]] = defaultdict(list)
        for line in filter(str.strip, _text(table).splitlines()):
            with foreign(str(table), "number, x1, x2, y1, y2 in a row"):
                number, x1, x2, y1, y2 = map(float, line.split())
                boxes[int(number)].append(Item("object", _corners(x1, y1, x2, y2)))
        groups[series.parent.name] += [
            Labelled(series / f"{series.name}_{number:04d}.png", tuple(items)) for number, items in boxes.items()
        ]
    yield from groups.items()


def compass_xp(source: Path) -> Parts:
    """meta.txt, a table with tabs (basename, class, dangerous, ...), and Colour/NNNN.png.

    One thing in a tray per scan: concealed if the table calls it dangerous, else benign with it as cargo. No boxes.
    """
    table = source / "meta.txt"
    _needed([table] if table.is_file() else [], source, "meta.txt")
    pictures = []
    for row in csv.DictReader(_text(table).splitlines(), delimiter="\t"):
        with foreign(str(table), "columns basename, class and dangerous (True or False)"):
            path = source / "Colour" / f"{_word(row['basename']):0>4}.png"
            dangerous = {"true": True, "false": False}[row["dangerous"].strip().lower()]
            kind = _word(row["class"])
        pictures.append(Labelled(path, (Item(kind),) if dangerous else (), cargo=None if dangerous else kind))
    yield "colour", pictures


def _needed(paths: Sequence[Path], source: Path, expected: str) -> None:
    if not paths:
        came = "a folder without it" if source.is_dir() else "no such folder"
        raise ScanSetError(f"{source}: expected {expected}, came {came}")


def _text(path: Path) -> str:
    if path.stat().st_size > LARGEST_FILE:
        raise ScanSetError(f"{path}: expected at most {LARGEST_FILE} bytes, came {path.stat().st_size}")
    with foreign(str(path), "UTF-8 text"):
        return path.read_text(encoding="utf-8-sig")


def _word(text: str | None) -> str:
    if not text or not text.strip():
        raise ValueError("an empty name")
    return text.strip()


def _corners(*sides: Any) -> Box:
    """(x, y, w, h), rounded outwards, from x1, y1, x2, y2, whichever corner comes first."""
    x1, y1, x2, y2 = map(float, sides)
    if not math.isfinite(x1 + y1 + x2 + y2):
        raise ValueError(f"box sides {sides}")
    left, top = math.floor(min(x1, x2)), math.floor(min(y1, y2))
    return left, top, math.ceil(max(x1, x2)) - left, math.ceil(max(y1, y2)) - top


LAYOUTS = {
    "cargox": Layout("CargoX", "licence not stated; access on request", coco_folder),
    "miro": Layout("MIRO cargo", "each source under its own terms, some not stated", coco_folder),
    "sixray": Layout("SIXray", "academic use only, no commercial use", sixray),
    "pidray": Layout("PIDray", "academic use only, no commercial use", pidray),
    "opixray": Layout("OPIXray", "academic use only, no commercial use", beihang),
    "hixray": Layout("HiXray", "academic use only", beihang),
    "gdxray": Layout("GDXray+", "research and education only, no redistribution, no commercial use", gdxray),
    "compass-xp": Layout("COMPASS-XP", "terms as on its Zenodo page", compass_xp),
}


# Writing


def convert(layout: Layout, source: Path, out: Path, parts: Sequence[str], categories: Sequence[str]) -> int:
    """Write the parts (all if none is named); the number of pictures left out. Raises ScanSetError for another layout.

    categories: what counts as concealed; a picture with none of these is benign. All if none is named.
    """
    left_out, names = 0, []
    for part, pictures in layout.read(source):
        names.append(part)
        if not parts or part in parts:
            chosen = [_only(picture, categories) for picture in pictures] if categories else pictures
            left_out += _write_part(chosen, out / part, f"{layout.title}, {part}; {layout.terms}")
    unknown = sorted(set(parts) - set(names))
    if unknown:
        raise ScanSetError(f"{source}: expected a part of {', '.join(names)}, came {unknown[0]}")
    return left_out


def _only(picture: Labelled, categories: Sequence[str]) -> Labelled:
    return replace(picture, items=tuple(item for item in picture.items if item.category in categories))


def _write_part(pictures: list[Labelled], folder: Path, description: str) -> int:
    """One scan set; pictures that can't be used are left out and counted."""
    if folder.exists():
        raise ScanSetError(f"{folder}: expected a folder that isn't there yet, came one that is")
    (folder / "scans").mkdir(parents=True)
    entries: dict[str, ScanEntry] = {}
    errors = []
    for picture in track(pictures, description=folder.name, disable=not sys.stderr.isatty(), transient=True):
        try:
            entry = _entry(picture, folder)
            if entry.name in entries:
                raise ScanSetError(f"{picture.path}: expected a name of its own, came {entry.name} twice")
            _place(picture, entry)
            entries[entry.name] = entry
        except NiiError as error:
            errors.append(str(error))
    if entries:
        write_set(folder, list(entries.values()), description=description)
    concealed = sum(entry.concealed for entry in entries.values())
    print(f"{folder}: {len(entries)} scans, {concealed} concealed, {len(entries) - concealed} benign ({description})")
    if errors:
        print(f"{folder}: left out {len(errors)} of {len(pictures)}, the first: {errors[0]}", file=sys.stderr)
    return len(errors)


def _entry(picture: Labelled, folder: Path) -> ScanEntry:
    """The entry of a picture that can be read; nothing is written yet."""
    shape = read_scan(picture.path).shape
    name = Path(picture.name or picture.path.name)
    outlined = bool(picture.items) and all(item.outline for item in picture.items)
    return ScanEntry(
        name=name.stem,
        path=folder / "scans" / name,
        mask_path=folder / "masks" / f"{name.stem}.png" if outlined else None,
        annotations=tuple(_annotation(item, shape, picture.path) for item in picture.items),
        cargo=picture.cargo,
        size=shape,
    )


def _annotation(item: Item, shape: tuple[int, int], path: Path) -> Annotation:
    if item.box is None:
        return Annotation(family=item.category)
    x, y, w, h = item.box
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + w, shape[1]), min(y + h, shape[0])
    if left >= right or top >= bottom:
        raise ScanSetError(f"{path}: expected a box inside {shape[1]}x{shape[0]}, came {list(item.box)}")
    return Annotation(family=item.category, box=(left, top, right - left, bottom - top))


def _place(picture: Labelled, entry: ScanEntry) -> None:
    """Put the mask, if there are outlines, and then the scan where the entry says."""
    if entry.mask_path:
        with foreign(str(picture.path), "outlines as COCO writes them"):
            masks = [outline(item.outline, entry.size or (0, 0)) for item in picture.items]
        entry.mask_path.parent.mkdir(exist_ok=True)
        write_mask(entry.mask_path, np.any(masks, axis=0))
    try:
        os.link(picture.path.resolve(), entry.path)
    except OSError:  # another file system, or one without links
        shutil.copyfile(picture.path, entry.path)


def outline(segmentation: Any, shape: tuple[int, int]) -> Mask:
    """Bool (row, column) from COCO: polygons [x1, y1, x2, y2, ...], or run lengths down the columns, outside first."""
    if not isinstance(segmentation, dict):
        return _filled(segmentation, shape)
    counts = segmentation["counts"]
    runs = run_lengths(counts) if isinstance(counts, str) else counts
    if tuple(segmentation["size"]) != shape or min(runs) < 0 or sum(runs) != shape[0] * shape[1]:
        raise ValueError(f"run lengths that don't fill {shape[1]}x{shape[0]}")
    inside = np.arange(len(runs)) % 2 == 1
    return np.ascontiguousarray(np.repeat(inside, runs).reshape(shape[::-1]).T)


def _filled(polygons: Sequence[Sequence[float]], shape: tuple[int, int]) -> Mask:
    """Pixels whose middle lies in a polygon: a ray from it to the right crosses an odd number of edges."""
    mask = np.zeros(shape, bool)
    x = np.arange(shape[1]) + 0.5
    for polygon in polygons:
        inside = np.zeros(shape, bool)
        points = np.reshape(np.asarray(polygon, float), (-1, 2))
        for (x1, y1), (x2, y2) in zip(points, np.roll(points, 1, axis=0), strict=True):
            rows = np.arange(*np.clip(np.ceil(np.sort((y1, y2)) - 0.5), 0, shape[0]), dtype=int)
            if rows.size:
                inside[rows] ^= x < (x1 + (rows + 0.5 - y1) * (x2 - x1) / (y2 - y1))[:, None]
        mask |= inside
    return mask


def run_lengths(text: str) -> list[int]:
    """The runs of a compressed COCO mask.

    Five bits a character, lowest first, the sixth says that more follow; from the fourth run on the difference to
    the run before the last. Source: cocoapi, common/maskApi.c, rleFrString.
    """
    runs: list[int] = []
    value = shift = 0
    for code in text.encode("ascii"):
        bits = code - 48
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            value -= (1 << shift) * bool(bits & 16)  # negative
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    return runs


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 done, 1 some pictures were left out, 2 wrong usage or another layout."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("layout", choices=LAYOUTS)
    parser.add_argument("source", type=Path, metavar="SOURCE", help="the unpacked set")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for the scan sets")
    parser.add_argument("--part", action="append", default=[], help="only this part; may be repeated")
    parser.add_argument("--categories", nargs="+", default=[], help="only these count as concealed")
    options = parser.parse_args(arguments)
    try:
        left_out = convert(LAYOUTS[options.layout], options.source, options.out, options.part, options.categories)
    except NiiError as error:
        print(error, file=sys.stderr)
        return 2
    return 1 if left_out else 0


if __name__ == "__main__":
    sys.exit(main())
