"""Makes what ships as the standard of the comparison: `nii study compare_standard`.

Two sets of simulated pairs of different seeds. Of the first the unchanged ones give the scales, the 95 % quantile of
each measure, and the changed ones the errors of the masses. The second, unchanged, gives the scores that pairs are
ranked among.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from nii.compare.changes import PairStandard, box_of
from nii.compare.difference import KINDS
from nii.compare.pair import look
from nii.simulate.sets.pairs import CHANGES, SimulatedPair, simulate_pairs

SCALE = 95.0  # percentile
FIRST_SEED, SECOND_SEED = 7001, 7301
FOUND = 0.05  # budget at which the strongest region counts as found
CHANGES_EACH = 5  # per conveyance of the first set

Array = npt.NDArray[np.float64]
Found = TypeVar("Found")


def drawn_changes(seed: int, index: int, count: int) -> list[str]:
    """So many kinds of changes to try on pair number `index`; its conveyance may not have a place for all of them."""
    return [str(name) for name in np.random.default_rng((seed, index, 99)).choice(CHANGES, count, replace=False)]


def over_pairs(work: Callable[[int], list[Found]], pairs: int, workers: int) -> Iterator[Found]:
    """What `work` finds on pairs 0, 1 ..., in order, by several processes."""
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        for number, found in enumerate(pool.map(work, range(pairs)), start=1):
            if number % 20 == 0:
                print(f"{number} of {pairs} pairs", flush=True)
            yield from found


def unchanged(seed: int, index: int) -> list[Array]:
    """What a pair without a change shows, (kind,), if it can be compared."""
    seen = [look(pair.before, pair.after) for pair in simulate_pairs(seed, index, (None,))]
    return [pair.measured() for pair in seen if pair.unfit() is None]


def standard_of(by: PairStandard, ratios: Sequence[float], command: str) -> dict[str, Any]:
    """The standard as JSON, with these ratios of true over found mass."""
    return {
        "kinds": list(KINDS),
        "scales": list(by.scales),
        "scores": [round(score, 4) for score in by.scores],
        "mass_ratios": [round(ratio, 4) for ratio in sorted(ratios)],
        "command": command,
    }


def scales_of(first: Sequence[Array]) -> list[float]:
    """What a score of 1 means, of each of KINDS."""
    return [round(float(v), 4) for v in np.maximum(np.percentile(first, SCALE, axis=0), 1e-3)]


def mass_ratios(by: PairStandard, index: int) -> list[float]:
    """True over found mass of the changes to a pair of the first set that are found."""
    changes = drawn_changes(FIRST_SEED, index, CHANGES_EACH)
    found = (mass_ratio(pair, by) for pair in simulate_pairs(FIRST_SEED, index, changes))
    return [ratio for ratio in found if ratio is not None]


def mass_ratio(pair: SimulatedPair, by: PairStandard) -> float | None:
    """True over found mass of the strongest region of a changed pair; None where it doesn't touch what was changed.

    Only for changes that the later passage shows, since the mask lies in its pixels.
    """
    if pair.mask is None or not pair.added or pair.mass_kg <= 0:
        return None
    seen = look(pair.before, pair.after)
    for area in seen.areas(by.scales, by.threshold(FOUND))[:1]:
        x, y, w, h = box_of(area, pair.after.shape)
        found = seen.mass(area, pair.after.energies)
        if area.added and pair.mask[y : y + h, x : x + w].any() and found is not None and found.kg > 0:
            return pair.mass_kg / found.kg
    return None


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate, measure, write."""
    parser = argparse.ArgumentParser(
        prog="nii study compare_standard", description="Make the standard of the comparison of two passages."
    )
    parser.add_argument("--first", type=int, default=100, help="pairs for the scales and the masses")
    parser.add_argument("--pairs", type=int, default=400, help="unchanged pairs for the scores")
    parser.add_argument("--workers", type=int, default=2, help="processes; the standard is the same for any number")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "compare" / "standard.json")
    asked = parser.parse_args(arguments)
    first = list(over_pairs(partial(unchanged, FIRST_SEED), asked.first, asked.workers))
    by = PairStandard(tuple(scales_of(first)), ())
    second = over_pairs(partial(unchanged, SECOND_SEED), asked.pairs, asked.workers)
    by = replace(by, scores=tuple(sorted(by.score(shown) for shown in second)))
    ratios = list(over_pairs(partial(mass_ratios, by), asked.first, asked.workers))
    command = f"nii study compare_standard --first {asked.first} --pairs {asked.pairs}"
    record = standard_of(by, ratios, command)
    asked.out.write_text(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
