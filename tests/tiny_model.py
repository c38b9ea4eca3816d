"""A model with a known answer, for tests that need a model but not a good one.

It calls dense things concealed: evidence = (attenuation of the first energy - 2) averaged over 5x5
half-resolution pixels, excess = half the attenuation. Built by hand, so that no test needs torch.
"""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from nii.contract import Contract, with_contract
from nii.known.look import FIGURES
from nii.known.naming import Naming
from nii.operating_point import Calibration
from nii.scan import Kind

FAMILIES = ("bricks", "firearm")
CARGOS = ("empty", "sacks")
N_FEATURES = len(FAMILIES) + len(FIGURES)
OFFSET = 2.0


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
        helper.make_node("ReduceMax", ["logit", "axes123"], ["score"], keepdims=0),
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
        "axes123": np.array([1, 2, 3], np.int64),
    }  # fmt: skip
    outputs = {
        "heat": ["b", "r", "c"], "excess": ["b", 2, "r", "c"], "family": ["b", 2, "r4", "c4"], "cargo": ["b", 2],
        "empty": ["b"], "evidence": ["b", "r2", "c2"], "score": ["b"],
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


def calibrated_model(n: int = 199) -> bytes:
    """The tiny model with a default calibration of n scores, evenly from -2 to 0, that names what it finds."""
    return tiny_model((Calibration.from_scores(np.linspace(-2, 0, n)),), plain_naming())
