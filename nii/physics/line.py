"""The line of materials: one material for each effective atomic number.

A dual-energy scan measures two numbers a ray, so it can tell areal density and one number for the
material. That number is where the material lies on this line: organic matter with its usual hydrogen at
the light end, then the elements. Two materials with the same place on the line look the same.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from nii.physics.attenuation import Substance, composition
from nii.physics.forward import Beam, beam_attenuation
from nii.physics.materials import atomic_numbers, atomic_weights

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

STEPS = 6  # places between two nodes
# Hydrogen: 14.4 % by mass is polyethylene, 6.7 % the mean of drugs, sugars, starch and cellulose (5 to 9 %).
# It matters because an electron of hydrogen weighs half: 6.7 % of it attenuate like 13 % more mass.
NODES = (
    *("C:0.856,H:0.144", "C:0.933,H:0.067", "N:0.933,H:0.067", "O:0.933,H:0.067"),
    *("F:0.94,H:0.06", "Ne:0.97,H:0.03", "Na", "Mg", "Al", "Si", "S", "Ca", "Ti", "Fe", "Cu", "Br"),
    *("Mo", "Sn", "Ba", "Gd", "W", "Pb", "U"),
)


class MaterialClass(StrEnum):
    """What a scan can say about a material."""

    ORGANIC = "organic"
    INORGANIC = "inorganic"
    METAL = "metal"
    HEAVY_METAL = "heavy metal"
    UNDETERMINED = "undetermined"


CLASSES = (
    MaterialClass.ORGANIC,
    MaterialClass.INORGANIC,
    MaterialClass.METAL,
    MaterialClass.HEAVY_METAL,
)
CLASS_LIMITS = (9.5, 19.0, 45.0)  # Z: sugars and drugs 5 to 8, stone and salts 10 to 18, steel 26, lead 82


@dataclass(frozen=True, eq=False)
class Line:
    """The places of the line: z (place,) ascending, class (place,) as index of CLASSES."""

    z: Array
    of_class: Indices


def effective_number(substance: Substance) -> float:
    """Effective atomic number at MV energies: the mean Z of the electrons.

    Sum of w Z^2/A over sum of w Z/A, which is what Compton and pair production weigh.
    Example: water 6.6, fentanyl hydrochloride 6.4, steel 25.9.
    """
    numbers, weights = atomic_numbers(), atomic_weights()
    electrons = {s: part * numbers[s] / weights[s] for s, part in composition(substance).items()}
    return sum(n * numbers[s] for s, n in electrons.items()) / sum(electrons.values())


def material_class(z: float) -> MaterialClass:
    """The class of an effective atomic number. Example: 6.5 organic, 13 inorganic, 26 metal."""
    return CLASSES[int(np.searchsorted(CLASS_LIMITS, z, side="right"))]


@lru_cache(maxsize=1)
def line() -> Line:
    """All places: the nodes and STEPS - 1 blends (by mass) between each two."""
    z = _blend(np.array([effective_number(node) for node in NODES]))
    return Line(z, np.searchsorted(CLASS_LIMITS, z, side="right"))


@lru_cache(maxsize=64)
def line_attenuation(beam: Beam) -> Array:
    """Mass attenuation of every place at the beam's energies, cm2/g, (place, energy node)."""
    return _blend(np.stack([beam_attenuation(node, beam) for node in NODES]))


def _blend(nodes: Array) -> Array:
    """Values at all places from those at the nodes, linear in between; first axis."""
    place = np.linspace(0, len(nodes) - 1, STEPS * (len(nodes) - 1) + 1)
    before = np.minimum(place.astype(int), len(nodes) - 2)
    share = (place - before).reshape(-1, *[1] * (nodes.ndim - 1))
    return np.asarray((1 - share) * nodes[before] + share * nodes[before + 1])
