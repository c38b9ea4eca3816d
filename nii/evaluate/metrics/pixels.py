"""How well heat maps mark the pixels of concealments, over a whole set in bounded memory.

A heat map is not kept but counted. A value h falls into one of 2946 bins by the leading bits
of the float32 h (below 0.5) or 1 - h (from 0.5 on): 64 bins per doubling, so that bins are
fine near 0, where benign pixels lie, and near 1. Two values tie when h, or 1 - h, differ by
less than 1.6 %. Each scan leaves 35 kB, whatever its size.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nii.errors import ScanSetError
from nii.evaluate.metrics.missing import Unknown
from nii.stats.optional import evaluate_extra

DROPPED_BITS = 17  # of the 23 bits of a float32 mantissa; 6 are left: 64 bins per doubling
OCTAVES = 23  # from 2**-24, below which all is one bin, to 0.5
HALF = OCTAVES * 64 + 1
BINS = 2 * HALF
SIGNLESS = 0x3FFF
FIRST_KEY = ((127 - 24) << 6) - 1  # leading bits of a float32 just below 2**-24
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
    every = heat_counts(heat)
    if mask is None or not mask.any():
        return PixelStatistics(every, np.zeros(BINS, np.uint32), np.zeros(BINS, np.float32), 0)
    rows, columns = bounds(mask)
    inside = mask[rows, columns] != 0
    labels, components = label(inside)
    of_pixel, bins = labels[inside], heat_bins(heat[rows, columns][inside])
    positive = _counts(bins)
    overlap = np.bincount(bins, 1 / np.bincount(of_pixel)[of_pixel], BINS).astype(np.float32)
    return PixelStatistics(every - positive, positive, overlap, components)


def bounds(mask: npt.NDArray[np.generic]) -> tuple[slice, slice]:
    """Rows and columns that hold the nonzero pixels of a mask; at least one is needed."""
    import cv2

    x, y, w, h = cv2.boundingRect((mask != 0).view(np.uint8))
    return slice(y, y + h), slice(x, x + w)


def check_heat(heat: npt.NDArray[np.floating], mask: npt.NDArray[np.generic] | None) -> None:
    """Raise ScanSetError unless heat is (row, column) in [0, 1] and the mask fits it."""
    if heat.ndim != 2 or (mask is not None and mask.shape != heat.shape):
        shape = None if mask is None else mask.shape
        raise ScanSetError(f"heat map: expected (row, column) and a mask like it, came {heat.shape}, {shape}")
    if heat.size and not (heat.min() >= 0 and heat.max() <= 1):
        raise ScanSetError(f"heat map: expected values in [0, 1], came {heat.min():.3g} to {heat.max():.3g}")


def heat_counts(heat: npt.NDArray[np.floating]) -> npt.NDArray[np.integer]:
    """Pixels per bin, (BINS,): `heat_bins` counted, in one pass for the many cold pixels.

    Example: half a million pixels take 2 ms.
    """
    values = np.ascontiguousarray(heat, np.float32).ravel()
    hot = values[values >= 0.5]
    by_key = np.bincount(_keys(values), minlength=FIRST_KEY + HALF)
    counts = np.zeros(BINS, np.uint32)
    counts[:HALF] = by_key[FIRST_KEY : FIRST_KEY + HALF]
    counts[0] += by_key[:FIRST_KEY].sum()
    return counts + _counts(heat_bins(hot))


def heat_bins(heat: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
    """Bin of each heat value, 0 to BINS - 1, rising with heat; 0.5 falls into the bin BINS / 2."""
    values = np.ascontiguousarray(heat, np.float32)
    hot = values >= 0.5
    bins = np.clip(_keys(np.where(hot, 1 - values, values)).astype(np.int64) - FIRST_KEY, 0, HALF - 1)
    return np.where(hot, BINS - 1 - bins, bins)


def _keys(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint32]:
    """Exponent and leading mantissa bits of float32 values in [0, 1], which rise with the value."""
    return (values.view(np.uint32) >> np.uint32(DROPPED_BITS)) & np.uint32(SIGNLESS)  # -0.0 is a zero


def label(inside: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int32], int]:
    """Number the connected areas (8 neighbours) 1, 2, ...; returns labels and their number."""
    import cv2

    count, labels = cv2.connectedComponents(inside.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    return np.asarray(labels, np.int32), count - 1


def mask_boxes(mask: npt.NDArray[np.generic]) -> list[tuple[int, int, int, int]]:
    """Box (x, y, width, height) of each connected area, for sets that have masks but no boxes."""
    import cv2

    inside = mask.astype(bool).astype(np.uint8)
    _, _, areas, _ = cv2.connectedComponentsWithStats(inside, connectivity=8)
    return [(int(x), int(y), int(w), int(h)) for x, y, w, h, _ in areas[1:]]


def add_up(statistics: Iterable[PixelStatistics]) -> PixelStatistics:
    """The statistics of a set from those of its scans."""
    negative, positive = np.zeros(BINS, np.int64), np.zeros(BINS, np.int64)
    overlap, components = np.zeros(BINS, np.float64), 0
    for statistic in statistics:
        negative += statistic.negative
        positive += statistic.positive
        overlap += statistic.overlap
        components += statistic.components
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
        from sklearn import metrics
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


def _counts(bins: npt.NDArray[np.int64]) -> npt.NDArray[np.integer]:
    return np.bincount(bins.ravel(), minlength=BINS).astype(np.uint32)
