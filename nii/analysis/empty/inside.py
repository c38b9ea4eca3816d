"""Where the inside of a conveyance is in a scan: its ends, its roof line and its floor line.

Nothing is learnt: the body is what reaches as high over metres of travel, and its inside the light rows between
the dark ones of roof and floor.
"""

from dataclasses import dataclass
from statistics import median

import cv2
import numpy as np
import numpy.typing as npt

from nii.scan import FloatArray, Scan, attenuation_of

Array = npt.NDArray[np.float64]

GRID_MM = 10.0  # pitch of the grid that everything here is looked at on
FAINTEST = 1e-3  # transmission, below which nothing is told apart
SOMETHING = 0.03  # attenuation above which a body begins; the thinnest curtain has about that
SHORTEST_MM = 3500.0  # of a body; a cab is shorter
LEVEL_MM = 60.0  # by which the upper edge of a body may step
THINNEST_MM = 40.0  # of what counts as an upper edge
POST = 0.35  # attenuation over that of the walls, from which on columns are a post, at an end or between curtains
LONGEST_POST_MM = 450.0
USUAL = 20.0  # percentile along the travel: the level of a row where there is no load
LIGHT = (1.2, 0.08)  # factor and step over the lightest rows' level, up to which rows are above the floor line
UNDER_ROOF = (1.1, 0.02)  # the same for rows under the roof line: a thin roof is hardly darker
LOOKED_AT_MM = (300.0, 2000.0)  # below a body's upper edge, where its lightest rows are; further down are wheels
DEAD_MM = 50.0  # of dead rows that are no floor
LOWER_MM = 1500.0  # above the floor line, that are looked at: what is loaded stands on the floor
FLOOR_MM = 130.0  # rows below the floor line where the floor is seen from above or below


@dataclass(frozen=True, eq=False)
class Room:
    """One inside on the grid, half-open intervals.

    columns: between the end posts. rows: between roof line and floor line, 1.5 m at most. floor: the rows below,
    in which the floor is seen obliquely. top: row of the body's upper edge. level: attenuation of its walls.
    """

    columns: tuple[int, int]
    rows: tuple[int, int]
    floor: tuple[int, int]
    top: int
    level: float

    @property
    def height_mm(self) -> float:
        """From the upper edge to the floor line, mm at the object."""
        return (self.rows[1] - self.top) * GRID_MM


def on_grid(scan: Scan, pitch_mm: tuple[float, float]) -> FloatArray:
    """Attenuation (energy, row, column) on the grid, without specks of one point."""
    rows, columns = scan.shape
    size = (max(round(columns * pitch_mm[1] / GRID_MM), 1), max(round(rows * pitch_mm[0] / GRID_MM), 1))
    planes = [cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in scan.transmission]
    return np.stack([cv2.medianBlur(attenuation_of(plane, FAINTEST), 3) for plane in planes])


def find_rooms(A: FloatArray) -> list[Room]:
    """The insides in a picture on the grid, from left to right."""
    tops = _tops(A)
    return [room for start, end in _runs(tops) if (room := _room(A, tops, start, end)) is not None]


def _tops(A: FloatArray) -> npt.NDArray[np.int64]:
    """Row of the upper edge of what stands in each column, the number of rows where there is nothing."""
    thick = int(THINNEST_MM / GRID_MM)
    there = (cv2.erode((A > SOMETHING).astype(np.uint8), np.ones((thick, 1), np.uint8), anchor=(0, 0))) > 0
    tops = np.where(there.any(axis=0), there.argmax(axis=0), len(A))
    smooth = cv2.medianBlur(tops.astype(np.float32)[None], 5)[0]
    return np.asarray(smooth, np.int64)


def _runs(tops: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Columns (start, end) over which the upper edge stays level for metres."""
    found, start, reach, heights = [], 0, LEVEL_MM / GRID_MM, tops.tolist()
    for column in range(1, len(heights) + 1):
        usual = median(heights[max(start, column - 50) : column])
        if column == len(heights) or abs(heights[column] - usual) > reach:
            if (column - start) * GRID_MM >= SHORTEST_MM:
                found.append((start, column))
            start = column
    return found


def _room(A: FloatArray, tops: npt.NDArray[np.int64], start: int, end: int) -> Room | None:
    top = int(np.median(tops[start:end]))
    body = A[top:, start:end]
    if len(body) < LOOKED_AT_MM[1] / GRID_MM / 2:
        return None
    usual = _without_lines(np.percentile(body, USUAL, axis=1).astype(np.float32))
    low, high = (int(depth / GRID_MM) for depth in LOOKED_AT_MM)
    middle = low + int(usual[low:high].argmin())
    level = float(np.median(usual[max(middle - 10, 0) : middle + 11]))
    under, light = (usual < level * factor + step for factor, step in (UNDER_ROOF, LIGHT))
    above = middle - int(under[: middle + 1][::-1].argmin()) if not under[: middle + 1].all() else -1
    below = middle + int(light[middle:].argmin()) if not light[middle:].all() else len(light)
    rows = (top + above + 3, top + below - 1)
    if rows[1] - rows[0] < 1:
        rows = (top + middle, top + middle + 1)
    rows = (max(rows[0], rows[1] - int(LOWER_MM / GRID_MM)), rows[1])
    columns = _between_posts(A[rows[0] : rows[1], start:end], level)
    floor = (rows[1], min(rows[1] + int(FLOOR_MM / GRID_MM), len(A)))
    return Room((start + columns[0], start + columns[1]), rows, floor, top, level)


def _without_lines(profile: FloatArray) -> FloatArray:
    """A profile along the rows without dark lines that are thinner than a floor."""
    rows = int(DEAD_MM / GRID_MM)
    return np.asarray(cv2.morphologyEx(profile[:, None], cv2.MORPH_OPEN, np.ones((rows, 1), np.uint8))[:, 0])


def _between_posts(inside: FloatArray, level: float) -> tuple[int, int]:
    """Columns without the dark posts at both ends."""
    dark = np.percentile(inside, USUAL, axis=0) > level + POST
    longest = int(LONGEST_POST_MM / GRID_MM)
    left, right = dark[:longest], dark[-longest:][::-1]
    cut = [int(np.flatnonzero(side)[-1]) + 9 if side.any() else 8 for side in (left, right)]
    return cut[0], inside.shape[1] - cut[1]
