"""What ends a reach ends it for acts that are under way: whoever waited for the member looks again under the lock."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text, update

from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.members.gates import MinorApproval
from tests.conftest import Run
from tests.graphql.consents import deny, history
from tests.graphql.notices import SMS, publish, served
from tests.graphql.revealing import approvals, approve
from tests.graphql.test_objections import lift, place, stored
from tests.guardians.family import Family, link_t, member_t

GONE = [("member", "NOT_FOUND")]
approval_t = table_of(MinorApproval)


@pytest.fixture
def linked(family: Family, run: Run) -> Family:
    run(family.linked())
    return family


async def while_it_waits(family: Family, act: Callable[[], Awaitable[Any]], *changes: Any) -> Any:
    """What the act answers that waited for the daughter while somebody else ended the reach, and committed."""
    async with transaction(family.world.hub.database.app) as tx:
        await tx.execute(text("SELECT 1 FROM hub.member WHERE member_id = :m FOR UPDATE"), {"m": family.daughter})
        acting = asyncio.create_task(act())  # type: ignore[arg-type]
        await _waits(family)
        for change in changes:
            await tx.execute(change)
    return await acting


async def _waits(family: Family) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    async with family.world.hub.database.login.connect() as connection:
        while not await connection.scalar(waiting):
            await asyncio.sleep(0.01)


ENDED = update(link_t).values(state="ended", due_at=None)


async def test_a_guardian_withdraws_nothing_any_more(linked: Family) -> None:
    async def withdraws() -> Any:
        return await deny(linked.world, linked.daughter, role="guardian", asker=linked.mother)

    assert await while_it_waits(linked, withdraws, ENDED) == ([], GONE)
    assert await history(linked.world) == []
    assert [row.outcome for row in await linked.recorded("consentWithdraw")] == ["NOT_FOUND"]


async def test_a_guardian_lifts_nothing_any_more(linked: Family) -> None:
    scope = {"profiling": True}
    placed, _ = await place(linked.world, "guardian", scope, linked.daughter, member=linked.mother)

    async def lifts() -> Any:
        return await lift(linked.world, "guardian", placed["id"], linked.daughter, member=linked.mother)

    assert await while_it_waits(linked, lifts, ENDED) == (None, GONE)
    assert [row.lifted_at for row in await stored(linked.world)] == [None]


async def test_a_guardian_is_asked_nothing_any_more(linked: Family) -> None:
    await publish(linked.world)
    notice = await publish(linked.world, "children-1", family="CHILDREN")

    async def asks() -> Any:
        about = {"member": linked.mother}
        return await served(linked.world, linked.daughter, notice, SMS, role="guardian", about=about)

    assert await while_it_waits(linked, asks, ENDED) == (None, GONE)
    assert await history(linked.world) == []


async def test_staff_approve_no_reveal_of_whom_they_see_no_more(family: Family) -> None:
    """The daughter is found to be a child while the approval waits, and the manager has none to see minors."""
    async with transaction(family.world.hub.database.app) as tx:
        await tx.execute(update(member_t).where(member_t.c.member_id == family.daughter).values(age_band="unknown"))

    async def approves() -> Any:
        return await approve(family.world, family.daughter)

    child = update(member_t).where(member_t.c.member_id == family.daughter).values(age_band="child")
    assert await while_it_waits(family, approves, child) == (None, [("id", "NOT_FOUND")])
    assert await approvals(family.world) == []
