"""Goods that people carry in cars: things packed into the boot, on the seats and on the floor.

A packer fills a room with things from the floor up, so nothing floats and nothing overlaps; a thing is
built into the box that the packer gives it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from nii.simulate.cargo.arrangements import unlisted
from nii.simulate.render.draws import SEEDS, Rng, drawn_material, drawn_texture, log_uniform
from nii.simulate.render.scene import Part, Texture
from nii.simulate.render.shapes import Box, Cylinder, Ellipsoid, Interval, Vector
from nii.simulate.vehicle.parts import case, clutter, drawn_start, pipe, rod, sheet

Builder = Callable[[Rng, Box], list[Part]]

CLEAR = 2.0  # mm between things
UNLISTED = "unlisted"  # goods of no kind
DRAWS = 6  # of goods of no kind before too heavy ones are made lighter
SCALE = 0.35  # of things of no kind, against those in containers
LEAST_ROOM = 60.0  # mm in height for goods of no kind
HOLDS = ("cotton", "polyester_cloth", "paper", "household_goods", "flour", "rice", "sand", "cement", "potatoes",
          "fruit", "vegetables", "animal_feed", "coffee_beans", "sugar", "electronics_mix")  # fmt: skip
"""Materials in which something can be hidden, in place of some of it."""


@dataclass(frozen=True)
class Item:
    """A kind of thing: how it is built, and its size in mm along x, y and z."""

    build: Builder
    x: Interval
    y: Interval
    z: Interval


def _filled(box: Box, wall: float) -> Box:
    """The inside of a box with walls."""
    return Box(*((a + wall, b - wall) for a, b in (box.x, box.y, box.z)))


def suitcase(rng: Rng, box: Box) -> list[Part]:
    """A shell with a frame, a handle of tubes, clothes, and a few other things in them."""
    inside = _filled(box, 4)
    clothes = Part(inside, str(rng.choice(["cotton", "polyester_cloth"])), rng.uniform(0.1, 0.32),
                   texture=drawn_texture(rng, ("grain", "stripes-z"), (0.05, 0.35), (30, 200)))  # fmt: skip
    parts = [*case(box, rng.uniform(1.5, 3), "polypropylene"), clothes]
    if rng.random() < 0.6:
        for y in (inside.y[0] + 30, inside.y[1] - 40):
            parts.append(
                sheet((inside.x[0], inside.x[1]), (y, y + 12), (inside.z[0] + 8, inside.z[0] + 20), "aluminium", 0.5)
            )
    things = ("polypropylene", "water", "steel", "paper", "rubber", "circuit_board", "glass")
    return parts + clutter(rng, inside, int(rng.integers(2, 10)), things, (20, 160))


def bag(rng: Rng, box: Box) -> list[Part]:
    """A soft bag: an ellipsoid of cloth with odd things in it."""
    middle: Vector = ((box.x[0] + box.x[1]) / 2, (box.y[0] + box.y[1]) / 2, (box.z[0] + box.z[1]) / 2)
    semi: Vector = ((box.x[1] - box.x[0]) / 2, (box.y[1] - box.y[0]) / 2, (box.z[1] - box.z[0]) / 2)
    look = drawn_texture(rng, ("grain",), (0.1, 0.4), (30, 150))
    core = Box(*((m - s * 0.5, m + s * 0.5) for m, s in zip(middle, semi, strict=True)))
    cloth = Part(
        Ellipsoid(middle, semi), str(rng.choice(["cotton", "polyester_cloth"])), rng.uniform(0.08, 0.3), texture=look
    )
    things = ("polypropylene", "paper", "water", "steel", "circuit_board", "leather", "aluminium")
    return [cloth, *clutter(rng, core, int(rng.integers(1, 9)), things, (12, 120))]


GOODS: tuple[tuple[str, Interval], ...] = (
    ("household_goods", (0.08, 0.3)), ("paper", (0.3, 0.8)), ("cotton", (0.1, 0.4)), ("polypropylene", (0.05, 0.25)),
    ("electronics_mix", (0.15, 0.5)), ("flour", (0.4, 0.65)), ("fruit", (0.4, 0.65)), ("glass", (0.2, 0.6)),
    ("leather", (0.1, 0.35)), ("canned_food", (0.5, 0.9)), ("machinery_mix", (0.3, 1.0)), ("cigarettes", (0.2, 0.3)),
)  # fmt: skip
"""What cartons hold, with ranges of density as packed in g/cm3."""


def carton(rng: Rng, box: Box) -> list[Part]:
    """A carton of one kind of goods, even or in packets."""
    material, density = drawn_material(rng, GOODS)
    look = drawn_texture(rng, ("grid", "grain", "stripes-z", "stripes-x"), (0, 0.35), (15, 120))
    inside = _filled(box, 4)
    top = inside.z[0] + (inside.z[1] - inside.z[0]) * rng.uniform(0.75, 1)
    return [
        *case(box, 4, "cardboard"),
        Part(Box(inside.x, inside.y, (inside.z[0], top)), material, density, texture=look),
    ]


def sack(rng: Rng, box: Box) -> list[Part]:
    """A sack of bulk."""
    kinds = (("rice", (0.7, 0.85)), ("flour", (0.5, 0.65)), ("potatoes", (0.6, 0.72)), ("sand", (1.3, 1.7)),
             ("cement", (1.1, 1.5)), ("animal_feed", (0.5, 0.7)), ("coffee_beans", (0.35, 0.45)),
             ("sugar", (0.75, 0.9)))  # fmt: skip
    material, density = drawn_material(rng, kinds)
    return [Part(box, material, density, texture=drawn_texture(rng, ("grain",), (0.02, 0.12), (40, 200)))]


def crate(rng: Rng, box: Box) -> list[Part]:
    """A crate of bottles standing in rows."""
    glass = rng.random() < 0.5
    radius = rng.uniform(33, 48)
    liquid = str(rng.choice(["water", "wine", "juice", "milk", "vegetable_oil"]))
    high = (box.z[1] - box.z[0]) * rng.uniform(0.8, 0.95)
    parts = case(box, 3, "polypropylene", 0.6)
    row = _filled(box, 6)
    depth = row.y[1] - row.y[0]
    count = max(int((row.x[1] - row.x[0]) / (2 * radius + 4)), 1)
    radius = min(radius, (row.x[1] - row.x[0]) / 2 / count)
    for i in range(count):  # a row across the vehicle as a long cylinder seen from its side: its mean density
        x = row.x[0] + radius + i * (row.x[1] - row.x[0] - 2 * radius) / max(count - 1, 1)
        for r in range(max(int(depth / (2 * radius + 4)), 1)):
            y = row.y[0] + radius + r * (2 * radius + 4)
            if y + radius > row.y[1]:
                continue
            at = (x, y, row.z[0] + high / 2)
            parts.append(Part(Cylinder(at, radius, high, "z"), *(("glass", 0.75) if glass else ("pet", 0.04))))
            parts.append(Part(Cylinder(at, radius - 4, high * 0.8, "z"), liquid, 1.0))
    return parts


def produce(rng: Rng, box: Box) -> list[Part]:
    """A crate of fruit or vegetables."""
    kinds = (("fruit", (0.45, 0.7)), ("vegetables", (0.3, 0.6)), ("potatoes", (0.6, 0.75)))
    material, density = drawn_material(rng, kinds)
    inside = _filled(box, 5)
    look = Texture(
        "grain", (rng.uniform(40, 110), rng.uniform(40, 110)), rng.uniform(0.1, 0.3), int(rng.integers(SEEDS))
    )
    return [
        *case(box, 6, str(rng.choice(["pine", "polypropylene", "cardboard"])), 0.6),
        Part(inside, material, density, texture=look),
    ]


def toolbox(rng: Rng, box: Box) -> list[Part]:
    """A box of steel or plastic full of tools."""
    metal = rng.random() < 0.4
    parts = case(box, 1.0 if metal else 3.0, "steel" if metal else "polypropylene")
    inside = _filled(box, 8)
    parts += clutter(
        rng, inside, int(rng.integers(20, 60)), ("steel", "steel", "steel", "polypropylene", "copper"), (8, 120)
    )
    for _ in range(int(rng.integers(2, 8))):
        long = (inside.x[1] - inside.x[0]) * rng.uniform(0.4, 0.95)
        x = rng.uniform(inside.x[0], inside.x[1] - long)
        y, z = (rng.uniform(side[0] + 12, side[1] - 12) for side in (inside.y, inside.z))
        parts.append(rod((x + long / 2, y, z), rng.uniform(4, 12), long, "x"))
    return parts


def machine(rng: Rng, box: Box) -> list[Part]:
    """A drill, compressor, pump or kitchen appliance: housing, motor, gears."""
    parts = case(box, rng.uniform(0.8, 2.5), str(rng.choice(["steel", "polypropylene", "aluminium"])))
    inside = _filled(box, 10)
    sides = [(b - a) for a, b in (inside.x, inside.y, inside.z)]
    radius = min(sides) * rng.uniform(0.2, 0.42)
    at = tuple(rng.uniform(a + radius, b - radius) for a, b in (inside.x, inside.y, inside.z))
    length = min(sides[0], 4 * radius) * 0.8
    x = min(max(at[0], inside.x[0] + length / 2), inside.x[1] - length / 2)
    parts += [
        rod((x, at[1], at[2]), radius, length, "x", "steel", 0.5),
        rod((x, at[1], at[2]), radius * 0.7, length * 0.8, "x", "copper", 0.3),
    ]
    return parts + clutter(
        rng,
        inside,
        int(rng.integers(6, 25)),
        ("steel", "polypropylene", "copper", "aluminium", "circuit_board"),
        (10, 140),
    )


def electronics(rng: Rng, box: Box) -> list[Part]:
    """Boards, a transformer and a housing between foam, in a carton."""
    inside = _filled(box, 40 if min(b - a for a, b in (box.x, box.y, box.z)) > 140 else 8)
    parts = [*case(box, 4, "cardboard"), *case(inside, 2.5, "polypropylene")]
    for _ in range(int(rng.integers(1, 4))):
        z = rng.uniform(inside.z[0] + 4, inside.z[1] - 6)
        parts.append(
            sheet((inside.x[0] + 6, inside.x[1] - 6), (inside.y[0] + 6, inside.y[1] - 6), (z, z + 2), "circuit_board")
        )
    return parts + clutter(
        rng, _filled(inside, 4), 25, ("circuit_board", "copper", "aluminium", "steel", "lithium_battery"), (8, 90)
    )


def can(rng: Rng, box: Box) -> list[Part]:
    """A round can or a bucket of paint, oil or the like."""
    radius = min(box.x[1] - box.x[0], box.y[1] - box.y[0]) / 2
    high = box.z[1] - box.z[0]
    x, y = (box.x[0] + box.x[1]) / 2, (box.y[0] + box.y[1]) / 2
    kinds = (
        ("water", (0.95, 1.1)),
        ("lubricating_oil", (0.85, 0.9)),
        ("titanium_dioxide", (1.2, 1.5)),
        ("vegetable_oil", (0.9, 0.93)),
    )
    material, density = drawn_material(rng, kinds)
    fill = (high - 6) * rng.uniform(0.3, 0.97)
    wall = pipe(
        (x, y, box.z[0] + high / 2),
        radius,
        *((0.6, high, "z", "steel") if rng.random() < 0.5 else (2.0, high, "z", "polypropylene")),
    )
    return [*wall, Part(Cylinder((x, y, box.z[0] + 3 + fill / 2), radius - 3, fill, "z"), material, density)]


def car_part(rng: Rng, box: Box) -> list[Part]:
    """A disc, a hub, a starter, a tyre: round metal on a flat side."""
    radius = min(box.x[1] - box.x[0], box.y[1] - box.y[0]) / 2
    x, y, z = (box.x[0] + box.x[1]) / 2, (box.y[0] + box.y[1]) / 2, (box.z[0] + box.z[1]) / 2
    high = box.z[1] - box.z[0]
    if rng.random() < 0.3:
        return [*pipe((x, y, z), radius, radius * 0.35, high, "z", "rubber")]
    return [
        rod((x, y, z), radius, high, "z", str(rng.choice(["steel", "aluminium"])), rng.uniform(0.15, 0.6)),
        rod((x, y, z), radius * rng.uniform(0.3, 0.6), high, "z", "steel", rng.uniform(0.2, 0.8)),
    ]


def tiles(rng: Rng, box: Box) -> list[Part]:
    """Packets of tiles, bricks or boards."""
    kinds = (
        ("ceramic_tile", (1.7, 2.2)),
        ("brick", (1.4, 1.8)),
        ("pine", (0.45, 0.6)),
        ("gypsum", (0.7, 0.9)),
        ("plywood", (0.5, 0.7)),
    )
    material, density = drawn_material(rng, kinds)
    return [
        Part(box, material, density, texture=drawn_texture(rng, ("stripes-z", "stripes-x"), (0.02, 0.12), (10, 40)))
    ]


def wheels(rng: Rng, box: Box) -> list[Part]:
    """A pushchair, wheelchair or bicycle taken apart: wheels and tubes."""
    radius = min(box.x[1] - box.x[0], box.z[1] - box.z[0]) / 2 - 1
    z = box.z[0] + radius + 1
    parts: list[Part] = []
    for x, y in ((box.x[0] + radius + 1, box.y[0] + 20), (box.x[1] - radius - 1, box.y[1] - 20)):
        parts += pipe((x, y, z), radius, 12, 22, "y", "rubber") + pipe((x, y, z), radius - 12, 8, 20, "y", "aluminium")
        parts.append(rod((x, y, z), 18, 34, "y", "steel", 0.6))
    for _ in range(int(rng.integers(3, 8))):
        at = (rng.uniform(*box.x), rng.uniform(box.y[0] + 16, box.y[1] - 16), rng.uniform(box.z[0] + 16, box.z[1] - 16))
        long = 2 * min(at[0] - box.x[0], box.x[1] - at[0])
        if long > 80:
            parts += pipe(at, rng.uniform(9, 15), 2, long, "x", "aluminium")
    return parts


SMALL_CARTON = Item(carton, (150, 420), (150, 420), (100, 330))
ITEMS: dict[str, tuple[Item, ...]] = {
    "building_materials": (Item(tiles, (200, 900), (200, 420), (60, 260)),
                           Item(sack, (350, 620), (280, 420), (90, 150)), Item(can, (160, 290), (160, 290), (170, 320)),
                           Item(toolbox, (350, 560), (180, 300), (160, 280))),
    "car_parts": (Item(car_part, (150, 420), (150, 420), (40, 220)), Item(machine, (200, 500), (180, 400), (150, 350)),
                  SMALL_CARTON, Item(can, (100, 220), (100, 220), (150, 280))),
    "clothing": (Item(bag, (300, 650), (250, 420), (200, 400)), Item(suitcase, (380, 760), (220, 480), (220, 330))),
    "commercial_goods": (SMALL_CARTON, Item(carton, (300, 640), (280, 480), (200, 460))),
    "drinks": (Item(crate, (300, 420), (250, 360), (240, 330)), Item(crate, (260, 420), (200, 300), (230, 320))),
    "electronics": (Item(electronics, (200, 700), (150, 400), (100, 420)), SMALL_CARTON),
    "farm_produce": (Item(produce, (380, 620), (280, 420), (150, 300)), Item(sack, (380, 650), (300, 420), (110, 190))),
    "groceries": (Item(bag, (200, 380), (150, 320), (220, 380)), Item(crate, (230, 400), (180, 280), (240, 320)),
                  Item(produce, (280, 420), (220, 320), (120, 220)), SMALL_CARTON),
    "household": (Item(carton, (250, 560), (250, 420), (180, 420)), Item(bag, (250, 600), (220, 400), (180, 380)),
                  Item(machine, (200, 560), (200, 420), (180, 420)), Item(wheels, (480, 900), (150, 320), (260, 480))),
    "luggage": (Item(suitcase, (400, 780), (220, 520), (230, 480)), Item(bag, (250, 600), (200, 400), (180, 350))),
    "sports": (Item(wheels, (560, 1050), (180, 350), (300, 560)), Item(bag, (400, 950), (220, 380), (200, 350)),
               Item(carton, (200, 400), (200, 350), (100, 280))),
    "tools": (Item(toolbox, (300, 640), (180, 340), (150, 320)), Item(machine, (200, 480), (180, 380), (160, 380)),
              Item(can, (160, 290), (160, 290), (180, 330))),
}  # fmt: skip

HS_CHAPTERS = {
    "building_materials": "68", "car_parts": "87", "clothing": "62", "commercial_goods": "96", "drinks": "22",
    "electronics": "85", "empty": "00", "farm_produce": "07", "groceries": "21", "household": "99", "luggage": "42",
    "sports": "95", "tools": "82",
}  # fmt: skip
"""Chapter of the Harmonized System of what is carried; "empty": no goods; 99 and 00: no chapter."""

ODDMENTS = (Item(bag, (120, 260), (80, 200), (60, 160)), Item(can, (60, 110), (60, 110), (150, 300)),
            Item(carton, (100, 260), (80, 200), (40, 140)))  # fmt: skip
"""What lies about in any car: an umbrella's worth of things, not goods."""


def fill(rng: Rng, room: Box, load: str, *, share: float, most_kg: float = 400.0) -> list[Part]:
    """Things of a load in a room, from the floor up to about `share` of its height, until they weigh `most_kg`."""
    parts: list[Part] = []
    for box, item in _places(rng, room, ITEMS[load], share):
        thing = item.build(rng, box)
        most_kg -= sum(part.mass_kg for part in thing)
        if most_kg < 0:
            break
        parts += thing
    return parts


def fill_unlisted(rng: Rng, room: Box, *, share: float, most_kg: float) -> list[Part]:
    """Goods of no kind up to `share` of a room's height, of at most `most_kg`."""
    top = max(room.z[0] + (room.z[1] - room.z[0]) * share, min(room.z[0] + LEAST_ROOM, room.z[1]))
    space = replace(room, z=(room.z[0], top))
    for _ in range(DRAWS):
        parts = unlisted(rng, space, SCALE)
        mass = sum(part.mass_kg for part in parts)
        if mass <= most_kg:
            return parts
    return [replace(part, density=part.density * most_kg / mass) for part in parts]


def oddments(rng: Rng, room: Box) -> list[Part]:
    """One small thing on the floor of a room."""
    item = ODDMENTS[rng.integers(len(ODDMENTS))]
    size = [min(rng.uniform(*side), room_side[1] - room_side[0]) for side, room_side in
            ((item.x, room.x), (item.y, room.y), (item.z, room.z))]  # fmt: skip
    x, y = drawn_start(rng, room.x, size[0]), drawn_start(rng, room.y, size[1])
    return item.build(rng, Box((x, x + size[0]), (y, y + size[1]), (room.z[0], room.z[0] + size[2])))


def _places(rng: Rng, room: Box, items: tuple[Item, ...], share: float) -> Iterator[tuple[Box, Item]]:
    """Boxes and what stands in them; those of one stack share a footprint, so each rests on the one below."""
    top = room.z[0] + (room.z[1] - room.z[0]) * share
    x = room.x[0] + rng.uniform(0, 60)
    while room.x[1] - x > 120:
        wide = 0.0
        y = room.y[0] + rng.uniform(0, 60)
        while room.y[1] - y > 120:
            item = items[rng.integers(len(items))]
            length, depth = min(rng.uniform(*item.x), room.x[1] - x), min(rng.uniform(*item.y), room.y[1] - y)
            limit = top - rng.uniform(0, 0.3) * (top - room.z[0])
            z, high = room.z[0], rng.uniform(*item.z)
            while z + high <= min(max(limit, room.z[0] + high), room.z[1]):
                yield Box((x, x + length), (y, y + depth), (z, z + high)), item
                z += high + CLEAR
            wide = max(wide, length)
            y += depth + CLEAR + rng.uniform(0, 40)
        x += wide + CLEAR + float(rng.choice([0.0, log_uniform(rng, 5, 300)]))


def hosts(parts: list[Part]) -> list[Part]:
    """Goods in which something can be hidden; not in a shell, whose inside is taken out of it."""
    shells = {(part.material, part.density) for part in parts if part.sign < 0}
    return [
        part for part in parts if isinstance(part.shape, Box) and part.sign > 0 and part.material in HOLDS
        and (part.material, part.density) not in shells
        and min(np.diff(part.shape.x)[0], np.diff(part.shape.y)[0], np.diff(part.shape.z)[0]) > 30
    ]  # fmt: skip
