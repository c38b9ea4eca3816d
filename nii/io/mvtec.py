"""Scan sets in the folder layout of MVTec: train/good, test/good, test/DEFECT, ground_truth/DEFECT."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from nii.errors import ScanSetError
from nii.io.entries import Annotation, ScanEntry, ScanSet, distinct, means_benign
from nii.io.masks import is_mask
from nii.io.walk import is_folder, is_hidden, looks_like_scan, scans_in
from nii.names import printable

TRAIN, TEST, TRUTH = "train", "test", "ground_truth"
WANTED = "a folder of benign scans in train or test, called good, normal, ok, ..."
MASK_ENDING = re.compile(r"(?<![\s_-])[\s_-]*(mask|gt|label|ground[_-]?truth)$")


def is_mvtec(folder: Path) -> bool:
    """Whether a folder has this layout: benign scans in train or test, or test beside ground_truth."""
    halves = [half for half in (_child(folder, TRAIN), _child(folder, TEST)) if half]
    if any(means_benign(one.name) for half in halves for one in _folders(half)):
        return True
    return _child(folder, TEST) is not None and _child(folder, TRUTH) is not None


def read_mvtec(folder: Path) -> ScanSet:
    """The set of a folder in this layout; a folder is benign if its name says so, however it is written.

    Raises ScanSetError where no folder is, where scans lie beside the folders of test or train, and where masks
    belong to no scan.
    """
    halves = {split: _child(folder, split) for split in (TRAIN, TEST)}
    found = [
        entry
        for split, half in halves.items()
        if half is not None
        for entry in distinct(list(_half(folder, half, split)), folder)
    ]
    if not found:
        raise ScanSetError(f"{folder}: expected scans in train/good or test/<defect>, came none")
    families = tuple(sorted({note.family for entry in found for note in entry.annotations}))
    if all(entry.concealed for entry in found):
        raise ScanSetError(f"{folder}: expected {WANTED}, came {', '.join(families)}")
    return ScanSet(path=folder, entries=tuple(found), families=families)


def _half(folder: Path, half: Path, split: str) -> Iterator[ScanEntry]:
    beside = (path for path in sorted(half.iterdir()) if not is_hidden(path.name) and path.is_file())
    stray = next(filter(looks_like_scan, beside), None)
    if stray is not None:
        raise ScanSetError(f"{half}: expected a folder for each kind of scan, came the scan {stray.name}")
    for kind in _folders(half):
        yield from _kind(folder, kind, split)


def _kind(folder: Path, kind: Path, split: str) -> Iterator[ScanEntry]:
    """The scans of one folder, benign or of one defect."""
    benign = means_benign(kind.name)
    scans = scans_in(kind)
    masks = {} if benign else _masks(folder, kind, scans)
    for path in scans:
        yield ScanEntry(
            name=printable(f"{kind.name}/{path.relative_to(kind).with_suffix('').as_posix()}"),
            path=path,
            mask_path=masks.get(path),
            annotations=() if benign else (Annotation(family=printable(kind.name)),),
            split=split,
        )


def _masks(folder: Path, kind: Path, scans: list[Path]) -> dict[Path, Path]:
    """The mask of each scan of a defect, or the folder of its masks. Raises ScanSetError for masks of no scan."""
    truth = _child(folder, TRUTH)
    masks = _child(truth, kind.name) if truth else None
    if masks is None:
        return {}
    known = {_key(path, masks): path for path in sorted(masks.rglob("*")) if _is_mask_or_folder(path)}
    found = {path: known[key] for path in scans if (key := _key(path, kind)) in known}
    used = set(found.values())  # a mask is one of these, or lies in a folder that is
    strays = [path for path in known.values() if path.is_file() and not {path, path.parent} & used]
    if strays and len(found) < len(scans):
        raise ScanSetError(f"{masks}: expected masks called as the scans of {kind} are, came {strays[0].name}")
    return found


def _is_mask_or_folder(path: Path) -> bool:
    return not is_hidden(path.name) and (path.is_dir() or is_mask(path))


def _key(path: Path, folder: Path) -> str:
    """What a scan and its mask have in common: the path without suffix and "_mask", in small letters."""
    inner = path.relative_to(folder)
    name = path.name if path.is_dir() else path.stem
    return (inner.parent / MASK_ENDING.sub("", name.casefold())).as_posix().casefold()


def _child(folder: Path, name: str) -> Path | None:
    """The folder of this name in another, however it is written."""
    return next((one for one in _folders(folder) if one.name.casefold().replace("-", "_") == name.casefold()), None)


def _folders(path: Path) -> list[Path]:
    """Folders in a folder, by name; none of one that can't be read."""
    try:
        with os.scandir(path) as children:  # an archive may have a million files: no question is asked of each
            return sorted(path / child.name for child in children if _is_folder(child) and not is_hidden(child.name))
    except OSError:
        return []


def _is_folder(child: os.DirEntry[str]) -> bool:
    """As is_folder; only links are asked after anew, since a link that goes round is an error to DirEntry."""
    return is_folder(Path(child.path)) if child.is_symlink() else child.is_dir()
