"""What keeps a load in place: straps over it, rods, timber, air bags in gaps; and goods that slipped anyway."""

import numpy as np

from nii.physics.materials import STEEL_G_CM3
from nii.simulate.conveyance.structure import span
from nii.simulate.render.draws import Rng
from nii.simulate.render.scene import Part
from nii.simulate.render.shapes import Box, Ellipsoid, Interval, PrismY, rotated

STRAP = ("polyester_cloth", 1.3)  # with its density in g/cm3: woven, under tension
TIMBER = ("pine", 0.5)
AIR_BAG = ("polyethylene", 0.004)  # its two films and paper, spread over the bag
BAY = 400.0  # mm of free room behind a load, from which on a brace is built


def secure(rng: Rng, goods: list[Part], space: Box) -> list[Part]:
    """Lashing and dunnage for goods (at least one) in a space; most often one or two of the kinds."""
    boxes = [part.shape.bounds for part in goods if part.sign > 0]
    end, top = max(box.x[1] for box in boxes), max(box.z[1] for box in boxes)
    load = Box((space.x[0], min(end, space.x[1])), space.y, (space.z[0], min(top, space.z[1])))
    parts = []
    if rng.random() < 0.5:
        parts += _straps(rng, boxes, load)
    if rng.random() < 0.35:
        parts += _rods(rng, load)
    if space.x[1] - load.x[1] > BAY and rng.random() < 0.5:
        parts += _brace(rng, load, space)
    if rng.random() < 0.3:
        parts += _air_bags(rng, load)
    return parts


def fallen(rng: Rng, room: Interval, space: Box, unit: tuple[float, float], filling: tuple[str, float]) -> list[Part]:
    """A few units (width and height in mm) that fell off and lie tilted on the floor of a stretch along x."""
    parts = []
    wide, high = unit
    for _ in range(int(rng.integers(1, 4))):
        corners = rotated(
            ((-wide / 2, -high / 2), (wide / 2, -high / 2), (wide / 2, high / 2), (-wide / 2, high / 2)),
            rng.uniform(-1.2, 1.2),
            (rng.uniform(*room), 0.0),
        )
        low = min(z for _, z in corners)
        deep = min(wide, space.y[1] - space.y[0])  # a unit may be wider than a narrow room
        y = rng.uniform(space.y[0], space.y[1] - deep)
        lying = tuple((x, z - low + space.z[0] + 1) for x, z in corners)
        parts.append(Part(PrismY(lying, (y, y + deep)), *filling))
    return parts


def _straps(rng: Rng, boxes: list[Box], load: Box) -> list[Part]:
    """Straps over the load, from floor to floor, each with a ratchet."""
    parts: list[Part] = []
    for x in rng.uniform(load.x[0], load.x[1] - 50, int(rng.integers(1, 6))):
        tops = [box.z[1] for box in boxes if box.x[0] < x + 50 and box.x[1] > x]
        if not tops:
            continue
        top, wide = min(max(tops), load.z[1]), (float(x), float(x) + 50)
        sides = [Box(wide, span(y, -np.sign(y) * 3), (load.z[0], top)) for y in load.y]
        parts += [Part(box, *STRAP) for box in (*sides, Box(wide, load.y, (top, top + 3)))]
        z = rng.uniform(load.z[0] + 200, load.z[0] + 900)
        ratchet = Box((wide[0] - 5, wide[1] + 15), span(load.y[0], 45), (z, z + 130))
        parts.append(Part(ratchet, "steel", rng.uniform(2.0, 4.0)))
    return parts


def _rods(rng: Rng, load: Box) -> list[Part]:
    """Steel rods or chains, slanting from the floor to the load's upper edge, at one or both sides."""
    thick = rng.uniform(10, 22)
    parts = []
    for _ in range(int(rng.integers(1, 5))):
        run, rise = rng.uniform(300, 1400), rng.uniform(0.3, 0.95) * (load.z[1] - load.z[0])
        foot = rng.uniform(load.x[0], load.x[1])
        way = float(rng.choice([-1.0, 1.0])) * run
        foot = float(np.clip(foot, load.x[0] - min(way, 0), load.x[1] - max(way, 0)))
        low, high = (foot, load.z[0]), (foot + way, load.z[0] + rise)
        corners = ((low[0], low[1]), (low[0] + thick, low[1]), (high[0] + thick, high[1]), (high[0], high[1]))
        y = load.y[int(rng.integers(2))]
        parts.append(Part(PrismY(corners, span(y, -np.sign(y) * thick)), "steel", STEEL_G_CM3 * rng.uniform(0.6, 0.8)))
    return parts


def _brace(rng: Rng, load: Box, space: Box) -> list[Part]:
    """A timber frame against the end of the load, with struts to the floor or to the corner posts."""
    thick = rng.uniform(45, 110)
    top = space.z[0] + (load.z[1] - space.z[0]) * rng.uniform(0.4, 0.95)
    x = (load.x[1] + 5, load.x[1] + 5 + thick)
    posts = [Box(x, (y, y + thick), (space.z[0], top)) for y in np.linspace(space.y[0], space.y[1] - thick, 4)]
    across = [
        Box((x[1], x[1] + thick), space.y, (z, z + thick))
        for z in np.linspace(space.z[0] + 150, top - thick, int(rng.integers(2, 5)))
    ]
    reach = min(space.x[1] - x[1] - thick, rng.uniform(300, 1200))
    foot, head = (x[1] + reach, space.z[0]), (x[1], space.z[0] + 0.7 * (top - space.z[0]))
    strut = ((foot[0], foot[1]), (foot[0] + thick, foot[1]), (head[0] + thick, head[1]), (head[0], head[1]))
    struts = [PrismY(strut, (y, y + thick)) for y in (space.y[0] + 200, space.y[1] - 200 - thick)]
    return [*(Part(box, *TIMBER) for box in (*posts, *across)), *(Part(prism, *TIMBER) for prism in struts)]


def _air_bags(rng: Rng, load: Box) -> list[Part]:
    """Inflated bags between stacks: thin films, and the stiff edge of the valve."""
    parts = []
    for _ in range(int(rng.integers(1, 4))):
        high = min(rng.uniform(350, 800), (load.z[1] - load.z[0]) / 2)
        semi = (rng.uniform(60, 160), rng.uniform(350, 600), high)
        x = rng.uniform(load.x[0], max(load.x[1] - semi[0], load.x[0] + 1))
        parts.append(Part(Ellipsoid((x, rng.uniform(-500, 500), load.z[0] + high), semi), *AIR_BAG))
    return parts
