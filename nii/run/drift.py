"""A running check of each scanner: do its scans still look like those of its calibration?

Scores and scan quality (air, noise, penetration, sharpness) are ranked one by one among the
calibration scans *and all scans of that scanner before*. If nothing has changed, such ranks are
uniform and independent, however few calibration scans there are; a plain p-value is not, since
all of a scanner share the same few calibration scans, and on a long run every test of it alarms
for their chance. A betting martingale (simple jumper) multiplies evidence against that, and a
CUSUM of it raises the alarm: on an unchanged scanner less than once in 100 000 scans per
checked figure on average. A Kolmogorov-Smirnov test would have to be repeated after every scan,
and then has no level.

Scores that rank among the highest tenth are no evidence: concealments put them there, and a
busy week for smugglers is no fault of the scanner.

Sources: Vovk et al., Retrain or not retrain: conformal test martingales for change-point
detection, COPA 2021; Page, Biometrika 41 (1954). The gaps between calibration scores fill like a
Polya urn (Blackwell and MacQueen, Ann. Stat. 1, 1973), so that counts per gap are all the memory.
"""

import hashlib
import json
import threading
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from nii.errors import CalibrationError
from nii.model.contract import Contract
from nii.stats.operating_point import Calibration

ALARM = 1e5  # evidence; mean number of unchanged scans between false alarms of one figure is at least this
CEILING = 1e12  # evidence says nothing more beyond
TAIL = 0.1  # share of the highest scores that are no evidence
JUMP = 0.01  # share of the capital that changes its bet at every scan
TILT, SPREAD = 0.9, 0.45  # size of the bets on higher or lower ranks, and on outer or inner ones
REMEMBERED = 1000  # scans of a scanner that are recognised when they come again
MOST_STREAMS = 200  # further scanners are pooled: names come from outside
LONGEST_NAME = 60  # characters
UNKNOWN, OTHERS = "unknown", "others"
SCORE = "score"
FIGURES = ("air", "noise", "penetration", "resolution_px")  # of quality; the highest energy where there are two

Ranked = npt.NDArray[np.float64]


@dataclass(frozen=True)
class DriftState:
    """What is known of one scanner.

    model: whose calibration it is compared with. scans: seen so far. calibration, calibration_scans: what
    it is compared with. evidence: by checked figure, 1 = none, ALARM and more = changed. changed: figures
    that have changed, first one first. since: number of the scan at which the first change was called; None
    if none was.
    """

    model: str
    scanner: str
    scans: int
    calibration: str
    calibration_scans: int
    evidence: Mapping[str, float]
    changed: tuple[str, ...]
    since: int | None

    @property
    def drifted(self) -> bool:
        """True from the first change on: only a new calibration ends it."""
        return bool(self.changed)

    def line(self) -> str:
        """One line for people."""
        if self.drifted:
            what = ", ".join(self.changed)
            return (
                f"scanner {self.scanner}: no longer looks like its calibration ({what}; seen at scan {self.since} "
                f"of {self.scans}); run nii calibrate on benign scans of it"
            )
        return (
            f"scanner {self.scanner}: no sign of change in {self.scans} scans against the "
            f"{self.calibration_scans} of calibration '{self.calibration}'"
        )


class DriftMonitor:
    """Watches scanners, each against the calibrations that rank its scans; safe to share between threads.

    Memory: one integer per calibration scan and figure for each scanner, and the hashes of its last
    REMEMBERED scans. scanners: names that are told apart, besides those of calibrations; all others are one pool. None
    tells all names apart, of which a file may claim any. seed: of the ranks' random parts, so that a run can be
    repeated.
    """

    def __init__(self, scanners: Collection[str] | None = None, *, seed: int = 0) -> None:
        self._scanners = scanners
        self._streams: dict[tuple[str, str, Calibration], _Stream] = {}
        self._rng = np.random.default_rng(seed)
        self._lock = threading.Lock()

    def update(
        self,
        scanner: str | None,
        p_value: float,
        calibration: Calibration,
        *,
        model: str = "",
        quality: Mapping[str, float] | None = None,
        sha256: str = "",
    ) -> DriftState:
        """Take in one scan.

        scanner: its name, of which the first LONGEST_NAME characters count. model: whose calibration it is.
        p_value: of the scan among the calibration, as in its record. quality: from `quality_figures`; what
        the calibration lacks is passed over. sha256: of its file; a scan that comes again is no news.
        Raises CalibrationError for a p-value that is none of the calibration.
        """
        above = _rank(p_value, calibration.n)
        with self._lock:
            stream = self._stream(model, self._told_apart(scanner, calibration), calibration)
            if not stream.repeats(sha256):
                stream.take(above, quality or {}, self._rng)
            return stream.state()

    def observe(self, record: Mapping[str, Any], contract: Contract) -> str | None:
        """Take in the record of a scan that a model with this contract scored.

        Returns what the record says of the scanner: that it has changed, or None for no sign of it.
        """
        used = record["calibration"]
        if used is None or record["p_value"] is None:
            return None
        state = self.update(
            record["scan"]["scanner"],
            record["p_value"],
            next(calibration for calibration in contract.calibrations if calibration.name == used["name"]),
            model=contract.name,
            quality=quality_figures(record["quality"]["figures"]),
            sha256=record["sha256"],
        )
        return state.line() if state.drifted else None

    def states(self) -> list[DriftState]:
        """All scanners seen, by name."""
        with self._lock:
            return sorted(
                (stream.state() for stream in self._streams.values()), key=lambda one: (one.scanner, one.calibration)
            )

    def saved(self) -> dict[str, str]:
        """All that is known of each scanner as JSON, by a key of its own, for `restore`."""
        with self._lock:
            return {one.key: json.dumps(one.to_json()) for one in self._streams.values()}

    def restore(self, saved: Iterable[str], contracts: Iterable[Contract]) -> None:
        """Go on from what was saved of scanners, as far as these models still have the calibrations."""
        known = {(one.name, key_of(made)): made for one in contracts for made in one.calibrations}
        with self._lock:
            for state in map(json.loads, saved):
                calibration = known.get((state["model"], state["calibration"]))
                if calibration is not None:
                    stream = self._stream(state["model"], self._told_apart(state["scanner"], calibration), calibration)
                    stream.take_up(state)

    def _told_apart(self, scanner: str | None, calibration: Calibration) -> str:
        if self._scanners is not None and scanner not in self._scanners and scanner != calibration.scanner:
            return OTHERS
        return (scanner or UNKNOWN)[:LONGEST_NAME]

    def _stream(self, model: str, scanner: str, calibration: Calibration) -> "_Stream":
        key = (model, scanner, calibration)
        if key not in self._streams and len(self._streams) >= MOST_STREAMS:
            key = (model, OTHERS, calibration)
        if key not in self._streams:
            self._streams[key] = _Stream(*key, self._rng)
        return self._streams[key]


def key_of(*values: Any) -> str:
    """A hash of values, calibrations by what they hold."""
    text = json.dumps([one.to_json() if isinstance(one, Calibration) else one for one in values])
    return hashlib.sha256(text.encode()).hexdigest()


def _rank(p_value: float, n: int) -> int:
    """How many of n calibration scores are at least as high: p = (1 + rank) / (n + 1)."""
    count = p_value * (n + 1)
    if not (0 < p_value <= 1 and abs(count - round(count)) < 1e-6):
        raise CalibrationError(f"drift: expected a p-value among {n} scans, came {p_value:g}")
    return round(count) - 1


def quality_figures(figures: Mapping[str, Any]) -> dict[str, float]:
    """The figures of a scan's quality that are watched, out of `Quality.as_record`; unknown ones are left out."""
    found = {name: _last(figures.get(name)) for name in FIGURES}
    return {name: value for name, value in found.items() if value is not None}


def _last(value: Any) -> float | None:
    one = (value[-1] if value else None) if isinstance(value, list | tuple) else value
    return None if one is None else float(one)


class _Stream:
    """One scanner against one calibration."""

    def __init__(self, model: str, scanner: str, calibration: Calibration, rng: np.random.Generator) -> None:
        self.model, self.scanner, self.calibration = model, scanner, calibration
        self.scans = 0
        self.since: int | None = None
        self.checks = {SCORE: _Check(calibration.n, TAIL)}
        self.known = {name: _Known.of(values, rng) for name, values in calibration.quality}
        self.checks |= {name: _Check(known.values.size, 0.0) for name, known in self.known.items()}
        self.changed: list[str] = []
        self.seen: deque[str] = deque(maxlen=REMEMBERED)

    @property
    def key(self) -> str:
        return key_of(self.model, self.scanner, self.calibration)

    def to_json(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "scanner": self.scanner,
            "calibration": key_of(self.calibration),
            "scans": self.scans,
            "since": self.since,
            "changed": self.changed,
            "seen": list(self.seen),
            "checks": {name: check.to_json() for name, check in self.checks.items()},
        }

    def take_up(self, saved: Mapping[str, Any]) -> None:
        self.scans, self.since, self.changed = saved["scans"], saved["since"], list(saved["changed"])
        self.seen.extend(saved["seen"])
        for name, check in saved["checks"].items():
            self.checks[name].take_up(check)

    def repeats(self, sha256: str) -> bool:
        """Whether this scan was among the last ones; it is remembered."""
        known = bool(sha256) and sha256 in self.seen
        if sha256 and not known:
            self.seen.append(sha256)
        return known

    def take(self, above: int, quality: Mapping[str, float], rng: np.random.Generator) -> None:
        self.scans += 1
        self.checks[SCORE].take(above, rng)
        for name, known in self.known.items():
            if name in quality:
                self.checks[name].take(known.above(quality[name], rng), rng)
        new = [name for name, check in self.checks.items() if check.evidence >= ALARM and name not in self.changed]
        if new and self.since is None:
            self.since = self.scans
        self.changed += new

    def state(self) -> DriftState:
        return DriftState(
            model=self.model,
            scanner=self.scanner,
            scans=self.scans,
            calibration=self.calibration.name,
            calibration_scans=self.calibration.n,
            evidence={name: check.evidence for name, check in self.checks.items()},
            changed=tuple(self.changed),
            since=self.since,
        )


@dataclass(frozen=True, eq=False)
class _Known:
    """Figures of the calibration scans, descending; equal ones are ordered by a random label."""

    values: Ranked
    labels: Ranked

    @classmethod
    def of(cls, values: Sequence[float], rng: np.random.Generator) -> "_Known":
        labels = rng.random(len(values))
        order = np.lexsort((labels, -np.asarray(values)))
        return cls(np.asarray(values, np.float64)[order], labels[order])

    def above(self, value: float, rng: np.random.Generator) -> int:
        """How many of them rank before a new value."""
        first, last = (int(np.searchsorted(-self.values, -value, side=side)) for side in ("left", "right"))
        return first + int(np.searchsorted(self.labels[first:last], rng.random()))


@dataclass(eq=False)
class _Check:
    """Evidence that new values don't come from where n calibration values came from."""

    n: int
    tail: float
    gaps: npt.NDArray[np.int64] = field(init=False)
    capital: Ranked = field(default_factory=lambda: np.full(5, 0.2))
    evidence: float = 1.0

    def __post_init__(self) -> None:
        self.gaps = np.ones(self.n + 1, np.int64)

    def to_json(self) -> dict[str, Any]:
        return {"gaps": self.gaps.tolist(), "capital": self.capital.tolist(), "evidence": self.evidence}

    def take_up(self, saved: Mapping[str, Any]) -> None:
        self.gaps, self.capital = np.array(saved["gaps"], np.int64), np.array(saved["capital"])
        self.evidence = saved["evidence"]

    def take(self, above: int, rng: np.random.Generator) -> None:
        """above: how many calibration values rank before the new one, 0 to n."""
        before, here, every = self.gaps[:above].sum(), self.gaps[above], self.gaps.sum()
        p_value = (before + here * rng.random()) / every
        self.gaps[above] += 1
        if p_value > self.tail:
            self._bet((p_value - self.tail) / (1 - self.tail))

    def _bet(self, u: float) -> None:
        """u: uniform in (0, 1) unless something has changed."""
        self.capital = self.capital * bets(u)
        gain = float(self.capital.sum())
        self.capital = (1 - JUMP) * self.capital / gain + JUMP / self.capital.size
        self.evidence = min(max(self.evidence, 1.0) * gain, CEILING)


def bets(u: float) -> Ranked:
    """What each of five bets pays: nothing changed, higher, lower, more spread, less spread; mean 1 over u."""
    tilt, outer = TILT * (2 * u - 1), SPREAD * (3 * (2 * u - 1) ** 2 - 1)
    return np.array([1.0, 1 + tilt, 1 - tilt, 1 + outer, 1 - outer])
