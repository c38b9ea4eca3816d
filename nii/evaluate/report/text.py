"""Figures as an officer reads them: percent, counts, intervals; null reads "unknown", never 0."""

import math
from collections.abc import Sequence

UNKNOWN = "unknown"


def percent(share: float | None) -> str:
    """0.1234 as 12 %, 0.0123 as 1.2 %, 0.000253 as 0.025 %."""
    return UNKNOWN if share is None else f"{_hundredths(share)} %"


def _hundredths(share: float) -> str:
    value = 100 * share
    if 99.5 < value < 100:
        return f"{value:.3g}"  # never round up to all
    return f"{value:.0f}" if abs(value) >= 9.95 else f"{value:.2g}"


def number(value: float | None, unit: str = "") -> str:
    """Three digits, with a unit: 1234 kg as 1230 kg, never 1.23e+03 kg."""
    if value is None:
        return UNKNOWN
    three = float(f"{value:.3g}")
    return f"{three:.0f} {unit}".strip() if 1000 <= abs(three) < 1e7 else f"{three:g} {unit}".strip()


def area(value: float | None) -> str:
    """An area between 0 and 1."""
    return UNKNOWN if value is None else f"{value:.3f}"


def span(ends: Sequence[float] | None) -> str:
    """An interval of a share, in percent."""
    return UNKNOWN if ends is None else f"{_hundredths(ends[0])} to {_hundredths(ends[1])} %"


def area_span(ends: Sequence[float] | None) -> str:
    """An interval of an area."""
    return UNKNOWN if ends is None else f"{ends[0]:.3f} to {ends[1]:.3f}"


def of(count: int | None, n: int) -> str:
    """A count of its total."""
    return UNKNOWN if count is None else f"{count} of {n}"


def plain(name: str) -> str:
    """A category as a word: pill_press as pill press."""
    return name.replace("_", " ")


def budget(pfa: float) -> str:
    """A false-alarm budget in words: one false alarm in 100 benign scans."""
    one_in = round(1 / pfa)
    if math.isclose(one_in * pfa, 1):
        return f"one false alarm in {one_in} benign scans"
    return f"false alarms on {percent(pfa)} of benign scans"
