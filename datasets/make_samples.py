"""Makes the sample scans in datasets/samples: `python datasets/make_samples.py`.

Containers: the first three scenes of seed 9001 that are 20-ft ones, the first benign, the others concealed. Parcels:
the first two scenes of seed 9011, one benign and one concealed. On coarse scanners (8.2 and 1.5 mm) of 10 bits with
little noise, which keeps the files small. Not chosen by what a model says of them.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

from nii.io.write import write_tiff
from nii.physics.noise import for_beams
from nii.simulate.scanner.presets import PRESETS, Scanner
from nii.simulate.sets.scan import Simulated, simulate

CONTAINERS, PARCELS = 9001, 9011  # seeds
OUT = Path(__file__).parent / "samples"


def main() -> None:
    """Write the scans, numbered."""
    OUT.mkdir(exist_ok=True)
    portal = replace(_quiet(PRESETS["portal-6mv"]), name="sample-portal", pitch_mm=(8.2, 8.2))
    belt = replace(_quiet(PRESETS["parcel-160kv"]), name="sample-belt", pitch_mm=(1.5, 1.5))
    containers = _first(3, "cargo", CONTAINERS, portal, lambda scan: scan.conveyance == "20ft")
    parcels = _first(2, "parcel", PARCELS, belt, lambda _: True)
    for number, scan in enumerate([*containers, *parcels], start=1):
        write_tiff(
            _path(number, scan),
            scan.measured,
            open_beam=scan.scanner.noise.open_beam,
            pitch_mm=scan.scanner.pitch_mm,
            energies=scan.scanner.energies,
            scanner=scan.scanner.name,
        )


def _quiet(scanner: Scanner) -> Scanner:
    """10 bits and little noise: files of a third of the size."""
    noise = for_beams(scanner.noise, scanner.beams())
    return replace(scanner, noise=replace(noise, open_beam=1000.0, bits=10, electronic=0.2, photons=8e5))


def _first(number: int, kind: str, seed: int, scanner: Scanner, wanted: Callable[[Simulated], bool]) -> list[Simulated]:
    """The first scenes that are wanted; the first of them is made benign, the others concealed."""
    scans: list[Simulated] = []
    for index in count():
        scan = simulate(kind, seed, index, concealed=len(scans) > 0, scanner=scanner)
        if wanted(scan):
            scans.append(scan)
        if len(scans) == number:
            break
    return scans


def _path(number: int, scan: Simulated) -> Path:
    hidden = "-".join(concealment.family for concealment in scan.truth.hidden) or "benign"
    return OUT / f"{number}-{scan.cargo.replace('+', '-')}-{hidden}.tif"


if __name__ == "__main__":
    main()
