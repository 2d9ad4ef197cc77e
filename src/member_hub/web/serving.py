"""Serving on the loopback interface until the process is told to stop."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from member_hub.errors import Misconfigured
from member_hub.runtime import Runtime
from member_hub.web.app import make_app
from member_hub.web.connections import Connection
from member_hub.web.logs import configure_logging

HOST = "127.0.0.1"
BACKLOG = 512
KEEP_ALIVE_S = 15
SHUTDOWN_S = 20
CLOSED = -1
HEADERS_BYTES_MAX = 64 * 1024  # a token of 16 KiB has to fit


async def serve(hub: Runtime, port: int, *, on_ready: Callable[[int], None] = lambda _port: None) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are finished. Port 0: any free one.

    `on_ready` is called with the port when it is listening. Raises Misconfigured where the port is taken.
    """
    configure_logging(debug=hub.settings.debug)
    with _listening(port) as listener:
        config = uvicorn.Config(
            make_app(hub),
            log_config=None,
            access_log=False,
            lifespan="off",
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=SHUTDOWN_S,
            h11_max_incomplete_event_size=HEADERS_BYTES_MAX,
            http=Connection,
            ws="none",
        )
        on_ready(listener.getsockname()[1])
        await uvicorn.Server(config).serve(sockets=[listener])


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    """A socket that listens for the length of the block.

    The server stops watching it when it ends in order, and not when it is cancelled while it starts. A socket that is
    closed under the loop's eyes leaves its number watched: the next connection, to the database as a rule, gets the
    number, the loop takes it for watched already, and nothing that comes on it is ever heard.
    """
    listener = _bound(port)
    try:
        yield listener
    finally:
        if listener.fileno() != CLOSED:
            asyncio.get_running_loop().remove_reader(listener)
        listener.close()


def _bound(port: int) -> socket.socket:
    """Named as TCP: only of such a socket does asyncio send what is written at once. Else the second packet of an
    answer waits until the first is acknowledged, and that takes a client 40 ms."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise Misconfigured(
            f"Port {port} on {HOST} cannot be used.", remedy="Another process may have it; set MEMBER_HUB_PORT."
        ) from error
    listener.listen(BACKLOG)
    return listener
