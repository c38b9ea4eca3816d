"""Small hard things that real parcels hold by the dozen: zips, buttons, coins, keys, screws, springs, buckles, hinges.

Each is an Item of a few to some dozens of parts, on z = 0 about x = y = 0, in millimetres.
"""

import itertools
import math

import numpy as np

from nii.physics.materials import STEEL
from nii.simulate.parcel.items import (
    LEVEL,
    METALS,
    PLASTICS,
    Item,
    Stuff,
    any_of,
    bent,
    block,
    box_shell,
    coil,
    moved,
    plate,
    post,
    ring,
    rod,
    shell,
)
from nii.simulate.render.draws import SEEDS, Rng, log_uniform
from nii.simulate.render.scene import Part, Texture
from nii.simulate.render.shapes import Swarm, Vector
from nii.simulate.render.swarms import BOX, Solids

WIRES: tuple[Stuff, ...] = (("steel", (7.8, 7.9)), ("copper", (8.6, 8.96)), ("brass", (8.3, 8.6)))
COINAGE: tuple[Stuff, ...] = (("nickel", (8.6, 8.9)), ("copper", (8.8, 8.96)), ("brass", (8.2, 8.6)))
STEPS = 14  # straight pieces of a wandering line


def wander(rng: Rng, length: float, *, turning: float = 0.35, z: float = 2.0) -> list[Vector]:
    """STEPS + 1 points of a line that bends by about `turning` radians a step, level at z, about x = y = 0."""
    headings = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, turning, STEPS))
    x, y = (np.concatenate(([0.0], np.cumsum(f(headings)))) * length / STEPS for f in (np.cos, np.sin))
    x, y = x - (x.min() + x.max()) / 2, y - (y.min() + y.max()) / 2
    return [(float(a), float(b), z) for a, b in zip(x, y, strict=True)]


def teeth(rng: Rng, pitch: float) -> Texture:
    """Rows of teeth, pins or links along a part's own x, this far apart, mm."""
    return Texture("stripes-x", (pitch, pitch), rng.uniform(0.5, 0.9), int(rng.integers(SEEDS)))


def zipper(rng: Rng) -> Item:
    """A zip that bends as the cloth does: teeth of metal or plastic, stops, and a slider with its pull."""
    points = wander(rng, log_uniform(rng, 60, 380), turning=rng.uniform(0.02, 0.3))
    stuff, wide, pitch = any_of(rng, (*METALS[:4], *PLASTICS[:1])), rng.uniform(3, 6), rng.uniform(2.4, 4.5)
    parts = [row_of_teeth(points, pitch, (pitch * 0.6, wide, 1.8), *stuff)]
    x, y, _ = points[int(rng.integers(len(points)))]
    metal = any_of(rng, METALS)
    parts += [
        Part(block((10, 8, 4), (x, y, 3)), *metal),
        Part(block((rng.uniform(14, 32), 4, 1.6), (x + 12, y, 5)), *metal),
    ]
    return Item(tuple(parts))


def row_of_teeth(points: list[Vector], pitch: float, size: Vector, material: str, density: float) -> Part:
    """Blocks of this size (along the line, across, up) at every pitch along a level line, mm."""
    way, line = np.concatenate(([0.0], np.cumsum([math.dist(a, b) for a, b in _pairs(points)]))), np.array(points)
    at = np.arange(pitch / 2, way[-1], pitch)
    middle = np.stack([np.interp(at, way, line[:, i]) for i in range(3)], axis=1)
    step = np.diff(line, axis=0)[np.minimum(np.searchsorted(way, at) - 1, len(points) - 2)]
    c, s = (step[:, :2] / np.maximum(np.linalg.norm(step[:, :2], axis=1), 1e-9)[:, None]).T
    axes = np.zeros((at.size, 3, 3))
    axes[:, 0, 0], axes[:, 0, 1], axes[:, 1, 0], axes[:, 1, 1], axes[:, 2, 2] = c, -s, s, c, 1
    half = np.broadcast_to(np.array(size) / 2, middle.shape)
    return Part(Swarm(Solids(BOX, half, axes, middle, np.ones(at.size))), material, density)


def _pairs(points: list[Vector]) -> list[tuple[Vector, Vector]]:
    return list(itertools.pairwise(points))


def strip(
    start: Vector, end: Vector, wide: float, thick: float, material: str, density: float, look: Texture | None = None
) -> Part:
    """A flat bar from one point to another at the same height."""
    along = math.atan2(end[1] - start[1], end[0] - start[0])
    c, s = math.cos(along), math.sin(along)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, start[2])
    bar = Part(block((math.dist(start, end), wide, thick)), material, density, texture=look)
    return moved(bar, turn, middle)


def scattered(rng: Rng, parts: list[list[Part]], over: tuple[float, float]) -> Item:
    """Each of these groups anywhere in a rectangle of this size, mm, turned any way about z."""
    found: list[Part] = []
    for group in parts:
        a = rng.uniform(0, 2 * np.pi)
        turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1.0]])
        at = (*(rng.uniform(-0.5, 0.5, 2) * over), rng.uniform(0, 6))
        found += [moved(part, turn, at) for part in group]
    return Item(tuple(found))


def buttons(rng: Rng) -> Item:
    """Buttons, press studs, eyelets or sequins, on a card or where a garment has them."""
    stuff, radius = any_of(rng, PLASTICS + METALS), rng.uniform(3.5, 11)
    one = [*ring(radius, radius * rng.uniform(0.1, 0.5), rng.uniform(1.5, 4), *stuff)]
    count, step = int(rng.integers(3, 16)), radius * rng.uniform(2.5, 8)
    if rng.random() < 0.5:  # in a row
        return Item(tuple(moved(part, LEVEL, ((i - count / 2) * step, 0, 0)) for i in range(count) for part in one))
    return scattered(rng, [one] * count, (step * 4, step * 3))


def coins(rng: Rng) -> Item:
    """Coins or tokens, loose, overlapping, or in a roll."""
    found = []
    for _ in range(int(rng.integers(2, 15))):
        found.append([Part(post(rng.uniform(7.5, 15.5), rng.uniform(1.4, 3.0)), *any_of(rng, COINAGE))])
    if rng.random() < 0.2:
        metal = any_of(rng, COINAGE)
        radius = rng.uniform(8, 14)
        return Item(tuple(Part(post(radius, 1.8, (0, 0, 2.0 * i)), *metal) for i in range(int(rng.integers(4, 20)))))
    return scattered(rng, found, (rng.uniform(25, 90), rng.uniform(25, 70)))


def keys(rng: Rng) -> Item:
    """One to eight keys on a ring, with a fob or none."""
    metal = any_of(rng, (("brass", (8.2, 8.6)), ("nickel", (8.6, 8.9)), ("steel", (7.8, 7.9))))
    parts = ring(13, 11, 2.4, *STEEL)
    for i in range(int(rng.integers(1, 9))):
        length, thick = rng.uniform(28, 55), rng.uniform(1.8, 2.6)
        notches = [(12 + 18 + float(t) * length, -3.5 + float(rng.uniform(0, 3))) for t in np.linspace(0, 1, 8)]
        blade = plate([*notches, (30 + length, 2.5), (30, 3.5)], thick, *metal)
        key = [blade, *(moved(p, LEVEL, (23, 0, 0)) for p in ring(11, 3.5, thick, *metal))]
        a = rng.normal(0, 0.7)
        turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1.0]])
        parts += [moved(part, turn, (0, 0, 2.5 * (i % 3))) for part in key]
    if rng.random() < 0.5:
        fob = any_of(rng, (*PLASTICS, ("leather", (0.8, 0.95)), ("zinc", (6.5, 7))))
        parts.append(Part(block((rng.uniform(25, 60), rng.uniform(15, 35), rng.uniform(3, 14)), (-45, 0, 0)), *fob))
    return Item(tuple(parts))


def screws(rng: Rng) -> Item:
    """Screws, nails, nuts, washers, wall plugs: a handful, each with head and shank."""
    metal = any_of(rng, (*METALS[:2], ("brass", (8.3, 8.6)), ("zinc", (6.8, 7.1))))
    found = []
    for _ in range(int(rng.integers(4, 25))):
        radius = log_uniform(rng, 1.0, 4.5)
        length = radius * rng.uniform(5, 16)
        if rng.random() < 0.3:
            found.append(ring(radius * 2.2, radius, radius * rng.uniform(0.4, 1.6), *metal))
            continue
        shank = rod((0, 0, 2 * radius), (length, 0, 2 * radius), radius, *metal)
        head = rod((-radius, 0, 2 * radius), (0.0, 0, 2 * radius), radius * 1.9, *metal)
        found.append([shank, head])
    return scattered(rng, found, (rng.uniform(30, 130), rng.uniform(30, 100)))


def pins(rng: Rng) -> Item:
    """Paper clips, hair grips, safety pins, needles, staples: bent wires."""
    wire, metal, found = rng.uniform(0.4, 1.1), any_of(rng, WIRES), []
    for _ in range(int(rng.integers(3, 14))):
        long, wide = rng.uniform(18, 60), rng.uniform(3, 10)
        turn = [(0.0, 0.0, wire), (long, 0.0, wire), (long, wide, wire), (long * 0.15, wide, wire)]
        found.append(bent(turn[: int(rng.integers(2, 5))], wire, *metal))
    return scattered(rng, found, (rng.uniform(25, 100), rng.uniform(25, 80)))


def small_springs(rng: Rng) -> Item:
    """One to four coil springs of a lock, pen, clamp or toy: wire in close turns."""
    found = []
    for _ in range(int(rng.integers(1, 5))):
        radius, wire, turns = rng.uniform(2, 12), rng.uniform(0.4, 1.8), int(rng.integers(4, 11))
        angles = np.linspace(0, 2 * np.pi * turns, turns * 6 + 1)
        pitch = wire * rng.uniform(2.2, 5) / (2 * np.pi)
        points = [(float(a * pitch), float(radius * np.cos(a)), float(radius * (1 + np.sin(a)) + wire)) for a in angles]
        found.append(bent(points, wire, *STEEL))
    return scattered(rng, found, (50, 40))


def buckle(rng: Rng) -> Item:
    """A belt or strap: webbing or leather in a wandering line, frame, prong, slides, rivets or holes."""
    points = wander(rng, rng.uniform(120, 450), turning=rng.uniform(0.2, 0.7))
    wide, metal = rng.uniform(12, 40), any_of(rng, METALS)
    cloth = any_of(rng, (("leather", (0.8, 0.95)), ("nylon", (0.6, 1.0)), ("polyester_cloth", (0.5, 0.8))))
    parts = [strip(a, b, wide, rng.uniform(1.5, 4), *cloth) for a, b in _pairs(points)]
    x, y, z = points[0]
    frame = shell(block((wide * 1.3, wide * 1.4, 4)), block((wide * 0.9, wide, 4)), *metal)
    parts += [moved(part, LEVEL, (x, y, z)) for part in frame]
    parts.append(rod((x - wide / 2, y, z + 4), (x + wide * 0.6, y, z + 4), 1.6, *metal))
    for x, y, z in points[2 :: int(rng.integers(1, 4))]:
        parts += [moved(part, LEVEL, (x, y, z)) for part in ring(3.5, 1.5, 3, *metal)]
    return Item(tuple(parts))


def hinges(rng: Rng) -> Item:
    """Hinges, brackets, latches: two leaves with holes about a pin, one to four of them."""
    found = []
    long, wide, thick = rng.uniform(20, 90), rng.uniform(10, 32), rng.uniform(1.0, 2.5)
    metal = any_of(rng, METALS)
    for _ in range(int(rng.integers(1, 5))):
        one = [Part(block((long, wide, thick), (0, side * (wide / 2 + 2), 0)), *metal) for side in (-1, 1)]
        for x in (-0.35, 0.0, 0.35):
            one += [Part(post(2.2, thick, (x * long, side * wide * 0.65, 0)), *metal, -1) for side in (-1, 1)]
        found.append([*one, rod((-long / 2, 0, 2), (long / 2, 0, 2), 2.6, *metal)])
    return scattered(rng, found, (long * 1.5, long))


def beads(rng: Rng) -> Item:
    """A necklace, rosary or string of beads or pearls, laid anyhow: many small balls on a thread."""
    material, density = any_of(
        rng, (("glass", (2.4, 2.6)), ("hardwood", (0.65, 0.9)), ("marble", (2.6, 2.7)), ("silver", (10, 10.4)),
              ("abs", (1.0, 1.1)), ("gold", (13, 17)), ("ceramic_tile", (2.2, 2.4)))
    )  # fmt: skip
    radius = log_uniform(rng, 1.0, 6)
    points = wander(rng, rng.uniform(120, 600), turning=rng.uniform(0.3, 0.7), z=radius)
    parts = []
    for (x0, y0, z), (x1, y1, _) in _pairs(points):
        for t in (0.0, 0.33, 0.67):
            at = (x0 + t * (x1 - x0), y0 + t * (y1 - y0), z - radius)
            parts.append(Part(post(radius * rng.uniform(0.7, 1), 1.6 * radius, at), material, density))
    return Item(tuple(parts))


def umbrella(rng: Rng) -> Item:
    """A folded umbrella: shaft, ribs in hinged pieces, spring, cloth around, a grip."""
    long, thick = rng.uniform(200, 300), rng.uniform(18, 30)
    cloth = Part(
        block((long * 0.85, 2 * thick, 2 * thick)), "polyester_cloth", rng.uniform(0.12, 0.3),
        texture=Texture("folds", (60.0, 5.0), 0.3, int(rng.integers(SEEDS))),
    )  # fmt: skip
    parts = [cloth, rod((-long / 2, 0, thick), (long / 2, 0, thick), rng.uniform(3, 6), "steel", rng.uniform(3, 7.8))]
    metal = any_of(rng, (("steel", (7.8, 7.9)), ("aluminium", (2.65, 2.75))))
    for i in range(int(rng.integers(6, 11))):
        a = 2 * np.pi * i / 9
        y, z = float(thick * 0.7 * np.cos(a)), float(thick * (1 + 0.7 * np.sin(a)))
        parts.append(rod((-long * 0.4, y, z), (long * rng.uniform(0.0, 0.4), y * 0.8, z), 1.0, *metal))
        parts.append(rod((-long * 0.4, y, z), (-long * 0.1, y * 0.4, thick), 0.9, *metal))
    grip = any_of(rng, (*PLASTICS[:2], ("hardwood", (0.65, 0.8)), ("rubber", (0.8, 1.1))))
    parts.append(rod((long / 2, 0, thick), (long / 2 + rng.uniform(35, 80), 0, thick), rng.uniform(10, 16), *grip))
    return Item(tuple(parts))


def pens(rng: Rng) -> Item:
    """Pens, markers, toothbrushes, make-up brushes, thermometers: bodies with a core, clip and tip, laid anyhow."""
    found = []
    for _ in range(int(rng.integers(2, 12))):
        long, radius = rng.uniform(90, 190), rng.uniform(3, 7)
        body = any_of(rng, (*PLASTICS, ("hardwood", (0.6, 0.8)), ("aluminium", (2.6, 2.75))))
        ends: tuple[Vector, Vector] = ((-long / 2, 0, radius), (long / 2, 0, radius))
        core = any_of(
            rng, (("brass", (4, 8.4)), ("steel", (3, 7.8)), ("glycerol", (1.0, 1.2)), ("alumina", (1.8, 2.2)))
        )
        one = [rod(*ends, radius, body[0], body[1] * rng.uniform(0.4, 0.9)), rod(*ends, radius * 0.35, *core)]
        one.append(Part(block((long * 0.28, 1.6, 1.0), (long * 0.3, 0, 2 * radius)), "steel", 7.8))
        found.append([*one, rod((-long / 2 - 4, 0, radius), (-long / 2, 0, radius), 1.2, "brass", 8.4)])
    return scattered(rng, found, (60, rng.uniform(25, 120)))


def curtain_hooks(rng: Rng) -> Item:
    """Hangers, hooks, key rings, carabiners, bangles: loops of wire of one size."""
    radius, wire = log_uniform(rng, 6, 38), log_uniform(rng, 0.7, 3)
    metal = any_of(rng, (*METALS, ("silver", (10, 10.4)), ("nylon", (1.1, 1.2))))
    found = [coil(rng, radius, wire, 1, *metal) for _ in range(int(rng.integers(1, 9)))]
    return scattered(rng, found, (radius * 4, radius * 3))


def razors(rng: Rng) -> Item:
    """Razors, nail clippers, tweezers, scissors: a blade or two, a pivot, grips."""
    found = []
    for _ in range(int(rng.integers(1, 5))):
        long, wide = rng.uniform(50, 170), rng.uniform(4, 12)
        steel = ("stainless_steel", rng.uniform(7.8, 8.0))
        open_ = rng.uniform(0.02, 0.25)
        blades = [rod((0, 0, 3), (long * np.cos(a), long * np.sin(a), 3), wide * 0.25, *steel) for a in (open_, -open_)]
        grips = [
            part
            for y in (-wide * 1.4, wide * 1.4)
            for part in (
                moved(p, LEVEL, (-long * 0.3, y, 0)) for p in ring(wide * 1.3, wide, 4, *any_of(rng, PLASTICS))
            )
        ]
        found.append([*blades, *grips, Part(post(wide * 0.4, 5), *steel)])
    return scattered(rng, found, (90, 70))


def purse(rng: Rng) -> Item:
    """A wallet or purse: leather folds, cards, a clasp, coins, a zip."""
    wide, deep, high = rng.uniform(80, 200), rng.uniform(70, 120), rng.uniform(10, 30)
    parts = box_shell((wide, deep, high), 1.6, "leather", rng.uniform(0.8, 0.95))
    for i in range(int(rng.integers(1, 8))):
        at = (*rng.normal(0, 4, 2), 2.0 + 1.0 * i)
        parts.append(Part(block((86, 54, 0.8), at), "pvc", 1.4))
        parts.append(Part(block((12, 10, 0.6), (at[0] - 20, at[1] + 5, at[2])), "copper", 4.0))
    look = teeth(rng, 3.0)
    parts.append(Part(block((wide * 0.9, 5, 2), (0, deep * 0.42, high)), "brass", 4.0, texture=look))
    spare = [part for part in coins(rng).parts if abs(part.shape.bounds.x[0]) < wide / 2]
    return Item((*parts, *spare))
