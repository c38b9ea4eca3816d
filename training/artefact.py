"""Weights out of a model artefact (.onnx), so that training can go on from a model that ships."""

from pathlib import Path

import torch
from onnx import numpy_helper
from torch import Tensor, nn

from nii.errors import UsageError
from nii.model.contract import KEY, Contract
from nii.model.detector import find_model, read_model
from training.network import Network
from training.stored_weights import in_32_bits

FREE = ("stem", "around", "evidence", "excess", "family", "whole")
"""May differ in shape: other classes, another number of energies."""

ALIKE = {"stem.0.weight": (0, 4), "around.0.weight": (-1, 20)}
"""Filters of two energies that see their difference, as the last plane: which other plane is attenuation, and how many
times that, times 1 - energy ratio, the difference is where both energies are alike."""

EPSILON = 1e-5  # of torch's batch norm
TRAINED = 0.08  # root mean square of the weights before a batch norm after some thousand steps


def load_artefact(network: Network, model: str | Path, transmission: Tensor) -> float:
    """Take over the weights of an exported model (shipped name or path); returns the minutes it was trained.

    The export folds each batch norm into its convolution. Here they come apart again: the statistics of
    `transmission` (B, E, H, W), scans such as the training will see, give each batch norm its mean and
    spread, and its scale and shift undo them, so that the network computes what the artefact does. Filters before
    a batch norm get the size that they have after some thousand steps: folded ones are many times smaller, and
    the first steps would carry them far from what they had learned.
    A network of one energy does what one of two does with that energy twice. Heads for other classes, and a stem for
    another number of energies, keep their own first weights; a batch norm behind such takes the mean and spread of what
    reaches it, since training doesn't move them (`Recipe.settled`).
    Raises UsageError if the shapes differ elsewhere.
    """
    path = find_model(model)
    data = read_model(path)
    file = in_32_bits(data)
    contract = next(Contract.from_json(prop.value, str(path)) for prop in file.metadata_props if prop.key == KEY)
    stored = {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy()) for tensor in file.graph.initializer}
    biases = {
        node.input[1]: stored[node.input[2]]
        for node in file.graph.node
        if node.op_type == "Conv" and len(node.input) == 3
    }
    own = network.state_dict()
    norms = {}
    for name, weight in stored.items():
        key = name.removeprefix("network.")
        if key not in own:
            continue  # a constant of the graph, or the bias that a batch norm left in a convolution
        if key in ALIKE and (len(contract.energies), network.config.energies) == (2, 1):
            weight = _of_one_energy(weight, *ALIKE[key], network.config.energy_ratio)
        if own[key].shape != weight.shape:
            if key.split(".")[0] in FREE:
                continue
            raise UsageError(f"{path}: expected a model of the recipe's shape, came {key} of {tuple(weight.shape)}")
        own[key] = weight
        if (norm := _norm_behind(network, key)) is not None:
            size = weight.flatten(1).square().mean(dim=1).sqrt().clamp(min=1e-12)  # (outputs,)
            own[key] = weight * (TRAINED / size)[:, None, None, None]
            own[f"{norm}.weight"] = size / TRAINED * (1 + EPSILON) ** 0.5
            own[f"{norm}.bias"], norms[norm] = biases[name], network.get_submodule(norm)
    network.load_state_dict(own)
    _spread(network, set(norms.values()), transmission)
    return contract.minutes


def _of_one_energy(weight: Tensor, attenuation: int, factor: float, energy_ratio: float) -> Tensor:
    """Filters (outputs, planes, h, w) of two energies as they look at the same one twice, without the last plane."""
    kept, difference = weight[:, :-1].clone(), weight[:, -1]
    kept[:, attenuation] += factor * (1 - energy_ratio) * difference
    return kept


def _norm_behind(network: Network, weight: str) -> str | None:
    """Name of the batch norm that follows a convolution in its nn.Sequential, if one does."""
    parent, _, number = weight.removesuffix(".weight").rpartition(".")
    following = f"{parent}.{int(number) + 1}" if number.isdigit() else ""
    try:
        found = isinstance(network.get_submodule(following), nn.BatchNorm2d) if following else False
    except AttributeError:
        return None
    return following if found else None


def _spread(network: Network, known: set[nn.Module], transmission: Tensor) -> None:
    """Give each batch norm the mean and variance of what reaches it; the known ones undo them by scale and shift.

    The others do so on the way, before what lies behind them is looked at.
    """
    seen: dict[nn.BatchNorm2d, Tensor] = {}

    def look(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(module, nn.BatchNorm2d)  # noqa: S101 - hooked to such only
        variance, mean = torch.var_mean(inputs[0].float(), dim=(0, 2, 3))
        if module in known:
            seen[module] = torch.stack([variance, mean])
        else:
            module.running_mean, module.running_var = mean, variance

    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    hooks = [norm.register_forward_pre_hook(look) for norm in norms]
    with torch.no_grad():
        network.eval()(network.planes(transmission))
        for hook in hooks:
            hook.remove()
        for norm, (variance, mean) in seen.items():
            norm.running_mean, norm.running_var = mean, variance
            norm.bias.add_(norm.weight * mean / (1 + EPSILON) ** 0.5)
            norm.weight.mul_(((variance + norm.eps) / (1 + EPSILON)).sqrt())
