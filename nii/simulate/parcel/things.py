"""Things that parcels hold and that are no mere jar, block or bag: worn, played with, kept at home."""

import numpy as np

from nii.physics.materials import STEEL
from nii.simulate.parcel.items import (
    CLOTH,
    LEVEL,
    METALS,
    PLASTICS,
    Item,
    any_of,
    bent,
    block,
    box_shell,
    can_shell,
    grain,
    moved,
    plate,
    post,
    ring,
    rod,
    shell,
)
from nii.simulate.render.draws import Rng, log_uniform
from nii.simulate.render.scene import Part, Spot
from nii.simulate.render.shapes import Cylinder, Ellipsoid


def garment(rng: Rng) -> Item:
    """Folded: a few layers of cloth that don't lie quite on each other, often with a zip or buttons."""
    material, density = any_of(rng, CLOTH)
    w, d = log_uniform(rng, 140, 330), log_uniform(rng, 120, 270)
    parts, z = [], 0.0
    for _ in range(int(rng.integers(1, 6))):
        thick = log_uniform(rng, 5, 32)
        layer = block((w * rng.uniform(0.7, 1), d * rng.uniform(0.7, 1), thick), (*rng.normal(0, 6, 2), z))
        look = grain(rng, (12, 60), (0.1, 0.35), "folds")
        parts.append(Part(layer, material, density, texture=look))
        z += thick + 0.5
    spot = Spot(parts[0].shape.bounds, parts[0])
    if rng.random() < 0.5:  # a zip, as two rows of teeth and a slider
        y, metal = rng.uniform(-d / 3, d / 3), any_of(rng, METALS[:4] + PLASTICS[:1])
        parts.append(Part(block((w * rng.uniform(0.3, 0.8), 4.5, 1.6), (0, y, z)), metal[0], metal[1] * 0.5))
        parts.append(Part(block((9, 7, 3), (rng.uniform(-w, w) / 4, y, z)), metal[0], metal[1]))
    for _ in range(int(rng.integers(0, 7))):
        stuff, solid = any_of(rng, PLASTICS + METALS)
        parts.append(Part(post(rng.uniform(4, 9), 2.5, (*rng.uniform(-0.3, 0.3, 2) * (w, d), z)), stuff, solid))
    return Item(tuple(parts), (spot,))


def shoe(rng: Rng) -> Item:
    """One shoe: sole, hollow upper with paper in it, shank, eyelets."""
    length, width, high = rng.uniform(170, 320), rng.uniform(70, 110), rng.uniform(55, 130)
    outline = [
        (length * u, width * v)
        for u, v in (
            (-0.5, -0.28), (-0.3, -0.36), (0, -0.28), (0.25, -0.46), (0.43, -0.3), (0.5, 0), (0.4, 0.34), (0.2, 0.46),
            (0, 0.32), (-0.3, 0.34), (-0.48, 0.26),
        )
    ]  # fmt: skip
    thick = rng.uniform(8, 32)
    sole = plate(outline, thick, str(rng.choice(["rubber", "polyurethane_foam"])), rng.uniform(0.35, 1.1))
    upper, density = any_of(rng, (("leather", (0.7, 0.95)), ("polyester_cloth", (0.4, 0.7)), ("pvc", (0.8, 1.2))))
    a, b, wall = length * 0.48, width * 0.42, rng.uniform(1.5, 4)
    body = shell(
        Ellipsoid((0, 0, thick + high * 0.4), (a, b, high * 0.4)),
        Ellipsoid((0, 0, thick + high * 0.4), (a - wall, b - wall, high * 0.4 - wall)),
        upper,
        density,
    )
    look = grain(rng, (8, 20), (0.2, 0.5), "folds")
    stuffed = Part(
        Ellipsoid((a * 0.35, 0, thick + high * 0.4), (a * 0.55, b * 0.75, high * 0.3)),
        "paper", rng.uniform(0.02, 0.09), texture=look,
    )  # fmt: skip
    parts = [sole, *body, stuffed]
    if rng.random() < 0.5:
        parts.append(Part(block((length * 0.4, 12, 1.5), (-length * 0.1, 0, thick)), *STEEL))
    for i in range(int(rng.integers(0, 7))):
        x = length * (0.02 + 0.045 * i)
        parts += [Part(post(2.6, 1.2, (x, y, thick + high * 0.78)), "brass", 8.4) for y in (-9.0, 9.0)]
    room = block((a * 0.7, b * 0.9, high * 0.35), (a * 0.35, 0, thick + high * 0.2))
    return Item(
        tuple(parts), (Spot(room, stuffed), Spot(sole.shape.bounds, sole)) if thick > 18 else (Spot(room, stuffed),)
    )


def figure(rng: Rng) -> Item:
    """A doll, teddy or figure: body, head, limbs; plush, hollow plastic or wood."""
    kind, s = rng.integers(3), log_uniform(rng, 0.35, 1.5)
    name, density, wall = (
        ("polyester_cloth", rng.uniform(0.04, 0.12), 0.0), ("pvc", 1.25, rng.uniform(1.5, 3)),
        ("hardwood", rng.uniform(0.55, 0.8), 0.0),
    )[kind]  # fmt: skip
    semis = [(42, 55, 34), (34, 34, 30), (14, 40, 14), (14, 40, 14), (17, 45, 17), (17, 45, 17)]
    places = [(0, 0), (0, 82), (-50, 25), (50, 25), (-24, -85), (24, -85)]
    parts: list[Part] = []
    spots: list[Spot] = []
    for (a, b, c), (x, y) in zip(semis, places, strict=True):
        semi, at = (a * s, b * s, c * s), (x * s, y * s, 36 * s)
        look = grain(rng, (10, 25), (0.05, 0.3)) if kind == 0 else None
        parts.append(Part(Ellipsoid(at, semi), name, density, texture=look))
        if kind == 1:
            parts.append(Part(Ellipsoid(at, (semi[0] - wall, semi[1] - wall, semi[2] - wall)), name, density, -1))
        if len(spots) < 2:
            room = block((semi[0] * 1.1, semi[1] * 1.1, semi[2] * 1.1), (at[0], at[1], at[2] - semi[2] * 0.55))
            spots.append(Spot(room, parts[0] if kind == 0 else None))
    parts += [Part(post(3.5 * s, 4, (x * s, 92 * s, 58 * s)), "abs", 1.1) for x in (-11, 11)]
    return Item(tuple(parts), tuple(spots) if kind < 2 else ())


def toy_car(rng: Rng) -> Item:
    """A vehicle: hollow body of plastic or die-cast zinc, axles, wheels; perhaps a motor and cells."""
    s, metal = log_uniform(rng, 0.3, 1.6), rng.random() < 0.35
    w, d, h = 150 * s, 65 * s, 42 * s
    body = box_shell(
        (w, d, h), rng.uniform(1.4, 2.4), *(("zinc", 6.6) if metal else any_of(rng, PLASTICS[:2])), (0, 0, 10 * s)
    )
    roof = box_shell((w * 0.5, d * 0.85, h * 0.7), 1.6, *any_of(rng, PLASTICS[:3]), (0, 0, 10 * s + h))
    parts = [*body, *roof]
    for x in (-0.32 * w, 0.32 * w):
        parts.append(Part(Cylinder((x, 0, 16 * s), 1.6, d * 1.1, "y"), *STEEL))
        parts += [Part(Cylinder((x, y, 16 * s), 16 * s, 13 * s, "y"), "rubber", 0.9) for y in (-d / 2, d / 2)]
    if rng.random() < 0.5:
        parts.append(Part(Cylinder((0.2 * w, 0, 22 * s), 11 * s, 30 * s, "x"), "copper", 4.0))
        parts += [Part(Cylinder((-0.15 * w, y, 20 * s), 7, 50, "x"), "lithium_battery", 2.5) for y in (-9.0, 9.0)]
    return Item(tuple(parts), (Spot(block((w * 0.8, d * 0.8, h * 0.5), (0, 0, 10 * s + h * 0.45)), None),))


def bricks_game(rng: Rng) -> Item:
    """Building blocks, puzzle, dominoes or dice: many small solids in a retail box."""
    w, d, h = rng.uniform(150, 300), rng.uniform(100, 220), rng.uniform(35, 80)
    parts = box_shell((w, d, h), 1.0, "cardboard", rng.uniform(0.5, 0.8))
    stuff, density = any_of(rng, (PLASTICS[0], ("hardwood", (0.55, 0.8)), ("cardboard", (0.6, 0.8))))
    heap = block((w * 0.9, d * 0.9, h * rng.uniform(0.4, 0.9)), (0, 0, 2))
    body = Part(heap, stuff, density * rng.uniform(0.2, 0.45), texture=grain(rng, (5, 14), (0.3, 0.6)))
    return Item((*parts, body), (Spot(heap, body),))


def ball(rng: Rng) -> Item:
    """A ball, hollow or solid."""
    r, wall = log_uniform(rng, 18, 110), rng.uniform(1.5, 5)
    stuff, density = any_of(rng, (("rubber", (1.0, 1.2)), ("leather", (0.7, 0.9)), ("pvc", (1.1, 1.3))))
    centre = (0.0, 0.0, r)
    inner = (r - wall,) * 3
    parts = shell(Ellipsoid(centre, (r, r, r)), Ellipsoid(centre, (inner[0], inner[1], inner[2])), stuff, density)
    return Item(tuple(parts), (Spot(block((r, r, r), (0, 0, r / 2)), None),))


def ornament(rng: Rng) -> Item:
    """Rings, bangles, earrings, coins in a small case with foam."""
    w, d, h = rng.uniform(40, 110), rng.uniform(35, 90), rng.uniform(22, 40)
    parts = box_shell(
        (w, d, h), 2.0, *any_of(rng, (("cardboard", (0.6, 0.8)), ("hardwood", (0.6, 0.8)), ("abs", (1, 1.1))))
    )
    parts.append(Part(block((w - 6, d - 6, h * 0.4), (0, 0, 3)), "polyurethane_foam", 0.04))
    for _ in range(int(rng.integers(1, 5))):
        metal, density = any_of(
            rng, (("gold", (13, 17)), ("silver", (10, 10.4)), ("brass", (8.3, 8.6)), ("steel", (7.8, 7.9)))
        )
        r = log_uniform(rng, 4, min(w, d) * 0.3)
        at = (*(rng.uniform(-0.25, 0.25, 2) * (w, d)), h * 0.4)
        parts += [
            moved(p, LEVEL, at) for p in ring(r, r * rng.uniform(0.75, 0.92), rng.uniform(1.5, 6), metal, density)
        ]
        if rng.random() < 0.5:
            parts.append(Part(Ellipsoid((at[0] + r, at[1], at[2] + 3), (3, 3, 3)), "glass", rng.uniform(2.5, 3.6)))
    return Item(tuple(parts))


def chain(rng: Rng) -> Item:
    """A necklace, bicycle chain or string of beads: links along a loop."""
    metal, density = any_of(rng, (*METALS[:4], ("silver", (10, 10.4)), ("gold", (13, 17)), ("glass", (2.4, 2.6))))
    n, r, bead = int(rng.integers(16, 36)), log_uniform(rng, 25, 80), log_uniform(rng, 1.2, 5)
    wobble = rng.uniform(0.05, 0.35)
    parts = []
    for i in range(n):
        a = 2 * np.pi * i / n
        here = r * (1 + wobble * np.sin(3 * a + 1))
        centre = (float(here * np.cos(a)), float(here * np.sin(a) * 0.7), bead)
        parts.append(Part(Ellipsoid(centre, (bead, bead, bead)), metal, density * rng.uniform(0.5, 0.9)))
    return Item(tuple(parts))


def watch(rng: Rng) -> Item:
    """Case, glass, movement, bracelet of links or a strap."""
    r, t = rng.uniform(14, 23), rng.uniform(7, 13)
    parts = can_shell(
        r, t, 2.0, *any_of(rng, (("stainless_steel", (7.9, 8)), ("titanium", (4.5, 4.6)), ("gold", (13, 17))))
    )
    parts += [
        Part(post(r * 0.8, t * 0.4, (0, 0, 2)), "brass", rng.uniform(3, 7)),
        Part(post(r * 0.9, 1.5, (0, 0, t)), "glass", 2.5),
    ]
    links = any_of(rng, (("stainless_steel", (5, 7)), ("leather", (0.9, 1)), ("rubber", (1.1, 1.2))))
    for side in (-1, 1):
        for i in range(int(rng.integers(5, 9))):
            parts.append(Part(block((r * 0.9, 7.5, 2.8), (0, side * (r + 5 + 8.5 * i), 2)), *links))
    return Item(tuple(parts))


def spectacles(rng: Rng) -> Item:
    """Frame, lenses and temples, in a case."""
    parts = box_shell(
        (165, 65, 42), 1.8, *any_of(rng, (("abs", (1, 1.1)), ("leather", (0.8, 0.9)), ("steel", (7.8, 7.9))))
    )
    frame = any_of(rng, (("titanium", (4.5, 4.6)), ("abs", (1.2, 1.3)), ("steel", (7.8, 7.9))))
    lens = any_of(rng, (("glass", (2.5, 2.7)), ("polycarbonate", (1.2, 1.3))))
    for x in (-32.0, 32.0):
        parts += [moved(p, LEVEL, (x, 0, 12)) for p in ring(26, 23.5, 3, *frame)]
        parts.append(Part(post(23.5, 2.2, (x, 0, 12)), *lens))
    parts += [rod((-65, y, 22), (65, y, 22), 1.6, *frame) for y in (-15.0, 12.0)]
    return Item(tuple(parts))


def cup(rng: Rng) -> Item:
    """A cup, bowl, vase or glass: open, with a foot, perhaps a handle."""
    r, h, wall = log_uniform(rng, 30, 90), log_uniform(rng, 35, 190), rng.uniform(2.2, 6)
    stuff = any_of(
        rng,
        (
            ("ceramic_tile", (2.2, 2.4)),
            ("glass", (2.45, 2.55)),
            ("polypropylene", (0.9, 0.92)),
            ("stainless_steel", (7.9, 8)),
        ),
    )
    if stuff[0] == "stainless_steel":
        wall = rng.uniform(0.6, 1.2)
    parts = shell(post(r, h), post(r - wall, h - wall, (0, 0, wall)), *stuff)
    if rng.random() < 0.5:
        angles = np.linspace(-1.2, 1.2, 6)
        points = [(r + 22 * float(np.cos(a)), 0.0, h / 2 + h * 0.3 * float(np.sin(a))) for a in angles]
        parts += bent(points, 4, *stuff)
    return Item(tuple(parts), (Spot(block((r * 1.2, r * 1.2, h * 0.8), (0, 0, wall + 1)), None),))


def pan(rng: Rng) -> Item:
    """A pot or pan with a handle."""
    r, h = rng.uniform(60, 130), rng.uniform(30, 110)
    metal = any_of(rng, (("aluminium", (2.65, 2.75)), ("stainless_steel", (7.9, 8)), ("cast_iron", (7.1, 7.2))))
    wall = rng.uniform(0.7, 1.2) if metal[0] == "stainless_steel" else rng.uniform(2, 4)
    parts = shell(post(r, h), post(r - wall, h - wall, (0, 0, wall)), *metal)
    parts.append(
        rod(
            (r, 0, h * 0.8),
            (r + rng.uniform(40, 170), 0, h * 0.85),
            9,
            *any_of(rng, (*PLASTICS[:1], ("steel", (3, 7.8)))),
        )
    )
    return Item(tuple(parts), (Spot(block((r * 1.2, r * 1.2, h * 0.8), (0, 0, wall + 1)), None),))


def cutlery(rng: Rng) -> Item:
    """Spoons, forks, knives: thin bars with broader ends, in a bundle."""
    parts = []
    metal = any_of(rng, (("stainless_steel", (7.9, 8)), ("silver", (10, 10.4)), ("hardwood", (0.6, 0.8))))
    for i in range(int(rng.integers(2, 9))):
        length, y = rng.uniform(120, 230), i * rng.uniform(8, 20)
        parts.append(Part(block((length * 0.6, rng.uniform(5, 9), 2.4), (0, y, 0)), *metal))
        parts.append(Part(block((length * 0.3, rng.uniform(14, 30), 1.8), (length * 0.42, y, 0)), *metal))
    return Item(tuple(parts))


def framed(rng: Rng) -> Item:
    """A picture or mirror: glass, board, and a frame of wood or metal."""
    w, d = rng.uniform(120, 330), rng.uniform(90, 260)
    t, bar = rng.uniform(10, 24), rng.uniform(10, 30)
    stuff = any_of(rng, (("pine", (0.45, 0.55)), ("aluminium", (0.8, 1.5)), ("polystyrene_foam", (0.1, 0.3))))
    parts = shell(block((w, d, t)), block((w - 2 * bar, d - 2 * bar, t)), *stuff)
    parts += [
        Part(block((w - bar, d - bar, 2.0), (0, 0, 4)), "glass", 2.5),
        Part(block((w - bar, d - bar, 3), (0, 0, 7)), "cardboard", 0.7),
    ]
    return Item(tuple(parts))


def blister(rng: Rng) -> Item:
    """Blister packs in a folding carton: foil, and tablets in a grid, which are what it says."""
    rows, columns, r, t = int(rng.integers(2, 5)), int(rng.integers(4, 8)), rng.uniform(4, 7), rng.uniform(3, 5)
    w, d = columns * 2.6 * r, rows * 2.6 * r
    sheets = int(rng.integers(1, 5))
    parts = box_shell((w + 8, d + 6, sheets * (t + 2) + 4), 0.5, "cardboard", 0.7)
    stuff, density = any_of(
        rng, (("lactose", (1.2, 1.35)), ("paracetamol", (1.2, 1.3)), ("microcrystalline_cellulose", (1.2, 1.4)))
    )
    for sheet in range(sheets):
        parts.append(Part(block((w, d, 0.3), (0, 0, 2 + sheet * (t + 2))), "aluminium", rng.uniform(0.5, 2.7)))
    for i in range(columns):
        for j in range(rows):
            at = ((i - (columns - 1) / 2) * 2.6 * r, (j - (rows - 1) / 2) * 2.6 * r, 2.5)
            parts.append(Part(post(r, sheets * (t + 1), at), stuff, density * t / (t + 1)))
    return Item(tuple(parts))


def syringes(rng: Rng) -> Item:
    """Syringes, pipettes or vials side by side: thin tubes, some full."""
    n, r, length = int(rng.integers(2, 9)), rng.uniform(4, 13), rng.uniform(50, 130)
    stuff = any_of(rng, (("polypropylene", (0.9, 0.92)), ("borosilicate_glass", (2.2, 2.25))))
    parts = []
    for i in range(n):
        centre = ((i - n / 2) * 2.3 * r, 0.0, r)
        parts += shell(Cylinder(centre, r, length, "y"), Cylinder(centre, r - 1.1, length - 2, "y"), *stuff)
        if rng.random() < 0.6:
            fill = length * rng.uniform(0.2, 0.9)
            parts.append(Part(Cylinder(centre, r - 1.1, fill, "y"), "water", rng.uniform(0.98, 1.05)))
    return Item(tuple(parts))


def racket(rng: Rng) -> Item:
    """A racket, paddle or long-handled brush: hoop or blade and grip."""
    r, length = rng.uniform(70, 130), rng.uniform(90, 180)
    parts = []
    if rng.random() < 0.6:
        angles = np.linspace(0, 2 * np.pi, 13)
        points = [(float(r * 0.8 * np.cos(a)), float(r * np.sin(a)), 6.0) for a in angles]
        hoop = any_of(rng, (("aluminium", (1.2, 2.7)), ("nylon", (1.1, 1.4))))
        parts += bent(points, 5, *hoop)
    else:
        parts.append(Part(post(r * 0.8, 7), "plywood", 0.6))
        parts.append(Part(post(r * 0.8, 2, (0, 0, 7)), "rubber", 0.9))
    parts.append(
        rod((0, -r, 9), (0, -r - length, 9), 13, *any_of(rng, (("hardwood", (0.6, 0.7)), ("rubber", (0.5, 0.9)))))
    )
    return Item(tuple(parts))


def weight(rng: Rng) -> Item:
    """A dumb-bell, doorstop or fishing weight: little room, much mass."""
    r, bar = rng.uniform(18, 45), rng.uniform(60, 130)
    metal = any_of(
        rng, (("cast_iron", (7.1, 7.3)), ("steel", (7.8, 7.9)), ("concrete", (2.2, 2.4)), ("lead", (11, 11.3)))
    )
    if metal[0] == "lead":
        r = rng.uniform(6, 14)
    parts = [rod((-bar / 2, 0, r), (bar / 2, 0, r), r * 0.4, *metal)]
    parts += [Part(Cylinder((x, 0, r), r, r * 0.9, "x"), *metal) for x in (-bar / 2, bar / 2)]
    return Item(tuple(parts))


def handbag(rng: Rng) -> Item:
    """A bag, wallet, belt case: leather, lining, metal rings and buckles."""
    w, d, h = log_uniform(rng, 90, 300), log_uniform(rng, 70, 220), log_uniform(rng, 14, 80)
    parts = box_shell(
        (w, d, h),
        rng.uniform(1.5, 3),
        *any_of(rng, (("leather", (0.8, 0.95)), ("pvc", (0.9, 1.2)), ("polyester_cloth", (0.4, 0.7)))),
    )
    parts.append(
        Part(
            block((w * 0.85, d * 0.85, h * 0.6), (0, 0, h * 0.15)),
            "paper",
            rng.uniform(0.01, 0.06),
            texture=grain(rng, (15, 40), (0.2, 0.4), "folds"),
        )
    )
    for _ in range(int(rng.integers(1, 6))):
        r = rng.uniform(6, 16)
        at = (*(rng.uniform(-0.45, 0.45, 2) * (w, d)), h)
        parts += [moved(p, LEVEL, at) for p in ring(r, r * 0.72, 3, *any_of(rng, METALS))]
    parts.append(Part(block((w * 0.8, 5, 2), (0, d * 0.4, h)), "brass", 4.0))
    return Item(tuple(parts), (Spot(block((w * 0.8, d * 0.8, h * 0.55), (0, 0, h * 0.16)), parts[2]),))


def carving(rng: Rng) -> Item:
    """A carved, cast or moulded figure or box: wood, stone, plaster, ceramic, wax or resin; solid or hollow."""
    stuff = any_of(
        rng,
        (
            ("hardwood", (0.6, 0.85)),
            ("gypsum", (0.9, 1.2)),
            ("marble", (2.6, 2.7)),
            ("polyethylene", (0.88, 0.95)),
            ("ceramic_tile", (2.1, 2.4)),
        ),
    )
    s = log_uniform(rng, 0.4, 1.2)
    base = Part(block((80 * s, 80 * s, 22 * s)), *stuff)
    a, c = 32 * s, 60 * s
    body = [Part(Ellipsoid((0, 0, 20 * s + c), (a, a * 0.9, c)), *stuff)]
    hollow = rng.random() < 0.5
    if hollow:
        body.append(Part(Ellipsoid((0, 0, 20 * s + c), (a - 6, a * 0.9 - 6, c - 6)), *stuff, -1))
    head = Part(Ellipsoid((0, 0, 20 * s + 2 * c + 14 * s), (20 * s, 20 * s, 22 * s)), *stuff)
    room = Spot(block((a, a * 0.9, c), (0, 0, 20 * s + c / 2)), None if hollow else body[0])
    return Item((base, *body, head), (room,))


def flute_or_drum(rng: Rng) -> Item:
    """A small instrument: a flute, horn or hand drum as tubes and shells, with keys."""
    if rng.random() < 0.5:
        length, r = rng.uniform(200, 380), rng.uniform(8, 20)
        stuff = any_of(rng, (("hardwood", (0.8, 1)), ("brass", (8.3, 8.6)), ("silver", (10, 10.4))))
        bore = r - (rng.uniform(0.5, 1) if stuff[0] != "hardwood" else r * 0.4)
        parts = shell(Cylinder((0, 0, r), r, length, "x"), Cylinder((0, 0, r), bore, length, "x"), *stuff)
        parts += [
            Part(post(4, 4, (float(x), 0, 2 * r)), "nickel", 8.0)
            for x in np.linspace(-0.4, 0.4, int(rng.integers(4, 11))) * length
        ]
        return Item(tuple(parts))
    r, h = rng.uniform(60, 120), rng.uniform(40, 110)
    parts = shell(post(r, h), post(r - 7, h), "hardwood", 0.65)
    parts.append(Part(post(r, 1, (0, 0, h)), "leather", 0.95))
    return Item(tuple(parts), (Spot(block((r, r, h * 0.8)), None),))
