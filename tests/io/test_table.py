import duckdb
import pytest

from nii.analysis.record import COLUMNS, error_record
from nii.errors import OutputError, UsageError
from nii.io.table import join_tables, read_jsonl, read_table, write_table

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


@pytest.mark.parametrize("folder", ["name=mine", "score=7", "day=1/new=2", "a[1]", "s*", "q?", "it's", "[!x]", "~"])
@pytest.mark.parametrize("ending", [".parquet", ".csv", ".jsonl"])
def test_no_name_of_a_folder_means_anything(tmp_path, folder, ending):
    for decoy in ("a1", "sx", "qx"):  # what the names would match as patterns
        (tmp_path / decoy).mkdir()
        write_table(tmp_path / decoy / "part.jsonl", [{"name": "decoy"}], TYPES)
    part, whole = tmp_path / folder / "part.jsonl", tmp_path / folder / f"score=1[x]{ending}"
    write_table(part, ROWS, TYPES)
    join_tables(whole, [part], TYPES)
    if ending == ".csv":
        assert whole.read_text().splitlines()[1].startswith("a,1.5,")
    else:
        assert list(read_table(whole)) == ROWS


def test_text_that_is_no_unicode_is_escaped_and_costs_no_other_row(tmp_path):
    rows = [{"name": "Z\udcfcrich \ud800 😀", "score": 1.0, "regions": []}, *ROWS]
    for ending in (".jsonl", ".parquet"):
        write_table(tmp_path / f"t{ending}", rows, TYPES)
        found = list(read_table(tmp_path / f"t{ending}"))
        assert (found[0]["name"], found[1:]) == ("Z\\xfcrich \\ud800 😀", ROWS)


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".jsonl"])
def test_a_table_that_cannot_be_written_is_one_line(tmp_path, ending):
    (tmp_path / f".t{ending}.part").mkdir()  # stands where the part would be written
    (tmp_path / f".t{ending}.jsonl.part").mkdir() if ending == ".jsonl" else None
    with pytest.raises(OutputError, match=rf"t\{ending}: expected room for a table, came") as caught:
        write_table(tmp_path / f"t{ending}", ROWS, TYPES)
    assert "\n" not in str(caught.value)


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"expected a table ending in \.parquet"):
        write_table(tmp_path / "t.xlsx", ROWS, TYPES)


def test_text_that_a_spreadsheet_would_calculate_begins_with_an_apostrophe_in_csv(tmp_path):
    names = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "a=1", "", "'"]
    rows = [{"name": name, "score": -1.5, "regions": []} for name in names]
    write_table(tmp_path / "t.csv", rows, TYPES)
    found = duckdb.execute("SELECT name, score FROM read_csv(?, all_varchar = true)", [str(tmp_path / "t.csv")])
    assert [(name or "", score) for name, score in found.fetchall()] == [
        *((f"'{name}", "-1.5") for name in names[:5]), *((name, "-1.5") for name in names[5:])
    ]  # fmt: skip
    write_table(tmp_path / "t.jsonl", rows, TYPES)
    assert [row["name"] for row in read_jsonl(tmp_path / "t.jsonl")] == names
