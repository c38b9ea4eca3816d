"""Training samples: crops of clean backgrounds, concealments put in, a scanner's noise on top.

A simulated set brings the exact pair (with and without) of each scan, so a sample is made anew each
time: another crop, another dose, another scanner, and often a concealment of another scan. Nothing of
what the scan's file says of noise is reused.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own customary name
from torch.utils.data import IterableDataset

from nii.physics.faults import Chain
from nii.physics.forward import Beam
from nii.scan import FloatArray, attenuation_of
from nii.simulate.scanner.operator_image import ColourMap, draw_colours, operator_image
from nii.simulate.scanner.presets import draw_chain
from nii.simulate.sets.truth import Hidden, Truth
from training.data import LITTLE_NOISE, Background

IGNORED_DPRIME = 4.0  # below it not even an ideal observer sees the concealment: not asked for, not forbidden
IGNORED_EXCESS = 0.04  # mean attenuation below which clutter hides it, however many the photons: the same
EVEN_AREA = 1600.0  # pixels; larger concealments weigh less per pixel, so that a false wall counts as one brick
BORDER = -1  # family index where there is no concealment
DARKEST = 1 / 255  # of a colour
STEEPEST = 0.07  # radians by which a picture is tilted, as of a trailer on its landing legs


@dataclass(frozen=True)
class SampleConfig:
    """How samples are drawn.

    crop: rows and columns. own: share of crops around a concealment where it was hidden; the others get
    one of another scan at a random place (TIP). hard: share of these others that show a hard negative.
    measured: share of these others that come from the user's own benign scans, where there are any.
    more: share of samples into which a further concealment is put, and of these again, and so on.
    single: share whose two energies are made one (so that the model serves single-energy scans too).
    varied: largest factor by which a concealment of another scan is made larger, smaller, thicker or thinner.
    enlarged: largest factor by which crops are enlarged, as operator images are that were taken off a screen.
    faulty: share measured by scanners with faults. coarsest: pixels of the worst of these over those of the sample.
    tilted: share of pictures that are tilted.
    """

    crop: tuple[int, int] = (224, 320)
    own: float = 0.6
    hard: float = 0.5
    measured: float = 0.5
    more: float = 0.0
    single: float = 0.1
    varied: float = 1.35
    enlarged: float = 1.0
    faulty: float = 0.0
    coarsest: float = 1.5
    tilted: float = 0.0


Place = tuple[int, int, int]
"""Number of a scan, row and column."""


class Batch(NamedTuple):
    """What a step learns from, or, without B, one crop; H4 and W4 are a quarter of its rows and columns, as in the
    network's output.

    transmission (B, E, H, W). evidence (B, 1, H4, W4): share that a concealment covers. weight (B, 1, H4, W4): of the
    loss, whose sum is the same for each concealment; 0 where nothing is asked for. excess (B, E, H4, W4). precision
    (B, 1, H4, W4): relative certainty of attenuation. family (B, H4, W4) or BORDER. cargo (B,), -1 for mixed loads.
    empty (B,), -1 if unknown.
    """

    transmission: Tensor
    evidence: Tensor
    weight: Tensor
    excess: Tensor
    precision: Tensor
    family: Tensor
    cargo: Tensor
    empty: Tensor


class Samples(IterableDataset[Batch]):
    """An endless stream of pairs; pair number i depends on (seed, i) only, so training resumes exactly."""

    def __init__(
        self,
        scans: list[Background],
        families: tuple[str, ...],
        empty: int,
        config: SampleConfig,
        seed: int,
        start: int,
        *,
        energies: int = 2,
        hard: list[Place] | None = None,
        step: int = 1,
    ) -> None:
        """start, step: pairs start, start + step, ... are made (step: processes that train together).

        energies: images a sample has; 1: either of the two. hard: places of hard negatives.
        """
        self.scans, self.families, self.empty, self.config = scans, families, empty, config
        self.seed, self.start, self.step = seed, start, step
        self.energies, self.hard = energies, hard or []
        self.measured = [scan for scan in scans if scan.measured]
        grouped: dict[str, list[tuple[Background, Hidden]]] = {}
        for scan in scans:
            for concealment in scan.truth.hidden:
                grouped.setdefault(concealment.family, []).append((scan, concealment))
        self.by_family = [grouped[family] for family in sorted(grouped)]

    def __iter__(self) -> Iterator[Batch]:
        info = torch.utils.data.get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        index = self.start + worker * self.step
        while True:
            yield quartered(self.sample(np.random.default_rng((self.seed, index))))
            index += workers * self.step

    def sample(self, rng: np.random.Generator) -> Batch:
        """A pair: a crop with concealments, and the same crop without.

        Targets are for each pixel still; `quartered` makes them those of a batch.
        """
        config, growth = self.config, rng.uniform(1, self.config.enlarged)
        crop = round(config.crop[0] / growth), round(config.crop[1] / growth)
        if rng.random() < config.own:
            scan, one = self._concealed(rng)
            row, column = _around(rng, scan.truth, one, crop)
            placed = [(other, other.row - row, other.column - column) for other in scan.truth.hidden]
        else:
            scan, row, column = self._benign(rng, crop)
            placed = [self._inserted(rng, crop)]
        while rng.random() < config.more:
            placed.append(self._inserted(rng, crop))
        colours = draw_colours(rng) if scan.beams else None
        attenuation = _cut(scan.truth.without, row, column, crop)
        # a measured scan has faults of its own in its pixels
        chain = draw_chain(rng, faulty=0.0 if scan.measured else config.faulty, coarsest=config.coarsest)
        taken = Chain(LITTLE_NOISE) if scan.measured else chain
        angle = rng.uniform(-STEEPEST, STEEPEST) if rng.random() < config.tilted else 0.0
        flip = rng.random() < 0.5
        single = rng.random() < config.single or self.energies == 1
        of_single = slice(0, 1) if rng.random() < 0.5 else slice(1, 2)
        pair = []
        for present in (placed, []):
            target = _Target.of(attenuation, present, self.families, chain).tilted(angle)
            T = np.exp(-_tilted(attenuation, angle) - target.excess)
            if single:
                T[:], target.excess[:] = T[of_single], target.excess[of_single]
            T, target.excess = T[: self.energies], target.excess[: self.energies]
            pair.append((taken.measure(T, rng), T, target))
        if colours:
            pair = _as_operator_images(pair, scan.beams, colours)
        crops = [_flipped(_enlarged(self._tensors(*one, chain, scan), config.crop), flip=flip) for one in pair]
        return Batch(*map(torch.stack, zip(*crops, strict=True)))

    def _tensors(self, measured: FloatArray, T: FloatArray, target: "_Target", chain: Chain, scan: Background) -> Batch:
        """One crop as measured, and its targets for each pixel."""
        sigma = np.sqrt(chain.variance(T[:1])) / np.maximum(T[:1], 1e-4)  # of attenuation
        precision = np.clip(0.02 / sigma, 0.02, 1.0)
        arrays = (measured, target.evidence[None], target.weight[None], target.excess, precision)
        floats = [torch.from_numpy(np.ascontiguousarray(a, np.float32)) for a in arrays]
        empty = -1.0 if scan.measured else float(scan.cargo == self.empty)
        return Batch._make([*floats, torch.from_numpy(target.family), torch.tensor(scan.cargo), torch.tensor(empty)])

    def _concealed(self, rng: np.random.Generator) -> tuple[Background, Hidden]:
        """A concealment and its scan; every family is as likely as any other."""
        found = self.by_family[rng.integers(len(self.by_family))]
        return found[rng.integers(len(found))]

    def _benign(self, rng: np.random.Generator, crop: tuple[int, int]) -> tuple[Background, int, int]:
        """A scan and the upper left of a crop: around a hard negative, or anywhere."""
        if self.hard and rng.random() < self.config.hard:
            number, row, column = self.hard[rng.integers(len(self.hard))]
            return self.scans[number], *_showing(rng, self.scans[number].truth, (row, column), crop)
        among = self.measured if self.measured and rng.random() < self.config.measured else self.scans
        scan = among[rng.integers(len(among))]
        rows, columns = _limits(scan.truth, crop)
        return scan, int(rng.integers(rows + 1)), int(rng.integers(columns + 1))

    def _inserted(self, rng: np.random.Generator, crop: tuple[int, int]) -> tuple[Hidden, int, int]:
        """A concealment like another scan's and where in the crop it goes: anywhere that shows at least half of it."""
        one = varied(self._concealed(rng)[1], rng, self.config.varied)
        height, width = one.mask.shape
        rows, columns = crop
        row = int(rng.integers(-height // 2, max(rows - height // 2, 1)))
        return one, row, int(rng.integers(-width // 2, max(columns - width // 2, 1)))


def _around(rng: np.random.Generator, truth: Truth, one: Hidden, crop: tuple[int, int]) -> tuple[int, int]:
    """Upper left of a crop that shows at least a part of a concealment."""
    middle = one.row + one.mask.shape[0] * rng.random(), one.column + one.mask.shape[1] * rng.random()
    return _showing(rng, truth, middle, crop)


def _showing(
    rng: np.random.Generator, truth: Truth, middle: tuple[float, float], crop: tuple[int, int]
) -> tuple[int, int]:
    """Upper left of a crop that shows a point, and not at its edge."""
    low = [m - size * rng.uniform(0.1, 0.9) for m, size in zip(middle, crop, strict=True)]
    limits = _limits(truth, crop)
    return int(np.clip(low[0], 0, limits[0])), int(np.clip(low[1], 0, limits[1]))


def _limits(truth: Truth, crop: tuple[int, int]) -> tuple[int, int]:
    """Largest row and column that a crop can start at."""
    rows, columns = truth.without.shape[1:]
    return max(rows - crop[0], 0), max(columns - crop[1], 0)


def varied(one: Hidden, rng: np.random.Generator, most: float) -> Hidden:
    """The concealment larger or smaller, thicker or thinner by up to `most`, and mirrored half the time."""
    tall, wide, thick = np.exp(rng.uniform(-1, 1, 3) * np.log(most))
    height, width = one.mask.shape
    size = max(round(width * wide), 2), max(round(height * tall), 2)
    planes = one.excess.astype(np.float32)
    excess = np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in planes])
    mask = cv2.resize(one.mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    way = -1 if rng.random() < 0.5 else 1
    return replace(one, excess=np.float32(thick) * excess[..., ::way], mask=mask[:, ::way])


_Measured = tuple[FloatArray, FloatArray, "_Target"]
"""A crop with noise, its transmission without, and its targets."""


def _as_operator_images(pair: list[_Measured], beams: tuple[Beam, ...], colours: ColourMap) -> list[_Measured]:
    """The crop with a concealment and the one without in false colour; excess becomes that of red, green, blue."""
    images = [operator_image(measured, beams, colours) for measured, _, _ in pair]
    darkness = [attenuation_of(image, DARKEST) for image in images]
    for (_, _, target), dark in zip(pair, darkness, strict=True):
        target.excess = dark - darkness[-1]
    return [(image, T, target) for image, (_, T, target) in zip(images, pair, strict=True)]


@dataclass(eq=False)
class _Target:
    evidence: FloatArray
    weight: FloatArray
    excess: FloatArray
    family: np.ndarray[tuple[int, ...], np.dtype[np.int64]]

    @staticmethod
    def of(
        attenuation: FloatArray,
        placed: list[tuple[Hidden, int, int]],
        families: tuple[str, ...],
        chain: Chain,
    ) -> "_Target":
        shape = attenuation.shape[1:]
        target = _Target(
            np.zeros(shape, np.float32),
            np.ones(shape, np.float32),
            np.zeros(attenuation.shape, np.float32),
            np.full(shape, BORDER, np.int64),
        )
        for one, row, column in placed:
            target._add(one, row, column, attenuation, families, chain)
        return target

    def tilted(self, angle: float) -> "_Target":
        """The same for a picture that is tilted by an angle in radians."""
        if not angle:
            return self
        planes = np.stack([self.evidence, self.weight, self.family.astype(np.float32)])
        evidence, weight, family = _tilted(planes, angle, cv2.INTER_NEAREST)
        return _Target(evidence, weight, _tilted(self.excess, angle), family.astype(np.int64))

    def _add(
        self,
        one: Hidden,
        row: int,
        column: int,
        attenuation: FloatArray,
        families: tuple[str, ...],
        chain: Chain,
    ) -> None:
        height, width = one.mask.shape
        r0, c0 = max(row, 0), max(column, 0)
        r1, c1 = min(row + height, attenuation.shape[1]), min(column + width, attenuation.shape[2])
        if r1 <= r0 or c1 <= c0:
            return
        part = (slice(r0 - row, r1 - row), slice(c0 - column, c1 - column))
        here = (slice(r0, r1), slice(c0, c1))
        mask, excess = one.mask[part], one.excess[:, *part].astype(np.float32)
        self.excess[:, *here] += excess
        before = np.exp(-attenuation[:, *here])
        change = before * np.expm1(-excess)
        dprime = np.sqrt((change**2 / chain.variance(before)).sum())
        if dprime < IGNORED_DPRIME or np.abs(excess[0][mask]).sum() < IGNORED_EXCESS * np.count_nonzero(mask):
            self.weight[here][mask] = 0
            return
        self.evidence[here][mask] = 1
        self.weight[here][mask] = np.clip(EVEN_AREA / max(int(np.count_nonzero(mask)), 1), 0.02, 3.0)
        self.family[here][mask] = families.index(one.family)


def _cut(pixels: FloatArray, row: int, column: int, crop: tuple[int, int]) -> FloatArray:
    """A crop as float32; where the scan is smaller than the crop, its edge is repeated."""
    part = pixels[:, row : row + crop[0], column : column + crop[1]].astype(np.float32)
    missing = [(0, 0), (0, crop[0] - part.shape[1]), (0, crop[1] - part.shape[2])]
    return np.pad(part, missing, mode="edge") if any(after for _, after in missing) else part


def _tilted(planes: FloatArray, angle: float, way: int = cv2.INTER_LINEAR) -> FloatArray:
    """Planes (plane, row, column) turned about their middle by an angle in radians, their edges repeated."""
    if not angle:
        return planes
    rows, columns = planes.shape[1:]
    turn = cv2.getRotationMatrix2D((columns / 2, rows / 2), float(np.degrees(angle)), 1.0)
    size, edge = (columns, rows), cv2.BORDER_REPLICATE
    turned = [cv2.warpAffine(plane, turn, size, flags=way, borderMode=edge) for plane in planes]
    return np.asarray(np.stack(turned), np.float32)


def _enlarged(sample: Batch, size: tuple[int, int]) -> Batch:
    """A crop and its targets at this size."""
    if sample.transmission.shape[1:] == size:
        return sample
    *images, family, cargo, empty = sample
    images = [F.interpolate(image[None], size, mode="bilinear", align_corners=False)[0] for image in images]
    family = F.interpolate(family[None, None].float(), size, mode="nearest")[0, 0].long()
    return Batch._make([*images, family, cargo, empty])


def quartered(pair: Batch) -> Batch:
    """Targets by blocks of 4 x 4 pixels: their means. A block with a pixel of no weight has none."""
    counts = F.max_pool2d(-pair.weight, 4, ceil_mode=True) < 0
    return pair._replace(
        evidence=_quarter(pair.evidence),
        weight=_quarter(pair.weight) * counts,
        excess=_quarter(pair.excess),
        precision=_quarter(pair.precision),
        family=pair.family[:, ::4, ::4].contiguous(),
    )


def _quarter(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 4, ceil_mode=True)


def _flipped(sample: Batch, *, flip: bool) -> Batch:
    """Mirrored along the travel (trucks drive both ways); never upside down."""
    return Batch(*(t.flip(-1) if flip and t.dim() > 0 else t for t in sample))
