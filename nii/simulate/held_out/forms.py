"""What loads of the held-out world are put together from: bars, lying nets and heaps, places in a space."""

import itertools
import math

import numpy as np

from nii.simulate.render.draws import Rng
from nii.simulate.render.scene import Part
from nii.simulate.render.shapes import Box, Interval, PrismY, Vector

Point = tuple[float, float]  # x, z in mm
Filling = tuple[str, float]  # material, density in g/cm3

MOST_PARTS = 1800  # of one load; what is over is left out at random


def bar(a: Point, b: Point, thick: float, y: Interval, filling: Filling) -> Part:
    """A straight bar from a to b as seen from the side, this thick in the picture, over y along the beam."""
    length = math.hypot(b[0] - a[0], b[1] - a[1])
    across = (-(b[1] - a[1]) / length * thick / 2, (b[0] - a[0]) / length * thick / 2)
    corners = [(p[0] + sign * across[0], p[1] + sign * across[1]) for p, sign in ((a, 1), (b, 1), (b, -1), (a, -1))]
    return Part(PrismY(tuple(corners), y), *filling)


def chain(points: list[Point], thick: float, y: Interval, filling: Filling) -> list[Part]:
    """Bars from each point to the next."""
    return [bar(a, b, thick, y, filling) for a, b in itertools.pairwise(points)]


def place(rng: Rng, space: Box, half: Vector) -> Vector:
    """Middle of something with these half sides that lies in the space; middle of a side that is too short."""
    x, y, z = (
        rng.uniform(side[0] + h, side[1] - h) if side[1] - side[0] > 2 * h else sum(side) / 2
        for side, h in zip((space.x, space.y, space.z), half, strict=True)
    )
    return (x, y, z)


def steps(start: float, end: float, step: float) -> list[float]:
    """Places from start by step whose things, a step wide, end before `end`."""
    return [float(at) for at in np.arange(start, end - step, step)]


def some(rng: Rng, things: list[list[Part]]) -> list[Part]:
    """As many of the things, each of several parts, as MOST_PARTS allows; in their order."""
    whole = sum(len(thing) for thing in things)
    share = min(MOST_PARTS / max(whole, 1), 1.0)
    kept = things if share == 1 else [thing for thing in things if rng.random() < share]
    return [part for thing in kept for part in thing]


def within(parts: list[Part], space: Box) -> list[Part]:
    """The parts of a thing that lies in the space; none of one that would stick out of it by more than 1 mm."""
    return parts if all(_lies(part.shape.bounds, space) for part in parts) else []


def _lies(box: Box, space: Box) -> bool:
    sides = zip((box.x, box.y, box.z), (space.x, space.y, space.z), strict=True)
    return all(own[0] >= room[0] - 1 and own[1] <= room[1] + 1 for own, room in sides)
