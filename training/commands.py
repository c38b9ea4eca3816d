"""`nii train` and `nii export`; registered as entry points, so nothing heavy is imported here."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from nii.errors import UsageError


def train(
    recipe: Annotated[str, typer.Argument(help="A TOML file, or the name of a shipped recipe.")],
    out: Annotated[Path, typer.Option(help="Folder of the run: model, checkpoints, log, plots.")],
    data: Annotated[
        list[Path] | None,
        typer.Option(help="Simulated set, or benign scans of your own (a set, MVTec layout, folder); may be repeated."),
    ] = None,
    validation: Annotated[
        list[Path] | None, typer.Option(help="Set with benign and concealed scans; another seed; may be repeated.")
    ] = None,
    version: Annotated[str, typer.Option(help="Version of the model.")] = "1",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint of OUT.")] = False,
    threads: Annotated[int, typer.Option(help="Threads; 0: all cores.")] = 0,
) -> None:
    """Train a network by a recipe; export and calibrate it. Sets that are not given are simulated."""
    # A thread that waits must not take a core from those that make samples
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with _extra("train"):
        import torch

        from nii.io.outputs import prepare_folder
        from training.pipeline import make_model
        from training.recipe import read_recipe
    if threads:
        torch.set_num_threads(threads)
    prepare_folder(out)
    model = make_model(read_recipe(recipe), out, data or [], validation or [], version=version, resume=resume)
    typer.echo(f"{model}: trained; its figures on a set of yours: nii evaluate SET --model {model} --out REPORT")


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a training run, or a model to write in another precision.")],
    model: Annotated[Path, typer.Argument(help="The .onnx file to write.")],
    precision: Annotated[str, typer.Option(help="fp32, fp16 (for GPUs) or int8 (needs --benign).")] = "fp32",
    benign: Annotated[
        list[str] | None, typer.Option(help="Benign scans for int8, some tens: files, folders, globs; may be repeated.")
    ] = None,
    version: Annotated[str, typer.Option(help="Version of the model.")] = "1",
) -> None:
    """Export a training run to one .onnx file with its contract."""
    with _extra("train"):
        from nii.fit.calibrate import benign_scans
        from nii.io.outputs import check_apart, prepare_file
        from training.export import export as write
    check_apart({"MODEL": model}, [run, *(benign or [])])
    prepare_file(model)
    contract = write(run, model, version=version, precision=precision, benign=benign_scans(benign or []))
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
