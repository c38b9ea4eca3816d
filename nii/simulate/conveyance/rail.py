"""Flat cars of railways that carry containers: deck, bogies, couplers. The rails lie below the wheels."""

from nii.simulate.conveyance.running_gear import frame
from nii.simulate.conveyance.structure import STEEL, Conveyance, i_beam, joined, moved, tube
from nii.simulate.render.draws import Rng
from nii.simulate.render.scene import Part
from nii.simulate.render.shapes import Box, Cylinder, PrismY

SHORTEST = 10_500.0  # mm, of a flat car on two bogies
GAUGE = 753.0  # half the distance of the wheels' middles, mm


def flat_car(rng: Rng, containers: tuple[Conveyance, ...]) -> Conveyance:
    """Containers in a row on a flat car that is a little longer than they are."""
    start, placed = 0.0, []
    for container in containers:
        placed.append(moved(container, start))
        start = placed[-1].outside.x[1] + rng.uniform(60, 400)
    first, last = placed[0].outside, placed[-1].outside
    out = Box((first.x[0], last.x[1]), first.y, (0.0, max(one.outside.z[1] for one in placed)))
    beyond = max(rng.uniform(200, 900), (SHORTEST - (out.x[1] - out.x[0])) / 2)
    x = (out.x[0] - beyond, out.x[1] + beyond)
    parts = [part for one in placed for part in one.parts]
    rooms = tuple(room for one in placed for room in one.rooms)
    return Conveyance("rail", (*parts, *_car(rng, x)), rooms, out, joined(one.cavities for one in placed))


def _car(rng: Rng, x: tuple[float, float]) -> list[Part]:
    """Sills, cross bearers, deck, locks for the containers, couplers and two bogies."""
    depth = rng.uniform(280, 520)
    radius = rng.uniform(420, 475)
    rail = -(depth * 0.5 + 560 + rng.uniform(0, 120)) - radius
    half = rng.uniform(1000, 1250)
    parts = [
        *frame(rng, x, -20.0, depth, half),
        *i_beam(x, 0.0, (-20 - depth, -20.0), 12, (300, 16)),
        *_couplers(x, rail),
    ]
    if rng.random() < 0.4:
        parts.append(Part(Box(x, (-half, half), (-20.0, -12.0)), "steel", STEEL * rng.uniform(0.3, 1)))
    for centre in (x[0] + rng.uniform(1400, 2200), x[1] - rng.uniform(1400, 2200)):
        parts += _bogie(rng, centre, rail, radius, -20 - depth)
    return parts


def _bogie(rng: Rng, x: float, rail: float, radius: float, top: float) -> list[Part]:
    """Two wheel sets in side frames of cast steel, with springs and a bolster."""
    apart, z = rng.uniform(1700, 2000) / 2, rail + radius
    parts = []
    for axle in (x - apart, x + apart):
        parts.append(Part(Cylinder((axle, 0.0, z), 82, 2200, "y"), "steel", STEEL))
        for y in (-GAUGE, GAUGE):
            parts.append(Part(Cylinder((axle, y, z), radius, 25, "y"), "steel", STEEL))  # plate
            parts += tube((axle, y, z), radius, 60, 135, "y")  # tyre
            parts.append(Part(Cylinder((axle, y, z), radius + 28, 30, "y"), "steel", STEEL * 0.9))  # flange
        for y in (-1000.0, 1000.0):
            parts.append(Part(Box((axle - 130, axle + 130), (y - 90, y + 90), (z - 140, z + 150)), "cast_iron", 3.5))
    side = (
        (x - apart - 180, z + 60), (x - apart - 180, z + 190), (x - 350, z + 330), (x + 350, z + 330),
        (x + apart + 180, z + 190), (x + apart + 180, z + 60), (x + 330, z - 200), (x - 330, z - 200),
    )  # fmt: skip
    window = ((x - 250, z - 120), (x - 250, z + 180), (x + 250, z + 180), (x + 250, z - 120))
    for y in (-1050.0, 950.0):
        parts.append(Part(PrismY(side, (y, y + 100)), "steel", STEEL * 0.45))
        parts.append(Part(PrismY(window, (y, y + 100)), "steel", STEEL * 0.45, -1))
        for spring in (-150.0, 0.0, 150.0):
            parts += tube((x + spring, y + 50, z + 20), 62, 26, 250, "z")
    bolster = Box((x - 160, x + 160), (-1000.0, 1000.0), (z + 150, z + 330))
    pivot = Cylinder((x, 0.0, (z + 330 + top) / 2), 170, max(top - z - 330, 20), "z")
    return [*parts, Part(bolster, "steel", STEEL * 0.18), Part(pivot, "steel", STEEL * 0.5)]


def _couplers(x: tuple[float, float], rail: float) -> list[Part]:
    """Buffers and hook, or a central coupler, at each end."""
    z = rail + 1050
    parts = []
    for end, out in ((x[0], -1), (x[1], 1)):
        parts.append(Part(Box((end - 150, end + 150), (-1250.0, 1250.0), (z - 180, z + 180)), "steel", STEEL * 0.06))
        parts.append(Part(Cylinder((end + out * 300, 0.0, z), 90, 500, "x"), "cast_iron", 5.0))
        for y in (-875.0, 875.0):
            parts += tube((end + out * 320, y, z), 95, 20, 420, "x")
            parts.append(Part(Cylinder((end + out * 550, y, z), 225, 35, "x"), "steel", STEEL))
    return parts
