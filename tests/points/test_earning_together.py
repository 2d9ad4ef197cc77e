"""Earnings that share a commit: each with its own key and its own refusal, none lost and none twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import DBAPIError

from member_hub import points
from member_hub.audit import AuditUnavailable
from member_hub.db import transaction
from member_hub.db.base import Tx
from member_hub.db.direct import Direct, Failed
from member_hub.ids import MemberId, uuid7
from member_hub.points import Asked, Line, LotKind, Receipt, Together, Wish, together
from tests.points.desk import NOW, Desk, member_t, points_t, staff
from tests.points.desk import account_t as channel_t
from tests.points.sharing import (
    OBJECTED,
    OF_ALL,
    OF_ANOTHER,
    OF_BRAND,
    OF_STAFF,
    YUAN_100,
    Shared,
)


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many went shared, each time."""
    sizes: list[int] = []
    in_reach = together.earn_in_reach

    async def noting(tx: Tx, several: Sequence[Any]) -> list[Any]:
        sizes.append(len(several))
        return await in_reach(tx, several)

    monkeypatch.setattr(together, "earn_in_reach", noting)
    return sizes


async def _people(desk: Desk, count: int) -> list[MemberId]:
    """With an account each."""
    people = sorted([await desk.member() for _ in range(count)])
    for one in people:
        await desk.earn(one, 1)
    return people


def _buy(desk: Desk, shared: Shared, member_id: MemberId, asked: Asked | None = None, **said: Any) -> Any:
    return shared.earn(member_id, asked or desk.asked(), **said)


async def test_those_that_come_while_one_is_written_share_the_next_commit(desk: Desk, groups: list[int]) -> None:
    people, shared = await _people(desk, 5), Shared(desk.database)

    done = await asyncio.gather(*(_buy(desk, shared, people[number % 5]) for number in range(20)))

    assert groups == [16, 4]
    assert Counter(one.member_id for one in done) == dict.fromkeys(people, 4)
    for one in people:
        assert await desk.pots(one) == (1, 400, 0, 0)
        assert sorted(r.version for r in done if r.member_id == one) == [2, 3, 4, 5]
    assert await desk.faults() == []


async def test_one_that_comes_alone_waits_for_nobody(desk: Desk, groups: list[int]) -> None:
    (anna,), shared = await _people(desk, 1), Shared(desk.database)

    for _ in range(3):
        await _buy(desk, shared, anna)

    assert groups == [1, 1, 1]
    assert await desk.pots(anna) == (1, 300, 0, 0)


async def test_a_refusal_is_of_one_alone(desk: Desk) -> None:
    people, shared = await _people(desk, 4), Shared(desk.database)
    frozen, newcomer, unknown = people[1], await desk.member(), MemberId(uuid7())
    await desk.do(points.freeze, frozen)
    await desk.do(points.earn, people[0], earning=YUAN_100, asked=desk.asked("k"))

    done = await asyncio.gather(
        *(_buy(desk, shared, one) for one in [*people, newcomer, unknown]),
        _buy(desk, shared, people[2], desk.asked("k", request=b"another")),
        return_exceptions=True,
    )

    assert [type(one).__name__ for one in done] == [
        "Receipt", "PointsFrozen", "Receipt", "Receipt", "Receipt", "NotFound", "KeyReused",
    ]  # fmt: skip
    assert await desk.pots(people[0]) == (1, 200, 0, 0)
    assert await desk.pots(frozen) == (1, 0, 0, 0)
    assert await desk.pots(people[2]) == (1, 100, 0, 0)
    assert await desk.pots(newcomer) == (0, 100, 0, 0)
    assert await desk.faults() == []


async def test_one_key_in_one_group_is_one_earning(desk: Desk) -> None:
    (anna,), shared = await _people(desk, 1), Shared(desk.database)

    done = await asyncio.gather(*(_buy(desk, shared, anna, desk.asked("k")) for _ in range(8)))

    assert len({one.operation_id for one in done}) == 1
    assert done == [done[0]] * 8
    assert await desk.pots(anna) == (1, 100, 0, 0)


@pytest.mark.parametrize("was_written", [False, True])
async def test_of_a_transaction_that_failed_each_is_done_by_itself(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, was_written: bool
) -> None:
    """Whether it was written when the answer got lost, or not."""
    people, shared = await _people(desk, 3), Shared(desk.database)
    shares = transaction

    @asynccontextmanager
    async def failing(engine: Any) -> AsyncIterator[Tx]:
        async with shares(engine) as tx:
            yield tx
            if not was_written:
                await tx.rollback()
        raise DBAPIError("", None, Failed(OSError()), hide_parameters=True)

    monkeypatch.setattr(together, "transaction", failing)
    done = await asyncio.gather(*(_buy(desk, shared, people[number % 3]) for number in range(9)))

    assert shared.left == 9
    assert len({one.operation_id for one in done}) == 9
    assert [await desk.pots(one) for one in people] == [(1, 300, 0, 0)] * 3
    assert len([row for row in await desk.rows("points_entry") if row.reason == "purchase"]) == 9
    assert await desk.faults() == []


async def test_what_cannot_be_put_on_record_is_not_done(desk: Desk) -> None:
    """Nor what shares its commit; each by itself says why."""
    people, shared = await _people(desk, 3), Shared(desk.database)
    stands, recorded = await desk.everything(), []

    async def on_record(receipt: Receipt) -> None:
        recorded.append(receipt.member_id)
        if receipt.member_id == people[1]:
            raise AuditUnavailable

    wishes = [Wish(staff(), OF_BRAND, one, desk.asked(), YUAN_100, None, on_record) for one in people]
    done = await asyncio.gather(*(shared.together.earn(wish) for wish in wishes))

    assert done == [None] * 3
    assert sorted(recorded) == people
    assert await desk.everything() == stands


async def test_a_fault_over_one_is_no_fault_of_the_others(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """Each finds out by itself, and the writer goes on."""
    people, shared = await _people(desk, 3), Shared(desk.database)
    stands = await desk.everything()

    async def on_record(receipt: Receipt) -> None:
        if receipt.member_id == people[1]:
            raise ValueError("13800138000")

    wishes = [Wish(staff(), OF_BRAND, one, desk.asked(), YUAN_100, None, on_record) for one in people]
    done = await asyncio.gather(*(shared.together.earn(wish) for wish in wishes))

    assert done == [None] * 3
    assert await desk.everything() == stands
    assert (await _buy(desk, shared, people[0])).points == 100
    assert (shared.left, "(ValueError)" in caplog.text, "13800138000" in caplog.text) == (0, True, False)


async def test_out_of_reach_nothing_is_earned(desk: Desk) -> None:
    """Another handler's, of one who objected, and within a reach that is more than a condition on the row."""
    (anna, bert), shared = await _people(desk, 2), Shared(desk.database)
    async with transaction(desk.database.app) as tx:
        await tx.execute(update(member_t).where(member_t.c.member_id == bert).values(restriction_bits=OBJECTED))
    stands = await desk.everything()
    reaches = [(anna, OF_ANOTHER), (bert, OF_BRAND), (anna, OF_STAFF)]

    for member_id, visible in reaches:
        wish = Wish(staff(), visible, member_id, desk.asked(), YUAN_100, None, None)
        assert await shared.together.earn(wish) is None

    assert await desk.everything() == stands


async def test_whoever_is_held_by_another_keeps_nobody_waiting(desk: Desk) -> None:
    """A member who is being merged, an account on which something is done: they are done by themselves, afterwards."""
    (anna, bert, cora), shared = await _people(desk, 3), Shared(desk.database)

    async with transaction(desk.database.app) as tx:
        await tx.execute(select(member_t).where(member_t.c.member_id == anna).with_for_update())
        await tx.execute(select(points_t).where(points_t.c.member_id == bert).with_for_update())
        tasks = [asyncio.create_task(_buy(desk, shared, one)) for one in (anna, bert, cora)]
        await tasks[2]
        assert [task.done() for task in tasks] == [False, False, True]
    await asyncio.gather(*tasks)

    assert shared.left == 2
    assert [(await desk.pots(one))[1] for one in (anna, bert, cora)] == [100] * 3


async def test_a_key_that_another_process_holds_keeps_the_others_for_a_moment_only(
    desk: Desk, groups: list[int]
) -> None:
    people, shared = await _people(desk, 4), Shared(desk.database)
    asked = desk.asked("k")

    async with asyncio.timeout(10):
        async with transaction(desk.database.app) as tx:
            first = await points.earn(tx, staff(), people[3], asked=asked, earning=YUAN_100)
            contested = asyncio.create_task(_buy(desk, shared, people[0], asked))
            others = [asyncio.create_task(_buy(desk, shared, one)) for one in people[1:3]]
            await asyncio.gather(*others)
            await asyncio.gather(*(_buy(desk, shared, one) for one in people[1:3]))  # the writer goes on
            assert not contested.done()
        assert await contested == first

    assert (groups, shared.left) == ([3, 2], 3)
    assert [(await desk.pots(one))[1] for one in people] == [0, 200, 200, 100]
    assert await desk.faults() == []


async def test_while_the_group_is_not_on_disk_nobody_else_ends_a_reach(desk: Desk) -> None:
    """Whoever objects meanwhile waits, and is told that it is over after the earning stands."""
    (anna,), shared = await _people(desk, 1), Shared(desk.database)
    order: list[str] = []

    async def object_() -> None:
        async with transaction(desk.database.app) as tx:
            await tx.execute(select(member_t).where(member_t.c.member_id == anna).with_for_update())
            order.append("objected")

    async def on_record(receipt: Receipt) -> None:
        tasks.append(asyncio.create_task(object_()))
        await asyncio.sleep(0.2)
        order.append("recorded")

    tasks: list[asyncio.Task[None]] = []
    await _buy(desk, shared, anna, on_record=on_record)
    await asyncio.gather(*tasks)

    assert order == ["recorded", "objected"]


@pytest.mark.parametrize("way", ["with others", "by itself", "under the cap of a day", "for an order line"])
async def test_the_account_in_the_named_channel_earns(desk: Desk, way: str) -> None:
    """Whichever way an earning goes; where there is none, the account that the member began with."""
    (anna,), shared = await _people(desk, 1), Shared(desk.database)
    async with transaction(desk.database.app) as tx:
        row = (await tx.execute(select(channel_t).where(channel_t.c.member_id == anna))).one()
        other = row._asdict() | {"origin_id": uuid7(), "channel": "app"}
        await tx.execute(insert(channel_t).values(other))
    if way == "under the cap of a day":
        purchase = replace(desk.rules.earn[LotKind.PURCHASE], day_max=1_000)
        desk.rules = replace(desk.rules, earn={**desk.rules.earn, LotKind.PURCHASE: purchase})

    for channel in ("app", "store", "website"):
        if way == "with others":
            await _buy(desk, shared, anna, channel=channel)
        elif way == "for an order line":
            await desk.do(points.earn_for_order_line, anna, line=Line(channel, "O1", 1), earning=YUAN_100)
        else:
            await desk.do(points.earn, anna, earning=YUAN_100, channel=channel)

    lots = sorted((lot for lot in await desk.rows("points_lot") if lot.kind == "purchase"), key=lambda lot: lot.lot_id)
    began = min(row.origin_id, other["origin_id"])
    assert shared.left == 0
    assert [lot.origin_id for lot in lots] == [other["origin_id"], row.origin_id, began]
    of_lines = [line.origin_id for line in await desk.rows("points_line")]
    assert sorted(of_lines) == (sorted(lot.origin_id for lot in lots) if way == "for an order line" else [])


async def test_a_tier_multiplies_what_is_multiplied(desk: Desk) -> None:
    people = await _people(desk, 2)
    asked: list[Any] = []

    async def multipliers(tx: Tx, held: Any, now: Any) -> list[int]:
        asked.append((held, now))
        return [12_000 + 1_000 * number for number in range(len(held))]

    shared = Shared(desk.database)
    shared.together = Together(desk.database.app, multipliers)
    bought = NOW - timedelta(days=1)
    done = await asyncio.gather(
        _buy(desk, shared, people[0]), _buy(desk, shared, people[1], earning=replace(YUAN_100, occurred_at=bought))
    )

    assert [receipt.points for receipt in done] == [120, 130]
    assert asked == [([(people[0], NOW), (people[1], bought)], NOW)]


async def test_one_statement_takes_each_account_and_each_key_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that comes twice, a key that comes twice, and another reach go with the next."""
    people, shared = await _people(desk, 4), Shared(desk.database)
    sent: list[int] = []
    every = Direct.every

    async def noting(self: Direct, tx: Tx, values: Any) -> list[Any]:
        sent.append(len(values["p_asked"]))
        return await every(self, tx, values)

    monkeypatch.setattr(Direct, "every", noting)
    done = await asyncio.gather(
        *(_buy(desk, shared, one) for one in (*people, people[0], people[0])),
        *(_buy(desk, shared, one, desk.asked("k")) for one in people[1:3]),
        _buy(desk, shared, people[3], visible=OF_ALL),
        return_exceptions=True,
    )

    assert sent == [4, 2, 2, 1]
    assert [type(one).__name__ for one in done] == ["Receipt"] * 9
    assert done[6] == done[7]  # the same request under the same key, whatever it was about
    assert [(await desk.pots(one))[1] for one in people] == [300, 200, 100, 200]
    assert await desk.faults() == []


async def test_one_that_stops_waiting_takes_nobody_with_it(desk: Desk) -> None:
    people, shared = await _people(desk, 3), Shared(desk.database)

    tasks = [asyncio.create_task(_buy(desk, shared, one)) for one in people]
    await asyncio.sleep(0)
    tasks[1].cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(one).__name__ for one in done] == ["Receipt", "CancelledError", "Receipt"]
    assert await desk.pots(people[0]) == await desk.pots(people[2]) == (1, 100, 0, 0)
    assert await desk.faults() == []


async def test_two_processes_on_the_same_accounts_neither_lose_nor_deadlock(desk: Desk) -> None:
    """With merged ids among them, whose roots stand in another order."""
    people = await _people(desk, 6)
    await desk.merge(people[5], people[0])
    one, other = Shared(desk.database), Shared(desk.database)

    done = await asyncio.gather(
        *(_buy(desk, (one, other)[number % 2], people[number * 7 % 6]) for number in range(120)),
        *(desk.do(points.earn, people[number % 6], earning=YUAN_100) for number in range(30)),
    )

    assert all(isinstance(receipt, Receipt) for receipt in done)
    assert sum([(await desk.pots(root))[1] for root in people[1:]]) == 150 * 100
    assert await desk.faults() == []
