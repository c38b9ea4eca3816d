"""A model in 8 or 16 bits inside: smaller and, on hardware made for it, faster; inputs and outputs stay float32.

What physics makes of the transmission, the first convolution, the heads and all that follows them stay in
float32: the difference between two energies is lost in fewer bits, and scores must not tie.
"""

import logging
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from nii.errors import UsageError
from nii.scan import FloatArray

WEIGHTS = "network."  # how the names of the network's own weights begin
HEADS = ("network.evidence", "network.excess", "network.family")
QUANTISED = ("Add", "Conv", "Relu", "Resize")


def int8(model: bytes, transmissions: Iterable[FloatArray]) -> bytes:
    """The model with its inner layers in 8 bits: activations unsigned, weights signed and per channel (U8S8).

    transmissions: of some tens of benign scans, (energy, row, column) each: they set the ranges of the activations.
    Signed activations (S8S8) take twice the time on x86. Raises UsageError if there is no scan.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    scans = iter(transmissions)
    first = next(scans, None)
    if first is None:
        raise UsageError("int8: expected benign scans to calibrate on (--benign), came none")
    graph = onnx.load_model_from_string(model).graph
    kept = set(inner(graph))
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        source.write_bytes(model)
        before = logging.root.manager.disable
        logging.disable(logging.WARNING)  # it recommends a preprocessing that the exporter has done
        try:
            quantize_static(
                str(source),
                str(target),
                _Reader(first, scans),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(QUANTISED),
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=[node.name for node in graph.node if node.name not in kept],
                calibrate_method=CalibrationMethod.MinMax,
            )
        finally:
            logging.disable(before)
        return target.read_bytes()


def fp16(model: bytes) -> bytes:
    """The model with its inner layers in 16 bits, for GPUs; a CPU computes them in float32 all the same."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    whole = onnx.load_model_from_string(model)
    kept = set(inner(whole.graph))
    blocked = [node.name for node in whole.graph.node if node.name not in kept]
    smaller = convert_float_to_float16(whole, keep_io_types=True, node_block_list=blocked, op_block_list=["Resize"])
    return bytes(smaller.SerializeToString())


def inner(graph: Any) -> Iterator[str]:
    """Names of the nodes of an exported graph that lie between the first convolution and the heads."""
    own = [node for node in graph.node if node.op_type == "Conv" and node.input[1].startswith(WEIGHTS)]
    reached, after = set(own[0].output), []
    for node in graph.node:
        if reached.intersection(node.input):
            reached.update(node.output)
            after.append(node)
    needed = {node.input[0] for node in own if node.input[1].startswith(HEADS)}
    for node in reversed(after):
        if needed.intersection(node.output):
            needed.update(node.input)
            yield node.name


def _reader_of(first: FloatArray, rest: Iterator[FloatArray]) -> Iterator[dict[str, FloatArray]]:
    yield {"transmission": np.ascontiguousarray(first[None])}
    for one in rest:
        yield {"transmission": np.ascontiguousarray(one[None])}


class _Reader:
    """What the calibrator of onnxruntime asks for its inputs."""

    def __init__(self, first: FloatArray, rest: Iterator[FloatArray]) -> None:
        self.inputs = _reader_of(first, rest)

    def get_next(self) -> dict[str, FloatArray] | None:
        return next(self.inputs, None)
