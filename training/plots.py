"""Pictures of a run: curves of the log, example predictions."""

import json
from pathlib import Path

import numpy as np
import torch

from training.network import Network
from training.validate import ValidationScan


def draw_curves(log: Path, path: Path) -> None:
    """Losses and validation figures against iterations, as PNG."""
    from matplotlib.figure import Figure

    lines = [json.loads(line) for line in log.read_text().splitlines()]
    figure = Figure(figsize=(10, 4), layout="constrained")
    losses, figures = figure.subplots(1, 2)
    steps = [line["iteration"] for line in lines]
    for name in ("evidence", "scan", "excess", "family", "cargo"):
        losses.plot(steps, [line[name] for line in lines], label=name)
    for name in ("auroc", "pd_at_5", "first_hit"):
        figures.plot(steps, [line[name] for line in lines], label=name)
    losses.set(xlabel="iteration", title="training losses", yscale="log")
    figures.set(xlabel="iteration", title="validation", ylim=(0, 1))
    for axes in (losses, figures):
        axes.legend()
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=100)


@torch.no_grad()
def draw_examples(
    network: Network, held: list[ValidationScan], device: torch.device, path: Path, count: int = 6
) -> None:
    """Concealed validation scans, one a row: scan with outline of the truth, evidence, excess."""
    from matplotlib.figure import Figure

    network.eval()
    shown = [scan for scan in held if scan.mask is not None][:count]
    figure = Figure(figsize=(15, 2.6 * len(shown)), layout="constrained")
    for axes, one in zip(figure.subplots(len(shown), 3, squeeze=False), shown, strict=True):
        output = network(network.planes(torch.from_numpy(one.transmission)[None].to(device)))
        attenuation = -np.log(np.clip(one.transmission[0], 1e-3, 1.0))
        axes[0].imshow(attenuation, cmap="gray_r", vmin=0, vmax=5)
        axes[0].contour(one.mask, levels=[0.5], colors="red", linewidths=0.8)
        axes[0].set_title(", ".join(one.families))
        axes[1].imshow(torch.sigmoid(output.evidence)[0, 0].numpy(force=True), cmap="magma", vmin=0, vmax=1)
        axes[1].set_title("evidence")
        axes[2].imshow(output.excess[0, 0].numpy(force=True), cmap="coolwarm", vmin=-1, vmax=1)
        axes[2].set_title("excess attenuation, low energy")
        for one_axes in axes:
            one_axes.set_axis_off()
    figure.savefig(path, dpi=70)
