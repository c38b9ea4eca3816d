"""Samples that are made anew: concealments of other scans, operator images, enlarged crops."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from nii.analysis.record import analyse
from nii.errors import ScanSetError
from nii.io.scanset import read_entry, read_set
from nii.model.detector import Detector
from nii.scan import Kind
from nii.show.overlay import unlayered
from nii.simulate.sets.generate import simulate_set
from nii.simulate.sets.kinds import kind_of
from nii.simulate.sets.scan import drawn_scanner, simulate
from nii.simulate.sets.truth import Hidden, Truth
from training.data import Background, load_set
from training.pipeline import make_model
from training.recipe import SetConfig, read_recipe
from training.samples import SampleConfig, Samples, varied

pytestmark = pytest.mark.slow

PARCEL = kind_of("parcel")
CROP = (64, 96)


@pytest.fixture(scope="module")
def parcels(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "set"
    for _ in simulate_set("parcel", path, scans=4, concealed=0.5, seed=3):
        pass
    return path


def coloured(parcels, **config):
    scans = load_set(parcels, PARCEL.loads, 1.2, coloured=True)
    config = SampleConfig(CROP, single=0.0, **config)
    return Samples(scans, PARCEL.families, PARCEL.loads.index("empty"), config, 1, 0, energies=3)


def test_the_scanner_of_a_scan_is_drawn_again():
    assert drawn_scanner("parcel", 3, 1) == simulate("parcel", 3, 1, concealed=True).scanner
    assert drawn_scanner("parcel", 3, 1) != drawn_scanner("parcel", 3, 2)


def test_operator_images_of_a_pair_differ_by_the_concealment_in_the_same_colours(parcels):
    samples = coloured(parcels)
    seen = 0
    for index in range(8):
        images, evidence, _, excess, *_ = samples.sample(np.random.default_rng(index))
        assert images.shape == excess.shape == (2, 3, *CROP)
        assert images.min() >= 0
        assert images.max() <= 1
        assert not excess[1].any()
        darker = torch.log(images[1].clamp(1 / 255)) - torch.log(images[0].clamp(1 / 255))
        assert torch.allclose(darker, excess[0], atol=1e-5)
        if (here := evidence[0, 0] > 0).sum() > 100:
            seen += 1
            assert excess[0][:, here].mean() > 5 * excess[0][:, ~here].mean().abs()
    assert seen >= 3


def test_sets_of_one_scanner_make_no_operator_images(parcels, tmp_path):
    (tmp_path / "annotations.json").write_bytes((parcels / "annotations.json").read_bytes())
    whole = json.loads((parcels / "annotations.json").read_bytes())
    whole["info"]["scanner"] = "Scanner()"
    (tmp_path / "annotations.json").write_text(json.dumps(whole))
    for folder in ("scans", "masks", "truth"):
        (tmp_path / folder).symlink_to(parcels / folder)
    with pytest.raises(ScanSetError, match="expected a set of many scanners"):
        load_set(tmp_path, PARCEL.loads, 1.2, coloured=True)


def test_enlarged_crops_show_the_same_things_larger(parcels):
    plain, large = coloured(parcels, own=1.0), coloured(parcels, own=1.0, enlarged=3.0)
    areas = [
        np.mean([one.sample(np.random.default_rng(index))[1][0].mean() for index in range(30)])
        for one in (plain, large)
    ]
    assert large.sample(np.random.default_rng(5))[0].shape == (2, 3, *CROP)
    assert large.sample(np.random.default_rng(5))[5].shape == (2, *CROP)
    assert areas[1] > 1.2 * areas[0]


def test_families_that_a_recipe_leaves_out_are_never_shown(parcels):
    hidden = [concealment.family for scan in load_set(parcels, PARCEL.loads, 1.2) for concealment in scan.truth.hidden]
    kept = [
        concealment.family
        for scan in load_set(parcels, PARCEL.loads, 1.2, without=(hidden[0],))
        for concealment in scan.truth.hidden
    ]
    assert len(set(hidden)) > 1
    assert kept == [family for family in hidden if family != hidden[0]]


def test_a_concealment_is_varied_within_the_factor_and_stays_where_its_mask_is(rng):
    mask = np.zeros((40, 60), np.bool_)
    mask[10:30, 5:35] = True  # left of the middle
    one = Hidden("bricks", 2.0, 50.0, 3, 4, np.where(mask, 0.5, 0.0).astype(np.float32)[None].repeat(2, 0), mask)
    sizes, thickness, sides = [], [], set()
    for _ in range(40):
        other = varied(one, rng, 1.35)
        assert other.excess.shape == (2, *other.mask.shape)
        sizes.append(np.divide(other.mask.shape, mask.shape))
        thickness.append(float(other.excess[0][other.mask].max()) / 0.5)
        sides.add(bool(np.flatnonzero(other.mask.any(axis=0)).mean() < other.mask.shape[1] / 2))
        assert np.abs(other.excess[:, ~other.mask]).mean() < 0.05
    assert sides == {True, False}
    for found in (np.ravel(sizes), thickness):
        assert 0.7 < min(found) < 0.85
        assert 1.2 < max(found) < 1.4


def test_a_model_of_operator_images_is_trained_calibrated_and_used(parcels, tmp_path):
    shipped = read_recipe("operator-image")
    few = SetConfig(3, 0.4, 9)
    recipe = replace(
        shipped, iterations=2, every=2, batch=2, start="", precision="fp32", widths=(8, 8, 16, 16), blocks=(1, 1, 1, 1),
        samples=replace(shipped.samples, crop=CROP), validation=few, calibration=replace(few, concealed=0.0),
    )  # fmt: skip
    model = make_model(recipe, tmp_path, [parcels], [], version="1", resume=False)
    detector = Detector.load(model, threads=1)
    assert detector.contract.kind is Kind.OPERATOR_IMAGE
    assert detector.contract.energies == ("red", "green", "blue")
    assert [calibration.n for calibration in detector.contract.calibrations] == [3]
    scan = read_entry(read_set(tmp_path / "sets" / "validation").entries[0])
    assert scan.kind is Kind.OPERATOR_IMAGE
    result = analyse(scan, detector, 0.5)
    assert result.p_value is not None
    assert unlayered(result).shape == (*scan.shape, 3)


def test_faulty_scanners_change_what_is_seen_and_nothing_that_is_asked_for(parcels):
    scans = load_set(parcels, PARCEL.loads, 1.2)
    asked = {"own": 1.0, "more": 0.0, "single": 0.0}
    clean, faulty = (
        Samples(scans, PARCEL.families, 0, SampleConfig(CROP, **asked, faulty=share, coarsest=2.0), 1, 0)
        for share in (0.0, 1.0)
    )
    for seed in range(4):  # places are drawn before the scanner is
        before, after = (one.sample(np.random.default_rng(seed)) for one in (clean, faulty))
        assert not torch.equal(before[0], after[0])
        assert torch.isfinite(after[0]).all()
        assert after[0].min() >= 0
        assert torch.equal(before[5] >= 0, after[5] >= 0) or torch.equal(before[5] >= 0, (after[5] >= 0).flip(-1))


def test_a_tilted_sample_keeps_concealment_mask_and_excess_together():
    block = Hidden("bricks", 5.0, 50.0, 20, 30, np.full((2, 30, 60), 0.8, np.float32), np.ones((30, 60), bool))
    scan = Background(Truth(np.full((2, 80, 120), 0.3, np.float16), (block,)), -1)
    config = SampleConfig((80, 120), own=1.0, single=0.0)
    level, tilted = (Samples([scan], ("bricks",), 0, replace(config, tilted=share), 1, 0) for share in (0.0, 1.0))
    moved = 0
    for seed in range(6):
        before, (images, evidence, _, excess, _, family, *_) = (
            one.sample(np.random.default_rng(seed)) for one in (level, tilted)
        )
        moved += not torch.equal(before[1], evidence)
        assert torch.equal(family >= 0, evidence[:, 0] > 0)
        here = evidence[0, 0] > 0
        assert here.sum() == pytest.approx(30 * 60, rel=0.05)
        assert excess[0][:, here].mean() > 0.75
        assert excess[0][:, ~here].mean() < 0.02
        darker = torch.log(images[1]) - torch.log(images[0])
        assert darker[:, here].median() == pytest.approx(0.8, abs=0.1)
        assert darker[:, ~here].median() == pytest.approx(0, abs=0.05)
    assert moved >= 4  # less than a pixel where the angle is small
