"""The read step: a multipart request in, bounded bytes and options out. Nothing is decoded here."""

import asyncio
import errno
import logging
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass

from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from nii.io.picture import one_line
from serving.log import say
from serving.problems import CLIENT_GONE, Problem
from serving.settings import Settings

JSON, PNG, DICOM, LAYERS = "application/json", "image/png", "application/dicom", "multipart/form-data"
ANSWERS = (JSON, PNG, DICOM, LAYERS)
FILES = ("file", "low", "high")
REFERENCE = "reference"  # an earlier passage of the same conveyance, one file
OPTIONS = ("pfa", "declared")
RETRY = "2"  # seconds, where no queue tells better
LONGEST_OPTION = 4096  # bytes
LONGEST_NAME = 120  # characters


@dataclass(frozen=True, eq=False)
class UploadRequest:
    """What a client wants: the bytes of one file or of a pair (low first), and how it wants the answer.

    reference: name and bytes of an earlier passage, if one came.
    """

    files: tuple[bytes, ...]
    name: str
    pfa: float
    wanted: str
    upload_ms: float
    declared: str | None = None
    reference: tuple[str, bytes] | None = None


class UploadMemory:
    """Bytes of all requests together; many uploads at once must not fill the memory."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.now = 0

    @contextmanager
    def share(self) -> Iterator[Callable[[int], None]]:
        """Adds the bytes of one request, and takes them off at its end. Adding raises Problem: 429 if full."""
        own = 0

        def add(n: int) -> None:
            nonlocal own
            if self.now + n > self.most:
                full = f"uploads: expected at most {self.most} bytes of all requests together, came more"
                raise Problem(429, full, {"Retry-After": RETRY})
            own += n
            self.now += n

        try:
            yield add
        finally:
            self.now -= own


class _Refused(MultiPartException):
    """Stops the parser, which then closes its temporary files, and carries the problem out."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


class _Parser(MultiPartParser):
    """Refuses a body that ends before its closing boundary, so that no half of a scan is taken for a whole one."""

    ended = False

    def on_end(self) -> None:
        self.ended = True

    async def parse(self) -> FormData:
        self.stream = self._whole(self.stream)
        async with aclosing(self.stream):
            return await super().parse()

    async def _whole(self, stream: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        async for chunk in stream:
            yield chunk
        if not self.ended:
            raise MultiPartException("a body without its closing boundary")


async def read_upload(request: Request, settings: Settings, hold: Callable[[int], None]) -> UploadRequest:
    """Files and options of a request.

    hold: is told of all bytes as they come. Raises Problem for whatever is malformed, too large or too slow.
    """
    started = time.perf_counter()
    wanted = wanted_answer(request.headers.get("accept", ""))
    form = await _form(request, settings, hold)
    try:
        options = _options(request, form)
        uploads = _uploads(form)
        files = tuple([await upload.read() for upload in uploads])
        earlier = _reference(form)
        reference = (clean_name(earlier.filename), await earlier.read()) if earlier else None
    finally:
        await form.close()
    return UploadRequest(
        files=files,
        name=" + ".join(clean_name(upload.filename) for upload in uploads),
        pfa=_pfa(options.get("pfa"), settings.pfa),
        wanted=wanted,
        upload_ms=1000 * (time.perf_counter() - started),
        declared=options.get("declared"),
        reference=reference,
    )


async def _form(request: Request, settings: Settings, hold: Callable[[int], None]) -> FormData:
    """The parsed form; files over 1 MB lie in unnamed temporary files, so memory holds them once."""
    kind, _ = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data":
        came = kind.decode("latin-1")[:60] or "none"
        raise Problem(415, f"Content-Type: expected multipart/form-data, came {came}")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > settings.max_upload_bytes:
        raise too_large(settings.max_upload_bytes)
    try:
        async with (
            aclosing(request.stream()) as stream,
            aclosing(_bounded(stream, settings.max_upload_bytes, settings.upload_seconds, hold)) as body,
        ):
            return await _Parser(
                request.headers,
                body,
                max_files=3,
                max_fields=len(OPTIONS),
                max_part_size=LONGEST_OPTION,
            ).parse()
    except _Refused as refused:
        raise refused.problem from None
    except MultiPartException as error:
        raise Problem(400, f"body: expected multipart/form-data, came {error.message}") from None
    except OSError as error:
        say("no room for an upload", level=logging.ERROR, error=one_line(error))
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        where = "temporary folder: expected room for an upload, came none"
        raise Problem(507 if full else 503, where, {"Retry-After": RETRY}) from None
    except (ValueError, LookupError) as error:  # an unknown charset, an undecodable part header
        raise Problem(400, f"body: expected multipart/form-data, came {type(error).__name__}") from None


async def read_small(request: Request, most: int, seconds: float) -> bytes:
    """A whole body of at most so many bytes, which comes within so many seconds. Raises Problem for another."""
    try:
        async with aclosing(request.stream()) as stream, aclosing(_bounded(stream, most, seconds)) as body:
            return b"".join([chunk async for chunk in body])
    except _Refused as refused:
        raise refused.problem from None


async def _bounded(
    stream: AsyncIterator[bytes], most: int, seconds: float, hold: Callable[[int], None] = lambda _: None
) -> AsyncGenerator[bytes, None]:
    """The chunks of a body, until it is too large, too slow or cut off."""
    deadline = asyncio.get_running_loop().time() + seconds
    came = 0
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                chunk = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            late = f"body: expected within {seconds:g} s, came {came} bytes of it"
            raise _Refused(Problem(408, late, {"Connection": "close"})) from None
        except ClientDisconnect:
            raise _Refused(Problem(CLIENT_GONE, "client closed the connection")) from None
        came += len(chunk)
        if came > most:
            raise _Refused(too_large(most))
        try:
            hold(len(chunk))
        except Problem as full:
            raise _Refused(full) from None
        yield chunk


def too_large(most: int) -> Problem:
    """Without Connection: close, which would reset the connection before a client that still sends reads this."""
    return Problem(413, f"body: expected at most {most} bytes, came more")


def wanted_answer(accept: str) -> str:
    """The media type to answer with: the client's highest q-value, the first of equals. Empty is JSON."""
    best, best_q = "", 0.0
    for part in accept.split(",") if accept.strip() else ["*/*"]:
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        q = next((_number(p[2:]) for p in parameters if p.startswith("q=")), 1.0)
        match = next((one for one in ANSWERS if kind.lower() in (one, f"{one.split('/')[0]}/*", "*/*")), "")
        if match and q > best_q:
            best, best_q = match, q
    if not best:
        raise Problem(406, f"Accept: expected one of {', '.join(ANSWERS)}, came {accept[:100]}")
    return best


def _options(request: Request, form: FormData) -> dict[str, str]:
    """Options of the form; each known, once, and supported."""
    if request.query_params:
        first = next(iter(request.query_params))
        raise Problem(400, f"query: expected none, since options are form fields, came {first[:60]!r}")
    options: dict[str, str] = {}
    for name, value in form.multi_items():
        if name in (*FILES, REFERENCE):
            continue
        if name not in OPTIONS or not isinstance(value, str):
            raise Problem(
                400, f"{name[:60]!r}: expected the fields file or low and high, pfa, declared, reference, came another"
            )
        if name in options:
            raise Problem(400, f"{name}: expected it once, came it twice")
        options[name] = value
    return options


def _uploads(form: FormData) -> tuple[UploadFile, ...]:
    """One file, or low and high."""
    given = [(name, value) for name, value in form.multi_items() if name in FILES]
    names = sorted(name for name, _ in given)
    if names not in (["file"], ["high", "low"]):
        raise Problem(400, f"files: expected file, or low and high, came {', '.join(names) or 'none'}")
    uploads = [value for _, value in sorted(given, key=lambda one: FILES.index(one[0]))]
    if not all(isinstance(value, UploadFile) for value in uploads):
        raise Problem(400, "files: expected parts with a filename, came plain fields")
    return tuple(value for value in uploads if isinstance(value, UploadFile))


def _reference(form: FormData) -> UploadFile | None:
    """The earlier passage, if one came."""
    given = form.getlist(REFERENCE)
    if len(given) > 1:
        raise Problem(400, f"{REFERENCE}: expected it once, came it {len(given)} times")
    if given and not isinstance(given[0], UploadFile):
        raise Problem(400, f"{REFERENCE}: expected a part with a filename, came a plain field")
    return given[0] if given and isinstance(given[0], UploadFile) else None


def _pfa(text: str | None, default: float) -> float:
    if text is None:
        return default
    value = _number(text)
    if not 0 < value < 1:
        raise Problem(400, f"pfa: expected a number above 0 and below 1, came {text[:60]!r}")
    return value


def _number(text: str) -> float:
    """NaN for what is no number, so that every comparison fails."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def clean_name(filename: str | None) -> str:
    """A file name fit for messages: without folders, commas (which mean a pair) and control characters."""
    base = (filename or "").replace("\\", "/").rsplit("/", 1)[-1].replace(",", "_")
    return "".join(c if c.isprintable() else "_" for c in base)[:LONGEST_NAME].strip() or "scan"
