"""Score the scans of a folder: a line for each, and their p-values as a picture.

    python docs/examples/score_folder.py datasets/samples p_values.png

Needs the extra [evaluate] (matplotlib).
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt

import nii
from nii.model.detector import choose_model

PFA = 0.05  # the false-alarm budget: at most 5 % of benign scans may alarm
DECISION = {True: "ALARM", False: "clear", None: "no decision"}  # none where a scan shows nothing, or too little


def main(folder: Path, picture: Path) -> None:
    """Score every .tif of the folder with the shipped model for its kind, and draw the p-values."""
    detectors: dict[str, nii.Detector] = {}
    p_values: dict[str, float] = {}
    colours = []
    for path in sorted(folder.glob("*.tif")):
        scan = nii.read_scan(path)
        name = choose_model(scan)
        detector = detectors.setdefault(name, nii.Detector.load(name))
        result = nii.analyse(scan, detector, pfa=PFA)
        where = [(region.family, region.box) for region in result.regions]
        print(f"{path.name}: {name} {detector.contract.version}, p {result.p_value}, {DECISION[result.alarm]} {where}")
        if result.p_value is not None:
            p_values[path.stem] = result.p_value
            colours.append("firebrick" if result.alarm else "steelblue")

    figure, axes = plt.subplots(figsize=(7, 0.5 * len(p_values) + 1.5), layout="constrained")
    axes.barh(list(p_values), list(p_values.values()), color=colours)
    axes.axvline(PFA, color="black", linestyle="--", label=f"budget {PFA:.0%}")
    axes.set(xscale="log", xlabel="p-value: share of benign calibration scans that score as high")
    axes.invert_yaxis()
    figure.legend(loc="outside upper right")
    figure.savefig(picture)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
