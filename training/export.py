"""From a training run to one .onnx file that carries its own contract."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import torch

from nii.errors import ModelError, UsageError
from nii.fit.calibrate import Benign
from nii.io.write import write_atomically
from nii.model.contract import Contract, read_contract, with_contract
from nii.model.detector import model_input, read_model
from nii.scan import FloatArray, Kind
from training.checkpoint import load_network, load_run
from training.graft import has_judge, with_new_judge
from training.network import ExportModel
from training.onnx_file import exported
from training.precision import fp16, int8
from training.stored_weights import in_16_bits, in_32_bits

PRECISIONS = ("fp32", "fp16", "int8")
LICENSE = "Apache-2.0"


def export(run: Path, out: Path, *, version: str, precision: str = "fp32", benign: Iterable[Benign] = ()) -> Contract:
    """Write RUN/best.pt as an ONNX model with dynamic batch, rows and columns. Not calibrated yet.

    run: of a training; or a model artefact (.onnx, fp32), to write it in another precision, which is added to its
    name. precision: fp32 (with weights stored in 16 bits), fp16 or int8, of which int8 needs benign scans (some tens)
    for the ranges of its layers.
    Raises ModelError if RUN holds no finished training, UsageError for another precision.
    """
    if precision not in PRECISIONS:
        raise UsageError(f"precision: expected {', '.join(PRECISIONS)}, came {precision}")
    model, contract = _stored(run, version) if run.is_file() else _trained(run, version)
    if precision != "fp32":
        contract = replace(contract, name=f"{contract.name}-{precision}")
    if precision == "fp16":
        model = fp16(model)
    elif precision == "int8":
        model = int8(model, _transmissions(benign, contract))
    else:
        model = in_16_bits(model)
    write_atomically(out, with_contract(model, contract, str(out)))
    return contract


def _stored(path: Path, version: str) -> tuple[bytes, Contract]:
    """A model artefact, with a judge if it has none; its operating points don't hold in another precision."""
    model = in_32_bits(read_model(path)).SerializeToString()
    model = model if has_judge(model) else with_new_judge(model, len(read_contract(model, str(path)).energies))
    return model, replace(read_contract(model, str(path)), version=version, calibrations=())


def _transmissions(benign: Iterable[Benign], contract: Contract) -> Iterator[FloatArray]:
    for scan in benign:
        yield model_input(scan.read(), contract)


def _trained(run: Path, version: str) -> tuple[bytes, Contract]:
    """The network of a training run in ONNX, and its contract."""
    best, config = run / "best.pt", run / "config.json"
    if not (best.is_file() and config.is_file()):
        raise ModelError(f"{run}: expected best.pt and config.json of a training run, came a folder without")
    network, minutes = load_network(best)
    recipe = load_run(best)
    contract = Contract(
        name=recipe["model"],
        version=version,
        kind=Kind.OPERATOR_IMAGE if recipe["operator_images"] else Kind.TRANSMISSION,
        energies=tuple(recipe["energies"]),
        pitch_mm=tuple(recipe["pitch_mm"]),
        working_pitch_mm=recipe["working_pitch_mm"],
        families=network.config.families,
        cargos=network.config.cargos,
        license=LICENSE,
        recipe=recipe,
        data=recipe["data"],
        minutes=round(minutes, 1),
    )
    return onnx_bytes(ExportModel(network)), contract


def onnx_bytes(model: ExportModel) -> bytes:
    """The model with a judge as ONNX, weights inside; input `transmission` (batch, energy, row, column)."""
    energies = model.network.config.energies
    example = torch.rand(2, energies, 416, 611) * 0.9 + 0.05
    dim = torch.export.Dim
    axes = {0: dim("batch"), 2: dim("row", min=16), 3: dim("column", min=16)}
    network = exported(model, (example,), (axes,), ("transmission",), ExportModel.names).SerializeToString()
    return with_new_judge(bytes(network), energies)
