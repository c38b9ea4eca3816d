"""Fewer bits inside, the same answers to what they are worth, and the physics at the start untouched."""

import numpy as np
import onnx
import pytest

from nii.errors import UsageError
from nii.io.write import write_tiff
from nii.model.contract import Contract, with_contract
from nii.model.detector import Detector, find_model
from nii.scan import Kind, Scan
from nii.stats.operating_point import Calibration
from training.export import export, onnx_bytes
from training.network import ExportModel, Network, NetworkConfig
from training.precision import LARGEST_PAIR, inner, int8, largest_pair

pytestmark = pytest.mark.slow

FAMILIES, CARGOS = ("bricks", "firearm"), ("empty", "sacks")
ENERGIES = ("4MV", "6MV")


@pytest.fixture(scope="module")
def pixels():
    """Scans of smooth loads: (3, energy, row, column)."""
    rng = np.random.default_rng(5)
    attenuation = np.cumsum(rng.normal(0, 0.1, (3, 1, 96, 128)), axis=3).astype(np.float32)
    return np.exp(-np.abs(attenuation) * np.array([1, 0.86], np.float32)[None, :, None, None])


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A small network with random weights, exported and calibrated."""
    import torch

    torch.manual_seed(1)
    network = Network(NetworkConfig(FAMILIES, CARGOS, widths=(16, 16, 24, 24), blocks=(1, 1, 1, 1))).eval()
    contract = Contract(
        name="small", version="3", kind=Kind.TRANSMISSION, energies=ENERGIES, pitch_mm=(3.0, 9.0), families=FAMILIES,
        cargos=CARGOS, license="Apache-2.0", calibrations=(Calibration.from_scores(np.arange(9)),),
    )  # fmt: skip
    path = tmp_path_factory.mktemp("model") / "small.onnx"
    path.write_bytes(with_contract(onnx_bytes(ExportModel(network)), contract, "small"))
    return path


@pytest.fixture(scope="module")
def benign(tmp_path_factory, pixels):
    folder = tmp_path_factory.mktemp("benign")
    for number, pixel in enumerate(pixels):
        write_tiff(folder / f"{number}.tif", pixel, open_beam=60000, energies=ENERGIES, pitch_mm=(6.0, 6.0))
    return folder


@pytest.mark.parametrize(("precision", "close"), [("int8", 0.5), ("fp16", 0.01)])
def test_another_precision_keeps_contract_and_numbers(model, benign, pixels, tmp_path, precision, close):
    from nii.fit.calibrate import benign_scans

    out = tmp_path / "out.onnx"
    contract = export(model, out, version="4", precision=precision, benign=benign_scans([str(benign)]))
    assert (contract.name, contract.version, contract.calibrations) == (f"small-{precision}", "4", ())
    before, after = Detector.load(model, threads=1), Detector.load(out, threads=1)
    assert after.contract == contract
    assert out.stat().st_size < model.stat().st_size
    scans = [Scan(transmission=pixel[:, :80, :101].copy(), energies=ENERGIES) for pixel in pixels]  # another size
    layers = [(before.layers(scan), after.layers(scan)) for scan in scans]
    spread = np.std([old.evidence for old, _ in layers])  # little, of random weights
    assert all(np.abs(old.evidence - new.evidence).max() < close * spread for old, new in layers)
    assert all(abs(old.score - new.score) < close * spread for old, new in layers)
    assert all(np.abs(old.heat - new.heat).max() > 0 for old, new in layers)  # it is another precision


def test_physics_first_convolution_and_heads_stay_in_float(model, pixels):
    graph = onnx.load_model_from_string(int8(model.read_bytes(), pixels)).graph
    quantised = {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    weights = {node.input[1] for node in graph.node if node.op_type == "Conv"}
    in_float = {name for name in weights - quantised if name.startswith("network.")}
    assert in_float == {f"network.{layer}.weight" for layer in ("stem.0", "evidence", "excess", "family")}
    assert len(weights & quantised) > 15
    kept = set(inner(onnx.load(model).graph))
    assert not any(node.name in kept for node in graph.node if node.op_type in ("Log", "Sqrt", "Sigmoid", "Softmax"))


def test_no_sum_of_two_products_of_the_shipped_model_is_cut_on_any_processor():
    """Shown from the file's own weights: x86 without VNNI adds two products of 255 at most and a weight in 16 bits."""
    pair = largest_pair(find_model("cargo-int8").read_bytes())
    assert 100 < pair <= LARGEST_PAIR  # its weights use their range
    assert 255 * pair <= np.iinfo(np.int16).max


def test_eight_bits_are_made_so_and_weights_of_all_of_their_range_are_known(model, pixels):
    made = int8(model.read_bytes(), pixels)
    assert 100 < largest_pair(made) <= LARGEST_PAIR
    assert largest_pair(model.read_bytes()) == 0
    whole = onnx.load_model_from_string(made)
    weight = next(
        tensor
        for tensor in whole.graph.initializer
        if tensor.data_type == onnx.TensorProto.INT8 and len(tensor.dims) == 4
    )
    values = onnx.numpy_helper.to_array(weight).copy()
    values[0].flat[:2] = 100, -29
    weight.raw_data = values.tobytes()
    assert largest_pair(whole.SerializeToString()) == 129 > LARGEST_PAIR


def test_eight_bits_need_benign_scans(model, tmp_path):
    with pytest.raises(UsageError, match=r"int8: expected benign scans to calibrate on \(--benign\), came none"):
        export(model, tmp_path / "out.onnx", version="1", precision="int8")
