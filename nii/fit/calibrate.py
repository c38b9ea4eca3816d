"""Operating points for a scanner from benign scans of it."""

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nii.errors import CalibrationError, ModelError, ScanError
from nii.io.remote import is_remote
from nii.io.scanset import ScanEntry, SetsAround, list_benign, read_entry, read_listed
from nii.io.write import write_atomically
from nii.model.contract import Contract, with_contract
from nii.model.detector import Detector, find_model, read_model
from nii.quality.blank import blank
from nii.quality.measure import assess
from nii.run.batch import expand
from nii.run.drift import quality_figures
from nii.scan import Scan
from nii.stats.operating_point import DEFAULT, SINGLE, Calibration, calibration_name


@dataclass(frozen=True)
class Benign:
    """One scan to calibrate on; entry: what its scan set says of it, where it comes from one."""

    path: str
    entry: ScanEntry | None = None

    def read(self) -> Scan:
        """The scan. Raises ScanError."""
        return read_entry(self.entry) if self.entry else read_listed(self.path)


@dataclass(frozen=True)
class Outcome:
    """One benign scan: its score and the figures of its quality, or why it has none.

    single_energy: the scan has one energy and the model takes two. left_out: why a good scan doesn't count.
    """

    path: str
    score: float | None
    error: str | None
    quality: Mapping[str, float] = field(default_factory=dict)
    single_energy: bool = False
    left_out: str | None = None


def benign_scans(sources: Iterable[str]) -> list[Benign]:
    """Files as they are, folders and globs as the scans in them; what a set says of them holds (`nii.io.scanset`).

    Of a scan set only the scans without a concealment, of the MVTec layout those of train/, if it has some: the
    rest is for the evaluation. Raises ScanSetError for a set that can't be read, and where other than benign scans
    seem to lie.
    """
    sets = SetsAround()
    found = [one for source in sources for one in _listed(source, sets)]
    return [Benign(one) if isinstance(one, str) else Benign(str(one.path), one) for one in found]


def _listed(source: str, sets: SetsAround) -> Sequence[str | ScanEntry]:
    return list(expand([source])) if is_remote(source) else list_benign(source, sets)


def score_benign(detector: Detector, scans: Iterable[Benign], scanner: str | None = None) -> Iterator[Outcome]:
    """Scores of benign scans, one by one; unreadable ones are outcomes with an error.

    scanner: scans that don't carry this name are left out; None takes all. A scan counts once: n copies of
    it would claim to support a budget that they don't. One that shows nothing gets no decision, and sets none.
    """
    seen: set[str] = set()
    for one in scans:
        try:
            scan = one.read()
            why = why_left_out(scan, scanner, seen)
            if why is not None:
                yield Outcome(one.path, None, None, left_out=why)
                continue
            seen.add(scan.sha256)
            quality = quality_figures(assess(scan).as_record())
            single_energy = len(scan.transmission) < len(detector.contract.energies)
            yield Outcome(one.path, detector.score(scan), None, quality, single_energy)
        except (ScanError, ModelError) as error:
            yield Outcome(one.path, None, str(error))


def why_left_out(scan: Scan, scanner: str | None, seen: Container[str]) -> str | None:
    """Why a readable scan doesn't count; None where it does."""
    if scan.sha256 in seen:
        return "given twice"
    if scanner not in (None, scan.scanner):
        return f"of scanner {scan.scanner or 'unknown'}"
    return "showing nothing" if blank(scan) else None


def calibrated(contract: Contract, outcomes: Iterable[Outcome], *, scanner: str | None, name: str | None) -> Contract:
    """The contract with a calibration from these scores; one of the same name is replaced.

    scanner: scans that carry it use this calibration; None makes it the default for all. name: None for that
    of `calibration_name`. Raises CalibrationError without any score, for scans of one energy among scans of
    two, and for a scanner that is called like the calibrations for all.
    """
    if scanner in ("", DEFAULT, SINGLE):
        raise CalibrationError(f"scanner: expected a name other than '', {DEFAULT!r} and {SINGLE!r}, came {scanner!r}")
    every = list(outcomes)
    scored = [one for one in every if one.score is not None]
    if not scored:
        of = f" of scanner {scanner}" if scanner else ""
        came = left_out(every) or "none"
        raise CalibrationError(f"calibration: expected at least one readable benign scan{of}, came {came}")
    single = sum(result.single_energy for result in scored)
    if 0 < single < len(scored):
        raise CalibrationError(
            f"calibration: expected scans of one number of energies, came {single} of one energy and "
            f"{len(scored) - single} of more; calibrate on each kind by itself"
        )
    name = name or calibration_name(scanner, single_energy=single > 0)
    scores = [result.score for result in scored if result.score is not None]
    quality = _by_figure([result.quality for result in scored])
    made = Calibration.from_scores(scores, name=name, scanner=scanner, quality=quality)
    kept = tuple(calibration for calibration in contract.calibrations if calibration.name != made.name)
    return replace(contract, calibrations=(*kept, made))


def left_out(outcomes: Iterable[Outcome]) -> str:
    """What was left out, in words. Example: "12 of scanner south, 1 given twice"."""
    counts = Counter(outcome.left_out for outcome in outcomes if outcome.left_out)
    return ", ".join(f"{count} {why}" for why, count in counts.items())


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
