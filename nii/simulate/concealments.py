"""Concealments: what should not be there, put where a smuggler would put it.

A family is a COCO category. Every builder draws its own sizes, materials and place; what is put
inside goods displaces them, so that the excess is the difference of two physical scenes.
"""

from collections.abc import Callable
from dataclasses import replace

from nii.simulate.containers import Conveyance
from nii.simulate.draws import Rng
from nii.simulate.hidden_goods import (
    bricks,
    bulk_bag,
    contraband,
    die_moulds,
    firearms,
    jerrycans,
    other,
    pill_press,
    pills,
    press_parts,
)
from nii.simulate.hidden_in_structure import false_wall, floor_hide, roof_hide, wall_hide
from nii.simulate.placing import displaced, draw_place
from nii.simulate.scene import Concealment, Part, Spot, enclosing
from nii.simulate.shapes import shifted

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

STRUCTURAL: dict[str, Callable[[Rng, Conveyance], list[Part]]] = {
    "false_wall": false_wall,
    "floor_hide": floor_hide,
    "roof_hide": roof_hide,
    "wall_hide": wall_hide,
}
"""Families of changes to the conveyance; they are built in its cavities."""

FAMILIES = tuple(sorted({*LOOSE, *STRUCTURAL}))


def draw_concealment(rng: Rng, family: str, conveyance: Conveyance, spots: tuple[Spot, ...]) -> Concealment:
    """One concealment of a family (one of FAMILIES), in a place that this family may take."""
    if family in STRUCTURAL:
        return Concealment(family, tuple(STRUCTURAL[family](rng, conveyance)))
    parts = LOOSE[family](rng)
    move, host = draw_place(rng, enclosing(parts), conveyance.inside, spots)
    moved = tuple(replace(part, shape=shifted(part.shape, move)) for part in parts)
    return Concealment(family, moved, displaced(moved, host))
