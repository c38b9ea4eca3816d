"""What isn't seen through is not clear: the physics of it, the map, the decision, and everything that says so."""

import io
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient
from pydicom import dcmread
from scans import make_set
from serving_tools import wait_ready
from tiny_model import plain_naming, tiny_model
from typer.testing import CliRunner

from nii.analysis import record as record_module
from nii.analysis.empty import load as load_module
from nii.analysis.record import analyse, decision, error_record, record
from nii.analysis.seen.answer import see, standard, usual_limit
from nii.analysis.seen.shields import find_shields
from nii.analysis.seen.view import SEEN, view
from nii.cli import app
from nii.errors import UsageError
from nii.io.columns import as_json
from nii.io.table import read_jsonl, read_table
from nii.io.write import write_tiff
from nii.model.detector import Detector
from nii.physics.beams import standard_beams
from nii.physics.forward import attenuation_curve, linac_beam
from nii.physics.noise import NoiseModel, scattered
from nii.physics.reference import POWDER, STEEL, contrast
from nii.run.gallery import write_page
from nii.scan import Kind, Scan
from nii.show.overlay import STRIP, UNSEEN, headline, overlay
from nii.show.tdr import write_report
from nii.stats.operating_point import Calibration
from serving.app import create_app
from serving.settings import Settings

pytestmark = pytest.mark.slow

PITCH, ENERGIES = (6.0, 6.0), ("4MV", "6MV")
SIGMA = 0.002  # noise of a pixel, of air


def scan_of(attenuation, rng, *, sigma=SIGMA, path="scan"):
    """A scan of this attenuation (row, column) at both energies, in air, with white noise."""
    around = np.zeros((attenuation.shape[0] + 40, attenuation.shape[1] + 40), np.float32)
    around[20:-20, 20:-20] = attenuation
    pixels = np.exp(-np.stack([around, around])) + rng.normal(0, sigma, (2, *around.shape))
    pixels = np.maximum(pixels, 0).astype(np.float32)
    return Scan(transmission=pixels, energies=ENERGIES, pitch_mm=PITCH, path=path)


def load_with(rng, *plates, shape=(200, 400), level=1.0, opaque=20.0, **other):
    """A load of even attenuation with opaque plates (row, column, height, width)."""
    attenuation = np.full(shape, level, np.float32)
    for row, column, height, width in plates:
        attenuation[row : row + height, column : column + width] = opaque
    return scan_of(attenuation, rng, **other)


HALF = (0, 0, 200, 200)
SMALL = (60, 150, 40, 50)  # 24 x 30 cm, 5 % of the load


@pytest.fixture
def calm(tmp_path):
    """A model that never alarms."""
    path = tmp_path / "calm.onnx"
    path.write_bytes(tiny_model((Calibration.from_scores(np.linspace(50, 60, 199)),), plain_naming()))
    return Detector.load(path, threads=1)


@pytest.fixture
def nervous(tmp_path):
    """One that alarms at dense things."""
    path = tmp_path / "nervous.onnx"
    path.write_bytes(tiny_model((Calibration.from_scores(np.linspace(-2, 0, 199)),), plain_naming()))
    return Detector.load(path, threads=1)


# ---- the physics


def test_the_references_weigh_what_they_are_called():
    assert (POWDER.kg, STEEL.kg) == (pytest.approx(1, rel=1e-3), pytest.approx(5, rel=1e-3))


def test_a_reference_takes_away_less_behind_a_cover_that_hardens_the_beam():
    beam = linac_beam(6.0)
    found = contrast(POWDER, [1, 0.1, 0.01, 0.001], beam)
    assert found == pytest.approx([0.285, 0.228, 0.204, 0.192], abs=2e-3)
    alone = attenuation_curve(POWDER.material, POWDER.areal_density, beam)
    assert found[0] == pytest.approx(1 - np.exp(-alone), rel=1e-6), "in air, it is the thing alone"
    assert (contrast(STEEL, [1, 1e-3], beam) > 0.9).all()


def test_powder_is_seen_as_far_as_its_detectability_says(rng):
    """White noise: d'^2 = energies x pixels x (T c / sigma)^2, so the deepest T is SEEN sigma / (c sqrt(2 n))."""
    steps = np.linspace(1, 9, 17)
    seen = view(scan_of(np.repeat(steps, 32)[None].repeat(160, axis=0), rng))
    beams = standard_beams(ENERGIES)
    c = np.mean([float(contrast(POWDER, 0.01, beam)) for beam in beams])
    limit = -np.log(SEEN * SIGMA / (c * np.sqrt(2 * POWDER.pixels(PITCH))))
    inside = seen.attenuation[12, 8:-8], seen.powder[12, 8:-8], seen.steel[12, 8:-8]
    deepest = inside[0][inside[1]].max()
    assert deepest == pytest.approx(limit, abs=0.6)  # steps of 0.5
    assert inside[0][inside[2]].max() > deepest + 0.5, "5 kg of steel are seen deeper in than 1 kg of powder"


def test_more_noise_means_less_is_seen(rng):
    dark = replace(load_with(rng, level=4.5, sigma=0.0005), path="fine")
    assert see(dark, {}).to_record().powder > 0.95
    assert see(load_with(rng, level=4.5, sigma=0.01), {}).to_record().powder < 0.2


def test_scatter_behind_an_opaque_plate_is_not_taken_for_signal(rng):
    """1 % of the mean signal around, 120 mm wide: 0.001 of air behind the plate, 50 times the noise."""
    scan = load_with(rng, (60, 150, 60, 60), sigma=2e-5)
    veiled = replace(scan, transmission=scattered(scan.transmission, NoiseModel(scatter=0.01, scatter_range=20)))
    assert veiled.transmission[:, 110, 200].min() > 5e-4
    assert see(veiled, {}).unseen == pytest.approx(60 * 60 / (200 * 400), abs=0.01)


# ---- the map


def test_the_opaque_share_is_that_of_the_load(rng):
    found = see(load_with(rng, HALF), {})
    said = found.to_record()
    assert said.unseen == pytest.approx(0.5, abs=0.03)
    assert said.powder == pytest.approx(0.5, abs=0.03)
    assert said.steel == pytest.approx(0.5, abs=0.03)
    (x, y, w, h), *_ = said.boxes
    assert np.allclose((x, y, w, h), (20, 20, 200, 200), atol=8)
    shares = [one.powder for one in said.sections if one.powder is not None]
    assert len(said.sections) == round(440 * 6 / 1000)
    assert (min(shares), max(shares)) == (0, 1)
    assert said.sections[-1].end == 440


def test_air_alone_has_no_share(rng):
    said = see(load_with(rng, level=0.0), {})
    assert (said.unseen, said.enough, said.to_record().powder) == (None, True, None)


def test_an_operator_image_counts_black_and_says_what_cannot_be_told():
    pixels = np.ones((3, 480, 960), np.float32)
    pixels[:, 60:420, 60:900] = np.array([0.9, 0.6, 0.2], np.float32)[:, None, None]
    pixels[:, 60:420, 60:480] = 0.02
    said = see(Scan(transmission=pixels, kind=Kind.OPERATOR_IMAGE), {}).to_record()
    assert (said.powder, said.steel) == (None, None)
    assert said.unseen == pytest.approx(0.5, abs=0.05)
    assert "no transmission" in said.why


def test_unknown_energies_are_told(rng):
    scan = load_with(rng)
    assert "energies taken for 4MV and 6MV" in see(replace(scan, energies=()), {}).why
    assert see(scan, {}).why == ""


# ---- shields


def test_a_small_opaque_plate_in_a_load_is_a_shield_whatever_its_share(rng):
    found = see(load_with(rng, SMALL), {"sacks": 1.0}, limit=1.0)
    (shield,) = found.shields
    assert np.allclose(shield.box, (170, 80, 50, 40), atol=8)
    assert shield.around == pytest.approx(1, abs=0.2)
    assert (found.enough, "shield" in found.why) == (False, True)


@pytest.mark.parametrize("change", ["beside air", "low", "many", "tiny", "blurred"])
def test_what_belongs_to_loads_and_vehicles_is_no_shield(rng, change):
    plates = {
        "beside air": [(0, 150, 40, 50)],
        "low": [(150, 150, 40, 50)],
        "many": [(60, 10 + 75 * i, 40, 50) for i in range(5)],
        "tiny": [(60, 150, 12, 12)],
        "blurred": [],
    }[change]
    scan = load_with(rng, *plates)
    if change == "blurred":
        rows, columns = np.ogrid[:200, :400]
        far = np.hypot(rows - 80, columns - 175)
        scan = scan_of(np.asarray(1 + 7.5 * np.exp(-((far / 110) ** 2)), np.float32), rng)
        assert see(scan, {}).unseen > 0.02
    assert find_shields(view(scan)) == ()


# ---- the limit


def test_the_limit_is_that_of_the_kinds_of_load():
    cargo = standard().cargo
    assert usual_limit({"sacks": 1.0}) == cargo["sacks"] > cargo["furniture"] == usual_limit({"furniture": 0.5})
    assert usual_limit({"sacks": 0.5, "furniture": 0.5}) == pytest.approx((cargo["sacks"] + cargo["furniture"]) / 2)
    assert usual_limit({}) == usual_limit({"sacks": 0.9, "luggage": 0.1}) == standard().vehicle
    assert usual_limit({"electronics": 0.5, "toys": 0.5}, parcel=True) == standard().parcel
    assert all(0 < limit <= 0.5 for limit in [*cargo.values(), standard().vehicle, standard().parcel])


def test_the_engine_of_a_car_is_no_shield_and_a_plate_in_a_parcel_is_one(rng):
    scan = load_with(rng, SMALL)
    assert see(scan, {"sacks": 0.9, "luggage": 0.1}).shields == ()
    assert len(see(scan, {"sacks": 1.0}).shields) == 1
    tubes = replace(scan, energies=("160kV-low", "160kV-high"), pitch_mm=(1.5, 1.5))
    assert len(see(tubes, {"toys": 1.0}).shields) == 1


@pytest.mark.parametrize("limit", [-0.1, 1.1, float("nan")])
def test_a_limit_that_is_no_share_is_refused(rng, limit):
    with pytest.raises(UsageError, match="expected 0 to 1, came"):
        see(load_with(rng), {}, limit=limit)


# ---- the decision


def test_too_opaque_is_neither_clear_nor_alarm(rng, calm):
    result = analyse(load_with(rng, HALF), calm)
    said = record(result)
    assert (said["alarm"], said["not_seen_through"], decision(said)) == (None, True, "not seen through")
    assert "50% of the load are not seen through" in said["seen"]["why"]
    assert said["p_value"] is not None
    clear = record(analyse(load_with(rng), calm))
    assert (clear["alarm"], clear["not_seen_through"], decision(clear)) == (False, False, "clear")


def test_the_limit_can_be_set(rng, calm):
    scan = load_with(rng, HALF)
    assert analyse(scan, calm, unseen=0.6).alarm is False
    assert analyse(scan, calm, unseen=0.4).alarm is None


def test_an_alarm_stays_an_alarm(rng, nervous):
    result = analyse(load_with(rng, HALF), nervous)
    assert (result.alarm, result.not_seen_through, result.seen.enough) == (True, False, False)


def test_a_scan_that_shows_nothing_is_that(rng, calm):
    said = record(analyse(load_with(rng, (0, 0, 200, 400), shape=(200, 400), opaque=20.0), calm))
    black = load_with(rng, sigma=0.0)
    black.transmission[:] = 0
    said = record(analyse(black, calm))
    assert (said["alarm"], said["not_seen_through"], said["blank"] is not None) == (None, False, True)
    assert said["seen"]["why"].startswith("the scan shows nothing")


def test_whether_a_scan_shows_anything_is_asked_once(rng, calm, monkeypatch):
    asked = []

    def counted(scan):
        asked.append(scan)

    for module in (record_module, load_module):
        monkeypatch.setattr(module, "blank", counted)
    record(analyse(load_with(rng), calm))
    assert len(asked) == 1


# ---- who says so


@pytest.fixture
def folder(tmp_path, rng, calm):
    """Two scans on disk: half opaque, and clear."""
    for name, plates in (("half", [HALF]), ("clear", [])):
        write_tiff(
            tmp_path / f"{name}.tif",
            load_with(rng, *plates).transmission,
            open_beam=60000,
            energies=ENERGIES,
            pitch_mm=PITCH,
        )
    return tmp_path


def test_command_line_and_tables_count_it(folder):
    for name in ("r.jsonl", "r.parquet"):
        arguments = ["--model", str(folder / "calm.onnx"), "--out", str(folder / name)]
        said = CliRunner().invoke(app, ["score", str(folder / "half.tif"), str(folder / "clear.tif"), *arguments])
        assert said.exit_code == 0, said.output
        assert said.output.splitlines()[0].startswith("not seen through  ")
        assert said.output.splitlines()[-1] == "2 scans: 0 alarms, 1 without, 1 not seen through, 0 failed"
    for rows in (read_jsonl(folder / "r.jsonl"), list(read_table(folder / "r.parquet"))):
        assert [(row["alarm"], row["not_seen_through"]) for row in rows] == [(None, True), (False, False)]
        assert rows[0]["seen"]["unseen"] == pytest.approx(0.5, abs=0.03)
        assert len(rows[0]["seen"]["sections"]) == 3
    lax = ["--model", str(folder / "calm.onnx"), "--unseen", "0.9"]
    said = CliRunner().invoke(app, ["score", str(folder / "half.tif"), *lax])
    assert said.output.splitlines()[0].startswith("clear  ")
    wrong = CliRunner().invoke(app, ["score", str(folder / "half.tif"), "--unseen", "2"])
    assert isinstance(wrong.exception, UsageError)


def test_pictures_and_page_show_it(rng, calm, tmp_path):
    result, clear = analyse(load_with(rng, HALF, path="half.tif"), calm), analyse(load_with(rng), calm)
    assert headline(result).startswith("not seen through, 50% opaque  score")
    hatched = (overlay(result)[STRIP:] == UNSEEN).all(axis=2)
    assert hatched[20:220, 20:220].mean() > 0.15
    assert not hatched[:, 230:].any()
    assert not (overlay(clear)[STRIP:] == UNSEEN).all(axis=2).any()
    write_page(tmp_path, [("h", record(result)), ("c", record(clear)), ("e", error_record("e.tif", "e.tif: bad"))])
    page = (tmp_path / "index.html").read_text()
    assert "3 scans, 0 alarms, 1 not seen through." in page
    assert '<span class="none">not seen through</span> half.tif' in page
    assert "of the load are not seen through" in page


def test_the_threat_report_says_unknown_and_where(rng, calm):
    buffer = io.BytesIO()
    write_report(buffer, analyse(load_with(rng, HALF), calm), b"")
    report = dcmread(io.BytesIO(buffer.getvalue()))
    assert (report.AlarmDecision, report.NumberOfAlarmObjects) == ("UNKNOWN", 0)
    assessed = [item.ATDAssessmentSequence[0] for item in report.ThreatSequence]
    assert [(one.ATDAssessmentFlag, one.ThreatCategoryDescription) for one in assessed] == [
        ("UNKNOWN", "not seen through")
    ]


def test_the_service_answers_and_counts_it(folder):
    with TestClient(create_app(Settings(model=str(folder / "calm.onnx"), workers=1))) as client:
        wait_ready(client)
        answer = client.post("/v1/scans", files={"file": (folder / "half.tif").read_bytes()})
        said = answer.json()
        assert (said["alarm"], said["not_seen_through"]) == (None, True)
        assert json.loads(answer.headers["X-Nii-Trace"])["not_seen_through"] is True
        assert 'decision="not_seen_through"' in client.get("/metrics").text
    with TestClient(create_app(Settings(model=str(folder / "calm.onnx"), workers=1, unseen=0.9))) as client:
        wait_ready(client)
        assert client.post("/v1/scans", files={"file": (folder / "half.tif").read_bytes()}).json()["alarm"] is False


def test_an_evaluation_counts_it_and_tells_pd_without_it(folder, rng):
    """Of 3 benign and 2 concealed scans, the first benign and the last concealed one are half opaque."""
    scans = make_set(folder / "set", 3, 2)
    for name in ("000", "004"):
        (scans / "scans" / f"{name}.tif").write_bytes((folder / "half.tif").read_bytes())
    mask = np.zeros((240, 440), np.uint8)
    mask[60:100, 60:100] = 255
    cv2.imwrite(str(scans / "masks" / "004.png"), mask)
    out = folder / "report"
    model = str(folder / "calm.onnx")
    done = CliRunner().invoke(app, ["evaluate", str(scans), "--model", model, "--out", str(out)])
    assert done.exit_code == 0, done.output
    seen = json.loads((out / "metrics.json").read_text())["seen"]
    assert seen["benign"] == {"alarm": 0, "not_seen_through": 1, "clear": 2}
    assert seen["concealed"] == {"alarm": 0, "not_seen_through": 1, "clear": 1}
    assert seen["benign_by_load"] == {"sacks": seen["benign"]}
    assert (seen["opaque"], seen["pd"]["concealed"], seen["pd_of_visible"]["concealed"]) == (1, 2, 1)
    rows = {row["name"]: row for row in read_table(out / "scores.parquet")}
    assert (rows["000"]["alarm"], rows["000"]["not_seen_through"]) == (None, True)
    assert (rows["001"]["alarm"], rows["001"]["not_seen_through"]) == (False, False)
    assert "seen through" in (out / "report.html").read_text()


@pytest.mark.parametrize("shape", [(16, 16), (16, 2000), (2000, 16)])
@pytest.mark.parametrize("pitch", [None, (0.05, 0.05), (6.0, 3.0), (50.0, 50.0)])
@pytest.mark.parametrize("energies", [(), ENERGIES, ("160kV-low", "160kV-high"), ("7MV", "9MV")])
def test_any_size_pitch_and_energies_have_an_answer(rng, shape, pitch, energies):
    pixels = rng.uniform(0, 1, (2, *shape)).astype(np.float32)
    said = see(Scan(transmission=pixels, pitch_mm=pitch, energies=energies), {}).to_record()
    assert 0 <= said.powder <= said.steel <= 1
    assert [one.start for one in said.sections] == sorted({one.start for one in said.sections})
    json.dumps(as_json(said), allow_nan=False)
