"""Pill presses, die moulds and press parts; built at the origin, in millimetres."""

import numpy as np

from nii.physics.materials import STEEL, STEEL_G_CM3
from nii.simulate.contraband.hidden_goods import at
from nii.simulate.conveyance.structure import tube
from nii.simulate.render.draws import Rng
from nii.simulate.render.scene import Part, enclosing
from nii.simulate.render.shapes import Box, Cylinder, PrismY

CAST = ("cast_iron", 7.2)


def pill_press(rng: Rng) -> list[Part]:
    """A single-punch press for the bench (20 to 120 kg) or a rotary one (200 to 1500 kg), sometimes in a crate."""
    parts = bench_press(rng) if rng.random() < 0.5 else rotary_press(rng)
    if rng.random() < 0.3:
        parts += _crate(parts)
    return parts


def bench_press(rng: Rng) -> list[Part]:
    """A cast frame like a C, flywheel at one side, upper and lower punch, die table, feed shoe and hopper."""
    s = rng.uniform(0.6, 1.2)
    deep, wide, high = 200 * s, 320 * s, 560 * s
    frame = (
        (0, 0), (wide, 0), (wide, 60 * s), (wide * 0.45, 80 * s), (wide * 0.45, 230 * s), (wide * 0.8, 240 * s),
        (wide * 0.8, 275 * s), (wide * 0.45, 290 * s), (wide * 0.45, 400 * s), (wide * 0.85, 410 * s),
        (wide * 0.85, high * 0.86), (wide * 0.2, high * 0.86), (0, 300 * s),
    )  # fmt: skip
    punch_x = wide * 0.68
    web = deep * rng.uniform(0.25, 0.5)
    parts = [
        Part(PrismY(frame, ((deep - web) / 2, (deep + web) / 2)), *CAST),
        Part(at(0, 0, 0, (wide, deep, 30 * s)), *CAST),
        Part(Cylinder((punch_x, deep / 2, 340 * s), 14 * s, 150 * s, "z"), *STEEL),
        Part(Cylinder((punch_x, deep / 2, 190 * s), 12 * s, 130 * s, "z"), *STEEL),
        Part(Cylinder((punch_x, deep / 2, 258 * s), 35 * s, 24 * s, "z"), "tool_steel", 7.7),
        Part(Cylinder((wide * 0.5, deep / 2, 450 * s), 22 * s, deep * 1.3, "y"), *STEEL),
    ]
    wheel = (wide * 0.5, deep + 40 * s, 450 * s)
    parts += tube(wheel, 150 * s, 28 * s, 40 * s, "y", material=CAST[0], density=CAST[1])
    parts.append(Part(Cylinder(wheel, 124 * s, 12 * s, "y"), CAST[0], CAST[1] * 0.5))
    parts.append(_hopper(punch_x + 40 * s, deep / 2, 290 * s, 60 * s))
    if rng.random() < 0.5:  # with a motor
        parts.append(Part(Cylinder((wide * 0.2, deep / 2, 130 * s), 60 * s, 170 * s, "y"), "copper", 4.5))
    return parts


def rotary_press(rng: Rng) -> list[Part]:
    """Hollow base with motor and gear, turret with a ring of punches between cams, pressure rolls, hoppers, hood."""
    s = rng.uniform(0.6, 1.15)
    metal = CAST if rng.random() < 0.6 else STEEL
    wide, deep, high = 780 * s * rng.uniform(0.85, 1.15), 700 * s, 1500 * s * rng.uniform(0.85, 1.1)
    x, y = wide / 2, deep / 2
    table, top = 0.48 * high, 0.82 * high
    turret = 0.32 * min(wide, deep)
    parts = [
        Part(at(0, 0, 0, (wide, deep, table - 40 * s)), metal[0], metal[1] * rng.uniform(0.08, 0.2)),
        Part(at(20, 20, table - 60 * s, (wide - 40, deep - 40, 60 * s)), metal[0], metal[1] * 0.7),
        Part(at(30, 30, top, (wide - 60, deep - 60, 90 * s)), metal[0], metal[1] * rng.uniform(0.4, 0.7)),
        Part(Cylinder((x, y, table + 90 * s), turret, 110 * s, "z"), *STEEL),
        Part(Cylinder((x, y, (table + top) / 2), 45 * s, top - table, "z"), *STEEL),
        Part(Cylinder((wide * 0.3, y, 0.16 * high), 95 * s, 280 * s, "x"), "copper", 4.5),
        Part(Cylinder((wide * 0.68, y, 0.2 * high), 150 * s, 60 * s, "y"), CAST[0], CAST[1] * 0.8),
        *(Part(Cylinder((wide * u, deep * v, (table + top) / 2), 28 * s, top - table, "z"), *STEEL)
          for u in (0.1, 0.9) for v in (0.12, 0.88)),
        *(Part(Cylinder((x, y + side * turret * 0.9, z), 75 * s, 55 * s, "x"), *STEEL)
          for side in (-1, 1) for z in (table - 110 * s, top + 30 * s)),
    ]  # fmt: skip
    stations = int(rng.integers(9, 36))
    for turn in np.arange(stations) * (2 * np.pi / stations):
        place = (x + 0.85 * turret * float(np.cos(turn)), y + 0.85 * turret * float(np.sin(turn)))
        for z in (table + 5 * s, table + 200 * s):
            parts.append(Part(Cylinder((*place, z), 11 * s, 140 * s, "z"), "tool_steel", 7.7))
    for side in (0.25, 0.75)[: int(rng.integers(1, 3))]:
        parts.append(_hopper(wide * side, y, top + 100 * s, 120 * s))
    if rng.random() < 0.6:  # hood of clear plastic
        parts.append(Part(at(0, 0, table, (wide, 6, top - table)), "pmma", 1.19))
        parts.append(Part(at(0, deep - 6, table, (wide, 6, top - table)), "pmma", 1.19))
    return parts


def _hopper(x: float, y: float, z: float, size: float) -> Part:
    """A funnel of sheet, as a solid of low density."""
    cone = ((x - size * 0.2, z), (x + size * 0.2, z), (x + size, z + size * 1.6), (x - size, z + size * 1.6))
    return Part(PrismY(cone, (y - size * 0.7, y + size * 0.7)), "steel", 0.25)


def _crate(parts: list[Part]) -> list[Part]:
    """Boards of a wooden crate around it."""
    box = enclosing(parts)
    x, y, z = ((side[0] - 30, side[1] + 30) for side in (box.x, box.y, box.z))
    panels = (
        Box(x, (y[0] - 18, y[0]), z), Box(x, (y[1], y[1] + 18), z),
        Box((x[0] - 18, x[0]), y, z), Box((x[1], x[1] + 18), y, z), Box(x, y, (z[1], z[1] + 18)),
    )  # fmt: skip
    return [Part(panel, "plywood", 0.6) for panel in panels]


def die_moulds(rng: Rng) -> list[Part]:
    """Steel plates and blocks with rows of bores, one to four of them side by side."""
    parts = []
    x = 0.0
    for _ in range(int(rng.integers(1, 5))):
        w, d, h = rng.uniform(60, 320), rng.uniform(40, 200), rng.uniform(20, 90)
        metal, density = [STEEL, ("tool_steel", 7.7), ("brass", 8.5), ("aluminium", 2.7)][rng.integers(4)]
        parts.append(Part(at(x, 0, 0, (w, d, h)), metal, density))
        bore = min(rng.uniform(4, 12), 0.45 * h)
        for u in np.arange(x + 2 * bore, x + w - bore, rng.uniform(3, 5) * bore):
            parts.append(Part(Cylinder((float(u), d / 2, h / 2), bore, d * 0.5, "y"), metal, density, -1))
        x += w + rng.uniform(3, 30)
    return parts


def press_parts(rng: Rng) -> list[Part]:
    """Sets of punches, turret discs, cams and gears, loose or in a case."""
    parts = []
    radius, length = rng.uniform(9, 20), rng.uniform(90, 160)
    rows = int(rng.integers(1, 6))
    for i in range(int(rng.integers(4, 26))):
        for row in range(rows):
            middle = (radius + i * (2 * radius + 4), radius + row * (2 * radius + 4), length / 2)
            parts.append(Part(Cylinder(middle, radius * 0.75, length, "z"), *STEEL))
            parts.append(Part(Cylinder((*middle[:2], length - 8), radius, 16, "z"), *STEEL))
    if rng.random() < 0.7:
        r, thick = rng.uniform(70, 210), rng.uniform(25, 90)
        axis = str(rng.choice(["y", "z"]))
        centre = (r, 60.0 if axis == "y" else r, length + (r if axis == "y" else thick / 2) + 5)
        density = STEEL_G_CM3 * rng.uniform(0.6, 1)
        parts.append(Part(Cylinder(centre, r, thick, axis), "steel", density))
        parts.append(Part(Cylinder(centre, r * rng.uniform(0.15, 0.4), thick, axis), "steel", density, -1))
    return parts
