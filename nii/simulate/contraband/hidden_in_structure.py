"""Concealments that are changes to the conveyance: second walls and floors, filled beams, foam, tanks and tyres.

Each takes the conveyance and returns its parts and what they push out, both in place.
"""

from dataclasses import replace

import numpy as np

from nii.physics.materials import STEEL
from nii.simulate.contraband.hidden_goods import DRUGS
from nii.simulate.contraband.placing import displaced
from nii.simulate.conveyance.running_gear import RIM
from nii.simulate.conveyance.structure import Cavity, Conveyance
from nii.simulate.render.draws import Rng, drawn_material, layers, log_uniform
from nii.simulate.render.scene import Part
from nii.simulate.render.shapes import Box, Cylinder, Interval, PrismX, PrismY

Change = tuple[list[Part], list[Part]]  # what is put in, and what gives way

BOARDS = (STEEL, ("plywood", 0.68), ("aluminium", 2.7))
"""Sheets of second walls, with their densities in g/cm3."""


def false_wall(rng: Rng, conveyance: Conveyance) -> Change:
    """A second front wall: sheet and studs, with packages stacked behind it."""
    space = _cavity(rng, conveyance, "front").shape.bounds
    board, density, thick = _board(rng)
    sheet = Part(Box((space.x[1] - thick, space.x[1]), space.y, space.z), board, density)
    behind = Box((space.x[0] + 5, space.x[1] - thick - 5), space.y, space.z)
    return [sheet, *_packed(rng, behind), *_studs(rng, behind)], []


def door_hide(rng: Rng, conveyance: Conveyance) -> Change:
    """A second skin inside the doors, with packages between; or packages alone, in the leaves."""
    space = _cavity(rng, conveyance, "door").shape.bounds
    board, density, thick = _board(rng)
    behind = Box((space.x[0] + thick, space.x[1]), space.y, space.z)
    if rng.random() < 0.2:
        return _packed(rng, behind), []
    sheet = Part(Box((space.x[0], space.x[0] + thick), space.y, space.z), board, density)
    return [sheet, *_packed(rng, behind), *_studs(rng, behind)], []


def floor_hide(rng: Rng, conveyance: Conveyance) -> Change:
    """Packages between the floor's cross members, or on the floor under a second one."""
    space = _cavity(rng, conveyance, "floor").shape.bounds
    material, density = drawn_material(rng, DRUGS)
    width = log_uniform(rng, 250, 2500)
    x = rng.uniform(space.x[0], max(space.x[1] - width, space.x[0] + 1))
    high = rng.uniform(40, max(space.z[1] - space.z[0], 41))
    parts = []
    for left in np.arange(x, min(x + width, space.x[1] - 220), 230):
        box = Box((left, left + rng.uniform(120, 215)), _inner(rng, space.y, 0.15), (space.z[1] - high, space.z[1]))
        parts.append(Part(box, material, density))
    return parts, []


def roof_hide(rng: Rng, conveyance: Conveyance) -> Change:
    """A second ceiling with packages above it."""
    space = _cavity(rng, conveyance, "roof").shape.bounds
    material, density = drawn_material(rng, DRUGS)
    width = log_uniform(rng, 400, 3000)
    x = rng.uniform(space.x[0], max(space.x[1] - width, space.x[0] + 1))
    right = min(x + width, space.x[1])
    low = max(space.z[1] - rng.uniform(40, 140), space.z[0])
    packs = Box((x, right), _inner(rng, space.y, 0.2), (low, space.z[1]))
    return [
        Part(packs, material, density, texture=layers(rng, 80, 0.1)),
        Part(Box((x, right), space.y, (low - 3, low)), "aluminium", 2.7 * rng.uniform(0.1, 1)),
    ], []


def wall_hide(rng: Rng, conveyance: Conveyance) -> Change:
    """Thin packages behind the lining of a side wall."""
    space = _cavity(rng, conveyance, "side").shape.bounds
    material, density = drawn_material(rng, DRUGS)
    width, height = log_uniform(rng, 250, 1800), log_uniform(rng, 200, 1500)
    x, z = _stretch(rng, space.x, width), _stretch(rng, space.z, height)
    return [Part(Box(x, space.y, z), material, density, texture=layers(rng, 120, 0.1))], []


def beam_hide(rng: Rng, conveyance: Conveyance) -> Change:
    """Cross members, rails or posts filled over a part of their length: one, or several side by side."""
    hollows = conveyance.cavities["beam"]
    material, density = drawn_material(rng, DRUGS)
    count = int(log_uniform(rng, 1, 14))
    first = int(rng.integers(len(hollows)))
    share = rng.uniform(0.25, 1)
    parts = []
    for cavity in hollows[first : first + count]:
        box = cavity.shape.bounds
        sides = {axis: getattr(box, axis) for axis in "xyz"}
        along = max(sides, key=lambda axis: sides[axis][1] - sides[axis][0])
        sides[along] = _stretch(rng, sides[along], min(share * (sides[along][1] - sides[along][0]), 4000))
        parts.append(Part(Box(**sides), material, density * rng.uniform(0.85, 1)))
    return parts, []


def reefer_hide(rng: Rng, conveyance: Conveyance) -> Change:
    """Packages in place of the foam of a panel, or in the space around the evaporator."""
    cavity = _cavity(rng, conveyance, "insulation")
    space = cavity.shape.bounds
    material, density = drawn_material(rng, DRUGS)
    x, y, z = (
        _stretch(rng, side, min(log_uniform(rng, 200, 2200), side[1] - side[0])) for side in (space.x, space.y, space.z)
    )
    packs = Part(Box(x, y, z), material, density, texture=layers(rng, 80, 0.08))
    return [packs], list(displaced((packs,), cavity.filling))


def tank_hide(rng: Rng, conveyance: Conveyance) -> Change:
    """A fuel tank with a divider: fuel on one side of it, packages or another liquid on the other."""
    cavity = _cavity(rng, conveyance, "tank")
    shape, fuel = cavity.shape, cavity.filling
    if not (isinstance(shape, PrismX) and fuel and isinstance(fuel.shape, PrismX)):
        raise TypeError("a tank is a prism along x with fuel in it")
    cut = shape.x[0] + (shape.x[1] - shape.x[0]) * rng.uniform(0.25, 0.85)
    x = (shape.x[0], cut) if rng.random() < 0.5 else (cut, shape.x[1])
    wall = (cut - 3, cut) if x[1] == cut else (cut, cut + 3)
    packs = (x[0], cut - 3) if x[1] == cut else (cut + 3, x[1])
    material, density = drawn_material(rng, DRUGS)
    filled = Part(PrismX(shape.corners, packs), material, density * rng.uniform(0.6, 1), texture=layers(rng, 70, 0.08))
    return [Part(PrismX(shape.corners, wall), *STEEL), filled], [
        replace(fuel, shape=PrismX(fuel.shape.corners, x), sign=-1)
    ]


def tyre_hide(rng: Rng, conveyance: Conveyance) -> Change:
    """Packages inside a tyre, around its rim: a part of the ring or all of it."""
    shape = _cavity(rng, conveyance, "tyre").shape
    if not isinstance(shape, Cylinder):
        raise TypeError("the hollow of a tyre is a cylinder")
    material, density = drawn_material(rng, DRUGS)
    density *= rng.uniform(0.6, 1)
    inner, outer = shape.radius * RIM * 1.12, shape.radius - 5
    if shape.axis == "z":  # a spare wheel that lies
        rings = (Cylinder(shape.centre, radius, shape.length - 20, "z") for radius in (outer, inner))
        return [Part(ring, material, density, sign) for ring, sign in zip(rings, (1, -1), strict=True)], []
    start, turn = rng.uniform(0, 2 * np.pi), rng.uniform(0.25, 1) * 2 * np.pi
    angles = np.linspace(start, start + turn, max(int(turn * 8), 3))
    arcs = [r * np.stack([np.cos(way), np.sin(way)], 1) for r, way in ((outer, angles), (inner, angles[::-1]))]
    x, _, z = shape.centre
    corners = tuple((float(x + u), float(z + v)) for u, v in np.concatenate(arcs))
    y = shape.bounds.y
    return [Part(PrismY(corners, (y[0] + 10, y[1] - 10)), material, density, texture=layers(rng, 90, 0.08))], []


def _cavity(rng: Rng, conveyance: Conveyance, name: str) -> Cavity:
    """One of the cavities of this name."""
    found = conveyance.cavities[name]
    return found[rng.integers(len(found))]


def _board(rng: Rng) -> tuple[str, float, float]:
    """Material, density and thickness (mm) of a second wall."""
    board, density = BOARDS[rng.integers(len(BOARDS))]
    return board, density, rng.uniform(1.5, 3) if board != "plywood" else rng.uniform(9, 18)


def _packed(rng: Rng, behind: Box) -> list[Part]:
    """Packages in a flat space, from its floor up."""
    material, density = drawn_material(rng, DRUGS)
    top = behind.z[0] + (behind.z[1] - behind.z[0]) * rng.uniform(0.3, 1)
    packs = Box(behind.x, _inner(rng, behind.y, 0.4), (behind.z[0], top))
    return [Part(packs, material, density * rng.uniform(0.4, 0.95), texture=layers(rng, 60, 0.08))]


def _studs(rng: Rng, behind: Box) -> list[Part]:
    """Timber across, every 60 cm, that holds a second wall."""
    heights = np.arange(behind.z[0] + 300, behind.z[1] - 40, 600)
    return [Part(Box(behind.x, behind.y, (z, z + 40)), "pine", 0.5 * rng.uniform(0.05, 0.5)) for z in heights]


def _inner(rng: Rng, y: Interval, least: float) -> Interval:
    """A part of an interval, at least `least` of it."""
    return _stretch(rng, y, rng.uniform(least, 1) * (y[1] - y[0]))


def _stretch(rng: Rng, room: Interval, length: float) -> Interval:
    """An interval of this length somewhere in a room, the room itself if that is shorter."""
    length = min(length, room[1] - room[0])
    start = rng.uniform(room[0], max(room[1] - length, room[0] + 1e-9))
    return (start, start + length)
