"""An objection and an evaluation at the same moment: whichever comes first, no profile is left."""

import asyncio
from datetime import timedelta

from member_hub import tags
from member_hub.db import transaction
from member_hub.members.bits import PROFILING
from member_hub.members.taggings import end_barred, member_t
from member_hub.tags import rounds
from tests.tags.desk import NOW, PROGRAMME, Desk

WAIT_S = 0.3


async def test_an_objection_waits_for_the_batch_and_takes_what_it_gave(desk: Desk) -> None:
    who = await desk.member()

    async def object_now() -> None:
        """As placing one does: the member's row held, the bits, then what may not stand."""
        async with transaction(desk.database.app) as tx:
            row = member_t.update().where(member_t.c.member_id == who.member_id)
            await tx.execute(row.values(restriction_bits=PROFILING))
            await end_barred(tx, [who.member_id], now=NOW)

    async with transaction(desk.database.app) as tx:
        assert (await rounds.evaluate_next(tx, PROGRAMME, "brand", desk.clock)) == tags.Evaluated(1, 1, 0)
        objecting = asyncio.create_task(object_now())
        await asyncio.sleep(WAIT_S)
        assert not objecting.done()
    await objecting

    assert await desk.tags(who) == {}


async def test_an_evaluation_waits_for_the_objection_and_gives_nothing(desk: Desk) -> None:
    who = await desk.member()
    async with transaction(desk.database.app) as tx:
        row = member_t.update().where(member_t.c.member_id == who.member_id)
        await tx.execute(row.values(restriction_bits=PROFILING))
        await end_barred(tx, [who.member_id], now=NOW)
        evaluating = asyncio.create_task(desk.evaluate(who))
        await asyncio.sleep(WAIT_S)
        assert not evaluating.done()

    assert (await evaluating).given == 0
    assert await desk.tags(who) == {}


async def test_two_processes_share_no_batch(desk: Desk) -> None:
    await desk.member()
    async with transaction(desk.database.app) as tx:  # yesterday's round
        await rounds.evaluate_next(tx, PROGRAMME, "brand", desk.clock)
    desk.clock.at += timedelta(days=1)

    async with transaction(desk.database.app) as tx:
        first = await rounds.evaluate_next(tx, PROGRAMME, "brand", desk.clock)
        async with transaction(desk.database.app) as other:
            assert await rounds.evaluate_next(other, PROGRAMME, "brand", desk.clock) is None

    assert first == tags.Evaluated(1, 0, 0)
