"""Tables of results on disk: .parquet, .jsonl or .csv, by the name's ending, written atomically."""

import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nii.errors import OutputError, UsageError
from nii.names import printable

ENDINGS = (".parquet", ".jsonl", ".csv")
PLAIN = "hive_partitioning = false"  # else a folder called alarm=true overwrites the column
PARQUET = "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 8192)"  # small groups: they are built in memory
FORMULA = "=+@\\-\\t\\r"  # what a formula may begin with, in a pattern
LARGEST_ROW = 2**24  # bytes; the reader's buffers are some of these
Row = Mapping[str, Any]
_SURROGATE = re.compile("[\ud800-\udfff]")


def check_ending(path: Path) -> None:
    """Raise UsageError for an ending that no table has, or a path that DuckDB can't take; call before the work."""
    if path.suffix not in ENDINGS:
        raise UsageError(f"{path}: expected a table ending in {', '.join(ENDINGS)}, came {path.suffix or 'none'}")
    if path.suffix != ".jsonl":
        check_utf8(path)


def check_utf8(path: Path) -> None:
    """Raise UsageError for a path that isn't UTF-8."""
    if str(path) != printable(str(path)):
        raise UsageError(f"{path}: expected a path in UTF-8, came another; a .jsonl table may lie there")


def write_table(path: Path, rows: Iterable[Row], columns: Mapping[str, str]) -> None:
    """Write rows in their order.

    columns: name to DuckDB type, such as "DOUBLE" or "STRUCT(x INTEGER, y INTEGER)[]"; a row may lack
    some (null), and what it has beyond them is left out of .parquet and .csv. Nested values are JSON in .csv,
    whose text never begins as a formula would.
    Raises OutputError where there is no room.
    """
    check_ending(path)
    lines = path.with_name(f".{path.name}.jsonl.part")
    with _written(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with lines.open("w", encoding="utf-8") as file:
                for row in rows:
                    file.write(_line(row) + "\n")
            if path.suffix == ".jsonl":
                lines.replace(path)
            else:
                _convert([lines], path, columns)
        finally:
            lines.unlink(missing_ok=True)


def read_table(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a .jsonl or .parquet table, in their order."""
    if path.suffix == ".jsonl":
        with path.open(encoding="utf-8") as file:
            yield from map(json.loads, file)
        return
    import duckdb

    with duckdb.connect(config={"threads": 1}) as connection:
        found = connection.execute(f"SELECT to_json(row) FROM read_parquet(?, {PLAIN}) AS row", [_literal(path)])  # noqa: S608 - a constant
        while some := found.fetchmany(1000):
            yield from (json.loads(row) for (row,) in some)


def join_tables(path: Path, parts: Sequence[Path], columns: Mapping[str, str]) -> None:
    """One table of all the rows of .jsonl tables, in their order; columns and errors as in `write_table`."""
    with _written(path):
        if path.suffix != ".jsonl":
            _convert(parts, path, columns)
        else:
            _joined(path, parts)


def _joined(path: Path, parts: Sequence[Path]) -> None:
    whole = path.with_name(f".{path.name}.part")
    try:
        with whole.open("wb") as target:
            for part in parts:
                with part.open("rb") as source:
                    shutil.copyfileobj(source, target)
        whole.replace(path)
    finally:
        whole.unlink(missing_ok=True)


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """Rows of a .jsonl table."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _convert(lines: Sequence[Path], path: Path, columns: Mapping[str, str]) -> None:
    """JSON lines to Parquet or CSV through DuckDB: a third of the size of the other Parquet writers."""
    import duckdb

    part = path.with_name(f".{path.name}.part")
    typed = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
    picked = "*" if path.suffix == ".parquet" else ", ".join(_as_cell(*column) for column in columns.items())
    kind = PARQUET if path.suffix == ".parquet" else "(FORMAT csv, HEADER)"
    options = f"format = 'newline_delimited', columns = {{{typed}}}, maximum_object_size = {LARGEST_ROW}, {PLAIN}"
    copy = f"COPY (SELECT {picked} FROM read_json(?, {options})) TO '{_quoted(part)}' {kind}"  # noqa: S608 - names and types are this project's own
    try:
        with duckdb.connect(config={"threads": 1}) as connection:
            connection.execute(copy, [[_literal(one) for one in lines]])
        part.replace(path)
    except duckdb.IOException as error:
        raise OSError(str(error).splitlines()[0]) from None
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _written(path: Path) -> Iterator[None]:
    """What the file system refuses becomes one line."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path}: expected room for a table, came: {error.strerror or error}") from None


def _line(row: Row) -> str:
    """A row as JSON in valid UTF-8: names may come from anywhere, and one alone would cost the whole table."""
    text = json.dumps(row, allow_nan=False, ensure_ascii=False)
    return _SURROGATE.sub(lambda found: json.dumps(printable(found[0]))[1:-1], text)


def _as_cell(name: str, kind: str) -> str:
    """SQL of a column in CSV: nested values as JSON, an apostrophe before text that spreadsheets would calculate."""
    if "(" in kind or kind.endswith("]"):
        return f'to_json("{name}") AS "{name}"'
    if kind not in ("VARCHAR", "JSON"):
        return f'"{name}"'
    formula = f"regexp_matches(\"{name}\", '^[{FORMULA}]')"
    return f'CASE WHEN {formula} THEN chr(39) || "{name}" ELSE "{name}" END AS "{name}"'


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _literal(path: Path) -> str:
    """A path in which DuckDB sees no pattern."""
    return re.sub(r"[*?\[]", r"[\g<0>]", str(path))
