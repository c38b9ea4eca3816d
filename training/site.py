"""`nii fit --train MINUTES`: a model's network goes on learning on a site's own benign scans.

It learns from these scans with concealments put into them and from simulated ones, so that it forgets nothing, and is
judged by what is put into scans of the site that it doesn't learn from: those of home say little of a strange scanner.
"""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from nii.errors import ScanError, UsageError
from nii.fit.calibrate import Benign
from nii.fit.look import put_in
from nii.io.scanset import Annotation, ScanEntry, read_entry, read_set, write_set
from nii.io.write import write_atomically, write_mask, write_tiff
from nii.model.contract import Contract, read_contract, with_contract
from nii.model.detector import Detector, find_model, read_model
from nii.model.judge import read_judge, with_judge
from nii.scan import Kind, Scan
from nii.simulate.sets.generate import simulate_set
from nii.simulate.sets.scan import simulate
from nii.simulate.sets.truth import Hidden
from nii.stats.rates import auroc
from training.checkpoint import load_network
from training.export import onnx_bytes
from training.network import ExportModel, Network
from training.recipe import Recipe, recipe_of
from training.team import Team
from training.train import FUSED_FROM, train

HELD_OUT = 4  # one of so many scans is kept from learning, to validate on
COPIES = 2  # of each of these, with something put in
SIMULATED = 3  # scans of home for each of the site's own, as far as SIMULATING allows
LEAST_SIMULATED, MOST_SIMULATED = 16, 600
SIMULATING = 0.25  # share of the minutes, at most
WORKERS = 2
SEED = 1201
RATE = 5.0e-4  # lower than for a model of its own: what it knows is kept
BATCH = 20
MINED = 50  # scans that are searched for hard negatives before each round
EVALUATIONS = 4  # of a training
LEARNING = 0.5  # share of the minutes, at least, however long all before it took
LONG = 20.0  # minutes from which on it pays to compile the network
OPEN_BEAM = 60_000  # counts in air of the scans that are written to validate on


def train_on_site(model: str, scans: Sequence[Benign], out: Path, minutes: float) -> str:
    """Write `out`: the model with its network trained on the site's scans for so many minutes; says what it gains.

    Weights that tell what was put into scans kept apart no better than those that came are left. Operating points are
    gone: `nii fit` sets new ones. Raises UsageError for minutes that are none, for operator images, and for fewer than
    HELD_OUT scans.
    """
    path = find_model(model)
    data = read_model(path)
    contract = read_contract(data, str(path))
    _check(contract, len(scans), minutes)
    held_out, own = scans[::HELD_OUT], [scan for i, scan in enumerate(scans) if i % HELD_OUT]
    with tempfile.TemporaryDirectory() as folder:
        began, work = time.monotonic(), Path(folder)
        write_validation(held_out, work / "validation")
        recipe = site_recipe(contract, str(path), minutes)
        simulate_home(recipe, len(own), work / "home", minutes)
        left = minutes - (time.monotonic() - began) / 60
        recipe = replace(recipe, minutes=max(left, LEARNING * minutes))
        train(recipe, Team.join(), work / "run", [work / "home"], [work / "validation"], own=tuple(own))
        network, trained = load_network(work / "run" / "best.pt")
        made = with_judge(onnx_bytes(ExportModel(network)), read_judge(data, str(path)), str(out))
        write_atomically(out, with_contract(made, trained_contract(contract, network, recipe, trained), str(out)))
        before, after = (told_apart(one, work / "validation") for one in (path, out))
    put_in_kept = f"what was put into {len(held_out)} scans kept apart"
    said = f"trained {recipe.minutes:.1f} minutes; AUROC of {put_in_kept} {before:.3f} before, {after:.3f} after"
    if after > before:
        return said
    write_atomically(out, with_contract(data, replace(contract, calibrations=()), str(out)))
    return f"{said}: the network stays as it came"


def _check(contract: Contract, scans: int, minutes: float) -> None:
    if not minutes > 0:
        raise UsageError(f"--train: expected minutes above 0, came {minutes:g}")
    if contract.kind is not Kind.TRANSMISSION:
        raise UsageError(f"--train: expected a model of transmission scans, came {contract.name} of {contract.kind}")
    if scans < HELD_OUT:
        raise UsageError(f"--train: expected at least {HELD_OUT} benign scans, came {scans}")


def told_apart(model: Path, validation: Path) -> float:
    """AUROC of a model over the scans of a set."""
    detector, scores = Detector.load(model), {False: list[float](), True: list[float]()}
    for entry in read_set(validation).entries:
        scores[entry.concealed].append(detector.score(read_entry(entry)))
    return auroc(np.array(scores[False]), np.array(scores[True]))


def trained_contract(contract: Contract, network: Network, recipe: Recipe, minutes: float) -> Contract:
    """What the model says of itself now. What was calibrated on other classes is gone with them."""
    families, cargos = network.config.families, network.config.cargos
    return replace(
        contract,
        families=families,
        cargos=cargos,
        working_pitch_mm=recipe.working_pitch_mm,
        minutes=round(minutes, 1),
        calibrations=(),
        naming=contract.naming if families == contract.families else None,
        loads=contract.loads if cargos == contract.cargos else None,
    )


def write_validation(scans: Sequence[Benign], folder: Path) -> None:
    """A scan set of these scans as they are, and with concealments put into copies of them."""
    entries: list[ScanEntry] = []
    for number, one in enumerate(scans):
        try:
            scan = one.read()
            changed = [put_in(scan, np.random.default_rng((SEED, number, i)), None) for i in range(COPIES)]
        except ScanError:  # unreadable, or with no place for anything: `nii fit` says so when it looks at it
            continue
        copies: list[tuple[Scan, Hidden | None]] = [(scan, None), *changed]
        entries += [_entry(folder, f"{number:05d}-{i}", *copy) for i, copy in enumerate(copies)]
    write_set(folder, entries)


def _entry(folder: Path, name: str, scan: Scan, hidden: Hidden | None) -> ScanEntry:
    """Write one scan and its mask."""
    path, mask = folder / "scans" / f"{name}.tif", folder / "masks" / f"{name}.png"
    _write_scan(path, scan)
    if hidden is None:
        return ScanEntry(name=name, path=path)
    whole = np.zeros(scan.shape, np.bool_)
    height, width = hidden.mask.shape
    whole[hidden.row : hidden.row + height, hidden.column : hidden.column + width] = hidden.mask
    mask.parent.mkdir(parents=True, exist_ok=True)
    write_mask(mask, whole)
    note = Annotation(family=hidden.family, mass_kg=hidden.mass_kg)
    return ScanEntry(name=name, path=path, mask_path=mask, annotations=(note,))


def _write_scan(path: Path, scan: Scan) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_tiff(
        path,
        scan.transmission,
        open_beam=OPEN_BEAM,
        energies=scan.energies,
        pitch_mm=scan.pitch_mm,
        scanner=scan.scanner,
    )


def site_recipe(contract: Contract, start: str, minutes: float) -> Recipe:
    """How a model's network goes on learning at a site: as it was made, from its own weights, at a lower rate."""
    made = recipe_of(contract.recipe, contract.name)
    steps = 2 * FUSED_FROM if minutes >= LONG else FUSED_FROM // 2  # minutes decide; this says how often to evaluate
    return replace(
        made,
        start=start,
        seed=SEED,
        minutes=minutes,
        until_flat=False,
        iterations=steps,
        every=steps // EVALUATIONS,
        mined=min(made.mined, MINED),
        batch=BATCH,
        rate=RATE,
        working_pitch_mm=contract.working_pitch_mm or sum(contract.pitch_mm) / 2,
        samples=replace(made.samples, crop=(160, 224), own=0.4, measured=0.8, hard=0.5, more=0.4),
        finish=None,
        held_out=None,
        without=(),
    )


def simulate_home(recipe: Recipe, own: int, folder: Path, minutes: float) -> None:
    """Simulated scans of the kind that the model is made for: SIMULATED for each of the site's own, if time allows."""
    began = time.monotonic()
    simulate(recipe.scene, SEED, 0, concealed=True)
    possible = WORKERS * SIMULATING * 60 * minutes / (time.monotonic() - began)
    scans = int(np.clip(min(SIMULATED * own, possible), LEAST_SIMULATED, MOST_SIMULATED))
    for _ in simulate_set(
        recipe.scene, folder, scans=scans, concealed=1.0, seed=SEED, workers=WORKERS, truth_only=True
    ):
        pass
