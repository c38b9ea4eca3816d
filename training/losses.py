"""The losses, one function each, all in float32; `total` is their weighted sum."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own customary name
from torchvision.ops import sigmoid_focal_loss

from training.network import Output, scan_score
from training.samples import BORDER, EVEN_AREA, Batch


@dataclass(frozen=True)
class LossConfig:
    """Weights of the parts."""

    evidence: float = 1.0
    scan: float = 0.1
    excess: float = 1.0
    family: float = 0.1
    cargo: float = 0.05


COVERED = 0.3  # share of a 4x4 block that a concealment must cover to count there


def covered(batch: Batch) -> Tensor:
    """(B, 1, H4, W4): 1 where a concealment lies, 0 elsewhere."""
    return (batch.evidence > COVERED).float()


def evidence_loss(logit: Tensor, batch: Batch) -> Tensor:
    """Focal loss over pixels, summed, per concealment and the weight that each of them has."""
    target = covered(batch)
    loss: Tensor = sigmoid_focal_loss(logit.float(), target, alpha=0.5, gamma=2.0) * batch.weight
    concealed = target.amax(dim=(1, 2, 3)).sum().clamp(min=1)
    return loss.sum() / concealed / (EVEN_AREA / 16)


def scan_loss(logit: Tensor, batch: Batch, pool: int) -> Tensor:
    """Cross-entropy of the highest window of each crop: what a scan is judged by. Crops with a sliver don't count."""
    shown = covered(batch).sum(dim=(1, 2, 3))
    target = (shown > 0).float()
    counts = ((shown == 0) | (shown > 3)).float() * (batch.weight.amin(dim=(1, 2, 3)) > 0)
    loss = F.binary_cross_entropy_with_logits(scan_score(logit, pool), target, reduction="none")
    return (loss * counts).sum() / counts.sum().clamp(min=1)


def excess_loss(excess: Tensor, batch: Batch) -> Tensor:
    """Robust difference of attenuation where photons let one know it; concealed pixels count 10 times."""
    weight = batch.precision * (1 + 9 * batch.evidence)
    loss = F.smooth_l1_loss(excess.float(), batch.excess, beta=0.1, reduction="none")
    return (loss * weight).sum() / weight.sum() / excess.shape[1]


def family_loss(logits: Tensor, batch: Batch) -> Tensor:
    """Cross-entropy over concealed pixels."""
    return _mean_entropy(logits, batch.family, BORDER)


def cargo_loss(out: Output, batch: Batch) -> Tensor:
    """Load of scans that have a single one, and emptiness of all."""
    known = (batch.empty >= 0).float()
    empty = F.binary_cross_entropy_with_logits(out.empty.float(), batch.empty.clamp(min=0), known)
    return empty + _mean_entropy(out.cargo, batch.cargo, -1)


def _mean_entropy(logits: Tensor, wanted: Tensor, ignored: int) -> Tensor:
    """Mean cross-entropy where something is wanted, 0 if nowhere; a GPU need not wait to be asked where."""
    counted = (wanted != ignored).sum().clamp(min=1)
    return F.cross_entropy(logits.float(), wanted, ignore_index=ignored, reduction="sum") / counted


def total(out: Output, batch: Batch, config: LossConfig, pool: int) -> tuple[Tensor, dict[str, Tensor]]:
    """The weighted sum, and its parts by name."""
    parts = {
        "evidence": evidence_loss(out.evidence, batch),
        "scan": scan_loss(out.evidence, batch, pool),
        "excess": excess_loss(out.excess, batch),
        "family": family_loss(out.family, batch),
        "cargo": cargo_loss(out, batch),
    }
    weights = {name: getattr(config, name) for name in parts}
    return torch.stack([weights[name] * part for name, part in parts.items()]).sum(), parts
