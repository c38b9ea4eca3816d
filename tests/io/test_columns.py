"""Columns of tables and JSON from dataclasses."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest

from nii.io.columns import Column, as_json, column_types
from nii.io.table import read_table, write_table


class Side(StrEnum):
    LEFT = "left"


@dataclass(frozen=True)
class Part:
    end: int
    share: float | None


@dataclass(frozen=True)
class Row:
    name: str
    side: Side
    sure: bool | None
    answer: Literal["yes"]
    box: Annotated[tuple[int, int], "x, y"]
    parts: tuple[Part, ...]
    more: dict[str, Any]
    other: Annotated[Part | None, Column("JSON")]


ROW = Row("a", Side.LEFT, None, "yes", (1, 2), (Part(3, 0.5), Part(4, None)), {"k": (1, "x")}, Part(5, 1.0))


def test_every_field_has_the_type_of_its_column():
    assert column_types(Row) == {
        "name": "VARCHAR",
        "side": "VARCHAR",
        "sure": "BOOLEAN",
        "answer": "VARCHAR",
        "box": "INTEGER[]",
        "parts": 'STRUCT("end" INTEGER, "share" DOUBLE)[]',
        "more": "JSON",
        "other": "JSON",
    }


def test_a_row_is_the_same_after_a_table(tmp_path):
    row = as_json(ROW)
    assert list(row) == list(column_types(Row))
    assert (row["parts"], row["more"]) == ([{"end": 3, "share": 0.5}, {"end": 4, "share": None}], {"k": [1, "x"]})
    assert type(row["side"]) is str
    write_table(tmp_path / "t.parquet", [row], column_types(Row))
    assert list(read_table(tmp_path / "t.parquet")) == [row]


def test_a_field_that_no_table_can_hold_is_refused():
    @dataclass
    class Wrong:
        numbers: set[int]

    with pytest.raises(TypeError, match="set"):
        column_types(Wrong)
