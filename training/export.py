"""From a training run to one .onnx file that carries its own contract."""

import io
import json
import logging
import warnings
from pathlib import Path

import torch

from nii.contract import Contract, with_contract
from nii.errors import ModelError, UsageError
from nii.io.write import write_atomically
from nii.scan import Kind
from training.checkpoint import load_network
from training.network import Separator

OPSET = 20
LICENSE = "Apache-2.0"


def export(run: Path, out: Path, *, version: str, precision: str = "fp32") -> Contract:
    """Write RUN/best.pt as an ONNX model with dynamic batch, rows and columns. Not calibrated yet.

    Raises ModelError if RUN holds no finished training, UsageError for a precision that is not built.
    """
    if precision != "fp32":
        raise UsageError(f"precision: expected fp32 (fp16 and int8 are not built yet), came {precision}")
    best, config = run / "best.pt", run / "config.json"
    if not (best.is_file() and config.is_file()):
        raise ModelError(f"{run}: expected best.pt and config.json of a training run, came a folder without")
    network, minutes = load_network(best)
    recipe = json.loads(config.read_text())
    contract = Contract(
        name=recipe["model"],
        version=version,
        kind=Kind.TRANSMISSION,
        energies=tuple(recipe["energies"]),
        pitch_mm=tuple(recipe["pitch_mm"]),
        families=network.config.families,
        cargos=network.config.cargos,
        license=LICENSE,
        recipe=recipe,
        data=recipe["data"],
        minutes=round(minutes, 1),
    )
    write_atomically(out, with_contract(onnx_bytes(Separator(network)), contract, str(out)))
    return contract


def onnx_bytes(model: Separator) -> bytes:
    """The model as ONNX, weights inside; input `transmission` (batch, energy, row, column)."""
    energies = model.network.config.energies
    example = torch.rand(2, energies, 96, 131) * 0.9 + 0.05
    dim = torch.export.Dim
    axes = {0: dim("batch"), 2: dim("row", min=16), 3: dim("column", min=16)}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():  # the exporter's own use of deprecated parts of torch
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            model.eval(),
            (example,),
            dynamo=True,
            external_data=False,
            input_names=["transmission"],
            output_names=list(Separator.names),
            dynamic_shapes=(axes,),
            opset_version=OPSET,
            verbose=False,
        )
    buffer = io.BytesIO()
    assert program is not None  # noqa: S101 - None only without dynamo
    import onnx

    onnx.save(program.model_proto, buffer)
    return buffer.getvalue()
