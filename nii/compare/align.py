"""Lays an earlier passage over a later one: the way it ran, its speed, and small shifts along and across the travel.

The loads differ, so every measure here is truncated: where only the loads are to be seen, nothing counts as a fit,
and the conveyance, which both passages show, decides.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from nii.scan import FloatArray

Array = npt.NDArray[np.float64]

COARSE = 4  # points of the grid in one of the global search
STRETCHES = np.arange(0.88, 1.1201, 0.01)  # of two passages whose speeds are each known within 5 %
EDGE = 0.15  # attenuation over one coarse point, from which on a stronger edge counts no more
CAP = 0.25  # attenuation, from which on a larger difference counts no more
NODE = 10  # points of the grid between two places whose displacement is sought
ROUNDS = ((10.0, 5.0, 0.5), (1.5, 1.5, 0.25))
"""Largest displacement of columns and of rows, and step between displacements, each in points of the grid."""
THINNED = 2  # of so many rows one is looked at for the displacement of columns
STEEPEST = 2  # steps between two nodes: 5 % of the speed
BEND = 0.02  # cost of one step between nodes, as a share of the cap


@dataclass(frozen=True, eq=False)
class Aligned:
    """The earlier passage as the later one would have shown it.

    before: (energy, row, column) like the later one, on the grid. seen: bool (row, column), whether the earlier one
    shows that place. fit: share of the edges of both that coincide, up to 1; see `LEAST_FIT` in nii.compare.pair.
    """

    before: FloatArray
    seen: npt.NDArray[np.bool_]
    mirrored: bool
    stretch: float
    fit: float


def align(before: FloatArray, after: FloatArray) -> Aligned:
    """Attenuation of an earlier passage laid over that of a later one; both (energy, row, column) on the grid."""
    fits = [(_search(plane, _mean(after)), mirrored) for plane, mirrored in _ways(_mean(before))]
    (fit, stretch, shift), mirrored = max(fits)
    source = before[..., ::-1] if mirrored else before
    columns: Array = (np.arange(after.shape[2], dtype=np.float64) - shift) / stretch
    rows: Array = np.arange(after.shape[1], dtype=np.float64)
    later = _mean(after)
    for reach_columns, reach_rows, step in ROUNDS:
        moved = _pulled(_mean(source), rows, columns)
        columns = columns + _displacement(moved, later, _offsets(reach_columns, step)) / stretch
        moved = _pulled(_mean(source), rows, columns)
        rows = rows + _displacement(moved.T, later.T, _offsets(reach_rows, step))
    pulled = np.stack([_pulled(plane, rows, columns) for plane in source])
    within = [(at >= 0) & (at <= size - 1) for at, size in zip((rows, columns), source.shape[1:], strict=True)]
    return Aligned(pulled, within[0][:, None] & within[1][None], mirrored, stretch, fit)


def _offsets(reach: float, step: float) -> Array:
    return np.arange(-reach, reach + step, step, dtype=np.float64)


def _mean(planes: FloatArray) -> FloatArray:
    return np.asarray(planes.mean(axis=0), np.float32)


def _ways(plane: FloatArray) -> tuple[tuple[FloatArray, bool], tuple[FloatArray, bool]]:
    return (plane, False), (plane[:, ::-1], True)


def _search(before: FloatArray, after: FloatArray) -> tuple[float, float, float]:
    """Fit, stretch and shift (points of the grid): later column = stretch x earlier column + shift."""
    later = _edges(_smaller(after, after.shape[1]))
    n = cv2.getOptimalDFTSize(later.shape[2] + int(before.shape[1] * STRETCHES[-1] / COARSE) + 1)
    spectrum, norm = np.fft.rfft(later, n), (later**2).sum()
    best = (-1.0, 1.0, 0.0)
    for stretch in STRETCHES:
        width = round(before.shape[1] * float(stretch))
        earlier = _edges(_smaller(before, width))
        rows = min(earlier.shape[1], later.shape[1])
        product = spectrum[:, :rows] * np.fft.rfft(earlier[:, :rows], n).conj()
        found = np.fft.irfft(product.sum(axis=(0, 1)), n)
        at = int(found.argmax())
        fit = float(found[at] / np.sqrt(norm * (earlier**2).sum() + 1e-9))
        shift = at if at < later.shape[2] else at - n
        best = max(best, (fit, width / before.shape[1], float(shift * COARSE)))
    return best


def _smaller(plane: FloatArray, width: int) -> FloatArray:
    size = (max(round(width / COARSE), 4), max(round(len(plane) / COARSE), 4))
    return np.asarray(cv2.resize(np.ascontiguousarray(plane), size, interpolation=cv2.INTER_AREA), np.float32)


def _edges(plane: FloatArray) -> FloatArray:
    """Edges along and across the travel (2, row, column), those of a dense load no stronger than those of a post."""
    across, along = np.gradient(plane)
    return np.asarray(np.clip(np.stack([along, across]), -EDGE, EDGE), np.float32)


def _pulled(plane: FloatArray, rows: Array, columns: Array) -> FloatArray:
    """The plane at these rows and columns, its edge beyond."""
    x, y = np.meshgrid(columns.astype(np.float32), rows.astype(np.float32))
    return np.asarray(
        cv2.remap(np.ascontiguousarray(plane), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32
    )


def _displacement(earlier: FloatArray, later: FloatArray, offsets: Array) -> Array:
    """By which of the offsets each column of `earlier` must be taken further on to look like that of `later`."""
    earlier, later = earlier[::THINNED], later[::THINNED]
    at, rows = np.arange(later.shape[1], dtype=np.float64), np.arange(len(later), dtype=np.float64)
    nodes = max(later.shape[1] // NODE, 1)
    cost = np.empty((nodes, offsets.size))
    for number, offset in enumerate(offsets):
        apart = np.minimum(np.abs(later - _pulled(earlier, rows, at + offset)), CAP).mean(axis=0)
        cost[:, number] = apart[: nodes * NODE].reshape(nodes, -1).mean(axis=1)
    path = _cheapest(cost / CAP)
    middle = np.arange(nodes) * NODE + (NODE - 1) / 2
    return np.interp(at, middle, _refined(cost, path, offsets))


def _cheapest(cost: Array) -> npt.NDArray[np.int64]:
    """Number of a displacement at each node (node, displacement), the cheapest way without steep steps."""
    steps = np.arange(-STEEPEST, STEEPEST + 1)
    total, came = cost[0], []
    for here in cost[1:]:
        ways = np.stack([_moved(total, int(step)) + BEND * abs(step) for step in steps])
        best = ways.argmin(axis=0)
        came.append(np.clip(np.arange(total.size) + steps[best], 0, total.size - 1))
        total = here + ways.min(axis=0)
    path = [int(total.argmin())]
    for back in reversed(came):
        path.append(int(back[path[-1]]))
    return np.array(path[::-1])


def _moved(total: Array, step: int) -> Array:
    """Cost of the displacement `step` further on, infinite beyond the last."""
    out = np.full_like(total, np.inf)
    n = total.size
    out[max(-step, 0) : n - max(step, 0)] = total[max(step, 0) : n - max(-step, 0)]
    return out


def _refined(cost: Array, path: npt.NDArray[np.int64], offsets: Array) -> Array:
    """Displacements between the steps, by a parabola through the neighbours' cost; smooth, as the speed is."""
    inside = np.clip(path, 1, offsets.size - 2)
    node = np.arange(len(path))
    left, here, right = (cost[node, inside + d] for d in (-1, 0, 1))
    curve = left - 2 * here + right
    shift = np.where(curve > 1e-9, (left - right) / (2 * np.maximum(curve, 1e-9)), 0)
    found = offsets[inside] + (offsets[1] - offsets[0]) * np.clip(shift, -1, 1)
    return np.asarray(cv2.GaussianBlur(found[None], (5, 1), 1.0)[0] if found.size > 5 else found)
