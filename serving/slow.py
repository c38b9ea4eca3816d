"""Clients below HTTP: slower than they may be, more than there may be, and bytes that are neither head nor body.

llhttp, through httptools, takes time in proportion to what comes; h11 searches a chunk's extension again for each of
its blanks, on the event loop.
"""

import asyncio
import json
import resource
import socket

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.problems import MEDIA_TYPE, problem_body

LONGEST_HEAD = 1 << 16  # bytes; beside a body, what frames its chunks may be as long as the body again
SLACK = 5.0  # seconds after which a body that the application waits no longer for ends its connection
BACKLOG = 128  # connections that are accepted at once, before one can be refused
KEPT = 64  # descriptors of the process itself
BUSY = json.dumps(problem_body(503, "connections: expected fewer at a time, came more", "")).encode()
REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 2\r\n"
    b"Content-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (MEDIA_TYPE.encode(), len(BUSY), BUSY)
)


def most_connections(wanted: int, workers: int) -> int:
    """As many as wanted, or as many as this process has descriptors for: each may need one more for an upload."""
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return max(min(wanted, (descriptors - BACKLOG - KEPT - 4 * workers) // 2), 1)


def impatient(head_seconds: float, taking_seconds: float, connections: int) -> type[HttpToolsProtocol]:
    """The protocol of a server that closes connections of clients who hold them open for nothing.

    head_seconds: longest time from the first byte of a request, or from the connection, to the end of its head, and
    then, with SLACK, to the end of its body. taking_seconds: longest time in which a client takes none of its answer.
    connections: at a time; one more is answered 503.
    """

    class Impatient(HttpToolsProtocol):
        _clock: asyncio.TimerHandle | None = None
        _came = _body = 0  # bytes of this request, and of its body

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > connections:
                transport.write(REFUSAL)
                transport.close()
                return
            connection = transport.get_extra_info("socket")
            if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1000 * taking_seconds))
            self._watch(head_seconds)

        def data_received(self, data: bytes) -> None:
            if self.transport.is_closing():
                return
            self._came += len(data)
            super().data_received(data)
            if self._came - self._body > LONGEST_HEAD + self._body:
                self.transport.abort()
            elif self._clock is None and (self.cycle is None or self.cycle.response_complete):
                self._watch(head_seconds)  # bytes before a head begins

        def on_message_begin(self) -> None:
            super().on_message_begin()
            if self._clock is None:
                self._watch(head_seconds)

        def on_headers_complete(self) -> None:
            super().on_headers_complete()
            self._watch(head_seconds + SLACK)

        def on_body(self, body: bytes) -> None:
            super().on_body(body)
            self._body += len(body)

        def on_message_complete(self) -> None:
            super().on_message_complete()
            self._came = self._body = 0
            self._stop()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop()
            super().connection_lost(exc)

        def _watch(self, seconds: float) -> None:
            self._stop()
            self._clock = self.loop.call_later(seconds, self.transport.abort)

        def _stop(self) -> None:
            if self._clock is not None:
                self._clock.cancel()
                self._clock = None

    return Impatient
