"""The optimisers of a run: AdamW, and for the kernels of convolutions Muon where the recipe says so."""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from training.network import Network
from training.recipe import Recipe


class KernelMuon(torch.optim.Muon):
    """torch's Muon, which takes matrices only, over kernels of convolutions: (outputs, height * width * inputs).

    The matrices are views of the kernels, so that a step changes the kernels themselves.
    """

    def __init__(self, kernels: list[Tensor], *, rate: float, decay: float) -> None:
        """kernels: (outputs, inputs, height, width) each, channels last or contiguous as 1 x 1 are."""
        self.kernels = kernels
        matrices = [as_matrix(kernel.detach()) for kernel in kernels]
        # its steps as large as those of AdamW, so that one rate and one decay serve both
        super().__init__(matrices, lr=rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw")

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """As torch's, by the gradients that the kernels have."""
        for kernel, matrix in zip(self.kernels, self.param_groups[0]["params"], strict=True):
            matrix.grad = None if kernel.grad is None else as_matrix(kernel.grad)
        return cast("float | None", super().step(closure))  # type: ignore[no-untyped-call] # torch leaves it untyped


def as_matrix(kernel: Tensor) -> Tensor:
    """(outputs, inputs, height, width) in channels-last memory -> (outputs, height * width * inputs), a view."""
    return kernel.permute(0, 2, 3, 1).flatten(1)


def optimisers(network: Network, recipe: Recipe, *, fused: bool) -> list[torch.optim.Optimizer]:
    """AdamW over all parameters; with `recipe.muon` the kernels between features and heads are Muon's.

    fused: as of torch's AdamW. Muon computes in bfloat16, which is slow on processors without such units.
    """
    muon = hidden_kernels(network) if recipe.muon else []
    known = {id(kernel) for kernel in muon}
    rest = [parameter for parameter in network.parameters() if id(parameter) not in known]
    made: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(rest, lr=recipe.rate, weight_decay=recipe.decay, fused=fused)
    ]
    if muon:
        made.append(KernelMuon(muon, rate=recipe.rate, decay=recipe.decay))
    return made


def hidden_kernels(network: Network) -> list[Tensor]:
    """Kernels that mix channels, but for the first, which sees the picture, and the heads."""
    outer = [network.evidence, network.excess, network.family] + ([] if network.config.backbone else [network.stem[0]])
    return [
        module.weight
        for module in network.modules()
        if isinstance(module, nn.Conv2d) and module.groups == 1 and all(module is not other for other in outer)
    ]
