"""Muon over kernels: torch's own steps, on the kernels themselves."""

from dataclasses import replace

import pytest
import torch

from nii.simulate.cargo.loads import KINDS
from nii.simulate.contraband.concealments import FAMILIES
from training.network import Network, NetworkConfig
from training.optimiser import KernelMuon, as_matrix, hidden_kernels, optimisers
from training.recipe import read_recipe

pytestmark = pytest.mark.slow


def network(**given):
    torch.manual_seed(0)
    made = Network(NetworkConfig(families=FAMILIES, cargos=KINDS, widths=(8, 8, 16, 16), blocks=(1, 1, 1, 1), **given))
    return made.to(memory_format=torch.channels_last)


def learned(net):
    """One pass, so that every kernel has a gradient."""
    out = net(net.planes(torch.rand(2, net.config.energies, 64, 96)))
    (out.evidence.square().mean() + out.excess.square().mean() + out.family.square().mean()).backward()


@pytest.mark.parametrize("given", [{}, {"backbone": "resnet18"}], ids=["own", "backbone"])
def test_muon_changes_the_kernels_as_torch_changes_their_matrices(given):
    net = network(**given)
    kernels = hidden_kernels(net)
    copies = [as_matrix(kernel.detach()).clone() for kernel in kernels]
    plain = torch.optim.Muon(copies, lr=0.01, weight_decay=0.02, adjust_lr_fn="match_rms_adamw")
    ours = KernelMuon(kernels, rate=0.01, decay=0.02)
    for _ in range(2):
        net.zero_grad(set_to_none=True)
        learned(net)
        for copy, kernel in zip(copies, kernels, strict=True):
            copy.grad = as_matrix(kernel.grad).clone()
        plain.step()
        ours.step()
    for copy, kernel in zip(copies, kernels, strict=True):
        assert torch.equal(copy, as_matrix(kernel.detach()))
        assert as_matrix(kernel).data_ptr() == kernel.data_ptr(), "a view, or the network would not learn"


@pytest.mark.parametrize("muon", [False, True])
def test_every_parameter_has_one_optimiser(muon):
    net = network()
    made = optimisers(net, replace(read_recipe("cargo"), muon=muon), fused=False)
    places = [p.data_ptr() for one in made for group in one.param_groups for p in group["params"]]
    assert sorted(places) == sorted(p.data_ptr() for p in net.parameters())
    assert len(made) == 1 + muon


def test_muon_leaves_alone_what_sees_the_picture_what_answers_and_what_mixes_no_channels():
    net = network()
    hidden = {kernel.data_ptr() for kernel in hidden_kernels(net)}
    others = [net.stem[0], net.evidence, net.excess, net.family, net.encode[3][0].spread[0]]
    assert not hidden & {module.weight.data_ptr() for module in others}
    assert {net.around[0].weight.data_ptr(), net.lateral[0].weight.data_ptr()} < hidden
