"""How far long work is, with rate and time left: a bar on a terminal, a plain line now and then elsewhere."""

import sys
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, TypeVar

EVERY = 10.0  # seconds between plain lines

T = TypeVar("T")


class bar:  # noqa: N801 - reads as a function in `with bar(...)`
    """Shows progress on standard error; `with` gives a function that takes the number done.

    done: what was done before; the rate counts from there.
    """

    def __init__(self, what: str, total: int, *, done: int = 0) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.what, self.total, self.done = what, total, done
        self.last = self.started = time.monotonic()
        console = Console(stderr=True)
        columns = (
            TextColumn(what),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        self.progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self.task = self.progress.add_task(what, total=total, completed=done, rate="")

    def __enter__(self) -> Any:
        self.progress.start()
        return self.show

    def show(self, done: int) -> None:
        """Take the number done."""
        now = time.monotonic()
        rate = (done - self.done) / max(now - self.started, 1e-6)
        self.progress.update(self.task, completed=done, rate=f"{rate:.3g}/s")
        if self.progress.disable and now - self.last >= EVERY:
            self.last = now
            left = timedelta(seconds=round((self.total - done) / rate)) if rate else "unknown"
            sys.stderr.write(f"{self.what}: {done} of {self.total}, {rate:.3g}/s, time left {left}\n")

    def __exit__(self, *_: object) -> None:
        self.progress.stop()


def watched(items: Iterable[T], total: int, what: str, *, done: int = 0) -> Iterator[T]:
    """The items, with their progress; done: how many were there before."""
    with bar(what, total, done=done) as progress:
        for number, item in enumerate(items, start=done + 1):
            yield item
            progress(number)
