"""Operating points for a scanner from benign scans of it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nii.batch import expand
from nii.contract import Contract, with_contract
from nii.detector import Detector, find_model, read_model
from nii.drift import quality_figures
from nii.errors import CalibrationError, ModelError, ScanError
from nii.io.read import read_scan
from nii.io.scanset import ANNOTATIONS, GOOD, ScanEntry, read_entry, read_set
from nii.io.write import write_atomically
from nii.operating_point import DEFAULT, Calibration
from nii.quality import assess


@dataclass(frozen=True)
class Benign:
    """One scan to calibrate on; entry: what its scan set says of it, where it comes from one."""

    path: str
    entry: ScanEntry | None = None


@dataclass(frozen=True)
class Outcome:
    """One benign scan: its score and the figures of its quality, or why it has none."""

    path: str
    score: float | None
    error: str | None
    quality: Mapping[str, float] = field(default_factory=dict)


def benign_scans(sources: Iterable[str]) -> list[Benign]:
    """Files as they are, folders and globs as the scans in them.

    Of a scan set only the scans without a concealment, of the MVTec layout only train/good: the rest is
    for the evaluation. Raises ScanSetError for a set that can't be read.
    """
    found: list[Benign] = []
    for source in sources:
        folder = Path(source)
        if (folder / ANNOTATIONS).is_file() or (folder / "train" / GOOD).is_dir():
            found += [Benign(str(one.path), one) for one in read_set(folder).benign if one.split != "test"]
        else:
            found += [Benign(path) for path in expand([source])]
    return found


def score_benign(detector: Detector, scans: Iterable[Benign]) -> Iterator[Outcome]:
    """Scores of benign scans, one by one; unreadable ones are outcomes with an error."""
    for one in scans:
        try:
            scan = read_entry(one.entry) if one.entry else read_scan(one.path)
            quality = quality_figures(assess(scan).as_record())
            yield Outcome(one.path, detector.score(scan), None, quality)
        except (ScanError, ModelError) as error:
            yield Outcome(one.path, None, str(error))


def calibrated(contract: Contract, outcomes: Iterable[Outcome], *, scanner: str | None, name: str | None) -> Contract:
    """The contract with a calibration from these scores; one of the same name is replaced.

    scanner: scans that carry it use this calibration; None makes it the default for all.
    Raises CalibrationError without any score.
    """
    scored = [(one.score, one.quality) for one in outcomes if one.score is not None]
    if not scored:
        raise CalibrationError("calibration: expected at least one readable benign scan, came none")
    scores, quality = [score for score, _ in scored], _by_figure([figures for _, figures in scored])
    made = Calibration.from_scores(scores, name=name or scanner or DEFAULT, scanner=scanner, quality=quality)
    kept = tuple(one for one in contract.calibrations if one.name != made.name)
    return replace(contract, calibrations=(*kept, made))


def _by_figure(scans: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """Values of each figure; one that not even half of the scans have is none to compare with."""
    values: dict[str, list[float]] = defaultdict(list)
    for figures in scans:
        for name, value in figures.items():
            values[name].append(value)
    return {name: found for name, found in values.items() if 2 * len(found) >= len(scans)}


def write_model(model: str | Path, contract: Contract, out: Path) -> None:
    """The model with another contract, under another name; the weights stay byte for byte."""
    source = find_model(model)
    write_atomically(out, with_contract(read_model(source), contract, str(source)))
