"""A recipe: everything that decides a training run, from a TOML file."""

import tomllib
from dataclasses import dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from nii.errors import UsageError
from training.data import SampleConfig
from training.losses import LossConfig

SETS = ("train", "validation", "calibration", "test")


@dataclass(frozen=True)
class SetConfig:
    """A scan set that `nii simulate` makes: number of scans, share that hold a concealment, seed."""

    scans: int
    concealed: float
    seed: int


@dataclass(frozen=True)
class Recipe:
    """Settings of a run.

    model: name of the model. scene: kind of simulated scene. iterations: optimiser steps. batch: crops
    a step over all processes, half of them concealed. accumulate: parts in which a step is done, where
    memory is short. rate: peak learning rate (one cycle). decay: weight decay. average: decay of the
    running mean of weights that is evaluated and exported. every: steps between evaluations, at which
    hard negatives are mined in `mined` scans. precision: "fp32", "bf16", or "auto": the faster one here.
    energies: names as scans carry them, low first; one for a model of single-energy scans. pitch_mm: lowest and
    highest pitch of the scans. pool, energy_ratio: as in NetworkConfig.
    backbone: as in NetworkConfig; it starts with ImageNet weights.
    start: weights that training begins with: a shipped model's name, an .onnx file, a RUN/last.pt; "": none.
    train, validation, calibration: sets that are simulated where none are given. test: the set that the
    card is to stand on; training never makes or opens it.
    """

    model: str
    scene: str
    seed: int = 1
    iterations: int = 3000
    batch: int = 8
    accumulate: int = 1
    rate: float = 2e-3
    decay: float = 0.02
    average: float = 0.998
    every: int = 500
    mined: int = 200
    precision: str = "auto"
    energies: tuple[str, ...] = ("4MV", "6MV")
    pitch_mm: tuple[float, float] = (3.2, 8.3)
    energy_ratio: float = 0.84
    pool: int = 3
    backbone: str = ""
    start: str = ""
    widths: tuple[int, int, int, int] = (40, 80, 128, 128)
    blocks: tuple[int, int, int, int] = (1, 2, 2, 2)
    samples: SampleConfig = field(default_factory=SampleConfig)
    losses: LossConfig = field(default_factory=LossConfig)
    train: SetConfig | None = None
    validation: SetConfig | None = None
    calibration: SetConfig | None = None
    test: SetConfig | None = None


def read_recipe(source: str) -> Recipe:
    """A recipe by shipped name ("cargo") or by path. Raises UsageError for anything that is no recipe."""
    shipped = files("training") / "recipes" / f"{source}.toml"
    path = Path(source)
    try:
        text = path.read_text("utf-8") if path.is_file() else shipped.read_text("utf-8")
        built: Recipe = _build(Recipe, tomllib.loads(text), source)
        return built
    except FileNotFoundError:
        names = sorted(p.name.removesuffix(".toml") for p in (files("training") / "recipes").iterdir())
        raise UsageError(f"recipe: expected a TOML file or one of {names}, came {source}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{source}: expected TOML, came {error}") from error


def _build(kind: Any, values: dict[str, Any], source: str) -> Any:
    """A frozen dataclass from a TOML table; unknown or missing names are errors."""
    known = {f.name for f in fields(kind)}
    if unknown := sorted(set(values) - known):
        raise UsageError(f"{source}: expected settings out of {sorted(known)}, came {unknown}")
    nested = {"samples": SampleConfig, "losses": LossConfig, **dict.fromkeys(SETS, SetConfig)}
    plain = {
        name: _build(nested[name], value, source)
        if name in nested
        else tuple(value)
        if isinstance(value, list)
        else value
        for name, value in values.items()
    }
    try:
        return kind(**plain)
    except TypeError as error:
        raise UsageError(f"{source}: {error}") from error
