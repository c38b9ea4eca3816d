"""How well heat maps mark the pixels of concealments, over a whole set in bounded memory.

A heat map is not kept but counted: 2048 bins, equal in log-odds ln(h / (1 - h)), so that
bins are fine near 0, where benign pixels lie, and near 1. Two values tie when their odds
differ by less than 1.7 %. Each scan leaves 32 kB, whatever its size.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nii.errors import ScanSetError
from nii.evaluate.extra import evaluate_extra
from nii.evaluate.unknown import Unknown

BINS = 2048
LOG_ODDS = 17.0  # float32 ends at 1 - 6e-8, log-odds 16.6; below 4e-8 all is zero
SMALLEST_HEAT = 4.2e-8
AUPRO_LIMIT = 0.3  # share of benign pixels; Bergmann et al., MVTec AD, IJCV 129 (2021)

Box = tuple[float, float, float, float]  # x, y, width, height in pixels


@dataclass(frozen=True, slots=True, eq=False)
class PixelStatistics:
    """Heat-map values of one scan, or of many added up, as counts per bin.

    negative, positive: (BINS,) pixels outside and inside the mask.
    overlap: (BINS,) sum over components of the share of its pixels that lie in the bin.
    components: number of connected areas of the mask (8 neighbours).
    """

    negative: npt.NDArray[np.integer]
    positive: npt.NDArray[np.integer]
    overlap: npt.NDArray[np.floating]
    components: int


def pixel_statistics(heat: npt.NDArray[np.floating], mask: npt.NDArray[np.generic] | None) -> PixelStatistics:
    """Count the heat values of one scan.

    heat: (row, column) in [0, 1]. mask: same shape, nonzero where something is concealed;
    None for a benign scan. Raises ScanSetError if the shapes differ or heat leaves [0, 1].
    """
    check_heat(heat, mask)
    bins = heat_bins(heat)
    every = _counts(bins)
    if mask is None or not mask.any():
        return PixelStatistics(every, np.zeros(BINS, np.uint32), np.zeros(BINS, np.float32), 0)
    inside = mask.astype(bool)
    labels, components = label(inside)
    of_pixel = labels[inside]
    weights = 1 / np.bincount(of_pixel)[of_pixel]
    positive = _counts(bins[inside])
    overlap = np.bincount(bins[inside], weights, BINS).astype(np.float32)
    return PixelStatistics(every - positive, positive, overlap, components)


def check_heat(heat: npt.NDArray[np.floating], mask: npt.NDArray[np.generic] | None) -> None:
    """Raise ScanSetError unless heat is (row, column) in [0, 1] and the mask fits it."""
    if heat.ndim != 2 or (mask is not None and mask.shape != heat.shape):
        shape = None if mask is None else mask.shape
        raise ScanSetError(f"heat map: expected (row, column) and a mask like it, came {heat.shape}, {shape}")
    if heat.size and not (heat.min() >= 0 and heat.max() <= 1):
        raise ScanSetError(f"heat map: expected values in [0, 1], came {heat.min():.3g} to {heat.max():.3g}")


def heat_bins(heat: npt.NDArray[np.floating]) -> npt.NDArray[np.int32]:
    """Bin of each heat value, 0 to BINS - 1, rising with heat; 0.5 falls into bin 1024."""
    clipped = np.clip(heat.astype(np.float32, copy=False), SMALLEST_HEAT, 1 - 6e-8)
    log_odds = np.log(clipped / (np.float32(1) - clipped))
    return ((log_odds + LOG_ODDS) * (BINS / (2 * LOG_ODDS))).astype(np.int32)


def label(inside: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int32], int]:
    """Number the connected areas (8 neighbours) 1, 2, ...; returns labels and their number."""
    import cv2

    count, labels = cv2.connectedComponents(inside.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    return np.asarray(labels, np.int32), count - 1


def mask_boxes(mask: npt.NDArray[np.generic]) -> list[Box]:
    """Box (x, y, width, height) of each connected area, for sets that have masks but no boxes."""
    import cv2

    inside = mask.astype(bool).astype(np.uint8)
    _, _, areas, _ = cv2.connectedComponentsWithStats(inside, connectivity=8)
    return [(float(x), float(y), float(w), float(h)) for x, y, w, h, _ in areas[1:]]


def add_up(statistics: Iterable[PixelStatistics]) -> PixelStatistics:
    """The statistics of a set from those of its scans."""
    negative, positive = np.zeros(BINS, np.int64), np.zeros(BINS, np.int64)
    overlap, components = np.zeros(BINS, np.float64), 0
    for one in statistics:
        negative += one.negative
        positive += one.positive
        overlap += one.overlap
        components += one.components
    return PixelStatistics(negative, positive, overlap, components)


def pixel_metrics(statistics: Iterable[PixelStatistics]) -> dict[str, object]:
    """Pixel AUROC, average precision and AUPRO of a set, with the counts behind them.

    All are Unknown when a set has no positive or no negative pixel.
    """
    total = add_up(statistics)
    negative, positive = int(total.negative.sum()), int(total.positive.sum())
    counts = {"pixels_benign": negative, "pixels_concealed": positive, "components": total.components}
    if not (negative and positive):
        missing = "concealed" if negative else "benign"
        reason = Unknown(f"no heat map with {missing} pixels in this set")
        return {"auroc": reason, "ap": reason, "aupro": reason, "aupro_limit": AUPRO_LIMIT, **counts}
    auroc, ap = _ranking(total)
    return {"auroc": auroc, "ap": ap, "aupro": aupro(total), "aupro_limit": AUPRO_LIMIT, **counts}


def _ranking(total: PixelStatistics) -> tuple[float, float]:
    with evaluate_extra():
        from sklearn import metrics  # type: ignore[import-untyped] # scikit-learn ships no types
    truth = np.repeat([0, 1], BINS)
    bins = np.tile(np.arange(BINS), 2)
    weights = np.concatenate([total.negative, total.positive])
    auroc = metrics.roc_auc_score(truth, bins, sample_weight=weights)
    ap = metrics.average_precision_score(truth, bins, sample_weight=weights)
    return float(auroc), float(ap)


def aupro(total: PixelStatistics, limit: float = AUPRO_LIMIT) -> float:
    """Area under the per-region-overlap curve, up to a share `limit` of benign pixels, in [0, 1].

    The curve is the mean over components of the marked share of each, against the marked
    share of the benign pixels. Every component counts the same, whatever its size.
    Source: Bergmann et al., MVTec AD, IJCV 129 (2021).
    """
    false = np.concatenate([[0], np.cumsum(total.negative[::-1])]) / total.negative.sum()
    found = np.concatenate([[0], np.cumsum(total.overlap[::-1])]) / total.components
    inside = false <= limit
    x = np.append(false[inside], limit)
    y = np.append(found[inside], np.interp(limit, false, found))
    return float(np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2) / limit)


def _counts(bins: npt.NDArray[np.int32]) -> npt.NDArray[np.integer]:
    return np.bincount(bins.ravel(), minlength=BINS).astype(np.uint32)
