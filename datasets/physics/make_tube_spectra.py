"""Write nii/physics/tables/tube_spectra.csv with spekpy.

Run in an environment with `pip install spekpy` (MIT, 215 MB; not needed by nii):
    python datasets/physics/make_tube_spectra.py OUT.csv
"""

import csv
import sys
from pathlib import Path

import numpy as np
import spekpy

KV = (160, 225, 300)
ANGLE_DEGREES = 20
ALUMINIUM_MM = 3.0
BIN_KEV = 2.0


def main(out: Path) -> None:
    centres = np.arange(BIN_KEV / 2, max(KV), BIN_KEV)
    columns = [photons(kv, centres) for kv in KV]
    with out.open("w", newline="") as sheet:
        rows = csv.writer(sheet, lineterminator="\n")
        rows.writerow(["energy_kev", *(f"{kv}kv" for kv in KV)])
        for row in zip(centres, *columns, strict=True):
            if row[0] > 10:
                rows.writerow([f"{value:.5g}" for value in row])


def photons(kv: int, centres: np.ndarray) -> np.ndarray:
    """Share of the photons in each bin (sum 1)."""
    tube = spekpy.Spek(kvp=kv, th=ANGLE_DEGREES, dk=BIN_KEV / 4).filter("Al", ALUMINIUM_MM)
    print(f"{kv} kV: mean {tube.get_emean():.1f} keV, half-value layer {tube.get_hvl1():.2f} mm Al")
    energy, fluence = tube.get_spectrum()
    counts, _ = np.histogram(energy, bins=[0, *(centres + BIN_KEV / 2)], weights=fluence)
    return counts / counts.sum()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
