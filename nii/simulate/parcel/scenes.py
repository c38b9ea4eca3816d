"""Parcel scenes: one to several parcels on a belt, side by side or on each other, and now and then a concealment."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nii.simulate.cargo.loads import UNLISTED
from nii.simulate.parcel.busy import draw_busy, stuffing
from nii.simulate.parcel.goods import GOODS, HS_CHAPTERS, draw_goods
from nii.simulate.parcel.hides import NAMES, hide
from nii.simulate.parcel.items import Item, any_of, moved
from nii.simulate.parcel.packages import Package, draw_filling, draw_package
from nii.simulate.parcel.packing import Heap, lay
from nii.simulate.render.draws import Rng, log_uniform
from nii.simulate.render.scene import Concealment, Part, Scene, enclosing
from nii.simulate.render.shapes import Box, Float64Array

FAMILIES = NAMES
KINDS = tuple(sorted(HS_CHAPTERS))
EMPTY_SHARE = 0.04  # of parcels
COUNTS = (0.3, 0.32, 0.2, 0.12, 0.06)  # shares of images with one to five parcels
OVERLAPPING = 0.3  # share of parcels that lie before or on the one before them
HEAVIEST_KG = 20.0  # of a parcel; heavier ones go as freight
LOOSE, PRESSED = (0.45, 1.0), (1.3, 4.0)  # volume of the things in a parcel over that of the room for them
DEEPEST = 330.0  # mm from the middle plane that parcels on each other may reach

FROM_BELOW: Float64Array = np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]])
FROM_ABOVE: Float64Array = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
FROM_SIDE: Float64Array = np.eye(3)
"""From a parcel's axes (z up) to those of the scanner (y along the beam), by where the source is."""


@dataclass(frozen=True)
class Parcel:
    """A parcel on its own, standing on z = 0, z up.

    kind: of its goods. parts: package, goods, filling. concealment: what is hidden in it, if anything.
    """

    kind: str
    package: Package
    parts: tuple[Part, ...]
    concealment: Concealment | None = None


def draw_parcel(rng: Rng, kind: str, family: str | None = None, *, broad: bool = False) -> Parcel:
    """A parcel of this kind (one of KINDS, or UNLISTED), with a concealment of this family (one of FAMILIES) if given.

    broad: concealments are drawn as `hide` says.
    """
    while True:
        items = draw_busy(rng) if kind == UNLISTED else draw_goods(rng, kind)
        if sum(part.mass_kg for item in items for part in item.parts) < HEAVIEST_KG:
            break
    if family is not None:
        items = hide(rng, family, items, broad=broad)
    package = draw_package(rng, kind, items, fill=PRESSED if kind == UNLISTED else LOOSE)
    packed = _pack(rng, items, package.inside, stuffing if kind == UNLISTED else draw_filling)
    concealment = next((Concealment(family, i.hidden, i.displaced) for i in packed if family and i.hidden), None)
    goods = (part for item in packed for part in item.parts)
    return Parcel(kind, package, (*package.parts, *goods), concealment)


def _pack(rng: Rng, items: list[Item], inside: Box, fill: Callable[[Rng, Box], list[Item]]) -> list[Item]:
    """What fits of these things, in any order, and of some filling; the concealment always does."""
    order = [items[i] for i in rng.permutation(len(items))]
    filling = fill(rng, inside)
    packed = _drop(rng, order + filling, inside)
    if any(item.hidden for item in items) and not any(item.hidden for item in packed):
        packed = _drop(rng, sorted(order, key=lambda item: not item.hidden) + filling, inside)
    return packed


def _drop(rng: Rng, items: list[Item], inside: Box) -> list[Item]:
    heap = Heap(inside)
    rested = (
        lay(rng, item, inside) if item.soft else heap.drop(rng, item, careful=bool(item.hidden) or i == 0)
        for i, item in enumerate(items)
    )
    return [item for item in rested if item is not None]


def draw_scene(rng: Rng, *, concealed: bool, unlisted: float = 0.0) -> Scene:
    """Parcels on a belt; with `concealed`, something is hidden in one of them (in one of ten scenes in two).

    unlisted: share of busy parcels, which hold dozens of things of any kind and of none; above 0, concealments are
    drawn more broadly, too.
    """
    count = int(rng.choice(len(COUNTS), p=COUNTS)) + 1
    hiding = {int(i) for i in rng.permutation(count)[: 2 if rng.random() < 0.1 else 1]} if concealed else set()
    return on_belt(
        rng,
        [
            draw_parcel(
                rng, _draw_kind(rng, unlisted), str(rng.choice(FAMILIES)) if i in hiding else None, broad=unlisted > 0
            )
            for i in range(count)
        ],
    )


def on_belt(rng: Rng, parcels: list[Parcel]) -> Scene:
    """These parcels on a belt, seen from below, above or the side."""
    up = (FROM_BELOW, FROM_ABOVE, FROM_SIDE)[rng.choice(3, p=(0.4, 0.35, 0.25))]
    load: list[Part] = []
    concealments = []
    for parcel, turn in zip(parcels, _line_up(rng, parcels, up), strict=True):
        load += [moved(part, *turn) for part in parcel.parts]
        if found := parcel.concealment:
            parts, displaced = (tuple(moved(p, *turn) for p in group) for group in (found.parts, found.displaced))
            concealments.append(Concealment(found.family, parts, displaced))
    around, margin = enclosing(load), rng.uniform(8, 90, 4)
    extent = Box(
        (around.x[0] - margin[0], around.x[1] + margin[1]), around.y, (around.z[0] - margin[2], around.z[1] + margin[3])
    )
    return Scene(
        conveyance=_belt(rng, extent, up),
        load=tuple(load),
        concealments=tuple(concealments),
        cargo="+".join(dict.fromkeys(parcel.kind for parcel in parcels)),
        extent=extent,
        conveyance_kind="belt",
    )


def _draw_kind(rng: Rng, unlisted: float) -> str:
    # no draw where none is busy, so that sets without them keep their bytes
    if unlisted and rng.random() < unlisted:
        return UNLISTED
    return "empty" if rng.random() < EMPTY_SHARE else str(rng.choice(sorted(GOODS)))


def _line_up(rng: Rng, parcels: list[Parcel], up: Float64Array) -> list[tuple[Float64Array, Float64Array]]:
    """How each parcel is turned and moved: one after the other along x, some over the one before.

    Parcels over each other lie apart along the beam, so that no two fill the same space.
    """
    low = rng.uniform(0, 120) if up is not FROM_SIDE else 0.0
    turns: list[tuple[Float64Array, Float64Array]] = []
    before: Box | None = None
    for parcel in parcels:
        angle = rng.integers(4) * np.pi / 2 + (rng.normal(0, 0.12) if rng.random() < 0.6 else rng.uniform(-0.8, 0.8))
        c, s = np.cos(angle), np.sin(angle)
        axes = up @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
        own = enclosing([moved(part, axes, (0, 0, 0)) for part in parcel.package.parts])
        y = _belt_level(rng, own, up)
        x = rng.uniform(4, 60) if before is None else before.x[1] + rng.uniform(4, 120)
        if before is not None and rng.random() < OVERLAPPING:
            over = _beyond(before, own, up)
            if over is not None:
                y, x = over, before.x[1] - rng.uniform(0.1, 0.8) * (before.x[1] - before.x[0])
        z = low + rng.uniform(0, 100) if up is not FROM_SIDE else 0.0
        at = np.array([x - own.x[0], y - own.y[0], z - own.z[0]])
        turns.append((axes, at))
        before = Box((x, x + own.x[1] - own.x[0]), (y, y + own.y[1] - own.y[0]), (z, z + own.z[1] - own.z[0]))
    return turns


def _belt_level(rng: Rng, own: Box, up: Float64Array) -> float:
    """Where a parcel that lies on the belt begins along the beam."""
    depth = own.y[1] - own.y[0]
    if up is FROM_BELOW:
        return -150.0
    return 150.0 - depth if up is FROM_ABOVE else rng.uniform(-100, 100) - depth / 2


def _beyond(before: Box, own: Box, up: Float64Array) -> float | None:
    """Where a parcel on or behind this one begins along the beam; None if it would reach too far."""
    depth = own.y[1] - own.y[0]
    start = before.y[0] - depth - 1 if up is FROM_ABOVE else before.y[1] + 1
    return start if start > -DEEPEST and start + depth < DEEPEST else None


def _belt(rng: Rng, extent: Box, up: Float64Array) -> tuple[Part, ...]:
    """The belt where it shows: most scanners take their air level through it, so that only a rim does."""
    if rng.random() < 0.75:
        return ()
    x, thick = extent.x, rng.uniform(1.5, 4)
    material, density = any_of(rng, (("rubber", (0.8, 1.2)), ("nylon", (0.6, 1.1)), ("polyethylene", (0.6, 0.9))))
    if up is FROM_SIDE:
        return (Part(Box(x, (-250, 250), (-thick, 0)), material, density * log_uniform(rng, 0.1, 0.6)),)
    y = (-151 - thick, -151) if up is FROM_BELOW else (151, 151 + thick)
    edge = extent.z[0] + rng.uniform(5, 40)
    return (Part(Box(x, y, (edge, edge + rng.uniform(8, 40))), material, density),)
