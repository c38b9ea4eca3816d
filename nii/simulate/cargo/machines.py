"""Machines, cars and tyres."""

from dataclasses import dataclass

import numpy as np

from nii.physics.materials import STEEL, STEEL_G_CM3
from nii.simulate.render.draws import Rng, drawn_texture, log_uniform
from nii.simulate.render.scene import Part
from nii.simulate.render.shapes import Box, Cylinder, Interval, PrismY, Vector

RUBBER = 1.15  # g/cm3
OUT_MM = 25.0  # that parts of a machine stand out of its body

METALS = (STEEL, STEEL, ("aluminium", 2.7), ("copper", 8.9), ("cast_iron", 7.2))
"""Metals of machine parts with their densities in g/cm3; steel is twice as frequent as any other."""


def tyres(rng: Rng, space: Box) -> list[Part]:
    """Tyres of one size: rows standing across the container, or lying in stacks."""
    radius, width = rng.uniform(270, 520), rng.uniform(160, 320)
    if rng.random() < 0.5:
        return _standing(rng, space, radius)
    parts: list[Part] = []
    stacks = rng.uniform(0.5, 1)
    for x in np.arange(space.x[0] + radius, space.x[1] - radius, 2 * radius + rng.uniform(5, 30)):
        for y in np.arange(space.y[0] + radius, space.y[1] - radius, 2 * radius + 10):
            top = space.z[0] + (space.z[1] - space.z[0]) * stacks * rng.uniform(0.85, 1)
            for z in np.arange(space.z[0] + width / 2, top - width / 2, width * 0.97):
                parts += _tyre((x + rng.normal(0, 8), y, z), radius, width * 0.95, "z", 1.0)
    return parts


def _standing(rng: Rng, space: Box, radius: float) -> list[Part]:
    """Rows of tyres from wall to wall, each row as one long tyre."""
    parts: list[Part] = []
    for z in np.arange(space.z[0] + radius, space.z[1] - radius, 2 * radius):
        for x in np.arange(space.x[0] + radius, space.x[1] - radius, 2 * radius + rng.uniform(0, 30)):
            parts += _tyre((x, 0.0, z), radius, space.y[1] - space.y[0], "y", rng.uniform(0.85, 1))
    return parts


def _tyre(at: tuple[float, float, float], radius: float, width: float, axis: str, packed: float) -> list[Part]:
    """Tread and side walls as a shell: solid rubber minus the hollow and minus the rim hole.

    packed: share of solid rubber in the tread and walls.
    """
    inner, wall = radius - 28, 14.0
    density = RUBBER * packed
    return [
        Part(Cylinder(at, radius, width, axis), "rubber", density),
        Part(Cylinder(at, inner, width - 2 * wall, axis), "rubber", density, -1),
        Part(Cylinder(at, radius * 0.58, 2 * wall, axis), "rubber", density, -1),
    ]


def machinery(rng: Rng, space: Box) -> list[Part]:
    """Machines on skids: each a body of uneven density with shafts, motors and blocks of metal in it."""
    parts: list[Part] = []
    x = space.x[0] + rng.uniform(50, 500)
    while x < space.x[1] - 900:
        width, height = rng.uniform(600, 2600), rng.uniform(500, 2000)
        body = Box((x, min(x + width, space.x[1])), (-rng.uniform(300, 1000), rng.uniform(300, 1000)),
                   (space.z[0] + 150, min(space.z[0] + height, space.z[1])))  # fmt: skip
        parts.append(Part(body, "steel", rng.uniform(0.08, 0.5), texture=drawn_texture(rng, ("grain",), (0.2, 0.5))))
        for _ in range(int(rng.integers(6, 22))):
            parts.append(_machine_part(rng, body))
        parts += _skid(rng, body, space.z[0])
        x += width + rng.uniform(100, 1500)
    return parts


def _machine_part(rng: Rng, body: Box) -> Part:
    """A cylinder or a block of metal in the body, partly hollow; it may stand out of it by a little."""
    metal, density = METALS[rng.integers(len(METALS))]
    most = [(side[1] - side[0]) / 3 for side in (body.x, body.y, body.z)]
    if rng.random() < 0.45:
        axis = str(rng.choice(list("xyz")))
        radius, half = min(rng.uniform(25, 260), *most), min(rng.uniform(30, 350), *most)
        sides = [half if one == axis else radius for one in "xyz"]
        shape = Cylinder(_somewhere(rng, body, sides), radius, 2 * half, axis)
        return Part(shape, metal, density * rng.uniform(0.15, 1))
    sides = [min(log_uniform(rng, 12, 300), widest) for widest in most]
    middle = _somewhere(rng, body, sides)
    box = Box(*((c - h, c + h) for c, h in zip(middle, sides, strict=True)))
    return Part(box, metal, density * rng.uniform(0.1, 1))


def _somewhere(rng: Rng, body: Box, half: list[float]) -> Vector:
    """Middle of something with these half sides that stands out of the body by at most OUT_MM, and not below."""
    x, y, z = (
        rng.uniform(side[0] + h - OUT_MM, side[1] - h + OUT_MM)
        for side, h in zip((body.x, body.y, body.z), half, strict=True)
    )
    return (x, y, max(z, body.z[0] + half[2]))


def _skid(rng: Rng, body: Box, floor: float) -> list[Part]:
    """Beams of wood under a machine."""
    bars = np.linspace(body.x[0], body.x[1] - 120, int(rng.integers(2, 5)))
    return [Part(Box((x, x + 110), body.y, (floor, floor + 150)), "pine", 0.5) for x in bars]


def cars(rng: Rng, space: Box) -> list[Part]:
    """Passenger cars one behind the other, facing either way."""
    parts: list[Part] = []
    x = space.x[0] + rng.uniform(80, 400)
    while x + 3600 < space.x[1]:
        length = rng.uniform(3600, min(5100, space.x[1] - x))
        frame = _Frame(x, length, space.z[0], facing=1 if rng.random() < 0.5 else -1)
        parts += _one_car(rng, frame)
        x += length + rng.uniform(150, 900)
    return parts


@dataclass(frozen=True)
class _Frame:
    """Where a car stands: its left end, length and floor in mm; facing: 1 if its front is on the left."""

    left: float
    length: float
    floor: float
    facing: int

    def at(self, share: float) -> float:
        """x at this share of the length, counted from the front."""
        return self.left + self.length * (share if self.facing > 0 else 1 - share)

    def box(self, x: Interval, y: Interval, z: Interval, material: str, density: float) -> Part:
        """A block; x in shares of the length, y in mm, z in mm above the floor."""
        ends = sorted((self.at(x[0]), self.at(x[1])))
        return Part(Box((ends[0], ends[1]), y, (self.floor + z[0], self.floor + z[1])), material, density)


def _one_car(rng: Rng, frame: _Frame) -> list[Part]:
    """A passenger car: body shell, engine, gearbox, tank, battery, seats, wheels, axles."""
    roof, belt = rng.uniform(1350, 1850), rng.uniform(850, 1050)
    half = rng.uniform(800, 930)
    return [
        *_shell(rng, frame, roof, belt, half),
        *_drive(rng, frame),
        *_inside(frame),
        *_wheels(rng, frame, half),
    ]


def _shell(rng: Rng, frame: _Frame, roof: float, belt: float, half: float) -> list[Part]:
    """Sheet metal: two sides, and roof, bonnet and ends as a thin rim of low density."""
    outline = ((0.0, 350), (0.0, belt - 150), (0.22, belt), (0.33, roof), (0.78, roof), (0.97, belt), (1.0, 350))
    shell = tuple((frame.at(u), frame.floor + v) for u, v in outline)
    inner = tuple((frame.at(0.01 + 0.98 * u), frame.floor + 12 + (v - 12) * 0.985) for u, v in outline)
    sides = [
        Part(PrismY(shell, (side, side + 3)), "steel", STEEL_G_CM3 * rng.uniform(0.3, 0.6))
        for side in (-half, half - 3)
    ]
    body = (-half + 3, half - 3)
    return [*sides, Part(PrismY(shell, body), "steel", 0.045), Part(PrismY(inner, body), "steel", 0.040, -1)]


def _drive(rng: Rng, frame: _Frame) -> list[Part]:
    """Engine with its block, gearbox, battery, fuel tank, exhaust."""
    return [
        frame.box((0.06, 0.19), (-280, 280), (330, 800), "aluminium", rng.uniform(1.0, 2.2)),
        frame.box((0.08, 0.17), (-180, 180), (400, 700), "cast_iron", rng.uniform(0.5, 2.5)),
        frame.box((0.10, 0.16), (280, 560), (350, 600), "steel", 2.4),
        frame.box((0.05, 0.09), (-600, -400), (550, 750), "lead", 3.0),
        frame.box((0.66, 0.80), (-500, 500), (300, 470), "petrol", rng.uniform(0.1, 0.7)),
        frame.box((0.02, 0.95), (-30, 60), (220, 290), "steel", 1.0),
    ]


def _inside(frame: _Frame) -> list[Part]:
    """Floor pan, dashboard, bumpers, two rows of seats."""
    parts = [
        frame.box((0.22, 0.80), (-750, 750), (290, 310), "steel", 1.0),
        frame.box((0.27, 0.30), (-700, 700), (700, 920), "abs", 0.25),
        frame.box((0.985, 1.0), (-800, 800), (400, 560), "polypropylene", 0.5),
        frame.box((0.0, 0.015), (-800, 800), (400, 560), "polypropylene", 0.5),
    ]
    for seat in (0.40, 0.62):
        parts += [
            frame.box((seat, seat + 0.12), (-620, 620), (330, 560), "polyurethane_foam", 0.06),
            frame.box((seat + 0.11, seat + 0.14), (-620, 620), (500, 1050), "polyurethane_foam", 0.09),
            frame.box((seat, seat + 0.02), (-600, 600), (330, 480), "steel", 0.25),
        ]
    return parts


def _wheels(rng: Rng, frame: _Frame, half: float) -> list[Part]:
    """Two axles with a tyre, a rim and a brake at each end."""
    parts: list[Part] = []
    for share in (0.17, 0.81):
        x, z = frame.at(share), frame.floor + 310
        parts.append(Part(Cylinder((x, 0.0, z), 30, 1500, "y"), "steel", 6.0))
        for y in (-half + 110, half - 110):
            parts += _tyre((x, y, z), 310, 200, "y", 1.0)
            parts.append(Part(Cylinder((x, y, z), 180, 14, "y"), str(rng.choice(["steel", "aluminium"])), 5.0))
            parts.append(Part(Cylinder((x, y, z), 130, 24, "y"), "cast_iron", 7.2))
    return parts
