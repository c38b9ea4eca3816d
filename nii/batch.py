"""Scoring many scans: one record each, errors as records, the rest goes on."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nii.contract import Contract
from nii.detector import Detector, choose_model
from nii.drift import DriftMonitor
from nii.errors import CalibrationError, ModelError, NiiError, ScanError
from nii.io.read import read_scan
from nii.report import Result, analyse, error_record, record
from nii.scan import Scan


@dataclass(eq=False)
class Models:
    """Detectors by name, each loaded once; `model` of None chooses one by the kind of scan.

    drift: watches the scanners of all scans that they score.
    """

    model: str | None = None
    threads: int = 0
    loaded: dict[str, Detector] = field(default_factory=dict)
    drift: DriftMonitor = field(default_factory=DriftMonitor)

    def for_scan(self, scan: Scan) -> Detector:
        """The detector for a scan. Raises ModelError."""
        name = self.model or choose_model(scan)
        if name not in self.loaded:
            self.loaded[name] = Detector.load(name, threads=self.threads)
        return self.loaded[name]


@dataclass(frozen=True, eq=False)
class Scored:
    """One input: its record, and the result behind it (None if it failed)."""

    record: dict[str, Any]
    result: Result | None


def score_files(sources: Iterable[str], models: Models, pfa: float) -> Iterator[Scored]:
    """Score each source in order.

    Raises ModelError for a model that can't be loaded at all and CalibrationError for a budget that none of
    its calibrations supports: both are the same for every scan. Whatever is wrong with a scan is a record, and
    so is a budget that the calibration of its scanner alone doesn't support.
    """
    if models.model is not None:
        models.loaded[models.model] = Detector.load(models.model, threads=models.threads)
    for source in sources:
        try:
            started = time.perf_counter()
            scan = read_scan(source)
            read = time.perf_counter()
            detector = models.for_scan(scan)
            result = analyse(scan, detector, pfa)
        except (ScanError, ModelError, CalibrationError) as error:
            if isinstance(error, CalibrationError) and not supported(detector.contract, pfa):
                raise
            yield Scored(error_record(source, str(error)), None)
        else:
            result.milliseconds["read"] = 1000 * (read - started)
            row = record(result)
            row["drift"] = models.drift.observe(result, row)
            yield Scored(row, result)


def supported(contract: Contract, pfa: float) -> bool:
    """Whether any calibration of a model supports a budget."""
    return any(one.smallest_pfa <= pfa for one in contract.calibrations)


def expand(sources: Iterable[str]) -> list[str]:
    """Files as they are, folders and globs as the scans in them, in the order of their names."""
    from nii.io.scanset import list_scans

    found: list[str] = []
    for source in sources:
        if Path(source).is_dir() or any(mark in source for mark in "*?["):
            try:
                found += [str(path) for path in list_scans(source)]
            except NiiError:
                found.append(source)  # read_scan says what is wrong with it, as a record
        else:
            found.append(source)
    return found


def unique_stem(source: str, used: set[str]) -> str:
    """A file name for pictures of this scan that no other scan of the run has."""
    stem = Path(source.split(",")[0]).stem
    name, number = stem, 2
    while name in used:
        name, number = f"{stem}-{number}", number + 1
    used.add(name)
    return name
