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
from dataclasses import replace
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
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
from training.validate import flat, load_validation, validate_all

FUSED_FROM = 500  # steps of a run that make up for the time to compile
ROUNDING = 1e-9  # of shares of a run
SHOWN = 10  # steps from one loss that is shown to the next
BESIDE = 2  # processes that make samples; measured on two cores in bfloat16: 0.19 s a step, 0.21 with one


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
    network = network.to(team.device).to(memory_format=torch.channels_last)
    pitch = recipe.working_pitch_mm
    wanted = partial(
        load_set, cargos=kind.loads, pitch_mm=pitch, coloured=recipe.operator_images, without=recipe.without
    )
    scans = [scan for path in data for scan in wanted(path)] + load_measured(own, pitch)
    held = {path.name: load_validation(path, config.energies, pitch) for path in validation}
    earlier = load_initial_weights(network, recipe, scans) if recipe.start else 0.0
    store = DeviceStore(scans, kind.families, team.device) if on_device(recipe, team.device) else None
    running_mean = get_ema_multi_avg_fn(recipe.average)  # type: ignore[no-untyped-call] # torch leaves it untyped
    averaged = AveragedModel(network, multi_avg_fn=running_mean, use_buffers=True)
    smooth = cast(Network, averaged.module)
    together = compiled(team.wrapped(network), recipe.iterations)
    fused = team.device.type == "cuda"
    steppers = optimisers(network, recipe, fused=fused)
    now, skipped = 0.0, 0  # seconds of the run, where minutes decide; steps before the finish that flat curves spared
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(stepper, lambda step: recipe.share_of_rate(step + skipped, now))
        for stepper in steppers
    ]
    half = team.broadcast(half_precision(recipe.precision, network))

    # Where to go on
    out.mkdir(parents=True, exist_ok=True)
    checkpoint, log = out / "checkpoint.pt", out / "log.jsonl"
    run = described(recipe, data_hash(data, own))
    done, seconds, best = 0, 0.0, -1.0
    if resume and checkpoint.is_file():
        state = torch.load(checkpoint, weights_only=True, map_location=team.device)
        check_same_run(state.get("run", {}), run, checkpoint)
        network.load_state_dict(state["network"])
        averaged.load_state_dict(state["averaged"])
        for stepper, stored in zip(steppers, state["optimisers"], strict=True):
            stepper.load_state_dict(stored)
        for schedule, stored in zip(schedules, state["schedules"], strict=True):
            schedule.load_state_dict(stored)
        run, done, seconds, best = (state[key] for key in ("run", "done", "seconds", "best"))
        half, skipped = state["half"], state.get("skipped", 0)
    elif team.leads:
        log.unlink(missing_ok=True)
    if team.leads:
        (out / "config.json").write_text(json.dumps(run, indent=2))

    # The loop: rounds of steps, each after a search for hard negatives and followed by an evaluation
    began, now = time.monotonic() - seconds, seconds if recipe.minutes else 0.0
    with _progress(hidden=not team.leads) as progress:
        task = progress.add_task("training", total=recipe.iterations, completed=done)
        while (share := recipe.share(done + skipped, now)) < 1:
            ending = share >= recipe.steady / recipe.iterations
            until = recipe.steady / recipe.iterations if recipe.finish and not ending else 1.0
            until = min(until, share + recipe.every / recipe.iterations) - ROUNDING
            sums = defaultdict[str, Tensor | float](float)
            rng, hard = np.random.default_rng((recipe.seed, done)), list[Place]()
            used = scans if store else sample_scans(scans, recipe.at_once, rng)
            source = _source(store or used, config, recipe, done, team, ending=ending)
            if team.leads and (done or recipe.start):  # nothing can be mined with a network that knows nothing
                progress.update(task, description=f"hard negatives of {min(recipe.mined, len(used))} scans")
                with torch.autocast(team.device.type, torch.bfloat16, enabled=half):
                    hard = mine(smooth, len(used), recipe.mined, rng, partial(_scanned, source, rng, team.device))
            batches = _batches(source, recipe, done, team.broadcast(hard), team, ending=ending)
            for step in count(done + 1):
                network.train()
                if step > recipe.settled:
                    freeze_batch_norm(network)
                network.zero_grad(set_to_none=True)
                for batch in islice(batches, recipe.accumulate):
                    planes = network.planes(batch.transmission)
                    with torch.autocast(team.device.type, torch.bfloat16, enabled=half):
                        output = together(planes)
                    loss, parts = total(output, batch, recipe.losses, config.pool)
                    (loss / recipe.accumulate).backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
                    for name, part in parts.items():
                        sums[name] += part.detach() / recipe.accumulate  # no number yet: a GPU would have to wait
                nn.utils.clip_grad_norm_(network.parameters(), 5.0)
                for stepper in steppers:
                    stepper.step()
                now = team.broadcast(time.monotonic() - began) if recipe.minutes else 0.0
                for schedule in schedules:
                    schedule.step()
                averaged.update_parameters(network)
                share = recipe.share(step + skipped, now)
                progress.update(task, completed=share * recipe.iterations)
                if step % SHOWN == 0:
                    progress.update(task, description=f"loss {loss.item():.3f}")
                if step % 100 == 0 and team.leads and not progress.console.is_terminal:
                    print(f"{step} steps, {share:.1%} of the run  loss {loss.item():.3f}", flush=True)
                if share >= until:
                    break
            steps, done = step - done, step
            if team.leads:
                with torch.autocast(team.device.type, torch.bfloat16, enabled=half):
                    figures = validate_all(smooth, held, team.device)
                seconds = time.monotonic() - began
                mean = {name: round(float(value) / steps, 5) for name, value in sums.items()}
                line = {"iteration": done, "minutes": round(seconds / 60, 2), **mean, **figures}
                with log.open("a") as file:
                    file.write(json.dumps(line) + "\n")
                progress.console.print(line)
                if recipe.until_flat and not ending and flat(read_log(log)):
                    skipped = recipe.steady - done
                minutes = earlier + seconds / 60
                if figures["auroc"] + figures["first_hit"] >= best:
                    best = figures["auroc"] + figures["first_hit"]
                    save_weights(smooth, minutes, run, out / "best.pt")
                state = {
                    "run": run,
                    "network": network.state_dict(),
                    "averaged": averaged.state_dict(),
                    "optimisers": [stepper.state_dict() for stepper in steppers],
                    "schedules": [schedule.state_dict() for schedule in schedules],
                    "done": done,
                    "seconds": seconds,
                    "best": best,
                    "half": half,
                    "skipped": skipped,
                }
                save(state, checkpoint)
                save_weights(smooth, minutes, run, out / "last.pt")
            skipped = team.broadcast(skipped)
    if team.leads:
        draw_curves(log, out / "curves.png")
        draw_examples(smooth, next(iter(held.values())), team.device, out / "examples.png")


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
    pairs = [samples.sample(np.random.default_rng((recipe.seed, i)))[0] for i in range(8)]
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
