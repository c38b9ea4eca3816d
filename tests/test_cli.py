"""The program as a user runs it: exit codes, one clear line for each bad input, the rest done."""

import json
import struct
import zlib

import numpy as np
import pytest
from tiny_model import calibrated_model, tiny_model
from typer.testing import CliRunner

from nii.cli import app, main
from nii.io.write import write_tiff
from nii.table import read_jsonl


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
    import io

    pixels = np.ones((2, 32, 32), np.float32)
    pixels[0, 5, 5] = np.nan
    buffer = io.BytesIO()
    np.save(buffer, pixels)
    return buffer.getvalue()


def one_pixel():
    import io

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
