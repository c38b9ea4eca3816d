"""Loads: what fills a conveyance, and where in it something could be hidden.

A builder takes the free space and returns the parts. Apparent densities are of goods as packed,
air between them included (freight density tables; broad on purpose).
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from nii.simulate.cargo.arrangements import unlisted
from nii.simulate.cargo.bulky import bulk, coils, drums, ibc, logs, pipes, rolls, scrap
from nii.simulate.cargo.household import furniture, household
from nii.simulate.cargo.machines import cars, machinery, tyres
from nii.simulate.cargo.securing import secure
from nii.simulate.cargo.stacked import STACKED, pallet, stack
from nii.simulate.render.draws import Rng
from nii.simulate.render.scene import Part, Spot
from nii.simulate.render.shapes import Box

PAYLOAD_KG = 24_000.0  # of a 20-ft container; most are filled by volume or weight well below their 28 t
CONTAINER_MM = 5900.0  # inside length of a 20-ft container
ATTEMPTS = 6  # draws of a load before a too heavy one is made lighter
STRIP_MM = 120.0  # width of the strips of free space above a load
SECURED = 0.4  # share of loads with lashing or dunnage; loose bulk goods have none
LEAST_HEADROOM = 60.0  # mm under the roof, below which nothing fits on top of a load
UNSECURED = ("bulk", "empty", "scrap")
UNLISTED = "unlisted"  # kind of a load of no kind
DENSEST_HOST = 2.5  # g/cm3; nothing is hidden inside a thing of no kind that is denser
SOLID = ("steel", "pine")  # materials that nothing can be hidden inside

HS_CHAPTERS = {
    "appliances": "84", "bales": "52", "bulk": "10", "car": "87", "cartons": "96", "chemicals": "29",
    "drinks": "22", "drums": "27", "electronics": "85", "empty": "00", "frozen": "02", "furniture": "94",
    "household": "99", "ibc": "38", "logs": "44", "machinery": "84", "paper_rolls": "48", "pipes": "73",
    "produce": "08", "sacks": "11", "scrap": "72", "steel_coils": "72", "tiles": "69", "timber": "44",
    "tyres": "40",
}  # fmt: skip
"""Chapter of the Harmonized System that such goods are most often declared under; 99 and 00: no chapter."""


@dataclass(frozen=True)
class Load:
    """Parts of a load; its kind; spots where a concealment can be put."""

    kind: str
    parts: tuple[Part, ...]
    spots: tuple[Spot, ...]


def draw_load(rng: Rng, kind: str, space: Box) -> Load:
    """One load of a kind (one of KINDS, or UNLISTED), on the floor of `space`, partly or wholly filling it.

    Its mass stays within PAYLOAD_KG for a 20-ft container, in proportion to the length of the space:
    a heavier one is drawn again, and in the end made of lighter goods.
    """
    if kind == UNLISTED:
        load = built_load(rng, kind, unlisted, space)
        spots = (spot for spot in load.spots if spot.host is None or _holds(spot.host, load.parts))
        return replace(load, spots=tuple(spots))
    return built_load(rng, kind, BUILDERS.get(kind) or partial(stack, goods=STACKED[kind]), space)


def built_load(rng: Rng, kind: str, build: Callable[[Rng, Box], list[Part]], space: Box) -> Load:
    """As draw_load, by any builder."""
    limit = PAYLOAD_KG * (space.x[1] - space.x[0]) / CONTAINER_MM
    for _ in range(ATTEMPTS):
        parts = build(rng, space)
        mass = sum(part.mass_kg for part in parts)
        if mass <= limit:
            break
    else:
        parts = [replace(part, density=part.density * limit / mass) for part in parts]
    kept = secure(rng, parts, space) if parts and kind not in UNSECURED and rng.random() < SECURED else []
    return Load(kind, (*parts, *kept), tuple(_spots(parts, space)))


def _holds(host: Part, parts: tuple[Part, ...]) -> bool:
    """Whether a thing of no kind can be hidden in: light, and no shell, whose inside is taken out of it."""
    shell = any(part.sign < 0 and part.material == host.material and part.density == host.density for part in parts)
    return host.density < DENSEST_HOST and not shell


def _empty(rng: Rng, space: Box) -> list[Part]:
    """Nothing, or what is left behind: a pallet somewhere on the floor."""
    if rng.random() < 0.6:
        return []
    x = rng.uniform(space.x[0], space.x[1] - 1300)
    return pallet(rng, (x, x + 1200), (-400.0, 400.0), space.z[0])


BUILDERS: dict[str, Callable[[Rng, Box], list[Part]]] = {
    "bulk": bulk,
    "car": cars,
    "drums": drums,
    "empty": _empty,
    "furniture": furniture,
    "household": household,
    "ibc": ibc,
    "logs": logs,
    "machinery": machinery,
    "paper_rolls": rolls,
    "pipes": pipes,
    "scrap": scrap,
    "steel_coils": coils,
    "tyres": tyres,
}
"""Loads that are not stacked units; those are in STACKED."""

KINDS = tuple(sorted({*BUILDERS, *STACKED}))


def _spots(parts: list[Part], space: Box) -> list[Spot]:
    """Inside goods; above the load and the free floor, strip by strip along x."""
    inside = [
        Spot(part.shape, part)
        for part in parts
        if isinstance(part.shape, Box) and part.sign > 0 and part.material not in SOLID
    ]
    strips = np.linspace(space.x[0], space.x[1], max(int((space.x[1] - space.x[0]) / STRIP_MM), 2))
    boxes = [part.shape.bounds for part in parts if part.sign > 0]
    above = []
    for x0, x1 in itertools.pairwise(strips):
        tops = [box.z[1] for box in boxes if box.x[0] < x1 and box.x[1] > x0]
        top = max(tops, default=space.z[0])
        if space.z[1] - top > LEAST_HEADROOM:
            above.append(Spot(Box((float(x0), float(x1)), space.y, (top, space.z[1]))))
    return inside + above
