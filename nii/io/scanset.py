"""Scan sets and plain folders: what a set is, which of its scans are benign, and what a command shall read.

Every command asks here. A set has annotations.json (`nii.io.coco`) or the layout of MVTec (`nii.io.mvtec`).
"""

import glob
import os
from pathlib import Path

from nii.errors import ScanError, ScanSetError
from nii.io.coco import ANNOTATIONS, check_boxes, read_coco, write_set
from nii.io.entries import Annotation, Box, ScanEntry, ScanSet, means_benign, means_concealed
from nii.io.marks import head_of, is_output
from nii.io.masks import read_mask
from nii.io.mvtec import TEST, is_mvtec, read_mvtec
from nii.io.read import Decode, decode_scan, read_scan, split_pair
from nii.io.remote import is_remote
from nii.io.walk import SCAN_SUFFIXES, SYSTEM, is_folder, matched, scans_in
from nii.scan import Scan

__all__ = [
    "ANNOTATIONS",
    "SCAN_SUFFIXES",
    "Annotation",
    "Box",
    "ScanEntry",
    "ScanSet",
    "SetsAround",
    "benign_entries",
    "is_set",
    "list_benign",
    "list_scans",
    "read_entry",
    "read_listed",
    "read_mask",
    "read_set",
    "write_set",
]

UNFINISHED = Path("unfinished", "recipe.json")  # of a set that `nii simulate` is still writing
OTHER_ANNOTATIONS = ("annotations", "instances")  # in the names of files that other tools write
DEEPEST = 3  # folders between a set and its scans


def is_set(folder: Path) -> bool:
    """Whether a folder says of its scans what is concealed in them."""
    return os.path.lexists(folder / ANNOTATIONS) or os.path.lexists(folder / UNFINISHED) or is_mvtec(folder)


def read_set(path: str | Path) -> ScanSet:
    """The scan set in a folder: COCO (annotations.json) or MVTec (train/good, test/good, test/<defect>).

    Raises ScanSetError for anything else, a plain folder of scans included: it says nothing of what
    is benign (`list_scans` lists one).
    """
    folder = Path(path)
    if os.path.lexists(folder / ANNOTATIONS):
        return read_coco(folder)
    if os.path.lexists(folder / UNFINISHED):
        raise ScanSetError(f"{path}: expected a finished scan set, came one that nii simulate has to go on with")
    if is_mvtec(folder) or os.path.isdir(folder / TEST):  # noqa: PTH112 - Path.is_dir raises for long names
        return read_mvtec(folder)
    came = "a folder without them" if os.path.isdir(folder) else "no such folder"  # noqa: PTH112
    raise ScanSetError(f"{path}: expected {ANNOTATIONS} or train/good and test/, came {came}")


def read_entry(entry: ScanEntry) -> Scan:
    """The scan of an entry; the set's metadata fills what its file lacks.

    Raises ScanError, also for a scan of another size than the set says, or with a box outside.
    """
    scan = read_scan(entry.path, known=entry.metadata)
    if entry.size not in (None, scan.shape):
        raise ScanError(f"{entry.path}: expected {entry.size} rows and columns as its set says, came {scan.shape}")
    try:
        check_boxes(entry, scan.shape, entry.path)
    except ScanSetError as error:
        raise ScanError(str(error)) from None
    return scan


def benign_entries(scans: ScanSet) -> tuple[ScanEntry, ...]:
    """The benign scans to set operating points on: of the MVTec layout those of train/, if it has some."""
    kept = tuple(entry for entry in scans.benign if entry.split != TEST)
    return kept or scans.benign


def list_benign(source: str, sets: "SetsAround") -> list[str | ScanEntry]:
    """The benign scans of one argument: of a set its entries, else what `list_scans` lists.

    sets: what is known already of the sets around scans, for all arguments of a command. Scans inside a set are what
    the set says of them, however they are named here. Raises ScanSetError for a scan that its set calls concealed,
    and for a folder that seems to hold other than benign scans.
    """
    folder = Path(source)
    if is_set(folder):
        return list(benign_entries(read_set(folder)))
    paths = list_scans(source)
    if os.path.isdir(source):  # noqa: PTH112 - Path.is_dir raises for long names
        _check_only_benign(folder, paths)
    said = [sets.said_of(path) for path in paths]
    wrong = [path for path, entry in zip(paths, said, strict=True) if entry is not None and entry.concealed]
    if wrong:
        raise ScanSetError(f"{wrong[0]}: expected a benign scan, came one that its set calls concealed")
    return [entry or path for path, entry in zip(paths, said, strict=True)]


def _check_only_benign(folder: Path, paths: list[str]) -> None:
    """Raise ScanSetError unless all folders below one may hold benign scans."""
    inner = [Path(path).relative_to(folder).parts[:-1] for path in paths]
    suspect = sorted({part for parts in inner for part in parts if means_concealed(part)})
    mixed = [any(map(means_benign, parts)) for parts in inner]
    labels = [
        str(path) for path in sorted(folder.rglob("*.json")) if any(word in path.name for word in OTHER_ANNOTATIONS)
    ]
    if any(mixed) and not all(mixed):
        suspect += [str(Path(*inner[mixed.index(False)]))]
    came = next(iter([*suspect, *labels]), None)
    if came is not None:
        raise ScanSetError(f"{folder}: expected benign scans alone, or a set that says which are, came {came} in it")


class SetsAround:
    """What sets say of scans that are named one by one; each set is read once."""

    def __init__(self) -> None:
        self.sets: dict[Path, ScanSet | None] = {}
        self.entries: dict[Path, ScanEntry] = {}
        self.masks: set[Path] = set()

    def said_of(self, name: str) -> ScanEntry | None:
        """The entry of a scan in the set around it; None if there is none. Raises ScanSetError for a mask."""
        path = Path(os.path.abspath(name))  # noqa: PTH100 - resolve would leave the set through a link
        for folder in list(path.parents)[:DEEPEST]:
            self._read(folder)
            if path in self.entries:
                return self.entries[path]
            folders = path.relative_to(folder).parts[:-1]
            if self.sets[folder] is not None and (path in self.masks or any(map(means_concealed, folders))):
                raise ScanSetError(f"{name}: expected a benign scan, came a mask of the set {folder}")
        return None

    def _read(self, folder: Path) -> None:
        if folder in self.sets:
            return
        found = self.sets[folder] = read_set(folder) if is_set(folder) else None
        for entry in found.entries if found else ():
            self.entries[entry.path] = entry
            if entry.mask_path is not None:
                self.masks.add(entry.mask_path)


def list_scans(source: str | Path) -> list[str]:
    """What to read for one argument of a command: a file, a pair, a folder (with subfolders) or a glob.

    A set gives its scans without masks. In other folders a file counts as a scan by its content or, so that a
    broken one is reported and not passed over, by its suffix (`nii.io.walk`). Raises ScanSetError if there is
    nothing.
    """
    name = str(source)
    if os.path.isdir(name):  # noqa: PTH112 - Path.is_dir raises for long names
        found = _listed_in(Path(name))
    elif not is_pattern(name):
        return [name]
    else:
        found = _matching(name)
    if not found:
        raise ScanSetError(f"{name}: expected scans, came none")
    return found


def is_pattern(name: str) -> bool:
    """Whether a name is a glob, and no file and no pair."""
    return glob.has_magic(name) and not os.path.lexists(name) and len(split_pair(name)) == 1


def _listed_in(folder: Path) -> list[str]:
    if is_set(folder):
        return [str(entry.path) for entry in read_set(folder).entries]
    return [str(path) for path in scans_in(folder)]


def _matching(pattern: str) -> list[str]:
    """What a glob matches, folders as the scans in them, each scan once however links lead to it."""
    found: dict[tuple[str, str], str] = {}
    for match in sorted(matched(pattern), key=lambda name: (len(name), name)):
        for one in _entered(match):
            if not SYSTEM & set(Path(one).parts) and not (one == match and is_output(head_of(Path(one)))):
                found.setdefault((os.path.realpath(Path(one).parent), Path(one).name), one)
    return sorted(found.values())


def _entered(match: str) -> list[str]:
    """A match, or the scans in it; of a folder that can't be read itself, so that its reader says why."""
    if not is_folder(Path(match)):
        return [match]
    try:
        return _listed_in(Path(match))
    except ScanSetError:
        return [match]


def read_listed(source: str, decode: Decode = decode_scan) -> Scan:
    """The scan of one line of a list that was made with `list_scans`; decode: as of `read_scan`.

    Raises ScanError: of a folder or glob that stayed in the list, why there is no scan in it.
    """
    if os.path.isdir(source) or (is_pattern(source) and not is_remote(source)):  # noqa: PTH112 - as above
        try:
            list_scans(source)
        except ScanSetError as error:
            raise ScanError(str(error)) from None
    return read_scan(source, decode=decode)
