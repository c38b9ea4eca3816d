"""Wheels, brakes, springs and axles of vehicles, and the spare wheel with its tools."""

from dataclasses import dataclass, replace

import numpy as np

from nii.physics.materials import STEEL_G_CM3
from nii.simulate.render.draws import SEEDS, Rng, log_uniform
from nii.simulate.render.scene import Part
from nii.simulate.render.shapes import Box, Cylinder, Interval, PrismY, Vector
from nii.simulate.vehicle.body import Body
from nii.simulate.vehicle.parts import bar, case, clutter, pipe, ribbed, rod, sheet, solid, span


@dataclass(frozen=True)
class Wheel:
    """A tyre on its rim. axis: "y" on the road, "z" lying flat. rim: radius where the tyre sits."""

    centre: Vector
    radius: float
    rim: float
    width: float
    axis: str


def draw_wheels(rng: Rng, body: Body, *, spare: bool | None = None) -> tuple[Wheel, ...]:
    """Four wheels on the road and, mostly, a spare one (last); spare: whether, drawn if None."""
    rim = body.radius - rng.uniform(85, 125)
    offset = body.half - body.tyre / 2 - 25
    wheels = [
        Wheel((x, y, body.radius), body.radius, rim, body.tyre, "y") for x in body.axles for y in (-offset, offset)
    ]
    if spare if spare is not None else rng.random() < 0.7:
        wheels.append(_spare(rng, body, rim))
    return tuple(wheels)


def _spare(rng: Rng, body: Body, rim: float) -> Wheel:
    """Flat under the load floor: in a well, or slung below; often a narrow one."""
    narrow = rng.random() < 0.4 and body.kind not in ("pickup", "van")
    width = rng.uniform(115, 140) if narrow else body.tyre
    radius = min(body.radius, (body.length - 150 - body.axles[1]) * 0.5, body.half - 330)
    x = body.length - 170 - radius
    width = min(width, body.load_floor - 35 - body.clearance)
    return Wheel((x, rng.uniform(-40, 40), body.load_floor - 15 - width / 2), radius, min(rim, radius - 75), width, "z")


def wheel_parts(rng: Rng, wheels: tuple[Wheel, ...]) -> list[Part]:
    """Tyres with steel belts, rims of one pattern, brakes on the four that roll."""
    pattern = int(rng.integers(SEEDS))  # the same on every wheel
    parts: list[Part] = []
    for wheel in wheels:
        parts += _tyre(wheel) + _rim(np.random.default_rng(pattern), wheel, float(rng.uniform(0, 2 * np.pi)))
        if wheel.axis == "y":
            parts += _brake(np.random.default_rng(pattern), wheel)
    return parts


def _tyre(wheel: Wheel) -> list[Part]:
    """Tread, side walls and beads of rubber; belts and bead wires of steel."""
    at, r, w, axis = wheel.centre, wheel.radius, wheel.width, wheel.axis
    rubber = 1.15
    return [
        Part(Cylinder(at, r, w, axis), "rubber", rubber),
        Part(Cylinder(at, r - 15, w - 18, axis), "rubber", rubber, -1),
        *(Part(Cylinder(_along(at, axis, s * (w - 9) / 2), wheel.rim, 9, axis), "rubber", rubber, -1) for s in (-1, 1)),
        *pipe(at, r - 9, 1.4, w * 0.8, axis),
        *pipe(at, wheel.rim + 9, 6.0, 14, axis),
    ]


def _rim(rng: Rng, wheel: Wheel, turn: float) -> list[Part]:
    """Barrel and disc; cast ones with spokes, pressed ones with round holes."""
    at, axis = wheel.centre, wheel.axis
    cast = rng.random() < 0.65
    material = "aluminium" if cast else "steel"
    parts = pipe(at, wheel.rim, 5.5 if cast else 2.8, wheel.width * 0.92, axis, material)
    face = _moved(at, axis, wheel.width * 0.25)
    disc = rng.uniform(16, 26) if cast else 4.0
    parts.append(rod(face, wheel.rim - 3, disc, axis, material))
    holes = int(rng.integers(5, 11))
    for a in turn + np.arange(holes) * 2 * np.pi / holes:
        r = wheel.rim * (0.66 if cast else 0.7)
        size = wheel.rim * (min(0.62 * np.sin(np.pi / holes), 0.3) if cast else 0.13)
        parts.append(_hole(face, axis, (float(r * np.cos(a)), float(r * np.sin(a))), float(size), disc, material))
    parts.append(rod(face, 75, disc + 6, axis, material, 0.5))
    return parts


def _along(at: Vector, axis: str, by: float) -> Vector:
    x, y, z = at
    return (x, y + by, z) if axis == "y" else (x, y, z + by)


def _moved(at: Vector, axis: str, outwards: float) -> Vector:
    """Away from the vehicle's middle along y, or up."""
    x, y, z = at
    return (x, y + (outwards if y > 0 else -outwards), z) if axis == "y" else (x, y, z + outwards)


def _hole(face: Vector, axis: str, by: tuple[float, float], radius: float, disc: float, material: str) -> Part:
    x, y, z = face
    at = (x + by[0], y, z + by[1]) if axis == "y" else (x + by[0], y + by[1], z)
    whole = rod(at, radius, disc, axis, material)
    return replace(whole, sign=-1)


def _brake(rng: Rng, wheel: Wheel) -> list[Part]:
    """Disc with its hat, caliper, hub."""
    x, y, z = wheel.centre
    inner = y - 15 if y > 0 else y + 15
    disc = wheel.rim * rng.uniform(0.68, 0.82)
    caliper = Box((x + disc * 0.35, x + disc * 1.02), (inner - 45, inner + 45), (z - 75, z + 75))
    return [
        rod((x, inner, z), disc, rng.uniform(10, 24), "y"),
        rod((x, y, z), 70, 65, "y", "steel", 0.4),
        Part(caliper, "steel", STEEL_G_CM3 * 0.38),
    ]


def wheel_outline(wheel: Wheel, turns: Interval, gap: float, y: Interval) -> PrismY:
    """A piece of the ring between rim and tread, `gap` mm from both."""
    x, _, z = wheel.centre
    angles = np.linspace(*turns, 7)
    radii = (wheel.rim + 14 + gap, wheel.radius - 17 - gap)
    inner = [(float(x + radii[0] * np.cos(a)), float(z + radii[0] * np.sin(a))) for a in angles]
    outer = [(float(x + radii[1] * np.cos(a)), float(z + radii[1] * np.sin(a))) for a in angles[::-1]]
    return PrismY((*inner, *outer), y)


def draw_running_gear(rng: Rng, body: Body) -> list[Part]:
    """Springs, dampers, arms and subframes at both axles; a beam or a differential at the rear."""
    parts: list[Part] = []
    front, rear = body.axles
    leaf = body.kind == "pickup"
    for x, raised in ((front, 360.0), (rear, 300.0)):
        for side in (-1, 1):
            y = side * (body.half - body.tyre - 110)
            inner = span(y, side * 260)
            z = body.radius
            parts.append(sheet((x - 60, x + 60), inner, (z - 75, z - 72), "steel", 1.6))  # wishbone
            parts.append(rod((x, (inner[0] + inner[1]) / 2, z - 20), 14, inner[1] - inner[0], "y"))
            if leaf and x == rear:
                for k in range(4):
                    arm = 620 - 130 * k
                    parts.append(sheet((x - arm, x + arm), (y - 32, y + 32), (z + 40 - 9 * k, z + 47 - 9 * k), "steel"))
                continue
            coil = Part(Cylinder((x, y, z + 40 + raised / 2), 62, raised, "z"), "steel", 0.9,
                        texture=ribbed(rng, rng.uniform(38, 60), 0.65, "stripes-z"))  # fmt: skip
            parts += [coil, rod((x, y, z + raised / 2), 24, raised * 1.2, "z", "steel", 0.6)]
            parts.append(rod((x, y, z + 30 + raised), 70, 12, "z", "steel", 0.6))
        frame = Box((x - 160, x + 160), (-330, 330), (z - 110, z - 50))
        parts += case(frame, 2.4, "steel")
    if leaf or body.drive == "longitudinal":
        parts += _rear_axle(rng, body)
    elif rng.random() < 0.6:
        parts.append(rod((rear + 40, 0, body.radius), 45, 2 * body.half - 500, "y", "steel", 0.3))
    steering = rod((front - 120, 0, body.radius + 10), 22, 900, "y", "steel", 0.7)
    return [*parts, steering]


def _rear_axle(rng: Rng, body: Body) -> list[Part]:
    """Differential, drive shafts, propeller shaft."""
    front, rear = body.axles
    z = body.radius
    start = front + 1150
    shaft = rear - 140 - start
    return [
        Part(Cylinder((rear, 0, z), 120, 190, "y"), "steel", STEEL_G_CM3 * 0.55),
        rod((rear, 0, z), 85, 30, "y"),
        rod((rear, 0, z), 32, 2 * body.half - 460, "y", "steel", 0.75),
        rod((rear - 110, 0, z), 60, 160, "x", "steel", 0.6),
        *pipe((start + shaft / 2, 0, z + rng.uniform(0, 40)), 36, 2.5, shaft, "x"),
    ]


def road_kit(rng: Rng, body: Body) -> list[Part]:
    """Jack, wrench, triangle and the like beside the spare wheel."""
    x = body.length - rng.uniform(420, 560)
    y = (-body.half + 230, -body.half + 330)
    z = body.load_floor - 130
    kit = [
        solid((x, x + 330), y, (z, z + 20), "steel", 0.6),
        bar((x + 20, z + 60), (x + 280, z + 30), 16, y, "steel", 0.25),
        rod((x + 200, y[0], z + 60), 14, 90, "y"),
    ]
    return kit[: int(rng.integers(0, 4))] + clutter(
        rng, Box((x, x + 300), y, (z, z + 100)), int(log_uniform(rng, 1, 6)), ("steel", "polypropylene"), (10, 90)
    )
