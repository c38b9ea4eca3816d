"""Crews: the same work by many processes, in order, whatever happens to one of them.

A crew keeps a few chunks per worker on the way, so that memory depends on the workers alone. When workers
die, what was on the way is done again; an item on which they die every time is found and given up.
"""

import logging
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import TypeVar

from nii.errors import UsageError

AHEAD = 3  # chunks on the way per worker
TRIES = 2  # of an item by itself, before it is given up
CONNECT = "10s"  # to a Dask scheduler

Item = TypeVar("Item")
Made = TypeVar("Made")


class Crew:
    """Workers on this machine or on others; `processes` and `dask_cluster` make one.

    start: gives workers, n of them or (None) all. stop: ends them and drops what waits. died: what is raised
    when one dies. size: their number now.
    """

    def __init__(
        self,
        start: Callable[[int | None], Executor],
        stop: Callable[[Executor], None],
        died: type[Exception],
        size: Callable[[], int],
    ) -> None:
        self.start, self.stop, self.died, self.size = start, stop, died, size

    def map(
        self,
        work: Callable[[Sequence[Item]], list[Made]],
        chunks: Iterator[Sequence[Item]],
        lost: Callable[[Item], Made],
    ) -> Iterator[list[Made]]:
        """What `work` makes of each chunk, in their order. lost: what stands for an item that kills its worker."""
        workers = self.start(None)
        waiting: deque[tuple[Sequence[Item], Future[list[Made]]]] = deque()
        try:
            while True:
                while len(waiting) < AHEAD * self.size() and (chunk := next(chunks, None)) is not None:
                    waiting.append((chunk, self._submit(workers, work, chunk)))
                if not waiting:
                    return
                chunk, future = waiting.popleft()
                try:
                    made = future.result()
                except self.died:
                    made = self._one_by_one(work, chunk, lost)
                    self.stop(workers)
                    workers = self.start(None)
                    waiting = deque((c, f if _good(f) else self._submit(workers, work, c)) for c, f in waiting)
                yield made
        finally:
            self.stop(workers)

    def _submit(
        self, workers: Executor, work: Callable[[Sequence[Item]], list[Made]], chunk: Sequence[Item]
    ) -> Future[list[Made]]:
        """The result to come; workers that are dead already say so when it is asked for."""
        try:
            return workers.submit(work, chunk)
        except self.died as error:
            future: Future[list[Made]] = Future()
            future.set_exception(error)
            return future

    def _one_by_one(
        self, work: Callable[[Sequence[Item]], list[Made]], chunk: Sequence[Item], lost: Callable[[Item], Made]
    ) -> list[Made]:
        """A chunk by one worker, item by item: so the one that kills its worker is known."""
        found: list[Made] = []
        worker = self.start(1)
        for item in chunk:
            for _ in range(TRIES):
                try:
                    found += worker.submit(work, [item]).result()
                    break
                except self.died:
                    self.stop(worker)
                    worker = self.start(1)
            else:
                found.append(lost(item))
        self.stop(worker)
        return found


def _good(future: "Future[list[Made]]") -> bool:
    """Whether a future has its result already."""
    return future.done() and not future.cancelled() and future.exception() is None


def processes(workers: int) -> Crew:
    """A crew of processes on this machine."""

    def start(n: int | None) -> Executor:
        return process_pool(n or workers, _live_and_die_with_the_first)

    def stop(pool: Executor) -> None:
        pool.shutdown(wait=False, cancel_futures=True)

    return Crew(start, stop, BrokenProcessPool, lambda: workers)


def process_pool(workers: int, begin: Callable[[], object] | None = None) -> ProcessPoolExecutor:
    """Processes that each call `begin` first. Raises UsageError where the system has no memory for them to share."""
    context = multiprocessing.get_context("spawn")  # a forked copy of a process with threads may hang
    try:
        return ProcessPoolExecutor(workers, context, initializer=begin)
    except (OSError, ImportError, NotImplementedError) as error:
        raise UsageError(
            f"workers: expected shared memory (/dev/shm) for several processes, came: {error}; use one worker"
        ) from None


def _live_and_die_with_the_first() -> None:
    """Ctrl-C ends a worker without a word, and so does the end of the process that started it, even by kill -9."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(1))
    first = multiprocessing.parent_process()
    if first is not None:
        threading.Thread(target=_end_after, args=(first,), daemon=True).start()


def _end_after(process: BaseProcess) -> None:
    process.join()
    os._exit(1)


@contextmanager
def dask_cluster(address: str, workers: int) -> Iterator[Crew]:
    """A crew of the workers of a Dask cluster: at an address, or "local" for one with this many workers here.

    Dask runs again what was lost with a worker. Raises UsageError if dask isn't installed or nobody answers.
    """
    try:
        from distributed import Client, KilledWorker, LocalCluster
    except ImportError:
        raise UsageError("--cluster: expected the package distributed, came none; pip install 'nii[cluster]'") from None
    local = None
    if address == "local":
        process_pool(1).shutdown()  # dask waits for ever where there is no memory to share
        with _interrupts_ignored():
            local = LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs=logging.ERROR
            )
    try:
        client = Client(local or address, timeout=CONNECT)
    except (OSError, ValueError) as error:
        raise UsageError(f"--cluster: expected a Dask scheduler at {address}, came {error}") from None
    try:
        yield Crew(
            start=lambda _: client.get_executor(pure=False),
            stop=lambda executor: executor.shutdown(wait=False),
            died=KilledWorker,
            size=lambda: max(sum(client.nthreads().values()), 1),
        )
    finally:
        client.close()
        if local is not None:
            local.close()


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """What is started in here doesn't hear Ctrl-C, which a terminal sends to all; who started it ends it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
