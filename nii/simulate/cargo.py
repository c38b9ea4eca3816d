"""Cargo scenes: a conveyance, what it carries, and now and then something concealed."""

from nii.simulate.concealments import FAMILIES, STRUCTURAL, draw_concealment
from nii.simulate.containers import Conveyance, draw_conveyance
from nii.simulate.draws import Rng
from nii.simulate.loads import KINDS, Load, draw_load
from nii.simulate.scene import Concealment, Part, Scene, enclosing
from nii.simulate.shapes import Box

CONVEYANCES = (("20ft", 0.65), ("40ft", 0.15), ("box-body", 0.2))
MIXED = 0.25  # share of loads of two kinds


def draw_cargo(rng: Rng, *, concealed: bool) -> Scene:
    """One cargo scene; with `concealed`, one concealment (in one of ten scenes two)."""
    kinds, shares = [kind for kind, _ in CONVEYANCES], [share for _, share in CONVEYANCES]
    conveyance = draw_conveyance(rng, str(rng.choice(kinds, p=shares)))
    families = _draw_families(rng) if concealed else ()
    space = conveyance.inside
    if "false_wall" in families or rng.random() < 0.2:  # benign loads leave a gap at the front, too
        space = Box((conveyance.cavities["front"].x[1] + 10, space.x[1]), space.y, space.z)
    loads = _draw_loads(rng, space)
    concealments = tuple(_draw_one(rng, family, conveyance, loads) for family in families)
    margin = rng.uniform(150, 700)
    low = min((part.shape.bounds.z[0] for part in conveyance.parts), default=0.0)
    out = conveyance.outside
    extent = Box(
        (out.x[0] - margin, out.x[1] + margin),
        out.y,
        (
            low - rng.uniform(0, 60) if rng.random() < 0.5 else -rng.uniform(0, 250),
            out.z[1] + rng.uniform(80, 400),
        ),
    )
    return Scene(
        conveyance=conveyance.parts,
        load=tuple(part for load in loads for part in load.parts),
        concealments=concealments,
        cargo="+".join(dict.fromkeys(load.kind for load in loads)),
        extent=extent,
        conveyance_kind=conveyance.kind,
    )


def _draw_families(rng: Rng) -> tuple[str, ...]:
    count = 2 if rng.random() < 0.1 else 1
    return tuple(str(name) for name in rng.choice(FAMILIES, count, replace=False))


def _draw_loads(rng: Rng, space: Box) -> list[Load]:
    if rng.random() >= MIXED:
        return [draw_load(rng, str(rng.choice(KINDS)), space)]
    cut = space.x[0] + (space.x[1] - space.x[0]) * rng.uniform(0.3, 0.7)
    halves = (Box((space.x[0], cut), space.y, space.z), Box((cut + 20, space.x[1]), space.y, space.z))
    full = [kind for kind in KINDS if kind != "empty"]
    return [draw_load(rng, str(rng.choice(full)), half) for half in halves]


def _draw_one(rng: Rng, family: str, conveyance: Conveyance, loads: list[Load]) -> Concealment:
    spots = tuple(spot for load in loads for spot in load.spots)
    found = draw_concealment(rng, family, conveyance, spots)
    if family in STRUCTURAL or rng.random() < 0.85:
        return found
    # Shielded: a plate or box of metal around it, part of what should not be there.
    box = enclosing(found.parts)
    metal, density = [("steel", 7.85), ("lead", 11.34), ("aluminium", 2.7)][rng.integers(3)]
    plate = Box(box.x, (box.y[1], box.y[1] + rng.uniform(1, 6)), box.z)
    return Concealment(family, (*found.parts, Part(plate, metal, density)), found.displaced)
