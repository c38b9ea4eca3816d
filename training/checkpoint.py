"""What a run keeps on disk: checkpoints that resume to the bit, and weights to start from or to export."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from nii.errors import UsageError
from training.network import Network, NetworkConfig

LEAST_SHARED = 0.8  # of a network's tensors that another run must have in the same shape to start from


def save(state: dict[str, object], path: Path) -> None:
    """Atomically: a killed run leaves the previous file whole."""
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


def save_weights(network: Network, minutes: float, path: Path) -> None:
    """Weights with the shape of the network and the minutes that it was trained."""
    save({"network": network.state_dict(), "config": asdict(network.config), "minutes": minutes}, path)


def load_network(path: Path) -> tuple[Network, float]:
    """A trained network in evaluation mode, and the minutes it was trained."""
    state = torch.load(path, weights_only=True, map_location="cpu")
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in state["config"].items()}
    network = Network(NetworkConfig(**values))
    network.load_state_dict(state["network"])
    return network.eval(), float(state["minutes"])


def load_weights(network: Network, path: Path) -> float:
    """Take over the weights of another run; returns the minutes it was trained.

    Heads for other classes, and a stem for another number of energies, keep their own first weights.
    Raises UsageError if less than LEAST_SHARED of the tensors fit.
    """
    if not path.is_file():
        raise UsageError(f"start: expected a last.pt or best.pt of another run, came {path}")
    state = torch.load(path, weights_only=True, map_location="cpu")
    own = network.state_dict()
    found = state.get("network", {})
    fitting = {name: value for name, value in found.items() if name in own and own[name].shape == value.shape}
    if len(fitting) < LEAST_SHARED * len(own):
        raise UsageError(f"{path}: expected weights of the recipe's shape, came others")
    network.load_state_dict({**own, **fitting})
    return float(state["minutes"])
