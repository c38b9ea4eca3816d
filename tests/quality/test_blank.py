"""A scan that shows nothing is no clear scan: nobody decides on it, wherever a decision is used."""

import csv
import io
import json

import numpy as np
import pytest
from fastapi.testclient import TestClient
from pydicom import dcmread
from scans import make_scan, make_set
from serving_tools import settings_for, wait_ready
from tiny_model import calibrated_model, tiny_model
from typer.testing import CliRunner

from nii.analysis.declared.check import question
from nii.analysis.empty.load import find_load
from nii.analysis.record import analyse, error_record, record
from nii.cli import app
from nii.compare.changes import find_changes
from nii.fit.calibrate import Benign, calibrated, left_out, score_benign
from nii.fit.look import Site, look_at_site
from nii.io.table import read_jsonl, read_table
from nii.io.write import write_tiff
from nii.model.detector import Detector
from nii.quality.blank import blank
from nii.run.gallery import write_page
from nii.scan import Kind, Scan
from nii.show.overlay import STRIP, headline, overlay
from nii.show.tdr import write_report
from serving.app import create_app

ROWS, COLUMNS = 96, 160
NAMES = ("4MV", "6MV")


def air(rng):
    return rng.normal(1, 0.005, (2, ROWS, COLUMNS)).astype(np.float32)


def loaded(rng):
    """A box in air."""
    pixels = air(rng)
    pixels[:, 30:70, 40:100] *= 0.3
    return pixels


def changed(pixels, change):
    change(pixels)
    return pixels


def high_black(pixels):
    pixels[1] = 0


def right_half_black(pixels):
    pixels[:, :, COLUMNS // 2 :] = 0


def upper_rows_dark_noise(pixels):
    pixels[:, :40] = np.random.default_rng(1).normal(0.004, 0.001, pixels[:, :40].shape)


def every_second_row_stuck(pixels):
    pixels[0, ::2] = 0.4


def gains(pixels):
    """Row gains, pulse jitter, a dead row and a dead column."""
    rng = np.random.default_rng(2)
    pixels *= rng.normal(1, 0.01, (1, ROWS, 1)) * rng.normal(1, 0.01, (1, 1, COLUMNS))
    pixels[:, 20], pixels[:, :, 70] = 0.5, 0


NOTHING = {
    "black": lambda rng: np.zeros((2, ROWS, COLUMNS), np.float32),
    "beam off, dark noise": lambda rng: rng.normal(0.003, 0.001, (2, ROWS, COLUMNS)).astype(np.float32),
    "a few counts, taken for air": lambda rng: (rng.poisson(3, (2, ROWS, COLUMNS)) / 3).astype(np.float32),
    "constant": lambda rng: np.full((2, ROWS, COLUMNS), 0.47, np.float32),
    "air": air,
    "air with gains and dead lines": lambda rng: changed(air(rng), gains),
    "one energy black": lambda rng: changed(loaded(rng), high_black),
    "half of the columns black": lambda rng: changed(loaded(rng), right_half_black),
    "rows of dark noise": lambda rng: changed(loaded(rng), upper_rows_dark_noise),
    "every second row stuck": lambda rng: changed(loaded(rng), every_second_row_stuck),
}


def thin(pixels):
    """A letter: 3 %."""
    pixels[:, 20:60, 30:90] *= 0.97


def one_dead_row(pixels):
    pixels[:, 5] = 0


def ground(pixels):
    pixels[:, 68:] = 0.002


SOMETHING = {
    "a box": loaded,
    "a box without noise": lambda rng: np.where(np.arange(COLUMNS) > 60, 0.3, 1) * np.ones((2, ROWS, 1)),
    "a letter": lambda rng: changed(air(rng), thin),
    "a box and a dead row": lambda rng: changed(loaded(rng), one_dead_row),
    "a box above black ground": lambda rng: changed(loaded(rng), ground),
    "a wall to the edges, a dense load": lambda rng: np.minimum(loaded(rng) * 0.8, 0.3) * loaded(rng),
}


@pytest.mark.parametrize("name", NOTHING)
def test_a_scan_that_shows_nothing_is_known(rng, name):
    assert blank(Scan(transmission=NOTHING[name](rng), energies=NAMES)) is not None


@pytest.mark.parametrize("name", SOMETHING)
def test_a_scan_that_shows_something_is_no_blank(rng, name):
    assert blank(Scan(transmission=np.asarray(SOMETHING[name](rng), np.float32), energies=NAMES)) is None


def test_the_reason_names_the_energy(rng):
    high = Scan(transmission=changed(loaded(rng), high_black), energies=NAMES)
    assert blank(high) == "6MV is black"
    half = Scan(transmission=changed(loaded(rng), right_half_black))
    assert blank(half) == "image 1 reads nothing in 50% of its columns"


@pytest.mark.parametrize(("colour", "seen"), [(1.0, False), (0.0, False), ("thing", True)])
def test_an_operator_image_of_nothing_is_blank_too(colour, seen):
    pixels = np.full((3, ROWS, COLUMNS), 1.0 if colour == "thing" else colour, np.float32)
    if colour == "thing":
        pixels[1:, 30:70, 40:100] = 0.4  # its red is even
    assert (blank(Scan(transmission=pixels, kind=Kind.OPERATOR_IMAGE)) is None) is seen


# ---- wherever a decision is used


@pytest.fixture
def detector(tmp_path):
    path = tmp_path / "tiny.onnx"
    path.write_bytes(calibrated_model())
    return Detector.load(path, threads=1)


@pytest.fixture
def nothing(rng):
    """Half of the detector is dead; the other half shows what alarms."""
    pixels = changed(loaded(rng) ** 4, right_half_black)
    return Scan(transmission=pixels, energies=NAMES, pitch_mm=(6.0, 6.0), path="half.tif", sha256="00")


@pytest.fixture
def half(nothing, tmp_path):
    return written(tmp_path / "half.tif", nothing.transmission)


def written(path, pixels):
    write_tiff(path, pixels, open_beam=60000, pitch_mm=(6.0, 6.0), energies=NAMES)
    return path


def test_the_record_holds_a_score_and_no_decision_and_says_why(nothing, detector):
    row = record(analyse(nothing, detector, asked=question("rice 20 t", None)))
    assert row["score"] > 0
    assert [row[name] for name in ("p_value", "alarm", "calibration", "empty")] == [None] * 4
    assert row["blank"] == "4MV reads nothing in 50% of its columns"
    assert row["regions"] == row["cargo"] == []
    assert "shows nothing, no decision: 4MV reads nothing in 50% of its columns" in row["quality"]["notes"]
    assert (row["load"]["answer"], row["load"]["why"][:22]) == ("undetermined", "the scan shows nothing")
    assert (row["declared"]["answer"], row["declared"]["mass"]["answer"]) == ("undetermined", "undetermined")


def test_a_budget_that_the_calibration_does_not_support_is_refused_all_the_same(nothing, detector):
    from nii.errors import CalibrationError

    with pytest.raises(CalibrationError, match="expected at least 999"):
        analyse(nothing, detector, pfa=0.001)


def test_the_program_counts_it_apart_and_the_tables_hold_nulls(half, detector, tmp_path):
    clear = written(tmp_path / "clear.tif", make_scan(0.5, None).transmission)
    for name in ("r.jsonl", "r.parquet", "r.csv"):
        said = CliRunner().invoke(
            app,
            ["score", str(half), str(clear), "--model", str(tmp_path / "tiny.onnx"), "--out", str(tmp_path / name)],
        )
        assert said.exit_code == 0, said.output
        assert said.output.splitlines()[0].startswith("no decision  ")
        assert said.output.splitlines()[-1] == "2 scans: 0 alarms, 1 without, 1 undecided, 0 failed"
    for rows in (read_jsonl(tmp_path / "r.jsonl"), list(read_table(tmp_path / "r.parquet"))):
        assert [(row["alarm"], row["p_value"] is None) for row in rows] == [(None, True), (False, False)]
        assert [row["blank"] for row in rows] == ["4MV reads nothing in 50% of its columns", None]
    with (tmp_path / "r.csv").open() as file:
        assert [row["alarm"] for row in csv.DictReader(file)] == ["", "false"]


def test_picture_and_page_show_neither_clear_nor_alarm(nothing, detector, tmp_path):
    result = analyse(nothing, detector)
    assert headline(result).startswith("no decision, shows nothing: 4MV reads nothing in 50% of its columns  score")
    coloured = [np.ptp(overlay(one)[:STRIP], axis=2).any() for one in (result, analyse(make_scan(0.5, None), detector))]
    assert coloured == [False, True], "the line of a clear scan is green, of an alarm red"
    clear = analyse(make_scan(0.5, None), detector)
    write_page(tmp_path, [("c", record(clear)), ("e", error_record("e.tif", "e.tif: bad")), ("h", record(result))])
    page = (tmp_path / "index.html").read_text()
    assert "3 scans, 0 alarms, 1 undecided." in page
    assert '<span class="none">no decision</span> half.tif' in page
    assert "shows nothing, no decision" in page
    assert page.index("half.tif") < page.index('class="clear"')


@pytest.mark.parametrize("calibration", ["with", "without"])
def test_the_report_of_a_scan_that_nobody_decided_on_says_unknown(nothing, detector, tmp_path, calibration):
    if calibration == "without":
        (tmp_path / "plain.onnx").write_bytes(tiny_model())
        detector, nothing = Detector.load(tmp_path / "plain.onnx", threads=1), make_scan(0.5, 3.5)
    buffer = io.BytesIO()
    write_report(buffer, analyse(nothing, detector), b"")
    report = dcmread(io.BytesIO(buffer.getvalue()))
    assert (report.AlarmDecision, len(report.ThreatSequence)) == ("UNKNOWN", 0)


def test_the_reference_toolkit_reads_an_unknown_decision(nothing, detector, tmp_path):
    toolkit = pytest.importorskip("pydicos", reason="need pydicos, the reference toolkit (closed, Linux only)")
    path = tmp_path / "report.dcs"
    write_report(path, analyse(nothing, detector), b"")
    assert toolkit.TDRLoader(str(path)).get_data()["AlarmDecision"].name == "enumUnknownAlarmDecision"


def test_the_service_answers_it_without_a_decision_and_counts_it(half, tmp_path):
    with TestClient(create_app(settings_for(tmp_path))) as client:
        wait_ready(client)
        answer = client.post("/v1/scans", files={"file": half.read_bytes()})
        report = client.post(
            "/v1/scans", files={"file": half.read_bytes()}, headers={"Accept": "application/dicom"}
        ).content
        figures = client.get("/metrics").text
    found = answer.json()
    assert (found["alarm"], found["p_value"], found["regions"], found["candidates"]) == (None, None, [], [])
    assert json.loads(answer.headers["x-nii-trace"])["alarm"] is None
    assert dcmread(io.BytesIO(report)).AlarmDecision == "UNKNOWN"
    assert 'nii_scans_total{decision="undecided",scanner="others"} 2.0' in figures
    assert 'decision="clear"' not in figures


def test_it_sets_no_operating_point(half, detector, tmp_path):
    clear = written(tmp_path / "clear.tif", make_scan(0.5, None).transmission)
    scans, site = [Benign(str(half)), Benign(str(clear))], Site()
    outcomes = list(score_benign(detector, scans))
    assert left_out(outcomes) == "1 showing nothing"
    assert list(look_at_site(detector, scans, None, site)) == [1, 2]  # nii fit
    assert (left_out(site.outcomes), len(site.looks)) == ("1 showing nothing", 1)
    assert calibrated(detector.contract, outcomes, scanner=None, name=None).calibrations[-1].n == 1


def test_an_evaluation_leaves_it_out_and_says_so(half, tmp_path):
    scans, out = make_set(tmp_path / "set", 3, 2), tmp_path / "report"
    (tmp_path / "tiny.onnx").write_bytes(calibrated_model())
    for name in ("001.tif", "004.tif"):
        (scans / "scans" / name).write_bytes(half.read_bytes())
    (scans / "masks" / "004.png").unlink()
    said = CliRunner().invoke(app, ["evaluate", str(scans), "--model", str(tmp_path / "tiny.onnx"), "--out", str(out)])
    figures = json.loads((out / "metrics.json").read_text())
    assert said.exit_code == 1
    assert figures["scans"] == {"benign": 2, "concealed": 1, "failed": 2, "total": 5}
    assert [one["name"] for one in figures["failed"]] == ["001", "004"]
    assert all("came one in which 4MV reads nothing in 50%" in one["error"] for one in figures["failed"])


@pytest.mark.parametrize("when", ["earlier", "later"])
def test_two_passages_are_not_compared_where_one_shows_nothing(nothing, rng, when):
    other = Scan(transmission=loaded(rng), energies=NAMES, pitch_mm=(6.0, 6.0))
    found = find_changes(*((nothing, other) if when == "earlier" else (other, nothing)))
    assert (found.answer, found.p_value) == ("undetermined", None)
    assert found.why == f"the {when} scan shows nothing: 4MV reads nothing in 50% of its columns"


def test_nothing_is_not_empty(rng):
    dark = Scan(transmission=NOTHING["black"](rng), energies=NAMES, pitch_mm=(6.0, 6.0))
    assert (find_load(dark).answer, find_load(dark).why) == ("undetermined", "the scan shows nothing: 4MV is black")
