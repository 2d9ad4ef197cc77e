"""Revealing one masked field: how often in a day."""

import asyncio
from datetime import datetime

from member_hub.db import transaction
from member_hub.revealing import APPROVALS_PER_DAY, REVEALS_PER_DAY
from tests.graphql.revealing import APPROVE, ASKER, REVEAL, approvals, approve, clear, count_t, counted, reveal, told
from tests.graphql.world import NOW, WHOLE, People, World


async def test_twenty_a_day_is_the_limit_also_for_many_at_once_and_over_roles(world: World, people: People) -> None:
    some = [reveal(world, people.whole, step_up=True) for _ in range(12)]
    others = [reveal(world, people.whole, role="store_manager", step_up=True) for _ in range(12)]

    answers = await asyncio.gather(*some, *others)

    assert [value for value, errors in answers if not errors] == [clear(WHOLE["phone"])] * REVEALS_PER_DAY
    assert [errors for _, errors in answers if errors] == [[(None, "THROTTLED")]] * 4
    assert REVEALS_PER_DAY == 20
    assert await counted(world) == [("memberReveal", ASKER, "2026-11-22", 20)]
    assert sorted(row[2] for row in await told(world)) == ["THROTTLED"] * 4 + ["ok"] * 20
    assert (await reveal(world, people.whole, subject="S-9", step_up=True))[1] == []


async def test_the_day_is_the_brands_and_the_limit_starts_anew_with_it(world: World, people: People) -> None:
    async with transaction(world.hub.database.app) as tx:
        rows = [("2026-11-22", 20), ("2026-11-20", 3)]
        for day, count in rows:
            stated = {"operation": "memberReveal", "subject": ASKER, "day": datetime.fromisoformat(day), "count": count}
            await tx.execute(count_t.insert().values(stated))
    world.clock.at = NOW.replace(hour=15, minute=59)  # 23:59 in Shanghai
    late = await reveal(world, people.whole, step_up=True)
    world.clock.at = NOW.replace(hour=16, minute=0)

    early = await reveal(world, people.whole, step_up=True)

    assert late == (None, [(None, "THROTTLED")])
    assert early[1] == []
    assert [row[2:] for row in await counted(world)] == [("2026-11-22", 20), ("2026-11-23", 1)]


async def test_what_is_throttled_uses_up_no_approval(world: World, people: People) -> None:
    await approve(world, people.whole)
    for _ in range(REVEALS_PER_DAY):
        await reveal(world, people.whole, step_up=True)

    refused = await reveal(world, people.whole)

    assert refused == (None, [(None, "THROTTLED")])
    assert [row.used_at for row in await approvals(world)] == [None]


async def test_approvals_are_limited_too(world: World, people: People) -> None:
    async with transaction(world.hub.database.app) as tx:
        stated = {"operation": "revealApprove", "subject": "S-7", "day": NOW.date(), "count": APPROVALS_PER_DAY}
        await tx.execute(count_t.insert().values(stated))

    assert await approve(world, people.whole) == (None, [(None, "THROTTLED")])
    assert await approvals(world) == []


async def test_what_is_limited_by_the_day_says_when_the_next_one_begins(world: World, people: People) -> None:
    day = NOW.date()
    async with transaction(world.hub.database.app) as tx:
        for operation, subject, count in (
            ("memberReveal", ASKER, REVEALS_PER_DAY),
            ("revealApprove", "S-7", APPROVALS_PER_DAY),
        ):
            stated = {"operation": operation, "subject": subject, "day": day, "count": count}
            await tx.execute(count_t.insert().values(stated))
    revealing = REVEAL.replace("field code message", "code retryAfter")
    approving = APPROVE.replace("field code", "code retryAfter")
    about = {"id": str(people.whole), "field": "PHONE"}

    shown = await world.ask(
        "support_agent", revealing, variables=about | {"reason": "CALL_BACK"}, subject=ASKER, step_up=True
    )
    approved = await world.ask("membership_manager", approving, variables=about | {"to": ASKER}, subject="S-7")

    eight_hours = [{"code": "THROTTLED", "retryAfter": 8 * 3600}]  # from 16:00 in Shanghai
    assert shown["memberReveal"]["userErrors"] == approved["revealApprove"]["userErrors"] == eight_hours
