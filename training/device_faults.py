"""What faulty scanners add to pictures, for many crops at once, on the device that trains; as nii.physics.faults."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own customary name

from nii.physics.faults import DRIFT_KNOTS, LAG_TAPS, Chain, Faults
from training.device_noise import NoiseModels, along, measure, variance

BLOCK = 8  # pixels a side that JPEG transforms together
LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)  # steps of grey JPEG at quality 50: ITU-T T.81, table K.1


@dataclass(frozen=True, eq=False)
class FaultModels:
    """Faults of each of B crops: every field is float32 (B,) of the field of that name.

    ghost_row, ghost_column: of ghost_shift. levels: those that a picture has, grey_levels.
    """

    lag: Tensor
    lag_columns: Tensor
    gain_steps: Tensor
    block: Tensor
    drift: Tensor
    lines: Tensor
    line_gain: Tensor
    ghost: Tensor
    ghost_row: Tensor
    ghost_column: Tensor
    coarse: Tensor
    levels: Tensor
    of_attenuation: Tensor
    deepest: Tensor
    jpeg: Tensor

    @classmethod
    def of(cls, models: Sequence[Faults], device: torch.device) -> "FaultModels":
        """These faults in their order."""
        values = {
            field.name: [float(getattr(model, field.name)) for model in models]
            for field in fields(Faults)
            if field.name != "ghost_shift"
        }
        values |= {"levels": [one.grey_levels for one in models]}
        values |= {"ghost_row": [one.ghost_shift[0] for one in models]}
        values |= {"ghost_column": [one.ghost_shift[1] for one in models]}
        return cls(**{name: torch.tensor(value, dtype=torch.float32).to(device) for name, value in values.items()})

    def of_crops(self, numbers: Tensor, *shape: int) -> "FaultModels":
        """Those of these numbers (B,), each field as (B, *shape), to be broadcast."""
        return FaultModels(
            **{field.name: getattr(self, field.name)[numbers].view(-1, *shape) for field in fields(self)}
        )


@dataclass(frozen=True, eq=False)
class Chains:
    """A Chain for each of B crops; fields of both broadcast with what is measured."""

    noise: NoiseModels
    faults: FaultModels

    @classmethod
    def of(cls, chains: Sequence[Chain], device: torch.device) -> "Chains":
        """These chains in their order."""
        noise, faults = [chain.noise for chain in chains], [chain.faults for chain in chains]
        return cls(NoiseModels.of(noise, device), FaultModels.of(faults, device))

    def __len__(self) -> int:
        return len(self.faults.lag)

    def of_crops(self, numbers: Tensor, *shape: int, faults: Tensor | None = None) -> "Chains":
        """Those of these numbers (B,), each field as (B, *shape). faults: other numbers, of the faults."""
        of_faults = self.faults.of_crops(numbers if faults is None else faults, *shape)
        return Chains(self.noise.of_crops(numbers, *shape), of_faults)

    def variance(self, transmission: Tensor) -> Tensor:
        """Variance of a pixel's transmission before blur: of the noise and of few grey levels."""
        return variance(transmission, self.noise) + level_variance(transmission, self.faults)


def level_variance(T: Tensor, faults: FaultModels) -> Tensor:
    """Variance of a pixel's transmission because of few grey levels; 0 where they are the converter's."""
    step = 1 / (faults.levels - 1).clamp(min=1)
    known = torch.where(torch.exp(-faults.deepest) < T, (T * step * faults.deepest) ** 2 / 12, T * T)
    return torch.where(faults.of_attenuation > 0, known, step**2 / 12) * (faults.levels > 0)


def measure_with(transmission: Tensor, noise: NoiseModels, faults: FaultModels, generator: torch.Generator) -> Tensor:
    """Measured pictures of expected transmissions, float32 (B, E, H, W); fields of both models are (B, 1, 1, 1).

    A picture of coarse pixels lies in the upper left of its crop's size while it is measured; beyond, its edge goes on.
    """
    _, _, H, W = transmission.shape
    rows, columns = ((size / faults.coarse).round().clamp(min=1).view(-1, 1, 1) for size in (H, W))
    coarse = _shrinking(rows, H) @ transmission @ _shrinking(columns, W).mT
    seen = with_faults(measure(coarse, noise, generator), faults, (rows, columns), generator)
    return _growing(rows, H) @ seen @ _growing(columns, W).mT


def _shrinking(size: Tensor, full: int) -> Tensor:
    """(B, 1, full, full): means over the areas of `size` (B, 1, 1) pixels among so many; the last one is repeated."""
    at = torch.arange(full, device=size.device, dtype=size.dtype)
    step = full / size
    low = at.view(-1, 1).minimum(size - 1) * step
    return ((low + step).minimum(at + 1) - low.maximum(at)).clamp(min=0)[:, None] / step[:, None]


def _growing(size: Tensor, full: int) -> Tensor:
    """(B, 1, full, full): straight between the first `size` (B, 1, 1) pixels, at so many."""
    at = torch.arange(full, device=size.device, dtype=size.dtype)
    middle = ((at.view(-1, 1) + 0.5) * size / full - 0.5).clamp(min=0).minimum(size - 1)
    return (1 - (middle - at).abs()).clamp(min=0)[:, None]


def with_faults(image: Tensor, faults: FaultModels, size: tuple[Tensor, Tensor], generator: torch.Generator) -> Tensor:
    """The pictures (B, E, H, W) with these faults. size: rows and columns of each that are in use, (B, 1, 1)."""
    image = _lagging(image, faults) * _gains(image.shape, faults, generator)
    copy = _shifted(image, faults, size)
    image = image * (1 - faults.ghost * (1 - copy.clamp(max=1)))
    return _in_levels(image.clamp(min=0), faults)


def _lagging(image: Tensor, faults: FaultModels) -> Tensor:
    lag, columns = faults.lag.view(-1, 1), faults.lag_columns.view(-1, 1)
    weights = torch.exp(-torch.arange(LAG_TAPS, 0, -1, device=image.device) / columns)  # (B, taps), the oldest first
    weights = weights * lag / weights.sum(dim=1, keepdim=True)
    return along(image, torch.cat([weights, 1 - lag, torch.zeros_like(weights)], dim=1), 3)


def _gains(shape: torch.Size, faults: FaultModels, generator: torch.Generator) -> Tensor:
    """Of blocks of rows, of wrong lines, and of the air's slow drift: (B, E, H, W)."""
    B, E, H, W = shape
    device = faults.lag.device

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, device=device)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, device=device)

    def lines(*shape: int) -> Tensor:
        return 1 + (uniform(*shape) < faults.lines) * faults.line_gain * normal(*shape)

    block = faults.block.view(-1, 1)
    number = ((torch.arange(H, device=device) + (uniform(B, 1) * block).floor()) / block).floor().long()  # (B, H)
    steps = 1 + faults.gain_steps * normal(B, E, H + 1, 1).gather(2, number.view(B, 1, H, 1).expand(B, E, H, 1))
    knots = faults.drift.view(-1, 1, 1) * normal(B, 1, DRIFT_KNOTS)
    drift = 1 + F.interpolate(knots, size=W, mode="linear", align_corners=True)[:, :, None]  # (B, 1, 1, W)
    return steps * lines(B, 1, H, 1) * (drift * lines(B, 1, 1, W))


def _shifted(image: Tensor, faults: FaultModels, size: tuple[Tensor, Tensor]) -> Tensor:
    """Each picture moved by its ghost_shift, what leaves it at one side coming in at the other."""
    B, E, H, W = image.shape
    shifts = faults.ghost_row, faults.ghost_column
    down, across = (
        ((torch.arange(full, device=image.device) - shift.view(-1, 1)) % one.view(-1, 1)).long()
        for full, shift, one in zip((H, W), shifts, size, strict=True)
    )
    place = (down[:, :, None] * W + across[:, None, :]).view(B, 1, H * W).expand(B, E, H * W)
    return image.view(B, E, H * W).gather(2, place).view(B, E, H, W)


def _in_levels(image: Tensor, faults: FaultModels) -> Tensor:
    """In even steps of transmission or of attenuation, compressed as JPEG or not; as it is where it has no levels."""
    compressed = faults.jpeg > 0
    steps = (faults.levels - 1).clamp(min=1)
    shown, attenuation = image.clamp(max=1), faults.of_attenuation > 0
    depth = (-shown.clamp(min=1e-9).log()).minimum(faults.deepest) / faults.deepest
    grey = (torch.where(attenuation, 1 - depth, shown) * steps).round()
    grey = torch.where(compressed, _compressed(grey, faults.jpeg.clamp(min=1)), grey) / steps
    shown = torch.where(attenuation, torch.exp((grey - 1) * faults.deepest), grey)
    return torch.where(faults.levels > 0, shown, image)


def _compressed(grey: Tensor, quality: Tensor) -> Tensor:
    """Grey pictures 0 to 255 after JPEG of each one's quality (B, 1, 1, 1)."""
    B, E, H, W = grey.shape
    padded = F.pad(grey, (0, -W % BLOCK, 0, -H % BLOCK), mode="replicate") - 128
    blocks = padded.view(B, E, padded.shape[2] // BLOCK, BLOCK, -1, BLOCK).transpose(3, 4)  # (B, E, h, w, 8, 8)
    scale = torch.where(quality < 50, (5000 / quality).floor(), 200 - 2 * quality)
    table = torch.tensor(LUMINANCE, dtype=grey.dtype, device=grey.device)
    step = ((table * scale + 50) / 100).floor().clamp(1, 255).view(B, 1, 1, 1, BLOCK, BLOCK)
    cosines = _cosines(grey.device)
    kept = ((cosines @ blocks @ cosines.mT) / step).round() * step
    back = (cosines.mT @ kept @ cosines).transpose(3, 4).reshape(padded.shape)
    return (back + 128).round().clamp(0, 255)[..., :H, :W]


def _cosines(device: torch.device) -> Tensor:
    """The orthonormal discrete cosine transform of BLOCK values, (frequency, value)."""
    at = torch.arange(BLOCK, device=device, dtype=torch.float32)
    waves = torch.cos(math.pi / BLOCK * (at + 0.5) * at.view(-1, 1)) * math.sqrt(2 / BLOCK)
    return torch.cat([waves[:1] / math.sqrt(2), waves[1:]])
