"""Training, from the first line to the last.

`nii train RECIPE --out RUN` calls `train`. RUN/ then holds config.json, log.jsonl (one line
an evaluation), checkpoint.pt (resumes to the bit), best.pt, curves.png and examples.png.
"""

import copy
import json
import math
import os
import shutil
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from nii.fit.calibrate import Benign
from nii.simulate.sets.kinds import kind_of
from training.artefact import load_artefact
from training.checkpoint import check_same_run, described, load_weights, save, save_weights
from training.data import Background, data_hash, load_measured, load_set, sample_scans
from training.device_samples import DeviceSamples
from training.device_store import DeviceStore
from training.hard import mine
from training.losses import total
from training.network import Network, NetworkConfig
from training.optimiser import optimisers
from training.plots import draw_curves, draw_examples
from training.recipe import Recipe
from training.samples import Batch, Place, Samples
from training.team import Team
from training.validate import ValidationScan, flat, load_validation, validate_all

FUSED_FROM = 500  # steps of a run that make up for the time to compile
ROUNDING = 1e-9  # of shares of a run
SHOWN = 10  # steps from one loss that is shown to the next
TASK = TaskID(0)  # of the progress bar
BESIDE = 2  # processes that make samples; measured on two cores in bfloat16: 0.19 s a step, 0.21 with one


@dataclass(eq=False)
class Run:
    """All that changes while a network learns; `stored` goes into a checkpoint, `restored` takes it out again.

    averaged: the running mean of the weights, which is what is kept. together: the network as it is trained, compiled
    and with the gradients of the team. about: recipe and data, of which the checkpoint is. half: in bfloat16.
    done: steps. seconds: of evaluated rounds. best: figures of the best weights. skipped: steps before the finish that
    flat curves spared. now: seconds of the run where minutes decide, else 0. began: on the clock, as if never
    interrupted.
    """

    network: Network
    averaged: AveragedModel
    together: nn.Module
    optimisers: list[torch.optim.Optimizer]
    about: dict[str, Any]
    half: bool
    schedules: list[torch.optim.lr_scheduler.LambdaLR] = field(default_factory=list)
    done: int = 0
    seconds: float = 0.0
    best: float = -1.0
    skipped: int = 0
    now: float = 0.0
    began: float = 0.0

    @property
    def smooth(self) -> Network:
        """The network with the averaged weights."""
        return cast(Network, self.averaged.module)

    def stored(self) -> dict[str, Any]:
        """What goes on from here, as plain data."""
        return {
            "run": self.about,
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "schedules": [schedule.state_dict() for schedule in self.schedules],
            "done": self.done,
            "seconds": self.seconds,
            "best": self.best,
            "half": self.half,
            "skipped": self.skipped,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what was stored."""
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        for optimiser, stored in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(stored)
        for schedule, stored in zip(self.schedules, state["schedules"], strict=True):
            schedule.load_state_dict(stored)
        self.about, self.done, self.seconds, self.best = (state[key] for key in ("run", "done", "seconds", "best"))
        self.half, self.skipped = state["half"], state.get("skipped", 0)


def train(
    recipe: Recipe,
    team: Team,
    out: Path,
    data: list[Path],
    validation: list[Path],
    *,
    own: tuple[Benign, ...] = (),
    resume: bool = False,
) -> None:
    """Train a network by a recipe on simulated sets; the best on validation scans is kept as best.pt.

    team: this process, alone or with others. validation: sets, each of which counts alike when the best weights are
    chosen. own: benign scans of the user, into which concealments of the simulated sets are projected too.
    resume: go on from the checkpoint in `out`, whose recipe and data must be these (`check_same_run`).
    Raises ScanSetError for a set without truth, UsageError for a checkpoint of another run; KeyboardInterrupt
    leaves the last checkpoint.
    """
    # What is learned, and from what
    network = make_network(recipe, team.device)
    scans = load_scans(recipe, data, own)
    held = {path.name: load_validation(path, network.config.energies, recipe.working_pitch_mm) for path in validation}
    earlier = load_initial_weights(network, recipe, scans) if recipe.start else 0.0
    store = DeviceStore(scans, network.config.families, team.device) if on_device(recipe, team.device) else None
    run = set_up(network, recipe, team, described(recipe, data_hash(data, own)))

    # Where to go on
    out.mkdir(parents=True, exist_ok=True)
    checkpoint, log = out / "checkpoint.pt", out / "log.jsonl"
    if resume and checkpoint.is_file():
        state = torch.load(checkpoint, weights_only=True, map_location=team.device)
        check_same_run(state.get("run", {}), run.about, checkpoint)
        run.restore(state)
    elif team.leads:
        log.unlink(missing_ok=True)
    if team.leads:
        (out / "config.json").write_text(json.dumps(run.about, indent=2))

    # The loop: rounds of steps, each after a search for hard negatives and followed by an evaluation
    run.began, run.now = time.monotonic() - run.seconds, run.seconds if recipe.minutes else 0.0
    with _progress(hidden=not team.leads) as progress:
        progress.add_task("training", total=recipe.iterations, completed=run.done)
        while (share := recipe.share(run.done + run.skipped, run.now)) < 1:
            ending = share >= recipe.steady / recipe.iterations
            rng = np.random.default_rng((recipe.seed, run.done))
            used = scans if store else sample_scans(scans, recipe.at_once, rng)
            source = _source(store or used, network.config, recipe, run.done, team, ending=ending)
            hard = search_hard(run, source, len(used), recipe, team, rng, progress)
            batches = _batches(source, recipe, run.done, team.broadcast(hard), team, ending=ending)
            losses = learn(run, batches, recipe, team, _end_of_round(recipe, share, ending=ending), progress)
            if team.leads:
                line = evaluate(run, held, losses, log, team.device)
                progress.console.print(line)
                if recipe.until_flat and not ending and flat(read_log(log)):
                    run.skipped = recipe.steady - run.done
                keep(run, line, out, earlier + run.seconds / 60)
            run.skipped = team.broadcast(run.skipped)
    if team.leads:
        draw_curves(log, out / "curves.png")
        draw_examples(run.smooth, next(iter(held.values())), team.device, out / "examples.png")


def make_network(recipe: Recipe, device: torch.device) -> Network:
    """The network of a recipe, with weights drawn by its seed or, of a backbone, learnt elsewhere."""
    torch.manual_seed(recipe.seed)
    kind = kind_of(recipe.scene)
    config = NetworkConfig(
        kind.families,
        kind.loads,
        energies=len(recipe.energies),
        energy_ratio=recipe.energy_ratio,
        widths=recipe.widths,
        blocks=recipe.blocks,
        pool=recipe.pool,
        backbone=recipe.backbone,
    )
    network = Network(config)
    if recipe.backbone and not recipe.start:
        network.backbone.load_imagenet()
    return network.to(device).to(memory_format=torch.channels_last)


def load_scans(recipe: Recipe, data: list[Path], own: tuple[Benign, ...]) -> list[Background]:
    """Simulated sets and the user's own scans, at the pitch at which the model works."""
    loads, pitch = kind_of(recipe.scene).loads, recipe.working_pitch_mm
    sets = [load_set(path, loads, pitch, coloured=recipe.operator_images, without=recipe.without) for path in data]
    return [scan for scans in sets for scan in scans] + load_measured(own, pitch)


def set_up(network: Network, recipe: Recipe, team: Team, about: dict[str, Any]) -> Run:
    """A run at its first step: averages, compiled network, optimisers with their schedules."""
    running_mean = get_ema_multi_avg_fn(recipe.average)  # type: ignore[no-untyped-call] # torch leaves it untyped
    averaged = AveragedModel(network, multi_avg_fn=running_mean, use_buffers=True)
    together = compiled(team.wrapped(network), recipe.iterations)
    steppers = optimisers(network, recipe, fused=team.device.type == "cuda")
    run = Run(network, averaged, together, steppers, about, half=False)
    run.schedules = [
        torch.optim.lr_scheduler.LambdaLR(stepper, lambda step: recipe.share_of_rate(step + run.skipped, run.now))
        for stepper in steppers
    ]
    run.half = team.broadcast(half_precision(recipe.precision, network))
    return run


def _end_of_round(recipe: Recipe, share: float, *, ending: bool) -> float:
    """The share of the run at which the round is over: the next evaluation, or the beginning of the finish."""
    until = recipe.steady / recipe.iterations if recipe.finish and not ending else 1.0
    return min(until, share + recipe.every / recipe.iterations) - ROUNDING


def search_hard(
    run: Run,
    source: Samples | DeviceSamples,
    scans: int,
    recipe: Recipe,
    team: Team,
    rng: np.random.Generator,
    progress: Progress,
) -> list[Place]:
    """Places of some of the scans that look to the network as if something were concealed there; by the leader."""
    if not team.leads or not (run.done or recipe.start):  # nothing can be mined with a network that knows nothing
        return []
    progress.update(TASK, description=f"hard negatives of {min(recipe.mined, scans)} scans")
    with torch.autocast(team.device.type, torch.bfloat16, enabled=run.half):
        return mine(run.smooth, scans, recipe.mined, rng, partial(_scanned, source, rng, team.device))


def learn(
    run: Run, batches: Iterator[Batch], recipe: Recipe, team: Team, until: float, progress: Progress
) -> dict[str, float]:
    """Steps up to this share of the run; the mean of each loss over them."""
    sums = defaultdict[str, Tensor | float](float)
    for step in count(run.done + 1):
        run.network.train()
        if step > recipe.settled:
            freeze_batch_norm(run.network)
        run.network.zero_grad(set_to_none=True)
        for batch in islice(batches, recipe.accumulate):
            planes = run.network.planes(batch.transmission)
            with torch.autocast(team.device.type, torch.bfloat16, enabled=run.half):
                output = run.together(planes)
            loss, parts = total(output, batch, recipe.losses, run.network.config.pool)
            (loss / recipe.accumulate).backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
            for name, part in parts.items():
                sums[name] += part.detach() / recipe.accumulate  # no number yet: a GPU would have to wait
        nn.utils.clip_grad_norm_(run.network.parameters(), 5.0)
        for optimiser in run.optimisers:
            optimiser.step()
        run.now = team.broadcast(time.monotonic() - run.began) if recipe.minutes else 0.0
        for schedule in run.schedules:
            schedule.step()
        run.averaged.update_parameters(run.network)
        share = recipe.share(step + run.skipped, run.now)
        progress.update(TASK, completed=share * recipe.iterations)
        if step % SHOWN == 0:
            progress.update(TASK, description=f"loss {loss.item():.3f}")
        if step % 100 == 0 and team.leads and not progress.console.is_terminal:
            print(f"{step} steps, {share:.1%} of the run  loss {loss.item():.3f}", flush=True)
        if share >= until:
            break
    steps, run.done = step - run.done, step
    return {name: round(float(value) / steps, 5) for name, value in sums.items()} if team.leads else {}


def evaluate(
    run: Run, held: dict[str, list[ValidationScan]], losses: dict[str, float], log: Path, device: torch.device
) -> dict[str, Any]:
    """Figures of the averaged weights on validation scans, as a line of the log."""
    with torch.autocast(device.type, torch.bfloat16, enabled=run.half):
        figures = validate_all(run.smooth, held, device)
    run.seconds = time.monotonic() - run.began
    line = {"iteration": run.done, "minutes": round(run.seconds / 60, 2), **losses, **figures}
    with log.open("a") as file:
        file.write(json.dumps(line) + "\n")
    return line


def keep(run: Run, figures: dict[str, Any], out: Path, minutes: float) -> None:
    """Write the weights, the best as such, and the checkpoint. minutes: that these weights were trained in all."""
    if figures["auroc"] + figures["first_hit"] >= run.best:
        run.best = figures["auroc"] + figures["first_hit"]
        save_weights(run.smooth, minutes, run.about, out / "best.pt")
    save(run.stored(), out / "checkpoint.pt")
    save_weights(run.smooth, minutes, run.about, out / "last.pt")


def read_log(log: Path) -> list[dict[str, float]]:
    """Lines of a run's log, one an evaluation."""
    return [json.loads(line) for line in log.read_text().splitlines()]


def load_initial_weights(network: Network, recipe: Recipe, scans: list[Background]) -> float:
    """Take over the weights that the recipe starts with; returns the minutes that they were trained."""
    if recipe.start.endswith(".pt"):
        return load_weights(network, Path(recipe.start))
    empty = network.config.cargos.index("empty")
    samples = Samples(
        scans, network.config.families, empty, recipe.samples, recipe.seed, 0, energies=network.config.energies
    )
    pairs = [samples.sample(np.random.default_rng((recipe.seed, i))).transmission for i in range(8)]
    return load_artefact(network, recipe.start, torch.cat(pairs).to(next(network.parameters()).device))


def on_device(recipe: Recipe, device: torch.device) -> bool:
    """Whether the device makes its samples itself: a GPU does, of whatever training.device_samples can make."""
    return device.type == "cuda" and not recipe.operator_images and recipe.samples.enlarged == 1


def _source(
    scans: list[Background] | DeviceStore, shape: NetworkConfig, recipe: Recipe, done: int, team: Team, *, ending: bool
) -> Samples | DeviceSamples:
    """What makes the samples of a round: on the device, or beside the training."""
    config, empty = recipe.samples, shape.cargos.index("empty")
    if ending:
        config = replace(config, crop=recipe.ending.crop)
    if isinstance(scans, DeviceStore):
        return DeviceSamples(scans, empty, config, energies=shape.energies, seed=(recipe.seed, done))
    return Samples(
        scans,
        shape.families,
        empty,
        config,
        recipe.seed,
        done * (max(recipe.batch, recipe.ending.batch) // 2) + team.rank,  # so that no pair comes twice
        energies=shape.energies,
        step=team.size,
    )


def _scanned(source: Samples | DeviceSamples, rng: np.random.Generator, device: torch.device, number: int) -> Tensor:
    """A scan of the source without its concealments, measured anew: (1, energy, row, column) on the device."""
    if isinstance(source, DeviceSamples):
        return source.scanned(number, rng)
    config = source.config
    image = source.scans[number].scanned(source.energies, rng, faulty=config.faulty, coarsest=config.coarsest)
    return torch.from_numpy(image)[None].to(device)


def _batches(
    source: Samples | DeviceSamples, recipe: Recipe, done: int, hard: list[Place], team: Team, *, ending: bool
) -> Iterator[Batch]:
    """Endless batches of this process; others beside the training make them, in whatever time the training leaves."""
    pairs = (recipe.ending.batch if ending else recipe.batch) // 2 // recipe.accumulate // team.size
    if isinstance(source, DeviceSamples):
        yield from source.batches(pairs, hard, (recipe.seed, done, team.rank))
        return
    cv2.setNumThreads(1)  # before the fork: a forked process hangs on the threads that it did not inherit
    source.hard = hard
    loader = DataLoader(
        source,
        pairs,
        num_workers=BESIDE,
        prefetch_factor=4,
        worker_init_fn=_one_thread,
        pin_memory=team.device.type == "cuda",
    )
    for arrays in loader:
        yield Batch(*(array.flatten(0, 1).to(team.device, non_blocking=True) for array in arrays))


def _progress(*, hidden: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), disable=hidden
    )


def freeze_batch_norm(network: nn.Module) -> None:
    """From here on batch norm takes its means and spreads as they are, in training as in use.

    With those of each batch, a crop can be told from its twin without the concealment by how both differ from the
    mean of the batch: losses fall, and whole scans, which have no twin, are read worse and worse (nii/models/cargo.md).
    """
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def compiled(network: nn.Module, steps: int) -> nn.Module:
    """The same network with its small operations fused, where a C++ compiler is found; not for short runs.

    Measured on two cores with the cargo recipe: 0.169 s a step in place of 0.213, with nothing beside it.
    """
    if steps < FUSED_FROM or shutil.which("g++") is None:
        return network
    if next(network.parameters()).is_cuda:
        return cast(nn.Module, torch.compile(network, dynamic=False))
    return cast(nn.Module, torch.compile(network, dynamic=False, options={"compile_threads": 1}))


def half_precision(wanted: str, network: Network) -> bool:
    """Whether to train in bfloat16. "auto": on a GPU, and on a CPU where it is the faster one.

    Measured, since a CPU without such units is 8 times slower with it, and one with them 2 times faster.
    """
    if wanted != "auto":
        return wanted == "bf16"
    device = next(network.parameters()).device
    if device.type == "cuda":
        return True
    best, network = {False: math.inf, True: math.inf}, copy.deepcopy(network)
    planes = network.planes(torch.full((2, network.config.energies, 128, 128), 0.5))
    for enabled in (False, True) * 4:  # the first passes set up; in turns, since other work comes and goes
        began = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            evidence = network(planes).evidence
        evidence.float().sum().backward()
        best[enabled] = min(best[enabled], time.perf_counter() - began)
    return best[True] < best[False]


def _one_thread(_: int) -> None:
    """The processes that make samples must not take the cores from the training."""
    torch.set_num_threads(1)
    os.nice(19)
    np.seterr(over="raise", invalid="raise")
