"""Training samples made on the device that trains: hundreds of crops at once, as training.samples makes one.

A GPU learns from more crops a second than the cores beside it could make. So all scans lie in its memory; what is
drawn of a batch (where its crops lie, which concealments go into them) is arrays of numpy, and the rest is torch
without a loop over crops. There is also what the samples are: training.samples.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nii.errors import UsageError
from nii.physics.faults import NONE
from nii.simulate.scanners import draw_chain
from training.data import LITTLE_NOISE, Clean
from training.device_faults import FaultModels, measure_with
from training.device_noise import NoiseModels, measure, variance
from training.samples import (
    BORDER,
    EVEN_AREA,
    IGNORED_DPRIME,
    IGNORED_EXCESS,
    Batch,
    Place,
    SampleConfig,
    quartered,
)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

SCANNERS = 4096  # noise models that a run draws from
MOST_VARIED = 2.0  # a resampled pixel covers at most three of the concealment's, to each side


@dataclass(frozen=True, eq=False)
class Crops:
    """What is drawn of P pairs: scan, upper left, energy that stands for both (-1: none does), mirrored or not."""

    scan: Ints
    row: Ints
    column: Ints
    single: Ints
    flip: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return self.scan.size


@dataclass(frozen=True, eq=False)
class Items:
    """Concealments that go into crops, in the order in which they are put in; every field (I,).

    crop: number of the crop. hidden: of the concealment. row, column: of its corner in the crop. height, width: pixels
    that it is resampled to. thick: factor of its attenuation. mirrored: as it lies in its scan, or not.
    """

    crop: Ints
    hidden: Ints
    row: Ints
    column: Ints
    height: Ints
    width: Ints
    thick: Floats
    mirrored: npt.NDArray[np.bool_]

    def taken(self, which: "Ints | npt.NDArray[np.bool_]") -> "Items":
        """Those of these numbers."""
        return Items(**{name: getattr(self, name)[which] for name in self.__dataclass_fields__})


class Store:
    """All scans and their concealments on the device, float16; where each begins is known beside it.

    pixels: attenuation, one scan (energy, row, column) after the other. excess: (n, energy), one concealment
    (row, column) after the other. mask: (n,).
    """

    def __init__(self, scans: list[Clean], families: tuple[str, ...], device: torch.device) -> None:
        """Raises UsageError if scans differ in their number of energies."""
        energies = {scan.truth.without.shape[0] for scan in scans}
        if len(energies) != 1:
            raise UsageError(f"scans to train on: expected one number of energies, came {sorted(energies)}")
        self.device, self.energies = device, energies.pop()
        self.rows, self.columns = (np.array([scan.truth.without.shape[axis] for scan in scans]) for axis in (1, 2))
        self.cargo = np.array([scan.cargo for scan in scans])
        self.measured = np.array([scan.measured for scan in scans])
        sizes = self.energies * self.rows * self.columns
        self.begin = np.cumsum(sizes) - sizes
        self.pixels = torch.empty(int(sizes.sum()), dtype=torch.float16, device=device)
        for scan, begin, size in zip(scans, self.begin, sizes, strict=True):
            flat = np.array(scan.truth.without, np.float16).reshape(-1)  # a copy, since what is mapped is read only
            self.pixels[begin : begin + size] = torch.from_numpy(flat).to(device)
        self._take_hidden(scans, families)

    def _take_hidden(self, scans: list[Clean], families: tuple[str, ...]) -> None:
        numbered = [(number, one) for number, scan in enumerate(scans) for one in scan.truth.hidden]
        if not numbered:
            raise UsageError("scans to train on: expected some with a concealment, came none")
        self.count = np.array([len(scan.truth.hidden) for scan in scans])
        self.first = np.cumsum(self.count) - self.count
        self.scan = np.array([number for number, _ in numbered])
        self.row, self.column = (np.array([getattr(one, name) for _, one in numbered]) for name in ("row", "column"))
        self.height, self.width = (np.array([one.mask.shape[axis] for _, one in numbered]) for axis in (0, 1))
        self.family = np.array([families.index(one.family) for _, one in numbered])
        sizes = self.height * self.width
        self.hidden_begin = np.cumsum(sizes) - sizes
        flat = [np.moveaxis(one.excess, 0, -1).reshape(-1, self.energies).astype(np.float16) for _, one in numbered]
        self.excess = torch.from_numpy(np.concatenate(flat)).to(self.device)
        self.mask = torch.from_numpy(np.concatenate([one.mask.reshape(-1) for _, one in numbered])).to(self.device)
        names = [one.family for _, one in numbered]
        self.by_family = [np.flatnonzero(np.array(names) == name) for name in sorted(set(names))]

    def attenuation(self, crops: Crops, size: tuple[int, int]) -> Tensor:
        """float32 (P, energy, row, column); where a scan is smaller than the crop, its edge is repeated."""
        begin, rows, columns, row, column = (
            self._sent(one)
            for one in (
                self.begin[crops.scan],
                self.rows[crops.scan],
                self.columns[crops.scan],
                crops.row,
                crops.column,
            )
        )
        down = _clamped(row[:, None] + torch.arange(size[0], device=self.device), rows)  # (P, H)
        along = _clamped(column[:, None] + torch.arange(size[1], device=self.device), columns)  # (P, W)
        plane = torch.arange(self.energies, device=self.device) * (rows * columns)[:, None]  # (P, E)
        first = (begin[:, None] + plane)[:, :, None, None]
        return self.pixels[first + (down * columns[:, None])[:, None, :, None] + along[:, None, None, :]].float()

    def _sent(self, values: npt.NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device, non_blocking=True)


class DeviceSamples:
    """An endless stream of batches; batch number i of a round depends on (key, i) only."""

    def __init__(
        self,
        store: Store,
        empty: int,
        config: SampleConfig,
        *,
        energies: int,
        seed: int | tuple[int, ...],
        scanners: int = SCANNERS,
    ) -> None:
        """empty: number of the load that means none. energies: images a sample has; 1: either of the two.

        seed: of the scanners. Raises UsageError for samples that only training.samples makes.
        """
        if config.enlarged != 1 or config.varied > MOST_VARIED:
            raise UsageError(
                "samples on the device: expected enlarged = 1 and varied <= 2, "
                f"came {config.enlarged:g} and {config.varied:g}"
            )
        self.store, self.empty, self.config, self.energies = store, empty, config, energies
        rng = np.random.default_rng(seed)
        drawn = [draw_chain(rng, faulty=config.faulty, coarsest=config.coarsest) for _ in range(scanners)]
        drawn.append((LITTLE_NOISE, NONE))  # the last: on top of a measured scan
        self.noise = NoiseModels.of([noise for noise, _ in drawn], store.device)
        self.faults = FaultModels.of([faults for _, faults in drawn], store.device)
        self.measured = np.flatnonzero(store.measured)

    def batches(self, pairs: int, hard: list[Place], key: tuple[int, ...]) -> Iterator[Batch]:
        """Batches of `pairs` crops with concealments and the same crops without, the two of a pair side by side."""
        generator = torch.Generator(self.store.device)
        number = 0
        while True:
            rng = np.random.default_rng((*key, number))
            generator.manual_seed(int(rng.integers(2**62)))
            crops, items = self.drawn(pairs, hard, rng)
            yield self.batch(crops, items, rng.integers(len(self.noise.bits) - 1, size=pairs), generator)
            number += 1

    @torch.no_grad()
    def batch(self, crops: Crops, items: Items, scanner: Ints, generator: torch.Generator) -> Batch:
        """The batch of what was drawn. scanner: number of each pair's noise model."""
        store, size = self.store, self.config.crop
        attenuation = store.attenuation(crops, size)
        scanners = store._sent(scanner)
        target = targets(store, attenuation, items, self.noise.of_crops(scanners, 1))
        excess = torch.stack([target.excess, torch.zeros_like(target.excess)], dim=1)  # (P, 2, E, H, W)
        T = torch.exp(-attenuation[:, None] - excess)
        single = store._sent(crops.single)
        T, excess = (_one_energy(x, single)[:, :, : self.energies].flatten(0, 1) for x in (T, excess))
        twice = scanners.repeat_interleave(2)
        real = store._sent(store.measured[crops.scan]).repeat_interleave(2)
        seen = self._measured(T, twice.masked_fill(real, len(self.noise.bits) - 1), generator)
        sigma = variance(T[:, :1], self.noise.of_crops(twice, 1, 1, 1)).sqrt() / T[:, :1].clamp(min=1e-4)
        images = (
            seen,
            _beside(target.evidence, 0.0),
            _beside(target.weight, 1.0),
            excess,
            (0.02 / sigma).clamp(0.02, 1.0),
        )
        flip = store._sent(crops.flip).repeat_interleave(2).view(-1, 1, 1, 1)
        flipped = [torch.where(flip, image.flip(-1), image) for image in images]
        family = _beside(target.family, BORDER)
        family = torch.where(flip[:, 0], family.flip(-1), family)
        cargo = store.cargo[crops.scan]
        empty = np.where(store.measured[crops.scan], -1.0, cargo == self.empty).astype(np.float32)
        of_scan = (store._sent(one).repeat_interleave(2) for one in (cargo, empty))
        return Batch(*quartered((*flipped, family, *of_scan)))

    @torch.no_grad()
    def scanned(self, number: int, rng: np.random.Generator) -> Tensor:
        """A whole scan without its concealments, measured anew: (1, energies, row, column)."""
        store, zero = self.store, np.zeros(1, np.int64)
        crops = Crops(np.array([number]), zero, zero, zero - 1, zero > 0)
        A = store.attenuation(crops, (int(store.rows[number]), int(store.columns[number])))
        scanner = len(self.noise.bits) - 1 if store.measured[number] else int(rng.integers(len(self.noise.bits) - 1))
        generator = torch.Generator(store.device).manual_seed(int(rng.integers(2**62)))
        return self._measured(
            torch.exp(-A[:, : self.energies]), torch.tensor([scanner], device=store.device), generator
        )

    def _measured(self, T: Tensor, scanners: Tensor, generator: torch.Generator) -> Tensor:
        """Transmissions (B, E, H, W) as scanners of these numbers see them."""
        noise, faults = self.noise.of_crops(scanners, 1, 1, 1), self.faults.of_crops(scanners)
        if not self.config.faulty:
            return measure(T, noise, generator)
        return measure_with(T, noise, faults, generator)

    def drawn(self, pairs: int, hard: list[Place], rng: np.random.Generator) -> tuple[Crops, Items]:
        """Crops, and what goes into them; one of a user's own concealments, or one of another scan, and more."""
        own = np.flatnonzero(rng.random(pairs) < self.config.own)
        scan, row, column = self._benign(pairs, hard, rng)
        around = self._concealed(own.size, rng)
        scan[own] = self.store.scan[around]
        row[own], column[own] = self._around(around, rng)
        single = np.where(rng.random(pairs) < self.config.single, rng.integers(2, size=pairs), -1)
        if self.energies == 1:
            single = rng.integers(2, size=pairs)
        crops = Crops(scan, row, column, single, rng.random(pairs) < 0.5)
        others = np.setdiff1d(np.arange(pairs), own)
        more = np.repeat(np.arange(pairs), rng.geometric(1 - self.config.more, pairs) - 1)
        parts = (self._at_home(own, crops), self._inserted(others, rng), self._inserted(more, rng))
        items = Items(
            **{name: np.concatenate([getattr(part, name) for part in parts]) for name in Items.__dataclass_fields__}
        )
        return crops, items.taken(np.argsort(items.crop, kind="stable"))

    def _concealed(self, count: int, rng: np.random.Generator) -> Ints:
        """Numbers of concealments; every family is as likely as any other."""
        by_family = self.store.by_family
        family = rng.integers(len(by_family), size=count)
        among = rng.integers(np.array([len(found) for found in by_family])[family])
        first = np.cumsum([0, *(len(found) for found in by_family[:-1])])
        return np.asarray(np.concatenate(by_family)[first[family] + among])

    def _benign(self, count: int, hard: list[Place], rng: np.random.Generator) -> tuple[Ints, Ints, Ints]:
        """Scans and upper lefts of crops: around a hard negative, or anywhere."""
        scan = rng.integers(self.store.rows.size, size=count)
        if self.measured.size:
            real = rng.random(count) < self.config.measured
            scan[real] = rng.choice(self.measured, np.count_nonzero(real))
        limits = self._limits(scan)
        row, column = (rng.integers(limit + 1) for limit in limits)
        if hard:
            mined = rng.random(count) < self.config.hard
            places = np.array(hard)[rng.integers(len(hard), size=np.count_nonzero(mined))]
            scan[mined] = places[:, 0]
            row[mined], column[mined] = self._showing(places[:, 0], places[:, 1:].T.astype(np.float64), rng)
        return scan, row, column

    def _around(self, hidden: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
        """Upper lefts of crops that show at least a part of these concealments."""
        store = self.store
        row = store.row[hidden] + store.height[hidden] * rng.random(hidden.size)
        column = store.column[hidden] + store.width[hidden] * rng.random(hidden.size)
        return self._showing(store.scan[hidden], np.stack([row, column]), rng)

    def _showing(self, scan: Ints, middle: Floats, rng: np.random.Generator) -> tuple[Ints, Ints]:
        """Upper lefts of crops of these scans that show a point (row and column, count), and not at their edge."""
        low = middle - np.array(self.config.crop)[:, None] * rng.uniform(0.1, 0.9, middle.shape)
        row, column = np.clip(low, 0, self._limits(scan)).astype(np.int64)
        return row, column

    def _limits(self, scan: Ints) -> tuple[Ints, Ints]:
        """Largest rows and columns that crops of these scans can start at."""
        rows, columns = self.config.crop
        return np.maximum(self.store.rows[scan] - rows, 0), np.maximum(self.store.columns[scan] - columns, 0)

    def _at_home(self, which: Ints, crops: Crops) -> Items:
        """All concealments of the scans of these crops, where they were hidden."""
        store, scan = self.store, crops.scan[which]
        count = store.count[scan]
        crop = np.repeat(which, count)
        within = np.arange(crop.size) - np.repeat(np.cumsum(count) - count, count)
        hidden = np.repeat(store.first[scan], count) + within
        return Items(
            crop,
            hidden,
            store.row[hidden] - crops.row[crop],
            store.column[hidden] - crops.column[crop],
            store.height[hidden],
            store.width[hidden],
            np.ones(crop.size),
            np.zeros(crop.size, np.bool_),
        )

    def _inserted(self, crop: Ints, rng: np.random.Generator) -> Items:
        """Varied concealments of other scans for these crops: anywhere that shows at least half of them."""
        hidden = self._concealed(crop.size, rng)
        tall, wide, thick = np.exp(rng.uniform(-1, 1, (3, crop.size)) * np.log(self.config.varied))
        height = np.maximum(np.rint(self.store.height[hidden] * tall), 2).astype(np.int64)
        width = np.maximum(np.rint(self.store.width[hidden] * wide), 2).astype(np.int64)
        rows, columns = self.config.crop
        row = rng.integers(-height // 2, np.maximum(rows - height // 2, 1))
        column = rng.integers(-width // 2, np.maximum(columns - width // 2, 1))
        return Items(crop, hidden, row, column, height, width, thick, rng.random(crop.size) < 0.5)


@dataclass(frozen=True, eq=False)
class Targets:
    """For each pixel: evidence, weight (P, 1, H, W), excess (P, E, H, W) and family (P, H, W), as Batch has them."""

    evidence: Tensor
    weight: Tensor
    excess: Tensor
    family: Tensor


@dataclass(frozen=True, eq=False)
class _Seen:
    """The pixels of items that their crops show, (N,) each: which item, where in the crop's plane, its values.

    excess: (N, E). plane: (N, E), place in the flattened crops (P, E, H, W).
    """

    item: Tensor
    crop: Tensor
    place: Tensor
    plane: Tensor
    excess: Tensor
    mask: Tensor


def targets(store: Store, attenuation: Tensor, items: Items, noise: NoiseModels) -> Targets:
    """What these items make of crops with this attenuation (P, E, H, W); fields of `noise` are (P, 1)."""
    P, E, H, W = attenuation.shape
    seen, count = _seen(store, items, (P, E, H, W)), items.crop.size
    excess = torch.zeros(P * E * H * W, device=store.device)
    excess.index_add_(0, seen.plane.flatten(), seen.excess.flatten())
    before = torch.exp(-attenuation.flatten()[seen.plane])
    change = (before * torch.expm1(-seen.excess)) ** 2 / variance(before, noise.of_crops(seen.crop, 1))
    of_mask = torch.stack([change.sum(dim=1), seen.excess[:, 0].abs() * seen.mask, seen.mask.to(torch.float32)], dim=1)
    squared, dark, area = torch.zeros(count, 3, device=store.device).index_add_(0, seen.item, of_mask).unbind(1)
    kept = (squared.sqrt() >= IGNORED_DPRIME) & (dark >= IGNORED_EXCESS * area)
    weight = torch.where(kept, (EVEN_AREA / area.clamp(min=1)).clamp(0.02, 3.0), 0.0)
    # where several overlap, the last one counts; 0: none
    last = _last(seen.place, (seen.item + 1) * seen.mask, P * H * W)
    last_kept = _last(seen.place, (seen.item + 1) * (seen.mask & kept[seen.item]), P * H * W)
    families = store._sent(store.family[items.hidden])
    return Targets(
        (last_kept > 0).to(torch.float32).view(P, 1, H, W),
        torch.cat([weight.new_ones(1), weight])[last].view(P, 1, H, W),
        excess.view(P, E, H, W),
        torch.cat([families.new_full((1,), BORDER), families])[last_kept].view(P, H, W),
    )


def _last(place: Tensor, number: Tensor, size: int) -> Tensor:
    return torch.zeros(size, dtype=torch.int64, device=place.device).scatter_reduce_(0, place, number, "amax")


def _seen(store: Store, items: Items, shape: tuple[int, int, int, int]) -> _Seen:
    _, E, H, W = shape
    top, left = np.maximum(items.row, 0), np.maximum(items.column, 0)
    tall = np.maximum(np.minimum(items.row + items.height, H) - top, 0)
    wide = np.maximum(np.minimum(items.column + items.width, W) - left, 0)
    sizes = tall * wide
    item = torch.repeat_interleave(
        torch.arange(sizes.size, device=store.device), store._sent(sizes), output_size=int(sizes.sum())
    )
    begin, left_, top_, wide_, crop = (
        store._sent(one)[item] for one in (np.cumsum(sizes) - sizes, left, top, np.maximum(wide, 1), items.crop)
    )
    within = torch.arange(item.numel(), device=store.device) - begin
    row, column = top_ + within // wide_, left_ + within % wide_
    excess, mask = _resampled(store, items, item, row, column)
    plane = (crop[:, None] * E + torch.arange(E, device=store.device)) * (H * W) + (row * W + column)[:, None]
    return _Seen(item, crop, crop * (H * W) + row * W + column, plane, excess, mask)


def _resampled(store: Store, items: Items, item: Tensor, row: Tensor, column: Tensor) -> tuple[Tensor, Tensor]:
    """Excess (N, E) and mask (N,) of items at these pixels of their crops: means over the area, and the nearest one."""
    of_item = (
        store.hidden_begin[items.hidden],
        store.height[items.hidden],
        store.width[items.hidden],
        items.row,
        items.column,
        items.height,
        items.width,
        items.mirrored,
        items.thick.astype(np.float32),
    )
    begin, rows, columns, top, left, height, width, mirrored, thick = (store._sent(one)[item] for one in of_item)
    y, x = row - top, column - left
    x = torch.where(mirrored, width - 1 - x, x)
    excess = torch.zeros(item.numel(), store.energies, device=store.device)
    for down, share_down in _covered(y, rows, height):
        line = begin + _clamped(down, rows) * columns
        for along, share_along in _covered(x, columns, width):
            excess += store.excess[line + _clamped(along, columns)].float() * (share_down * share_along)[:, None]
    nearest = begin + y * rows // height * columns + x * columns // width
    return excess * thick[:, None], store.mask[nearest]


def _covered(pixel: Tensor, source: Tensor, size: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """The three pixels of `source` that one of `size` may cover, and the share of it that each takes."""
    first, step = pixel * source // size, source / size
    low, high = pixel * step, (pixel + 1) * step
    for number in (first, first + 1, first + 2):
        yield number, (torch.minimum(high, number + 1) - torch.maximum(low, number)).clamp(min=0) / step


def _clamped(index: Tensor, size: Tensor) -> Tensor:
    """Index (..., n) or (n,), not beyond sizes (...) or (n,)."""
    size = size if index.dim() == size.dim() else size[:, None]
    return index.clamp(min=0).minimum(size - 1)


def _one_energy(x: Tensor, single: Tensor) -> Tensor:
    """(P, 2, E, H, W) whose energies all are that of `single` (P,), where it is not -1."""
    chosen = single.view(-1, 1, 1, 1, 1)
    return torch.where(chosen >= 0, torch.where(chosen == 1, x[:, :, -1:], x[:, :, :1]), x)


def _beside(x: Tensor, value: float) -> Tensor:
    """(P, ...) of crops with concealments; (2 P, ...) with those without between them, which have this value."""
    return torch.stack([x, torch.full_like(x, value)], dim=1).flatten(0, 1)
