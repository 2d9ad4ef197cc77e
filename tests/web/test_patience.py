"""Those who keep the hub waiting: silent connections, bodies that do not come, more requests than it can hold."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest

from member_hub.web import connections
from member_hub.web.edge import STRANGERS_MAX, Edge
from member_hub.web.figures import Figures
from tests.graphql.conftest import Town
from tests.web.served import served

PATIENCE_S = 5  # of the test itself: it is over long before, unless the hub waits for ever
HALF_A_HEAD = b"GET /livez HTTP/1.1\r\nHost:"
LIVEZ = b"GET /livez HTTP/1.1\r\nHost: hub\r\n\r\n"


async def is_closed(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read() == b""
    except ConnectionResetError:  # the hub had not read all that was sent
        return True


@pytest.mark.parametrize("sent", [b"", HALF_A_HEAD])
async def test_a_connection_without_a_request_head_is_closed(
    town: Town, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], sent: bytes
) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0)
    async with served(town.hub, monkeypatch) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)

        assert await is_closed(reader)
        writer.close()


async def test_a_kept_connection_that_goes_silent_in_a_head_is_closed(
    town: Town, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async with served(town.hub, monkeypatch) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(LIVEZ)
        assert (await reader.readuntil(b"ok\n")).startswith(b"HTTP/1.1 200")
        monkeypatch.setattr(connections, "HEAD_S", 0)
        writer.write(HALF_A_HEAD)

        assert await is_closed(reader)
        writer.close()


async def test_silent_connections_make_room_for_one_that_asks(
    town: Town, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS_MAX", 2)
    async with served(town.hub, monkeypatch) as port:
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(LIVEZ)

        assert (await reader.readuntil(b"ok\n")).startswith(b"HTTP/1.1 200")
        assert await is_closed(silent[0][0])
        for _, each in [*silent, (reader, writer)]:
            each.close()


async def test_a_client_that_does_not_read_its_answer_is_let_go(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    length = 32 * 1024 * 1024  # more than the system keeps for a connection
    let_go = asyncio.Event()

    async def app(_scope: object, _receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b"x" * length})  # type: ignore[operator]
        let_go.set()

    monkeypatch.setattr("member_hub.web.serving.make_app", lambda _hub: app)
    monkeypatch.setattr(connections, "WRITE_S", 0)
    async with served(town.hub, monkeypatch) as port, asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
        writer.write(LIVEZ)
        await let_go.wait()

        received = 0
        try:
            while part := await reader.read(1 << 20):
                received += len(part)
        except ConnectionResetError:
            pass
        assert received < length
        writer.close()


@pytest.mark.parametrize("path", ["/graphql", "/query"])
async def test_a_body_that_does_not_come_is_not_waited_for(
    town: Town, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    async def first_byte() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    monkeypatch.setattr("member_hub.web.body.BODY_S", 0)
    types = {"/graphql": "application/json", "/query": "application/x-www-form-urlencoded"}
    headers = {"Authorization": f"Bearer {town.token('app_crm')}", "Content-Type": types[path]}

    async with asyncio.timeout(PATIENCE_S):
        answer = await town.client.post(path, content=first_byte(), headers=headers)

    assert answer.status_code == (408 if path == "/graphql" else 400)
    if path == "/graphql":
        assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
        assert answer.headers["connection"] == "close"


async def test_more_requests_than_fit_are_answered_503_but_the_process_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    hold = asyncio.Event()

    async def app(scope: object, receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
        if scope["path"] == "/graphql":  # type: ignore[index]
            await hold.wait()
        await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]

    monkeypatch.setattr("member_hub.web.edge.REQUESTS_MAX", 1)
    edge = Edge(app, Figures(), frozenset())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(edge), base_url="http://hub") as client:
        held = asyncio.create_task(client.get("/graphql"))
        await asyncio.sleep(0)
        while edge._under_way == 0:
            await asyncio.sleep(0)

        assert (await client.get("/metrics")).status_code == 503
        assert [(await client.get(path)).status_code for path in ("/livez", "/readyz")] == [200, 200]
        hold.set()
        assert (await held).status_code == 200
        assert (await client.get("/metrics")).status_code == 200


async def test_whoever_dawdles_at_the_sign_in_holds_up_nobody_who_has_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    hold = asyncio.Event()

    async def app(scope: object, receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
        if scope["path"] == "/sign-in/code":  # type: ignore[index]
            await hold.wait()
        await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]

    token = {"Authorization": "Bearer anything"}
    edge = Edge(app, Figures(), frozenset())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(edge), base_url="http://hub") as client:
        held = [asyncio.create_task(client.post("/sign-in/code", headers=token)) for _ in range(STRANGERS_MAX)]
        while edge._under_way < STRANGERS_MAX:
            await asyncio.sleep(0)

        refused = [
            (await client.post("/sign-in/session", headers=token)).status_code,
            (await client.post("/graphql")).status_code,
        ]
        served_ = [
            (await client.post("/graphql", headers=token)).status_code,
            (await client.get("/readyz")).status_code,
        ]
        hold.set()

        assert (refused, served_) == ([503, 503], [200, 200])
        assert [(await one).status_code for one in held] == [200] * STRANGERS_MAX
        assert (await client.post("/sign-in/code")).status_code == 200
