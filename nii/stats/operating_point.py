"""Operating points: a false-alarm budget, and the decision that keeps it.

A scan's score is ranked among the scores of benign calibration scans of the same
scanner. Its conformal p-value is

    p(s) = (1 + #{calibration scores >= s}) / (n + 1)        in [1 / (n + 1), 1]

and a scan alarms when p <= Pfa. If a benign scan and the n calibration scans are
exchangeable, P(p <= Pfa) <= Pfa, whatever the shape of the scores; ties only make it
smaller. Source: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005.

Regions are ranked among the same scan scores. The scan score is the highest region
score (max-type correction), so all benign regions of a scan together keep the
scan-level budget, however many regions or pixels the scan has.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from nii.errors import CalibrationError

Scores = npt.NDArray[np.float64]

DEFAULT = "default"  # the calibration for scanners that have none of their own
SINGLE = "single-energy"  # the one for scans of one energy, of a model that takes two
LONGEST_NAME = 200  # characters of a calibration's
DOUBT = 0.05  # share of calibrations that may fail to keep a budget that is promised with confidence
REGIONS = "ranked among the same scores: the score of a scan is its highest region score"


def p_values(scores: npt.ArrayLike, calibration_scores: npt.ArrayLike) -> Scores:
    """Conformal p-value of each score, (1 + #{calibration >= s}) / (n + 1).

    scores: any shape, larger = more anomalous; calibration_scores: (n,), any order.
    Returns the shape of scores, in [1 / (n + 1), 1]. Raises CalibrationError for NaN or
    infinite scores. Example: calibration 1, 2, 2, 3 and score 2 gives (1 + 3) / 5 = 0.8.
    """
    ranked = np.sort(_finite(calibration_scores, "calibration scores"), axis=None)
    asked = _finite(scores, "scores", empty_is_fine=True)
    at_least = ranked.size - np.searchsorted(ranked, asked, side="left")
    return np.asarray((1 + at_least) / (ranked.size + 1), dtype=np.float64)


def threshold(calibration_scores: npt.ArrayLike, pfa: float) -> float:
    """The score above which a scan alarms: score > threshold exactly when p-value <= pfa.

    calibration_scores: (n,), any order; pfa: the budget, (0, 1). The threshold is always
    one of the calibration scores. Raises CalibrationError when pfa < 1 / (n + 1).
    Example: scores 1 ... 99 and pfa 0.05: p(s) <= 0.05 needs at most 4 scores >= s, so 95.
    """
    ranked = np.sort(_finite(calibration_scores, "calibration scores"), axis=None)
    return float(ranked[ranked.size - 1 - tolerated(ranked.size, pfa)])


def tolerated(n: int, pfa: float) -> int:
    """How many of n calibration scores may be >= s while s still alarms, in [0, n - 1].

    Counts the p-values themselves instead of rounding pfa * (n + 1), which floating point
    puts on the wrong side: 0.07 * 100 is 7.000000000000001. Example: n = 99, pfa = 0.05: 4.
    """
    check_pfa(pfa)
    count = int(np.count_nonzero(np.arange(1, n + 1) / (n + 1) <= pfa))
    if count < 1:
        raise CalibrationError(
            f"Pfa {pfa:g}: expected at least {scans_needed(pfa)} benign calibration scans, came {n}, "
            f"which support a Pfa of {smallest_pfa(n):.3g} or more"
        )
    return count - 1


def smallest_pfa(n: int) -> float:
    """The smallest false-alarm budget that n benign scans support, 1 / (n + 1); 0.01 for n = 99."""
    return 1 / (n + 1)


def certain_pfa(n: int) -> float:
    """The smallest budget that n benign scans keep with 95 % confidence.

    An alarm needs a score above all n: the share of benign scans that have one is Beta(1, n), beyond
    1 - 0.05^(1 / n) in one calibration of twenty. Example: 0.0100 for n = 299, where `smallest_pfa` is 0.0033.
    """
    return float(1 - DOUBT ** (1 / n))


def scans_certain(pfa: float) -> int:
    """The fewest benign scans that keep a budget with 95 % confidence; 299 for 0.01, 2995 for 0.001."""
    check_pfa(pfa)
    return math.ceil(math.log(DOUBT) / math.log1p(-pfa))


def budgets(n: int) -> str:
    """The smallest budgets of n benign scans in words, as `nii calibrate` says them."""
    return f"smallest Pfa {smallest_pfa(n):.3g} on average, {certain_pfa(n):.3g} with 95 % confidence"


def scans_needed(pfa: float) -> int:
    """The fewest benign scans that support a budget; 99 for 0.01."""
    check_pfa(pfa)
    guess = max(math.ceil(1 / pfa) - 1, 1)
    return guess if smallest_pfa(guess) <= pfa else guess + 1


def check_pfa(pfa: float) -> None:
    """Raise CalibrationError unless 0 < pfa < 1."""
    if not 0 < pfa < 1:
        raise CalibrationError(f"Pfa: expected a number above 0 and below 1, came {pfa:g}")


@dataclass(frozen=True)
class Calibration:
    """The benign scan scores of one scanner, as they travel in the model file.

    name: what reports call it, from `calibration_name`; "default" serves every scanner without its own.
    scanner: the `scanner` field of the scans it serves; None for the default one.
    scores: ascending, each exactly a float32; at least one. Build it with `from_scores`.
    quality: figures of the quality of these scans, (name, ascending values), by which `nii.run.drift` sees a
    scanner change; empty in models that were calibrated without.
    """

    name: str
    scanner: str | None
    scores: tuple[float, ...]
    quality: tuple[tuple[str, tuple[float, ...]], ...] = ()

    def __post_init__(self) -> None:
        values = _finite(self.scores, f"calibration {self.name!r}")
        if np.any(np.diff(values) < 0) or np.any(values != values.astype(np.float32)):
            raise CalibrationError(f"calibration {self.name!r}: expected ascending float32 scores, came others")

    @classmethod
    def from_scores(
        cls,
        scores: npt.ArrayLike,
        *,
        name: str = DEFAULT,
        scanner: str | None = None,
        quality: Mapping[str, Sequence[float]] | None = None,
    ) -> "Calibration":
        """Sort benign scan scores and round them to float32, the type that the network returns."""
        figures = {key: _finite(found, f"calibration {name!r}, {key}") for key, found in (quality or {}).items()}
        ranked = tuple((key, tuple(np.sort(found).tolist())) for key, found in sorted(figures.items()))
        with np.errstate(over="ignore"):  # too large for float32 becomes inf and is refused below
            values = np.sort(_finite(scores, f"calibration {name!r}").astype(np.float32), axis=None)
        return cls(name, scanner, tuple(values.tolist()), ranked)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "Calibration":
        """Read what `to_json` wrote; CalibrationError if it is anything else."""
        try:
            name, scanner, scores = record["name"], record["scanner"], record["scores"]
            if not all(isinstance(text, str) and len(text) <= LONGEST_NAME for text in (name, scanner or "")):
                raise TypeError(f"name or scanner is no text of at most {LONGEST_NAME} characters")
            quality = dict(record.get("quality", {}))
            return cls.from_scores(np.asarray(scores, np.float64), name=name, scanner=scanner, quality=quality)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise CalibrationError(f"calibration: expected name, scanner and scores, came {error}") from error

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary; each score has the few digits that give back the same float32."""
        scores = [float(str(value)) for value in np.asarray(self.scores, np.float32)]
        record = {"name": self.name, "scanner": self.scanner, "scores": scores, "regions": REGIONS}
        return record | {"quality": {name: list(values) for name, values in self.quality}} if self.quality else record

    @property
    def single_energy(self) -> bool:
        """Whether it serves scans of one energy in a model that takes two."""
        return self.name == calibration_name(self.scanner, single_energy=True)

    @cached_property
    def _ranked(self) -> Scores:
        return np.asarray(self.scores, np.float64)

    @property
    def n(self) -> int:
        """Number of benign scans behind it."""
        return len(self.scores)

    @property
    def smallest_pfa(self) -> float:
        """The smallest budget that it supports."""
        return smallest_pfa(self.n)

    def p_values(self, scores: npt.ArrayLike) -> Scores:
        """P-values of scan scores or of region scores, in the shape given."""
        return p_values(scores, self._ranked)

    def p_value(self, score: float) -> float:
        """P-value of one scan or region."""
        return float(self.p_values(score))

    def threshold(self, pfa: float) -> float:
        """The score above which a scan alarms at this budget."""
        try:
            return threshold(self._ranked, pfa)
        except CalibrationError as error:
            raise CalibrationError(f"calibration {self.name!r}: {error}") from error


def calibration_name(scanner: str | None, *, single_energy: bool = False) -> str:
    """The name of a calibration by the scans that it serves.

    Example: "default", "single-energy", "north", "north, single-energy".
    """
    parts = ([scanner] if scanner else []) + ([SINGLE] if single_energy else [])
    return ", ".join(parts) or DEFAULT


def choose_calibration(
    calibrations: Sequence[Calibration], scanner: str | None, *, single_energy: bool = False
) -> Calibration:
    """The calibration for a scan: of its scanner, or else the default one.

    single_energy: the scan has one energy and the model takes two. Calibrations from such scans come first
    then, since scores of one energy don't rank among those of two. Raises CalibrationError if there is none.
    """
    wanted = [(scanner, True), (None, True)] if single_energy else []
    for whose, alone in [*wanted, (scanner, False), (None, False)]:
        for one in calibrations:
            if one.scanner == whose and one.single_energy == alone and (whose or alone or one.name == DEFAULT):
                return one
    known = ", ".join(sorted(calibration.name for calibration in calibrations)) or "none"
    raise CalibrationError(
        f"scanner {scanner or 'unknown'}: expected a calibration for it or one named "
        f"{DEFAULT!r}, came {known}; `nii calibrate` makes one from benign scans"
    )


def _finite(scores: npt.ArrayLike, what: str, *, empty_is_fine: bool = False) -> Scores:
    values = np.asarray(scores, dtype=np.float64)
    if values.size == 0 and not empty_is_fine:
        raise CalibrationError(f"{what}: expected at least one, came none")
    bad = values.size - int(np.count_nonzero(np.isfinite(values)))
    if bad:
        raise CalibrationError(f"{what}: expected finite numbers, came {bad} NaN or infinite ones")
    return values
