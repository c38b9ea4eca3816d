"""The judge: looks at the few places of a scan that stand out, each beside what its scan usually shows.

It is the last part of the exported graph: the highest peaks of evidence are its candidates, what is around them and
elsewhere in the scan their features, and a weighted sum of these their score. The weights are two tensors of fixed
size in the file, which `nii fit` replaces (nii.model.judge).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own customary name

CANDIDATES = 16  # of a scan
APART = 4  # cells around a peak in which no other one is taken
OPAQUE = 3e-4  # transmission below which fielded systems measure only noise
ENERGY_RATIO = 0.84  # A_high / A_low of light cargo; only centres the differences between planes
NONE = float("-inf")  # height of a candidate that isn't there
QUANTILES = (50, 75, 90, 97, 99)  # per cent, of the evidence of a scan
ELSEWHERE = 14  # cells away from a place, from where on others are compared with it
SHARPNESS = (2.0, 8.0)  # of that comparison: weights are exp(-sharpness x mean squared difference)
UNLIKE = -1e4  # exponent of a place that isn't compared


class JudgeModule(nn.Module):
    """Scores the candidates of a scan. weight: (F,), bias: (1,); as it begins, the score is the evidence."""

    weight: Tensor
    bias: Tensor

    def __init__(self, energies: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.eye(len(names_of(energies)))[0])
        self.register_buffer("bias", torch.zeros(1))

    def forward(self, transmission: Tensor, evidence: Tensor, excess: Tensor, last: Tensor) -> tuple[Tensor, ...]:
        """Score (B,), candidates (B, K, 3) as row, column and score, features (B, K, F).

        transmission: (B, E, H, W). evidence: (B, H4, W4). excess: (B, E, H4, W4). last: (B, C, H4, W4), what the
        heads of the network see. Where a scan has fewer peaks than K, the scores of the rest are -inf.
        """
        height, row, column = peaks(evidence)  # (B, K)
        features = Surroundings(row, column, evidence).features(transmission, excess, last)  # (B, K, F)
        score = (features * self.weight).sum(dim=2) + self.bias
        score = torch.where(height > NONE, score, NONE)
        return score.amax(dim=1), torch.stack([row.float(), column.float(), score], dim=2), features


def peaks(evidence: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Heights, rows and columns (B, K) of the highest places of evidence (B, H4, W4) with none higher around.

    An even area is one peak, the first of its places, so that no order of equals decides.
    """
    highest = evidence == _around(evidence)
    number = torch.arange(evidence.shape[1] * evidence.shape[2]).float().view(1, *evidence.shape[1:])
    order = torch.where(highest, -number, NONE)
    alone = torch.where(highest & (order == _around(order)), evidence, NONE).flatten(1)  # (B, H4 W4)
    height, place = F.pad(alone, (0, CANDIDATES), value=NONE).topk(CANDIDATES, dim=1)  # a small scan has fewer cells
    place = torch.where(height > NONE, place, 0)
    row = place // evidence.shape[2]
    return height, row, place - row * evidence.shape[2]


def _around(plane: Tensor) -> Tensor:
    """(B, H4, W4): the highest value within APART cells."""
    return F.max_pool2d(plane[:, None], 2 * APART + 1, stride=1, padding=APART)[:, 0]


def names_of(energies: int) -> tuple[str, ...]:
    """Names of the features of a candidate, in their order."""
    others = range(1, energies)
    return (
        "evidence",
        *(f"evidence, mean {2 * reach + 1}" for reach in (1, 2, 4, 8, 20)),
        "evidence, lowest 9",
        *(f"evidence, {share} % of the scan" for share in QUANTILES),
        "evidence, first peak",
        "evidence, second peak",
        "evidence, mean of the peaks",
        *(f"excess {plane}, mean 5" for plane in range(energies)),
        "excess, highest 13",
        *(f"attenuation, mean {side}" for side in (5, 17, 41)),
        *(f"attenuation, spread {side}" for side in (5, 9, 41)),
        *(f"difference {plane}, mean {side}" for plane in others for side in (7, 25)),
        "row",
        *(f"{what}, {sharpness:g}" for sharpness in SHARPNESS for what in ("unlikeness", "evidence of the alike")),
    )


class Surroundings:
    """What lies around candidates, rows and columns (B, K), of scans with this evidence (B, H4, W4)."""

    def __init__(self, row: Tensor, column: Tensor, evidence: Tensor) -> None:
        self.row, self.column, self.evidence = row, column, evidence

    def features(self, transmission: Tensor, excess: Tensor, last: Tensor) -> Tensor:
        """(B, K, F), as `names_of` names them; all finite."""
        attenuation = -torch.log(transmission.clamp(OPAQUE, 1.5))
        attenuation = F.avg_pool2d(attenuation, 4, ceil_mode=True, count_include_pad=False)  # (B, E, H4, W4)
        difference = attenuation[:, 1:] - ENERGY_RATIO * attenuation[:, :1]
        row = self.row[..., None].float() / self.evidence.shape[1]
        found = [*self._of_evidence(), *self._of_excess(excess), *self._of_attenuation(attenuation[:, :1])]
        for plane in range(difference.shape[1]):
            found += self._of_difference(difference[:, plane : plane + 1])
        return torch.cat([*found, row, *self._alike(last)], dim=2)

    def _of_evidence(self) -> list[Tensor]:
        evidence = self.evidence[:, None]
        here = self.at(evidence)  # (B, K, 1)
        means = [self.mean(evidence, reach) for reach in (1, 2, 4, 8)] + [self.mean(evidence, 20, step=2)]
        values, inside = self.window(evidence, 4)
        lowest = torch.where(inside, values, -NONE).amin(dim=3)
        ordered = self.evidence.flatten(1).sort(dim=1).values  # (B, H4 W4)
        places = torch.tensor(QUANTILES) * (ordered.shape[1] - 1) // 100
        of_scan = [ordered[:, places], here[:, :1, 0], here[:, 1:2, 0], here[..., 0].mean(dim=1, keepdim=True)]
        return [here, *means, lowest, torch.cat(of_scan, dim=1)[:, None].expand(-1, CANDIDATES, -1)]

    def _of_excess(self, excess: Tensor) -> list[Tensor]:
        values, inside = self.window(excess[:, :1], 6)
        return [self.mean(excess, 2), torch.where(inside, values, NONE).amax(dim=3)]

    def _of_attenuation(self, attenuation: Tensor) -> list[Tensor]:
        windows = ((2, 1), (8, 1), (20, 2))
        means = [self.mean(attenuation, reach, step=step) for reach, step in windows]
        return [*means, *(self.spread(attenuation, reach, step=step) for reach, step in ((2, 1), (4, 1), (20, 2)))]

    def _of_difference(self, difference: Tensor) -> list[Tensor]:
        return [self.mean(difference, 3), self.mean(difference, 12, step=2)]

    def _alike(self, last: Tensor) -> list[Tensor]:
        """How unlike a candidate the places elsewhere are that are most like it, and their evidence: goods are rarely
        alone. All places count, by their likeness, so that no order of equals decides.
        """
        mean = last.mean(dim=(2, 3), keepdim=True)
        spread = (last - mean).square().mean(dim=(2, 3), keepdim=True).sqrt() + 1e-3
        looks = (last - mean) / spread
        own = self.mean(looks, 1)  # (B, K, C)
        every = _halved(looks)  # (B, C, H8, W8)
        rows, columns = (torch.arange(size) * 2 for size in every.shape[2:])
        near = (rows[:, None] - self.row[..., None, None]).abs() <= ELSEWHERE  # (B, K, H8, 1)
        near = near & ((columns - self.column[..., None, None]).abs() <= ELSEWHERE)  # (B, K, H8, W8)
        every = every.flatten(2)
        apart = own.square().sum(dim=2, keepdim=True) + every.square().sum(dim=1, keepdim=True) - 2 * own @ every
        apart = apart.clamp(min=0) / last.shape[1]  # (B, K, H8 W8)
        evidence = _halved(self.evidence[:, None]).flatten(1)[:, :, None]  # (B, H8 W8, 1)
        found = []
        for sharpness in SHARPNESS:
            weight = torch.where(near.flatten(2), UNLIKE, -sharpness * apart)
            highest = weight.amax(dim=2, keepdim=True)
            weight = torch.exp(weight - highest)
            total = weight.sum(dim=2, keepdim=True)
            unlikeness = (-(highest + torch.log(total)) / sharpness).clamp(max=20)
            found += [unlikeness, weight @ evidence / total]
        return found

    def at(self, maps: Tensor) -> Tensor:
        """(B, C, H4, W4) -> (B, K, C): at the candidates themselves."""
        return self.window(maps, 0)[0][..., 0]

    def mean(self, maps: Tensor, reach: int, *, step: int = 1) -> Tensor:
        """(B, C, H4, W4) -> (B, K, C): over windows, as far as they lie in the scan."""
        values, inside = self.window(maps, reach, step=step)
        return (values * inside).sum(dim=3) / inside.sum(dim=3)

    def spread(self, maps: Tensor, reach: int, *, step: int = 1) -> Tensor:
        """As `mean`: the standard deviation."""
        values, inside = self.window(maps, reach, step=step)
        mean = ((values * inside).sum(dim=3) / inside.sum(dim=3))[..., None]
        return (((values - mean).square() * inside).sum(dim=3) / inside.sum(dim=3)).clamp(min=1e-12).sqrt()

    def window(self, maps: Tensor, reach: int, *, step: int = 1) -> tuple[Tensor, Tensor]:
        """(B, C, H4, W4) -> values (B, K, C, N) of windows around the candidates, and which lie in the scan
        (B, K, 1, N).
        """
        (rows, columns), away = maps.shape[2:], torch.arange(-reach, reach + 1, step)
        row = self.row[..., None, None] + away[:, None]  # (B, K, n, 1)
        column = self.column[..., None, None] + away  # (B, K, 1, n)
        inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)  # (B, K, n, n)
        place = (row.clamp(min=0, max=rows - 1) * columns + column.clamp(min=0, max=columns - 1)).flatten(1)
        flat = maps.flatten(2)  # (B, C, H4 W4)
        values = flat.gather(2, place[:, None].expand(-1, maps.shape[1], -1))  # (B, C, K N)
        values = values.reshape(*maps.shape[:2], CANDIDATES, -1).transpose(1, 2)
        return values, inside.flatten(2)[:, :, None]


def _halved(maps: Tensor) -> Tensor:
    """(B, C, H4, W4) -> (B, C, H8, W8): means over 3x3 around every other place."""
    return F.avg_pool2d(maps, 3, stride=2, padding=1, count_include_pad=False)
