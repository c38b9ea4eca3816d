"""Source spectra and detector responses.

Linac spectra come from the thick-target bremsstrahlung formula, tube spectra from small tables
made once with spekpy (`datasets/physics/make_tube_spectra.py`), the response of a scintillator from
the share of a photon's energy that stays in it. Every one of them can be replaced by a user's table:
`Spectrum` and `Beam` take any arrays.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from nii.errors import PhysicsError
from nii.physics.attenuation import LOWEST_KEV, mass_attenuation, partial_attenuation

Array = npt.NDArray[np.float64]

ELECTRON_KEV = 510.999  # m_e c2, CODATA 2018
TARGET_SLICES = 60  # the electrons lose 1/60 of their energy in each
LINAC_BINS = 200
MULTIPLE_SCATTERING_MEV = 14.1  # Rossi and Greisen, as in the PDG review
TUNGSTEN_RADIATION_LENGTH = 6.76  # g/cm2, PDG

# Total stopping power of tungsten for electrons, MeV cm2/g, NIST ESTAR
TUNGSTEN_MEV = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0)
TUNGSTEN_STOPPING = (
    *(3.171, 2.088, 1.489, 1.292, 1.159, 1.126, 1.132, 1.183, 1.249, 1.388),
    *(1.526, 1.663, 1.798, 1.933, 2.067, 2.201, 2.335),
)

Filters = tuple[tuple[str, float], ...]  # (material, g/cm2) each
COPPER_3MM: Filters = (("copper", 2.688),)

SCINTILLATORS = {  # formula and density in g/cm3; PNNL-15870
    "CdWO4": ("CdWO4", 7.9),
    "GOS": ("Gd2O2S", 7.32),
    "CsI": ("CsI", 4.51),
}


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Photons per energy bin that arrive at the object or, in air, at the detector.

    energy_kev: bin centres, ascending, 10 to 10 000. photons: any common scale, >= 0.
    """

    energy_kev: Array
    photons: Array

    def __post_init__(self) -> None:
        check_spectrum(self.energy_kev, self.photons)

    @property
    def mean_kev(self) -> float:
        """Mean photon energy. Example: linac_spectrum(6.0) has 1390 keV."""
        return float(self.energy_kev @ self.photons / self.photons.sum())


def check_spectrum(energy_kev: Array, photons: Array) -> None:
    """Raise PhysicsError unless energies ascend, photons are >= 0, and there are some."""
    if energy_kev.ndim != 1 or energy_kev.shape != photons.shape or energy_kev.size == 0:
        raise PhysicsError(f"spectrum: expected two equal 1-D arrays, came {energy_kev.shape} {photons.shape}")
    if not (np.diff(energy_kev) > 0).all():
        raise PhysicsError("spectrum: expected ascending energies, came others")
    if not ((photons >= 0).all() and photons.sum() > 0 and np.isfinite(photons).all()):
        raise PhysicsError(f"spectrum: expected photons >= 0, came a sum of {photons.sum():g}")


def filtered(spectrum: Spectrum, filters: Filters) -> Spectrum:
    """The spectrum behind filters, each (material, areal density in g/cm2)."""
    depth = sum(density * mass_attenuation(name, spectrum.energy_kev) for name, density in filters)
    return Spectrum(spectrum.energy_kev, spectrum.photons * np.exp(-np.asarray(depth)))


def linac_spectrum(endpoint_mev: float, *, filters: Filters = COPPER_3MM) -> Spectrum:
    """Forward bremsstrahlung of a thick tungsten target, photons per bin (sum 1), 1 to 10 MV.

    Schiff's formula, integrated over photon angles, for electrons that slow down in the target in
    slices (NIST ESTAR stopping power), each slice weighted by how much of it still goes forward
    (multiple scattering), absorbed by what is left of the target, then filtered.
    filters: (material, g/cm2) each; 3 mm of copper unless told.
    Sources: Koch and Motz, Rev. Mod. Phys. 31 (1959) 920, formula 3BS(e); forward weight after Desobry
    and Boyer, Med. Phys. 18 (1991) 497.
    Error: attenuation within 4 % of the Geant4 spectra of Lalor and Danagoulian with 15 g/cm2 of iron as
    filter (5 to 150 g/cm2 of C, Fe, Pb at 4 and 6 MV; 9 % for 5 g/cm2 of lead).
    Example: mean photon energy 4/6/9 MV 0.98/1.39/1.96 MeV with 3 mm of copper.
    """
    if not 1.0 <= endpoint_mev <= 10.0:
        raise PhysicsError(f"linac endpoint: expected 1 to 10 MV, came {endpoint_mev}")
    edges = np.geomspace(LOWEST_KEV, 1000 * endpoint_mev, LINAC_BINS + 1)
    energy = np.sqrt(edges[1:] * edges[:-1])
    photons = _thick_target(1000 * endpoint_mev, energy) * np.diff(edges)
    spectrum = filtered(Spectrum(energy, photons), filters)
    return Spectrum(energy, spectrum.photons / spectrum.photons.sum())


def _thick_target(endpoint_kev: float, energy: Array) -> Array:
    """Photons per keV at each energy, forward, behind the target."""
    step = endpoint_kev / TARGET_SLICES
    electrons: Array = np.asarray(
        endpoint_kev - step * (np.arange(TARGET_SLICES) + 0.5), np.float64
    )  # falling with depth
    stopping = np.interp(electrons / 1000, TUNGSTEN_MEV, TUNGSTEN_STOPPING)
    thickness: Array = np.asarray(step / 1000 / stopping)  # g/cm2
    behind = thickness.sum() - np.cumsum(thickness)  # path left to the exit face, g/cm2
    leaves = np.exp(-np.outer(behind, mass_attenuation("W", energy)))
    made = np.stack([schiff(electron, energy) for electron in electrons])
    weight = thickness * _forward(electrons, thickness)
    return np.asarray((weight[:, None] * made * leaves).sum(axis=0))


def _forward(electrons: Array, thickness: Array) -> Array:
    """Forward intensity per slice, any scale: 1 / (emission^2 + scattering angle^2), at least isotropic."""
    total = electrons / ELECTRON_KEV + 1  # mc2
    p_beta_mev = (total - 1 / total) * ELECTRON_KEV / 1000
    scattered = np.cumsum((MULTIPLE_SCATTERING_MEV / p_beta_mev) ** 2 * thickness / TUNGSTEN_RADIATION_LENGTH)
    return 1 / (total**-2 + scattered) + 0.25


def schiff(electron_kev: float, photon_kev: Array) -> Array:
    """Bremsstrahlung cross section of tungsten per keV, arbitrary scale, zero above the electron's energy.

    Koch and Motz 3BS(e): the Schiff spectrum integrated over angles, with screening.
    """
    k = photon_kev / ELECTRON_KEV
    start = electron_kev / ELECTRON_KEV + 1
    end = np.maximum(start - k, 1.0)
    screening = 74 ** (1 / 3) / 111
    b = 2 * start * end * screening / k
    m = 1 / ((k / (2 * start * end)) ** 2 + screening**2)
    turn = np.arctan(b)
    ratio = end / start
    first = (1 + ratio**2 - 2 / 3 * ratio) * (np.log(m) + 1 - 2 / b * turn)
    second = 2 / b**2 * np.log(1 + b**2) + 4 * (2 - b**2) / (3 * b**3) * turn - 8 / (3 * b**2) + 2 / 9
    return np.where(photon_kev < electron_kev, np.maximum(first + ratio * second, 0) / k, 0.0)


def tube_spectrum(kv: int) -> Spectrum:
    """X-ray tube, tungsten anode at 20 degrees, 3 mm aluminium; photons per 2 keV bin.

    kv: 160, 225 or 300. Source: spekpy 2.5 (Poludniowski et al., Med. Phys. 48 (2021) 3630), table made by
    datasets/physics/make_tube_spectra.py. Example: mean energy 63.0/74.7/86.8 keV.
    """
    table = _tubes()
    if kv not in table:
        raise PhysicsError(f"tube: expected one of {sorted(table)} kV, came {kv}")
    energy, photons = table[kv]
    return Spectrum(energy, photons)


@cache
def _tubes() -> dict[int, tuple[Array, Array]]:
    text = (files("nii.physics") / "tables" / "tube_spectra.csv").read_text()
    head, *rows = csv.reader(text.splitlines())
    table = np.array(rows, np.float64).T
    return {
        int(name.removesuffix("kv")): (table[0][column > 0], column[column > 0])
        for name, column in zip(head[1:], table[1:], strict=True)
    }


def detector_response(kind: str, thickness_mm: float, energy_kev: Array) -> Array:
    """Mean energy that a photon leaves in a scintillator, keV per incident photon.

    kind: "CdWO4", "GOS" or "CsI"; thickness_mm along the beam, as solid; energy_kev: 1-D.
    The first interaction deposits what photoelectric effect, Compton recoil (Klein-Nishina) and pair
    production give to electrons; scattered and annihilation photons are caught again on half the
    thickness. Escape of fluorescence and of electrons is left out.
    Example: 20 mm CdWO4 at 1 MeV 520 keV (Geant4 525 keV); within 6 % of Geant4 from 0.1 to 6 MeV.
    """
    formula, density = _scintillator(kind)
    depth = thickness_mm / 10 * density
    _, incoherent, photo, pair = partial_attenuation(formula, energy_kev)
    annihilation = 2 * ELECTRON_KEV * (1 - _caught(formula, depth, np.array([ELECTRON_KEV])))
    kept = (
        photo * energy_kev
        + incoherent * _compton_deposit(formula, depth, energy_kev)
        + pair * (energy_kev - annihilation)
    )
    acting = photo + incoherent + pair
    return np.asarray(-np.expm1(-acting * depth) * kept / acting)


def interaction_probability(kind: str, thickness_mm: float, energy_kev: Array) -> Array:
    """Share of photons that leave any energy in the scintillator, [0, 1].

    Example: 20 mm CdWO4 at 1 MeV 0.63.
    """
    formula, density = _scintillator(kind)
    acting = partial_attenuation(formula, energy_kev)[1:].sum(axis=0)
    return np.asarray(-np.expm1(-acting * thickness_mm / 10 * density))


def _scintillator(kind: str) -> tuple[str, float]:
    if kind not in SCINTILLATORS:
        raise PhysicsError(f"detector: expected one of {sorted(SCINTILLATORS)}, came {kind}")
    return SCINTILLATORS[kind]


def _caught(formula: str, depth: float, energy_kev: Array) -> Array:
    """Probability that a secondary photon is absorbed on half the thickness."""
    absorbing = mass_attenuation(formula, np.maximum(energy_kev, LOWEST_KEV))
    return np.asarray(-np.expm1(-absorbing * depth / 2))


def _compton_deposit(formula: str, depth: float, energy_kev: Array) -> Array:
    """Mean energy kept after one Compton scatter, keV: the recoil, and the photon if caught again."""
    cosine, weight = np.polynomial.legendre.leggauss(32)
    scattered = energy_kev[:, None] / (1 + energy_kev[:, None] / ELECTRON_KEV * (1 - cosine))
    ratio = scattered / energy_kev[:, None]
    klein_nishina = weight * ratio**2 * (ratio + 1 / ratio - (1 - cosine**2))
    caught = _caught(formula, depth, scattered.ravel()).reshape(scattered.shape)
    kept = energy_kev[:, None] - scattered * (1 - caught)
    return np.asarray((klein_nishina * kept).sum(axis=1) / klein_nishina.sum(axis=1))
