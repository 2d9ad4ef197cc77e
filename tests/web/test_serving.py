"""Serving: on the loopback interface, on the port asked for, until told to stop."""

import asyncio
import json

import httpx2
import pytest
import uvicorn

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
        with pytest.raises(Misconfigured, match=f"Port {port} on 127.0.0.1 cannot be used"):
            await serve(town.hub, port)

    servers[0].should_exit = True
    await serving
