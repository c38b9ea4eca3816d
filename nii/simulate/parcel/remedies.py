"""Innocent medicines, toiletries and food with detail: blisters, tablets in bottles, tubes, sprays, sachets, sweets.

Each is an Item on z = 0 about x = y = 0, in millimetres.
"""

import math

import numpy as np

from nii.simulate.parcel.fittings import scattered, teeth
from nii.simulate.parcel.items import (
    LEVEL,
    METALS,
    PLASTICS,
    Item,
    Stuff,
    any_of,
    bent,
    block,
    box_shell,
    can_shell,
    grain,
    moved,
    post,
    rod,
    shell,
)
from nii.simulate.render.draws import SEEDS, Rng, log_uniform
from nii.simulate.render.scene import Part, Spot, Texture
from nii.simulate.render.shapes import Cylinder, Ellipsoid, Vector

TABLET: tuple[Stuff, ...] = (
    ("lactose", (1.1, 1.35)), ("paracetamol", (1.1, 1.3)), ("microcrystalline_cellulose", (1.1, 1.4)),
    ("sugar", (1.2, 1.5)), ("sodium_bicarbonate", (1.6, 2.0)), ("talc", (1.5, 2.2)),
)  # fmt: skip
MOST_TABLETS = 60  # of a bottle or blister; the others are a texture


def tablet(rng: Rng, radius: float, at: Vector, stuff: tuple[str, float], *, capsule: bool) -> Part:
    """A tablet lying, or a capsule, of this radius, mm."""
    x, y, z = at
    high = radius * rng.uniform(0.5, 0.8)
    if capsule:
        return Part(
            Ellipsoid((x, y, z + radius * 0.6), (radius * 1.7, radius * 0.6, radius * 0.6)), stuff[0], stuff[1] * 0.7
        )
    return Part(post(radius, high, at), *stuff)


def blisters(rng: Rng) -> Item:
    """Sheets of foil and film with tablets in pockets, some pressed out, one sheet or several, in a box or bare."""
    rows, columns, radius = int(rng.integers(2, 4)), int(rng.integers(3, 8)), rng.uniform(3, 6.5)
    step, stuff, capsule = radius * rng.uniform(2.4, 3.4), any_of(rng, TABLET), rng.random() < 0.3
    wide, deep = columns * step * (1.5 if capsule else 1), rows * step
    left, found = rng.uniform(0.3, 1.0), []
    for _ in range(int(rng.integers(1, 6))):
        one = [Part(block((wide + 8, deep + 8, 0.2)), "aluminium", rng.uniform(0.6, 2.7)),
               Part(block((wide + 8, deep + 8, 0.3), (0, 0, 0.2)), "pvc", 1.35)]  # fmt: skip
        for i in range(columns):
            for j in range(rows):
                at = ((i + 0.5) * wide / columns - wide / 2, (j + 0.5) * step - deep / 2, 0.5)
                if rng.random() < left:
                    one.append(tablet(rng, radius, at, stuff, capsule=capsule))
        found.append(one)
    item = scattered(rng, found, (12, 8)) if rng.random() < 0.4 else _stacked(found, radius + 1.5)
    if rng.random() < 0.5:
        x, y, z = item.size
        carton = box_shell((x + 4, y + 4, z + 4), 0.5, "cardboard", 0.7)
        return Item((*item.parts, *carton))
    return item


def _stacked(groups: list[list[Part]], step: float) -> Item:
    return Item(tuple(moved(part, LEVEL, (0, 0, i * step)) for i, group in enumerate(groups) for part in group))


def tablets_in_bottle(rng: Rng) -> Item:
    """Vitamins, chewing gum, sweets: pieces one by one in a bottle, over a wad of cotton; a lid with its rib."""
    radius, high = rng.uniform(18, 38), rng.uniform(45, 110)
    wall = any_of(rng, (("polyethylene", (0.93, 0.96)), ("glass", (2.45, 2.55)), ("pet", (1.33, 1.38))))
    parts = can_shell(radius, high, rng.uniform(1.0, 2.4), *wall)
    stuff, piece = any_of(rng, TABLET), rng.uniform(3.0, 8.0)
    capsule = rng.random() < 0.4
    full = high * rng.uniform(0.3, 0.9)
    count = int(min(0.5 * radius**2 * full / piece**3 / 1.5, MOST_TABLETS))
    for _ in range(max(count, 4)):
        r, a = (radius - piece - 3) * math.sqrt(rng.random()), rng.uniform(0, 2 * np.pi)
        at = (float(r * np.cos(a)), float(r * np.sin(a)), float(rng.uniform(2, full)))
        parts.append(tablet(rng, piece, at, stuff, capsule=capsule))
    parts.append(Part(post(radius * 0.8, high * 0.1, (0, 0, high * 0.88)), "cotton", 0.05))
    parts += shell(post(radius * 0.9, 16, (0, 0, high)), post(radius * 0.82, 13, (0, 0, high)), "polypropylene", 0.9)
    room = block((radius * 1.2, radius * 1.2, full * 0.9), (0, 0, 3))
    return Item(tuple(parts), (Spot(room, None),))


def tube(rng: Rng) -> Item:
    """Toothpaste, cream, glue, paint: a tube that is flat at its end, a cap, a fold of metal."""
    long, radius = rng.uniform(70, 180), rng.uniform(9, 24)
    paste = any_of(rng, (("glycerol", (1.1, 1.3)), ("titanium_dioxide", (1.2, 1.6)), ("water", (0.95, 1.1)),
                         ("sodium_bicarbonate", (1.2, 1.5)), ("vegetable_oil", (0.9, 1.0))))  # fmt: skip
    body = Part(Ellipsoid((0, 0, radius * 0.7), (long / 2, radius, radius * 0.7)), *paste)
    skin = any_of(rng, (("aluminium", (2.5, 2.7)), ("polyethylene", (0.92, 0.95))))
    parts = [body, Part(block((6, 2 * radius, 2), (-long / 2, 0, radius * 0.6)), *skin)]
    parts.append(
        rod((long / 2 - 4, 0, radius * 0.7), (long / 2 + 12, 0, radius * 0.7), radius * 0.6, "polypropylene", 0.8)
    )
    parts.append(rod((long / 2 - 2, 0, radius * 0.7), (long / 2 + 4, 0, radius * 0.7), radius * 0.3, *skin))
    return Item(tuple(parts), (Spot(block((long * 0.6, radius, radius * 0.8), (0, 0, radius * 0.3)), body),))


def pump(rng: Rng) -> Item:
    """A bottle with a pump or a spray: liquid to a level, dip tube, spring, ball, nozzle."""
    radius, high = rng.uniform(12, 36), rng.uniform(80, 200)
    wall = any_of(
        rng,
        (("pet", (1.33, 1.38)), ("glass", (2.45, 2.55)), ("polyethylene", (0.93, 0.96)), ("aluminium", (2.7, 2.71))),
    )
    thick = rng.uniform(0.6, 2.2)
    parts = can_shell(radius, high, thick, *wall)
    liquid = any_of(
        rng,
        (("water", (0.97, 1.05)), ("ethanol", (0.8, 0.9)), ("glycerol", (1.0, 1.2)), ("vegetable_oil", (0.9, 0.95))),
    )
    full = (high - 2 * thick) * rng.uniform(0.15, 0.97)
    filling = Part(post(radius - thick, full, (0, 0, thick)), *liquid)
    parts.append(filling)
    parts.append(rod((0, 0, 4), (radius * 0.4, 0, high), 2.0, "polyethylene", 0.93))
    parts += shell(post(radius * 0.6, 26, (0, 0, high)), post(radius * 0.5, 24, (0, 0, high)), "polypropylene", 0.9)
    angles = np.linspace(0, 12 * np.pi, 37)
    spring = [(float(3.2 * np.cos(a)), float(3.2 * np.sin(a)), float(high + 2 + a * 0.45)) for a in angles]
    parts += bent(spring, 0.45, "stainless_steel", 7.9)
    parts += [
        Part(post(1.8, 3.6, (0, 0, high - 6)), "steel", 7.8),
        Part(block((24, 8, 6), (8, 0, high + 26)), "polypropylene", 0.9),
    ]
    room = block((radius, radius, full * 0.8), (0, 0, thick))
    return Item(tuple(parts), (Spot(room, filling),))


def sachets(rng: Rng) -> Item:
    """Tea bags, sugar, soup, seeds, plasters: flat bags of thin film, each with a little in it, and a crimped seam."""
    stuff = any_of(rng, (("tea", (0.25, 0.45)), ("sugar", (0.7, 0.9)), ("flour", (0.45, 0.65)), ("salt", (0.9, 1.2)),
                         ("rice", (0.7, 0.85)), ("coffee_beans", (0.35, 0.5)), ("cotton", (0.1, 0.2))))  # fmt: skip
    wide, deep, high = rng.uniform(28, 90), rng.uniform(25, 75), rng.uniform(3, 11)
    film = any_of(rng, (("polypropylene", (0.89, 0.92)), ("aluminium", (2.0, 2.7)), ("paper", (0.7, 0.9))))
    found = []
    for _ in range(int(rng.integers(2, 14))):
        look = Texture("granules", (rng.uniform(2, 5),) * 2, rng.uniform(0.1, 0.4), int(rng.integers(SEEDS)))
        body = Part(Ellipsoid((0, 0, high / 2), (wide * 0.42, deep * 0.42, high / 2)), *stuff, texture=look)
        seam = Part(block((wide, 5, 0.4), (0, deep / 2, high / 2)), *film, texture=teeth(rng, 2.4))
        found.append([body, seam, Part(block((wide, deep, 0.25), (0, 0, high / 2)), *film)])
    return scattered(rng, found, (wide * 1.5, deep * 1.5))


def sweets(rng: Rng) -> Item:
    """Sweets, nuts, dates, dried fruit, noodles, pasta, biscuits: a tray or bag of pieces that can be told apart."""
    stuff = any_of(rng, (("sugar", (1.0, 1.5)), ("fruit", (0.6, 1.1)), ("cheese", (0.9, 1.1)), ("flour", (0.5, 1.2))))
    wide, deep = log_uniform(rng, 50, 190), log_uniform(rng, 40, 150)
    piece = rng.uniform(5, 14)
    parts: list[Part] = []
    for _ in range(int(min(wide * deep / (3.0 * piece**2), MOST_TABLETS))):
        x, y = rng.uniform(-0.5, 0.5, 2) * (wide, deep)
        semi = (piece * rng.uniform(0.6, 1.6), piece * rng.uniform(0.5, 1), piece * 0.6)
        parts.append(Part(Ellipsoid((float(x), float(y), piece * rng.uniform(0.6, 2)), semi), *stuff))
    if rng.random() < 0.5:
        parts += box_shell(
            (wide * 1.1 + 20, deep * 1.1 + 20, piece * 4), rng.uniform(0.5, 1.5), *any_of(rng, PLASTICS[:3])
        )
    return Item(tuple(parts))


def tins(rng: Rng) -> Item:
    """A can with beads in its wall and seams at its ends, and pieces in its liquid; or a jar with a screwed lid."""
    radius, high = log_uniform(rng, 25, 50), log_uniform(rng, 30, 120)
    wall = any_of(rng, (("steel", (7.8, 7.9)), ("aluminium", (2.68, 2.75))))
    thick = rng.uniform(0.18, 0.3)
    parts = can_shell(radius, high, thick, *wall)
    for z in np.linspace(0.2, 0.8, int(rng.integers(2, 7))) * high:
        parts += shell(post(radius + 0.5, 1.5, (0, 0, float(z))), post(radius - 0.3, 1.5, (0, 0, float(z))), *wall)
    for z in (0.0, high - 3):
        parts += shell(post(radius + 1, 3, (0, 0, z)), post(radius - 1.2, 3, (0, 0, z)), *wall)
    sauce = any_of(rng, (("juice", (1.0, 1.1)), ("vegetable_oil", (0.9, 0.95)), ("water", (1.0, 1.05))))
    filling = Part(post(radius - thick, high * rng.uniform(0.8, 0.97), (0, 0, thick)), *sauce,
                   texture=grain(rng, (5, 20), (0.05, 0.2)))  # fmt: skip
    room = block((radius * 1.3, radius * 1.3, high * 0.7), (0, 0, thick))
    return Item((*parts, filling), (Spot(room, filling),))


def make_up(rng: Rng) -> Item:
    """A compact, palette or paint box: pans of pressed powder in rows, a mirror, a hinge, a brush."""
    rows, columns, side = int(rng.integers(1, 4)), int(rng.integers(1, 7)), rng.uniform(10, 26)
    wide, deep = columns * side * 1.25 + 8, rows * side * 1.25 + 8
    parts = box_shell((wide, deep, 12), 1.6, *any_of(rng, (*PLASTICS[:2], ("aluminium", (2.65, 2.75)))))
    for i in range(columns):
        for j in range(rows):
            at = ((i - (columns - 1) / 2) * side * 1.25, (j - (rows - 1) / 2) * side * 1.25, 2.0)
            powder = any_of(rng, (("talc", (1.0, 1.8)), ("titanium_dioxide", (1.0, 1.8)), ("gypsum", (0.9, 1.4))))
            parts += [
                Part(block((side, side, 0.4), at), "tin", 4.0),
                Part(block((side * 0.95, side * 0.95, rng.uniform(2, 5)), at), *powder),
            ]
    parts.append(Part(block((wide * 0.9, deep * 0.9, 1.6), (0, 0, 9)), "glass", 2.5))
    parts.append(rod((-wide / 2 + 6, deep / 2, 6), (wide / 2 - 6, deep / 2, 6), 0.9, *any_of(rng, METALS)))
    return Item(tuple(parts))


def vials(rng: Rng) -> Item:
    """Ampoules, perfume samples, cartridges, lighters: small vessels in a row or loose, most with liquid in them."""
    count, radius, long = int(rng.integers(2, 13)), rng.uniform(3.5, 9), rng.uniform(22, 75)
    wall = any_of(rng, (("borosilicate_glass", (2.2, 2.3)), ("polypropylene", (0.89, 0.92))))
    found = []
    for _ in range(count):
        centre = (0.0, 0.0, radius)
        one = shell(Cylinder(centre, radius, long, "x"), Cylinder(centre, radius - 0.9, long - 2, "x"), *wall)
        full = long * rng.uniform(0.2, 0.9)
        one.append(
            Part(Cylinder((-(long - full) / 2, 0, radius), radius - 0.9, full, "x"), "water", rng.uniform(0.8, 1.1))
        )
        one.append(
            rod((long / 2, 0, radius), (long / 2 + 6, 0, radius), radius * 0.7, *any_of(rng, (*METALS, *PLASTICS)))
        )
        found.append(one)
    return scattered(rng, found, (long * 1.2, count * radius * 1.5))
