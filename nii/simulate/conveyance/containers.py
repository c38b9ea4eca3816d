"""Freight containers: dry ones and refrigerated ones.

Outer sizes after ISO 668; sheet, rail and beam gauges are those of common containers (1.6-2.0 mm corrugated
steel walls, 28 mm plywood floor, cross members every 0.3 m). The lower edge lies at z = 0, the doors at the
high end of x.
"""

from dataclasses import dataclass

import numpy as np

from nii.simulate.conveyance.structure import ALUMINIUM, STEEL, Cavity, Conveyance, span
from nii.simulate.render.draws import SEEDS, Rng
from nii.simulate.render.scene import Part, Texture
from nii.simulate.render.shapes import Box, Cylinder

LENGTHS = {"20ft": 6058.0, "40ft": 12192.0}  # mm
HALF = 1219.0  # of the width, mm
POST_DEPTH = 150.0  # mm, of a corner post along y


@dataclass(frozen=True)
class Sheet:
    """Wall sheet: material, density (g/cm3), gauge (mm), period (mm) and contrast of its ribs."""

    material: str
    density: float
    gauge: float
    period: float
    contrast: float


def draw_sheet(rng: Rng, metal: str) -> Sheet:
    """Corrugated steel, or aluminium with ribs."""
    density = STEEL if metal == "steel" else ALUMINIUM
    gauge = rng.uniform(1.5, 2.2) if metal == "steel" else rng.uniform(1.2, 3.0)
    return Sheet(metal, density, gauge, rng.uniform(180, 320), rng.uniform(0.08, 0.3))


def dry_container(rng: Rng, length: float) -> Conveyance:
    """A dry-freight container of this outer length (mm), with drawn gauges, corrugation and doors."""
    length *= rng.uniform(0.99, 1.01)
    height = float(rng.choice([2591.0, 2896.0]))
    sill = rng.uniform(130, 175)  # top of the floor above the bottom rail's lower edge
    outside = Box((0.0, length), (-HALF, HALF), (0.0, height))
    front, door = rng.uniform(40, 90), rng.uniform(70, 120)
    inside = Box((front, length - door), (-HALF + 45, HALF - 45), (sill, height - rng.uniform(60, 130)))
    beams, fillable = cross_members(rng, outside, inside)
    frame, hollows = corner_frame(rng, outside)
    parts = [
        *walls(rng, outside, draw_sheet(rng, "steel")),
        *roof(rng, outside, "steel"),
        *boards(rng, inside),
        *beams,
        *frame,
        *front_wall(rng, outside, inside),
        *doors(rng, outside),
    ]
    if rng.random() < 0.1:  # lined with insulation
        parts += lining(rng, outside)
    cavities = {
        "beam": tuple(Cavity(box) for box in (*fillable, *hollows)),
        "floor": (Cavity(Box(inside.x, (-HALF + 60, HALF - 60), (20.0, sill - 30))),),
        "roof": (Cavity(Box(inside.x, inside.y, (inside.z[1], height - 5))),),
        "side": (Cavity(Box(inside.x, (HALF - 45, HALF - 5), inside.z)),),
        **room_ends(rng, inside),
    }
    return Conveyance("", tuple(parts), (inside,), outside, cavities)


def room_ends(rng: Rng, room: Box) -> dict[str, tuple[Cavity, ...]]:
    """Both ends of a room, where a second wall or a second skin of the door could stand."""
    deep, thick = rng.uniform(80, 350), rng.uniform(40, 220)
    return {
        "front": (Cavity(Box((room.x[0], room.x[0] + deep), room.y, room.z)),),
        "door": (Cavity(Box((room.x[1] - thick, room.x[1]), room.y, room.z)),),
    }


def walls(rng: Rng, out: Box, sheet: Sheet) -> list[Part]:
    """Both side walls; their corrugation as ribs of uneven thickness."""
    parts = []
    for y in out.y:
        ribs = Texture("stripes-x", (sheet.period, 1.0), sheet.contrast, int(rng.integers(SEEDS)))
        across = span(y, -np.sign(y) * sheet.gauge)
        parts.append(Part(Box(out.x, across, out.z), sheet.material, sheet.density, texture=ribs))
    return parts


def roof(rng: Rng, out: Box, metal: str) -> list[Part]:
    """Roof sheet and its bows."""
    density, gauge = (STEEL, rng.uniform(1.5, 2.2)) if metal == "steel" else (ALUMINIUM, rng.uniform(1, 2))
    parts = [Part(Box(out.x, out.y, (out.z[1] - gauge, out.z[1])), metal, density)]
    bow = rng.uniform(400, 1200)
    for x in np.arange(out.x[0] + bow / 2, out.x[1], bow):
        z = (out.z[1] - rng.uniform(25, 60), out.z[1])
        parts.append(Part(Box((x, x + rng.uniform(3, 6)), out.y, z), metal, density))
    return parts


def lining(rng: Rng, out: Box) -> list[Part]:
    """Foam on the side walls."""
    thick = rng.uniform(35, 80)
    foams = [Box(out.x, span(y - np.sign(y) * 3, -np.sign(y) * thick), out.z) for y in out.y]
    return [Part(foam, "polyurethane_foam", 0.04) for foam in foams]


def boards(rng: Rng, inside: Box) -> list[Part]:
    """The floor that loads stand on."""
    thick = rng.uniform(21, 30)
    return [Part(Box(inside.x, inside.y, (inside.z[0] - thick, inside.z[0])), "plywood", 0.68)]


def cross_members(rng: Rng, out: Box, inside: Box) -> tuple[list[Part], list[Box]]:
    """Channels across, under the floor; and their hollows."""
    parts, hollows = [], []
    pitch, web, flange = rng.uniform(240, 420), rng.uniform(3.5, 6), rng.uniform(35, 60)
    low, high = out.z[0] + rng.uniform(5, 25), inside.z[0] - 30
    y = (out.y[0] + 5, out.y[1] - 5)
    for x in np.arange(inside.x[0] + pitch / 2, inside.x[1] - flange, pitch):
        parts.append(Part(Box((x, x + web), y, (low, high)), "steel", STEEL))
        for z in ((low, low + web), (high - web, high)):
            parts.append(Part(Box((x, x + flange), y, z), "steel", STEEL))
        hollows.append(Box((float(x) + web, float(x) + flange), y, (low + web, high - web)))
    return parts, hollows


def corner_frame(rng: Rng, out: Box) -> tuple[list[Part], list[Box]]:
    """Rails, corner posts and castings; and the hollows of posts and bottom rails."""
    rail, post = rng.uniform(3, 5), rng.uniform(4, 7)
    parts, hollows = [], []
    for y in out.y:
        inward = -np.sign(y)
        deep = rng.uniform(120, 170)
        parts += [
            Part(Box(out.x, span(y, inward * rail), (out.z[0], out.z[0] + deep)), "steel", STEEL),
            Part(Box(out.x, span(y, inward * rng.uniform(6, 14)), (out.z[1] - 60, out.z[1])), "steel", STEEL),
        ]
        hollows.append(Box((out.x[0] + 200, out.x[1] - 200), span(y + inward * rail, inward * 45),
                           (out.z[0] + 15, out.z[0] + deep - 15)))  # fmt: skip
        for x, side in ((out.x[0], 1), (out.x[1], -1)):
            wide = rng.uniform(100, 190)
            parts.append(Part(Box(span(x, side * wide), span(y, inward * post), out.z), "steel", STEEL))
            parts.append(Part(Box(span(x, side * post), span(y, inward * POST_DEPTH), out.z), "steel", STEEL))
            hollows.append(Box(span(x + side * post, side * (wide - post)),
                               span(y + inward * post, inward * (POST_DEPTH - post)),
                               (out.z[0] + 130, out.z[1] - 130)))  # fmt: skip
            for z in ((out.z[0], out.z[0] + 118), (out.z[1] - 118, out.z[1])):
                parts.append(Part(Box(span(x, side * 178), span(y, inward * 45), z), "steel", STEEL))
    return parts, hollows


def front_wall(rng: Rng, out: Box, inside: Box) -> list[Part]:
    """Corrugated, seen edge-on, so its steel is spread over the depth of the corrugation."""
    gauge, deep = rng.uniform(1.6, 2.4), inside.x[0] - out.x[0] - 4
    return [Part(Box((out.x[0] + 4, inside.x[0]), out.y, out.z), "steel", STEEL * gauge / deep * 1.2)]


def doors(rng: Rng, out: Box) -> list[Part]:
    """Door leaves with stiffeners, sill and header; four locking bars with guides, cams and handles; hinges."""
    gauge, swing = rng.uniform(1.6, 2.4), rng.uniform(0, 20)
    skin = out.x[1] - swing
    parts = [Part(Box((skin - gauge, skin), out.y, out.z), "steel", STEEL)]
    for x in (skin - 45, skin - 10):
        parts.append(Part(Box((x, x + rng.uniform(2, 4)), out.y, out.z), "steel", STEEL * 0.25))
    for z in np.linspace(out.z[0] + 150, out.z[1] - 150, int(rng.integers(3, 6))):  # stiffeners and sill
        parts.append(Part(Box((skin - 40, skin), out.y, (z - 20, z + 20)), "steel", STEEL * 0.12))
    handle = out.z[0] + rng.uniform(900, 1200)
    for y in (-850.0, -350.0, 350.0, 850.0):
        middle = (out.x[1] + 15, y + rng.uniform(-30, 30), (out.z[0] + out.z[1]) / 2)
        parts.append(Part(Cylinder(middle, 17, out.z[1] - out.z[0] - 100, "z"), "steel", STEEL * 0.45))
        for z in (out.z[0] + 60, out.z[0] + 700, handle, out.z[1] - 700, out.z[1] - 60):
            guide = Box((out.x[1], out.x[1] + 45), (middle[1] - 35, middle[1] + 35), (z - 22, z + 22))
            parts.append(Part(guide, "steel", STEEL * rng.uniform(0.3, 0.7)))
        grip = Box((out.x[1] + 20, out.x[1] + 45), (middle[1], middle[1] + 380), (handle - 12, handle + 12))
        parts.append(Part(grip, "steel", STEEL * 0.6))
    for z in np.linspace(out.z[0] + 250, out.z[1] - 250, int(rng.integers(4, 6))):
        for y in out.y:
            hinge = Box((skin - 20, skin + 35), span(y, -np.sign(y) * 40), (z - 60, z + 60))
            parts.append(Part(hinge, "steel", STEEL * 0.8))
    return parts
