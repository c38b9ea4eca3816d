"""What a run keeps on disk: checkpoints that resume to the bit, and weights to start from or to export.

Both say of which run they are, so that no recipe is certified that the weights never had.
"""

import json
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any

import torch

from nii.errors import UsageError
from training.network import Network, NetworkConfig
from training.recipe import Recipe

LEAST_SHARED = 0.8  # of a network's tensors that another run must have in the same shape to start from
OF_THE_MACHINE = ("precision",)  # settings that another machine may change: the checkpoint's own choice stands


def save(state: dict[str, object], path: Path) -> None:
    """Atomically: a killed run leaves the previous file whole."""
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


def described(recipe: Recipe, data: str) -> dict[str, Any]:
    """A run in plain values, as JSON gives them back: its recipe and the hash of its data."""
    plain: dict[str, Any] = json.loads(json.dumps({**asdict(recipe), "data": data}))
    return plain


def check_same_run(stored: dict[str, Any], asked: dict[str, Any], checkpoint: Path) -> None:
    """Raise UsageError unless a checkpoint is of the run that is asked for (both as `described`).

    Every setting counts but OF_THE_MACHINE; one that a later version brought had its default. The number of
    iterations does: the learning rate follows it. For a longer training, or one on other data, `start` of a new
    recipe takes the weights over.
    """
    if not stored:
        raise UsageError(f"{checkpoint}: expected a checkpoint that says its recipe, came one of an older version")
    before, now = _flat(_defaults() | stored), _flat(asked)
    names = [name for name in sorted(before | now) if name not in OF_THE_MACHINE]
    others = [name for name in names if before.get(name) != now.get(name)]
    if others:
        said = ", ".join(f"{name} {before.get(name)} (came {now.get(name)})" for name in others)
        raise UsageError(f"{checkpoint}: expected to resume with its own recipe and data, {said}")


def _defaults() -> dict[str, Any]:
    """Of the settings of a recipe that are no tables, in plain values."""
    plain: dict[str, Any] = json.loads(json.dumps({f.name: f.default for f in fields(Recipe) if f.default != MISSING}))
    return plain


def _flat(run: dict[str, Any]) -> dict[str, Any]:
    """Settings of nested tables by dotted names."""
    nested = {name: value for name, value in run.items() if isinstance(value, dict)}
    inner = {f"{name}.{key}": value for name, table in nested.items() for key, value in table.items()}
    return {name: value for name, value in run.items() if name not in nested} | inner


def save_weights(network: Network, minutes: float, run: dict[str, Any], path: Path) -> None:
    """Weights with the shape of the network, the minutes that it was trained, and the run (`described`)."""
    state = {"network": network.state_dict(), "config": asdict(network.config), "minutes": minutes, "run": run}
    save(state, path)


def load_run(path: Path) -> dict[str, Any]:
    """The run that weights are of, as `described`; of an older version, what config.json beside them says."""
    run: dict[str, Any] | None = torch.load(path, weights_only=True, map_location="cpu").get("run")
    return json.loads((path.parent / "config.json").read_text()) if run is None else run


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
