"""A model with a known answer, for tests that need a model but not a good one.

It calls dense things concealed: evidence = (attenuation of the first energy - 2) averaged over 5x5
half-resolution pixels, excess = half the attenuation. Its judge has two features, the evidence of a candidate and
that averaged over 9x9, and calls the first one the score. Built by hand, so that no test needs torch.
"""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from nii.model.contract import Contract, with_contract
from nii.model.naming import Naming
from nii.model.region_features import FIGURES
from nii.scan import Kind
from nii.stats.operating_point import Calibration

FAMILIES = ("bricks", "firearm")
CARGOS = ("empty", "sacks")
N_FEATURES = len(FAMILIES) + len(FIGURES)
OFFSET = 2.0
CANDIDATES = 8


def plain_naming(**other: Any) -> Naming:
    """Probabilities are the network's own shares, and nothing is strange."""
    zeros = (0.0,) * N_FEATURES
    given = {
        "families": FAMILIES, "centre": zeros, "spread": (1.0,) * N_FEATURES, "bias": (0.0, 0.0),
        "distances": (1e9,) * 99,
        "sharpness": 1.0, "weights": ((0.0,) * len(FIGURES),) * 2, "middles": (zeros, zeros),
        "whitening": tuple(tuple(float(i == k) for i in range(N_FEATURES)) for k in range(N_FEATURES)),
        "least_probability": 0.3, "least_p_value": 0.05, "source": "made by hand",
    }  # fmt: skip
    return Naming(**{**given, **other})


def tiny_model(calibrations: tuple[Calibration, ...] = (), naming: Naming | None = None) -> bytes:
    """The bytes of an .onnx file that keeps the contract of a dual-energy cargo model."""
    nodes = [
        helper.make_node("Clip", ["transmission", "low", "high"], ["clipped"]),
        helper.make_node("Log", ["clipped"], ["log"]),
        helper.make_node("Neg", ["log"], ["attenuation"]),
        helper.make_node("Mul", ["attenuation", "half"], ["excess"]),
        helper.make_node("Gather", ["attenuation", "first"], ["low_energy"], axis=1),
        helper.make_node("AveragePool", ["low_energy"], ["halved"], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
        helper.make_node("AveragePool", ["halved"], ["mean"], kernel_shape=[5, 5], pads=[2, 2, 2, 2]),
        helper.make_node("Sub", ["mean", "offset"], ["logit"]),
        helper.make_node("Squeeze", ["logit", "axis1"], ["evidence"]),
        *judge_nodes(),
        helper.make_node("Sub", ["low_energy", "offset"], ["full"]),
        helper.make_node("Sigmoid", ["full"], ["hot"]),
        helper.make_node("Squeeze", ["hot", "axis1"], ["heat"]),
        helper.make_node("AveragePool", ["halved"], ["quarter"], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
        helper.make_node("Concat", ["quarter", "quarter"], ["two"], axis=1),
        helper.make_node("Softmax", ["two"], ["family"], axis=1),
        helper.make_node("ReduceMean", ["attenuation", "axes23"], ["cargo_logits"], keepdims=0),
        helper.make_node("Softmax", ["cargo_logits"], ["cargo"], axis=1),
        helper.make_node("ReduceMean", ["transmission", "axes123"], ["empty"], keepdims=0),
    ]
    constants = {
        "low": np.float32(3e-4), "high": np.float32(1.5), "half": np.float32(0.5), "offset": np.float32(OFFSET),
        "first": np.array([0], np.int64), "axis1": np.array([1], np.int64), "axes23": np.array([2, 3], np.int64),
        "axes123": np.array([1, 2, 3], np.int64), "one": np.int64(1), "zero": np.int64(0),
        "axis2": np.array([2], np.int64), "count": np.array([CANDIDATES], np.int64), "none": np.float32(-np.inf),
        "three": np.int64(3), "map": np.array([2, 3], np.int64), "ones": np.array([1, 1], np.int64),
        "judge.weight": np.array([1, 0], np.float32), "judge.bias": np.array([0], np.float32),
    }  # fmt: skip
    outputs = {
        "heat": ["b", "r", "c"], "excess": ["b", 2, "r", "c"], "family": ["b", 2, "r4", "c4"], "cargo": ["b", 2],
        "empty": ["b"], "evidence": ["b", "r2", "c2"], "score": ["b"], "candidates": ["b", CANDIDATES, 3],
        "features": ["b", CANDIDATES, 2],
    }  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("transmission", TensorProto.FLOAT, ["b", 2, "r", "c"])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model)
    contract = Contract(
        name="tiny", version="1", kind=Kind.TRANSMISSION, energies=("4MV", "6MV"), pitch_mm=(3.0, 9.0),
        families=FAMILIES, cargos=CARGOS, license="Apache-2.0", calibrations=calibrations, naming=naming,
    )  # fmt: skip
    return with_contract(model.SerializeToString(), contract, "tiny.onnx")


def judge_nodes() -> list[Any]:
    """From `logit` (b, 1, r2, c2) to `candidates`, `features` and `score`; of places of one height only the first."""
    node, window = helper.make_node, {"kernel_shape": [9, 9], "pads": [4, 4, 4, 4], "strides": [1, 1]}
    return [
        node("MaxPool", ["logit"], ["around"], **window),
        node("Equal", ["logit", "around"], ["highest"]),
        node("Shape", ["logit"], ["shape"]),
        node("Gather", ["shape", "map"], ["sides"]),
        node("ReduceProd", ["sides"], ["cells"], keepdims=0),
        node("Range", ["zero", "cells", "one"], ["numbers"]),
        node("Cast", ["numbers"], ["counted"], to=TensorProto.FLOAT),
        node("Neg", ["counted"], ["falling"]),
        node("Concat", ["ones", "sides"], ["flat_shape"], axis=0),
        node("Reshape", ["falling", "flat_shape"], ["order"]),
        node("Where", ["highest", "order", "none"], ["ordered"]),
        node("MaxPool", ["ordered"], ["earliest"], **window),
        node("Equal", ["ordered", "earliest"], ["first_here"]),
        node("And", ["first_here", "highest"], ["peak"]),
        node("Where", ["peak", "logit", "none"], ["alone"]),
        node("Flatten", ["alone"], ["alone_flat"], axis=1),
        node("TopK", ["alone_flat", "count"], ["height", "place"], axis=1),
        node("Gather", ["shape", "three"], ["width"]),
        node("Div", ["place", "width"], ["row"]),
        node("Mul", ["row", "width"], ["row_start"]),
        node("Sub", ["place", "row_start"], ["column"]),
        node("AveragePool", ["logit"], ["wide"], **window),
        node("Flatten", ["logit"], ["logit_flat"], axis=1),
        node("Flatten", ["wide"], ["wide_flat"], axis=1),
        node("GatherElements", ["logit_flat", "place"], ["here"], axis=1),
        node("GatherElements", ["wide_flat", "place"], ["mean_here"], axis=1),
        *(node("Unsqueeze", [name, "axis2"], [f"{name}_2"]) for name in ("here", "mean_here")),
        node("Concat", ["here_2", "mean_here_2"], ["features"], axis=2),
        node("Mul", ["features", "judge.weight"], ["weighted"]),
        node("ReduceSum", ["weighted", "axis2"], ["summed"], keepdims=0),
        node("Add", ["summed", "judge.bias"], ["judged"]),
        node("Greater", ["height", "none"], ["there"]),
        node("Where", ["there", "judged", "none"], ["judged_there"]),
        node("ReduceMax", ["judged_there", "axis1"], ["score"], keepdims=0),
        *(node("Cast", [name], [f"{name}_float"], to=TensorProto.FLOAT) for name in ("row", "column")),
        *(node("Unsqueeze", [name, "axis2"], [f"{name}_2"]) for name in ("row_float", "column_float", "judged_there")),
        node("Concat", ["row_float_2", "column_float_2", "judged_there_2"], ["candidates"], axis=2),
    ]


def calibrated_model(n: int = 199) -> bytes:
    """The tiny model with a default calibration of n scores, evenly from -2 to 0, that names what it finds."""
    return tiny_model((Calibration.from_scores(np.linspace(-2, 0, n)),), plain_naming())
