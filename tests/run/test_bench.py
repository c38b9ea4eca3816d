"""The bench: arithmetic counted by hand, every stage timed, a table for people."""

import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tiny_model import tiny_model

from nii.cli import main
from nii.errors import ScanError, UsageError
from nii.run import bench as module
from nii.run.bench import arithmetic, bench, matrix_product, parse_size

pytestmark = pytest.mark.slow


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(module, "REPEATS", 2)
    monkeypatch.setattr(module, "ROWS", 3)
    monkeypatch.setattr(module, "_thread_counts", lambda: [1, 2])
    monkeypatch.setattr(module, "matrix_product", lambda threads: 50.0 * threads)


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "tiny.onnx"
    path.write_bytes(tiny_model())
    return str(path)


def convolution(tmp_path):
    """3x3 in 4 groups, 8 to 16 channels, stride 1 without padding: 98 x 98 results of 100 x 100 pixels."""
    nodes = [
        helper.make_node("Conv", ["transmission", "weight"], ["made"], group=4),
        helper.make_node("ReduceMax", ["made"], ["score"], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "one",
        [helper.make_tensor_value_info("transmission", TensorProto.FLOAT, ["b", 8, "r", "c"])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, [])],
        [numpy_helper.from_array(np.ones((16, 2, 3, 3), np.float32), "weight")],
    )
    path = tmp_path / "conv.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return str(path)


def test_arithmetic_is_that_of_a_convolution_by_hand(tmp_path):
    by_hand = 2 * 98 * 98 * 16 * (2 * 3 * 3)
    assert arithmetic(convolution(tmp_path), (100, 100)) == pytest.approx(by_hand / 1e9)


def test_every_stage_is_timed_for_every_number_of_threads(quick, model):
    speeds = list(bench(model, (48, 80)))
    assert [(speed.threads, speed.peak, speed.share) for speed in speeds] == [
        (1, 50.0, 0.0),
        (2, 100.0, 0.0),
    ]  # no convolution
    for speed in speeds:
        assert list(speed.milliseconds) == ["read", "infer", "regions", "write"]
        assert all(0 < value < 1000 for value in speed.milliseconds.values())
        assert speed.scans_per_second == pytest.approx(1000 / sum(speed.milliseconds.values()))


def test_the_command_prints_a_line_for_each(quick, model, capfd, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["nii"])
    with pytest.raises(SystemExit) as stop:
        main(["bench", "--model", model, "--size", "48x80"])
    lines = capfd.readouterr().out.splitlines()
    assert stop.value.code == 0
    assert "scan 48x80 (0.00 Mpx)" in lines[0]
    assert [line.split()[0] for line in lines[1:]] == ["threads", "1", "2"]


def test_a_matrix_product_is_measured_in_a_process_of_its_own(monkeypatch):
    monkeypatch.setattr(module, "PRODUCT", "import os; print(2.0 if os.environ['OMP_NUM_THREADS'] == '3' else 1.0)")
    assert matrix_product(3) == pytest.approx(8.589934592)  # 2 x 2048^3 operations in 2 s


@pytest.mark.parametrize("text", ["432", "axb", "-4x5", "4.5x6"])
def test_sizes_that_are_none(text):
    with pytest.raises(UsageError, match="--size: expected rows x columns like 432x1088"):
        parse_size(text)
    with pytest.raises(ScanError):
        parse_size("4x4000")
    assert parse_size("432x1088") == (432, 1088)
