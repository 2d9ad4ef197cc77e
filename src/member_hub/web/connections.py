"""Connections that keep the hub waiting are closed, so that silence never takes the place of a question."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 10  # from the first byte, or from the connection, to a complete request head
WRITE_S = 30  # from the moment that the client's side is full to the moment that it reads on
CONNECTIONS_MAX = 800  # beyond, the one that has been idle longest makes room; a process has 1,024 files as a rule


class Connection(H11Protocol):
    """One connection. Idle: no request is under way on it, be it new, kept alive, or in the middle of a head."""

    _waiting: asyncio.TimerHandle | None = None
    _stuck: asyncio.TimerHandle | None = None
    idle_since = 0.0

    @property
    def is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr] # None at first

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.idle_since = self.loop.time()
        self._wait()
        if len(self.connections) > CONNECTIONS_MAX:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.is_idle:
            self._wait()
        else:
            self._wait_no_more()

    def on_response_complete(self) -> None:
        self.idle_since = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The client does not read: an answer that nobody takes holds its personal values in memory for nobody."""
        super().pause_writing()
        self._stuck = self.loop.call_later(WRITE_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._write_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        self._write_no_more()
        super().connection_lost(exc)

    def _make_room(self) -> None:
        others = [one for one in self.connections if isinstance(one, Connection) and not one.transport.is_closing()]
        min((one for one in others if one.is_idle), key=lambda one: one.idle_since).transport.close()

    def _wait(self) -> None:
        """Further bytes do not extend it: a head of one byte a second is none."""
        if self._waiting is None:
            self._waiting = self.loop.call_later(HEAD_S, self._close)

    def _wait_no_more(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _write_no_more(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def _close(self) -> None:
        if self.is_idle:
            self.transport.close()
