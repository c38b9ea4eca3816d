"""`nii calibrate` end to end, with the tiny model."""

import json

import numpy as np
import onnx
import pytest
from scans import make_scan, make_set
from tiny_model import calibrated_model, tiny_model

from nii import cli
from nii.analysis.record import analyse
from nii.errors import CalibrationError
from nii.fit.calibrate import Outcome, benign_scans, calibrated
from nii.io.read import read_scan
from nii.io.write import write_tiff
from nii.model.contract import KEY, Contract
from nii.model.detector import Detector
from nii.stats.operating_point import Calibration

pytestmark = pytest.mark.slow


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "tiny.onnx"
    path.write_bytes(tiny_model())
    return path


def calibrate(*arguments: object) -> int:
    return int(cli.app([str(a) for a in ("calibrate", "--threads", 1, *arguments)], standalone_mode=False) or 0)


def test_benign_scans_of_a_set_become_the_operating_point_and_concealed_ones_do_not(tmp_path, model, capsys):
    scans, out = make_set(tmp_path / "set", 9, 3), tmp_path / "mine.onnx"
    assert calibrate(model, scans, "--out", out) == 0
    assert "calibration 'default' from 9 benign scans; smallest Pfa 0.1" in capsys.readouterr().out
    detector = Detector.load(out)
    (made,) = detector.contract.calibrations
    assert made.n == 9
    assert max(made.scores) < 0  # the three concealed scans score about 2
    hidden = analyse(make_scan(0.5, 3.5), detector, pfa=0.1)
    assert (hidden.p_value, hidden.alarm) == (0.1, True)
    assert analyse(make_scan(0.5, None), detector, pfa=0.1).alarm is False


def test_the_weights_stay_byte_for_byte(tmp_path, model):
    out = tmp_path / "mine.onnx"
    assert calibrate(model, make_set(tmp_path / "set", 2, 0), "--out", out) == 0
    scan = make_scan(0.7, 2.0)
    assert Detector.load(out).score(scan) == Detector.load(model).score(scan)
    assert model.read_bytes() == tiny_model()


def test_a_budget_that_the_scans_do_not_support_is_refused_and_nothing_is_written(tmp_path, model):
    out = tmp_path / "mine.onnx"
    with pytest.raises(CalibrationError, match=r"Pfa 0\.01: expected at least 99 .* came 3, .* Pfa of 0\.25 or more"):
        calibrate(model, make_set(tmp_path / "set", 3, 0), "--out", out, "--pfa", 0.01)
    assert not out.exists()


def test_a_budget_that_is_none_is_refused_before_any_scan_is_scored(tmp_path, model):
    with pytest.raises(CalibrationError, match="Pfa: expected a number above 0 and below 1, came 5"):
        calibrate(model, tmp_path / "nowhere", "--out", tmp_path / "mine.onnx", "--pfa", 5)


def test_calibrations_of_several_scanners_live_side_by_side(tmp_path, capsys):
    scans, first, second = make_set(tmp_path / "set", 4, 0), tmp_path / "1.onnx", tmp_path / "2.onnx"
    others = make_set(tmp_path / "others", 4, 0, scanner="portal-2")
    model = tmp_path / "tiny.onnx"
    model.write_bytes(calibrated_model(199))
    assert calibrate(model, scans, "--out", first, "--scanner", "portal-1") == 0
    assert calibrate(first, scans, others, "--out", second, "--scanner", "portal-2") == 0
    assert "left out: 4 of scanner portal-1" in capsys.readouterr().out
    detector = Detector.load(second)
    found = {(calibration.name, calibration.scanner, calibration.n) for calibration in detector.contract.calibrations}
    assert found == {("default", None, 199), ("portal-1", "portal-1", 4), ("portal-2", "portal-2", 4)}
    result = analyse(make_scan(0.5, None), detector, pfa=0.5)  # carries the scanner portal-1
    assert (result.calibration.name, result.notes) == ("portal-1", ())
    # again: the old calibration of that scanner is replaced
    assert calibrate(second, scans, "--out", first, "--scanner", "portal-1") == 0
    assert len(Detector.load(first).contract.calibrations) == 3


def test_scans_of_another_scanner_are_none_to_calibrate_on(tmp_path, model):
    scans = make_set(tmp_path / "set", 2, 0)
    with pytest.raises(CalibrationError, match="benign scan of scanner portal-3, came 2 of scanner portal-1"):
        calibrate(model, scans, "--out", tmp_path / "mine.onnx", "--scanner", "portal-3")
    for name in ("", "default", "single-energy"):
        with pytest.raises(CalibrationError, match="scanner: expected a name other than"):
            calibrate(model, scans, "--out", tmp_path / "mine.onnx", "--scanner", name)


def test_a_scan_counts_once_however_often_it_is_given(tmp_path, model, capsys):
    scans, out = make_set(tmp_path / "set", 3, 0), tmp_path / "mine.onnx"
    assert calibrate(model, scans, scans / "scans", "--out", out) == 0
    assert "left out: 3 given twice" in capsys.readouterr().out
    assert Detector.load(out).contract.calibrations[0].n == 3


def test_scans_of_one_energy_make_the_calibration_for_scans_of_one_energy(tmp_path, model):
    both, alone, out = tmp_path / "both.onnx", tmp_path / "alone", tmp_path / "mine.onnx"
    assert calibrate(model, make_set(tmp_path / "set", 2, 0), "--out", both) == 0
    alone.mkdir()
    for number in range(3):
        scan = make_scan(0.5 + number / 10, None)
        write_tiff(alone / f"{number}.tif", scan.transmission[:1], open_beam=60000, energies=("6MV",), pitch_mm=(6, 6))
    assert calibrate(both, alone, "--out", out) == 0
    detector = Detector.load(out)
    assert [(calibration.name, calibration.n) for calibration in detector.contract.calibrations] == [
        ("default", 2),
        ("single-energy", 3),
    ]
    assert analyse(make_scan(0.5, None), detector, pfa=0.5).calibration.name == "default"
    assert analyse(read_scan(str(alone / "0.tif")), detector, pfa=0.5).calibration.name == "single-energy"
    with pytest.raises(CalibrationError, match="came 3 of one energy and 2 of more"):
        calibrate(model, alone, tmp_path / "set", "--out", out)


def test_a_scan_that_cannot_be_read_is_named_and_the_rest_counts(tmp_path, model, capsys):
    scans, out = make_set(tmp_path / "set", 3, 0) / "scans", tmp_path / "mine.onnx"
    (scans / "000.tif").write_bytes(b"II*\0 nothing")
    assert calibrate(model, scans, "--out", out) == 1
    assert "000.tif: expected" in capsys.readouterr().err
    assert Detector.load(out).contract.calibrations[0].n == 2


def test_no_readable_scan_is_refused(tmp_path, model):
    (tmp_path / "bad.tif").write_bytes(b"II*\0 nothing")
    with pytest.raises(CalibrationError, match="expected at least one readable benign scan, came none"):
        calibrate(model, tmp_path / "bad.tif", "--out", tmp_path / "mine.onnx")


def test_of_the_mvtec_layout_only_the_training_half_is_taken(tmp_path):
    for place in ("train/good", "test/good", "test/bricks"):
        (tmp_path / place).mkdir(parents=True)
        scan = make_scan(0.5, None)
        write_tiff(
            tmp_path / place / "000.tif",
            scan.transmission,
            open_beam=60000,
            energies=scan.energies,
            pitch_mm=scan.pitch_mm,
        )
    assert [one.path for one in benign_scans([str(tmp_path)])] == [str(tmp_path / "train" / "good" / "000.tif")]


def test_quality_of_the_scans_travels_with_the_calibration():
    outcomes = [Outcome(str(i), float(i), None, {"noise": 0.01 - i / 1000, "air": 1.0}) for i in range(4)]
    outcomes += [Outcome("4", 4.0, None, {"air": 1.0, "resolution_px": 2.0}), Outcome("5", None, "broken")]
    contract = tiny_contract()
    (made,) = calibrated(contract, outcomes, scanner=None, name=None).calibrations
    # sharpness is known of one scan in five only: nothing to compare with
    assert made.quality == (("air", (1.0,) * 5), ("noise", pytest.approx((0.007, 0.008, 0.009, 0.01))))
    assert Calibration.from_json(json.loads(json.dumps(made.to_json()))) == made


def tiny_contract() -> Contract:
    model = onnx.load_from_string(tiny_model())
    (text,) = (entry.value for entry in model.metadata_props if entry.key == KEY)
    return Contract.from_json(text, "tiny.onnx")


def test_scores_of_the_artefact_are_those_of_the_detector(tmp_path, model):
    scans, out = make_set(tmp_path / "set", 3, 0), tmp_path / "mine.onnx"
    assert calibrate(model, scans, "--out", out) == 0
    detector = Detector.load(out)
    scores = sorted(detector.score(make_scan(0.5 + 0.02 * i, None)) for i in range(3))
    assert detector.contract.calibrations[0].scores == pytest.approx(scores, abs=1e-3)  # 16-bit files
    assert np.all(np.diff(detector.contract.calibrations[0].scores) > 0)
