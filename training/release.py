"""From a recipe to the model that ships: sets, training, export, calibration. Every step resumes.

python -m training.release cargo WORK   # writes WORK/cargo.onnx; evaluate it, then copy it to nii/models
"""

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from nii.calibrate import Outcome, calibrated, write_model
from nii.detector import Detector
from nii.errors import UsageError
from nii.io.read import read_scan
from nii.io.scanset import read_set
from nii.report import SINGLE
from nii.scan import Scan
from nii.simulate.generate import simulate_set
from training.export import export
from training.recipe import SETS, Recipe, read_recipe
from training.train import train

WORKERS = 2
VERSION = "0.1.0"


def release(recipe: Recipe, work: Path) -> Path:
    """Simulate what is missing, train or resume, export, calibrate; returns the path of the model."""
    for name in SETS:
        _simulate(recipe, name, work / name)
    train(recipe, work / "run", [work / "train"], work / "validation", resume=True)
    model = work / f"{recipe.model}.onnx"
    contract = export(work / "run", model, version=VERSION)
    detector = Detector.load(model)
    scans = [entry.path for entry in read_set(work / "calibration").benign]
    both, single = [], []
    for path in scans:
        scan = read_scan(path)
        both.append(Outcome(str(path), detector.score(scan), None))
        single.append(Outcome(str(path), detector.score(_high_energy(scan)), None))
    contract = calibrated(contract, both, scanner=None, name=None)
    contract = calibrated(contract, single, scanner=None, name=SINGLE)
    write_model(model, contract, model)
    return model


def _simulate(recipe: Recipe, name: str, out: Path) -> None:
    config = getattr(recipe, name)
    if config is None:
        raise UsageError(f"recipe {recipe.model}: expected a table [{name}], came none")
    if (out / "annotations.json").is_file():
        return
    made = simulate_set(
        recipe.scene, out, scans=config.scans, concealed=config.concealed, seed=config.seed, workers=WORKERS
    )
    _report(made, name, config.scans)


def _report(made: Iterable[int], name: str, scans: int) -> None:
    for done in made:
        if done % 50 == 0:
            print(f"{name}: {done} of {scans} scans", flush=True)


def _high_energy(scan: Scan) -> Scan:
    """The scan as a single-energy system would have taken it."""
    return Scan(transmission=np.ascontiguousarray(scan.transmission[-1:]), path=scan.path, pitch_mm=scan.pitch_mm)


if __name__ == "__main__":
    print(release(read_recipe(sys.argv[1]), Path(sys.argv[2])))
