"""Decode scans in processes of their own, each with a budget of bytes and of seconds, ended when it exceeds one.

A decoder of hostile bytes may take any time and any memory, or die, and a thread that runs one can't be stopped. So
whoever scores what others send, `nii score` and the service alike, decodes here. A process decodes one scan after the
other and ends with the one that started it. `python -P -m nii.io.apart` is that process: a line of JSON and the bytes
of the files in, a line of JSON and the pixels out.
"""

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import IO, Any

import numpy as np

from nii.errors import ScanError, TooManyPixelsError
from nii.io.picture import Metadata, one_line
from nii.io.read import decode_scan
from nii.io.stated import check_pixels_stated
from nii.scan import LARGEST_PIXELS, FloatArray, Kind, Scan

SECONDS, PIXELS_PER_SECOND = 10.0, 1e6  # of a processor: for any scan, of which an ordinary one takes 0.1; and for more
BYTES, COPIES = 256_000_000, 6  # for any scan; and of its files, and of its planes as float32, in statistics too
PLANES = 3
BUSY = 6.0  # times as long on the wall as on a processor: the machine may have other work
NOTHING: FloatArray = np.empty(0, np.float32)
COMMAND = (sys.executable, "-P", "-m", "nii.io.apart")  # -P: nothing is imported from where the user happens to be
ERRORS = {kind.__name__: kind for kind in (ScanError, TooManyPixelsError)}

_idle: list["_Decoder"] = []
_lock = threading.Lock()


def decode_apart(
    data: bytes | tuple[bytes, bytes], name: str, *, known: Metadata | None = None, most_pixels: int = LARGEST_PIXELS
) -> Scan:
    """As `decode_scan`, within the budget.

    Safe to call from several threads, each of which gets a process. Raises ScanError also for a scan that exceeds the
    budget or ends its decoder, and TooManyPixelsError where a header tells more than so many pixels per energy.
    """
    files = (data,) if isinstance(data, bytes) else data
    with _lock:
        decoder = _idle.pop() if _idle else _Decoder()
    try:
        answer, pixels = decoder.ask(files, name, known, most_pixels)
    except (EOFError, OSError):
        raise ScanError(f"{name}: expected a scan that can be decoded, came {decoder.end()}") from None
    except BaseException:
        decoder.end()
        raise
    with _lock:
        _idle.append(decoder)
    if "error" in answer:
        raise ERRORS[answer["error"]](answer["text"])
    return _scan(answer, pixels)


def start_decoders(n: int = 1) -> None:
    """Have processes ready before the first scans come: each takes half a second to start."""
    with _lock:
        _idle.extend(_Decoder() for _ in range(n - len(_idle)))


@atexit.register
def close_decoders() -> None:
    """End the processes that wait."""
    with _lock:
        for decoder in _idle:
            decoder.process.kill()
            decoder.end()
        _idle.clear()


class _Decoder:
    """One process; its caller sees to it that it has one scan at a time."""

    def __init__(self) -> None:
        paths = os.pathsep.join(path or str(os.getcwd()) for path in sys.path)  # noqa: PTH109 - as Python means it
        self.process = subprocess.Popen(  # noqa: S603 - this module
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": paths},
        )
        self.late = False

    def ask(
        self, files: Sequence[bytes], name: str, known: Metadata | None, most_pixels: int
    ) -> tuple[dict[str, Any], FloatArray]:
        """What it answers, and the pixels if these are part of it. Raises EOFError or OSError once it has ended."""
        to, back = self.process.stdin, self.process.stdout
        question = {
            "name": name,
            "sizes": [len(data) for data in files],
            "known": known and asdict(known),
            "most_pixels": most_pixels,
        }
        with self._within(0):
            to.writelines([json.dumps(question).encode() + b"\n", *files])  # type: ignore[union-attr] # pipes, see above
            to.flush()  # type: ignore[union-attr]
            stated = _read_line(back)  # type: ignore[arg-type]
        if "error" in stated:
            return stated, NOTHING
        with self._within(stated["pixels"]):
            answer = _read_line(back)  # type: ignore[arg-type]
            return answer, _read_pixels(back, answer.get("shape", (0,)))  # type: ignore[arg-type]

    @contextmanager
    def _within(self, pixels: int) -> Iterator[None]:
        """Ends the process if the block takes longer than a scan of so many pixels may on a busy machine."""
        watch = threading.Timer(BUSY * _seconds(pixels), self._too_late)
        watch.daemon = True
        watch.start()
        try:
            yield
        finally:
            watch.cancel()

    def _too_late(self) -> None:
        self.late = True
        self.process.kill()

    def end(self) -> str:
        """End it; what a scan does to its decoder that ended so."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(0.1)  # if it has ended by itself, why
        self.process.kill()
        code = self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        if self.late or code == -getattr(signal, "SIGXCPU", 0):
            return "one that takes too long"
        return f"one that ends its decoder ({code})"


def _seconds(pixels: int) -> float:
    """Of a processor, to decode a scan of so many pixels per energy."""
    return SECONDS + pixels / PIXELS_PER_SECOND


def _read_line(stream: IO[bytes]) -> dict[str, Any]:
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    return dict(json.loads(line))


def _read_exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _read_pixels(stream: IO[bytes], shape: Sequence[int]) -> FloatArray:
    pixels = np.empty(shape, np.float32)
    left = pixels.reshape(-1).view(np.uint8).data
    while left:
        n = stream.readinto(left)  # type: ignore[attr-defined] # of a buffered reader
        if not n:
            raise EOFError
        left = left[n:]
    return pixels


def _scan(answer: dict[str, Any], pixels: FloatArray) -> Scan:
    pitch = answer["pitch_mm"]
    return Scan(
        transmission=pixels,
        path=answer["path"],
        sha256=answer["sha256"],
        kind=Kind(answer["kind"]),
        energies=tuple(answer["energies"]),
        pitch_mm=(pitch[0], pitch[1]) if pitch else None,
        scanner=answer["scanner"],
        notes=tuple(answer["notes"]),
    )


def main() -> None:
    """Decode what comes until nothing comes any more."""
    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not come between
    for number in (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])):
        signal.signal(number, signal.SIG_IGN)  # sent to all processes of a group: this one ends with the one that asks
    _prepare()
    with suppress(EOFError, BrokenPipeError):
        while True:
            question = _read_line(questions)
            files = [_read_exactly(questions, size) for size in question["sizes"]]
            for answer, pixels in _answers(question, files):
                answers.write(json.dumps(answer).encode() + b"\n")
                answers.write(pixels.data)
                answers.flush()


def _prepare() -> None:
    """What the first scan would wait for otherwise; and no core files of the scans of others."""
    import cv2

    import nii.io.jpeg
    import nii.io.png
    import nii.io.tiff  # noqa: F401 - loaded ahead

    cv2.setNumThreads(1)
    _limit("RLIMIT_CORE", 0)


def _answers(question: dict[str, Any], files: Sequence[bytes]) -> Iterator[tuple[dict[str, Any], FloatArray]]:
    """The pixels that the headers promise, then the scan; or, in place of either, what is wrong."""
    name = question["name"]
    try:
        stated = _stated(question, files)
        yield {"pixels": stated}, NOTHING
        scan = _decoded(question, files, stated)
        yield _told(scan), np.ascontiguousarray(scan.transmission)
    except TooManyPixelsError as error:
        yield _wrong(error), NOTHING
    except ScanError as error:
        yield _wrong(ScanError(str(error))), NOTHING
    except MemoryError:
        text = f"{name}: expected a scan that can be decoded, came one that takes too much memory"
        yield _wrong(ScanError(text)), NOTHING
    except Exception as error:  # noqa: BLE001 - decoders of hostile bytes raise anything
        yield _wrong(ScanError(f"{name}: expected a readable scan, came {one_line(error)}")), NOTHING


def _wrong(error: ScanError) -> dict[str, Any]:
    return {"error": type(error).__name__, "text": str(error)}


def _told(scan: Scan) -> dict[str, Any]:
    return {
        "shape": scan.transmission.shape,
        "path": scan.path,
        "sha256": scan.sha256,
        "kind": str(scan.kind),
        "energies": scan.energies,
        "pitch_mm": scan.pitch_mm,
        "scanner": scan.scanner,
        "notes": scan.notes,
    }


def _stated(question: dict[str, Any], files: Sequence[bytes]) -> int:
    """The pixels per energy that the headers promise, read within what any scan may take."""
    _allow(0, sum(map(len, files)))
    return max(check_pixels_stated(data, question["name"], question["most_pixels"]) for data in files)


def _decoded(question: dict[str, Any], files: Sequence[bytes], stated: int) -> Scan:
    _allow(stated, sum(map(len, files)))
    data = files[0] if len(files) == 1 else (files[0], files[1])
    known = Metadata(**question["known"]) if question["known"] else None
    return decode_scan(data, question["name"], known=known)


def _allow(pixels: int, size: int) -> None:
    """From now on, what a scan of so many pixels per energy in so many bytes may take."""
    _limit("RLIMIT_CPU", int(time.process_time() + _seconds(pixels)) + 1)
    if used := _data_bytes():
        _limit("RLIMIT_DATA", used + BYTES + COPIES * (size + 4 * PLANES * pixels))


def _limit(what: str, value: int) -> None:
    """Set a limit where the system knows it; beyond it, memory is refused and the process ended."""
    with suppress(ImportError, AttributeError, ValueError, OSError):
        import resource

        number = getattr(resource, what)
        resource.setrlimit(number, (value, resource.getrlimit(number)[1]))


def _data_bytes() -> int:
    """Memory of this process that RLIMIT_DATA counts; 0 where the system doesn't tell."""
    try:
        with open("/proc/self/status", "rb") as file:  # noqa: PTH123 - short
            return next(1024 * int(line.split()[1]) for line in file if line.startswith(b"VmData"))
    except (OSError, StopIteration):
        return 0


if __name__ == "__main__":
    main()
