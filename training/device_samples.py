"""Training samples made on the device that trains: hundreds of crops at once, as training.samples makes one.

A GPU learns from more crops a second than the cores beside it could make. So all scans lie in its memory; what is
drawn of a batch (where its crops lie, which concealments go into them) is arrays of numpy, and the rest is torch
without a loop over crops. There is also what the samples are: training.samples.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor

from nii.errors import UsageError
from nii.physics.faults import Chain
from nii.simulate.scanner.presets import draw_chain
from training.data import LITTLE_NOISE
from training.device_faults import Chains, measure_with
from training.device_noise import measure
from training.device_store import Crops, DeviceStore, Floats, Ints, Items, targets, tilted
from training.samples import BORDER, STEEPEST, Batch, Place, SampleConfig, quartered

SCANNERS = 4096  # noise models that a run draws from
MOST_VARIED = 2.0  # a resampled pixel covers at most three of the concealment's, to each side


class DeviceSamples:
    """An endless stream of batches; batch number i of a round depends on (key, i) only."""

    def __init__(
        self,
        store: DeviceStore,
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
        self.chains = Chains.of([*drawn, Chain(LITTLE_NOISE)], store.device)  # the last: on top of a measured scan
        self.measured = np.flatnonzero(store.measured)

    def batches(self, pairs: int, hard: list[Place], key: tuple[int, ...]) -> Iterator[Batch]:
        """Batches of `pairs` crops with concealments and the same crops without, the two of a pair side by side."""
        generator = torch.Generator(self.store.device)
        number = 0
        while True:
            rng = np.random.default_rng((*key, number))
            generator.manual_seed(int(rng.integers(2**62)))
            crops, items = self.drawn(pairs, hard, rng)
            yield self.batch(crops, items, rng.integers(len(self.chains) - 1, size=pairs), generator)
            number += 1

    @torch.no_grad()
    def batch(self, crops: Crops, items: Items, scanner: Ints, generator: torch.Generator) -> Batch:
        """The batch of what was drawn. scanner: number of each pair's noise model."""
        store, size = self.store, self.config.crop
        attenuation = store.attenuation(crops, size)
        scanners = store.sent(scanner)
        real, last = store.sent(store.measured[crops.scan]), len(self.chains) - 1
        # a measured scan has faults of its own in its pixels
        chains = partial(self.chains.of_crops, scanners, faults=scanners.masked_fill(real, last))
        target = targets(store, attenuation, items, chains(1))
        if self.config.tilted:
            angle = store.sent(crops.angle.astype(np.float32))
            attenuation, target = tilted(attenuation, angle), target.tilted(angle)
        excess = torch.stack([target.excess, torch.zeros_like(target.excess)], dim=1)  # (P, 2, E, H, W)
        T = torch.exp(-attenuation[:, None] - excess)
        single = store.sent(crops.single)
        T, excess = (_one_energy(x, single)[:, :, : self.energies].flatten(0, 1) for x in (T, excess))
        taken = scanners.masked_fill(real, last).repeat_interleave(2)
        seen = self._measured(T, taken, generator)
        variance = chains(1, 1, 1).variance(torch.stack([T[::2, 0], T[1::2, 0]], dim=1)).flatten(0, 1)[:, None]
        sigma = variance.sqrt() / T[:, :1].clamp(min=1e-4)
        images = (
            seen,
            _beside(target.evidence, 0.0),
            _beside(target.weight, 1.0),
            excess,
            (0.02 / sigma).clamp(0.02, 1.0),
        )
        flip = store.sent(crops.flip).repeat_interleave(2).view(-1, 1, 1, 1)
        flipped = [torch.where(flip, image.flip(-1), image) for image in images]
        family = _beside(target.family, BORDER)
        family = torch.where(flip[:, 0], family.flip(-1), family)
        cargo = store.cargo[crops.scan]
        empty = np.where(store.measured[crops.scan], -1.0, cargo == self.empty).astype(np.float32)
        of_scan = (store.sent(one).repeat_interleave(2) for one in (cargo, empty))
        return quartered(Batch._make([*flipped, family, *of_scan]))

    @torch.no_grad()
    def scanned(self, number: int, rng: np.random.Generator) -> Tensor:
        """A whole scan without its concealments, measured anew: (1, energies, row, column)."""
        store, zero = self.store, np.zeros(1, np.int64)
        crops = Crops(np.array([number]), zero, zero, np.zeros(1), zero - 1, zero > 0)
        A = store.attenuation(crops, (int(store.rows[number]), int(store.columns[number])))
        scanner = len(self.chains) - 1 if store.measured[number] else int(rng.integers(len(self.chains) - 1))
        generator = torch.Generator(store.device).manual_seed(int(rng.integers(2**62)))
        return self._measured(
            torch.exp(-A[:, : self.energies]), torch.tensor([scanner], device=store.device), generator
        )

    def _measured(self, T: Tensor, scanners: Tensor, generator: torch.Generator) -> Tensor:
        """Transmissions (B, E, H, W) as scanners of these numbers see them."""
        chains = self.chains.of_crops(scanners, 1, 1, 1)
        if not self.config.faulty:
            return measure(T, chains.noise, generator)
        return measure_with(T, chains.noise, chains.faults, generator)

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
        angle = rng.uniform(-STEEPEST, STEEPEST, pairs) * (rng.random(pairs) < self.config.tilted)
        crops = Crops(scan, row, column, angle, single, rng.random(pairs) < 0.5)
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


def _one_energy(x: Tensor, single: Tensor) -> Tensor:
    """(P, 2, E, H, W) whose energies all are that of `single` (P,), where it is not -1."""
    chosen = single.view(-1, 1, 1, 1, 1)
    return torch.where(chosen >= 0, torch.where(chosen == 1, x[:, :, -1:], x[:, :, :1]), x)


def _beside(x: Tensor, value: float) -> Tensor:
    """(P, ...) of crops with concealments; (2 P, ...) with those without between them, which have this value."""
    return torch.stack([x, torch.full_like(x, value)], dim=1).flatten(0, 1)
