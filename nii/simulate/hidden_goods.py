"""Concealments that are things: built at the origin, in millimetres, to be put somewhere afterwards."""

import numpy as np

from nii.simulate.draws import SEEDS, Rng, drawn_material, layers, log_uniform
from nii.simulate.scene import Part, Texture
from nii.simulate.shapes import Box, Cylinder, Ellipsoid, Interval, PrismY, Shape, rotated

Size = tuple[float, float, float]  # mm along x, y, z

DRUGS: tuple[tuple[str, Interval], ...] = (
    ("fentanyl_hcl", (0.6, 1.15)),
    ("cocaine_hcl", (0.8, 1.15)),
    ("heroin", (0.7, 1.1)),
    ("methamphetamine_hcl", (0.6, 1.1)),
    ("cannabis", (0.3, 0.8)),
    ("mannitol", (0.5, 0.9)),
    ("lactose", (0.5, 0.9)),
    ("caffeine", (0.4, 0.8)),
)
"""Drugs and their cutting agents; ranges of density as pressed or packed in g/cm3."""

LIQUIDS: tuple[tuple[str, Interval], ...] = (
    ("water", (0.95, 1.2)),
    ("ethanol", (0.75, 0.85)),
    ("npp", (0.9, 1.1)),
    ("phenethyl_bromide", (1.3, 1.37)),
)

"""Liquid precursors and solvents; ranges of density in g/cm3."""

ANYTHING = ("water", "lactose", "polyethylene", "steel", "aluminium", "lead", "copper", "glass", "cotton", "sand")
"""Materials of things of no kind."""


def _at(x: float, y: float, z: float, size: Size) -> Box:
    """A box with its low corner at (x, y, z)."""
    return Box((x, x + size[0]), (y, y + size[1]), (z, z + size[2]))


def bricks(rng: Rng) -> list[Part]:
    """Pressed bricks of about 0.5 to 1.2 kg each, in a stack of 1 to 60."""
    material, density = drawn_material(rng, DRUGS)
    one: Size = (rng.uniform(130, 260), rng.uniform(90, 180), rng.uniform(30, 75))
    count = [int(log_uniform(rng, 1, n)) for n in (6.9, 3.9, 4.9)]
    parts = []
    for i in range(count[0]):
        for k in range(count[2]):
            box = _at(i * (one[0] + 3), 0, k * (one[2] + 3), (one[0], one[1] * count[1], one[2]))
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


def pills(rng: Rng) -> list[Part]:
    """Pills in bottles in a carton, or loose in a bag."""
    material, density = drawn_material(
        rng, (("lactose", (0.5, 0.8)), ("mannitol", (0.5, 0.8)), ("caffeine", (0.5, 0.8)))
    )
    radius, height = rng.uniform(20, 60), rng.uniform(60, 180)
    parts = []
    for i in range(int(rng.integers(2, 9))):
        for k in range(int(rng.integers(1, 4))):
            x, z = radius + i * (2 * radius + 3), k * (height + 6)
            depth = rng.integers(1, 5) * 2 * radius
            bottle = Box((x - radius, x + radius), (0, depth), (z, z + height))
            parts.append(Part(bottle, "polyethylene", 0.08))
            parts.append(
                Part(Box(bottle.x, bottle.y, (z, z + height * rng.uniform(0.6, 0.9))), material, density * 0.8)
            )
    return parts


def pill_press(rng: Rng) -> list[Part]:
    """Bench or rotary press: base, columns, turret or punch, upper block, motor, flywheel, hopper."""
    scale = rng.uniform(0.35, 1.15)
    metal = ("cast_iron", 7.2) if rng.random() < 0.6 else ("steel", 7.85)
    size = (620 * scale * rng.uniform(0.7, 1.3), 560 * scale, 1250 * scale * rng.uniform(0.7, 1.2))
    parts = [*_press_body(rng, size, metal), *_press_drive(size, scale)]
    w, d, h = size
    if rng.random() < 0.7:  # flywheel
        parts.append(Part(Cylinder((w * 1.05, d / 2, h * 0.45), 190 * scale, 45 * scale, "y"), "cast_iron", 7.2))
    if rng.random() < 0.6:
        parts.append(_hopper(size, scale))
    return parts


def _press_body(rng: Rng, size: Size, metal: tuple[str, float]) -> list[Part]:
    """Hollow base, table, upper block, turret and shaft."""
    w, d, h = size
    name, dense = metal
    return [
        Part(_at(0, 0, 0, (w, d, h * 0.4)), name, dense * rng.uniform(0.12, 0.4)),
        Part(_at(w * 0.1, d * 0.1, h * 0.36, (w * 0.8, d * 0.8, h * 0.05)), name, dense * 0.9),
        Part(_at(w * 0.15, d * 0.15, h * 0.8, (w * 0.7, d * 0.7, h * 0.16)), name, dense * rng.uniform(0.3, 0.8)),
        Part(Cylinder((w / 2, d / 2, h * 0.56), w * rng.uniform(0.25, 0.38), h * 0.12, "z"), "steel", 7.85 * 0.8),
        Part(Cylinder((w / 2, d / 2, h * 0.6), w * 0.07, h * 0.5, "z"), "steel", 7.85),
    ]


def _press_drive(size: Size, scale: float) -> list[Part]:
    """Motor in the base, and four columns."""
    w, d, h = size
    motor = Part(Cylinder((w * 0.3, d * 0.4, h * 0.18), 90 * scale, 260 * scale, "x"), "copper", 4.5)
    columns = [
        Part(Cylinder((w * u, d * v, h * 0.6), 26 * scale, h * 0.42, "z"), "steel", 7.85)
        for u in (0.15, 0.85)
        for v in (0.3, 0.7)
    ]
    return [motor, *columns]


def _hopper(size: Size, scale: float) -> Part:
    """The funnel on top, as a solid of low density."""
    w, d, h = size
    low, high, half = h * 0.97, h * 1.15, 110 * scale
    cone = ((w / 2 - 20, low), (w / 2 + 20, low), (w / 2 + half, high), (w / 2 - half, high))
    return Part(PrismY(cone, (d * 0.35, d * 0.65)), "steel", 0.6)


def die_moulds(rng: Rng) -> list[Part]:
    """Steel plates and blocks with rows of bores, one to four of them side by side."""
    parts = []
    x = 0.0
    for _ in range(int(rng.integers(1, 5))):
        w, d, h = rng.uniform(60, 320), rng.uniform(40, 200), rng.uniform(20, 90)
        metal, density = [("steel", 7.85), ("brass", 8.5), ("aluminium", 2.7)][rng.integers(3)]
        parts.append(Part(_at(x, 0, 0, (w, d, h)), metal, density))
        bore = rng.uniform(4, 12)
        for u in np.arange(x + 2 * bore, x + w - bore, rng.uniform(3, 5) * bore):
            parts.append(Part(Cylinder((float(u), d / 2, h / 2), bore, d * 0.5, "y"), metal, density, -1))
        x += w + rng.uniform(3, 30)
    return parts


def press_parts(rng: Rng) -> list[Part]:
    """Sets of punches, turret discs, cams and gears, loose or in a case."""
    parts = []
    radius, length = rng.uniform(9, 20), rng.uniform(90, 160)
    for i in range(int(rng.integers(4, 26))):
        middle = (radius + i * (2 * radius + 4), 60.0, length / 2)
        rows = int(rng.integers(1, 6))
        parts.append(Part(Cylinder(middle, radius, length, "z"), "steel", 7.85 * rows * 0.6))
    if rng.random() < 0.7:
        r = rng.uniform(70, 210)
        axis = str(rng.choice(["y", "z"]))
        thick = rng.uniform(25, 90)
        disc = Cylinder((r, 60.0, length + (r if axis == "y" else thick / 2) + 5), r, thick, axis)
        parts.append(Part(disc, "steel", 7.85 * rng.uniform(0.6, 1)))
        if axis == "y":
            parts.append(Part(Cylinder(disc.centre, r * rng.uniform(0.15, 0.4), thick, axis), "steel", 4.7, -1))
    return parts


def jerrycans(rng: Rng) -> list[Part]:
    """Cans, canisters or a drum of liquid or solid precursor."""
    material, density = drawn_material(rng, LIQUIDS if rng.random() < 0.8 else DRUGS)
    if rng.random() < 0.3:
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
        parts.append(Part(_at(i * (w + 6), 0, 0, (w, depth, h)), "polyethylene", 0.05))
        parts.append(Part(_at(i * (w + 6) + 3, 2, 3, (w - 6, depth - 4, full)), material, density))
    return parts


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
        parts.append(Part(PrismY(corners, y), "steel", 7.85 * rng.uniform(0.4, 0.9)))
        (x0, x1), (z0, z1) = PrismY(corners, y).bounds.x, PrismY(corners, y).bounds.z
        barrel = Cylinder(((x0 + x1) / 2, y[0], z0 + 0.8 * (z1 - z0)), 9, (x1 - x0) * 0.95, "x")
        if abs(angle) < 0.1:
            parts.append(Part(barrel, "steel", 7.85 * 0.75))
    return parts


def contraband(rng: Rng) -> list[Part]:
    """Banknotes, cigarettes, ammunition, gold or lead bars."""
    kind = rng.integers(4)
    if kind == 0:
        size: Size = (rng.uniform(160, 600), rng.uniform(100, 400), rng.uniform(60, 400))
        return [Part(_at(0, 0, 0, size), "banknotes", rng.uniform(0.6, 0.9), texture=layers(rng, 15, 0.05))]
    if kind == 1:
        size = (rng.uniform(280, 1100), rng.uniform(300, 900), rng.uniform(220, 900))
        return [Part(_at(0, 0, 0, size), "tobacco", rng.uniform(0.15, 0.3), texture=layers(rng, 90, 0.15))]
    if kind == 2:
        size = (rng.uniform(120, 500), rng.uniform(80, 300), rng.uniform(60, 250))
        return [Part(_at(0, 0, 0, size), "brass", rng.uniform(1.5, 4.0), texture=layers(rng, 25, 0.2))]
    metal, density = ("gold", 19.3) if rng.random() < 0.6 else ("lead", 11.34)
    bars = range(int(rng.integers(1, 6)))
    return [Part(_at(i * 90.0, 0, 0, (rng.uniform(50, 85), rng.uniform(80, 250), rng.uniform(10, 40))), metal, density)
            for i in bars]  # fmt: skip


def other(rng: Rng) -> list[Part]:
    """Solids of no kind at all: one to five random shapes of random material and density."""
    parts: list[Part] = []
    for _ in range(int(rng.integers(1, 6))):
        material, density = ANYTHING[rng.integers(len(ANYTHING))], log_uniform(rng, 0.3, 4.0)
        a, b, c = (log_uniform(rng, 25, 260) for _ in range(3))
        x, z = rng.uniform(0, 250), rng.uniform(0, 200)
        corners = rotated(((-a, -c), (a, -c), (a * rng.uniform(-1, 1), c)), rng.uniform(0, 6), (x + a, z + c))
        shapes: tuple[Shape, ...] = (
            Box((x, x + 2 * a), (0, 2 * b), (z, z + 2 * c)),
            Cylinder((x + a, b, z + c), c, 2 * a, "x"),
            Cylinder((x + a, b, z + a), a, 2 * b, "y"),
            Ellipsoid((x + a, b, z + c), (a, b, c)),
            PrismY(corners, (0, 2 * b)),
        )
        parts.append(Part(shapes[rng.integers(len(shapes))], material, density))
    return parts
