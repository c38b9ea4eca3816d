"""A recipe: everything that decides a training run, from a TOML file."""

import math
import tomllib
from dataclasses import dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from nii.errors import UsageError
from training.losses import LossConfig
from training.samples import SampleConfig

WARM_UP = 300  # steps, or a tenth of a short run
SETTLED = 600  # steps after which the statistics of batch norm stand, or a third of a short run
SETS = ("train", "validation", "held_out", "names", "loads", "calibration", "test")


@dataclass(frozen=True)
class SetConfig:
    """A scan set that `nii simulate` makes: number of scans, share that hold a concealment, seed, loads of no kind."""

    scans: int
    concealed: float
    seed: int
    unlisted: float = 0.0


@dataclass(frozen=True)
class FinishConfig:
    """The last part of a run, in which the rate falls to 0: steps, crops a step, rows and columns of a crop.

    Small crops first: many concealments for the same work. Larger ones at the end: more of what is around.
    """

    iterations: int
    batch: int
    crop: tuple[int, int]


@dataclass(frozen=True)
class Recipe:
    """Settings of a run.

    model: name of the model. scene: kind of simulated scene. iterations: optimiser steps. batch: crops
    a step over all processes, half of them concealed. accumulate: parts in which a step is done, where
    memory is short. rate: learning rate, constant after a warm-up until the finish. decay: weight decay.
    muon: Muon in place of AdamW for the kernels of convolutions.
    minutes: after which the run ends, however many steps that is; `iterations`, `every` and the finish's then only say
    which share of the minutes each part takes. 0: steps decide.
    average: decay of the running mean of weights that is evaluated and exported. every: steps between
    evaluations; before each such round hard negatives are mined in `mined` scans. at_once: simulated scans that a round
    learns from, 5 MB each of cargo; another round draws others. precision: "fp32", "bf16", or
    "auto": the faster one here.
    without: families that are never shown, to see what becomes of kinds that nobody has seen. operator_images:
    learn from pseudo-colour pictures of the scans. energies: names as scans carry them, low first; one for a model
    of single-energy scans; red, green and blue for one of operator images. pitch_mm: lowest and
    highest pitch of the scans. working_pitch_mm: to which all of them are resampled. pool, energy_ratio,
    backbone: as in NetworkConfig; a backbone starts with ImageNet weights.
    start: weights that training begins with: a shipped model's name, an .onnx file, a RUN/last.pt; "": none.
    finish: how the run ends; without, its last third with the same crops.
    until_flat: the finish begins as soon as validation has not risen over the last quarter of the minutes (`flat`), and
    `iterations` only bounds the run.
    train, validation, calibration: sets that are simulated where none are given. held_out: one of kinds that training
    never sees, on which is validated too. names: concealed scans on which the names of regions are fitted. loads:
    benign ones, on which is measured how loads look. test: the set that the card is to stand on; training never makes
    or opens it.
    """

    model: str
    scene: str
    seed: int = 1
    iterations: int = 3000
    minutes: float = 0.0
    batch: int = 8
    accumulate: int = 1
    rate: float = 2e-3
    decay: float = 0.02
    muon: bool = False
    average: float = 0.998
    every: int = 500
    at_once: int = 1800
    mined: int = 200
    precision: str = "auto"
    operator_images: bool = False
    without: tuple[str, ...] = ()
    energies: tuple[str, ...] = ("4MV", "6MV")
    pitch_mm: tuple[float, float] = (3.2, 8.3)
    working_pitch_mm: float = 6.0
    energy_ratio: float = 0.84
    pool: int = 3
    backbone: str = ""
    start: str = ""
    widths: tuple[int, int, int, int] = (40, 80, 128, 128)
    blocks: tuple[int, int, int, int] = (1, 2, 2, 2)
    samples: SampleConfig = field(default_factory=SampleConfig)
    losses: LossConfig = field(default_factory=LossConfig)
    finish: FinishConfig | None = None
    until_flat: bool = False
    train: SetConfig | None = None
    validation: SetConfig | None = None
    held_out: SetConfig | None = None
    names: SetConfig | None = None
    loads: SetConfig | None = None
    calibration: SetConfig | None = None
    test: SetConfig | None = None

    def __post_init__(self) -> None:
        """Raise UsageError for settings that contradict each other."""
        if self.until_flat and self.minutes:
            raise UsageError(f"until_flat: expected a run that steps bound, came one of {self.minutes:g} minutes")

    @property
    def ending(self) -> FinishConfig:
        """The finish, or what stands for it."""
        return self.finish or FinishConfig(self.iterations // 3, self.batch, self.samples.crop)

    @property
    def settled(self) -> int:
        """Steps in which batch norm learns its statistics, in a run from scratch; then they stand."""
        return 0 if self.start else min(SETTLED, self.iterations // 3)

    @property
    def steady(self) -> int:
        """Steps before the finish."""
        return max(self.iterations - self.ending.iterations, 0)

    def share(self, step: int, seconds: float) -> float:
        """How much of the run is done after so many steps and seconds, from 0 to 1."""
        return seconds / 60 / self.minutes if self.minutes else step / self.iterations

    def share_of_rate(self, step: int, seconds: float = 0.0) -> float:
        """Learning rate of a step, as a share of `rate`: up, level, and down along a cosine."""
        up = min(1.0, (step + 1) / max(min(WARM_UP, self.iterations // 10), 1))
        over = self.share(step, seconds) * self.iterations - self.steady
        done = max(over, 0) / max(self.ending.iterations, 1)
        return up * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


TABLES: dict[str, Any] = {
    "samples": SampleConfig,
    "losses": LossConfig,
    "finish": FinishConfig,
    **dict.fromkeys(SETS, SetConfig),
}
"""Settings of a recipe that are tables of their own."""


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


def recipe_of(values: dict[str, Any], source: str) -> Recipe:
    """The recipe that a model says it was trained by; settings that are no more are left out."""
    built: Recipe = _build(Recipe, _known(Recipe, values), source)
    return built


def _known(kind: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Of a table, and of the tables in it, the settings that there are; what isn't set at all is left out too."""
    kept = {f.name: values[f.name] for f in fields(kind) if values.get(f.name) is not None}
    return {name: _known(TABLES[name], value) if name in TABLES else value for name, value in kept.items()}


def _build(kind: Any, values: dict[str, Any], source: str) -> Any:
    """A frozen dataclass from a TOML table; unknown or missing names are errors."""
    known = {f.name for f in fields(kind)}
    if unknown := sorted(set(values) - known):
        raise UsageError(f"{source}: expected settings out of {sorted(known)}, came {unknown}")
    plain = {
        name: _build(TABLES[name], value, source)
        if name in TABLES
        else tuple(value)
        if isinstance(value, list)
        else value
        for name, value in values.items()
    }
    try:
        return kind(**plain)
    except TypeError as error:
        raise UsageError(f"{source}: {error}") from error
