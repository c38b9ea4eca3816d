"""Bodywork of vehicles: bonnet, roof and ends, floors and rails, bumpers, lamps; the sides are in vehicle_sides."""

import numpy as np

from nii.physics.materials import STEEL_G_CM3
from nii.simulate.render.draws import SEEDS, Rng
from nii.simulate.render.scene import Part
from nii.simulate.render.shapes import Box, PrismY
from nii.simulate.vehicle.body import Body
from nii.simulate.vehicle.parts import (
    SPREAD,
    VehicleCavity,
    arc,
    bar,
    bowed,
    case,
    cavity_of,
    clutter,
    crowned,
    sheet,
    solid,
)
from nii.simulate.vehicle.sides import draw_sides, inwards


def draw_shell(rng: Rng, body: Body) -> list[Part]:
    """Sheet metal and glass: skins, pillars, roof, bonnet, floor, sills, wheel housings, bumpers."""
    return [
        *_tops(rng, body),
        *draw_sides(rng, body),
        *_floors(rng, body),
        *_rails(rng, body),
        *_housings(body),
        *_bumpers(rng, body),
        *_lamps(rng, body),
    ]


def _tops(rng: Rng, body: Body) -> list[Part]:
    """Bonnet, windscreen, roof, rear window, boot lid or tailgate."""
    _, cowl, header, _, tail, _, _ = body.profile
    metal = ("aluminium", 1.0) if rng.random() < 0.15 else ("steel", 0.7)
    screen = abs(cowl[1] - header[1]) / (header[0] - cowl[0])  # slope
    wide = body.half * (0.86 if body.kind == "van" else rng.uniform(0.64, 0.74))
    roof = body.course(header[0], tail[0])
    parts = [
        *crowned(
            body.course(14, cowl[0]), rng.uniform(50, 110), body.half * 0.84, metal[1], metal[0], 1.9
        ),  # with frame
        *crowned(body.course(cowl[0], header[0]), rng.uniform(60, 130) * screen, body.half * 0.78, 4.8, "glass"),
        *crowned(roof, rng.uniform(25, 60), wide, 0.75, "steel"),
        *crowned([(x, z - 45) for x, z in roof], rng.uniform(15, 40), wide * 0.95, 6.0, "polyurethane_foam", 4.0),
    ]
    if rng.random() < 0.25 and body.kind not in ("van", "pickup"):  # a glass roof in a frame
        x = (header[0] + 150, header[0] + 150 + 0.45 * (tail[0] - header[0]))
        low = min(body.top(x[0]), body.top(x[1])) - 40
        parts.append(solid(x, (-wide * 0.7, wide * 0.7), (low - 6, low), "glass", 0.8))
        parts += [sheet(x, (y, y + 35), (low - 30, low), "steel", 0.15) for y in (-480.0, 445.0)]
    for x in np.linspace(header[0] + 60, tail[0] - 60, int(rng.integers(3, 6))):  # roof bows
        parts += crowned([(x, body.top(x) - 20), (x + 45, body.top(x) - 20)], 45, wide, 1.0, "steel")
    return parts + _stern(rng, body, wide)


def _stern(rng: Rng, body: Body, wide: float) -> list[Part]:
    """What closes the vehicle behind: rear window and boot lid, tailgate, rear doors or the bed's tailgate."""
    *_, tail, foot, end = body.profile
    window = body.course(tail[0], foot[0])
    if body.kind == "pickup":
        gate = Box(
            (body.length - 75, body.length - 30), (-body.half * 0.8, body.half * 0.8), (body.load_floor, foot[1])
        )
        back = Box((foot[0], foot[0] + 25), (-body.half * 0.8, body.half * 0.8), (body.floor, foot[1]))
        return [*crowned(window, 15, wide, 4.0, "glass"), *case(gate, 0.9, "steel"), *case(back, 0.9, "steel")]
    lid = (body.load_floor + 60, body.top(body.length - 60) - 15)
    bow = -rng.uniform(60, 140)
    parts = crowned(window, rng.uniform(20, 60), wide, 3.6, "glass")
    if body.kind == "sedan":
        parts += crowned(body.course(foot[0], end[0]), rng.uniform(25, 60), body.half * 0.75, 0.7, "steel", 1.9)
    skins = ((0.0, 0.75), (45.0, 0.7))  # outer and inner one
    for deep, gauge in skins:
        parts += bowed(body.length - 20 - deep, bow, body.half * 0.8, lid, gauge, "steel")
    if body.kind != "sedan":  # struts and the wiper's motor
        upper, lower = (tail[0] - 60, body.top(tail[0] - 60) - 70), (foot[0] - 90, foot[1] - 160)
        parts += [bar(upper, lower, 18, (y, y + 18), "steel", 0.5) for y in (-body.half * 0.72, body.half * 0.7)]
        parts.append(solid((foot[0] - 120, foot[0] - 50), (-70, 40), (foot[1] - 110, foot[1] - 40), "copper", 0.3))
    return parts


def _floors(rng: Rng, body: Body) -> list[Part]:
    """Bulkhead, cabin floor with its tunnel, seat beams, load floor."""
    y = (-body.half + 110, body.half - 110)
    wall = body.cowl - 40
    last = body.length - 60
    parts = [
        sheet((wall, wall + 1.2), y, (body.floor, body.bonnet - 60), "steel", 1.3),
        sheet((wall, body.cabin_end), y, (body.floor - 1.5, body.floor), "steel"),
        solid((wall, body.cabin_end), y, (body.floor + 3, body.floor + 25), "polyurethane_foam", 2),
        sheet((body.cabin_end, last), y, (body.load_floor - 1.4, body.load_floor), "steel"),
        sheet((body.cabin_end, body.cabin_end + 1.2), y, (body.floor, body.load_floor), "steel"),
    ]
    parts += [  # damping mats, wiring, carpet
        solid((wall, body.cabin_end), y, (body.floor, body.floor + 3), "rubber", rng.uniform(1, 5)),
        solid((wall - 6, wall - 2), y, (body.floor, body.bonnet - 90), "rubber", 1.2),
        *(solid((wall - 500, body.length - 300), (v, v + 18), (body.floor + 30, body.floor + 46), "copper", 0.25)
          for v in (y[0] + 20, y[1] - 38)),
    ]  # fmt: skip
    if body.kind in ("sedan", "hatchback", "suv", "estate"):  # parcel shelf, panel behind the seat
        shelf = (body.cabin_end + 60, body.profile[5][0] - 60)
        thick = ("steel", 1.2) if body.kind == "sedan" else ("polypropylene", 4.0)
        parts.append(sheet(shelf, (y[0] + 90, y[1] - 90), (body.belt - 30, body.belt - 30 + thick[1]), thick[0]))
        back = ((body.cabin_end + 30, body.load_floor + 20), (body.cabin_end + 150, body.belt - 40))
        parts.append(bar(*back, 8, (y[0] + 90, y[1] - 90), "steel", 0.14))
    tunnel = Box((wall, body.cabin_end), (-110, 110), (body.floor, body.floor + rng.uniform(60, 160)))
    if body.drive != "electric":
        parts += case(tunnel, 0.9, "steel")[:2] + case(tunnel, 0.9, "steel")[-1:]
    for x in (wall + 450, body.front - 280, body.front + 60):  # seat beams
        parts += case(Box((x, x + 70), y, (body.floor - 2, body.floor + 55)), 1.2, "steel")
    if body.kind != "pickup" and rng.random() < 0.8:
        parts.append(
            solid(
                (body.cabin_end + 20, last - 60), y, (body.load_floor + 2, body.load_floor + 10), "polypropylene", 0.4
            )
        )
    return parts


def _rails(rng: Rng, body: Body) -> list[Part]:
    """Sills and the rails along the bottom; a pickup's ladder frame; cross members."""
    parts: list[Part] = []
    front, rear = body.axles
    gauge = rng.uniform(1.5, 2.6)
    frame = body.kind == "pickup"
    for side in (-1, 1):
        sill = Box((front + body.radius + 60, rear - body.radius - 60), inwards(side * (body.half - 20), 110),
                   (body.clearance + 20, body.clearance + 130))  # fmt: skip
        parts += case(sill, gauge, "steel")
        if frame:
            beam = Box((250, body.length - 200), inwards(side * 480, 75), (body.clearance + 160, body.clearance + 310))
            parts += case(beam, rng.uniform(3.5, 5.5), "steel")
        else:
            z = body.radius + rng.uniform(60, 160)
            parts += case(Box((140, body.cowl + 100), inwards(side * 520, 65), (z, z + 110)), 1.9, "steel")
            lower = (body.floor - 80, body.floor - 5)
            parts += case(Box((body.cowl, body.cabin_end), inwards(side * 420, 70), lower), 1.4, "steel")
            parts += case(Box((body.cabin_end, body.length - 90), inwards(side * 500, 70),
                              (body.load_floor - 110, body.load_floor - 10)), 1.6, "steel")  # fmt: skip
    for x in rng.uniform(front + 500, rear + 400, 4 if frame else 2):
        z = body.clearance + 190 if frame else body.floor - 70
        parts += case(Box((x, x + 90), (-470, 470), (z, z + 65)), 2.0, "steel")
    return parts


def _housings(body: Body) -> list[Part]:
    """Inner wheel housings over all four wheels, with the front ones' liners of plastic."""
    parts = []
    for x in body.axles:
        for side in (-1, 1):
            y = inwards(side * (body.half - 15), body.tyre + 70)
            outline = arc((x, body.radius), body.radius + 60, SPREAD, (0.05, np.pi - 0.05), 14)
            parts.append(Part(PrismY(outline, y), "steel", STEEL_G_CM3 * 0.8 / SPREAD))
            liner = arc((x, body.radius), body.radius + 45, SPREAD, (-0.1, np.pi + 0.1), 14)
            parts.append(Part(PrismY(liner, y), "polypropylene", 0.9 * 2 / SPREAD))
    return parts


def _bumpers(rng: Rng, body: Body) -> list[Part]:
    """Covers curved in plan, beams, foam, crash boxes, the number plate."""
    cover = (body.clearance + 40, body.nose - rng.uniform(20, 120))
    wide = body.half * 0.97
    bow = rng.uniform(120, 240)
    beam_z = (body.radius + 90, body.radius + 90 + rng.uniform(80, 120))
    metal, gauge = ("steel", 2.0) if rng.random() < 0.7 else ("aluminium", 4.0)
    rear_cover = (body.clearance + 90, body.load_floor + 60)
    end = body.length
    parts = [
        *bowed(0, bow, wide, cover, 3.0, "polypropylene"),
        *bowed(end, -bow * 0.7, wide, rear_cover, 3.0, "polypropylene"),
    ]
    for x, bend in ((90.0, bow * 0.5), (end - 90.0, -bow * 0.35)):
        for deep in (0.0, 60.0):
            at = x + (deep if bend > 0 else -deep)
            parts += bowed(at, bend, wide * 0.8, beam_z, gauge, metal)
        foam = (x - 60, x) if bend > 0 else (x, x + 60)
        parts.append(solid(foam, (-wide * 0.7, wide * 0.7), beam_z, "polyurethane_foam", 0.9))
        for y in (-570.0, 480.0):
            box = (x + 60, x + 190) if bend > 0 else (x - 190, x - 60)
            parts += case(Box(box, (y, y + 90), beam_z), 2.0, metal)
    parts.append(
        sheet((end - 4, end - 2), (-260, 260), (body.load_floor + 90, body.load_floor + 200), "aluminium", 0.5)
    )
    if rng.random() < 0.25:  # tow bar
        parts.append(solid((end - 160, end + 90), (-30, 30), (body.radius + 40, body.radius + 85), "steel", 0.9))
        parts += case(Box((end - 240, end - 160), (-500, 500), (body.radius + 40, body.radius + 110)), 4.0, "steel")
    return parts


def _lamps(rng: Rng, body: Body) -> list[Part]:
    """Head and tail lamps: shells of plastic with a reflector and electronics."""
    parts = []
    wide, inside = rng.uniform(220, 330), int(rng.integers(SEEDS))
    tail = {
        "pickup": (body.load_floor + 60, body.profile[-1][1] - 30),
        "van": (body.belt - 150, body.belt + 250),
    }.get(body.kind, (body.load_floor + 120, body.load_floor + 320))
    for side in (-1, 1):
        box = Box((110, 330), inwards(side * (body.half - 60), wide), (body.nose - 170, body.nose - 30))
        behind = Box((body.length - 190, body.length - 60), inwards(side * (body.half - 40), 130), tail)
        parts += [*case(box, 3.0, "polypropylene"), *case(behind, 3.0, "polypropylene")]
        parts += clutter(np.random.default_rng(inside), box, 8, ("steel", "polypropylene", "copper"), (8, 60))
    return parts


def bumper_cavities(body: Body) -> tuple[VehicleCavity, ...]:
    """Behind the covers, under and over the beams."""
    y = (-body.half * 0.6, body.half * 0.6)
    z = (body.clearance + 70, body.radius + 80)
    over = (body.radius + 225, body.load_floor + 40)
    spaces = [Box((95, 185), y, z), Box((body.length - 170, body.length - 60), y, z)]
    if over[1] - over[0] > 60:
        spaces.append(Box((body.length - 170, body.length - 70), y, over))
    return tuple(cavity_of(space) for space in spaces)


def roof_cavities(body: Body) -> tuple[VehicleCavity, ...]:
    """Between the headliner and the roof, front and rear half."""
    _, _, header, middle, tail, _, _ = body.profile
    wide = body.half * 0.58
    found = []
    for (x0, z0), (x1, z1) in ((header, middle), (middle, tail)):
        length, angle = float(np.hypot(x1 - x0, z1 - z0)), float(np.arctan2(z1 - z0, x1 - x0))
        found.append(VehicleCavity(((x0 + x1) / 2, (z0 + z1) / 2 - 62), (length - 60, 34), (-wide, wide), angle))
    return tuple(found)


def floor_cavities(body: Body) -> tuple[VehicleCavity, ...]:
    """Sills, on the cabin floor under the carpet, and on the load floor under a second one."""
    front, rear = body.axles
    found = []
    for side in (-1, 1):
        y = inwards(side * (body.half - 26), 98)
        box = Box((front + body.radius + 90, rear - body.radius - 90), y, (body.clearance + 28, body.clearance + 122))
        found.append(cavity_of(box))
    inner = (-body.half + 240, body.half - 240)
    found.append(
        cavity_of(Box((body.cabin_end + 60, body.length - 260), inner, (body.load_floor + 12, body.load_floor + 95)))
    )
    for y in ((inner[0], -130.0), (130.0, inner[1])):
        found.append(cavity_of(Box((body.front + 150, body.cabin_end - 60), y, (body.floor + 26, body.floor + 90))))
    return tuple(found)
