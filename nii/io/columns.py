"""Column types of a table, derived from the dataclass of its rows."""

from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

SCALARS: Mapping[type, str] = {bool: "BOOLEAN", int: "INTEGER", float: "DOUBLE", str: "VARCHAR"}


@dataclass(frozen=True)
class Column:
    """In `Annotated`: the DuckDB type of a field that is stored as another than its own."""

    type: str


def column_types(row: type) -> dict[str, str]:
    """Name to DuckDB type of each field, such as "DOUBLE" or 'STRUCT("x" INTEGER)[]'; see `nii.io.table.write_table`.

    row: a dataclass of scalars, text, enumerations, tuples, dicts (stored as JSON) and other such dataclasses. What may
    be None has the type of what else it is. Raises TypeError for a field of another type.
    """
    return {name: _column_type(hint) for name, hint in get_type_hints(row, include_extras=True).items()}


def _column_type(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        stored = [one.type for one in hint.__metadata__ if isinstance(one, Column)]
        return stored[0] if stored else _column_type(arguments[0])
    if origin in (Union, UnionType):
        (some,) = (one for one in arguments if one is not NoneType)
        return _column_type(some)
    if origin is tuple:
        return f"{_column_type(arguments[0])}[]"
    if origin is dict:
        return "JSON"
    if origin is Literal or (isinstance(hint, type) and issubclass(hint, Enum)):
        return "VARCHAR"
    if isinstance(hint, type) and is_dataclass(hint):
        parts = ", ".join(f'"{name}" {kind}' for name, kind in column_types(hint).items())
        return f"STRUCT({parts})"
    if hint in SCALARS:
        return SCALARS[hint]
    raise TypeError(f"column: expected a field that a table can hold, came {hint}")


def as_json(value: Any) -> Any:
    """A record as JSON has it: dataclasses as dicts in the order of their fields, tuples as lists."""
    if is_dataclass(value):
        return {name: as_json(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, list | tuple):
        return [as_json(one) for one in value]
    if isinstance(value, dict):
        return {name: as_json(one) for name, one in value.items()}
    return value.value if isinstance(value, Enum) else value
