"""Errors as RFC 9457 problems; the only place where an exception of ours becomes an HTTP status."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

from nii.errors import CalibrationError, ModelError, NiiError, PhysicsError, ScanError, TooManyPixelsError, UsageError

MEDIA_TYPE = "application/problem+json"
PHRASES = {int(status): status.phrase for status in HTTPStatus}
STORE_RETRY = "5"  # seconds
CLIENT_GONE = 499  # never sent, only logged: the client closed the connection first


class NotAScanError(ScanError):
    """The bytes are of no format that holds scans."""


class StoreError(NiiError):
    """The record store doesn't take a record; an answer that isn't kept is not given."""


STATUS: tuple[tuple[type[NiiError], int], ...] = (
    (NotAScanError, 415),
    (TooManyPixelsError, 413),
    (ScanError, 422),
    (ModelError, 422),  # the scan doesn't fit the model; models that don't load stop the start
    (CalibrationError, 422),  # the budget is below what the calibration supports
    (PhysicsError, 422),  # a declared mass that nothing has
    (UsageError, 400),
    (StoreError, 503),
)


class Problem(Exception):  # noqa: N818 - the name that RFC 9457 gives it
    """An answer other than 2xx: its status, one line of detail, and headers."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


def translate(error: NiiError) -> Problem:
    """The problem for an error of the library."""
    status = next((status for kind, status in STATUS if isinstance(error, kind)), 500)
    headers = {"Retry-After": STORE_RETRY} if status == 503 else {}
    return Problem(status, str(error) if status != 500 else "internal error", headers)


def problem_response(problem: Problem, request_id: str) -> JSONResponse:
    """The body of RFC 9457; `instance` is the request id, to be found again in the logs."""
    return JSONResponse(
        problem_body(problem.status, problem.detail, request_id),
        problem.status,
        problem.headers,
        MEDIA_TYPE,
    )


def problem_body(status: int, detail: str, request_id: str) -> dict[str, Any]:
    """`type` is about:blank: the status says all there is to the kind of a problem."""
    phrase = PHRASES.get(status, "Error")
    return {
        "type": "about:blank",
        "title": phrase,
        "status": status,
        "detail": detail,
        "instance": f"urn:uuid:{request_id}" if len(request_id) == 36 else request_id,
    }
