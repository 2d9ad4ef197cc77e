"""A hub of a test that really listens, on a free port of the loopback interface."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn

from member_hub.runtime import Runtime
from member_hub.web import serve

STARTING_S = 10


@asynccontextmanager
async def served(hub: Runtime, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """The port, for the length of the block."""
    servers: list[uvicorn.Server] = []
    made = uvicorn.Server.__init__

    def noted(self: uvicorn.Server, config: uvicorn.Config) -> None:
        made(self, config)
        servers.append(self)

    monkeypatch.setattr(uvicorn.Server, "__init__", noted)
    monkeypatch.setattr("member_hub.web.serving.configure_logging", lambda **_: None)
    listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(hub, 0, on_ready=listening.set_result))
    try:
        async with asyncio.timeout(STARTING_S):
            port = await listening
        yield port
    finally:
        servers[0].should_exit = True
        await serving
