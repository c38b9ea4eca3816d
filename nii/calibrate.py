"""Operating points for a scanner from benign scans of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from nii.contract import Contract, with_contract
from nii.detector import Detector, find_model, read_model
from nii.errors import CalibrationError, ModelError, ScanError
from nii.io.read import read_scan
from nii.io.write import write_atomically
from nii.operating_point import DEFAULT, Calibration


@dataclass(frozen=True)
class Outcome:
    """One benign scan: its score, or why it has none."""

    path: str
    score: float | None
    error: str | None


def score_benign(detector: Detector, sources: Iterable[str]) -> Iterator[Outcome]:
    """Scores of benign scans, one by one; unreadable ones are outcomes with an error."""
    for source in sources:
        try:
            yield Outcome(source, detector.score(read_scan(source)), None)
        except (ScanError, ModelError) as error:
            yield Outcome(source, None, str(error))


def calibrated(contract: Contract, outcomes: Iterable[Outcome], *, scanner: str | None, name: str | None) -> Contract:
    """The contract with a calibration from these scores; one of the same name is replaced.

    scanner: scans that carry it use this calibration; None makes it the default for all.
    Raises CalibrationError without any score.
    """
    scores = [one.score for one in outcomes if one.score is not None]
    if not scores:
        raise CalibrationError("calibration: expected at least one readable benign scan, came none")
    made = Calibration.from_scores(scores, name=name or scanner or DEFAULT, scanner=scanner)
    kept = tuple(one for one in contract.calibrations if one.name != made.name)
    return replace(contract, calibrations=(*kept, made))


def write_model(model: str | Path, contract: Contract, out: Path) -> None:
    """The model with another contract, under another name; the weights stay byte for byte."""
    source = find_model(model)
    write_atomically(out, with_contract(read_model(source), contract, str(source)))
