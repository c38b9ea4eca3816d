"""What one scored scan leaves behind for the report: plain data, a few tens of kB per scan.

Every figure of `nii.evaluate` is computed from a list of these; nothing here knows the
detector, the files or the pictures.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nii.errors import ScanSetError
from nii.evaluate.metrics.pixels import Box, PixelStatistics

MIXED = "mixed"  # load of two kinds
ALIKE = ", as its goods"  # ending of the name of a family


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownConcealment:
    """One concealment that is known to be in a scan; None where the set doesn't say.

    mass_kg: true mass. material: its class, as regions name it. dprime: detectability index of an
    ideal observer who knows the load and the concealment (no unit); what is below 1 nobody can see.
    alike: it is as the goods whose place it takes, and counts as a family of its own, since nobody could tell it.
    unseen: share of it that is behind what is opaque. cover: attenuation of what lies around it, high
    energy; cover_steel_mm: the thickness of steel that attenuates as much.
    """

    family: str
    box: Box | None = None
    mass_kg: float | None = None
    material: str | None = None
    alike: bool = False
    dprime: float | None = None
    unseen: float | None = None
    cover: float | None = None
    cover_steel_mm: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredRegion:
    """One area that the detector points at.

    score: on the scale of the scan score, which is the highest region score.
    p_value: among the calibration scans, (0, 1]. mass_low, mass_high: 90 % interval in kg.
    families: the likeliest with their probabilities. similar: families of the known concealments most like it.
    """

    box: Box
    score: float
    p_value: float | None = None
    family: str | None = None
    families: tuple[tuple[str, float], ...] = ()
    similar: tuple[str, ...] = ()
    material: str | None = None
    mass_kg: float | None = None
    mass_low: float | None = None
    mass_high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanResult:
    """One scan of the set, scored or failed.

    concealed: the truth; a scan may be concealed without a known `truth` box or family.
    score: larger = more anomalous; None exactly when `error` says why there is none.
    p_value: conformal, among the scans of a calibration of the model; None without one.
    calibration: name of that calibration; None: the one for the scan's scanner.
    seconds: from the file on disk to the finished result: reading, network, regions, masses.
    any_load: what the test of emptiness answered. kinds: of load, all that the model knows, likeliest first.
    unseen: share of the load that is opaque. seen_enough: seen through well enough to be called clear.
    """

    name: str
    concealed: bool
    score: float | None = None
    p_value: float | None = None
    calibration: str | None = None
    truth: tuple[KnownConcealment, ...] = ()
    cargo: str | None = None
    scanner: str | None = None
    regions: tuple[ScoredRegion, ...] = ()
    pixels: PixelStatistics | None = None
    seconds: float | None = None
    any_load: str | None = None
    kinds: tuple[str, ...] = ()
    unseen: float | None = None
    seen_enough: bool = True
    error: str | None = None

    def __post_init__(self) -> None:
        scored = self.score is not None and math.isfinite(self.score)
        if scored == (self.error is not None):
            raise ScanSetError(
                f"{self.name}: expected a finite score or an error, came score {self.score} and error {self.error!r}"
            )
        if self.truth and not self.concealed:
            raise ScanSetError(f"{self.name}: expected no truth in a benign scan, came {len(self.truth)}")

    @property
    def families(self) -> tuple[str, ...]:
        """The families in it, sorted, each once; those that are as the goods around them by another name."""
        return tuple(sorted({truth.family + ALIKE * truth.alike for truth in self.truth}))

    @property
    def mass_kg(self) -> float | None:
        """Mass of all its concealments; None if one of them is unknown."""
        masses = [truth.mass_kg for truth in self.truth if truth.mass_kg is not None]
        return sum(masses) if masses and len(masses) == len(self.truth) else None

    @property
    def dprime(self) -> float | None:
        """Of its easiest concealment, which is the one that can raise the alarm."""
        return max((t.dprime for t in self.truth if t.dprime is not None), default=None)

    @property
    def concealed_unseen(self) -> float | None:
        """Share of its least hidden concealment that is behind what is opaque."""
        return min((t.unseen for t in self.truth if t.unseen is not None), default=None)

    @property
    def cover(self) -> float | None:
        """Attenuation around its least covered concealment."""
        return min((t.cover for t in self.truth if t.cover is not None), default=None)

    @property
    def cover_steel_mm(self) -> float | None:
        """The same as a thickness of steel, in mm."""
        return min((t.cover_steel_mm for t in self.truth if t.cover_steel_mm is not None), default=None)

    @property
    def load(self) -> str | None:
        """The kind of cargo; every "mixed:a+b" or "a+b" is one kind, "mixed"."""
        if not self.cargo:
            return None
        return MIXED if "+" in self.cargo else self.cargo.partition(":")[0]

    def alarm(self, pfa: float) -> bool | None:
        """The decision at a false-alarm budget; None without a p-value, and for no alarm where too little is seen."""
        alarm = None if self.p_value is None else self.p_value <= pfa
        return alarm if alarm or self.seen_enough else None


@dataclass(frozen=True, slots=True)
class ScoredSet:
    """The usable scans of a set, apart by truth."""

    benign: tuple[ScanResult, ...]
    concealed: tuple[ScanResult, ...]

    @property
    def all(self) -> tuple[ScanResult, ...]:
        """Benign first."""
        return self.benign + self.concealed


def usable(results: Iterable[ScanResult]) -> ScoredSet:
    """Leave out the failed scans and split the others by truth."""
    scored = [result for result in results if result.error is None]
    return ScoredSet(tuple(r for r in scored if not r.concealed), tuple(r for r in scored if r.concealed))


def failed(results: Iterable[ScanResult]) -> list[ScanResult]:
    """The scans that have no score."""
    return [result for result in results if result.error is not None]


def scores(results: Sequence[ScanResult]) -> list[float]:
    """Their scores, in order; only usable scans may be passed."""
    return [result.score for result in results if result.score is not None]
