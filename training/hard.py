"""Hard negatives: places of benign scans that look to the network as if something were concealed there."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own customary name

from training.network import Network, window_means
from training.samples import Place

PEAKS = 3  # places of a scan
APART = 15  # side of the window of which a peak is the highest, pixels at a quarter of the resolution


@torch.no_grad()
def mine(
    network: Network, scans: int, count: int, rng: np.random.Generator, scanned: Callable[[int], Tensor]
) -> list[Place]:
    """The highest peaks of evidence in `count` of so many scans as they are without their concealments.

    scanned: measures the scan of a number anew, (1, energy, row, column) on the network's device.
    """
    network.eval()
    places = []
    for number in rng.choice(scans, min(count, scans), replace=False):
        batch = scanned(int(number))
        output = network(network.planes(batch))
        evidence = window_means(output.evidence, network.config.pool)  # (1, H4, W4)
        highest = F.max_pool2d(evidence, APART, stride=1, padding=APART // 2)
        peaks = torch.where(evidence == highest, evidence, -torch.inf).flatten()
        for place in peaks.topk(min(PEAKS, peaks.numel())).indices.tolist():
            row, column = divmod(place, evidence.shape[2])
            places.append((int(number), 4 * row, 4 * column))
    return places
