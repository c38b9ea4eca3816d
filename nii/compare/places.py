"""Which places of two passages can be compared: not where a load of either may lie, nor where it is too dark."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from nii.analysis.empty.inside import GRID_MM, SOMETHING, Room, find_rooms
from nii.errors import ScanError
from nii.quality.measure import dead_lines
from nii.scan import FloatArray, Scan, attenuation_of

Mask = npt.NDArray[np.bool_]

FAINTEST = 1e-3  # transmission, below which nothing is told apart
DARKEST = 4.5  # attenuation, above which noise and scatter rule
OVER_WALLS = 0.06  # attenuation over that of an empty row, from which on there may be a load
USUAL = 5.0  # percentile along the travel: the level of a row where there is no load
FAINT = 0.025  # difference over a hand's breadth, that belongs to a load if it stands on the floor
THIN_MM = 50.0  # posts and straps are thinner, loads are not
FEET_MM = 250.0  # above the floor line, to which a load reaches down: the height of a pallet's feet
BELOW_MM = 600.0  # below the floor line, to which the near side of a load may be seen
LOADED, LOADED_SHARE = 0.1, 0.4  # difference and share of a row's columns, from which on the loads differ there
BELOW_EXCESS = 0.05  # difference of the two passages below the floor line, that goes on from a load
BESIDE_MM = 400.0  # beyond the columns of a room, where its load may go on
AROUND_MM = 40.0  # around a load, for its blur and scatter
BODY_MM = 100.0  # gaps up to which belong to the conveyance


@dataclass(frozen=True, eq=False)
class Places:
    """On the grid of the later passage.

    comparable: bool (row, column). conveyance: bool, where there is anything but air. rooms: insides of containers,
    trailers and boxes. inside: bool, within the rooms, from roof to floor line.
    """

    comparable: Mask
    conveyance: Mask
    rooms: tuple[Room, ...]
    inside: Mask

    @property
    def compared(self) -> float:
        """Share of the conveyance that can be compared, 0 to 1."""
        return float((self.comparable & self.conveyance).sum() / max(int(self.conveyance.sum()), 1))


def attenuation(scan: Scan) -> FloatArray:
    """Attenuation (energy, row, column) on the grid, dead rows and columns filled. Raises ScanError without a pitch."""
    if scan.pitch_mm is None:
        raise ScanError(f"{scan.path}: expected a pixel pitch, came none")
    planes = _filled(_filled(scan.transmission).transpose(0, 2, 1)).transpose(0, 2, 1)
    rows, columns = scan.shape
    size = (max(round(columns * scan.pitch_mm[1] / GRID_MM), 1), max(round(rows * scan.pitch_mm[0] / GRID_MM), 1))
    A = attenuation_of(planes, FAINTEST)
    return np.stack([cv2.resize(np.ascontiguousarray(plane), size, interpolation=cv2.INTER_AREA) for plane in A])


def _filled(planes: FloatArray) -> FloatArray:
    """Dead rows as the rows next to them read."""
    dead = dead_lines(planes)
    if not dead.any() or dead.all():
        return planes
    live = np.flatnonzero(~dead)
    at = np.arange(dead.size)
    after = np.searchsorted(live, at).clip(max=live.size - 1)
    before = (after - 1).clip(min=0)
    nearest = live[np.where(at - live[before] <= np.abs(live[after] - at), before, after)]
    return np.asarray(planes[:, nearest], np.float32)


def find_places(before: FloatArray, after: FloatArray, seen: Mask) -> Places:
    """Where two aligned passages can be compared; attenuation (row, column), mean over the energies."""
    least = np.minimum(before, after)
    conveyance = _closed(np.maximum(before, after) > SOMETHING, BODY_MM) & seen
    apart = after - before
    alike = seen & (np.abs(apart) < LOADED)
    apart = apart - np.median(apart[alike]) if alike.any() else apart  # air levels are a percent off at times
    rooms = tuple(_whole(room, apart) for room in find_rooms(np.asarray(least, np.float32)))
    loads, inside = np.zeros(after.shape, np.bool_), np.zeros(after.shape, np.bool_)
    for room in rooms:
        inside[room.top : room.rows[1], slice(*room.columns)] = True
        for passage in (before, after):
            loads |= _loads(passage, least, apart, room)
    dark = _dilated(np.maximum(before, after) > DARKEST, 1)
    return Places(seen & ~loads & ~dark, conveyance, rooms, inside)


def _whole(room: Room, apart: FloatArray) -> Room:
    """The room down to where its loads no longer differ: what is full shows its floor line too high."""
    columns = slice(*room.columns)
    differ = _opened(np.abs(apart[:, columns]) > LOADED, THIN_MM).mean(axis=1) > LOADED_SHARE
    floor = room.rows[1]
    while differ[floor : floor + int(BODY_MM / GRID_MM)].any():
        floor += 1
    return replace(room, rows=(room.rows[0], floor), floor=(floor, min(floor + len(apart), len(apart))))


def _loads(passage: FloatArray, least: FloatArray, apart: FloatArray, room: Room) -> Mask:
    """What stands on the floor of a room in one passage, and where it may be seen below the floor line."""
    out = np.zeros(passage.shape, np.bool_)
    floor, columns = room.rows[1] - room.top, slice(*room.columns)
    area = (slice(room.top, room.rows[1]), columns)
    level = np.percentile(least[area], USUAL, axis=1, keepdims=True)
    faint = np.abs(cv2.blur(apart[area], (int(BODY_MM / GRID_MM),) * 2)) > FAINT  # signed: edges a bit off cancel
    thick = _opened((passage[area] > 1.1 * level + OVER_WALLS) | faint, THIN_MM)
    _, labels = cv2.connectedComponents(_closed(thick, THIN_MM).astype(np.uint8))
    standing = np.unique(labels[max(floor - int(FEET_MM / GRID_MM), 0) :])
    load = np.isin(labels, standing[standing > 0])
    out[area] = np.maximum.accumulate(load, axis=0)
    _go_on_beside(out, np.abs(apart) > LOADED, room)
    below = slice(room.rows[1], room.rows[1] + int(BELOW_MM / GRID_MM))
    over = _dilated(out[area].max(axis=0, keepdims=True), int(AROUND_MM / GRID_MM))
    out[below, columns] = np.minimum.accumulate((np.abs(apart[below, columns]) > BELOW_EXCESS) & over, axis=0)
    around = _dilated(out, int(AROUND_MM / GRID_MM))
    around[area] |= _dilated(passage[area] - _without_thin(passage[area]) > OVER_WALLS, 1)
    return around


def _go_on_beside(load: Mask, differs: Mask, room: Room) -> None:
    """Add to `load` what goes on from it beyond the columns of the room, row by row."""
    rows, reach = slice(room.top, room.rows[1]), int(BESIDE_MM / GRID_MM)
    start, end = room.columns
    left, right = slice(max(start - reach, 0), start), slice(end, end + reach)
    here, near = load | _closed(differs, THIN_MM), int(BODY_MM / GRID_MM)
    loaded = [
        load[rows, edge].max(axis=1, keepdims=True) for edge in (slice(start, start + near), slice(end - near, end))
    ]
    load[rows, left] |= np.minimum.accumulate(here[rows, left][:, ::-1], axis=1)[:, ::-1] & loaded[0]
    load[rows, right] |= np.minimum.accumulate(here[rows, right], axis=1) & loaded[1]


def _without_thin(plane: FloatArray) -> FloatArray:
    """Attenuation without straps and other things thinner than a load."""
    kernel = np.ones((int(THIN_MM / GRID_MM),) * 2, np.uint8)
    return np.asarray(cv2.morphologyEx(np.ascontiguousarray(plane), cv2.MORPH_OPEN, kernel), np.float32)


def _dilated(mask: Mask, reach: int) -> Mask:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8)) > 0)


def _opened(mask: Mask, size_mm: float) -> Mask:
    kernel = np.ones((int(size_mm / GRID_MM),) * 2, np.uint8)
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0)


def _closed(mask: Mask, size_mm: float) -> Mask:
    kernel = np.ones((int(size_mm / GRID_MM),) * 2, np.uint8)
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, kernel) > 0)
