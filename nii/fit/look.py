"""Looking at a site: the candidates of its benign scans, as they are and with concealments put into them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from nii.errors import ModelError, ScanError
from nii.fit.calibrate import Benign, Outcome, why_left_out
from nii.fit.learn import Table
from nii.model.detector import Detector
from nii.quality.measure import assess
from nii.run.drift import quality_figures
from nii.scan import FloatArray, Kind, Scan
from nii.simulate.contraband.concealments import LOOSE
from nii.simulate.render.draws import Rng
from nii.simulate.sets.truth import Hidden
from nii.simulate.tip.operator_image import insert_coloured
from nii.simulate.tip.transmission import insert

FAMILIES = tuple(sorted(LOOSE))  # those that can be put into a scan that somebody took
WANTED = 300  # insertions over all scans, if MOST_EACH allows
LEAST_EACH, MOST_EACH = 2, 8  # insertions a scan, each into a copy of its own
SEED = 22


@dataclass(frozen=True, eq=False)
class ScanCandidates:
    """One scan that was looked at. hidden: what was put in, None for a benign one. hit: (candidate,) lies on it."""

    features: FloatArray
    hit: npt.NDArray[np.bool_]
    hidden: Hidden | None = None


@dataclass(frozen=True, eq=False)
class Site:
    """All that was looked at: benign scan i and its copies with something in them.

    outcomes: one a benign scan given, as for a calibration; scores by the shipped judge. paths, loads: of the benign
    scans that were looked at, loads by what the model calls them. looks: of each benign scan, itself first.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    looks: list[list[ScanCandidates]] = field(default_factory=list)

    @property
    def table(self) -> Table:
        """All candidates."""
        scans = [i for i, looks in enumerate(self.looks) for _ in looks]
        every = [look for looks in self.looks for look in looks]
        sizes = [len(look.features) for look in every]
        return Table(
            features=np.concatenate([look.features for look in every]),
            scan=np.repeat(scans, sizes),
            seen=np.repeat(np.arange(len(every)), sizes),
            inserted=np.repeat([look.hidden is not None for look in every], sizes),
            hit=np.concatenate([look.hit for look in every]),
        )


def look_at_site(detector: Detector, scans: Sequence[Benign], scanner: str | None, site: Site) -> Iterator[int]:
    """Look at benign scans and fill `site`; yields the number of scans done, for a progress bar.

    scanner: scans that don't carry this name are left out; None takes all. A scan counts once, one that shows nothing
    not at all. The same scans give the same insertions.
    """
    each = int(np.clip(np.ceil(WANTED / max(len(scans), 1)), LEAST_EACH, MOST_EACH))
    known: set[str] = set()
    for number, one in enumerate(scans):
        try:
            scan = one.read()
            if (why := why_left_out(scan, scanner, known)) is not None:
                site.outcomes.append(Outcome(one.path, None, None, left_out=why))
            else:
                known.add(scan.sha256)
                _look(detector, scan, one.path, each, site)
        except (ScanError, ModelError) as error:
            site.outcomes.append(Outcome(one.path, None, str(error)))
        yield number + 1


def _look(detector: Detector, scan: Scan, path: str, each: int, site: Site) -> None:
    """Look at one benign scan and at copies of it with something in them."""
    seen = detector.seen(scan)
    if not len(seen.candidates):
        raise ScanError(f"{path}: expected a scan in which something stands out, came one without any candidate")
    looks = [ScanCandidates(seen.features, np.zeros(len(seen.candidates), np.bool_))]
    for copy in range(each):
        number = len(site.looks) * each + copy
        try:
            changed, hidden = put_in(scan, np.random.default_rng((SEED, number)), FAMILIES[number % len(FAMILIES)])
        except ScanError:  # no place for that thing in this scan
            continue
        there = detector.seen(changed)
        rows, columns = there.candidates[:, 0].astype(int), there.candidates[:, 1].astype(int)
        looks.append(ScanCandidates(there.features, on_grid(hidden, scan.shape, there.grid)[rows, columns], hidden))
    quality = quality_figures(assess(scan).as_record())
    single_energy = len(scan.transmission) < len(detector.contract.energies)
    site.outcomes.append(Outcome(path, float(seen.candidates[:, 2].max()), None, quality, single_energy))
    site.paths.append(path)
    site.loads.append(detector.contract.cargos[int(seen.cargo.argmax())])
    site.looks.append(looks)


def put_in(scan: Scan, rng: Rng, family: str | None) -> tuple[Scan, Hidden]:
    """A scan with a concealment put into it, as fits its kind. Raises as nii.simulate.tip.transmission.insert."""
    return (insert_coloured if scan.kind is Kind.OPERATOR_IMAGE else insert)(scan, rng, family)


def on_grid(hidden: Hidden, shape: tuple[int, int], grid: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Cells of the evidence that a concealment touches, and those next to them."""
    mask = np.zeros(shape, np.uint8)
    height, width = hidden.mask.shape
    mask[hidden.row : hidden.row + height, hidden.column : hidden.column + width] = 255 * hidden.mask
    cells = cv2.resize(mask, grid[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.dilate(cells, np.ones((3, 3), np.uint8)) > 0)
