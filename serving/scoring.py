"""The blocking part of a request: decode, score, write the answer. Runs in a worker thread."""

import io
import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nii import __version__
from nii.analysis.declared.check import Question
from nii.analysis.declared.registry import Entry
from nii.analysis.declared.words import read_declaration
from nii.analysis.record import Result, analyse, geometry, record
from nii.analysis.regions import Region
from nii.compare.changes import find_changes
from nii.errors import ModelError, NiiError, ScanError, TooManyPixelsError
from nii.io.apart import decode_apart
from nii.io.columns import as_json
from nii.io.read import SNIFFED, sniff
from nii.model.detector import Detector, shipped_models
from nii.run.batch import ModelPool
from nii.scan import Kind, Scan
from nii.show.overlay import overlay, png
from nii.show.tdr import write_report
from serving.log import LOGGER
from serving.problems import NotAScanError
from serving.settings import PROVIDERS, Settings
from serving.upload import DICOM, JSON, LAYERS, PNG, UploadRequest

if TYPE_CHECKING:
    from serving.store import RecordStore

WARM_SHAPE = (256, 512)  # rows, columns of the scan that warms a model
LARGEST_BUDGET = 0.3  # of the viewer's slider
BYTES = "application/octet-stream"
ENDINGS = {BYTES: "npy", DICOM: "dcs"}  # of the files in a multipart answer
TRACED = (
    "id",
    "time",
    "software",
    "sha256",
    "model",
    "model_sha256",
    "calibration",
    "pfa",
    "score",
    "p_value",
    "alarm",
    "not_seen_through",
)


@dataclass(frozen=True, eq=False)
class ScanResponse:
    """The body of an answer and its media type, with the record behind it."""

    body: bytes
    media_type: str
    record: dict[str, Any]


def load_models(settings: Settings) -> ModelPool:
    """Every model that a request may need.

    Raises ModelError for a model or a device that isn't there, CalibrationError if a calibration doesn't
    support the budget that requests get by default.
    """
    names = [settings.model] if settings.model else shipped_models()
    if not names:
        raise ModelError("NII_MODEL: expected a model, came none, and none ships with this installation")
    models = ModelPool(settings.model, settings.threads)
    for name in names:
        detector = Detector.load(name, threads=settings.threads, providers=PROVIDERS[settings.device])
        wanted = PROVIDERS[settings.device][0]
        if settings.device not in ("auto", "cpu") and wanted not in detector.providers:
            raise ModelError(f"NII_DEVICE: expected {wanted} to be available, came {', '.join(detector.providers)}")
        for calibration in detector.contract.calibrations:
            calibration.threshold(settings.pfa)
        models.loaded[name] = detector
    return models


def warm(models: ModelPool, pfa: float) -> None:
    """Score a made-up scan with every model and write all answers, so that the first request is not the slowest."""
    for detector in models.loaded.values():
        n = 3 if detector.contract.kind is Kind.OPERATOR_IMAGE else len(detector.contract.energies)
        pixels = np.random.default_rng(0).normal(0.5, 0.01, (n, *WARM_SHAPE)).astype(np.float32)
        pixels[:, 60:120, 100:200] *= 0.1
        energies = detector.contract.energies if n == len(detector.contract.energies) else ()
        scan = Scan(
            transmission=pixels,
            path="warm-up",
            kind=detector.contract.kind,
            energies=energies,
            pitch_mm=(detector.contract.pitch_mm[0],) * 2,
        )
        result = analyse(scan, detector, pfa)
        for write in WRITERS.values():
            write(result, service_record(result, {}), b"", None)


def score(
    asked: UploadRequest,
    models: ModelPool,
    most_pixels: int,
    accepted: float,
    *,
    store: "RecordStore | None" = None,
    registry: tuple[Entry, ...] | None = None,
    unseen: float | None = None,
) -> ScanResponse:
    """One scan from bytes to answer, which is in the store before it is returned.

    accepted: `time.perf_counter()` when the request joined the queue. registry: of pill presses. unseen: share of the
    load that may be opaque. Raises ScanError, ModelError, CalibrationError, and for what was declared UsageError and
    PhysicsError.
    """
    started = time.perf_counter()
    question = None if asked.declared is None else Question(read_declaration(asked.declared), registry)
    scan = decode(asked, most_pixels)
    read = time.perf_counter()
    earlier = decode_reference(asked, most_pixels)  # before the network works for a request that is refused
    with _faults_of(scan):
        result = analyse(scan, models.for_scan(scan), asked.pfa, question, unseen=unseen)
        result.milliseconds["read"] = 1000 * (read - started)
        timing = {"upload": asked.upload_ms, "queue": 1000 * (started - accepted), **result.milliseconds}
        found = service_record(result, timing)
        if earlier is not None:
            comparing = time.perf_counter()
            found["changes"] = as_json(find_changes(earlier, scan, pfa=asked.pfa).to_record())
            found["timing_ms"]["compare"] = round(1000 * (time.perf_counter() - comparing), 2)
        found["drift"] = models.drift.observe(found, result.contract)
        body, kind = WRITERS[asked.wanted](result, found, asked.files[0], earlier)
    if store is not None:
        store.keep(found, asked.files)
    return ScanResponse(body, kind, found)


@contextmanager
def _faults_of(scan: Scan) -> Iterator[None]:
    """What another library raises, and a lack of memory, is the scan's fault, and the log has all of it.

    Python's own exceptions are ours. Raises ScanError for the former.
    """
    try:
        yield
    except NiiError:
        raise
    except Exception as error:
        if type(error).__module__ == "builtins" and not isinstance(error, MemoryError | ArithmeticError):
            raise
        LOGGER.exception("scan not scored")
        kind = type(error).__name__
        raise ScanError(f"{scan.path}: expected a scan that can be scored, came a failure ({kind})") from error


def decode(asked: UploadRequest, most_pixels: int) -> Scan:
    """The scan in the bytes. Raises ScanError, NotAScanError if no byte of it looks like one."""
    return _decoded(asked.files, asked.name, most_pixels)


def decode_reference(asked: UploadRequest, most_pixels: int) -> Scan | None:
    """The earlier passage that came with a scan, if one did. Raises as `decode`."""
    if asked.reference is None:
        return None
    name, data = asked.reference
    return _decoded((data,), f"reference {name}", most_pixels)


def _decoded(files: tuple[bytes, ...], name: str, most_pixels: int) -> Scan:
    try:
        return decode_apart(files[0] if len(files) == 1 else (files[0], files[1]), name, most_pixels=most_pixels)
    except TooManyPixelsError:
        raise
    except ScanError as error:
        if all(sniff(data[:SNIFFED]) for data in files):
            raise
        raise NotAScanError(str(error)) from None


def service_record(result: Result, timing: dict[str, float]) -> dict[str, Any]:
    """The record of `nii score`, and what only a service has to say: trace, candidates, milliseconds by stage."""
    started = time.perf_counter()
    found = record(result)
    timing["report"] = 1000 * (time.perf_counter() - started)
    found["id"] = str(uuid.uuid4())
    found["software"] = f"nii {__version__}"
    found["time"] = datetime.now(UTC).isoformat(timespec="milliseconds")
    found["candidates"] = [as_json(region.to_record()) for region in within_reach(result)]
    found["timing_ms"] = {stage: round(ms, 2) for stage, ms in timing.items()}
    return found


def within_reach(result: Result) -> list[Region]:
    """Regions that alarm at some budget that the viewer offers; for others a mass takes longer than it is worth."""
    largest = max(result.pfa, LARGEST_BUDGET)
    return [candidate for candidate in result.candidates if candidate.p_value is None or candidate.p_value <= largest]


def trace(found: dict[str, Any]) -> str:
    """What led to a decision, as a line of ASCII for a header, so that pictures and reports carry it too."""
    return json.dumps({name: found[name] for name in TRACED})


def _json(_: Result, found: dict[str, Any], *__: object) -> tuple[bytes, str]:
    return _encoded(found), JSON


def _overlay(result: Result, *_: object) -> tuple[bytes, str]:
    return png(overlay(result)), PNG


def _tdr(result: Result, _: dict[str, Any], source: bytes, __: Scan | None) -> tuple[bytes, str]:
    buffer = io.BytesIO()
    write_report(buffer, result, source)
    return buffer.getvalue(), DICOM


def _layers(result: Result, found: dict[str, Any], source: bytes, earlier: Scan | None) -> tuple[bytes, str]:
    """The record and the layers as .npy files, for viewers: what multipart/form-data is for, the other way.

    transmission: float16 (energy, row, column), or uint8 (3, row, column) of an operator image. heat: uint8
    (row, column), 255 is 1. excess: float16 (energy, row, column). tdr: the report of this very answer, so that
    nothing is scored again to save it. reference, reference_scan: pixels and geometry of the earlier passage.
    """
    layers = result.layers
    parts = {
        "record": (JSON, _encoded(found)),
        "transmission": (BYTES, _pixels(result.scan)),
        "heat": (BYTES, _npy(np.rint(np.clip(layers.heat, 0, 1) * 255).astype(np.uint8))),
        "excess": (BYTES, _npy(layers.excess[: len(result.scan.transmission)].astype(np.float16))),
        "tdr": _tdr(result, found, source, None)[::-1],
    }
    if earlier is not None:
        parts["reference"] = (BYTES, _pixels(earlier))
        parts["reference_scan"] = (JSON, _encoded({"path": earlier.path, **as_json(geometry(earlier))}))
    boundary = uuid.uuid4().hex
    return _multipart(parts, boundary), f"{LAYERS}; boundary={boundary}"


def _pixels(scan: Scan) -> bytes:
    shown = scan.kind is Kind.OPERATOR_IMAGE
    return _npy(np.rint(scan.transmission * 255).astype(np.uint8) if shown else scan.transmission.astype(np.float16))


def _encoded(found: dict[str, Any]) -> bytes:
    return json.dumps(found, allow_nan=False).encode()


def _npy(array: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def _multipart(parts: dict[str, tuple[str, bytes]], boundary: str) -> bytes:
    pieces: list[bytes] = []
    for name, (kind, body) in parts.items():
        file = "" if kind == JSON else f'; filename="{name}.{ENDINGS[kind]}"'
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\nContent-Type: {kind}\r\n\r\n'
        pieces += [head.encode(), body, b"\r\n"]
    return b"".join([*pieces, f"--{boundary}--\r\n".encode()])


WRITERS: dict[str, Callable[[Result, dict[str, Any], bytes, Scan | None], tuple[bytes, str]]] = {
    JSON: _json,
    PNG: _overlay,
    DICOM: _tdr,
    LAYERS: _layers,
}
