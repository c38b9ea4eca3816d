import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_model import OFFSET, calibrated_model, tiny_model

from nii.analysis.record import analyse, record
from nii.analysis.regions import find_regions
from nii.errors import ModelError
from nii.io.read import read_scan
from nii.model.contract import Contract, with_contract
from nii.model.detector import Detector, choose_model, inference_shape, model_input
from nii.physics.calibrated_mass import calibrate_mass
from nii.physics.line import MaterialClass
from nii.physics.mass import Mass
from nii.scan import Kind, Scan

SAMPLES = Path(__file__).parents[2] / "datasets" / "samples"


@pytest.fixture
def detector(tmp_path):
    path = tmp_path / "tiny.onnx"
    path.write_bytes(calibrated_model())
    return Detector.load(path, threads=1)


def scan_with_block(attenuation=4.0, shape=(2, 64, 96), **fields):
    """Air with a dense block of 20 x 24 pixels at (20, 30)."""
    pixels = np.full(shape, np.exp(-0.1), np.float32)
    pixels[:, 20:40, 30:54] = np.exp(-attenuation)
    given = {"energies": ("4MV", "6MV"), "pitch_mm": (6.0, 6.0), "path": "block.tif", **fields}
    return Scan(transmission=pixels, **given)


def test_score_is_the_highest_window_mean(detector):
    assert detector.score(scan_with_block(4.0)) == pytest.approx(4.0 - OFFSET, abs=1e-5)


def test_score_is_not_clipped(detector):
    assert detector.score(scan_with_block(7.5)) == pytest.approx(7.5 - OFFSET, abs=1e-4)


def test_score_is_the_same_whatever_the_number_of_threads(tmp_path):
    path = tmp_path / "tiny.onnx"
    path.write_bytes(tiny_model())
    scan = scan_with_block()
    assert Detector.load(path, threads=1).score(scan) == Detector.load(path, threads=2).score(scan)


def test_the_first_region_is_the_block_and_has_the_score_of_the_scan(detector):
    result = analyse(scan_with_block(4.0), detector, 0.01)
    region = result.regions[0]
    assert region.score == result.layers.score
    x, y, w, h = region.box
    assert abs(x - 30) <= 4
    assert abs(y - 20) <= 4
    assert abs(w - 24) <= 8
    assert abs(h - 20) <= 8


def test_an_alarm_has_a_region_and_a_clear_scan_has_none(detector):
    assert analyse(scan_with_block(4.0), detector).alarm is True
    clear = analyse(scan_with_block(0.2), detector)
    assert (clear.alarm, clear.regions) == (False, ())


def test_two_blocks_are_two_regions(detector):
    scan = scan_with_block(4.0, shape=(2, 64, 200))
    scan.transmission[:, 10:30, 130:160] = np.exp(-3.5)
    assert len(analyse(scan, detector).regions) == 2


def test_mass_of_a_region_has_an_interval_and_needs_pitch(detector):
    known = analyse(scan_with_block(4.0), detector).regions[0].mass
    assert known is not None
    assert 0 < known.low < known.kg < known.high
    assert analyse(scan_with_block(4.0, pitch_mm=None), detector).regions[0].mass is None


def test_a_single_energy_is_scored_with_a_note(detector):
    scan = scan_with_block(4.0, shape=(1, 64, 96), energies=("6MV",))
    found = record(analyse(scan, detector))
    assert found["score"] == pytest.approx(4.0 - OFFSET, abs=1e-5)
    assert any("single energy" in note for note in found["quality"]["notes"])


def test_an_operator_image_is_never_scored_by_a_transmission_model(detector):
    scan = Scan(transmission=np.ones((3, 32, 32), np.float32), kind=Kind.OPERATOR_IMAGE, path="colour.png")
    with pytest.raises(ModelError, match=r"colour\.png: expected a scan of kind transmission"):
        detector.layers(scan)


def test_three_energies_are_refused(detector):
    with pytest.raises(ModelError, match="expected 2 energies"):
        model_input(scan_with_block(shape=(3, 64, 96), energies=()), detector.contract)


def test_a_parcel_scan_is_given_to_the_parcel_model():
    assert choose_model(scan_with_block(energies=("160kV", "160kV+Cu"))) == "parcel"


def test_an_operator_image_is_given_to_its_own_model():
    scan = Scan(transmission=np.ones((3, 32, 32), np.float32), kind=Kind.OPERATOR_IMAGE)
    name = choose_model(scan)
    assert name == "operator-image"
    assert Detector.load(name, threads=1).contract.kind is Kind.OPERATOR_IMAGE


def test_a_kind_of_scan_without_a_shipped_model_gives_one_line(monkeypatch):
    monkeypatch.setattr("nii.model.detector.shipped_models", lambda: ["cargo"])
    with pytest.raises(ModelError, match=r"expected a model for this kind of scan \(parcel\), came none that ships"):
        choose_model(scan_with_block(energies=("160kV-low", "160kV-high")))


def test_a_single_energy_goes_to_its_own_model_where_that_ships(monkeypatch):
    scan = Scan(transmission=np.ones((1, 32, 32), np.float32), energies=("6MV",))
    for shipped, chosen in ((["cargo"], "cargo"), (["cargo", "cargo-single"], "cargo-single")):
        monkeypatch.setattr("nii.model.detector.shipped_models", lambda shipped=shipped: shipped)
        assert choose_model(scan) == chosen


@pytest.mark.parametrize(
    ("energies", "model", "said"),
    [
        (("160kV-low", "160kV-high"), "parcel", None),
        (("4MV", "6MV"), "cargo", None),
        (("80kV", "160kV"), "parcel", "energies 80kV and 160kV are not those of parcel"),
        (("6MV", "9MV"), "cargo", "energies 6MV and 9MV are not those of cargo, 4MV and 6MV"),
        (("160kV", "6MV"), "cargo", "are not those of cargo"),
        (("low", "high"), "cargo", "energies unknown, taken for 4MV and 6MV"),
        (("Co-60", "6MV"), "cargo", "energies unknown, taken for 4MV and 6MV"),
        ((), "cargo", "energies unknown, taken for 4MV and 6MV"),
    ],
)
def test_the_voltage_chooses_the_model_and_what_is_unknown_or_other_is_said(energies, model, said):
    scan = scan_with_block(energies=energies)
    assert choose_model(scan) == model
    found = [note for note in Detector.load(model).notes(scan) if "energies" in note]
    assert len(found) == (said is not None)
    assert (said or "") in " ".join(found)


def test_unknown_energies_mean_cargo():
    assert choose_model(scan_with_block(energies=())) == "cargo"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello, this is text",
        b"\x08\x0a",
        tiny_model()[: len(tiny_model()) // 2],
        tiny_model()[:-40],
        b"\x00" * 100,
    ],
    ids=["empty", "text", "stub", "truncated", "tail lost", "zeros"],
)
def test_a_file_that_is_no_model_of_ours_gives_one_line(tmp_path, content):
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"bad\.onnx: expected") as caught:
        Detector.load(path)
    assert "\n" not in str(caught.value)


def test_an_onnx_model_without_contract_is_refused(tmp_path):
    import onnx

    model = onnx.load_from_string(tiny_model())
    del model.metadata_props[:]
    path = tmp_path / "foreign.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="metadata entry 'nii'"):
        Detector.load(path)


def test_a_missing_model_names_those_that_ship():
    with pytest.raises(ModelError, match="expected a model file or one of"):
        Detector.load("nonesuch")


def test_a_contract_survives_the_file_and_can_be_replaced(tmp_path):
    path = tmp_path / "tiny.onnx"
    path.write_bytes(calibrated_model(9))
    first = Detector.load(path).contract
    again = Contract.from_json(first.to_json(), "tiny")
    assert again == first
    changed = Contract.from_json(first.to_json().replace('"version": "1"', '"version": "2"'), "tiny")
    path.write_bytes(with_contract(path.read_bytes(), changed, "tiny"))
    assert Detector.load(path).contract.version == "2"


def test_a_model_without_calibration_scores_without_a_decision(tmp_path):
    path = tmp_path / "tiny.onnx"
    path.write_bytes(tiny_model())
    found = record(analyse(scan_with_block(), Detector.load(path)))
    assert (found["alarm"], found["p_value"]) == (None, None)
    assert any("no calibration" in note for note in found["quality"]["notes"])


def test_masses_are_put_right_by_what_validation_scans_said():
    mass = Mass(10.0, 9.0, 11.0, MaterialClass.ORGANIC, 7.0, 6.0, 8.0, 3.0, 1.0)
    ratios = tuple(np.linspace(1.0, 3.0, 39).tolist())  # 39: the second from either end bounds 90 %
    found = calibrate_mass(mass, ratios)
    assert found.kg == pytest.approx(20.0)
    assert (found.low, found.high) == (pytest.approx(10 * ratios[1]), pytest.approx(10 * ratios[-2]))
    assert found.areal_density == pytest.approx(6.0)
    assert calibrate_mass(mass, ratios[:19]) is mass, "too few for an interval of 90 %"
    unknown = replace(mass, high=np.inf)
    assert calibrate_mass(unknown, ratios) is unknown


def test_a_scan_of_other_pixels_than_the_model_knows_is_looked_at_through_such(detector):
    """9 mm of the tiny model's 3 to 9 are the coarsest: of 24 mm, in the middle."""
    plain = scan_with_block(4.0, pitch_mm=(24.0, 12.0))
    layers = detector.layers(plain)
    assert inference_shape(plain, detector.contract) == (256, 192)
    assert detector.score(plain) == layers.score == pytest.approx(4.0 - OFFSET, abs=0.02)
    assert layers.heat.shape == layers.excess.shape[1:] == plain.shape
    assert layers.evidence.shape == (128, 96)
    assert "pixel pitch 24 x 12 mm outside of 3 to 9 mm" in detector.notes(plain)[0]
    assert "through 256 x 192 pixels" in detector.notes(plain)[0]
    x, y, w, h = find_regions(plain, layers, detector.contract, None)[0].box
    assert (abs(x - 30) <= 1, abs(y - 20) <= 1, abs(w - 24) <= 2, abs(h - 20) <= 2) == (True,) * 4
    excess = layers.excess[0, 22:38, 34:50]
    assert excess.mean() == pytest.approx(2.0, abs=0.01)  # half the attenuation, as at any size


@pytest.mark.parametrize("pitch", [(3.0, 9.0), (6.0, 6.0), None, (25.0, 25.0), (0.5, 0.5)])
def test_pixels_that_the_model_knows_or_that_are_misstated_stay_as_they_are(detector, pitch):
    assert inference_shape(scan_with_block(pitch_mm=pitch), detector.contract) == (64, 96)
    layers = detector.layers(scan_with_block(pitch_mm=pitch))
    assert layers.evidence.shape == (32, 48)


def test_a_large_scan_is_not_made_larger(detector):
    large = scan_with_block(shape=(2, 1500, 1600), pitch_mm=(14.0, 14.0))
    fine = replace(detector.contract, working_pitch_mm=4.0)
    assert inference_shape(large, fine) == (1500, 1600)


def test_two_energies_are_scored_by_a_single_energy_model_with_the_high_one():
    """The second sample has two energies; what the first of them shows changes nothing but how the record looks."""
    detector = Detector.load("cargo-single", threads=1)
    scan = read_scan(sorted(SAMPLES.glob("2-*.tif"))[0])
    high = replace(scan, transmission=np.ascontiguousarray(scan.transmission[1:]), energies=scan.energies[1:])
    both, alone = analyse(scan, detector, 0.05), analyse(high, detector, 0.05)
    assert both.layers.score == alone.layers.score
    assert [candidate.mass for candidate in both.candidates[:3]] == [
        candidate.mass for candidate in alone.candidates[:3]
    ]
    assert both.candidates[0].mass is not None
    assert any("by the high one alone" in note for note in both.notes)
    assert not any("by the high one alone" in note for note in alone.notes)


@pytest.mark.parametrize(
    ("pitch", "size"),
    [((6.0, 6.0), (64, 96)), ((6.1, 5.9), (64, 96)), ((3.0, 9.0), (32, 144)), ((12.0, 12.0), (128, 192))],
)
def test_a_model_that_works_at_one_pitch_is_given_every_scan_at_it(detector, pitch, size):
    contract = replace(detector.contract, working_pitch_mm=6.0)
    assert inference_shape(scan_with_block(pitch_mm=pitch), contract) == size
    assert model_input(scan_with_block(pitch_mm=pitch), contract).shape == (2, *size)


def test_a_model_that_works_at_one_pitch_takes_scans_of_no_or_a_misstated_pitch_as_they_are(detector):
    contract = replace(detector.contract, working_pitch_mm=6.0)
    for pitch in (None, (40.0, 40.0), (1.0, 1.0)):
        assert inference_shape(scan_with_block(pitch_mm=pitch), contract) == (64, 96)


def test_the_working_pitch_travels_in_the_contract(detector):
    contract = replace(detector.contract, working_pitch_mm=6.0)
    assert Contract.from_json(contract.to_json(), "a").working_pitch_mm == 6.0
    older = json.loads(contract.to_json())
    del older["working_pitch_mm"]
    assert Contract.from_json(json.dumps(older), "a").working_pitch_mm is None
