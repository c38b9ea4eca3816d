"""Tables of results on disk: .parquet, .jsonl or .csv, by the name's ending, written atomically."""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nii.errors import UsageError

ENDINGS = (".parquet", ".jsonl", ".csv")
PARQUET = "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 8192)"  # small groups: they are built in memory
LARGEST_ROW = 2**24  # bytes; the reader's buffers are some of these
Row = Mapping[str, Any]


def check_ending(path: Path) -> None:
    """Raise UsageError for an ending that no table has; call before the work, not after."""
    if path.suffix not in ENDINGS:
        raise UsageError(f"{path}: expected a table ending in {', '.join(ENDINGS)}, came {path.suffix or 'none'}")


def write_table(path: Path, rows: Iterable[Row], columns: Mapping[str, str]) -> None:
    """Write rows in their order.

    columns: name to DuckDB type, such as "DOUBLE" or "STRUCT(x INTEGER, y INTEGER)[]"; a row may lack
    some (null), and what it has beyond them is left out of .parquet and .csv. Nested values are JSON in .csv.
    """
    check_ending(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = path.with_name(f".{path.name}.jsonl.part")
    try:
        with lines.open("w", encoding="utf-8") as file:
            for row in rows:
                file.write(json.dumps(row, allow_nan=False) + "\n")
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
        found = connection.execute("SELECT to_json(row) FROM read_parquet(?) AS row", [str(path)])
        while some := found.fetchmany(1000):
            yield from (json.loads(row) for (row,) in some)


def join_tables(path: Path, parts: Sequence[Path], columns: Mapping[str, str]) -> None:
    """One table of all the rows of .jsonl tables, in their order; columns as in `write_table`."""
    if path.suffix != ".jsonl":
        _convert(parts, path, columns)
        return
    whole = path.with_name(f".{path.name}.part")
    with whole.open("wb") as target:
        for part in parts:
            with part.open("rb") as source:
                shutil.copyfileobj(source, target)
    whole.replace(path)


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """Rows of a .jsonl table."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _convert(lines: Sequence[Path], path: Path, columns: Mapping[str, str]) -> None:
    """JSON lines to Parquet or CSV through DuckDB: a third of the size of the other Parquet writers."""
    import duckdb

    part = path.with_name(f".{path.name}.part")
    typed = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
    nested = [name for name, kind in columns.items() if "(" in kind or kind.endswith("]")]
    picked = "*" if path.suffix == ".parquet" or not nested else _as_json(nested)
    kind = PARQUET if path.suffix == ".parquet" else "(FORMAT csv, HEADER)"
    source = f"read_json(?, format = 'newline_delimited', columns = {{{typed}}}, maximum_object_size = {LARGEST_ROW})"
    files = [str(one) for one in lines]
    copy = f"COPY (SELECT {picked} FROM {source}) TO '{_quoted(part)}' {kind}"  # noqa: S608 - names and types are this project's own
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(copy, [files])
    part.replace(path)


def _as_json(nested: list[str]) -> str:
    changed = ", ".join(f"to_json({name}) AS {name}" for name in nested)
    return f"* REPLACE ({changed})"


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
