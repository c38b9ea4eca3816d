"""Liquids, bulk and long or round goods: drums, tanks, rolls, coils, pipes, logs, scrap."""

import numpy as np

from nii.physics.materials import STEEL, STEEL_G_CM3
from nii.simulate.cargo.stacked import pallet
from nii.simulate.render.draws import Rng, drawn_texture
from nii.simulate.render.scene import Part, Texture
from nii.simulate.render.shapes import Box, Cylinder, Interval, PrismX, PrismY, rotated

LIQUIDS = (("diesel", 0.84), ("water", 1.0), ("glycerol", 1.26), ("ethanol", 0.79))
"""Contents of drums, and their densities in g/cm3."""

LOOSE_GOODS = (
    ("rice", 0.8), ("flour", 0.6), ("sand", 1.55), ("polyethylene", 0.56), ("sugar", 0.85), ("coal", 0.85),
)  # fmt: skip
"""Bulk goods, and their densities as poured in g/cm3."""

WALLS = {"steel": (1.2, STEEL_G_CM3), "polyethylene": (5.0, 0.95)}
"""Wall of a drum in mm, and the density of its material in g/cm3."""

MOST_PARTS = 900  # of one stack of pipes or logs; keeps the drawing of thin pipes fast


def drums(rng: Rng, space: Box) -> list[Part]:
    """Drums of 120 to 260 litres in one or two tiers, of steel or plastic, nearly full of one liquid."""
    radius, height = rng.uniform(230, 300), rng.uniform(750, 930)
    steel = rng.random() < 0.6
    liquid, density = LIQUIDS[rng.integers(len(LIQUIDS))]
    tiers = int(rng.integers(1, 3))
    parts: list[Part] = []
    end = space.x[0] + (space.x[1] - space.x[0]) * rng.uniform(0.5, 1)
    for x in np.arange(space.x[0] + radius + 10, end - radius, 2 * radius + rng.uniform(5, 60)):
        for y in np.arange(space.y[0] + radius + 10, space.y[1] - radius, 2 * radius + 15):
            for tier in range(tiers):
                z = space.z[0] + rng.uniform(0, 3) + tier * (height + 40)
                full = rng.uniform(0.75, 0.97) * height
                shell = "steel" if steel else "polyethylene"
                parts += _drum(shell, (x, y, z), radius, height, (liquid, density, full))
    return parts


def _drum(
    shell: str,
    at: tuple[float, float, float],
    radius: float,
    height: float,
    filling: tuple[str, float, float],
) -> list[Part]:
    """An upright drum standing at (x, y, z), with wall and filling (material, density, height)."""
    x, y, z = at
    wall, density = WALLS[shell]
    liquid, of_liquid, level = filling
    middle = (x, y, z + height / 2)
    return [
        Part(Cylinder(middle, radius, height, "z"), shell, density),
        Part(Cylinder(middle, radius - wall, height - 2 * wall, "z"), shell, density, -1),
        Part(Cylinder((x, y, z + wall + level / 2), radius - wall, level, "z"), liquid, of_liquid),
    ]


def ibc(rng: Rng, space: Box) -> list[Part]:
    """Intermediate bulk containers: 1000-litre tanks in a cage on a pallet, in one or two tiers."""
    liquid, density = [("water", 1.0), ("glycerol", 1.26), ("ethanol", 0.79), ("diesel", 0.84)][rng.integers(4)]
    parts: list[Part] = []
    tiers = int(rng.integers(1, 3)) if space.z[1] - space.z[0] > 2300 else 1
    for x in np.arange(space.x[0] + 20, space.x[1] - 1220, 1230 + rng.uniform(0, 60)):
        for y0 in (space.y[0] + 20, 40.0):
            for tier in range(tiers):
                z = space.z[0] + tier * 1170
                y = (y0, y0 + 1000)
                parts += pallet(rng, (x, x + 1200), y, z)
                level = rng.uniform(0.5, 0.96) * 980
                parts.append(Part(Box((x + 20, x + 1180), y, (z + 150, z + 150 + level)), liquid, density))
                for bar in np.linspace(x, x + 1190, 9):
                    parts.append(Part(Box((bar, bar + 16), y, (z + 145, z + 1150)), "steel", STEEL_G_CM3 * 0.004))
    return parts


def bulk(rng: Rng, space: Box) -> list[Part]:
    """Loose goods from wall to wall, with an uneven surface."""
    material, density = LOOSE_GOODS[rng.integers(len(LOOSE_GOODS))]
    top = space.z[0] + (space.z[1] - space.z[0]) * rng.uniform(0.15, 0.6 if density > 1 else 0.85)
    xs = np.linspace(space.x[0], space.x[1], 14)
    swell = (top - space.z[0]) * rng.uniform(0.02, 0.25)
    heights = np.clip(top + np.cumsum(rng.normal(0, swell / 3, xs.size)), space.z[0] + 80, space.z[1])
    upper = [(float(x), float(z)) for x, z in zip(xs, heights, strict=True)]
    corners = ((space.x[0], space.z[0]), *upper, (space.x[1], space.z[0]))
    look = drawn_texture(rng, ("grain",), (0.005, 0.04), (30, 400))
    return [Part(PrismY(corners, space.y), material, density, texture=look)]


def _lying(
    rng: Rng, space: Box, radius: Interval, filling: tuple[str, Interval], *, axis: str, hollow: Interval
) -> list[Part]:
    """Logs, pipes and rolls: cylinders lying along x or y, stacked hexagonally.

    filling: material and range of density. hollow: range of the core's radius over that of the cylinder.
    """
    material, density = filling[0], rng.uniform(*filling[1])
    parts: list[Part] = []
    r = rng.uniform(*radius)
    core = rng.uniform(*hollow)
    spread = 0.0 if axis != "x" or r > 200 else rng.uniform(0, 0.25)
    levels = max(int((space.z[1] - space.z[0]) * rng.uniform(0.35, 0.98) / (1.75 * r)), 1)
    length = {"x": space.x[1] - space.x[0], "y": space.y[1] - space.y[0]}[axis]
    length *= rng.uniform(0.6, 0.99)
    across = space.y if axis == "x" else space.x
    for level in range(levels):
        z = space.z[0] + r + level * 1.74 * r
        start = across[0] + r + (r if level % 2 else 0)
        for at in np.arange(start, across[1] - r, 2 * r + 1):
            own = r * (1 - spread * rng.random())
            middle = (space.x[0] + length / 2 + 20, at, z) if axis == "x" else (at, 0.0, z)
            amount = density * rng.normal(1, 0.03)
            parts.append(Part(Cylinder(middle, own, length, axis), material, amount))
            if core > 0.05:
                parts.append(Part(Cylinder(middle, own * core, length, axis), material, amount, -1))
            if len(parts) > MOST_PARTS:
                return parts
    return parts


def rolls(rng: Rng, space: Box) -> list[Part]:
    """Paper rolls, lying across or standing in tiers."""
    if rng.random() < 0.5:
        return _lying(rng, space, (350, 620), ("paper", (0.7, 0.95)), axis="y", hollow=(0.05, 0.15))
    radius, height = rng.uniform(350, 620), rng.uniform(700, 1300)
    parts: list[Part] = []
    tiers = max(int((space.z[1] - space.z[0]) / height), 1)
    for x in np.arange(space.x[0] + radius + 10, space.x[1] - radius, 2 * radius + 20):
        for y in np.arange(space.y[0] + radius, space.y[1] - radius + 1, 2 * radius + 10):
            for tier in range(tiers if rng.random() < 0.8 else 1):
                middle = (x, y, space.z[0] + (tier + 0.5) * (height + 5))
                density = rng.uniform(0.75, 0.9)
                parts.append(Part(Cylinder(middle, radius, height, "z"), "paper", density))
                parts.append(Part(Cylinder(middle, 40, height, "z"), "paper", density, -1))
    return parts


def coils(rng: Rng, space: Box) -> list[Part]:
    """A row of metal coils on the middle line, each between wooden wedges."""
    parts: list[Part] = []
    for x in np.arange(space.x[0] + 700, space.x[1] - 700, rng.uniform(1500, 2600)):
        r, width = rng.uniform(350, 650), rng.uniform(300, 900)
        middle = (x, rng.uniform(-200, 200), space.z[0] + r + 90)
        metal = str(rng.choice(["steel", "aluminium", "copper"]))
        density = {"steel": 7.6, "aluminium": 2.6, "copper": 8.6}[metal]
        parts.append(Part(Cylinder(middle, r, width, "y"), metal, density))
        parts.append(Part(Cylinder(middle, r * rng.uniform(0.45, 0.6), width, "y"), metal, density, -1))
        for side in (-1, 1):
            wedge = ((0, 0), (r * 0.8, 0), (r * 0.8, 180), (r * 0.7, 180))
            corners = tuple((x + side * u, space.z[0] + v) for u, v in wedge)
            parts.append(Part(PrismY(corners, (-width / 1.5, width / 1.5)), "pine", 0.5))
    return parts


def pipes(rng: Rng, space: Box) -> list[Part]:
    """Pipes along the container, or one time in four bundles of sections."""
    if rng.random() >= 0.75:
        return _bundles(rng, space)
    metal, density = [STEEL, ("pvc", 1.4), ("aluminium", 2.7), ("copper", 8.9)][rng.integers(4)]
    thick = (0.90, 0.97) if metal != "pvc" else (0.85, 0.94)
    return _lying(rng, space, (30, 160), (metal, (density * 0.99, density)), axis="x", hollow=thick)


def logs(rng: Rng, space: Box) -> list[Part]:
    """Logs along the container, thin ones of uneven thickness."""
    wood = str(rng.choice(["pine", "hardwood"]))
    return _lying(rng, space, (90, 320), (wood, (0.5, 0.9)), axis="x", hollow=(0, 0.01))


def _bundles(rng: Rng, space: Box) -> list[Part]:
    """Bundles of steel sections along the container, as bars of lower density, in piles with timber between."""
    parts: list[Part] = []
    y = space.y[0] + rng.uniform(0, 300)
    while y < space.y[1] - 250:
        wide, z = rng.uniform(80, 240), space.z[0]
        for _ in range(int(rng.integers(1, 5))):
            high = rng.uniform(50, 200)
            corners = tuple((y + u, z + 40 + v) for u, v in ((0, 0), (wide, 0), (wide, high), (0, high)))
            along = (space.x[0] + 50, space.x[1] - rng.uniform(50, 900))
            parts.append(Part(PrismX(corners, along), "steel", rng.uniform(0.8, 3)))
            for x in np.linspace(along[0] + 200, along[1] - 300, 4):
                parts.append(Part(Box((x, x + 80), (y, y + wide), (z, z + 40)), "pine", 0.5))
            z += high + 40
        y += wide + rng.uniform(30, 500)
    return parts


def scrap(rng: Rng, space: Box) -> list[Part]:
    """A heap of loose steel with bars and plates in it, turned any way."""
    parts: list[Part] = []
    top = space.z[0] + (space.z[1] - space.z[0]) * rng.uniform(0.2, 0.6)
    heap = Box(space.x, space.y, (space.z[0], top))
    look = Texture("grain", (90.0, 70.0), 0.45, int(rng.integers(1 << 31)))
    parts.append(Part(heap, "steel", rng.uniform(0.15, 0.4), texture=look))
    for _ in range(int(rng.integers(60, 200))):
        x, z, y = rng.uniform(*heap.x), rng.uniform(*heap.z), rng.uniform(-900, 600)
        a, b = rng.uniform(10, 60), rng.uniform(60, 420)
        corners = rotated(((-b, -a), (b, -a), (b, a), (-b, a)), rng.uniform(0, np.pi), (x, z))
        metal, density = [STEEL, ("aluminium", 2.7), ("copper", 8.9)][rng.integers(3)]
        inside = space.x[0] < min(c[0] for c in corners) and max(c[0] for c in corners) < space.x[1]
        if inside and min(c[1] for c in corners) > space.z[0]:
            parts.append(Part(PrismY(corners, (y, y + rng.uniform(4, 80))), metal, density))
    return parts
