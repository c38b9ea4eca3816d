"""Reference objects: how much of a known thing is left to see behind a cover of some attenuation.

An ideal observer who knows the thing, its place and what covers it sees it with the detectability

    d'^2 = sum over energies and pixels of (T (1 - exp(-x)))^2 / variance of T

where x is the attenuation that the thing adds, less behind a cover that has hardened the beam.
Source: Barrett and Myers, Foundations of Image Science, 2004, section 13.2.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from nii.physics.attenuation import Substance
from nii.physics.forward import Beam, beam_attenuation

Array = npt.NDArray[np.float64]

COVER = "steel"  # what a cover is taken to be of: its material matters to the hardening alone
STEPS = np.r_[0.0, np.geomspace(0.01, 800.0, 160)]  # g/cm2 of it
LEAST = 1e-12  # transmission, below which there is nothing to harden


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A block of one material with a face towards the beam.

    face_mm: its height and width. depth_mm: along the beam. density: g/cm3.
    """

    name: str
    material: Substance
    density: float
    face_mm: tuple[float, float]
    depth_mm: float

    @property
    def kg(self) -> float:
        """Its mass."""
        return self.density * self.face_mm[0] * self.face_mm[1] * self.depth_mm / 1e6

    @property
    def areal_density(self) -> float:
        """Along the beam, g/cm2."""
        return self.density * self.depth_mm / 10

    def pixels(self, pitch_mm: tuple[float, float]) -> float:
        """How many pixels of this pitch (row, column) its face covers, at least 1."""
        return max(self.face_mm[0] * self.face_mm[1] / (pitch_mm[0] * pitch_mm[1]), 1.0)


POWDER = Reference(
    name="1 kg of powder", material="fentanyl_street_powder", density=1.0, face_mm=(110.0, 150.0), depth_mm=60.6
)
"""A pressed brick, flat towards the beam, which is where it attenuates least."""

STEEL = Reference(name="5 kg of steel", material="steel", density=7.85, face_mm=(86.0, 86.0), depth_mm=86.1)
"""A cube."""


def contrast(reference: Reference, transmission: npt.ArrayLike, beam: Beam) -> Array:
    """Share of the signal that a reference takes away behind a cover of this transmission (any shape), [0, 1].

    Example: the brick of powder takes 28 % of the signal at 6 MV in air, 20 % behind a cover of T = 0.01.
    """
    A, taken = _curve(reference, beam)
    behind = -np.log(np.clip(np.asarray(transmission, np.float64), LEAST, 1.0))
    return np.interp(behind, A, taken)


@lru_cache(maxsize=64)
def _curve(reference: Reference, beam: Beam) -> tuple[Array, Array]:
    """Attenuation of growing covers, and the contrast behind each."""
    through = np.exp(-np.outer(STEPS, beam_attenuation(COVER, beam))) * beam.weights
    thing = np.exp(-reference.areal_density * beam_attenuation(reference.material, beam))
    signal = through.sum(axis=1)
    seen = signal > LEAST
    return -np.log(signal[seen]), (1 - (through @ thing) / np.maximum(signal, LEAST))[seen]
