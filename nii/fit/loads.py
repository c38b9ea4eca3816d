"""Adds to a model what it needs to say whether a load is as declared: scores of loads whose kind and mass are known.

    nii simulate cargo SET --scans 500 --concealed 0 --seed 3101
    python -m nii.fit.loads cargo SET --out cargo.onnx

Any scan set will do whose annotations name the `cargo` of each scan, "a+b" where it is mixed, in the names of the
model, and (for masses) its `load_kg`. The weights stay byte for byte.
"""

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from nii.analysis.declared.insides import find_insides
from nii.analysis.declared.mass import find_mass
from nii.analysis.declared.plausible import worst
from nii.analysis.declared.sections import Section, find_sections
from nii.fit.calibrate import write_model
from nii.io.scanset import ScanEntry, read_entry, read_set
from nii.model.contract import Contract
from nii.model.detector import Detector
from nii.model.load_calibration import LoadCalibration


@dataclass(frozen=True, eq=False)
class Observed:
    """A scan of a known load, and what is seen of it.

    kinds: of its load, none where the set doesn't say. load_kg: true mass. found_kg: by `nii.analysis.declared.mass`.
    """

    kinds: tuple[str, ...]
    load_kg: float | None
    sections: tuple[Section, ...]
    found_kg: float | None


def observe(detector: Detector, entries: Iterable[ScanEntry]) -> Iterator[Observed]:
    """Look at each scan of a set. Raises ScanError and ModelError."""
    for entry in entries:
        scan = read_entry(entry)
        insides = find_insides(scan)
        kinds = tuple(dict.fromkeys(entry.cargo.split("+"))) if entry.cargo else ()
        found = find_mass(scan, insides)
        yield Observed(kinds, entry.load_kg, tuple(find_sections(scan, insides, detector)), found.kg)


def with_loads(contract: Contract, observed: Iterable[Observed]) -> Contract:
    """The contract with a calibration from these scans; loads that the model doesn't know are left out.

    Raises CalibrationError without any load of one known kind.
    """
    known = [one for one in observed if one.kinds and set(one.kinds) <= set(contract.cargos)]
    loads = [(one.kinds, worst(one.sections, one.kinds, contract.cargos)) for one in known]
    ratios = [one.load_kg / one.found_kg for one in known if one.load_kg and one.found_kg]
    return replace(contract, loads=LoadCalibration.from_scores(loads, ratios, len(known)))


def main() -> None:
    """Look at a set, write the model."""
    parser = argparse.ArgumentParser(description="Calibrate what a model says of declared loads.")
    parser.add_argument("model", help="name of a shipped model, or a path")
    parser.add_argument("scan_set", type=Path, metavar="SET", help="scans whose cargo is known")
    parser.add_argument("--out", type=Path, required=True, help="the calibrated model")
    asked = parser.parse_args()
    detector = Detector.load(asked.model)
    contract = with_loads(detector.contract, observe(detector, read_set(asked.scan_set).entries))
    write_model(asked.model, contract, asked.out)
    loads = contract.loads or LoadCalibration(())
    kinds = ", ".join(f"{kind} {len(scores)}" for kind, scores in loads.kinds)
    print(f"{asked.out}: {loads.scans} scans; {kinds}; mixed {len(loads.mixed)}; masses {len(loads.mass_ratios)}")


if __name__ == "__main__":
    main()
