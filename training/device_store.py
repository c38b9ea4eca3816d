"""Scans and concealments on the device that trains, and what is cut out of them: crops, insertions, targets."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own customary name

from nii.errors import UsageError
from training.data import Background
from training.device_faults import Chains
from training.samples import BORDER, EVEN_AREA, IGNORED_DPRIME, IGNORED_EXCESS

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Crops:
    """What is drawn of P pairs: scan, upper left, tilt, energy that stands for both (-1: none does), mirrored or not.

    angle: of the tilt, radians.
    """

    scan: Ints
    row: Ints
    column: Ints
    angle: Floats
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


class DeviceStore:
    """All scans and their concealments on the device, float16; where each begins is known beside it.

    pixels: attenuation, one scan (energy, row, column) after the other. excess: (n, energy), one concealment
    (row, column) after the other. mask: (n,).
    """

    def __init__(self, scans: list[Background], families: tuple[str, ...], device: torch.device) -> None:
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

    def _take_hidden(self, scans: list[Background], families: tuple[str, ...]) -> None:
        numbered = [(number, concealment) for number, scan in enumerate(scans) for concealment in scan.truth.hidden]
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
            self.sent(one)
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

    def sent(self, values: npt.NDArray[np.generic]) -> Tensor:
        """An array on the device."""
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device, non_blocking=True)


@dataclass(frozen=True, eq=False)
class Targets:
    """For each pixel: evidence, weight (P, 1, H, W), excess (P, E, H, W) and family (P, H, W), as Batch has them."""

    evidence: Tensor
    weight: Tensor
    excess: Tensor
    family: Tensor

    def tilted(self, angle: Tensor) -> "Targets":
        """The same for pictures that are tilted by these angles (P,) in radians."""
        planes = torch.cat([self.evidence, self.weight, self.family[:, None].to(torch.float32)], dim=1)
        turned = tilted(planes, angle, "nearest")
        return Targets(turned[:, :1], turned[:, 1:2], tilted(self.excess, angle), turned[:, 2].round().long())


def tilted(planes: Tensor, angle: Tensor, mode: str = "bilinear") -> Tensor:
    """Planes (P, C, H, W) turned about their middles by angles (P,) in radians, their edges repeated."""
    H, W = planes.shape[2:]
    y = torch.arange(H, device=planes.device).view(-1, 1) - H / 2
    x = torch.arange(W, device=planes.device) - W / 2
    cos, sin = angle.cos().view(-1, 1, 1), angle.sin().view(-1, 1, 1)
    from_x, from_y = cos * x - sin * y + W / 2, sin * x + cos * y + H / 2  # (P, H, W)
    places = torch.stack([from_x * 2 / (W - 1) - 1, from_y * 2 / (H - 1) - 1], dim=-1)
    turned = F.grid_sample(planes, places, mode=mode, padding_mode="border", align_corners=True)
    return torch.where(angle.view(-1, 1, 1, 1) == 0, planes, turned)


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


def targets(store: DeviceStore, attenuation: Tensor, items: Items, chains: Chains) -> Targets:
    """What these items make of crops with this attenuation (P, E, H, W); fields of `chains` are (P, 1)."""
    P, E, H, W = attenuation.shape
    seen, count = _seen(store, items, (P, E, H, W)), items.crop.size
    excess = torch.zeros(P * E * H * W, device=store.device)
    excess.index_add_(0, seen.plane.flatten(), seen.excess.flatten())
    before = torch.exp(-attenuation.flatten()[seen.plane])
    change = (before * torch.expm1(-seen.excess)) ** 2 / chains.of_crops(seen.crop, 1).variance(before)
    of_mask = torch.stack([change.sum(dim=1), seen.excess[:, 0].abs() * seen.mask, seen.mask.to(torch.float32)], dim=1)
    squared, dark, area = torch.zeros(count, 3, device=store.device).index_add_(0, seen.item, of_mask).unbind(1)
    kept = (squared.sqrt() >= IGNORED_DPRIME) & (dark >= IGNORED_EXCESS * area)
    weight = torch.where(kept, (EVEN_AREA / area.clamp(min=1)).clamp(0.02, 3.0), 0.0)
    # where several overlap, the last one counts; 0: none
    last = _last(seen.place, (seen.item + 1) * seen.mask, P * H * W)
    last_kept = _last(seen.place, (seen.item + 1) * (seen.mask & kept[seen.item]), P * H * W)
    families = store.sent(store.family[items.hidden])
    return Targets(
        (last_kept > 0).to(torch.float32).view(P, 1, H, W),
        torch.cat([weight.new_ones(1), weight])[last].view(P, 1, H, W),
        excess.view(P, E, H, W),
        torch.cat([families.new_full((1,), BORDER), families])[last_kept].view(P, H, W),
    )


def _last(place: Tensor, number: Tensor, size: int) -> Tensor:
    return torch.zeros(size, dtype=torch.int64, device=place.device).scatter_reduce_(0, place, number, "amax")


def _seen(store: DeviceStore, items: Items, shape: tuple[int, int, int, int]) -> _Seen:
    _, E, H, W = shape
    top, left = np.maximum(items.row, 0), np.maximum(items.column, 0)
    tall = np.maximum(np.minimum(items.row + items.height, H) - top, 0)
    wide = np.maximum(np.minimum(items.column + items.width, W) - left, 0)
    sizes = tall * wide
    item = torch.repeat_interleave(
        torch.arange(sizes.size, device=store.device), store.sent(sizes), output_size=int(sizes.sum())
    )
    begin, left_, top_, wide_, crop = (
        store.sent(one)[item] for one in (np.cumsum(sizes) - sizes, left, top, np.maximum(wide, 1), items.crop)
    )
    within = torch.arange(item.numel(), device=store.device) - begin
    row, column = top_ + within // wide_, left_ + within % wide_
    excess, mask = _resampled(store, items, item, row, column)
    plane = (crop[:, None] * E + torch.arange(E, device=store.device)) * (H * W) + (row * W + column)[:, None]
    return _Seen(item, crop, crop * (H * W) + row * W + column, plane, excess, mask)


def _resampled(store: DeviceStore, items: Items, item: Tensor, row: Tensor, column: Tensor) -> tuple[Tensor, Tensor]:
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
    begin, rows, columns, top, left, height, width, mirrored, thick = (store.sent(one)[item] for one in of_item)
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
