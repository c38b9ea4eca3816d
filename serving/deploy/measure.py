"""What the service needs and does, measured on this machine: each figure is a sub-command.

    python serving/deploy/measure.py start    [--model M] [--repeat 5]
    python serving/deploy/measure.py overhead SCAN... [--model M] [--seconds 10] [--repeat 3]
    python serving/deploy/measure.py load     SCAN... [--model M] [--seconds 15]
    python serving/deploy/measure.py memory   SCAN... [--model M] [--requests 5000]
    python serving/deploy/measure.py batching [--model M]

start: seconds from the command to /readyz, and MB then. overhead: processor seconds per scan of the server,
set against those of the library on the same bytes with as many threads, in turns. load: scans per second and
latencies at 1, 8 and 64 clients, then an overload of 64 clients on a queue of 4. memory: MB over many
requests. batching: processor milliseconds per scan by batch. Needs httpx2, Linux, and the checkout installed
with `pip install -e`.
"""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from nii.analysis.record import analyse, record
from nii.io.read import decode_scan
from nii.model.detector import Detector
from nii.run.batch import ModelPool
from serving.deploy import load

CLIENTS = 8  # of every figure but `load`
PATIENCE = 120.0  # seconds until a server must be ready
TICKS = os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def server(model: str, **settings: str) -> Iterator[tuple[str, int, float]]:
    """`nii serve` in a process of its own: address, process number, seconds until it was ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    program = str(Path(sys.executable).with_name("nii"))
    command = [program, "serve", "--port", address.rsplit(":", 1)[1], "--model", model]
    started = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=os.environ | settings)  # noqa: S603 - our own
    try:
        wait_until_ready(address, process)
        yield address, process.pid, time.perf_counter() - started
    finally:
        process.terminate()
        process.wait()


def wait_until_ready(address: str, process: "subprocess.Popen[bytes]") -> None:
    """Ask until the answer is 200; ends the program if the server ends first."""
    end = time.perf_counter() + PATIENCE
    while time.perf_counter() < end and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(f"{address}/readyz", timeout=2).close()  # noqa: S310 - loopback
            return
        time.sleep(0.01)
    sys.exit("the server was not ready; run `nii serve` to see why")


def megabytes(pid: int) -> float:
    """Resident memory now."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def processor_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def start(given: argparse.Namespace) -> None:
    """Start-up, several times."""
    for _ in range(given.repeat):
        with server(given.model) as (_, pid, seconds):
            print(f"ready after {seconds:.2f} s with {megabytes(pid):.0f} MB", flush=True)


def overhead(given: argparse.Namespace) -> None:
    """Service and library in turns, so that a busy machine is busy for both."""
    scans = contents(given.scans)
    models = ModelPool(given.model, threads=1)
    workers = len(os.sched_getaffinity(0))
    ratios = []
    with server(given.model) as (address, pid, _):
        for _ in range(given.repeat):
            before = processor_seconds(pid)
            outcome = asyncio.run(load.measure(address, scans, CLIENTS, given.seconds, ""))
            served = (processor_seconds(pid) - before) / len(outcome.seconds)
            called, n = library(scans, models, workers, given.seconds)
            ratios.append(served / called - 1)
            print(
                f"service {1000 * served:.1f} ms of processor per scan ({len(outcome.seconds)} scans, "
                f"{dict(outcome.statuses)}), library {1000 * called:.1f} ms ({n}): {100 * ratios[-1]:+.1f} %",
                flush=True,
            )
    print(f"overhead, median of {given.repeat}: {100 * float(np.median(ratios)):+.1f} %")


def library(scans: list[bytes], models: ModelPool, workers: int, seconds: float) -> tuple[float, int]:
    """Processor seconds per scan of decode, analyse, record and JSON in threads of this process, and the scans."""

    def score(data: bytes) -> None:
        scan = decode_scan(data, "scan")
        json.dumps(record(analyse(scan, models.for_scan(scan))))

    score(scans[0])
    before, end, done = time.process_time(), time.perf_counter() + seconds, 0
    with ThreadPoolExecutor(workers) as pool:
        while time.perf_counter() < end:
            list(pool.map(score, scans * workers))
            done += len(scans) * workers
    return (time.process_time() - before) / done, done


def loads(given: argparse.Namespace) -> None:
    """1, 8 and 64 clients, then more than the queue takes."""
    scans = contents(given.scans)
    with server(given.model) as (address, _, _):
        for clients in (1, 8, 64):
            print(one_load(address, scans, clients, given.seconds), flush=True)
    with server(given.model, NII_WAITING="4") as (address, _, _):
        print("a queue of 4:", one_load(address, scans, 64, given.seconds), flush=True)


def one_load(address: str, scans: list[bytes], clients: int, seconds: float) -> str:
    """One line of figures."""
    started = time.perf_counter()
    outcome = asyncio.run(load.measure(address, scans, clients, seconds, ""))
    return load.line(clients, outcome, time.perf_counter() - started)


def memory(given: argparse.Namespace) -> None:
    """Resident memory in ten steps."""
    scans = contents(given.scans)
    with server(given.model) as (address, pid, _):
        print(f"    0 requests: {megabytes(pid):.0f} MB", flush=True)
        done = 0
        while done < given.requests:
            outcome = asyncio.run(load.measure(address, scans, CLIENTS, 3600, "", most=given.requests // 10))
            done += len(outcome.seconds)
            print(f"{done:5d} requests: {megabytes(pid):.0f} MB, {dict(outcome.statuses)}", flush=True)


def batching(given: argparse.Namespace) -> None:
    """The network alone, one thread."""
    detector = Detector.load(given.model, threads=1)
    n = len(detector.contract.energies)
    for shape in ((256, 384), (432, 1088)):
        pixels = np.random.default_rng(0).normal(0.5, 0.1, (8, n, *shape)).astype(np.float32)
        best = {b: min(batch_ms(detector, pixels, b) for _ in range(3)) for b in (1, 2, 4, 8)}
        print(f"{shape[0]}x{shape[1]}:", ", ".join(f"{ms:.1f} ms per scan in batches of {b}" for b, ms in best.items()))


def batch_ms(detector: Detector, pixels: np.ndarray, batch: int) -> float:
    """Processor milliseconds per scan."""
    started = time.process_time()
    for first in range(0, len(pixels), batch):
        detector.session.run(None, {"transmission": pixels[first : first + batch]})
    return 1000 * (time.process_time() - started) / len(pixels)


def contents(paths: list[Path]) -> list[bytes]:
    """The files."""
    return [path.read_bytes() for path in paths]


COMMANDS: dict[str, Callable[[argparse.Namespace], None]] = {
    "start": start, "overhead": overhead, "load": loads, "memory": memory, "batching": batching,
}  # fmt: skip


def main() -> None:
    """Parse and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("scans", nargs="*", type=Path)
    parser.add_argument("--model", default="cargo")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--requests", type=int, default=5000)
    given = parser.parse_args()
    if given.command in ("overhead", "load", "memory") and not given.scans:
        parser.error(f"{given.command}: expected scan files, came none")
    COMMANDS[given.command](given)


if __name__ == "__main__":
    main()
