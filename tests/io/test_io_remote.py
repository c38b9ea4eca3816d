"""Scans in object stores, here fsspec's store in memory; and what is said where fsspec is not installed."""

import sys

import fsspec
import numpy as np
import pytest
from tiny_model import calibrated_model

from nii.errors import ScanError, UsageError
from nii.io.read import read_scan
from nii.io.remote import read_remote
from nii.io.write import write_tiff
from nii.run.batch import BatchSettings, Run, Sources, expand


@pytest.fixture
def store(tmp_path):
    """Two scans and a note in a store; one of the scans is broken."""
    files = fsspec.filesystem("memory")
    write_tiff(tmp_path / "a.tif", np.full((2, 32, 40), 0.5, np.float32), open_beam=60000, energies=("4MV", "6MV"))
    files.pipe({"/year/a.tif": (tmp_path / "a.tif").read_bytes(), "/year/b.tif": b"", "/year/note.txt": b"x"})
    yield files
    files.rm("/year", recursive=True)


def test_a_remote_scan_is_the_local_one(store, tmp_path):
    here, there = read_scan(tmp_path / "a.tif"), read_scan("memory:///year/a.tif")
    assert there.sha256 == here.sha256
    assert np.array_equal(there.transmission, here.transmission)


@pytest.mark.parametrize("source", ["memory:///year", "memory:///year/*.tif"])
def test_prefixes_and_globs_are_their_scans(store, source):
    assert list(expand([source])) == ["memory:///year/a.tif", "memory:///year/b.tif"]


def test_a_run_over_a_store_has_a_row_for_each(store, tmp_path):
    model = tmp_path / "tiny.onnx"
    model.write_bytes(calibrated_model())
    with Sources(expand(["memory:///year", "memory:///gone/*.tif"])) as sources:
        rows = list(Run(sources, BatchSettings(model=str(model), threads=1, tdr=tmp_path), None).rest())
    assert [row["status"] for row in rows] == ["ok", "error", "error"]
    assert rows[2]["error"].startswith("memory:///gone/*.tif: expected a readable file, came FileNotFoundError")
    assert (tmp_path / "a.dcs").is_file()


def test_reading_is_bounded(store):
    with pytest.raises(ScanError, match="expected at most 10 bytes, came "):
        read_remote("memory:///year/a.tif", 10)


def test_without_the_packages_one_line_names_them(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(
        UsageError, match=r"^s3://b/a.tif: expected the packages for s3://, .* pip install fsspec s3fs$"
    ):
        list(expand(["s3://b/a.tif"]))
    monkeypatch.undo()
    with pytest.raises(UsageError, match=r"nosuch://b: expected an address that fsspec knows"):
        list(expand(["nosuch://b"]))
