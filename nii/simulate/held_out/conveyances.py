"""Conveyances that training lacks: flat racks and open tops under a tarpaulin on bows, and swap bodies."""

import numpy as np

from nii.simulate.conveyance.containers import LENGTHS, doors, draw_sheet, room_ends, walls
from nii.simulate.conveyance.structure import ALUMINIUM, STEEL, Cavity, Conveyance, i_beam, span, tube
from nii.simulate.conveyance.trailers import on_trailer
from nii.simulate.held_out.forms import bar
from nii.simulate.render.draws import Rng
from nii.simulate.render.scene import Part
from nii.simulate.render.shapes import Box, Cylinder, PrismX

HALF = 1219.0  # of the width of a container, mm
WIDE = 1275.0  # of a swap body
TARPAULIN = ("pvc", 1.3)
SWAP_BODIES = 0.5  # share of swap bodies
ON_TRAILER = 0.4  # share of either kind
WITH_TRACTOR = 0.5  # of those


def draw_held_out_conveyance(rng: Rng) -> Conveyance:
    """One of both kinds, on a trailer or on the ground."""
    body = swap_body(rng) if rng.random() < SWAP_BODIES else open_top(rng)
    if rng.random() < ON_TRAILER:
        return on_trailer(rng, body, with_tractor=rng.random() < WITH_TRACTOR)
    if body.kind == "swap-body":
        return Conveyance(body.kind, (*body.parts, *_legs(rng, body.outside)), body.rooms, body.outside, body.cavities)
    return body


def open_top(rng: Rng) -> Conveyance:
    """A deck on two girders with end walls, under a tarpaulin on arched bows: with walls, or with stakes alone."""
    length = LENGTHS["20ft" if rng.random() < 0.6 else "40ft"]
    height, deck = rng.uniform(2500, 2900), rng.uniform(320, 620)
    out = Box((0.0, length), (-HALF, HALF), (0.0, height))
    inside = Box((190.0, length - 190), (-HALF + 70, HALF - 70), (deck, height - 170))
    girders, hollows = _girders(rng, inside, deck)
    walled = rng.random() < 0.5
    parts = [
        *girders,
        *(part for x, way in ((0.0, 1), (length, -1)) for part in _end_wall(rng, x, way, out)),
        *(walls(rng, Box(out.x, out.y, (deck - 40, height - 150)), draw_sheet(rng, "steel")) if walled else []),
        *([] if walled else _stakes(rng, inside, out)),
        *_bows(rng, inside, out),
    ]
    cavities = {
        "beam": tuple(Cavity(box) for box in hollows),
        "floor": (Cavity(Box(inside.x, (-HALF + 90, HALF - 90), (40.0, deck - 70))),),
        **room_ends(rng, inside),
    }
    return Conveyance("open-top", tuple(parts), (inside,), out, cavities)


def _girders(rng: Rng, inside: Box, deck: float) -> tuple[list[Part], list[Box]]:
    """Two deep girders along, bearers across between them, planks on top; and the hollows of the bearers."""
    x = (0.0, inside.x[1] + 190)
    flange = (rng.uniform(120, 220), rng.uniform(12, 22))
    parts = [part for y in (-850.0, 850.0) for part in i_beam(x, y, (15.0, deck - 60), rng.uniform(8, 14), flange)]
    hollows = []
    wide, wall = rng.uniform(60, 120), rng.uniform(4, 7)
    for left in np.arange(inside.x[0] + 200, inside.x[1] - 300, rng.uniform(480, 800)):
        y, z = (-HALF + 20, HALF - 20), (deck - 60 - wide, deck - 60)
        hollow = Box((left + wall, left + wide - wall), y, (z[0] + wall, z[1] - wall))
        parts += [Part(Box((left, left + wide), y, z), "steel", STEEL), Part(hollow, "steel", STEEL, -1)]
        hollows.append(hollow)
    parts.append(Part(Box(inside.x, inside.y, (deck - 60, deck)), "hardwood", 0.75))
    return parts, hollows


def _end_wall(rng: Rng, x: float, way: int, out: Box) -> list[Part]:
    """A frame of two posts and beams with a slanting brace at each post, filled with sheet."""
    thick, z = rng.uniform(5, 9), (0.0, out.z[1] - 60)
    parts = [Part(Box(span(x + way * 90, way * thick), out.y, z), "steel", STEEL)]
    for y in (out.y[0], out.y[1] - 160):
        post = Box(span(x, way * 170), (y, y + 160), z)
        inner = Box(span(x + way * 9, way * 152), (y + 9, y + 151), z)
        parts += [Part(post, "steel", STEEL), Part(inner, "steel", STEEL, -1)]
    for level in np.linspace(z[0] + 300, z[1] - 60, int(rng.integers(2, 5))):
        parts.append(Part(Box(span(x, way * 90), out.y, (level, level + 60)), "steel", STEEL * 0.2))
    return parts


def _stakes(rng: Rng, inside: Box, out: Box) -> list[Part]:
    """Stakes in pockets along both sides, chains between some of them, and the sides of the tarpaulin."""
    parts = [Part(Box(out.x, (y, y + 1.0), (inside.z[0] - 150, inside.z[1])), *TARPAULIN) for y in out.y]
    for x in np.linspace(inside.x[0] + 300, inside.x[1] - 300, int(rng.integers(4, 9))):
        for y in (out.y[0] + 10, out.y[1] - 70):
            stake = Box((float(x), float(x) + 70), (y, y + 60), (inside.z[0] - 200, inside.z[1] - 100))
            parts.append(Part(stake, "steel", STEEL * 0.25))
    return parts


def _bows(rng: Rng, inside: Box, out: Box) -> list[Part]:
    """Arched bows of tube every half metre to metre, a ridge pole, and the tarpaulin over them, sagging between."""
    rise, sag = rng.uniform(40, 110), rng.uniform(0, 40)
    low = inside.z[1] + 10
    parts: list[Part] = []
    apart = rng.uniform(450, 1000)
    arch = _arch(out, low, rise)
    for x in np.arange(inside.x[0] + 100, inside.x[1] - 60, apart):
        parts.append(Part(PrismX(arch, (float(x), float(x) + 34)), "steel", STEEL * 0.35))
        cloth = tuple((y, z + 36 - sag) for y, z in arch)
        parts.append(Part(PrismX(cloth, (float(x) + 34, min(float(x) + apart, inside.x[1]))), "pvc", 0.05))
    return [*parts, *tube((sum(inside.x) / 2, 0.0, low + rise), 24, 3, inside.x[1] - inside.x[0] - 40, "x")]


def _arch(out: Box, low: float, rise: float) -> tuple[tuple[float, float], ...]:
    """Outline (y, z) of a tube 34 mm thick that rises to the middle."""
    y = np.linspace(out.y[0] + 20, out.y[1] - 20, 7)
    z = low + rise * (1 - (y / out.y[1]) ** 2)
    lower = [(float(a), float(b)) for a, b in zip(y, z, strict=True)]
    return (*lower, *((a, b + 34) for a, b in reversed(lower)))


def swap_body(rng: Rng) -> Conveyance:
    """A curtain-sided body of 7.15 to 7.82 m: tunnel and hat sections under the floor, drop sides, a sheet as roof."""
    length, height = float(rng.choice([7150.0, 7450.0, 7820.0])), rng.uniform(2600, 2800)
    sill = rng.uniform(180, 230)
    out = Box((0.0, length), (-WIDE, WIDE), (0.0, height))
    inside = Box((55.0, length - 80), (-WIDE + 45, WIDE - 45), (sill, height - rng.uniform(70, 140)))
    floor, hollows = _hat_sections(rng, inside, out)
    parts = [
        *floor,
        *(Part(Box(out.x, (y, y + 1.0), (sill, height)), *TARPAULIN) for y in out.y),
        Part(Box(out.x, out.y, (height - 2.5, height)), "polyester_cloth", 1.6),  # glass fibre in resin
        Part(Box((0.0, 40.0), out.y, (sill - 100, height)), "steel", STEEL * rng.uniform(0.05, 0.1)),
        *_drop_sides(rng, inside, out),
        *doors(rng, out),
    ]
    cavities = {
        "beam": tuple(Cavity(box) for box in hollows),
        "floor": (Cavity(Box(inside.x, (-WIDE + 60, WIDE - 60), (30.0, sill - 35))),),
        **room_ends(rng, inside),
    }
    return Conveyance("swap-body", tuple(parts), (inside,), out, cavities)


def _hat_sections(rng: Rng, inside: Box, out: Box) -> tuple[list[Part], list[Box]]:
    """The two rails of the tunnel along, hat sections across at wide distances, corner castings; and the hollows."""
    sill = inside.z[0]
    parts = [Part(Box(inside.x, inside.y, (sill - 27, sill)), "plywood", 0.68)]
    for left in (-480.0, 430.0):
        rail, inner = (Box(out.x, (left + t, left + 50 - t), (t, 120.0 - t)) for t in (0.0, 5.0))
        parts += [Part(rail, "steel", STEEL), Part(inner, "steel", STEEL, -1)]
    hollows = []
    wide, gauge = rng.uniform(120, 200), rng.uniform(2.5, 4)
    for x in np.arange(inside.x[0] + 250, inside.x[1] - 350, rng.uniform(560, 950)):
        y, z = (out.y[0] + 15, out.y[1] - 15), (sill - 130, sill - 30)
        hollow = Box((x + gauge, x + wide - gauge), y, (z[0] + gauge, z[1]))
        parts += [Part(Box((x, x + wide), y, z), "steel", STEEL), Part(hollow, "steel", STEEL, -1)]
        hollows.append(hollow)
    for x in (790.0, out.x[1] - 790 - 160):
        for side in (out.y[0], out.y[1] - 160):
            parts.append(Part(Box((x, x + 160), (side, side + 160), (0.0, 118.0)), "steel", STEEL * 0.35))
    return parts, hollows


def _drop_sides(rng: Rng, inside: Box, out: Box) -> list[Part]:
    """Hollow boards of aluminium up to the chest, posts between them, laths above, and a sliding roof's rails."""
    top = inside.z[0] + rng.uniform(550, 850)
    parts = []
    posts = np.linspace(out.x[0] + 30, out.x[1] - 120, int(rng.integers(3, 5)))
    for y in out.y:
        inward = -np.sign(y)
        for x in posts:
            post = Box((float(x), float(x) + 90), span(y, inward * 40), (inside.z[0] - 100, out.z[1]))
            parts.append(Part(post, "steel", STEEL * 0.3))
        for z in np.arange(inside.z[0], top, 205):
            parts.append(Part(Box(out.x, span(y, inward * 25), (float(z), float(z) + 195)), "aluminium", 0.55))
        for z in rng.uniform(top + 150, out.z[1] - 400, int(rng.integers(1, 4))):
            parts.append(Part(Box(out.x, span(y, inward * 22), (float(z), float(z) + 120)), "pine", 0.45))
        parts.append(Part(Box(out.x, span(y, inward * 70), (out.z[1] - 150, out.z[1] - 20)), "aluminium", 0.6))
    for x in np.arange(out.x[0] + 400, out.x[1] - 300, rng.uniform(700, 1100)):
        parts.append(Part(Box((x, x + 45), out.y, (out.z[1] - 70, out.z[1] - 30)), "aluminium", ALUMINIUM * 0.3))
    return parts


def _legs(rng: Rng, out: Box) -> list[Part]:
    """The four legs that it stands on, turned down and braced."""
    ground, parts = -rng.uniform(1020, 1320), []
    for x in (out.x[0] + 1250, out.x[1] - 1350):
        for y in (-1010.0, 1010.0):
            leg, inner = (Box((x + t, x + 90 - t), (y - 45 + t, y + 45 - t), (ground, 0.0)) for t in (0.0, 6.0))
            parts += [Part(leg, "steel", STEEL), Part(inner, "steel", STEEL, -1)]
            foot = Box((x - 40, x + 130), (y - 85, y + 85), (ground, ground + 12))
            parts += [Part(foot, "steel", STEEL), Part(Cylinder((x + 45, y, -180.0), 30, 260, "y"), "steel", 4.0)]
            reach = 600.0 if x < out.x[1] / 2 else -600.0
            parts.append(_brace(x + 45, y, reach, ground))
    return parts


def _brace(x: float, y: float, reach: float, ground: float) -> Part:
    """From the middle of a leg to the frame."""
    return bar((x, ground * 0.55), (x + reach, -10.0), 45, (y - 20, y + 20), ("steel", STEEL * 0.5))
