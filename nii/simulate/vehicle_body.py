"""Bodies of passenger cars, vans and pickups: their measures, sheet metal, glass, doors and bumpers.

Measures follow those of current European, American and Asian models; sheet gauges are 0.6 to 0.8 mm for skins
and 0.8 to 1.5 mm for structure. Faces left; see vehicle_parts for the axes.
"""

from dataclasses import dataclass

import numpy as np

from nii.simulate.draws import SEEDS, Rng
from nii.simulate.scene import Part
from nii.simulate.shapes import Box, Interval, PrismY
from nii.simulate.vehicle_parts import (
    Cavity,
    Point,
    arc,
    bar,
    bowed,
    case,
    cavity_of,
    clutter,
    crowned,
    ribbed,
    rod,
    sheet,
    solid,
)

CREW_MM = 820.0  # from a pickup's B pillar to the end of its roof, with room for a second row


@dataclass(frozen=True)
class Measures:
    """Ranges of a kind of body: mm, and shares of the length from the front bumper for places along it."""

    length: Interval
    half: Interval  # of the width
    roof: Interval
    clearance: Interval
    bonnet: Interval  # height at the windscreen
    cowl: Interval  # share: foot of the windscreen
    header: Interval  # share: its top
    tail: Interval  # share: end of the roof
    foot: Interval  # share: foot of the rear window
    axle: Interval  # share: front axle
    radius: Interval  # of the tyres


BODIES = {
    "estate": Measures((4400, 4950), (860, 940), (1430, 1560), (140, 185), (900, 990), (0.25, 0.28), (0.40, 0.43),
                       (0.88, 0.92), (0.965, 0.985), (0.18, 0.20), (305, 340)),
    "hatchback": Measures((3550, 4400), (800, 910), (1420, 1560), (135, 180), (900, 1000), (0.21, 0.25), (0.37, 0.41),
                          (0.83, 0.89), (0.955, 0.98), (0.18, 0.21), (280, 325)),
    "pickup": Measures((5000, 5800), (900, 1000), (1720, 1900), (210, 260), (1080, 1200), (0.25, 0.28), (0.355, 0.385),
                       (0.52, 0.69), (0.0, 0.0), (0.165, 0.18), (365, 405)),
    "sedan": Measures((4250, 5050), (850, 940), (1390, 1500), (135, 175), (890, 980), (0.26, 0.29), (0.41, 0.44),
                      (0.68, 0.73), (0.83, 0.87), (0.18, 0.20), (300, 340)),
    "suv": Measures((4150, 5050), (890, 980), (1600, 1850), (180, 250), (1030, 1180), (0.24, 0.28), (0.37, 0.41),
                    (0.86, 0.91), (0.955, 0.985), (0.18, 0.20), (335, 390)),
    "van": Measures((4500, 5900), (920, 1010), (1850, 2450), (165, 220), (1050, 1220), (0.12, 0.17), (0.225, 0.28),
                    (0.965, 0.98), (0.985, 0.993), (0.155, 0.18), (315, 350)),
}  # fmt: skip


@dataclass(frozen=True)
class Body:
    """Where things are in one vehicle; mm, x from the front bumper, z from the road.

    bonnet: height of the bonnet at the windscreen. belt: of the lower edge of the side windows. floor: top of
    the cabin's floor. load_floor: that of the boot, the van's load space or the pickup's bed. axles: x.
    pillar: x of the B pillar. rear: x of the rear seat's hip point, None without one. glazed: whether the sides
    have windows behind the B pillar. drive: "transverse", "longitudinal" or "electric".
    """

    kind: str
    length: float
    half: float
    roof: float
    clearance: float
    bonnet: float
    nose: float
    belt: float
    floor: float
    load_floor: float
    profile: tuple[Point, ...]  # of the bodywork's top: nose, cowl, header, middle of the roof, tail, foot, end
    outline: tuple[Point, ...]  # the same with round bends, from the grille to the end
    axles: Interval
    radius: float
    tyre: float  # width
    pillar: float
    rear: float | None
    glazed: bool
    drive: str

    @property
    def cowl(self) -> float:
        """x of the windscreen's foot."""
        return self.profile[1][0]

    @property
    def front(self) -> float:
        """x of the front seats' hip point."""
        return self.pillar - 200

    @property
    def cabin_end(self) -> float:
        """x where the cabin ends and the boot, load space or bed begins."""
        return (self.rear + 330) if self.rear is not None else self.pillar + 170

    def top(self, x: float) -> float:
        """Height of the bodywork's top along the middle."""
        xs, zs = zip(*self.outline, strict=True)
        return float(np.interp(x, xs, zs))

    def course(self, x0: float, x1: float) -> list[Point]:
        """The bodywork's top from x0 to x1, point by point."""
        return [(x, self.top(x)) for x in (x0, *(x for x, _ in self.outline if x0 + 5 < x < x1 - 5), x1)]

    def under(self, x0: float, x1: float, bottom: float, gap: float) -> tuple[Point, ...]:
        """Outline from x0 to x1 between a height and `gap` mm below the bodywork's top."""
        upper = [(x, max(z - gap, bottom)) for x, z in self.course(x0, x1)]
        return ((x0, bottom), *upper, (x1, bottom))


def draw_body(rng: Rng, kind: str, *, electric: bool | None = None) -> Body:
    """Measures of one vehicle of a kind (one of BODIES); electric: draw it if None."""
    m = BODIES[kind]
    length, half, roof, clearance, bonnet, radius = (
        rng.uniform(*side) for side in (m.length, m.half, m.roof, m.clearance, m.bonnet, m.radius)
    )
    cowl, header, tail, foot, front_axle = (
        length * rng.uniform(*share) for share in (m.cowl, m.header, m.tail, m.foot, m.axle)
    )
    nose, belt = bonnet - rng.uniform(170, 300), bonnet + rng.uniform(-40, 40)
    raised = {"van": 180.0, "pickup": 200.0, "suv": 40.0}.get(kind, 0.0)
    glazed = kind != "van" or rng.random() < 0.5
    pillar = cowl + rng.uniform(1000, 1130) + (60 if kind == "van" else 0)
    crew = kind not in ("van", "pickup") or (kind == "pickup" and tail - pillar > CREW_MM) or (glazed and kind == "van")
    electric = rng.random() < 0.12 if electric is None else electric
    profile = _profile(rng, kind, length, (nose, bonnet, roof, belt), (cowl, header, tail, foot))
    return Body(
        kind=kind,
        length=length,
        half=half,
        roof=roof,
        clearance=clearance,
        bonnet=bonnet,
        nose=nose,
        belt=belt,
        floor=clearance + raised + rng.uniform(90, 140),
        load_floor=clearance + raised * 1.2 + rng.uniform(320, 390),
        profile=profile,
        outline=_rounded([(10.0, nose - rng.uniform(110, 190)), *profile], rng.uniform(0.1, 0.24)),
        axles=(front_axle, front_axle + (length - front_axle) * rng.uniform(0.715, 0.755)),
        radius=radius,
        tyre=rng.uniform(175, 245),
        pillar=pillar,
        rear=min(pillar + rng.uniform(560, 700), tail - 300) if crew else None,
        glazed=glazed,
        drive=_drive(rng, kind, electric=electric),
    )


def _profile(rng: Rng, kind: str, length: float, heights: tuple[float, float, float, float],
             places: tuple[float, float, float, float]) -> tuple[Point, ...]:  # fmt: skip
    """The top of the bodywork, seven points from nose to end."""
    nose, bonnet, roof, belt = heights
    cowl, header, tail, foot = places
    bow = rng.uniform(20, 70)
    start = [(rng.uniform(30, 90), nose), (cowl, bonnet), (header, roof - bow), ((header + tail) / 2, roof)]
    if kind == "sedan":
        deck = belt + rng.uniform(20, 110)
        end = [(tail, roof - bow * 1.3), (foot, deck), (length - 30, deck - rng.uniform(10, 60))]
    elif kind == "pickup":
        end = [(tail, roof - bow), (tail + 70, belt), (length - 20, belt - rng.uniform(-30, 60))]
    else:
        end = [(tail, roof - bow * rng.uniform(0.3, 1.5)), (foot, belt + rng.uniform(0, 60)), (length - 15, belt - 200)]
    return tuple((float(x), float(z)) for x, z in (*start, *end))


def _rounded(points: list[Point], share: float, times: int = 3) -> tuple[Point, ...]:
    """The line with its corners cut off at this share of each side, again and again; the ends stay (Chaikin 1974)."""
    line = np.array(points)
    for _ in range(times):
        a, b = line[:-1], line[1:]
        cut = np.stack([(1 - share) * a + share * b, share * a + (1 - share) * b], axis=1).reshape(-1, 2)
        line = np.concatenate([line[:1], cut, line[-1:]])
    return tuple((float(x), float(z)) for x, z in line)


def _drive(rng: Rng, kind: str, *, electric: bool) -> str:
    if electric:
        return "electric"
    along = {"pickup": 0.95, "sedan": 0.35, "suv": 0.3, "estate": 0.25, "van": 0.3}.get(kind, 0.03)
    return "longitudinal" if rng.random() < along else "transverse"


def draw_shell(rng: Rng, body: Body) -> list[Part]:
    """Sheet metal and glass: skins, pillars, roof, bonnet, floor, sills, wheel housings, bumpers."""
    return [
        *_tops(rng, body),
        *_sides(rng, body),
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
    for inwards, gauge in skins:
        parts += bowed(body.length - 20 - inwards, bow, body.half * 0.8, lid, gauge, "steel")
    if body.kind != "sedan":  # struts and the wiper's motor
        upper, lower = (tail[0] - 60, body.top(tail[0] - 60) - 70), (foot[0] - 90, foot[1] - 160)
        parts += [bar(upper, lower, 18, (y, y + 18), "steel", 0.5) for y in (-body.half * 0.72, body.half * 0.7)]
        parts.append(solid((foot[0] - 120, foot[0] - 50), (-70, 40), (foot[1] - 110, foot[1] - 40), "copper", 0.3))
    return parts


def _sides(rng: Rng, body: Body) -> list[Part]:
    """Both sides: outer skin with wheel arches, frame of the windows, glass, doors."""
    parts: list[Part] = []
    skin, frame = _side_outline(body), _frame_outline(body)
    windows, doors = window_outlines(body), door_spans(body)
    gauge, tube = rng.uniform(0.65, 0.85), rng.uniform(3.2, 5.2)
    weak = rng.uniform(0.75, 0.95)  # narrowing of the greenhouse
    hardware = rng.integers(SEEDS)  # both sides of a car have the same parts
    for side in (-1, 1):
        outer, inner = side * body.half, side * body.half * weak
        parts.append(Part(PrismY(skin, _inwards(outer, gauge)), "steel", 7.85))
        parts.append(Part(PrismY(frame, _inwards(inner, tube)), "steel", 7.85))
        for outline in windows:
            parts.append(Part(PrismY(outline, _inwards(inner, tube)), "steel", 7.85, -1))
            parts.append(Part(PrismY(_shrunk(outline, 0.99), _inwards(inner, 4.0)), "glass", 2.5))
        for span in doors:
            parts += _door(np.random.default_rng(hardware), body, span, side)
        if body.kind == "pickup":
            parts += _bed_side(rng, body, side)
        else:
            parts += _quarter(body, doors[-1][1], side)
        inner_skin = Part(PrismY(_shrunk(skin, 0.985), _inwards(outer - side * 18, gauge * 2)), "steel", 7.85 * 0.85)
        parts.append(inner_skin)  # shut faces, reinforcements, inner panels
        post = ((body.pillar - 15, body.clearance + 60), (body.pillar + 25, body.belt))
        parts.append(bar(*post, 135, _inwards(outer - side * 20, 3.2), "steel"))
        parts.append(bar(*post, 80, _inwards(outer - side * 100, 2.4), "steel"))
    return parts


def _inwards(outer: float, thickness: float) -> Interval:
    """From an outer face of either side towards the middle."""
    return (outer, outer + thickness) if outer < 0 else (outer - thickness, outer)


def _shrunk(corners: tuple[Point, ...], by: float) -> tuple[Point, ...]:
    x, z = (sum(values) / len(corners) for values in zip(*corners, strict=True))
    return tuple((x + (u - x) * by, z + (v - z) * by) for u, v in corners)


def _side_outline(body: Body) -> tuple[Point, ...]:
    """The skin below the windows, with round wheel arches."""
    bottom = body.clearance + 70
    end = body.length - 40
    upper = [(110.0, bottom + 60), (60.0, body.nose - 60), (body.cowl, body.bonnet - 40), (body.pillar, body.belt)]
    if body.kind == "pickup":
        upper += [(body.cabin_end, body.belt), (end, body.profile[-1][1])]
    else:
        upper += [(body.profile[5][0] - 60, body.belt), (end, min(body.belt, body.profile[-1][1] + 60))]
    return (*upper, (end, bottom + 130), *_arch(body, body.axles[1]), *_arch(body, body.axles[0]))


def _arch(body: Body, x: float) -> list[Point]:
    """From the rear edge of a wheel arch over its top to the front edge."""
    bottom, radius = body.clearance + 70, body.radius + 55
    reach = float(np.arccos(np.clip((bottom - body.radius) / radius, -1, 1)))  # of the arch, from the top
    return [
        (float(x + radius * np.sin(a)), float(body.radius + radius * np.cos(a))) for a in np.linspace(reach, -reach, 13)
    ]


def _frame_outline(body: Body) -> tuple[Point, ...]:
    """The side above the belt, from the windscreen's foot to the rear window's."""
    end = body.profile[5][0]
    return body.under(body.cowl + 30, end, body.belt - 10, 25)


def window_outlines(body: Body) -> list[tuple[Point, ...]]:
    """Side windows, front to rear: what is left between the pillars."""
    start, end = body.cowl + 130, body.profile[5][0] - 90
    posts = [body.pillar - 50]
    if body.rear is not None:
        posts.append(body.rear + 180)
    edges = [start]
    for post in posts:
        edges += [post, post + 100]
    edges.append(end)
    spans = [(a, b) for a, b in zip(edges[0::2], edges[1::2], strict=True) if b - a > 160]
    if not body.glazed:
        spans = spans[:1]
    if body.kind == "pickup":
        spans = [(a, min(b, body.profile[4][0] - 60)) for a, b in spans if min(b, body.profile[4][0] - 60) - a > 160]
    outlines = [body.under(a, b, body.belt + 5, 95) for a, b in spans]
    return [outline for outline in outlines if max(z for _, z in outline) > body.belt + 120]


def door_spans(body: Body) -> list[Interval]:
    """x of the doors of a side, front to rear."""
    doors = [(body.cowl + 60, body.pillar - 5)]
    if body.rear is not None:
        doors.append(
            (body.pillar + 10, min(body.rear + 230, body.axles[1] - 40 if body.kind != "van" else body.length))
        )
    return doors


def _door(rng: Rng, body: Body, span: Interval, side: int) -> list[Part]:
    """Inner panel with its holes, hem, crash bar, window gear, lock, loudspeaker, trim."""
    outer = side * body.half
    z = (body.clearance + 95, body.belt)
    deep, width, high = outer - side * 130, span[1] - span[0], z[1] - z[0]
    panel = Box(span, _inwards(outer - side * 60, 0.8), z)
    edges = case(Box(span, _inwards(outer - side * 1.5, 60), z), 0.8, "steel")[2:]
    hem = [
        Box((x, x + 22), _inwards(outer - side * 2, 1.6), z) for x in (span[0], span[1] - 22)
    ] + [Box(span, _inwards(outer - side * 2, 1.6), (v, v + 22)) for v in (z[0], z[1] - 22)]  # fmt: skip
    low = (span[0] + 40, z[0] + high * rng.uniform(0.3, 0.5))
    high_end = (span[1] - 40, low[1] + rng.uniform(-60, 60))
    rest = (z[1] - 260, z[1] - 190)
    parts = [*edges, *(Part(box, "steel", 7.85) for box in (panel, *hem))]
    parts += [
        bar(low, high_end, rng.uniform(28, 45), _inwards(outer - side * 15, 5), "steel"),
        bar((span[0] + 90, z[1] - 40), (span[1] - 200, z[0] + 200), 25, _inwards(outer - side * 40, 2), "steel"),
        solid((span[1] - 75, span[1] - 15), _inwards(outer - side * 35, 40), (z[1] - 230, z[1] - 110), "steel", 0.35),
        solid(span, _inwards(deep, 3), (z[0] + 30, z[1]), "polypropylene"),
        solid((span[0] + 200, span[1] - 60), _inwards(deep + side * 10, 60), rest, "polypropylene", 0.4),
        rod((span[0] + width * 0.4, outer - side * 50, z[0] + high * 0.55), 35, 50, "y", "copper", 0.35),
        solid((span[0], span[0] + 60), _inwards(outer - side * 8, 5), (z[0] + 120, z[0] + 190), "steel"),
        solid((span[0], span[0] + 60), _inwards(outer - side * 8, 5), (z[1] - 180, z[1] - 110), "steel"),
    ]  # fmt: skip
    hole = PrismY(
        _oval((span[0] + width * rng.uniform(0.5, 0.65), z[0] + high * 0.55), width * 0.2, high * 0.2), panel.y
    )
    parts.append(Part(hole, "steel", 7.85, -1))
    if rng.random() < 0.8:
        at = (span[0] + rng.uniform(130, 200), outer - side * 85, z[0] + rng.uniform(140, 200))
        parts += [rod(at, rng.uniform(60, 85), 3, "y", "steel"), rod(at, rng.uniform(25, 40), 25, "y", "steel", 0.9)]
    cards = Box((span[0] + 30, span[1] - 30), _inwards(outer - side * 70, 60), (z[0] + 40, z[1] - 20))
    return parts + clutter(rng, cards, 10, ("steel", "copper", "polypropylene"), (6, 40))


def _oval(centre: Point, a: float, b: float) -> tuple[Point, ...]:
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    return tuple((float(centre[0] + a * np.cos(t)), float(centre[1] + b * np.sin(t))) for t in angles)


def _quarter(body: Body, start: float, side: int) -> list[Part]:
    """The side behind the doors: inner panel or, in a van, ribs up to the roof."""
    outer = side * body.half
    parts = [solid((start, body.length - 150), _inwards(outer - side * 90, 0.8), (body.load_floor, body.belt), "steel")]
    if body.kind == "van" and not body.glazed:
        for x in np.linspace(start + 60, body.length - 180, round((body.length - start) / 480)):
            parts += case(
                Box((x, x + 60), _inwards(outer - side * 20, 60), (body.load_floor, body.roof - 120)), 1.0, "steel"
            )
        lining = Box((start, body.length - 100), _inwards(outer - side * 85, 4), (body.load_floor, body.belt + 100))
        parts.append(Part(lining, "polypropylene", 0.6))
    return parts


def _bed_side(rng: Rng, body: Body, side: int) -> list[Part]:
    """Inner side of a pickup's bed, and its rail."""
    outer = side * body.half
    x = (body.profile[5][0] + 30, body.length - 40)
    inner = Box(x, _inwards(outer - side * 130, 0.9), (body.load_floor, body.belt - 30))
    rail = Box(x, _inwards(outer - side * 10, 110), (body.belt - 60, body.belt - 10))
    return [Part(inner, "steel", 7.85, texture=ribbed(rng, 210, 0.15)), *case(rail, 1.2, "steel")]


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
        sill = Box((front + body.radius + 60, rear - body.radius - 60), _inwards(side * (body.half - 20), 110),
                   (body.clearance + 20, body.clearance + 130))  # fmt: skip
        parts += case(sill, gauge, "steel")
        if frame:
            beam = Box((250, body.length - 200), _inwards(side * 480, 75), (body.clearance + 160, body.clearance + 310))
            parts += case(beam, rng.uniform(3.5, 5.5), "steel")
        else:
            z = body.radius + rng.uniform(60, 160)
            parts += case(Box((140, body.cowl + 100), _inwards(side * 520, 65), (z, z + 110)), 1.9, "steel")
            lower = (body.floor - 80, body.floor - 5)
            parts += case(Box((body.cowl, body.cabin_end), _inwards(side * 420, 70), lower), 1.4, "steel")
            parts += case(Box((body.cabin_end, body.length - 90), _inwards(side * 500, 70),
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
            y = _inwards(side * (body.half - 15), body.tyre + 70)
            outline = arc((x, body.radius), body.radius + 60, SHEET, (0.05, np.pi - 0.05), 14)
            parts.append(Part(PrismY(outline, y), "steel", 7.85 * 0.8 / SHEET))
            liner = arc((x, body.radius), body.radius + 45, SHEET, (-0.1, np.pi + 0.1), 14)
            parts.append(Part(PrismY(liner, y), "polypropylene", 0.9 * 2 / SHEET))
    return parts


SHEET = 6.0  # mm; what a housing's sheet is spread over


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
        for inwards in (0.0, 60.0):
            at = x + (inwards if bend > 0 else -inwards)
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
        box = Box((110, 330), _inwards(side * (body.half - 60), wide), (body.nose - 170, body.nose - 30))
        behind = Box((body.length - 190, body.length - 60), _inwards(side * (body.half - 40), 130), tail)
        parts += [*case(box, 3.0, "polypropylene"), *case(behind, 3.0, "polypropylene")]
        parts += clutter(np.random.default_rng(inside), box, 8, ("steel", "polypropylene", "copper"), (8, 60))
    return parts


def door_cavities(body: Body) -> tuple[Cavity, ...]:
    """Between the skin and the trim of each door and each rear side."""
    spans = [(a + 60, b - 90) for a, b in door_spans(body)]
    behind = door_spans(body)[-1][1]
    found = []
    for side in (-1, 1):
        room = _inwards(side * (body.half - 65), 62)
        found += [cavity_of(Box(span, room, (body.clearance + 130, body.belt - 120))) for span in spans]
        if body.kind != "pickup" and body.length - 300 - behind > 250:
            over = max(body.load_floor + 40, 2 * body.radius + 90)
            if body.belt - 60 - over > 120:
                found.append(cavity_of(Box((behind + 60, body.length - 260), room, (over, body.belt - 60))))
    return tuple(found)


def bumper_cavities(body: Body) -> tuple[Cavity, ...]:
    """Behind the covers, under and over the beams."""
    y = (-body.half * 0.6, body.half * 0.6)
    z = (body.clearance + 70, body.radius + 80)
    over = (body.radius + 225, body.load_floor + 40)
    spaces = [Box((95, 185), y, z), Box((body.length - 170, body.length - 60), y, z)]
    if over[1] - over[0] > 60:
        spaces.append(Box((body.length - 170, body.length - 70), y, over))
    return tuple(cavity_of(space) for space in spaces)


def roof_cavities(body: Body) -> tuple[Cavity, ...]:
    """Between the headliner and the roof, front and rear half."""
    _, _, header, middle, tail, _, _ = body.profile
    wide = body.half * 0.58
    found = []
    for (x0, z0), (x1, z1) in ((header, middle), (middle, tail)):
        length, angle = float(np.hypot(x1 - x0, z1 - z0)), float(np.arctan2(z1 - z0, x1 - x0))
        found.append(Cavity(((x0 + x1) / 2, (z0 + z1) / 2 - 62), (length - 60, 34), (-wide, wide), angle))
    return tuple(found)


def floor_cavities(body: Body) -> tuple[Cavity, ...]:
    """Sills, on the cabin floor under the carpet, and on the load floor under a second one."""
    front, rear = body.axles
    found = []
    for side in (-1, 1):
        y = _inwards(side * (body.half - 26), 98)
        box = Box((front + body.radius + 90, rear - body.radius - 90), y, (body.clearance + 28, body.clearance + 122))
        found.append(cavity_of(box))
    inner = (-body.half + 240, body.half - 240)
    found.append(
        cavity_of(Box((body.cabin_end + 60, body.length - 260), inner, (body.load_floor + 12, body.load_floor + 95)))
    )
    for y in ((inner[0], -130.0), (130.0, inner[1])):
        found.append(cavity_of(Box((body.front + 150, body.cabin_end - 60), y, (body.floor + 26, body.floor + 90))))
    return tuple(found)
