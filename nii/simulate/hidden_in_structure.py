"""Concealments that are changes to the conveyance: second walls, floors, roofs and linings."""

import numpy as np

from nii.simulate.containers import Conveyance
from nii.simulate.draws import Rng, drawn_material, layers, log_uniform
from nii.simulate.hidden_goods import DRUGS
from nii.simulate.scene import Part
from nii.simulate.shapes import Box, Interval


def false_wall(rng: Rng, conveyance: Conveyance) -> list[Part]:
    """A second front wall: sheet and studs, with packages stacked behind it."""
    space = conveyance.cavities["front"]
    material, density = drawn_material(rng, DRUGS)
    board, board_density = [("steel", 7.85), ("plywood", 0.68), ("aluminium", 2.7)][rng.integers(3)]
    thick = rng.uniform(1.5, 3) if board != "plywood" else rng.uniform(9, 18)
    top = space.z[0] + (space.z[1] - space.z[0]) * rng.uniform(0.3, 1)
    parts = [Part(Box((space.x[1] - thick, space.x[1]), space.y, space.z), board, board_density)]
    if rng.random() < 0.85:
        packs = Box((space.x[0] + 5, space.x[1] - thick - 5), _inner(rng, space.y, 0.4), (space.z[0], top))
        parts.append(Part(packs, material, density * rng.uniform(0.4, 0.95), texture=layers(rng, 60, 0.08)))
    for z in np.arange(space.z[0] + 300, space.z[1], 600):
        parts.append(Part(Box(space.x, space.y, (float(z), float(z) + 40)), "pine", 0.5 * rng.uniform(0.05, 0.5)))
    return parts


def floor_hide(rng: Rng, conveyance: Conveyance) -> list[Part]:
    """Packages between the floor's cross members, or on the floor under a second one."""
    space = conveyance.cavities["floor"]
    material, density = drawn_material(rng, DRUGS)
    width = log_uniform(rng, 250, 2500)
    x = rng.uniform(space.x[0], max(space.x[1] - width, space.x[0] + 1))
    high = rng.uniform(40, max(space.z[1] - space.z[0], 41))
    parts = []
    for left in np.arange(x, min(x + width, space.x[1] - 100), 230):
        box = Box((left, left + rng.uniform(120, 215)), _inner(rng, space.y, 0.15), (space.z[1] - high, space.z[1]))
        parts.append(Part(box, material, density))
    return parts


def roof_hide(rng: Rng, conveyance: Conveyance) -> list[Part]:
    """A second ceiling with packages above it."""
    space = conveyance.cavities["roof"]
    material, density = drawn_material(rng, DRUGS)
    width = log_uniform(rng, 400, 3000)
    x = rng.uniform(space.x[0], max(space.x[1] - width, space.x[0] + 1))
    right = min(x + width, space.x[1])
    low = max(space.z[1] - rng.uniform(40, 140), space.z[0])
    return [
        Part(
            Box((x, right), _inner(rng, space.y, 0.2), (low, space.z[1])),
            material,
            density,
            texture=layers(rng, 80, 0.1),
        ),
        Part(Box((x, right), space.y, (low - 3, low)), "aluminium", 2.7 * rng.uniform(0.1, 1)),
    ]


def wall_hide(rng: Rng, conveyance: Conveyance) -> list[Part]:
    """Thin packages behind the lining of a side wall."""
    space = conveyance.cavities["side"]
    material, density = drawn_material(rng, DRUGS)
    width, height = log_uniform(rng, 250, 1800), log_uniform(rng, 200, 1500)
    x = rng.uniform(space.x[0], space.x[1] - width)
    z = rng.uniform(space.z[0], max(space.z[1] - height, space.z[0] + 1))
    box = Box((x, x + width), space.y, (z, min(z + height, space.z[1])))
    return [Part(box, material, density, texture=layers(rng, 120, 0.1))]


def _inner(rng: Rng, y: Interval, least: float) -> Interval:
    """A part of an interval, at least `least` of it."""
    share = rng.uniform(least, 1)
    start = rng.uniform(y[0], y[1] - share * (y[1] - y[0]))
    return (start, start + share * (y[1] - y[0]))
