"""What decided the network's design, and what it makes of kinds that it has never seen.

python datasets/benchmarks/ablations.py OUT --train SET --validation SET --benign SET --test SET [--steps 4500]

The same training from scratch, each time with one thing changed; at equal steps and on the same scans, so that rows
can be compared with each other, not with a model that ships (those are trained longer). --benign gives each its
threshold (at most 1 % of these scans alarm), --test its figures; --test may be repeated. Every set is one that
`nii simulate cargo` made, with a seed of its own. Runs that are done are not done again; one that was stopped
goes on from its last evaluation.

For kinds never seen the cheapest strong answer is --shared: one training without them up to its finish, which then is
done twice, with them and without (OUT/shared, OUT/0, OUT/4). Both are measured on the same scans, so the table also
counts those that one of them alone finds.
"""

import argparse
import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import track

from nii.stats.operating_point import Calibration
from nii.stats.rates import auroc, auroc_interval, rate
from training.checkpoint import load_network
from training.network import Network, scan_score
from training.recipe import Recipe, read_recipe
from training.team import Team
from training.train import half_precision, train
from training.validate import ValidationScan, read_held

PFA = 0.01
UNSEEN = ("bricks", "pill_press", "false_wall", "other")
POOLS = (1, 3, 5, 9, 15)  # sides of the window over which evidence is averaged, cells of 4 pixels

SEEN, UNSHOWN = "as it ships", "without " + ", ".join(UNSEEN)
VARIANTS: dict[str, Callable[[Recipe], Recipe]] = {
    SEEN: lambda recipe: recipe,
    "excess never learned": lambda recipe: replace(recipe, losses=replace(recipe.losses, excess=0.0)),
    "one energy": lambda recipe: replace(recipe, energies=recipe.energies[-1:]),
    "no wide blocks at 1/32": lambda recipe: replace(recipe, blocks=(*recipe.blocks[:3], 0)),
    UNSHOWN: lambda recipe: replace(recipe, without=UNSEEN),
}


@dataclass(frozen=True, eq=False)
class Sets:
    """Where the scans are."""

    train: Path
    validation: Path
    benign: Path
    test: tuple[Path, ...]


def main() -> None:
    """Train and measure what is left to do, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    for name in ("train", "validation", "benign"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True, action="append")
    parser.add_argument("--steps", type=int, default=4500)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--only", action="append", choices=list(VARIANTS), help="of the variants; may be repeated")
    which.add_argument("--shared", action="store_true", help="of kinds never seen: two finishes of one training")
    asked = parser.parse_args()
    sets = Sets(asked.train, asked.validation, asked.benign, tuple(asked.test))
    plain = short(asked.steps)
    names = asked.only or VARIANTS
    if asked.shared:
        names = (SEEN, UNSHOWN)
        share(VARIANTS[UNSHOWN](plain), asked.out, sets)
    found = {}
    for number, (name, change) in enumerate(VARIANTS.items()):
        if name in names:
            found[name] = figures(measured(change(plain), asked.out / str(number), sets))
            (asked.out / "ablations.json").write_text(json.dumps(found, indent=1) + "\n")
    print(table(found))
    print(unseen(found))


def short(steps: int) -> Recipe:
    """The cargo recipe from scratch in so many steps, a third of them its finish."""
    recipe = read_recipe("cargo")
    finish = replace(recipe.ending, iterations=steps // 3)
    return replace(recipe, start="", iterations=steps, finish=finish, rate=2e-3)


def share(recipe: Recipe, out: Path, sets: Sets) -> None:
    """Train up to the finish, in OUT/shared, and give both of the variants that are compared this beginning."""
    shared = out / "shared"
    before = replace(recipe, iterations=recipe.steady, finish=replace(recipe.ending, iterations=0))
    if not (shared / "examples.png").is_file():  # the last that a training writes
        train(before, Team.join(), shared, [sets.train], [sets.validation], resume=True)
    for number, name in enumerate(VARIANTS):
        run = out / str(number)
        if name in (SEEN, UNSHOWN) and not run.is_dir():
            shutil.copytree(shared, run)


def measured(recipe: Recipe, run: Path, sets: Sets) -> dict[str, Any]:
    """Train one variant, or go on with it, and score the scans with it; all scores are kept in RUN/scores.json.

    benign: of each scan, its score for each of POOLS. test: the same, and families: what each of these scans holds.
    """
    kept = run / "scores.json"
    if kept.is_file():
        found: dict[str, Any] = json.loads(kept.read_text())
        return found
    team = Team.join()
    train(recipe, team, run, [sets.train], [sets.validation], resume=True)
    network, minutes = load_network(run / "last.pt")
    half = half_precision("auto", network)
    energies = network.config.energies
    without = (one for one in read_held(sets.benign, energies, recipe.working_pitch_mm) if one.mask is None)
    benign = [scores(network, one, half)[1] for one in track(without, "benign")]
    held = chain.from_iterable(read_held(path, energies, recipe.working_pitch_mm) for path in sets.test)
    tested = [scores(network, one, half) for one in track(held, "test")]
    found = {
        "minutes": round(minutes, 1),
        "recipe": asdict(recipe),
        "benign": benign,
        "test": [values for _, values in tested],
        "families": [families for families, _ in tested],
    }
    kept.write_text(json.dumps(found) + "\n")
    return found


@torch.no_grad()
def scores(network: Network, one: ValidationScan, half: bool) -> tuple[tuple[str, ...], list[float]]:
    """The families in a scan, and its score for each of POOLS. half: in bfloat16."""
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        evidence = network(network.planes(torch.from_numpy(one.transmission)[None])).evidence
    return one.families, [float(scan_score(evidence, pool)) for pool in POOLS]


def figures(run: dict[str, Any]) -> dict[str, Any]:
    """What `measured` found, as figures for each of POOLS; thresholds come from the benign scans."""
    found: dict[str, Any] = {"minutes": run["minutes"], "recipe": run["recipe"]}
    for place, pool in enumerate(POOLS):
        threshold = Calibration.from_scores([one[place] for one in run["benign"]]).threshold(PFA)
        found[str(pool)] = detection(run["families"], np.array([one[place] for one in run["test"]]), threshold)
    return found


def detection(
    families: Sequence[Sequence[str]], values: np.ndarray[Any, np.dtype[np.float64]], threshold: float
) -> dict[str, Any]:
    """AUROC, false alarms and Pd, over all and by family (of scans that hold one family only).

    alarms of a family: whether each of its scans alarms, in the order of the sets.
    """
    concealed = np.array([bool(held) for held in families])
    by_family: dict[str, list[float]] = defaultdict(list)
    for held, value in zip(families, values, strict=True):
        if len(set(held)) == 1:
            by_family[held[0]].append(float(value))
    rng = np.random.default_rng(0)
    benign = values[~concealed]
    return {
        "auroc": auroc(benign, values[concealed]),
        "auroc_ci": auroc_interval(benign, values[concealed], rng),
        "false": rate(int((benign > threshold).sum()), len(benign)),
        "found": rate(int((values[concealed] > threshold).sum()), int(concealed.sum())),
        "families": {
            family: {
                **rate(sum(value > threshold for value in held), len(held)),
                "auroc": auroc(benign, np.array(held)),
                "auroc_ci": auroc_interval(benign, np.array(held), rng),
                "alarms": [bool(value > threshold) for value in held],
            }
            for family, held in sorted(by_family.items())
        },
    }


def table(found: dict[str, Any]) -> str:
    """A line each."""
    lines = ["| training | window | minutes | AUROC (95 %) | Pd at 1 % | false alarms |", "|---|---|---|---|---|---|"]
    pool = str(read_recipe("cargo").pool)
    for name, run in found.items():
        for window in POOLS if name == SEEN else (pool,):
            one = run[str(window)]
            low, high = one["auroc_ci"]
            lines.append(
                f"| {name} | {window} x {window} | {run['minutes']:.0f} | {one['auroc']:.3f} ({low:.3f}-{high:.3f}) "
                f"| {told(one['found'])} | {told(one['false'])} |"
            )
    return "\n".join(lines)


def unseen(found: dict[str, Any]) -> str:
    """Families that one training left out, beside the training that saw them."""
    pool = str(read_recipe("cargo").pool)
    if SEEN not in found or UNSHOWN not in found:
        return ""
    lines = [
        "| family | Pd at 1 %, seen | never seen | only seen, only never seen | AUROC (95 %), seen | never seen |",
        "|---|---|---|---|---|---|",
    ]
    families = [found[name][pool]["families"] for name in (SEEN, UNSHOWN)]
    left_out = [family for family in UNSEEN if family in families[0]]
    others = [family for family in families[0] if family not in UNSEEN]
    for family in (*left_out, *others):
        both = [one[family] for one in families]
        areas = [f"{one['auroc']:.2f} ({one['auroc_ci'][0]:.2f}-{one['auroc_ci'][1]:.2f})" for one in both]
        name = family if family in UNSEEN else f"{family} (seen by both)"
        lines.append("| " + " | ".join([name, *compared(*(one["alarms"] for one in both)), *areas]) + " |")
    for name, among in (("those left out", left_out), ("the others", others)):
        alarms = ([alarm for family in among for alarm in one[family]["alarms"]] for one in families)
        lines.append("| " + " | ".join([name, *compared(*alarms), "", ""]) + " |")
    return "\n".join(lines)


def compared(seen: Sequence[bool], never: Sequence[bool]) -> tuple[str, str, str]:
    """Two Pd on the same scans, and how many scans only the one and only the other finds."""
    only = [sum(one and not other for one, other in zip(*two, strict=True)) for two in ((seen, never), (never, seen))]
    return told(rate(sum(seen), len(seen))), told(rate(sum(never), len(never))), f"{only[0]}, {only[1]}"


def told(one: dict[str, Any]) -> str:
    """A rate with its counts and interval."""
    if not one["n"]:
        return "none"
    low, high = one["ci"]
    return f"{one['hits']} of {one['n']} ({100 * low:.0f}-{100 * high:.0f} %)"


if __name__ == "__main__":
    main()
