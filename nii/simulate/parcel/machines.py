"""Things that parcels hold and that work: electronics, tools, parts of cars and machines."""

import numpy as np

from nii.physics.materials import STEEL, STEEL_G_CM3
from nii.simulate.parcel.items import (
    LEVEL,
    METALS,
    PLASTICS,
    Item,
    any_of,
    bent,
    block,
    box_shell,
    can_shell,
    coil,
    grain,
    moved,
    plate,
    post,
    ring,
    rod,
    shell,
)
from nii.simulate.render.draws import Rng, log_uniform
from nii.simulate.render.scene import Part, Spot
from nii.simulate.render.shapes import Box, Cylinder, Ellipsoid, PrismY, Vector


def phone(rng: Rng) -> Item:
    """Phone or tablet: frame, glass, battery, board with chips, lens."""
    scale = 1.0 if rng.random() < 0.7 else rng.uniform(1.3, 1.9)
    w, d, t = rng.uniform(135, 170) * scale, rng.uniform(64, 80) * scale, rng.uniform(7, 10.5)
    parts = box_shell((w, d, t), 1.2, *any_of(rng, (("aluminium", (2.7, 2.75)), ("abs", (1.05, 1.1)))))
    parts.append(Part(block((w - 4, d - 4, 1.4), (0, 0, t - 1.6)), "glass", 2.5))
    parts.append(
        Part(block((w * 0.45, d * 0.75, 4), (-w * 0.15, d * 0.05, 1.5)), "lithium_battery", rng.uniform(2.1, 2.6))
    )
    return Item((*parts, *_chips(rng, (w * 0.28, d * 0.8), (w * 0.3, 0, 2.0))))


def _chips(rng: Rng, size: tuple[float, float], at: Vector) -> list[Part]:
    """A circuit board with chips, coils and connectors."""
    parts = [Part(block((*size, 1.4), at), "circuit_board", rng.uniform(1.8, 2.2))]
    for _ in range(int(rng.integers(4, 13))):
        w, d = rng.uniform(0.06, 0.28, 2) * size
        x, y = at[0] + rng.uniform(-0.38, 0.38) * size[0], at[1] + rng.uniform(-0.38, 0.38) * size[1]
        stuff, density = any_of(
            rng, (("glass", (2.0, 2.4)), ("alumina", (3.0, 3.9)), ("copper", (4, 8)), ("tin", (4, 7)))
        )
        parts.append(Part(block((w, d, rng.uniform(0.8, 5)), (x, y, at[2] + 1.4)), stuff, density))
    return parts


def device(rng: Rng) -> Item:
    """A case of plastic or sheet metal with a board, perhaps a battery, a transformer, a loudspeaker, a cable."""
    w, d, h = log_uniform(rng, 60, 260), log_uniform(rng, 40, 180), log_uniform(rng, 14, 70)
    case = any_of(rng, (*PLASTICS[:3], ("aluminium", (2.7, 2.75))))
    parts = box_shell((w, d, h), rng.uniform(1.2, 3), *case)
    parts += _chips(rng, (w * rng.uniform(0.4, 0.85), d * rng.uniform(0.4, 0.85)), (0, 0, h * 0.15))
    if rng.random() < 0.5:
        parts.append(Part(block((w * 0.3, d * 0.5, h * 0.4), (-w * 0.28, 0, h * 0.4)), "lithium_battery", 2.3))
    if rng.random() < 0.4:  # transformer or motor: copper around iron
        side = min(w, d, h) * 0.55
        parts += [
            Part(block((side, side, side), (w * 0.25, d * 0.2, h * 0.3)), *m) for m in (("steel", 2.5), ("copper", 2.5))
        ]
    if rng.random() < 0.3:
        r = min(w, d) * 0.28
        parts += [
            Part(post(r, 3, (w * 0.2, 0, h * 0.7)), "steel", 6.0),
            Part(post(r / 2, 8, (w * 0.2, 0, h * 0.6)), "steel", 5),
        ]
    if rng.random() < 0.4:
        parts += [moved(p, LEVEL, (0, 0, h)) for p in coil(rng, min(w, d) * 0.4, rng.uniform(1, 2), 2, "copper", 3.5)]
    return Item(tuple(parts))


def cells(rng: Rng) -> Item:
    """A power bank, or loose batteries: cells side by side."""
    n, r, high = int(rng.integers(2, 7)), rng.uniform(6.5, 9.5), rng.uniform(44, 70)
    parts = [
        part
        for i in range(n)
        for part in (
            Part(
                Cylinder(((i - (n - 1) / 2) * 2.1 * r, 0, r + 2), r, high, "y"),
                "lithium_battery",
                rng.uniform(2.2, 2.8),
            ),
            Part(Cylinder(((i - (n - 1) / 2) * 2.1 * r, high / 2, r + 2), r * 0.4, 2, "y"), "nickel", 8.0),
        )
    ]
    if rng.random() < 0.6:
        parts += box_shell((n * 2.1 * r + 8, high + 16, 2 * r + 5), 1.8, *any_of(rng, PLASTICS[:3]))
    return Item(tuple(parts))


def cable(rng: Rng) -> Item:
    """A cable in rings with plugs, or a reel of wire."""
    radius, wire = log_uniform(rng, 25, 75), log_uniform(rng, 1, 4)
    parts = coil(rng, radius, wire, int(rng.integers(1, 5)), "copper", rng.uniform(2, 5))
    for _ in range(2):
        parts.append(Part(block((28, 12, 8), (*rng.normal(0, radius * 0.4, 2), 2)), "pvc", 1.5))
        parts.append(Part(block((12, 9, 3), (*rng.normal(0, radius * 0.4, 2), 3)), "steel", 7.0))
    return Item(tuple(parts))


def headphones(rng: Rng) -> Item:
    """Two cups with magnets, joined by a bow of steel and foam."""
    r, parts = rng.uniform(28, 42), []
    for x in (-75.0, 75.0):
        parts += [
            Part(post(r, 28, (x, 0, 0)), "abs", rng.uniform(0.25, 0.5)),
            Part(post(r * 0.45, 6, (x, 0, 12)), "steel", 7.0),
        ]
    angles = np.linspace(0.15, np.pi - 0.15, 8)
    points = [(float(78 * np.cos(a)), float(25 + 95 * np.sin(a)), 14.0) for a in angles]
    parts += bent(points, 1.6, "steel", 7.8)
    parts += bent(points[2:-2], 8, "polyurethane_foam", 0.12)
    return Item(tuple(parts))


def camera(rng: Rng) -> Item:
    """A body with a board, and a barrel of lenses; or binoculars: two barrels."""
    parts, two = [], rng.random() < 0.4
    for x in (-32.0, 32.0) if two else (0.0,):
        r, z = rng.uniform(22, 34), 0.0
        length = rng.uniform(60, 140)
        parts += can_shell_at(r, length, 2.5, x)
        for _ in range(int(rng.integers(2, 6))):
            z += rng.uniform(6, 20)
            parts.append(
                Part(Ellipsoid((x, 0, z), (r * 0.85, r * 0.85, rng.uniform(2, 5))), "glass", rng.uniform(2.5, 3.6))
            )
    if not two:
        parts += [moved(p, LEVEL, (0, 0, -45)) for p in box_shell((125, 80, 44), 2, "abs", 1.1)]
        parts += _chips(rng, (90, 60), (0, 0, -35))
    return Item(tuple(parts))


def can_shell_at(radius: float, height: float, wall: float, x: float) -> list[Part]:
    """A barrel of aluminium or plastic beside the middle."""
    return [moved(p, LEVEL, (x, 0, 0)) for p in can_shell(radius, height, wall, "aluminium", 2.7)]


def spanner(rng: Rng) -> Item:
    """A spanner, pliers or an Allen key: one or two bars with heads."""
    length, w, t = log_uniform(rng, 90, 300), log_uniform(rng, 7, 20), rng.uniform(4, 11)
    metal, density = any_of(rng, (("tool_steel", (7.7, 7.8)), ("steel", (7.8, 7.9))))
    parts = []
    for angle in (0.0,) if rng.random() < 0.5 else (-0.12, 0.12):
        turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        parts.append(moved(Part(block((length, w, t)), metal, density), turn, (0, 0, 0)))
        for x, r in ((-length / 2, w), (length / 2, w * rng.uniform(0.8, 1.3))):
            head = shell(post(r, t, (x, 0, 0)), post(r * rng.uniform(0.3, 0.65), t, (x, 0, 0)), metal, density)
            parts += [moved(p, turn, (0, 0, 0)) for p in head]
        if angle != 0 or rng.random() < 0.2:  # a sleeve on the grip
            parts.append(
                moved(
                    Part(block((length * 0.4, w * 1.5, t * 1.4), (-length * 0.25, 0, 0)), "pvc", 1.3), turn, (0, 0, 0)
                )
            )
    return Item(tuple(parts))


def drivers(rng: Rng) -> Item:
    """A set of screwdrivers, drills, brushes, pens or needles side by side: a thin bar in each handle."""
    n, r, length = int(rng.integers(2, 9)), log_uniform(rng, 1.2, 5), log_uniform(rng, 60, 200)
    metal, density = any_of(rng, METALS)
    handle, grip, parts = any_of(rng, (*PLASTICS, ("hardwood", (0.65, 0.8)))), rng.uniform(1.4, 3.2) * r, []
    for i in range(n):
        x, own = (i - n / 2) * 2.3 * grip, r * rng.uniform(0.6, 1)
        parts.append(rod((x, -length * 0.2, grip), (x, length * 0.55, grip), own, metal, density))
        parts.append(rod((x, -length * 0.6, grip), (x, -length * 0.05, grip), grip, *handle))
    return Item(tuple(parts))


def hammer(rng: Rng) -> Item:
    """A head across a shaft: hammer, hatchet, club, mallet."""
    length, head = rng.uniform(180, 340), rng.uniform(70, 130)
    r = rng.uniform(10, 18)
    shaft = any_of(rng, (("hardwood", (0.65, 0.8)), ("nylon", (1.1, 1.2)), ("steel", (4, 7.8))))
    metal = any_of(rng, (("tool_steel", (7.7, 7.8)), ("rubber", (1.1, 1.2)), ("brass", (8.3, 8.6))))
    parts = [rod((0, -length / 2, r), (0, length / 2, r), r * 0.7, *shaft)]
    parts.append(rod((-head / 2, length / 2, r), (head * 0.4, length / 2, r), r, *metal))
    parts.append(Part(block((2 * r, 2 * r, 2 * r), (0, length / 2, 0)), *metal))
    return Item(tuple(parts))


def sockets(rng: Rng) -> Item:
    """Sockets, collets or nozzles in a case: rows of short thick tubes."""
    n, rows, r = int(rng.integers(3, 7)), int(rng.integers(1, 4)), rng.uniform(6, 13)
    parts = box_shell((n * 2.4 * r + 12, rows * 2.4 * r + 12, 42), 2.2, *any_of(rng, PLASTICS[:2]))
    metal, density = any_of(rng, (("tool_steel", (7.7, 7.8)), ("brass", (8.3, 8.6))))
    for i in range(n):
        for j in range(rows):
            own, at = r * rng.uniform(0.6, 1), ((i - (n - 1) / 2) * 2.4 * r, (j - (rows - 1) / 2) * 2.4 * r, 4.0)
            parts += shell(post(own, 26, at), post(own * 0.55, 26, at), metal, density)
    return Item(tuple(parts))


def motor_tool(rng: Rng) -> Item:
    """A drill, shaver, blender or mixer: motor with copper, gears, battery in a grip, chuck."""
    s = rng.uniform(0.5, 1.1)
    parts = shell(
        Cylinder((0, 0, 34 * s), 32 * s, 170 * s, "x"), Cylinder((0, 0, 34 * s), 29 * s, 164 * s, "x"), "abs", 1.1
    )
    parts.append(Part(Cylinder((-40 * s, 0, 34 * s), 24 * s, 62 * s, "x"), "copper", rng.uniform(2.5, 4)))
    parts.append(Part(Cylinder((-40 * s, 0, 34 * s), 24 * s, 62 * s, "x"), "steel", rng.uniform(1.5, 3)))
    parts.append(Part(Cylinder((35 * s, 0, 34 * s), 21 * s, 40 * s, "x"), "steel", rng.uniform(3, 6)))
    parts.append(Part(Cylinder((105 * s, 0, 34 * s), 14 * s, 45 * s, "x"), "tool_steel", 7.2))
    grip = block((48 * s, 130 * s, 44 * s), (-55 * s, -85 * s, 12 * s))
    parts += [
        Part(grip, "abs", 0.5),
        Part(block((70 * s, 50 * s, 52 * s), (-55 * s, -150 * s, 8 * s)), "lithium_battery", 1.9),
    ]
    return Item(tuple(parts))


def round_part(rng: Rng) -> Item:
    """A brake disc, pulley, gear, flange, sprocket or bearing: a ring with bores, and a hub."""
    metal, density = any_of(rng, (("cast_iron", (7.1, 7.3)), ("steel", (7.8, 7.9)), ("aluminium", (2.65, 2.8))))
    r, thick = log_uniform(rng, 18, 145), log_uniform(rng, 5, 26)
    if r > 60:
        thick = min(thick, 18)
    parts = ring(r, r * rng.uniform(0.2, 0.62), thick, metal, density)
    if rng.random() < 0.6:  # a hub that is thinner and wider
        hub = r * 0.62
        parts += shell(
            post(hub, thick * 0.4, (0, 0, thick)), post(hub * 0.5, thick * 0.4, (0, 0, thick)), metal, density
        )
    bores = int(rng.integers(0, 9))
    for i in range(bores):
        a = 2 * np.pi * i / bores
        at = (float(r * 0.82 * np.cos(a)), float(r * 0.82 * np.sin(a)), 0.0)
        parts.append(Part(post(r * 0.07, thick, at), metal, density, -1))
    return Item(tuple(parts))


def small_part(rng: Rng) -> Item:
    """A spark plug, sensor, valve, injector, tap or fitting: stepped bars along one line."""
    parts, x, r = [], 0.0, log_uniform(rng, 5, 20)
    for _ in range(int(rng.integers(3, 7))):
        metal, density = any_of(rng, (*METALS, ("alumina", (3.6, 3.9)), ("nylon", (1.1, 1.2)), ("rubber", (1.1, 1.3))))
        step, own = rng.uniform(0.4, 3) * r, r * rng.uniform(0.35, 1)
        parts.append(rod((x, 0, r), (x + step, 0, r), own, metal, density * rng.uniform(0.7, 1)))
        x += step
    return Item(tuple(parts))


def casting(rng: Rng) -> Item:
    """A housing, pump, carburettor or lock: hollow metal blocks, bolts, pipes."""
    parts: list[Part] = []
    metal, density = any_of(rng, (("aluminium", (2.65, 2.8)), ("zinc", (6.5, 7)), ("cast_iron", (7.1, 7.3))))
    size = (log_uniform(rng, 35, 140), log_uniform(rng, 30, 110), log_uniform(rng, 20, 80))
    parts += box_shell(size, min(size) * rng.uniform(0.08, 0.25), metal, density)
    for _ in range(int(rng.integers(1, 5))):
        r = min(size) * rng.uniform(0.12, 0.3)
        a, b = rng.uniform(-0.7, 0.7, (2, 3)) * size + (0, 0, size[2] / 2)
        parts.append(
            rod(
                tuple(np.maximum(a, (-1e3, -1e3, r))),
                tuple(np.maximum(b, (-1e3, -1e3, r))),
                r,
                metal,
                density * rng.uniform(0.4, 1),
            )
        )
    for x in (-0.42, 0.42):
        parts += [Part(post(3, size[2] + 8, (x * size[0], y * size[1], 0)), *STEEL) for y in (-0.42, 0.42)]
    return Item(tuple(parts))


def air_filter(rng: Rng) -> Item:
    """Pleated paper between steel lids or in a frame of rubber."""
    if rng.random() < 0.5:
        r, high = rng.uniform(30, 70), rng.uniform(60, 160)
        parts = shell(post(r, high), post(r * 0.6, high), "paper", rng.uniform(0.15, 0.35))
        parts += [Part(post(r, 2.0, (0, 0, z)), "steel", rng.uniform(3, STEEL_G_CM3)) for z in (0.0, high)]
        return Item(tuple(parts), (Spot(block((r * 0.8, r * 0.8, high * 0.9), (0, 0, 3)), None),))
    size = (rng.uniform(180, 320), rng.uniform(130, 240), rng.uniform(25, 55))
    pleats = Part(block(size), "paper", rng.uniform(0.06, 0.15), texture=grain(rng, (5, 10), (0.2, 0.4), "stripes-x"))
    frame = shell(block(size), block((size[0] - 24, size[1] - 24, size[2])), "rubber", 0.7)
    return Item((pleats, *frame), (Spot(block(size), pleats),))


def lamp(rng: Rng) -> Item:
    """A bulb or lantern: thin glass, a screw base, electronics in it."""
    r = rng.uniform(20, 55)
    parts = shell(Ellipsoid((0, 0, r + 30), (r, r, r)), Ellipsoid((0, 0, r + 30), (r - 1, r - 1, r - 1)), "glass", 2.5)
    parts += can_shell(13, 30, 0.5, *any_of(rng, (("brass", (8.3, 8.6)), ("aluminium", (2.7, 2.75)))))
    parts.append(Part(post(10, 22, (0, 0, 3)), "circuit_board", rng.uniform(0.8, 1.8)))
    return Item(tuple(parts))


def outline_sheet(rng: Rng) -> Item:
    """A bracket, blade, template or metal ornament: a cut outline with holes."""
    n = int(rng.integers(5, 11))
    angles = np.sort(rng.uniform(0, 2 * np.pi, n))
    radii = log_uniform(rng, 30, 110) * rng.uniform(0.5, 1, n)
    corners = tuple((float(r * np.cos(a)), float(r * np.sin(a))) for r, a in zip(radii, angles, strict=True))
    metal = any_of(rng, METALS)
    return Item((plate(corners, rng.uniform(1, 5), *metal),))


def spring(rng: Rng) -> Item:
    """A coil spring, lying: slanted pieces of wire."""
    r, wire, turns = log_uniform(rng, 6, 40), log_uniform(rng, 1, 5), int(rng.integers(4, 9))
    angles = np.linspace(0, 2 * np.pi * turns, turns * 8 + 1)
    pitch = wire * rng.uniform(2.2, 4) / (2 * np.pi)
    points = [(float(a * pitch), float(r * np.cos(a)), float(r + r * np.sin(a))) for a in angles]
    return Item(tuple(bent(points, wire, *STEEL)))


def moulded(rng: Rng) -> Item:
    """A plastic part of no particular use: a shell with ribs and a few screws."""
    w, d, h = log_uniform(rng, 50, 240), log_uniform(rng, 40, 170), log_uniform(rng, 15, 70)
    stuff = any_of(rng, PLASTICS)
    parts = box_shell((w, d, h), rng.uniform(1.5, 4), *stuff)
    for x in rng.uniform(-0.45, 0.45, int(rng.integers(1, 5))):
        parts.append(Part(Box((x * w, x * w + 2), (-d / 2, d / 2), (0, h)), *stuff))
    for _ in range(int(rng.integers(0, 6))):
        parts.append(Part(post(2, 12, (*(rng.uniform(-0.45, 0.45, 2) * (w, d)), 1)), *STEEL))
    return Item(tuple(parts), (Spot(block((w * 0.9, d * 0.9, h * 0.85), (0, 0, 3)), None),))


def hair_dryer(rng: Rng) -> Item:
    """A hair dryer, glue gun or water pistol: a barrel and a grip of plastic, with little in them."""
    s = rng.uniform(0.6, 1.3)
    outline = ((0, 0), (40, 0), (48, 75), (150, 80), (150, 130), (0, 135), (-15, 110), (5, 80))
    corners = tuple((u * s, v * s) for u, v in outline)
    lying = np.array([[1.0, 0, 0], [0, 0, 1.0], [0, 1.0, 0]])
    inner = tuple((float(u * s * 0.9 + 6), float(v * s * 0.9 + 7)) for u, v in outline)
    body = Part(PrismY(corners, (0, 45 * s)), "abs", 1.05)
    hollow = Part(PrismY(inner, (2.5, 45 * s - 2.5)), "abs", 1.05, -1)
    motor = rod((60 * s, 105 * s, 22 * s), (100 * s, 105 * s, 22 * s), 14 * s, "copper", 3.5)
    return Item((moved(body, lying, (0, 0, 0)), moved(hollow, lying, (0, 0, 0)), motor))
