"""A run of many scans: the same table whoever scores it and however often it is killed."""

import os
import signal
import subprocess
import sys
import time
import tracemalloc
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from tiny_model import calibrated_model

from nii.errors import ModelError, OutputError
from nii.io.table import read_jsonl
from nii.io.write import write_tiff
from nii.model.detector import Detector
from nii.run.batch import BatchSettings, Run, Sources, expand, unique_stem
from nii.workers import dask_cluster, processes

pytestmark = pytest.mark.slow

SCANS = 13
PROGRAM = "import nii.run.parts, sys; nii.run.parts.ROWS = 5; from nii.cli import main; main(sys.argv[1:])"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    path.write_bytes(calibrated_model())
    return str(path)


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """Scans of several sizes and scores, two of them no scans at all."""
    folder = tmp_path_factory.mktemp("scans")
    for i in range(SCANS):
        pixels = np.full((2, 24 + i, 60), 0.9, np.float32)
        pixels[:, 5:15, 20:50] = np.exp(-i / 3)
        write_tiff(folder / f"{i:02d}.tif", pixels, open_beam=60000, pitch_mm=(6.0, 6.0), energies=("4MV", "6MV"))
    (folder / "04.tif").write_bytes(b"no scan")
    (folder / "07.tif").write_bytes((folder / "08.tif").read_bytes()[:300])
    return folder


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr("nii.run.parts.ROWS", 5)


def scored(scans, model, out, crew=None, **settings):
    """All rows of a run, without what every call measures anew."""
    with Sources(expand([str(scans)])) as sources:
        run = Run(sources, BatchSettings(model=model, threads=1, **settings), out)
        return [still(row) for row in [*run.earlier(), *run.rest(crew)]]


def still(row):
    return {key: value for key, value in row.items() if key != "milliseconds"}


@pytest.fixture(scope="module")
def undisturbed(scans, model):
    return scored(scans, model, None)


def test_every_scan_has_a_row_in_order_and_failures_are_rows(undisturbed, scans):
    assert [row["path"] for row in undisturbed] == [str(scans / f"{i:02d}.tif") for i in range(SCANS)]
    assert [i for i, row in enumerate(undisturbed) if row["status"] == "error"] == [4, 7]
    assert len({row["alarm"] for row in undisturbed}) == 3
    assert undisturbed[0]["scan"]["rows"] == 24


def test_scans_that_the_network_takes_together_have_the_rows_of_scans_taken_alone(model, tmp_path, monkeypatch):
    for i in range(9):
        pixels = np.full((2, 24 if i < 6 else 30, 60), 0.9, np.float32)
        pixels[:, 5:15, 20:50] = np.exp(-i / 3)
        energies = ("4MV", "6MV") if i < 8 else ("160kV-low", "160kV-high")
        write_tiff(tmp_path / f"{i}.tif", pixels, open_beam=60000, pitch_mm=(6.0, 6.0), energies=energies)
    (tmp_path / "2.tif").write_bytes(b"no scan")
    alone, sizes, run = scored(tmp_path, model, None), [], Detector._run
    monkeypatch.setattr(Detector, "at_once", 3)

    def watched(self, names, scans):
        sizes.append(len(scans))
        if any(scan.path.endswith("4.tif") for scan in scans):
            raise ModelError("expected a finite score, came nan")
        return run(self, names, scans)

    monkeypatch.setattr(Detector, "_run", watched)
    rows = scored(tmp_path, model, None)
    assert [row["status"] for row in rows] == ["ok", "ok", "error", "ok", "error", *["ok"] * 4]
    assert [row for i, row in enumerate(rows) if i != 4] == [row for i, row in enumerate(alone) if i != 4]
    assert sizes == [2, 3, 1, 1, 1, 3]


def test_a_run_cut_anywhere_goes_on_to_the_same_table(small_parts, undisturbed, scans, model, tmp_path):
    for cut in (0, 4, 5, 6, SCANS - 1, SCANS):
        out = tmp_path / f"{cut}.jsonl"
        with Sources(expand([str(scans)])) as sources:
            rest = Run(sources, BatchSettings(model=model, threads=1), out).rest()
            for _ in range(cut):
                next(rest)
            del rest  # the table is not finished
        assert scored(scans, model, out) == undisturbed
        assert [still(row) for row in read_jsonl(out)] == undisturbed


def test_the_rest_of_a_run_is_the_rest_whoever_reads_the_earlier_rows(small_parts, undisturbed, scans, model, tmp_path):
    for read in (0, 3):
        out = tmp_path / f"{read}.jsonl"
        with Sources(expand([str(scans)])) as sources:
            list(islice(Run(sources, BatchSettings(model=model, threads=1), out).rest(), 7))
            run = Run(sources, BatchSettings(model=model, threads=1), out)
            assert [still(row) for row in islice(run.earlier(), read)] == undisturbed[:read]
            assert [still(row) for row in run.rest()] == undisturbed[7:]
        assert [still(row) for row in read_jsonl(out)] == undisturbed


def test_what_stops_a_run_costs_none_of_its_rows(undisturbed, scans, model, tmp_path, monkeypatch):
    def full(path, data):
        raise OutputError(f"{path}: expected to write, came: No space left on device")

    out, command = tmp_path / "t.jsonl", BatchSettings(model=model, threads=1, overlays=tmp_path)
    with Sources(expand([str(scans)])) as sources:
        rest = Run(sources, command, out).rest()
        for _ in range(3):
            next(rest)
        monkeypatch.setattr("nii.io.write.write_atomically", full)
        with pytest.raises(OutputError, match="No space left"):
            list(rest)
        monkeypatch.undo()
        run = Run(sources, command, out)
        assert len(list(run.earlier())) == 3
        assert [still(row) for row in run.rest()] == undisturbed[3:]


def test_killed_by_9_and_called_again_it_goes_on_where_it_was(undisturbed, scans, model, tmp_path):
    out = tmp_path / "t.jsonl"
    command = [sys.executable, "-c", PROGRAM, "score", str(scans), "--model", model, "--threads", "1"]
    first = subprocess.Popen([*command, "--out", str(out)], stdout=subprocess.PIPE, text=True)
    until = time.monotonic() + 120
    while not list(tmp_path.glob(".t.jsonl.parts/00000001.jsonl")):
        assert first.poll() is None, first.communicate()
        assert time.monotonic() < until
        time.sleep(0.002)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    assert not out.exists()
    second = subprocess.run([*command, "--out", str(out)], capture_output=True, text=True, check=False)
    assert second.returncode == 1  # two are no scans
    assert "of 13 scans were scored before" in second.stdout.splitlines()[0]
    assert [still(row) for row in read_jsonl(out)] == undisturbed


def test_processes_give_the_same_rows_and_pictures(undisturbed, scans, model, tmp_path):
    rows = scored(scans, model, tmp_path / "t.parquet", processes(2), overlays=tmp_path)
    assert rows == undisturbed
    assert len(list(tmp_path.glob("*.without.png"))) == SCANS - 2


def test_a_dask_cluster_gives_the_same_rows_though_a_worker_is_killed(undisturbed, scans, model):
    with dask_cluster("local", 2) as crew, Sources(expand([str(scans)] * 3)) as sources:
        rest = Run(sources, BatchSettings(model=model, threads=1), None).rest(crew)
        first = next(rest)
        os.kill(next(iter(pids())), signal.SIGKILL)
        assert [still(row) for row in [first, *rest]] == undisturbed * 3


def pids():
    """Processes of the Dask workers."""
    from distributed import get_client

    return get_client().run(os.getpid).values()


def test_a_finished_folder_is_not_scored_again(undisturbed, scans, model, tmp_path):
    out = tmp_path / "table"
    assert scored(scans, model, out) == undisturbed
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    with Sources(expand([str(scans)])) as sources:
        run = Run(sources, BatchSettings(model=model, threads=1), out)
        assert len(list(run.earlier())) == SCANS
        assert list(run.rest()) == []
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == before


def test_names_take_no_memory_however_many_there_are():
    tracemalloc.start()
    with Sources(f"/archive/2026/{number:09d}.tif" for number in range(20_000)) as sources:
        assert sum(1 for _ in sources) == sources.count == 20_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200_000  # bytes; a list of the names takes 1.7 MB


def test_folders_and_globs_are_their_scans_and_names_stay_as_they_are(scans):
    assert len(list(expand([str(scans)]))) == SCANS
    assert list(expand([f"{scans}/0[12].tif", "no such.tif"])) == [
        str(scans / "01.tif"),
        str(scans / "02.tif"),
        "no such.tif",
    ]
    assert list(expand([str(scans / "*.nothing")])) == [str(scans / "*.nothing")]  # a row says what is wrong


@pytest.mark.parametrize(
    "names", [("a/x.tif", "b/x.tif", "x-2.tif", "l.png,h.png"), ("x.tif", "x.without.tif", "X.tif")]
)
@pytest.mark.parametrize("turn", [1, -1])
def test_no_picture_of_a_scan_has_the_name_of_a_picture_of_another(names, turn):
    used: dict[str, int] = {}
    stems = [unique_stem(name, used) for name in names[::turn]]
    files = [f"{stem}{ending}".casefold() for stem in stems for ending in (".png", ".without.png")]
    assert len(set(files)) == len(files)
    assert stems[0] == Path(names[::turn][0].split(",")[0]).stem


def test_a_picture_is_never_written_over_a_scan_or_what_else_is_not_ours(scans, model, tmp_path):
    import cv2

    (tmp_path / "notes.png").write_bytes(b"mine")
    (tmp_path / "x.dcs").write_bytes(b"mine too")
    cv2.imwrite(str(tmp_path / "x.png"), np.full((32, 40), 30000, np.uint16))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for _ in range(2):
        (row,) = scored(tmp_path / "x.png", None, None, overlays=tmp_path, tdr=tmp_path)
        assert row["status"] == "ok"
    assert {path: path.read_bytes() for path in before} == before
    names = {path.name for path in tmp_path.iterdir()} - {path.name for path in before}
    assert names == {"x-2.png", "x-2.without.png", "x-2.dcs"}
    assert list(expand([str(tmp_path)])) == [str(tmp_path / name) for name in ("notes.png", "x.dcs", "x.png")]


def test_each_of_many_scans_of_one_name_is_tried_once(monkeypatch):
    asked = []
    monkeypatch.setattr("nii.run.batch._forms", lambda name: asked.append(name) or {name})
    used: dict[str, int] = {}
    stems = [unique_stem(f"{number}/x.tif", used) for number in range(50)]
    assert stems == ["x", *(f"x-{number}" for number in range(2, 51))]
    assert len(asked) <= 2 * len(stems)


@pytest.mark.parametrize("stem", ["a" * 251, "ü" * 120, "😀" * 60])
def test_pictures_of_scans_with_long_names_have_shorter_ones(stem):
    used: dict[str, int] = {}
    names = [unique_stem(f"{folder}/{stem}.tif", used) for folder in "ab"]
    assert names[0] != names[1]
    assert all(len(f"{name}.without.png".encode()) <= 255 for name in names)
    assert unique_stem(f"{stem[:-1]}b.tif", used)[-9:] != names[0][-9:]  # the hash tells them apart
