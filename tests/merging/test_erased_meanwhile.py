"""Deliveries about a person who is erased at the same moment: nothing is written for somebody who is no more."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import column, func, select, table

from member_hub.crypto import Ledger
from member_hub.db import transaction
from member_hub.db.base import Tx
from member_hub.holders import HOLDERS
from member_hub.identity.kinds import ClaimKind
from member_hub.ids import MemberId
from member_hub.ingest.summary import Summary
from member_hub.ingest.words import Source
from member_hub.members.tables import Channel
from member_hub.rights import erase, hold_person
from member_hub.settings import Settings
from tests.hub import NOW, Hub, order, tally, verified, website

PHONE = "13911110001"
LOCKS = table("pg_locks", column("granted"), column("database"), schema="pg_catalog")
DATABASES = table("pg_database", column("oid"), column("datname"), schema="pg_catalog")


@asynccontextmanager
async def erasing(hub: Hub, settings: Settings, member: MemberId) -> AsyncIterator[Tx]:
    """An erasure that has done everything but commit."""
    async with transaction(hub.database.app) as tx:
        person = await hold_person(tx, hub.vault, member)
        await erase(tx, hub.vault, Ledger.open(settings.ledger_dir), HOLDERS, person, now=NOW)
        yield tx


async def begun(hub: Hub, delivery: Coroutine[Any, Any, Summary]) -> asyncio.Task[Summary]:
    """The delivery, once it waits for somebody's lock."""
    task = asyncio.create_task(delivery)
    waiting = select(func.count()).select_from(LOCKS).where(~LOCKS.c.granted)
    async with hub.database.login.connect() as connection:
        while not task.done() and not await connection.scalar(waiting):
            await asyncio.sleep(0)
    return task


async def test_an_update_of_an_erased_account_makes_a_new_member(hub: Hub, settings: Settings) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01", name="李娜", **verified("2025-01-01", PHONE)))
    old = await hub.member_of(Channel.WEBSITE, "W1")
    update = website("W1", "2025-06-01", name="李娜", **verified("2025-06-01", PHONE))

    async with erasing(hub, settings, old):
        task = await begun(hub, hub.deliver(Source.WEBSITE, update))
    summary = await task

    assert tally(summary) == {"read": 1, "new_members": 1}
    new = await hub.member_of(Channel.WEBSITE, "W1")
    assert new != old
    assert await hub.finds(ClaimKind.PHONE, "", f"+86{PHONE}") == new
    rows = {row.member_id: row for row in await hub.rows("hub.member")}
    assert (rows[old].status, rows[old].name, rows[old].phone) == ("erased", None, None)
    assert {row.member_id for row in await hub.rows("hub.identity_claim")} == {new}
    living = {row.origin_id for row in await hub.rows("hub.channel_account")} | {new}
    assert {row.subject for row in await hub.rows("vault.data_key")} == living


async def test_an_order_of_an_erased_account_waits_like_that_of_any_unknown(hub: Hub, settings: Settings) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    old = await hub.member_of(Channel.WEBSITE, "W1")

    async with erasing(hub, settings, old):
        task = await begun(hub, hub.deliver(Source.ORDERS, order("W1", "O1")))
    summary = await task

    assert tally(summary) == {"read": 1, "waiting": 1}
    assert await hub.rows("hub.order_line") == []
