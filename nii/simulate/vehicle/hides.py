"""Concealments that are changes to the vehicle: packages in its tank, tyres, seats, doors, bumpers and so on.

Each stays in its cavity and pushes out what was there. From a few grams to some tens of kilograms.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nii.errors import UsageError
from nii.physics.materials import STEEL
from nii.simulate.contraband.hidden_goods import DRUGS
from nii.simulate.contraband.placing import displaced
from nii.simulate.render.draws import Rng, drawn_material, layers, log_uniform
from nii.simulate.render.scene import Concealment, Part, Texture
from nii.simulate.render.shapes import Box, Cylinder, Interval, PrismY
from nii.simulate.vehicle.build import Vehicle, without_bags
from nii.simulate.vehicle.drive import Tank
from nii.simulate.vehicle.parts import VehicleCavity, cavity_of, drawn_start
from nii.simulate.vehicle.wheels import Wheel, wheel_outline

CONTENTS = (
    *DRUGS,
    ("fentanyl_pills", (0.55, 0.9)),
    ("fentanyl_street_powder", (0.5, 0.9)),
    ("cannabis_resin", (0.9, 1.2)),
    ("banknotes", (0.6, 0.95)),
)
"""What is hidden in vehicles, with ranges of density in g/cm3."""

LEAST = 18.0  # mm; no package is smaller
GAP = 3.0  # mm between packages
MOST_KG = 90.0  # in one cavity


def packs(rng: Rng, cavity: VehicleCavity) -> list[Part]:
    """Packages of one size from the bottom of a cavity up, side by side; at least one."""
    material, density = drawn_material(rng, CONTENTS)
    length, height = cavity.size
    u, v = (_drawn(rng, side, most) for side, most in ((length, 320.0), (height, 220.0)))
    y = _inner(rng, cavity.y)
    columns = int(log_uniform(rng, 1, _fitting(length, u) + 0.99))
    rows = int(log_uniform(rng, 1, _fitting(height, v) + 0.99))
    column_kg = rows * cavity.prism((0, u), (0, v), y).volume_cm3 * density / 1000
    columns = min(columns, max(int(MOST_KG / column_kg), 1))
    start = drawn_start(rng, (0, length), columns * (u + GAP) - GAP)
    look = _wrapping(rng, u, v)
    shapes = [
        cavity.prism(_step(start, i, u), _step(0, k, v), y)
        for i in range(columns)
        for k in range(rows if rng.random() < 0.8 else max(rows - 1, 1))
    ]
    return [Part(shape, material, density * rng.uniform(0.95, 1), texture=look) for shape in shapes]


def _drawn(rng: Rng, room: float, most: float) -> float:
    """Length of a package along a side of its cavity."""
    return min(log_uniform(rng, LEAST, most), room)


def _fitting(room: float, one: float) -> int:
    return max(int((room + GAP) / (one + GAP)), 1)


def _step(start: float, number: int, one: float) -> Interval:
    return (start + number * (one + GAP), start + number * (one + GAP) + one)


def _inner(rng: Rng, y: Interval) -> Interval:
    """A part of the depth, mostly much of it."""
    depth = y[1] - y[0]
    long = min(max(depth * rng.uniform(0, 1) ** 0.5, LEAST), depth)
    start = drawn_start(rng, y, long)
    return (start, start + long)


def _wrapping(rng: Rng, u: float, v: float) -> Texture | None:
    """Packages are even, or layers of smaller ones."""
    return layers(rng, min(u, v) / 2, rng.uniform(0, 0.1)) if rng.random() < 0.4 else None


def _hidden(family: str, parts: list[Part], host: Part | None) -> Concealment:
    return Concealment(family, tuple(parts), displaced(tuple(parts), host))


def _in_cavities(rng: Rng, vehicle: Vehicle, name: str, most: int) -> Concealment:
    """Packages in one to `most` cavities of this name."""
    cavities = vehicle.cavities[name]
    count = min(int(log_uniform(rng, 1, most + 0.99)), len(cavities))
    found = [_hidden("", packs(rng, cavities[i]), cavities[i].host) for i in rng.permutation(len(cavities))[:count]]
    return Concealment(
        f"{name}_hide",
        tuple(part for one in found for part in one.parts),
        tuple(part for one in found for part in one.displaced),
    )


def door_hide(rng: Rng, vehicle: Vehicle) -> Concealment:
    """Between skin and trim of one or several doors and rear sides."""
    return _in_cavities(rng, vehicle, "door", 6)


def seat_hide(rng: Rng, vehicle: Vehicle) -> Concealment:
    """In cushions or backs, in place of foam, or below a seat."""
    return _in_cavities(rng, vehicle, "seat", 4)


def bumper_hide(rng: Rng, vehicle: Vehicle) -> Concealment:
    """Behind the cover of a bumper."""
    return _in_cavities(rng, vehicle, "bumper", 2)


def engine_hide(rng: Rng, vehicle: Vehicle) -> Concealment:
    """In the air filter, in a battery that is none, behind the engine, in a wing."""
    return _in_cavities(rng, vehicle, "engine", 2)


def roof_hide(rng: Rng, vehicle: Vehicle) -> Concealment:
    """Flat packages above the headliner."""
    return _in_cavities(rng, vehicle, "roof", 2)


def floor_hide(rng: Rng, vehicle: Vehicle) -> Concealment:
    """In a sill, under the carpet, or on the load floor under a second floor of sheet."""
    found = _in_cavities(rng, vehicle, "floor", 2)
    if rng.random() < 0.5:
        return found
    top = max(part.shape.bounds.z[1] for part in found.parts)
    widest = max((part.shape.bounds for part in found.parts), key=lambda box: box.y[1] - box.y[0])
    metal, density, gauge = [(*STEEL, 1.5), ("plywood", 0.6, 9.0), ("aluminium", 2.7, 2.0)][rng.integers(3)]
    cover = Part(Box(widest.x, widest.y, (top + GAP, top + GAP + gauge)), metal, density)
    return replace(found, parts=(*found.parts, cover))


def dashboard_hide(rng: Rng, vehicle: Vehicle) -> Concealment:
    """In place of the air bag, in the glove box, or behind the instruments."""
    bag, *others = vehicle.cavities["dashboard"]
    if rng.random() < 0.5:
        parts = packs(rng, bag)
        return Concealment("dashboard_hide", tuple(parts), without_bags(vehicle))
    space = others[rng.integers(len(others))]
    return _hidden("dashboard_hide", packs(rng, space), space.host)


def tank_hide(rng: Rng, vehicle: Vehicle) -> Concealment:
    """A part of the tank walled off from the fuel and packed; the fuel there is gone. Needs a tank."""
    tank = _tank_of(vehicle)
    inside, fuel = tank.inside, tank.fuel
    share, along = rng.uniform(0.25, 0.8), rng.random() < 0.6
    gauge = rng.uniform(0.8, 2.0)
    axis = "x" if along else "y"
    low, high = getattr(inside, axis)
    cut = low + (high - low) * share
    room = replace(inside, **{axis: (low, cut - gauge)})
    wall = replace(inside, **{axis: (cut - gauge, cut)})
    metal, density = STEEL if rng.random() < 0.6 else ("aluminium", 2.7)
    gone = Box(*(_common(a, b) for a, b in zip(_sides(replace(inside, **{axis: (low, cut)})), _sides(fuel.shape.bounds),
                                               strict=True)))  # fmt: skip
    parts = [*packs(rng, cavity_of(room)), Part(wall, metal, density)]
    return Concealment("tank_hide", tuple(parts), (Part(gone, fuel.material, fuel.density, -1),))


def _tank_of(vehicle: Vehicle) -> Tank:
    if vehicle.tank is None:
        raise UsageError("tank_hide: expected a vehicle with a tank, came an electric one")
    return vehicle.tank


def _sides(box: Box) -> tuple[Interval, Interval, Interval]:
    return box.x, box.y, box.z


def _common(a: Interval, b: Interval) -> Interval:
    return (max(a[0], b[0]), min(a[1], b[1]))


def tyre_hide(rng: Rng, vehicle: Vehicle) -> Concealment:
    """Curved packages on the rims of one to all of the four tyres."""
    rolling = [wheel for wheel in vehicle.wheels if wheel.axis == "y"]
    count = int(log_uniform(rng, 1, 4.99))
    parts = [part for i in rng.permutation(4)[:count] for part in _ring(rng, rolling[i])]
    return Concealment("tyre_hide", tuple(parts))


def _ring(rng: Rng, wheel: Wheel) -> list[Part]:
    """Packages one behind the other around a rim."""
    material, density = drawn_material(rng, CONTENTS)
    count = int(rng.integers(6, 16))
    used = int(log_uniform(rng, 1, count + 0.99))
    start, step = rng.uniform(0, 2 * np.pi), 2 * np.pi / count
    gap = rng.uniform(0, (wheel.radius - wheel.rim - 31) * 0.3)
    half = (wheel.width - 24) / 2 * rng.uniform(0.5, 1)
    y = (wheel.centre[1] - half, wheel.centre[1] + half)
    shapes: list[PrismY] = [
        wheel_outline(wheel, (start + i * step, start + (i + 0.94) * step), gap, y) for i in range(used)
    ]
    return [Part(shape, material, density) for shape in shapes]


def spare_hide(rng: Rng, vehicle: Vehicle) -> Concealment:
    """Around the rim of the spare wheel, or in the bowl of its rim. Needs a spare wheel."""
    wheel = vehicle.wheels[-1]
    if wheel.axis != "z":
        raise UsageError("spare_hide: expected a vehicle with a spare wheel, came none")
    material, density = drawn_material(rng, CONTENTS)
    high = (wheel.width - 24) * rng.uniform(0.3, 1)
    low = wheel.centre[2] - wheel.width / 2 + 12
    if rng.random() < 0.6:
        centre = (wheel.centre[0], wheel.centre[1], low + high / 2)
        outer = Cylinder(centre, wheel.radius - 18 - rng.uniform(0, 15), high, "z")
        inner = Cylinder(centre, wheel.rim + 16, high, "z")
        return Concealment("spare_hide", (Part(outer, material, density), Part(inner, material, density, -1)))
    side = wheel.rim * rng.uniform(0.4, 1.2)  # of a square in the bowl
    bowl = (low, wheel.centre[2] + wheel.width * 0.25 - 14)
    x, y, _ = wheel.centre
    box = Box((x - side / 2, x + side / 2), (y - side / 2, y + side / 2), bowl)
    return Concealment("spare_hide", tuple(packs(rng, cavity_of(box))))


HIDES: dict[str, Callable[[Rng, Vehicle], Concealment]] = {
    "bumper_hide": bumper_hide,
    "dashboard_hide": dashboard_hide,
    "door_hide": door_hide,
    "engine_hide": engine_hide,
    "floor_hide": floor_hide,
    "roof_hide": roof_hide,
    "seat_hide": seat_hide,
    "spare_hide": spare_hide,
    "tank_hide": tank_hide,
    "tyre_hide": tyre_hide,
}
"""Families of changes to the vehicle."""
