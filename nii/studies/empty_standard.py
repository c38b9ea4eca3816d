"""Makes what ships as the standard of the empty test: `nii study empty_standard`.

Three sets of simulated conveyances of different seeds: the first says what each of the measures shows of an empty one
(their 98 % quantiles become the scales), the second gives the scores that scans are ranked among, the third, with
small loads, the errors of the masses.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nii.analysis.empty.inside import find_rooms, on_grid
from nii.analysis.empty.load import KINDS, EmptyStandard, find_load, look
from nii.scan import Scan
from nii.studies.empty_scenes import PLACES, THINGS, draw_empty, draw_small_load

SCALE = 98.0  # percentile
FIRST_SEED, SECOND_SEED, MASS_SEED = 5101, 5201, 5601
MASSES_KG = (2.0, 5.0, 10.0)

Array = npt.NDArray[np.float64]


def measured(scan: Scan) -> Array | None:
    """Highest of each measure over rooms and columns, (kind,); None where no room is found."""
    A = on_grid(scan, scan.pitch_mm or (1.0, 1.0))
    rooms = find_rooms(np.asarray(A.mean(axis=0), np.float32))
    return np.max([look(A, room).by_column.max(axis=1) for room in rooms], axis=0) if rooms else None


def empties(seed: int, scans: int) -> Iterator[Scan]:
    """Simulated empty conveyances; the same seed gives the same scans."""
    for index in range(scans):
        rng = np.random.default_rng((seed, index))
        yield draw_empty(rng).scan([], rng)


def standard_of(first: Array, second: Array, command: str) -> dict[str, Any]:
    """The standard as JSON, from the measures (scan, kind) of two sets of empty conveyances."""
    scales = np.maximum(np.percentile(first, SCALE, axis=0), 1e-3)
    scores = np.sort((second / scales).max(axis=1))
    return {
        "kinds": list(KINDS),
        "scales": [round(float(v), 4) for v in scales],
        "scores": [round(float(v), 4) for v in scores],
        "command": command,
    }


def mass_ratios(by: EmptyStandard, scenes: int) -> list[float]:
    """True over found mass of the small loads that are found, ascending, in conveyances of MASS_SEED."""
    ratios = []
    for index in range(scenes):
        rng = np.random.default_rng((MASS_SEED, index))
        scene = draw_empty(rng)
        for kg in MASSES_KG:
            thing, place = THINGS[rng.integers(len(THINGS))], PLACES[rng.integers(len(PLACES))]
            part = draw_small_load(rng, scene.rooms[rng.integers(len(scene.rooms))], thing, kg, place)
            found = find_load(scene.scan([part], rng), by).mass
            if found is not None and np.isfinite(found.high) and found.kg > 0:
                ratios.append(round(kg / found.kg, 4))
    return sorted(ratios)


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate, measure, write."""
    parser = argparse.ArgumentParser(
        prog="nii study empty_standard", description="Make the standard of the empty test."
    )
    parser.add_argument("--scans", type=int, default=500, help="simulated empty conveyances of each of two sets")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "analysis" / "empty" / "standard.json")
    asked = parser.parse_args(arguments)
    sets = []
    for seed in (FIRST_SEED, SECOND_SEED):
        found = [one for scan in empties(seed, asked.scans) if (one := measured(scan)) is not None]
        print(f"seed {seed}: an inside was found in {len(found)} of {asked.scans}")
        sets.append(np.array(found))
    record = standard_of(sets[0], sets[1], f"nii study empty_standard --scans {asked.scans}")
    by = EmptyStandard(tuple(record["scales"]), tuple(record["scores"]))
    record["mass_ratios"] = mass_ratios(by, asked.scans // 5)
    asked.out.write_text(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
