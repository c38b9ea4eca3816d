"""Cargo scenes of the held-out world: its loads in its conveyances, and concealments in hiding places of their own."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nii.physics.materials import STEEL
from nii.simulate.cargo.loads import Load, built_load
from nii.simulate.cargo.scenes import Filled, assembled, left_free
from nii.simulate.contraband.concealments import LOOSE, draw_concealment, draw_families
from nii.simulate.conveyance.structure import Conveyance
from nii.simulate.held_out.clutter import engine_parts, fishing_gear, shop_goods
from nii.simulate.held_out.conveyances import draw_held_out_conveyance
from nii.simulate.held_out.forms import place
from nii.simulate.held_out.frames import bicycles, chairs, garments, mesh
from nii.simulate.render.draws import Rng, log_uniform
from nii.simulate.render.scene import Concealment, Part, Scene, enclosing
from nii.simulate.render.shapes import Box

BUILDERS: dict[str, Callable[[Rng, Box], list[Part]]] = {
    "bicycles": bicycles,
    "chairs": chairs,
    "engine_parts": engine_parts,
    "fishing_gear": fishing_gear,
    "garments": garments,
    "reinforcing_mesh": mesh,
    "shop_goods": shop_goods,
}
"""Loads that training lacks."""

HS_CHAPTERS = {
    "bicycles": "87", "chairs": "94", "engine_parts": "84", "fishing_gear": "56", "garments": "62",
    "reinforcing_mesh": "73", "shop_goods": "99",
}  # fmt: skip
"""As in nii.simulate.cargo.loads."""

MIXED = 0.3  # share of loads of two kinds
TWO = 0.1  # share of concealed scenes with two concealments
AMONG = 0.4  # share of loose concealments that goods are moved aside for, anywhere among them
CASED = 0.3  # share of loose concealments in a box of metal among goods
CASES = (STEEL, STEEL, ("aluminium", 2.7), ("lead", 11.34))
"""Metals of such boxes with their densities in g/cm3."""


def draw_held_out(rng: Rng, *, concealed: bool) -> Scene:
    """One scene; with `concealed`, one concealment of training's families (in one of ten scenes two)."""
    conveyance = draw_held_out_conveyance(rng)
    families = draw_families(rng, conveyance, 2 if rng.random() < TWO else 1) if concealed else ()
    filled = [_fill(rng, left_free(rng, room, conveyance, families)) for room in conveyance.rooms]
    concealments = tuple(_draw_one(rng, family, conveyance, filled) for family in families)
    return assembled(conveyance, filled, concealments, _draw_extent(rng, conveyance, concealments))


def _fill(rng: Rng, room: Box) -> Filled:
    """One load over part of the room or all of it, or two."""
    if rng.random() >= MIXED:
        share = 1.0 if rng.random() < 0.6 else rng.uniform(0.5, 1)
        end = room.x[0] + (room.x[1] - room.x[0]) * share
        return Filled(room, (_draw_load(rng, Box((room.x[0], end), room.y, room.z)),))
    cut = room.x[0] + (room.x[1] - room.x[0]) * rng.uniform(0.35, 0.65)
    halves = (Box((room.x[0], cut), room.y, room.z), Box((cut + 20, room.x[1]), room.y, room.z))
    return Filled(room, tuple(_draw_load(rng, half) for half in halves))


def _draw_load(rng: Rng, space: Box) -> Load:
    kind = str(rng.choice(sorted(BUILDERS)))
    return built_load(rng, kind, BUILDERS[kind], space)


def _draw_one(rng: Rng, family: str, conveyance: Conveyance, filled: list[Filled]) -> Concealment:
    """As elsewhere; or among goods that give way, bare or in a box of metal."""
    where = filled[rng.integers(len(filled))]
    way = rng.random()
    if family not in LOOSE or way >= AMONG + CASED or not where.parts:
        return draw_concealment(rng, family, conveyance, where.room, where.spots)
    parts = LOOSE[family](rng)
    return Concealment(family, tuple(_among(rng, parts if way < AMONG else _cased(rng, parts), where)))


def _among(rng: Rng, parts: list[Part], where: Filled) -> list[Part]:
    """These parts anywhere within what the goods take up; they are light enough to be pushed aside."""
    own, goods = enclosing(parts), enclosing(where.parts)
    half = tuple((side[1] - side[0]) / 2 for side in (own.x, own.y, own.z))
    room = Box(goods.x, where.room.y, (where.room.z[0], max(goods.z[1], where.room.z[0] + 2 * half[2])))
    x, y, z = place(rng, room, (half[0], half[1], half[2]))
    by = (x - sum(own.x) / 2, y - sum(own.y) / 2, z - sum(own.z) / 2)
    return [replace(part, shape=part.shape.shifted(by)) for part in parts]


def _cased(rng: Rng, parts: list[Part]) -> list[Part]:
    """These parts in a box of metal, as a tool chest or a safe is."""
    own, wall, slack = enclosing(parts), log_uniform(rng, 0.8, 6), rng.uniform(3, 40)
    sides = (own.x, own.y, own.z)
    inner, outer = (Box(*((side[0] - by, side[1] + by) for side in sides)) for by in (slack, slack + wall))
    metal, density = CASES[rng.integers(len(CASES))]
    return [Part(outer, metal, density), Part(inner, metal, density, -1), *parts]


def _draw_extent(rng: Rng, conveyance: Conveyance, concealments: tuple[Concealment, ...]) -> Box:
    """All of it and some air, or without what is near the road; a near source sees it to its edges."""
    whole = enclosing(conveyance.parts)
    low = min([box.z[0] for box in map(enclosing, (concealment.parts for concealment in concealments))], default=0.0)
    low = whole.z[0] if rng.random() < 0.4 else min(low, float(np.maximum(whole.z[0], -rng.uniform(0, 250))))
    margin = rng.uniform(150, 700)
    x = (whole.x[0] - margin, whole.x[1] + margin)
    return Box(x, conveyance.outside.y, (low - rng.uniform(0, 60), whole.z[1] + rng.uniform(40, 300)))
