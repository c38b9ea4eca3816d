"""Every figure of offline scoring, measured on this machine in one go: python datasets/benchmarks/batch.py

For figures that mean something nothing else may run meanwhile. Parts: speed, throughput, kill, memory, dask.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nii.io.read import read_scan
from nii.io.table import read_table
from nii.io.write import write_tiff
from nii.model.contract import read_contract
from nii.model.detector import Detector, find_model, read_model
from nii.run.batch import BatchSettings, Run, Sources
from nii.run.bench import arithmetic, bench
from nii.workers import dask_cluster, processes

LARGE, USUAL, SMALL = (800, 1500), (432, 1088), (64, 96)  # rows, columns
DISTINCT = 50  # scans; more files are links to them
KILLS = 5
BARE = 16  # inferences of a chunk


def main() -> None:
    """Run the parts that were asked for."""
    parts: dict[str, Callable[[argparse.Namespace, Path], None]] = {
        "speed": speed, "throughput": throughput, "kill": kill, "memory": memory, "dask": dask,
    }  # fmt: skip
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(parts), help=", ".join(parts))
    parser.add_argument("--model", default="cargo")
    parser.add_argument("--int8", help="the same model in int8")
    parser.add_argument("--scans", type=int, default=20_000, help="small scans of the kill test")
    parser.add_argument("--names", type=int, default=100_000, help="names of the memory test")
    asked = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for name in asked.parts:
        with tempfile.TemporaryDirectory() as folder:
            print(f"\n{name}", flush=True)
            parts[name](asked, Path(folder))


def speed(asked: argparse.Namespace, _: Path) -> None:
    """A file to its record, and the network against the matrix product, with 1, 2 ... threads."""
    before: dict[int, float] = {}
    for model in filter(None, (asked.model, asked.int8)):
        gflop = arithmetic(model, LARGE)
        for one in bench(model, LARGE):
            infer, whole = one.milliseconds["infer"], sum(one.milliseconds.values())
            gain = (
                f", inference {before[one.threads] / infer:.2f} times as fast as fp32" if one.threads in before else ""
            )
            before.setdefault(one.threads, infer)
            print(
                f"{model}, 1.2 Mpx ({gflop:.1f} GFLOP), {one.threads} threads: file to record {whole:.0f} ms "
                f"(inference {infer:.0f} ms), {100 * one.share:.0f} % of the fp32 matrix product{gain}"
            )


def throughput(asked: argparse.Namespace, folder: Path) -> None:
    """Scans a second of whole runs by 1, 2 ... processes, against bare loops of sessions and plain loops."""
    names = make_scans(folder / "scans", USUAL, 96, asked.model)
    cores = os.cpu_count() or 1
    rates = {}
    for workers in sorted({1, 2, cores}):
        bare = rate(processes(workers).map(partial(bare_loop, asked.model, names[0]), chunks(12 * workers), len))
        with Sources(names) as sources:
            run = Run(sources, BatchSettings(model=asked.model, threads=1), None)
            rates[workers] = rate([row] for row in run.rest(processes(workers)))
        print(
            f"{workers} processes: {rates[workers]:.2f} scans/s, {rates[workers] / rates[1]:.2f} times one process, "
            f"{100 * rates[workers] / bare:.0f} % of bare session loops ({bare:.2f}/s)"
        )


def bare_loop(model: str, scan: str, _: list[int]) -> list[int]:
    """Inferences of one scan that is in memory, nothing else."""
    detector, read = Detector.load(model, threads=1), read_scan(scan)
    detector.layers(read)
    for _ in range(BARE):
        detector.layers(read)
    return list(range(BARE))


def rate(made: Iterator[list[Any]]) -> float:
    """Items a second, without the start: from the first chunk on to the last."""
    len(next(made))
    started, count = time.perf_counter(), sum(map(len, made))
    return count / (time.perf_counter() - started)


def chunks(count: int) -> Iterator[list[int]]:
    """What bare loops count."""
    return ([number] for number in range(count))


def kill(asked: argparse.Namespace, folder: Path) -> None:
    """Small scans, kill -9 at random moments: is the table that of an undisturbed run?"""
    make_scans(folder / "scans", SMALL, asked.scans, asked.model)
    command = [sys.executable, "-c", "from nii.cli import main; main()", "score", str(folder / "scans")]
    command += ["--model", asked.model, "--workers", "2", "--out"]
    started = time.perf_counter()
    quiet([*command, str(folder / "whole.jsonl")]).wait()
    took = time.perf_counter() - started
    moments = random.Random(8)  # noqa: S311 - moments, no secrets
    for _ in range(KILLS):
        running = quiet([*command, str(folder / "killed.jsonl")])
        time.sleep(moments.uniform(0.2, 1.0) * took / KILLS)
        running.send_signal(signal.SIGKILL)
        running.wait()
        done = len(list((folder / ".killed.jsonl.parts").glob("*.jsonl")))
        print(f"killed with {done} parts written", flush=True)
    quiet([*command, str(folder / "killed.jsonl")]).wait()
    whole, killed = (table(folder / f"{name}.jsonl") for name in ("whole", "killed"))
    print(f"{len(whole)} rows in {took:.0f} s undisturbed; after {KILLS} kills identical: {whole == killed}")


def memory(asked: argparse.Namespace, folder: Path) -> None:
    """Peak memory of a run over a list from standard input, for a tenth of the names and for all."""
    names = make_scans(folder / "scans", SMALL, DISTINCT, asked.model)
    program = "from nii.cli import main; main(['score', '-', '--out', 'out.parquet', '--model'])"
    for count in (asked.names // 10, asked.names):
        listed = "\n".join([*names, *(f"/archive/{number:09d}.tif" for number in range(count - len(names)))])
        code = program.replace("'--model'", f"'--model', {asked.model!r}")
        measured = (
            "import resource, sys\ntry:\n    " + code + "\nexcept SystemExit: pass\n"
            "sys.stderr.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))"
        )
        done = subprocess.run(  # noqa: S603 - this very Python
            [sys.executable, "-c", measured], input=listed, capture_output=True, text=True, cwd=folder, check=True
        )
        print(f"{count} names: peak {int(done.stderr.split()[-1]) / 1024:.0f} MiB", flush=True)


def dask(asked: argparse.Namespace, folder: Path) -> None:
    """A local Dask cluster of two workers, one of them killed: is the table that of this process?"""
    names = make_scans(folder / "scans", USUAL, 64, asked.model)
    settings = BatchSettings(model=asked.model, threads=1)
    with Sources(names) as sources:
        here = [still(row) for row in Run(sources, settings, None).rest()]
    with dask_cluster("local", 2) as crew, Sources(names) as sources:
        rest = Run(sources, settings, None).rest(crew)
        first = next(rest)
        os.kill(a_worker(), signal.SIGKILL)
        there = [still(row) for row in [first, *rest]]
    print(f"{len(here)} rows, one of two workers killed, identical: {here == there}")


def a_worker() -> int:
    """Process of a worker of the Dask cluster."""
    from distributed import get_client

    return int(next(iter(get_client().run(os.getpid).values())))


def quiet(command: list[str]) -> subprocess.Popen[bytes]:
    """A program whose lines nobody reads."""
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - this very Python


def make_scans(folder: Path, shape: tuple[int, int], count: int, model: str) -> list[str]:
    """Files of noisy boxes behind steel; from DISTINCT on they are links. The names, sorted."""
    contract = read_contract(read_model(find_model(model)), model)
    folder.mkdir()
    rng = np.random.default_rng(8)
    rows, columns = shape
    ratios = np.linspace(1, 0.86, len(contract.energies))[:, None, None]
    for number in range(count):
        path = folder / f"{number:06d}.tif"
        if number >= DISTINCT:
            path.hardlink_to(folder / f"{number % DISTINCT:06d}.tif")
            continue
        attenuation = np.zeros(shape)
        attenuation[rows // 5 : rows - rows // 9, columns // 9 : -columns // 9] = rng.uniform(0.5, 3)
        attenuation[rows // 2 : rows // 2 + rows // 8, columns // 2 : columns // 2 + columns // 9] += rng.uniform(0, 2)
        pixels = np.exp(-attenuation * ratios) + rng.normal(0, 0.003, (len(ratios), *shape))
        write_tiff(
            path, pixels.astype(np.float32), open_beam=60_000, pitch_mm=(6.0, 6.0), energies=contract.energies,
            scanner="bench",
        )  # fmt: skip
    return [str(path) for path in sorted(folder.iterdir())]


def table(path: Path) -> list[str]:
    """Rows of a table, without their times."""
    return [json.dumps(still(row)) for row in read_table(path)]


def still(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what differs from run to run."""
    return {key: value for key, value in row.items() if key != "milliseconds"}


if __name__ == "__main__":
    main()
