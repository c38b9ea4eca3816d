"""Whether outputs can be written: asked before the work, which may take hours."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from nii.errors import UsageError
from nii.io.read import split_pair

LEAST_FREE = 1 << 20  # bytes; less has no room for a picture or a model
TRIED = 4096  # bytes; a quota lets a file be made that can hold nothing


def prepare_folder(folder: Path) -> None:
    """Make a folder for outputs, with those above it, and try to write there. Raises UsageError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".nii-") as file:
            file.write(bytes(TRIED))
            file.flush()
        disk = shutil.disk_usage(folder)
    except OSError as error:
        raise UsageError(f"{folder}: expected a folder to write in, came: {error.strerror or error}") from None
    if disk.total and disk.free < LEAST_FREE:  # some network file systems say 0 of both
        raise UsageError(f"{folder}: expected at least {LEAST_FREE} bytes free, came {disk.free}")


def prepare_file(path: Path) -> None:
    """Make the folder of an output file and try to write there. Raises UsageError."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG
    except OSError as error:
        raise UsageError(f"{path}: expected a file to write, came: {error.strerror or error}") from None
    if not stat.S_ISREG(mode):
        raise UsageError(f"{path}: expected a file to write, came a {'folder' if path.is_dir() else 'device or pipe'}")
    prepare_folder(path.parent)


def check_apart(outputs: Mapping[str, Path | None], inputs: Iterable[str | Path] = ()) -> None:
    """Raise UsageError if two outputs, by the names of their options, are one, or one is an input."""
    given = {option: os.path.realpath(path) for option, path in outputs.items() if path is not None}
    taken: dict[str, str] = {}
    for option, path in given.items():
        if path in taken:
            raise UsageError(
                f"{option}: expected another path than that of {taken[path]}, came {outputs[option]} twice"
            )
        taken[path] = option
    for source in inputs:
        for part in split_pair(str(source)):
            if (real := os.path.realpath(part)) in taken:
                raise UsageError(f"{taken[real]}: expected another path than that of an input, came {part}")
