"""The judge joins the graph of a network, as the last step of an export and in whatever precision the network is.

So it always computes in float32, and models that were exported before there were judges get theirs in the same way.
"""

from functools import cache

import onnx
import torch
from onnx import compose

from training.judge import JudgeModule
from training.onnx_file import exported

PREFIX = "judge."  # of all names of the judge's own
INPUTS = ("transmission", "evidence", "excess", "last")
OUTPUTS = ("score", "candidates", "features")


def has_judge(model: bytes) -> bool:
    """Whether a model's graph puts out candidates."""
    return "candidates" in {one.name for one in onnx.load_model_from_string(model).graph.output}


def with_new_judge(model: bytes, energies: int) -> bytes:
    """The model with a judge whose score is the evidence; all its other outputs are the same to the bit."""
    whole = onnx.load_model_from_string(model)
    graph = whole.graph
    seen = {"transmission": "transmission", "evidence": "evidence"}
    seen["excess"] = next(node.input[0] for node in graph.node if "excess" in node.output)  # before it is resized
    heads = [node for node in graph.node if node.op_type == "Conv" and node.input[1].startswith("network.evidence")]
    seen["last"] = heads[0].input[0]
    own = compose.add_prefix(judge_graph(energies), PREFIX).graph
    renamed = {PREFIX + name: theirs for name, theirs in seen.items()} | {PREFIX + name: name for name in OUTPUTS}
    for node in [node for node in graph.node if "score" in node.output]:
        graph.node.remove(node)
    used = {name for node in graph.node for name in node.input}
    for tensor in [one for one in graph.initializer if one.name not in used]:
        graph.initializer.remove(tensor)
    for node in own.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    graph.node.extend(own.node)
    graph.initializer.extend(own.initializer)
    for one in own.output:
        one.name = renamed[one.name]
        if one.name != "score":
            graph.output.append(one)
    onnx.checker.check_model(whole)
    return bytes(whole.SerializeToString())


@cache
def judge_graph(energies: int) -> onnx.ModelProto:
    """The judge alone, with inputs and outputs as training.judge.JudgeModule."""
    dim, size = torch.export.Dim, (104, 153)
    batch, channels, rows, columns = dim("batch"), dim("channels"), dim("rows", min=4), dim("columns", min=4)
    example = (
        torch.rand(2, energies, *(4 * side for side in size)),
        torch.randn(2, *size),
        torch.rand(2, energies, *size),
        torch.randn(2, 48, *size),
    )
    maps = {0: batch, 2: rows, 3: columns}
    axes = ({0: batch, 2: 4 * rows, 3: 4 * columns}, {0: batch, 1: rows, 2: columns}, maps, {**maps, 1: channels})
    return exported(JudgeModule(energies), example, axes, INPUTS, OUTPUTS)
