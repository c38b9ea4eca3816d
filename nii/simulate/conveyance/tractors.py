"""The front of a truck: cab, engine and drive line, with the tanks and batteries on its frame.

The front lies at low x. A cab is a shell of sheet steel with doors, windows, pillars, seats and a bunk.
"""

from dataclasses import dataclass

import numpy as np

from nii.simulate.conveyance.running_gear import TRACK, axle, frame, fuel_tank, mudguard, tool_box
from nii.simulate.conveyance.structure import ALUMINIUM, STEEL, Cavity, joined, tube
from nii.simulate.render.draws import Rng
from nii.simulate.render.scene import Part
from nii.simulate.render.shapes import Box, Cylinder, Ellipsoid, Interval, PrismY

CAB_HALF = 1200.0  # half the width of a cab, mm
RIM_MM = 22.0  # over which the sheets seen edge-on are spread, with their pillars and stiffeners


@dataclass(frozen=True)
class Lay:
    """Where a truck's front stands: x of its nose and of the back of its cab; the road; the top of its frame.

    axle: x of the steered axle. bonnet: length of a bonnet before the cab, 0 for a cab over the engine.
    """

    nose: float
    back: float
    ground: float
    frame: float
    axle: float
    bonnet: float


def draw_front(rng: Rng, back: float, ground: float) -> Lay:
    """A front whose cab ends at `back`."""
    bonnet = rng.uniform(1100, 1700) if rng.random() < 0.2 else 0.0
    nose = back - bonnet - rng.uniform(1650, 2350)
    steered = nose + (rng.uniform(900, 1200) if bonnet else rng.uniform(1250, 1450))
    return Lay(nose, back, ground, ground + rng.uniform(920, 1020), steered, bonnet)


def front(rng: Rng, lay: Lay, end: float) -> tuple[list[Part], dict[str, tuple[Cavity, ...]]]:
    """All of a truck before its load, on a frame that reaches to x = end; and its cavities."""
    radius = rng.uniform(480, 530)
    wheels, tyres = axle(rng, lay.axle, lay.ground, radius, twin=False, driven=False)
    tank, hollow = _side_tank(rng, lay)
    parts = [
        *frame(rng, (lay.nose + 300, end), lay.frame, rng.uniform(230, 300), rng.uniform(380, 430)),
        *wheels,
        *(mudguard(lay.axle, lay.ground, radius, y) for y in ((-TRACK, -TRACK + 400), (TRACK - 400, TRACK))),
        *cab(rng, lay),
        *_bumper(lay),
        *engine(rng, lay),
        *_drive_line(rng, lay, end),
        *tank,
        *_on_the_frame(rng, lay),
    ]
    return parts, {"tank": (hollow,), "tyre": tuple(tyres)}


def tractor(rng: Rng, kingpin: float, deck: float) -> tuple[list[Part], dict[str, tuple[Cavity, ...]]]:
    """A tractor under the front of a trailer; kingpin: its x; deck: height of the trailer's floor over the road."""
    ground = -deck
    lay = draw_front(rng, -rng.uniform(350, 900), ground)
    radius = rng.uniform(480, 530)
    axles = (kingpin + 80,) if rng.random() < 0.6 else (kingpin - 560, kingpin + 780)
    parts, cavities = front(rng, lay, axles[-1] + 750)
    found = [cavities]
    for x in axles:
        own, tyres = axle(rng, x, ground, radius, twin=True, driven=True)
        parts += own
        parts += [mudguard(x, ground, radius, y) for y in ((-TRACK, -TRACK + 600), (TRACK - 600, TRACK))]
        found.append({"tyre": tuple(tyres)})
    coupling = lay.frame + rng.uniform(20, 60)
    plate = Cylinder((kingpin, 0.0, coupling + 70), 450, 40, "z")
    rest = Box((kingpin - 300, kingpin + 300), (-430.0, 430.0), (lay.frame, coupling + 50))
    parts += [Part(plate, "steel", STEEL * 0.9), Part(rest, "steel", STEEL * 0.12)]
    return parts, joined(found)


def _outline(lay: Lay, roof: float) -> tuple[tuple[float, float], ...]:
    """Side view of the cab from its lower edge up, (x, z)."""
    low, belt = lay.ground + 520, lay.ground + 1750
    start = lay.nose + lay.bonnet
    deep = lay.back - start
    if lay.bonnet:
        hood = lay.ground + 1650
        return (
            (lay.nose, low), (lay.nose, hood - 150), (lay.nose + 120, hood), (start, hood + 120),
            (start + 0.18 * deep, roof - 60), (start + 0.3 * deep, roof), (lay.back, roof), (lay.back, low + 400),
            (start, low + 400), (start - 250, low + 250), (lay.nose + 400, low),
        )  # fmt: skip
    return (
        (lay.nose + 30, low), (lay.nose, belt), (lay.nose + 0.1 * deep, roof - 350), (lay.nose + 0.28 * deep, roof),
        (lay.back - 80, roof), (lay.back, roof - 80), (lay.back, low + 480), (lay.nose + 0.75 * deep, low + 480),
        (lay.nose + 0.35 * deep, low),
    )  # fmt: skip


def _shrunk(corners: tuple[tuple[float, float], ...], by: float) -> tuple[tuple[float, float], ...]:
    """The outline moved inwards by about this much (mm), seen from its middle."""
    points = np.array(corners)
    middle, size = (points.max(axis=0) + points.min(axis=0)) / 2, np.ptp(points, axis=0)
    inner = middle + (points - middle) * (1 - 2 * by / size)
    return tuple((float(x), float(z)) for x, z in inner)


def cab(rng: Rng, lay: Lay) -> list[Part]:
    """Shell, windows, doors, dashboard, seats, bunk and what lies about."""
    roof = lay.ground + rng.uniform(2700, 3750)
    outline = _outline(lay, roof)
    inner = _shrunk(outline, RIM_MM)
    rim = STEEL * rng.uniform(0.025, 0.05)
    parts = [
        Part(PrismY(outline, (-CAB_HALF, CAB_HALF)), "steel", rim),
        Part(PrismY(inner, (-CAB_HALF, CAB_HALF)), "steel", rim, -1),
    ]
    for y in (-CAB_HALF, CAB_HALF - 1.5):
        parts.append(Part(PrismY(outline, (y, y + rng.uniform(1, 1.6))), "steel", STEEL))
        parts.append(Part(PrismY(inner, (y, y + 6)), "abs", rng.uniform(0.3, 0.9)))
    return [*parts, *_windows(lay, roof), *_interior(rng, lay, roof)]


def _windows(lay: Lay, roof: float) -> list[Part]:
    """Door windows where glass takes the place of sheet, windscreen, and the frames of the doors."""
    start = lay.nose + lay.bonnet
    belt, top = lay.ground + 1800, min(lay.ground + 2550, roof - 150)
    left, right = start + 260, start + min(1050.0, lay.back - start - 250)
    pane = ((left + 60, belt), (left + 200, top), (right, top), (right, belt))
    parts = []
    for y in (-CAB_HALF, CAB_HALF - 6):
        parts.append(Part(PrismY(pane, (y, y + 1.2)), "steel", STEEL, -1))
        parts.append(Part(PrismY(pane, (y, y + 5)), "glass", 2.5))
        for x in (left - 60, right + 40):  # door frames: box sections
            post = Box((x, x + 45), (y, y + 45), (lay.ground + 950, top))
            parts.append(Part(post, "steel", STEEL * 0.12))
        sill = Box((left, right), (y, y + 60), (lay.ground + 950, lay.ground + 1060))
        parts += [Part(sill, "steel", STEEL * 0.1),
                  Part(Box((left, right), (y, y + 50), (belt - 60, belt)), "steel", STEEL * 0.1)]  # fmt: skip
    screen = ((start + 30, belt), (start + 45, belt), (start + 190, top), (start + 175, top))
    return [*parts, Part(PrismY(screen, (-1100.0, 1100.0)), "glass", 2.5 * 0.3)]


def _interior(rng: Rng, lay: Lay, roof: float) -> list[Part]:
    """Floor, dashboard, steering wheel, two seats, bunk and locker, personal goods."""
    start, floor = lay.nose + lay.bonnet, lay.ground + 1250
    room = lay.back - start
    seat = start + rng.uniform(650, 800)
    parts = [
        Part(Box((start + 60, lay.back - 40), (-1100.0, 1100.0), (floor - 30, floor)), "steel", STEEL * 0.12),
        Part(
            Box((start + 120, start + 420), (-1050.0, 1050.0), (floor + 300, floor + 560)),
            "abs",
            rng.uniform(0.12, 0.25),
        ),
        Part(Cylinder((start + 480, -600.0, floor + 560), 210, 30, "z"), "abs", 0.5),
        Part(Cylinder((start + 400, -600.0, floor + 350), 28, 400, "z"), "steel", 4.0),
    ]
    for y in (-850.0, 350.0):
        foam = rng.uniform(0.05, 0.09)
        back = (
            (seat + 430, floor + 450),
            (seat + 540, floor + 450),
            (seat + 640, floor + 1150),
            (seat + 540, floor + 1150),
        )
        parts += [
            Part(Box((seat, seat + 500), (y, y + 500), (floor + 330, floor + 460)), "polyurethane_foam", foam),
            Part(PrismY(back, (y, y + 480)), "polyurethane_foam", foam),
            Part(
                Box((seat + 80, seat + 420), (y + 60, y + 440), (floor, floor + 330)), "steel", rng.uniform(0.25, 0.6)
            ),
            Part(Box((seat + 500, seat + 520), (y + 20, y + 460), (floor + 450, floor + 1050)), "steel", 0.5),
        ]
    if room > 1900:  # a sleeper
        bunk = (max(lay.back - 700, seat + 600), lay.back - 60)
        parts.append(Part(Box(bunk, (-1000.0, 1000.0), (floor + 420, floor + 540)), "polyurethane_foam", 0.045))
        parts.append(Part(Box(bunk, (-1000.0, 1000.0), (floor + 395, floor + 420)), "plywood", 0.4))
        parts.append(Part(Box(bunk, (-1100.0, 1100.0), (roof - 500, roof - 60)), "abs", rng.uniform(0.03, 0.09)))
    for _ in range(int(rng.integers(3, 10))):
        x, y = rng.uniform(start + 500, lay.back - 250), rng.uniform(-900, 900)
        semi = tuple(rng.uniform(30, 160, 3))
        parts.append(Part(Ellipsoid((x, y, floor + rng.uniform(60, 700)), semi),
                          str(rng.choice(["cotton", "water", "abs", "fruit"])), rng.uniform(0.1, 0.7)))  # fmt: skip
    return parts


def _bumper(lay: Lay) -> list[Part]:
    """Bumper beam, grille, lamps and steps."""
    x, z = lay.nose, lay.ground
    beam = Box((x - 60, x + 130), (-1150.0, 1150.0), (z + 330, z + 560))
    grille = Box((x - 20, x + 25), (-900.0, 900.0), (z + 600, z + 1400))
    lamps = [Box((x - 30, x + 90), (y, y + 250), (z + 480, z + 680)) for y in (-1150.0, 900.0)]
    steps = [
        Box((lay.axle - 850, lay.axle - 600), (y, y + 250), (z + high, z + high + 25))
        for y in (-1200.0, 950.0)
        for high in (400.0, 750.0)
    ]
    return [
        Part(beam, "steel", STEEL * 0.06),
        Part(grille, "abs", 0.25),
        *(Part(lamp, "polycarbonate", 0.4) for lamp in lamps),
        *(Part(step, "aluminium", 1.2) for step in steps),
    ]


def engine(rng: Rng, lay: Lay) -> list[Part]:
    """A straight six along x with head, sump, crankshaft, bores and flywheel; turbo, alternator, radiator, fan."""
    x0 = lay.nose + (350 if lay.bonnet else 420)
    long, low = rng.uniform(1000, 1350), lay.ground + rng.uniform(520, 620)
    x = (x0, x0 + long)
    y = (-230.0, 230.0)
    block, head = (low + 130, low + 560), (low + 560, low + 760)
    parts = [
        Part(Box(x, y, block), "cast_iron", rng.uniform(2.2, 3.2)),
        Part(Box(x, (-200.0, 200.0), head), "cast_iron", rng.uniform(1.8, 2.6)),
        Part(Box((x[0] + 40, x[1] - 40), (-170.0, 170.0), (head[1], head[1] + 130)), "aluminium", 0.7),
        Part(Box((x[0] + 60, x[1] - 60), (-190.0, 190.0), (low, low + 130)), "lubricating_oil", 0.8),
        Part(Cylinder(((x[0] + x[1]) / 2, 0.0, low + 200), 55, long, "x"), "steel", STEEL * 0.25),
        Part(Cylinder((x[1] + 60, 0.0, low + 250), 250, 90, "x"), "cast_iron", 5.0),
        Part(Ellipsoid((x[0] + 0.6 * long, 320.0, low + 620), (130, 110, 130)), "cast_iron", 3.5),
        Part(Cylinder((x[0] + 0.2 * long, -330.0, low + 500), 80, 200, "x"), "copper", 4.0),
        Part(Cylinder((x[0] + 0.8 * long, -300.0, low + 180), 65, 280, "x"), "copper", 4.5),
        *tube((x[0] + 0.5 * long, 300.0, low + 700), 55, 5, long * 0.9, "x"),
        Part(Box((x0 - 230, x0 - 140), (-480.0, 480.0), (low + 100, low + 980)), "aluminium", 0.55),
        Part(Cylinder((x0 - 80, 0.0, low + 500), 330, 45, "x"), "abs", 0.25),
    ]
    for bore in np.linspace(x[0] + 110, x[1] - 110, 6):
        parts.append(Part(Cylinder((float(bore), 0.0, block[1] - 160), 62, 320, "z"), "cast_iron", 1.6, -1))
        parts.append(Part(Cylinder((float(bore), 0.0, block[1] - rng.uniform(80, 240)), 60, 90, "z"), "aluminium", 1.9))
    return parts


def _drive_line(rng: Rng, lay: Lay, end: float) -> list[Part]:
    """Gearbox with its shafts, propeller shaft, exhaust and silencer."""
    start = lay.nose + 1750
    z = lay.ground + 820
    parts = [
        Part(Cylinder((start + 400, 0.0, z), rng.uniform(190, 240), 800, "x"), "aluminium", rng.uniform(1.0, 1.8)),
        *(Part(Cylinder((start + 400, y, z + y / 2), 75, 620, "x"), "steel", STEEL * 0.6) for y in (-80.0, 80.0)),
        *tube(((start + 800 + end - 700) / 2, 0.0, z - 120), 55, 5, max(end - 700 - start - 800, 100), "x"),
    ]
    silencer = (start + rng.uniform(100, 900), rng.uniform(500, 900))
    body = Box((silencer[0], silencer[0] + rng.uniform(500, 800)), (silencer[1], silencer[1] + 420), (z - 300, z + 250))
    return [*parts, Part(body, "steel", rng.uniform(0.5, 1.1))]


def _side_tank(rng: Rng, lay: Lay) -> tuple[list[Part], Cavity]:
    """A fuel tank beside the frame, behind the steered wheel."""
    start = lay.axle + rng.uniform(650, 800)
    side = 1 if rng.random() < 0.5 else -1
    y = (530.0, 1180.0) if side > 0 else (-1180.0, -530.0)
    top = lay.frame - rng.uniform(0, 60)
    return fuel_tank(rng, (start, start + rng.uniform(700, 1400)), y, (top - rng.uniform(560, 680), top))


def _on_the_frame(rng: Rng, lay: Lay) -> list[Part]:
    """Batteries, air tanks, a tool box; and on long roofs an air deflector."""
    x, z = lay.axle + rng.uniform(900, 1500), lay.frame
    parts = [
        Part(Box((x, x + 520), (-1050.0, -550.0), (z - 420, z - 180)), "lead_acid_battery", rng.uniform(1.6, 2.2)),
        *tube((x + 300, 350.0, z - 450), 120, 4, rng.uniform(500, 900), "x"),
        *tube((x + 300, -350.0, z - 450), 120, 4, rng.uniform(500, 900), "x"),
    ]
    if rng.random() < 0.5:
        parts += tool_box(rng, x + 600, 1150.0, z)
    catwalk: Interval = (lay.back, lay.back + 300)
    return [*parts, Part(Box(catwalk, (-400.0, 400.0), (z + 10, z + 35)), "aluminium", ALUMINIUM * 0.4)]
