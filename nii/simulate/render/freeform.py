"""Things of no kind: solids, soft goods, hollow things, frames, vessels and clusters, each built into a box.

A builder takes a box and the most parts that it may use (at least one), and stays within both.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nii.physics.materials import MATERIALS, STEEL
from nii.simulate.render.draws import SEEDS, Rng, log_uniform
from nii.simulate.render.scene import Part, Texture, enclosing
from nii.simulate.render.shapes import (
    Box,
    Cylinder,
    Ellipsoid,
    Float64Array,
    Interval,
    Mesh,
    PrismX,
    PrismY,
    Shape,
)
from nii.simulate.render.textures import PATTERNS

SUBSTANCES = (
    "abs", "alumina", "aluminium", "animal_feed", "books", "brass", "brick", "canned_food", "cardboard", "cast_iron",
    "cement", "ceramic_tile", "cheese", "circuit_board", "coal", "coffee_beans", "concrete", "copper", "cotton",
    "diesel", "electronics_mix", "fertiliser_npk", "fish_frozen", "flour", "fruit", "glass", "glycerol", "granite",
    "gypsum", "hardwood", "household_goods", "ice", "juice", "lead", "lead_acid_battery", "leather", "lithium_battery",
    "lubricating_oil", "machinery_mix", "marble", "meat_frozen", "nylon", "paper", "pet", "pine", "plywood", "pmma",
    "polyester_cloth", "polyethylene", "polypropylene", "polystyrene", "polystyrene_foam", "polyurethane_foam",
    "potatoes", "ptfe", "pvc", "rice", "rubber", "salt", "sand", "scrap_metal", "soil", "stainless_steel", "steel",
    "sugar", "talc", "tea", "tin", "titanium_dioxide", "tool_steel", "tyre", "vegetable_oil", "vegetables", "water",
    "wine", "wool", "zinc",
)  # fmt: skip
"""Materials of things of no kind."""

LIQUIDS = ("diesel", "glycerol", "juice", "lubricating_oil", "seawater", "vegetable_oil", "water", "wine")

OLD_PATTERNS = ("grain", "folds", "stripes-x", "stripes-z", "grid")
DENSITY = (0.02, 8.0)  # g/cm3, from light foam to steel
LOOSEST = 30.0  # by which a material may be lighter as packed than as a solid
HEAVIEST_KG = 500.0  # of one thing as a solid
MOST_PARTS = 13  # of one thing in a concealment
PLAIN = 0.25  # share of substances without a texture
CORNERS = 20  # of a curved outline


@dataclass(frozen=True)
class Substance:
    """What a thing is filled with; the density is that of small things, in g/cm3."""

    material: str
    density: float
    texture: Texture | None

    def fill(self, rng: Rng, shape: Shape) -> Part:
        """This solid of it, looser where it would be too heavy."""
        density = min(self.density, 1000 * HEAVIEST_KG / max(shape.volume_cm3, 1))
        own = self.texture and replace(self.texture, seed=int(rng.integers(SEEDS)))
        return Part(shape, self.material, density, texture=own)


Hollowed = Box | Cylinder | Ellipsoid
"""Solids that can be a shell."""

Palette = tuple[Substance, ...]
"""What the things of one load are made of; few of them, as goods that travel together have much in common."""


def draw_palette(rng: Rng, least: int = 2, most: int = 9) -> Palette:
    """Substances with densities from light foam to steel, each octave as likely as any other."""
    return tuple(draw_substance(rng) for _ in range(int(rng.integers(least, most + 1))))


def draw_substance(rng: Rng) -> Substance:
    """A density, a material that can have it, and most often a texture."""
    density = log_uniform(rng, *DENSITY)
    able = [name for name in SUBSTANCES if density <= 1.05 * MATERIALS[name].density_g_cm3 <= LOOSEST * density]
    material = str(rng.choice(able))
    return Substance(material, density, None if rng.random() < PLAIN else draw_pattern(rng))


def draw_pattern(rng: Rng) -> Texture:
    """A texture of any pattern, of 6 to 250 mm, weak or strong."""
    names = (*sorted(PATTERNS), *OLD_PATTERNS)
    size = log_uniform(rng, 6, 250)
    periods = (size, size * log_uniform(rng, 0.4, 2.5))
    return Texture(names[rng.integers(len(names))], periods, log_uniform(rng, 0.03, 0.6), int(rng.integers(SEEDS)))


def thing(rng: Rng, box: Box, most: int, palette: Palette) -> list[Part]:
    """A thing of no kind in a box, of at most this many parts."""
    able = [(build, weight) for build, weight, least in BUILDERS if least <= most]
    weights = np.array([weight for _, weight in able])
    build = able[rng.choice(len(able), p=weights / weights.sum())][0]
    return build(rng, box, most, palette)


def _any(rng: Rng, palette: Palette) -> Substance:
    return palette[rng.integers(len(palette))]


def anything(rng: Rng) -> list[Part]:
    """A concealment of no kind at the origin: one thing, several like it, or unlike ones in a bundle."""
    palette = draw_palette(rng, 1, 4)
    count = int(log_uniform(rng, 1, 6.9))
    alike = rng.random() < 0.5
    size = log_uniform(rng, 80, 800 / count**0.5)
    parts, one, x = list[Part](), list[Part](), 0.0
    for _ in range(count):
        if not (one and alike):
            wide, deep, high = (size * log_uniform(rng, 0.3, 1.5) for _ in range(3))
            one = thing(rng, Box((0.0, wide), (0.0, deep), (0.0, high)), int(rng.integers(1, MOST_PARTS)), palette)
        own = enclosing(one)
        parts += [replace(part, shape=part.shape.shifted((x - own.x[0], 0.0, -own.z[0]))) for part in one]
        x += own.x[1] - own.x[0] + rng.uniform(0, 20)
    return parts


def solid(rng: Rng, box: Box, most: int, palette: Palette) -> list[Part]:
    """One solid: upright, slanting, or a lump."""
    del most
    shape = SHAPES[rng.choice(len(SHAPES), p=SHAPE_SHARES)](rng, box)
    return [_any(rng, palette).fill(rng, shape)]


def soft(rng: Rng, box: Box, most: int, palette: Palette) -> list[Part]:
    """One to five sacks, bales or folded cloths lying on each other, which bulge and sag."""
    count = int(rng.integers(1, min(most, 5) + 1))
    edges = np.linspace(*box.z, count + 1)
    inside = _any(rng, palette)
    layers = [Box(box.x, box.y, (float(low), float(high))) for low, high in itertools.pairwise(edges)]
    return [inside.fill(rng, pillow(rng, layer)) for layer in layers]


def hollow(rng: Rng, box: Box, most: int, palette: Palette) -> list[Part]:
    """A shell, empty or with something in it: a thing, or loose goods up to a level."""
    shell = _any(rng, palette)
    shells: tuple[Hollowed, ...] = (box, _cylinder(rng, box), _ellipsoid(rng, box))
    outer = shells[rng.integers(3)]
    wall = rng.uniform(0.01, 0.12) * _least_side(box)
    inner = shrunk(outer, wall)
    density = max(shell.density, 0.3)
    parts = [Part(outer, shell.material, density), Part(inner, shell.material, density, -1)]
    if most < len(parts) + 1 or rng.random() < 0.25:
        return parts
    room = _within(inner)
    return parts + thing(rng, room, most - len(parts), palette)


def vessel(rng: Rng, box: Box, most: int, palette: Palette) -> list[Part]:
    """A can, barrel, tank or lying drum, filled to a level with a liquid or with loose goods."""
    del most
    shell = (("polyethylene", 0.95), STEEL, ("glass", 2.5), ("aluminium", 2.7))[rng.integers(4)]
    shapes: tuple[Hollowed, ...] = (box, *(_cylinder(rng, box, axis) for axis in "xyz"))
    outer = shapes[rng.integers(4)]
    inner = shrunk(outer, min(rng.uniform(1, 8), 0.2 * _least_side(box)))
    level = rng.uniform(0.1, 0.98)
    if rng.random() < 0.7:
        liquid = LIQUIDS[rng.integers(len(LIQUIDS))]
        filling = Part(filled(inner, level), liquid, MATERIALS[liquid].density_g_cm3)
    else:
        filling = _any(rng, palette).fill(rng, filled(inner, level))
    return [Part(outer, *shell), Part(inner, *shell, -1), filling]


def frame(rng: Rng, box: Box, most: int, palette: Palette) -> list[Part]:
    """Bars along the edges of a box: a cage, a rack or a crate; with boards between them or something inside."""
    bar, thick = _any(rng, palette), rng.uniform(0.02, 0.1) * _least_side(box)
    ends = [((a, a + thick), (b - thick, b)) for a, b in (box.x, box.y, box.z)]
    bars = [Box(x, y, box.z) for x in ends[0] for y in ends[1]]
    bars += [Box(box.x, y, z) for y in ends[1] for z in ends[2]]
    parts = [bar.fill(rng, one) for one in bars]
    boards = int(rng.integers(0, min(most - len(parts), 5) + 1))
    for z in np.linspace(box.z[0], box.z[1] - thick, boards + 2)[1:-1]:
        parts.append(bar.fill(rng, Box(box.x, box.y, (float(z), float(z) + thick / 2))))
    if len(parts) < most and rng.random() < 0.6:
        parts += thing(rng, _lower(rng, inset(box, thick)), most - len(parts), palette)
    return parts


def cluster(rng: Rng, box: Box, most: int, palette: Palette) -> list[Part]:
    """A body with smaller solids in, on and beside it, as of a machine or of things tied together."""
    count = int(rng.integers(3, min(most, 8) + 1))
    parts = solid(rng, _some(rng, box, (0.5, 1.0)), 1, palette)
    for _ in range(count - 1):
        parts += solid(rng, _some(rng, box, (0.08, 0.6)), 1, palette)
    return parts


BUILDERS: tuple[tuple[Callable[[Rng, Box, int, Palette], list[Part]], float, int], ...] = (
    (solid, 0.45, 1), (soft, 0.16, 1), (hollow, 0.12, 2), (vessel, 0.09, 3), (frame, 0.06, 8), (cluster, 0.14, 3),
)  # fmt: skip
"""Each with its weight and the fewest parts that it needs."""


def _box(rng: Rng, box: Box) -> Shape:
    del rng
    return box


def _cylinder(rng: Rng, box: Box, axis: str | None = None) -> Cylinder:
    """The thickest cylinder on the floor of a box, along an axis or along any."""
    axis = axis or "xyz"[rng.integers(3)]
    sides = {name: side[1] - side[0] for name, side in zip("xyz", (box.x, box.y, box.z), strict=True)}
    radius = min(length for name, length in sides.items() if name != axis) / 2
    up = box.z[0] + (sides["z"] / 2 if axis == "z" else radius)
    return Cylinder((sum(box.x) / 2, sum(box.y) / 2, up), radius, sides[axis], axis)


def _ellipsoid(rng: Rng, box: Box) -> Ellipsoid:
    del rng
    return Ellipsoid(_middle(box), _half(box))


def _prism(rng: Rng, box: Box) -> Shape:
    """A polygon of three to nine corners, regular or not, extruded along the beam or along the travel."""
    corners = int(rng.integers(3, 10))
    regular = rng.random() < 0.4
    turns = rng.uniform(0, 2 * np.pi) + np.linspace(0, 2 * np.pi, corners, endpoint=False)
    reach = np.ones(corners) if regular else rng.uniform(0.35, 1, corners)
    outline = np.stack([reach * np.cos(turns), reach * np.sin(turns)], axis=1)
    if rng.random() < 0.6:
        return PrismY(_fitted(outline, box.x, box.z), box.y)
    return PrismX(_fitted(outline, box.y, box.z), box.x)


def _slanting(rng: Rng, box: Box) -> Shape:
    """A box, cylinder or ellipsoid turned any way, as large as fits."""
    half = np.array([log_uniform(rng, 0.15, 1.0) for _ in range(3)])
    own = Box(*((-float(h), float(h)) for h in half))
    shapes: tuple[Hollowed, ...] = (
        own,
        _cylinder(rng, own),
        Ellipsoid((0.0, 0.0, 0.0), (float(half[0]), float(half[1]), float(half[2]))),
    )
    axes = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    shape = shapes[rng.integers(3)]
    reach = np.array(_half(shape.oriented(axes).bounds))
    by = float((np.array(_half(box)) / reach).min())
    turned = scaled(shape, by).oriented(axes)
    return turned.shifted(_onto(turned.bounds, box))


def lump(rng: Rng, box: Box) -> Mesh:
    """A mesh of 128 faces, round, flattened, dented or jagged, that fills its box."""
    triangles = _octahedron(2)
    directions = rng.standard_normal((6, 3))
    rough = rng.uniform(0, 0.25)
    waves = np.tanh(triangles @ directions.T * rng.uniform(0.5, 4)) @ rng.normal(0, rough, 6)
    points = triangles * np.exp(waves)[..., None]
    low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
    sides = np.array([box.x, box.y, box.z])
    return Mesh(sides[:, 0] + (points - low) / (high - low) * (sides[:, 1] - sides[:, 0]))


def pillow(rng: Rng, box: Box) -> Shape:
    """An outline with rounded edges that bulges at the sides and sags between its ends, extruded along the beam."""
    turns = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False) + 0.01
    roundness = rng.uniform(0.25, 0.9)  # 1: an ellipse; 0: a rectangle
    u = np.sign(np.cos(turns)) * np.abs(np.cos(turns)) ** roundness
    v = np.sign(np.sin(turns)) * np.abs(np.sin(turns)) ** roundness
    u = u * (1 + rng.uniform(0, 0.25) * (1 - v**2)) + rng.normal(0, 0.02, CORNERS)
    v = v - rng.uniform(0, 0.4) * (v > 0) * np.cos(u * rng.uniform(1, 5) + rng.uniform(0, 2 * np.pi)) * (1 - u**2)
    return PrismY(_fitted(np.stack([u, v], axis=1), box.x, box.z), box.y)


SHAPES: tuple[Callable[[Rng, Box], Shape], ...] = (_box, _cylinder, _ellipsoid, _prism, _slanting, lump, pillow)
SHAPE_SHARES = (0.36, 0.18, 0.08, 0.13, 0.12, 0.05, 0.08)


def filled(inside: Shape, level: float) -> Shape:
    """What stands in a box or a cylinder up to a share of its height, with a level surface."""
    box = inside.bounds
    top = box.z[0] + level * (box.z[1] - box.z[0])
    if not isinstance(inside, Cylinder):
        return Box(box.x, box.y, (box.z[0], top))
    if inside.axis == "z":
        centre = (inside.centre[0], inside.centre[1], (box.z[0] + top) / 2)
        return replace(inside, centre=centre, length=top - box.z[0])
    reach = np.arccos(np.clip(1 - 2 * level, -1, 1))  # from the lowest point to the surface
    turns = np.linspace(-reach, reach, CORNERS)
    across = inside.centre[1] if inside.axis == "x" else inside.centre[0]
    outline = tuple(
        (float(across + inside.radius * np.sin(turn)), float(inside.centre[2] - inside.radius * np.cos(turn)))
        for turn in turns
    )
    return PrismX(outline, box.x) if inside.axis == "x" else PrismY(outline, box.y)


def shrunk(shape: Hollowed, by: float) -> Hollowed:
    """The same solid with this much (mm) taken off everywhere."""
    match shape:
        case Box():
            return inset(shape, by)
        case Cylinder():
            return replace(shape, radius=shape.radius - by, length=shape.length - 2 * by)
        case Ellipsoid():
            a, b, c = shape.semi
            return replace(shape, semi=(a - by, b - by, c - by))


def inset(box: Box, by: float) -> Box:
    """A box with this much (mm) taken off each side."""
    return Box(*((a + by, b - by) for a, b in (box.x, box.y, box.z)))


def scaled(shape: Hollowed, by: float) -> Hollowed:
    """The same solid larger by this factor about the origin."""
    match shape:
        case Box():
            return Box(*((a * by, b * by) for a, b in (shape.x, shape.y, shape.z)))
        case Cylinder():
            x, y, z = shape.centre
            centre = (x * by, y * by, z * by)
            return replace(shape, centre=centre, radius=shape.radius * by, length=shape.length * by)
        case Ellipsoid():
            (x, y, z), (a, b, c) = shape.centre, shape.semi
            return Ellipsoid((x * by, y * by, z * by), (a * by, b * by, c * by))


def _within(shape: Hollowed) -> Box:
    """The box inscribed in a solid."""
    match shape:
        case Box():
            return shape
        case Cylinder():
            shares = [1.0 if name == shape.axis else 0.7 for name in "xyz"]
        case Ellipsoid():
            shares = [0.57, 0.57, 0.57]
    sides = zip(_middle(shape.bounds), _half(shape.bounds), shares, strict=True)
    return Box(*((middle - share * half, middle + share * half) for middle, half, share in sides))


def _lower(rng: Rng, box: Box) -> Box:
    """The lower part of a box."""
    return Box(box.x, box.y, (box.z[0], box.z[0] + rng.uniform(0.3, 1.0) * (box.z[1] - box.z[0])))


def _some(rng: Rng, box: Box, shares: Interval) -> Box:
    """A box within a box, each side a share of its."""
    sides = []
    for a, b in (box.x, box.y, box.z):
        long = rng.uniform(*shares) * (b - a)
        start = rng.uniform(a, b - long)
        sides.append((start, start + long))
    return Box(sides[0], sides[1], sides[2])


def _fitted(outline: Float64Array, u: Interval, v: Interval) -> tuple[tuple[float, float], ...]:
    """Corners (corner, 2) stretched to these intervals."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    sides = np.array([u, v])
    points = sides[:, 0] + (outline - low) / (high - low) * (sides[:, 1] - sides[:, 0])
    return tuple((float(a), float(b)) for a, b in points)


def _octahedron(times: int) -> Float64Array:
    """A sphere of triangles (n, 3, 3), counter-clockwise from outside: an octahedron divided this many times."""
    signs = np.array([(x, y, z) for x in (1, -1) for y in (1, -1) for z in (1, -1)], float)
    faces = np.array([np.diag(s) if s.prod() > 0 else np.diag(s)[::-1] for s in signs])
    for _ in range(times):
        a, b, c = faces.transpose(1, 0, 2)
        ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
        faces = np.concatenate([np.stack(f, axis=1) for f in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])
    return np.asarray(faces / np.linalg.norm(faces, axis=2, keepdims=True), np.float64)


def _middle(box: Box) -> tuple[float, float, float]:
    return sum(box.x) / 2, sum(box.y) / 2, sum(box.z) / 2


def _half(box: Box) -> tuple[float, float, float]:
    return (box.x[1] - box.x[0]) / 2, (box.y[1] - box.y[0]) / 2, (box.z[1] - box.z[0]) / 2


def _least_side(box: Box) -> float:
    return 2 * min(_half(box))


def _onto(own: Box, box: Box) -> tuple[float, float, float]:
    """The move that puts a solid of these bounds in the middle of a box, on its floor."""
    (x, y, _), (to_x, to_y, _) = _middle(own), _middle(box)
    return to_x - x, to_y - y, box.z[0] - own.z[0]
