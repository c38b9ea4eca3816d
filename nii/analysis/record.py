"""The record: everything that is said of one scan, the same from library, command line and service."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nii.analysis.declared.check import Question, check
from nii.analysis.empty.load import LoadResult, find_load
from nii.analysis.fields import (
    CargoRecord,
    DeclaredRecord,
    GeometryRecord,
    QualityRecord,
    Record,
    UsedCalibrationRecord,
)
from nii.analysis.regions import Region, find_regions
from nii.analysis.seen.answer import Seen, see
from nii.io.columns import as_json, column_types
from nii.model.contract import Contract
from nii.model.detector import Detector, Layers
from nii.names import printable
from nii.quality.blank import blank
from nii.quality.measure import Quality, assess
from nii.scan import Scan
from nii.stats.operating_point import Calibration, check_pfa, choose_calibration

COLUMNS: Mapping[str, str] = column_types(Record)
"""Columns of a table of records, with their DuckDB types; see `write_table`."""


@dataclass(frozen=True, eq=False)
class Result:
    """A scored scan: its layers and candidate regions besides the decision, for pictures and reports.

    candidates: all regions found, highest first, alarming or not. pfa: the budget that was asked for. calibration,
    p_value, alarm, threshold: None where the model carries no calibration or the scan shows nothing. blank: why it
    shows nothing, None where it shows something; of nothing there are no candidates. seen: what could be seen of the
    scan. milliseconds: by stage. declared: what `nii.analysis.declared` says of the declared goods, None where none
    were given.
    """

    scan: Scan
    layers: Layers
    candidates: tuple[Region, ...]
    contract: Contract
    model_sha256: str
    calibration: Calibration | None
    pfa: float
    p_value: float | None
    threshold: float | None
    notes: tuple[str, ...]
    milliseconds: dict[str, float]
    seen: Seen
    quality: Quality
    load: LoadResult
    declared: DeclaredRecord | None = None
    blank: str | None = None

    @property
    def alarm(self) -> bool | None:
        """The decision at the operating point.

        None without a calibration, for a scan that shows nothing, and for one that would be clear if more of it were
        seen through.
        """
        alarm = None if self.p_value is None else self.p_value <= self.pfa
        return alarm if alarm or self.seen.enough else None

    @property
    def not_seen_through(self) -> bool:
        """Whether there is no decision because too little is seen through.

        An alarm stays an alarm, and a scan that shows nothing is that.
        """
        return self.blank is None and not self.alarm and not self.seen.enough

    @property
    def regions(self) -> tuple[Region, ...]:
        """The regions that alarm by themselves at the operating point."""
        return alarming(self.candidates, self.pfa)


def decision(record: Mapping[str, Any]) -> str:
    """What a record decides, in words: "alarm", "clear", "not seen through" or "no decision"."""
    if record["alarm"] is not None:
        return "alarm" if record["alarm"] else "clear"
    return "not seen through" if record["not_seen_through"] else "no decision"


def alarming(candidates: Sequence[Region], pfa: float) -> tuple[Region, ...]:
    """The regions that alarm by themselves at a budget."""
    return tuple(region for region in candidates if region.p_value is not None and region.p_value <= pfa)


def analyse(
    scan: Scan,
    detector: Detector,
    pfa: float = 0.01,
    asked: Question | None = None,
    *,
    unseen: float | None = None,
) -> Result:
    """All that is said of one scan: score, regions, quality, what could be seen, load, and, with a declaration,
    whether the load is what was declared; with the milliseconds of each stage.

    unseen: share of the load that may be opaque before there is no "clear"; None takes what is usual for its kind.
    Raises ModelError if scan and model don't fit, CalibrationError if the calibration scans are too few for the budget,
    UsageError for a share that is none. A model without any calibration, or a scan that shows nothing
    (`nii.quality.blank`), gives a score without a decision, and a note.
    """
    check_pfa(pfa)
    started = time.perf_counter()
    layers = detector.layers(scan)
    took = 1000 * (time.perf_counter() - started)
    return judge(scan, layers, detector, pfa, asked, unseen=unseen, milliseconds=took)


def judge(
    scan: Scan,
    layers: Layers,
    detector: Detector,
    pfa: float,
    asked: Question | None,
    *,
    unseen: float | None = None,
    milliseconds: float,
) -> Result:
    """The same where the network has run already, for so many milliseconds."""
    clock = _Clock(infer=milliseconds)
    notes = [*scan.notes, *detector.notes(scan)]
    calibration = _calibration(scan, detector.contract, notes)
    threshold = calibration.threshold(pfa) if calibration else None
    nothing = blank(scan)
    if nothing is not None:
        notes.append(f"shows nothing, no decision: {nothing}")
        calibration = threshold = None
    candidates = find_regions(scan, layers, detector.contract, calibration) if nothing is None else []
    clock.lap("regions")
    quality = assess(scan)
    clock.lap("quality")
    seen = see(
        scan,
        dict(zip(detector.contract.cargos, layers.cargo.tolist(), strict=True)),
        limit=unseen,
        pitch_mm=(sum(detector.contract.pitch_mm) / 2,) * 2,
        nothing=nothing,
    )
    clock.lap("seen")
    load = find_load(scan, looked=nothing is None)
    clock.lap("load")
    declared = None
    if asked is not None:
        declared = check(
            scan, detector, asked, [region.family for region in alarming(candidates, pfa)], looked=nothing is None
        )
        clock.lap("declared")
    return Result(
        scan=scan,
        layers=layers,
        candidates=tuple(candidates),
        contract=detector.contract,
        model_sha256=detector.sha256,
        calibration=calibration,
        pfa=pfa,
        p_value=calibration.p_value(layers.score) if calibration else None,
        threshold=threshold,
        notes=tuple(notes),
        milliseconds=clock.milliseconds,
        seen=seen,
        quality=quality,
        load=load,
        declared=declared,
        blank=nothing,
    )


class _Clock:
    """Milliseconds of stages that follow each other."""

    def __init__(self, **earlier: float) -> None:
        self.milliseconds = dict(earlier)
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """The stage that ends now."""
        now = time.perf_counter()
        self.milliseconds[stage] = 1000 * (now - self._last)
        self._last = now


def _calibration(scan: Scan, contract: Contract, notes: list[str]) -> Calibration | None:
    """The calibration for this scan; single-energy scans have their own where the model takes two."""
    if not contract.calibrations:
        notes.append(f"model {contract.name} carries no calibration: score without a decision")
        return None
    if contract.naming is None:
        notes.append(f"model {contract.name} carries no naming: families as the network has them, not calibrated")
    scanner = scan.scanner
    single_energy = len(scan.transmission) < len(contract.energies)
    chosen = choose_calibration(contract.calibrations, scanner, single_energy=single_energy)
    if chosen.scanner is None and scanner is not None:
        notes.append(f"no calibration for scanner {scanner}: the model's own is used; `nii calibrate` makes one")
    return chosen


def record(result: Result) -> dict[str, Any]:
    """The row of a result table, ready for JSON; unknown is None, never 0.

    drift: None here; who scores one scan after the other fills it in (`nii.run.drift`). changes: None here; who has an
    earlier passage of the conveyance fills it in (`nii.compare.changes`). blank: why the scan shows nothing, None
    where it shows something.
    """
    return dict(as_json(to_record(result)))


def to_record(result: Result) -> Record:
    """The same, typed."""
    cargo = sorted(zip(result.layers.cargo.tolist(), result.contract.cargos, strict=True), reverse=True)[:5]
    shown = result.blank is None  # of nothing, the network still says what it looks like
    return Record(
        path=result.scan.path,
        sha256=result.scan.sha256,
        status="ok",
        error=None,
        model=f"{result.contract.name} {result.contract.version}",
        score=result.layers.score,
        p_value=result.p_value,
        alarm=result.alarm,
        pfa=result.pfa,
        regions=tuple(region.to_record() for region in result.regions),
        empty=round(result.layers.empty, 4) if shown else None,
        cargo=tuple(CargoRecord(kind=kind, probability=round(p, 4)) for p, kind in cargo if shown),
        quality=QualityRecord(notes=result.notes, figures=result.quality.as_record()),
        milliseconds=round(sum(result.milliseconds.values()), 1),
        model_sha256=result.model_sha256,
        calibration=_used_calibration(result),
        drift=None,
        scan=geometry(result.scan),
        load=result.load.to_record(),
        declared=result.declared,
        changes=None,
        blank=result.blank,
        not_seen_through=result.not_seen_through,
        seen=result.seen.to_record(),
    )


def geometry(scan: Scan) -> GeometryRecord:
    """What a record holds of the scan as it was read."""
    rows, columns = scan.shape
    return GeometryRecord(
        kind=scan.kind,
        rows=rows,
        columns=columns,
        energies=tuple(scan.energies),
        pitch_mm=scan.pitch_mm,
        scanner=scan.scanner,
    )


def _used_calibration(result: Result) -> UsedCalibrationRecord | None:
    if result.calibration is None or result.threshold is None:
        return None
    return UsedCalibrationRecord(
        name=result.calibration.name,
        scans=result.calibration.n,
        smallest_pfa=result.calibration.smallest_pfa,
        threshold=result.threshold,
    )


def error_record(path: str, message: str) -> dict[str, Any]:
    """The row of a file that could not be scored."""
    return {
        **dict.fromkeys(COLUMNS),
        "path": printable(path),
        "status": "error",
        "error": message,
        "regions": [],
        "cargo": [],
    }


def smallest_usable_pfa(contract: Contract) -> float | None:
    """The smallest budget that every calibration of a model supports; None if it has none."""
    if not contract.calibrations:
        return None
    return max(calibration.smallest_pfa for calibration in contract.calibrations)
