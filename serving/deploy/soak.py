"""Minutes of good and hostile clients at once on a server of its own: does it restart, does its memory stay flat?

    python serving/deploy/soak.py SCAN... [--minutes 30] [--model M] [--good 3] [--hostile 2]

A line a minute: resident memory of the server and its decoders, answers to good scans and their 95th percentile,
statuses that hostile clients got. The last line says how often the server started again (it doesn't by itself: 0 or the
end of the run), what was answered 500, and how memory after the first third compares with that of the last one. Needs
httpx2, Linux, and the checkout installed with `pip install -e`.
"""

import argparse
import asyncio
import contextlib
import itertools
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import httpx2

from serving.deploy.hostile import DECLARED, FILES, chunk_extension
from serving.deploy.load import Outcome, client_loop
from serving.deploy.measure import contents, megabytes, server

PATIENCE = 120.0  # seconds for an answer
HELD = 60  # connections that a crowd opens and holds
GROWN = 1.1  # times the memory of the first third, in the last one, that still counts as flat

Attack = Callable[[], Awaitable[str]]


def attacks(address: str, scan: bytes) -> Iterator[tuple[str, Attack]]:
    """What a hostile client does, one after the other and again: its name, and what returns the status it got."""
    host, port = address.removeprefix("http://").split(":")
    files = [(name, make()) for name, make in FILES.items()]

    async def posted(data: bytes, **options: str) -> str:
        async with httpx2.AsyncClient(base_url=address, timeout=PATIENCE) as http:
            answer = await http.post("/v1/scans", files={"file": ("x", data)}, data=options)
        return str(answer.status_code)

    async def sent(data: bytes) -> str:
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(data)
            await writer.drain()
            return (await asyncio.wait_for(reader.read(12), PATIENCE))[9:12].decode("ascii", "replace") or "closed"
        finally:
            writer.close()

    async def trickled() -> str:
        _, writer = await asyncio.open_connection(host, int(port))
        for byte in b"POST /v1/scans HTTP/1.1\r\n":
            writer.write(bytes([byte]))
            await asyncio.sleep(0.1)
        writer.close()
        return "left"

    async def crowded() -> str:
        some = await asyncio.gather(*(asyncio.open_connection(host, int(port)) for _ in range(HELD)))
        await asyncio.sleep(1)
        for _, writer in some:
            writer.close()
        return "left"

    async def left() -> str:
        with contextlib.suppress(httpx2.HTTPError):
            async with httpx2.AsyncClient(base_url=address, timeout=0.05) as http:
                await http.post("/v1/scans", files={"file": ("x", scan)})
        return "left"

    once: list[tuple[str, Attack]] = [(name, lambda data=data: posted(data)) for name, data in files]  # type: ignore[misc] # bound now
    once += [(name, lambda text=text: posted(scan, declared=text)) for name, text in DECLARED.items()]  # type: ignore[misc]
    once += [
        ("chunk extension", lambda: sent(chunk_extension())),
        ("no HTTP", lambda: sent(b"\x16\x03\x01" * 100 + b"\r\n\r\n")),
        ("cut scan", lambda: posted(scan[: len(scan) // 2])),
        ("slow head", trickled),
        ("crowd", crowded),
        ("client that leaves", left),
    ]
    return itertools.cycle(once)


async def attack(todo: Iterator[tuple[str, Attack]], until: float, got: Counter[str]) -> None:
    """One hostile client until the time is over."""
    while time.perf_counter() < until:
        name, run = next(todo)
        try:
            got[f"{name}: {await run()}"] += 1
        except (TimeoutError, httpx2.HTTPError, OSError) as error:
            got[f"{name}: {type(error).__name__}"] += 1


def family(pid: int) -> list[int]:
    """A process and those that it started."""
    with contextlib.suppress(OSError):
        tasks = Path(f"/proc/{pid}/task").glob("*/children")
        return [pid, *(int(child) for task in tasks for child in task.read_text().split())]
    return [pid]


def weight(pid: int) -> float:
    """MB of a process and its children; 0 once it has ended."""
    total = 0.0
    for one in family(pid):
        with contextlib.suppress(OSError, StopIteration):
            total += megabytes(one)
    return total


async def soak(address: str, pid: int, scans: list[bytes], given: argparse.Namespace) -> int:
    """Load and reports; the exit status."""
    started = time.perf_counter()
    until = started + 60 * given.minutes
    weights: list[tuple[float, float]] = []
    outcome, got = Outcome(), Counter[str]()

    async def watch() -> None:
        minute = 1
        while time.perf_counter() < until:
            await asyncio.sleep(1)
            weights.append((time.perf_counter() - started, weight(pid)))
            if weights[-1][0] > 60 * minute:
                print(line(minute, weights, outcome, got), flush=True)
                minute += 1

    async with httpx2.AsyncClient(base_url=address, timeout=PATIENCE) as http:
        todo = attacks(address, scans[0])
        good = [client_loop(http, scans, n, until, None, outcome) for n in range(given.good)]
        await asyncio.gather(watch(), *good, *(attack(todo, until, got) for _ in range(given.hostile)))
    return verdict(weights, outcome, got)


def line(minute: int, weights: list[tuple[float, float]], outcome: Outcome, got: Counter[str]) -> str:
    """One minute in figures."""
    last = [mb for at, mb in weights if at > 60 * (minute - 1)]
    slow = f"{1000 * statistics.quantiles(outcome.seconds, n=20)[-1]:.0f} ms" if len(outcome.seconds) > 1 else "-"
    return (
        f"minute {minute:2d}: {min(last):.0f} to {max(last):.0f} MB; good: {dict(outcome.statuses)}, p95 {slow}; "
        f"hostile: {sum(got.values())}"
    )


def verdict(weights: list[tuple[float, float]], outcome: Outcome, got: Counter[str]) -> int:
    """What came of it all, printed; 0 if the server lived, answered no 500 and its memory is flat."""
    thirds = len(weights) // 3
    early, late = (
        statistics.median(mb for _, mb in part) for part in (weights[thirds : 2 * thirds], weights[-thirds:])
    )
    broken = {name: n for name, n in got.items() if name.endswith(": 500")}
    ended = any(mb == 0 for _, mb in weights)
    for name, n in sorted(got.items()):
        print(f"  {n:5d} x {name}")
    print(
        f"{'the server ended' if ended else 'no restart'}; 500: {outcome.statuses['500']} to good clients, "
        f"{broken or 'none'} to hostile ones; {len(outcome.seconds)} good answers; memory {early:.0f} MB in the middle "
        f"third, {late:.0f} MB in the last ({late / early - 1:+.1%}), at most {max(mb for _, mb in weights):.0f} MB"
    )
    return int(ended or bool(broken) or outcome.statuses["500"] > 0 or late > GROWN * early)


def main() -> None:
    """Parse, run, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", nargs="+", type=Path)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--model", default="cargo")
    parser.add_argument("--good", type=int, default=3)
    parser.add_argument("--hostile", type=int, default=2)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        server(given.model, NII_STORE=f"sqlite:///{folder}/records.db", NII_CONNECTIONS="100") as (address, pid, _),
    ):
        sys.exit(asyncio.run(soak(address, pid, contents(given.scans), given)))


if __name__ == "__main__":
    main()
