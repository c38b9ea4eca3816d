"""A GPU that is at hand for a quarter of an hour: scenes simulated on its cores, samples made and learned on the GPU.

    python datasets/quarter_hour.py prepare CARRIED                     # before: what a bare machine lacks
    python datasets/quarter_hour.py simulate WORK --minutes 3 --carried CARRIED
    python datasets/quarter_hour.py train WORK --minutes 8 --out DIR --carried CARRIED

`prepare` needs the project's packages. The others need numpy, torch, torchvision, opencv, onnx, matplotlib, rich,
typer, threadpoolctl and tifffile, and no network. WORK/train-SEED are sets to learn from, WORK/validation and
WORK/held_out those to validate on, WORK/run is the run, which goes on if it was cut off. DIR gets what is worth
keeping, some 20 MB, anew after each of eight rounds: best.pt and last.pt (weights), log.jsonl and config.json; at the
end curves.png and examples.png. `nii export DIR MODEL.onnx` makes a model of it; `--start DIR/last.pt` goes on with
another quarter of an hour. Everything works on a CPU too, only slowly.
"""

import os

os.environ.setdefault("TORCHDYNAMO_SUPPRESS_ERRORS", "1")  # what can't be fused there runs as it is; read on import

import shutil
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

MOST = 1_000_000  # scans of a set, were there time
KEPT = ("config.json", "log.jsonl", "last.pt", "best.pt", "curves.png", "examples.png")
LOOK_EVERY = 5.0  # seconds
ROUNDS = 8
SHARE_OF_FINISH = 3 / 8
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
Work = Annotated[Path, typer.Argument(help="Folder of the sets and of the run, on that machine.")]
Carried = Annotated[Path | None, typer.Option(help="What `prepare` wrote.")]
Name = Annotated[str, typer.Option(help="Recipe: a TOML file, or the name of a shipped one.")]

CROSS_SECTIONS = '''"""Stands for xraylib_np where that is not installed: its cross sections, as a table."""

from pathlib import Path

import numpy as np

TABLE = np.load(Path(__file__).with_name("cross_sections.npz"))


def _of(process):
    def values(z, energy):
        at = np.searchsorted(TABLE["energy"], energy)
        if not (TABLE["energy"][np.minimum(at, TABLE["energy"].size - 1)] == energy).all():
            raise ValueError("energy: expected one of the stored beams, came another")
        return TABLE[process][np.asarray(z)[:, None], at]

    return values


CS_Rayl, CS_Compt, CS_Photo = _of("CS_Rayl"), _of("CS_Compt"), _of("CS_Photo")
'''
ISAL = '"""Stands for isal where that is not installed."""\n\nimport zlib as isal_zlib  # noqa: F401 - a name of isal\n'


@app.command()
def prepare(carried: Annotated[Path, typer.Argument(help="Folder to write.")]) -> None:
    """Write what stands for compiled packages: cross sections at the energies of all stored beams, under 1 MB."""
    import xraylib_np

    from nii.physics.attenuation import JOIN_KEV
    from nii.physics.forward import stored_beams
    from nii.physics.materials import MATERIALS, atomic_numbers, mass_fractions

    energy = np.unique(np.concatenate([beam.energy_kev for beam in stored_beams().values()]))
    energy = energy[energy < JOIN_KEV]
    symbols = {symbol for material in MATERIALS.values() for symbol in mass_fractions(material.composition)}
    numbers = np.array(sorted(atomic_numbers()[symbol] for symbol in symbols))
    table = {"energy": energy}
    for process in ("CS_Rayl", "CS_Compt", "CS_Photo"):
        table[process] = np.full((numbers[-1] + 1, energy.size), np.nan)
        table[process][numbers] = getattr(xraylib_np, process)(numbers, energy)
    (carried / "isal").mkdir(parents=True, exist_ok=True)
    np.savez_compressed(carried / "cross_sections.npz", **table)
    (carried / "xraylib_np.py").write_text(CROSS_SECTIONS)
    (carried / "isal" / "__init__.py").write_text(ISAL)


@app.command()
def simulate(
    work: Work,
    minutes: Annotated[float, typer.Option(help="Of simulation; the sets to validate on come before, once.")] = 3.0,
    seed: Annotated[int, typer.Option(help="Of the set; another call needs another one.")] = 1_403_001,
    workers: Annotated[int, typer.Option(help="Processes; 0: one a core.")] = 0,
    held: Annotated[int, typer.Option(help="Scans of each set to validate on, at most.")] = 100,
    recipe: Name = "cargo",
    carried: Carried = None,
) -> None:
    """Simulate a set to learn from, as large as the minutes allow, and before it those to validate on."""
    _find(carried)
    from nii.simulate.sets.generate import simulate_set
    from training.pipeline import validation_sets
    from training.recipe import read_recipe

    wanted, workers = read_recipe(recipe), workers or len(os.sched_getaffinity(0))
    if wanted.train is None or wanted.validation is None:
        raise typer.BadParameter("recipe: expected tables [train] and [validation], came none")
    for name in validation_sets(wanted):
        config, out = getattr(wanted, name), work / name
        if not (out / "annotations.json").is_file():
            made = simulate_set(
                wanted.scene, out, scans=min(config.scans, held), concealed=config.concealed, seed=config.seed,
                workers=workers, held_out=name == "held_out", unlisted=config.unlisted,
            )  # fmt: skip
            print(f"{out}: {max(made)} scans", flush=True)
    scans = _simulated_until(
        time.monotonic() + 60 * minutes,
        work / f"train-{seed}",
        {"kind": wanted.scene, "seed": seed, "concealed": wanted.train.concealed, "unlisted": wanted.train.unlisted},
        workers,
    )
    print(f"{work / f'train-{seed}'}: {scans} scans", flush=True)


def _simulated_until(end: float, out: Path, wanted: dict[str, object], workers: int) -> int:
    """A set of as many scans as there is time for; returns their number."""
    from nii.simulate.sets.generate import jobs
    from nii.simulate.sets.write import SetRecipe, begin_set, finish_set, is_done, write_simulated

    recipe = SetRecipe(**wanted, scans=MOST, truth_only=True)  # type: ignore[arg-type] # by name
    begin_set(out, recipe)
    todo = iter(jobs(MOST, recipe.concealed))
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        write = partial(pool.submit, write_simulated, out, recipe)
        pending = {write(job) for job in islice(todo, 2 * workers)}
        while pending:
            finished, pending = wait(pending, return_when=FIRST_COMPLETED)
            for error in filter(None, (one.exception() for one in finished)):
                print(f"{out}: one scan failed: {error!r}", flush=True)
            room = 2 * workers - len(pending) if time.monotonic() < end else 0
            pending |= {write(job) for job in islice(todo, room)}
    scans = next(index for index in range(MOST) if not is_done(out, index))  # one that failed ends the set
    finish_set(out, replace(recipe, scans=scans))
    return scans


@app.command()
def train(
    work: Work,
    out: Annotated[Path, typer.Option(help="Folder for what is worth keeping.")],
    minutes: Annotated[float, typer.Option(help="Of training; the rate has fallen when they are over.")] = 8.0,
    run: Annotated[str, typer.Option(help="Name of the run, a folder of WORK.")] = "run",
    recipe: Name = "cargo",
    start: Annotated[str, typer.Option(help="Weights to begin with; of the recipe if not given.")] = "",
    batch: Annotated[int, typer.Option(help="Crops a step.")] = 512,
    rate: Annotated[float, typer.Option(help="Learning rate.")] = 1.5e-3,
    mined: Annotated[int, typer.Option(help="Scans in which hard negatives are looked for, each round.")] = 200,
    carried: Carried = None,
) -> None:
    """Train on all finished sets of WORK; a run that was cut off goes on."""
    _find(carried)
    from training import train as loop
    from training.pipeline import validation_sets
    from training.recipe import FinishConfig, read_recipe
    from training.team import Team

    wanted = read_recipe(recipe)
    steps = 1000 * ROUNDS  # their number says nothing, what they are shares of is the minutes
    finish = FinishConfig(int(SHARE_OF_FINISH * steps), batch // 2, wanted.ending.crop)
    ours = replace(
        wanted, minutes=minutes, iterations=steps, every=1000, finish=finish, batch=batch, rate=rate, mined=mined,
        start=start or wanted.start, until_flat=False,
    )  # fmt: skip
    team, folder = Team.join(), work / run
    sets = sorted(path.parent for path in work.glob("train-*/annotations.json"))
    print(f"{team.device}, {len(sets)} sets, {minutes:g} minutes", flush=True)
    with _kept(folder, out) if team.leads else _nothing():
        loop.train(ours, team, folder, sets, [work / name for name in validation_sets(ours)], resume=True)
    team.leave()


@contextmanager
def _kept(run: Path, out: Path) -> Iterator[None]:
    """While this lasts, what the run writes is copied to `out` as soon as it is there."""
    out.mkdir(parents=True, exist_ok=True)
    over, taken = threading.Event(), dict[str, float]()

    def copy() -> None:
        for name in KEPT:
            if (run / name).is_file() and (changed := (run / name).stat().st_mtime) != taken.get(name):
                shutil.copyfile(run / name, out / f"{name}.part")
                (out / f"{name}.part").replace(out / name)  # one that is killed leaves the previous file whole
                taken[name] = changed

    def watch() -> None:
        while not over.wait(LOOK_EVERY):
            copy()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        copy()


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _find(carried: Path | None) -> None:
    """Let the project be imported from this checkout, and what was carried where nothing better is installed."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    if carried is not None:
        sys.path.append(str(carried.resolve()))


if __name__ == "__main__":
    app()
