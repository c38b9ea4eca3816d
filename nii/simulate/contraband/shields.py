"""Shields: opaque plates with sharp edges that hide a concealment from the beam."""

from nii.physics.materials import STEEL
from nii.simulate.render.draws import Rng, log_uniform
from nii.simulate.render.scene import Part, enclosing
from nii.simulate.render.shapes import Box, Interval

PLATES = (("lead", 11.34), STEEL)  # with densities in g/cm3
THICK = (5.0, 50.0)  # mm
OVER = (5.0, 80.0)  # mm by which a plate is larger than the thing, at each side
APART = 2.0  # mm between a plate and the thing
BOTH = 0.3  # share with a plate before the thing and one behind


def shielded(rng: Rng, parts: list[Part]) -> list[Part]:
    """The things with a plate of lead or steel before them or behind them, or both, standing on the same floor."""
    box = enclosing(parts)
    (metal, density), thick = PLATES[rng.integers(len(PLATES))], log_uniform(rng, *THICK)
    x = (box.x[0] - rng.uniform(*OVER), box.x[1] + rng.uniform(*OVER))
    z = (box.z[0], box.z[1] + rng.uniform(*OVER))
    sides: list[Interval] = [
        (box.y[0] - APART - thick, box.y[0] - APART),
        (box.y[1] + APART, box.y[1] + APART + thick),
    ]
    kept = sides if rng.random() < BOTH else [sides[rng.integers(2)]]
    return [*parts, *(Part(Box(x, y, z), metal, density) for y in kept)]
