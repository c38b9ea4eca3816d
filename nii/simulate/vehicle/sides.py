"""Sides of vehicles: skins with wheel arches, pillars, glass, doors and what is in them.

Sheet gauges are 0.6 to 0.8 mm for skins and 0.8 to 1.5 mm for structure.
"""

import numpy as np

from nii.physics.materials import STEEL, STEEL_G_CM3
from nii.simulate.render.draws import SEEDS, Rng
from nii.simulate.render.scene import Part
from nii.simulate.render.shapes import Box, Interval, PrismY
from nii.simulate.vehicle.body import Body
from nii.simulate.vehicle.parts import Point, VehicleCavity, bar, case, cavity_of, clutter, ribbed, rod, solid


def draw_sides(rng: Rng, body: Body) -> list[Part]:
    """Both sides: outer skin with wheel arches, frame of the windows, glass, doors."""
    parts: list[Part] = []
    skin, frame = _side_outline(body), _frame_outline(body)
    windows, doors = window_outlines(body), door_spans(body)
    gauge, tube = rng.uniform(0.65, 0.85), rng.uniform(3.2, 5.2)
    weak = rng.uniform(0.75, 0.95)  # narrowing of the greenhouse
    hardware = rng.integers(SEEDS)  # both sides of a car have the same parts
    for side in (-1, 1):
        outer, inner = side * body.half, side * body.half * weak
        parts.append(Part(PrismY(skin, inwards(outer, gauge)), *STEEL))
        parts.append(Part(PrismY(frame, inwards(inner, tube)), *STEEL))
        for outline in windows:
            parts.append(Part(PrismY(outline, inwards(inner, tube)), *STEEL, -1))
            parts.append(Part(PrismY(_shrunk(outline, 0.99), inwards(inner, 4.0)), "glass", 2.5))
        for span in doors:
            parts += _door(np.random.default_rng(hardware), body, span, side)
        if body.kind == "pickup":
            parts += _bed_side(rng, body, side)
        else:
            parts += _quarter(body, doors[-1][1], side)
        inner_skin = Part(
            PrismY(_shrunk(skin, 0.985), inwards(outer - side * 18, gauge * 2)), "steel", STEEL_G_CM3 * 0.85
        )
        parts.append(inner_skin)  # shut faces, reinforcements, inner panels
        post = ((body.pillar - 15, body.clearance + 60), (body.pillar + 25, body.belt))
        parts.append(bar(*post, 135, inwards(outer - side * 20, 3.2), "steel"))
        parts.append(bar(*post, 80, inwards(outer - side * 100, 2.4), "steel"))
    return parts


def inwards(outer: float, thickness: float) -> Interval:
    """From an outer face of either side towards the middle."""
    return (outer, outer + thickness) if outer < 0 else (outer - thickness, outer)


def _shrunk(corners: tuple[Point, ...], by: float) -> tuple[Point, ...]:
    x, z = (sum(values) / len(corners) for values in zip(*corners, strict=True))
    return tuple((x + (u - x) * by, z + (v - z) * by) for u, v in corners)


def _side_outline(body: Body) -> tuple[Point, ...]:
    """The skin below the windows, with round wheel arches."""
    bottom = body.clearance + 70
    end = body.length - 40
    upper = [(110.0, bottom + 60), (60.0, body.nose - 60), (body.cowl, body.bonnet - 40), (body.pillar, body.belt)]
    if body.kind == "pickup":
        upper += [(body.cabin_end, body.belt), (end, body.profile[-1][1])]
    else:
        upper += [(body.profile[5][0] - 60, body.belt), (end, min(body.belt, body.profile[-1][1] + 60))]
    return (*upper, (end, bottom + 130), *_arch(body, body.axles[1]), *_arch(body, body.axles[0]))


def _arch(body: Body, x: float) -> list[Point]:
    """From the rear edge of a wheel arch over its top to the front edge."""
    bottom, radius = body.clearance + 70, body.radius + 55
    reach = float(np.arccos(np.clip((bottom - body.radius) / radius, -1, 1)))  # of the arch, from the top
    return [
        (float(x + radius * np.sin(a)), float(body.radius + radius * np.cos(a))) for a in np.linspace(reach, -reach, 13)
    ]


def _frame_outline(body: Body) -> tuple[Point, ...]:
    """The side above the belt, from the windscreen's foot to the rear window's."""
    end = body.profile[5][0]
    return body.under(body.cowl + 30, end, body.belt - 10, 25)


def window_outlines(body: Body) -> list[tuple[Point, ...]]:
    """Side windows, front to rear: what is left between the pillars."""
    start, end = body.cowl + 130, body.profile[5][0] - 90
    posts = [body.pillar - 50]
    if body.rear is not None:
        posts.append(body.rear + 180)
    edges = [start]
    for post in posts:
        edges += [post, post + 100]
    edges.append(end)
    spans = [(a, b) for a, b in zip(edges[0::2], edges[1::2], strict=True) if b - a > 160]
    if not body.glazed:
        spans = spans[:1]
    if body.kind == "pickup":
        spans = [(a, min(b, body.profile[4][0] - 60)) for a, b in spans if min(b, body.profile[4][0] - 60) - a > 160]
    outlines = [body.under(a, b, body.belt + 5, 95) for a, b in spans]
    return [outline for outline in outlines if max(z for _, z in outline) > body.belt + 120]


def door_spans(body: Body) -> list[Interval]:
    """x of the doors of a side, front to rear."""
    doors = [(body.cowl + 60, body.pillar - 5)]
    if body.rear is not None:
        doors.append(
            (body.pillar + 10, min(body.rear + 230, body.axles[1] - 40 if body.kind != "van" else body.length))
        )
    return doors


def _door(rng: Rng, body: Body, span: Interval, side: int) -> list[Part]:
    """Inner panel with its holes, hem, crash bar, window gear, lock, loudspeaker, trim."""
    outer = side * body.half
    z = (body.clearance + 95, body.belt)
    deep, width, high = outer - side * 130, span[1] - span[0], z[1] - z[0]
    panel = Box(span, inwards(outer - side * 60, 0.8), z)
    edges = case(Box(span, inwards(outer - side * 1.5, 60), z), 0.8, "steel")[2:]
    hem = [
        Box((x, x + 22), inwards(outer - side * 2, 1.6), z) for x in (span[0], span[1] - 22)
    ] + [Box(span, inwards(outer - side * 2, 1.6), (v, v + 22)) for v in (z[0], z[1] - 22)]  # fmt: skip
    low = (span[0] + 40, z[0] + high * rng.uniform(0.3, 0.5))
    high_end = (span[1] - 40, low[1] + rng.uniform(-60, 60))
    rest = (z[1] - 260, z[1] - 190)
    parts = [*edges, *(Part(box, *STEEL) for box in (panel, *hem))]
    parts += [
        bar(low, high_end, rng.uniform(28, 45), inwards(outer - side * 15, 5), "steel"),
        bar((span[0] + 90, z[1] - 40), (span[1] - 200, z[0] + 200), 25, inwards(outer - side * 40, 2), "steel"),
        solid((span[1] - 75, span[1] - 15), inwards(outer - side * 35, 40), (z[1] - 230, z[1] - 110), "steel", 0.35),
        solid(span, inwards(deep, 3), (z[0] + 30, z[1]), "polypropylene"),
        solid((span[0] + 200, span[1] - 60), inwards(deep + side * 10, 60), rest, "polypropylene", 0.4),
        rod((span[0] + width * 0.4, outer - side * 50, z[0] + high * 0.55), 35, 50, "y", "copper", 0.35),
        solid((span[0], span[0] + 60), inwards(outer - side * 8, 5), (z[0] + 120, z[0] + 190), "steel"),
        solid((span[0], span[0] + 60), inwards(outer - side * 8, 5), (z[1] - 180, z[1] - 110), "steel"),
    ]  # fmt: skip
    hole = PrismY(
        _oval((span[0] + width * rng.uniform(0.5, 0.65), z[0] + high * 0.55), width * 0.2, high * 0.2), panel.y
    )
    parts.append(Part(hole, *STEEL, -1))
    if rng.random() < 0.8:
        at = (span[0] + rng.uniform(130, 200), outer - side * 85, z[0] + rng.uniform(140, 200))
        parts += [rod(at, rng.uniform(60, 85), 3, "y", "steel"), rod(at, rng.uniform(25, 40), 25, "y", "steel", 0.9)]
    cards = Box((span[0] + 30, span[1] - 30), inwards(outer - side * 70, 60), (z[0] + 40, z[1] - 20))
    return parts + clutter(rng, cards, 10, ("steel", "copper", "polypropylene"), (6, 40))


def _oval(centre: Point, a: float, b: float) -> tuple[Point, ...]:
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    return tuple((float(centre[0] + a * np.cos(t)), float(centre[1] + b * np.sin(t))) for t in angles)


def _quarter(body: Body, start: float, side: int) -> list[Part]:
    """The side behind the doors: inner panel or, in a van, ribs up to the roof."""
    outer = side * body.half
    parts = [solid((start, body.length - 150), inwards(outer - side * 90, 0.8), (body.load_floor, body.belt), "steel")]
    if body.kind == "van" and not body.glazed:
        for x in np.linspace(start + 60, body.length - 180, round((body.length - start) / 480)):
            parts += case(
                Box((x, x + 60), inwards(outer - side * 20, 60), (body.load_floor, body.roof - 120)), 1.0, "steel"
            )
        lining = Box((start, body.length - 100), inwards(outer - side * 85, 4), (body.load_floor, body.belt + 100))
        parts.append(Part(lining, "polypropylene", 0.6))
    return parts


def _bed_side(rng: Rng, body: Body, side: int) -> list[Part]:
    """Inner side of a pickup's bed, and its rail."""
    outer = side * body.half
    x = (body.profile[5][0] + 30, body.length - 40)
    inner = Box(x, inwards(outer - side * 130, 0.9), (body.load_floor, body.belt - 30))
    rail = Box(x, inwards(outer - side * 10, 110), (body.belt - 60, body.belt - 10))
    return [Part(inner, *STEEL, texture=ribbed(rng, 210, 0.15)), *case(rail, 1.2, "steel")]


def door_cavities(body: Body) -> tuple[VehicleCavity, ...]:
    """Between the skin and the trim of each door and each rear side."""
    spans = [(a + 60, b - 90) for a, b in door_spans(body)]
    behind = door_spans(body)[-1][1]
    found = []
    for side in (-1, 1):
        room = inwards(side * (body.half - 65), 62)
        found += [cavity_of(Box(span, room, (body.clearance + 130, body.belt - 120))) for span in spans]
        if body.kind != "pickup" and body.length - 300 - behind > 250:
            over = max(body.load_floor + 40, 2 * body.radius + 90)
            if body.belt - 60 - over > 120:
                found.append(cavity_of(Box((behind + 60, body.length - 260), room, (over, body.belt - 60))))
    return tuple(found)
