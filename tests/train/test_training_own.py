"""Training on the user's own benign scans, from a shipped model, to a calibrated artefact."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from nii.errors import ScanSetError, UsageError
from nii.fit.calibrate import Benign
from nii.io.read import read_scan
from nii.io.scanset import read_set
from nii.io.write import write_tiff
from nii.model.contract import Contract, with_contract
from nii.model.detector import Detector, Layers, ranked
from nii.scan import Kind, Scan
from nii.simulate.sets.generate import simulate_set
from nii.simulate.sets.kinds import KINDS
from nii.simulate.sets.truth import read_truth
from training.artefact import TRAINED, load_artefact
from training.data import LITTLE_NOISE, load_measured, load_set, sample_scans
from training.export import onnx_bytes
from training.hard import mine
from training.masses import mass_ratios
from training.network import Conv, ExportModel, Network, NetworkConfig
from training.pipeline import make_model, split
from training.recipe import SetConfig, read_recipe
from training.samples import SampleConfig, Samples

pytestmark = pytest.mark.slow

CARGO = KINDS["cargo"]
EMPTY = CARGO.loads.index("empty")


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Six benign scans without any truth, as a user has them."""
    folder = tmp_path_factory.mktemp("own")
    rng = np.random.default_rng(5)
    for number in range(6):
        pixels = np.tile(np.linspace(0.9, 0.05, 128, dtype=np.float32), (2, 96, 1)) * rng.normal(1, 0.01, (2, 96, 128))
        write_tiff(folder / f"{number}.tif", pixels.astype(np.float32), open_beam=60_000, energies=("4MV", "6MV"))
    return folder


def test_a_round_takes_all_of_the_users_scans_and_some_simulated_ones(simulated, own):
    scans = [*load_set(simulated, CARGO.loads, 6.0), *load_measured(split([own]).train, 6.0)]
    assert sample_scans(scans, 4, np.random.default_rng(0)) == scans
    drawn = [sample_scans(scans, 2, np.random.default_rng(seed)) for seed in range(20)]
    for part in drawn:
        assert part[2:] == scans[4:]
        assert part[:2] == [scan for scan in scans[:4] if scan in part]
    assert {scans.index(scan) for part in drawn for scan in part} == set(range(8))


def test_concealments_of_simulated_scans_go_into_the_users_own(simulated, own):
    measured = load_measured(split([own]).train, 6.0)
    assert [scan.measured for scan in measured] == [True] * 4
    config = SampleConfig((64, 96), own=0.0, hard=0.0, measured=1.0, single=0.0)
    samples = Samples([*load_set(simulated, CARGO.loads, 6.0), *measured], CARGO.families, EMPTY, config, 1, 0)
    for number in range(4):
        T, evidence, _, excess, _, _, cargo, empty = samples.sample(np.random.default_rng(number))
        assert (cargo.tolist(), empty.tolist()) == ([-1, -1], [-1.0, -1.0])
        assert not evidence[1].any()
        profile = T[1, 0].mean(dim=0)
        slope = torch.diff(profile)
        assert float(slope.abs().max()) < 0.06, "the benign one of a pair is the user's own ramp"
        change = torch.log(T[1].clamp(1e-3)) - torch.log(T[0].clamp(1e-3))
        inside = excess[0].abs() > 0.5
        if inside.any():
            assert float((change[inside] - excess[0][inside]).median()) == pytest.approx(0, abs=0.1)


def test_own_scans_are_split_between_training_and_calibration(own):
    found = split([own])
    assert (len(found.train), len(found.calibration)) == (4, 2)
    assert not {one.path for one in found.train} & {one.path for one in found.calibration}


def test_only_transmission_is_trained_on(tmp_path):
    image = tmp_path / "operator.png"
    import cv2

    pixels = np.full((64, 64, 3), 255, np.uint8)
    pixels[16:48, 16:48] = (0, 128, 255)
    cv2.imwrite(str(image), pixels)
    with pytest.raises(ScanSetError, match=r"expected a benign transmission .* came operator-image"):
        load_measured((Benign(str(image)),), 6.0)


def test_hard_negatives_are_the_highest_peaks_of_benign_scans(simulated):
    scans = load_set(simulated, CARGO.loads, 6.0)
    torch.manual_seed(0)
    network = Network(NetworkConfig(CARGO.families, CARGO.loads, widths=(8, 8, 16, 16), blocks=(1, 1, 1, 1)))
    rng = np.random.default_rng(1)
    images = [torch.from_numpy(scan.scanned(2, rng, faulty=0.5))[None] for scan in scans]
    places = mine(network, len(scans), 2, rng, lambda number: images[number])
    assert len({number for number, _, _ in places}) == 2
    assert len(places) == 6
    for number, row, column in places:
        rows, columns = scans[number].truth.without.shape[1:]
        assert 0 <= row < rows + 4
        assert 0 <= column < columns + 4
    crop = (64, 96)
    config = SampleConfig(crop, own=0.0, hard=1.0)
    one = [place for place in places if place[0] == places[0][0]][:1]
    samples = Samples(scans, CARGO.families, EMPTY, config, 1, 0, hard=one)
    for seed in range(20):
        _, row, column = samples._benign(np.random.default_rng(seed), crop)
        assert row <= one[0][1] < row + crop[0]
        assert column <= one[0][2] < column + crop[1]


def test_training_can_start_from_a_model_artefact(tmp_path):
    """The network that takes the weights over computes what the artefact does, and still does when it trains on."""
    torch.manual_seed(1)
    shape = {"widths": (8, 8, 16, 16), "blocks": (1, 1, 1, 1)}
    first = Network(NetworkConfig(CARGO.families, CARGO.loads, **shape))
    crops = torch.rand(4, 2, 64, 96) * 0.9 + 0.05
    for _ in range(3):
        first.train()(first.planes(crops))  # batch norms with a mean and a spread
    contract = Contract(
        name="a", version="1", kind=Kind.TRANSMISSION, energies=("4MV", "6MV"), pitch_mm=(3.0, 8.0),
        families=CARGO.families, cargos=CARGO.loads, license="", minutes=7,
    )  # fmt: skip
    path = tmp_path / "first.onnx"
    path.write_bytes(with_contract(onnx_bytes(ExportModel(first)), contract, "first"))
    network = Network(NetworkConfig(CARGO.families, CARGO.loads, **shape))
    assert load_artefact(network, path, crops) == 7
    before_norms = [m[0].weight for m in network.modules() if isinstance(m, Conv)]
    assert all(float(w.detach().square().mean().sqrt()) == pytest.approx(TRAINED, rel=1e-3) for w in before_norms)
    with torch.no_grad():
        score = float(ExportModel(network.eval())(crops[:1])[ExportModel.names.index("score")])
        scan = Scan(transmission=crops[0].numpy(), energies=("4MV", "6MV"))
        assert score == pytest.approx(Detector.load(path, threads=1).score(scan), abs=1e-4)
        trained = network.train()(network.planes(crops)).evidence
        assert torch.allclose(trained, network.eval()(network.planes(crops)).evidence, atol=0.02)
    fewer = Network(NetworkConfig(CARGO.families[:3], CARGO.loads[:5], **shape))
    load_artefact(fewer, path, crops)  # heads of other classes keep their own weights
    coloured = Network(NetworkConfig(CARGO.families, CARGO.loads, energies=3, **shape))
    three = crops[:, [0, 1, 1]]
    load_artefact(coloured, path, three)  # a stem of its own, whose batch norm takes what reaches it
    reaching = coloured.stem[0](coloured.planes(three))
    assert torch.allclose(coloured.stem[1].running_mean, reaching.mean(dim=(0, 2, 3)), atol=1e-4)
    assert torch.allclose(coloured.stem[1].running_var, reaching.var(dim=(0, 2, 3)), rtol=1e-3)
    with pytest.raises(UsageError, match="expected a model of the recipe's shape"):
        load_artefact(Network(NetworkConfig(CARGO.families, CARGO.loads, widths=(8, 8, 8, 8))), path, crops)


def test_a_network_of_one_energy_starts_as_one_of_two_that_sees_it_twice(tmp_path):
    torch.manual_seed(1)
    shape = {"widths": (8, 8, 16, 16), "blocks": (1, 1, 1, 1)}
    two = Network(NetworkConfig(CARGO.families, CARGO.loads, **shape))
    smooth = torch.nn.functional.interpolate(torch.rand(4, 1, 8, 12), (64, 96), mode="bilinear") * 0.5 + 0.3
    twice = smooth.expand(-1, 2, -1, -1)  # smooth, since the difference between energies is weighted by photons
    for _ in range(3):
        two.train()(two.planes(twice))
    contract = Contract(
        name="a", version="1", kind=Kind.TRANSMISSION, energies=("4MV", "6MV"), pitch_mm=(3.0, 8.0),
        families=CARGO.families, cargos=CARGO.loads, license="",
    )  # fmt: skip
    path = tmp_path / "two.onnx"
    path.write_bytes(with_contract(onnx_bytes(ExportModel(two)), contract, "two"))
    one = Network(NetworkConfig(CARGO.families, CARGO.loads, energies=1, **shape))
    load_artefact(one, path, smooth)
    with torch.no_grad():
        wanted, came = two.eval()(two.planes(twice)).evidence, one.eval()(one.planes(smooth)).evidence
    alike = torch.corrcoef(torch.stack([wanted.flatten(), came.flatten()]))[0, 1]
    assert float(alike) > 0.95, "all but alike: the difference is seen averaged by photons, attenuation is not"


def test_from_benign_scans_to_a_calibrated_model_in_one_call(own, tmp_path):
    tiny = SetConfig(scans=2, concealed=0.5, seed=11)
    recipe = replace(
        read_recipe("cargo"), model="mine", start="", iterations=1, every=1, batch=2, mined=1, widths=(8, 8, 8, 8),
        blocks=(1, 1, 1, 1), samples=SampleConfig((64, 96)), train=tiny, validation=replace(tiny, seed=12),
        held_out=None, names=None, loads=SetConfig(scans=4, concealed=0.0, seed=13),
    )  # fmt: skip
    model = make_model(recipe, tmp_path, [own], [], version="3", resume=False)
    contract = Detector.load(model, threads=1).contract
    assert (contract.name, contract.version) == ("mine", "3")
    assert [calibration.n for calibration in contract.calibrations] == [2]
    assert contract.loads is not None
    assert 1 <= contract.loads.scans <= 4
    kept = [read_scan(one.path) for one in split([own]).calibration]
    scores = sorted(Detector.load(model, threads=1).score(scan) for scan in kept)
    assert contract.calibrations[0].scores == pytest.approx(scores, abs=1e-4)
    assert len(read_set(tmp_path / "sets" / "train").entries) == 2


class Oracle:
    """Stands for a detector that separates the layers without any error, by the truth of the set."""

    contract = Contract(
        name="oracle", version="1", kind=Kind.TRANSMISSION, energies=("4MV", "6MV"), pitch_mm=(3.0, 8.0),
        families=CARGO.families, cargos=CARGO.loads, license="",
    )  # fmt: skip

    def __init__(self, path, share):
        self.path, self.share = path, share

    def layers(self, scan):
        truth = read_truth(self.path / "truth" / f"{Path(scan.path).stem}.npz")
        excess = np.zeros((2, *scan.shape), np.float32)
        for concealment in truth.hidden:
            height, width = concealment.mask.shape
            excess[:, concealment.row : concealment.row + height, concealment.column : concealment.column + width] += (
                concealment.excess * self.share
            )
        inside = truth.mask().astype(np.float32)
        quarter = inside[::4, ::4]
        families = np.full((len(CARGO.families), *quarter.shape), 1 / len(CARGO.families), np.float32)
        evidence = quarter * 8 - 0.01
        every = np.array([(row, column, value) for (row, column), value in np.ndenumerate(evidence)], np.float32)
        return Layers(inside, excess, families, np.zeros(3, np.float32), 0.0, evidence, ranked(every), 8.0)


def test_mass_ratios_undo_what_a_model_leaves_out(tmp_path):
    for _ in simulate_set("cargo", tmp_path / "set", scans=6, concealed=1.0, seed=21):
        pass
    whole, half = (mass_ratios(Oracle(tmp_path / "set", share), tmp_path / "set") for share in (1.0, 0.5))
    assert len(whole) >= 3
    assert list(whole) == sorted(whole)
    assert np.median(half) / np.median(whole) == pytest.approx(2, rel=0.2)


def test_what_is_added_to_a_measured_scan_is_little():
    assert LITTLE_NOISE.photons >= 1e5
    assert LITTLE_NOISE.row_gain == LITTLE_NOISE.pulse_jitter == LITTLE_NOISE.scatter == LITTLE_NOISE.blur == 0
