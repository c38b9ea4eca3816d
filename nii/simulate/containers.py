"""Conveyances: freight containers and box bodies, with or without a chassis under them.

Outer sizes after ISO 668; sheet, rail and beam gauges are those of common dry-freight
containers (1.6-2.0 mm corrugated steel walls, 28 mm plywood floor, cross members every 0.3 m).
"""

from dataclasses import dataclass

import numpy as np

from nii.simulate.scene import Part, Texture
from nii.simulate.shapes import Box, Cylinder, Interval, PrismX

STEEL = 7.85  # g/cm3
ALUMINIUM = 2.70
LENGTHS = {"20ft": 6058.0, "40ft": 12192.0, "box-body": 7200.0}  # mm


@dataclass(frozen=True)
class Conveyance:
    """Parts, the free space inside, and the cavities of the structure (for concealments)."""

    kind: str
    parts: tuple[Part, ...]
    inside: Box
    outside: Box
    cavities: dict[str, Box]  # "floor", "roof", "front", "side"


def draw_conveyance(rng: np.random.Generator, kind: str) -> Conveyance:
    """One container of the given kind with drawn gauges, corrugation, doors and chassis."""
    length = LENGTHS[kind] * rng.uniform(0.99, 1.01)
    height = rng.choice([2591.0, 2896.0])
    half = 1219.0
    sill = rng.uniform(130, 175)  # top of the floor above the bottom rail's lower edge
    outside = Box((0.0, length), (-half, half), (0.0, height))
    front, door = rng.uniform(40, 90), rng.uniform(50, 110)
    inside = Box((front, length - door), (-half + 45, half - 45), (sill, height - rng.uniform(60, 130)))
    insulated = rng.random() < 0.15
    parts = [
        *_walls(rng, outside, metal="aluminium" if kind == "box-body" else "steel", insulated=insulated),
        *_floor(rng, outside, inside),
        *_frame(rng, outside),
        *_ends(rng, outside, inside),
    ]
    if rng.random() < 0.55:
        parts += _chassis(rng, outside)
    cavities = {
        "floor": Box(inside.x, (-half + 60, half - 60), (20.0, sill - 30)),
        "roof": Box(inside.x, inside.y, (inside.z[1], height - 5)),
        "front": Box((front, front + rng.uniform(80, 350)), inside.y, inside.z),
        "side": Box(inside.x, (half - 45, half - 5), inside.z),
    }
    return Conveyance(kind, tuple(parts), inside, outside, cavities)


def _walls(rng: np.random.Generator, out: Box, *, metal: str, insulated: bool) -> list[Part]:
    density = STEEL if metal == "steel" else ALUMINIUM
    gauge = rng.uniform(1.5, 2.2) if metal == "steel" else rng.uniform(1.2, 3.0)
    period, contrast = rng.uniform(180, 320), rng.uniform(0.08, 0.3)
    parts = []
    for y in out.y:
        inward = -np.sign(y)
        ribs = Texture("stripes-x", (period, 1.0), contrast, int(rng.integers(1 << 31)))
        parts.append(Part(Box(out.x, _span(y, inward * gauge), out.z), metal, density, texture=ribs))
        if insulated:
            foam = _span(y + inward * gauge, inward * rng.uniform(35, 80))
            parts.append(Part(Box(out.x, foam, out.z), "polyurethane_foam", 0.04))
    roof = (out.z[1] - gauge, out.z[1])
    parts.append(Part(Box(out.x, out.y, roof), metal, density))
    bow = rng.uniform(400, 1200)
    for x in np.arange(out.x[0] + bow / 2, out.x[1], bow):  # roof bows
        z = (out.z[1] - rng.uniform(25, 60), out.z[1])
        parts.append(Part(Box((x, x + rng.uniform(3, 6)), out.y, z), metal, density))
    return parts


def _floor(rng: np.random.Generator, out: Box, inside: Box) -> list[Part]:
    board = rng.uniform(21, 30)
    top = inside.z[0]
    parts = [Part(Box(inside.x, inside.y, (top - board, top)), "plywood", 0.68)]
    pitch, web, flange = rng.uniform(240, 420), rng.uniform(3.5, 6), rng.uniform(35, 60)
    low = rng.uniform(5, 25)
    for x in np.arange(inside.x[0] + pitch / 2, inside.x[1], pitch):
        y = (out.y[0] + 5, out.y[1] - 5)
        parts.append(Part(Box((x, x + web), y, (low, top - board)), "steel", STEEL))
        for z in ((low, low + web), (top - board - web, top - board)):
            parts.append(Part(Box((x, x + flange), y, z), "steel", STEEL))
    return parts


def _frame(rng: np.random.Generator, out: Box) -> list[Part]:
    rail, post = rng.uniform(3, 5), rng.uniform(4, 7)
    parts = []
    for y in out.y:
        inward = -np.sign(y)
        parts += [
            Part(Box(out.x, _span(y, inward * rail), (out.z[0], rng.uniform(120, 170))), "steel", STEEL),
            Part(Box(out.x, _span(y, inward * rng.uniform(6, 14)), (out.z[1] - 60, out.z[1])), "steel", STEEL),
        ]
        for x, width in ((out.x[0], 1), (out.x[1], -1)):
            wide = width * rng.uniform(100, 190)
            parts.append(Part(Box(_span(x, wide), _span(y, inward * post), out.z), "steel", STEEL))
            parts.append(Part(Box(_span(x, width * post), _span(y, inward * 150), out.z), "steel", STEEL))
            for z in ((out.z[0], out.z[0] + 118), (out.z[1] - 118, out.z[1])):  # corner castings
                parts.append(Part(Box(_span(x, width * 178), _span(y, inward * 45), z), "steel", STEEL))
    return parts


def _ends(rng: np.random.Generator, out: Box, inside: Box) -> list[Part]:
    gauge = rng.uniform(1.6, 2.4)
    swing = rng.uniform(0, 20)
    parts = [  # front wall: corrugated, seen edge-on, so its steel is spread over the corrugation depth
        Part(Box((out.x[0] + 4, inside.x[0]), out.y, out.z), "steel", STEEL * gauge / (inside.x[0] - 4) * 1.2),
        Part(Box((out.x[1] - swing - gauge, out.x[1] - swing), out.y, out.z), "steel", STEEL),
    ]
    for x in (out.x[1] - swing - 45, out.x[1] - swing - 10):
        parts.append(Part(Box((x, x + rng.uniform(2, 4)), out.y, out.z), "steel", STEEL * 0.25))
    for y in (-850.0, -350.0, 350.0, 850.0):
        rod = Cylinder((out.x[1] + 15, y, (out.z[0] + out.z[1]) / 2), 17, out.z[1] - 100, "z")
        parts.append(Part(rod, "steel", STEEL * 0.45))  # a tube: 4 mm wall of 34 mm
    return parts


def _chassis(rng: np.random.Generator, out: Box) -> list[Part]:
    deep, web = rng.uniform(150, 420), rng.uniform(5, 9)
    top = out.z[0] - rng.uniform(5, 30)
    parts = []
    for y in (-rng.uniform(350, 520), rng.uniform(350, 520)):
        flange = rng.uniform(50, 80)
        parts.append(Part(Box(out.x, (y, y + web), (top - deep, top)), "steel", STEEL))
        for z in ((top - deep, top - deep + 12), (top - 12, top)):
            parts.append(Part(Box(out.x, (y - flange, y + flange), z), "steel", STEEL))
    for x in rng.uniform(out.x[0], out.x[1], rng.integers(2, 6)):
        z = (top - deep * 0.8, top - deep * 0.2)
        parts.append(Part(Box((x, x + rng.uniform(60, 140)), (-500.0, 500.0), z), "steel", STEEL * 0.06))
    for x in rng.uniform(out.x[0] + 500, out.x[1] - 500, rng.integers(0, 4)):
        parts += _wheels(float(x), top - deep * rng.uniform(0.5, 1.2), rng.uniform(380, 520))
    if rng.random() < 0.4:  # drip of mud or a side guard: thin long bars
        bar = (top - deep - 60, top - deep)
        corners = tuple((y, z) for y, z in ((-900, bar[0]), (-900, bar[1]), (-870, bar[1]), (-870, bar[0])))
        parts.append(Part(PrismX(corners, out.x), "aluminium", ALUMINIUM * 0.2))
    return parts


def _wheels(x: float, z: float, radius: float) -> list[Part]:
    parts = []
    for y in (-1000.0, 1000.0):
        tyre, hollow = Cylinder((x, y, z), radius, 280, "y"), Cylinder((x, y, z), radius - 35, 250, "y")
        rim = Cylinder((x, y, z), radius * 0.55, 12, "y")
        parts += [Part(tyre, "rubber", 1.15), Part(hollow, "rubber", 1.15, -1), Part(rim, "steel", STEEL)]
    parts.append(Part(Cylinder((x, 0.0, z), 65, 1700, "y"), "steel", STEEL * 0.35))
    return parts


def _span(start: float, step: float) -> Interval:
    """An interval from start by step, which may be negative."""
    return (min(start, start + step), max(start, start + step))
