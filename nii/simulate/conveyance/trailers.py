"""Semi-trailers and rigid trucks: skeletal trailers under containers, boxes, curtain-siders, box trucks."""

import numpy as np

from nii.simulate.conveyance.containers import boards, cross_members, doors, draw_sheet, lining, roof, room_ends, walls
from nii.simulate.conveyance.running_gear import TRACK, axle, frame, mudguard, spare_wheel, tool_box
from nii.simulate.conveyance.structure import ALUMINIUM, STEEL, Cavity, Conveyance, joined, span, tube
from nii.simulate.conveyance.tractors import draw_front, front, tractor
from nii.simulate.render.draws import Rng
from nii.simulate.render.scene import Part
from nii.simulate.render.shapes import Box, Interval

Cavities = dict[str, tuple[Cavity, ...]]

HALF = 1275.0  # half the width of a body, mm


def on_trailer(rng: Rng, body: Conveyance, *, with_tractor: bool) -> Conveyance:
    """A body or container on a semi-trailer, with or without the tractor in view."""
    deck = rng.uniform(1200, 1450)
    kingpin = rng.uniform(650, 1300)
    gear, found = _trailer_gear(rng, body.outside.x[1], deck, kingpin)
    parts, cavities = [*body.parts, *gear], [body.cavities, found]
    if with_tractor:
        pulled, of_tractor = tractor(rng, kingpin, deck)
        parts += pulled
        cavities.append(of_tractor)
    return Conveyance(body.kind, tuple(parts), body.rooms, body.outside, joined(cavities))


def semi_trailer(rng: Rng) -> Conveyance:
    """A box semi-trailer with its tractor."""
    body = _box_body(rng, "semi-trailer", rng.uniform(8500, 13600), rng.uniform(2500, 2900))
    return on_trailer(rng, body, with_tractor=True)


def curtain_sider(rng: Rng) -> Conveyance:
    """A semi-trailer with curtains on posts, laths and a roof on bows, with its tractor."""
    length, height = rng.uniform(8500, 13600), rng.uniform(2600, 2900)
    out = Box((0.0, length), (-HALF, HALF), (0.0, height))
    inside = Box((40.0, length - 90), (-HALF + 40, HALF - 40), (140.0, height - 120))
    beams, fillable = cross_members(rng, out, inside)
    parts = [
        *(Part(Box(out.x, (y, y + 0.9), (100.0, height)), "pvc", 1.3) for y in out.y),
        Part(Box(out.x, out.y, (height - 1.5, height)), "pvc", 1.3),
        *_curtain_posts(rng, out),
        Part(Box((0.0, 30.0), out.y, (0.0, height)), "aluminium", ALUMINIUM * 0.25),  # headboard, hollow sections
        *boards(rng, inside),
        *beams,
        *doors(rng, out),
    ]
    cavities = {
        "beam": tuple(Cavity(box) for box in fillable),
        "floor": (Cavity(Box(inside.x, (-HALF + 60, HALF - 60), (20.0, 110.0))),),
        **room_ends(rng, inside),
    }
    body = Conveyance("curtain-sider", tuple(parts), (inside,), out, cavities)
    return on_trailer(rng, body, with_tractor=True)


def box_truck(rng: Rng) -> Conveyance:
    """A rigid truck: box body and cab on one frame, two or three axles."""
    length, deck = rng.uniform(4200, 8200), rng.uniform(1050, 1250)
    body = _box_body(rng, "box-truck", length, rng.uniform(2100, 2650))
    lay = draw_front(rng, -rng.uniform(90, 250), -deck)
    parts, cavities = front(rng, lay, length)
    found = [body.cavities, cavities]
    radius = rng.uniform(420, 520)
    rear = length * rng.uniform(0.62, 0.74)
    for x in (rear, rear + 1350)[: 1 if length < 6500 or rng.random() < 0.6 else 2]:
        own, tyres = axle(rng, x, -deck, radius, twin=True, driven=True)
        parts += [*own, *(mudguard(x, -deck, radius, y) for y in ((-TRACK, -TRACK + 600), (TRACK - 600, TRACK)))]
        found.append({"tyre": tuple(tyres)})
    parts.append(_underrun(length, -deck))
    return Conveyance("box-truck", (*body.parts, *parts), body.rooms, body.outside, joined(found))


def _box_body(rng: Rng, kind: str, length: float, height: float) -> Conveyance:
    """A box of aluminium sheet or of plywood and foam panels on cross members, with doors."""
    out = Box((0.0, length), (-HALF, HALF), (0.0, height))
    inside = Box((60.0, length - 90), (-HALF + 50, HALF - 50), (150.0, height - rng.uniform(50, 110)))
    beams, fillable = cross_members(rng, out, inside)
    parts = [
        *walls(rng, out, draw_sheet(rng, "aluminium")),
        *roof(rng, out, "aluminium"),
        *_studs(rng, out),
        Part(Box((0.0, 45.0), out.y, out.z), "aluminium", ALUMINIUM * rng.uniform(0.05, 0.12)),
        *boards(rng, inside),
        *beams,
        *doors(rng, out),
    ]
    if rng.random() < 0.35:
        parts += lining(rng, out)
    cavities = {
        "beam": tuple(Cavity(box) for box in fillable),
        "floor": (Cavity(Box(inside.x, (-HALF + 60, HALF - 60), (20.0, 120.0))),),
        "roof": (Cavity(Box(inside.x, inside.y, (inside.z[1], height - 5))),),
        "side": (Cavity(Box(inside.x, (HALF - 50, HALF - 5), inside.z)),),
        **room_ends(rng, inside),
    }
    return Conveyance(kind, tuple(parts), (inside,), out, cavities)


def _studs(rng: Rng, out: Box) -> list[Part]:
    """Posts in the side walls."""
    apart, wide = rng.uniform(350, 700), rng.uniform(25, 45)
    xs = np.arange(out.x[0] + apart, out.x[1] - 100, apart)
    return [Part(Box((x, x + wide), span(y, -np.sign(y) * 30), out.z), "aluminium", 0.5) for x in xs for y in out.y]


def _curtain_posts(rng: Rng, out: Box) -> list[Part]:
    """Posts of steel every few metres, laths along, and thin bows under the roof."""
    parts = []
    for x in np.linspace(out.x[0] + 60, out.x[1] - 140, int(rng.integers(4, 7))):
        for y in out.y:
            post = Box((float(x), float(x) + 80), span(y, -np.sign(y) * 60), (0.0, out.z[1]))
            parts.append(Part(post, "steel", STEEL * 0.22))
    for z in np.linspace(500, out.z[1] - 500, int(rng.integers(2, 5))):
        for y in out.y:
            lath = Box(out.x, span(y, -np.sign(y) * 25), (float(z), float(z) + 100))
            parts.append(Part(lath, *(("aluminium", 0.5) if rng.random() < 0.6 else ("pine", 0.5))))
    for x in np.arange(out.x[0] + 600, out.x[1] - 300, rng.uniform(550, 700)):
        parts.append(Part(Box((x, x + 30), out.y, (out.z[1] - 40, out.z[1])), "aluminium", 0.6))
    for y in out.y:
        rail = Box(out.x, span(y, -np.sign(y) * 60), (out.z[1] - 110, out.z[1]))
        parts.append(Part(rail, "aluminium", 0.7))
    return parts


def _trailer_gear(rng: Rng, length: float, deck: float, kingpin: float) -> tuple[list[Part], Cavities]:
    """Frame with gooseneck, axles, landing legs, guards and boxes of a semi-trailer."""
    ground, radius = -deck, rng.uniform(470, 530)
    neck = kingpin + rng.uniform(1100, 1500)
    half = rng.uniform(430, 520)
    parts = [
        *frame(rng, (100.0, neck), -5.0, rng.uniform(120, 160), half),
        *frame(rng, (neck - 150, length - 60), -5.0, rng.uniform(350, 470), half),
        Part(Box((kingpin - 450, kingpin + 450), (-600.0, 600.0), (-175.0, -165.0)), "steel", STEEL),
        _underrun(length, ground),
    ]
    found: list[Cavities] = []
    count = 3 if length > 8000 and rng.random() < 0.7 else 2
    last = length - rng.uniform(900, 1500)
    first = last - (count - 1) * 1310
    parts += _legs(rng, min(neck + rng.uniform(250, 600), first - radius - 250), ground)
    for i in range(count):
        x = last - i * 1310
        own, tyres = axle(rng, x, ground, radius, twin=rng.random() < 0.3, driven=False)
        parts += [*own, *(mudguard(x, ground, radius, y) for y in ((-TRACK, -TRACK + 450), (TRACK - 450, TRACK)))]
        found.append({"tyre": tuple(tyres)})
    free: Interval = (neck + 900, first - 900)
    if free[1] - free[0] > 1500 and rng.random() < 0.5:
        spare, hollow = spare_wheel(rng.uniform(free[0] + 550, free[1] - 550), -480.0, radius)
        parts += spare
        found.append({"tyre": (hollow,)})
    if free[1] - free[0] > 1500 and rng.random() < 0.5:
        parts += tool_box(rng, rng.uniform(free[0], free[1] - 900), float(rng.choice([-1.0, 1.0])) * 1200, -480.0)
    if free[1] - free[0] > 800 and rng.random() < 0.5:
        parts += _guards(free, ground)
    return parts, joined(found)


def _legs(rng: Rng, x: float, ground: float) -> list[Part]:
    """Landing legs, wound up: square tubes with their spindles, feet, a gearbox and a brace."""
    foot = ground + rng.uniform(250, 420)
    parts = []
    for y in (-700.0, 700.0):
        outer = Box((x, x + 130), (y - 65, y + 65), (foot + 60, -10.0))
        inner = Box((x + 8, x + 122), (y - 57, y + 57), outer.z)
        parts += [
            Part(outer, "steel", STEEL),
            Part(inner, "steel", STEEL, -1),
            Part(Box((x + 50, x + 80), (y - 15, y + 15), outer.z), "steel", STEEL),
            Part(Box((x - 60, x + 190), (y - 120, y + 120), (foot, foot + 14)), "steel", STEEL),
            Part(Box((x + 20, x + 110), (y - 100, y + 100), (-330.0, -200.0)), "cast_iron", 2.5),
        ]
    return [*parts, *tube((x + 65, 0.0, -260.0), 18, 18, 1400, "y")]


def _guards(x: Interval, ground: float) -> list[Part]:
    """Side guards: two rails on posts at each side."""
    parts = []
    for y in (-1220.0, 1195.0):
        for z in (ground + 450, ground + 800):
            parts.append(Part(Box(x, (y, y + 25), (z, z + 110)), "aluminium", 0.5))
        for at in np.linspace(x[0] + 100, x[1] - 160, 3):
            parts.append(Part(Box((at, at + 60), (y, y + 40), (ground + 450, -30.0)), "steel", 0.9))
    return parts


def _underrun(length: float, ground: float) -> Part:
    """The bar across, under the doors, with its lamps."""
    return Part(
        Box((length - 120, length - 20), (-1150.0, 1150.0), (ground + 430, ground + 540)), "steel", STEEL * 0.09
    )
