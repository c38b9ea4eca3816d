"""Electrical things with fine detail: boards with their components, cables, chargers, batteries, light chains.

Each is an Item on z = 0 about x = y = 0, in millimetres.
"""

import itertools

import numpy as np

from nii.physics.materials import STEEL
from nii.simulate.parcel.fittings import scattered, strip, teeth, wander
from nii.simulate.parcel.items import (
    LEVEL,
    PLASTICS,
    Item,
    any_of,
    bent,
    block,
    box_shell,
    can_shell,
    moved,
    post,
    ring,
    rod,
)
from nii.simulate.render.draws import SEEDS, Rng, log_uniform
from nii.simulate.render.scene import Part, Texture
from nii.simulate.render.shapes import Cylinder, Vector


def board(rng: Rng, size: tuple[float, float] | None = None) -> Item:
    """A circuit board: tracks, chips with pins, capacitors, coils, connectors, a heat sink, holes."""
    wide, deep = size or (log_uniform(rng, 35, 220), log_uniform(rng, 25, 150))
    tracks = Texture("grain", (rng.uniform(2, 4), rng.uniform(2, 9)), rng.uniform(0.15, 0.4), int(rng.integers(SEEDS)))
    parts = [Part(block((wide, deep, 1.5)), "circuit_board", rng.uniform(1.8, 2.2), texture=tracks)]
    for _ in range(int(min(wide * deep / rng.uniform(120, 500), 60)) + 4):
        x, y = rng.uniform(-0.46, 0.46, 2) * (wide, deep)
        parts += _component(rng, (float(x), float(y), 1.5))
    for x in (-0.46, 0.46):
        parts += [Part(post(2, 1.5, (x * wide, y * deep, 0)), "circuit_board", 1.9, -1) for y in (-0.46, 0.46)]
    return Item(tuple(parts))


def _component(rng: Rng, at: Vector) -> list[Part]:
    x, y, z = at
    match int(rng.integers(8)):
        case 0 | 1:  # a small one of ceramics or tin: resistor, capacitor
            size = (rng.uniform(1.5, 5), rng.uniform(1, 3), rng.uniform(0.6, 2))
            return [Part(block(size, at), *any_of(rng, (("alumina", (3.2, 3.9)), ("tin", (5, 7.3)))))]
        case 2:  # a chip with rows of pins
            wide, deep = rng.uniform(5, 24), rng.uniform(4, 16)
            pins = [Part(block((wide, 2, 0.8), (x, y + s * deep / 2, z)), "copper", 5.0, texture=teeth(rng, 2.54))
                    for s in (-1, 1)]  # fmt: skip
            return [Part(block((wide, deep, 1.6), at), "glass", rng.uniform(1.7, 2.2)), *pins]
        case 3:  # an electrolytic capacitor, standing
            radius, high = rng.uniform(2, 9), rng.uniform(5, 25)
            return [Part(post(radius, high, at), "aluminium", rng.uniform(1.2, 2.2))]
        case 4:  # a coil or transformer
            side = rng.uniform(5, 18)
            core = Part(block((side, side, side * 0.8), at), "steel", rng.uniform(2, 5))
            return [core, Part(block((side * 1.2, side * 0.6, side * 0.6), (x, y, z + 1)), "copper", rng.uniform(3, 6))]
        case 5:  # a connector: shell and contacts
            size = (rng.uniform(7, 30), rng.uniform(5, 14), rng.uniform(3, 10))
            contacts = Part(block((size[0], 3, 2), at), "brass", 4.0, texture=teeth(rng, 2.5))
            return [*box_shell(size, 0.5, "steel", 7.8, at), contacts]
        case 6:  # a heat sink: fins
            fins = Texture("stripes-x", (3.5, 3.5), 0.8, int(rng.integers(SEEDS)))
            size = (rng.uniform(10, 35), rng.uniform(8, 30), rng.uniform(6, 20))
            return [Part(block(size, at), "aluminium", 1.2, texture=fins)]
    radius = rng.uniform(0.8, 3)  # solder, a pin, a diode, a lamp
    return [Part(post(radius, rng.uniform(1, 6), at), *any_of(rng, (("tin", (6, 7.3)), ("copper", (6, 8.9)))))]


def cable(rng: Rng) -> Item:
    """A cable laid in loops or wandering, with a plug at each end, and a tie or ferrite."""
    wire, metal = log_uniform(rng, 0.6, 2.2), rng.uniform(3, 7)
    points = loops(rng) if rng.random() < 0.6 else wander(rng, rng.uniform(150, 700), turning=0.8, z=3.0)
    parts = bent(points, wire, "copper", metal)
    parts += bent(points[::3], wire * 2.2, "pvc", 1.3)  # its sheath, coarser
    for end in (points[0], points[-1]):
        parts += [moved(part, LEVEL, (end[0], end[1], 0)) for part in plug(rng)]
    if rng.random() < 0.5:
        middle = points[len(points) // 2]
        parts += [moved(part, LEVEL, (middle[0], middle[1], 0)) for part in ring(9, wire * 2, 25, "steel", 4.8, "x")]
    return Item(tuple(parts))


def loops(rng: Rng) -> list[Vector]:
    """Points of a cable wound up: long ovals over each other, each a bit off."""
    long, wide = rng.uniform(35, 110), rng.uniform(15, 60)
    turns = int(rng.integers(2, 6))
    angle = np.linspace(0, 2 * np.pi * turns, 12 * turns + 1)
    drift = np.cumsum(rng.normal(0, 1.2, (2, angle.size)), axis=1)
    x = long * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.7 + drift[0]
    y = wide * np.sin(angle) + drift[1]
    z = 2.5 + 2.0 * (np.floor(angle / (2 * np.pi)) % 3)
    return [(float(a), float(b), float(c)) for a, b, c in zip(x, y, z, strict=True)]


def plug(rng: Rng) -> list[Part]:
    """A plug: USB, mains, jack: shell, contacts, moulded grip."""
    grip = Part(
        block((rng.uniform(15, 40), rng.uniform(8, 26), rng.uniform(5, 20)), (-14, 0, 0)), "pvc", rng.uniform(1.1, 1.4)
    )
    if rng.random() < 0.5:
        return [
            grip,
            *box_shell((18, 12, 4.5), 0.4, *STEEL, (12, 0, 2)),
            Part(block((12, 9, 1), (10, 0, 3)), "copper", 4),
        ]
    pins = rng.uniform(3, 10)
    return [
        grip,
        *(rod((0, y, 5), (rng.uniform(14, 24), y, 5), rng.uniform(1.5, 2.6), "brass", 8.4) for y in (-pins, pins)),
    ]


def charger(rng: Rng) -> Item:
    """A power supply: case, board, transformer, pins, and often its cable."""
    wide, deep, high = rng.uniform(40, 120), rng.uniform(30, 65), rng.uniform(22, 38)
    parts = box_shell((wide, deep, high), rng.uniform(1.5, 2.5), *any_of(rng, PLASTICS[:3]))
    inside = board(rng, (wide * 0.85, deep * 0.8))
    parts += [moved(part, LEVEL, (0, 0, 4)) for part in inside.parts]
    parts += [moved(part, LEVEL, (wide / 2 + 8, 0, 4)) for part in plug(rng)]
    if rng.random() < 0.6:
        parts += [moved(part, LEVEL, (0, deep / 2 + 20, 0)) for part in cable(rng).parts]
    return Item(tuple(parts))


def batteries(rng: Rng) -> Item:
    """Round cells, button cells or a flat pack: can, core, cap, contacts."""
    radius, long = ((7.1, 50), (5.2, 44), (7.1, 50), (9.2, 65), (rng.uniform(4, 10), rng.uniform(2, 5)))[
        rng.integers(5)
    ]
    parts = []
    for i in range(int(rng.integers(1, 7))):
        y = 2.15 * radius * i
        centre = (0.0, y, radius)
        parts.append(Part(Cylinder(centre, radius, long, "x"), "steel", rng.uniform(1.0, 1.6)))
        parts.append(Part(Cylinder(centre, radius - 0.4, long * 0.94, "x"), "zinc", rng.uniform(1.3, 2.2)))
        parts.append(rod((-long * 0.4, y, radius), (long * 0.5, y, radius), radius * 0.12, "brass", 8.4))
        parts.append(rod((long / 2, y, radius), (long / 2 + 1.5, y, radius), radius * 0.35, "steel", 7.8))
    return Item(tuple(parts))


def light_chain(rng: Rng) -> Item:
    """A light chain, earphones, a hearing aid: thin wire with small bodies along it."""
    points = wander(rng, rng.uniform(250, 900), turning=rng.uniform(0.6, 1.1), z=2.0)
    parts = bent(points, rng.uniform(0.5, 0.9), "copper", 8.0)
    body = any_of(rng, (("glass", (2.2, 2.5)), ("steel", (5, 7.8)), ("abs", (1.0, 1.1)), ("tin", (5, 7.3))))
    for x, y, _ in points[:: int(rng.integers(1, 8))]:
        parts.append(Part(post(rng.uniform(1.5, 5), rng.uniform(3, 9), (x, y, 0)), *body))
    return Item(tuple(parts))


def gadget(rng: Rng) -> Item:
    """A remote control, camera, radio, game, router: case, board, battery, knobs, loudspeaker, screws, mesh."""
    wide, deep, high = log_uniform(rng, 60, 240), log_uniform(rng, 40, 160), log_uniform(rng, 14, 60)
    parts = box_shell(
        (wide, deep, high), rng.uniform(1.4, 2.6), *any_of(rng, (*PLASTICS[:3], ("aluminium", (2.6, 2.75))))
    )
    parts += [moved(part, LEVEL, (0, 0, 4)) for part in board(rng, (wide * 0.9, deep * 0.85)).parts]
    if rng.random() < 0.7:
        cell = (wide * rng.uniform(0.15, 0.5), deep * rng.uniform(0.3, 0.8), high * 0.35)
        parts.append(Part(block(cell, (rng.uniform(-0.2, 0.2) * wide, 0, high * 0.4)), "lithium_battery", 2.4))
    if rng.random() < 0.5:
        at: Vector = (wide * rng.uniform(-0.3, 0.3), 0, high * 0.5)
        magnet = min(deep, wide) * 0.18
        parts += [Part(post(magnet, 6, at), "steel", 7.0), Part(post(2 * magnet, 1.0, at), "steel", 3.0)]
    rows, columns = int(rng.integers(1, 7)), int(rng.integers(1, 6))
    for i in range(rows):  # keys
        for j in range(columns):
            x, y = (i / rows - 0.4) * wide * 0.8, (j / columns - 0.4) * deep * 0.7
            parts.append(Part(block((wide / rows * 0.4, deep / columns * 0.4, 2), (x, y, high - 3)), "rubber", 1.2))
    for x in (-0.44, 0.44):
        parts += [Part(post(1.6, 9, (x * wide, y * deep, 2)), *STEEL) for y in (-0.43, 0.43)]
    return Item(tuple(parts))


def motor(rng: Rng) -> Item:
    """A fan, shaver, hair dryer, mixer or toy drive: housing, windings, magnets, shaft, gears, heating wire."""
    s = rng.uniform(0.45, 1.2)
    parts = [
        moved(p, LEVEL, (0, 0, 0))
        for p in can_shell(26 * s, 70 * s, 1.2, *any_of(rng, (*PLASTICS[:2], ("steel", (7.8, 7.9)))))
    ]
    for i in range(int(rng.integers(3, 9))):
        a = 2 * np.pi * i / 6
        at = (float(14 * s * np.cos(a)), float(14 * s * np.sin(a)), 10 * s)
        parts.append(Part(post(5 * s, 30 * s, at), "copper", rng.uniform(3, 6)))
    parts.append(Part(post(2.2 * s, 95 * s), *STEEL))
    for z in (50 * s, 58 * s):
        parts += [moved(p, LEVEL, (0, 0, z)) for p in ring(rng.uniform(8, 22) * s, 2.2 * s, 4, "brass", 8.4)]
    angles = np.linspace(0, 10 * np.pi, 41)
    heater = [(float(20 * s * np.cos(a)), float(20 * s * np.sin(a)), float(70 * s + a * 1.4 * s)) for a in angles]
    if rng.random() < 0.4:
        parts += bent(heater, 0.7, "nickel", 8.5)
    return Item(tuple(parts))


def loose_parts(rng: Rng) -> Item:
    """Components, contacts and crimps in a bag, or a reel of tape with them."""
    found = [_component(rng, (0.0, 0.0, 0.0)) for _ in range(int(rng.integers(8, 40)))]
    return scattered(rng, found, (rng.uniform(30, 120), rng.uniform(30, 100)))


def ribbon(rng: Rng) -> Item:
    """A flat cable, tape measure or blade strip that winds about: fine lines along it."""
    points = wander(rng, rng.uniform(100, 500), turning=rng.uniform(0.1, 0.5))
    wide = rng.uniform(6, 40)
    cores = Texture("stripes-z", (2.5, 2.5), 0.7, int(rng.integers(SEEDS)))
    stuff = any_of(rng, (("copper", (1.0, 3)), ("steel", (4, 7.8)), ("pvc", (1.2, 1.4))))
    thick = rng.uniform(0.3, 1.2)
    return Item(tuple(strip(a, b, wide, thick, *stuff, cores) for a, b in itertools.pairwise(points)))
