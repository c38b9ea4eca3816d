"""Is there any load, where, and what does it weigh?

Four things betray a load: something stands out from the walls, or from the floor below the floor line; a stretch of the
travel is darker from roof to floor; the light part of the inside is too low or too dark. Each is measured against
what simulated empty conveyances show of it (an `EmptyStandard`); the largest is the scan's score, ranked among those of
other empty conveyances.
"""

import itertools
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import cv2
import numpy as np
import numpy.typing as npt

from nii.analysis.empty.background import (
    SIZES_MM,
    column_noise,
    continued,
    in_sigmas,
    layer_mass,
    residual,
    row_noise,
    standing_out,
)
from nii.analysis.empty.inside import GRID_MM, POST, Room, find_rooms, on_grid
from nii.analysis.fields import LoadAnswer, LoadRecord, SectionRecord
from nii.errors import CalibrationError
from nii.physics.beams import standard_beams
from nii.physics.calibrated_mass import calibrate_mass
from nii.physics.mass import Mass
from nii.quality.blank import blank
from nii.scan import FloatArray, Kind, Scan, of_tube
from nii.stats.operating_point import p_values

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

PFA = 0.007  # share of empty conveyances that may be called loaded; the published anchor
CLEAR = 0.1  # p-value above which nothing is left to doubt
SECTION_MM = 1000.0
END_MM = 250.0  # of the inside at each end, of which only the lower half is looked at: fittings and machines hang there
TALL_MM = 300.0  # width from which on a dark stretch of the travel is no post
FEWEST_ROWS = 8  # of the light part, in which something can stand out
EDGE_SIGMAS, EDGE_SHARE = 2.5, 0.1  # noise, and share of its peak, down to which a thing that stands out reaches
POST_EDGE = 4  # points of the grid on each side of a post
MARGIN = 2  # points of the grid around it, for its blurred edge
KINDS = (*(f"inside {size[0]:g} x {size[1]:g} mm" for size in SIZES_MM),
         *(f"floor {size[0]:g} x {size[1]:g} mm" for size in SIZES_MM), "tall", "low", "dark")  # fmt: skip
"""What is measured, in the order of an `EmptyStandard`."""


@dataclass(frozen=True)
class EmptyStandard:
    """What empty conveyances show.

    scales: of each of KINDS, what a score of 1 means. scores: of empty conveyances of other seeds, ascending.
    command: that made it. mass_ratios: true over found mass of small loads that were found, ascending: how far off the
    middle a thing lies is unknown, and with it how much larger it looks.
    """

    scales: tuple[float, ...]
    scores: tuple[float, ...]
    command: str = ""
    mass_ratios: tuple[float, ...] = ()

    def p_value(self, score: float) -> float:
        """Share of empty conveyances that score as high, conformal, in (0, 1]."""
        return float(p_values(score, self.scores))

    def answer(self, p_value: float, pfa: float = PFA) -> LoadAnswer:
        """Loaded at this budget, empty where the score is nothing unusual, else undetermined.

        Raises CalibrationError where the empty conveyances are too few for the budget.
        """
        if not pfa * (len(self.scores) + 1) >= 1:
            raise CalibrationError(f"empty test: expected a budget of 1 in {len(self.scores) + 1} or more, came {pfa}")
        if p_value <= pfa:
            return LoadAnswer.LOADED
        return LoadAnswer.EMPTY if p_value > max(CLEAR, pfa) else LoadAnswer.UNDETERMINED


@dataclass(frozen=True, eq=False)
class LoadSection:
    """A metre of the travel: columns of the scan (start, end), its score and answer."""

    columns: tuple[int, int]
    score: float
    answer: LoadAnswer


@dataclass(frozen=True, eq=False)
class LoadResult:
    """The answer for a scan.

    score, p_value: None where it is undetermined for another reason, which `why` says. mass: of what stands out, None
    where nothing does or where the load is more than that. boxes: (x, y, w, h) in pixels of the scan.
    """

    answer: LoadAnswer
    score: float | None = None
    p_value: float | None = None
    mass: Mass | None = None
    sections: tuple[LoadSection, ...] = ()
    boxes: tuple[tuple[int, int, int, int], ...] = ()
    why: str = ""

    def to_record(self) -> LoadRecord:
        """What a record holds of it; masses in kg, None where unknown."""
        known = self.mass is not None and np.isfinite(self.mass.high)
        mass = [round(v, 2) for v in (self.mass.kg, self.mass.low, self.mass.high)] if self.mass and known else None
        return LoadRecord(
            answer=self.answer,
            p_value=self.p_value,
            score=None if self.score is None else round(self.score, 4),
            mass_kg=mass[0] if mass else None,
            mass_low_kg=mass[1] if mass else None,
            mass_high_kg=mass[2] if mass else None,
            sections=tuple(
                SectionRecord(start=section.columns[0], end=section.columns[1], answer=section.answer)
                for section in self.sections
            ),
            boxes=self.boxes,
            why=self.why,
        )


@cache
def standard() -> EmptyStandard:
    """The one that ships; `nii study empty_standard` makes it."""
    record = json.loads((files("nii.analysis.empty") / "standard.json").read_text())
    return EmptyStandard(
        tuple(record["scales"]), tuple(record["scores"]), record["command"], tuple(record["mass_ratios"])
    )


def find_load(scan: Scan, by: EmptyStandard | None = None, *, pfa: float = PFA, looked: bool = False) -> LoadResult:
    """Whether a container, trailer or box holds anything, by its walls, floor and light.

    Undetermined where the scan has no pitch, is no transmission at MV energies, shows nothing
    (`nii.quality.blank`) or shows no body of 3.5 m or more. looked: the caller knows that it shows something.
    """
    by = by or standard()
    if (why := unfit(scan, looked=looked)) is not None or scan.pitch_mm is None:
        return LoadResult(LoadAnswer.UNDETERMINED, why=why or "")
    A = on_grid(scan, scan.pitch_mm)
    rooms = find_rooms(np.asarray(A.mean(axis=0), np.float32))
    if not rooms:
        return LoadResult(LoadAnswer.UNDETERMINED, why="no container, trailer or box of 3.5 m or more in view")
    looks = [look(A, room) for room in rooms]
    scale = np.array(by.scales)[:, None]
    ratios = [one.by_column / scale for one in looks]
    score = float(max(ratio.max() for ratio in ratios))
    p_value = by.p_value(score)
    to_pixels = (scan.shape[0] / A.shape[1], scan.shape[1] / A.shape[2])
    sections = [
        LoadSection(_columns(piece, to_pixels[1]), value, by.answer(by.p_value(value), pfa))
        for room, ratio in zip(rooms, ratios, strict=True)
        for piece, value in _sections(room, ratio)
    ]
    answer = by.answer(p_value, pfa)
    most = max(range(len(rooms)), key=lambda number: float(ratios[number].max()))
    stands_out = float(ratios[most][: 2 * len(SIZES_MM)].max()) >= score  # else the load is more than a thing
    thing = _thing(looks[most], ratios[most]) if answer is LoadAnswer.LOADED and stands_out else None
    return LoadResult(
        answer=answer,
        score=score,
        p_value=p_value,
        mass=None if thing is None else _mass(scan, A, thing, by.mass_ratios),
        sections=tuple(sections),
        boxes=() if thing is None else (_box(thing, to_pixels),),
    )


def unfit(scan: Scan, *, looked: bool = False) -> str | None:
    """Why the test says nothing of such a scan; None where it does. looked: it is known to show something."""
    if scan.kind is not Kind.TRANSMISSION:
        return "an operator image holds no transmission"
    if scan.pitch_mm is None:
        return "pixel pitch unknown"
    if any(map(of_tube, scan.energies)):
        return "made for MV energies"
    return None if looked or (nothing := blank(scan)) is None else f"the scan shows nothing: {nothing}"


@dataclass(frozen=True, eq=False)
class RoomMeasurement:
    """What a room shows.

    by_column: of each of KINDS, float64 (kind, column). maps: of inside and floor, float32 (size, row, column).
    """

    room: Room
    by_column: Array
    maps: tuple[FloatArray, FloatArray]


def look(A: FloatArray, room: Room) -> RoomMeasurement:
    """Measure one room in attenuation (energy, row, column) on the grid."""
    columns = slice(*room.columns)
    mean = np.asarray(A.mean(axis=0), np.float32)
    strips = [mean[slice(*rows), columns] for rows in (room.rows, room.floor)]
    posts = _posts(strips[0], room.level)
    inside, floor = _inside_map(strips[0], posts), _floor_map(strips[1], strips[0], posts)
    n = room.columns[1] - room.columns[0]
    tall = _tall(strips[0])
    low = np.full(n, 1000 / max(room.height_mm, 1.0))
    dark = np.full(n, max(room.level, 0.0))
    by_column = np.vstack([inside.max(axis=1), floor.max(axis=1), tall, low, dark])
    return RoomMeasurement(room, np.asarray(by_column, np.float64), (inside, floor))


def _posts(inside: FloatArray, level: float) -> Mask:
    """Columns that are dark all the way up and too narrow for a load, with their edges."""
    dark = (np.percentile(inside, 20, axis=0) > level + POST).astype(np.uint8)[None]
    load = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((1, int(TALL_MM / GRID_MM)), np.uint8))
    return np.asarray(cv2.dilate(dark - load, np.ones((1, 2 * POST_EDGE + 1), np.uint8))[0] > 0)


def _inside_map(strip: FloatArray, posts: Mask) -> FloatArray:
    """What stands out from the walls; nothing where too little of them is seen, at posts, or high up at the ends."""
    if len(strip) < FEWEST_ROWS:
        return np.zeros((len(SIZES_MM), *strip.shape), np.float32)
    looked_at = np.tile(~posts, (len(strip), 1))
    rows, end = len(strip) // 2, int(END_MM / GRID_MM)
    looked_at[:rows, :end] = looked_at[:rows, -end:] = False
    left = residual(strip)
    return in_sigmas(standing_out(left, looked_at, column_noise(left)))


def _floor_map(strip: FloatArray, inside: FloatArray, posts: Mask) -> FloatArray:
    """What stands out from the floor where it is seen obliquely, but at posts and ends."""
    if not len(strip):
        return np.zeros((len(SIZES_MM), 1, strip.shape[1]), np.float32)
    looked_at = np.tile(~posts, (len(strip), 1))
    end = int(END_MM / GRID_MM)
    looked_at[:, :end] = looked_at[:, -end:] = False
    left = continued(strip, inside)
    return standing_out(left, looked_at, row_noise(left))


def _tall(inside: FloatArray) -> Array:
    """By how much each column is darker from top to bottom than usual, where that is no post, (column,)."""
    column = np.percentile(inside, 30, axis=0).astype(np.float32)[None]
    width = min(int(TALL_MM / GRID_MM), column.shape[1])
    opened = cv2.morphologyEx(column, cv2.MORPH_OPEN, np.ones((1, width), np.uint8))[0]
    return np.asarray(np.maximum(opened - np.percentile(opened, 20), 0), np.float64)


def _sections(room: Room, ratio: Array) -> list[tuple[tuple[int, int], float]]:
    """Columns of the grid and highest ratio of each metre."""
    start, end = room.columns
    edges = np.linspace(start, end, max(round((end - start) * GRID_MM / SECTION_MM), 1) + 1).astype(int)
    return [((int(a), int(b)), float(ratio[:, a - start : b - start].max())) for a, b in itertools.pairwise(edges)]


@dataclass(frozen=True, eq=False)
class Outlier:
    """What stands out most in a room: its mask over the rows of inside and floor, bool (row, column), on the grid."""

    room: Room
    mask: Mask


def _thing(one: RoomMeasurement, ratio: Array) -> Outlier | None:
    """The thing of the highest ratio, through both strips; None where nothing stands out."""
    n = len(SIZES_MM)
    size = int(np.maximum(ratio[:n], ratio[n : 2 * n]).max(axis=1).argmax())
    number = int(ratio[n + size].max() > ratio[size].max())
    strips = [found[size] for found in one.maps]
    row, column = np.unravel_index(int(strips[number].argmax()), strips[number].shape)
    fine = np.vstack([found[0] for found in one.maps])
    above = (fine > max(EDGE_SIGMAS, EDGE_SHARE * float(fine.max()))).astype(np.uint8)
    _, labels = cv2.connectedComponents(cv2.dilate(above, np.ones((3, 3), np.uint8)))
    label = labels[int(row) + number * len(strips[0]), int(column)]
    if not label:
        return None
    wide = cv2.dilate((labels == label).astype(np.uint8), np.ones((2 * MARGIN + 1,) * 2, np.uint8))
    return Outlier(one.room, np.asarray(wide > 0))


def _mass(scan: Scan, A: FloatArray, thing: Outlier, ratios: tuple[float, ...]) -> Mass | None:
    """Its mass and material; None where the energies are unknown."""
    beams = standard_beams(scan.energies) if scan.energies else None
    if beams is None:
        return None
    columns = slice(*thing.room.columns)
    inside, floor = (A[:, slice(*rows), columns] for rows in (thing.room.rows, thing.room.floor))
    excess = np.concatenate(
        [[residual(plane) for plane in inside], [continued(*pair) for pair in zip(floor, inside, strict=True)]], axis=1
    )
    T = np.exp(-np.concatenate([inside, floor], axis=1))
    found = layer_mass(excess, thing.mask, T, beams)
    return None if found is None else calibrate_mass(found, ratios)


def _columns(piece: tuple[int, int], by: float) -> tuple[int, int]:
    return round(piece[0] * by), round(piece[1] * by)


def _box(thing: Outlier, by: tuple[float, float]) -> tuple[int, int, int, int]:
    x, y, w, h = (int(v) for v in cv2.boundingRect(thing.mask.astype(np.uint8)))
    x, y = x + thing.room.columns[0], y + thing.room.rows[0]
    return round(x * by[1]), round(y * by[0]), max(round(w * by[1]), 1), max(round(h * by[0]), 1)
