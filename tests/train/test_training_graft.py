"""A judge for a model of before, on a graph small enough to write down."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from nii.model.judge import read_judge
from training.graft import has_judge, with_new_judge
from training.judge import names_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def before():
    """Evidence is 3 times the first energy's transmission, excess the transmission, both at a quarter."""
    weights = {"network.evidence.weight": [[3.0, 0.0]], "network.excess.weight": [[1.0, 0.0], [0.0, 1.0]]}
    constants = {name: np.array(value, np.float32)[:, :, None, None] for name, value in weights.items()}
    constants |= {"scales": np.array([1, 1, 4, 4], np.float32), "channel": np.array([1], np.int64)}
    constants |= {"map": np.array([1, 2], np.int64)}
    nodes = [
        helper.make_node("AveragePool", ["transmission"], ["last"], kernel_shape=[4, 4], strides=[4, 4], ceil_mode=1),
        helper.make_node("Conv", ["last", "network.evidence.weight"], ["logit"]),
        helper.make_node("Squeeze", ["logit", "channel"], ["evidence"]),
        helper.make_node("Conv", ["last", "network.excess.weight"], ["coarse"]),
        helper.make_node("Resize", ["coarse", "", "scales"], ["excess"], mode="linear"),
        helper.make_node("ReduceMax", ["evidence", "map"], ["score"], keepdims=0),
    ]
    outputs = {"evidence": ["b", "r4", "c4"], "excess": ["b", 2, "r1", "c1"], "score": ["b"]}
    graph = helper.make_graph(
        nodes,
        "before",
        [helper.make_tensor_value_info("transmission", TensorProto.FLOAT, ["b", 2, "r", "c"])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return bytes(model.SerializeToString())


@pytest.fixture(scope="module")
def after(before):
    return with_new_judge(before, 2)


@pytest.mark.parametrize("shape", [(1, 2, 80, 132), (3, 2, 17, 64), (1, 2, 16, 16)])
def test_all_else_stays_to_the_bit_and_the_score_is_the_evidence(before, after, shape, rng):
    given = {"transmission": rng.random(shape, np.float32) * np.float32(0.9) + np.float32(0.05)}
    names = ["evidence", "excess", "score"]
    sessions = [onnxruntime.InferenceSession(model) for model in (before, after)]
    old, new = sessions[0].run(names, given), sessions[1].run([*names, "candidates", "features"], given)
    for one, other in zip(old, new, strict=False):
        np.testing.assert_array_equal(one, other)
    candidates, features = new[3:]
    np.testing.assert_array_equal(candidates[..., 2].max(axis=1), new[2])
    assert features.shape == (*candidates.shape[:2], len(names_of(2)))
    assert np.isfinite(features).all()


def test_the_judge_can_be_read_and_no_path_of_this_machine_came_with_it(before, after):
    assert (has_judge(before), has_judge(after)) == (False, True)
    judge = read_judge(after, "after.onnx")
    assert judge.weight.tolist() == [1.0] + [0.0] * (len(names_of(2)) - 1)
    assert not any(node.metadata_props for node in onnx.load_model_from_string(after).graph.node)
