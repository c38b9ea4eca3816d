"""`nii fit` end to end, with the tiny model."""

import json

import numpy as np
import pytest
from scans import make_set
from tiny_model import calibrated_model

from nii import cli
from nii.errors import CalibrationError, UsageError
from nii.fit.calibrate import Outcome
from nii.fit.look import FAMILIES, ScanCandidates, Site, look_at_site, on_grid
from nii.fit.report import figures, rate
from nii.fit.run import fit_judge, fitted_contract
from nii.fit.site import Request, fit_site
from nii.io.read import read_scan
from nii.io.scanset import read_set
from nii.model.detector import Detector
from nii.model.judge import Judge, read_judge
from nii.simulate.sets.truth import Hidden

pytestmark = pytest.mark.slow

CAME = Judge(np.array([1, 0], np.float32), np.zeros(1, np.float32))


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "tiny.onnx"
    path.write_bytes(calibrated_model())
    return path


def fit(*arguments: object) -> int:
    return int(cli.app([str(a) for a in ("fit", "--threads", 1, *arguments)], standalone_mode=False) or 0)


def hidden(mass=1.0):
    zeros = np.zeros((1, 4, 4), np.float32)
    return Hidden("bricks", mass, 0.0, 0, 0, zeros, np.ones((4, 4), np.bool_))


def site(rng, scans, told):
    """Scans of two candidates whose evidence says nothing; the second feature tells what was put in, if told."""
    made = Site()
    for number in range(scans):
        looks = []
        for what in (None, hidden(), hidden()):
            features = rng.normal(size=(2, 2)).astype(np.float32)
            features[1, 1] += 5 * (told and what is not None)
            looks.append(ScanCandidates(features, np.array([False, what is not None]), what))
        made.looks.append(looks)
        made.paths.append(f"{number}.tif")
        made.loads.append("sacks")
        made.outcomes.append(Outcome(f"{number}.tif", float(looks[0].features[:, 0].max()), None))
    return made


def test_a_judge_that_tells_what_was_put_in_replaces_the_one_that_came(rng):
    fitted = fit_judge(site(rng, 60, told=True), CAME)
    assert fitted.gained
    assert fitted.judge.weight[1] > 0.3
    first = np.mean([one.first for one in fitted.inserted], axis=0)
    assert first[0] < 0.7
    assert first[1] > 0.9


def test_where_nothing_is_gained_the_judge_and_the_other_calibrations_stay(rng, model):
    looked = site(rng, 60, told=False)
    fitted = fit_judge(looked, CAME)
    assert not fitted.gained
    assert fitted.judge is CAME
    contract = fitted_contract(Detector.load(model).contract, looked, fitted, "north")
    assert [calibration.name for calibration in contract.calibrations] == ["default", "north"]
    assert contract.calibrations[1].scores == tuple(sorted(np.float32(outcome.score) for outcome in looked.outcomes))


def test_operating_points_of_another_judge_go(rng, model):
    looked = site(rng, 60, told=True)
    fitted = fit_judge(looked, CAME)
    (made,) = fitted_contract(Detector.load(model).contract, looked, fitted, "north").calibrations
    assert made.name == "north"
    assert made.scores == tuple(np.sort(fitted.benign[:, 1]).astype(np.float32).tolist())


def test_the_command_writes_model_page_and_figures(tmp_path, model, capsys):
    scans, out = make_set(tmp_path / "set", 12, 3), tmp_path / "site.onnx"
    assert fit(model, scans, "--out", out) == 0
    said = capsys.readouterr().out
    assert "12 benign scans" in said
    assert "smallest Pfa 0.0769 on average, 0.221 with 95 % confidence" in said
    found = json.loads(out.with_suffix(".json").read_text())
    assert found["scans"] == 12
    assert found["insertions"] > 24
    assert set(found["families"]) <= set(FAMILIES)
    assert "What the operating points promise" in out.with_suffix(".html").read_text()
    detector = Detector.load(out)
    assert detector.contract.calibrations[-1].n == 12
    scan = read_scan(scans / "scans" / "000.tif")
    judge = read_judge(out.read_bytes(), "site.onnx")
    features = detector.seen(scan).features
    assert detector.score(scan) == pytest.approx(float((features @ judge.weight + judge.bias).max()), abs=1e-4)


def test_a_scan_given_twice_counts_once_and_a_broken_one_is_told(tmp_path, model, capsys):
    scans = make_set(tmp_path / "set", 4, 0)
    (tmp_path / "broken.tif").write_bytes(b"II*\0")
    one = scans / "scans" / "001.tif"
    assert fit(model, scans, one, tmp_path / "broken.tif", "--out", tmp_path / "site.onnx") == 1
    said = capsys.readouterr()
    assert "left out: 1 given twice" in said.out
    assert "broken.tif" in said.err


def test_a_budget_that_the_scans_do_not_support_is_refused(tmp_path, model):
    scans = make_set(tmp_path / "set", 3, 0)
    with pytest.raises(CalibrationError, match="expected at least 99 benign calibration scans, came 3"):
        fit(model, scans, "--out", tmp_path / "site.onnx", "--pfa", 0.01)
    assert not (tmp_path / "site.onnx").exists()


def test_no_scan_at_all_gives_one_line(tmp_path, model):
    (tmp_path / "broken.tif").write_bytes(b"II*\0")
    with pytest.raises(CalibrationError, match=r"expected at least one readable benign scan, came .*broken\.tif"):
        fit(model, tmp_path / "broken.tif", "--out", tmp_path / "site.onnx")


def test_training_without_a_trainer_is_refused(tmp_path, model, monkeypatch):
    monkeypatch.setattr("nii.fit.site.entry_points", lambda group: [])
    with pytest.raises(UsageError, match="--train: expected"):
        fit_site(Request(model=str(model), benign=("x.tif",), out=tmp_path / "site.onnx", minutes=1))


def test_the_same_scans_are_looked_at_alike(tmp_path, model):
    entries = read_set(make_set(tmp_path / "set", 2, 0)).benign
    seen = []
    for _ in range(2):
        made = Site()
        scans = [cli_benign(entry) for entry in entries]
        assert list(look_at_site(Detector.load(model, threads=1), scans, None, made)) == [1, 2]
        seen.append(made.table)
    assert (seen[0].features == seen[1].features).all()
    assert (seen[0].hit == seen[1].hit).all()
    assert seen[0].hit.any()


def cli_benign(entry):
    from nii.fit.calibrate import Benign

    return Benign(str(entry.path), entry)


def test_a_candidate_on_a_concealment_or_beside_it_is_a_hit():
    zeros = np.zeros((1, 8, 8), np.float32)
    cells = on_grid(Hidden("bricks", 1.0, 0.0, 16, 32, zeros, np.ones((8, 8), np.bool_)), (64, 96), (16, 24))
    assert np.argwhere(cells).min(axis=0).tolist() == [3, 7]
    assert np.argwhere(cells).max(axis=0).tolist() == [6, 10]


def test_groups_of_the_report_are_sorted_by_family_and_by_mass(rng, model):
    looked = site(rng, 8, told=True)
    masses = iter([150.0, 0.5, 30.0, 7.0] * 4)
    for looks in looked.looks:
        looks[1:] = [ScanCandidates(look.features, look.hit, hidden(next(masses))) for look in looks[1:]]
    fitted = fit_judge(looked, CAME)
    found = figures(Detector.load(model).contract, looked, fitted, None, 1.0)
    assert list(found["masses"]) == ["0 to 1 kg", "5 to 20 kg", "20 to 100 kg", "100 kg and more"]
    assert [one["after"]["first"]["n"] for one in found["masses"].values()] == [4, 4, 4, 4]
    assert list(found["all"]["after"]["pd_at_pfa"]) == ["0.111"]


def test_the_interval_of_a_rate_is_wilsons():
    assert rate(8, 10)["ci"] == pytest.approx([0.490, 0.943], abs=1e-3)  # Agresti and Coull, Am. Stat. 52, 1998
    assert rate(0, 0)["share"] is None
