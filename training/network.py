"""The network: transmission in; evidence, excess attenuation, family and load out.

One U-shaped fully convolutional network. It works on any number of rows and columns, at a quarter of the
scan's resolution (the stem sees every pixel), with context down to 1/32.
`ExportModel.forward` is what is exported: physics at its start, heat map at its end; with the judge behind it
(training.judge) a user of the .onnx file needs nothing else.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own customary name

from training.backbone import Backbone

LOWEST_TRANSMISSION = 3e-4  # attenuation 8.1; below it fielded systems measure only noise
ENERGY_RATIO = 0.84  # A_high / A_low of light cargo at 4/6 MV


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of the network.

    families, cargos: names of the classes. energies: images in a scan (2, or 1).
    widths: channels at 1/4, 1/8, 1/16 and 1/32 of the scan's resolution. blocks: residual blocks at each.
    pool: side of the window over which evidence is averaged for the score, pixels at 1/4.
    energy_ratio: A_high / A_low of common goods; only centres the dual-energy features.
    backbone: "" for the project's own encoder, or a torchvision one out of training.backbone.BACKBONES, which
    then decides widths.
    """

    families: tuple[str, ...]
    cargos: tuple[str, ...]
    energies: int = 2
    widths: tuple[int, int, int, int] = (40, 80, 128, 128)
    blocks: tuple[int, int, int, int] = (1, 2, 2, 2)
    pool: int = 3
    energy_ratio: float = ENERGY_RATIO
    backbone: str = ""


@dataclass(frozen=True)
class Output:
    """What the network says of a batch; H4 and W4 are a quarter of the scan's rows and columns, rounded up.

    evidence: (B, 1, H4, W4) logit that a concealment lies here. excess: (B, E, H4, W4) attenuation.
    family: (B, F, H4, W4) logits. cargo: (B, K) logits. empty: (B,) logit.
    """

    evidence: Tensor
    excess: Tensor
    family: Tensor
    cargo: Tensor
    empty: Tensor


def features(transmission: Tensor, energy_ratio: float = ENERGY_RATIO) -> Tensor:
    """(B, E, H, W) transmission -> (B, C, H, W), C as in `planes_of`: what physics gives for free.

    Attenuation of the low energy; the square root of transmission (its noise is even where photons limit
    it); for each further energy the difference of its attenuation from what common goods would have. Must run in
    float32: the difference between two energies is lost in half precision.
    """
    transmission = transmission.float()
    attenuation = -torch.log(transmission.clamp(LOWEST_TRANSMISSION, 1.5))  # (B, E, H, W)
    root = transmission[:, :1].clamp(0.0, 1.5).sqrt()
    contrast = (attenuation[:, 1:] - energy_ratio * attenuation[:, :1]).clamp(-1.0, 1.0)  # (B, E - 1, H, W)
    return torch.cat([attenuation[:, :1] * 0.5, root * 2 - 1, contrast * 2], dim=1)


def planes_of(energies: int) -> int:
    """Number of planes that `features` gives."""
    return energies + 1


def surroundings(planes: Tensor) -> Tensor:
    """(B, C, H, W) planes of `features` -> (B, C + 1, H4, W4), float32: how each place differs from what is around it.

    Attenuation less its mean over about 30 and over about 60 pixels; the differences between energies averaged over
    about 12 pixels, weighted by transmission, since only there photons tell them.
    """
    attenuation = F.avg_pool2d(planes[:, :1], 4, ceil_mode=True, count_include_pad=False)  # (B, 1, H4, W4)
    size = attenuation.shape[-2:]
    wide = [attenuation - _blurred(attenuation, step, size) for step in (4, 8)]
    if planes.shape[1] == 2:
        return torch.cat([*wide, attenuation], dim=1) * 2
    weight = (planes[:, 1:2] + 1).square().clamp(min=4e-3)  # 4 T
    pooled = F.avg_pool2d(torch.cat([weight * planes[:, 2:], weight], dim=1), 4, ceil_mode=True)
    spread = _over_3x3(pooled)
    return torch.cat([*wide, attenuation, spread[:, :-1] / spread[:, -1:] * 5], dim=1) * 2


def _blurred(plane: Tensor, step: int, size: torch.Size) -> Tensor:
    """(B, 1, h, w): means over step x step, smoothly between their middles."""
    means = F.avg_pool2d(plane, step, ceil_mode=True, count_include_pad=False)
    return F.interpolate(means, size=size, mode="bilinear", align_corners=False)


def _over_3x3(planes: Tensor) -> Tensor:
    """(B, C, h, w): sums over windows of 3x3, to a factor; a convolution is far faster than pooling in ONNX Runtime."""
    window = torch.full((planes.shape[1], 1, 3, 3), 1 / 9, device=planes.device)
    return F.conv2d(planes, window, padding=1, groups=planes.shape[1])


class Conv(nn.Sequential):
    """Convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, size: int = 3, stride: int = 1, groups: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class Block(nn.Module):
    """Residual block of two 3x3 convolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = Conv(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(self.first(x)))


class Wide(nn.Module):
    """Residual block with a 7x7 depthwise convolution: context at little cost."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.spread = Conv(width, width, size=7, groups=width)
        self.mix = nn.Sequential(
            Conv(width, 2 * width, size=1), nn.Conv2d(2 * width, width, 1, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.mix(self.spread(x)))


class Network(nn.Module):
    """Encoder, decoder, heads. Input as in `features`; output as in `Output`."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        inputs = planes_of(config.energies)
        if config.backbone:
            self.backbone = Backbone(config.backbone, inputs)
            w = self.backbone.widths
        else:
            w = config.widths
            self.stem = Conv(inputs, w[0], size=7, stride=4)
            self.around = Conv(w[0] + inputs + 1, w[0], size=1)
            self.encode = nn.ModuleList(
                nn.Sequential(*((Wide if level == 3 else Block)(width) for _ in range(config.blocks[level])))
                for level, width in enumerate(w)
            )
            self.down = nn.ModuleList(Conv(a, b, stride=2) for a, b in pairwise(w))
        self.lateral = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(w))
        self.decode = nn.ModuleList(Conv(a, a) for a in w[:-1])
        self.evidence = nn.Conv2d(w[0], 1, 1)
        self.excess = nn.Conv2d(w[0], config.energies, 1)
        self.family = nn.Conv2d(w[0], len(config.families), 1)
        self.whole = nn.Linear(2 * w[2], len(config.cargos) + 1)
        nn.init.constant_(cast(Tensor, self.evidence.bias), -4.0)  # concealments are rare

    def planes(self, transmission: Tensor) -> Tensor:
        """(B, E, H, W) transmission -> input of `forward`."""
        planes = features(transmission, self.config.energy_ratio)
        return planes.contiguous(memory_format=torch.channels_last)

    def encoded(self, planes: Tensor) -> list[Tensor]:
        """(B, C, H, W) -> (B, w0, H/4, W/4) to (B, w3, H/32, W/32)."""
        if self.config.backbone:
            return cast(list[Tensor], self.backbone(planes))
        first = torch.cat([self.stem(planes), surroundings(planes)], dim=1)  # (B, w0 + C + 1, H/4, W/4)
        levels = [self.encode[0](self.around(first))]
        for down, encode in zip(self.down, list(self.encode)[1:], strict=True):
            levels.append(encode(down(levels[-1])))
        return levels

    def forward(self, planes: Tensor) -> Output:
        levels = self.encoded(planes)
        whole = levels[2].float()
        scan = self.whole(torch.cat([whole.mean(dim=(2, 3)), whole.amax(dim=(2, 3))], dim=1))  # (B, K + 1)
        x = levels[3]
        for level in (2, 1, 0):
            up = F.interpolate(self.lateral[level](x), size=levels[level].shape[-2:], mode="nearest")
            x = self.decode[level](levels[level] + up)  # -> (B, w0, H/4, W/4) at the end
        return Output(self.evidence(x), self.excess(x), self.family(x), scan[:, :-1], scan[:, -1])


class ExportModel(nn.Module):
    """The exported model up to its judge: transmission (B, E, H, W) -> `names`.

    heat: (B, H, W) in [0, 1]. excess: (B, E, H, W) attenuation. family: (B, F, H4, W4) probabilities.
    cargo: (B, K) probabilities. empty: (B,) probability. evidence: (B, H4, W4) logit, mean over a window.
    score: (B,) its maximum, unclipped; training.graft puts a judge in its place.
    """

    names = ("heat", "excess", "family", "cargo", "empty", "evidence", "score")

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, transmission: Tensor) -> tuple[Tensor, ...]:
        out = self.network(features(transmission, self.network.config.energy_ratio))
        size = transmission.shape[-2:]
        heat = torch.sigmoid(F.interpolate(out.evidence, size=size, mode="bilinear", align_corners=False))
        excess = F.interpolate(out.excess, size=size, mode="bilinear", align_corners=False)
        evidence = window_means(out.evidence, self.network.config.pool)
        score = evidence.amax(dim=(1, 2))
        family, cargo = softmax(out.family), out.cargo.softmax(dim=1)
        return heat[:, 0], excess, family, cargo, torch.sigmoid(out.empty), evidence, score


def softmax(logits: Tensor) -> Tensor:
    """Softmax over dimension 1 of (B, F, H4, W4); ONNX Runtime takes ten times as long for its own."""
    powers = torch.exp(logits - logits.amax(dim=1, keepdim=True))
    return powers / powers.sum(dim=1, keepdim=True)


def window_means(evidence: Tensor, pool: int) -> Tensor:
    """(B, 1, H4, W4) logits -> (B, H4, W4): means over windows of pool x pool pixels, since noise makes lone pixels."""
    return F.avg_pool2d(evidence.float(), pool, stride=1, padding=pool // 2, count_include_pad=False)[:, 0]


def scan_score(evidence: Tensor, pool: int) -> Tensor:
    """(B, 1, H4, W4) logits -> (B,): the highest mean over a window.

    The highest, not the sum: one small threat must raise the score of a whole container.
    """
    return window_means(evidence, pool).amax(dim=(1, 2))
