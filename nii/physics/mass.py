"""What an excess layer is and what it weighs.

The excess attenuation of a concealed layer, summed over its pixels, gives its mass: the noise averages
out, and what is behind or in front enters only by hardening the beam. The ratio of the sums at two
energies says where the material lies on the line (line.py); each place explains the ratio more or less
well, and mass and class are those of all places together, weighted so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from nii.errors import PhysicsError
from nii.physics.forward import Beam
from nii.physics.line import CLASSES, Line, MaterialClass, line, line_attenuation
from nii.physics.noise import NoiseModel, variance
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
DEPTH_BINS, LAYER_BINS = 12, 4  # groups of pixels with about the same hardening
NEWTON = 8


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


@dataclass(frozen=True, eq=False)
class Sums:
    """Per energy and place of the line, the layer's areal density summed over pixels, (energy, place).

    total: g/cm2 x pixels. spread: variance of total by noise that pixels don't share. slope: change of
    total when the attenuation summed over pixels changes by 1.
    """

    total: Array
    spread: Array
    slope: Array


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
    (`python -m nii.physics.figures mass`). Example: 10 g/cm2 of fentanyl on 20 x 20 pixels of 6 mm: 1.44 kg.
    """
    _check(excess, mask, transmission, beams)
    seen = mask & (transmission.min(axis=0) > FAINTEST)
    if not seen.any():
        return _nothing_seen()
    spread = variance(transmission, noise) if noise is not None else of_transmission
    pixel = (
        np.zeros_like(transmission) if spread is None else spread / np.maximum(transmission, FAINTEST) ** 2
    )
    sums = _sums(excess[:, seen], transmission[:, seen], pixel[:, seen], beams)
    shared = _shared_variance(seen, noise, background_error)
    share = float(seen.sum() / mask.sum())
    mixed = _prior(tuple(prior.get(c, 0.0) for c in CLASSES))
    return _weigh(sums, shared, mixed, seen_share=share, pixel_cm2=_area(pitch_mm), pixels=int(mask.sum()))


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


def _shared_variance(seen: Mask, noise: NoiseModel | None, background_error: float) -> float:
    """Variance of the sum of excess over the mask from errors that pixels share, one energy.

    Gains move a row, pulses a column, the background everything.
    """
    total = (background_error * seen.sum()) ** 2
    if noise is not None:
        rows, columns = (float((seen.sum(axis=axis) ** 2.0).sum()) for axis in (1, 0))
        total += noise.row_gain**2 * rows + noise.pulse_jitter**2 * columns
    return float(total)


def _sums(excess: FloatArray, T: FloatArray, spread: FloatArray, beams: Sequence[Beam]) -> Sums:
    """excess, T and the variance of the attenuation: (energy, pixel) of the seen pixels."""
    behind = np.maximum(-np.log(T) - excess, 0)  # attenuation of all else
    group = _groups(behind[-1], excess[-1])
    count = np.bincount(group)
    place = _background_place(behind.mean(axis=1, dtype=np.float64), beams)
    sums = []
    for e, beam in enumerate(beams):
        layer, other, white = (np.bincount(group, values[e]) for values in (excess, behind, spread))
        mu = _effective(other / count, layer / count, place, beam)  # (place, group)
        sums.append(((layer / mu).sum(axis=1), (white / mu**2).sum(axis=1), (count / mu).sum(axis=1)))
    total, white_noise, slope = (np.stack(values) for values in zip(*sums, strict=True))
    return Sums(total, white_noise, slope / group.size)


def _groups(behind: FloatArray, excess: FloatArray) -> npt.NDArray[np.intp]:
    """Group of each pixel: alike in what is behind and in the layer; numbered without gaps."""
    bins = [
        np.searchsorted(np.quantile(values, np.linspace(0, 1, n + 1)[1:-1]), values)
        for values, n in ((behind, DEPTH_BINS), (excess, LAYER_BINS))
    ]
    return np.asarray(np.unique(bins[0] * LAYER_BINS + bins[1], return_inverse=True)[1], np.intp)


def _background_place(behind: Array, beams: Sequence[Beam]) -> int:
    """Place on the line whose ratio of attenuations is nearest to the background's; steel if unknown."""
    steel = int(np.searchsorted(line().z, 26.0))
    if len(beams) < 2 or behind[-1] < 0.3:
        return steel
    depth = [_depth(np.full(len(line().z), behind[e]), line_attenuation(b), b) for e, b in enumerate(beams)]
    apart = np.abs(np.log(depth[0] / depth[-1]))[: int(np.searchsorted(line().z, 45.0))]
    return int(apart.argmin())


def _depth(A: Array, mu: Array, beam: Beam) -> Array:
    """Areal density of each place (place,) that attenuates by A (place,); mu (place, node)."""
    depth = A / (mu @ beam.weights)
    for _ in range(NEWTON):
        through = beam.weights * np.exp(-depth[:, None] * mu)
        signal = through.sum(axis=1)
        depth = np.maximum(depth + (A + np.log(signal)) * signal / (through * mu).sum(axis=1), 0)
    return depth


def _effective(behind: Array, layer: Array, place: int, beam: Beam) -> Array:
    """Effective mass attenuation (place, group) of a layer of every place behind a background.

    behind, layer: attenuation of the background and of the layer, (group,).
    """
    mu = line_attenuation(beam)
    background = _depth(behind, np.tile(mu[place], (behind.size, 1)), beam)
    hard = beam.weights * np.exp(-background[:, None] * mu[place])  # (group, node)
    hard /= hard.sum(axis=1, keepdims=True)
    A = np.maximum(layer, 1e-3)
    depth = A / (mu @ hard.T)  # (place, group)
    for _ in range(NEWTON):
        through = hard * np.exp(-depth[..., None] * mu[:, None, :])  # (place, group, node)
        signal = through.sum(axis=2)
        step = (A + np.log(signal)) * signal / (through * mu[:, None, :]).sum(axis=2)
        depth = np.maximum(depth + step, 1e-9)
    return np.asarray(A / depth)


def _weigh(
    sums: Sums, shared: float, prior: Array, *, seen_share: float, pixel_cm2: float, pixels: int
) -> Mass:
    """The answer from the sums; shared: variance that pixels share, of the summed attenuation."""
    on = line()
    spread = sums.spread + shared * sums.slope**2
    mean, error = _combined(sums.total, spread)  # by place
    fit, misfit = _explains(sums, spread)
    per_class = np.bincount(on.of_class, minlength=len(CLASSES))
    error = np.hypot(error, (COMPOSITION + (1 - seen_share) / 2) * mean)
    low, middle, high = _mixture(fit * prior, mean, error)
    even = fit / per_class[on.of_class]  # no class is favoured
    z_low, z, z_high = (float(on.z[i]) for i in _places(even))
    kilograms = pixel_cm2 / 1000 / seen_share
    return Mass(
        kg=middle * kilograms,
        low=low * kilograms,
        high=high * kilograms,
        material_class=_class_of(even, on) if misfit < STRANGE else MaterialClass.UNDETERMINED,
        z=z,
        z_low=z_low,
        z_high=z_high,
        areal_density=middle / seen_share / pixels,
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
    from scipy.special import ndtr  # type: ignore[import-untyped] # no stubs; 0.1 s of import, once

    used = chance > 1e-6 * chance.max()
    chance, mean, error = chance[used] / chance[used].sum(), mean[used], np.maximum(error[used], 1e-9)
    grid = np.linspace((mean - 4 * error).min(), (mean + 4 * error).max(), 2001)
    below = ndtr((grid[:, None] - mean) / error) @ chance
    low, middle, high = np.maximum(np.interp((0.05, 0.5, 0.95), below, grid), 0)
    return float(low), float(middle), float(high)


def _places(chance: Array) -> list[int]:
    """Places of the line at 5 %, 50 % and 95 % of the chances."""
    return [int(i) for i in np.searchsorted(np.cumsum(chance) / chance.sum(), (0.05, 0.5, 0.95))]


def _class_of(chance: Array, on: Line) -> MaterialClass:
    share = np.bincount(on.of_class, chance, minlength=len(CLASSES)) / chance.sum()
    best = int(share.argmax())
    return CLASSES[best] if share[best] >= SURE else MaterialClass.UNDETERMINED
