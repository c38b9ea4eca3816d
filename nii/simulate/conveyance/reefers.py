"""Refrigerated containers: foam in walls, roof and doors, a floor of aluminium tees, machinery at the front."""

import numpy as np

from nii.simulate.conveyance.containers import HALF, corner_frame, cross_members, doors, room_ends
from nii.simulate.conveyance.structure import ALUMINIUM, STEEL, Cavity, Conveyance
from nii.simulate.render.draws import SEEDS, Rng
from nii.simulate.render.scene import Part, Texture
from nii.simulate.render.shapes import Box, Cylinder

FOAM = ("polyurethane_foam", 0.045)  # with its density in g/cm3
FOAM_FROM = 90.0  # mm, above the cross members
TEE_PITCH, TEE_HEIGHT = 60.0, 60.0  # mm, of the floor's tees


def reefer(rng: Rng, length: float) -> Conveyance:
    """A reefer of this outer length (mm)."""
    height = 2896.0 if length > 8000 else float(rng.choice([2591.0, 2896.0]))
    outside = Box((0.0, length), (-HALF, HALF), (0.0, height))
    unit = rng.uniform(380, 460)  # depth of the machinery
    foam, door = rng.uniform(60, 85), rng.uniform(85, 110)
    inside = Box(
        (unit + 90, length - door - 30),
        (-HALF + foam + 5, HALF - foam - 5),
        (rng.uniform(210, 250), height - rng.uniform(95, 140)),
    )
    foams = _foams(outside, inside, unit)
    frame, hollows = corner_frame(rng, outside)
    beams, under = cross_members(rng, outside, Box(inside.x, inside.y, (FOAM_FROM + 25, inside.z[1])))
    parts = [
        *foams,
        *_skins(rng, outside, inside, unit),
        *_tee_floor(inside),
        *beams,
        *frame,
        *doors(rng, outside),
        *_machinery(rng, unit, inside),
    ]
    evaporator = Box((unit + 5, unit + 85), (-900.0, 900.0), (inside.z[1] - 800, inside.z[1] - 60))
    cavities = {
        "beam": tuple(Cavity(box) for box in (*under, *hollows)),
        "insulation": (*(Cavity(part.shape, part) for part in foams), Cavity(evaporator)),
        **room_ends(rng, inside),
    }
    return Conveyance("reefer", tuple(parts), (inside,), outside, cavities)


def _foams(out: Box, inside: Box, unit: float) -> list[Part]:
    """Foam between outer and inner skin: sides, roof, floor and door."""
    along, full = (unit + 5, out.x[1] - 10), (out.y[0] + 3, out.y[1] - 3)
    panels = [
        Box(along, (out.y[0] + 3, inside.y[0] - 2), (150.0, out.z[1] - 5)),
        Box(along, (inside.y[1] + 2, out.y[1] - 3), (150.0, out.z[1] - 5)),
        Box(along, (inside.y[0], inside.y[1]), (inside.z[1] + 2, out.z[1] - 5)),
        Box(along, full, (FOAM_FROM, inside.z[0] - TEE_HEIGHT - 5)),
        Box((inside.x[1] + 3, out.x[1] - 25), inside.y, inside.z),
    ]
    return [Part(panel, *FOAM) for panel in panels]


def _skins(rng: Rng, out: Box, inside: Box, unit: float) -> list[Part]:
    """Outer skin of aluminium or steel with shallow ribs, inner one of stainless steel."""
    metal, density, gauge = ("aluminium", ALUMINIUM, 1.6) if rng.random() < 0.5 else ("steel", STEEL, 0.8)
    ribs = Texture("stripes-x", (rng.uniform(150, 300), 1.0), rng.uniform(0.02, 0.1), int(rng.integers(SEEDS)))
    along = (unit, out.x[1])
    sides = [Box(along, (y, y + gauge), out.z) for y in (out.y[0], out.y[1] - gauge)]
    inner = [Box(inside.x, (y, y + 0.7), inside.z) for y in inside.y]
    ends = Box((inside.x[0] - 8, inside.x[0]), inside.y, inside.z)  # bulkhead before the evaporator
    return [
        *(Part(box, metal, density, texture=ribs) for box in sides),
        *(Part(box, "stainless_steel", 8.0) for box in inner),
        Part(Box(along, out.y, (out.z[1] - gauge, out.z[1])), metal, density),
        Part(Box(inside.x, inside.y, (inside.z[1], inside.z[1] + 0.8)), "aluminium", ALUMINIUM),
        Part(ends, "aluminium", ALUMINIUM * 0.15),
    ]


def _tee_floor(inside: Box) -> list[Part]:
    """Tees along x: a top flange under the load, a web each, a bottom plate."""
    top, low = inside.z[0], inside.z[0] - TEE_HEIGHT
    webs = [Box(inside.x, (y, y + 3), (low, top - 4)) for y in np.arange(*inside.y, TEE_PITCH)]
    return [
        Part(Box(inside.x, inside.y, (top - 4, top)), "aluminium", ALUMINIUM * 0.6),
        Part(Box(inside.x, inside.y, (low - 3, low)), "aluminium", ALUMINIUM),
        *(Part(web, "aluminium", ALUMINIUM) for web in webs),
    ]


def _machinery(rng: Rng, unit: float, inside: Box) -> list[Part]:
    """Compressor, condenser, fans, controls and frame in the front; evaporator coil behind them."""
    high = inside.z[1]
    x = unit / 2
    parts = [
        Part(Box((0.0, 6.0), (-1100.0, 1100.0), (0.0, high)), "aluminium", ALUMINIUM * 0.15),
        Part(Cylinder((x, rng.uniform(-600, 600), 420), rng.uniform(120, 160), 480, "z"), "cast_iron", 4.2),
        Part(Box((40.0, unit - 60), (300.0, 900.0), (950.0, 1350.0)), "electronics_mix", rng.uniform(0.5, 1.0)),
        Part(Box((60.0, unit - 40), (-900.0, 250.0), (900.0, 1300.0)), "copper", rng.uniform(0.3, 0.7)),  # condenser
        Part(Box((unit + 10, unit + 80), (-900.0, 900.0), (high - 750, high - 350)), "copper", 0.4),  # evaporator
        Part(Cylinder((x, -350, 1100), 55, 260, "x"), "copper", 4.0),  # motor of the condenser fan
    ]
    for y in (-500.0, 500.0):
        parts.append(Part(Cylinder((x, y, high - 200), 180, 60, "z"), "aluminium", 0.4))
        parts.append(Part(Cylinder((x, y, high - 320), 65, 180, "z"), "copper", 4.0))
    for x0, y in ((10.0, -1150.0), (10.0, 1060.0), (unit - 70, -1150.0), (unit - 70, 1060.0)):  # frame
        parts.append(Part(Box((x0, x0 + 60), (y, y + 90), (20.0, high)), "steel", STEEL * 0.25))
    for z in (20.0, 650.0, 1450.0, high - 450):
        parts.append(Part(Box((5.0, unit), (-1150.0, 1150.0), (z, z + 5)), "steel", STEEL * rng.uniform(0.2, 1)))
    for _ in range(int(rng.integers(6, 14))):  # pipes, valves, receiver
        axis = str(rng.choice(list("xyz")))
        at = (x if axis == "x" else rng.uniform(50, unit - 50), rng.uniform(-900, 900), rng.uniform(350, high - 500))
        pipe = Cylinder(at, rng.uniform(8, 40), rng.uniform(80, unit if axis == "x" else 600), axis)
        parts.append(Part(pipe, "copper", rng.uniform(0.8, 5)))
    return [*parts, Part(Box((unit, unit + 4), (-1150.0, 1150.0), (100.0, high)), "steel", STEEL * 0.15)]
