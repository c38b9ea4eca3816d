"""How wrong a model's masses are, measured on validation scans; the artefact carries it."""

from pathlib import Path

from nii.analysis.regions import find_regions
from nii.evaluate.metrics.regions import hits
from nii.io.scanset import read_entry, read_set
from nii.model.detector import Detector

LOOKED_AT = 3  # regions of a scan, the highest first


def mass_ratios(detector: Detector, validation: Path) -> tuple[float, ...]:
    """True over estimated mass of each concealment that a region hits, ascending.

    Only scans of a set with one concealment whose mass and box are known. The estimate is the bare one.
    """
    found = []
    for entry in read_set(validation).entries:
        if len(entry.annotations) != 1:
            continue
        (truth,) = entry.annotations
        scan = read_entry(entry)
        regions = find_regions(scan, detector.layers(scan), detector.contract, None, limit=LOOKED_AT)
        here = next((region for region in regions if truth.box and hits(region.box, truth.box)), None)
        if here is None or truth.mass_kg is None or here.mass is None or not here.mass.kg > 0:
            continue
        found.append(truth.mass_kg / here.mass.kg)
    return tuple(round(ratio, 4) for ratio in sorted(found))
