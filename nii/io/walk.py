"""Scans below a folder: what may be one is not passed over, and what `nii` wrote about one is not taken for one."""

import glob
import os
import stat
from collections import deque
from collections.abc import Iterator
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
    paths: list[Path] = []
    for here, children in walked(folder):
        if isinstance(children, OSError):
            if here == folder:
                why = children.strerror or children
                raise ScanSetError(f"{folder}: expected a readable folder, came: {why}") from None
            paths.append(here)
        else:
            paths += [child for child in children if not is_folder(child) and looks_like_scan(child)]
    return sorted(paths)


def walked(folder: Path) -> Iterator[tuple[Path, list[Path] | OSError]]:
    """This folder and each one below it, once however links lead to it, with what lies in it or why nobody can tell.

    Linked ones come last: what lies in the folder itself keeps its own path.
    """
    real, linked = [folder], deque[Path]()
    seen: set[tuple[int, int]] = set()
    while real or linked:
        here = real.pop() if real else linked.popleft()
        try:
            children = _children(here, seen)
        except OSError as error:
            yield here, error
            continue
        yield here, children
        for child in filter(is_folder, children):
            (linked if child.is_symlink() else real).append(child)


def is_folder(path: Path) -> bool:
    """Whether it is a folder, or a link to one; no error for links that go round."""
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises for them


def matched(pattern: str) -> list[str]:
    """As `glob.glob(pattern, recursive=True)`, but each folder that ** stands for comes once, however links go round.

    glob itself follows three links that lead back some 3^40 times. A folder below ** that can't be read is a match.
    """
    parts = Path(pattern).parts
    if "**" not in parts:
        return glob.glob(pattern)  # noqa: PTH207 - Path.glob refuses absolute patterns
    at = parts.index("**")
    before, after = str(Path(*parts[:at])), parts[at + 1 :] or ("*",)
    found: list[str] = []
    for base in matched(before) if glob.has_magic(before) else [before]:
        for here, children in walked(Path(base)) if is_folder(Path(base)) else ():
            if isinstance(children, OSError):
                found.append(str(here))
            else:
                found += matched(str(Path(glob.escape(str(here)), *after)))
    return found


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
