"""Rays through many small solids at once: each over the few pixels that it covers, all pixels in one flat array.

A wire of a hundred pieces or the teeth of a zip cost as much as one solid of the same number of pixels.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nii.scan import FloatArray

Float64Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

BOX, CYLINDER, ELLIPSOID = "box", "cylinder", "ellipsoid"
PARALLEL = np.float32(1e-6)  # a ray that rises less than this per mm runs along a face
Span = tuple[FloatArray, FloatArray]  # where rays enter and leave; left before entered: missed

PIECE, SHORTEST = 3.0, 8.0  # half lengths of pieces: over half their thickness, and mm
CHUNK = 1 << 16  # pixels at a time, which keeps the arrays in the cache


@dataclass(frozen=True, eq=False)
class Solids:
    """n solids of one form. form: BOX, CYLINDER (along its own axis 0) or ELLIPSOID.

    half: (n, 3) half sides along the own axes, mm. axes: (n, 3, 3), own axes as columns. middle: (n, 3), mm.
    weight: (n,), by which the way through each counts; negative for a hollow.
    """

    form: str
    half: Float64Array
    axes: Float64Array
    middle: Float64Array
    weight: Float64Array

    @property
    def reach(self) -> Float64Array:
        """(n, 3) how far each reaches from its middle along x, y, z, mm."""
        if self.form == ELLIPSOID:
            return np.asarray(np.sqrt(((self.axes * self.half[:, None]) ** 2).sum(axis=2)))
        if self.form == BOX:
            return np.asarray((np.abs(self.axes) * self.half[:, None]).sum(axis=2))
        along = np.abs(self.axes[:, :, 0])
        return np.asarray(along * self.half[:, :1] + np.sqrt(np.maximum(1 - along**2, 0)) * self.half[:, 1:2])

    @property
    def volumes(self) -> Float64Array:
        """(n,) mm3, without the weights."""
        share = {BOX: 8.0, CYLINDER: 2 * np.pi, ELLIPSOID: 4 / 3 * np.pi}[self.form]
        return np.asarray(share * self.half.prod(axis=1))

    def split(self) -> "Solids":
        """The same with long thin boxes and cylinders in pieces, since a slanting one's pixels are a rectangle."""
        if self.form == ELLIPSOID:
            return self
        long = np.zeros(len(self.half), int) if self.form == CYLINDER else self.half.argmax(axis=1)
        one = np.arange(len(self.half))
        thick = np.sort(self.half, axis=1)[:, 1]
        pieces = np.maximum(np.ceil(self.half[one, long] / np.maximum(PIECE * thick, SHORTEST)), 1).astype(int)
        of = np.repeat(one, pieces)
        number = np.arange(of.size) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        half = self.half[of].copy()
        half[np.arange(of.size), long[of]] /= pieces[of]
        along = half[np.arange(of.size), long[of]] * (2 * number + 1 - pieces[of])
        middle = self.middle[of] + self.axes[of, :, long[of]] * along[:, None]
        return Solids(self.form, half, self.axes[of], middle, self.weight[of])


def weighted_ways(
    solids: Solids, x: Float64Array, slope: Float64Array, source: tuple[float, float], at: tuple[IntArray, IntArray]
) -> tuple[IntArray, FloatArray]:
    """Ways along the beam axis, mm, times their weights: flat index (row, column) into the image, and amount.

    x: (column,) mm. slope: (row,) dz/dy. source: y, z, mm. at: first row and column, and their ends, of each solid,
    as two arrays (2, n).
    """
    (top, bottom), (left, right) = at
    wide = np.maximum(right - left, 0)
    count = wide * np.maximum(bottom - top, 0)
    ends = np.cumsum(count)
    x32, slope32 = x.astype(np.float32), slope.astype(np.float32)
    index, amount = [], []
    for first, last in _chunks(ends):
        few = count[first:last]
        place = np.arange(few.sum()) - np.repeat(np.cumsum(few) - few, few)
        down, across = np.divmod(place, np.repeat(wide[first:last], few))
        row, column = down + np.repeat(top[first:last], few), across + np.repeat(left[first:last], few)
        index.append(row * x.size + column)
        ways = _Rays(solids, slice(first, last), few, source).ways(x32[column], slope32[row])
        amount.append(ways * np.repeat(solids.weight[first:last].astype(np.float32), few))
    if not index:
        return np.zeros(0, np.int64), np.zeros(0, np.float32)
    return np.concatenate(index), np.concatenate(amount)


def _chunks(ends: IntArray) -> list[tuple[int, int]]:
    """Runs of solids with about CHUNK pixels each."""
    if ends.size == 0 or ends[-1] == 0:
        return []
    cuts = np.searchsorted(ends, np.arange(CHUNK, ends[-1], CHUNK)) + 1
    edges = np.unique(np.concatenate(([0], cuts, [ends.size])))
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


class _Rays:
    """Rays in the own axes of the solid that each belongs to: start + way * step; flat float32 arrays (ray,)."""

    def __init__(self, solids: Solids, of: slice, count: IntArray, source: tuple[float, float]) -> None:
        self.form, self.count = solids.form, count
        self.half = solids.half[of].astype(np.float32)
        axes, middle = solids.axes[of], solids.middle[of]
        # start = across * x + lift * slope + offset, step = level + rise * slope
        self.across, self.level, self.rise = (axes[:, i].astype(np.float32) for i in range(3))
        deep = (middle[:, 1] - source[0])[:, None]
        self.lift = (axes[:, 2] * deep).astype(np.float32)
        offset = axes[:, 2] * (source[1] - middle[:, 2])[:, None] - axes[:, 0] * middle[:, :1]
        self.offset = offset.astype(np.float32)

    def ways(self, x: FloatArray, slope: FloatArray) -> FloatArray:
        """Way of each ray in its solid, mm."""
        if self.form == BOX:
            near, far = self._slab(0, x, slope)
            for axis in (1, 2):
                near, far = _both((near, far), self._slab(axis, x, slope))
        elif self.form == CYLINDER:
            near, far = _both(self._slab(0, x, slope), self._quadric((1, 2), x, slope))
        else:
            near, far = self._quadric((0, 1, 2), x, slope)
        return np.asarray(np.maximum(far - near, 0), np.float32)

    def _along(self, axis: int, x: FloatArray, slope: FloatArray, *, unit: bool) -> tuple[FloatArray, FloatArray]:
        """Start and step along one of the own axes, in mm or (unit) in half sides."""
        scale = 1 / self.half[:, axis] if unit else np.ones_like(self.half[:, axis])
        across, lift, offset, level, rise = (
            np.repeat(part[:, axis] * scale, self.count)
            for part in (self.across, self.lift, self.offset, self.level, self.rise)
        )
        return np.asarray(across * x + lift * slope + offset, np.float32), np.asarray(level + rise * slope, np.float32)

    def _slab(self, axis: int, x: FloatArray, slope: FloatArray) -> Span:
        """Where rays enter and leave what lies between -half and half along this axis."""
        start, step = self._along(axis, x, slope, unit=False)
        inverse = np.asarray(1 / np.where(np.abs(step) < PARALLEL, PARALLEL, step), np.float32)
        middle, reach = -start * inverse, np.repeat(self.half[:, axis], self.count) * np.abs(inverse)
        return middle - reach, middle + reach

    def _quadric(self, over: tuple[int, ...], x: FloatArray, slope: FloatArray) -> Span:
        """Where rays enter and leave the ellipsoid or elliptic cylinder across these axes."""
        a, b, c = (np.zeros(x.size, np.float32) for _ in range(3))
        for axis in over:
            start, step = self._along(axis, x, slope, unit=True)
            a += step * step
            b += start * step
            c += start * start
        np.maximum(a, np.float32(1e-12), out=a)
        half = np.sqrt(np.maximum(b * b - a * (c - 1), 0))
        return np.asarray((-b - half) / a, np.float32), np.asarray((half - b) / a, np.float32)


def _both(one: Span, other: Span) -> Span:
    return np.maximum(one[0], other[0]), np.minimum(one[1], other[1])
