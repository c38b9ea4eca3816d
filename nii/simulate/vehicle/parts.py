"""What vehicles are built of: sheets, tubes, bars, and the hollows between them.

Vehicles are drawn facing to the left: x from the front bumper to the rear, y = 0 in the middle,
z from the road. Millimetres and g/cm3, as everywhere in this package.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nii.physics.materials import MATERIALS
from nii.simulate.render.draws import SEEDS, Rng, log_uniform
from nii.simulate.render.scene import Part, Texture
from nii.simulate.render.shapes import Box, Cylinder, Interval, PrismX, PrismY, rotated

SPREAD = 6.0  # mm; a sheet seen edge-on is spread over this much, about a pixel, so that no ray misses it

Point = tuple[float, float]


@dataclass(frozen=True)
class VehicleCavity:
    """Room in the structure where something fits: a rectangle in the side view, turned, over y.

    centre: (x, z). size: its length and height before it is turned by `angle` (radians).
    host: what fills it and is pushed out; None where there is air.
    """

    centre: Point
    size: Point
    y: Interval
    angle: float = 0.0
    host: Part | None = None

    def prism(self, u: Interval, v: Interval, y: Interval) -> Box | PrismY:
        """A block in the cavity; u and v from its low corner along its length and its height."""
        a, b = (u[0] - self.size[0] / 2, u[1] - self.size[0] / 2), (v[0] - self.size[1] / 2, v[1] - self.size[1] / 2)
        x, z = self.centre
        if self.angle == 0:
            return Box((x + a[0], x + a[1]), y, (z + b[0], z + b[1]))
        outline = ((a[0], b[0]), (a[1], b[0]), (a[1], b[1]), (a[0], b[1]))
        return PrismY(rotated(outline, self.angle, self.centre), y)

    @property
    def whole(self) -> Box | PrismY:
        """All of it."""
        return self.prism((0, self.size[0]), (0, self.size[1]), self.y)


def cavity_of(box: Box, host: Part | None = None) -> VehicleCavity:
    """A box as a cavity."""
    (x0, x1), (z0, z1) = box.x, box.z
    return VehicleCavity(((x0 + x1) / 2, (z0 + z1) / 2), (x1 - x0, z1 - z0), box.y, host=host)


def drawn_start(rng: Rng, room: Interval, length: float) -> float:
    """Where something of this length begins, anywhere in a room that it fits into, be it to the last bit."""
    return room[0] + rng.random() * max(room[1] - room[0] - length, 0.0)


def span(a: float, b: float) -> Interval:
    """Between two places, in order."""
    return (min(a, b), max(a, b))


def solid(x: Interval, y: Interval, z: Interval, material: str, share: float = 1.0) -> Part:
    """A box of a material; share: of its volume that the material fills."""
    return Part(Box(x, y, z), material, MATERIALS[material].density_g_cm3 * share)


def sheet(x: Interval, y: Interval, z: Interval, material: str, share: float = 1.0) -> Part:
    """A box that may be thinner than a pixel along x or z: spread to SPREAD there, of the same mass."""
    (wide, part_x), (high, part_z) = _spread(x), _spread(z)
    return solid(wide, y, high, material, share * part_x * part_z)


def _spread(side: Interval) -> tuple[Interval, float]:
    """A side at least SPREAD long about the same middle, and the share of it that was there."""
    length, middle = side[1] - side[0], (side[0] + side[1]) / 2
    if length >= SPREAD:
        return side, 1.0
    return (middle - SPREAD / 2, middle + SPREAD / 2), length / SPREAD


def case(box: Box, gauge: float, material: str, share: float = 1.0) -> list[Part]:
    """The six sides of a box, of one gauge; share: of metal in them (holes, ribs)."""
    (x0, x1), (y0, y1), (z0, z1) = box.x, box.y, box.z
    return [
        sheet(box.x, (y0, y0 + gauge), box.z, material, share),
        sheet(box.x, (y1 - gauge, y1), box.z, material, share),
        sheet((x0, x0 + gauge), box.y, box.z, material, share),
        sheet((x1 - gauge, x1), box.y, box.z, material, share),
        sheet(box.x, box.y, (z0, z0 + gauge), material, share),
        sheet(box.x, box.y, (z1 - gauge, z1), material, share),
    ]


def pipe(centre: tuple[float, float, float], radius: float, wall: float, length: float, axis: str,
         material: str = "steel") -> list[Part]:  # fmt: skip
    """A tube along an axis."""
    density = MATERIALS[material].density_g_cm3
    return [
        Part(Cylinder(centre, radius, length, axis), material, density),
        Part(Cylinder(centre, radius - wall, length, axis), material, density, -1),
    ]


def rod(centre: tuple[float, float, float], radius: float, length: float, axis: str, material: str = "steel",
        share: float = 1.0) -> Part:  # fmt: skip
    """A round bar or disc along an axis."""
    return Part(Cylinder(centre, radius, length, axis), material, MATERIALS[material].density_g_cm3 * share)


def bar(p: Point, q: Point, width: float, y: Interval, material: str, share: float = 1.0) -> Part:
    """A straight bar in the side view from p to q, each (x, z)."""
    return Part(PrismY(strip(p, q, width), y), material, MATERIALS[material].density_g_cm3 * share)


def strip(p: Point, q: Point, width: float) -> tuple[Point, ...]:
    """Corners of a straight strip from p to q."""
    length = float(np.hypot(q[0] - p[0], q[1] - p[1]))
    across = ((p[1] - q[1]) / length * width / 2, (q[0] - p[0]) / length * width / 2)
    return (
        (p[0] - across[0], p[1] - across[1]),
        (q[0] - across[0], q[1] - across[1]),
        (q[0] + across[0], q[1] + across[1]),
        (p[0] + across[0], p[1] + across[1]),
    )


def arc(centre: Point, radius: float, wall: float, turns: Interval, steps: int = 10) -> tuple[Point, ...]:
    """Corners of a curved strip about a centre; radius: its inner one; turns: from and to, in radians."""
    angles = np.linspace(*turns, steps + 1)
    inner = [(centre[0] + radius * np.cos(a), centre[1] + radius * np.sin(a)) for a in angles]
    outer = [(centre[0] + (radius + wall) * np.cos(a), centre[1] + (radius + wall) * np.sin(a)) for a in angles]
    return tuple((float(u), float(v)) for u, v in (*inner, *reversed(outer)))


def crowned(profile: Sequence[Point], crown: float, half: float, gauge: float, material: str,
            share: float = 1.0) -> list[Part]:  # fmt: skip
    """A sheet that follows a profile, (x, z) along the middle, and falls by `crown` mm to both sides.

    Cut in slices along x, steep ones finer, so that each slice has the right height to a pixel.
    """
    parts = []
    y = np.linspace(-half, half, 9)
    drop = crown * (y / half) ** 2
    for (x0, z0), (x1, z1) in itertools.pairwise(profile):
        pieces = max(int(np.ceil(max(abs(z1 - z0) / 4, (x1 - x0) / 150))), 1)
        slant = float(np.hypot(x1 - x0, z1 - z0)) / (x1 - x0)  # sheet per mm of x
        high = max(SPREAD, gauge * slant)
        density = MATERIALS[material].density_g_cm3 * share * gauge * slant / high
        for i in range(pieces):
            left, right = x0 + (x1 - x0) * i / pieces, x0 + (x1 - x0) * (i + 1) / pieces
            top = z0 + (z1 - z0) * (i + 0.5) / pieces - drop
            lower = [(float(u), float(v - high)) for u, v in zip(y, top, strict=True)]
            upper = [(float(u), float(v)) for u, v in zip(y[::-1], top[::-1], strict=True)]
            parts.append(Part(PrismX((*lower, *upper), (left, right)), material, density))
    return parts


def bowed(x: float, depth: float, half: float, z: Interval, gauge: float, material: str,
          share: float = 1.0) -> list[Part]:  # fmt: skip
    """An upright sheet across the vehicle, curved in plan: at x in the middle, `depth` mm further at the sides.

    A negative depth curves it forward.
    """
    parts = []
    y = half * np.sqrt(np.linspace(0, 1, 9))  # equal steps along x
    steps = x + depth * (y / half) ** 2
    for (y0, y1), (x0, x1) in zip(itertools.pairwise(y), itertools.pairwise(steps), strict=True):
        wide = abs(float(x1 - x0))
        length = float(np.hypot(wide, y1 - y0))
        density = MATERIALS[material].density_g_cm3 * share * gauge * length / (wide * float(y1 - y0))
        ends = (float(min(x0, x1)), float(max(x0, x1)))
        for side in ((float(y0), float(y1)), (float(-y1), float(-y0))):
            parts.append(Part(Box(ends, side, z), material, density))
    return parts


def clutter(rng: Rng, box: Box, count: int, materials: Sequence[str], size: Interval = (6, 60)) -> list[Part]:
    """Small things such as brackets, bolts, relays and wires, all over a box."""
    parts = []
    for _ in range(count):
        material, share = materials[int(rng.integers(len(materials)))], log_uniform(rng, 0.15, 1)
        a, b, c = (min(log_uniform(rng, *size), side[1] - side[0]) for side in (box.x, box.y, box.z))
        x, y, z = (drawn_start(rng, side, d) + d / 2 for side, d in zip((box.x, box.y, box.z), (a, b, c), strict=True))
        if rng.random() < 0.4:
            axis = int(rng.integers(3))
            thick = min((a, b, c)[:axis] + (a, b, c)[axis + 1 :])
            parts.append(rod((x, y, z), thick / 2, (a, b, c)[axis], "xyz"[axis], material, share))
        else:
            parts.append(solid((x - a / 2, x + a / 2), (y - b / 2, y + b / 2), (z - c / 2, z + c / 2), material, share))
    return parts


def ribbed(rng: Rng, size: float, contrast: float, pattern: str = "stripes-x") -> Texture:
    """Ribs, windings or plates of this period (mm)."""
    return Texture(pattern, (size, size), contrast, int(rng.integers(SEEDS)))
