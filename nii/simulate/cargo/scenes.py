"""Cargo scenes: a conveyance, what it carries, and now and then something concealed."""

from collections.abc import Sequence
from dataclasses import dataclass

from nii.physics.materials import STEEL
from nii.simulate.cargo.loads import KINDS, UNLISTED, Load, draw_load
from nii.simulate.contraband.concealments import LOOSE, draw_concealment, draw_families
from nii.simulate.contraband.placing import behind_dense
from nii.simulate.conveyance.draw import SHARES, draw_conveyance
from nii.simulate.conveyance.structure import Conveyance
from nii.simulate.render.draws import Rng
from nii.simulate.render.scene import Concealment, Part, Scene, Spot, enclosing
from nii.simulate.render.shapes import Box

MIXED = 0.25  # share of loads of two kinds
TWO = 0.1  # share of concealed scenes with two concealments
END_GAP = 0.2  # share of benign loads that leave room for a second wall, as loads before one do
CAB_LEFT_OUT = 0.2  # share of scans of trucks that begin behind the cab, where somebody sits
DENSE = 0.2  # share of loose concealments that are put in line with the densest goods
EYE = 1200.0  # mm: height of most sources, from where things are seen
NEARER = (1.18, 1.32)  # how much larger the near side of a conveyance looks than its middle
SHIELDED = 0.15  # share of loose concealments with a plate of metal behind


@dataclass(frozen=True)
class Filled:
    """A room, without what is left free at its ends, and its loads."""

    room: Box
    loads: tuple[Load, ...]

    @property
    def spots(self) -> tuple[Spot, ...]:
        """Where something can be put."""
        return tuple(spot for load in self.loads for spot in load.spots)

    @property
    def parts(self) -> tuple[Part, ...]:
        """All goods."""
        return tuple(part for load in self.loads for part in load.parts)


def draw_cargo(rng: Rng, *, concealed: bool, unlisted: float = 0.0) -> Scene:
    """One cargo scene; with `concealed`, one concealment (in one of ten scenes two).

    unlisted: share of loads of no kind; above 0, concealments of no kind and shields are drawn more broadly, too.
    """
    conveyance = draw_conveyance(rng, str(rng.choice(list(SHARES), p=list(SHARES.values()))))
    families = draw_families(rng, conveyance, 2 if rng.random() < TWO else 1) if concealed else ()
    rooms = [left_free(rng, room, conveyance, families) for room in conveyance.rooms]
    filled = [fill(rng, room, unlisted=unlisted) for room in rooms]
    concealments = tuple(_draw_one(rng, family, conveyance, filled, broad=unlisted > 0) for family in families)
    return assembled(conveyance, filled, concealments, draw_extent(rng, conveyance, concealments))


def assembled(
    conveyance: Conveyance, filled: list[Filled], concealments: tuple[Concealment, ...], extent: Box
) -> Scene:
    """The scene of what was drawn; its load is called "a+b" where rooms hold several kinds."""
    return Scene(
        conveyance=conveyance.parts,
        load=tuple(part for one in filled for part in one.parts),
        concealments=concealments,
        cargo="+".join(dict.fromkeys(load.kind for one in filled for load in one.loads)),
        extent=extent,
        conveyance_kind=conveyance.kind,
    )


def left_free(rng: Rng, room: Box, conveyance: Conveyance, families: tuple[str, ...]) -> Box:
    """The room without the ends where a second wall stands, or could."""
    x0, x1 = room.x
    for cavity in conveyance.cavities.get("front", ()):
        box = cavity.shape.bounds
        if box.x[0] == room.x[0] and ("false_wall" in families or rng.random() < END_GAP):
            x0 = box.x[1] + 10
    for cavity in conveyance.cavities.get("door", ()):
        box = cavity.shape.bounds
        if box.x[1] == room.x[1] and ("door_hide" in families or rng.random() < END_GAP):
            x1 = box.x[0] - 10
    return Box((x0, x1), room.y, room.z)


def fill(rng: Rng, room: Box, *, unlisted: float = 0.0) -> Filled:
    """Loads of one kind or of two; each of no kind with the probability `unlisted`."""
    if rng.random() >= MIXED:
        return Filled(room, (draw_load(rng, _kind(rng, KINDS, unlisted), room),))
    cut = room.x[0] + (room.x[1] - room.x[0]) * rng.uniform(0.3, 0.7)
    halves = (Box((room.x[0], cut), room.y, room.z), Box((cut + 20, room.x[1]), room.y, room.z))
    full = [kind for kind in KINDS if kind != "empty"]
    return Filled(room, tuple(draw_load(rng, _kind(rng, full, unlisted), half) for half in halves))


def _kind(rng: Rng, kinds: Sequence[str], unlisted: float) -> str:
    # no draw where there are none of no kind, so that sets without them keep their bytes
    return UNLISTED if unlisted and rng.random() < unlisted else str(rng.choice(kinds))


def _draw_one(rng: Rng, family: str, conveyance: Conveyance, filled: list[Filled], *, broad: bool) -> Concealment:
    where = filled[rng.integers(len(filled))]
    spots = where.spots
    if family in LOOSE and rng.random() < DENSE:
        spots = behind_dense(spots, where.parts)
    found = draw_concealment(rng, family, conveyance, where.room, spots, broad=broad)
    if family not in LOOSE or rng.random() >= SHIELDED:
        return found
    # Shielded: a plate of metal behind it, part of what should not be there.
    box = enclosing(found.parts)
    metal, density = [STEEL, ("lead", 11.34), ("aluminium", 2.7)][rng.integers(3)]
    plate = Box(box.x, (box.y[1], box.y[1] + rng.uniform(1, 6)), box.z)
    return Concealment(family, (*found.parts, Part(plate, metal, density)), found.displaced)


def draw_extent(rng: Rng, conveyance: Conveyance, concealments: tuple[Concealment, ...]) -> Box:
    """What the picture shows: all of it and some air, or without the cab, or without what is near the road.

    Whatever is concealed is always in view.
    """
    whole, body = enclosing(conveyance.parts), conveyance.outside
    hidden = [enclosing(concealment.parts) for concealment in concealments]
    margin = rng.uniform(150, 700)
    left = body.x[0] - 250 if rng.random() < CAB_LEFT_OUT else whole.x[0] - margin
    left = min([left, *(box.x[0] - 200 for box in hidden)])
    low = whole.z[0] if rng.random() < 0.6 else max(whole.z[0], -rng.uniform(0, 250))
    low = min([low, *(box.z[0] for box in hidden)])
    nearer = rng.uniform(*NEARER)
    z = (EYE + (low - EYE) * nearer - rng.uniform(0, 60), EYE + (whole.z[1] - EYE) * nearer + rng.uniform(40, 300))
    return Box((left, whole.x[1] + margin), body.y, z)
