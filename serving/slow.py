"""Clients that are slower than they may be, below HTTP: heads that never end, answers that nobody takes."""

import asyncio
import socket

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


def impatient(head_seconds: float, taking_seconds: float) -> type[H11Protocol]:
    """The protocol of a server that closes connections of clients who hold them open for nothing.

    head_seconds: longest time from the first byte of a request, or from the connection, to the end of
    its head. taking_seconds: longest time in which a client takes none of its answer.
    """

    class Impatient(H11Protocol):
        _head: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            connection = transport.get_extra_info("socket")
            if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1000 * taking_seconds))
            self._watch_head()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch_head()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop()
            super().connection_lost(exc)

        def _watch_head(self) -> None:
            """Run the clock while the head of a request is not whole."""
            if self.conn.their_state is not h11.IDLE:
                self._stop()
            elif self._head is None:
                self._head = self.loop.call_later(head_seconds, self.transport.abort)

        def _stop(self) -> None:
            if self._head is not None:
                self._head.cancel()
                self._head = None

    return Impatient
