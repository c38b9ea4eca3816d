"""The judge of a model: by which weights the features of a candidate become its score.

They are two tensors of known size inside the .onnx file (training.judge has the features), so that `nii fit` reads
and replaces them byte for byte, and all else of the file stays as it is.
"""

from dataclasses import dataclass

import numpy as np

from nii.errors import ModelError
from nii.model.protobuf import Field, fields
from nii.scan import FloatArray

WEIGHT, BIAS = "judge.weight", "judge.bias"
GRAPH, INITIALIZER = 7, 5  # field numbers of ONNX: ModelProto.graph, GraphProto.initializer
NAME, RAW_DATA = 8, 9  # TensorProto.name, TensorProto.raw_data


@dataclass(frozen=True, eq=False)
class Judge:
    """score of a candidate = weight . features + bias. weight: float32 (feature,). bias: float32 (1,)."""

    weight: FloatArray
    bias: FloatArray


def read_judge(model: bytes, name: str) -> Judge:
    """The judge in the bytes of a model file. Raises ModelError for a file without one."""
    places = _tensors(model, name)
    weight, bias = (np.frombuffer(places[key].payload, np.float32) for key in (WEIGHT, BIAS))
    return Judge(weight, bias)


def with_judge(model: bytes, judge: Judge, name: str) -> bytes:
    """The same model with other weights of the judge. Raises ModelError unless they are finite and as many."""
    changed = bytearray(model)
    places = _tensors(model, name)
    for key, values in ((WEIGHT, judge.weight), (BIAS, judge.bias)):
        place = places[key]
        if 4 * values.size != place.end - place.at or not np.isfinite(values).all():
            expected = (place.end - place.at) // 4
            raise ModelError(f"{name}: expected {expected} finite values for {key}, came {values.size} or others")
        changed[place.at : place.end] = values.astype(np.float32).tobytes()
    return bytes(changed)


def _tensors(model: bytes, name: str) -> dict[str, Field]:
    """Where the file holds the values of the judge, by name of the tensor."""
    found = {}
    for graph in (field for field in fields(model, name) if field.number == GRAPH):
        for tensor in fields(model, name, graph.at, graph.end):
            if tensor.number == INITIALIZER:
                parts = {part.number: part for part in fields(model, name, tensor.at, tensor.end)}
                key = parts[NAME].payload.decode("utf-8", "replace") if NAME in parts else ""
                if key in (WEIGHT, BIAS) and RAW_DATA in parts:
                    found[key] = parts[RAW_DATA]
    if len(found) != 2:
        raise ModelError(f"{name}: expected a model with a judge ({WEIGHT}, {BIAS}), came one without")
    return found
