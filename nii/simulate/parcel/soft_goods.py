"""What is soft and fills parcels: clothes crumpled or folded, knitwear, bags, bedding, toys of plush, paper, food.

Each is an Item on z = 0 about x = y = 0, in millimetres. Soft things give way: `Item.soft` ones are laid into a
package whatever else lies there, and keep their mass.
"""

from dataclasses import replace

import numpy as np

from nii.simulate.parcel.fittings import buttons, strip, teeth, wander, zipper
from nii.simulate.parcel.items import (
    LEVEL,
    METALS,
    PLASTICS,
    Item,
    Stuff,
    any_of,
    bent,
    block,
    moved,
    plate,
    post,
    shell,
)
from nii.simulate.render.draws import SEEDS, Rng, log_uniform
from nii.simulate.render.scene import Part, Spot, Texture
from nii.simulate.render.shapes import Ellipsoid, Interval, Vector

YARNS: tuple[Stuff, ...] = (
    ("cotton", (0.15, 0.42)), ("polyester_cloth", (0.12, 0.38)), ("wool", (0.1, 0.32)), ("leather", (0.3, 0.7)),
)  # fmt: skip
FACES = ("fractal", "fibres", "folds", "rods")
"""Patterns that cloth shows."""


def face(rng: Rng, size: Interval, contrast: Interval) -> Texture:
    """How cloth looks: creases, threads, ribs of a size in this range, mm, often longer one way."""
    one = log_uniform(rng, *size)
    pattern = FACES[rng.choice(len(FACES), p=(0.4, 0.25, 0.25, 0.1))]
    return Texture(pattern, (one, one * log_uniform(rng, 0.3, 3)), rng.uniform(*contrast), int(rng.integers(SEEDS)))


def sheet_outline(rng: Rng, wide: float, deep: float) -> list[tuple[float, float]]:
    """Corners of a piece of cloth that lies anyhow: six to ten, at uneven distances."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(6, 11))))
    reach = rng.uniform(0.55, 1.0, angles.size)
    return [
        (float(r * wide / 2 * np.cos(a)), float(r * deep / 2 * np.sin(a))) for a, r in zip(angles, reach, strict=True)
    ]


def crumpled(rng: Rng) -> Item:
    """A garment or a towel as it was stuffed in: a lump, and folds of it over each other as sheets of any outline."""
    material, density = any_of(rng, YARNS)
    wide, deep, high = log_uniform(rng, 110, 420), log_uniform(rng, 90, 340), log_uniform(rng, 25, 130)
    core = Part(
        Ellipsoid((0, 0, high / 2), (wide / 2, deep / 2, high / 2)), material, density,
        texture=face(rng, (6, 60), (0.2, 0.5)),
    )  # fmt: skip
    parts = [core]
    for _ in range(int(rng.integers(4, 13))):
        outline = sheet_outline(rng, wide * rng.uniform(0.2, 0.9), deep * rng.uniform(0.2, 0.9))
        fold = plate(outline, rng.uniform(3, 14), material, density * rng.uniform(0.8, 1.6))
        at = (*(rng.uniform(-0.25, 0.25, 2) * (wide, deep)), rng.uniform(0, high * 0.85))
        parts.append(replace(moved(fold, LEVEL, at), texture=face(rng, (2.5, 25), (0.1, 0.4))))
    parts += seams(rng, wide, deep, high)
    room = block((wide * 0.55, deep * 0.55, high * 0.55), (0, 0, high * 0.22))
    return Item(tuple(parts), (Spot(room, core),), soft=True)


def seams(rng: Rng, wide: float, deep: float, high: float) -> list[Part]:
    """What is sewn on or in: seams, cords, zips, buttons, studs, hooks, a tag."""
    parts: list[Part] = []
    for _ in range(int(rng.integers(1, 5))):
        points = wander(rng, rng.uniform(0.4, 1.0) * wide, turning=0.2, z=rng.uniform(2, high))
        thread = any_of(rng, YARNS)
        parts += bent(points, rng.uniform(1.0, 2.5), thread[0], thread[1] * 2)
    for maker, share in ((zipper, 0.4), (buttons, 0.5)):
        if rng.random() < share:
            at = (*(rng.uniform(-0.2, 0.2, 2) * (wide, deep)), rng.uniform(0, high))
            parts += [moved(part, LEVEL, at) for part in maker(rng).parts]
    return parts


def folded(rng: Rng) -> Item:
    """Folded clothes or linen: layers that don't lie quite on each other, with a rib or weave, and a bent edge."""
    material, density = any_of(rng, YARNS)
    wide, deep = log_uniform(rng, 160, 380), log_uniform(rng, 130, 300)
    parts, z = [], 0.0
    for _ in range(int(rng.integers(2, 9))):
        thick = log_uniform(rng, 4, 22)
        size: Vector = (wide * rng.uniform(0.55, 1), deep * rng.uniform(0.55, 1), thick)
        layer = block(size, (*(rng.normal(0, 0.06, 2) * (wide, deep)), z))
        parts.append(Part(layer, material, density, texture=face(rng, (2.5, 45), (0.1, 0.4))))
        edge = ((size[0] / 2 - 4, -size[1] / 2, z + thick / 2), (size[0] / 2 - 4, size[1] / 2, z + thick / 2))
        parts.append(strip(*edge, 8, thick * 0.9, material, density * rng.uniform(0.5, 1.5)))
        z += thick
    spot = Spot(parts[0].shape.bounds, parts[0])
    return Item((*parts, *seams(rng, wide, deep, z)), (spot,), soft=True)


def knot(rng: Rng) -> Item:
    """Socks, gloves, tights, a scarf, rope or hose: a soft tube in bends, a mesh or a rib on it."""
    material, density = any_of(rng, YARNS[:3])
    points = wander(rng, rng.uniform(120, 600), turning=rng.uniform(0.3, 0.8), z=0.0)
    radius = log_uniform(rng, 6, 38)
    raised = [(x, y, radius) for x, y, _ in points]
    parts = [replace(p, texture=face(rng, (2, 12), (0.1, 0.35))) for p in bent(raised, radius, material, density)]
    return Item(tuple(parts), soft=True)


def bag(rng: Rng) -> Item:
    """A backpack or handbag: thin walls, wire or plastic frame, zips, straps with buckles, rivets, netting."""
    wide, deep, high = log_uniform(rng, 140, 420), log_uniform(rng, 110, 330), log_uniform(rng, 30, 130)
    stuff = any_of(rng, (("nylon", (0.6, 1.0)), ("leather", (0.8, 0.95)), ("pvc", (0.9, 1.3))))
    parts = shell(block((wide, deep, high)), block((wide - 4, deep - 4, high - 4), (0, 0, 2)), *stuff)
    mesh = Texture("cells", (rng.uniform(3, 7),) * 2, rng.uniform(0.2, 0.6), int(rng.integers(SEEDS)))
    parts.append(Part(block((wide * 0.7, deep * 0.6, 1.5), (0, 0, high - 3)), "nylon", 0.8, texture=mesh))
    frame = any_of(rng, (*METALS[:2], ("aluminium", (2.65, 2.75)), *PLASTICS[:1]))
    for inset in rng.uniform(0.86, 0.99, int(rng.integers(1, 4))):
        parts += bent(_rounded(wide * inset, deep * inset, rng.uniform(2, high)), rng.uniform(0.9, 2.5), *frame)
    for _ in range(int(rng.integers(2, 6))):
        at = (*(rng.uniform(-0.35, 0.35, 2) * (wide, deep)), rng.uniform(0.2, 0.95) * high)
        parts += [moved(part, LEVEL, at) for part in zipper(rng).parts]
    for _ in range(int(rng.integers(4, 18))):
        x, y = rng.uniform(-0.48, 0.48, 2) * (wide, deep)
        parts.append(Part(post(rng.uniform(2, 5), 3, (x, y, high - 3)), *any_of(rng, METALS)))
    lining = Part(
        block((wide * 0.95, deep * 0.95, high * 0.7), (0, 0, high * 0.1)), "polyester_cloth", rng.uniform(0.03, 0.12),
        texture=face(rng, (5, 40), (0.3, 0.6)),
    )  # fmt: skip
    room = block((wide * 0.8, deep * 0.8, high * 0.6), (0, 0, high * 0.15))
    return Item((*parts, lining), (Spot(room, lining),), soft=True)


def _rounded(wide: float, deep: float, z: float) -> list[Vector]:
    """A closed line around a rectangle with round corners."""
    angles = np.linspace(0, 2 * np.pi, 29)
    x, y = (np.sign(f(angles)) * np.abs(f(angles)) ** 0.35 for f in (np.cos, np.sin))
    return [(float(a * wide / 2), float(b * deep / 2), z) for a, b in zip(x, y, strict=True)]


def plush(rng: Rng) -> Item:
    """A toy of plush, a cushion, a wig or a duvet: light lumps side by side, eyes, a squeaker, granules."""
    material, density = any_of(rng, (("polyester_cloth", (0.04, 0.14)), ("wool", (0.06, 0.2))))
    parts = []
    for _ in range(int(rng.integers(2, 8))):
        a, b, c = (log_uniform(rng, 20, 110) for _ in range(3))
        x, y = rng.uniform(-80, 80, 2)
        look = face(rng, (4, 30), (0.2, 0.5))
        parts.append(Part(Ellipsoid((float(x), float(y), c), (a, b, c)), material, density, texture=look))
    eyes = any_of(rng, (*PLASTICS[:1], ("glass", (2.4, 2.6))))
    parts += [Part(post(4, 5, (x, 20, 20)), *eyes) for x in (-12.0, 12.0)]
    grains = Texture("granules", (4.0, 4.0), 0.5, int(rng.integers(SEEDS)))
    parts.append(Part(Ellipsoid((0, 0, 22), (25, 25, 18)), "polypropylene", rng.uniform(0.3, 0.6), texture=grains))
    host = parts[0].shape.bounds
    return Item(tuple(parts), (Spot(host, parts[0]),), soft=True)


def wad(rng: Rng) -> Item:
    """Newspaper, brochures, nappies, wipes, a sponge: leaves or fibres in a bundle that bends."""
    material, density = any_of(
        rng, (("paper", (0.15, 0.7)), ("cotton", (0.1, 0.3)), ("polyurethane_foam", (0.03, 0.1)))
    )
    wide, deep, high = log_uniform(rng, 90, 300), log_uniform(rng, 70, 220), log_uniform(rng, 12, 70)
    body = Part(block((wide, deep, high)), material, density, texture=face(rng, (3, 30), (0.1, 0.35)))
    leaves = [
        Part(block((wide * rng.uniform(0.5, 1), deep * rng.uniform(0.5, 1), 2.0), (*rng.normal(0, 8, 2), z)), material,
             density, texture=teeth(rng, rng.uniform(3, 9)))
        for z in np.linspace(0, high - 2, int(rng.integers(2, 7)))
    ]  # fmt: skip
    return Item((body, *leaves), (Spot(body.shape.bounds, body),), soft=True)
