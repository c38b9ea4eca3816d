"""Reads X-ray scans of cargo, vehicles and parcels and says where something is concealed.

    import nii

    scan = nii.read_scan("scan.tif")
    result = nii.analyse(scan, nii.Detector.load("cargo"), pfa=0.01)
    nii.record(result)  # a row of `nii score`, an answer of the service

`Scan`, `read_scan`: a file as transmission; `read_set`: a set of them with what is known of each. `Detector`: a model
artefact, by name or path. `analyse`, `record`: what is in one scan; `find_changes`: what two passages differ in.
`simulate_set`: scans with exact truth. `NiiError`: what all of these raise. Nothing is imported before it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nii.analysis.record import analyse, record
    from nii.compare.changes import find_changes
    from nii.errors import NiiError
    from nii.io.read import read_scan
    from nii.io.scanset import read_set
    from nii.model.detector import Detector
    from nii.scan import Scan
    from nii.simulate.sets.generate import simulate_set

__version__ = "0.1.0"

__all__ = [
    "Detector",
    "NiiError",
    "Scan",
    "analyse",
    "find_changes",
    "read_scan",
    "read_set",
    "record",
    "simulate_set",
]

_HOMES = {
    "Detector": "nii.model.detector",
    "NiiError": "nii.errors",
    "Scan": "nii.scan",
    "analyse": "nii.analysis.record",
    "find_changes": "nii.compare.changes",
    "read_scan": "nii.io.read",
    "read_set": "nii.io.scanset",
    "record": "nii.analysis.record",
    "simulate_set": "nii.simulate.sets.generate",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'nii' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
