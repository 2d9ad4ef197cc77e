"""An evaluation and, at the same moment, an objection, a parting or an erasure: whichever comes first, no profile is
left, nobody's turn is lost, and neither waits for the other in a circle."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from member_hub import tags
from member_hub.db import transaction
from member_hub.members.bits import PROFILING
from member_hub.members.taggings import end_barred, member_t
from member_hub.tags import evaluating, rounds
from member_hub.tags.evaluating import due_t
from tests.tags.desk import NOW, PROGRAMME, Desk, Someone

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


async def merged_twice(desk: Desk) -> tuple[Someone, Someone]:
    """The one who is gone was due for a merge of their own, and nobody has looked since."""
    kept, gone, before = [await desk.member() for _ in range(3)]
    await desk.merge(gone, before)
    await desk.merge(kept, gone)
    assert await due(desk) == {kept.member_id, gone.member_id}
    return kept, gone


async def due(desk: Desk) -> set[object]:
    return {row.member_id for row in await desk.rows("tag_due")}


async def hold(tx: AsyncConnection, *people: Someone) -> None:
    """As merging, splitting and erasing do before anything else."""
    members = sorted(one.member_id for one in people)
    rows = select(member_t).where(member_t.c.member_id.in_(members)).order_by(member_t.c.member_id)
    await tx.execute(rows.with_for_update())


async def evaluate_due(desk: Desk) -> tags.Evaluated:
    async with asyncio.timeout(10), transaction(desk.database.app) as tx:
        return await tags.evaluate_due(tx, PROGRAMME, now=desk.clock.now())


async def test_who_is_parted_while_the_clock_looks_is_evaluated_on_both_sides(desk: Desk) -> None:
    """The clock leaves them alone until it is done, and comes back."""
    kept, gone = await merged_twice(desk)

    async with transaction(desk.database.app) as tx:
        await hold(tx, kept, gone)
        assert await evaluate_due(desk) == tags.Evaluated()
        await desk.split_in(tx, kept, gone)

    assert await due(desk) == {kept.member_id, gone.member_id}
    assert (await evaluate_due(desk)).members == 2
    assert [set(await desk.tags(one)) for one in (kept, gone)] == [{"lifecycle_stage"}] * 2
    assert await due(desk) == set()


async def test_who_is_parted_while_they_are_evaluated_is_due_again(desk: Desk) -> None:
    kept, gone = await merged_twice(desk)

    async with transaction(desk.database.app) as tx:
        assert (await tags.evaluate_due(tx, PROGRAMME, now=NOW)).members == 2
        parting = asyncio.create_task(desk.split(kept, gone))
        await asyncio.sleep(WAIT_S)
        assert not parting.done()
    await parting

    assert await due(desk) == {kept.member_id, gone.member_id}


async def test_who_is_parted_after_an_evaluation_that_failed_is_due_at_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What failed gave its own locks back, but not those under which it was found due."""
    kept, gone = await merged_twice(desk)

    async def fail(*_args: object, **_named: object) -> tags.Evaluated:
        raise ValueError

    async with transaction(desk.database.app) as tx:
        with monkeypatch.context() as patch:
            patch.setattr(evaluating, "evaluate", fail)
            assert (await tags.evaluate_due(tx, PROGRAMME, now=NOW)).failed == 2
        parting = asyncio.create_task(desk.split(kept, gone))
        await asyncio.sleep(WAIT_S)
        assert not parting.done()
    await parting

    assert {(row.member_id, row.due_at) for row in await desk.rows("tag_due")} == {
        (kept.member_id, NOW),
        (gone.member_id, NOW),
    }


async def test_an_erasure_and_an_evaluation_do_not_wait_for_each_other(desk: Desk) -> None:
    kept, gone = await merged_twice(desk)

    async with transaction(desk.database.app) as tx:
        await hold(tx, kept, gone)
        looking = asyncio.create_task(evaluate_due(desk))
        await asyncio.sleep(WAIT_S)
        await tx.execute(delete(due_t).where(due_t.c.member_id.in_([kept.member_id, gone.member_id])))

    assert await looking == tags.Evaluated()
    assert await due(desk) == set()
