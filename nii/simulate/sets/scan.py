"""One simulated scan with its truth. Whole scan sets: nii.simulate.sets.generate."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from nii.errors import UsageError
from nii.physics.forward import Beam
from nii.physics.materials import MATERIALS
from nii.physics.noise import NoiseModel, measure, variance
from nii.scan import FloatArray
from nii.simulate.render.scene import Concealment, Part, Scene, areal_densities, expected, solid, summed
from nii.simulate.render.shapes import View
from nii.simulate.scanner.presets import Scanner
from nii.simulate.sets.kinds import SceneKind, kind_of
from nii.simulate.sets.truth import Hidden, Truth

THINNEST = 0.05  # g/cm2; less of a concealment than this in a ray is no part of its mask
ALIKE = 0.25  # of a concealment's mass, by which the goods in its place may have weighed more or less
FEWEST = 4  # pixels of a mask; a concealment that shows less is out of view
SEEDS = 2**32  # a greater seed would share its words, and so its scenes, with another seed and index


@dataclass(frozen=True, eq=False)
class Simulated:
    """A scan, and everything that is known of it.

    name: "000012" for index 12. expected: float32 (energy, row, column) transmission without noise. rng: what its
    noise is drawn from. cargo: kind of load, "a+b" when mixed. load_kg: mass of the load by volumes and densities,
    without concealments.
    """

    name: str
    expected: FloatArray
    rng: np.random.Generator
    scanner: Scanner
    cargo: str
    conveyance: str
    load_kg: float
    truth: Truth

    @cached_property
    def measured(self) -> FloatArray:
        """float32 (energy, row, column) transmission with the scanner's noise; made when first asked for."""
        return measure(self.expected, self.scanner.noise, self.rng)


def simulate(
    kind: str,
    seed: int,
    index: int,
    *,
    concealed: bool,
    scanner: Scanner | None = None,
    held_out: bool = False,
    unlisted: float = 0.0,
) -> Simulated:
    """Scan number `index` of the set with this seed. The same arguments give the same bytes, anywhere.

    kind: one of KINDS. Different seeds never share a scene: the random stream is keyed by (seed, index).
    scanner: this one in place of a drawn one; all given scanners see the same scene. held_out: of the world that
    training lacks. unlisted: share of loads of no kind, 0 for kinds of scenes that have none.
    Raises UsageError for an unknown kind or a number out of range.
    """
    scenes, rng = kind_of(kind, held_out=held_out), _stream(seed, index)
    scanner = scanner or scenes.draw_scanner(rng)
    scene = _drawn(scenes, rng, concealed=concealed, unlisted=unlisted)
    view, beams = scanner.view(scene.extent), scanner.beams()
    shape = (view.z.size, view.x.size)
    with _blas().limit(limits=1, user_api="blas"):  # sums of several threads differ in their last bits
        base = solid((*scene.conveyance, *scene.load), view)
        without = expected(base, shape, beams)
        added = [one for concealment in scene.concealments if (one := put_in(concealment, view)) is not None]
        hidden = [_hidden(one, base, without, beams) for one in added]
        present = _with_all(added, base, without, beams)
    if scanner.mirrored:
        present, without = present[..., ::-1].copy(), without[..., ::-1].copy()
        hidden = [_mirrored(one, shape[1]) for one in hidden]
    noise = scanner.noise
    truth = Truth(-np.log(without), tuple(with_dprime(one, without, noise) for one in hidden))
    return Simulated(
        name=f"{index:06d}",
        expected=present,
        rng=rng,
        scanner=scanner,
        cargo=scene.cargo,
        conveyance=scene.conveyance_kind,
        load_kg=sum(part.mass_kg for part in scene.load),
        truth=truth,
    )


def _drawn(scenes: SceneKind, rng: np.random.Generator, *, concealed: bool, unlisted: float) -> Scene:
    if unlisted == 0:
        return scenes.draw(rng, concealed=concealed)
    if scenes.draw_unlisted is None:
        raise UsageError(f"unlisted: expected 0 for this kind of scene, came {unlisted:g}")
    return scenes.draw_unlisted(rng, concealed=concealed, unlisted=unlisted)


def drawn_scanner(kind: str, seed: int, index: int) -> Scanner:
    """The scanner of that scan, where none was given. Raises as `simulate`."""
    return kind_of(kind).draw_scanner(_stream(seed, index))


def _stream(seed: int, index: int) -> np.random.Generator:
    if not (0 <= seed < SEEDS and 0 <= index < SEEDS):
        raise UsageError(f"seed and index: expected 0 to {SEEDS - 1}, came {seed} and {index}")
    return np.random.default_rng(np.random.SeedSequence((seed, index)))


@lru_cache(maxsize=1)
def _blas() -> ThreadpoolController:
    """What sets the threads of numpy's linear algebra; looking for it takes a while, so once."""
    return ThreadpoolController()


@dataclass(frozen=True, eq=False)
class Added:
    """A concealment in the scan: the part of the image that it touches, its mask there, and what it adds.

    layers: areal density by material, g/cm2, float32 (row, column) of the box.
    """

    concealment: Concealment
    box: tuple[slice, slice]
    mask: npt.NDArray[np.bool_]
    layers: Mapping[str, FloatArray]


def put_in(concealment: Concealment, view: View) -> Added | None:
    """What a concealment adds, or None if it is out of view."""
    own = areal_densities(concealment.parts, view)
    mask = np.sum(list(own.values()), axis=0) > THINNEST if own else np.zeros(1, np.bool_)
    if np.count_nonzero(mask) < FEWEST:
        return None
    own = summed(own, areal_densities(concealment.displaced, view))
    touched = np.any([layer != 0 for layer in own.values()], axis=0)
    rows, columns = np.flatnonzero(touched.any(axis=1)), np.flatnonzero(touched.any(axis=0))
    box = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
    return Added(concealment, box, mask[box], {material: layer[box] for material, layer in own.items()})


def _hidden(added: Added, base: Mapping[str, FloatArray], without: FloatArray, beams: tuple[Beam, ...]) -> Hidden:
    """Its truth: the exact excess over the base, whose transmission is `without`."""
    after = with_added(added, base, beams)
    return Hidden(
        family=added.concealment.family,
        mass_kg=added.concealment.mass_kg,
        dprime=0.0,
        row=added.box[0].start,
        column=added.box[1].start,
        excess=np.log(without[:, *added.box]) - np.log(after),
        mask=added.mask,
        material=main_material(added.concealment.parts),
        alike=alike(added.concealment),
    )


def _mirrored(hidden: Hidden, columns: int) -> Hidden:
    """As a scan of so many columns shows it when things pass the other way."""
    excess, mask = hidden.excess[..., ::-1].copy(), hidden.mask[:, ::-1].copy()
    return replace(hidden, excess=excess, mask=mask, column=columns - hidden.column - mask.shape[1])


def _with_all(
    added: list[Added], base: dict[str, FloatArray], without: FloatArray, beams: tuple[Beam, ...]
) -> FloatArray:
    """Expected transmission with all concealments; they are added to the base."""
    present = without.copy()
    for one in added:
        for material, layer in one.layers.items():
            if material not in base:
                base[material] = np.zeros(without.shape[1:], np.float32)
            base[material][one.box] += layer
    for one in added:
        present[:, *one.box] = expected({name: layer[one.box] for name, layer in base.items()}, one.mask.shape, beams)
    return present


def with_added(added: Added, base: Mapping[str, FloatArray], beams: tuple[Beam, ...]) -> FloatArray:
    """Expected transmission (energy, row, column) of its box when this alone is added to the base."""
    here = {material: layer[added.box] for material, layer in base.items()}
    return expected(summed(here, added.layers), added.mask.shape, beams)


def alike(concealment: Concealment) -> bool:
    """Whether it takes the place of goods of its own material class that weighed within ALIKE of its mass as much.

    Nobody could tell such a one by its darkness or its colour: powder in a product that is powder.
    """
    gone = [replace(part, sign=1) for part in concealment.displaced]
    mass, before = concealment.mass_kg, sum(part.mass_kg for part in gone)
    same = bool(gone) and main_material(gone) == main_material(concealment.parts)
    return same and abs(mass - before) <= ALIKE * mass


def main_material(parts: Sequence[Part]) -> str:
    """The class that most of their mass is of. Example: pills in plastic bottles are organic."""
    masses: dict[str, float] = defaultdict(float)
    for part in parts:
        masses[MATERIALS[part.material].group] += part.mass_kg
    return max(sorted(masses), key=lambda group: masses[group])


def with_dprime(hidden: Hidden, without: FloatArray, noise: NoiseModel) -> Hidden:
    """With the detectability for an observer who knows the background: sqrt(sum((dT)^2 / var))."""
    height, width = hidden.mask.shape
    box = (slice(hidden.row, hidden.row + height), slice(hidden.column, hidden.column + width))
    before = without[:, *box]
    change = before * np.expm1(-hidden.excess)
    squared = (change**2 / variance(before, noise)).sum()
    return replace(hidden, dprime=float(np.sqrt(squared)))
