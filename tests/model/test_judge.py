"""The judge's numbers inside a model file."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from tiny_model import tiny_model

from nii.errors import ModelError
from nii.model.contract import read_contract
from nii.model.detector import Detector
from nii.model.judge import Judge, read_judge, with_judge
from nii.scan import Scan


def judge(*weight, bias=0.0):
    return Judge(np.array(weight, np.float32), np.array([bias], np.float32))


def weights(model):
    graph = onnx.load_model_from_string(model).graph
    return {tensor.name: numpy_helper.to_array(tensor).tolist() for tensor in graph.initializer}


def test_a_new_judge_is_read_back_and_nothing_else_of_the_file_changes():
    before, after = tiny_model(), with_judge(tiny_model(), judge(0.5, -2, bias=3), "tiny.onnx")
    assert read_judge(after, "tiny.onnx").weight.tolist() == [0.5, -2]
    changed = weights(before) | {"judge.weight": [0.5, -2.0], "judge.bias": [3.0]}
    assert weights(after) == changed
    assert len(after) == len(before)
    assert read_contract(after, "tiny.onnx") == read_contract(before, "tiny.onnx")


def test_the_score_is_what_the_judge_makes_of_the_features(tmp_path):
    pixels = np.full((2, 64, 96), 0.9, np.float32)
    pixels[:, 20:40, 30:54] = 0.02
    path = tmp_path / "judged.onnx"
    path.write_bytes(with_judge(tiny_model(), judge(0.5, 0.25, bias=1), "tiny.onnx"))
    detector, scan = Detector.load(path, threads=1), Scan(transmission=pixels, energies=("4MV", "6MV"))
    seen, layers = detector.seen(scan), detector.layers(scan)
    by_hand = seen.features @ np.array([0.5, 0.25], np.float32) + 1
    assert seen.candidates[:, 2] == pytest.approx(by_hand, abs=1e-5)
    assert layers.score == layers.candidates[0, 2] == seen.candidates[:, 2].max()
    assert seen.grid == layers.evidence.shape
    row, column = layers.candidates[0, :2].astype(int)
    assert layers.evidence[row, column] == seen.features[seen.candidates[:, 2].argmax(), 0]


@pytest.mark.parametrize("weight", [(1.0,), (1.0, 2.0, 3.0), (1.0, np.nan)])
def test_a_judge_that_does_not_fit_the_model_is_refused(weight):
    with pytest.raises(ModelError, match=r"tiny.onnx: expected 2 finite values for judge\.weight, came \d or others"):
        with_judge(tiny_model(), judge(*weight), "tiny.onnx")


def test_a_file_without_a_judge_is_refused():
    model = onnx.load_model_from_string(tiny_model())
    for tensor in model.graph.initializer:
        tensor.name = tensor.name.replace("judge.", "jury.")
    with pytest.raises(ModelError, match=r"old\.onnx: expected a model with a judge"):
        read_judge(model.SerializeToString(), "old.onnx")
