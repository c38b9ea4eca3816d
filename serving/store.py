"""The record store: answers and officers' findings, only ever added to. Off unless configured."""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sql
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from nii.errors import UsageError
from nii.io.read import DICOS, JPEG, NPY, PNG, SNIFFED, TIFF, sniff
from serving.problems import StoreError

Finding = Literal["confirmed", "cleared", "not opened"]
ENDINGS = {TIFF: "tif", PNG: "png", JPEG: "jpg", NPY: "npy", DICOS: "dcs"}
_tables = sql.MetaData()
ANSWERS = sql.Table(
    "answers",
    _tables,
    sql.Column("id", sql.String(36), primary_key=True),
    sql.Column("time", sql.String(32), nullable=False, index=True),
    sql.Column("sha256", sql.String(64), nullable=False, index=True),
    sql.Column("model_sha256", sql.String(64), nullable=False),
    sql.Column("scanner", sql.Text),
    sql.Column("files", sql.Text, nullable=False),
    sql.Column("record", sql.Text, nullable=False),
)
FINDINGS = sql.Table(
    "findings",
    _tables,
    sql.Column("number", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("answer", sql.ForeignKey("answers.id"), nullable=False, index=True),
    sql.Column("time", sql.String(32), nullable=False),
    sql.Column("finding", sql.String(16), nullable=False),
    sql.Column("note", sql.Text, nullable=False),
    sql.Column("key", sql.Text),
)


@dataclass(frozen=True)
class Kept:
    """An answer and its latest finding. files: names in the scan folder, empty if scans aren't kept."""

    record: dict[str, Any]
    files: tuple[str, ...]
    finding: str | None


class RecordStore:
    """A database by SQLAlchemy URL, and optionally a folder for the scans themselves.

    An answer is committed before it is sent, so whatever a client has seen is in the store.
    """

    def __init__(self, url: str, scans: Path | None) -> None:
        self.scans = scans
        try:
            self.engine = sql.create_engine(url, hide_parameters=True)  # a record is not for the log
            if self.engine.dialect.name == "sqlite":
                sql.event.listen(self.engine, "connect", _durable)
            _tables.create_all(self.engine)
            if scans is not None:
                scans.mkdir(parents=True, exist_ok=True)
        except (SQLAlchemyError, ArgumentError, NoSuchModuleError, ImportError, OSError) as error:
            raise UsageError(f"NII_STORE: expected a usable database URL, came {_first_line(error)}") from None

    @contextlib.contextmanager
    def _in_use(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, OSError) as error:
            raise StoreError("record store: expected to work, came a failure") from error

    def keep(self, record: dict[str, Any], files: tuple[bytes, ...]) -> None:
        """Write a record, and the scan's files where they are kept. Raises StoreError."""
        with self._in_use(), self.engine.begin() as connection:
            names = _keep_files(self.scans, record["sha256"], files) if self.scans else []
            connection.execute(
                ANSWERS.insert().values(
                    id=record["id"],
                    time=record["time"],
                    sha256=record["sha256"],
                    model_sha256=record["model_sha256"],
                    scanner=record["scan"]["scanner"],
                    files=json.dumps(names),
                    record=json.dumps(record, allow_nan=False),
                )
            )

    def read(self, answer: str) -> dict[str, Any] | None:
        """A record with its findings, oldest first; None for an unknown id. Raises StoreError."""
        with self._in_use(), self.engine.connect() as connection:
            row = connection.execute(sql.select(ANSWERS.c.record).where(ANSWERS.c.id == answer)).first()
            if row is None:
                return None
            found = connection.execute(sql.select(FINDINGS).where(FINDINGS.c.answer == answer).order_by("number"))
            findings = [{"time": f.time, "finding": f.finding, "note": f.note, "key": f.key} for f in found]
        return {**json.loads(row.record), "findings": findings}

    def add_finding(self, answer: str, finding: Finding, note: str, key: str | None) -> bool:
        """Add a finding; the latest one counts. False for an unknown id. Raises StoreError."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self._in_use(), self.engine.begin() as connection:
            if connection.execute(sql.select(ANSWERS.c.id).where(ANSWERS.c.id == answer)).first() is None:
                return False
            values = {"answer": answer, "time": now, "finding": finding, "note": note, "key": key}
            connection.execute(FINDINGS.insert().values(**values))
        return True

    def everything(self) -> Iterator[Kept]:
        """All answers, oldest first."""
        latest = sql.select(FINDINGS.c.answer, sql.func.max(FINDINGS.c.number).label("number")).group_by("answer")
        newest = latest.subquery()
        query = (
            sql.select(ANSWERS.c.record, ANSWERS.c.files, FINDINGS.c.finding)
            .select_from(
                ANSWERS.outerjoin(newest, newest.c.answer == ANSWERS.c.id).outerjoin(
                    FINDINGS, FINDINGS.c.number == newest.c.number
                )
            )
            .order_by(ANSWERS.c.time)
        )
        with self.engine.connect() as connection:
            for row in connection.execute(query):
                yield Kept(json.loads(row.record), tuple(json.loads(row.files)), row.finding)

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


def _durable(connection: Any, _: Any) -> None:
    """SQLite: readers don't block the writer, and a commit is on the disk when it returns."""
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _keep_files(folder: Path, sha256: str, files: tuple[bytes, ...]) -> list[str]:
    """Files named by the hash of their content, never by what a client calls them; written once, then renamed."""
    names = []
    for number, data in enumerate(files):
        part = "" if len(files) == 1 else (".low", ".high")[number]
        name = f"{sha256}{part}.{ENDINGS[sniff(data[:SNIFFED]) or NPY]}"
        names.append(name)
        if (folder / name).exists():
            continue
        temporary = folder / f".{name}.{os.getpid()}.{id(data)}"
        with contextlib.ExitStack() as undo:
            undo.callback(temporary.unlink, missing_ok=True)
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(folder / name)
    return names


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
