"""What a scanner adds to the expected transmission, for many crops at once, on the device that trains.

The same as nii.physics.noise, which does it for one scan at a time; every crop has a scanner of its own. There is
what the parameters mean, and in which order they act.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own customary name

from nii.physics.noise import FAINTEST, FWHM_PER_SIGMA, MANY, NoiseModel

COARSE = 8  # pixels; scatter is spread on means of so many by so many
SPREAD = COARSE**2 / 4  # variance that these means and the interpolation between them bring, pixels squared
SCATTER_REACH = 4  # standard deviations at which its spread is cut off
LATEST = 3  # columns from which a misregistered pulse is interpolated, to both sides


@dataclass(frozen=True, eq=False)
class NoiseModels:
    """A NoiseModel for each of B crops: every field is float32 (B,) of the parameter of that name.

    reach: pixels up to which the widest blur of them reaches. scatter_reach: the same of scatter.
    """

    photons: Tensor
    compound: Tensor
    hardening: Tensor
    electronic: Tensor
    scatter: Tensor
    scatter_range: Tensor
    row_gain: Tensor
    pulse_jitter: Tensor
    blur: Tensor
    afterglow: Tensor
    dead_rows: Tensor
    air_error: Tensor
    misregistration: Tensor
    bits: Tensor
    open_beam: Tensor
    reach: int
    scatter_reach: int

    @classmethod
    def of(cls, models: Sequence[NoiseModel], device: torch.device) -> "NoiseModels":
        """These models in their order."""
        values = {
            field.name: torch.tensor([getattr(model, field.name) for model in models], dtype=torch.float32)
            for field in fields(NoiseModel)
        }
        return cls(
            **{name: value.to(device) for name, value in values.items()},
            reach=_radius(float(values["blur"].max()) / FWHM_PER_SIGMA),
            scatter_reach=math.ceil(SCATTER_REACH * float(values["scatter_range"].max()) / COARSE),
        )

    def of_crops(self, numbers: Tensor, *shape: int) -> "NoiseModels":
        """Those of these numbers (B,), each field as (B, *shape), to be broadcast."""
        taken = {field.name: getattr(self, field.name)[numbers].view(-1, *shape) for field in fields(NoiseModel)}
        return NoiseModels(**taken, reach=self.reach, scatter_reach=self.scatter_reach)


def measure(transmission: Tensor, noise: NoiseModels, generator: torch.Generator) -> Tensor:
    """Measured transmission of an expected one, both float32 (B, E, H, W); fields of `noise` are (B, 1, 1, 1).

    generator: on the same device.
    """
    B, E, H, W = transmission.shape

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, device=transmission.device)

    level, drift = noise.air_error * normal(B, E, 1, 1), noise.air_error * normal(B, E, 1, 1)
    air = 1 + level + drift * torch.linspace(-0.5, 0.5, W, device=transmission.device)
    dose = air * (1 + noise.pulse_jitter * normal(B, E, 1, W))
    dead = torch.rand((B, 1, H, 1), generator=generator, device=transmission.device) < noise.dead_rows
    signal = _with_photon_noise(expected(transmission, noise) * dose, noise, generator)
    signal[..., 1:] += noise.afterglow * (signal[..., :-1] - signal[..., 1:])
    counts = noise.open_beam * signal * (1 + noise.row_gain * normal(B, E, H, 1))
    counts = (counts + noise.electronic * normal(B, E, H, W)).round().clamp(min=0).minimum(2**noise.bits - 1)
    return counts.masked_fill(dead, 0) / noise.open_beam


def expected(transmission: Tensor, noise: NoiseModels) -> Tensor:
    """What reaches the detectors before any chance: scattered, blurred, and the last energy at its own time."""
    return _misregistered(_gaussian(_scattered(transmission, noise), noise.blur / FWHM_PER_SIGMA, noise.reach), noise)


def variance(transmission: Tensor, noise: NoiseModels) -> Tensor:
    """Variance of a pixel's transmission before blur; fields of `noise` broadcast with the transmission."""
    T = transmission.clamp(min=0)
    fixed = (noise.electronic**2 + 1 / 12) / noise.open_beam**2
    return T * _factor(T, noise) / noise.photons + fixed + (noise.row_gain**2 + noise.pulse_jitter**2) * T * T


def _factor(T: Tensor, noise: NoiseModels) -> Tensor:
    """Compound factor by transmission."""
    return noise.compound * (1 - noise.hardening * T.clamp(FAINTEST, 1).log())


def _with_photon_noise(T: Tensor, noise: NoiseModels, generator: torch.Generator) -> Tensor:
    """Scaled Poisson; from MANY quanta on a normal distribution stands for it."""
    quantum = _factor(T, noise) / noise.photons
    quanta = T.clamp(min=0) / quantum
    few = quanta < MANY
    counted = quanta + quanta.sqrt() * torch.randn(T.shape, generator=generator, device=T.device)
    rare = torch.poisson(quanta.masked_fill(~few, 0), generator=generator)
    return torch.where(few, rare, counted) * quantum


def _scattered(T: Tensor, noise: NoiseModels) -> Tensor:
    means = F.avg_pool2d(T, COARSE, ceil_mode=True, count_include_pad=False)
    sigma = (noise.scatter_range**2 - SPREAD).clamp(min=0).sqrt()
    spread = _gaussian(means, sigma / COARSE, noise.scatter_reach)
    around = F.interpolate(spread, size=T.shape[-2:], mode="bilinear", align_corners=False)
    return (T + noise.scatter * around) / (1 + noise.scatter)


def _gaussian(x: Tensor, sigma: Tensor, reach: int) -> Tensor:
    """Blur of each crop with its own standard deviation, (B, 1, 1, 1) pixels; edges are repeated."""
    offsets = torch.arange(-reach, reach + 1, device=x.device, dtype=x.dtype)
    sigma = sigma.view(-1, 1)
    taps = torch.exp(-0.5 * (offsets / sigma.clamp(min=1e-3)) ** 2) * (offsets.abs() <= (8 * sigma + 1).round() // 2)
    taps = taps / taps.sum(dim=1, keepdim=True)  # (B, 2 reach + 1)
    return along(along(x, taps, 2), taps, 3)


def along(x: Tensor, taps: Tensor, dim: int) -> Tensor:
    """Convolution of each crop (B, E, H, W) with its own taps (B, K) along rows (2) or columns (3)."""
    B, E, H, W = x.shape
    K = taps.shape[1]
    kernel = taps.repeat_interleave(E, dim=0).view(B * E, 1, *((K, 1) if dim == 2 else (1, K)))
    padding = (0, 0, K // 2, K // 2) if dim == 2 else (K // 2, K // 2, 0, 0)
    padded = F.pad(x, padding, mode="replicate").view(1, B * E, *((H + K - 1, W) if dim == 2 else (H, W + K - 1)))
    return F.conv2d(padded, kernel, groups=B * E).view(B, E, H, W)


def _misregistered(T: Tensor, noise: NoiseModels) -> Tensor:
    """The last energy by so many columns later, cubic (Catmull-Rom); the others as they are."""
    late = noise.misregistration.view(-1, 1)
    whole = late.floor()
    t = late - whole
    four = torch.cat((-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, -(t**2) + t**3), dim=1)
    first = (whole - 1 + LATEST).long()  # where the first of the four lies among the taps
    taps = torch.zeros(len(late), 2 * LATEST + 2, device=T.device)
    taps = taps.scatter(1, first + torch.arange(4, device=T.device), four / 2)[:, : 2 * LATEST + 1]
    return torch.cat([T[:, :-1], along(T[:, -1:], taps, 3).clamp(min=0)], dim=1)


def _radius(sigma: float) -> int:
    """Pixels up to which OpenCV's Gaussian of float32 reaches."""
    return max(round(8 * sigma + 1) // 2, 1)
