"""Requests that are cut off in the middle of a question: what they answer, and what becomes of the connection."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import PendingRollbackError

from member_hub.errors import Unavailable
from member_hub.graphql.asking import Snapshot
from tests.graphql.conftest import Town

LIST = "{ memberList(first: 1) { edges { node { id } } } }"


async def in_mid_query(snapshot: Snapshot, asked: asyncio.Event) -> None:
    async with snapshot.reading() as tx:
        asked.set()
        await tx.execute(text("SELECT pg_sleep(60)"))


async def test_a_snapshot_cut_off_in_mid_query_closes_and_leaves_a_good_pool(town: Town) -> None:
    snapshot, asked = Snapshot(town.hub), asyncio.Event()
    reading = asyncio.create_task(in_mid_query(snapshot, asked))
    await asked.wait()
    await asyncio.sleep(0)
    reading.cancel()

    await snapshot.close()

    with pytest.raises(asyncio.CancelledError):
        await reading
    assert town.hub.database.app.pool.checkedout() == 0  # type: ignore[attr-defined]
    assert await town.ask("app_crm", LIST)


async def test_who_comes_after_the_end_reads_nothing(town: Town) -> None:
    snapshot = Snapshot(town.hub)
    await snapshot.close()

    with pytest.raises(Unavailable):
        async with snapshot.reading():
            pass


async def test_a_failure_to_close_never_replaces_the_answer(
    town: Town, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(Snapshot):
        def __init__(self, *about: Any) -> None:
            super().__init__(*about)
            self._open.push_async_callback(self._fail)

        async def _fail(self) -> None:
            raise PendingRollbackError("a value")

    monkeypatch.setattr("member_hub.graphql.executing.Snapshot", Failing)

    answer = await town.ask("app_crm", LIST)

    assert len(answer["memberList"]["edges"]) == 1
    assert "A snapshot did not end as it should: PendingRollbackError." in caplog.text
    assert "a value" not in caplog.text


async def test_a_request_that_takes_too_long_is_unavailable(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    async def sleeps(tx: Any, *_: object, **__: object) -> None:
        await tx.execute(text("SELECT pg_sleep(60)"))

    monkeypatch.setattr("member_hub.graphql.reading.page", sleeps)
    monkeypatch.setattr("member_hub.graphql.executing.REQUEST_S", 0.2)

    assert await town.refused("app_crm", LIST) == ["UNAVAILABLE"]
    assert (await town.audited())[-1].outcome == "UNAVAILABLE"
    assert town.hub.database.app.pool.checkedout() == 0  # type: ignore[attr-defined]


async def test_a_root_field_that_fails_leaves_the_request_its_answer(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list sleeps in the database when its sibling, which may not be null, fails."""
    asked = asyncio.Event()

    async def sleeps(tx: Any, *_: object, **__: object) -> None:
        asked.set()
        await tx.execute(text("SELECT pg_sleep(60)"))

    async def fails(*_: object, **__: object) -> None:
        await asked.wait()
        raise Unavailable

    monkeypatch.setattr("member_hub.graphql.reading.page", sleeps)
    monkeypatch.setattr("member_hub.graphql.reading.look_up_each", fails)
    monkeypatch.setattr("member_hub.graphql.executing.REQUEST_S", 3600)
    query = '{ b: memberList(first: 1) { edges { node { id } } } a: members(by: [{phone: "13800000000"}]) { id } }'

    assert await town.refused("app_crm", query) == ["UNAVAILABLE"]
    assert town.hub.database.app.pool.checkedout() == 0  # type: ignore[attr-defined]
