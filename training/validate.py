"""Validation while training: measured scans that no training sample comes from, at full size."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from nii.errors import ScanSetError
from nii.io.read import read_scan
from nii.io.scanset import read_mask, read_set
from nii.model.pitch import resized, working_size
from nii.scan import FloatArray
from nii.simulate.sets.truth import HALF_COVERED
from training.network import Network, scan_score

FIGURES = ("auroc", "pd_at_5", "pd_at_1", "first_hit")
LEAST_SEEN = 8  # evaluations before a curve can be called flat


@dataclass(frozen=True, eq=False)
class ValidationScan:
    """A validation scan: float32 (energy, row, column), its mask (None if benign), its families."""

    transmission: FloatArray
    mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] | None
    families: tuple[str, ...]


def load_validation(path: Path, energies: int, pitch_mm: float) -> list[ValidationScan]:
    """All scans of a set as `read_held` gives them. Raises ScanSetError unless there are benign and concealed ones."""
    held = list(read_held(path, energies, pitch_mm))
    if len({one.mask is None for one in held}) != 2:
        raise ScanSetError(f"{path}: expected benign and concealed scans to validate on, came one kind only")
    return held


def read_held(path: Path, energies: int, pitch_mm: float) -> Iterator[ValidationScan]:
    """One scan of a set after the other at this pitch, with both energies or with the high one alone."""
    for entry in read_set(path).entries:
        scan = read_scan(entry.path)
        size = working_size(scan.shape, scan.pitch_mm, pitch_mm)
        transmission = resized(scan.transmission[-energies:], size)
        mask = resized(read_mask(entry)[None].astype(np.float32), size)[0] >= HALF_COVERED if entry.concealed else None
        yield ValidationScan(np.ascontiguousarray(transmission), mask, tuple(a.family for a in entry.annotations))


def flat(lines: Sequence[Mapping[str, float]]) -> bool:
    """Whether neither AUROC nor Pd at 1 % has risen over the last quarter of the minutes; from LEAST_SEEN lines on.

    lines: of the log, one an evaluation, with `minutes`.
    """
    if len(lines) < LEAST_SEEN:
        return False
    recent = 0.75 * lines[-1]["minutes"]
    before, after = ([line for line in lines if (line["minutes"] > recent) is late] for late in (False, True))
    return bool(before) and all(
        max(line[name] for line in after) <= max(line[name] for line in before) for name in ("auroc", "pd_at_1")
    )


def validate_all(network: Network, sets: Mapping[str, list[ValidationScan]], device: torch.device) -> dict[str, float]:
    """Figures as means over the sets, each of which counts alike, and those of each by name."""
    found = {name: validate(network, held, device) for name, held in sets.items()}
    means = {key: round(float(np.mean([one[key] for one in found.values()])), 4) for key in FIGURES}
    return means | {f"{name}_{key}": value for name, one in found.items() for key, value in one.items()}


@torch.no_grad()
def validate(network: Network, held: list[ValidationScan], device: torch.device) -> dict[str, float]:
    """AUROC over scans, Pd at thresholds that 5 and 1 % of benign scans exceed, share of first hits in the mask."""
    network.eval()
    scores, inside = [], []
    for scan in held:
        batch = torch.from_numpy(scan.transmission)[None].to(device)
        evidence = network(network.planes(batch)).evidence
        scores.append(float(scan_score(evidence, network.config.pool)))
        if scan.mask is not None:
            row, column = np.unravel_index(int(evidence.argmax()), evidence.shape[2:])
            around = scan.mask[max(4 * row - 4, 0) : 4 * row + 8, max(4 * column - 4, 0) : 4 * column + 8]
            inside.append(bool(around.any()))
    values, concealed = np.array(scores), np.array([scan.mask is not None for scan in held])
    benign = values[~concealed]
    order = (values[concealed][:, None] > benign) + 0.5 * (values[concealed][:, None] == benign)
    return {
        "auroc": round(float(order.mean()), 4),
        "pd_at_5": round(float((values[concealed] > np.quantile(benign, 0.95)).mean()), 4),
        "pd_at_1": round(float((values[concealed] > np.quantile(benign, 0.99)).mean()), 4),
        "first_hit": round(float(np.mean(inside)), 4),
    }
