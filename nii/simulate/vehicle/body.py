"""Measures of passenger cars, vans and pickups: where things are in them.

They follow those of current European, American and Asian models. Faces left; see vehicle_parts for the axes.
"""

from dataclasses import dataclass

import numpy as np

from nii.simulate.render.draws import Rng
from nii.simulate.render.shapes import Interval
from nii.simulate.vehicle.parts import Point

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
