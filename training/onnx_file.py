"""A module of torch as ONNX."""

import logging
import warnings
from collections.abc import Sequence
from typing import Any

import onnx
import torch
from torch import Tensor, nn

OPSET = 20


def exported(
    module: nn.Module, example: tuple[Tensor, ...], axes: Any, inputs: Sequence[str], outputs: Sequence[str]
) -> onnx.ModelProto:
    """The module as ONNX, weights inside. axes: as dynamic_shapes of torch.onnx.export.

    Without what the exporter notes of each node, among it paths of the machine it ran on.
    """
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():  # the exporter's own use of deprecated parts of torch
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module.eval(),
            example,
            dynamo=True,
            external_data=False,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes=axes,
            opset_version=OPSET,
            verbose=False,
        )
    assert program is not None  # noqa: S101 - None only without dynamo
    model: onnx.ModelProto = program.model_proto  # made anew whenever it is asked for
    for node in model.graph.node:
        del node.metadata_props[:]
    return model
