"""Scans below a folder: what may be one is not passed over, and what `nii` wrote about one is not taken for one."""

import os
import stat
from collections import deque
from pathlib import Path

from nii.errors import ScanSetError
from nii.io.marks import HEAD, is_output
from nii.io.read import SNIFFED, sniff

SCAN_SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".npy", ".dcs", ".dcm")
OUTPUT_SUFFIXES = (".png", ".dcs", ".dcm")
SYSTEM = {"@eaDir", "#recycle", "#snapshot", "$RECYCLE.BIN", "System Volume Information", "lost+found", "__MACOSX"}
"""Folders that storage systems make for themselves, with previews and deleted files."""


def scans_in(folder: Path) -> list[Path]:
    """What to read below a folder, sorted: scans by content or, so that a broken one is reported, by suffix.

    Linked folders are entered, each folder once. What can't be looked into is listed itself, so that its
    reader says why: a locked folder, a link to nothing. Hidden names, and the pictures and reports that
    `nii` writes, are no scans. Raises ScanSetError if the folder itself can't be read.
    """
    found: list[Path] = []
    real, linked = [folder], deque[Path]()
    seen: set[tuple[int, int]] = set()
    while real or linked:  # the linked ones last: what lies in the folder itself keeps its own path
        here = real.pop() if real else linked.popleft()
        try:
            children = _children(here, seen)
        except OSError as error:
            if here == folder:
                raise ScanSetError(f"{folder}: expected a readable folder, came: {error.strerror or error}") from None
            found.append(here)
            continue
        for child in children:
            if os.path.isdir(child):  # noqa: PTH112 - Path.is_dir raises for links that go round
                (linked if child.is_symlink() else real).append(child)
            elif looks_like_scan(child):
                found.append(child)
    return sorted(found)


def _children(folder: Path, seen: set[tuple[int, int]]) -> list[Path]:
    """What lies in a folder and isn't hidden, by name; nothing of one that was seen before."""
    status = folder.stat()
    if (status.st_dev, status.st_ino) in seen:
        return []
    seen.add((status.st_dev, status.st_ino))
    return sorted(child for child in folder.iterdir() if not is_hidden(child.name))


def is_hidden(name: str) -> bool:
    """Whether people don't see a file or folder of this name."""
    return name.startswith(".") or name in SYSTEM


def looks_like_scan(path: Path) -> bool:
    """Whether something that is no folder may be a scan; what can't be read may be one by its name."""
    suffix = path.suffix.lower()
    by_name = suffix in SCAN_SUFFIXES
    try:
        if not stat.S_ISREG(path.stat().st_mode) or (by_name and suffix not in OUTPUT_SUFFIXES):
            return by_name  # a pipe would be waited for
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:
        return by_name or not suffix  # DICOM files often have none
    return (by_name or sniff(head[:SNIFFED]) is not None) and not is_output(head)
