"""Goods in stacked units, most of them on pallets: cartons, sacks, bales, tiles, timber."""

from dataclasses import dataclass, replace

import numpy as np

from nii.simulate.cargo.securing import fallen
from nii.simulate.render.draws import SEEDS, Rng, drawn_texture
from nii.simulate.render.scene import Part, Texture
from nii.simulate.render.shapes import Box, Interval


@dataclass(frozen=True)
class StackedGoods:
    """Goods in stacked units.

    density: range as packed, g/cm3. width, height: ranges of the unit in x and z, mm. patterns, contrast:
    of its texture. gap: between stacks, mm. jitter: spread of density between the units of one stack.
    """

    materials: tuple[str, ...]
    density: Interval
    width: Interval
    height: Interval
    patterns: tuple[str, ...]
    contrast: Interval = (0.03, 0.3)
    palletised: bool = True
    gap: Interval = (0, 15)
    jitter: float = 0.1


SHIFTED = 0.15  # share of loads that slipped and lean, or from which units fell
GAPPY = 0.2  # share of loads with whole stacks missing

STACKED = {
    "cartons": StackedGoods(
        ("cotton", "paper", "polyethylene", "sugar", "pine", "flour", "pvc", "glass", "aluminium", "abs"),
        (0.06, 0.55), (200, 700), (150, 600), ("grain", "grid", "stripes-x", "stripes-z"),
    ),
    "electronics": StackedGoods(
        ("electronics_mix", "abs"), (0.15, 0.45), (250, 900), (120, 700), ("grid", "grain"), (0.15, 0.5)
    ),
    "appliances": StackedGoods(("steel", "abs"), (0.10, 0.3), (550, 720), (800, 950), ("grain",), (0.3, 0.6)),
    "produce": StackedGoods(
        ("fruit", "water"), (0.30, 0.6), (300, 620), (140, 350), ("grid", "grain"), (0.1, 0.3), gap=(5, 30)
    ),
    "frozen": StackedGoods(("meat_frozen", "water"), (0.5, 0.85), (350, 620), (120, 260), ("grain", "stripes-z")),
    "drinks": StackedGoods(("water", "glass"), (0.55, 0.85), (220, 420), (200, 330), ("grid", "stripes-x"), (0.1, 0.4)),
    "bales": StackedGoods(
        ("cotton", "paper", "polyester_cloth", "wool"), (0.2, 0.55), (500, 1300), (450, 1100), ("grain", "stripes-z"),
        palletised=False, jitter=0.15,
    ),
    "sacks": StackedGoods(
        ("rice", "flour", "sugar", "cement", "polyethylene"), (0.5, 1.1), (450, 850), (110, 220), ("grain",),
        (0.02, 0.12), gap=(0, 6), jitter=0.05,
    ),
    "tiles": StackedGoods(
        ("ceramic_tile", "granite", "glass"), (0.9, 1.6), (300, 1150), (200, 620), ("stripes-x", "stripes-z"),
        (0.02, 0.15), gap=(10, 60),
    ),
    "timber": StackedGoods(
        ("pine", "hardwood", "plywood"), (0.4, 0.62), (1800, 5800), (80, 600), ("stripes-z", "grain"), (0.03, 0.15),
        palletised=False, gap=(20, 80), jitter=0.08,
    ),
    "chemicals": StackedGoods(
        ("polyethylene", "water", "titanium_dioxide", "pvc"), (0.45, 1.0), (800, 1150), (700, 1150), ("grain",),
        (0.01, 0.08), gap=(20, 80),
    ),
}  # fmt: skip


def stack(rng: Rng, space: Box, goods: StackedGoods) -> list[Part]:
    """Stacks of units side by side along x, two or three deep along y, each with its own height."""
    fill = rng.uniform(0.45, 1.0)
    end = space.x[0] + (space.x[1] - space.x[0]) * (1.0 if rng.random() < 0.6 else rng.uniform(0.3, 1))
    mixed = rng.random() < 0.35
    material = goods.materials[rng.integers(len(goods.materials))]
    density = rng.uniform(*goods.density)
    unit = _unit(rng, goods, end - space.x[0])
    look = drawn_texture(rng, goods.patterns, goods.contrast)
    lean = rng.normal(0, 0.06) if rng.random() < SHIFTED else 0.0
    gaps = rng.uniform(0.05, 0.3) if rng.random() < GAPPY else 0.0
    parts: list[Part] = []
    for y in depths(rng, space):
        x = space.x[0] + rng.uniform(0, 60)
        while x + unit[0] < end:
            if parts and rng.random() < gaps:
                x += unit[0] * rng.uniform(0.4, 1.5)
                continue
            if mixed and rng.random() < 0.3:
                material = goods.materials[rng.integers(len(goods.materials))]
                density = rng.uniform(*goods.density)
                look = drawn_texture(rng, goods.patterns, goods.contrast)
                unit = _unit(rng, goods, end - space.x[0])
            across = 1 if unit[0] > 800 else max(1, round(rng.uniform(900, 1250) / unit[0]))
            width = across * unit[0]
            if x + width > end:
                break
            top = space.z[1] - rng.uniform(20, 80)
            top = space.z[0] + (top - space.z[0]) * min(1.0, fill * rng.uniform(0.85, 1.1))
            z = space.z[0]
            if goods.palletised:
                parts += pallet(rng, (x, x + width), y, z)
                z += 145
            own = lean * rng.uniform(0.6, 1.2)
            parts += _leaning(_units(rng, goods, (x, y, z, top), unit, across, (material, density, look)), own, space)
            x += width + rng.uniform(*goods.gap) + (rng.uniform(20, 120) if rng.random() < 0.3 else 0)
    free = (end + unit[0] / 2, space.x[1] - unit[0] / 2)
    if free[1] > free[0] and rng.random() < SHIFTED:
        parts += fallen(rng, free, space, unit, (material, density))
    return parts


def _unit(rng: Rng, goods: StackedGoods, room: float) -> tuple[float, float]:
    """Width and height of a unit, of which at least one fits into this length of floor, mm."""
    return min(rng.uniform(*goods.width), 0.9 * room - 60), rng.uniform(*goods.height)


def _leaning(parts: list[Part], lean: float, space: Box) -> list[Part]:
    """A stack of boxes that leans: each moved along x by its height times `lean`, within the space."""
    if lean == 0.0:
        return parts
    out = []
    for part in parts:
        box = part.shape.bounds
        step = np.clip(lean * (box.z[0] - space.z[0]), min(space.x[0] - box.x[0], 0), max(space.x[1] - box.x[1], 0))
        out.append(replace(part, shape=Box((box.x[0] + step, box.x[1] + step), box.y, box.z)))
    return out


def _units(
    rng: Rng,
    goods: StackedGoods,
    at: tuple[float, Interval, float, float],
    unit: tuple[float, float],
    across: int,
    filling: tuple[str, float, Texture],
) -> list[Part]:
    """One stack: `across` units side by side, in layers; of the top layer some may be missing.

    at: left end, depths, bottom and top in mm. unit: width and height in mm. filling: material, density, texture.
    """
    x, y, bottom, top = at
    material, density, look = filling
    parts = []
    columns = [x + i * unit[0] for i in range(across)]
    layers = max(int((top - bottom) / unit[1]), 1)
    for layer in range(layers):
        last = layer == layers - 1
        shift = rng.uniform(-12, 12)
        for left in columns:
            if last and layers > 1 and rng.random() < 0.15:
                continue
            gap = rng.uniform(1, 6)
            box = Box(
                (left + shift + gap, left + shift + unit[0]),
                (y[0] + rng.uniform(0, 25), y[1] - rng.uniform(0, 25)),
                (bottom + layer * unit[1] + 2, bottom + (layer + 1) * unit[1]),
            )
            amount = density * max(rng.normal(1, goods.jitter), 0.3)
            own = replace(look, seed=int(rng.integers(SEEDS)))
            parts.append(Part(box, material, amount, texture=own))
    return parts


def depths(rng: Rng, space: Box) -> list[Interval]:
    """One to three rows of stacks along the beam."""
    count = int(rng.choice([1, 2, 2, 2, 3]))
    edges = np.linspace(space.y[0], space.y[1], count + 1)
    return [(edges[i] + rng.uniform(5, 40), edges[i + 1] - rng.uniform(5, 40)) for i in range(count)]


def pallet(rng: Rng, x: Interval, y: Interval, z: float) -> list[Part]:
    """A wooden pallet, 144 mm high: deck, three blocks, most often boards below."""
    parts = [Part(Box(x, y, (z + 122, z + 144)), "pine", 0.5)]
    if rng.random() < 0.7:
        parts.append(Part(Box(x, y, (z, z + 22)), "pine", 0.5 * 0.5))
    for left in (x[0], (x[0] + x[1]) / 2 - 50, x[1] - 100):
        parts.append(Part(Box((left, left + 100), y, (z + 22, z + 122)), "pine", 0.5 * rng.uniform(0.3, 1)))
    return parts
