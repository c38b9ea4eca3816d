"""A long table that is written part by part, each whole or not there, so that a killed run goes on."""

import json
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nii.errors import UsageError
from nii.io.outputs import prepare_file, prepare_folder
from nii.io.table import check_ending, check_utf8, join_tables, read_table, write_table
from nii.io.write import write_atomically

ROWS, SECONDS = 500, 30.0  # of a part, whichever comes first: no more work than that is lost
JOB = "_job.json"  # readers of Parquet folders pass over names with an underscore


class Parts:
    """Numbered parts in a folder, and the job that they belong to.

    out: a table by its ending: the parts lie in a hidden folder beside it until they are joined. Or a folder
    (no ending): its parts, in Parquet, are the table.
    """

    def __init__(self, out: Path, columns: Mapping[str, str]) -> None:
        self.out, self.columns = out, columns
        self.is_folder = not out.suffix
        self.folder = out if self.is_folder else out.with_name(f".{out.name}.parts")
        self.ending = ".parquet" if self.is_folder else ".jsonl"
        self.waiting: list[Mapping[str, Any]] = []
        self.began = 0.0
        self.count = 0
        while self.path(self.count).is_file():
            self.count += 1

    @classmethod
    def begin(cls, out: Path, job: Mapping[str, Any], columns: Mapping[str, str]) -> "Parts":
        """Begin the table of a job or go on with it. Raises UsageError if there are parts of another job."""
        check_out(out)
        parts = cls(out, columns)
        note = parts.folder / JOB
        try:
            parts.folder.mkdir(parents=True, exist_ok=True)
            if not note.is_file() and any(parts.folder.iterdir()):
                raise UsageError(f"{parts.folder}: expected a new or empty folder, came one with files")
            if not note.is_file():
                write_atomically(note, json.dumps(job).encode())
            found = json.loads(note.read_text())
        except (OSError, ValueError) as error:
            raise UsageError(f"{parts.folder}: expected a folder for the parts of the table, came {error}") from None
        if found != job:
            other = ", ".join(key for key in job if found.get(key) != job[key])
            raise UsageError(
                f"{parts.folder}: expected parts of this run, came those of one with other {other}; "
                "give the arguments of that run to finish it, or delete the folder"
            )
        return parts

    def path(self, number: int) -> Path:
        """Where a part lies."""
        return self.folder / f"{number:08d}{self.ending}"

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows of all parts, in their order."""
        for number in range(self.count):
            yield from read_table(self.path(number))

    def add(self, row: Mapping[str, Any]) -> None:
        """Take a row; a part is written when it is full or old."""
        if not self.waiting:
            self.began = time.monotonic()
        self.waiting.append(row)
        if len(self.waiting) == ROWS or time.monotonic() - self.began > SECONDS:
            self.save()

    def finish(self) -> None:
        """Write what waits, and the table itself. A table without rows has its columns."""
        if self.waiting or not self.count:
            self._write()
        if not self.is_folder:
            join_tables(self.out, [self.path(number) for number in range(self.count)], self.columns)
            shutil.rmtree(self.folder)

    def save(self) -> None:
        """Write what waits; nothing if nothing does. Raises OutputError where there is no room; it waits on then."""
        if self.waiting:
            self._write()

    def _write(self) -> None:
        write_table(self.path(self.count), self.waiting, self.columns)
        self.count += 1
        self.waiting = []


def check_out(out: Path) -> None:
    """Raise UsageError for a path that neither a table nor a folder of parts can have, or that can't be written."""
    if ":/" in str(out):
        raise UsageError(f"{out}: expected a path on this machine, came an address; copy the table there afterwards")
    if out.suffix:
        check_ending(out)
        prepare_file(out)
    else:
        check_utf8(out)
        prepare_folder(out)
