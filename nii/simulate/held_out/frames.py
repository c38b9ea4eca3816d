"""Goods of thin bars and rods: bicycles, stacked chairs, reinforcing mesh with wire coils, garments on racks."""

import numpy as np

from nii.physics.materials import STEEL, STEEL_G_CM3
from nii.simulate.conveyance.structure import tube
from nii.simulate.held_out.forms import Filling, Point, bar, chain, some, steps, within
from nii.simulate.render.draws import Rng, drawn_texture
from nii.simulate.render.scene import Part
from nii.simulate.render.shapes import Box, Cylinder, Interval, PrismY

STEEL_TUBE = ("steel", 2.2)  # 1.5 mm of wall in 20 mm

FABRICS = ("cotton", "polyester_cloth", "wool", "leather")


def bicycles(rng: Rng, space: Box) -> list[Part]:
    """Bicycles side on, nested along the room and across it in one tier or two; some without wheels, some electric."""
    length = min(rng.uniform(1450, 1850), (space.x[1] - space.x[0]) * 0.9)
    radius = length * rng.uniform(0.17, 0.2)
    tall = 3.1 * radius
    tiers = 2 if 2 * tall < space.z[1] - space.z[0] and rng.random() < 0.6 else 1
    metal = (("steel", 1.7), ("aluminium", 1.0))[rng.integers(2)]  # tubes, air within included
    electric = rng.random() < 0.3
    things = []
    for x in np.arange(space.x[0] + 10, space.x[1] - length, length * rng.uniform(0.6, 1.0)):
        for y in np.arange(space.y[0] + 130, space.y[1] - 130, rng.uniform(140, 350)):
            for tier in range(tiers):
                at = (x + rng.uniform(0, length * 0.3), float(y), space.z[0] + 3 + tier * (tall + rng.uniform(5, 20)))
                things.append(within(_bicycle(rng, at, (length, radius), metal, electric=electric), space))
    return some(rng, things)


def _bicycle(
    rng: Rng, at: tuple[float, float, float], size: tuple[float, float], metal: Filling, *, electric: bool
) -> list[Part]:
    """One of this length and radius of wheels (mm) that stands at (x, y, z), facing either way."""
    length, radius = size
    way = rng.random() < 0.5

    def point(u: float, v: float) -> Point:
        return at[0] + length * (u if way else 1 - u), at[2] + radius * v

    y = (at[1] - 15, at[1] + 15)
    pedals, seat, head, fork = point(0.43, 0.85), point(0.37, 2.3), point(0.69, 2.45), point(0.72, 2.0)
    rear, front = point(0.2, 1), point(0.8, 1)
    parts = [
        *chain([head, seat, pedals, fork], 32, y, metal),
        *chain([seat, rear, pedals], 16, (at[1] - 40, at[1] + 40), (metal[0], metal[1] * 0.5)),
        *chain([point(0.67, 2.8), fork, front], 26, y, metal),
        bar(seat, point(0.35, 2.75), 28, y, STEEL),
        bar(point(0.28, 2.78), point(0.43, 2.72), 45, (at[1] - 70, at[1] + 70), ("polyurethane_foam", 0.35)),
        bar(point(0.62, 2.85), point(0.75, 2.75), 24, y, STEEL),
        Part(Cylinder((pedals[0], at[1], pedals[1]), 95, 6, "y"), *STEEL),
    ]
    if electric:
        parts.append(bar(pedals, fork, 75, (at[1] - 40, at[1] + 40), ("lithium_battery", 1.8)))
        parts.append(Part(Cylinder((rear[0], at[1], rear[1]), 95, 110, "y"), "copper", 3.5))
    for x, z in (rear, front):
        if rng.random() < 0.85:
            parts += _wheel((x, at[1], z), radius)
    return parts


def _wheel(middle: tuple[float, float, float], radius: float) -> list[Part]:
    """Tyre, rim and hub."""
    return [
        *tube(middle, radius, 30, 40, "y", material="rubber", density=0.55),
        *tube(middle, radius - 30, 14, 24, "y", material="aluminium", density=1.4),
        Part(Cylinder(middle, 26, 95, "y"), "steel", 4.0),
    ]


def chairs(rng: Rng, space: Box) -> list[Part]:
    """Chairs of boards or plastic on legs of tube, nested in stacks that lean; table tops on edge between them."""
    board: Filling = (("plywood", 0.65), ("polypropylene", 0.9), STEEL)[rng.integers(3)]
    thick = {"plywood": 12.0, "polypropylene": 5.0, "steel": 1.2}[board[0]]
    wide, seat = rng.uniform(400, 520), rng.uniform(400, 470)
    rise, lean = rng.uniform(70, 160), rng.uniform(5, 35)
    most = int(np.clip((space.z[1] - space.z[0] - seat - 440) / rise, 1, 9))
    things = []
    for x in steps(space.x[0] + 10, space.x[1] - lean * most, wide * rng.uniform(1.1, 1.5) + lean * most * 0.5):
        for y in steps(space.y[0] + 20, space.y[1], rng.uniform(470, 900)):
            way, nested = rng.random() < 0.5, []
            for level in range(max(int(most * rng.uniform(0.4, 1)), 1)):
                at = (x + level * lean, y, space.z[0] + 2 + level * rise)
                nested += _chair(at, (wide, seat), thick, board, way=way)
            things.append(within(nested, space))
        if rng.random() < 0.25:
            things.append(within(_tops(rng, x + wide + 10, space), space))
    return some(rng, things)


def _chair(
    at: tuple[float, float, float], size: tuple[float, float], thick: float, board: Filling, *, way: bool
) -> list[Part]:
    """One of this width and height of the seat (mm) with its back to the left, or to the right."""
    wide, seat = size

    def point(u: float, v: float) -> Point:
        return at[0] + wide * (u if way else 1 - u), at[2] + v

    y = (at[1], at[1] + 430)
    sides = [(y[0], y[0] + 22), (y[1] - 22, y[1])]
    legs = [chain([point(0.02, 5), point(0.12, seat), point(0.04, seat + 400)], 20, side, STEEL_TUBE) for side in sides]
    fronts = [chain([point(0.98, 5), point(0.88, seat), point(0.12, seat)], 20, side, STEEL_TUBE) for side in sides]
    return [
        bar(point(0.06, seat + 12), point(0.96, seat + 22), max(thick, 4), y, board),
        bar(point(0.1, seat + 180), point(0.05, seat + 390), max(thick, 4), y, board),
        *(part for leg in (*legs, *fronts) for part in leg),
    ]


def _tops(rng: Rng, x: float, space: Box) -> list[Part]:
    """Table tops that lean against a stack."""
    high = rng.uniform(700, 1400)
    return [
        bar((x + i * 32, space.z[0] + 20), (x + 60 + i * 32, space.z[0] + high), 25, (-600.0, 600.0), ("plywood", 0.7))
        for i in range(int(rng.integers(2, 5)))
    ]


def mesh(rng: Rng, space: Box) -> list[Part]:
    """Reinforcing steel: welded mats on edge and lying, coils of wire rod, cages of bars, each on some of the floor."""
    things: list[list[Part]] = []
    x = space.x[0] + 20
    builders = (_mats, _coils, _cage)
    while x < space.x[1] - 700:
        end = min(x + rng.uniform(1200, 4500), space.x[1] - 20)
        stretch = Box((x, end), space.y, space.z)
        things += [within(thing, space) for thing in builders[rng.integers(3)](rng, stretch)]
        x = end + rng.uniform(20, 300)
    return some(rng, things)


def _mats(rng: Rng, space: Box) -> list[list[Part]]:
    """Bundles of mats on edge, each a little beside the last one; some mats flat on the floor under them."""
    wire, apart = rng.uniform(5, 12), float(rng.choice([100.0, 150.0, 200.0]))
    bundles = []
    for y in rng.uniform(space.y[0] + 100, space.y[1] - 200, int(rng.integers(2, 6))):
        start, deep = space.x[0] + rng.uniform(0, apart), rng.uniform(2, 9) * wire * 1.6
        top = space.z[0] + (space.z[1] - space.z[0]) * rng.uniform(0.5, 0.95)
        both, filling = (float(y), float(y) + deep), ("steel", STEEL_G_CM3 * 0.4)
        rods = [Part(Box((x, x + wire), both, (space.z[0] + 60, top)), *filling)
                for x in steps(start, space.x[1], apart)]  # fmt: skip
        lines = [Part(Box((start, space.x[1]), both, (z, z + wire)), *filling)
                 for z in steps(space.z[0] + 80, top, apart)]  # fmt: skip
        bundles.append(rods + lines)
    flat = Box(space.x, (space.y[0] + 50, space.y[1] - 50), (space.z[0], space.z[0] + rng.uniform(20, 60)))
    look = drawn_texture(rng, ("grid",), (0.2, 0.5), (100, 200))
    return [*bundles, [Part(flat, "steel", rng.uniform(0.5, 1.5), texture=look)]]


def _coils(rng: Rng, space: Box) -> list[list[Part]]:
    """Coils of wire rod, lying along, across or on their side, with uneven windings."""
    radius = min(rng.uniform(350, 620), (space.x[1] - space.x[0]) / 2.1)
    deep, axis = rng.uniform(400, 900), str(rng.choice(list("xyz")))
    inner = radius * rng.uniform(0.6, 0.75)
    half = {"x": deep / 2, "y": radius, "z": radius}[axis]
    things = []
    for x in steps(space.x[0] + half + 5, space.x[1] + half, 2 * half + rng.uniform(5, 60)):
        at = (x, rng.uniform(-400, 400), space.z[0] + (deep / 2 if axis == "z" else radius) + 5)
        density = rng.uniform(0.8, 2.2)  # wound loosely
        wound = tube(at, radius, radius - inner, deep, axis, density=density)
        things.append([*wound, *_windings(rng, at, radius, deep, axis)])
    return things


def _windings(rng: Rng, at: tuple[float, float, float], radius: float, length: float, axis: str) -> list[Part]:
    """A few loose windings around a coil, and the straps that hold it."""
    parts = []
    for share in rng.uniform(-0.45, 0.45, int(rng.integers(2, 6))):
        moved = tuple(c + share * length * (name == axis) for c, name in zip(at, "xyz", strict=True))
        parts += tube((moved[0], moved[1], moved[2]), radius + rng.uniform(0, 4), 8, 10, axis)
    return parts


def _cage(rng: Rng, space: Box) -> list[list[Part]]:
    """Cages along the room, for columns and piles: rings and bars."""
    things = []
    radius = rng.uniform(150, 420)
    for y in steps(space.y[0] + radius + 10, space.y[1] + radius, 2 * radius + 30):
        z = space.z[0] + radius + 70
        rings = [part for x in steps(space.x[0] + 50, space.x[1], rng.uniform(100, 300))
                 for part in tube((x, y, z), radius, 10, 10, "x")]  # fmt: skip
        bars = []
        for turn in np.arange(0, 2 * np.pi, np.pi / 5):
            middle = (sum(space.x) / 2, y + (radius - 20) * np.cos(turn), z + (radius - 20) * np.sin(turn))
            bars.append(Part(Cylinder(middle, rng.uniform(8, 14), space.x[1] - space.x[0] - 40, "x"), *STEEL))
        things.append(rings + bars)
    return things


def garments(rng: Rng, space: Box) -> list[Part]:
    """Garments on hangers, on rails along the room or across it, in one tier or two; cartons of shoes below."""
    tiers = 2 if space.z[1] - space.z[0] > 2300 and rng.random() < 0.6 else 1
    high = (space.z[1] - space.z[0] - 30) / tiers
    along = rng.random() < 0.6
    things = []
    x = space.x[0] + 40
    while x < space.x[1] - 600:
        end = min(x + rng.uniform(900, 1900), space.x[1] - 20)
        for tier in range(tiers):
            level = (space.z[0] + tier * high, space.z[0] + (tier + 1) * high)
            for y in ((space.y[0] + 30, -20.0), (20.0, space.y[1] - 30)):
                stretch = Box((x, end), y, level)
                things += [within(thing, space) for thing in (_rack(stretch), *_hung(rng, stretch, along=along))]
        x = end + rng.uniform(10, 150)
    return some(rng, things)


def _rack(space: Box) -> list[Part]:
    """Uprights, a rail at the top and a foot."""
    y = (sum(space.y) / 2 - 16, sum(space.y) / 2 + 16)
    top = space.z[1] - 60
    posts = [Part(Box((x, x + 30), y, (space.z[0], top)), "steel", 1.8) for x in (space.x[0], space.x[1] - 30)]
    rails = [Part(Box(space.x, y, (z, z + 28)), "steel", 1.8) for z in (space.z[0] + 90, top)]
    return [*posts, *rails, Part(Box(space.x, space.y, (space.z[0] + 60, space.z[0] + 75)), "steel", 0.25)]


def _hung(rng: Rng, space: Box, *, along: bool) -> list[list[Part]]:
    """What hangs on one rack: seen edge on, or face on; and cartons of shoes under it."""
    fabric, density = FABRICS[rng.integers(len(FABRICS))], rng.uniform(0.06, 0.22)
    top, longest = space.z[1] - 130, space.z[1] - space.z[0] - 260
    things, x = [], space.x[0] + 45
    wide: Interval = (28, 90) if along else (420, 560)
    while x < space.x[1] - wide[1]:
        across = rng.uniform(*wide)
        long = min(rng.uniform(500, 1250), longest)
        if rng.random() < 0.15:
            fabric, density = FABRICS[rng.integers(len(FABRICS))], rng.uniform(0.06, 0.22)
        things.append(_garment(rng, (x, x + across), space.y, (top - long, top), (fabric, density)))
        x += across + rng.uniform(2, 25)
    under = space.z[0] + 80
    for left in steps(space.x[0] + 30, space.x[1], 330):
        if rng.random() < 0.6:
            box = Box((left, left + 300), (space.y[0] + 40, space.y[1] - 40), (under, under + 110))
            things.append([Part(box, "leather", 0.16, texture=drawn_texture(rng, ("grid",), (0.2, 0.5), (60, 120)))])
    return things


def _garment(rng: Rng, x: Interval, y: Interval, z: Interval, filling: Filling) -> list[Part]:
    """One, narrower at the shoulders, with its hanger, and now and then metal buttons."""
    middle, wide = (x[0] + x[1]) / 2, x[1] - x[0]
    look = drawn_texture(rng, ("folds", "stripes-x"), (0.1, 0.45), (15, 120))
    shoulders = z[1] - 0.12 * wide
    outline = ((x[0], z[0]), (x[0] + 0.05 * wide, shoulders), (middle, z[1]), (x[1] - 0.05 * wide, shoulders),
               (x[1], z[0] + rng.uniform(0, 60)))  # fmt: skip
    deep = (y[0] + rng.uniform(200, 380), y[1] - rng.uniform(200, 380))
    parts = [
        Part(PrismY(outline, deep), *filling, texture=look),
        bar((middle - 6, z[1] - 10), (middle + 8, z[1] + 95), 5, (deep[0] + 200, deep[0] + 206), STEEL),
        bar((x[0] + 4, z[1] - 40), (x[1] - 4, z[1] - 40), 12, deep, ("abs", 0.1)),
    ]
    if rng.random() < 0.2:
        parts += [Part(Cylinder((middle, deep[0], z[0] + share * (z[1] - z[0])), 9, 4, "y"), "brass", 8.0)
                  for share in (0.2, 0.4, 0.6)]  # fmt: skip
    return parts
