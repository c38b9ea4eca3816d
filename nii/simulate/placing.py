"""Where a concealment goes: inside goods that it displaces, or on top of what carries it."""

import numpy as np

from nii.simulate.draws import Rng
from nii.simulate.scene import Part, Spot
from nii.simulate.shapes import Box, Interval, Vector

IN_GOODS = 0.6  # share of concealments put inside goods, where there are goods that can hold them
LEAST_HEIGHT = 0.6  # of the concealment's height, that goods must have to hold it
CLEARANCE = 1.0  # mm between a concealment and what carries it


def draw_place(rng: Rng, size: Box, inside: Box, spots: tuple[Spot, ...]) -> tuple[Vector, Part | None]:
    """How far a concealment of this extent is moved (x, y, z in mm), and the goods that it is put in, if any.

    It stays within `inside` as far as it fits. In free space it stands on the highest thing below any
    part of it; where that leaves too little headroom it is lowered into the load.
    """
    wide, deep, high = (side[1] - side[0] for side in (size.x, size.y, size.z))
    goods = [spot for spot in spots if spot.host and spot.box.z[1] - spot.box.z[0] > high * LEAST_HEIGHT]
    free = [spot for spot in spots if spot.host is None]
    in_goods = bool(goods) and rng.random() < IN_GOODS
    choice = goods if in_goods else free
    spot = choice[rng.integers(len(choice))] if choice else Spot(inside)
    x = _within(_start(rng, spot.box.x, wide), wide, inside.x)
    y = _within(_start(rng, spot.box.y, deep), deep, inside.y)
    z = _start(rng, spot.box.z, high) if in_goods else _support(free, (x, x + wide), inside) + CLEARANCE
    z = _within(z, high, inside.z)
    return (x - size.x[0], y - size.y[0], z - size.z[0]), spot.host


def displaced(parts: tuple[Part, ...], host: Part | None) -> tuple[Part, ...]:
    """The goods that these parts push out: the same solids, of the host's material and density."""
    if host is None:
        return ()
    return tuple(Part(part.shape, host.material, host.density, -1) for part in parts if part.sign > 0)


def _start(rng: Rng, room: Interval, length: float) -> float:
    """Where something of this length begins in a room; up to 1 mm from its start if it doesn't fit."""
    return rng.uniform(room[0], max(room[1] - length, room[0] + 1))


def _support(free: list[Spot], x: Interval, inside: Box) -> float:
    """Height of the highest thing under x: the bottom of the free space above it, or the floor."""
    below = [spot.box.z[0] for spot in free if spot.box.x[0] < x[1] and spot.box.x[1] > x[0]]
    return max(below, default=inside.z[0])


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
