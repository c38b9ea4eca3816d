"""Concealments: what should not be there, put where a smuggler would put it.

A family is a COCO category. Every builder draws its own sizes, materials and place; what is put
inside goods displaces them, so that the excess is the difference of two physical scenes.
"""

from collections.abc import Callable
from dataclasses import replace

from nii.simulate.contraband.goods import contraband
from nii.simulate.contraband.hidden_goods import bricks, bulk_bag, firearms, jerrycans, other, pills
from nii.simulate.contraband.hidden_in_structure import (
    Change,
    beam_hide,
    door_hide,
    false_wall,
    floor_hide,
    reefer_hide,
    roof_hide,
    tank_hide,
    tyre_hide,
    wall_hide,
)
from nii.simulate.contraband.placing import displaced, draw_place
from nii.simulate.contraband.presses import die_moulds, pill_press, press_parts
from nii.simulate.contraband.shields import shielded
from nii.simulate.conveyance.structure import Conveyance
from nii.simulate.render.draws import Rng
from nii.simulate.render.freeform import anything
from nii.simulate.render.scene import Concealment, Part, Spot, enclosing
from nii.simulate.render.shapes import Box

LOOSE: dict[str, Callable[[Rng], list[Part]]] = {
    "bricks": bricks,
    "bulk_bag": bulk_bag,
    "contraband": contraband,
    "die_moulds": die_moulds,
    "firearm": firearms,
    "jerrycans": jerrycans,
    "other": other,
    "pill_press": pill_press,
    "pills": pills,
    "press_parts": press_parts,
}
"""Families of things; they are put in the load or on it."""

STRUCTURAL: dict[str, tuple[str, Callable[[Rng, Conveyance], Change]]] = {
    "beam_hide": ("beam", beam_hide),
    "door_hide": ("door", door_hide),
    "false_wall": ("front", false_wall),
    "floor_hide": ("floor", floor_hide),
    "reefer_hide": ("insulation", reefer_hide),
    "roof_hide": ("roof", roof_hide),
    "tank_hide": ("tank", tank_hide),
    "tyre_hide": ("tyre", tyre_hide),
    "wall_hide": ("side", wall_hide),
}
"""Families of changes to the conveyance; each needs a cavity of the name given here."""

FAMILIES = tuple(sorted({*LOOSE, *STRUCTURAL}))

FREEFORM = 0.7  # share of broadly drawn things of no kind that are freeform, and not a union of plain solids
PLATED = 0.1  # share of broadly drawn loose things that lie behind an opaque plate

RARE = {"reefer_hide": 8.0, "tank_hide": 2.5, "tyre_hide": 2.0}
"""Weight of families that only some conveyances can hold, so that they are not rare in a set; of others 1."""


def draw_families(rng: Rng, conveyance: Conveyance, count: int) -> tuple[str, ...]:
    """Different families that this conveyance can hold."""
    able = [name for name in FAMILIES if name in LOOSE or STRUCTURAL[name][0] in conveyance.cavities]
    weights = [RARE.get(name, 1.0) for name in able]
    return tuple(str(name) for name in rng.choice(able, count, replace=False, p=[w / sum(weights) for w in weights]))


def draw_concealment(
    rng: Rng, family: str, conveyance: Conveyance, room: Box, spots: tuple[Spot, ...], *, broad: bool = False
) -> Concealment:
    """One concealment of a family (one of FAMILIES) that the conveyance can hold.

    A loose one is put in the room, in or on what its spots offer; a structural one in a cavity. broad: things of no
    kind are drawn more freely, and some loose ones lie behind opaque plates.
    """
    if family in STRUCTURAL:
        parts, pushed_out = STRUCTURAL[family][1](rng, conveyance)
        return Concealment(family, tuple(parts), tuple(pushed_out))
    parts = draw_loose(rng, family) if broad else LOOSE[family](rng)
    move, host = draw_place(rng, enclosing(parts), room, spots)
    moved = tuple(replace(part, shape=part.shape.shifted(move)) for part in parts)
    return Concealment(family, moved, displaced(moved, host))


def draw_loose(rng: Rng, family: str) -> list[Part]:
    """A thing of a family (one of LOOSE) at the origin, drawn broadly: of any form, behind plates or without."""
    parts = anything(rng) if family == "other" and rng.random() < FREEFORM else LOOSE[family](rng)
    return shielded(rng, parts) if rng.random() < PLATED else parts
