"""Train a model with benign scans of your own in the mix, from simulated scenes to a calibrated file: a tiny run.

    nii simulate parcel own --scans 6 --concealed 0 --seed 5        # stands for scans of yours
    python docs/examples/train_on_your_own.py own/scans run

Needs the extra [train] (torch). It takes a minute on two cores, so the model is worth nothing. For one that is worth
something leave out what is replaced here: that is `nii train parcel --data own/scans --out run`.
"""

import sys
from dataclasses import replace
from pathlib import Path

import nii
from training.pipeline import make_model
from training.recipe import SetConfig, read_recipe


def main(own: Path, run: Path) -> Path:
    """Train on simulated scans and the benign ones in the folder `own`; returns the path of the model."""
    shipped = read_recipe("parcel")
    recipe = replace(
        shipped,
        start="",  # from scratch; "parcel" would go on from the shipped weights
        widths=(8, 16, 16, 16),
        iterations=12,
        every=12,
        batch=4,
        samples=replace(shipped.samples, crop=(96, 128)),
        finish=None,
        train=SetConfig(scans=4, concealed=1.0, seed=1),
        validation=SetConfig(scans=4, concealed=0.5, seed=2),
        held_out=None,
        calibration=None,  # one of three of your own scans sets the operating points
    )
    model = make_model(recipe, run, data=[own], validation=[], version="0", resume=False)

    detector = nii.Detector.load(model)
    scan = nii.read_scan(sorted(own.glob("*.tif"))[0])
    print(f"{model}: calibrated by {detector.contract.calibrations[0].n} scans")
    print(f"{scan.path} scores {detector.score(scan):.3f}")
    return model


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
