"""A model in 8 or 16 bits inside: smaller and, on hardware made for it, faster; inputs and outputs stay float32.

What physics makes of the transmission, the first convolution, the heads and all that follows them stay in
float32: the difference between two energies is lost in fewer bits, and scores must not tie.

x86 without VNNI adds two neighbouring products of unsigned activations and signed weights in 16 bits, and cuts what is
too large for them in silence: with weights of 8 bits, other processors give other scores. So the weights of each output
are scaled by the largest two neighbours; weights of 7 bits would do as well, and lose more.
"""

import logging
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from nii.errors import UsageError
from nii.scan import FloatArray

WEIGHTS = "network."  # how the names of the network's own weights begin
HEADS = ("network.evidence", "network.excess", "network.family")
QUANTISED = ("Add", "Conv", "Relu", "Resize")
LARGEST_PAIR = 32767 // 255  # of neighbouring weights: so much times an activation of 255 fits into 16 bits


def int8(model: bytes, transmissions: Iterable[FloatArray]) -> bytes:
    """The model with its inner layers in 8 bits: activations unsigned, weights signed and per channel (U8S8).

    transmissions: of some tens of benign scans, (energy, row, column) each: they set the ranges of the activations.
    `largest_pair` is at most LARGEST_PAIR then. Signed activations (S8S8) take twice the time on x86. Raises UsageError
    if there is no scan.
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
                extra_options={"TensorQuantOverrides": _ranges(graph, kept)},
            )
        finally:
            logging.disable(before)
        return target.read_bytes()


def largest_pair(model: bytes) -> int:
    """The largest sum of the sizes of two neighbouring weights of 8 bits; 0 without such layers.

    Up to LARGEST_PAIR no sum of two products is cut: 128 x 255 = 32640 is less than 32768, and sums of more products
    have 32 bits.
    """
    graph = onnx.load_model_from_string(model).graph
    weights = (tensor for tensor in graph.initializer if tensor.data_type == TensorProto.INT8 and len(tensor.dims) == 4)
    return max((int(pairs(numpy_helper.to_array(weight).astype(np.int32)).max()) for weight in weights), default=0)


def pairs(weights: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Largest sum of the sizes of two neighbours for each output of a convolution, (output,).

    weights: (output, input, row, column). Neighbours along the inputs of a place, as onnxruntime multiplies them, and
    in case of another order along the places of an input; the last of one row and the first of the next are some too.
    """
    sizes = np.abs(weights)
    orders = (sizes.transpose(0, 2, 3, 1).reshape(len(sizes), -1), sizes.reshape(len(sizes), -1))
    return np.asarray(np.max([(order[:, 1:] + order[:, :-1]).max(axis=1) for order in orders], axis=0))


def _ranges(graph: Any, kept: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    """Ranges of the weights to be quantised, by name and output, in the words of onnxruntime.

    The largest pair of an output becomes 127: rounded up, each of them, they are 128 at most.
    """
    weights = {tensor.name: tensor for tensor in graph.initializer}
    convolutions = (node for node in graph.node if node.op_type == "Conv" and node.name in kept)
    return {
        node.input[1]: [
            {"axis": 0, "rmin": -pair, "rmax": pair, "symmetric": True}
            for pair in pairs(numpy_helper.to_array(weights[node.input[1]]))
        ]
        for node in convolutions
    }


def fp16(model: bytes) -> bytes:
    """The model with its inner layers in 16 bits, for GPUs; a CPU is no faster with it.

    The converters at hand store every tensor in 16 bits, also between nodes that they leave in float32, and
    the physics with them. Here only what goes into the inner layers and comes out of them is cast.
    """
    whole = onnx.shape_inference.infer_shapes(onnx.load_model_from_string(model))
    graph, kept = whole.graph, set(inner(whole.graph))
    weights = {tensor.name: tensor for tensor in graph.initializer if tensor.data_type == TensorProto.FLOAT}
    typed = [*graph.value_info, *graph.input]
    floats = {one.name for one in typed if one.type.tensor_type.elem_type == TensorProto.FLOAT}
    inside = {name for node in graph.node if node.name in kept for name in node.output} & floats
    nodes: list[Any] = []
    made: set[str] = set()
    for node in graph.node:
        small = node.name in kept
        crossing = {name for name in node.input if name in floats and small != (name in inside)}
        crossing |= {name for name in node.input if small and name in weights}
        if node.op_type == "Resize":
            crossing &= set(node.input[:1])  # its scales are float32 in any case
        into = {name: f"{name}_{'fp16' if small else 'fp32'}" for name in crossing}
        for name, wanted in into.items():
            if wanted not in made:
                made.add(wanted)
                kind = TensorProto.FLOAT16 if small else TensorProto.FLOAT
                nodes.append(_in_bits(weights.get(name), name, wanted, kind))
        renamed = [into.get(name, name) for name in node.input]
        del node.input[:]
        node.input.extend(renamed)
        nodes.append(node)
    _replace(graph.node, nodes)
    used = {name for node in nodes for name in node.input}
    _replace(graph.initializer, [tensor for tensor in graph.initializer if tensor.name in used])
    _replace(graph.value_info, [])  # of other types now
    return bytes(whole.SerializeToString())


def _in_bits(weight: TensorProto | None, name: str, wanted: str, kind: int) -> Any:
    """The node that gives a tensor in another type: a constant for a weight, else a cast."""
    if weight is None:
        return helper.make_node("Cast", [name], [wanted], to=kind)
    values = numpy_helper.to_array(weight).astype(np.float16)
    return helper.make_node("Constant", [], [wanted], value=numpy_helper.from_array(values))


def _replace(field: Any, values: Sequence[Any]) -> None:
    """Set a repeated field of a protobuf message."""
    copied = list(values)
    del field[:]
    field.extend(copied)


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
