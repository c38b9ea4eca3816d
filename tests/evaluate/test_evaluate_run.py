"""`nii evaluate` end to end, with the tiny model: dense things score high."""

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import onnx
import pytest
from scans import BOX, evaluate, make_scan, make_set
from tiny_model import calibrated_model, tiny_model

from nii import cli
from nii.evaluate.metrics.background_attenuation import attenuation_of, steel_mm, surroundings
from nii.evaluate.report import plots
from nii.io.scanset import read_set
from nii.scan import Kind, Scan
from nii.stats.operating_point import Calibration


@pytest.fixture
def unpainted(monkeypatch):
    monkeypatch.setattr(plots, "draw", lambda *_, **__: None)


@pytest.fixture
def model(tmp_path) -> Path:
    path = tmp_path / "tiny.onnx"
    path.write_bytes(calibrated_model())
    return path


def figures_in(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "metrics.json").read_text()))


def rows(path: Path) -> list[dict[str, Any]]:
    with duckdb.connect() as connection:
        found = connection.execute("SELECT * FROM read_parquet(?)", [str(path)])
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def test_a_whole_set_gives_the_four_files_with_places_covers_and_pictures(tmp_path, model):
    scans, out = make_set(tmp_path / "set", 4, 3), tmp_path / "report"
    assert evaluate(scans, "--model", model, "--out", out) == 0
    made = figures_in(out)
    assert sorted(p.name for p in out.iterdir()) == [
        "metrics.json",
        "regions.parquet",
        "report.html",
        "scores.parquet",
    ]
    assert made["scans"] == {"benign": 4, "concealed": 3, "failed": 0, "total": 7}
    assert (made["auroc"], made["operating_point"]["pd"], made["operating_point"]["alarms_benign"]) == (1.0, 1.0, 0)
    assert (made["operating_point"]["pfa"], made["operating_point"]["calibration_scans"]) == (0.01, {"default": 199})
    assert made["regions"]["recall_at_1_per_scan"] == 1.0
    assert made["pixel"]["auroc"] == pytest.approx(1.0)
    # around the things lies the load alone, attenuation 0.58 to 0.62
    (cover,) = made["detection_by_cover"]
    assert (cover["low"], cover["n"], cover["median"]) == (0.5, 3, pytest.approx(0.6, abs=0.01))
    assert cover["steel_mm"] == pytest.approx(steel_mm(0.6, ("6MV",)), abs=0.5)
    assert made["mass"]["families"]["bricks"]["n_truth"] == 3
    scored = rows(out / "scores.parquet")
    assert {row["calibration"] for row in scored} == {"default"}
    assert {row["scanner"] for row in scored} == {"portal-1"}
    assert all(0 < row["seconds"] < 60 for row in scored)
    html = (out / "report.html").read_text()
    assert html.count("<img ") == 2 * (3 + 4)  # the hits and the highest benign scans, two views each
    assert "Cargo around the concealment" in html


def test_sets_without_one_kind_of_scan_say_unknown_and_not_zero(tmp_path, model, unpainted):
    assert evaluate(make_set(tmp_path / "b", 3, 0), "--model", model, "--out", tmp_path / "rb") == 0
    benign = figures_in(tmp_path / "rb")
    assert (benign["operating_point"]["pd"], benign["operating_point"]["pfa_observed"]) == (None, 0.0)
    assert (benign["auroc"], benign["mass"]["median_relative_error"], benign["families"]) == (None, None, {})
    assert evaluate(make_set(tmp_path / "c", 0, 2), "--model", model, "--out", tmp_path / "rc") == 0
    concealed = figures_in(tmp_path / "rc")
    assert (concealed["operating_point"]["pd"], concealed["operating_point"]["pfa_observed"]) == (1.0, None)
    assert (concealed["auroc"], concealed["pd_at_pfa"]["0.01"]["pd"]) == (None, None)
    assert evaluate(make_set(tmp_path / "o", 1, 0), "--model", model, "--out", tmp_path / "ro") == 0
    assert figures_in(tmp_path / "ro")["scans"]["total"] == 1


def test_a_corrupt_scan_is_listed_and_the_rest_is_reported(tmp_path, model, unpainted, capsys):
    scans, out = make_set(tmp_path / "set", 2, 2), tmp_path / "report"
    (scans / "scans" / "001.tif").write_bytes((scans / "scans" / "001.tif").read_bytes()[:300])
    (scans / "masks" / "003.png").write_bytes(b"no picture")
    assert evaluate(scans, "--model", model, "--out", out) == 1
    made = figures_in(out)
    assert made["scans"] == {"benign": 1, "concealed": 1, "failed": 2, "total": 4}
    assert [row["name"] for row in made["failed"]] == ["001", "003"]
    said = capsys.readouterr().err
    assert "001.tif: expected" in said
    assert "003.png: expected a PNG or BMP mask" in said


def test_scores_that_are_no_numbers_are_failed_scans(tmp_path, unpainted, capsys):
    broken = onnx.load_from_string(tiny_model())  # without a calibration, where nothing else looks at the score
    offset = next(tensor for tensor in broken.graph.initializer if tensor.name == "offset")
    offset.CopyFrom(onnx.numpy_helper.from_array(np.float32(np.nan), "offset"))
    model, out = tmp_path / "nan.onnx", tmp_path / "report"
    model.write_bytes(broken.SerializeToString())
    assert evaluate(make_set(tmp_path / "set", 2, 1), "--model", model, "--out", out) == 1
    assert "expected a finite score from model tiny, came -inf" in capsys.readouterr().err  # no place stands out of NaN
    made = figures_in(out)
    assert made["scans"] == {"benign": 0, "concealed": 0, "failed": 3, "total": 3}
    assert made["auroc"] is None


def test_the_mvtec_layout_is_read_and_its_training_half_left_out(tmp_path, model, unpainted):
    scans, out = make_set(tmp_path / "set", 4, 2), tmp_path / "report"
    root = tmp_path / "mvtec"
    places = {"000": "train/good", "001": "train/good", "002": "test/good", "003": "test/good"}
    places |= {"004": "test/bricks", "005": "test/bricks"}
    for number, (name, place) in enumerate(places.items()):
        (root / place).mkdir(parents=True, exist_ok=True)
        shutil.copy(scans / "scans" / f"{name}.tif", root / place / f"{number % 2:03}.tif")
    (root / "ground_truth" / "bricks").mkdir(parents=True)
    for number in (0, 1):
        mask = root / "ground_truth" / "bricks" / f"{number:03}_mask.png"
        shutil.copy(scans / "masks" / f"{number + 4:03}.png", mask)
    assert evaluate(root, "--model", model, "--out", out) == 0
    made = figures_in(out)
    assert made["scans"] == {"benign": 2, "concealed": 2, "failed": 0, "total": 4}
    assert (made["families"]["bricks"]["n"], made["pixel"]["components"]) == (2, 2)
    assert made["detection_by_cover"][0]["n"] == 2  # without boxes the mask tells where the thing is
    assert (made["regions"]["n"], made["regions"]["recall_at_1_per_scan"]) == (2, 1.0)
    assert {row["name"] for row in rows(out / "scores.parquet")} == {
        "good/000",
        "good/001",
        "bricks/000",
        "bricks/001",
    }


def test_each_scan_is_ranked_by_the_calibration_of_its_scanner(tmp_path, unpainted):
    own = Calibration.from_scores(np.linspace(-9, -8, 199), name="portal-1", scanner="portal-1")
    default = Calibration.from_scores(np.linspace(-2, 0, 199))
    model = tmp_path / "two.onnx"
    model.write_bytes(tiny_model((default, own)))
    assert evaluate(make_set(tmp_path / "set", 3, 0), "--model", model, "--out", tmp_path / "report") == 0
    point = figures_in(tmp_path / "report")["operating_point"]
    # by its own calibration every benign scan of the portal alarms, by the default one none would
    assert (point["alarms_benign"], list(point["thresholds"])) == (3, ["portal-1"])


def test_a_calibration_that_no_scan_of_the_set_uses_leaves_the_budget_alone(tmp_path, unpainted):
    few = Calibration.from_scores(np.linspace(-2, 0, 14), name="portal-2", scanner="portal-2")
    default, model = Calibration.from_scores(np.linspace(-2, 0, 199)), tmp_path / "two.onnx"
    model.write_bytes(tiny_model((default, few)))
    for scanner, pfa in (("portal-1", 0.01), ("portal-2", 1 / 15)):
        scans, out = make_set(tmp_path / scanner, 2, 1, scanner), tmp_path / f"report-{scanner}"
        assert evaluate(scans, "--model", model, "--out", out) == 0
        assert figures_in(out)["operating_point"]["pfa"] == pytest.approx(pfa)


def test_two_models_are_put_side_by_side(tmp_path, model):
    blind = tmp_path / "blind.onnx"
    blind.write_bytes(tiny_model((Calibration.from_scores(np.linspace(50, 60, 199)),)))
    scans, out = make_set(tmp_path / "set", 4, 3), tmp_path / "report"
    assert evaluate(scans, "--model", model, "--model", blind, "--out", out) == 0
    made = figures_in(out)
    assert sorted(p.name for p in out.iterdir()) == ["a", "b", "metrics.json", "report.html"]
    assert figures_in(out / "a")["operating_point"]["pd"] == 1.0
    assert figures_in(out / "b")["operating_point"]["pd"] == 0.0
    assert (made["auroc"]["a"], made["auroc"]["difference"]) == (1.0, 0.0)  # the same scores
    pd = made["operating_point"]["pd"]
    assert (pd["difference"], pd["only_a"], pd["only_b"], pd["n"]) == (-1.0, 3, 0, 3)
    assert made["recall_at_1"]["difference"] == 0.0
    few = tmp_path / "few.onnx"
    few.write_bytes(calibrated_model(19))
    assert evaluate(scans, "--model", model, "--model", few, "--out", out) == 0
    budgets = [figures_in(out / side)["operating_point"]["pfa"] for side in "ab"]
    assert [*budgets, figures_in(out)["operating_point"]["pfa"]] == [0.05] * 3  # what both support
    html = (out / "report.html").read_text()
    assert "These scans can&#x27;t tell the two models apart" in html
    assert 'href="a/report.html"' in html


def test_three_models_are_one_too_many(tmp_path, model):
    with pytest.raises(cli.UsageError, match="--model: expected one model or two, came 3"):
        evaluate(tmp_path, "--out", tmp_path / "r", *["--model", model] * 3)


def test_an_empty_folder_is_refused(tmp_path, model):
    with pytest.raises(cli.NiiError, match=r"expected annotations\.json or train/good"):
        evaluate(tmp_path, "--model", model, "--out", tmp_path / "r")


def test_the_ring_around_a_thing_holds_its_cargo_and_no_other_thing():
    scan = make_scan(1.0, 2.0)
    mask = np.zeros(scan.shape, bool)
    mask[20:32, 60:76] = True
    assert surroundings(scan, BOX, mask) == pytest.approx(1.0, abs=1e-5)
    assert surroundings(scan, None, mask) == pytest.approx(1.0, abs=1e-5)
    assert surroundings(scan, BOX, None) == pytest.approx(1.0, abs=1e-5)
    half = (60, 20, 8, 12)  # the other half of the mask is another concealment, and no cargo
    assert surroundings(scan, half, mask) == pytest.approx(1.0, abs=1e-5)
    assert surroundings(scan, None, None) is None
    assert surroundings(scan, None, np.ones(scan.shape, bool)) is None
    picture = Scan(transmission=np.ones((3, 64, 120), np.float32), kind=Kind.OPERATOR_IMAGE)
    assert surroundings(picture, BOX, mask) is None


def test_a_box_over_the_border_of_the_scan_is_cut():
    assert surroundings(make_scan(1.0, None), (-5, -5, 20, 20), None) == pytest.approx(1.0, abs=1e-5)


def test_attenuation_is_read_as_steel_where_the_beam_is_known():
    assert attenuation_of(np.array([0.1353, 0.1353], np.float32)) == pytest.approx(2.0, abs=1e-3)
    assert attenuation_of(np.array([1.02], np.float32)) == 0.0
    assert attenuation_of(np.empty(0, np.float32)) is None
    # effective mass attenuation of steel at 6 MV around 0.05 cm2/g: 1 / (0.05 x 7.85) = 25 mm
    assert steel_mm(1.0, ("4MV", "6MV")) == pytest.approx(25.5, abs=3)
    assert steel_mm(1.0, ("Co-60",)) is None
    assert steel_mm(1.0, ()) is None


def test_the_set_that_was_made_is_the_set_that_is_read(tmp_path):
    made = read_set(make_set(tmp_path / "set", 1, 1))
    assert [entry.concealed for entry in made.entries] == [False, True]
