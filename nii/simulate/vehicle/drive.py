"""What drives a vehicle: engine, gearbox, cooler, batteries, tank, exhaust."""

from dataclasses import dataclass, replace

import numpy as np

from nii.simulate.render.draws import Rng
from nii.simulate.render.scene import Part
from nii.simulate.render.shapes import Box
from nii.simulate.vehicle.body import Body
from nii.simulate.vehicle.parts import VehicleCavity, case, cavity_of, clutter, pipe, ribbed, rod, sheet, solid, span

PACK_MM = 150.0  # height of a traction battery at most


@dataclass(frozen=True)
class Tank:
    """A fuel tank: the space in it, and its fuel."""

    inside: Box
    fuel: Part
    parts: tuple[Part, ...]


def draw_engine_bay(rng: Rng, body: Body) -> tuple[list[Part], tuple[VehicleCavity, ...]]:
    """Everything under the bonnet; and the cavities there: battery, air filter, gaps beside and behind."""
    parts = _electric_bay(rng, body) if body.drive == "electric" else _engine_bay(rng, body)
    low, high = body.radius + 60, body.nose - 50
    side = -1 if rng.random() < 0.5 else 1
    at = body.axles[0] + rng.uniform(-190, -120)
    wide = span(side * 420.0, side * 600.0)
    block = Box((at, at + rng.uniform(190, 300)), wide, (high - 230, high - 40))
    battery = Part(block, "lead_acid_battery", 2.3, texture=ribbed(rng, 32, 0.12))
    filters = Box((at + 20, at + 300), span(-side * 330.0, -side * 600.0), (high - 190, high - 20))
    paper = Part(Box(filters.x, filters.y, (filters.z[0] + 70, filters.z[0] + 110)), "polypropylene", 0.12)
    posts = [rod((at + u, (wide[0] + wide[1]) / 2, high - 32), 9, 18, "z", "lead_acid_battery", 3.0) for u in (35, 160)]
    parts += [battery, *posts, *case(filters, 2.5, "polypropylene"), paper]
    parts += _coolers(rng, body, low)
    bay = Box((130, body.cowl - 50), (-560, 560), (low, high))
    parts += clutter(rng, bay, 110, ("steel", "aluminium", "polypropylene", "copper", "rubber", "steel"), (7, 90))
    parts += clutter(rng, bay, 26, ("polypropylene", "aluminium", "rubber", "polypropylene"), (60, 260))
    for _ in range(7):  # hoses and pipes
        x, y, z = (rng.uniform(side[0] + 60, side[1] - 60) for side in (bay.x, bay.y, bay.z))
        axis, metal = ("x", "y", "z")[rng.integers(3)], ("rubber", "aluminium")[rng.integers(2)]
        parts += pipe((x, y, z), rng.uniform(9, 30), 3.0, rng.uniform(120, 380), axis, metal)
    behind = Box((body.cowl - 150, body.cowl - 55), (-480, 480), (body.nose - 160, body.nose))
    wing = span(side * 640.0, side * (body.half - 25))
    beside = Box((body.axles[0] + 120, body.cowl), wing, (2 * body.radius + 85, body.nose - 20))
    cavities = [cavity_of(block, battery), cavity_of(filters), cavity_of(behind)]
    if beside.z[1] - beside.z[0] > 60 and beside.x[1] - beside.x[0] > 120:
        cavities.append(cavity_of(beside))
    return parts, tuple(cavities)


def _coolers(rng: Rng, body: Body, low: float) -> list[Part]:
    """Radiator with water, condenser, fan and its motor; bottles; brake booster."""
    x, half = rng.uniform(190, 240), rng.uniform(280, 360)
    high = body.nose - 60
    bx, by, bz = body.cowl - 130, rng.uniform(260, 380), body.nose - 90
    return [
        solid((x, x + 30), (-half, half), (low - 90, high), "aluminium", 0.22),
        solid((x, x + 30), (-half, half), (low - 90, high), "water", 0.12),
        solid((x - 32, x - 14), (-half, half), (low - 60, high - 30), "aluminium", 0.2),
        solid((x + 50, x + 66), (-half, half), (low - 60, high), "polypropylene", 0.25),
        rod((x + 75, 0, (low + high) / 2 - 30), 48, 60, "x", "copper", 0.3),
        solid((x + 120, x + 320), (-620, -470), (low, low + rng.uniform(60, 200)), "water", 0.95),
        rod((bx, by, bz), 115, 110, "x", "steel", 0.08),
        rod((bx - 110, by, bz), 22, 130, "x", "aluminium", 0.7),
        solid((bx - 150, bx - 60), (by - 40, by + 40), (bz + 22, bz + 90), "water", 0.8),
    ]  # fmt: skip


def _engine_bay(rng: Rng, body: Body) -> list[Part]:
    """An engine with its gearbox, along or across."""
    across = body.drive == "transverse"
    size = rng.uniform(0.88, 1.12) * {"pickup": 1.15, "suv": 1.1, "van": 1.12}.get(body.kind, 1.0)
    count = int(rng.choice([3, 4, 4, 4, 6] if not across else [3, 4, 4]))
    local = [*_engine(rng, count, size), *_gearbox(rng, count, size, along=not across)]
    length = 88 * count * size
    x = body.axles[0] + (rng.uniform(-60, 20) if across else rng.uniform(-150, -20))
    move = (x, length * 0.3 if across else 0.0, body.radius + rng.uniform(40, 90))
    shapes = [part.shape.turned() if across else part.shape for part in local]
    y_first = (move[0], -move[1], move[2])
    return [replace(part, shape=shape.shifted(y_first)) for part, shape in zip(local, shapes, strict=True)]


def _engine(rng: Rng, count: int, size: float) -> list[Part]:
    """An inline engine about its crankshaft, which lies along x; the flywheel is at +x."""
    pitch, bore = 88 * size, 40 * size
    half = pitch * count / 2 + 15
    iron = rng.random() < 0.35
    block, share = ("steel", 0.42) if iron else ("aluminium", 0.62)
    top, head = 235 * size, 140 * size
    parts = [
        solid((-half, half), (-125 * size, 125 * size), (-60, top), block, share),
        solid((-half, half), (-120 * size, 120 * size), (top, top + head), "aluminium", 0.6),
        sheet((-half, half), (-130, 130), (top + head + 15, top + head + 45), "polypropylene", 0.5),
        *case(Box((-half + 20, half - 20), (-110, 110), (-190 * size, -60)), 4.0, "aluminium"),
        solid((-half + 25, half - 25), (-105, 105), (-185 * size, -125 * size), "petrol", 1.1),  # oil
        rod((0, 0, 0), 27 * size, 2 * half, "x"),
        rod((half + 14, 0, 0), 135 * size, 26, "x"),
        *(rod((0, y, top + head * 0.75), 15, 2 * half - 30, "x") for y in (-55 * size, 55 * size)),
    ]
    crank = rng.permutation(np.linspace(0, 2 * np.pi, count, endpoint=False))
    for i, phase in enumerate(crank):
        x = -half + 15 + pitch * (i + 0.5)
        piston = top - 75 * size + 42 * size * float(np.cos(phase))
        hole = rod((x, 0, (top + 60) / 2), bore, top - 60, "z", block, share)
        parts += [
            replace(hole, sign=-1),
            *pipe((x, 0, (top + 90) / 2), bore + 4, 4, top - 90, "z"),
            rod((x, 0, piston), bore - 2, 52 * size, "z", "aluminium", 0.6),
            solid((x - 11, x + 11), (-18, 18), (0, piston), "steel", 0.7),
            *(rod((x + s, 0, -12), 62 * size, 17, "x", "steel", 0.85) for s in (-24 * size, 24 * size)),
        ]
    return parts + _ancillaries(rng, half, size)


def _ancillaries(rng: Rng, half: float, size: float) -> list[Part]:
    """Alternator, compressor, starter, pulleys, manifolds, catalyst."""
    side = -1 if rng.random() < 0.5 else 1
    hot, cold = side * 190 * size, -side * 205 * size
    z = 235 * size
    generator, cooler = (-half + 70, cold, rng.uniform(60, 160)), (-half + 80, cold, -rng.uniform(40, 110))
    parts = [
        rod(generator, 66, 90, "x", "steel", 0.55),
        rod(generator, 50, 120, "x", "copper", 0.3),
        rod(cooler, 58, 190, "x", "aluminium", 0.6),
        rod((half - 90, hot, -20), 38, 200, "x", "steel", 0.65),
        rod((-half - 25, 0, 0), 80 * size, 28, "x", "steel", 0.8),
        *(rod((-half - 25, y, v), 32, 26, "x", "steel", 0.7) for _, y, v in (generator, cooler)),
        rod((-half - 25, 0, 150 * size), 55, 24, "x", "steel", 0.6),
        solid((-half + 20, half - 20), span(cold, cold * 0.55), (z + 10, z + 160), "polypropylene", 0.25),
        solid((-half + 20, half - 20), span(hot, hot * 0.65), (z + 20, z + 95), "steel", 0.28),
        *pipe((half * 0.2, hot * 1.1, 60), 62, 2.5, 190, "z"),
        rod((half * 0.2, hot * 1.1, 60), 58, 150, "z", "glass", 0.28),
    ]  # fmt: skip
    if rng.random() < 0.6:  # turbocharger
        parts += [
            rod((0, hot * 1.1, z + 40), 62, 60, "x", "steel", 0.55),
            rod((70, hot * 1.1, z + 40), 68, 55, "x", "aluminium", 0.5),
        ]
    return parts


def _gearbox(rng: Rng, count: int, size: float, *, along: bool) -> list[Part]:
    """Housing, shafts with gears, differential; a long one behind an engine that lies along the vehicle."""
    start = 88 * size * count / 2 + 45
    length = rng.uniform(520, 680) if along else rng.uniform(300, 380)
    high = 130 if along else 165
    housing = Box((start, start + length), (-high, high), (-150, 140))
    parts = [
        rod((start + 40, 0, 0), 165 * size, 80, "x", "aluminium", 0.35),
        *case(housing, 8.0, "aluminium"),
        solid((start + 10, start + length - 10), (-high + 10, high - 10), (-140, -80), "petrol", 1.1),
    ]
    for z in (55.0, -50.0):
        parts.append(rod((start + length / 2, 0, z), 17, length - 20, "x"))
        for x in np.linspace(start + 90, start + length - 30, 6):
            parts.append(rod((float(x), 0, z), rng.uniform(38, 72), 19, "x", "steel", 0.9))
    if not along:
        at = (start + 110, 0.0, -60.0)
        parts += [rod(at, 98, 32, "x", "steel", 0.85), rod(at, 20, 1000, "x", "steel", 0.9)]
    return parts


def _electric_bay(rng: Rng, body: Body) -> list[Part]:
    """Motor with its reduction gear, inverter, charger."""
    x, z = body.axles[0], body.radius
    return [
        rod((x, -60, z + 20), 125, 260, "y", "steel", 0.55),
        rod((x, -60, z + 20), 118, 200, "y", "copper", 0.16),
        rod((x, -60, z + 20), 140, 300, "y", "aluminium", 0.25),
        solid((x - 90, x + 190), (90, 260), (z - 90, z + 110), "aluminium", 0.35),
        *(rod((x + u, 175, z), r, 40, "y", "steel", 0.9) for u, r in ((0, 45), (120, 95))),
        *case(Box((x - 180, x + 180), (-280, 280), (z + 190, z + 310)), 4.0, "aluminium"),
        *clutter(
            rng,
            Box((x - 170, x + 170), (-270, 270), (z + 195, z + 305)),
            40,
            ("copper", "glass", "aluminium", "steel"),
            (15, 120),
        ),
    ]


def draw_pack(rng: Rng, body: Body) -> list[Part]:
    """The traction battery of an electric vehicle, under the cabin's floor: modules in a tray."""
    x = (body.axles[0] + body.radius + 130, body.axles[1] - body.radius - 110)
    box = Box(x, (-body.half + 190, body.half - 190), (max(body.clearance, body.floor - 8 - PACK_MM), body.floor - 8))
    parts = case(box, 3.0, "aluminium")
    count = int(rng.integers(5, 10))
    step = (x[1] - x[0]) / count
    for i in range(count):
        cell = ((x[0] + i * step + 12), (x[0] + (i + 1) * step - 12))
        z = (box.z[0] + 12, box.z[1] - 14)
        module = Box(cell, (box.y[0] + 20, box.y[1] - 20), z)
        parts.append(
            Part(module, "lithium_battery", rng.uniform(1.5, 2.0), texture=ribbed(rng, rng.uniform(14, 40), 0.08))
        )
    return parts


def draw_tank(rng: Rng, body: Body) -> Tank:
    """A fuel tank under the rear seat, or beside a pickup's or a van's frame; filled to some level."""
    high = max(body.floor - 20 - body.clearance - 15, 90) + rng.uniform(0, 90 if body.rear is not None else 30)
    low = body.clearance + 15
    if body.kind in ("pickup", "van"):
        start = body.pillar + 100
        y = (-body.half + 180, -body.half + rng.uniform(480, 620))
        x = (start, min(start + rng.uniform(850, 1200), body.axles[1] - body.radius - 100))
        box = Box(x, y, (low, low + max(high, 200)))
    else:
        end = body.axles[1] - 190
        wide = rng.uniform(380, 560)
        box = Box((end - rng.uniform(480, 680), end), (-wide, wide), (low, low + high))
    metal = rng.random() < 0.35
    wall = 1.2 if metal else 4.0
    inside = Box(*((a + wall, b - wall) for a, b in (box.x, box.y, box.z)))
    level = inside.z[0] + (inside.z[1] - inside.z[0]) * rng.uniform(0.08, 0.95)
    liquid = ("petrol", 0.745) if rng.random() < 0.65 else ("diesel", 0.84)
    fuel = Part(Box(inside.x, inside.y, (inside.z[0], level)), *liquid)
    pump = (
        rng.uniform(inside.x[0] + 80, inside.x[1] - 80),
        (inside.y[0] + inside.y[1]) / 2,
        (inside.z[0] + inside.z[1]) / 2,
    )
    high = inside.z[1] - inside.z[0]
    parts = [
        *case(box, wall, "steel" if metal else "polypropylene"),
        fuel,
        rod(pump, 28, high - 10, "z", "steel", 0.35),
        rod(pump, 16, high * 0.5, "z", "copper", 0.4),
    ]
    return Tank(inside, fuel, tuple(parts))


def draw_exhaust(rng: Rng, body: Body) -> list[Part]:
    """Pipes, resonator and muffler along the bottom."""
    z, y = body.clearance + rng.uniform(40, 75), rng.uniform(-180, 180)
    start, end = body.axles[0] + 250, body.length - 80
    middle, rear = rng.uniform(0.45, 0.6) * body.length, body.axles[1] + rng.uniform(180, 320)
    radius, high = rng.uniform(20, 28), rng.uniform(75, 100)
    parts = pipe(((start + rear) / 2, y, z), radius, 2.0, rear - start, "x")
    at, long = ((middle, y, z), rng.uniform(250, 450))
    parts += [*pipe(at, 60, 2.0, long, "x"), rod(at, 55, long - 10, "x", "steel", 0.06)]
    across = rng.random() < 0.5
    box = Box(
        (rear, min(rear + rng.uniform(250, 480), end - 30)),
        (-420, 420) if across else (y - 130, y + 130),
        (z, z + 1.7 * high),
    )
    parts += [*case(box, 1.6, "steel"), Part(box, "steel", rng.uniform(0.12, 0.3))]
    parts += pipe(((box.x[1] + end) / 2, y + 60, z + 40), radius, 2.0, end - box.x[1], "x")
    shield = Box((start + 200, middle - 250), (y - 120, y + 120), (z + 60, z + 62))
    return [*parts, sheet(shield.x, shield.y, shield.z, "aluminium", 0.5)]
