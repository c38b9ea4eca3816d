"""Training, from the first line to the last.

`nii train RECIPE --out RUN --data SET` calls `train`. RUN/ then holds config.json, log.jsonl (one line
an evaluation), checkpoint.pt (resumes to the bit), best.pt, curves.png and examples.png.
"""

import copy
import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from nii.errors import UsageError
from nii.simulate.kinds import kind_of
from training.data import Batch, Clean, Samples, data_hash, load_set
from training.losses import total
from training.network import Network, NetworkConfig, features
from training.plots import draw_curves, draw_examples
from training.recipe import Recipe
from training.validate import load_validation, validate


def train(
    recipe: Recipe, out: Path, data: list[Path], validation: Path, *, start: Path | None = None, resume: bool = False
) -> None:
    """Train a network by a recipe on simulated sets; the best by validation AUROC is kept as best.pt.

    start: a RUN/last.pt or best.pt of the same shape, whose weights training begins with.
    Raises ScanSetError for a set without truth; KeyboardInterrupt leaves the last checkpoint.
    """
    # What is learned, and from what
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(recipe.seed)
    kind = kind_of(recipe.scene)
    config = NetworkConfig(families=kind.families, cargos=kind.loads, widths=recipe.widths, blocks=recipe.blocks)
    network = Network(config).to(device).to(memory_format=torch.channels_last)
    earlier = load_weights(network, start) if start else 0.0
    running_mean = get_ema_multi_avg_fn(recipe.average)  # type: ignore[no-untyped-call] # torch leaves it untyped
    averaged = AveragedModel(network, multi_avg_fn=running_mean, use_buffers=True)
    smooth = cast(Network, averaged.module)
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=recipe.rate, total_steps=recipe.iterations + 1, pct_start=0.1
    )
    scans = [scan for path in data for scan in load_set(path, kind.loads)]
    held_out = load_validation(validation)
    half = device.type == "cuda" or bfloat16_pays(network)

    # Where to go on
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps({**asdict(recipe), "data": data_hash(data)}, indent=2))
    checkpoint, log, first, seconds, best = out / "checkpoint.pt", out / "log.jsonl", 0, 0.0, -1.0
    if resume and checkpoint.is_file():
        state = torch.load(checkpoint, weights_only=True, map_location=device)
        network.load_state_dict(state["network"])
        averaged.load_state_dict(state["averaged"])
        optimiser.load_state_dict(state["optimiser"])
        schedule.load_state_dict(state["schedule"])
        first, seconds, best = state["iteration"], state["seconds"], state["best"]
    else:
        log.unlink(missing_ok=True)

    # The loop
    began, sums = time.monotonic() - seconds, dict[str, float]()
    batches = islice(_batches(scans, config, recipe, first, device), recipe.iterations - first)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    ) as progress:
        task = progress.add_task("training", total=recipe.iterations, completed=first)
        for iteration, batch in enumerate(batches, start=first + 1):
            network.train()
            planes = features(batch.transmission).contiguous(memory_format=torch.channels_last)
            with torch.autocast(device.type, torch.bfloat16, enabled=half):
                output = network(planes)
            loss, parts = total(output, batch, recipe.losses, config.pool)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            averaged.update_parameters(network)

            for name, part in parts.items():
                sums[name] = sums.get(name, 0.0) + part.item()
            progress.update(task, completed=iteration, description=f"loss {loss.item():.3f}")
            if iteration % 100 == 0 and not progress.console.is_terminal:
                print(f"{iteration} of {recipe.iterations}  loss {loss.item():.3f}", flush=True)
            if iteration % recipe.every and iteration != recipe.iterations:
                continue

            figures = validate(smooth, held_out, device)
            seconds = time.monotonic() - began
            mean = {name: round(value / recipe.every, 5) for name, value in sums.items()}
            line = {"iteration": iteration, "minutes": round(seconds / 60, 2), **mean, **figures}
            with log.open("a") as file:
                file.write(json.dumps(line) + "\n")
            progress.console.print(line)
            sums.clear()
            weights = {
                "network": smooth.state_dict(),
                "config": asdict(config),
                "minutes": earlier + seconds / 60,
            }
            if figures["auroc"] >= best:
                best = figures["auroc"]
                _save(weights, out / "best.pt")
            _save(
                {
                    "network": network.state_dict(),
                    "averaged": averaged.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "schedule": schedule.state_dict(),
                    "iteration": iteration,
                    "seconds": seconds,
                    "best": best,
                },
                checkpoint,
            )
            _save(weights, out / "last.pt")
    draw_curves(log, out / "curves.png")
    draw_examples(smooth, held_out, device, out / "examples.png")


def _batches(
    scans: list[Clean], config: NetworkConfig, recipe: Recipe, start: int, device: torch.device
) -> Iterator[Batch]:
    """Endless batches; one process beside the training makes them."""
    pairs = recipe.batch // 2
    cv2.setNumThreads(1)  # before the fork: a forked process hangs on the threads that it did not inherit
    samples = Samples(
        scans,
        config.families,
        config.cargos.index("empty"),
        recipe.samples,
        recipe.seed,
        start * pairs,
    )
    loader = DataLoader(
        samples,
        pairs,
        num_workers=1,
        prefetch_factor=4,
        worker_init_fn=_one_thread,
        pin_memory=device.type == "cuda",
    )
    for arrays in loader:
        yield Batch(*(array.flatten(0, 1).to(device, non_blocking=True) for array in arrays))


def bfloat16_pays(network: Network) -> bool:
    """Whether this CPU trains faster in bfloat16; measured, since one without such units is 8 times slower."""
    times, network = [], copy.deepcopy(network)
    planes = features(torch.full((2, network.config.energies, 128, 128), 0.5))
    for enabled in (False, True):
        for _ in range(2):  # the first pass sets up
            started = time.perf_counter()
            with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
                evidence = network(planes).evidence
            evidence.float().sum().backward()
            seconds = time.perf_counter() - started
        times.append(seconds)
    return times[1] < times[0]


def _one_thread(_: int) -> None:
    """The process that makes samples must not take the cores from the training."""
    torch.set_num_threads(1)
    np.seterr(over="raise", invalid="raise")


def _save(state: dict[str, object], path: Path) -> None:
    """Atomically: a killed run leaves the previous file whole."""
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


def load_weights(network: Network, path: Path) -> float:
    """Take over the weights of another run; returns the minutes it was trained. Raises UsageError if they don't fit."""
    if not path.is_file():
        raise UsageError(f"start: expected a last.pt or best.pt of another run, came {path}")
    state = torch.load(path, weights_only=True, map_location="cpu")
    try:
        network.load_state_dict(state["network"])
    except (KeyError, RuntimeError) as error:
        raise UsageError(f"{path}: expected weights of the recipe's shape, came others") from error
    return float(state["minutes"])


def load_network(path: Path) -> tuple[Network, float]:
    """A trained network in evaluation mode, and the minutes it was trained."""
    state = torch.load(path, weights_only=True, map_location="cpu")
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in state["config"].items()}
    network = Network(NetworkConfig(**values))
    network.load_state_dict(state["network"])
    return network.eval(), float(state["minutes"])
