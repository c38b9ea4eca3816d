"""Makes what ships as the standard of the comparison: `python -m nii.compare.calibrate`.

Two sets of simulated pairs of different seeds. Of the first the unchanged ones give the scales, the 95 % quantile of
each measure, and the changed ones the errors of the masses. The second, unchanged, gives the scores that pairs are
ranked among.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nii.compare.changes import Standard, box_of
from nii.compare.difference import KINDS
from nii.compare.pair import Pair, look
from nii.simulate.pairs import CHANGES, SimulatedPair, simulate_pairs

SCALE = 95.0  # percentile
FIRST_SEED, SECOND_SEED = 7001, 7301
FOUND = 0.05  # budget at which the strongest region counts as found
CHANGES_EACH = 5  # per conveyance of the first set

Array = npt.NDArray[np.float64]


def drawn_changes(seed: int, index: int, count: int) -> list[str]:
    """So many kinds of changes to try on pair number `index`; its conveyance may not have a place for all of them."""
    return [str(name) for name in np.random.default_rng((seed, index, 99)).choice(CHANGES, count, replace=False)]


def unchanged(seed: int, pairs: int) -> Iterator[Pair]:
    """Aligned pairs without a change that can be compared."""
    for index in range(pairs):
        for pair in simulate_pairs(seed, index, (None,)):
            seen = look(pair.before, pair.after)
            if seen.unfit() is None:
                yield seen


def standard_of(by: Standard, ratios: Sequence[float], command: str) -> dict[str, Any]:
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


def mass_ratio(pair: SimulatedPair, by: Standard) -> float | None:
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


def mass_ratios(by: Standard, pairs: int) -> list[float]:
    """True over found mass of the changes to pairs of the first set that are found."""
    changed = (
        pair
        for index in range(pairs)
        for pair in simulate_pairs(FIRST_SEED, index, drawn_changes(FIRST_SEED, index, CHANGES_EACH))
    )
    return [ratio for pair in changed if (ratio := mass_ratio(pair, by)) is not None]


def main() -> None:
    """Simulate, measure, write."""
    parser = argparse.ArgumentParser(description="Make the standard of the comparison of two passages.")
    parser.add_argument("--first", type=int, default=100, help="pairs for the scales and the masses")
    parser.add_argument("--pairs", type=int, default=400, help="unchanged pairs for the scores")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("standard.json"))
    asked = parser.parse_args()
    first = [pair.measured() for pair in unchanged(FIRST_SEED, asked.first)]
    by = Standard(tuple(scales_of(first)), ())
    by = replace(by, scores=tuple(sorted(by.score(pair) for pair in unchanged(SECOND_SEED, asked.pairs))))
    command = f"python -m nii.compare.calibrate --first {asked.first} --pairs {asked.pairs}"
    record = standard_of(by, mass_ratios(by, asked.first), command)
    asked.out.write_text(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
