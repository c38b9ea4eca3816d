"""What an excess layer is and what it weighs.

The excess attenuation of a concealed layer, summed over its pixels, gives its mass: the noise averages
out, and what is behind or in front enters only by hardening the beam. The ratio of the sums at two
energies says where the material lies on the line (line.py); each place explains the ratio more or less
well, and mass and class are those of all places together, weighted so.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from nii.errors import PhysicsError
from nii.physics.forward import Beam
from nii.physics.layer import Sums, layer_sums
from nii.physics.line import CLASSES, Line, MaterialClass, line
from nii.physics.noise import NoiseModel, scattered, variance
from nii.scan import FloatArray

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

# How often a concealment is of a class, before the scan has its say: goods that are smuggled are powders,
# plants, pills and notes, with an effective atomic number of 6.4 and some spread. Only the mass uses it;
# the class must be earned from the scan.
PRIOR = {
    MaterialClass.ORGANIC: 0.95,
    MaterialClass.INORGANIC: 0.02,
    MaterialClass.METAL: 0.02,
    MaterialClass.HEAVY_METAL: 0.01,
}
ORGANIC_Z, ORGANIC_SPREAD = 6.4, 0.6
SURE = 0.9  # share of a class in what explains the scan, below which it is undetermined
STRANGE = 16.0  # misfit (chi squared) above which no material explains the ratio
COMPOSITION = 0.008  # rms of the attenuation per mass of drugs and cutting agents around the line
RATIO = 0.001  # what the ratio of two calibrated energies can be trusted to
FAINTEST = 1e-4  # transmission; below it a pixel says nothing about a layer
SCATTER = 0.2  # share of the scatter that its correction may miss
EROSIONS = (3, 2, 1)  # pixels that the ratio keeps away from the edges of a layer, if enough are left
CORE_SHARE, CORE_PIXELS = 0.25, 12


@dataclass(frozen=True)
class Mass:
    """Mass and material of an excess layer.

    kg, low, high: best value and 90 % interval. material_class: organic, inorganic, metal, heavy metal or
    undetermined. z, z_low, z_high: effective atomic number with its 90 % interval. areal_density: mean
    over the mask, g/cm2. seen: share of the mask that the beam got through; the rest is taken to
    hold as much per area.
    """

    kg: float
    low: float
    high: float
    material_class: MaterialClass
    z: float
    z_low: float
    z_high: float
    areal_density: float
    seen: float


def excess_mass(
    excess: FloatArray,
    mask: Mask,
    transmission: FloatArray,
    *,
    pitch_mm: tuple[float, float],
    beams: Sequence[Beam],
    noise: NoiseModel | None = None,
    of_transmission: FloatArray | None = None,
    background_error: float = 0.0,
    prior: Mapping[MaterialClass, float] = PRIOR,
) -> Mass:
    """Mass and material of a layer from its excess attenuation.

    excess: float32 (energy, row, column), attenuation with the layer minus without it. mask: (row,
    column), where the layer lies. transmission: measured, with the layer, same shape as excess.
    pitch_mm: (row, column) at the object. beams: one per energy, low first. noise: of the scanner;
    or of_transmission: the variance of each pixel's transmission. background_error: standard error of
    the excess that all pixels of the mask share (a background predicted too high or low), no unit.
    prior: chance of each class before the scan has its say, for the mass alone; pass another where the
    kind of concealment is known (a press is not a powder).
    Raises PhysicsError for shapes that don't fit and an empty mask.
    Bias under 3 % and coverage 85 to 95 % where the mass is over 5 standard errors
    (`nii study physics mass`). Example: 10 g/cm2 of fentanyl on 20 x 20 pixels of 6 mm: 1.44 kg.
    """
    _check(excess, mask, transmission, beams)
    seen = mask & (transmission.min(axis=0) > FAINTEST)
    if not seen.any():
        return _nothing_seen()
    spread = variance(transmission, noise) if noise is not None else of_transmission
    if spread is None:
        spread = np.zeros_like(transmission)
    share = float(seen.sum() / mask.sum())
    mixed = _prior(tuple(prior.get(c, 0.0) for c in CLASSES))
    answers = []
    for part in (seen, _core(seen)):
        T = transmission[:, part]
        sums = layer_sums(excess[:, part], T, spread[:, part] / T**2, beams)
        shared = _shared_variance(part, noise, background_error, _scatter_error(transmission, part, noise))
        answers.append((sums, sums.spread + shared[:, None] * sums.slope**2))
    return _weigh(answers[0], answers[1], mixed, share, kg_per_sum=_area(pitch_mm) / 1000, pixels=int(mask.sum()))


def layer_excess(with_layer: FloatArray, without: FloatArray, of_transmission: FloatArray) -> FloatArray:
    """Excess attenuation of a layer from the transmission with it and without it.

    of_transmission: variance of `with_layer`. The logarithm of a noisy number is too low by half its
    relative variance, which counts behind thick steel: that is taken out.
    Example: 0.25 with and 0.5 without give 0.693.
    """
    T = np.maximum(with_layer, np.float32(FAINTEST))
    noise = np.minimum(of_transmission / (T * T), np.float32(1))
    return np.asarray(np.log(np.maximum(without, np.float32(FAINTEST)) / T) - noise / 2, np.float32)


def _check(excess: FloatArray, mask: Mask, transmission: FloatArray, beams: Sequence[Beam]) -> None:
    if excess.ndim != 3 or excess.shape != transmission.shape or mask.shape != excess.shape[1:]:
        raise PhysicsError(
            f"excess: expected (energy, row, column) like transmission and mask, came {excess.shape}, "
            f"{transmission.shape}, {mask.shape}"
        )
    if len(beams) != excess.shape[0]:
        raise PhysicsError(f"excess: expected a beam per energy, came {len(beams)} for {excess.shape[0]}")
    if not mask.any():
        raise PhysicsError("mask: expected at least one pixel, came none")


def _area(pitch_mm: tuple[float, float]) -> float:
    if not (pitch_mm[0] > 0 and pitch_mm[1] > 0):
        raise PhysicsError(f"pitch: expected positive mm, came {pitch_mm}")
    return pitch_mm[0] * pitch_mm[1] / 100


def _nothing_seen() -> Mass:
    return Mass(0.0, 0.0, float("inf"), MaterialClass.UNDETERMINED, *(float("nan"),) * 4, seen=0.0)


def _core(seen: Mask) -> Mask:
    """The inner part of a mask, where the ratio of energies is that of the layer and not of its edge.

    At an edge the scanner averages transmissions, not attenuations, which looks like another material.
    """
    import cv2

    padded = np.pad(seen, 1).astype(np.uint8)  # beyond the scan is outside
    for width in EROSIONS:
        core = cv2.erode(padded, np.ones((2 * width + 1,) * 2, np.uint8))[1:-1, 1:-1].astype(bool)
        if core.sum() >= max(CORE_SHARE * seen.sum(), CORE_PIXELS):
            return core
    return seen


def _shared_variance(part: Mask, noise: NoiseModel | None, background_error: float, scatter: Array) -> Array:
    """Variance of the sum of excess over the mask from errors that pixels share, (energy,).

    Gains move a row, pulses a column, the background and scatter everything.
    """
    total = (background_error**2 + scatter**2) * float(part.sum()) ** 2
    if noise is None:
        return total
    rows, columns = (float((part.sum(axis=axis) ** 2.0).sum()) for axis in (1, 0))
    return np.asarray(total + noise.row_gain**2 * rows + noise.pulse_jitter**2 * columns)


def _scatter_error(transmission: FloatArray, part: Mask, noise: NoiseModel | None) -> Array:
    """Attenuation that the scatter correction may have missed on average over the mask, (energy,)."""
    if noise is None:
        return np.zeros(len(transmission))
    from_around = scattered(transmission, noise)[:, part] - transmission[:, part]
    return np.asarray(SCATTER * np.abs((from_around / transmission[:, part]).mean(axis=1, dtype=np.float64)))


def _weigh(
    whole: tuple[Sums, Array],
    core: tuple[Sums, Array],
    prior: Array,
    seen_share: float,
    *,
    kg_per_sum: float,
    pixels: int,
) -> Mass:
    """The answer from sums and their variance: the mass from the whole layer, the material from its core."""
    on = line()
    mean, error = _combined(whole[0].total, whole[1])  # by place
    error = np.hypot(error, (COMPOSITION + (1 - seen_share) / 2) * mean)
    fit, misfit = _explains(*core)
    low, middle, high = (value / seen_share for value in _mixture(fit * prior, mean, error))
    even = fit / np.bincount(on.of_class, minlength=len(CLASSES))[on.of_class]  # no class is favoured
    z_low, z, z_high = (float(on.z[i]) for i in _places(even))
    return Mass(
        kg=middle * kg_per_sum,
        low=low * kg_per_sum,
        high=high * kg_per_sum,
        material_class=_class_of(even, on) if misfit < STRANGE else MaterialClass.UNDETERMINED,
        z=z,
        z_low=z_low,
        z_high=z_high,
        areal_density=middle / pixels,
        seen=seen_share,
    )


@cache
def _prior(of_class: tuple[float, ...]) -> Array:
    """Chance of each place before the scan has its say."""
    on = line()
    bell = np.exp(-(((on.z - ORGANIC_Z) / ORGANIC_SPREAD) ** 2) / 2)
    shape = np.where(on.of_class == 0, bell, 1.0)
    whole = np.bincount(on.of_class, shape, minlength=len(CLASSES))
    return np.asarray((np.array(of_class) / whole)[on.of_class] * shape)


def _combined(total: Array, spread: Array) -> tuple[Array, Array]:
    """Summed areal density and its standard error by place, all energies together."""
    weight = 1 / np.maximum(spread, 1e-12)
    return (weight * total).sum(axis=0) / weight.sum(axis=0), np.sqrt(1 / weight.sum(axis=0))


def _explains(sums: Sums, spread: Array) -> tuple[Array, float]:
    """How well each place explains the two energies (sum 1), and the misfit of the best one."""
    if len(sums.total) == 1:
        return np.full(sums.total.shape[1], 1 / sums.total.shape[1]), 0.0
    slope = sums.slope.mean(axis=0)
    apart = (sums.total[0] - sums.total[-1]) / slope  # in attenuation, so that places compare
    error = np.sqrt(spread[0] + spread[-1] + (RATIO * sums.total[-1]) ** 2) / slope
    misfit = (apart / np.maximum(error, 1e-12)) ** 2
    fit = np.exp((misfit.min() - misfit) / 2) / error
    return fit / fit.sum(), float(misfit.min())


def _mixture(chance: Array, mean: Array, error: Array) -> tuple[float, float, float]:
    """5 %, 50 % and 95 % points of normal distributions mixed by chance, none below 0."""
    used = chance > 1e-6 * chance.max()
    chance, mean, error = chance[used] / chance[used].sum(), mean[used], np.maximum(error[used], 1e-9)
    grid = np.linspace((mean - 4 * error).min(), (mean + 4 * error).max(), 2001)
    below = np.interp((grid[:, None] - mean) / error, *_normal()) @ chance
    low, middle, high = np.maximum(np.interp((0.05, 0.5, 0.95), below, grid), 0)
    return float(low), float(middle), float(high)


@cache
def _normal() -> tuple[Array, Array]:
    """Standard deviates and their cumulative probabilities, close enough to interpolate within 1e-6."""
    deviates = np.linspace(-6, 6, 4801)
    return deviates, np.array([0.5 * (1 + math.erf(x / math.sqrt(2))) for x in deviates])


def _places(chance: Array) -> list[int]:
    """Places of the line at 5 %, 50 % and 95 % of the chances."""
    return [int(i) for i in np.searchsorted(np.cumsum(chance) / chance.sum(), (0.05, 0.5, 0.95))]


def _class_of(chance: Array, on: Line) -> MaterialClass:
    share = np.bincount(on.of_class, chance, minlength=len(CLASSES)) / chance.sum()
    best = int(share.argmax())
    return CLASSES[best] if share[best] >= SURE else MaterialClass.UNDETERMINED
