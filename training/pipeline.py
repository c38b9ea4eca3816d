"""From a recipe to a calibrated model: sets, training, export, operating points. Every step resumes.

RUN/ then holds what `training.train` writes, RUN/sets with the sets that were simulated for it, and RUN/MODEL.onnx.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nii.errors import UsageError
from nii.fit.calibrate import Benign, Outcome, benign_scans, calibrated, score_benign, write_model
from nii.fit.loads import observe, with_loads
from nii.fit.naming import examples, named
from nii.io.read import read_scan
from nii.io.scanset import read_set
from nii.model.contract import Contract
from nii.model.detector import Detector
from nii.scan import Scan
from nii.simulate.sets.generate import simulate_set
from nii.stats.operating_point import SINGLE
from training.data import refuse_held_out
from training.export import export
from training.masses import mass_ratios
from training.recipe import Recipe
from training.team import Team
from training.train import train

WORKERS = 2
KEPT_EVERY = 3  # one of three benign scans of the user's own is kept from training, for the operating points


@dataclass(frozen=True)
class Own:
    """The user's benign scans: to train on, and to calibrate on."""

    train: tuple[Benign, ...]
    calibration: tuple[Benign, ...]


def make_model(
    recipe: Recipe, out: Path, data: list[Path], validation: list[Path], *, version: str, resume: bool
) -> Path:
    """Do what is left to do of a run, alone or as one process of torchrun's; returns the path of the model.

    data: simulated sets, and sets or folders of benign scans of the user's own (without truth). validation:
    sets with benign and concealed scans, of which the first also measures masses. What isn't given is simulated where
    the recipe says how.
    """
    for path in data:
        refuse_held_out(path)
    if len({path.name for path in validation}) < len(validation):
        raise UsageError(f"validation: expected sets of different names, came {[str(path) for path in validation]}")
    team = Team.join()
    simulated = [path for path in data if (path / "truth").is_dir()]
    own = split([path for path in data if path not in simulated])
    sets = out / "sets"
    if team.leads:
        simulated = simulated or [_simulated(recipe, "train", sets)]
        validation = validation or [_simulated(recipe, name, sets) for name in validation_sets(recipe)]
    simulated, validation = team.broadcast((simulated, validation))
    train(recipe, team, out, simulated, validation, own=own.train, resume=resume)
    model = out / f"{recipe.model}.onnx"
    if team.leads:
        _finish(recipe, out, model, own, validation[0], version)
    team.leave()
    return model


def _finish(recipe: Recipe, run: Path, model: Path, own: Own, validation: Path, version: str) -> None:
    """Export the run and fit what its contract holds: errors of masses, names of regions, how loads look, and the
    operating points, on benign scans kept for that or simulated ones.
    """
    contract, sets = export(run, model, version=version), run / "sets"
    detector = Detector.load(model)
    contract = replace(contract, mass_ratios=mass_ratios(detector, validation))
    if recipe.names is not None:
        found = examples(_simulated(recipe, "names", sets), detector)
        contract = replace(contract, naming=named(found, contract.families, f"seed {recipe.names.seed}"))
    if recipe.loads is not None:
        entries = read_set(_simulated(recipe, "loads", sets)).entries
        contract = with_loads(contract, observe(detector, entries))
    if own.calibration:
        contract = calibrated(contract, score_benign(detector, own.calibration), scanner=None, name=None)
    elif recipe.calibration is not None:
        contract = _calibrated_by_simulation(contract, model, _simulated(recipe, "calibration", sets))
    write_model(model, contract, model)


def validation_sets(recipe: Recipe) -> list[str]:
    """Names of the recipe's tables of sets to validate on."""
    return ["validation"] + (["held_out"] if recipe.held_out else [])


def split(folders: list[Path]) -> Own:
    """Benign scans of these folders: two of three to train on, one to calibrate on."""
    scans = benign_scans(str(path) for path in folders)
    kept = tuple(scans[::KEPT_EVERY])
    return Own(tuple(scan for scan in scans if scan not in kept), kept)


def _calibrated_by_simulation(contract: Contract, model: Path, path: Path) -> Contract:
    """With operating points for the model's own kind of scan, and for one energy where it takes two."""
    detector = Detector.load(model)
    scans = [Benign(str(entry.path), entry) for entry in read_set(path).benign]
    contract = calibrated(contract, score_benign(detector, scans), scanner=None, name=None)
    if len(contract.energies) != 2:
        return contract
    single = [Outcome(scan.path, detector.score(_high_energy(read_scan(scan.path))), None) for scan in scans]
    return calibrated(contract, single, scanner=None, name=SINGLE)


def _simulated(recipe: Recipe, name: str, sets: Path) -> Path:
    config = getattr(recipe, name)
    if config is None:
        raise UsageError(f"recipe {recipe.model}: expected --data and --validation, or a table [{name}], came neither")
    out = sets / name
    if not (out / "annotations.json").is_file():
        made = simulate_set(
            recipe.scene,
            out,
            scans=config.scans,
            concealed=config.concealed,
            seed=config.seed,
            workers=WORKERS,
            operator_images=recipe.operator_images,
            truth_only=name == "train",
            unlisted=config.unlisted,
            held_out=name == "held_out",
        )
        _report(made, name, config.scans)
    return out


def _report(made: Iterable[int], name: str, scans: int) -> None:
    for done in made:
        if done % 50 == 0:
            print(f"{name}: {done} of {scans} scans simulated", flush=True)


def _high_energy(scan: Scan) -> Scan:
    """The scan as a single-energy system would have taken it."""
    return replace(scan, transmission=np.ascontiguousarray(scan.transmission[-1:]), energies=scan.energies[-1:])
