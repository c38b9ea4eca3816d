"""The program as a user runs it: exit codes, one clear line for each bad input, the rest done."""

import io
import json
import os
import re
import resource
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from urllib.parse import unquote_to_bytes

import numpy as np
import pytest
from tiny_model import calibrated_model, tiny_model
from typer.testing import CliRunner

import nii.studies
from nii.cli import app, main
from nii.io.table import read_jsonl
from nii.io.write import write_tiff

pytestmark = pytest.mark.slow


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "tiny.onnx"
    path.write_bytes(calibrated_model())
    return path


@pytest.fixture
def scan(tmp_path):
    return write_scan(tmp_path / "good.tif", 4.0)


def write_scan(path, attenuation):
    pixels = np.full((2, 48, 80), 0.9, np.float32)
    pixels[:, 10:34, 20:50] = np.exp(-attenuation)
    write_tiff(path, pixels, open_beam=60000, pitch_mm=(6.0, 6.0), energies=("4MV", "6MV"), scanner="test")
    return path


def run(capfd, *arguments):
    """Exit code, standard output and standard error of the program."""
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    out = capfd.readouterr()
    return stop.value.code, out.out, out.err


def png_header(width, height):
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 16, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def nan_scan():
    pixels = np.ones((2, 32, 32), np.float32)
    pixels[0, 5, 5] = np.nan
    buffer = io.BytesIO()
    np.save(buffer, pixels)
    return buffer.getvalue()


def one_pixel():
    buffer = io.BytesIO()
    np.save(buffer, np.ones((1, 1, 1), np.float32))
    return buffer.getvalue()


BAD = {
    "text.tif": lambda good: b"this is a text file",
    "empty.tif": lambda good: b"",
    "truncated.tif": lambda good: good[: len(good) // 2],
    "nan.npy": lambda good: nan_scan(),
    "pixel.npy": lambda good: one_pixel(),
    "huge.png": lambda good: png_header(60000, 60000),
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_a_bad_scan_is_one_line_and_the_other_files_are_scored(capfd, tmp_path, model, scan, name):
    bad, out = tmp_path / name, tmp_path / "out.jsonl"
    bad.write_bytes(BAD[name](scan.read_bytes()))
    code, said, complained = run(capfd, "score", bad, scan, "--model", model, "--out", out)
    assert code == 1
    assert "Traceback" not in said + complained
    wrong = [line for line in said.splitlines() if line.startswith("error")]
    assert len(wrong) == 1
    assert name in wrong[0]
    assert "expected" in wrong[0]
    rows = read_jsonl(out)
    assert [row["status"] for row in rows] == ["error", "ok"]
    assert rows[1]["alarm"] is True


@pytest.mark.parametrize("content", [b"", b"no model", tiny_model()[:500]], ids=["empty", "text", "truncated"])
def test_a_file_that_is_no_model_stops_with_one_line_and_exit_2(capfd, tmp_path, scan, content):
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(content)
    code, _, complained = run(capfd, "score", scan, "--model", bad)
    assert code == 2
    assert complained.count("\n") == 1
    assert "bad.onnx: expected" in complained


def test_missing_file_unknown_ending_and_impossible_budget(capfd, tmp_path, model, scan):
    assert run(capfd, "score", tmp_path / "none.tif", "--model", model)[0] == 1
    code, _, complained = run(capfd, "score", scan, "--model", model, "--out", tmp_path / "out.xls")
    assert (code, complained.count("\n")) == (2, 1)
    code, _, complained = run(capfd, "score", scan, "--model", model, "--pfa", "0.0001")
    assert code == 2
    assert "expected at least 9999 benign calibration scans, came 199" in complained


def test_a_budget_that_only_another_scanner_supports_fails_the_scans_of_the_others(capfd, tmp_path, model, scan):
    few, out = tmp_path / "few.onnx", tmp_path / "out.jsonl"
    benign = [write_scan(tmp_path / f"b{i}.tif", 1.0 + i / 10) for i in range(3)]
    assert run(capfd, "calibrate", model, *benign, "--out", few, "--scanner", "test")[0] == 0
    other = tmp_path / "other.tif"
    write_tiff(other, np.full((2, 48, 80), 0.5, np.float32), open_beam=60000)
    code, said, _ = run(capfd, "score", scan, other, "--model", few, "--pfa", "0.05", "--out", out)
    assert code == 1
    assert "calibration 'test': Pfa 0.05: expected at least 19 benign calibration scans, came 3" in said
    assert [row["status"] for row in read_jsonl(out)] == ["error", "ok"]


def test_a_registry_without_a_declaration_is_refused_not_ignored(capfd, model, scan):
    code, _, complained = run(capfd, "score", scan, "--model", model, "--registry", scan)
    assert code == 2
    assert "--registry: expected with --declared" in complained


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
def test_score_writes_every_kind_of_table(capfd, tmp_path, model, scan, ending):
    out = tmp_path / f"out{ending}"
    code, said, _ = run(capfd, "score", scan, "--model", model, "--out", out)
    assert code == 0
    assert said.splitlines()[-1] == "1 scans: 1 alarms, 0 without, 0 failed"
    assert out.stat().st_size > 100
    if ending == ".parquet":
        import duckdb

        (row,) = duckdb.execute("SELECT path, alarm, regions[1].family FROM read_parquet(?)", [str(out)]).fetchall()
        assert row == (str(scan), True, "bricks")


def test_overlays_and_reports_are_written_for_every_scan(capfd, tmp_path, model, scan):
    import cv2
    import pydicom

    other = write_scan(tmp_path / "sub.tif", 0.2)
    code, _, _ = run(
        capfd, "score", scan, other, "--model", model, "--overlays", tmp_path / "o", "--tdr", tmp_path / "t"
    )
    assert code == 0
    assert cv2.imread(str(tmp_path / "o" / "good.png")).shape[1] == 80
    page = (tmp_path / "o" / "index.html").read_text()
    assert "good.png" in page
    assert "sub.png" in page
    report = pydicom.dcmread(tmp_path / "t" / "good.dcs")
    assert report.AlarmDecision == "ALARM"
    assert len(report.ThreatSequence) == 1


def test_calibrate_then_score_at_the_new_operating_point(capfd, tmp_path, model):
    benign = [write_scan(tmp_path / f"b{i:02d}.tif", 1.0 + i / 40) for i in range(40)]
    out = tmp_path / "mine.onnx"
    code, said, _ = run(capfd, "calibrate", model, *benign, "--out", out, "--scanner", "test")
    assert code == 0
    assert "40 benign scans; smallest Pfa 0.0244" in said
    alarm = run(capfd, "score", write_scan(tmp_path / "c.tif", 2.5), "--model", out, "--pfa", "0.05")[1]
    clear = run(capfd, "score", write_scan(tmp_path / "d.tif", 1.5), "--model", out, "--pfa", "0.05")[1]
    assert alarm.startswith("ALARM")
    assert clear.startswith("clear")
    assert run(capfd, "calibrate", model, *benign, "--out", out, "--pfa", "0.001")[0] == 2


def test_info_prints_json(capfd, scan):
    code, said, _ = run(capfd, "info", scan)
    found = json.loads(said)
    assert code == 0
    assert (found["energies"], found["pitch_mm"], found["scanner"]) == (["4MV", "6MV"], [6.0, 6.0], "test")


def test_a_command_without_arguments_shows_help():
    assert "Usage" in CliRunner().invoke(app, []).output


def test_a_list_on_standard_input_is_read_as_any_system_writes_it(capfd, tmp_path, model, scan, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"\ufeff{scan}\r\n\r\n".encode())))
    code, said, _ = run(capfd, "score", "-", "--model", model)
    assert (code, said.splitlines()[-1]) == (0, "1 scans: 1 alarms, 0 without, 0 failed")


def test_names_that_are_no_text_reach_every_output_and_links_lead_to_the_pictures(capfd, tmp_path, model, scan):
    folder, pictures = tmp_path / "in", tmp_path / "pictures"
    folder.mkdir()
    for name in (b"Z\xfcrich.tif", b"100% #1 a?b'c&d:e.tif"):
        (folder / os.fsdecode(name)).write_bytes(scan.read_bytes())
    for ending in (".jsonl", ".parquet", ".csv", ""):
        out = tmp_path / f"out{ending}"
        code, said, _ = run(capfd, "score", folder, "--model", model, "--out", out, "--overlays", pictures)
        assert code == 0
        assert "Z\\xfcrich.tif" in said
    page = (pictures / "index.html").read_text(encoding="utf-8")
    links = [unquote_to_bytes(link) for link in re.findall(r'src="([^"]*)"', page)]
    assert sorted(links) == sorted(os.fsencode(path.name) for path in pictures.glob("*.png"))
    assert len(links) == 4


def test_what_a_run_wrote_is_not_scored_by_the_next(capfd, tmp_path, model, scan):
    folder = tmp_path / "in"
    folder.mkdir()
    scan.rename(folder / "a.tif")
    for _ in range(2):
        for extra in (["--overlays", folder / "p", "--tdr", folder / "r"], ["--overlays", folder, "--tdr", folder]):
            code, said, _ = run(capfd, "score", folder, "--model", model, "--out", folder / "t.csv", *extra)
            assert (code, said.splitlines()[-1]) == (0, "1 scans: 1 alarms, 0 without, 0 failed")


def outputs(kind, scan, model, at):
    """The arguments of every command that writes, with its output at a place."""
    benign = scan.with_name("other.tif")
    return {
        "score": ("score", scan, "--model", model, "--out", f"{at}.parquet"),
        "parts": ("score", scan, "--model", model, "--out", at),
        "overlays": ("score", scan, "--model", model, "--overlays", at),
        "tdr": ("score", scan, "--model", model, "--tdr", at),
        "evaluate": ("evaluate", scan.parent, "--model", model, "--out", at),
        "calibrate": ("calibrate", model, benign, "--out", at),
        "fit": ("fit", model, benign, "--out", f"{at}.onnx"),
        "compare": ("compare", scan, benign, "--out", at),
        "picture": ("compare", scan, benign, "--overlay", at),
        "simulate": ("simulate", "cargo", at, "--scans", "1"),
        "phantom": ("simulate", "phantom", at, "--scans", "1"),
        "scanner": ("scanner", "fit", scan, benign, "--out", at),
        "export": ("export", model, at),
    }[kind]


EVERY = ("score", "parts", "overlays", "tdr", "evaluate", "calibrate", "compare", "picture", "simulate", "phantom",
         "scanner", "export", "fit")  # fmt: skip


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("place", ["in a file", "full disk"])
def test_what_cannot_be_written_is_one_line_before_any_work(capfd, tmp_path, model, scan, monkeypatch, kind, place):
    def work(*_, **__):
        raise AssertionError("the work began")

    for name in ("nii.io.read.read_scan", "nii.io.scanset.read_scan", "nii.simulate.sets.scan.simulate"):
        monkeypatch.setattr(name, work)
    if place == "full disk":
        monkeypatch.setattr("nii.io.outputs.LEAST_FREE", 1 << 62)
    (tmp_path / "file").write_text("mine")
    at = tmp_path / ("file/x" if place == "in a file" else "new/x")
    code, said, complained = run(capfd, *outputs(kind, scan, model, at))
    assert (code, said, complained.count("\n")) == (2, "", 1), complained
    assert "expected" in complained
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    "arguments",
    [
        ("score", "a.tif", "--out", "t", "--overlays", "t"),
        ("score", "a.tif", "--model", "m.csv", "--out", "m.csv"),
        ("calibrate", "m.onnx", "a.tif", "--out", "m.onnx"),
        ("calibrate", "m.onnx", "a.tif", "--out", "a.tif"),
        ("compare", "a.tif", "b.tif", "--out", "b.tif"),
        ("compare", "a.tif", "b.tif", "--out", "c.json", "--overlay", "./c.json"),
        ("scanner", "fit", "s.csv", "t.csv", "--out", "t.csv"),
        ("export", "m.onnx", "m.onnx"),
        ("evaluate", "set", "--out", "set"),
    ],
)
def test_an_output_in_the_place_of_an_input_or_another_output_is_refused(capfd, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    code, _, complained = run(capfd, *arguments)
    assert (code, complained.count("\n")) == (2, 1)
    assert "expected another path than that of" in complained
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_in_the_midst_is_one_line_and_exit_1(capfd, tmp_path, model, rng):
    scan, out = tmp_path / "noise.tif", tmp_path / "out.jsonl"
    write_tiff(scan, rng.uniform(0.1, 0.9, (2, 90, 120)).astype(np.float32), open_beam=60000)  # its pictures are large
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
    try:
        code, _, complained = run(capfd, "score", scan, "--model", model, "--overlays", tmp_path, "--out", out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (code, complained.count("\n")) == (1, 1)
    assert complained.endswith("File too large\n")
    assert run(capfd, "score", scan, "--model", model, "--overlays", tmp_path, "--out", out)[0] == 0


def test_without_memory_to_share_several_processes_are_refused_in_one_line(capfd, tmp_path, model, scan, monkeypatch):
    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("multiprocessing.synchronize.SemLock.__init__", refuse)
    for command in (
        ("score", scan, "--model", model, "--workers", "2"),
        ("score", scan, "--model", model, "--workers", "2", "--cluster", "local"),
        ("simulate", "cargo", tmp_path / "set", "--scans", "2", "--workers", "2"),
    ):
        code, _, complained = run(capfd, *command)
        assert (code, complained.count("\n")) == (2, 1)
        assert "expected shared memory (/dev/shm) for several processes, came: [Errno 30]" in complained


def test_a_full_standard_output_is_one_line(tmp_path, model, scan):
    command = [sys.executable, "-c", "from nii.cli import main; main()", "score", str(scan), "--model", str(model)]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "No space left on device" in done.stderr


def test_a_study_is_a_command_with_options_of_its_own(capsys):
    with pytest.raises(SystemExit) as end:
        main(["study", "physics", "-h"])
    assert end.value.code == 0
    assert "usage: nii study physics" in capsys.readouterr().out
    with pytest.raises(SystemExit) as end:
        main(["study", "chemistry"])
    assert end.value.code == 2
    assert "nii study: expected one of compare, compare_standard, " in capsys.readouterr().err


def test_every_study_is_listed():
    folder = Path(nii.studies.__file__).parent
    runnable = {path.stem for path in folder.glob("*.py") if "\ndef main(" in path.read_text()}
    assert set(nii.studies.STUDIES) == runnable
