"""Goods fall into a box: each thing comes to rest on the highest one under it."""

import itertools

import numpy as np

from nii.simulate.parcel.items import LEVEL, Item, carried
from nii.simulate.render.draws import Rng
from nii.simulate.render.shapes import Box, Float64Array

CELLS = 24  # of the map of heights, each way
PLACES = 6  # tried for each thing; the lowest is taken
POSES = 3  # tried for each thing
GAP = 0.5  # mm between a thing and what it lies on


def _about_z(angle: float) -> Float64Array:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])


def _about_x(angle: float) -> Float64Array:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1.0, 0, 0], [0, c, -s], [0, s, c]])


QUARTER = _about_z(np.pi / 2)
ON_ITS_SIDE = (_about_x(np.pi / 2), _about_x(np.pi / 2) @ QUARTER)
SQUARE = tuple(turn @ axes for axes in (LEVEL, *ON_ITS_SIDE) for turn in (LEVEL, QUARTER))


class Heap:
    """What lies in a box, as a map of heights."""

    def __init__(self, inside: Box) -> None:
        self.inside = inside
        self.top = np.full((CELLS, CELLS), inside.z[0])

    def drop(self, rng: Rng, item: Item, *, careful: bool = False) -> Item | None:
        """The item at rest, or None if it doesn't fit in any of a few poses and places.

        careful: also square to the box in every way; then whatever is no larger than an empty box fits.
        """
        box = item.bounds
        poses = (draw_pose(rng, box, self.inside) for _ in range(POSES))
        for axes in itertools.chain(poses, SQUARE) if careful else poses:
            posed = carried(item, axes, (0, 0, 0))
            at = self._lowest(rng, posed.bounds)
            if at is not None:
                return carried(posed, LEVEL, at)
        return None

    def _lowest(self, rng: Rng, box: Box) -> Float64Array | None:
        """How far this box is moved to lie in the lowest of a few places; None if it would stick out of all."""
        x, y, z = self.inside.x, self.inside.y, self.inside.z
        w, d, h = (side[1] - side[0] for side in (box.x, box.y, box.z))
        if w > x[1] - x[0] or d > y[1] - y[0]:
            return None
        best: tuple[float, float, float, tuple[slice, slice]] | None = None
        for _ in range(PLACES):
            left, front = rng.uniform(x[0], x[1] - w), rng.uniform(y[0], y[1] - d)
            cells = (_cells(left - x[0], w, x[1] - x[0]), _cells(front - y[0], d, y[1] - y[0]))
            floor = float(self.top[cells].max()) + GAP
            if best is None or floor < best[0]:
                best = (floor, left, front, cells)
        if best is None or best[0] + h > z[1]:
            return None
        floor, left, front, cells = best
        self.top[cells] = floor + h
        return np.array([left - box.x[0], front - box.y[0], floor - box.z[0]])


def lay(rng: Rng, item: Item, inside: Box) -> Item | None:
    """A soft item anywhere in a box, whatever else lies there, or None if it doesn't fit in any of a few poses."""
    box = item.bounds
    middle, half = _middle_and_half(box)
    low, high = (np.array([side[i] for side in (inside.x, inside.y, inside.z)]) for i in (0, 1))
    poses = (draw_pose(rng, box, inside) for _ in range(POSES))
    for axes in itertools.chain(poses, SQUARE):
        reach = np.abs(axes) @ half  # of the turned box around it, which is no smaller than the box around it turned
        if (2 * reach <= high - low).all():
            return carried(item, axes, rng.uniform(low + reach, high - reach) - axes @ middle)
    return None


def _middle_and_half(box: Box) -> tuple[Float64Array, Float64Array]:
    sides = np.array([box.x, box.y, box.z])
    return sides.mean(axis=1), (sides[:, 1] - sides[:, 0]) / 2


def draw_pose(rng: Rng, box: Box, inside: Box) -> Float64Array:
    """A turn for something of this extent: as it stands or on its side, any way round, now and then askew.

    On its side where it wouldn't fit upright.
    """
    tall = box.z[1] - box.z[0] > inside.z[1] - inside.z[0]
    axes = ON_ITS_SIDE[rng.integers(2)] if tall or rng.random() < 0.15 else LEVEL
    angle = rng.integers(4) * np.pi / 2 + (rng.normal(0, 0.08) if rng.random() < 0.6 else rng.uniform(-0.8, 0.8))
    if rng.random() < 0.25:  # leaning
        axes = _about_x(rng.normal(0, 0.2)) @ axes
    return _about_z(float(angle)) @ axes


def _cells(start: float, length: float, whole: float) -> slice:
    return slice(int(start / whole * CELLS), min(int((start + length) / whole * CELLS) + 1, CELLS))
