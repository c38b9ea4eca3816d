"""Mixed goods: a second-hand shop on its shelves, engine parts in mesh boxes, fishing gear."""

from collections.abc import Callable

import numpy as np

from nii.physics.materials import STEEL
from nii.simulate.conveyance.structure import tube
from nii.simulate.held_out.forms import Filling, bar, chain, place, some, steps, within
from nii.simulate.render.draws import Rng, drawn_texture, log_uniform
from nii.simulate.render.scene import Part
from nii.simulate.render.shapes import Box, Cylinder, Ellipsoid, PrismY


def shop_goods(rng: Rng, space: Box) -> list[Part]:
    """A second-hand shop: steel shelves in one to three rows across the room, each board full of other things."""
    things = []
    rows = int(rng.integers(1, 4))
    edges = np.linspace(space.y[0], space.y[1], rows + 1)
    x = space.x[0] + 10
    while x < space.x[1] - 600:
        end = min(x + rng.uniform(750, 1300), space.x[1] - 5)
        for row in range(rows):
            y = (float(edges[row]) + 10, float(edges[row + 1]) - 10)
            things += _shelf(rng, Box((x, end), y, (space.z[0], space.z[1] - rng.uniform(30, 500))))
        x = end + rng.uniform(5, 200)
    return some(rng, [within(thing, space) for thing in things])


def _shelf(rng: Rng, space: Box) -> list[list[Part]]:
    """Uprights, boards, and side by side on each board what was given away."""
    posts = [Part(Box((x, x + 32), y, space.z), "steel", 1.2)
             for x in (space.x[0], space.x[1] - 32) for y in ((space.y[0], space.y[0] + 32),
             (space.y[1] - 32, space.y[1]))]  # fmt: skip
    board: Filling = (("steel", 0.6), ("pine", 0.5), ("plywood", 0.65))[rng.integers(3)]
    things = [posts]
    z = space.z[0] + rng.uniform(20, 120)
    while z < space.z[1] - 250:
        things.append([Part(Box(space.x, space.y, (z, z + 18)), *board)])
        top = min(z + rng.uniform(280, 560), space.z[1])
        x = space.x[0] + 40
        while x < space.x[1] - 160:
            wide = min(log_uniform(rng, 90, 600), space.x[1] - 35 - x)
            deep = rng.uniform(0.4, 0.95) * (space.y[1] - space.y[0])
            front = rng.uniform(space.y[0], space.y[1] - deep)
            box = Box((x, x + wide), (front, front + deep), (z + 18, z + 18 + rng.uniform(0.3, 0.95) * (top - z - 18)))
            things.append(THINGS[rng.integers(len(THINGS))](rng, box))
            x += wide + rng.uniform(2, 60)
        z = top
    return things


def _books(rng: Rng, box: Box) -> list[Part]:
    """A row or a pile of books, or of records and games."""
    look = drawn_texture(rng, ("stripes-x", "stripes-z"), (0.1, 0.35), (20, 70))
    return [Part(box, str(rng.choice(["books", "paper", "cardboard", "pvc"])), rng.uniform(0.2, 0.75), texture=look)]


def _appliance(rng: Rng, box: Box) -> list[Part]:
    """A case of sheet or plastic with a motor or transformer and a board in it: ovens, amplifiers, sewing machines."""
    metal, density, wall = ((*STEEL, 1.0), ("abs", 1.05, 3.0), ("aluminium", 2.7, 2.0))[rng.integers(3)]
    inner = Box(*((side[0] + wall, side[1] - wall) for side in (box.x, box.y, box.z)))
    half = min(rng.uniform(25, 80), (box.x[1] - box.x[0]) / 3, (box.y[1] - box.y[0]) / 3, (box.z[1] - box.z[0]) / 3)
    x, y, z = place(rng, inner, (half, half, half))
    core: Filling = (("copper", 5.0), ("steel", 7.0), ("cast_iron", 6.5), ("aluminium", 2.5))[rng.integers(4)]
    board = box.z[0] + (box.z[1] - box.z[0]) * rng.uniform(0.2, 0.7)
    return [
        Part(box, metal, density),
        Part(inner, metal, density, -1),
        Part(Box((x - half, x + half), (y - half, y + half), (z - half * 0.7, z + half * 0.7)), *core),
        Part(Box(inner.x, inner.y, (board, board + 12)), "circuit_board", rng.uniform(0.3, 1.2)),
    ]


def _pots(rng: Rng, box: Box) -> list[Part]:
    """Pots or vases beside each other, some with a lid or another one in them."""
    parts: list[Part] = []
    radius = min((box.x[1] - box.x[0]) / 2, (box.y[1] - box.y[0]) / 2, rng.uniform(60, 190))
    material, density, wall = (
        (*STEEL, 1.5), ("aluminium", 2.7, 4.0), ("cast_iron", 7.2, 4.5), ("ceramic_tile", 2.1, 7.0),
        ("glass", 2.5, 4.0), ("copper", 8.9, 1.2),
    )[rng.integers(6)]  # fmt: skip
    for x in steps(box.x[0], box.x[1] + 1, 2 * radius):
        middle = (x + radius, sum(box.y) / 2, sum(box.z) / 2)
        high = box.z[1] - box.z[0]
        parts += tube(middle, radius, min(wall, radius / 3), high, "z", material=material, density=density)
        bottom = Cylinder((middle[0], middle[1], box.z[0] + wall), radius - wall, wall, "z")
        parts.append(Part(bottom, material, density))
    return parts


def _toys(rng: Rng, box: Box) -> list[Part]:
    """Round and soft things, some of them with batteries."""
    parts = []
    for _ in range(int(rng.integers(2, 6))):
        half = tuple(min(rng.uniform(25, 130), (side[1] - side[0]) / 2.05) for side in (box.x, box.y, box.z))
        middle = place(rng, box, (half[0], half[1], half[2]))
        soft: Filling = (("polyester_cloth", 0.08), ("abs", 0.3), ("cotton", 0.15), ("rubber", 0.4))[rng.integers(4)]
        parts.append(Part(Ellipsoid(middle, (half[0], half[1], half[2])), *soft))
        if rng.random() < 0.3:
            small = min(12.0, *half)
            parts.append(Part(Cylinder(middle, small, 2 * small, "y"), "zinc", 3.0))
    return parts


def _tools(rng: Rng, box: Box) -> list[Part]:
    """Tools that lie any way in a box, or cutlery."""
    parts = [Part(box, "abs", 0.06)]
    x, z = sum(box.x) / 2, sum(box.z) / 2
    reach = min(box.x[1] - box.x[0], box.z[1] - box.z[0]) / 2 * 0.9
    for _ in range(int(rng.integers(3, 9))):
        turn, long, thick = rng.uniform(0, np.pi), rng.uniform(0.4, 0.95) * reach, rng.uniform(6, 22)
        dx, dz = long * np.cos(turn), long * np.sin(turn)
        front = rng.uniform(box.y[0], box.y[1] - thick)
        metal: Filling = (STEEL, STEEL, ("brass", 8.4), ("hardwood", 0.7))[rng.integers(4)]
        parts.append(bar((x - dx, z - dz), (x + dx, z + dz), thick * 0.8, (front, front + thick), metal))
    return parts


def _bottles(rng: Rng, box: Box) -> list[Part]:
    """Jars and bottles with something left in them."""
    parts: list[Part] = []
    radius = min(rng.uniform(25, 60), (box.x[1] - box.x[0]) / 2)
    for x in steps(box.x[0], box.x[1] + 1, 2 * radius):
        full = (box.z[1] - box.z[0]) * rng.uniform(0, 0.9)
        middle = (x + radius, sum(box.y) / 2, sum(box.z) / 2)
        high = box.z[1] - box.z[0]
        parts += tube(middle, radius, 3, high, "z", material="glass", density=2.5)
        content = Cylinder((middle[0], middle[1], box.z[0] + full / 2), radius - 3, full, "z")
        parts.append(Part(content, str(rng.choice(["vegetable_oil", "water", "sugar", "sand"])), 1.0))
    return parts


THINGS: tuple[Callable[[Rng, Box], list[Part]], ...] = (_appliance, _appliance, _books, _bottles, _pots, _tools, _toys)
"""What stands on shelves, each in a box of its own."""


def engine_parts(rng: Rng, space: Box) -> list[Part]:
    """Used engine parts in boxes of steel mesh, 1240 mm by 835 mm, in up to two tiers."""
    things: list[list[Part]] = []
    tiers = int(rng.integers(1, 3)) if space.z[1] - space.z[0] > 2000 else 1
    for x in steps(space.x[0] + 10, space.x[1], 1240 + rng.uniform(5, 80)):
        for y in steps(space.y[0] + 20, space.y[1], 850 + rng.uniform(0, 60)):
            for tier in range(tiers):
                if tier and rng.random() < 0.25:
                    continue
                z = space.z[0] + tier * 975
                box = Box((x, x + 1240), (y, y + 835), (z, z + 970))
                things += [_mesh_box(box), *_filled(rng, box)]
    return some(rng, [within(thing, space) for thing in things])


def _mesh_box(box: Box) -> list[Part]:
    """Feet, floor, corner posts, rim, and walls of wire."""
    floor = Part(Box(box.x, box.y, (box.z[0] + 100, box.z[0] + 104)), *STEEL)
    feet = [Part(Box((x, x + 90), box.y, (box.z[0], box.z[0] + 100)), "steel", 0.6) for x in (box.x[0], box.x[1] - 90)]
    posts = [Part(Box((x, x + 45), box.y, box.z), "steel", 0.75) for x in (box.x[0], box.x[1] - 45)]
    rim = Part(Box(box.x, box.y, (box.z[1] - 40, box.z[1])), "steel", 0.3)
    wires = [Part(Box((x, x + 6), box.y, (box.z[0] + 104, box.z[1])), "steel", 0.11)
             for x in np.arange(box.x[0] + 90, box.x[1] - 60, 95)]  # fmt: skip
    lines = [Part(Box(box.x, box.y, (z, z + 6)), "steel", 0.11) for z in steps(box.z[0] + 170, box.z[1] - 30, 95)]
    return [floor, *feet, *posts, rim, *wires, *lines]


def _filled(rng: Rng, box: Box) -> list[list[Part]]:
    """One kind of part in most boxes, some in others; half full to full, with what can't be told apart between."""
    mixed = rng.random() < 0.3
    kind = int(rng.integers(len(ENGINE)))
    top = box.z[0] + 110 + rng.uniform(0.35, 0.95) * 820
    inside = Box((box.x[0] + 50, box.x[1] - 50), (box.y[0] + 30, box.y[1] - 30), (box.z[0] + 106, top))
    rest: Filling = (("steel", 0.25), ("aluminium", 0.3), ("cardboard", 0.1), ("lubricating_oil", 0.05))[
        rng.integers(4)
    ]
    things = [[Part(inside, *rest, texture=drawn_texture(rng, ("grain",), (0.2, 0.5), (25, 120)))]]
    for _ in range(int(rng.integers(14, 34))):
        builder = ENGINE[rng.integers(len(ENGINE)) if mixed else kind]
        things.append(builder(rng, inside))
    return things


def _crankshaft(rng: Rng, space: Box) -> list[Part]:
    """Journals in a row with pins and webs beside the axis."""
    radius, long = rng.uniform(22, 35), rng.uniform(350, 620)
    x, y, z = place(rng, space, (long / 2, 90, 90))
    parts = [Part(Cylinder((x, y, z), radius, long, "x"), "cast_iron", 7.2)]
    for i, share in enumerate(np.linspace(-0.4, 0.4, int(rng.integers(4, 7)))):
        off = 55.0 if i % 2 else -55.0
        at, z0, z1 = x + share * long, z + min(off, 0) - 25, z + max(off, 0) + 25
        web = Box((at - 9, at + 9), (y - 40, y + 40), (z0, z1))
        parts.append(Part(web, "cast_iron", 7.2))
    return parts


def _gear(rng: Rng, space: Box) -> list[Part]:
    """A gear, a brake disc or a flywheel, facing any way."""
    radius, deep = rng.uniform(45, 170), rng.uniform(15, 60)
    middle = place(rng, space, (radius, radius, radius))
    axis = str(rng.choice(list("xyz")))
    metal: Filling = (STEEL, ("cast_iron", 7.2))[rng.integers(2)]
    hub = Part(Cylinder(middle, radius * 0.45, deep * 1.6, axis), *metal)
    return [*tube(middle, radius, radius * rng.uniform(0.3, 0.7), deep, axis, material=metal[0], density=metal[1]), hub]


def _piston(rng: Rng, space: Box) -> list[Part]:
    """A piston with its pin and rod, or a liner."""
    radius = rng.uniform(35, 70)
    x, y, z = place(rng, space, (radius, radius, 150))
    parts = tube((x, y, z + 60), radius, 8, 90, "z", material="aluminium", density=2.7)
    return [
        *parts,
        Part(Cylinder((x, y, z + 60), 14, 1.6 * radius, "y"), *STEEL),
        bar((x, z + 50), (x + rng.uniform(-30, 30), z - 110), 26, (y - 14, y + 14), STEEL),
    ]


def _block(rng: Rng, space: Box) -> list[Part]:
    """A cylinder head or a gearbox: a block with bores."""
    half = (rng.uniform(150, 280), rng.uniform(80, 150), rng.uniform(50, 110))
    x, y, z = place(rng, space, half)
    metal: Filling = (("aluminium", 1.6), ("cast_iron", 3.6))[rng.integers(2)]
    bore = half[0] / 4 * 0.75
    bores = [Part(Cylinder((x + share * half[0], y, z), bore, 2 * half[2], "z"), *metal, -1)
             for share in (-0.7, -0.25, 0.25, 0.7)]  # fmt: skip
    body = Box((x - half[0], x + half[0]), (y - half[1], y + half[1]), (z - half[2], z + half[2]))
    return [Part(body, *metal), *bores]


def _starter(rng: Rng, space: Box) -> list[Part]:
    """A starter motor or an alternator: copper in steel."""
    radius, long = rng.uniform(35, 75), rng.uniform(120, 260)
    middle = place(rng, space, (long / 2, radius, radius))
    return [
        *tube(middle, radius, 7, long, "x"),
        Part(Cylinder(middle, radius * 0.75, long * 0.7, "x"), "copper", 5.0),
        Part(Cylinder(middle, 9, long * 0.98, "x"), *STEEL),
    ]


ENGINE: tuple[Callable[[Rng, Box], list[Part]], ...] = (_block, _crankshaft, _gear, _piston, _starter)
"""Parts of engines, each somewhere in a space."""


def fishing_gear(rng: Rng, space: Box) -> list[Part]:
    """Heaps of nets with lines of leads and floats, buoys, coils of rope, traps, chains and boards of trawls."""
    things: list[list[Part]] = []
    x = space.x[0] + 20
    while x < space.x[1] - 500:
        end = min(x + rng.uniform(700, 2200), space.x[1] - 10)
        top = space.z[0] + (space.z[1] - space.z[0]) * rng.uniform(0.25, 0.85)
        heap = Box((x, end), (space.y[0] + 30, space.y[1] - 30), (space.z[0], top))
        things += (_traps if rng.random() < 0.3 else _nets)(rng, heap)
        x = end + rng.uniform(-200, 150)
    for _ in range(int((space.x[1] - space.x[0]) / 350)):
        things.append(GEAR[rng.integers(len(GEAR))](rng, space))
    return some(rng, [within(thing, space) for thing in things])


def _nets(rng: Rng, heap: Box) -> list[list[Part]]:
    """A heap of netting with the lines that run through it."""
    material = str(rng.choice(["nylon", "polyethylene", "polypropylene"]))
    mounds = []
    for _ in range(int(rng.integers(3, 8))):
        sides = zip((heap.x, heap.y, heap.z), ((300, 1000), (300, 1000), (120, 380)), strict=True)
        a, b, c = (min(rng.uniform(*most), (side[1] - side[0]) / 2.05) for side, most in sides)
        look = drawn_texture(rng, ("folds", "grain"), (0.15, 0.5), (20, 200))
        mound = Ellipsoid(place(rng, heap, (a, b, c)), (a, b, c))
        mounds.append(Part(mound, material, rng.uniform(0.08, 0.3), texture=look))
    return [mounds, *(_line(rng, heap) for _ in range(int(rng.integers(2, 6))))]


def _line(rng: Rng, heap: Box) -> list[Part]:
    """A rope that wanders through a heap, strung with leads or with floats."""
    leads = rng.random() < 0.5
    count = int(rng.integers(8, 26))
    steps_x, steps_z = np.cumsum(rng.normal(0, 90, count)), np.cumsum(rng.normal(0, 70, count))
    x = np.clip(steps_x + rng.uniform(*heap.x), heap.x[0] + 60, heap.x[1] - 60) + rng.uniform(-20, 20, count)
    z = np.clip(steps_z + rng.uniform(*heap.z), heap.z[0] + 60, heap.z[1] - 60)
    y = rng.uniform(heap.y[0] + 100, heap.y[1] - 100)
    floats: Filling = (("polystyrene_foam", 0.1), ("pvc", 0.25), ("abs", 0.3))[rng.integers(3)]
    filling: Filling = ("lead", 11.3) if leads else floats
    half = (rng.uniform(15, 40), rng.uniform(6, 12), rng.uniform(6, 12)) if leads else (55.0, 55.0, 55.0)
    beads = [Part(Ellipsoid((float(u), y, float(v)), half), *filling) for u, v in zip(x, z, strict=True)]
    points = [(float(u), float(v)) for u, v in zip(x, z, strict=True)]
    return beads + chain(points, 12, (y - 6, y + 6), ("polypropylene", 0.6))


def _traps(rng: Rng, heap: Box) -> list[list[Part]]:
    """Lobster pots in piles: frames of bar with netting, each with a weight."""
    size = (rng.uniform(450, 900), rng.uniform(400, 550), rng.uniform(250, 450))
    traps = []
    for x in steps(heap.x[0], heap.x[1], size[0] + 15):
        for y in steps(heap.y[0], heap.y[1], size[1] + 15):
            for z in steps(heap.z[0], heap.z[1], size[2] + 8):
                box = Box((x, x + size[0]), (y, y + size[1]), (z, z + size[2]))
                traps.append(_trap(rng, box))
    return traps


def _trap(rng: Rng, box: Box) -> list[Part]:
    ends = ((box.x[0], box.x[0] + 14), (sum(box.x) / 2 - 7, sum(box.x) / 2 + 7), (box.x[1] - 14, box.x[1]))
    hoops = [Part(Box(x, y, box.z), "steel", 7.0) for x in ends
             for y in ((box.y[0], box.y[0] + 14), (box.y[1] - 14, box.y[1]))]  # fmt: skip
    rails = [Part(Box(box.x, (box.y[0], box.y[0] + 28), (z, z + 14)), "steel", 7.0) for z in (box.z[0], box.z[1] - 14)]
    weight = Box((box.x[0] + 40, box.x[1] - 40), (box.y[0] + 60, box.y[0] + 110), (box.z[0] + 5, box.z[0] + 30))
    netting = drawn_texture(rng, ("grid",), (0.2, 0.5), (30, 80))
    return [*hoops, *rails, Part(weight, "concrete", 2.2), Part(box, "nylon", 0.012, texture=netting)]


def _buoy(rng: Rng, space: Box) -> list[Part]:
    """A hollow ball, or one of foam with a rod through it."""
    radius = rng.uniform(110, 380)
    x, y, z = place(rng, space, (radius, radius, radius))
    z = max(space.z[0] + radius + 1, z - 500)
    if rng.random() < 0.3:
        rod = bar((x, z - radius * 0.95), (x, z + radius * 0.95), 30, (y - 15, y + 15), STEEL)
        return [Part(Ellipsoid((x, y, z), (radius, radius, radius)), "polystyrene_foam", 0.06), rod]
    inner = radius - rng.uniform(4, 9)
    return [
        Part(Ellipsoid((x, y, z), (radius, radius, radius)), "pvc", 1.3),
        Part(Ellipsoid((x, y, z), (inner, inner, inner)), "pvc", 1.3, -1),
    ]


def _rope(rng: Rng, space: Box) -> list[Part]:
    """A coil of rope or of steel wire on the floor or on its side."""
    radius, high = rng.uniform(200, 420), rng.uniform(150, 500)
    axis = str(rng.choice(["y", "z"]))
    x, y, _ = place(rng, space, (radius, radius, radius))
    z = space.z[0] + (high / 2 if axis == "z" else radius) + 2
    material, density = (("polypropylene", 0.5), ("nylon", 0.6), ("steel", 3.5))[rng.integers(3)]
    return tube((x, y, z), radius, radius * rng.uniform(0.3, 0.6), high, axis, material=material, density=density)


def _trawl_board(rng: Rng, space: Box) -> list[Part]:
    """A board of steel or shod wood that stands on edge, with its bracket."""
    long, high, thick = rng.uniform(700, 1500), rng.uniform(450, 900), rng.uniform(15, 60)
    x, y, _ = place(rng, space, (long / 2, thick, high / 2))
    z = space.z[0] + 2
    outline = ((x - long / 2, z), (x + long / 2, z), (x + long / 2, z + high * 0.8), (x - long * 0.3, z + high),
               (x - long / 2, z + high * 0.7))  # fmt: skip
    board: Filling = ("steel", 5.0) if thick < 30 else ("hardwood", 0.8)
    shoe = Part(Box((x - long / 2, x + long / 2), (y, y + 70), (z, z + 60)), *STEEL)
    return [Part(PrismY(outline, (y, y + thick)), *board), shoe]


def _chain(rng: Rng, space: Box) -> list[Part]:
    """A heap of chain, or an anchor's shank and flukes."""
    if rng.random() < 0.5:
        half = (rng.uniform(120, 350), rng.uniform(100, 300), rng.uniform(50, 150))
        x, y, _ = place(rng, space, half)
        look = drawn_texture(rng, ("grain",), (0.3, 0.5), (25, 60))
        heap = Ellipsoid((x, y, space.z[0] + half[2] + 1), half)
        return [Part(heap, "steel", rng.uniform(1.5, 3.5), texture=look)]
    x, y, _ = place(rng, space, (350, 60, 350))
    z, sides = space.z[0] + 20, (y - 20, y + 20)
    shank = bar((x, z), (x + 300, z + 600), 40, sides, STEEL)
    return [shank, bar((x - 250, z + 150), (x, z), 45, sides, STEEL), bar((x, z), (x + 280, z + 60), 45, sides, STEEL)]


GEAR: tuple[Callable[[Rng, Box], list[Part]], ...] = (_buoy, _buoy, _rope, _chain, _trawl_board)
"""What lies about between nets, each somewhere in a space."""
