"""Scans of the test phantom by the preset scanners, as files: `nii simulate phantom`."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nii.errors import UsageError
from nii.io.outputs import prepare_folder
from nii.io.write import write_tiff
from nii.physics.noise import for_beams
from nii.quality.phantom import CARGO, PARCEL, simulate_phantom
from nii.simulate.scanner.presets import BELTS, PRESETS


def simulate_phantoms(out: Path, *, scans: int, seed: int) -> Iterator[int]:
    """Write OUT/PRESET-NUMBER.tif, the presets in turn; yields the number of scans done.

    Same seed, same bytes. Raises UsageError for numbers out of range.
    """
    if not (scans >= 1 and seed >= 0):
        raise UsageError(f"expected scans >= 1 and seed >= 0, came {scans} and {seed}")
    prepare_folder(out)
    names = sorted(PRESETS)
    for index in range(scans):
        scanner = PRESETS[names[index % len(names)]]
        beams = scanner.beams()
        pixels = simulate_phantom(
            PARCEL if scanner.name in BELTS else CARGO,
            pitch_mm=scanner.pitch_mm,
            beams=beams,
            noise=for_beams(scanner.noise, beams),
            rng=np.random.default_rng((seed, index)),
        )
        write_tiff(
            out / f"{scanner.name}-{index:04d}.tif",
            pixels,
            open_beam=scanner.noise.open_beam,
            pitch_mm=scanner.pitch_mm,
            energies=scanner.energies,
            scanner=scanner.name,
        )
        yield index + 1
