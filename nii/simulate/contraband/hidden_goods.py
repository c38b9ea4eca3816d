"""Concealments that are goods or arms: built at the origin, in millimetres, to be put somewhere afterwards."""

from dataclasses import replace

import numpy as np

from nii.physics.materials import MATERIALS, STEEL_G_CM3
from nii.simulate.render.draws import SEEDS, Rng, drawn_material, log_uniform
from nii.simulate.render.scene import Part, Texture
from nii.simulate.render.shapes import Box, Cylinder, Ellipsoid, Interval, PrismX, PrismY, Shape, rotated

Size = tuple[float, float, float]  # mm along x, y, z

DRUGS: tuple[tuple[str, Interval], ...] = (
    ("fentanyl_hcl", (0.6, 1.15)),
    ("fentanyl_street_powder", (0.5, 0.95)),
    ("cocaine_hcl", (0.8, 1.15)),
    ("heroin", (0.7, 1.1)),
    ("methamphetamine_hcl", (0.6, 1.1)),
    ("cannabis", (0.3, 0.8)),
    ("cannabis_resin", (0.9, 1.2)),
    ("mdma_hcl", (0.5, 0.9)),
    ("ketamine_hcl", (0.5, 0.9)),
    ("mannitol", (0.5, 0.9)),
    ("lactose", (0.5, 0.9)),
    ("caffeine", (0.4, 0.8)),
    ("paracetamol", (0.5, 0.9)),
)
"""Drugs and their cutting agents; ranges of density as pressed or packed in g/cm3."""

LIQUIDS: tuple[tuple[str, Interval], ...] = (
    ("water", (0.95, 1.2)),
    ("ethanol", (0.75, 0.85)),
    ("aniline", (0.98, 1.03)),
    ("npp", (0.9, 1.1)),
    ("phenethyl_bromide", (1.3, 1.37)),
    ("propionyl_chloride", (1.03, 1.08)),
)
"""Liquid precursors and solvents; ranges of density in g/cm3."""

PRECURSORS: tuple[tuple[str, Interval], ...] = (
    ("4_piperidone", (0.5, 0.9)),
    ("4_anpp", (0.6, 1.05)),
    ("microcrystalline_cellulose", (0.3, 0.5)),
    ("sodium_bicarbonate", (0.8, 1.1)),
)
"""Solid precursors and what pills are pressed with; ranges of density in g/cm3."""

ANYTHING = (
    "water", "lactose", "polyethylene", "pvc", "abs", "rubber", "cotton", "paper", "hardwood", "leather", "sugar",
    "sand", "glass", "ceramic_tile", "granite", "gypsum", "salt", "titanium_dioxide", "aluminium", "titanium", "steel",
    "stainless_steel", "copper", "brass", "zinc", "tin", "lead", "tungsten", "electronics_mix", "lithium_battery",
    "meat_frozen", "vegetable_oil", "body_tissue", "rdx_simulant", "black_powder", "methamphetamine_hcl",
)  # fmt: skip
"""Materials of things of no kind."""


def at(x: float, y: float, z: float, size: Size) -> Box:
    """A box with its low corner at (x, y, z)."""
    return Box((x, x + size[0]), (y, y + size[1]), (z, z + size[2]))


def bricks(rng: Rng) -> list[Part]:
    """Pressed bricks of about 0.5 to 1.2 kg each: one, a stack of any count up to 800, or some laid about.

    The last layer of a stack is seldom full.
    """
    material, density = drawn_material(rng, DRUGS)
    one: Size = (rng.uniform(130, 260), rng.uniform(90, 180), rng.uniform(30, 75))
    wide, deep, high = (int(log_uniform(rng, 1, n)) for n in (9.9, 6.9, 14.9))
    top = int(rng.integers(1, wide + 1))  # bricks side by side in the last layer
    slack = rng.uniform(0, 25) if rng.random() < 0.3 else 2.0
    parts = []
    for k in range(high):
        for i in range(wide if k < high - 1 else top):
            x = i * (one[0] + 3) + rng.uniform(0, slack)
            box = at(x, rng.uniform(0, slack), k * (one[2] + 3), (one[0], one[1] * deep, one[2]))
            parts.append(Part(box, material, density * rng.normal(1, 0.02)))
    return parts


def bulk_bag(rng: Rng) -> list[Part]:
    """A loose bag or sack of powder: a flattened ellipsoid, sometimes two."""
    material, density = drawn_material(rng, DRUGS)
    parts = []
    for i in range(int(rng.integers(1, 3))):
        a, b, c = log_uniform(rng, 70, 330), log_uniform(rng, 60, 260), log_uniform(rng, 50, 300)
        look = Texture("grain", (a / 2, c / 2), rng.uniform(0, 0.06), int(rng.integers(SEEDS)))
        parts.append(Part(Ellipsoid((a + i * 1.9 * a, b, c), (a, b, c)), material, density, texture=look))
    return parts


PILLS: tuple[tuple[str, Interval], ...] = (
    ("fentanyl_pills", (0.5, 0.85)),
    ("lactose", (0.4, 0.65)),
    ("mannitol", (0.4, 0.65)),
    ("caffeine", (0.4, 0.65)),
)
"""What pills are made of; ranges of density as poured in g/cm3."""


def pills(rng: Rng) -> list[Part]:
    """Pills in bottles, side by side and in layers as in a carton; or loose in a bag."""
    material, density = drawn_material(rng, PILLS)
    if rng.random() < 0.3:
        semi = (log_uniform(rng, 50, 260), log_uniform(rng, 50, 220), log_uniform(rng, 30, 150))
        look = Texture("grain", (12.0, 12.0), rng.uniform(0.02, 0.1), int(rng.integers(SEEDS)))
        return [Part(Ellipsoid(semi, semi), material, density, texture=look)]
    radius, height = rng.uniform(20, 60), rng.uniform(60, 180)
    parts = []
    for i in range(int(rng.integers(2, 9))):
        for k in range(int(rng.integers(1, 4))):
            x, z = radius + i * (2 * radius + 3), k * (height + 6)
            depth = rng.integers(1, 5) * 2 * radius
            bottle = Box((x - radius, x + radius), (0, depth), (z, z + height))
            parts.append(Part(bottle, "polyethylene", 0.08))
            parts.append(Part(Box(bottle.x, bottle.y, (z, z + height * rng.uniform(0.6, 0.9))), material, density))
    return parts


def jerrycans(rng: Rng) -> list[Part]:
    """Precursors: cans of liquid in a row, a drum, or sacks of powder."""
    way = rng.random()
    if way < 0.25:
        return _sacks(rng)
    material, density = drawn_material(rng, LIQUIDS if rng.random() < 0.8 else PRECURSORS)
    if way < 0.5:
        r, h = rng.uniform(140, 300), rng.uniform(350, 900)
        fill = h * rng.uniform(0.6, 0.97)
        shell = Cylinder((r, r, h / 2), r, h, "z")
        return [
            Part(shell, "polyethylene", 0.03),
            Part(Cylinder((r, r, fill / 2), r - 4, fill, "z"), material, density),
        ]
    w, d, h = rng.uniform(130, 350), rng.uniform(140, 280), rng.uniform(220, 460)
    parts = []
    for i in range(int(log_uniform(rng, 1, 6.9))):
        full = h * rng.uniform(0.7, 0.95)
        depth = d * rng.integers(1, 3)
        parts.append(Part(at(i * (w + 6), 0, 0, (w, depth, h)), "polyethylene", 0.05))
        parts.append(Part(at(i * (w + 6) + 3, 2, 3, (w - 6, depth - 4, full)), material, density))
    return parts


def _sacks(rng: Rng) -> list[Part]:
    """Sacks of 10 to 30 kg lying on each other, pillow-shaped."""
    material, density = drawn_material(rng, PRECURSORS)
    a, b, c = rng.uniform(220, 340), rng.uniform(150, 260), rng.uniform(55, 95)
    count = int(log_uniform(rng, 1, 8.9))
    middles = [(a + rng.uniform(-20, 20), b + rng.uniform(-20, 20), c + k * 1.7 * c) for k in range(count)]
    return [Part(Ellipsoid(middle, (a, b, c)), material, density) for middle in middles]


PISTOL = ((0, 95), (0, 128), (190, 128), (190, 95), (120, 92), (95, 60), (62, 62), (48, 0), (8, 4), (22, 90))
RIFLE = (
    (0, 40), (0, 130), (220, 150), (300, 165), (520, 165), (860, 152), (860, 138), (560, 128), (500, 118),
    (470, 20), (410, 24), (400, 112), (330, 110), (305, 55), (265, 60), (270, 112), (210, 108),
)  # fmt: skip
"""Side views in mm, (x, z): outlines of a service pistol and of an assault rifle."""


def firearms(rng: Rng) -> list[Part]:
    """One to several pistols or rifles, side on or turned, with magazines or ammunition."""
    parts = []
    outline, thick = (PISTOL, (18, 32)) if rng.random() < 0.5 else (RIFLE, (20, 40))
    angle = rng.choice([0.0, np.pi / 2, rng.uniform(-0.4, 0.4)])
    for i in range(int(log_uniform(rng, 1, 6.9))):
        corners = rotated(outline, angle + rng.normal(0, 0.06), (0.0, i * rng.uniform(30, 150)))
        y = (i * 5.0, i * 5.0 + rng.uniform(*thick))
        parts.append(Part(PrismY(corners, y), "steel", STEEL_G_CM3 * rng.uniform(0.4, 0.9)))
        (x0, x1), (z0, z1) = PrismY(corners, y).bounds.x, PrismY(corners, y).bounds.z
        barrel = Cylinder(((x0 + x1) / 2, y[0], z0 + 0.8 * (z1 - z0)), 9, (x1 - x0) * 0.95, "x")
        if abs(angle) < 0.1:
            parts.append(Part(barrel, "steel", STEEL_G_CM3 * 0.75))
    return parts


def other(rng: Rng) -> list[Part]:
    """Solids of no kind at all: unions of one to six random shapes, of one random material or of several.

    Boxes, cylinders, ellipsoids and prisms with three to eight corners, some of them hollow; density by chance.
    """
    parts: list[Part] = []
    mixed = rng.random() < 0.5
    material, density = _anything(rng)
    size = log_uniform(rng, 45, 420)  # mm, half of what most of it measures
    for _ in range(int(rng.integers(1, 7))):
        if mixed:
            material, density = _anything(rng)
        a, b, c = (size * log_uniform(rng, 0.25, 1.4) for _ in range(3))
        centre = (a + rng.uniform(0, size), b + rng.uniform(0, size), c + rng.uniform(0, size))
        shape = _random_shape(rng, centre, (a, b, c))
        parts.append(Part(shape, material, density))
        if rng.random() < 0.25 and isinstance(shape, Box | Cylinder | Ellipsoid):
            parts.append(Part(_shrunk(shape, rng.uniform(0.5, 0.95)), material, density, -1))
    low = min(part.shape.bounds.z[0] for part in parts)
    return [replace(part, shape=part.shape.shifted((0.0, 0.0, -low))) for part in parts]


def _anything(rng: Rng) -> tuple[str, float]:
    """A material by chance, as dense as it is or looser, g/cm3."""
    material = ANYTHING[rng.integers(len(ANYTHING))]
    return material, MATERIALS[material].density_g_cm3 * log_uniform(rng, 0.15, 1.0)


def _random_shape(rng: Rng, centre: Size, half: Size) -> Shape:
    """One solid around a centre, about as large as the half sides say."""
    (x, y, z), (a, b, c) = centre, half
    corners = int(rng.integers(3, 9))
    turns = np.sort(rng.uniform(0, 2 * np.pi, corners))
    reach = rng.uniform(0.5, 1, corners)
    outline = tuple(zip(reach * np.cos(turns), reach * np.sin(turns), strict=True))
    shapes: tuple[Shape, ...] = (
        Box((x - a, x + a), (y - b, y + b), (z - c, z + c)),
        Cylinder(centre, c, 2 * a, "x"),
        Cylinder(centre, a, 2 * b, "y"),
        Cylinder(centre, min(a, b), 2 * c, "z"),
        Ellipsoid(centre, half),
        PrismY(tuple((float(x + a * u), float(z + c * v)) for u, v in outline), (y - b, y + b)),
        PrismX(tuple((float(y + b * u), float(z + c * v)) for u, v in outline), (x - a, x + a)),
    )
    return shapes[rng.integers(len(shapes))]


def _shrunk(shape: Box | Cylinder | Ellipsoid, by: float) -> Shape:
    """The same solid, smaller by this factor around its middle."""
    match shape:
        case Box():
            mids = [(sum(side) / 2, (side[1] - side[0]) / 2 * by) for side in (shape.x, shape.y, shape.z)]
            return Box(*((middle - half, middle + half) for middle, half in mids))
        case Cylinder():
            return replace(shape, radius=shape.radius * by, length=shape.length * by)
        case Ellipsoid():
            a, b, c = shape.semi
            return Ellipsoid(shape.centre, (a * by, b * by, c * by))
