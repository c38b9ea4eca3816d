"""Scoring many scans: one record each in their order, errors as records, the rest goes on.

A run is the same whatever scores it: this process, several, or a Dask cluster. Memory holds the scans in
work and the rows of one part of the table, however many scans there are.
"""

import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from hashlib import sha256
from itertools import groupby, islice, tee
from pathlib import Path
from typing import Any, NamedTuple

from nii import __version__
from nii.analysis.declared.check import Question, question
from nii.analysis.record import COLUMNS, Result, error_record, judge, record
from nii.errors import CalibrationError, NiiError, ScanError, ScanSetError
from nii.io.apart import decode_apart, start_decoders
from nii.io.marks import may_replace
from nii.io.picture import one_line
from nii.io.read import read_file, split_pair
from nii.io.remote import is_remote, list_remote
from nii.io.scanset import SCAN_SUFFIXES, list_scans, read_listed
from nii.model.contract import Contract, read_contract
from nii.model.detector import Detector, choose_model, find_model, inference_shape, read_model, shipped_models
from nii.run.drift import DriftMonitor
from nii.run.parts import Parts
from nii.scan import Scan
from nii.workers import Crew

CHUNK = 8  # scans that a worker takes at a time
PICTURE, WITHOUT, REPORT = ".png", ".without.png", ".dcs"
LONGEST_STEM = 200  # bytes of the name of a picture without its ending; file systems take 255 of a whole one
Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class BatchSettings:
    """How scans are scored; travels to the workers.

    model: shipped name or path; None chooses one by the kind of scan. pfa: the budget. unseen: share of the
    load that may be opaque, None: what is usual. threads: of one
    inference, 0 takes all cores. overlays, tdr: folders for pictures and reports; None makes none. declared: what
    was declared of every scan. registry: file of registered pill presses.
    """

    model: str | None = None
    pfa: float = 0.01
    unseen: float | None = None
    threads: int = 0
    overlays: Path | None = None
    tdr: Path | None = None
    declared: str | None = None
    registry: Path | None = None


class Task(NamedTuple):
    """One scan to score: its source, and the file name of its pictures and report."""

    source: str
    name: str


@dataclass(eq=False)
class ModelPool:
    """Detectors by name, each loaded once; `model` of None chooses one by the kind of scan.

    drift: watches the scanners of the scans that they score.
    """

    model: str | None = None
    threads: int = 0
    loaded: dict[str, Detector] = field(default_factory=dict)
    drift: DriftMonitor = field(default_factory=DriftMonitor)

    def for_scan(self, scan: Scan) -> Detector:
        """The detector for a scan. Raises ModelError."""
        return self.named(self.model or choose_model(scan))

    def named(self, name: str) -> Detector:
        """The detector of a shipped name or path. Raises ModelError."""
        if name not in self.loaded:
            self.loaded[name] = Detector.load(name, threads=self.threads)
        return self.loaded[name]


@dataclass(frozen=True, eq=False)
class ScoredFile:
    """One input: its record, and the result behind it (None if it failed)."""

    record: Row
    result: Result | None


def score_files(
    sources: Iterable[str], models: ModelPool, pfa: float, asked: Question | None = None, *, unseen: float | None = None
) -> Iterator[ScoredFile]:
    """Score each source in order; the next one is read meanwhile.

    asked: what was declared of every one. unseen: share of the load that may be opaque, None: what is usual.

    Raises ModelError for a model that can't be loaded at all and CalibrationError for a budget that none of
    its calibrations supports: both are the same for every scan. Whatever is wrong with a scan is a record, and
    so is a budget that the calibration of its scanner alone doesn't support.
    """
    start_decoders()  # while the model is loaded
    if models.model is not None:
        models.named(models.model)
    ready = (_ready(source, coming, models) for source, coming in _read_ahead(sources))
    for _, alike in groupby(ready, _Ready.size):
        while group := _group(alike):
            yield from _scored_together(group, pfa, asked, unseen)


@dataclass(frozen=True, eq=False)
class _Ready:
    """One input, read: its scan and the detector for it, or what is wrong with it."""

    source: str
    scan: Scan | None = None
    detector: Detector | None = None
    milliseconds: float = 0.0
    error: str = ""

    def size(self) -> tuple[str, tuple[int, ...]] | None:
        """What scans that the network takes at once have in common; None of an input that can't be scored."""
        if self.scan is None or self.detector is None:
            return None
        return self.detector.sha256, inference_shape(self.scan, self.detector.contract)


def _ready(source: str, coming: "Future[tuple[Scan, float]]", models: ModelPool) -> _Ready:
    try:
        scan, milliseconds = coming.result()
        return _Ready(source, scan, models.for_scan(scan), milliseconds)
    except Exception as error:  # noqa: BLE001 - nothing that one scan does ends a batch
        return _Ready(source, error=_why(source, error))


def _why(source: str, error: Exception) -> str:
    """The line of a failed scan; what other libraries raise says no more than its kind and first line."""
    if isinstance(error, NiiError):
        return str(error)
    return f"{source}: expected a scan that can be scored, came {type(error).__name__}: {one_line(error)}"


def _group(alike: Iterator[_Ready]) -> list[_Ready]:
    """The next few that the network takes at once, empty at the end."""
    first = next(alike, None)
    if first is None:
        return []
    return [first, *islice(alike, first.detector.at_once - 1 if first.detector else 0)]


def _scored_together(
    group: list[_Ready], pfa: float, asked: Question | None, unseen: float | None
) -> Iterator[ScoredFile]:
    """The records of a group: one after the other where something is wrong with one of them."""
    first, started = group[0], time.perf_counter()
    if first.detector is None:
        yield ScoredFile(error_record(first.source, first.error), None)
        return
    scans = [one.scan for one in group if one.scan is not None]
    try:
        found = first.detector.layers_of(scans)
    except Exception as error:  # noqa: BLE001 - as above
        if len(group) == 1:
            yield ScoredFile(error_record(first.source, _why(first.source, error)), None)
        else:
            for one in group:
                yield from _scored_together([one], pfa, asked, unseen)
        return
    infer = 1000 * (time.perf_counter() - started) / len(group)
    for one, scan, layers in zip(group, scans, found, strict=True):
        try:
            result = judge(scan, layers, first.detector, pfa, asked, unseen=unseen, milliseconds=infer)
            result.milliseconds["read"] = one.milliseconds
            scored = ScoredFile(record(result), result)
        except Exception as error:
            if isinstance(error, CalibrationError) and not supported(first.detector.contract, pfa):
                raise
            scored = ScoredFile(error_record(one.source, _why(one.source, error)), None)
        yield scored


def _read_ahead(sources: Iterable[str]) -> Iterator[tuple[str, Future[tuple[Scan, float]]]]:
    """Each source and its scan to come; while one is scored, the next one is read."""
    with ThreadPoolExecutor(1) as reader:
        coming: list[tuple[str, Future[tuple[Scan, float]]]] = []
        for source in sources:
            coming.append((source, reader.submit(_read, source)))
            if len(coming) > 1:
                yield coming.pop(0)
        yield from coming


def _read(source: str) -> tuple[Scan, float]:
    """A scan, and the milliseconds that reading it took."""
    started = time.perf_counter()
    scan = read_listed(source, decode_apart)
    return scan, 1000 * (time.perf_counter() - started)


def supported(contract: Contract, pfa: float) -> bool:
    """Whether any calibration of a model supports a budget."""
    return any(calibration.smallest_pfa <= pfa for calibration in contract.calibrations)


def score_tasks(settings: BatchSettings, tasks: Iterable[Task]) -> Iterator[Row]:
    """Score in this process: records in order; pictures and reports are written besides. Raises as `score_files`."""
    ours, theirs = tee(tasks)
    models, asked = _models(settings.model, settings.threads), question(settings.declared, settings.registry)
    scored_files = score_files((one.source for one in theirs), models, settings.pfa, asked, unseen=settings.unseen)
    for task, scored in zip(ours, scored_files, strict=True):
        row = scored.record
        try:
            if scored.result is not None:
                _write_beside(settings, task, scored.result)
        except NiiError:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            row = error_record(task.source, _why(task.source, error))
        yield row


def score_chunk(settings: BatchSettings, tasks: Sequence[Task]) -> list[Row]:
    """The work of one worker among others."""
    import cv2

    cv2.setNumThreads(1)
    return list(score_tasks(settings, tasks))


@cache
def _models(model: str | None, threads: int) -> ModelPool:
    """The models of this process: a worker loads each once."""
    return ModelPool(model, threads)


def _write_beside(settings: BatchSettings, task: Task, result: Result) -> None:
    """Pictures and report of one scan."""
    from nii.io.write import write_atomically
    from nii.show.overlay import overlay, png, without_layer
    from nii.show.tdr import write_report

    if settings.overlays is not None:
        write_atomically(settings.overlays / f"{task.name}{PICTURE}", png(overlay(result)))
        write_atomically(settings.overlays / f"{task.name}{WITHOUT}", png(without_layer(result)))
    if settings.tdr is not None:
        write_report(settings.tdr / f"{task.name}{REPORT}", result, read_file(split_pair(task.source)[0]))


class Sources:
    """Names of scans in a temporary file, so that memory doesn't grow with their number; use it in `with`."""

    def __init__(self, names: Iterable[str]) -> None:
        self.file = tempfile.TemporaryFile("w+", encoding="ascii")  # noqa: SIM115 - closed by __exit__
        self.count, digest = 0, sha256()
        for name in names:
            line = json.dumps(name) + "\n"
            self.file.write(line)
            digest.update(line.encode())
            self.count += 1
        self.sha256 = digest.hexdigest()

    def __enter__(self) -> "Sources":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def __iter__(self) -> Iterator[str]:
        self.file.seek(0)
        return map(json.loads, self.file)


class Run:
    """One table of records: what an earlier call has done of it, and the rest.

    sources: the scans. out: a table (.parquet, .jsonl, .csv), a folder for parts of it in Parquet, or None. A
    run that was killed, whenever and however, goes on with the same arguments; its rows are those of an
    undisturbed one. drift: of all scanners seen. Raises UsageError if `out` holds parts of another run,
    ModelError for a model that isn't there.
    """

    def __init__(self, sources: Sources, settings: BatchSettings, out: Path | None) -> None:
        self.sources, self.settings = sources, settings
        self.drift = DriftMonitor()
        self.done = 0
        self.parts = None if out is None else Parts.begin(out, _identity(sources, settings), COLUMNS)
        self._earlier = self._read_earlier()

    def earlier(self) -> Iterator[Row]:
        """The rows that are there already; those that were given before are not given again."""
        return self._earlier

    def _read_earlier(self) -> Iterator[Row]:
        for row in self.parts.rows() if self.parts else ():
            self._watch(row)
            self.done += 1
            yield row

    def rest(self, crew: Crew | None = None) -> Iterator[Row]:
        """Score what is left, in this process or by a crew, and finish the table.

        Raises as `score_files`, and OutputError where something can't be written. Whatever stops it, the rows so far
        are kept.
        """
        for _ in self.earlier():  # what the caller left of them
            pass
        try:
            for row in _scored(islice(self._tasks(), self.done, None), self.settings, crew):
                row["drift"] = self._watch(row)
                if self.parts:
                    self.parts.add(row)
                yield row
        finally:
            if self.parts:
                self.parts.save()
        if self.parts:
            self.parts.finish()

    def _watch(self, row: Row) -> str | None:
        if row["status"] == "error":
            return None
        return self.drift.observe(row, _contract(self.settings.model or row["model"].rpartition(" ")[0]))

    def _tasks(self) -> Iterator[Task]:
        places = _places(self.settings)
        used: dict[str, int] = {}
        return (Task(source, unique_stem(source, used, places) if places else "") for source in self.sources)

    def names(self) -> Iterator[str]:
        """File names of the pictures, in the order of the rows."""
        return (task.name for task in self._tasks())


def _scored(tasks: Iterator[Task], settings: BatchSettings, crew: Crew | None) -> Iterator[Row]:
    if crew is None:
        yield from score_tasks(settings, tasks)
        return
    chunks = iter(lambda: list(islice(tasks, CHUNK)), [])
    for rows in crew.map(partial(score_chunk, settings), chunks, _lost):
        yield from rows


def _lost(task: Task) -> Row:
    """The row of a scan on which workers die."""
    return error_record(
        task.source, f"{task.source}: expected a scan that can be scored, came one that kills its worker"
    )


def _identity(sources: Sources, settings: BatchSettings) -> dict[str, Any]:
    """What makes a run this one: the same gives the same rows."""
    names = [settings.model] if settings.model else shipped_models()
    return {
        "software": __version__,
        "scans": sources.count,
        "list_of_scans": sources.sha256,
        "models": [sha256(read_model(find_model(name))).hexdigest() for name in names],
        "pfa": settings.pfa,
        "unseen": settings.unseen,
        "overlays": settings.overlays and str(settings.overlays),
        "tdr": settings.tdr and str(settings.tdr),
        "declared": settings.declared,
        "registry": settings.registry and sha256(settings.registry.read_bytes()).hexdigest(),
    }


@cache
def _contract(model: str) -> Contract:
    """The contract of a model by name or path, without loading the network."""
    path = find_model(model)
    return read_contract(read_model(path), str(path))


def expand(sources: Iterable[str]) -> Iterator[str]:
    """Files as they are, folders and globs as the scans in them, in the order of their names."""
    for source in sources:
        try:
            if is_remote(source) and "," not in source:
                yield from list_remote(source, SCAN_SUFFIXES)
            else:
                yield from list_scans(source)
        except (ScanError, ScanSetError):
            yield source  # read_listed says what is wrong with it, as a record


def _places(settings: BatchSettings) -> list[tuple[Path, str]]:
    """Folder and ending of everything that is written beside a record."""
    pictures = [(settings.overlays, PICTURE), (settings.overlays, WITHOUT)] if settings.overlays else []
    return pictures + ([(settings.tdr, REPORT)] if settings.tdr else [])


def unique_stem(source: str, used: dict[str, int], places: Sequence[tuple[Path, str]] = ()) -> str:
    """A file name for pictures of this scan that no other scan of the run has, whatever the case of letters.

    used: names that are taken, and the number with which each may come again; this one is added. places: folder and
    ending of what is written; a file there that is no picture or report of ours, such as a scan, is never written
    over.
    """
    stem = _fitting(Path(split_pair(source)[0]).stem or "scan")
    number = used.get(stem.casefold(), 1)
    name = stem if number == 1 else f"{stem}-{number}"
    while used.keys() & _forms(name) or not all(may_replace(folder / f"{name}{ending}") for folder, ending in places):
        number += 1
        name = f"{stem}-{number}"
    used.update(dict.fromkeys(_forms(name), 2))
    used[stem.casefold()] = number + 1
    return name


def _forms(name: str) -> set[str]:
    """What pictures of this name would be taken for: "x.without" is also the second picture of "x"."""
    return {name.casefold(), f"{name}{WITHOUT}".removesuffix(PICTURE).casefold()}


def _fitting(stem: str) -> str:
    """A stem short enough for a name with any ending; a cut one ends with a hash of the whole."""
    if len(os.fsencode(stem)) <= LONGEST_STEM:
        return stem
    short = stem
    while len(os.fsencode(short)) > LONGEST_STEM:
        short = short[:-1]
    return f"{short}-{sha256(os.fsencode(stem)).hexdigest()[:8]}"
