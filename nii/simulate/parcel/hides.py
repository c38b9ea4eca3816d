"""What is concealed in parcels, a gram to a few kilograms: in a product, in goods that make way, among them."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nii.physics.materials import MATERIALS, STEEL
from nii.simulate.contraband.hidden_goods import ANYTHING, DRUGS, PISTOL
from nii.simulate.contraband.placing import displaced
from nii.simulate.parcel import arms
from nii.simulate.parcel.goods import BOOK, CANDLE, CREAM, GRAINS, PROTEIN, SUPPLEMENT, TEA_TIN, Thing, make
from nii.simulate.parcel.items import (
    LEVEL,
    Item,
    block,
    box_shell,
    can_shell,
    carried,
    grain,
    moved,
    plate,
    post,
    ring,
    rod,
)
from nii.simulate.parcel.things import figure, shoe
from nii.simulate.render.draws import Rng, drawn_material, log_uniform
from nii.simulate.render.freeform import draw_palette, thing
from nii.simulate.render.scene import Part, Spot, enclosing
from nii.simulate.render.shapes import Box, Cylinder, Ellipsoid, Interval, Shape, rotated

IN_GOODS = 0.4  # share put inside a thing, where one is large enough
SHIELDED = 0.08  # share wrapped in foil or sheet of metal
LIGHTEST = 0.002  # kg
LOOSE_HOST = 2.0  # g/cm3, below which what is inorganic is a powder, pieces or hollow
PRODUCTS: tuple[Thing, ...] = (BOOK, CANDLE, CREAM, GRAINS, PROTEIN, SUPPLEMENT, TEA_TIN, figure, shoe)
"""What powder is sent in, where a parcel holds nothing that could hold it."""


def bricks(rng: Rng) -> list[Part]:
    """Pressed slabs of 10 g to 1 kg, one to four in a stack, in film or tape."""
    material, density = drawn_material(rng, DRUGS)
    size = (log_uniform(rng, 40, 200), log_uniform(rng, 30, 120), log_uniform(rng, 8, 45))
    count = int(log_uniform(rng, 1, 4.9))
    wall = rng.uniform(0.1, 0.8)
    parts = []
    for i in range(count):
        at = (0.0, 0.0, i * (size[2] + 2))
        parts.append(Part(block(size, at), material, density * rng.normal(1, 0.02)))
        parts += box_shell((size[0] + 2 * wall, size[1] + 2 * wall, size[2] + 2 * wall), wall, "polyethylene", 0.93,
                           (0, 0, at[2] - wall))  # fmt: skip
    return parts


def bulk_bag(rng: Rng) -> list[Part]:
    """Loose powder: in a small round bag, a flat one, or spread to a sheet."""
    material, density = drawn_material(rng, DRUGS)
    a, b = log_uniform(rng, 12, 110), log_uniform(rng, 12, 80)
    c = min(a, b) * rng.uniform(0.15, 0.6)
    look = grain(rng, (4, 25), (0, 0.1))
    if rng.random() < 0.3:
        return [Part(block((2 * a, 2 * b, log_uniform(rng, 2, 12))), material, density, texture=look)]
    return [Part(Ellipsoid((0, 0, c), (a, b, c)), material, density, texture=look)]


TABLETS: tuple[tuple[str, Interval], ...] = (
    ("fentanyl_pills", (0.7, 0.95)), ("lactose", (0.6, 0.9)), ("caffeine", (0.6, 0.9)), ("mdma_hcl", (0.6, 0.9)),
)  # fmt: skip


def pills(rng: Rng) -> list[Part]:
    """Tablets loose in a bag, in bottles, or in blisters; ten to some thousands."""
    material, density = drawn_material(rng, TABLETS)
    kind, lump = rng.integers(3), grain(rng, (6, 11), (0.15, 0.4))
    if kind == 0:
        a, b = log_uniform(rng, 15, 90), log_uniform(rng, 12, 70)
        c = min(a, b) * rng.uniform(0.2, 0.6)
        return [Part(Ellipsoid((0, 0, c), (a, b, c)), material, density, texture=lump)]
    if kind == 1:
        radius, height, parts = log_uniform(rng, 14, 45), log_uniform(rng, 40, 120), []
        for i in range(int(rng.integers(1, 5))):
            full = (height - 2.4) * rng.uniform(0.4, 0.95)
            own = [
                *can_shell(radius, height, 1.2, "polyethylene", 0.95),
                Part(post(radius * 0.8, 12, (0, 0, height)), "polypropylene", 0.4),
            ]
            own.append(Part(post(radius - 1.2, full, (0, 0, 1.2)), material, density, texture=lump))
            parts += [replace(part, shape=part.shape.shifted((i * 2.1 * radius, 0, 0))) for part in own]
        return parts
    rows, columns, r = int(rng.integers(2, 5)), int(rng.integers(3, 8)), rng.uniform(3.5, 6)
    sheets = int(rng.integers(1, 9))
    parts = [Part(block((columns * 2.8 * r, rows * 2.8 * r, sheets * 0.3)), "aluminium", rng.uniform(0.5, 2.7))]
    for i in range(columns):
        for j in range(rows):
            at = ((i - (columns - 1) / 2) * 2.8 * r, (j - (rows - 1) / 2) * 2.8 * r, sheets * 0.3)
            parts.append(Part(post(r, sheets * 4.0, at), material, density))
    return parts


def press_parts(rng: Rng) -> list[Part]:
    """Punches, dies, cams, gears and springs of a pill press, loose or in a row."""
    steel, parts = rng.uniform(7.6, 7.9), []
    radius, length = log_uniform(rng, 4, 16), rng.uniform(35, 140)
    for i in range(int(rng.integers(1, 9))):
        x = i * 2.5 * radius
        parts.append(rod((x, 0, radius), (x, length, radius), radius * 0.75, "tool_steel", steel))
        parts.append(rod((x, 0, radius), (x, 0.12 * length, radius), radius, "tool_steel", steel))
        parts.append(
            rod((x, length, radius), (x, 1.2 * length, radius), radius * rng.uniform(0.3, 0.7), "tool_steel", steel)
        )
    if rng.random() < 0.6:
        r = log_uniform(rng, 14, 60)
        disc = ring(r, r * rng.uniform(0.15, 0.5), rng.uniform(8, 28), "tool_steel", steel)
        parts += [replace(part, shape=part.shape.shifted((0, -r - 3, 0))) for part in disc]
    return parts


def die_moulds(rng: Rng) -> list[Part]:
    """Plates with bores in rows, or round dies: what gives tablets their shape and stamp."""
    metal, density = [("tool_steel", 7.75), ("brass", 8.4), ("aluminium", 2.7)][rng.integers(3)]
    bore = rng.uniform(2.5, 7)
    if rng.random() < 0.4:
        parts = []
        for i in range(int(rng.integers(1, 7))):
            die = ring(rng.uniform(1.8, 2.8) * bore, bore, rng.uniform(12, 26), metal, density)
            parts += [replace(part, shape=part.shape.shifted((i * 6 * bore, 0, 0))) for part in die]
        return parts
    w, d, h = log_uniform(rng, 30, 160), log_uniform(rng, 25, 110), log_uniform(rng, 6, 30)
    parts = [Part(block((w, d, h)), metal, density)]
    step = rng.uniform(2.6, 5) * bore
    for x in np.arange(-w / 2 + step / 2, w / 2 - bore, step)[:8]:
        for y in np.arange(-d / 2 + step / 2, d / 2 - bore, step)[:5]:
            parts.append(Part(post(bore, h * 0.7, (float(x), float(y), h * 0.3)), metal, density, -1))
    return parts


def firearm(rng: Rng) -> list[Part]:
    """A pistol, or parts of one: slide, barrel, frame, magazine, springs; of steel, light metal or plastic."""
    scale, metal = rng.uniform(0.75, 1.1), ("steel", rng.uniform(4.5, 7.8))
    frame = [("steel", 6.0), ("aluminium", 2.4), ("nylon", 1.15)][rng.integers(3)]
    if rng.random() < 0.35:
        angle = rng.uniform(0, 2 * np.pi)
        outline = rotated([(u * scale, v * scale) for u, v in PISTOL], angle, (0, 0))
        breech, muzzle = rotated([(5 * scale, 112 * scale), (188 * scale, 112 * scale)], angle, (0, 0))
        whole = plate(outline, rng.uniform(16, 28), frame[0], frame[1] * rng.uniform(0.5, 1))
        return [whole, rod((*breech, 10), (*muzzle, 10), 7, *metal)]
    parts: list[Part] = []
    for i in rng.permutation(5)[: rng.integers(1, 5)]:
        y = len(parts) * rng.uniform(32, 45)
        match int(i):
            case 0:  # slide
                parts += box_shell((185 * scale, 27, 24), rng.uniform(4, 8), *metal, (0, y, 0))
            case 1:  # barrel
                long = rng.uniform(90, 260) * scale
                parts += [Part(Cylinder((0, y, 9), r, long, "x"), *metal, sign) for r, sign in ((8.5, 1), (4.5, -1))]
            case 2:  # magazine with its spring
                parts += [
                    *box_shell((120 * scale, 32, 20), 1.2, *metal, (0, y, 0)),
                    Part(block((80, 22, 10), (0, y, 5)), "steel", 1.5),
                ]
            case 3:  # frame or lower receiver
                corners = [(u * scale * 0.9, v * scale * 0.8 + y) for u, v in PISTOL]
                parts.append(plate(corners, rng.uniform(14, 24), *frame))
            case _:  # trigger group, pins, bolt
                parts += [
                    rod((0, y, 6), (rng.uniform(25, 90), y + rng.normal(0, 6), 6), rng.uniform(2, 7), *metal)
                    for _ in range(4)
                ]
    return parts


def contraband(rng: Rng) -> list[Part]:
    """Banknotes, gold or silver, cigarettes, ammunition."""
    kind = rng.integers(4)
    if kind == 0:
        size = (rng.uniform(130, 165), rng.uniform(62, 80), log_uniform(rng, 3, 22))
        wads = range(int(log_uniform(rng, 1, 6.9)))
        return [Part(block(size, (0, 0, i * (size[2] + 1))), "banknotes", rng.uniform(0.65, 0.95)) for i in wads]
    if kind == 1:
        metal, density = ("gold", 19.0) if rng.random() < 0.7 else ("silver", 10.4)
        if rng.random() < 0.5:
            return [Part(post(rng.uniform(8, 20), log_uniform(rng, 1.2, 25)), metal, density)]
        return [
            Part(block((log_uniform(rng, 15, 90), log_uniform(rng, 10, 45), log_uniform(rng, 1, 9))), metal, density)
        ]
    if kind == 2:
        packs = (int(rng.integers(1, 6)), int(rng.integers(1, 3)))
        look = grain(rng, (8, 9), (0.1, 0.3), "grid")
        body = Part(block((packs[0] * 56.0, packs[1] * 88.0, 23.0)), "cigarettes", rng.uniform(0.2, 0.3), texture=look)
        return [body]
    r, length = rng.uniform(2.8, 6.5), rng.uniform(18, 75)
    parts = []
    for i in range(int(rng.integers(3, 11))):
        for j in range(int(rng.integers(1, 4))):
            x, y = i * 2.2 * r, j * 2.2 * r
            parts.append(Part(post(r, length * 0.68, (x, y, 0)), "brass", rng.uniform(2.2, 4.0)))
            parts.append(Part(post(r * 0.75, length * 0.3, (x, y, length * 0.68)), "lead", 10.8))
    return parts


def other(rng: Rng) -> list[Part]:
    """Solids of no kind at all: one to four random shapes of random material and density."""
    parts: list[Part] = []
    for _ in range(int(rng.integers(1, 5))):
        material, density = ANYTHING[rng.integers(len(ANYTHING))], log_uniform(rng, 0.2, 4.0)
        a, b, c = (log_uniform(rng, 4, 60) for _ in range(3))
        shapes: tuple[Shape, ...] = (
            block((2 * a, 2 * b, 2 * c)), post(a, 2 * c), Ellipsoid((0, 0, c), (a, b, c)),
            Cylinder((0, 0, a), a, 2 * b, "x"),
        )  # fmt: skip
        turn, _ = np.linalg.qr(rng.standard_normal((3, 3)))
        at = (*rng.uniform(-30, 30, 2), 0.0)
        parts.append(moved(Part(shapes[rng.integers(len(shapes))], material, density), turn, at))
    return parts


FAMILIES: dict[str, Callable[[Rng], list[Part]]] = {
    "bricks": bricks,
    "bulk_bag": bulk_bag,
    "contraband": contraband,
    "die_moulds": die_moulds,
    "firearm": firearm,
    "other": other,
    "pills": pills,
    "press_parts": press_parts,
}
"""Families that are things of their own; powder_in_product is made in the product."""

POWDER = "powder_in_product"
NAMES = tuple(sorted({*FAMILIES, POWDER}))


def anything(rng: Rng) -> list[Part]:
    """A thing of no kind: one to a dozen solids, lumps, shells or frames of one to four substances."""
    size = log_uniform(rng, 16, 120)
    sides = [size * log_uniform(rng, 0.35, 1.6) for _ in range(3)]
    return thing(rng, block((sides[0], sides[1], sides[2])), int(rng.integers(1, 13)), draw_palette(rng, 1, 4))


BROAD = FAMILIES | {"firearm": arms.firearm, "other": anything, "press_parts": arms.press_parts}
"""The same, drawn more broadly and in more detail."""


def hide(rng: Rng, family: str, items: list[Item], *, broad: bool = False) -> list[Item]:
    """The things of a parcel with one of this family (one of NAMES) in one of them, or among them.

    broad: arms and press parts in detail, things of no kind freely; no powder in solid metal, stone or glass.
    """
    if family == POWDER:
        return _in_product(rng, items, broad=broad)
    build = (BROAD if broad else FAMILIES)[family]
    parts = build(rng)
    while sum(part.mass_kg for part in parts) < LIGHTEST:
        parts = build(rng)
    if rng.random() < SHIELDED:
        parts = _wrapped(rng, parts)
    thing = Item((), hidden=tuple(parts))
    rooms = [(i, spot) for i, item in enumerate(items) for spot in item.spots if _fits(thing, spot.box)]
    if not rooms or rng.random() > IN_GOODS:
        return [*items, thing]
    index, spot = rooms[rng.integers(len(rooms))]
    inside = _put(rng, thing, spot.box)
    put = replace(items[index], hidden=inside.hidden, displaced=displaced(inside.hidden, spot.host))
    return [*items[:index], put, *items[index + 1 :]]


def _in_product(rng: Rng, items: list[Item], *, broad: bool) -> list[Item]:
    """Powder in place of what a product holds, or in a hole in it."""
    rooms = [(i, spot) for i, item in enumerate(items) for spot in item.spots if not broad or _takes_powder(spot)]
    if not rooms:
        product = make(rng, PRODUCTS[rng.integers(len(PRODUCTS))])
        while not product.spots:
            product = make(rng, PRODUCTS[rng.integers(len(PRODUCTS))])
        items, rooms = [*items, product], [(len(items), spot) for spot in product.spots]
    index, spot = rooms[rng.integers(len(rooms))]
    material, density = drawn_material(rng, DRUGS)
    powder = Part(_cavity(rng, spot), material, density, texture=grain(rng, (4, 20), (0, 0.08)))
    put = replace(items[index], hidden=(powder,), displaced=displaced((powder,), spot.host))
    return [*items[:index], put, *items[index + 1 :]]


def _takes_powder(spot: Spot) -> bool:
    """Whether there is nothing there, or something that a hole is easily made in."""
    return spot.host is None or MATERIALS[spot.host.material].group == "organic" or spot.host.density < LOOSE_HOST


def _cavity(rng: Rng, spot: Spot) -> Shape:
    """Where powder goes: up to some height in a vessel, or a part of a room, square or round."""
    if spot.host is not None and isinstance(spot.host.shape, Cylinder):
        vessel = spot.host.shape
        height = vessel.length * rng.uniform(0.3, 1)
        radius = vessel.radius * (1 if rng.random() < 0.5 else rng.uniform(0.5, 0.95))
        return post(radius, height, (vessel.centre[0], vessel.centre[1], vessel.bounds.z[0]))
    sides = [_part_of(rng, side) for side in (spot.box.x, spot.box.y, spot.box.z)]
    box = Box(sides[0], sides[1], sides[2])
    if rng.random() < 0.6:
        return box
    middle = [(side[0] + side[1]) / 2 for side in sides]
    half = [(side[1] - side[0]) / 2 for side in sides]
    return Ellipsoid((middle[0], middle[1], middle[2]), (half[0], half[1], half[2]))


def _part_of(rng: Rng, side: Interval) -> Interval:
    length = (side[1] - side[0]) * rng.uniform(0.45, 0.92)
    start = rng.uniform(side[0], side[1] - length)
    return (start, start + length)


def _fits(thing: Item, room: Box) -> bool:
    w, d, h = thing.size
    wide, deep, high = (side[1] - side[0] for side in (room.x, room.y, room.z))
    return h <= high and w <= wide and d <= deep


def _put(rng: Rng, thing: Item, room: Box) -> Item:
    """The thing somewhere in a room that it fits in."""
    box = thing.bounds
    pairs = zip((box.x, box.y, box.z), (room.x, room.y, room.z), strict=True)
    at = [rng.uniform(there[0], there[1] - (own[1] - own[0])) - own[0] for own, there in pairs]
    return carried(thing, LEVEL, at)


def _wrapped(rng: Rng, parts: list[Part]) -> list[Part]:
    """With foil or sheet of metal above and below."""
    box = enclosing(parts)
    metal, density, thickest = [("aluminium", 2.7, 0.3), ("lead", 11.34, 1.0), (*STEEL, 1.0)][rng.integers(3)]
    thick = log_uniform(rng, 0.02, thickest)
    sheets = [Box(box.x, box.y, (z, z + thick)) for z in (box.z[0] - thick, box.z[1])]
    return [*parts, *(Part(sheet, metal, density) for sheet in sheets)]
