"""Rays through solids that stand any way in the beam: exact lengths in the solids' own axes.

All rays of a view start at one height y0 that lies near the solid, so that float32 is fine. In the solid's own
axes k = 0, 1, 2 a ray runs through column[k] + row[k] + t * step[k]; t is the way along the beam in mm.
"""

from dataclasses import dataclass

import numpy as np

from nii.scan import FloatArray

PARALLEL = 1e-6  # a ray that rises less than this per mm runs along a face

Span = tuple[FloatArray, FloatArray]  # where rays enter and leave, (row, column); left before entered: missed


@dataclass(frozen=True, eq=False)
class Rays:
    """column: (3, column); row and step: (3, row); float32, in mm and mm per mm."""

    column: FloatArray
    row: FloatArray
    step: FloatArray

    def turned(self, order: tuple[int, int, int]) -> "Rays":
        """The same rays with the axes in another order."""
        index = list(order)
        return Rays(self.column[index], self.row[index], self.step[index])


def within_box(rays: Rays, half: tuple[float, float, float]) -> Span:
    """In a box around the origin with these half sides, mm."""
    near, far = _slab(rays, 0, half[0])
    for axis in (1, 2):
        enter, leave = _slab(rays, axis, half[axis])
        np.maximum(near, enter, out=near)
        np.minimum(far, leave, out=far)
    return near, far


def within_ellipsoid(rays: Rays, semi: tuple[float, float, float]) -> Span:
    """In an ellipsoid around the origin with these semi-axes, mm."""
    return _quadric(rays, np.array(semi))


def within_cylinder(rays: Rays, radius: float, half: float) -> Span:
    """In a cylinder around the origin along axis 2, `half` its half length, mm."""
    near, far = _quadric(rays, np.array([radius, radius]))
    enter, leave = _slab(rays, 2, half)
    return np.maximum(near, enter), np.minimum(far, leave)


def in_prism(rays: Rays, corners: FloatArray, half: float) -> FloatArray:
    """Way (row, column) in a polygon extruded along axis 2, |axis 2| <= half.

    corners: (corner, 2) along axes 0 and 1, any simple polygon. Every edge that a ray's line crosses adds the
    way to it where the ray leaves and takes it where it enters, cut to the slab; so no sorting.
    """
    near, far = _slab(rays, 2, half)
    far = np.maximum(far, near)
    u, v = corners.T
    turn = np.sign(u @ np.roll(v, -1) - v @ np.roll(u, -1))
    (cu, cv, _), (ru, rv, _), (du, dv, _) = rays.column, rays.row, rays.step
    across = _outer(dv, cu) - _outer(du, cv) + (dv * ru - du * rv)[:, None]  # of the ray's line from the origin
    above = [across < dv[:, None] * a - du[:, None] * b for a, b in corners]
    total = np.zeros_like(near)
    for i, (a, b) in enumerate(corners):
        j = (i + 1) % len(corners)
        eu, ev = corners[j] - corners[i]
        slant = du * ev - dv * eu
        hit = above[i] != above[j]
        safe = np.where(np.abs(slant) < PARALLEL, PARALLEL, slant)
        at = (((a - ru) * ev - (b - rv) * eu) / safe)[:, None] - _outer(
            np.asarray(1 / safe, np.float32), cu * ev - cv * eu
        )
        total += np.where(hit, np.clip(at, near, far) * (turn * np.sign(slant))[:, None], 0)
    return total


def _slab(rays: Rays, axis: int, half: float) -> Span:
    """Between the planes at -half and half of one axis."""
    step = rays.step[axis]
    inverse = np.asarray(1 / np.where(np.abs(step) < PARALLEL, PARALLEL, step), np.float32)
    middle, reach = -rays.row[axis] * inverse, half * np.abs(inverse)
    way = _outer(-inverse, rays.column[axis])
    return way + (middle - reach)[:, None], way + (middle + reach)[:, None]


def _quadric(rays: Rays, semi: FloatArray) -> Span:
    """In an ellipsoid (three semi-axes) or an endless elliptic cylinder along the last axis (two)."""
    n = len(semi)
    scale = np.asarray(1 / semi, np.float32)[:, None]
    column, row, step = (part[:n] * scale for part in (rays.column, rays.row, rays.step))
    a = np.maximum((step**2).sum(axis=0), np.float32(1e-12))
    b = step.T @ column + (step * row).sum(axis=0)[:, None]
    c = (2 * row.T) @ column + (row**2).sum(axis=0)[:, None] + ((column**2).sum(axis=0) - 1)[None, :]
    half = np.sqrt(np.maximum(b * b - a[:, None] * c, 0))
    inverse = (1 / a)[:, None]
    return (-b - half) * inverse, (half - b) * inverse


def _outer(row: FloatArray, column: FloatArray) -> FloatArray:
    return np.asarray(row[:, None] * column[None, :])
