"""`nii train` and `nii export`; registered as entry points, so nothing heavy is imported here."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from nii.errors import UsageError


def train(
    recipe: Annotated[str, typer.Argument(help="A TOML file, or the name of a shipped recipe.")],
    out: Annotated[Path, typer.Option(help="Folder of the run: checkpoints, log, plots.")],
    data: Annotated[list[Path], typer.Option(help="Simulated scan set to train on; may be repeated.")],
    validation: Annotated[Path, typer.Option(help="Scan set to validate on; of another seed.")],
    start: Annotated[Path | None, typer.Option(help="RUN/last.pt of another run to go on from.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint of OUT.")] = False,
    threads: Annotated[int, typer.Option(help="Threads; 0: all cores.")] = 0,
) -> None:
    """Train a network by a recipe."""
    with _extra("train"):
        import torch

        from training.recipe import read_recipe
        from training.train import train as run
    if threads:
        torch.set_num_threads(threads)
    run(read_recipe(recipe), out, data, validation, start=start, resume=resume)


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a training run.")],
    model: Annotated[Path, typer.Argument(help="The .onnx file to write.")],
    precision: Annotated[str, typer.Option(help="fp32.")] = "fp32",
    version: Annotated[str, typer.Option(help="Version of the model.")] = "1",
) -> None:
    """Export a training run to one .onnx file with its contract."""
    with _extra("train"):
        from training.export import export as write
    contract = write(run, model, version=version, precision=precision)
    typer.echo(f"{model}: {contract.name} {contract.version}, not calibrated yet (nii calibrate)")


@contextmanager
def _extra(name: str) -> Iterator[None]:
    """Turn a missing package into one line that names the extra."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise UsageError(
            f"expected the package {error.name}, came none; install it with: pip install 'nii[{name}]'"
        ) from error
