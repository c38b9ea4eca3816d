"""The one threshold that the report talks about: the model's own, or else one read off the set."""

from collections.abc import Mapping
from dataclasses import dataclass

from nii.evaluate.metrics.detection import Figures, above
from nii.evaluate.metrics.results import ScanResult


@dataclass(frozen=True, slots=True)
class Headline:
    """Where the report's alarms come from.

    key: None for the model's own threshold, else the budget in `pd_at_pfa` whose threshold
    was read off this set. pfa: the budget.
    """

    figures: Figures
    pfa: float
    key: str | None

    def rates(self, row: Mapping[str, Figures]) -> Figures:
        """Its Pd and counts in a row of the figures: the whole set, a family, a load, a bin."""
        return row["operating_point"] if self.key is None else row["pd_at_pfa"][self.key]

    def alarm(self, result: ScanResult) -> bool | None:
        """The decision for one scan; None where there is no threshold."""
        if self.key is None:
            return result.alarm(self.pfa) if decided(self.figures) else None
        threshold = self.rates(self.figures)["threshold"]
        return None if threshold is None else above(threshold)(result)


def headline(figures: Figures) -> Headline:
    """The model's own threshold if it has one, else that of the nearest budget read off the set."""
    pfa = figures["operating_point"]["pfa"]
    if decided(figures) or not figures["pd_at_pfa"]:
        return Headline(figures, pfa, None)
    key = min(figures["pd_at_pfa"], key=lambda budget: abs(float(budget) - pfa))
    return Headline(figures, float(key), key)


def decided(figures: Figures) -> bool:
    """Whether the model's own threshold decided at least one scan."""
    point = figures["operating_point"]
    return point["found"] is not None or point["alarms_benign"] is not None
