"""Loads: what fills a conveyance, and where in it something could be hidden.

A builder takes the free space and returns the parts. Apparent densities are of goods as packed,
air between them included (freight density tables; broad on purpose).
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nii.simulate.scene import Part, Spot, Texture
from nii.simulate.shapes import Box, Cylinder, Ellipsoid, Interval, PrismX, PrismY, rotated

Rng = np.random.Generator


@dataclass(frozen=True)
class Load:
    """Parts of a load; its kind; spots where a concealment can be put."""

    kind: str
    parts: tuple[Part, ...]
    spots: tuple[Spot, ...]


@dataclass(frozen=True)
class Goods:
    """Goods in stacked units. size: ranges of the unit in x and z, mm; density: g/cm3 as packed."""

    materials: tuple[str, ...]
    density: Interval
    width: Interval
    height: Interval
    patterns: tuple[str, ...]
    contrast: Interval = (0.03, 0.3)
    palletised: bool = True
    gap: Interval = (0, 15)
    jitter: float = 0.1  # spread of density between units of one stack


STACKED = {
    "cartons": Goods(
        ("cotton", "paper", "polyethylene", "sugar", "pine", "flour", "pvc", "glass", "aluminium", "abs"),
        (0.06, 0.55), (200, 700), (150, 600), ("grain", "grid", "stripes-x", "stripes-z"),
    ),
    "electronics": Goods(
        ("electronics_mix", "abs"), (0.15, 0.45), (250, 900), (120, 700), ("grid", "grain"), (0.15, 0.5)
    ),
    "appliances": Goods(("steel", "abs"), (0.10, 0.3), (550, 720), (800, 950), ("grain",), (0.3, 0.6)),
    "produce": Goods(
        ("fruit", "water"), (0.30, 0.6), (300, 620), (140, 350), ("grid", "grain"), (0.1, 0.3), gap=(5, 30)
    ),
    "frozen": Goods(("meat_frozen", "water"), (0.5, 0.85), (350, 620), (120, 260), ("grain", "stripes-z")),
    "drinks": Goods(("water", "glass"), (0.55, 0.85), (220, 420), (200, 330), ("grid", "stripes-x"), (0.1, 0.4)),
    "bales": Goods(
        ("cotton", "paper", "polyester_cloth", "wool"), (0.2, 0.55), (500, 1300), (450, 1100), ("grain", "stripes-z"),
        palletised=False, jitter=0.15,
    ),
    "sacks": Goods(
        ("rice", "flour", "sugar", "cement", "polyethylene"), (0.5, 1.1), (450, 850), (110, 220), ("grain",),
        (0.02, 0.12), gap=(0, 6), jitter=0.05,
    ),
    "tiles": Goods(
        ("ceramic_tile", "granite", "glass"), (0.9, 1.6), (300, 1150), (200, 620), ("stripes-x", "stripes-z"),
        (0.02, 0.15), gap=(10, 60),
    ),
    "timber": Goods(
        ("pine", "hardwood", "plywood"), (0.4, 0.62), (1800, 5800), (80, 600), ("stripes-z", "grain"), (0.03, 0.15),
        palletised=False, gap=(20, 80), jitter=0.08,
    ),
    "chemicals": Goods(
        ("polyethylene", "water", "titanium_dioxide", "pvc"), (0.45, 1.0), (800, 1150), (700, 1150), ("grain",),
        (0.01, 0.08), gap=(20, 80),
    ),
}  # fmt: skip

HS_CHAPTERS = {
    "appliances": "84", "bales": "52", "bulk": "10", "car": "87", "cartons": "96", "chemicals": "29",
    "drinks": "22", "drums": "27", "electronics": "85", "empty": "00", "frozen": "02", "furniture": "94",
    "household": "99", "ibc": "38", "logs": "44", "machinery": "84", "paper_rolls": "48", "pipes": "73",
    "produce": "08", "sacks": "11", "scrap": "72", "steel_coils": "72", "tiles": "69", "timber": "44",
    "tyres": "40",
}  # fmt: skip
"""Chapter of the Harmonized System that such goods are most often declared under; 99 and 00: no chapter."""


PAYLOAD_KG = 24_000.0  # of a 20-ft container; most are filled by volume or weight well below their 28 t


def draw_load(rng: Rng, kind: str, space: Box) -> Load:
    """One load of a kind, on the floor of `space`, partly or wholly filling it."""
    builder = BUILDERS.get(kind)
    limit = PAYLOAD_KG * (space.x[1] - space.x[0]) / 5900
    for _ in range(6):
        parts = builder(rng, space) if builder else _stack(rng, space, STACKED[kind])
        mass = sum(part.mass_kg for part in parts)
        if mass <= limit:
            return Load(kind, tuple(parts), tuple(_spots(parts, space)))
    lighter = [replace(part, density=part.density * limit / mass) for part in parts]
    return Load(kind, tuple(lighter), tuple(_spots(lighter, space)))


def _texture(rng: Rng, patterns: tuple[str, ...], contrast: Interval, size: Interval = (15, 160)) -> Texture:
    period = (float(np.exp(rng.uniform(*np.log(size)))), float(np.exp(rng.uniform(*np.log(size)))))
    pattern = patterns[rng.integers(len(patterns))]
    return Texture(pattern, period, rng.uniform(*contrast), int(rng.integers(1 << 31)))


def _stack(rng: Rng, space: Box, goods: Goods) -> list[Part]:
    """Stacks of units side by side along x, two or three deep along y, each with its own height."""
    fill = rng.uniform(0.45, 1.0)
    end = space.x[0] + (space.x[1] - space.x[0]) * (1.0 if rng.random() < 0.6 else rng.uniform(0.3, 1))
    mixed = rng.random() < 0.35
    material = goods.materials[rng.integers(len(goods.materials))]
    density = rng.uniform(*goods.density)
    unit = (rng.uniform(*goods.width), rng.uniform(*goods.height))
    look = _texture(rng, goods.patterns, goods.contrast)
    parts: list[Part] = []
    for y in _depths(rng, space):
        x = space.x[0] + rng.uniform(0, 60)
        while x + unit[0] < end:
            if mixed and rng.random() < 0.3:
                material = goods.materials[rng.integers(len(goods.materials))]
                density = rng.uniform(*goods.density)
                look = _texture(rng, goods.patterns, goods.contrast)
                unit = (rng.uniform(*goods.width), rng.uniform(*goods.height))
            across = 1 if unit[0] > 800 else max(1, round(rng.uniform(900, 1250) / unit[0]))
            width = across * unit[0]
            if x + width > end:
                break
            top = space.z[1] - rng.uniform(20, 80)
            top = space.z[0] + (top - space.z[0]) * min(1.0, fill * rng.uniform(0.85, 1.1))
            z = space.z[0]
            if goods.palletised:
                parts += _pallet(rng, (x, x + width), y, z)
                z += 145
            parts += _units(rng, goods, (x, y, z, top), unit, across, (material, density, look))
            x += width + rng.uniform(*goods.gap) + (rng.uniform(20, 120) if rng.random() < 0.3 else 0)
    return parts


def _units(
    rng: Rng,
    goods: Goods,
    at: tuple[float, Interval, float, float],
    unit: tuple[float, float],
    across: int,
    filling: tuple[str, float, Texture],
) -> list[Part]:
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
            seeded = Texture(look.pattern, look.size, look.contrast, int(rng.integers(1 << 31)))
            parts.append(Part(box, material, amount, texture=seeded))
    return parts


def _depths(rng: Rng, space: Box) -> list[Interval]:
    """One to three rows of stacks along the beam."""
    count = int(rng.choice([1, 2, 2, 2, 3]))
    edges = np.linspace(space.y[0], space.y[1], count + 1)
    return [(edges[i] + rng.uniform(5, 40), edges[i + 1] - rng.uniform(5, 40)) for i in range(count)]


def _pallet(rng: Rng, x: Interval, y: Interval, z: float) -> list[Part]:
    parts = [Part(Box(x, y, (z + 122, z + 144)), "pine", 0.5)]
    if rng.random() < 0.7:
        parts.append(Part(Box(x, y, (z, z + 22)), "pine", 0.5 * 0.5))
    for left in (x[0], (x[0] + x[1]) / 2 - 50, x[1] - 100):
        parts.append(Part(Box((left, left + 100), y, (z + 22, z + 122)), "pine", 0.5 * rng.uniform(0.3, 1)))
    return parts


def _drums(rng: Rng, space: Box) -> list[Part]:
    radius, height = rng.uniform(230, 300), rng.uniform(750, 930)
    steel = rng.random() < 0.6
    liquid, density = [("diesel", 0.84), ("water", 1.0), ("glycerol", 1.26), ("ethanol", 0.79)][rng.integers(4)]
    tiers = int(rng.integers(1, 3))
    parts: list[Part] = []
    end = space.x[0] + (space.x[1] - space.x[0]) * rng.uniform(0.5, 1)
    for x in np.arange(space.x[0] + radius + 10, end - radius, 2 * radius + rng.uniform(5, 60)):
        for y in np.arange(space.y[0] + radius + 10, space.y[1] - radius, 2 * radius + 15):
            for tier in range(tiers):
                z = space.z[0] + rng.uniform(0, 3) + tier * (height + 40)
                full = rng.uniform(0.75, 0.97) * height
                shell = "steel" if steel else "polyethylene"
                wall = 1.2 if steel else 5.0
                parts += _can(shell, wall, (x, y, z), radius, height, (liquid, density, full))
    return parts


def _can(
    shell: str,
    wall: float,
    at: tuple[float, float, float],
    radius: float,
    height: float,
    filling: tuple[str, float, float],
) -> list[Part]:
    """An upright can with wall and filling (material, density, height)."""
    x, y, z = at
    density = {"steel": 7.85, "polyethylene": 0.95, "aluminium": 2.7}[shell]
    middle = (x, y, z + height / 2)
    return [
        Part(Cylinder(middle, radius, height, "z"), shell, density),
        Part(Cylinder(middle, radius - wall, height - 2 * wall, "z"), shell, density, -1),
        Part(
            Cylinder((x, y, z + wall + filling[2] / 2), radius - wall, filling[2], "z"),
            filling[0],
            filling[1],
        ),
    ]


def _ibc(rng: Rng, space: Box) -> list[Part]:
    liquid, density = [("water", 1.0), ("glycerol", 1.26), ("ethanol", 0.79), ("diesel", 0.84)][rng.integers(4)]
    parts: list[Part] = []
    tiers = int(rng.integers(1, 3)) if space.z[1] - space.z[0] > 2300 else 1
    for x in np.arange(space.x[0] + 20, space.x[1] - 1220, 1230 + rng.uniform(0, 60)):
        for y0 in (space.y[0] + 20, 40.0):
            for tier in range(tiers):
                z = space.z[0] + tier * 1170
                y = (y0, y0 + 1000)
                parts += _pallet(rng, (x, x + 1200), y, z)
                level = rng.uniform(0.5, 0.96) * 980
                parts.append(Part(Box((x + 20, x + 1180), y, (z + 150, z + 150 + level)), liquid, density))
                for bar in np.linspace(x, x + 1190, 9):
                    parts.append(Part(Box((bar, bar + 16), y, (z + 145, z + 1150)), "steel", 7.85 * 0.004))
    return parts


def _bulk(rng: Rng, space: Box) -> list[Part]:
    material, density = [
        ("rice", 0.8), ("flour", 0.6), ("sand", 1.55), ("polyethylene", 0.56), ("sugar", 0.85), ("coal", 0.85),
    ][rng.integers(6)]  # fmt: skip
    top = space.z[0] + (space.z[1] - space.z[0]) * rng.uniform(0.15, 0.6 if density > 1 else 0.85)
    xs = np.linspace(space.x[0], space.x[1], 14)
    swell = (top - space.z[0]) * rng.uniform(0.02, 0.25)
    heights = np.clip(top + np.cumsum(rng.normal(0, swell / 3, xs.size)), space.z[0] + 80, space.z[1])
    upper = [(float(x), float(z)) for x, z in zip(xs, heights, strict=True)]
    corners = ((space.x[0], space.z[0]), *upper, (space.x[1], space.z[0]))
    look = _texture(rng, ("grain",), (0.005, 0.04), (30, 400))
    return [Part(PrismY(corners, space.y), material, density, texture=look)]


def _lying(
    rng: Rng, space: Box, radius: Interval, filling: tuple[str, Interval], *, axis: str, hollow: Interval
) -> list[Part]:
    """Logs, pipes, rolls and coils: cylinders lying along x or y, or standing (z), stacked hexagonally."""
    material, density = filling[0], rng.uniform(*filling[1])
    parts: list[Part] = []
    r = rng.uniform(*radius)
    core = rng.uniform(*hollow)
    spread = 0.0 if axis != "x" or r > 200 else rng.uniform(0, 0.25)
    levels = max(int((space.z[1] - space.z[0]) * rng.uniform(0.35, 0.98) / (1.75 * r)), 1)
    length = {"x": space.x[1] - space.x[0], "y": space.y[1] - space.y[0], "z": 0.0}[axis]
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
            if len(parts) > 900:
                return parts
    return parts


def _rolls(rng: Rng, space: Box) -> list[Part]:
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


def _coils(rng: Rng, space: Box) -> list[Part]:
    parts: list[Part] = []
    for x in np.arange(space.x[0] + 700, space.x[1] - 700, rng.uniform(1500, 2600)):
        r, width = rng.uniform(350, 650), rng.uniform(300, 900)
        middle, metal = (
            (x, rng.uniform(-200, 200), space.z[0] + r + 90),
            rng.choice(["steel", "aluminium", "copper"]),
        )
        density = {"steel": 7.6, "aluminium": 2.6, "copper": 8.6}[str(metal)]
        parts.append(Part(Cylinder(middle, r, width, "y"), str(metal), density))
        parts.append(Part(Cylinder(middle, r * rng.uniform(0.45, 0.6), width, "y"), str(metal), density, -1))
        for side in (-1, 1):
            wedge = ((0, 0), (r * 0.8, 0), (r * 0.8, 180), (r * 0.7, 180))
            corners = tuple((x + side * u, space.z[0] + v) for u, v in wedge)
            parts.append(Part(PrismY(corners, (-width / 1.5, width / 1.5)), "pine", 0.5))
    return parts


def _pipes(rng: Rng, space: Box) -> list[Part]:
    metal, density = [("steel", 7.85), ("pvc", 1.4), ("aluminium", 2.7), ("copper", 8.9)][rng.integers(4)]
    thick = (0.90, 0.97) if metal != "pvc" else (0.85, 0.94)
    return _lying(rng, space, (30, 160), (metal, (density * 0.99, density)), axis="x", hollow=thick)


def _logs(rng: Rng, space: Box) -> list[Part]:
    wood = str(rng.choice(["pine", "hardwood"]))
    return _lying(rng, space, (90, 320), (wood, (0.5, 0.9)), axis="x", hollow=(0, 0.01))


def _tyres(rng: Rng, space: Box) -> list[Part]:
    parts: list[Part] = []
    radius, width = rng.uniform(270, 520), rng.uniform(160, 320)
    standing = rng.random() < 0.5
    if standing:
        for z in np.arange(space.z[0] + radius, space.z[1] - radius, 2 * radius):
            for x in np.arange(space.x[0] + radius, space.x[1] - radius, 2 * radius + rng.uniform(0, 30)):
                parts += _tyre((x, 0.0, z), radius, space.y[1] - space.y[0], "y", rng.uniform(0.85, 1))
        return parts
    stacks = rng.uniform(0.5, 1)
    for x in np.arange(space.x[0] + radius, space.x[1] - radius, 2 * radius + rng.uniform(5, 30)):
        for y in np.arange(space.y[0] + radius, space.y[1] - radius, 2 * radius + 10):
            top = space.z[0] + (space.z[1] - space.z[0]) * stacks * rng.uniform(0.85, 1)
            for z in np.arange(space.z[0] + width / 2, top - width / 2, width * 0.97):
                parts += _tyre((x + rng.normal(0, 8), y, z), radius, width * 0.95, "z", 1.0)
    return parts


def _tyre(at: tuple[float, float, float], radius: float, width: float, axis: str, packed: float) -> list[Part]:
    """Tread and side walls as a shell: solid rubber minus the hollow and minus the rim hole."""
    inner, wall = radius - 28, 14.0
    density = 1.15 * packed
    return [
        Part(Cylinder(at, radius, width, axis), "rubber", density),
        Part(Cylinder(at, inner, width - 2 * wall, axis), "rubber", density, -1),
        Part(Cylinder(at, radius * 0.58, 2 * wall, axis), "rubber", density, -1),
    ]


def _machinery(rng: Rng, space: Box) -> list[Part]:
    parts: list[Part] = []
    x = space.x[0] + rng.uniform(50, 500)
    while x < space.x[1] - 900:
        width, height = rng.uniform(600, 2600), rng.uniform(500, 2000)
        body = Box((x, min(x + width, space.x[1])), (-rng.uniform(300, 1000), rng.uniform(300, 1000)),
                   (space.z[0] + 150, min(space.z[0] + height, space.z[1])))  # fmt: skip
        parts.append(Part(body, "steel", rng.uniform(0.08, 0.5), texture=_texture(rng, ("grain",), (0.2, 0.5))))
        for _ in range(int(rng.integers(6, 22))):
            parts.append(_machine_part(rng, body))
        parts += _skid(rng, body, space.z[0])
        x += width + rng.uniform(100, 1500)
    return parts


def _machine_part(rng: Rng, body: Box) -> Part:
    metal, density = [
        ("steel", 7.85),
        ("steel", 7.85),
        ("aluminium", 2.7),
        ("copper", 8.9),
        ("cast_iron", 7.2),
    ][rng.integers(5)]
    x, y, z = (rng.uniform(*side) for side in (body.x, body.y, body.z))
    if rng.random() < 0.45:
        radius, length = rng.uniform(25, 260), rng.uniform(60, 700)
        return Part(
            Cylinder((x, y, z), radius, length, str(rng.choice(list("xyz")))),
            metal,
            density * rng.uniform(0.15, 1),
        )
    half = np.exp(rng.uniform(np.log(12), np.log(300), 3))
    box = Box(*((c - h, c + h) for c, h in zip((x, y, z), half, strict=True)))
    return Part(box, metal, density * rng.uniform(0.1, 1))


def _skid(rng: Rng, body: Box, floor: float) -> list[Part]:
    bars = np.linspace(body.x[0], body.x[1] - 120, int(rng.integers(2, 5)))
    return [Part(Box((x, x + 110), body.y, (floor, floor + 150)), "pine", 0.5) for x in bars]


def _car(rng: Rng, space: Box) -> list[Part]:
    parts: list[Part] = []
    x = space.x[0] + rng.uniform(80, 400)
    while x + 3600 < space.x[1]:
        length = rng.uniform(3600, min(5100, space.x[1] - x))
        parts += _one_car(rng, x, length, space.z[0], facing=1 if rng.random() < 0.5 else -1)
        x += length + rng.uniform(150, 900)
    return parts


def _one_car(rng: Rng, left: float, length: float, floor: float, *, facing: int) -> list[Part]:
    """A passenger car: body shell, engine, gearbox, tank, battery, seats, wheels, axles."""
    roof, belt = rng.uniform(1350, 1850), rng.uniform(850, 1050)
    half = rng.uniform(800, 930)

    def at(share: float) -> float:
        return left + length * (share if facing > 0 else 1 - share)

    def box(x: Interval, y: Interval, z: Interval, material: str, density: float) -> Part:
        ends = sorted((at(x[0]), at(x[1])))
        return Part(Box((ends[0], ends[1]), y, (floor + z[0], floor + z[1])), material, density)

    outline = (
        (0.0, 350),
        (0.0, belt - 150),
        (0.22, belt),
        (0.33, roof),
        (0.78, roof),
        (0.97, belt),
        (1.0, 350),
    )
    shell = tuple((at(u), floor + v) for u, v in outline)
    inner = tuple((at(0.01 + 0.98 * u), floor + 12 + (v - 12) * 0.985) for u, v in outline)
    parts = []
    for side in (-half, half - 3):
        skin = (side, side + 3)
        parts.append(Part(PrismY(shell, skin), "steel", 7.85 * rng.uniform(0.3, 0.6)))
    body = (-half + 3, half - 3)
    parts.append(Part(PrismY(shell, body), "steel", 0.045))
    parts.append(Part(PrismY(inner, body), "steel", 0.040, -1))
    parts += [
        box((0.06, 0.19), (-280, 280), (330, 800), "aluminium", rng.uniform(1.0, 2.2)),
        box((0.08, 0.17), (-180, 180), (400, 700), "cast_iron", rng.uniform(0.5, 2.5)),
        box((0.10, 0.16), (280, 560), (350, 600), "steel", 2.4),
        box((0.05, 0.09), (-600, -400), (550, 750), "lead", 3.0),
        box((0.66, 0.80), (-500, 500), (300, 470), "petrol", rng.uniform(0.1, 0.7)),
        box((0.02, 0.95), (-30, 60), (220, 290), "steel", 1.0),
        box((0.22, 0.80), (-750, 750), (290, 310), "steel", 1.0),
        box((0.27, 0.30), (-700, 700), (700, 920), "abs", 0.25),
        box((0.985, 1.0), (-800, 800), (400, 560), "polypropylene", 0.5),
        box((0.0, 0.015), (-800, 800), (400, 560), "polypropylene", 0.5),
    ]
    for seat in (0.40, 0.62):
        parts.append(box((seat, seat + 0.12), (-620, 620), (330, 560), "polyurethane_foam", 0.06))
        parts.append(box((seat + 0.11, seat + 0.14), (-620, 620), (500, 1050), "polyurethane_foam", 0.09))
        parts.append(box((seat, seat + 0.02), (-600, 600), (330, 480), "steel", 0.25))
    for share in (0.17, 0.81):
        parts.append(Part(Cylinder((at(share), 0.0, floor + 310), 30, 1500, "y"), "steel", 6.0))
        for y in (-half + 110, half - 110):
            wheel = (at(share), y, floor + 310)
            parts += _tyre(wheel, 310, 200, "y", 1.0)
            parts.append(Part(Cylinder(wheel, 180, 14, "y"), str(rng.choice(["steel", "aluminium"])), 5.0))
            parts.append(Part(Cylinder(wheel, 130, 24, "y"), "cast_iron", 7.2))
    return parts


def _furniture(rng: Rng, space: Box) -> list[Part]:
    """Sofas, cupboards, tables and mattresses, stacked loosely."""
    parts: list[Part] = []
    for y in _depths(rng, space):
        x = space.x[0] + rng.uniform(0, 80)
        while x < space.x[1] - 500:
            width = rng.uniform(450, 2100)
            right = min(x + width, space.x[1])
            z, top = space.z[0], space.z[0] + (space.z[1] - space.z[0]) * rng.uniform(0.4, 1)
            while z < top - 200:
                height = rng.uniform(180, 1000)
                parts += _piece(rng, Box((x, right), y, (z, min(z + height, space.z[1]))))
                z += height + rng.uniform(5, 40)
            x += width + rng.uniform(5, 80)
    return parts


def _piece(rng: Rng, box: Box) -> list[Part]:
    wood = str(rng.choice(["pine", "hardwood", "plywood", "cardboard"]))
    board = rng.uniform(15, 32)
    if rng.random() < 0.4:  # upholstered: foam with springs and a frame
        foam = Part(box, "polyurethane_foam", rng.uniform(0.03, 0.09), texture=_texture(rng, ("grain",), (0.1, 0.4)))
        base = Part(Box(box.x, box.y, (box.z[0], box.z[0] + 60)), wood, 0.25)
        return [foam, base]
    boards = [
        Box(box.x, box.y, (box.z[0], box.z[0] + board)),
        Box(box.x, box.y, (box.z[1] - board, box.z[1])),
        Box((box.x[0], box.x[0] + board), box.y, box.z),
        Box((box.x[1] - board, box.x[1]), box.y, box.z),
    ]
    for x in rng.uniform(box.x[0], box.x[1] - board, rng.integers(0, 4)):
        boards.append(Box((x, x + board), box.y, box.z))
    parts = [Part(one, wood, rng.uniform(0.5, 0.75)) for one in boards]
    parts.append(Part(box, wood, rng.uniform(0.01, 0.06)))
    return parts


def _scrap(rng: Rng, space: Box) -> list[Part]:
    parts: list[Part] = []
    top = space.z[0] + (space.z[1] - space.z[0]) * rng.uniform(0.2, 0.6)
    heap = Box(space.x, space.y, (space.z[0], top))
    look = Texture("grain", (90.0, 70.0), 0.45, int(rng.integers(1 << 31)))
    parts.append(Part(heap, "steel", rng.uniform(0.15, 0.4), texture=look))
    for _ in range(int(rng.integers(60, 200))):
        x, z, y = rng.uniform(*heap.x), rng.uniform(*heap.z), rng.uniform(-900, 600)
        a, b = rng.uniform(10, 60), rng.uniform(60, 420)
        corners = rotated(((-b, -a), (b, -a), (b, a), (-b, a)), rng.uniform(0, np.pi), (x, z))
        metal, density = [("steel", 7.85), ("aluminium", 2.7), ("copper", 8.9)][rng.integers(3)]
        if min(c[1] for c in corners) > space.z[0] and min(c[0] for c in corners) > space.x[0]:
            parts.append(Part(PrismY(corners, (y, y + rng.uniform(4, 80))), metal, density))
    return parts


def _household(rng: Rng, space: Box) -> list[Part]:
    """A removal: furniture at one end, cartons at the other, odd things between."""
    share = rng.uniform(0.3, 0.7)
    cut = space.x[0] + (space.x[1] - space.x[0]) * share
    first = _furniture(rng, Box((space.x[0], cut), space.y, space.z))
    second = _stack(rng, Box((cut, space.x[1]), space.y, space.z), STACKED["cartons"])
    odd = []
    for _ in range(int(rng.integers(3, 14))):
        semi = tuple(rng.uniform(40, 220, 3))
        x, y = rng.uniform(space.x[0] + 250, space.x[1] - 250), rng.uniform(-800, 800)
        centre = (x, y, space.z[0] + semi[2] + rng.uniform(0, 1500))
        odd.append(Part(Ellipsoid(centre, semi), str(rng.choice(["cotton", "abs", "paper"])), rng.uniform(0.1, 0.6)))
    return first + second + odd


def _bundles(rng: Rng, space: Box) -> list[Part]:
    """Steel sections and cable drums: prisms along x."""
    parts = []
    for _ in range(int(rng.integers(4, 16))):
        y, z = rng.uniform(-1000, 800), space.z[0] + rng.uniform(60, 700)
        a, b = rng.uniform(50, 200), rng.uniform(50, 200)
        corners = tuple((y + u, z + v) for u, v in ((0, 0), (a, 0), (a, b), (0, b)))
        parts.append(
            Part(
                PrismX(corners, (space.x[0] + 50, space.x[1] - rng.uniform(50, 900))),
                "steel",
                rng.uniform(0.8, 3),
            )
        )
    return parts


def _empty(rng: Rng, space: Box) -> list[Part]:
    """Nothing, or what is left behind: dunnage, a strap, a pallet against the front wall."""
    if rng.random() < 0.6:
        return []
    x = rng.uniform(space.x[0], space.x[1] - 1300)
    return _pallet(rng, (x, x + 1200), (-400.0, 400.0), space.z[0])


BUILDERS: dict[str, Callable[[Rng, Box], list[Part]]] = {
    "bulk": _bulk,
    "car": _car,
    "drums": _drums,
    "empty": _empty,
    "furniture": _furniture,
    "household": _household,
    "ibc": _ibc,
    "logs": _logs,
    "machinery": _machinery,
    "paper_rolls": _rolls,
    "pipes": lambda rng, space: _pipes(rng, space) if rng.random() < 0.75 else _bundles(rng, space),
    "scrap": _scrap,
    "steel_coils": _coils,
    "tyres": _tyres,
}

KINDS = tuple(sorted({*BUILDERS, *STACKED}))


def _spots(parts: list[Part], space: Box) -> list[Spot]:
    """Inside goods, on top of the load, in gaps along x, on the free floor."""
    inside = [
        Spot(part.shape, part)
        for part in parts
        if isinstance(part.shape, Box) and part.sign > 0 and part.material not in ("steel", "pine")
    ]
    columns = np.linspace(space.x[0], space.x[1], max(int((space.x[1] - space.x[0]) / 120), 2))
    boxes = [part.shape.bounds for part in parts if part.sign > 0]
    above = []
    for x0, x1 in itertools.pairwise(columns):
        tops = [box.z[1] for box in boxes if box.x[0] < x1 and box.x[1] > x0]
        top = max(tops, default=space.z[0])
        if space.z[1] - top > 60:
            above.append(Spot(Box((float(x0), float(x1)), space.y, (top, space.z[1]))))
    return inside + above
