"""The record store: answers and officers' findings, only ever added to. Off unless configured."""

import contextlib
import json
import os
import socket
import threading
from collections.abc import Iterator, Mapping
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
DRIFT = sql.Table(
    "drift",
    _tables,
    sql.Column("key", sql.String(64), primary_key=True),
    sql.Column("time", sql.String(32), nullable=False),
    sql.Column("state", sql.Text, nullable=False),
)
PATIENCE = 5  # seconds for a connection, and again for all that is asked of it


@dataclass(frozen=True)
class Kept:
    """An answer and its latest finding. files: names in the scan folder, empty if scans aren't kept."""

    record: dict[str, Any]
    files: tuple[str, ...]
    finding: str | None


class RecordStore:
    """A database by SQLAlchemy URL, and optionally a folder for the scans themselves.

    An answer is committed before it is sent, so whatever a client has seen is in the store. Each use has a connection
    of its own: none is stale after the database was restarted, and no file is written to that was deleted meanwhile. A
    database that stops to answer is waited for no longer than PATIENCE.
    """

    def __init__(self, url: str, scans: Path | None) -> None:
        self.scans = scans
        try:
            parsed = sql.make_url(url)
            self.engine = sql.create_engine(
                parsed,
                hide_parameters=True,  # a record is not for the log
                poolclass=sql.NullPool,
                connect_args=_limits(parsed),
            )
            if self.engine.dialect.name == "sqlite":
                self._watch_file(parsed)
            with self._answering() as connection:
                _tables.create_all(connection)
            if scans is not None:
                scans.mkdir(parents=True, exist_ok=True)
        except (SQLAlchemyError, ArgumentError, NoSuchModuleError, ImportError, OSError, TypeError) as error:
            raise UsageError(f"NII_STORE: expected a usable database URL, came {_first_line(error)}") from None

    def _watch_file(self, url: sql.URL) -> None:
        """SQLite: a file that was there at the start is not made anew, empty, after it was deleted."""
        if url.database in (None, "", ":memory:"):
            raise OSError("a database in memory, which keeps nothing")
        sql.event.listen(self.engine, "connect", _durable)
        with self.engine.connect():
            pass  # makes it
        file = Path(str(url.database))

        def there(*_: Any) -> None:
            if not file.exists():
                raise OSError("a database file that was deleted")

        sql.event.listen(self.engine, "do_connect", there)

    @contextlib.contextmanager
    def _answering(self) -> Iterator[sql.Connection]:
        """A transaction on a connection that is cut once the database has not answered for PATIENCE seconds."""
        with self.engine.connect() as connection:
            watch = threading.Timer(PATIENCE, _cut, [connection])
            watch.daemon = True
            watch.start()
            try:
                with connection.begin():
                    yield connection
            finally:
                watch.cancel()

    @contextlib.contextmanager
    def _in_use(self) -> Iterator[sql.Connection]:
        """As `_answering`, with one error for all that may go wrong with a database. Raises StoreError."""
        try:
            with self._answering() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise StoreError("record store: expected to work, came a failure") from error

    def check(self) -> None:
        """Raise StoreError unless the store could take a record now."""
        with self._in_use() as connection:
            connection.execute(sql.select(ANSWERS.c.id).limit(1)).first()

    def keep(self, record: dict[str, Any], files: tuple[bytes, ...]) -> None:
        """Write a record, and the scan's files where they are kept. Raises StoreError."""
        with self._in_use() as connection:
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
        with self._in_use() as connection:
            row = connection.execute(sql.select(ANSWERS.c.record).where(ANSWERS.c.id == answer)).first()
            if row is None:
                return None
            found = connection.execute(sql.select(FINDINGS).where(FINDINGS.c.answer == answer).order_by("number"))
            findings = [{"time": f.time, "finding": f.finding, "note": f.note, "key": f.key} for f in found]
        return {**json.loads(row.record), "findings": findings}

    def add_finding(self, answer: str, finding: Finding, note: str, key: str | None) -> bool:
        """Add a finding; the latest one counts. False for an unknown id. Raises StoreError."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self._in_use() as connection:
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

    def keep_drift(self, states: Mapping[str, str]) -> None:
        """What is known of scanners (`DriftMonitor.saved`), in place of what was. Raises StoreError."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        rows = [{"key": key, "time": now, "state": state} for key, state in states.items()]
        if not rows:
            return
        with self._in_use() as connection:
            connection.execute(DRIFT.delete().where(DRIFT.c.key.in_(list(states))))
            connection.execute(DRIFT.insert(), rows)

    def drift(self) -> list[str]:
        """What was kept of scanners. Raises StoreError."""
        with self._in_use() as connection:
            return list(connection.execute(sql.select(DRIFT.c.state)).scalars())

    def close(self) -> None:
        """Give up what is left of connections."""
        self.engine.dispose()


def _limits(url: sql.URL) -> dict[str, Any]:
    """What PostgreSQL's own drivers take of limits, unless the URL has them."""
    if url.get_backend_name() != "postgresql" or url.get_driver_name() not in ("psycopg", "psycopg2"):
        return {}
    wanted = {"connect_timeout": PATIENCE, "options": f"-c statement_timeout={1000 * PATIENCE}"}
    return {name: value for name, value in wanted.items() if name not in url.query}


def _cut(connection: sql.Connection) -> None:
    """End the connection under a driver that waits for a server: it then raises. SQLite waits for none."""
    held: Any = connection.connection.driver_connection
    if hasattr(held, "fileno"):
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(held.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)


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
        if _holds(folder / name, data):
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


def _holds(path: Path, data: bytes) -> bool:
    """Whether a file is whole: one that was cut, by a full disk or a copy of the folder, is written again."""
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
