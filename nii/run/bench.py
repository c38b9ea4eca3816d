"""How fast this machine scores, stage by stage, and what share of its arithmetic the network reaches.

Each figure is the best of several: on a machine that does other things too, the best is what it can do.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from nii.analysis.record import COLUMNS, Result, analyse, record, smallest_usable_pfa
from nii.errors import UsageError
from nii.io.read import read_scan
from nii.io.table import write_table
from nii.io.write import write_tiff
from nii.model.detector import Detector, find_model
from nii.physics.noise import NoiseModel, measure
from nii.scan import FloatArray, Kind, Scan, check_size

REPEATS = 7
USUAL_PFA = 0.01
ROWS = 100  # of the table whose writing is timed
SIDE = 2048  # of the square matrices
PRODUCT = f"""
import time, numpy
a = numpy.random.default_rng(0).random(({SIDE}, {SIDE}), numpy.float32)
best = 1e9
for _ in range(4):
    start = time.perf_counter(); a @ a; best = min(best, time.perf_counter() - start)
print(best)
"""


@dataclass(frozen=True)
class Speed:
    """Of one scan after the other with a number of threads.

    milliseconds: read (decode a deflated TIFF), infer (network), regions (regions and decision), write (quality,
    masses, row of a Parquet table). peak: GFLOP/s of numpy's float32 matrix product with as many threads.
    share: of that peak, what the network's arithmetic reaches.
    """

    threads: int
    milliseconds: dict[str, float]
    peak: float
    share: float

    @property
    def scans_per_second(self) -> float:
        """Of one process, stages one after the other."""
        return 1000 / sum(self.milliseconds.values())


def bench(model: str, shape: tuple[int, int], *, threads: list[int] | None = None) -> Iterator[Speed]:
    """The speed of a model on scans of (rows, columns), for 1, 2, 4 ... threads up to all cores.

    Raises ModelError for what is no model, UsageError for a shape that no scan has.
    """
    gflop = arithmetic(model, shape)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scan.tif"
        scan = _write_example(path, Detector.load(model), shape)
        for n in threads or _thread_counts():
            peak = matrix_product(n)
            milliseconds = _stages(Detector.load(model, threads=n), scan, path)
            yield Speed(n, milliseconds, peak, 1000 * gflop / milliseconds["infer"] / peak)


def arithmetic(model: str, shape: tuple[int, int]) -> float:
    """GFLOP of the network for one scan: multiplications and additions of its convolutions and matrix products.

    Counted from the shapes that ONNX Runtime reports for a run. Example: a 3x3 convolution of 8 to 16
    channels on 100 x 100 pixels is 0.0230 GFLOP.
    """
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "run")
        # as exported: what the optimiser fuses has shapes of its own
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(str(find_model(model)), options, providers=["CPUExecutionProvider"])
        planes = session.get_inputs()[0].shape[1]
        session.run(["score"], {"transmission": np.full((1, planes, *shape), 0.5, np.float32)})
        events = json.loads(Path(session.end_profiling()).read_text())
    return sum(_operations(event["args"]) for event in events if event["name"].endswith("_kernel_time")) / 1e9


def _operations(ran: dict[str, Any]) -> int:
    """Multiplications and additions of one operator of a profile."""
    if ran["op_name"] not in ("Conv", "Gemm", "MatMul"):
        return 0
    shapes = [next(iter(one.values())) for one in ran["input_type_shape"]]
    results = prod(next(iter(ran["output_type_shape"][0].values())))
    products = prod(shapes[1][1:]) if ran["op_name"] == "Conv" else shapes[0][-1]
    return int(2 * results * products)


def matrix_product(threads: int) -> float:
    """GFLOP/s of numpy's float32 product of two 2048 x 2048 matrices, in a process with this many threads."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    limited = os.environ | dict.fromkeys(names, str(threads))
    done = subprocess.run([sys.executable, "-c", PRODUCT], env=limited, capture_output=True, text=True, check=True)  # noqa: S603 - this very Python
    return 2 * SIDE**3 / float(done.stdout) / 1e9


def parse_size(text: str) -> tuple[int, int]:
    """Rows and columns out of "432x1088". Raises UsageError."""
    rows, _, columns = text.partition("x")
    if not (rows.isdecimal() and columns.isdecimal()):
        raise UsageError(f"--size: expected rows x columns like 432x1088, came {text}")
    check_size(int(columns), int(rows), "--size")
    return int(rows), int(columns)


def _thread_counts() -> list[int]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return sorted({2**power for power in range(cores.bit_length())} | {cores})


def _write_example(path: Path, detector: Detector, shape: tuple[int, int]) -> Scan:
    """A scan with air, a load and noise; its file, and as the model takes it."""
    contract = detector.contract
    if contract.kind is not Kind.TRANSMISSION:
        raise UsageError(f"{contract.name}: expected a model for transmissions, came one for {contract.kind}")
    rows, columns = shape
    rng = np.random.default_rng(0)
    attenuation = np.zeros(shape, np.float32)
    for _ in range(60):  # boxes, some before others
        y, x = rng.integers(rows // 8, rows), rng.integers(columns // 16, columns)
        attenuation[y : y + rows // 6, x : x + columns // 12] += rng.uniform(0.05, 0.9)
    energies = np.linspace(1, 0.85, len(contract.energies), dtype=np.float32)[:, None, None]
    pixels: FloatArray = measure(np.exp(-attenuation * energies), NoiseModel(), rng)
    pitch = (contract.pitch_mm[0],) * 2
    write_tiff(path, pixels, open_beam=60_000, pitch_mm=pitch, energies=contract.energies)
    return read_scan(path)


def _stages(detector: Detector, scan: Scan, path: Path) -> dict[str, float]:
    """Milliseconds by stage, each the best of several."""
    results: list[Result] = []
    best = {"read": _best(lambda: read_scan(path))}
    pfa = max(smallest_usable_pfa(detector.contract) or 0, USUAL_PFA)
    _best(lambda: results.append(analyse(scan, detector, pfa)))
    best["infer"] = min(result.milliseconds["infer"] for result in results)
    best["regions"] = min(sum(result.milliseconds.values()) - result.milliseconds["infer"] for result in results)
    row = record(results.pop())
    table = path.with_name("table.parquet")
    writing = _best(lambda: write_table(table, [row] * ROWS, COLUMNS)) / ROWS
    best["write"] = writing + min(_milliseconds(lambda one=result: record(one)) for result in results)  # type: ignore[misc]
    return best


def _best(work: Callable[[], object]) -> float:
    return min(_milliseconds(work) for _ in range(REPEATS))


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)
