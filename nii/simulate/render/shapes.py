"""Solids and their exact path lengths through a vertical fan beam, column by column.

Axes: x along the travel (image columns), y along the beam (away from the source), z up
(image rows, top row highest). Lengths in mm. A scan is taken column by column: the fan lies
in the plane of constant x, so in one column every solid here is a set of rectangles or one
ellipse in the (y, z) plane, and the path of a ray through it has a closed form.

Every solid has: path(view), its path lengths; bounds, the smallest box around it; volume_cm3; and the same solid
shifted(by) (x, y, z) mm, mirrored(axis, at) in a mirror at this place (mm) on the axis "x" or "y", turned() (x and y
exchanged: a quarter turn about z, and a mirror), oriented(axes, at) (any way).
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from nii.scan import FloatArray
from nii.simulate.render.facets import chords
from nii.simulate.render.rays import Rays, in_prism, within_box, within_cylinder, within_ellipsoid
from nii.simulate.render.swarms import Solids, weighted_ways

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class View:
    """Where the rays run.

    x: (column,) centres of the image columns, mm.
    z: (row,) heights at which the rays cross the plane y = 0, mm, falling from top to bottom.
    source_y, source_z: the source, mm; source_y is negative and outside of every solid.
    """

    x: Float64Array
    z: Float64Array
    source_y: float
    source_z: float

    @property
    def slope(self) -> Float64Array:
        """(row,) dz/dy of each ray."""
        return (self.z - self.source_z) / -self.source_y

    @property
    def stretch(self) -> Float64Array:
        """(row,) length of a ray per mm of y: sqrt(1 + slope^2)."""
        return np.sqrt(1 + self.slope**2)

    def columns(self, x0: float, x1: float) -> slice:
        """The columns whose centres lie in [x0, x1)."""
        return slice(int(np.searchsorted(self.x, x0)), int(np.searchsorted(self.x, x1)))

    def rows(self, y0: float, y1: float, z0: float, z1: float) -> slice:
        """The rows whose rays can meet the rectangle [y0, y1] x [z0, z1]."""
        corners = [
            self.source_z + (z - self.source_z) * -self.source_y / (y - self.source_y)
            for y in (y0, y1)
            for z in (z0, z1)
        ]
        falling = -self.z
        first = int(np.searchsorted(falling, -max(corners)))
        last = int(np.searchsorted(falling, -min(corners), side="right"))
        return slice(first, last)


@dataclass(frozen=True, eq=False)
class Patch:
    """Path lengths in mm, (row, column), of the part of the image that a solid covers."""

    rows: slice
    columns: slice
    path: Float64Array | FloatArray


Interval = tuple[float, float]
Vector = tuple[float, float, float]  # along x, y, z
Matrix = tuple[Vector, Vector, Vector]  # rows

UNTURNED: Matrix = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
SWAPPED: Matrix = ((0, 1, 0), (1, 0, 0), (0, 0, 1))


class _Upright(ABC):
    """What solids have in common whose sides or axes lie along x, y and z; each is moved within its own kind."""

    @property
    @abstractmethod
    def bounds(self) -> "Box":
        """The smallest box around it."""

    @property
    @abstractmethod
    def volume_cm3(self) -> float: ...

    @abstractmethod
    def way(self, rays: Rays) -> FloatArray:
        """Lengths along the beam axis within the solid, (row, column); the rays are about its middle."""

    @property
    def middle(self) -> Vector:
        """Middle of its bounds in its own axes."""
        box = self.bounds
        return ((box.x[0] + box.x[1]) / 2, (box.y[0] + box.y[1]) / 2, (box.z[0] + box.z[1]) / 2)

    @property
    def half(self) -> Vector:
        """Half its extent along its own axes."""
        box = self.bounds
        return ((box.x[1] - box.x[0]) / 2, (box.y[1] - box.y[0]) / 2, (box.z[1] - box.z[0]) / 2)

    def reach(self, along: Vector) -> float:
        """How far it reaches from its middle in this direction of its own axes."""
        return sum(abs(a) * h for a, h in zip(along, self.half, strict=True))

    def oriented(self, axes: Float64Array, at: Sequence[float] | Float64Array = (0.0, 0.0, 0.0)) -> "Oriented":
        """The same solid with each of its points p moved to axes @ p + at; axes: (3, 3), orthogonal."""
        return _oriented(self, axes, at)  # type: ignore[arg-type] # the five kinds below and no other


@dataclass(frozen=True)
class Box(_Upright):
    """An axis-parallel box; each side an interval in mm."""

    x: Interval
    y: Interval
    z: Interval

    def path(self, view: View) -> Patch:
        rows, columns = view.rows(*self.y, *self.z), view.columns(*self.x)
        one = _rectangle(view, rows, self.y, np.array([self.z[0]]), np.array([self.z[1]]))
        return Patch(rows, columns, np.broadcast_to(one, (one.shape[0], columns.stop - columns.start)))

    @property
    def bounds(self) -> "Box":
        return self

    @property
    def volume_cm3(self) -> float:
        return float(np.prod([b - a for a, b in (self.x, self.y, self.z)])) / 1000

    def way(self, rays: Rays) -> FloatArray:
        return _between(*within_box(rays, self.half))

    def shifted(self, by: Vector) -> "Box":
        return Box(_shift(self.x, by[0]), _shift(self.y, by[1]), _shift(self.z, by[2]))

    def mirrored(self, axis: str, at: float) -> "Box":
        return Box(_flip(self.x, at), self.y, self.z) if axis == "x" else Box(self.x, _flip(self.y, at), self.z)

    def turned(self) -> "Box":
        return Box(self.y, self.x, self.z)


@dataclass(frozen=True)
class Cylinder(_Upright):
    """A right circular cylinder along one axis.

    centre: (x, y, z) mm; the middle of the solid. radius, length: mm. axis: "x", "y" or "z".
    """

    centre: tuple[float, float, float]
    radius: float
    length: float
    axis: str

    def path(self, view: View) -> Patch:
        box = self.bounds
        rows, columns = view.rows(*box.y, *box.z), view.columns(*box.x)
        cx, cy, cz = self.centre
        if self.axis == "x":
            one = _ellipse(view, rows, cy, cz, np.array([self.radius]), np.array([self.radius]))
            return Patch(rows, columns, np.broadcast_to(one, (one.shape[0], columns.stop - columns.start)))
        half = np.sqrt(np.maximum(self.radius**2 - (view.x[columns] - cx) ** 2, 0))
        if self.axis == "z":
            path = _rectangle(view, rows, (cy - half, cy + half), np.array([box.z[0]]), np.array([box.z[1]]))
        else:
            path = _rectangle(view, rows, box.y, cz - half, cz + half)
        return Patch(rows, columns, path)

    @property
    def bounds(self) -> Box:
        half = {axis: self.length / 2 if axis == self.axis else self.radius for axis in "xyz"}
        return Box(*((c - half[a], c + half[a]) for a, c in zip("xyz", self.centre, strict=True)))

    @property
    def volume_cm3(self) -> float:
        return np.pi * self.radius**2 * self.length / 1000

    def way(self, rays: Rays) -> FloatArray:
        order = {"x": (1, 2, 0), "y": (2, 0, 1), "z": (0, 1, 2)}[self.axis]
        return _between(*within_cylinder(rays.turned(order), self.radius, self.length / 2))

    def reach(self, along: Vector) -> float:
        share = along["xyz".index(self.axis)]
        return self.radius * math.sqrt(max(1 - share**2, 0.0)) + self.length / 2 * abs(share)

    def shifted(self, by: Vector) -> "Cylinder":
        return replace(self, centre=_moved(self.centre, by))

    def mirrored(self, axis: str, at: float) -> "Cylinder":
        return replace(self, centre=_opposite(self.centre, axis, at))

    def turned(self) -> "Cylinder":
        axis = {"x": "y", "y": "x", "z": "z"}[self.axis]
        return Cylinder((self.centre[1], self.centre[0], self.centre[2]), self.radius, self.length, axis)


@dataclass(frozen=True)
class Ellipsoid(_Upright):
    """centre and semi-axes along (x, y, z), mm."""

    centre: tuple[float, float, float]
    semi: tuple[float, float, float]

    def path(self, view: View) -> Patch:
        box = self.bounds
        rows, columns = view.rows(*box.y, *box.z), view.columns(*box.x)
        cx, cy, cz = self.centre
        scale = np.sqrt(np.maximum(1 - ((view.x[columns] - cx) / self.semi[0]) ** 2, 0))
        return Patch(rows, columns, _ellipse(view, rows, cy, cz, self.semi[1] * scale, self.semi[2] * scale))

    @property
    def bounds(self) -> Box:
        return Box(*((c - s, c + s) for c, s in zip(self.centre, self.semi, strict=True)))

    @property
    def volume_cm3(self) -> float:
        return float(4 / 3 * np.pi * np.prod(self.semi)) / 1000

    def way(self, rays: Rays) -> FloatArray:
        return _between(*within_ellipsoid(rays, self.half))

    def reach(self, along: Vector) -> float:
        return math.hypot(*(a * h for a, h in zip(along, self.half, strict=True)))

    def shifted(self, by: Vector) -> "Ellipsoid":
        return replace(self, centre=_moved(self.centre, by))

    def mirrored(self, axis: str, at: float) -> "Ellipsoid":
        return replace(self, centre=_opposite(self.centre, axis, at))

    def turned(self) -> "Ellipsoid":
        (x, y, z), (a, b, c) = self.centre, self.semi
        return Ellipsoid((y, x, z), (b, a, c))


@dataclass(frozen=True)
class PrismY(_Upright):
    """A polygon in the image plane, (x, z) corners in mm, extruded along the beam over y."""

    corners: tuple[tuple[float, float], ...]
    y: Interval

    def path(self, view: View) -> Patch:
        box = self.bounds
        rows, columns = view.rows(*box.y, *box.z), view.columns(*box.x)
        crossings = _crossings(self.corners, view.x[columns])
        path = np.zeros((rows.stop - rows.start, columns.stop - columns.start))
        for low, high in zip(crossings[0::2], crossings[1::2], strict=True):
            path += _rectangle(view, rows, self.y, low, high)
        return Patch(rows, columns, path)

    @property
    def bounds(self) -> Box:
        xs, zs = zip(*self.corners, strict=True)
        return Box((min(xs), max(xs)), self.y, (min(zs), max(zs)))

    @property
    def volume_cm3(self) -> float:
        return _area(self.corners) * (self.y[1] - self.y[0]) / 1000

    def way(self, rays: Rays) -> FloatArray:
        corners = np.array(self.corners, np.float32) - np.array(self.middle, np.float32)[[0, 2]]
        return in_prism(rays.turned((0, 2, 1)), corners, self.half[1])

    def shifted(self, by: Vector) -> "PrismY":
        return PrismY(tuple((u + by[0], v + by[2]) for u, v in self.corners), _shift(self.y, by[1]))

    def mirrored(self, axis: str, at: float) -> "PrismY":
        if axis == "x":
            return PrismY(tuple((2 * at - u, v) for u, v in self.corners), self.y)
        return PrismY(self.corners, _flip(self.y, at))

    def turned(self) -> "PrismX":
        return PrismX(self.corners, self.y)


@dataclass(frozen=True)
class PrismX(_Upright):
    """A polygon in the plane of the fan, (y, z) corners in mm, extruded along the travel over x."""

    corners: tuple[tuple[float, float], ...]
    x: Interval

    def path(self, view: View) -> Patch:
        box = self.bounds
        rows, columns = view.rows(*box.y, *box.z), view.columns(*box.x)
        slope = view.slope[rows]
        # Shear z by the ray so that every ray lies at height 0, then cut the polygon there.
        y = np.array([corner[0] for corner in self.corners])
        z = np.array([corner[1] for corner in self.corners])
        height = z[:, None] - view.source_z - (y - view.source_y)[:, None] * slope
        cuts = _cuts(y, height)
        length = (cuts[1::2] - cuts[0::2]).sum(axis=0) * view.stretch[rows]
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        return Patch(rows, columns, np.broadcast_to(length[:, None], shape))

    @property
    def bounds(self) -> Box:
        ys, zs = zip(*self.corners, strict=True)
        return Box(self.x, (min(ys), max(ys)), (min(zs), max(zs)))

    @property
    def volume_cm3(self) -> float:
        return _area(self.corners) * (self.x[1] - self.x[0]) / 1000

    def way(self, rays: Rays) -> FloatArray:
        corners = np.array(self.corners, np.float32) - np.array(self.middle, np.float32)[[1, 2]]
        return in_prism(rays.turned((1, 2, 0)), corners, self.half[0])

    def shifted(self, by: Vector) -> "PrismX":
        return PrismX(tuple((u + by[1], v + by[2]) for u, v in self.corners), _shift(self.x, by[0]))

    def mirrored(self, axis: str, at: float) -> "PrismX":
        if axis == "y":
            return PrismX(tuple((2 * at - u, v) for u, v in self.corners), self.x)
        return PrismX(self.corners, _flip(self.x, at))

    def turned(self) -> PrismY:
        return PrismY(self.corners, self.x)


Upright = Box | Cylinder | Ellipsoid | PrismY | PrismX


class _AnyWay(ABC):
    """What solids have in common that stand any way: to move one is to orient it anew."""

    @abstractmethod
    def oriented(self, axes: Float64Array, at: Sequence[float] | Float64Array = (0.0, 0.0, 0.0)) -> Self:
        """The same solid with each of its points p moved to axes @ p + at; axes: (3, 3), orthogonal."""

    def shifted(self, by: Vector) -> Self:
        return self.oriented(np.array(UNTURNED), by)

    def mirrored(self, axis: str, at: float) -> Self:
        flip = np.array([axis == name for name in "xyz"])
        return self.oriented(np.diag(np.where(flip, -1.0, 1.0)), np.where(flip, 2 * at, 0.0))

    def turned(self) -> Self:
        return self.oriented(np.array(SWAPPED))


@dataclass(frozen=True)
class Oriented(_AnyWay):
    """A solid that stands any way: its point p lies at axes @ p + at.

    axes: orthogonal. Costs several times what an upright solid does.
    """

    solid: Upright
    axes: Matrix
    at: Vector

    def path(self, view: View) -> Patch:
        box = self.bounds
        rows, columns = view.rows(*box.y, *box.z), view.columns(*box.x)
        middle = np.array(self.at) + np.array(self.axes) @ np.array(self.solid.middle)
        slope = view.slope[rows]
        up = view.source_z + slope * (middle[1] - view.source_y) - middle[2]
        x, _, z = np.array(self.axes)
        step = np.outer(self.axes[1], np.ones_like(slope)) + np.outer(z, slope)
        column, row, step = (
            part.astype(np.float32) for part in (np.outer(x, view.x[columns] - middle[0]), np.outer(z, up), step)
        )
        way = self.solid.way(Rays(column, row, step))
        return Patch(rows, columns, way * view.stretch[rows].astype(np.float32)[:, None])

    @cached_property
    def bounds(self) -> Box:
        middle = self.solid.middle
        sides: list[Interval] = []
        for axis, at in zip(self.axes, self.at, strict=True):
            m = at + sum(a * b for a, b in zip(axis, middle, strict=True))
            r = self.solid.reach(axis)
            sides.append((m - r, m + r))
        return Box(sides[0], sides[1], sides[2])

    @property
    def volume_cm3(self) -> float:
        return self.solid.volume_cm3

    def oriented(self, axes: Float64Array, at: Sequence[float] | Float64Array = (0.0, 0.0, 0.0)) -> Self:
        made = _oriented(self.solid, axes @ np.array(self.axes), axes @ np.array(self.at) + at)
        return replace(self, axes=made.axes, at=made.at)


@dataclass(frozen=True, eq=False)
class Mesh(_AnyWay):
    """A closed triangle mesh, as a user brings it (nii.simulate.render.meshes reads files).

    triangles: (n, 3, 3) corners (x, y, z) in mm, counter-clockwise seen from outside.
    """

    triangles: Float64Array

    def path(self, view: View) -> Patch:
        box = self.bounds
        rows, columns = view.rows(*box.y, *box.z), view.columns(*box.x)
        source = (view.source_y, view.source_z)
        way = chords(self.triangles, view.x[columns], source, view.slope[rows])
        return Patch(rows, columns, way * view.stretch[rows][:, None])

    @cached_property
    def bounds(self) -> Box:
        low, high = self.triangles.min(axis=(0, 1)), self.triangles.max(axis=(0, 1))
        x, y, z = ((float(a), float(b)) for a, b in zip(low, high, strict=True))
        return Box(x, y, z)

    @property
    def volume_cm3(self) -> float:
        a, b, c = self.triangles.transpose(1, 0, 2)
        return float(np.einsum("ni,ni->", a, np.cross(b, c))) / 6000

    def oriented(self, axes: Float64Array, at: Sequence[float] | Float64Array = (0.0, 0.0, 0.0)) -> Self:
        moved = self.triangles @ axes.T + np.asarray(at)
        return replace(self, triangles=moved if np.linalg.det(axes) > 0 else moved[:, ::-1])


@dataclass(frozen=True, eq=False)
class Swarm(_AnyWay):
    """Many small solids of one form, which are rendered together; each with a weight of its own.

    The path is the sum of theirs times their weights, so that one part holds a thing of many pieces and densities.
    """

    solids: Solids

    def path(self, view: View) -> Patch:
        box, shape = self.bounds, (view.z.size, view.x.size)
        rows, columns = view.rows(*box.y, *box.z), view.columns(*box.x)
        source = (view.source_y, view.source_z)
        index, amount = weighted_ways(self.solids, view.x, view.slope, source, self._pixels(view))
        row, column = np.divmod(index, view.x.size)
        size = (max(min(rows.stop, shape[0]) - rows.start, 0), max(min(columns.stop, shape[1]) - columns.start, 0))
        place = (row - rows.start) * size[1] + column - columns.start
        path = np.bincount(place, amount, size[0] * size[1]).astype(np.float32).reshape(size)
        return Patch(rows, columns, path * view.stretch[rows].astype(np.float32)[:, None])

    def _pixels(self, view: View) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """First and last rows, and columns, that each solid can cover; (2, n) each."""
        low, high = self.solids.middle - self.solids.reach, self.solids.middle + self.solids.reach
        columns = np.searchsorted(view.x, np.stack([low[:, 0], high[:, 0]]))
        away = -view.source_y / (np.stack([low[:, 1], high[:, 1]]) - view.source_y)
        corners = view.source_z + (np.stack([low[:, 2], high[:, 2]])[:, None] - view.source_z) * away
        top = np.searchsorted(-view.z, -corners.max(axis=(0, 1)))
        bottom = np.searchsorted(-view.z, -corners.min(axis=(0, 1)), side="right")
        return np.stack([top, bottom]), columns

    @cached_property
    def bounds(self) -> Box:
        low = (self.solids.middle - self.solids.reach).min(axis=0)
        high = (self.solids.middle + self.solids.reach).max(axis=0)
        x, y, z = ((float(a), float(b)) for a, b in zip(low, high, strict=True))
        return Box(x, y, z)

    @property
    def volume_cm3(self) -> float:
        """Sum of the volumes times their weights."""
        return float(self.solids.volumes @ self.solids.weight) / 1000

    def oriented(self, axes: Float64Array, at: Sequence[float] | Float64Array = (0.0, 0.0, 0.0)) -> Self:
        solids = self.solids
        turned = replace(solids, axes=axes @ solids.axes, middle=solids.middle @ axes.T + np.asarray(at))
        return replace(self, solids=turned)


Shape = Upright | Oriented | Mesh | Swarm


def _oriented(solid: Upright, axes: Float64Array, at: Sequence[float] | Float64Array) -> Oriented:
    first, second, third = ((float(a), float(b), float(c)) for a, b, c in axes)
    return Oriented(solid, (first, second, third), (float(at[0]), float(at[1]), float(at[2])))


def _between(near: FloatArray, far: FloatArray) -> FloatArray:
    return np.asarray(np.maximum(far - near, 0), np.float32)


def _moved(centre: Vector, by: Vector) -> Vector:
    return (centre[0] + by[0], centre[1] + by[1], centre[2] + by[2])


def _opposite(centre: Vector, axis: str, at: float) -> Vector:
    x, y, z = centre
    return (2 * at - x, y, z) if axis == "x" else (x, 2 * at - y, z)


def _shift(interval: Interval, step: float) -> Interval:
    return (interval[0] + step, interval[1] + step)


def _flip(interval: Interval, at: float) -> Interval:
    return (2 * at - interval[1], 2 * at - interval[0])


def rotated(
    corners: Sequence[tuple[float, float]], angle: float, at: tuple[float, float]
) -> tuple[tuple[float, float], ...]:
    """Polygon corners about (0, 0) turned by angle (radians) and moved to `at`."""
    c, s = np.cos(angle), np.sin(angle)
    return tuple((float(at[0] + c * u - s * v), float(at[1] + s * u + c * v)) for u, v in corners)


def _rectangle(
    view: View,
    rows: slice,
    y: tuple[float | Float64Array, float | Float64Array],
    z0: Float64Array,
    z1: Float64Array,
) -> Float64Array:
    """Paths through rectangles in the (y, z) plane, one per column; (row, column) in mm."""
    slope = view.slope[rows][:, None]
    safe = np.where(np.abs(slope) < 1e-9, 1e-9, slope)
    enter = view.source_y + (z0 - view.source_z) / safe
    leave = view.source_y + (z1 - view.source_z) / safe
    first = np.maximum(np.minimum(enter, leave), y[0])
    last = np.minimum(np.maximum(enter, leave), y[1])
    path: Float64Array = np.maximum(last - first, 0) * view.stretch[rows][:, None]
    return path


def _ellipse(view: View, rows: slice, cy: float, cz: float, a: Float64Array, b: Float64Array) -> Float64Array:
    """Chords of the rays in ellipses with semi-axes a (y) and b (z), one per column; (row, column) mm."""
    slope = view.slope[rows][:, None]
    offset = view.source_z + (cy - view.source_y) * slope - cz
    denominator = b**2 + (a * slope) ** 2
    inside = np.maximum(denominator - offset**2, 0)
    chord: Float64Array = 2 * a * b * np.sqrt(inside) / np.maximum(denominator, 1e-12)
    return chord * view.stretch[rows][:, None]


def _crossings(corners: Sequence[tuple[float, float]], x: Float64Array) -> list[Float64Array]:
    """Sorted heights at which the polygon's outline crosses each column; pairs enclose the inside.

    Columns with fewer crossings are filled with a height beyond the outline, twice (empty pair).
    """
    across = np.array([corner[0] for corner in corners])
    up = np.array([corner[1] for corner in corners])
    beyond = float(up.max()) + 1
    rows = []
    for i in range(len(corners)):
        j = (i + 1) % len(corners)
        x0, x1, z0, z1 = across[i], across[j], up[i], up[j]
        if x0 == x1:
            continue
        hit = (x >= min(x0, x1)) & (x < max(x0, x1))
        rows.append(np.where(hit, z0 + (x - x0) * (z1 - z0) / (x1 - x0), beyond))
    ordered = np.sort(np.array(rows), axis=0)
    # of an outline with many corners, few in a column; an even number
    crossed = int((ordered < beyond).any(axis=1).sum())
    return list(ordered[:crossed])


def _cuts(y: Float64Array, height: Float64Array) -> Float64Array:
    """Sorted y at which a polygon (corner,) with sheared heights (corner, ray) crosses height 0."""
    following = np.roll(y, -1)[:, None]
    h0, h1 = height, np.roll(height, -1, axis=0)
    hit = (h0 < 0) != (h1 < 0)
    step = np.where(hit, h1 - h0, 1.0)
    cut = np.where(hit, y[:, None] - h0 * (following - y[:, None]) / step, np.inf)
    ordered = np.sort(cut, axis=0)
    ordered = ordered[: len(y) // 2 * 2]
    return np.where(np.isfinite(ordered), ordered, 0.0)


def _area(corners: Sequence[tuple[float, float]]) -> float:
    """Area of a simple polygon (shoelace), mm2."""
    u, v = np.array(corners).T
    return float(abs(u @ np.roll(v, -1) - v @ np.roll(u, -1))) / 2
