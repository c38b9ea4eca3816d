"""What a model's artefact carries of loads whose kind and mass are known, and the p-values that follow from it.

How little a scan fits a kind of load is -ln of the probability that the network gives the kind in the section that
fits it least. That number is ranked among those of calibration scans whose load is of that kind: label-conditional
(Mondrian) conformal prediction, so that at a budget of 5 % at most 5 % of the scans that hold what was declared are
called something else, kind by kind. Source: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nii.errors import CalibrationError
from nii.stats.operating_point import p_values

OWN = 39  # loads of one kind from which on they are ranked among themselves: a p-value of 5 % has two of them then
DIGITS = 4  # of a stored score


@dataclass(frozen=True)
class LoadCalibration:
    """How little loads fitted what they truly were, ascending.

    kinds: (kind, scores) of loads of one kind. mixed: scores of loads of several kinds, all of them declared.
    mass_ratios: true over estimated mass of whole loads. scans: behind all of it.
    """

    kinds: tuple[tuple[str, tuple[float, ...]], ...]
    mixed: tuple[float, ...] = ()
    mass_ratios: tuple[float, ...] = ()
    scans: int = 0

    @classmethod
    def from_scores(
        cls, loads: Iterable[tuple[Sequence[str], float]], mass_ratios: Iterable[float], scans: int
    ) -> "LoadCalibration":
        """loads: the kinds that a load consists of, and its score. Raises CalibrationError without any load."""
        by_kind: dict[str, list[float]] = {}
        mixed: list[float] = []
        for kinds, score in loads:
            (by_kind.setdefault(kinds[0], []) if len(kinds) == 1 else mixed).append(round(score, DIGITS))
        if not by_kind:
            raise CalibrationError("loads: expected scans with a load of one known kind, came none")
        ranked = tuple((kind, tuple(sorted(scores))) for kind, scores in sorted(by_kind.items()))
        return cls(ranked, tuple(sorted(mixed)), tuple(sorted(round(ratio, DIGITS) for ratio in mass_ratios)), scans)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "LoadCalibration":
        """Read what `to_json` wrote; CalibrationError if it is anything else."""
        try:
            kinds = tuple((str(kind), _ascending(scores)) for kind, scores in record["kinds"].items())
            return cls(kinds, _ascending(record["mixed"]), _ascending(record["mass_ratios"]), int(record["scans"]))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise CalibrationError(f"loads: expected kinds, mixed, mass_ratios and scans, came {error!r}") from error

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return {
            "kinds": {kind: list(scores) for kind, scores in self.kinds},
            "mixed": list(self.mixed),
            "mass_ratios": list(self.mass_ratios),
            "scans": self.scans,
        }

    def p_value(self, kinds: Sequence[str], score: float) -> float:
        """P-value of a load said to be of one of these kinds, in (0, 1]: the highest of the kinds' own.

        A kind of fewer than OWN calibration loads is ranked among all loads of one kind.
        """
        own = dict(self.kinds)
        every = [one for scores in own.values() for one in scores]
        ranks = [own[kind] if len(own.get(kind, ())) >= OWN else every for kind in kinds]
        return max(float(p_values(score, rank)) for rank in ranks)

    def p_value_mixed(self, score: float) -> float | None:
        """P-value of a load said to be several goods; None where no mixed load was calibrated on."""
        return float(p_values(score, self.mixed)) if self.mixed else None


def _ascending(values: Iterable[Any]) -> tuple[float, ...]:
    found = np.asarray(list(values), np.float64)
    if found.ndim != 1 or not np.isfinite(found).all() or np.any(np.diff(found) < 0):
        raise ValueError("values that are not finite and ascending")
    return tuple(found.tolist())
