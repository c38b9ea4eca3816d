"""What a simulated scan costs: time, size, scans per second by processes, memory, bytes on disk.

    python datasets/benchmark_simulate.py

Each kind is drawn and written as a scan set, in a temporary folder. "40-ft" are the cargo scenes in a 40-ft container
as the preset "portal-6mv" sees them at 5 mm; they are not written. Processor time is given beside the clock, since
that of a busy machine means little. The first scans, which load tables, are left out. Some minutes on one free core.
"""

import resource
import tempfile
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from nii.io.scanset import read_set
from nii.simulate.scanner.presets import PRESETS
from nii.simulate.sets.generate import simulate_set
from nii.simulate.sets.scan import simulate

SEED = 5001
SCANS = {"cargo": 10, "vehicle": 12, "parcel": 80}
LONG_SCANS = 6
SHOWN_AT_MM, SORTED_AT_MM = 5.0, 60.0  # pitch of the 40-ft scans, and of the pictures by which they are found
PORTAL = PRESETS["portal-6mv"]


def long_containers() -> None:
    """Milliseconds and megapixels of 40-ft scans, one process, nothing written."""
    coarse, fine = (replace(PORTAL, pitch_mm=(pitch, pitch)) for pitch in (SORTED_AT_MM, SHOWN_AT_MM))
    kinds = ((i, simulate("cargo", SEED, i, concealed=True, scanner=coarse).conveyance) for i in range(1000))
    found = list(islice((i for i, kind in kinds if kind == "40ft"), LONG_SCANS + 1))
    spent, pixels = [], []
    for index in found:
        clock, cpu = time.perf_counter(), time.process_time()
        scan = simulate("cargo", SEED, index, concealed=True, scanner=fine)
        spent.append((1000 * (time.perf_counter() - clock), 1000 * (time.process_time() - cpu)))
        pixels.append(scan.measured[0].size / 1e6)
    clock_ms, cpu_ms = np.median(spent[1:], axis=0)
    print(
        f"40-ft: {LONG_SCANS} scans of {min(pixels):.2f} to {max(pixels):.2f} Mpx, median {clock_ms:.0f} ms "
        f"({cpu_ms:.0f} ms of processor), {peak_mb(resource.RUSAGE_SELF)} MB"
    )


def whole_set(kind: str, workers: int) -> None:
    """Scans per second of a set, with writing; size on disk."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set"
        cpu = processor_s()
        steps = simulate_set(kind, out, scans=SCANS[kind], concealed=0.5, seed=SEED, workers=workers)
        ends = [time.perf_counter() for _ in steps]
        cpu = processor_s() - cpu
        first = 2 * workers  # scans that load tables; the first end is the begin
        rate = (SCANS[kind] - first) / (ends[-1] - ends[first])
        megabytes = [sum(file.stat().st_size for file in (out / part).iterdir()) / 1e6 for part in ("scans", "truth")]
        sizes = [entry.size[0] * entry.size[1] / 1e6 for entry in read_set(out).entries if entry.size]
        memory = peak_mb(resource.RUSAGE_SELF if workers == 1 else resource.RUSAGE_CHILDREN)
        print(
            f"{kind}, processes: {workers}: {SCANS[kind]} scans, median {np.median(sizes):.2f} Mpx, "
            f"{rate:.2f} scans/s, {1000 * cpu / SCANS[kind]:.0f} ms of processor each, {memory} MB, on disk "
            f"{megabytes[0] / SCANS[kind]:.2f} MB a scan and {megabytes[1] / SCANS[kind]:.2f} MB its truth"
        )


def processor_s() -> float:
    """Processor time of this process and of those that it started and that have ended."""
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


def peak_mb(who: int) -> int:
    """Largest resident memory so far, of this process or of one that it started."""
    return round(resource.getrusage(who).ru_maxrss / 1000)


def main() -> None:
    """Measure everything; the smallest scans first, since memory is the largest so far."""
    for kind in ("parcel", "vehicle", "cargo"):
        for workers in (1, 2):
            whole_set(kind, workers)
    long_containers()


if __name__ == "__main__":
    main()
