"""From areal densities to expected transmission, polychromatic and fast.

A beam is a spectrum seen by a detector. `condense` replaces its hundreds of bins by about a dozen
energies that give the same transmission curves, so that an image costs a dozen exponentials a pixel.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from nii.errors import PhysicsError
from nii.physics.attenuation import Substance, partial_attenuation
from nii.physics.spectra import (
    COPPER_3MM,
    Filters,
    Spectrum,
    detector_response,
    filtered,
    interaction_probability,
    linac_spectrum,
    tube_spectrum,
)
from nii.scan import FloatArray

Array = npt.NDArray[np.float64]

PIXELS_AT_ONCE = 8192  # keeps a block and its exponentials in the cache of one core
OPAQUE = np.float32(-70)  # exponent; far below it numbers are subnormal, which takes six times as long
FIT_MATERIALS = ("C", "Al", "Fe", "Sn", "W", "Pb", "U")
CANDIDATES = 60
NNLS_STEPS = 10_000
TRIALS = 4  # energies of which the least missed one is left out
LINAC_NODES = 14
TUBE_NODES = 30
FIT_DEEPEST = 200.0  # g/cm2
FIT_FAINTEST = 1e-6  # transmission below which no scanner sees anything


@dataclass(frozen=True, eq=False)
class Beam:
    """A spectrum as a detector sees it in air.

    name: such as "6MV". energy_kev: ascending. weights: share of the air signal from each energy,
    sum 1 (photons x energy deposited). quantum: variance of the air signal per incident photon over
    the square of its mean, by energy; its sum is the compound-Poisson factor, >= 1.
    factors: of the photoelectric, Compton and pair parts of the attenuation, fitted to a real scanner
    by `scanner.fit_factors`; coherent scattering keeps 1.
    """

    name: str
    energy_kev: Array
    weights: Array
    quantum: Array
    factors: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        if not (self.energy_kev.shape == self.weights.shape == self.quantum.shape):
            raise PhysicsError(f"beam {self.name}: expected arrays of one length, came others")
        if not (abs(self.weights.sum() - 1) < 1e-6 and (self.weights >= 0).all()):
            raise PhysicsError(f"beam {self.name}: expected weights of sum 1, came {self.weights.sum():g}")


def make_beam(name: str, spectrum: Spectrum, deposit_kev: Array, interacting: Array) -> Beam:
    """A Beam from photons per bin, mean deposit per incident photon (keV) and the share that interacts.

    The second moment of the deposit is taken as mean^2 / share: a photon either interacts and leaves
    its mean energy, or doesn't. Example: monochromatic photons of which half interact have factor 2.
    """
    signal = spectrum.photons * deposit_kev
    square = spectrum.photons * deposit_kev**2 / np.maximum(interacting, 1e-12)
    quantum = square * spectrum.photons.sum() / signal.sum() ** 2
    return Beam(name, spectrum.energy_kev, signal / signal.sum(), quantum)


@lru_cache(maxsize=32)
def linac_beam(
    endpoint_mev: float, *, detector: str = "CdWO4", thickness_mm: float = 30.0, filters: Filters = COPPER_3MM
) -> Beam:
    """A linac behind its filter on a scintillator, condensed. Example: linac_beam(6.0).name is "6MV".

    Common ones are stored (tables/beams.json, made by datasets/physics/make_beams.py); condensing another
    one takes a second and scipy.
    """
    if stored := stored_beams().get(beam_key(f"{endpoint_mev:g}MV", detector, thickness_mm, filters)):
        return stored
    spectrum = linac_spectrum(endpoint_mev, filters=filters)
    return _condensed(f"{endpoint_mev:g}MV", spectrum, detector, thickness_mm)


@lru_cache(maxsize=32)
def tube_beam(kv: int, *, detector: str = "GOS", thickness_mm: float = 0.5, filters: Filters = ()) -> Beam:
    """A tube with further filters on a scintillator, condensed. Example: tube_beam(160).name is "160kV".

    A dual-energy line scanner: tube_beam(160, thickness_mm=0.3) as low and
    tube_beam(160, detector="CsI", thickness_mm=4, filters=(("copper", 0.54),)) as high.
    """
    if stored := stored_beams().get(beam_key(f"{kv}kV", detector, thickness_mm, filters)):
        return stored
    return _condensed(f"{kv}kV", filtered(tube_spectrum(kv), filters), detector, thickness_mm, nodes=TUBE_NODES)


def beam_key(name: str, detector: str, thickness_mm: float, filters: Filters) -> str:
    """Name of a stored beam. Example: "6MV CdWO4 30 mm copper 2.688"."""
    behind = "".join(f" {material} {density:g}" for material, density in filters)
    return f"{name} {detector} {thickness_mm:g} mm{behind}"


@lru_cache(maxsize=1)
def stored_beams() -> dict[str, Beam]:
    """The condensed beams that ship, by their key."""
    table = json.loads((files("nii.physics") / "tables" / "beams.json").read_text())
    return {
        key: Beam(key.split(" ", 1)[0], np.array(row["energy_kev"]), np.array(row["weights"]), np.array(row["quantum"]))
        for key, row in table.items()
    }


def _condensed(name: str, spectrum: Spectrum, detector: str, thickness_mm: float, *, nodes: int = LINAC_NODES) -> Beam:
    deposit = detector_response(detector, thickness_mm, spectrum.energy_kev)
    interacting = interaction_probability(detector, thickness_mm, spectrum.energy_kev)
    return condense(make_beam(name, spectrum, deposit, interacting), nodes=nodes)


def condense(beam: Beam, *, nodes: int = LINAC_NODES) -> Beam:
    """The same beam with at most about `nodes` energies.

    Energies and weights come from non-negative least squares on the relative transmission of C, Al,
    Fe, Sn, W, Pb and U, 0 to 200 g/cm2, as far as it exceeds 1e-6.
    Error: transmission within 0.1 % over that range for linacs (tests/physics/test_physics_forward.py).
    """
    if beam.energy_kev.size <= nodes:
        return beam
    curves = _relative_curves(beam)
    kept = np.arange(0, beam.energy_kev.size, max(1, beam.energy_kev.size // CANDIDATES))
    kept, fit, _ = _fit(curves, kept)
    while kept.size > nodes:
        share = fit * curves[:, kept].max(axis=0)  # of the signal at the depth where it matters most
        trials = [_fit(curves, np.delete(kept, i)) for i in np.argsort(share)[:TRIALS]]
        kept, fit, _ = min(trials, key=lambda trial: trial[2])
    weights = fit / fit.sum()
    quantum = weights * np.interp(beam.energy_kev[kept], beam.energy_kev, _quantum_per_signal(beam))
    quantum *= beam.quantum.sum() / quantum.sum()
    return Beam(beam.name, beam.energy_kev[kept], weights, quantum, beam.factors)


def _fit(curves: Array, kept: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.intp], Array, float]:
    """The energies of `kept` that get a positive weight, these weights, and the misfit."""
    from scipy.optimize import nnls  # type: ignore[import-untyped] # no stubs; 0.2 s of import, once

    fit, misfit = nnls(curves[:, kept], np.ones(len(curves)), maxiter=NNLS_STEPS)
    return kept[fit > 0], fit[fit > 0], misfit


def _quantum_per_signal(beam: Beam) -> Array:
    """Variance per unit of signal, by energy; grows with the energy a photon leaves."""
    return np.divide(beam.quantum, beam.weights, out=np.zeros_like(beam.weights), where=beam.weights > 0)


def _relative_curves(beam: Beam) -> Array:
    """(curve point, energy): transmission of each energy over the beam's, so that weights give 1."""
    depth = np.r_[0.0, np.geomspace(0.003, FIT_DEEPEST, 60)]
    curves = [np.exp(-np.outer(depth, beam_attenuation(name, beam))) for name in FIT_MATERIALS]
    single = np.concatenate(curves)
    whole = single @ beam.weights
    seen = whole > FIT_FAINTEST
    return np.asarray(single[seen] / whole[seen, None])


def transmission(areal_density: FloatArray, materials: Sequence[Substance], beams: Sequence[Beam]) -> FloatArray:
    """Expected transmission (energy, row, column) of layers of several materials, in (0, 1].

    areal_density: float32 (material, row, column) in g/cm2, >= 0, one plane per entry of materials.
    beams: condensed, low energy first. No scatter and no noise (see noise.py).
    Speed: 1 Mpx, 8 materials, 2 beams in under 0.5 s on one core.
    Example: 60 g/cm2 of iron at 6 MV gives 0.07.
    """
    if areal_density.ndim != 3 or areal_density.shape[0] != len(materials):
        raise PhysicsError(f"areal density: expected ({len(materials)}, row, column), came {areal_density.shape}")
    layers = areal_density.reshape(len(materials), -1)
    out = np.empty((len(beams), layers.shape[1]), np.float32)
    coefficients = [_coefficients(materials, beam) for beam in beams]
    for start in range(0, layers.shape[1], PIXELS_AT_ONCE):
        block = slice(start, start + PIXELS_AT_ONCE)
        for plane, (beam, mu) in enumerate(zip(beams, coefficients, strict=True)):
            depth = mu @ layers[:, block]
            np.maximum(depth, OPAQUE, out=depth)
            out[plane, block] = beam.weights.astype(np.float32) @ np.exp(depth, out=depth)
    return out.reshape(len(beams), *areal_density.shape[1:])


def beam_attenuation(substance: Substance, beam: Beam) -> Array:
    """Mass attenuation at the beam's energies with its fitted factors, cm2/g, (energy node,), read-only."""
    return _named(substance, beam) if isinstance(substance, str) else _attenuation(substance, beam)


@lru_cache(maxsize=4096)  # ten milliseconds each, and a set of scans asks for the same again and again
def _named(name: str, beam: Beam) -> Array:
    return _attenuation(name, beam)


def _attenuation(substance: Substance, beam: Beam) -> Array:
    coherent, incoherent, photo, pair = partial_attenuation(substance, beam.energy_kev)
    of_photo, of_compton, of_pair = beam.factors
    found = np.asarray(coherent + of_photo * photo + of_compton * incoherent + of_pair * pair)
    found.flags.writeable = False
    return found


def _coefficients(materials: Sequence[Substance], beam: Beam) -> FloatArray:
    """-mu, float32 (energy node, material), cm2/g."""
    return -np.stack([beam_attenuation(name, beam) for name in materials], axis=1).astype(np.float32)


def attenuation_curve(substance: Substance, depth: npt.ArrayLike, beam: Beam) -> Array:
    """A = -ln T of a single material against areal density in g/cm2 (any shape), float64.

    Example: "Fe" at 60 g/cm2 and 6 MV gives 2.6.
    """
    mu = beam_attenuation(substance, beam)
    t = np.asarray(depth, np.float64)[..., None]
    least = mu.min()  # taken out of the sum, so that a thick layer doesn't underflow
    return np.asarray(t[..., 0] * least - np.log(np.exp(-t * (mu - least)) @ beam.weights))
