"""Serving: on the loopback interface, on the port asked for, until told to stop."""

import asyncio
import json
import socket

import httpx2
import pytest
import uvicorn
from sqlalchemy import literal, select

from member_hub.db import Database, transaction
from member_hub.db.engines import CONNECT_S
from member_hub.errors import Misconfigured
from member_hub.web import serve
from tests.graphql.conftest import Town


async def test_the_hub_serves_where_it_says_and_stops_when_told(
    town: Town, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    servers: list[uvicorn.Server] = []
    made = uvicorn.Server.__init__

    def noted(self: uvicorn.Server, config: uvicorn.Config) -> None:
        made(self, config)
        servers.append(self)

    monkeypatch.setattr(uvicorn.Server, "__init__", noted)
    monkeypatch.setattr("member_hub.web.serving.configure_logging", lambda **_: None)
    listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(town.hub, 0, on_ready=listening.set_result))
    port = await listening

    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        answer = await client.post(
            "/graphql",
            content=json.dumps({"query": "{ memberList(first: 1) { edges { node { id } } } }"}),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {town.token('app_crm')}"},
        )
        assert (answer.status_code, len(answer.json()["data"]["memberList"]["edges"])) == (200, 1)
        assert "server" not in answer.headers
        (connection,) = servers[0].server_state.connections
        sock = connection.transport.get_extra_info("socket")  # nothing of an answer waits for an acknowledgement
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        with pytest.raises(Misconfigured, match=f"Port {port} on 127.0.0.1 cannot be used"):
            await serve(town.hub, port)

    servers[0].should_exit = True
    await serving


@pytest.mark.parametrize("rounds", [0, 1, 2, 3, 4])
async def test_told_to_stop_as_it_starts_it_leaves_nothing_that_a_new_connection_could_stall_on(
    town: Town, monkeypatch: pytest.MonkeyPatch, rounds: int
) -> None:
    """As a signal does that comes before the server listens for signals: `rounds` steps of the loop after its line."""
    monkeypatch.setattr("member_hub.web.serving.configure_logging", lambda **_: None)
    listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(town.hub, 0, on_ready=listening.set_result))
    port = await listening
    for _ in range(rounds):
        await asyncio.sleep(0)
    serving.cancel()
    await asyncio.wait([serving])
    assert serving.cancelled()

    later = Database.open(town.hub.database.url, role_prefix=town.hub.database.role_prefix)  # takes the freed number
    try:
        async with asyncio.timeout(CONNECT_S / 2), transaction(later.audit) as tx:
            assert (await tx.execute(select(literal(1)))).scalar_one() == 1
    finally:
        await later.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
