"""Where a concealment goes: inside goods that it displaces, or on top of what carries it."""

import numpy as np

from nii.simulate.render.draws import Rng
from nii.simulate.render.scene import Part, Spot
from nii.simulate.render.shapes import Box, Float64Array, Interval, Vector

IN_GOODS = 0.6  # share of concealments put inside goods, where there are goods that can hold them
LEAST_HEIGHT = 0.6  # of the concealment's height, that goods must have to hold it
HELD = 0.85  # share of its length along x that has goods around it, or something under it
TRIES = 12  # places looked at for one that holds it
LEVEL = 25.0  # mm by which things that carry it together may differ in height
SAMPLES = np.linspace(0, 1, 9)  # along x
CLEARANCE = 1.0  # mm between a concealment and what carries it


def draw_place(rng: Rng, size: Box, inside: Box, spots: tuple[Spot, ...]) -> tuple[Vector, Part | None]:
    """How far a concealment of this extent is moved (x, y, z in mm), and the goods that it is put in, if any.

    It stays within `inside` as far as it fits. Among goods it has goods around it over its length; in free space
    it stands on what lies below it, if it can on something level. Where that leaves too little headroom it is
    lowered into the load.
    """
    wide, deep, high = (side[1] - side[0] for side in (size.x, size.y, size.z))
    goods = [spot for spot in spots if spot.host and spot.box.z[1] - spot.box.z[0] > high * LEAST_HEIGHT]
    place = _among(rng, (wide, high), inside, goods) if goods and rng.random() < IN_GOODS else None
    if place is None:
        place = _on(rng, wide, inside, [spot for spot in spots if spot.host is None])
    spot, x, z = place
    y = _within(_start(rng, spot.box.y, deep), deep, inside.y)
    z = _within(z, high, inside.z)
    return (x - size.x[0], y - size.y[0], z - size.z[0]), spot.host


def _among(rng: Rng, size: tuple[float, float], inside: Box, goods: list[Spot]) -> tuple[Spot, float, float] | None:
    """Goods, and x and z of a thing (width, height) in them that has goods around it; None if none was found."""
    wide, high = size
    boxes = np.array([[*spot.box.x, *spot.box.z] for spot in goods])
    for _ in range(TRIES):
        spot = goods[rng.integers(len(goods))]
        x = _within(_start(rng, spot.box.x, wide), wide, inside.x)
        z = _start(rng, spot.box.z, high)
        at, level = x + wide * SAMPLES[:, None], z + high / 2
        held = (boxes[:, 0] <= at) & (boxes[:, 1] >= at) & (boxes[:, 2] <= level) & (boxes[:, 3] >= level)
        if held.any(axis=1).mean() >= HELD:
            return spot, x, z
    return None


def _on(rng: Rng, wide: float, inside: Box, free: list[Spot]) -> tuple[Spot, float, float]:
    """Free space, and x and z of a thing of this width in it: the most level of some places."""
    spots = free or [Spot(inside)]
    places = []
    for _ in range(TRIES):
        spot = spots[rng.integers(len(spots))]
        x = _within(_start(rng, spot.box.x, wide), wide, inside.x)
        tops = _tops(free, x + wide * SAMPLES, inside)
        share = float((tops > tops.max() - LEVEL).mean())
        places.append((share, (spot, x, float(tops.max()) + CLEARANCE)))
        if share >= HELD:
            break
    return max(places, key=lambda place: place[0])[1]


def displaced(parts: tuple[Part, ...], host: Part | None) -> tuple[Part, ...]:
    """The goods that these parts push out: the same solids, of the host's material and density."""
    if host is None:
        return ()
    return tuple(Part(part.shape, host.material, host.density, -1) for part in parts if part.sign > 0)


def _start(rng: Rng, room: Interval, length: float) -> float:
    """Where something of this length begins in a room; up to 1 mm from its start if it doesn't fit."""
    return rng.uniform(room[0], max(room[1] - length, room[0] + 1))


def _tops(free: list[Spot], x: Float64Array, inside: Box) -> Float64Array:
    """Height of the highest thing at each x: the bottom of the free space above it, or the floor."""
    tops = np.full(x.size, inside.z[0])
    for spot in free:
        under = (spot.box.x[0] <= x) & (spot.box.x[1] >= x)
        tops[under] = np.maximum(tops[under], spot.box.z[0])
    return tops


def _within(start: float, length: float, room: Interval) -> float:
    """The start moved so that start..start + length lies in the room, as far as it fits."""
    return float(np.clip(start, room[0], max(room[1] - length, room[0])))


def behind_dense(spots: tuple[Spot, ...], parts: tuple[Part, ...]) -> tuple[Spot, ...]:
    """The quarter of the spots inside goods that have most mass in line with them; all spots if there are none."""
    goods = [spot for spot in spots if spot.host]
    solid = [(part.shape.bounds, part.density) for part in parts if part.sign > 0]
    if not goods:
        return spots
    boxes = np.array([[*box.x, *box.z] for box, _ in solid])
    mass = np.array([density * (box.y[1] - box.y[0]) for box, density in solid])
    in_line = []
    for spot in goods:
        x, z = sum(spot.box.x) / 2, sum(spot.box.z) / 2
        through = (boxes[:, 0] < x) & (boxes[:, 1] > x) & (boxes[:, 2] < z) & (boxes[:, 3] > z)
        in_line.append(mass[through].sum())
    order = np.argsort(in_line, kind="stable")[::-1]
    return tuple(goods[i] for i in order[: max(len(goods) // 4, 1)])
