"""Weights in 16 bits in the file, in float32 in the computer."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, numpy_helper

from nii.model.detector import find_model, read_model
from nii.model.judge import BIAS, WEIGHT, read_judge
from training.stored_weights import FEWEST, in_16_bits, in_32_bits

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model():
    """The shipped model with weights that no 16 bits hold, as they are after a training."""
    whole, rng = in_32_bits(read_model(find_model("cargo"))), np.random.default_rng(7)
    for tensor in whole.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) >= FEWEST:
            values = numpy_helper.to_array(tensor)
            changed = values * rng.normal(1, 1e-4, values.shape)
            tensor.CopyFrom(numpy_helper.from_array(changed.astype(np.float32), tensor.name))
    return whole.SerializeToString()


@pytest.fixture(scope="module")
def stored(model):
    return in_16_bits(model)


def tensors(model):
    graph = onnx.load_model_from_string(model).graph
    return {one.name: one for one in graph.initializer}


def test_the_file_has_half_the_size_and_the_judge_is_whole(model, stored):
    assert len(stored) < 0.52 * len(model)
    onnx.checker.check_model(onnx.load_model_from_string(stored))
    kept = tensors(stored)
    assert {kept[WEIGHT].data_type, kept[BIAS].data_type} == {TensorProto.FLOAT}
    assert np.array_equal(read_judge(stored, "stored").weight, read_judge(model, "model").weight)


def test_weights_come_back_rounded_and_nothing_else_changes(model, stored):
    before, after = tensors(model), tensors(in_32_bits(stored).SerializeToString())
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        wanted, came = numpy_helper.to_array(tensor), numpy_helper.to_array(after[name])
        assert wanted.dtype == came.dtype
        np.testing.assert_allclose(came, wanted, rtol=2**-11, atol=2**-25)  # half a step of float16
    assert in_16_bits(in_32_bits(stored).SerializeToString()) == stored


def test_scores_stay_what_they_are_worth(model, stored):
    rng = np.random.default_rng(3)
    smooth = rng.uniform(0.05, 1, (2, 13, 20)).repeat(16, axis=1).repeat(16, axis=2)
    pixels = (smooth * rng.normal(1, 0.02, smooth.shape)).astype(np.float32)[None]
    scores = [
        onnxruntime.InferenceSession(one).run(["score"], {"transmission": pixels})[0][0] for one in (model, stored)
    ]
    assert scores[0] != scores[1], "no rounding would be no test"
    assert scores[1] == pytest.approx(scores[0], abs=5e-3)  # of a logit; 24 simulated scans: 2.3e-3 at most
