"""Exact chords of rays through closed triangle meshes, column by column."""

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]


def chords(triangles: Float64Array, x: Float64Array, source: tuple[float, float], slope: Float64Array) -> Float64Array:
    """Length in y (mm) that each ray runs inside of a closed mesh, (row, column).

    triangles: (n, 3, 3) corners (x, y, z), mm, counter-clockwise from outside. x: (column,) planes of the fan.
    source: (y, z) of the focal spot, outside, before every corner. slope: (row,) dz/dy of the rays.
    A ray's length is the sum of y over the faces where it leaves less that over those where it enters.
    """
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    lowest, highest = triangles[:, :, 0].min(axis=1), triangles[:, :, 0].max(axis=1)
    out = np.zeros((slope.size, x.size))
    for column, plane in enumerate(x):
        cut = (lowest < plane) & (highest >= plane)
        if cut.any():
            out[:, column] = _in_plane(triangles[cut], normals[cut], plane, source, slope)
    return np.maximum(out, 0)


def _in_plane(
    triangles: Float64Array, normals: Float64Array, plane: float, source: tuple[float, float], slope: Float64Array
) -> Float64Array:
    """The sum over the faces that one fan meets, (row,)."""
    above = triangles[:, :, 0] >= plane  # (n, 3); one corner lies alone on its side
    alone = np.where(above.sum(axis=1) == 1, above.argmax(axis=1), above.argmin(axis=1))
    index = np.arange(len(triangles))
    ends = []
    for step in (1, 2):  # where the two edges at that corner pass the plane
        a, b = triangles[index, alone], triangles[index, (alone + step) % 3]
        share = (plane - a[:, 0]) / (b[:, 0] - a[:, 0])
        ends.append(a[:, 1:] + share[:, None] * (b[:, 1:] - a[:, 1:]) - np.array(source))
    (y0, z0), (y1, z1) = (end.T for end in ends)  # (n,) each, from the source
    first, second = z0 / y0, z1 / y1
    met = (slope[:, None] >= np.minimum(first, second)) & (slope[:, None] < np.maximum(first, second))  # (row, n)
    rows, faces = np.nonzero(met)
    m, y, z = slope[rows], y0[faces], z0[faces]
    dy, dz = (y1 - y0)[faces], (z1 - z0)[faces]
    crossing = y + (m * y - z) / (dz - m * dy) * dy
    leaving = np.sign(normals[faces, 1] + m * normals[faces, 2])
    return np.bincount(rows, leaving * crossing, minlength=slope.size).astype(np.float64)
