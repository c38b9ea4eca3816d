"""What is it: looks, calibrated names, unknown for what is strange, and the most similar known concealments."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from tiny_model import FAMILIES, N_FEATURES, plain_naming, tiny_model

import nii.analysis.known.library
import nii.studies.library
from nii.analysis.known.identity import Identity, identify
from nii.analysis.known.library import FILE, Library, library, read_library
from nii.errors import CalibrationError, ScanSetError
from nii.fit.naming import Examples, calibrated, crossed, kept_examples
from nii.io.scanset import ScanEntry
from nii.model.contract import read_contract, with_contract
from nii.model.naming import NO_FAMILY, UNKNOWN, Naming, features, softmax
from nii.model.region_features import FIGURES, PATCH, RegionFeatures, measure_region, small_picture
from nii.simulate.sets.truth import Hidden
from nii.studies.library import EACH, make_library, write_library
from nii.studies.naming import figures

pytestmark = pytest.mark.slow

NOTHING = RegionFeatures(np.zeros(len(FIGURES), np.float32), np.zeros((PATCH, PATCH), np.float32))
SHARES = np.array([0.8, 0.2], np.float32)


def bar(rows: int = 10, columns: int = 20, low: float = 0.6, high: float = 0.5) -> RegionFeatures:
    """A bar of 10 x 20 pixels of 5 mm in a scan of 100 x 200, 20 pixels from its left end."""
    excess = np.stack([np.full((rows, columns), low), np.full((rows, columns), high)]).astype(np.float32)
    return measure_region(excess, np.ones((rows, columns), bool), (40, 20), (100, 200), (5.0, 5.0))


def test_the_figures_of_a_bar_are_its_size_its_excess_and_its_place():
    told = dict(zip(FIGURES, bar().figures, strict=True))
    assert np.exp(told["log width"]) == pytest.approx(100, rel=1e-5)
    assert np.exp(told["log height"]) == pytest.approx(50, rel=1e-5)
    assert told["fill"] == 1
    assert np.exp(told["log mean excess"]) == pytest.approx(0.5, rel=1e-5)
    assert told["energy ratio"] == pytest.approx(1.2, rel=1e-5)
    assert np.exp(told["log amount"]) == pytest.approx(0.5 * 200 * 0.25, rel=1e-5)  # 200 pixels of 0.25 cm2
    assert told["height"] == pytest.approx((100 - 45) * 0.005, rel=1e-5)
    assert np.exp(told["log distance from the end"]) == pytest.approx(150, rel=1e-5)  # 30 pixels to its middle


def test_excess_below_nothing_has_a_finite_look():
    assert np.isfinite(bar(low=-0.2, high=-0.1).figures).all()


def test_a_small_picture_keeps_proportions_in_millimetres_and_has_norm_one():
    flat = small_picture(np.ones((10, 10), np.float32), (2.0, 8.0), 24)  # 20 mm high, 80 mm wide
    assert np.count_nonzero(flat.any(axis=1)) == 6
    assert np.count_nonzero(flat.any(axis=0)) == 24
    assert np.linalg.norm(flat) == pytest.approx(1)


def test_a_naming_gives_the_probabilities_of_its_logistic_model():
    x = features(SHARES, NOTHING.figures)
    assert plain_naming().probabilities(x) == pytest.approx(SHARES, rel=1e-6)  # softmax of log shares
    assert plain_naming(bias=(0.0, np.log(4.0))).probabilities(x) == pytest.approx([0.5, 0.5], rel=1e-6)
    assert plain_naming().ranked(x) == [("bricks", pytest.approx(0.8)), ("firearm", pytest.approx(0.2))]


def test_what_is_not_likely_is_unknown():
    x = features(SHARES, NOTHING.figures)
    assert plain_naming(least_probability=0.75).name(x) == "bricks"
    assert plain_naming(least_probability=0.85).name(x) == UNKNOWN


def test_what_lies_further_from_its_family_than_calibration_regions_is_unknown():
    x = features(SHARES, NOTHING.figures)
    naming = plain_naming(distances=tuple(np.linspace(0.01, 1.0, 99)))
    away = float(np.sqrt((np.log(SHARES) ** 2).mean() * 2 / N_FEATURES))  # from the middle, at zero
    assert naming.distance(x) == pytest.approx([away, away])
    assert naming.p_values(x)[0] == pytest.approx((1 + np.sum(np.linspace(0.01, 1, 99) >= away)) / 100)
    assert naming.name(x) == "bricks"
    assert naming.name(features(SHARES, NOTHING.figures + 5)) == UNKNOWN
    assert naming.p_values(features(SHARES, NOTHING.figures + 5))[0] == 0.01


def test_a_thing_of_no_family_is_never_named_so():
    x = features(SHARES, NOTHING.figures)
    naming = plain_naming(families=(NO_FAMILY, "firearm"))
    assert naming.ranked(x) == [("firearm", pytest.approx(0.2))]
    assert naming.name(x) == UNKNOWN


def test_a_naming_travels_in_the_contract_of_a_model():
    naming = plain_naming(bias=(0.25, -0.5))
    contract = read_contract(tiny_model(), "tiny.onnx")
    assert contract.naming is None  # an old artefact
    again = read_contract(with_contract(tiny_model(), replace(contract, naming=naming), "tiny.onnx"), "tiny.onnx")
    assert again.naming == naming
    assert again.naming.probabilities(features(SHARES, NOTHING.figures)).sum() == pytest.approx(1)


@pytest.mark.parametrize("wrong", [{"bias": [0.0]}, {"weights": [[1.0], [2.0]]}, {"more": 1}, {"bias": "none"}])
def test_a_naming_of_another_shape_is_refused_in_one_line(wrong):
    with pytest.raises(CalibrationError, match="naming: expected"):
        Naming.from_json({**json.loads(json.dumps(plain_naming().to_json())), **wrong})


def test_without_a_naming_the_likeliest_family_is_said_with_its_plain_share():
    identity = identify(SHARES, NOTHING, read_contract(tiny_model(), "tiny.onnx"))
    assert identity == Identity("bricks", (("bricks", 0.8), ("firearm", 0.2)))


def test_with_a_naming_the_three_most_similar_known_concealments_are_said():
    identity = identify(SHARES, bar(), read_contract(tiny_model(naming=plain_naming()), "tiny.onnx"))
    distances = [entry.distance for entry in identity.similar]
    assert len(distances) == 3
    assert distances == sorted(distances)
    assert {entry.family for entry in identity.similar} <= set(FAMILIES)  # others have no chance here


def test_the_library_that_ships_is_small_and_every_entry_has_a_picture():
    data = (nii.analysis.known.library.files("nii.analysis.known") / FILE).read_bytes()
    assert len(data) < 1_500_000
    ships = read_library(data, FILE)
    assert len(set(ships.ids)) == len(ships.ids) >= 200
    assert len(set(ships.families)) == 18
    assert NO_FAMILY not in ships.families
    for name in ships.ids:
        picture = cv2.imdecode(np.frombuffer(ships.png(name) or b"", np.uint8), cv2.IMREAD_GRAYSCALE)
        assert picture.shape == (64, 64)
        assert picture.min() < 100
    assert ships.png("bricks-99") is None


def test_what_is_most_like_an_entry_is_the_entry_itself():
    for i in range(0, len(library().ids), 10):
        own = RegionFeatures(library().figures[i], library().patches[i])
        (first, *_) = library().similar(own, {library().families[i]: 1.0})
        assert first.id == library().ids[i]
        assert first.distance == pytest.approx(0, abs=0.05)


def test_a_likelier_family_is_nearer_where_the_looks_are_the_same():
    two = Library(
        ("a-01", "b-01"), ("a", "b"), (1.0, 2.0), ("organic",) * 2,
        np.array([[0.0] * len(FIGURES), [0.1] * len(FIGURES)], np.float32), np.zeros((2, PATCH, PATCH), np.float32),
        np.zeros((2, 64, 64), np.uint8),
    )  # fmt: skip
    assert [entry.id for entry in two.similar(NOTHING, {"a": 0.5, "b": 0.5})] == ["a-01", "b-01"]
    assert [entry.id for entry in two.similar(NOTHING, {"a": 0.001, "b": 0.9})] == ["b-01", "a-01"]


def hidden(family: str, excess: float, dprime: float = 50.0) -> Hidden:
    layer = np.full((2, 6, 8), excess, np.float32)
    return Hidden(family, 3.456, dprime, 10, 20, layer, np.ones((6, 8), bool))


def test_a_library_is_made_of_the_first_clear_concealments_of_each_family(monkeypatch, tmp_path):
    entry = ScanEntry(name="a", path=tmp_path, size=(50, 90), pitch_mm=(5.0, 5.0))
    found = [hidden("pills", 0.3), hidden("pills", -0.1), hidden("pills", 0.3, 1.0), hidden(NO_FAMILY, 0.3)]
    found += [hidden("bricks", 0.2 + i / 100) for i in range(EACH + 5)]
    monkeypatch.setattr(nii.studies.library, "concealments", lambda _: ((entry, one, "organic") for one in found))
    made = make_library(tmp_path)
    assert made.ids == (*(f"bricks-{i:02d}" for i in range(1, EACH + 1)), "pills-01")
    assert made.masses_kg[0] == 3.46
    assert made.pictures[0, 32, 32] == 0
    write_library(tmp_path / "one.npz", made)
    write_library(tmp_path / "two.npz", make_library(tmp_path))
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    assert read_library((tmp_path / "one.npz").read_bytes(), "one.npz").ids == made.ids
    with pytest.raises(ScanSetError, match="expected a library"):
        read_library(b"hello", "hello.npz")


NAMES = ("bricks", "firearm", "pills", NO_FAMILY)


def drawn(rng: np.random.Generator, each: int, apart: float = 1.5, sure: float = 3.0) -> Examples:
    """Regions of four families; the network's logits and four figures are normal around middles that lie apart."""
    family = np.repeat(np.arange(4), each)
    at = np.arange(family.size)
    logits, figures = rng.normal(0, 1, (family.size, 4)), rng.normal(0, 1, (family.size, len(FIGURES)))
    logits[at, family] += apart
    figures[at, family] += apart
    shares = softmax(sure * logits)
    return Examples(features(shares, figures), family, at)


def test_regions_get_right_names_and_honest_probabilities_from_a_network_that_is_too_sure(rng):
    fresh = drawn(rng, 300)
    shares = np.exp(fresh.x[:, :4])
    assert shares.max(axis=1).mean() > np.mean(shares.argmax(axis=1) == fresh.family) + 0.1
    naming = calibrated(drawn(rng, 60), NAMES, "a test")
    told = naming.probabilities(fresh.x)
    right = told.argmax(axis=1) == fresh.family
    # 1200 regions: the standard error of the share is 0.013, that of a fit on 240 regions about twice as much
    assert told.max(axis=1).mean() == pytest.approx(right.mean(), abs=0.06)
    assert right.mean() > np.mean(shares.argmax(axis=1) == fresh.family) + 0.05  # the figures say something too
    own = naming.p_values(fresh.x)[np.arange(fresh.family.size), fresh.family]
    assert np.mean(own <= 0.1) == pytest.approx(0.1, abs=0.05)


def test_a_heavy_penalty_leaves_the_sharpness_alone(rng):
    naming = calibrated(drawn(rng, 60), NAMES, "", (1e6,))
    assert np.abs(naming.weights).max() < 0.001
    assert naming.sharpness == pytest.approx(0.5, abs=0.15)  # logits are normal, 1.5 apart, and told thrice as large


def test_a_region_is_measured_by_fits_that_have_not_seen_its_scan(rng):
    known = drawn(rng, 20, 0.0)  # nothing to learn
    probabilities, _ = crossed(known, NAMES, 0.1)
    own = probabilities[np.arange(known.family.size), known.family]
    seen = calibrated(known, NAMES, "", (0.1,)).probabilities(known.x)[np.arange(known.family.size), known.family]
    assert own.mean() < 0.33  # chance is 0.25, and its standard error over 80 regions 0.03
    assert seen.mean() > own.mean() + 0.08


def test_a_family_that_was_held_out_is_called_unknown(rng):
    calibration, report = drawn(rng, 40, 5.0, 1.0), drawn(rng, 40, 5.0, 1.0)
    naming = calibrated(calibration, NAMES, "", (1.0,))
    told = figures(calibration, report, naming, (1.0,))
    assert told["report"]["right_of_named"]["share"] > 0.95
    assert told["report"]["unknown_of_truly_unknown"]["share"] > 0.9
    assert set(told["held_out"]) == {"bricks", "firearm", "pills"}
    assert told["held_out"]["pills"]["n"] == 80
    assert told["held_out_all"]["share"] > 0.9


def test_regions_are_found_once_where_a_file_keeps_them(rng, tmp_path):
    found = drawn(rng, 5)
    np.savez_compressed(tmp_path / "kept.npz", x=found.x, family=found.family, scan=found.scan)
    again = kept_examples(tmp_path / "no-set", None, tmp_path / "kept.npz")
    assert (again.x == found.x).all()
    assert (again.family == found.family).all()
