"""How often a change is found: `nii study compare --pairs N`.

Fresh simulated pairs (seed 7401), each unchanged and with three changes drawn; at a budget of 1 %.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nii.analysis.fields import ChangeAnswer
from nii.compare.changes import PFA, Changes, find_changes
from nii.simulate.sets.pairs import CHANGES, SimulatedPair, simulate_pairs
from nii.stats.rates import rate
from nii.studies.compare_standard import drawn_changes, over_pairs

SEED = 7401
CHANGES_EACH = 3  # per conveyance
MASS_CLASSES_KG = ((0.0, 3.0), (3.0, 10.0), (10.0, 30.0), (30.0, 100.0), (100.0, float("inf")))


@dataclass(frozen=True)
class PairTrial:
    """One pair and what was said of it. change: None without one. hit: a region touches what was changed."""

    conveyance: str
    change: str | None
    kg: float
    mirrored: bool
    hit: bool
    found: Changes


def trials(index: int) -> list[PairTrial]:
    """A pair unchanged and with the changes drawn for it."""
    changes = (None, *drawn_changes(SEED, index, CHANGES_EACH))
    return [trial(pair) for pair in simulate_pairs(SEED, index, changes)]


def trial(pair: SimulatedPair) -> PairTrial:
    """Compare a simulated pair."""
    found = find_changes(pair.before, pair.after)
    mirrored = pair.plan.travels[0].mirrored != pair.plan.travels[1].mirrored
    return PairTrial(pair.plan.conveyance.kind, pair.change, pair.mass_kg, mirrored, _hit(pair, found), found)


def _hit(pair: SimulatedPair, found: Changes) -> bool:
    """Whether a region touches the change; of what is missing the mask lies in the earlier scan, so any will do."""
    if pair.mask is None:
        return False
    boxes = [region.box for region in found.regions if region.added == pair.added]
    return any(not pair.added or pair.mask[y : y + h, x : x + w].any() for x, y, w, h in boxes)


def figures(found: Sequence[PairTrial]) -> dict[str, Any]:
    """Rates with counts and 95 % intervals: false alarms, detection by kind, by mass and by conveyance."""
    changed, same = [o for o in found if o.change], [o for o in found if o.change is None]
    return {
        "pfa": PFA,
        "unchanged": alarms(same),
        "unchanged_undetermined": rate(sum(o.found.answer is ChangeAnswer.UNDETERMINED for o in same), len(same)),
        "changed": alarms(changed),
        "changed_undetermined": rate(sum(o.found.answer is ChangeAnswer.UNDETERMINED for o in changed), len(changed)),
        "changed_region_touches": rate(sum(o.hit for o in changed), len(changed)),
        "by_change": {name: alarms([o for o in changed if o.change == name]) for name in CHANGES},
        "by_kg": {
            f"{low:g} to {high:g}": alarms([o for o in changed if low <= o.kg < high]) for low, high in MASS_CLASSES_KG
        },
        "by_conveyance": {
            kind: alarms([o for o in changed if o.conveyance == kind]) for kind in sorted({o.conveyance for o in found})
        },
        "by_way": {
            name: alarms([o for o in changed if o.mirrored == way])
            for name, way in (("same", False), ("opposite", True))
        },
        "compared_median": median([o.found.compared for o in found]),
        "mass_in_90_interval": covered(changed),
    }


def alarms(found: Sequence[PairTrial]) -> dict[str, Any]:
    """Share that is called changed."""
    return rate(sum(one.found.answer is ChangeAnswer.CHANGED for one in found), len(found))


def covered(changed: Sequence[PairTrial]) -> dict[str, Any]:
    """Share of the masses told, of regions that touch the change, whose interval holds the true one."""
    told = [(o.kg, o.found.regions[0].mass) for o in changed if o.hit and o.found.regions[0].mass is not None]
    return rate(sum(mass.low <= kg <= mass.high for kg, mass in told if mass is not None), len(told))


def median(values: Sequence[float]) -> float | None:
    """The middle one of the values."""
    return round(sorted(values)[len(values) // 2], 3) if values else None


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures; write them where asked."""
    parser = argparse.ArgumentParser(
        prog="nii study compare", description="Detection of changes to a conveyance by kind and mass."
    )
    parser.add_argument("--pairs", type=int, default=200, help="simulated conveyances, each with up to four pairs")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--out", type=Path, help="figures as JSON")
    asked = parser.parse_args(arguments)
    text = json.dumps(figures(list(over_pairs(trials, asked.pairs, asked.workers))), indent=1)
    print(text)
    if asked.out:
        asked.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
