"""The areal density of a layer from its attenuation, for every material that it may be.

What lies behind and in front hardens the beam, and so does the layer itself; pixels that are alike in
both share one effective mass attenuation, which makes a region cheap whatever its size.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nii.physics.forward import Beam
from nii.physics.line import line, line_attenuation
from nii.scan import FloatArray

Array = npt.NDArray[np.float64]

DEPTH_BINS, LAYER_BINS = 12, 4  # groups of pixels with about the same hardening
NEWTON = 6
FLATTEST = 0.3  # attenuation of a background below which its material doesn't matter
STEEL_Z = 26.0


@dataclass(frozen=True, eq=False)
class Sums:
    """Per energy and place of the line, the layer's areal density summed over pixels, (energy, place).

    total: g/cm2 x pixels. spread: variance of total by noise that pixels don't share. slope: change of
    total when the attenuation summed over pixels changes by 1.
    """

    total: Array
    spread: Array
    slope: Array


def layer_sums(excess: FloatArray, T: FloatArray, spread: FloatArray, beams: Sequence[Beam]) -> Sums:
    """Sums over pixels of a layer of excess attenuation.

    excess, T (transmission with the layer) and spread (variance of the attenuation): (energy, pixel).
    Example: 100 pixels with 0.5 at 6 MV in air sum up to 900 g/cm2 x pixels of cocaine.
    """
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
    steel = int(np.searchsorted(line().z, STEEL_Z))
    if len(beams) < 2 or behind[-1] < FLATTEST:
        return steel
    depth = [_depth(np.full(len(line().z), behind[e]), line_attenuation(b), b) for e, b in enumerate(beams)]
    apart = np.abs(np.log(depth[0] / depth[-1]))[: int(np.searchsorted(line().of_class, 3))]
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
