"""The outermost layer: request ids, security headers, one log line and one count per request."""

import re
import time
import uuid
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.log import LOGGER, say
from serving.metrics import Figures
from serving.problems import CLIENT_GONE, Problem, problem_response

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
LONGEST_ADDRESS = 64  # characters; a proxy may hand on whatever a client claims
SECURITY = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class RequestMiddleware:
    """Wraps the application; whatever escapes from it becomes a 500 without details, and a traceback in the log."""

    def __init__(self, app: ASGIApp, figures: Figures) -> None:
        self.app = app
        self.figures = figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        started, status = time.perf_counter(), CLIENT_GONE

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers.update(SECURITY)
                headers["X-Request-ID"] = request_id
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except Exception:
            LOGGER.exception("internal error", extra={"fields": {"request": request_id}})
            if status != CLIENT_GONE:  # part of an answer is already out
                raise
            response = problem_response(Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error"), request_id)
            await response(scope, receive, send_with_headers)
        finally:
            self._account(scope, status, time.perf_counter() - started)

    def _account(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")  # the pattern: paths of requests are not trusted
        method = scope["method"] if scope["method"] in METHODS else "other"
        self.figures.request(method, route, status, seconds)
        say(
            "request",
            request=scope["state"]["request_id"],
            method=method,
            route=route,
            status=status,
            milliseconds=round(1000 * seconds, 1),
            client=(scope.get("client") or ("",))[0][:LONGEST_ADDRESS],
            **scope["state"].get("said", {}),
        )


def _request_id(scope: Scope) -> str:
    """The client's own id if it is harmless, else a new one."""
    given = Headers(scope=scope).get("x-request-id", "")
    return given if REQUEST_ID.fullmatch(given) else str(uuid.uuid4())
