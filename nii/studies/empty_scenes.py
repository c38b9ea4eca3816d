"""Simulated empty conveyances, and small loads put into them: what the test is calibrated and measured on."""

from dataclasses import dataclass

import numpy as np

from nii.errors import UsageError
from nii.physics.forward import Beam
from nii.physics.noise import measure
from nii.scan import FloatArray, Scan
from nii.simulate.cargo.scenes import draw_extent
from nii.simulate.contraband.hidden_goods import DRUGS
from nii.simulate.conveyance.draw import SHARES, draw_conveyance
from nii.simulate.render.draws import Rng, drawn_material
from nii.simulate.render.scene import Part, areal_densities, expected, solid, summed
from nii.simulate.render.shapes import Box, Ellipsoid, View
from nii.simulate.scanner.presets import Scanner, draw_scanner

THINGS = ("brick", "bag")
PLACES = ("floor", "front end", "behind the door")
BRICK, BAG = (200.0, 130.0, 55.0), (200.0, 150.0, 110.0)  # mm along x, y, z, before they are scaled to a mass
NEAR_MM = 100.0  # of the end, for a thing that lies at one
CLEARANCE = 1.0  # mm above the floor


@dataclass(frozen=True, eq=False)
class EmptyScene:
    """An empty conveyance as a scanner sees it. layers: areal densities by material, g/cm2, (row, column)."""

    kind: str
    rooms: tuple[Box, ...]
    scanner: Scanner
    view: View
    beams: tuple[Beam, ...]
    layers: dict[str, FloatArray]

    def scan(self, parts: list[Part], rng: Rng) -> Scan:
        """Measured with these parts in it."""
        layers = summed(self.layers, areal_densities(parts, self.view))
        T = expected(layers, (self.view.z.size, self.view.x.size), self.beams)
        T = np.ascontiguousarray(T[..., ::-1]) if self.scanner.mirrored else T
        return Scan(
            transmission=measure(T, self.scanner.noise, rng),
            energies=self.scanner.energies,
            pitch_mm=self.scanner.pitch_mm,
            path=self.kind,
        )


def draw_empty(rng: Rng) -> EmptyScene:
    """A conveyance of any kind, as often as cargo scenes have it, without a load."""
    conveyance = draw_conveyance(rng, str(rng.choice(list(SHARES), p=list(SHARES.values()))))
    scanner = draw_scanner(rng)
    view = scanner.view(draw_extent(rng, conveyance, ()))
    layers = solid(conveyance.parts, view)
    return EmptyScene(conveyance.kind, conveyance.rooms, scanner, view, scanner.beams(), layers)


def draw_small_load(rng: Rng, room: Box, thing: str, kg: float, place: str) -> Part:
    """A brick or a bag of a drug or cutting agent on the floor of the room, of this mass.

    thing: one of THINGS. place: one of PLACES. Raises UsageError for others.
    """
    if thing not in THINGS or place not in PLACES or not 0 < kg < float("inf"):
        expectation = f"one of {', '.join(THINGS)} at one of {', '.join(PLACES)}"
        raise UsageError(f"small load: expected {expectation}, came {thing} of {kg:g} kg at {place}")
    material, density = drawn_material(rng, DRUGS)
    sides = np.array(BRICK if thing == "brick" else BAG) * rng.uniform(0.8, 1.25, 3)
    filled = density * (1.0 if thing == "brick" else np.pi / 6) / 1e6  # kg in a mm3 of its box
    wide, deep, high = (float(side) for side in sides * (kg / (sides.prod() * filled)) ** (1 / 3))
    x0, x1 = room.x[0] + 10, room.x[1] - wide - 10
    match place:
        case "front end":
            x = x0 + rng.uniform(0, NEAR_MM)
        case "behind the door":
            x = x1 - rng.uniform(0, NEAR_MM)
        case _:
            x = rng.uniform(x0, x1)
    y = rng.uniform(room.y[0] + 10, max(room.y[1] - deep - 10, room.y[0] + 11))
    z = room.z[0] + CLEARANCE
    box = Box((x, x + wide), (y, y + deep), (z, z + high))
    if thing == "brick":
        return Part(box, material, density)
    middle = (x + wide / 2, y + deep / 2, z + high / 2)
    return Part(Ellipsoid(middle, (wide / 2, deep / 2, high / 2)), material, density)
