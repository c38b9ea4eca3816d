"""`nii fit --train`: the network of a model goes on learning on a site's scans."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

import training.site
from nii.errors import UsageError
from nii.fit.calibrate import Benign
from nii.io.scanset import read_mask, read_set
from nii.model.contract import Contract, read_contract, with_contract
from nii.model.detector import Detector
from nii.model.judge import Judge, read_judge, with_judge
from nii.scan import Kind
from nii.simulate.sets.kinds import KINDS
from nii.stats.operating_point import Calibration
from training.export import onnx_bytes
from training.network import ExportModel, Network, NetworkConfig
from training.recipe import read_recipe, recipe_of
from training.site import HELD_OUT, site_recipe, train_on_site, write_validation

pytestmark = pytest.mark.slow

CARGO = KINDS["cargo"]
SMALL = {"widths": (8, 8, 16, 16), "blocks": (1, 1, 1, 1)}


def contract(**changes):
    recipe = json.loads(json.dumps({**asdict(replace(read_recipe("cargo"), **SMALL)), "data": "x", "gone": 1}))
    given = {
        "name": "small", "version": "1", "kind": Kind.TRANSMISSION, "energies": ("4MV", "6MV"), "pitch_mm": (3.0, 9.0),
        "families": CARGO.families, "cargos": CARGO.loads, "license": "Apache-2.0", "recipe": recipe,
        "calibrations": (Calibration.from_scores(np.arange(9.0)),), "minutes": 5.0,
    }  # fmt: skip
    return Contract(**given | changes)


@pytest.fixture(scope="module")
def benign(simulated):
    return [Benign(str(scan.path), scan) for scan in read_set(simulated).benign] * 4


@pytest.fixture(scope="module")
def exported():
    """A small network, whose batch norms have a mean and a spread."""
    torch.manual_seed(0)
    network = Network(NetworkConfig(CARGO.families, CARGO.loads, **SMALL))
    network.train()(network.planes(torch.rand(4, 2, 64, 96)))
    return onnx_bytes(ExportModel(network))


def test_a_model_says_how_it_goes_on_learning():
    recipe = site_recipe(contract(working_pitch_mm=6.0), "small.onnx", 60)
    assert (recipe.scene, recipe.widths, recipe.start, recipe.working_pitch_mm) == (
        "cargo",
        (8, 8, 16, 16),
        "small.onnx",
        6,
    )
    assert recipe.rate < 2e-3
    assert site_recipe(contract(), "small.onnx", 1).working_pitch_mm == 6.0  # the middle of 3 and 9
    assert recipe_of(contract().recipe, "small").losses == read_recipe("cargo").losses


def test_it_is_validated_on_what_is_put_into_scans_of_the_site(tmp_path, benign):
    write_validation(benign[:1], tmp_path)
    entries = read_set(tmp_path).entries
    assert [entry.concealed for entry in entries] == [False, True, True]
    assert all(read_mask(entry).any() for entry in entries[1:])


def test_the_network_learns_and_the_judge_stays(tmp_path, benign, exported, monkeypatch):
    for name in ("LEAST_SIMULATED", "MOST_SIMULATED", "BATCH", "MINED"):
        monkeypatch.setattr(training.site, name, 2)
    model, out = tmp_path / "small.onnx", tmp_path / "site.onnx"
    came = read_judge(exported, "small.onnx")
    judge = Judge(came.weight + np.float32(0.5), came.bias)
    made = with_judge(exported, judge, "small.onnx")
    model.write_bytes(with_contract(made, contract(working_pitch_mm=6.0), "small.onnx"))
    gained = iter([0.5, 0.6])
    monkeypatch.setattr(training.site, "told_apart", lambda model, validation: next(gained))
    said = train_on_site(str(model), benign, out, minutes=1e-3)
    assert said == "trained 0.0 minutes; AUROC of what was put into 2 scans kept apart 0.500 before, 0.600 after"
    told = read_contract(out.read_bytes(), "site.onnx")
    assert told.calibrations == ()
    assert told.minutes >= 5.0
    assert (read_judge(out.read_bytes(), "site.onnx").weight == judge.weight).all()
    scan = read_set(read_set_of(benign)).benign[0]
    before, after = (Detector.load(one, threads=1).layers(read(scan)).evidence for one in (model, out))
    assert np.abs(before - after).max() > 1e-4


def test_weights_that_gain_nothing_are_left(tmp_path, benign, exported, monkeypatch):
    for name in ("LEAST_SIMULATED", "MOST_SIMULATED", "BATCH", "MINED"):
        monkeypatch.setattr(training.site, name, 2)
    gained = iter([0.6, 0.6])
    monkeypatch.setattr(training.site, "told_apart", lambda model, validation: next(gained))
    model, out = tmp_path / "small.onnx", tmp_path / "site.onnx"
    model.write_bytes(with_contract(exported, contract(), "small.onnx"))
    assert train_on_site(str(model), benign, out, minutes=1e-3).endswith("the network stays as it came")
    assert out.read_bytes() == with_contract(exported, contract(calibrations=()), "site.onnx")


def read_set_of(benign):
    return benign[0].entry.path.parent.parent


def read(entry):
    from nii.io.scanset import read_entry

    return read_entry(entry)


@pytest.mark.parametrize(
    ("changes", "scans", "minutes", "message"),
    [
        ({}, 8, 0.0, "--train: expected minutes above 0, came 0"),
        ({}, HELD_OUT - 1, 1.0, "expected at least 4 benign scans, came 3"),
        ({"kind": Kind.OPERATOR_IMAGE}, 8, 1.0, "expected a model of transmission scans, came small of operator-image"),
    ],
)
def test_what_cannot_be_trained_on_gives_one_line(tmp_path, benign, changes, scans, minutes, message):
    model = tmp_path / "small.onnx"
    model.write_bytes(with_contract(b"", contract(**changes), "small.onnx"))
    with pytest.raises(UsageError, match=message):
        train_on_site(str(model), benign[:scans], tmp_path / "site.onnx", minutes)
