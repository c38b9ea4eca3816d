"""Load from a process of its own: requests per second and latency at 1, 8 and 64 clients.

    python serving/deploy/load.py http://127.0.0.1:8000 SCAN... [--clients 1,8,64] [--seconds 15] [--key KEY]

Answers of 429 are counted and, as a good client does, tried again after Retry-After. Needs httpx2.
"""

import argparse
import asyncio
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx2


@dataclass
class Outcome:
    """Latencies in seconds of the answers with a score, and how often each status came."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)


async def client_loop(
    http: httpx2.AsyncClient, scans: list[bytes], first: int, until: float, most: int | None, outcome: Outcome
) -> None:
    """Post scans one after the other until the time is over, or all clients together have `most` answers."""
    number = first
    while time.perf_counter() < until and (most is None or len(outcome.seconds) < most):
        started = time.perf_counter()
        try:
            answer = await http.post("/v1/scans", files={"file": ("scan", scans[number % len(scans)])})
        except httpx2.HTTPError as error:
            outcome.statuses[type(error).__name__] += 1
            continue
        outcome.statuses[str(answer.status_code)] += 1
        if answer.status_code == 200:
            outcome.seconds.append(time.perf_counter() - started)
            number += 1
        elif answer.status_code == 429:
            await asyncio.sleep(float(answer.headers["Retry-After"]))


async def measure(
    address: str, scans: list[bytes], clients: int, seconds: float, key: str, most: int | None = None
) -> Outcome:
    """All clients at once. most: answers after which they stop before their time; None is no such number."""
    outcome = Outcome()
    limits = httpx2.Limits(max_connections=clients)
    headers = {"X-API-Key": key} if key else {}
    async with httpx2.AsyncClient(base_url=address, timeout=120, limits=limits, headers=headers) as http:
        until = time.perf_counter() + seconds
        await asyncio.gather(*(client_loop(http, scans, n, until, most, outcome) for n in range(clients)))
    return outcome


def line(clients: int, outcome: Outcome, seconds: float) -> str:
    """One line of figures."""
    found = sorted(outcome.seconds)
    if len(found) < 2:
        return f"{clients:3d} clients: {len(found)} answers, {dict(outcome.statuses)}"
    p50, p95, p99 = (statistics.quantiles(found, n=100, method="inclusive")[p - 1] for p in (50, 95, 99))
    rate = len(found) / seconds
    return (
        f"{clients:3d} clients: {rate:7.2f} scans/s, p50 {1000 * p50:7.0f} ms, p95 {1000 * p95:7.0f} ms, "
        f"p99 {1000 * p99:7.0f} ms, {dict(outcome.statuses)}"
    )


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address")
    parser.add_argument("scans", nargs="+", type=Path)
    parser.add_argument("--clients", default="1,8,64")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--key", default="")
    given = parser.parse_args()
    scans = [path.read_bytes() for path in given.scans]
    for clients in (int(n) for n in given.clients.split(",")):
        started = time.perf_counter()
        outcome = asyncio.run(measure(given.address, scans, clients, given.seconds, given.key))
        print(line(clients, outcome, time.perf_counter() - started), flush=True)


if __name__ == "__main__":
    main()
