"""Concealments: what should not be there, put where a smuggler would put it.

A family is a COCO category. Every builder draws its own sizes, materials and place; what is put
inside goods displaces them, so that the excess is the difference of two physical scenes.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nii.simulate.containers import Conveyance
from nii.simulate.scene import Concealment, Part, Spot, Texture
from nii.simulate.shapes import Box, Cylinder, Ellipsoid, Interval, PrismY, Shape, rotated

Rng = np.random.Generator
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
LIQUIDS: tuple[tuple[str, Interval], ...] = (
    ("water", (0.95, 1.2)),
    ("ethanol", (0.75, 0.85)),
    ("npp", (0.9, 1.1)),
    ("phenethyl_bromide", (1.3, 1.37)),
)
METALS: tuple[tuple[str, float], ...] = (
    ("steel", 7.85),
    ("cast_iron", 7.2),
    ("aluminium", 2.7),
    ("brass", 8.5),
)


def draw_concealment(rng: Rng, family: str, conveyance: Conveyance, spots: tuple[Spot, ...]) -> Concealment:
    """One concealment of a family, in a place that this family may take."""
    if family in STRUCTURAL:
        return Concealment(family, tuple(STRUCTURAL[family](rng, conveyance)))
    parts = LOOSE[family](rng)
    size = _extent(parts)
    place, host = _place(rng, size, conveyance, spots)
    moved = tuple(_moved(part, place) for part in parts)
    return Concealment(family, moved, _displaced(moved, host))


def _material(rng: Rng, table: tuple[tuple[str, Interval], ...]) -> tuple[str, float]:
    name, density = table[rng.integers(len(table))]
    return name, rng.uniform(*density)


def _log_uniform(rng: Rng, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _at(x: float, y: float, z: float, size: Size) -> Box:
    """A box with its low corner at (x, y, z)."""
    return Box((x, x + size[0]), (y, y + size[1]), (z, z + size[2]))


def _bricks(rng: Rng) -> list[Part]:
    """Pressed bricks of about 0.5 to 1.2 kg each, in a stack of 1 to 60."""
    material, density = _material(rng, DRUGS)
    one: Size = (rng.uniform(130, 260), rng.uniform(90, 180), rng.uniform(30, 75))
    count = [int(_log_uniform(rng, 1, n)) for n in (6.9, 3.9, 4.9)]
    parts = []
    for i in range(count[0]):
        for k in range(count[2]):
            box = _at(i * (one[0] + 3), 0, k * (one[2] + 3), (one[0], one[1] * count[1], one[2]))
            parts.append(Part(box, material, density * rng.normal(1, 0.02)))
    return parts


def _bulk_bag(rng: Rng) -> list[Part]:
    """A loose bag or sack of powder: a flattened ellipsoid, sometimes two."""
    material, density = _material(rng, DRUGS)
    parts = []
    for i in range(int(rng.integers(1, 3))):
        a, b, c = _log_uniform(rng, 70, 330), _log_uniform(rng, 60, 260), _log_uniform(rng, 50, 300)
        look = Texture("grain", (a / 2, c / 2), rng.uniform(0, 0.06), int(rng.integers(1 << 31)))
        parts.append(Part(Ellipsoid((a + i * 1.9 * a, b, c), (a, b, c)), material, density, texture=look))
    return parts


def _pills(rng: Rng) -> list[Part]:
    """Pills in bottles in a carton, or loose in a bag."""
    material, density = _material(rng, (("lactose", (0.5, 0.8)), ("mannitol", (0.5, 0.8)), ("caffeine", (0.5, 0.8))))
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


def _pill_press(rng: Rng) -> list[Part]:
    """Bench or rotary press: base, columns, turret or punch, upper block, motor, flywheel, hopper."""
    scale = rng.uniform(0.35, 1.15)
    metal, dense = ("cast_iron", 7.2) if rng.random() < 0.6 else ("steel", 7.85)
    w, d, h = 620 * scale * rng.uniform(0.7, 1.3), 560 * scale, 1250 * scale * rng.uniform(0.7, 1.2)
    hollow = rng.uniform(0.12, 0.4)
    mid = w / 2
    parts = [
        Part(_at(0, 0, 0, (w, d, h * 0.4)), metal, dense * hollow),
        Part(_at(w * 0.1, d * 0.1, h * 0.36, (w * 0.8, d * 0.8, h * 0.05)), metal, dense * 0.9),
        Part(
            _at(w * 0.15, d * 0.15, h * 0.8, (w * 0.7, d * 0.7, h * 0.16)),
            metal,
            dense * rng.uniform(0.3, 0.8),
        ),
        Part(Cylinder((mid, d / 2, h * 0.56), w * rng.uniform(0.25, 0.38), h * 0.12, "z"), "steel", 7.85 * 0.8),
        Part(Cylinder((mid, d / 2, h * 0.6), w * 0.07, h * 0.5, "z"), "steel", 7.85),
        Part(Cylinder((w * 0.3, d * 0.4, h * 0.18), 90 * scale, 260 * scale, "x"), "copper", 4.5),
    ]
    for u in (0.15, 0.85):
        parts.append(Part(Cylinder((w * u, d * 0.3, h * 0.6), 26 * scale, h * 0.42, "z"), "steel", 7.85))
        parts.append(Part(Cylinder((w * u, d * 0.7, h * 0.6), 26 * scale, h * 0.42, "z"), "steel", 7.85))
    if rng.random() < 0.7:
        parts.append(Part(Cylinder((w * 1.05, d / 2, h * 0.45), 190 * scale, 45 * scale, "y"), "cast_iron", 7.2))
    if rng.random() < 0.6:
        cone = (
            (mid - 20, h * 0.97),
            (mid + 20, h * 0.97),
            (mid + 110 * scale, h * 1.15),
            (mid - 110 * scale, h * 1.15),
        )
        parts.append(Part(PrismY(cone, (d * 0.35, d * 0.65)), "steel", 0.6))
    return parts


def _die_moulds(rng: Rng) -> list[Part]:
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


def _press_parts(rng: Rng) -> list[Part]:
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


def _jerrycans(rng: Rng) -> list[Part]:
    """Cans, canisters or a drum of liquid or solid precursor."""
    material, density = _material(rng, LIQUIDS if rng.random() < 0.8 else DRUGS)
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
    for i in range(int(_log_uniform(rng, 1, 6.9))):
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


def _firearms(rng: Rng) -> list[Part]:
    """One to several pistols or rifles, side on or turned, with magazines or ammunition."""
    parts = []
    outline, thick = (PISTOL, (18, 32)) if rng.random() < 0.5 else (RIFLE, (20, 40))
    angle = rng.choice([0.0, np.pi / 2, rng.uniform(-0.4, 0.4)])
    for i in range(int(_log_uniform(rng, 1, 6.9))):
        corners = rotated(outline, angle + rng.normal(0, 0.06), (0.0, i * rng.uniform(30, 150)))
        y = (i * 5.0, i * 5.0 + rng.uniform(*thick))
        parts.append(Part(PrismY(corners, y), "steel", 7.85 * rng.uniform(0.4, 0.9)))
        (x0, x1), (z0, z1) = PrismY(corners, y).bounds.x, PrismY(corners, y).bounds.z
        barrel = Cylinder(((x0 + x1) / 2, y[0], z0 + 0.8 * (z1 - z0)), 9, (x1 - x0) * 0.95, "x")
        if abs(angle) < 0.1:
            parts.append(Part(barrel, "steel", 7.85 * 0.75))
    return parts


def _contraband(rng: Rng) -> list[Part]:
    """Banknotes, cigarettes, ammunition, gold or lead bars."""
    kind = rng.integers(4)
    if kind == 0:
        size: Size = (rng.uniform(160, 600), rng.uniform(100, 400), rng.uniform(60, 400))
        return [Part(_at(0, 0, 0, size), "banknotes", rng.uniform(0.6, 0.9), texture=_layers(rng, 15, 0.05))]
    if kind == 1:
        size = (rng.uniform(280, 1100), rng.uniform(300, 900), rng.uniform(220, 900))
        return [Part(_at(0, 0, 0, size), "tobacco", rng.uniform(0.15, 0.3), texture=_layers(rng, 90, 0.15))]
    if kind == 2:
        size = (rng.uniform(120, 500), rng.uniform(80, 300), rng.uniform(60, 250))
        return [Part(_at(0, 0, 0, size), "brass", rng.uniform(1.5, 4.0), texture=_layers(rng, 25, 0.2))]
    metal, density = ("gold", 19.3) if rng.random() < 0.6 else ("lead", 11.34)
    bars = range(int(rng.integers(1, 6)))
    return [Part(_at(i * 90.0, 0, 0, (rng.uniform(50, 85), rng.uniform(80, 250), rng.uniform(10, 40))), metal, density)
            for i in bars]  # fmt: skip


def _layers(rng: Rng, size: float, contrast: float) -> Texture:
    return Texture(str(rng.choice(["grid", "stripes-z"])), (size * 2, size), contrast, int(rng.integers(1 << 31)))


def _other(rng: Rng) -> list[Part]:
    """Solids of no kind at all: one to five random shapes of random material and density."""
    names = (
        "water",
        "lactose",
        "polyethylene",
        "steel",
        "aluminium",
        "lead",
        "copper",
        "glass",
        "cotton",
        "sand",
    )
    parts: list[Part] = []
    for _ in range(int(rng.integers(1, 6))):
        material, density = names[rng.integers(len(names))], _log_uniform(rng, 0.3, 4.0)
        a, b, c = (_log_uniform(rng, 25, 260) for _ in range(3))
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


def _false_wall(rng: Rng, conveyance: Conveyance) -> list[Part]:
    """A second front wall: sheet and studs, with packages stacked behind it."""
    space = conveyance.cavities["front"]
    material, density = _material(rng, DRUGS)
    board, board_density = [("steel", 7.85), ("plywood", 0.68), ("aluminium", 2.7)][rng.integers(3)]
    thick = rng.uniform(1.5, 3) if board != "plywood" else rng.uniform(9, 18)
    top = space.z[0] + (space.z[1] - space.z[0]) * rng.uniform(0.3, 1)
    parts = [Part(Box((space.x[1] - thick, space.x[1]), space.y, space.z), board, board_density)]
    if rng.random() < 0.85:
        packs = Box((space.x[0] + 5, space.x[1] - thick - 5), _inner(rng, space.y, 0.4), (space.z[0], top))
        parts.append(Part(packs, material, density * rng.uniform(0.4, 0.95), texture=_layers(rng, 60, 0.08)))
    for z in np.arange(space.z[0] + 300, space.z[1], 600):
        parts.append(Part(Box(space.x, space.y, (float(z), float(z) + 40)), "pine", 0.5 * rng.uniform(0.05, 0.5)))
    return parts


def _floor_hide(rng: Rng, conveyance: Conveyance) -> list[Part]:
    """Packages between the floor's cross members, or on the floor under a second one."""
    space = conveyance.cavities["floor"]
    material, density = _material(rng, DRUGS)
    width = _log_uniform(rng, 250, 2500)
    x = rng.uniform(space.x[0], max(space.x[1] - width, space.x[0] + 1))
    high = rng.uniform(40, max(space.z[1] - space.z[0], 41))
    parts = []
    for left in np.arange(x, min(x + width, space.x[1] - 100), 230):
        box = Box((left, left + rng.uniform(120, 215)), _inner(rng, space.y, 0.15), (space.z[1] - high, space.z[1]))
        parts.append(Part(box, material, density))
    return parts


def _roof_hide(rng: Rng, conveyance: Conveyance) -> list[Part]:
    """A second ceiling with packages above it."""
    space = conveyance.cavities["roof"]
    material, density = _material(rng, DRUGS)
    width = _log_uniform(rng, 400, 3000)
    x = rng.uniform(space.x[0], max(space.x[1] - width, space.x[0] + 1))
    right = min(x + width, space.x[1])
    low = max(space.z[1] - rng.uniform(40, 140), space.z[0])
    return [
        Part(
            Box((x, right), _inner(rng, space.y, 0.2), (low, space.z[1])),
            material,
            density,
            texture=_layers(rng, 80, 0.1),
        ),
        Part(Box((x, right), space.y, (low - 3, low)), "aluminium", 2.7 * rng.uniform(0.1, 1)),
    ]


def _wall_hide(rng: Rng, conveyance: Conveyance) -> list[Part]:
    """Thin packages behind the lining of a side wall."""
    space = conveyance.cavities["side"]
    material, density = _material(rng, DRUGS)
    width, height = _log_uniform(rng, 250, 1800), _log_uniform(rng, 200, 1500)
    x = rng.uniform(space.x[0], space.x[1] - width)
    z = rng.uniform(space.z[0], max(space.z[1] - height, space.z[0] + 1))
    box = Box((x, x + width), space.y, (z, min(z + height, space.z[1])))
    return [Part(box, material, density, texture=_layers(rng, 120, 0.1))]


def _inner(rng: Rng, y: Interval, least: float) -> Interval:
    """A part of an interval, at least `least` of it."""
    share = rng.uniform(least, 1)
    start = rng.uniform(y[0], y[1] - share * (y[1] - y[0]))
    return (start, start + share * (y[1] - y[0]))


LOOSE: dict[str, Callable[[Rng], list[Part]]] = {
    "bricks": _bricks,
    "bulk_bag": _bulk_bag,
    "contraband": _contraband,
    "die_moulds": _die_moulds,
    "firearm": _firearms,
    "jerrycans": _jerrycans,
    "other": _other,
    "pill_press": _pill_press,
    "pills": _pills,
    "press_parts": _press_parts,
}
STRUCTURAL: dict[str, Callable[[Rng, Conveyance], list[Part]]] = {
    "false_wall": _false_wall,
    "floor_hide": _floor_hide,
    "roof_hide": _roof_hide,
    "wall_hide": _wall_hide,
}
FAMILIES = tuple(sorted({*LOOSE, *STRUCTURAL}))


@dataclass(frozen=True)
class Place:
    """How far a concealment, built at the origin, is moved; mm."""

    x: float
    y: float
    z: float


def _extent(parts: list[Part]) -> Box:
    boxes = [part.shape.bounds for part in parts]
    return Box(*((min(side(b)[0] for b in boxes), max(side(b)[1] for b in boxes)) for side in _SIDES))


_SIDES: tuple[Callable[[Box], Interval], ...] = (lambda b: b.x, lambda b: b.y, lambda b: b.z)


def _place(rng: Rng, size: Box, conveyance: Conveyance, spots: tuple[Spot, ...]) -> tuple[Place, Part | None]:
    """Where to put a concealment of this extent: inside goods that it displaces, or on what carries it."""
    inside = conveyance.inside
    wide, deep, high = (side(size)[1] - side(size)[0] for side in _SIDES)
    goods = [spot for spot in spots if spot.host and spot.box.z[1] - spot.box.z[0] > high * 0.6]
    free = [spot for spot in spots if spot.host is None]
    in_goods = bool(goods) and rng.random() < 0.6
    choice = goods if in_goods else free
    spot = choice[rng.integers(len(choice))] if choice else Spot(inside)
    x = _within(rng.uniform(spot.box.x[0], max(spot.box.x[1] - wide, spot.box.x[0] + 1)), wide, inside.x)
    y = _within(rng.uniform(spot.box.y[0], max(spot.box.y[1] - deep, spot.box.y[0] + 1)), deep, inside.y)
    if in_goods:
        z = rng.uniform(spot.box.z[0], max(spot.box.z[1] - high, spot.box.z[0] + 1))
    else:  # on the highest thing under it
        below = [one.box.z[0] for one in free if one.box.x[0] < x + wide and one.box.x[1] > x]
        z = max(below, default=inside.z[0]) + 1
    z = _within(z, high, inside.z)
    return Place(x - size.x[0], y - size.y[0], z - size.z[0]), spot.host


def _within(start: float, length: float, room: Interval) -> float:
    """The start moved so that start..start + length lies in the room, as far as it fits."""
    return float(np.clip(start, room[0], max(room[1] - length, room[0])))


def _moved(part: Part, by: Place) -> Part:
    return Part(_moved_shape(part.shape, by), part.material, part.density, part.sign, part.texture)


def _moved_shape(shape: Shape, by: Place) -> Shape:
    def shift(interval: Interval, step: float) -> Interval:
        return (interval[0] + step, interval[1] + step)

    match shape:
        case Box():
            return Box(shift(shape.x, by.x), shift(shape.y, by.y), shift(shape.z, by.z))
        case Cylinder():
            x, y, z = shape.centre
            return Cylinder((x + by.x, y + by.y, z + by.z), shape.radius, shape.length, shape.axis)
        case Ellipsoid():
            x, y, z = shape.centre
            return Ellipsoid((x + by.x, y + by.y, z + by.z), shape.semi)
        case PrismY():
            return PrismY(tuple((u + by.x, v + by.z) for u, v in shape.corners), shift(shape.y, by.y))
    raise TypeError(f"expected a solid that a concealment is built of, came {type(shape).__name__}")


def _displaced(parts: tuple[Part, ...], host: Part | None) -> tuple[Part, ...]:
    """The goods that these parts push out: the same solids, of the host's material and density."""
    if host is None:
        return ()
    return tuple(Part(part.shape, host.material, host.density, -1) for part in parts if part.sign > 0)
