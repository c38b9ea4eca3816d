"""Two passages of one conveyance: other goods, speed, place in the lane and dose; with or without a change to it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from nii.errors import UsageError
from nii.physics.noise import measure
from nii.scan import FloatArray, Scan
from nii.simulate.cargo.scenes import draw_extent, fill, left_free
from nii.simulate.contraband.concealments import STRUCTURAL
from nii.simulate.conveyance.draw import SHARES, draw_conveyance
from nii.simulate.conveyance.structure import Conveyance
from nii.simulate.render.draws import Rng, log_uniform
from nii.simulate.render.scene import Concealment, Part, expected, solid
from nii.simulate.render.shapes import Box, View
from nii.simulate.scanner.presets import Scanner, draw_scanner
from nii.simulate.sets.scan import SEEDS, put_in, with_added

CHANGES = tuple(sorted(STRUCTURAL))
"""Kinds of changes to a conveyance."""

STRETCH = 0.05  # largest error of the speed that a scanner takes for true
WAVE = 0.015  # largest change of the speed during a passage, share of it
LATERAL = 12.0  # mm, standard deviation of the place across the lane
SINKING = 6.0  # mm, standard deviation of the height, as tyres and springs give way
OTHER_WAY = 0.15  # share of pairs of which one passage runs the other way, past a source on the other side
DOSES = (0.5, 2.0)  # of a passage over the scanner's usual dose
REMOVED = 0.3  # share of changes that the first passage shows and the second one does not
MARGIN = 500.0  # mm, by how much more air than the least is at each end of a picture


@dataclass(frozen=True)
class Travel:
    """How one passage ran.

    stretch: true step of the columns over the stated one. wave: share of the speed, length (mm) and phase of
    its swing. start: mm of air before the conveyance that the picture shows beyond the extent. offset: of the
    conveyance across the lane and upwards, mm. mirrored: runs the other way. dose: over the usual one.
    """

    stretch: float
    wave: tuple[float, float, float]
    start: float
    end: float
    offset: tuple[float, float]
    mirrored: bool
    dose: float


@dataclass(frozen=True)
class Plan:
    """All that is drawn of a pair but the noise."""

    conveyance: Conveyance
    loads: tuple[tuple[Part, ...], tuple[Part, ...]]
    cargos: tuple[str, str]
    travels: tuple[Travel, Travel]
    scanner: Scanner
    extent: Box


@dataclass(frozen=True, eq=False)
class SimulatedPair:
    """Two scans of one conveyance, and what changed.

    change: one of CHANGES, or None. added: in the second passage (else the first one had it). mass_kg: of what
    was put in, less what it pushed out. mask: (row, column) of the scan that shows it; None without a change.
    """

    before: Scan
    after: Scan
    plan: Plan
    change: str | None
    added: bool
    mass_kg: float
    mask: npt.NDArray[np.bool_] | None


def draw_travel(rng: Rng, *, mirrored: bool) -> Travel:
    """One passage."""
    return Travel(
        stretch=1 + rng.uniform(-STRETCH, STRETCH),
        wave=(rng.uniform(0, WAVE), rng.uniform(3000, 9000), rng.uniform(0, 2 * np.pi)),
        start=rng.uniform(0, MARGIN),
        end=rng.uniform(0, MARGIN),
        offset=(float(np.clip(rng.normal(0, LATERAL), -40, 40)), float(np.clip(rng.normal(0, SINKING), -20, 20))),
        mirrored=mirrored,
        dose=log_uniform(rng, *DOSES),
    )


def draw_plan(rng: Rng, scanner: Scanner | None = None) -> Plan:
    """A conveyance, two loads and two passages; scanner: this one in place of a drawn one."""
    scanner = scanner or draw_scanner(rng)
    conveyance = draw_conveyance(rng, str(rng.choice(list(SHARES), p=list(SHARES.values()))))
    filled = [[fill(rng, left_free(rng, room, conveyance, CHANGES)) for room in conveyance.rooms] for _ in range(2)]
    turned = rng.random() < OTHER_WAY
    cargos = ["+".join(dict.fromkeys(load.kind for one in rooms for load in one.loads)) for rooms in filled]
    loads = [tuple(part for one in rooms for part in one.parts) for rooms in filled]
    return Plan(
        conveyance=conveyance,
        loads=(loads[0], loads[1]),
        cargos=(cargos[0], cargos[1]),
        travels=(draw_travel(rng, mirrored=False), draw_travel(rng, mirrored=turned)),
        scanner=scanner,
        extent=draw_extent(rng, conveyance, ()),
    )


def simulate_pairs(
    seed: int, index: int, changes: Sequence[str | None], *, scanner: Scanner | None = None
) -> Iterator[SimulatedPair]:
    """Pair number `index` of this seed, once for each change: the same conveyance, loads and passages.

    changes: each one of CHANGES or None for no change; those that the conveyance cannot hold are left out.
    The same arguments give the same bytes. Raises UsageError for an unknown change or a number out of range.
    """
    if not (0 <= seed < SEEDS and 0 <= index < SEEDS):
        raise UsageError(f"seed and index: expected 0 to {SEEDS - 1}, came {seed} and {index}")
    if unknown := {*changes} - {*CHANGES, None}:
        raise UsageError(f"change: expected one of {', '.join(CHANGES)}, came {sorted(map(str, unknown))[0]}")
    plan = draw_plan(np.random.default_rng(np.random.SeedSequence((seed, index))), scanner)
    passages = [_Passage(plan, which) for which in range(2)]
    for change in changes:
        if change is not None and STRUCTURAL[change][0] not in plan.conveyance.cavities:
            continue
        number = 0 if change is None else 1 + CHANGES.index(change)
        yield _pair(plan, passages, change, np.random.default_rng(np.random.SeedSequence((seed, index, number))))


def _pair(plan: Plan, passages: list["_Passage"], change: str | None, rng: Rng) -> SimulatedPair:
    added = bool(rng.random() >= REMOVED)
    concealment = None
    if change is not None:
        parts, pushed_out = STRUCTURAL[change][1](rng, plan.conveyance)
        concealment = Concealment(change, tuple(parts), tuple(pushed_out))
    held = [concealment if concealment and added == bool(which) else None for which in range(2)]
    shown = [passage.measured(one, rng) for passage, one in zip(passages, held, strict=True)]
    scans = [_scan(plan, pixels, name) for (pixels, _), name in zip(shown, ("before", "after"), strict=True)]
    mass = 0.0 if concealment is None else sum(p.mass_kg for p in (*concealment.parts, *concealment.displaced))
    return SimulatedPair(scans[0], scans[1], plan, change, added, mass, shown[int(added)][1])


def _scan(plan: Plan, pixels: FloatArray, name: str) -> Scan:
    scanner = plan.scanner
    return Scan(
        transmission=pixels, path=name, energies=scanner.energies, pitch_mm=scanner.pitch_mm, scanner=scanner.name
    )


class _Passage:
    """One passage, rendered once on even columns; every change is added to that."""

    def __init__(self, plan: Plan, which: int) -> None:
        self.travel, self.scanner = plan.travels[which], plan.scanner
        self.beams = plan.scanner.beams()
        x0, x1 = plan.extent.x
        self.view = plan.scanner.view(replace(plan.extent, x=(x0 - self.travel.start, x1 + self.travel.end)))
        self.layers = solid(self._placed((*plan.conveyance.parts, *plan.loads[which])), self.view)
        self.shape = (self.view.z.size, self.view.x.size)
        self.plain = expected(self.layers, self.shape, self.beams)

    def _placed(self, parts: Sequence[Part]) -> tuple[Part, ...]:
        move = (0.0, *self.travel.offset)
        return tuple(replace(part, shape=part.shape.shifted(move)) for part in parts)

    def measured(self, change: Concealment | None, rng: Rng) -> tuple[FloatArray, npt.NDArray[np.bool_] | None]:
        """Measured transmission (energy, row, column), and the mask of the change in it."""
        present, mask = self.plain, None
        if change is not None:
            present, mask = self._with(change)
        columns = _columns(self.view, self.travel)
        moved = np.stack([_resampled(plane, columns) for plane in present])
        kept = None if mask is None else _resampled(mask.astype(np.float32), columns) > 0.5
        if self.travel.mirrored:
            moved, kept = moved[..., ::-1].copy(), None if kept is None else kept[:, ::-1].copy()
        noise = replace(self.scanner.noise, photons=self.scanner.noise.photons * self.travel.dose)
        return measure(moved, noise, rng), kept

    def _with(self, change: Concealment) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        """Expected transmission with the change, and its mask; neither shows one that is out of view."""
        placed = replace(change, parts=self._placed(change.parts), displaced=self._placed(change.displaced))
        present, mask = self.plain.copy(), np.zeros(self.shape, np.bool_)
        if (added := put_in(placed, self.view)) is not None:
            present[:, *added.box] = with_added(added, self.layers, self.beams)
            mask[added.box] = added.mask
        return present, mask


def _columns(view: View, travel: Travel) -> FloatArray:
    """Where each measured column lies among the even ones, as the speed had it."""
    step = float(view.x[1] - view.x[0])
    share, length, phase = travel.wave
    count = int(view.x.size / travel.stretch)
    at = np.arange(count) * travel.stretch
    turn = 2 * np.pi * step / length
    return np.asarray(at + share / turn * (np.sin(turn * at + phase) - np.sin(phase)), np.float32)


def _resampled(plane: FloatArray, columns: FloatArray) -> FloatArray:
    """The plane at these columns, cubic, so that edges stay sharp; (row, len(columns)), within the plane's range."""
    rows = np.arange(plane.shape[0], dtype=np.float32)[:, None]
    where = np.broadcast_to(columns, (plane.shape[0], columns.size))
    pulled = cv2.remap(
        plane,
        np.ascontiguousarray(where),
        np.ascontiguousarray(np.broadcast_to(rows, where.shape)),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(np.clip(pulled, plane.min(), plane.max()), np.float32)
