"""What a load weighs, by the attenuation over its inside, with an interval from loads of known mass.

The mass is the sum, over an inside from the upper edge of the body to about the floor, of the water-equivalent areal
density above that of the walls. Goods of metal are heavier than water that is as dark, floor and chassis in view are
counted in part: so loads of known mass say by how much the sum is off, and how widely.
"""

from dataclasses import dataclass

import numpy as np

from nii.analysis.declared.insides import Insides
from nii.analysis.empty.inside import FAINTEST, GRID_MM, Room
from nii.physics.beams import standard_beams
from nii.physics.forward import Beam, attenuation_curve
from nii.scan import FloatArray, Scan
from nii.stats.operating_point import p_values

HEIGHT_MM = 3000.0  # below the upper edge of a body: 2.6 m high, and its near side looks a quarter larger
WALLS = 0.15  # attenuation of walls at most: an inside that is full shows none of them
DARKEST = 0.95 * -float(np.log(FAINTEST))  # attenuation from which on more mass would not be seen
TOO_DARK = 0.05  # share of such points of an inside, above which its mass is not told
DEPTH = np.linspace(0, 400, 801)  # g/cm2 of water
FEWEST = 39  # ratios, for an interval of 90 % and a p-value of 5 %


@dataclass(frozen=True)
class LoadMass:
    """kg: water-equivalent, None where it can't be told; why: why not."""

    kg: float | None
    why: str = ""


def find_mass(scan: Scan, insides: Insides) -> LoadMass:
    """The water-equivalent mass of what the insides hold."""
    if insides.A is None or not insides.rooms:
        return LoadMass(None, insides.why)
    beams = standard_beams(scan.energies) if scan.energies else None
    if beams is None:
        return LoadMass(None, "energies unknown")
    A = insides.A[-1]  # the high energy sees deepest
    kg = [_room_mass(A, room, beams[-1]) for room in insides.rooms]
    if None in kg:
        return LoadMass(None, "darker than the beam can weigh")
    return LoadMass(sum(one for one in kg if one is not None))


def _room_mass(A: FloatArray, room: Room, beam: Beam) -> float | None:
    inside = A[room.top : room.top + int(HEIGHT_MM / GRID_MM), slice(*room.columns)]
    if np.count_nonzero(inside > DARKEST) > TOO_DARK * inside.size:
        return None
    curve = attenuation_curve("water", DEPTH, beam)
    above = np.interp(inside, curve, DEPTH) - np.interp(min(room.level, WALLS), curve, DEPTH)
    return float(np.maximum(above, 0).sum()) * (GRID_MM / 10) ** 2 / 1000  # g/cm2 x cm2 to kg


@dataclass(frozen=True)
class Weighed:
    """A load's mass with its 90 % interval, kg, and the p-value of the declared one (two-sided)."""

    kg: float
    low_kg: float
    high_kg: float
    p_value: float


def weigh(found_kg: float, declared_kg: float, ratios: tuple[float, ...]) -> Weighed | None:
    """The declared mass among what loads of known mass weighed; None where those are too few.

    ratios: true over found mass, ascending. If this load is exchangeable with them, the interval holds its mass in
    at least 90 % of cases, and the p-value of its true mass is at most x in at most x of cases.
    """
    if len(ratios) < FEWEST or found_kg <= 0:
        return None
    n, ratio = len(ratios), declared_kg / found_kg
    tail = int(0.05 * (n + 1))
    heavier, lighter = p_values([-ratio], [-one for one in ratios])[0], p_values([ratio], ratios)[0]
    return Weighed(
        kg=found_kg * ratios[n // 2],
        low_kg=found_kg * ratios[tail - 1],
        high_kg=found_kg * ratios[n - tail],
        p_value=min(2 * min(float(heavier), float(lighter)), 1.0),
    )
