"""A table in parts: whole or not there, of one job, and the same whatever it was cut into."""

import json

import duckdb
import pytest

from nii.errors import UsageError
from nii.io.table import read_jsonl
from nii.run.parts import JOB, Parts

COLUMNS = {"name": "VARCHAR", "score": "DOUBLE"}
JOB_A = {"pfa": 0.01, "scans": 12}
READERS = {".parquet": duckdb.read_parquet, ".csv": duckdb.read_csv}
ROWS = [{"name": str(number), "score": number / 3} for number in range(12)]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr("nii.run.parts.ROWS", 5)


def add(parts, rows):
    for row in rows:
        parts.add(row)


def test_rows_of_whole_parts_survive_and_the_rest_is_missing(tmp_path):
    add(Parts.begin(tmp_path / "t.jsonl", JOB_A, COLUMNS), ROWS[:8])  # and then nothing: killed
    parts = Parts.begin(tmp_path / "t.jsonl", JOB_A, COLUMNS)
    assert list(parts.rows()) == ROWS[:5]
    add(parts, ROWS[5:])
    parts.finish()
    assert read_jsonl(tmp_path / "t.jsonl") == ROWS
    assert [path.name for path in tmp_path.iterdir()] == ["t.jsonl"]


def test_a_part_is_written_when_it_is_old(tmp_path, monkeypatch):
    monkeypatch.setattr("nii.run.parts.SECONDS", -1.0)
    add(Parts.begin(tmp_path / "t.jsonl", JOB_A, COLUMNS), ROWS[:3])
    assert Parts.begin(tmp_path / "t.jsonl", JOB_A, COLUMNS).count == 3


@pytest.mark.parametrize("ending", READERS)
def test_parts_are_joined_in_order(tmp_path, ending):
    parts = Parts.begin(tmp_path / f"t{ending}", JOB_A, COLUMNS)
    add(parts, ROWS)
    parts.finish()
    rows = READERS[ending](str(tmp_path / f"t{ending}")).fetchall()
    assert [(str(name), pytest.approx(score)) for name, score in rows] == [(r["name"], r["score"]) for r in ROWS]


def test_a_folder_keeps_its_parts_in_parquet_and_gives_back_its_rows(tmp_path):
    out = tmp_path / "table"
    parts = Parts.begin(out, JOB_A, COLUMNS)
    add(parts, ROWS)
    parts.finish()
    assert sorted(path.name for path in out.iterdir()) == [f"{n:08d}.parquet" for n in range(3)] + [JOB]
    assert list(Parts.begin(out, JOB_A, COLUMNS).rows()) == ROWS
    assert len(duckdb.read_parquet(str(out / "*.parquet")).fetchall()) == 12


def test_a_table_without_rows_has_its_columns(tmp_path):
    Parts.begin(tmp_path / "t.parquet", JOB_A, COLUMNS).finish()
    assert duckdb.read_parquet(str(tmp_path / "t.parquet")).columns == ["name", "score"]


def test_parts_of_another_job_are_refused_and_kept(tmp_path):
    add(Parts.begin(tmp_path / "t.jsonl", JOB_A, COLUMNS), ROWS)
    with pytest.raises(UsageError, match="came those of one with other pfa; give the arguments of that run"):
        Parts.begin(tmp_path / "t.jsonl", JOB_A | {"pfa": 0.05}, COLUMNS)
    assert Parts.begin(tmp_path / "t.jsonl", JOB_A, COLUMNS).count == 2


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="expected a new or empty folder"):
        Parts.begin(tmp_path, JOB_A, COLUMNS)
    (tmp_path / JOB).write_text("{")
    with pytest.raises(UsageError, match="expected a folder for the parts of the table"):
        Parts.begin(tmp_path, JOB_A, COLUMNS)


def test_addresses_and_unknown_endings_are_refused(tmp_path):
    with pytest.raises(UsageError, match="came an address"):
        Parts.begin(tmp_path.joinpath("s3:/bucket/t"), JOB_A, COLUMNS)
    with pytest.raises(UsageError, match="expected a table ending in"):
        Parts.begin(tmp_path / "t.xls", JOB_A, COLUMNS)


def test_the_job_is_told(tmp_path):
    Parts.begin(tmp_path / "t", JOB_A, COLUMNS)
    assert json.loads((tmp_path / "t" / JOB).read_text()) == JOB_A
