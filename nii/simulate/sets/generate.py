"""Whole scan sets: many scans, by several processes, resumable, and never half a set that looks whole."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

from nii.errors import OutputError, ScanSetError, UsageError
from nii.simulate.scanner.presets import Scanner
from nii.simulate.sets.kinds import kind_of
from nii.simulate.sets.scan import SEEDS
from nii.simulate.sets.write import Job, SetRecipe, begin_set, finish_set, is_done, write_simulated
from nii.workers import process_pool


def simulate_set(
    kind: str,
    out: Path,
    *,
    scans: int,
    concealed: float,
    seed: int,
    workers: int = 1,
    scanner: Scanner | None = None,
    operator_images: bool = False,
    truth_only: bool = False,
    held_out: bool = False,
    unlisted: float = 0.0,
) -> Iterator[int]:
    """Write a scan set into the folder `out`; yields the number of scans done, for a progress bar.

    concealed: share of scans with a concealment. The same arguments give the same bytes, whatever the
    number of workers. Scans of an interrupted call with the same arguments are kept; annotations.json
    is written last, so a set without it is unfinished. scanner: one for all scans, else each draws its own.
    operator_images: pseudo-colour pictures of the same scans in place of their transmission. truth_only: no scans, only
    what training takes, in half the time. held_out: of loads, conveyances and scanners that training lacks; to validate
    on, never to train on. unlisted: share of loads of no kind; with any, concealments are drawn more broadly, too.
    Raises UsageError for impossible arguments, for a folder that holds another set and for one that can't be written,
    OutputError if the disk fills up, ScanSetError if a process was killed.
    """
    free = kind_of(kind, held_out=held_out).draw_unlisted is not None
    _check(scans, concealed, seed, workers, (unlisted, 1 if free else 0))
    given = "" if scanner is None else repr(scanner)
    recipe = SetRecipe(kind, seed, scans, concealed, given, operator_images, truth_only, held_out, unlisted)
    try:
        begin_set(out, recipe)
        todo = [job for job in jobs(scans, concealed) if not is_done(out, job[0])]
        yield scans - len(todo)
        yield from _work(partial(write_simulated, out, recipe, scanner=scanner), todo, scans, workers)
        finish_set(out, recipe)
    except OSError as error:
        raise OutputError(f"{out}: expected to write a scan set, came: {error.strerror or error}") from error


def jobs(scans: int, share: float) -> list[Job]:
    """(index, concealed) of each scan; concealed ones are spread evenly, so that any part of a set is mixed."""
    return [(i, int((i + 1) * share) > int(i * share)) for i in range(scans)]


def _check(scans: int, concealed: float, seed: int, workers: int, unlisted: tuple[float, int]) -> None:
    """unlisted: the share, and the most that this kind of scene has."""
    for name, value, least, most in (
        ("scans", scans, 1, SEEDS - 1),
        ("concealed", concealed, 0, 1),
        ("seed", seed, 0, SEEDS - 1),
        ("workers", workers, 1, 1024),
        ("unlisted", unlisted[0], 0, unlisted[1]),
    ):
        if not least <= value <= most:
            raise UsageError(f"{name}: expected {least} to {most}, came {value}")


def _work(write: "partial[None]", todo: list[Job], scans: int, workers: int) -> Iterator[int]:
    """Do the jobs, in this process or in several; yields the number of scans done."""
    before = scans - len(todo) + 1
    if workers == 1:
        for count, job in enumerate(todo, start=before):
            write(job)
            yield count
        return
    with process_pool(workers, _begin_worker) as pool:
        try:
            for count, _ in enumerate(pool.map(write, todo), start=before):
                yield count
        except BrokenProcessPool as error:
            raise ScanSetError("simulation: expected its processes to live, came one that was killed") from error


def _begin_worker() -> None:
    """Ctrl-C goes to every process of the terminal; only the first one shall act on it, and the others end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A pool's process waits for work for ever when the one that gives it is killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
