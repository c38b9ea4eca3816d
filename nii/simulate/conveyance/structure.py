"""What conveyances are built of, and the record of one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from nii.physics.materials import STEEL_G_CM3
from nii.simulate.render.scene import Part
from nii.simulate.render.shapes import Box, Cylinder, Interval, PrismX, Shape, Vector

STEEL = STEEL_G_CM3
ALUMINIUM = 2.70

Corners = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Cavity:
    """A hollow of a structure that could hide something; filling: what gives way to it (foam, fuel)."""

    shape: Shape
    filling: Part | None = None


@dataclass(frozen=True)
class Conveyance:
    """Parts, the free rooms inside, and the cavities of the structure.

    rooms: where loads go, each with its front at low x. outside: of the body that holds them.
    cavities: by name: "beam", "door" (the end of a room), "floor", "front" (the start of a room),
    "insulation", "roof", "side", "tank", "tyre"; names without a cavity are left out.
    """

    kind: str
    parts: tuple[Part, ...]
    rooms: tuple[Box, ...]
    outside: Box
    cavities: Mapping[str, tuple[Cavity, ...]] = field(default_factory=dict)

    @property
    def inside(self) -> Box:
        """The first room."""
        return self.rooms[0]


def moved(conveyance: Conveyance, x: float) -> Conveyance:
    """The same conveyance, x mm further along."""
    by = (x, 0.0, 0.0)
    return Conveyance(
        conveyance.kind,
        tuple(_moved(part, by) for part in conveyance.parts),
        tuple(room.shifted(by) for room in conveyance.rooms),
        conveyance.outside.shifted(by),
        {
            name: tuple(
                Cavity(cavity.shape.shifted(by), cavity.filling and _moved(cavity.filling, by)) for cavity in cavities
            )
            for name, cavities in conveyance.cavities.items()
        },
    )


def joined(cavities: Iterable[Mapping[str, tuple[Cavity, ...]]]) -> dict[str, tuple[Cavity, ...]]:
    """All cavities of several structures, by name."""
    out: dict[str, tuple[Cavity, ...]] = {}
    for cavity in cavities:
        for name, found in cavity.items():
            out[name] = (*out.get(name, ()), *found)
    return out


def span(start: float, step: float) -> Interval:
    """An interval from start by step, which may be negative."""
    return (min(start, start + step), max(start, start + step))


def tube(middle: Vector, radius: float, wall: float, length: float, axis: str, *, material: str = "steel",
         density: float = STEEL) -> list[Part]:  # fmt: skip
    """A pipe, open at both ends; radius outside, wall thickness and length in mm."""
    outer, inner = Cylinder(middle, radius, length, axis), Cylinder(middle, radius - wall, length, axis)
    return [Part(outer, material, density), Part(inner, material, density, -1)]


def i_beam(x: Interval, y: float, z: Interval, web: float, flange: tuple[float, float]) -> list[Part]:
    """A steel beam along x around y; flange: width and thickness, mm."""
    wide, thick = flange
    sides = (y - wide / 2, y + wide / 2)
    return [
        Part(Box(x, (y - web / 2, y + web / 2), z), "steel", STEEL),
        Part(Box(x, sides, (z[0], z[0] + thick)), "steel", STEEL),
        Part(Box(x, sides, (z[1] - thick, z[1])), "steel", STEEL),
    ]


def rounded(y: Interval, z: Interval, radius: float, corners: int = 5) -> Corners:
    """A rectangle in the plane of the fan with rounded corners, (y, z) in mm."""
    turn = np.linspace(0, np.pi / 2, corners)
    centres = ((y[1], z[1], 0), (y[0], z[1], 1), (y[0], z[0], 2), (y[1], z[0], 3))
    out = []
    for cy, cz, quarter in centres:
        inward = (cy - radius * (1 if quarter in (0, 3) else -1), cz - radius * (1 if quarter in (0, 1) else -1))
        for angle in turn + quarter * np.pi / 2:
            out.append((float(inward[0] + radius * np.cos(angle)), float(inward[1] + radius * np.sin(angle))))
    return tuple(out)


def below(corners: Corners, level: float) -> Corners:
    """The part of a convex outline (y, z) that lies below this height."""
    out: list[tuple[float, float]] = []
    for (y0, z0), (y1, z1) in zip(corners, (*corners[1:], corners[0]), strict=True):
        if z0 <= level:
            out.append((y0, z0))
        if (z0 <= level) != (z1 <= level):
            out.append((y0 + (y1 - y0) * (level - z0) / (z1 - z0), level))
    return tuple(out)


def hollow(corners: Corners, inner: Corners, x: Interval, material: str, density: float) -> list[Part]:
    """A profile along x: an outline in (y, z) less the one inside it."""
    return [Part(PrismX(corners, x), material, density), Part(PrismX(inner, x), material, density, -1)]


def _moved(part: Part, by: Vector) -> Part:
    return replace(part, shape=part.shape.shifted(by))
