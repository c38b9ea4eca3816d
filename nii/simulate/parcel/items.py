"""What parcels hold, one thing at a time: vessels, blocks, bags, bars; and where in them something fits.

Every thing stands on z = 0 about x = y = 0, in millimetres, as it would on a table; z is up.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nii.simulate.render.draws import SEEDS, Rng, log_uniform
from nii.simulate.render.scene import Part, Spot, Texture, enclosing
from nii.simulate.render.shapes import (
    Box,
    Cylinder,
    Ellipsoid,
    Float64Array,
    Interval,
    Oriented,
    PrismY,
    Shape,
    Vector,
)

Stuff = tuple[str, Interval]  # a material and its density as packed, g/cm3


METALS: tuple[Stuff, ...] = (
    ("steel", (7.7, 7.9)), ("stainless_steel", (7.8, 8.0)), ("aluminium", (2.65, 2.8)), ("brass", (8.3, 8.6)),
    ("zinc", (6.5, 7.0)),
)  # fmt: skip
PLASTICS: tuple[Stuff, ...] = (
    ("abs", (1.0, 1.1)), ("polypropylene", (0.88, 0.94)), ("polycarbonate", (1.15, 1.22)), ("pvc", (1.2, 1.45)),
    ("polyethylene", (0.92, 0.97)),
)  # fmt: skip
CLOTH: tuple[Stuff, ...] = (
    ("cotton", (0.12, 0.38)), ("polyester_cloth", (0.1, 0.35)), ("wool", (0.08, 0.25)), ("leather", (0.35, 0.7)),
)  # fmt: skip
LEVEL = np.eye(3)
"""No turn."""


@dataclass(frozen=True)
class Item:
    """parts: what it is made of. spots: rooms inside it, each with the stuff that would make way.

    hidden: what is concealed in it (or it is nothing but that); displaced: the stuff that made way.
    soft: it gives way to other things, or is small enough to lie in what does, so that it isn't stacked on them.
    """

    parts: tuple[Part, ...]
    spots: tuple[Spot, ...] = ()
    hidden: tuple[Part, ...] = ()
    displaced: tuple[Part, ...] = ()
    soft: bool = False

    @property
    def bounds(self) -> Box:
        """The smallest box around it."""
        return enclosing(self.parts + self.hidden)

    @property
    def size(self) -> Vector:
        """Extent in x, y and z, mm."""
        box = self.bounds
        return (box.x[1] - box.x[0], box.y[1] - box.y[0], box.z[1] - box.z[0])


def carried(item: Item, axes: Float64Array, at: Sequence[float] | Float64Array) -> Item:
    """The item with each point p moved to axes @ p + at; nothing more can be put into it."""
    parts, hidden, displaced = (
        tuple(moved(part, axes, at) for part in group) for group in (item.parts, item.hidden, item.displaced)
    )
    return Item(parts, (), hidden, displaced)


def moved(part: Part, axes: Float64Array, at: Sequence[float] | Float64Array) -> Part:
    """The part with each point p moved to axes @ p + at."""
    return replace(part, shape=part.shape.oriented(axes, at))


def any_of(rng: Rng, stuffs: Sequence[Stuff]) -> tuple[str, float]:
    """One of these materials, with a density in its range."""
    name, density = stuffs[int(rng.integers(len(stuffs)))]
    return name, rng.uniform(*density)


def block(size: Vector, at: Vector = (0, 0, 0)) -> Box:
    """A box of this size that stands on `at`, the middle of its lower face."""
    x, y, z = at
    return Box((x - size[0] / 2, x + size[0] / 2), (y - size[1] / 2, y + size[1] / 2), (z, z + size[2]))


def post(radius: float, height: float, at: Vector = (0, 0, 0)) -> Cylinder:
    """An upright cylinder that stands on `at`, the middle of its lower face."""
    return Cylinder((at[0], at[1], at[2] + height / 2), radius, height, "z")


def shell(outer: Shape, inner: Shape, material: str, density: float) -> list[Part]:
    """A solid and the hollow in it."""
    return [Part(outer, material, density), Part(inner, material, density, -1)]


def box_shell(size: Vector, wall: float, material: str, density: float, at: Vector = (0, 0, 0)) -> list[Part]:
    """A closed box with walls of this thickness, mm."""
    inner = (size[0] - 2 * wall, size[1] - 2 * wall, size[2] - 2 * wall)
    return shell(block(size, at), block(inner, (at[0], at[1], at[2] + wall)), material, density)


def can_shell(radius: float, height: float, wall: float, material: str, density: float) -> list[Part]:
    """A closed can with walls of this thickness, mm."""
    return shell(post(radius, height), post(radius - wall, height - 2 * wall, (0, 0, wall)), material, density)


def grain(rng: Rng, size: Interval, contrast: Interval, pattern: str = "grain") -> Texture:
    """Lumps (or what the pattern is) of a size in this range, mm."""
    lump = rng.uniform(*size)
    return Texture(pattern, (lump, lump * rng.uniform(0.7, 1.4)), rng.uniform(*contrast), int(rng.integers(SEEDS)))


def ring(radius: float, hole: float, thick: float, material: str, density: float, axis: str = "z") -> list[Part]:
    """A disc with a hole; lying (axis "z") or standing."""
    z = thick / 2 if axis == "z" else radius
    return shell(
        Cylinder((0, 0, z), radius, thick, axis), Cylinder((0, 0, z), hole, thick, axis), material, density
    )  # fmt: skip


def rod(start: Vector, end: Vector, radius: float, material: str, density: float) -> Part:
    """A round bar from one point to another."""
    length = max(math.dist(start, end), 1e-6)
    x, y, z = (float(b - a) / length for a, b in zip(start, end, strict=True))
    level = math.hypot(x, y)
    u, v = (-y / level, x / level) if level > 1e-9 else (0.0, 1.0)  # a level direction across the bar
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, (start[2] + end[2]) / 2)
    axes = ((x, u, -z * v), (y, v, z * u), (z, 0.0, x * v - y * u))
    return Part(Oriented(Cylinder((0, 0, 0), radius, length, "x"), axes, middle), material, density)


def bent(points: Sequence[Vector], radius: float, material: str, density: float) -> list[Part]:
    """A wire or pipe along these points, in straight pieces."""
    return [rod(a, b, radius, material, density) for a, b in itertools.pairwise(points)]


def coil(rng: Rng, radius: float, wire: float, turns: int, material: str, density: float, sides: int = 9) -> list[Part]:
    """A cable laid in rings: straight pieces around a circle."""
    parts = []
    for turn in range(turns):
        r, phase = radius * rng.uniform(0.8, 1.1), rng.uniform(0, 2 * np.pi)
        middle = rng.normal(0, radius * 0.08, 2)
        angles = phase + np.linspace(0, 2 * np.pi, sides + 1)
        z = wire * (1 + 1.6 * (turn % 3))
        points = [(float(middle[0] + r * np.cos(a)), float(middle[1] + r * np.sin(a)), z) for a in angles]
        parts += bent(points, wire, material, density)
    return parts


def plate(corners: Sequence[tuple[float, float]], thick: float, material: str, density: float) -> Part:
    """An outline in x and y lying flat, this thick."""
    lying = np.array([[1.0, 0, 0], [0, 0, 1.0], [0, 1.0, 0]])  # the prism's y becomes up
    return Part(PrismY(tuple(corners), (0, thick)).oriented(lying), material, density)


@dataclass(frozen=True)
class Vessel:
    """Ranges of jars, bottles, tubs and cans.

    radius, height: mm. walls: stuff and thickness in mm. contents. neck: radius of the neck over that of the
    body; 1 is a lid over the whole. lid: its stuff. lump: size of lumps in the contents, mm.
    """

    radius: Interval
    height: Interval
    walls: tuple[tuple[Stuff, Interval], ...]
    contents: tuple[Stuff, ...]
    neck: Interval = (1, 1)
    lid: Stuff = ("polypropylene", (0.88, 0.92))
    lump: Interval = (4, 9)
    lumpy: Interval = (0, 0)


def vessel(rng: Rng, plan: Vessel) -> Item:
    """A vessel with its contents, that can make way for something."""
    radius, height = log_uniform(rng, *plan.radius), log_uniform(rng, *plan.height)
    stuff, thickness = plan.walls[rng.integers(len(plan.walls))]
    wall = rng.uniform(*thickness)
    material, density = any_of(rng, (stuff,))
    parts = can_shell(radius, height, wall, material, density)
    full = (height - 2 * wall) * rng.uniform(0.6, 0.98)
    look = grain(rng, plan.lump, plan.lumpy) if plan.lumpy[1] > 0 else None
    name, amount = any_of(rng, plan.contents)
    filling = Part(post(radius - wall, full, (0, 0, wall)), name, amount, texture=look)
    neck = radius * rng.uniform(*plan.neck)
    cap, solid = any_of(rng, (plan.lid,))
    high = rng.uniform(5, 14) if plan.neck[0] == 1 else rng.uniform(15, 40)
    lid = shell(post(neck, high, (0, 0, height)), post(neck * 0.85, high * 0.8, (0, 0, height)), cap, solid)
    room = block(((radius - wall) * 1.4, (radius - wall) * 1.4, full), (0, 0, wall))
    return Item((*parts, filling, *lid), (Spot(room, filling),))


@dataclass(frozen=True)
class Slab:
    """Ranges of things that are a block: folded, bound, pressed. size: x, y, z in mm; stuffs; pattern and its
    lumps and contrast; cover: stuff and thickness around it, if any."""

    size: tuple[Interval, Interval, Interval]
    stuffs: tuple[Stuff, ...]
    pattern: str = "grain"
    lump: Interval = (5, 40)
    contrast: Interval = (0, 0.1)
    cover: tuple[Stuff, Interval] | None = None


def slab(rng: Rng, plan: Slab) -> Item:
    """A block, covered or not; something can be put in a hole in it."""
    size = (log_uniform(rng, *plan.size[0]), log_uniform(rng, *plan.size[1]), log_uniform(rng, *plan.size[2]))
    material, density = any_of(rng, plan.stuffs)
    look = grain(rng, plan.lump, plan.contrast, plan.pattern) if plan.contrast[1] > 0 else None
    if plan.cover is None:
        body = Part(block(size), material, density, texture=look)
        return Item((body,), (Spot(block(size), body),))
    stuff, thickness = plan.cover
    wall = rng.uniform(*thickness)
    body = Part(block(size, (0, 0, wall)), material, density, texture=look)
    name, solid = any_of(rng, (stuff,))
    around = (size[0] + 2 * wall, size[1] + 2 * wall, size[2] + 2 * wall)
    return Item((body, *box_shell(around, wall, name, solid)), (Spot(block(size, (0, 0, wall)), body),))


@dataclass(frozen=True)
class Pouch:
    """Ranges of bags. semi: half sizes in x, y, z, mm; stuffs; lumps and contrast of what is in them."""

    semi: tuple[Interval, Interval, Interval]
    stuffs: tuple[Stuff, ...]
    lump: Interval = (3, 10)
    contrast: Interval = (0.02, 0.15)


def pouch(rng: Rng, plan: Pouch) -> Item:
    """A bag, round as it lies, or square where it is packed tight."""
    a, b, c = (log_uniform(rng, *side) for side in plan.semi)
    material, density = any_of(rng, plan.stuffs)
    round_ = rng.random() < 0.6
    shape: Shape = Ellipsoid((0, 0, c), (a, b, c)) if round_ else block((2 * a, 2 * b, 1.6 * c))
    body = Part(shape, material, density, texture=grain(rng, plan.lump, plan.contrast))
    inner = 1.15 if round_ else 2.0
    return Item((body,), (Spot(block((a * inner, b * inner, c * inner * 0.8), (0, 0, c * 0.4)), body),))


def boxed(rng: Rng, item: Item) -> Item:
    """The same in a retail carton of thin board."""
    box, wall = item.bounds, rng.uniform(0.4, 1.2)
    slack = rng.uniform(1, 12)
    size = tuple(high - low + 2 * slack for low, high in (box.x, box.y, box.z))
    middle = ((box.x[0] + box.x[1]) / 2, (box.y[0] + box.y[1]) / 2, box.z[0] - slack)
    around = box_shell((size[0], size[1], size[2]), wall, "cardboard", rng.uniform(0.5, 0.8), middle)
    return replace(item, parts=(*item.parts, *around))
