"""The cabin: seats of foam on steel frames, dashboard with its air bags, steering, belts."""

from dataclasses import dataclass

import numpy as np

from nii.simulate.render.draws import SEEDS, Rng
from nii.simulate.render.scene import Part
from nii.simulate.render.shapes import Box, Interval, PrismY
from nii.simulate.vehicle.body import Body
from nii.simulate.vehicle.parts import (
    Point,
    VehicleCavity,
    bar,
    case,
    cavity_of,
    clutter,
    pipe,
    ribbed,
    rod,
    sheet,
    solid,
    strip,
)

CUSHION = 280.0  # height of a seat's top above the cabin floor, mm, before what is drawn
FOAM = 0.05  # g/cm3


@dataclass(frozen=True)
class Cabin:
    """Parts; cavities in the seats and the dashboard; air bags, which can be taken out.

    seat_top: height of the seat cushions.
    """

    parts: tuple[Part, ...]
    seats: tuple[VehicleCavity, ...]
    dashboard: tuple[VehicleCavity, ...]
    bags: tuple[Part, ...]
    seat_top: float


def draw_cabin(rng: Rng, body: Body) -> Cabin:
    """Seats of one or two rows, dashboard and what is fixed between them."""
    top = body.floor + CUSHION + rng.uniform(0, 60)
    lean = rng.uniform(0.28, 0.48)
    parts, cavities = [], []
    rows: list[tuple[float, tuple[Interval, ...]]] = [(body.front, ((-560.0, -90.0), (90.0, 560.0)))]
    if body.rear is not None:
        rows.append((body.rear, ((-body.half + 240, body.half - 240),)))
    for hip, places in rows:
        frame = int(rng.integers(SEEDS))  # seats of a row are alike
        for y in places:
            seat, hollow = _seat(np.random.default_rng(frame), body, (hip, top), y, lean)
            parts += seat
            cavities += hollow
    board, bags, spaces = _dashboard(rng, body)
    parts += [*board, *bags, *_steering(rng, body), *_console(rng, body), *_belts(body)]
    return Cabin(tuple(parts), tuple(cavities), tuple(spaces), tuple(bags), top)


def _seat(rng: Rng, body: Body, at: Point, y: Interval, lean: float) -> tuple[list[Part], list[VehicleCavity]]:
    """Cushion, back and head rests; (x, z) of the hip point's cushion top; lean: of the back, radians."""
    hip, top = at
    thick, deep = rng.uniform(110, 150), rng.uniform(95, 130)
    foam = rng.uniform(0.9, 1.7) * FOAM
    cushion = Box((hip - 400, hip + 70), y, (top - thick, top))
    foot: Point = (hip + 70 + deep / 2, top - 60)
    long = min(rng.uniform(580, 660), (body.roof - 190 - foot[1]) / np.cos(lean))
    head: Point = (foot[0] + long * np.sin(lean), foot[1] + long * np.cos(lean))
    sitting = Part(cushion, "polyurethane_foam", foam)
    back = Part(PrismY(strip(foot, head, deep), y), "polyurethane_foam", foam)
    parts = [sitting, back, *_frame(rng, body, cushion, (foot, head), deep)]
    for middle in np.linspace(y[0] + 235, y[1] - 235, 1 if y[1] - y[0] < 600 else 2):
        parts += _headrest(head, lean, float(middle), body.roof - 110)
    cavities = [
        cavity_of(Box((hip - 375, hip + 50), (y[0] + 30, y[1] - 30), (top - thick + 20, top - 15)), sitting),
        cavity_of(Box((hip - 330, hip + 40), (y[0] + 60, y[1] - 60), (body.floor + 60, top - thick - 25))),
        VehicleCavity(((foot[0] + head[0]) / 2, (foot[1] + head[1]) / 2), (long - 90, deep - 30),
                      (y[0] + 40, y[1] - 40), float(np.pi / 2 - lean), back),
    ]  # fmt: skip
    return parts, [space for space in cavities if space.size[1] > 35]


def _frame(rng: Rng, body: Body, cushion: Box, back: tuple[Point, Point], deep: float) -> list[Part]:
    """Steel of a seat: pan, side plates, tubes of the back, recliners, rails, springs."""
    (x0, x1), (y0, y1) = cushion.x, cushion.y
    low = cushion.z[0]
    foot, head = back
    parts = [
        sheet((x0 + 20, x1), (y0 + 30, y1 - 30), (low - 2, low - 1), "steel", 0.7),
        rod((x0 + 40, (y0 + y1) / 2, low + 10), 11, y1 - y0 - 60, "y", "steel", 0.4),
        rod((x1 - 30, (y0 + y1) / 2, low + 10), 11, y1 - y0 - 60, "y", "steel", 0.4),
        rod((head[0] - 15, (y0 + y1) / 2, head[1] - 20), 11, y1 - y0 - 70, "y", "steel", 0.4),
        Part(PrismY(strip(foot, head, deep * 0.25), (y0 + 60, y1 - 60)), "steel", 0.08,
             texture=ribbed(rng, rng.uniform(45, 90), 0.5, "stripes-z")),
    ]  # fmt: skip
    motors = rng.random() < 0.4
    for y in (y0 + 20, y1 - 24):
        parts += [
            bar((x0 + 30, low + 15), (x1 + 20, low + 15), 50, (y, y + 2.5), "steel"),
            bar((foot[0] + 8, foot[1] - 20), (head[0] + 8, head[1] - 10), 42, (y, y + 3.2), "steel"),
            rod((foot[0], y, foot[1] - 15), 42, 14, "y", "steel", 0.8),
            sheet((x0 - 30, x1 + 20), (y, y + 40), (body.floor + 30, body.floor + 58), "steel", 0.3),
            bar((x0 + 60, body.floor + 45), (x0 + 90, low + 10), 26, (y, y + 4), "steel"),
            bar((x1 - 40, body.floor + 45), (x1 - 10, low + 10), 26, (y, y + 4), "steel"),
        ]
        if motors:
            parts.append(rod((x1 - 130, y, low - 20), 21, 120, "x", "copper", 0.45))
    return parts


def _headrest(head: Point, lean: float, y: float, limit: float) -> list[Part]:
    """A cushion on two rods, under the roof."""
    u, v = float(np.sin(lean * 0.6)), float(np.cos(lean * 0.6))
    high = min(210.0, (limit - head[1]) / v)
    if high < 90:
        return []
    low: Point = (head[0] + 35 * u, head[1] + 35 * v)
    top: Point = (head[0] + high * u, head[1] + high * v)
    rods = [bar((head[0] - 70 * u, head[1] - 70 * v), (top[0], top[1] - 40), 11, (y + s, y + s + 9), "steel", 0.8)
            for s in (-65, 60)]  # fmt: skip
    return [Part(PrismY(strip(low, top, 95), (y - 125, y + 125)), "polyurethane_foam", 1.2 * FOAM), *rods]


def _dashboard(rng: Rng, body: Body) -> tuple[list[Part], list[Part], list[VehicleCavity]]:
    """Panel, cross beam, heater, electronics; air bags; the voids in it."""
    x, top = body.cowl + 60, body.bonnet - rng.uniform(0, 40)
    low = max(top - 360, body.floor + 230)
    wide = body.half - 150
    outline = ((x, top - 40), (x + 230, top), (x + 400, top - 60), (x + 430, top - 170), (x + 330, low), (x + 60, low))
    inner = tuple((u + (x + 220 - u) * 0.03, v + (top - 190 - v) * 0.03) for u, v in outline)
    heater = Box((x + 60, x + 300), (-190, 150), (low - 40, top - 110))
    parts = [
        Part(PrismY(outline, (-wide, wide)), "polypropylene", 0.35),
        Part(PrismY(inner, (-wide + 8, wide - 8)), "polypropylene", 0.35, -1),
        *pipe((x + 230, 0, top - 130), 30, 2.2, 2 * wide, "y"),
        *case(heater, 2.5, "polypropylene"),
        solid((x + 90, x + 130), (-150, 90), (low, top - 150), "aluminium", 0.25),
        solid((x + 180, x + 215), (-150, 90), (low, top - 150), "aluminium", 0.2),
        rod((x + 150, 250, low + 60), 62, 110, "y", "copper", 0.16),
        rod((x + 150, 250, low + 60), 80, 130, "y", "polypropylene", 0.3),
    ]
    radio = Box((x + 240, x + 410), (-95, 85), (top - 250, top - 120))
    parts += case(radio, 1.2, "steel")
    parts += clutter(rng, radio, 14, ("glass", "copper", "aluminium"), (10, 80))
    cluster = Box((x + 300, x + 390), (-500, -250), (top - 150, top - 30))
    parts += clutter(rng, cluster, 8, ("glass", "copper", "polypropylene"), (15, 90))
    parts += clutter(rng, Box((x + 60, x + 400), (-wide, wide), (low, top - 60)), 55,
                     ("steel", "copper", "polypropylene", "glass", "polypropylene"), (6, 75))  # fmt: skip
    bag = Box((x + 240, x + 350), (230, 500), (top - 125, top - 55))
    bags = [
        Part(bag, "polypropylene", 0.45),
        rod((x + 295, 365, top - 110), 30, 230, "y", "steel", 0.65),
        *case(Box((bag.x[0], bag.x[1]), bag.y, (bag.z[0] - 22, bag.z[1])), 1.2, "steel"),
    ]
    glove = Box((x + 180, x + 390), (210, 560), (low + 10, top - 165))
    behind = Box((x + 20, x + 170), (-wide + 60, -230), (low + 20, top - 90))
    return parts, bags, [cavity_of(bag), cavity_of(glove), cavity_of(behind)]


def _steering(rng: Rng, body: Body) -> list[Part]:
    """Column, wheel and its air bag, pedals; on the driver's side."""
    x, z = body.cowl + 560, body.bonnet - rng.uniform(60, 110)
    lean = rng.uniform(0.35, 0.55)
    u, v = float(np.cos(lean)), float(np.sin(lean))
    y = -340.0
    rim = 185.0
    low: Point = (x - 620 * u, z - 620 * v)
    parts = [
        bar(low, (x, z), 46, (y - 20, y + 20), "steel", 0.5),
        bar((x - 150 * u, z - 150 * v), (x - 20 * u, z - 20 * v), 85, (y - 45, y + 45), "aluminium", 0.4),
        solid((x - 10, x + 45), (y - 75, y + 75), (z - 70, z + 70), "polypropylene", 0.35),
        rod((x + 5, y, z), 34, 40, "x", "steel", 0.7),
    ]
    # the rim leans with the column: short pieces of its ring
    for a in np.linspace(0, 2 * np.pi, 28, endpoint=False):
        at = (x + 20 - rim * float(np.sin(a)) * v, y + rim * float(np.cos(a)), z + rim * float(np.sin(a)) * u)
        parts.append(solid((at[0] - 15, at[0] + 15), (at[1] - 22, at[1] + 22), (at[2] - 21, at[2] + 21), "steel", 0.3))
    for k in range(3):
        pedal = y + 60 - 110 * k
        parts.append(
            bar(
                (body.cowl + 150, body.floor + 360), (body.cowl + 200, body.floor + 90), 24, (pedal, pedal + 9), "steel"
            )
        )
    return parts


def _console(rng: Rng, body: Body) -> list[Part]:
    """Between the front seats: lever, hand brake, box."""
    x = (body.cowl + 420, body.front + 150)
    z = (body.floor + 90, body.floor + 250)
    lever: Point = (body.front - 380, body.floor + 200)
    parts = [
        *case(Box(x, (-105, 105), z), 2.8, "polypropylene"),
        bar(lever, (lever[0] + 40, lever[1] + 190), 16, (-8, 8), "steel"),
        *clutter(rng, Box(x, (-95, 95), z), 16, ("steel", "polypropylene", "copper", "glass"), (8, 70)),
    ]
    if rng.random() < 0.5:
        parts.append(
            bar((body.front - 200, body.floor + 190), (body.front + 40, body.floor + 250), 22, (20, 30), "steel")
        )
    return parts


def _belts(body: Body) -> list[Part]:
    """Retractors at the foot of the B pillars, buckles beside the front seats."""
    foot = body.floor + 170
    parts = []
    for side in (-1, 1):
        y = side * (body.half - 110)
        parts.append(rod((body.pillar, y, foot), 33, 55, "y", "steel", 0.55))
        inner = side * 75.0
        parts.append(
            solid(
                (body.front + 40, body.front + 75),
                (inner - 10, inner + 10),
                (body.floor + 200, body.floor + 320),
                "steel",
                0.5,
            )
        )
    return parts
