"""One simulated scan with its truth. Whole scan sets: nii.simulate.generate."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nii.errors import UsageError
from nii.physics.forward import Beam, transmission
from nii.physics.materials import MATERIALS
from nii.physics.noise import NoiseModel, measure, variance
from nii.scan import FloatArray
from nii.simulate.kinds import kind_of
from nii.simulate.scanners import Scanner
from nii.simulate.scene import Concealment, Part, areal_densities, stacked
from nii.simulate.shapes import View
from nii.simulate.truth import Hidden, Truth

THINNEST = 0.05  # g/cm2; less of a concealment than this in a ray is no part of its mask
FEWEST = 4  # pixels of a mask; a concealment that shows less is out of view
SEEDS = 2**32  # a greater seed would share its words, and so its scenes, with another seed and index


@dataclass(frozen=True, eq=False)
class Simulated:
    """A scan as measured, and everything that is known of it.

    name: "000012" for index 12. measured: float32 (energy, row, column) transmission with the scanner's
    noise. cargo: kind of load, "a+b" when mixed.
    """

    name: str
    measured: FloatArray
    scanner: Scanner
    cargo: str
    conveyance: str
    truth: Truth


def simulate(kind: str, seed: int, index: int, *, concealed: bool, scanner: Scanner | None = None) -> Simulated:
    """Scan number `index` of the set with this seed. The same arguments give the same bytes, anywhere.

    kind: one of KINDS. Different seeds never share a scene: the random stream is keyed by (seed, index).
    scanner: this one in place of a drawn one; all given scanners see the same scene.
    Raises UsageError for an unknown kind or a number out of range.
    """
    scenes = kind_of(kind)
    if not (0 <= seed < SEEDS and 0 <= index < SEEDS):
        raise UsageError(f"seed and index: expected 0 to {SEEDS - 1}, came {seed} and {index}")
    rng = np.random.default_rng(np.random.SeedSequence((seed, index)))
    scanner = scanner or scenes.draw_scanner(rng)
    scene = scenes.draw(rng, concealed=concealed)
    view, beams = scanner.view(scene.extent), scanner.beams()
    layers = areal_densities((*scene.conveyance, *scene.load), view)
    materials = sorted({*layers, *(p.material for c in scene.concealments for p in c.parts)})
    base = np.maximum(stacked(layers, materials, (view.z.size, view.x.size)), 0)
    without = transmission(base, materials, beams)
    full, hidden = base.copy(), []
    for concealment in scene.concealments:
        found = _hide(concealment, base, full, materials, view, beams)
        if found is not None:
            hidden.append(found)
    present = transmission(np.maximum(full, 0), materials, beams) if hidden else without
    noise = scanner.noise
    truth = Truth(-np.log(without), tuple(_with_dprime(one, without, noise) for one in hidden))
    return Simulated(f"{index:06d}", measure(present, noise, rng), scanner, scene.cargo, scene.conveyance_kind, truth)


def _hide(
    concealment: Concealment,
    base: FloatArray,
    full: FloatArray,
    materials: list[str],
    view: View,
    beams: tuple[Beam, ...],
) -> Hidden | None:
    """Add a concealment to `full`; its exact excess over `base` and its mask, or None if out of view."""
    shape = (view.z.size, view.x.size)
    own = stacked(areal_densities(concealment.parts, view), materials, shape)
    mask = own.sum(axis=0) > THINNEST
    if np.count_nonzero(mask) < FEWEST:
        return None
    own += stacked(areal_densities(concealment.displaced, view), materials, shape)
    full += own
    touched = np.abs(own).max(axis=0) > 0
    rows, columns = np.flatnonzero(touched.any(axis=1)), np.flatnonzero(touched.any(axis=0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    before = transmission(np.ascontiguousarray(base[:, *box]), materials, beams)
    after = transmission(np.maximum(base[:, *box] + own[:, *box], 0), materials, beams)
    return Hidden(
        family=concealment.family,
        mass_kg=concealment.mass_kg,
        dprime=0.0,
        row=int(rows[0]),
        column=int(columns[0]),
        excess=np.log(before) - np.log(after),
        mask=mask[box],
        material=main_material(concealment.parts),
    )


def main_material(parts: Sequence[Part]) -> str:
    """The class that most of their mass is of. Example: pills in plastic bottles are organic."""
    masses: dict[str, float] = defaultdict(float)
    for part in parts:
        masses[MATERIALS[part.material].group] += part.mass_kg
    return max(sorted(masses), key=lambda group: masses[group])


def _with_dprime(hidden: Hidden, without: FloatArray, noise: NoiseModel) -> Hidden:
    """With the detectability for an observer who knows the background: sqrt(sum((dT)^2 / var))."""
    height, width = hidden.mask.shape
    box = (slice(hidden.row, hidden.row + height), slice(hidden.column, hidden.column + width))
    before = without[:, *box]
    change = before * np.expm1(-hidden.excess)
    squared = (change**2 / variance(before, noise)).sum()
    return replace(hidden, dprime=float(np.sqrt(squared)))
