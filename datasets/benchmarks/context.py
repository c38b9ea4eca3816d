"""How far around a place the network needs to see: python datasets/benchmarks/context.py SET [--scans 200]

Each scan is also shown to the network through windows of a side, one at a time. Of each window only the middle counts,
three quarters of the side; the score of the scan is the highest evidence of all middles, as it is of whole scans. The
weights are the shipped ones, which saw crops of at most 224 x 320 pixels while they learned.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.progress import track

from nii.io.scanset import read_entry, read_set
from nii.model.detector import Detector, model_input
from nii.scan import FloatArray, Scan
from nii.stats.rates import auroc, auroc_interval, set_threshold

SIDES = (64, 128, 256, 512)  # pixels, multiples of the network's 32
CELL = 4  # pixels to one of evidence
PFA = 0.01


def main() -> None:
    """Print a table: AUROC, and what is found at 1 % of the set's own benign scans."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", type=Path)
    parser.add_argument("--model", default="cargo")
    parser.add_argument("--scans", type=int, help="the first of the set; all without")
    asked = parser.parse_args()
    detector = Detector.load(asked.model)
    entries = read_set(asked.set).entries[: asked.scans]
    scans = (read_entry(entry) for entry in track(entries, "scans"))
    values = np.array([[*(highest(detector, scan, side) for side in SIDES), detector.score(scan)] for scan in scans])
    concealed = np.array([entry.concealed for entry in entries])
    print("| window, pixels | AUROC (95 %) | found at 1 % of benign scans |\n|---|---|---|")
    for name, scores in zip((*(f"{side} x {side}" for side in SIDES), "the whole scan"), values.T, strict=True):
        low, high = auroc_interval(scores[~concealed], scores[concealed], np.random.default_rng(0))
        found = int((scores[concealed] > set_threshold(scores[~concealed], PFA)).sum())
        area = auroc(scores[~concealed], scores[concealed])
        print(f"| {name} | {area:.3f} ({low:.3f}-{high:.3f}) | {found} of {int(concealed.sum())} |")


def highest(detector: Detector, scan: Scan, side: int) -> float:
    """Score of a scan of which only side x side pixels are seen at a time."""
    pixels, border = model_input(scan, detector.contract), side // 8
    best = -np.inf
    for row, top in _starts(pixels.shape[1], side):
        for column, left in _starts(pixels.shape[2], side):
            seen = _evidence(detector, pixels[:, top : top + side, left : left + side])
            first = (row - top) // CELL, (column - left) // CELL
            size = (side - 2 * border) // CELL
            best = max(best, float(seen[first[0] : first[0] + size, first[1] : first[1] + size].max(initial=-np.inf)))
    return best


def _starts(length: int, side: int) -> Iterator[tuple[int, int]]:
    """Where the middles of windows start, and the windows themselves, which stay inside the scan."""
    border = side // 8
    last = max(length - side, 0) // CELL * CELL
    for middle in range(0, length, side - 2 * border):
        yield middle, min(max(middle - border, 0), last)


def _evidence(detector: Detector, pixels: FloatArray) -> FloatArray:
    found = detector.session.run(["evidence"], {"transmission": np.ascontiguousarray(pixels[None])})
    return np.asarray(found[0][0], np.float32)


if __name__ == "__main__":
    main()
