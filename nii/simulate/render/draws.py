"""Random draws that loads and concealments share."""

import numpy as np

from nii.simulate.render.scene import Texture
from nii.simulate.render.shapes import Interval

Rng = np.random.Generator

SEEDS = 1 << 31  # of the patterns of textures


def log_uniform(rng: Rng, low: float, high: float) -> float:
    """A number in [low, high], each octave as likely as any other."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def drawn_material(rng: Rng, table: tuple[tuple[str, Interval], ...]) -> tuple[str, float]:
    """A material of the table and a density in its range, g/cm3."""
    name, density = table[rng.integers(len(table))]
    return name, rng.uniform(*density)


def drawn_texture(rng: Rng, patterns: tuple[str, ...], contrast: Interval, size: Interval = (15, 160)) -> Texture:
    """One of the patterns, with its contrast and its two periods (mm) in the given ranges."""
    period = (float(np.exp(rng.uniform(*np.log(size)))), float(np.exp(rng.uniform(*np.log(size)))))
    pattern = patterns[rng.integers(len(patterns))]
    return Texture(pattern, period, rng.uniform(*contrast), int(rng.integers(SEEDS)))


def layers(rng: Rng, size: float, contrast: float) -> Texture:
    """Packets of this height (mm), twice as wide, in a grid or in layers."""
    return Texture(str(rng.choice(["grid", "stripes-z"])), (size * 2, size), contrast, int(rng.integers(SEEDS)))
