"""Opaque things with sharp edges among what isn't opaque: somebody may have put them there to hide something.

Wheels, axles, engines and rows of tanks are opaque and sharp, too: a shield is one of few opaque things in a scan,
fills a rectangle, and doesn't lie at the bottom of what is in view.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from nii.analysis.fields import ShieldRecord
from nii.analysis.seen.view import Mask, View

SMALLEST = 25  # cells; of 24 mm: the face of 1 kg of powder, and a little more
STEP = 1.5  # attenuation by which the place next to an edge is lighter
REACH = 2  # cells over which an edge is as sharp as the focal spot and the grid make it
SHARP = 0.8  # share of the edge with such a step, to something that is loaded and seen through
FILLED = 0.75  # share of the smallest rectangle around it, turned as it lies
MOST = 4  # opaque things of that size in a scan; where there are more, they belong to the load or the vehicle
LOWEST = 0.65  # of the height of what is in view above and below it, from the top: below are wheels, engine and tank


@dataclass(frozen=True)
class Shield:
    """One of them. box: (x, y, w, h) in pixels of the scan. attenuation, around: medians in it and next to it.

    sharp: share of its edge that is sharp.
    """

    box: tuple[int, int, int, int]
    attenuation: float
    around: float
    sharp: float

    def to_record(self) -> ShieldRecord:
        """What a record holds of it."""
        return ShieldRecord(
            box=self.box,
            attenuation=round(self.attenuation, 2),
            around=round(self.around, 2),
            sharp=round(self.sharp, 2),
        )


def find_shields(view: View) -> tuple[Shield, ...]:
    """The shields in a view, the largest first."""
    things = list(_opaque_things(view))
    found = [_shield(view, thing) for thing in things] if len(things) <= MOST else []
    return tuple(one for one in found if one is not None)


@dataclass(frozen=True, eq=False)
class _Thing:
    """A connected area of opaque cells. near: REACH around its box (row, column, height, width). mask: within near."""

    row: int
    column: int
    height: int
    width: int
    near: tuple[slice, slice]
    mask: npt.NDArray[np.uint8]


def _opaque_things(view: View) -> Iterator[_Thing]:
    """Those that count, the largest first."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(view.unseen.view(np.uint8), connectivity=4)
    area = stats[1:, cv2.CC_STAT_AREA]
    for number in (1 + np.argsort(-area, kind="stable"))[: np.count_nonzero(area >= SMALLEST)]:
        x, y, w, h, _ = (int(value) for value in stats[number])
        near = slice(max(y - REACH, 0), y + h + REACH), slice(max(x - REACH, 0), x + w + REACH)
        yield _Thing(y, x, h, w, near, np.asarray(labels[near] == number, np.uint8))


def _shield(view: View, thing: _Thing) -> Shield | None:
    edge = _grown(thing.mask, REACH) & ~_grown(thing.mask, REACH - 1)
    if not edge.any() or _filled(thing.mask) < FILLED or _height(view.load, thing) > LOWEST:
        return None
    A = view.attenuation[thing.near]
    level = float(np.median(A[thing.mask > 0]))
    lighter = float(np.median(A[_rim(thing.mask)])) - A > STEP
    sharp = float((view.load[thing.near] & ~view.dark[thing.near] & lighter)[edge].mean())
    if sharp < SHARP:
        return None
    box = view.pixels(thing.row, thing.column, thing.height, thing.width)
    return Shield(box, level, float(np.median(A[edge])), sharp)


def _grown(mask: npt.NDArray[np.uint8], by: int) -> Mask:
    return np.asarray(cv2.dilate(mask, np.ones((2 * by + 1,) * 2, np.uint8)), np.uint8) > 0


def _rim(mask: npt.NDArray[np.uint8]) -> Mask:
    """The cells of a mask at its edge."""
    inner = cv2.erode(mask, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray((mask > 0) & (np.asarray(inner, np.uint8) == 0))


def _filled(mask: npt.NDArray[np.uint8]) -> float:
    """Share of the smallest rectangle around a mask, turned in any way, that it fills."""
    rows, columns = np.nonzero(mask)
    _, (width, height), _ = cv2.minAreaRect(np.stack([columns, rows], axis=1).astype(np.float32))
    return rows.size / ((width + 1) * (height + 1))


def _height(load: Mask, thing: _Thing) -> float:
    """Where the middle of a thing lies between the top (0) and the bottom (1) of what is in view in its columns."""
    rows = np.flatnonzero(load[:, thing.column : thing.column + thing.width].mean(axis=1) > 0.5)
    return float((thing.row + thing.height / 2 - rows[0]) / (rows[-1] + 1 - rows[0]))
