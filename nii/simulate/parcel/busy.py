"""Parcels as busy as luggage: dozens of things of any kind and of none, pressed into each other, with fine detail."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nii.simulate.parcel import circuits, fittings, remedies, soft_goods
from nii.simulate.parcel.gathering import gathered
from nii.simulate.parcel.goods import GOODS, make
from nii.simulate.parcel.items import Item, any_of, block, boxed
from nii.simulate.render.draws import Rng, log_uniform
from nii.simulate.render.freeform import draw_palette, thing
from nii.simulate.render.scene import Part
from nii.simulate.render.shapes import Box, Ellipsoid

Maker = Callable[[Rng], Item]

SOFT: tuple[Maker, ...] = (
    soft_goods.crumpled, soft_goods.crumpled, soft_goods.folded, soft_goods.folded, soft_goods.knot, soft_goods.bag,
    soft_goods.plush, soft_goods.wad,
)  # fmt: skip
SMALL: tuple[Maker, ...] = (
    fittings.zipper, fittings.buttons, fittings.coins, fittings.keys, fittings.screws, fittings.pins,
    fittings.small_springs, fittings.buckle, fittings.hinges, fittings.beads, fittings.pens, fittings.curtain_hooks,
    fittings.razors, circuits.light_chain, circuits.ribbon, circuits.loose_parts, circuits.batteries, remedies.sachets,
    remedies.vials,
)  # fmt: skip
ELECTRICAL: tuple[Maker, ...] = (
    circuits.board, circuits.cable, circuits.cable, circuits.charger, circuits.batteries, circuits.gadget,
    circuits.gadget, circuits.motor, circuits.light_chain,
)  # fmt: skip
DAILY: tuple[Maker, ...] = (
    remedies.blisters, remedies.blisters, remedies.tablets_in_bottle, remedies.tube, remedies.pump, remedies.sachets,
    remedies.sweets, remedies.tins, remedies.make_up, remedies.vials, fittings.umbrella, fittings.purse, fittings.pens,
)  # fmt: skip

COUNT = (7, 34)  # things in a parcel
HEAVIEST_KG = 16.0  # of them together
MOST_PARTS = 2500  # of them together
FREEFORM_PARTS = 24  # of a thing of no kind, at most
STUFFED = (0.2, 3.0)  # g/cm2 of cloth that a parcel is filled up with, on average over its floor
MOST_CLOTHS = 5
RETAIL = 0.12  # share of the hard ones in a carton of their own


def draw_busy(rng: Rng) -> list[Item]:
    """Dozens of things, their sorts in shares of this parcel's own, within HEAVIEST_KG and MOST_PARTS."""
    shares = rng.dirichlet((2.5, 2.0, 1.0, 1.0, 1.0, 0.7))
    items: list[Item] = []
    mass = parts = 0.0
    for _ in range(int(log_uniform(rng, *COUNT))):
        item = gathered(SORTS[rng.choice(len(SORTS), p=shares)](rng))
        mass += sum(part.mass_kg for part in item.parts)
        parts += len(item.parts)
        if mass > HEAVIEST_KG or parts > MOST_PARTS:
            break
        items.append(item)
    return items or [soft_goods.folded(rng)]


def _soft(rng: Rng) -> Item:
    return SOFT[rng.integers(len(SOFT))](rng)


def _small(rng: Rng) -> Item:
    return replace(SMALL[rng.integers(len(SMALL))](rng), soft=True)


def _electrical(rng: Rng) -> Item:
    return ELECTRICAL[rng.integers(len(ELECTRICAL))](rng)


def _daily(rng: Rng) -> Item:
    item = DAILY[rng.integers(len(DAILY))](rng)
    return boxed(rng, item) if rng.random() < RETAIL else item


def _listed(rng: Rng) -> Item:
    """A thing of one of the listed kinds of goods."""
    goods = GOODS[sorted(GOODS)[rng.integers(len(GOODS))]]
    item = make(rng, goods.things[rng.integers(len(goods.things))])
    return boxed(rng, item) if rng.random() < goods.retail else item


def no_kind(rng: Rng) -> Item:
    """A thing of no kind: solids, soft lumps, shells, frames, vessels or a cluster of them, of any substances."""
    size = log_uniform(rng, 15, 160)
    wide, deep, high = (size * log_uniform(rng, 0.35, 1.6) for _ in range(3))
    parts = thing(rng, block((wide, deep, high)), int(rng.integers(1, FREEFORM_PARTS + 1)), draw_palette(rng, 1, 5))
    return Item(tuple(parts), soft=bool(rng.random() < 0.3))


SORTS: tuple[Maker, ...] = (_soft, _small, _electrical, _daily, _listed, no_kind)


def stuffing(rng: Rng, room: Box) -> list[Item]:
    """Cloth that fills this room up between other things: pieces as wide as half of it or all of it."""
    sides = np.array([side[1] - side[0] for side in (room.x, room.y, room.z)])
    wanted = log_uniform(rng, *STUFFED) * sides[0] * sides[1] / 1e5  # kg
    stuffs = [any_of(rng, soft_goods.YARNS) for _ in range(2)]
    items: list[Item] = []
    for _ in range(MOST_CLOTHS):
        wide, deep, high = (float(side) for side in sides * rng.uniform((0.4, 0.4, 0.25), (0.98, 0.98, 0.9)))
        shape = (
            block((wide, deep, high))
            if rng.random() < 0.6
            else Ellipsoid((0, 0, high / 2), (wide / 2, deep / 2, high / 2))
        )
        look = soft_goods.face(rng, (1.8, 50), (0.15, 0.5))
        items.append(Item((Part(shape, *stuffs[rng.integers(2)], texture=look),), soft=True))
        wanted -= items[-1].parts[0].mass_kg
        if wanted < 0:
            break
    return items
