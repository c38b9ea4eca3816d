"""Arrangements of no kind: rules that divide a space and fill its parts with things or with further arrangements.

A rule takes a box, the most parts that it may use, and what things are made of; it stays within the box and the
number. Things stand on the floor of their box or on each other, or hang from its top.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nii.physics.materials import STEEL_G_CM3
from nii.simulate.cargo.stacked import pallet
from nii.simulate.render.draws import SEEDS, Rng, log_uniform
from nii.simulate.render.freeform import Hollowed, Palette, Substance, draw_palette, inset, shrunk, thing
from nii.simulate.render.scene import Part, enclosing
from nii.simulate.render.shapes import Box, Cylinder, Interval, PrismY

LEAST_PARTS, MOST_PARTS = 80, 240  # of a load; keeps the rendering of a scene within twice the usual time
FEW = 6  # parts, below which nothing is arranged
DEEPEST = 4  # arrangements within each other
LARGEST = 900.0  # mm along x or z; one thing is seldom larger
SMALLEST = 180.0  # mm; less than this in a direction holds one thing
DROPS = 6  # places tried for a thing that is dropped
UNEVEN = 24  # corners of an uneven surface
PALLET_MM = 145.0
PALLETISED_MM = 1200.0  # height of a space from which on there may be pallets
DUNNAGE = (("cardboard", 0.03), ("polystyrene_foam", 0.015), ("paper", 0.05), ("pine", 0.04), ("cotton", 0.02))
"""What gaps are stuffed with, with its density spread over them in g/cm3."""


@dataclass(frozen=True)
class Means:
    """What an arrangement may use: parts, substances, and levels of arrangements within it.

    scale: of the sizes of things, 1 in a container.
    """

    parts: int
    palette: Palette
    levels: int = DEEPEST
    scale: float = 1.0

    def share(self, count: int) -> "Means":
        """What each of `count` cells may use."""
        return replace(self, parts=max(self.parts // count, 1), levels=self.levels - 1)


def unlisted(rng: Rng, space: Box, scale: float = 1.0) -> list[Part]:
    """A load of no kind on the floor of a space, which it fills partly or wholly; scale as in Means."""
    palette = draw_palette(rng)
    long, high = space.x[1] - space.x[0], space.z[1] - space.z[0]
    x1 = space.x[0] + long * (1.0 if rng.random() < 0.75 else rng.uniform(0.3, 1))
    room = inset(Box((space.x[0], x1), space.y, (space.z[0], space.z[0] + high * rng.uniform(0.45, 1))), 8.0)
    parts: list[Part] = []
    if rng.random() < 0.3 and high > PALLETISED_MM:
        parts = _pallets(rng, room)
        room = Box(room.x, room.y, (room.z[0] + PALLET_MM, room.z[1]))
    most = round(log_uniform(rng, LEAST_PARTS, MOST_PARTS)) - len(parts) - 1
    parts += WHOLE[rng.choice(len(WHOLE), p=WHOLE_SHARES)](rng, room, Means(most, palette, scale=scale))
    if rng.random() < 0.2:
        material, density = DUNNAGE[rng.integers(len(DUNNAGE))]
        parts.append(Part(enclosing(parts), material, density * rng.uniform(0.5, 1.5)))
    return parts


def arranged(rng: Rng, box: Box, means: Means) -> list[Part]:
    """By one of the rules; one thing where there is little room or little left to use."""
    sides = [b - a for a, b in (box.x, box.y, box.z)]
    if means.parts < FEW or means.levels == 0 or min(sides) < SMALLEST * means.scale:
        return thing(rng, box, means.parts, means.palette)
    return RULES[rng.choice(len(RULES), p=SHARES)](rng, box, means)


def _cell(rng: Rng, box: Box, means: Means) -> list[Part]:
    """What fills a part of an arrangement: one thing, or a further arrangement, always where there is much room."""
    wide = max(b - a for a, b in (box.x, box.z)) > LARGEST * means.scale
    return arranged(rng, box, means) if wide or rng.random() < 0.35 else thing(rng, box, means.parts, means.palette)


def grid(rng: Rng, box: Box, means: Means) -> list[Part]:
    """Many of a kind beside, behind and on each other; some columns lower, some places taken by something else."""
    counts = _counts(rng, box, means)
    size = [(b - a) / n for (a, b), n in zip((box.x, box.y, box.z), counts, strict=True)]
    gap = rng.uniform(0, 0.12) * min(size[:2]) if rng.random() < 0.7 else 1.0
    cell = Box((0.0, size[0] - gap), (0.0, size[1] - gap), (0.0, size[2]))
    own = means.share(int(np.prod(counts)))
    model = _cell(rng, cell, own)
    odd = rng.uniform(0.02, 0.3) if rng.random() < 0.4 else 0.0  # repacked
    spread = rng.uniform(0, 0.2)
    parts: list[Part] = []
    for i, j, high in _columns(rng, counts):
        for k in range(high):
            filling = _cell(rng, cell, own) if rng.random() < odd else model
            at = (box.x[0] + i * size[0] + rng.uniform(0, gap), box.y[0] + j * size[1], box.z[0] + k * size[2])
            parts += _copied(rng, filling, at, max(rng.normal(1, spread), 0.3))
    return parts


def _counts(rng: Rng, box: Box, means: Means) -> tuple[int, int, int]:
    """Cells along x, y and z, at most so many in all."""
    long, _, high = (b - a for a, b in (box.x, box.y, box.z))
    counts = [
        max(int(long / log_uniform(rng, 90, 1400) / means.scale), 1),
        int(rng.integers(1, 4)),
        max(int(high / log_uniform(rng, 90, 1200) / means.scale), 1),
    ]
    while np.prod(counts) > means.parts:
        counts[int(np.argmax(counts))] -= 1
    return counts[0], counts[1], counts[2]


def _columns(rng: Rng, counts: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """(i, j, height) of each column of a grid: level, uneven, falling to one side, or with columns missing."""
    nx, ny, nz = counts
    heights = np.full((nx, ny), nz)
    way = rng.random()
    if way < 0.25:
        heights = rng.integers(0, nz + 1, (nx, ny))
    elif way < 0.45:
        slope = np.linspace(rng.uniform(0.5, 1.3), rng.uniform(-0.2, 0.8), nx)
        heights = np.clip(np.rint(nz * slope), 0, nz).astype(int)[:: rng.choice([1, -1]), None].repeat(ny, axis=1)
    elif way < 0.65:
        heights[rng.random((nx, ny)) < rng.uniform(0.05, 0.4)] = 0
    heights[rng.integers(nx), rng.integers(ny)] = nz  # never nothing
    return [(i, j, int(heights[i, j])) for i in range(nx) for j in range(ny)]


def _copied(rng: Rng, parts: list[Part], at: tuple[float, float, float], density: float) -> list[Part]:
    """The same thing somewhere else, with its own texture and density."""
    seed = int(rng.integers(SEEDS))
    return [
        replace(
            part,
            shape=part.shape.shifted(at),
            density=part.density * density,
            texture=part.texture and replace(part.texture, seed=(part.texture.seed + seed) % SEEDS),
        )
        for part in parts
    ]


def row(rng: Rng, box: Box, means: Means) -> list[Part]:
    """Unlike things and arrangements beside each other, of any width and height."""
    cells = _split(rng, box.x, int(rng.integers(2, 9)))
    own = means.share(len(cells))
    return [part for x in cells for part in _cell(rng, _standing(rng, replace(box, x=x), 0.6), own)]


def behind(rng: Rng, box: Box, means: Means) -> list[Part]:
    """Two or three arrangements behind each other, which the picture shows in one."""
    cells = _split(rng, box.y, int(rng.integers(2, 4)))
    own = means.share(len(cells))
    return [part for y in cells for part in arranged(rng, _standing(rng, replace(box, y=y), 0.7), own)]


def layers(rng: Rng, box: Box, means: Means) -> list[Part]:
    """Unlike arrangements on each other, with boards between them or without."""
    cells = _split(rng, box.z, int(rng.integers(2, 6)))
    board = rng.uniform(4, 25) if means.parts > 4 * len(cells) and rng.random() < 0.5 else 0.0
    own = replace(means, parts=means.parts - len(cells)).share(len(cells))
    parts: list[Part] = []
    for low, high in cells:
        level = min(board, (high - low) / 4)
        if level:
            parts.append(Part(replace(box, z=(low, low + level)), "plywood", 0.6))
        parts += _cell(rng, replace(box, z=(low + level, high)), own)
    return parts


def strata(rng: Rng, box: Box, means: Means) -> list[Part]:
    """Soft or loose goods in layers with uneven surfaces: poured, heaped up, or sagging between their ends."""
    count = int(rng.integers(1, min(means.parts, 7) + 1))
    along = np.linspace(0, 1, UNEVEN)
    heights = np.sort(rng.uniform(0.1, 1, (count, 1)), axis=0) * np.ones(UNEVEN)
    for _ in range(3):
        waves = rng.uniform(0.5, 4) * along * 2 * np.pi + rng.uniform(0, 2 * np.pi)
        heights += rng.normal(0, 0.12) * np.sin(waves) * np.linspace(0.3, 1, count)[:, None]
    if rng.random() < 0.4:  # a heap falls off to its ends
        heights *= 1 - np.abs(along - rng.uniform(0.2, 0.8)) * rng.uniform(0.3, 1.2)
    heights = np.maximum.accumulate(np.clip(heights, 0.02, 1), axis=0)
    x = box.x[0] + along * (box.x[1] - box.x[0])
    z = box.z[0] + np.concatenate([np.zeros((1, UNEVEN)), heights]) * (box.z[1] - box.z[0])
    parts: list[Part] = []
    for low, high in itertools.pairwise(z):
        corners = [*zip(x, low, strict=True), *zip(x[::-1], high[::-1] + 0.5, strict=True)]
        outline = tuple((float(a), float(min(b, box.z[1]))) for a, b in corners)
        parts.append(_any(rng, means).fill(rng, PrismY(outline, box.y)))
    return parts


def heap(rng: Rng, box: Box, means: Means) -> list[Part]:
    """Unlike things that were dropped on each other, of about one size or of many."""
    count = max(round(means.parts / rng.uniform(1, 2.5)), 1)
    area = (box.x[1] - box.x[0]) * (box.z[1] - box.z[0]) * rng.integers(1, 4)
    return _dropped(rng, box, means, count, float(np.sqrt(area / count)) * log_uniform(rng, 0.4, 1.2))


def scatter(rng: Rng, box: Box, means: Means) -> list[Part]:
    """A few things on the floor."""
    count = min(int(rng.integers(1, 7)), means.parts)
    return _dropped(rng, box, means, count, log_uniform(rng, 0.05, 0.35) * (box.z[1] - box.z[0]))


def _dropped(rng: Rng, box: Box, means: Means, count: int, usual: float) -> list[Part]:
    """Things of about this size in mm, each where it comes to lie lowest; what doesn't fit is left out."""
    own, parts, placed = means.share(count), list[Part](), list[Box]()
    spread = rng.uniform(1, 3)
    for _ in range(count):
        wide, deep, tall = (
            min(usual * log_uniform(rng, 1 / spread, spread), 0.9 * (b - a)) for a, b in (box.x, box.y, box.z)
        )
        tried = []
        for _ in range(DROPS):
            x, y = rng.uniform(box.x[0], box.x[1] - wide), rng.uniform(box.y[0], box.y[1] - deep)
            tops = [b.z[1] for b in placed if b.x[0] < x + wide and b.x[1] > x and b.y[0] < y + deep and b.y[1] > y]
            tried.append((max(tops, default=box.z[0]), x, y))
        z, x, y = min(tried)
        if z + tall <= box.z[1]:
            placed.append(Box((x, x + wide), (y, y + deep), (z, z + tall)))
            parts += thing(rng, placed[-1], own.parts, own.palette)
    return parts


def nest(rng: Rng, box: Box, means: Means) -> list[Part]:
    """Boxes within each other, with an arrangement in the last one; or rings of different substances."""
    parts: list[Part] = []
    rounds = rng.random() < 0.3
    deep = int(rng.integers(2, 6)) if rounds else int(rng.integers(1, 4))
    inner: Hollowed = _thickest(rng, box) if rounds else box
    for _ in range(min(deep, (means.parts - 1) // 2)):
        shell = _any(rng, means)
        side = min(b - a for a, b in (inner.bounds.x, inner.bounds.y, inner.bounds.z))
        outer, inner = inner, shrunk(inner, rng.uniform(0.01, 0.1) * side)
        parts += [Part(outer, shell.material, shell.density), Part(inner, shell.material, shell.density, -1)]
    if not isinstance(inner, Box):
        return [*parts, _any(rng, means).fill(rng, inner)]
    left = replace(means, parts=means.parts - len(parts)).share(1)
    return parts + _cell(rng, _standing(rng, inner, 0.5), left)


def _thickest(rng: Rng, box: Box) -> Cylinder:
    """A lying cylinder along the beam on the floor of a box."""
    radius = min(box.x[1] - box.x[0], box.z[1] - box.z[0]) / 2
    x = rng.uniform(box.x[0] + radius, box.x[1] - radius) if box.x[1] - box.x[0] > 2 * radius else sum(box.x) / 2
    return Cylinder((x, sum(box.y) / 2, box.z[0] + radius), radius, box.y[1] - box.y[0], "y")


def hanging(rng: Rng, box: Box, means: Means) -> list[Part]:
    """Things that hang from a rail at the top, each by a rod, as garments and meat do."""
    (x0, x1), high = box.x, box.z[1] - box.z[0]
    thick, count = rng.uniform(20, 60), min(int(rng.integers(3, 40)), max((means.parts - 1) // 3, 1))
    rail = (sum(box.y) / 2 - thick / 2, sum(box.y) / 2 + thick / 2)
    parts = [Part(Box(box.x, rail, (box.z[1] - thick, box.z[1])), "steel", rng.uniform(1, STEEL_G_CM3))]
    pitch, own = (x1 - x0) / count, Means(1, means.palette)
    like, drop = thing(rng, _unit(box, pitch), 1, means.palette), rng.uniform(0.02, 0.2) * high
    for i in range(count):
        x, top = x0 + i * pitch, box.z[1] - thick - drop * rng.uniform(0.5, 1)
        low = top - rng.uniform(0.3, 0.95) * (top - box.z[0])
        room = Box((x, x + 0.95 * pitch), box.y, (low, top))
        rod = (x + 0.45 * pitch, x + 0.45 * pitch + min(8.0, pitch / 4))
        parts.append(Part(Box(rod, rail, (top, box.z[1] - thick)), "steel", 2.0))
        parts += thing(rng, room, own.parts, own.palette) if rng.random() < 0.3 else _hung(rng, like, room)
    return parts


def _unit(box: Box, pitch: float) -> Box:
    """A room for one hanging thing at the left end of a box."""
    return Box((box.x[0], box.x[0] + 0.95 * pitch), box.y, box.z)


def _hung(rng: Rng, like: list[Part], room: Box) -> list[Part]:
    """A thing like this one where it fits, else a slab of the same substance."""
    (part,) = like
    own = part.shape.bounds
    if own.z[1] - own.z[0] > room.z[1] - room.z[0]:
        return [replace(part, shape=room)]
    move = (room.x[0] - own.x[0], room.y[0] - own.y[0], room.z[1] - own.z[1])
    return _copied(rng, like, move if own.x[1] + move[0] <= room.x[1] + 1e-6 else (0.0, 0.0, 0.0), 1.0)


def leaning(rng: Rng, box: Box, means: Means) -> list[Part]:
    """Plates, doors, panes or boards that lean on each other, or poles that lean on a wall."""
    high = (box.z[1] - box.z[0]) * rng.uniform(0.4, 0.98)
    run = min(high * np.tan(rng.uniform(0.02, 0.6)), 0.6 * (box.x[1] - box.x[0])) * rng.choice([1, -1])
    thick = min(log_uniform(rng, 5, 150), 0.3 * (box.x[1] - box.x[0]))
    start, end = box.x[0] - min(run, 0), box.x[1] - max(run, 0) - thick
    depth = rng.uniform(0.02, 1.0)
    like, parts, x = _any(rng, means), list[Part](), start
    while x < end and len(parts) < means.parts:
        share = rng.uniform(0.7, 1.0)
        up, to = box.z[0] + high * share, run * share
        corners = ((x, box.z[0]), (x + thick, box.z[0]), (x + thick + to, up), (x + to, up))
        deep = (box.y[1] - box.y[0]) * min(depth * rng.uniform(0.8, 1.2), 1)
        y = rng.uniform(box.y[0], box.y[1] - deep)
        outline = tuple((float(a), float(b)) for a, b in corners)
        parts.append(_or_other(rng, like, means).fill(rng, PrismY(outline, (y, y + deep))))
        x += thick + (rng.uniform(0, 2 * thick) if rng.random() < 0.7 else rng.uniform(0, 600))
    return parts or thing(rng, box, means.parts, means.palette)


def bundle(rng: Rng, box: Box, means: Means) -> list[Part]:
    """Rods, tubes or rolls along one axis, side by side and on each other, some within others."""
    axis = "xyz"[rng.integers(3)]
    across, up = {"x": (box.y, box.z), "y": (box.x, box.z), "z": (box.x, box.y)}[axis]
    length = {"x": box.x, "y": box.y, "z": box.z}[axis]
    long = (length[1] - length[0]) * rng.uniform(0.5, 1)
    hollow = rng.uniform(0.5, 0.95) if rng.random() < 0.6 else 0.0
    area = (across[1] - across[0]) * (up[1] - up[0])
    least = np.sqrt(area / max(means.parts // (2 if hollow else 1), 1)) / 2
    radius = min(max(log_uniform(rng, 20, 400) * means.scale, least), (across[1] - across[0]) / 2, (up[1] - up[0]) / 2)
    like, varied, parts = _any(rng, means), rng.uniform(0, 0.4), list[Part]()
    for n, v in enumerate(np.arange(up[0] + radius, up[1] - radius + 1e-6, 1.74 * radius)):
        for u in np.arange(across[0] + radius * (1 + n % 2), across[1] - radius + 1e-6, 2 * radius):
            own = radius * (1 - varied * rng.random())
            middle = length[0] + long / 2
            centre = {"x": (middle, u, v), "y": (u, middle, v), "z": (u, v, middle)}[axis]
            outer = _or_other(rng, like, means).fill(rng, Cylinder(_floats(centre), own, long, axis))
            rings = [replace(outer, texture=None), replace(outer, texture=None, sign=-1, shape=Cylinder(
                _floats(centre), own * hollow, long, axis))] if hollow else [outer]  # fmt: skip
            if len(parts) + len(rings) > means.parts:
                return parts
            parts += rings
    return parts


def emptied(rng: Rng, box: Box, means: Means) -> list[Part]:
    """An arrangement of which the rest was taken: lower in the middle, at the end some things on the floor."""
    cuts = sorted(rng.uniform(0.2, 0.9, 2))
    long, own = box.x[1] - box.x[0], means.share(3)
    edges = [box.x[0], *(box.x[0] + cut * long for cut in cuts), box.x[1]]
    heights = (1.0, rng.uniform(0.2, 0.7))
    parts: list[Part] = []
    for low, high, share in zip(edges[:2], edges[1:3], heights, strict=True):
        top = box.z[0] + share * (box.z[1] - box.z[0])
        parts += arranged(rng, Box((low, high), box.y, (box.z[0], top)), own)
    return parts + scatter(rng, Box((edges[2], edges[3]), box.y, box.z), own)


RULES: tuple[Callable[[Rng, Box, Means], list[Part]], ...] = (
    grid, row, behind, layers, strata, heap, scatter, nest, hanging, leaning, bundle, emptied,
)  # fmt: skip
SHARES = (0.28, 0.12, 0.08, 0.10, 0.05, 0.12, 0.02, 0.08, 0.04, 0.03, 0.05, 0.03)

WHOLE: tuple[Callable[[Rng, Box, Means], list[Part]], ...] = (grid, row, behind, layers, heap, scatter, strata, emptied)
"""Rules for a whole load."""
WHOLE_SHARES = (0.27, 0.24, 0.18, 0.08, 0.12, 0.02, 0.02, 0.07)


def _any(rng: Rng, means: Means) -> Substance:
    return means.palette[rng.integers(len(means.palette))]


def _or_other(rng: Rng, like: Substance, means: Means) -> Substance:
    """The same as the others, or now and then something else."""
    return like if rng.random() < 0.85 else _any(rng, means)


def _floats(point: tuple[float, float, float]) -> tuple[float, float, float]:
    return float(point[0]), float(point[1]), float(point[2])


def _split(rng: Rng, side: Interval, count: int) -> list[Interval]:
    """A side in parts of any length, none less than a third of an even share."""
    weights = rng.dirichlet(np.full(count, 2.0)) * 2 / 3 + 1 / (3 * count)
    edges = side[0] + np.concatenate([[0], np.cumsum(weights)]) * (side[1] - side[0])
    edges[-1] = side[1]
    return [(float(a), float(b)) for a, b in itertools.pairwise(edges)]


def _standing(rng: Rng, box: Box, least: float) -> Box:
    """The lower part of a box, at least this share of its height."""
    return replace(box, z=(box.z[0], box.z[0] + rng.uniform(least, 1.0) * (box.z[1] - box.z[0])))


def _pallets(rng: Rng, room: Box) -> list[Part]:
    """A row of pallets on the floor, as deep as the room, and as many as fit."""
    wide = rng.uniform(800, 1250)
    starts = np.arange(room.x[0], room.x[1] - wide, wide + rng.uniform(5, 80))[:12]
    return [part for x in starts for part in pallet(rng, (float(x), float(x) + wide), room.y, room.z[0])]
