"""How well loads are told: `nii study declared MODEL SET`.

Of scans whose cargo is known: how often the kind is the likeliest, or among the five likeliest; how often the set of
plausible kinds holds it; how often a right declaration is called wrong (Pfa), a wrong one wrong (Pd), and a mixed load
of which only a part is declared; masses. A wrong declaration is one other kind per scan, drawn at random, so that
scans are counted once. Names of cargo that differ from those of the model are mapped by --named.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from nii.analysis.declared.mass import Weighed, weigh
from nii.analysis.declared.plausible import BUDGET, p_value, plausible, worst
from nii.analysis.declared.sections import EMPTY, counted
from nii.errors import ModelError
from nii.fit.loads import Observed, observe
from nii.io.scanset import ScanEntry, read_set
from nii.model.contract import Contract
from nii.model.detector import Detector
from nii.model.load_calibration import LoadCalibration
from nii.stats.rates import rate, set_threshold

T = TypeVar("T")

SEED = 4102  # of the wrong declarations
DECLARED_OVER_TRUE = (0.25, 0.5, 1.0, 2.0, 4.0)  # masses


@dataclass(frozen=True, eq=False)
class DeclaredTrial:
    """A scan and what the model knows."""

    seen: Observed
    cargos: tuple[str, ...]
    by: LoadCalibration

    @property
    def rank(self) -> int:
        """Place of the true kind among all, by mean probability over the sections that count; 0 is the likeliest."""
        mean = np.mean([one.probabilities for one in counted(self.seen.sections, self.cargos)], axis=0)
        return int(np.count_nonzero(mean > mean[self.cargos.index(self.seen.kinds[0])]))

    def plausible(self) -> list[str]:
        """The conformal set of kinds."""
        return plausible(self.seen.sections, self.cargos, self.by, BUDGET)

    def called_wrong(self, goods: Sequence[Sequence[str]]) -> bool:
        """Whether these goods, had they been declared, would be called wrong."""
        p = p_value(self.seen.sections, goods, self.cargos, self.by)
        return p is not None and p <= BUDGET

    def weighed(self, factor: float) -> Weighed | None:
        """The mass found, were `factor` times the true one declared."""
        return weigh(self.seen.found_kg or 0.0, factor * (self.seen.load_kg or 0.0), self.by.mass_ratios)

    def mass_called_wrong(self, factor: float) -> bool:
        """Whether that declared mass would be called wrong."""
        found = self.weighed(factor)
        return found is not None and found.p_value <= BUDGET

    def score(self, kind: str) -> float:
        """How little the load fits a kind."""
        return worst(self.seen.sections, [kind], self.cargos)


def figures(observed: Iterable[Observed], contract: Contract) -> dict[str, Any]:
    """Rates with counts and 95 % intervals. Raises ModelError for a model without a calibration of loads."""
    if contract.loads is None:
        raise ModelError(f"model {contract.name}: expected a calibration of loads, came none")
    every = list(observed)
    trials = [
        DeclaredTrial(one, contract.cargos, contract.loads) for one in every if set(one.kinds) <= set(contract.cargos)
    ]
    single = [trial for trial in trials if len(trial.seen.kinds) == 1]
    mixed = [trial for trial in trials if len(trial.seen.kinds) > 1]
    rng = np.random.default_rng(SEED)
    return {
        "scans": {"one_kind": len(single), "mixed": len(mixed), "left_out": len(every) - len(single) - len(mixed)},
        "top_1": share(single, lambda one: one.rank == 0),
        "top_5": share(single, lambda one: one.rank < 5),
        "by_kind": {
            kind: share([one for one in single if one.seen.kinds == (kind,)], lambda one: one.rank == 0)
            for kind in sorted({one.seen.kinds[0] for one in single})
        },
        "coverage": share(single, lambda one: one.seen.kinds[0] in one.plausible()),
        "plausible_kinds": float(np.mean([len(one.plausible()) for one in single])) if single else None,
        "pfa": share(single, lambda one: one.called_wrong([one.seen.kinds])),
        "pd": misdeclared(single, rng),
        "mixed_pfa": share(mixed, lambda one: one.called_wrong([[kind] for kind in one.seen.kinds])),
        "mixed_half_declared_pd": share(mixed, lambda one: one.called_wrong([one.seen.kinds[:1]])),
        "mass": masses([trial for trial in trials if trial.seen.load_kg]),
    }


def misdeclared(single: Sequence[DeclaredTrial], rng: np.random.Generator) -> dict[str, Any]:
    """Pd of one wrong kind per scan, drawn; the mean over all wrong kinds; and Pd at 5 % of this set's own Pfa."""
    if not single:
        return {}
    wrong = [[kind for kind in trial.cargos if kind not in (trial.seen.kinds[0], EMPTY)] for trial in single]
    drawn = [(trial, kinds[rng.integers(len(kinds))]) for trial, kinds in zip(single, wrong, strict=True)]
    each = [
        np.mean([trial.called_wrong([[kind]]) for kind in kinds]) for trial, kinds in zip(single, wrong, strict=True)
    ]
    limit = set_threshold(np.array([trial.score(trial.seen.kinds[0]) for trial in single]), BUDGET)
    return {
        **share(drawn, lambda pair: pair[0].called_wrong([[pair[1]]])),
        "mean_over_all_wrong_kinds": round(float(np.mean(each)), 4),
        "at_this_sets_own_pfa": share(drawn, lambda pair: pair[0].score(pair[1]) > limit),
    }


def masses(trials: Sequence[DeclaredTrial]) -> dict[str, Any]:
    """Coverage and error of the masses, and how often a true or a wrong declared mass is called wrong."""
    told = [(trial, found) for trial in trials if (found := trial.weighed(1.0)) is not None]

    def called_wrong(factor: float) -> dict[str, Any]:
        return share(told, lambda pair: pair[0].mass_called_wrong(factor))

    errors = [abs(found.kg / (one.seen.load_kg or 1.0) - 1) for one, found in told]
    return {
        "told": rate(len(told), len(trials)),
        "median_relative_error": round(float(np.median(errors)), 3) if told else None,
        "in_90_interval": share(told, lambda pair: pair[1].low_kg <= (pair[0].seen.load_kg or 0.0) <= pair[1].high_kg),
        "called_wrong": {f"{factor:g}": called_wrong(factor) for factor in DECLARED_OVER_TRUE},
    }


def share(of: Sequence[T], holds: Callable[[T], bool]) -> dict[str, Any]:
    """The share of which something holds, with counts and interval."""
    return rate(sum(holds(one) for one in of), len(of))


def renamed(entries: Iterable[ScanEntry], names: Mapping[str, str]) -> list[ScanEntry]:
    """Entries with the model's names of cargo; "mixed:a+b" is "a+b"."""
    return [
        replace(entry, cargo="+".join(names.get(kind, kind) for kind in entry.cargo.removeprefix("mixed:").split("+")))
        for entry in entries
        if entry.cargo
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures; write them where asked."""
    parser = argparse.ArgumentParser(prog="nii study declared", description="How well loads are told.")
    parser.add_argument("model", help="name of a shipped model, or a path")
    parser.add_argument("scan_set", type=Path, metavar="SET", help="scans whose cargo is known")
    parser.add_argument("--named", action="append", default=[], metavar="THEIRS=OURS", help="a name of cargo")
    parser.add_argument("--out", type=Path, help="figures as JSON")
    asked = parser.parse_args(arguments)
    detector = Detector.load(asked.model)
    names = dict(one.split("=", 1) for one in asked.named)
    entries = renamed(read_set(asked.scan_set).entries, names)
    text = json.dumps(figures(observe(detector, entries), detector.contract), indent=1)
    print(text)
    if asked.out:
        asked.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
