"""The worker pool: a bounded number of scans at a time, a bounded number waiting, the rest refused."""

import asyncio
import math
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from serving.problems import CLIENT_GONE, Problem

T = TypeVar("T")

LONGEST_RETRY = 60  # seconds
MEMORY = 0.9  # weight of the past in the mean duration of a job


class WorkerPool:
    """Threads that score; ONNX Runtime and OpenCV release the interpreter while they work.

    Jobs start in the order in which they were accepted. One whose client left or whose deadline passed
    while it waited never starts; one that runs can't be stopped, and its answer is dropped.
    """

    def __init__(self, workers: int, waiting: int) -> None:
        self.workers = workers
        self.capacity = workers + waiting
        self.accepted = 0  # waiting and running
        self._mean_seconds = 0.5
        self._lock = threading.Lock()  # `accepted` falls in whichever thread ends a job
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="score")

    @property
    def waiting(self) -> int:
        """Accepted jobs that no worker has taken up yet."""
        return max(self.accepted - self.workers, 0)

    async def run(self, job: Callable[[], T], *, seconds: float, gone: Callable[[], Awaitable[object]]) -> T:
        """The job's result.

        seconds: longest wait. gone: what it starts ends when the client has left. Raises Problem: 429 if the queue is
        full, 503 after the deadline.
        """
        submitted = self._submit(job)
        future = asyncio.wrap_future(submitted)
        watcher = asyncio.ensure_future(gone())
        both: set[asyncio.Future[Any]] = {future, watcher}
        try:
            await asyncio.wait(both, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if future.done():
                return future.result()
            if watcher.done():
                raise Problem(CLIENT_GONE, "client closed the connection")
            raise Problem(503, f"scan: expected an answer within {seconds:g} s, came none", self._retry())
        finally:
            watcher.cancel()
            submitted.cancel()  # does nothing to a job that runs or has ended
            future.cancel()
            del job, submitted, future, both  # an exception refers to this frame: uploads would wait for the collector

    def _submit(self, job: Callable[[], T]) -> "Future[T]":
        with self._lock:
            if self.accepted >= self.capacity:
                raise Problem(429, f"queue: expected at most {self.capacity} scans at a time, came more", self._retry())
            self.accepted += 1
        future = self._threads.submit(self._timed, job)
        future.add_done_callback(self._ended)
        return future

    def _timed(self, job: Callable[[], T]) -> T:
        started = time.perf_counter()
        try:
            return job()
        finally:
            self._mean_seconds = MEMORY * self._mean_seconds + (1 - MEMORY) * (time.perf_counter() - started)

    def _ended(self, _: object) -> None:
        with self._lock:
            self.accepted -= 1

    def _retry(self) -> dict[str, str]:
        """When the queue as it is now will have been worked off."""
        seconds = math.ceil(self.accepted * self._mean_seconds / self.workers)
        return {"Retry-After": str(min(max(seconds, 1), LONGEST_RETRY))}

    def close(self) -> None:
        """Wait for what runs, drop what waits."""
        self._threads.shutdown(wait=True, cancel_futures=True)
