"""Wheels, axles, frames and tanks of trucks and trailers. The road lies at the height `ground` (mm, below 0)."""

import numpy as np

from nii.simulate.conveyance.structure import ALUMINIUM, STEEL, Cavity, below, hollow, i_beam, rounded, span, tube
from nii.simulate.render.draws import Rng
from nii.simulate.render.scene import Part
from nii.simulate.render.shapes import Box, Cylinder, Interval, PrismX, PrismY

TYRE = ("tyre", 1.15)  # with its density in g/cm3: rubber with steel cord
TREAD, WALL = 32.0, 16.0  # mm
RIM = 0.56  # radius over that of the tyre
TRACK = 1245.0  # half the width over the tyres, mm


def axle(
    rng: Rng, x: float, ground: float, radius: float, *, twin: bool, driven: bool
) -> tuple[list[Part], list[Cavity]]:
    """An axle with hubs, brakes, springs and tyres; and the hollows of its tyres.

    twin: two tyres at each end. driven: with a differential.
    """
    z = ground + radius
    parts = tube((x, 0.0, z), 70, 12, 1900, "y")
    hollows: list[Cavity] = []
    for side in (-1, 1):
        wide = 290.0 if twin else rng.uniform(300, 390)
        ys = (TRACK - wide / 2, TRACK - wide * 1.5 - 25) if twin else (TRACK - wide / 2,)
        for y in ys:
            tyre, inner = wheel((x, side * y, z), radius, wide)
            parts += tyre
            hollows.append(Cavity(inner))
        parts += _hub(rng, (x, side * (ys[-1] - wide * 0.3), z), radius)
        parts += _spring(rng, x, side * 480.0, z)
    if driven:
        parts.append(Part(Cylinder((x, 0.0, z), 210, 260, "y"), "cast_iron", 3.4))
        parts.append(Part(Cylinder((x - 160, 0.0, z + 30), 110, 320, "x"), "cast_iron", 4.5))
    return parts, hollows


def wheel(at: tuple[float, float, float], radius: float, width: float) -> tuple[list[Part], Cylinder]:
    """A tyre on its rim, and the room inside the tyre (from the rim outward).

    The rubber is what lies between tread, side walls and rim: the outer solid less the hollow and the rim's hole.
    """
    x, y, z = at
    rim, outer = radius * RIM, radius - TREAD
    inside = Cylinder(at, outer, width - 2 * WALL, "y")
    hole = [Cylinder((x, y + side * (width - WALL) / 2, z), rim, WALL, "y") for side in (-1, 1)]
    parts = [
        Part(Cylinder(at, radius, width, "y"), *TYRE),
        Part(inside, *TYRE, -1),
        *(Part(one, *TYRE, -1) for one in hole),
        *tube(at, rim, 7, width - 20, "y"),
        Part(Cylinder((x, y + 0.2 * width, z), rim - 7, 11, "y"), "steel", STEEL * 0.85),
    ]
    return parts, inside


def _hub(rng: Rng, at: tuple[float, float, float], radius: float) -> list[Part]:
    """Hub with bearing, and a brake drum or disc."""
    hub = [Part(Cylinder(at, 105, 240, "y"), "cast_iron", 5.0)]
    if rng.random() < 0.5:
        return [*hub, *tube(at, radius * 0.41, 18, 200, "y", material="cast_iron", density=7.15)]
    return [*hub, Part(Cylinder(at, radius * 0.42, 45, "y"), "cast_iron", 5.5)]


def _spring(rng: Rng, x: float, y: float, z: float) -> list[Part]:
    """A leaf spring, or an air bellows with its trailing arm and a damper."""
    if rng.random() < 0.4:
        leaves = ((-500, 150), (0, 60), (500, 150), (500, 170), (0, 115), (-500, 170))
        return [Part(PrismY(tuple((x + u, z + v) for u, v in leaves), (y - 40, y + 40)), "steel", STEEL)]
    arm = Box((x - 480, x + 380), (y - 35, y + 35), (z + 60, z + 115))
    bellows = tube((x + 330, y, z + 210), 130, 8, 190, "z", material="rubber", density=1.15)
    return [
        Part(arm, "steel", STEEL * 0.8),
        *bellows,
        Part(Cylinder((x - 100, y, z + 200), 32, 330, "z"), "steel", 3.5),
    ]


def frame(rng: Rng, x: Interval, top: float, depth: float, half: float) -> list[Part]:
    """Two beams along x, half the spacing from the middle, and cross members between them."""
    web, flange = rng.uniform(6, 9), (rng.uniform(70, 130), rng.uniform(8, 14))
    parts = [part for y in (-half, half) for part in i_beam(x, y, (top - depth, top), web, flange)]
    for at in np.arange(x[0] + 200, x[1] - 150, rng.uniform(600, 1400)):
        z = (top - depth * 0.85, top - depth * 0.25)
        parts.append(Part(Box((at, at + 7), (-half, half), z), "steel", STEEL))
        parts.append(Part(Box((at, at + 70), (-half, half), (z[1] - 7, z[1])), "steel", STEEL))
    return parts


def fuel_tank(rng: Rng, x: Interval, y: Interval, z: Interval) -> tuple[list[Part], Cavity]:
    """A fuel tank along x with its filling, straps and filler neck; and its hollow."""
    wall, radius = 4.0, (0.5 if rng.random() < 0.35 else rng.uniform(0.15, 0.35)) * min(y[1] - y[0], z[1] - z[0])
    metal, density = ("aluminium", ALUMINIUM) if rng.random() < 0.7 else ("steel", STEEL)
    outer = rounded(y, z, radius)
    inner = rounded((y[0] + wall, y[1] - wall), (z[0] + wall, z[1] - wall), radius - wall)
    room = (x[0] + wall, x[1] - wall)
    level = z[0] + (z[1] - z[0]) * rng.uniform(0.1, 0.95)
    parts = [Part(PrismX(outer, x), metal, density), Part(PrismX(inner, room), metal, density, -1)]
    fuel = Part(PrismX(below(inner, level), room), "diesel", 0.84)
    for at in np.linspace(*room, int(rng.integers(3, 5)))[1:-1]:  # surge plates
        parts.append(Part(PrismX(inner, (at, at + 2.0)), metal, density * 0.8))
    for at in (x[0] + 0.2 * (x[1] - x[0]), x[0] + 0.8 * (x[1] - x[0])):
        ring = (y[0] - 6, y[1] + 6), (z[0] - 6, z[1] + 6)
        parts += hollow(rounded(*ring, radius + 6), outer, (at, at + 60), "steel", STEEL * 0.5)
    neck = Cylinder((x[0] + 0.3 * (x[1] - x[0]), sum(y) / 2, z[1] + 20), 45, 50, "z")
    return [*parts, fuel, Part(neck, "aluminium", 1.0)], Cavity(PrismX(inner, room), fuel)


def mudguard(x: float, ground: float, radius: float, y: Interval) -> Part:
    """An arc of plastic over a wheel."""
    turn = np.linspace(0.15, np.pi - 0.15, 12)
    arcs = [(radius + gap) * np.stack([np.cos(turn), np.sin(turn)], 1) for gap in (75.0, 63.0)]
    corners = (*arcs[0].tolist(), *arcs[1][::-1].tolist())
    return Part(PrismY(tuple((x + u, ground + radius + v) for u, v in corners), y), "polypropylene", 0.3)


def tool_box(rng: Rng, x: float, y: float, top: float) -> list[Part]:
    """A steel or plastic box under the frame with a few tools in it; y: its outer side."""
    wide, deep, high = rng.uniform(450, 900), rng.uniform(350, 500), rng.uniform(350, 500)
    side = span(y, -np.sign(y) * deep)
    box, inner = (x, x + wide), (x + 3, x + wide - 3)
    parts = [
        Part(Box(box, side, (top - high, top)), "steel", STEEL),
        Part(Box(inner, (side[0] + 2, side[1] - 2), (top - high + 2, top - 2)), "steel", STEEL, -1),
    ]
    for _ in range(int(rng.integers(2, 8))):
        at = rng.uniform(x + 40, x + wide - 200)
        long, thick = rng.uniform(60, 160), rng.uniform(15, 60)
        bottom = top - high + 5
        tool = Box((at, at + long), (sum(side) / 2 - thick, sum(side) / 2 + thick), (bottom, bottom + thick))
        parts.append(Part(tool, "steel", rng.uniform(2, 7.8)))
    return parts


def spare_wheel(x: float, top: float, radius: float) -> tuple[list[Part], Cavity]:
    """A wheel lying in its carrier under the frame; and the hollow of its tyre."""
    middle = (x, 0.0, top - 200)
    inside = Cylinder(middle, radius - TREAD, 290 - 2 * WALL, "z")
    parts = [
        Part(Cylinder(middle, radius, 290, "z"), *TYRE),
        Part(inside, *TYRE, -1),
        *(
            Part(Cylinder((x, 0.0, middle[2] + side * (290 - WALL) / 2), radius * RIM, WALL, "z"), *TYRE, -1)
            for side in (-1, 1)
        ),
        *tube(middle, radius * RIM, 7, 270, "z"),
        Part(Cylinder(middle, radius * RIM - 7, 11, "z"), "steel", STEEL * 0.85),
    ]
    return parts, Cavity(inside)
