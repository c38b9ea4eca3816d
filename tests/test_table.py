import duckdb
import pytest

from nii.errors import UsageError
from nii.report import COLUMNS, error_record
from nii.table import read_jsonl, write_table

TYPES = {"name": "VARCHAR", "score": "DOUBLE", "regions": "STRUCT(box INTEGER[], family VARCHAR)[]"}
ROWS = [
    {"name": "a", "score": 1.5, "regions": [{"box": [1, 2, 3, 4], "family": "bricks"}]},
    {"name": "b", "score": None, "regions": []},
]


def test_parquet_keeps_order_types_and_nulls(tmp_path):
    path = tmp_path / "it's.parquet"
    write_table(path, ROWS, TYPES)
    rows = duckdb.execute("SELECT name, score, regions[1].box[3] FROM read_parquet(?)", [str(path)]).fetchall()
    assert rows == [("a", 1.5, 3), ("b", None, None)]


def test_a_hundred_rows_stay_in_their_order(tmp_path):
    path = tmp_path / "many.parquet"
    write_table(path, ({"name": str(i), "score": float(i)} for i in range(5000)), TYPES)
    rows = duckdb.execute("SELECT name FROM read_parquet(?)", [str(path)]).fetchall()
    assert [row[0] for row in rows] == [str(i) for i in range(5000)]


def test_json_lines_give_back_the_rows(tmp_path):
    write_table(tmp_path / "t.jsonl", ROWS, TYPES)
    assert read_jsonl(tmp_path / "t.jsonl") == ROWS


def test_nested_values_are_json_in_csv(tmp_path):
    write_table(tmp_path / "t.csv", ROWS, TYPES)
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert lines[0] == "name,score,regions"
    assert '""family"":""bricks""' in lines[1]


def test_an_empty_table_has_its_columns(tmp_path):
    write_table(tmp_path / "t.parquet", [], COLUMNS)
    names = duckdb.read_parquet(str(tmp_path / "t.parquet")).columns
    assert names == list(COLUMNS)


def test_a_failed_scan_has_every_column_and_no_zero_that_means_unknown(tmp_path):
    row = error_record("x.tif", "x.tif: expected a scan, came text")
    assert set(row) == set(COLUMNS)
    assert {key for key, value in row.items() if value == 0 and value is not False} == set()
    write_table(tmp_path / "t.parquet", [row], COLUMNS)


def test_a_failure_leaves_the_old_table_whole(tmp_path):
    path = tmp_path / "t.parquet"
    write_table(path, ROWS, TYPES)
    before = path.read_bytes()

    def broken():
        yield ROWS[0]
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError):
        write_table(path, broken(), TYPES)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["t.parquet"]


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"expected a table ending in \.parquet"):
        write_table(tmp_path / "t.xlsx", ROWS, TYPES)
