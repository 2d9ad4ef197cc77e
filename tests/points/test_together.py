"""Many at once on real connections: nothing is lost, nothing is spent twice, nobody deadlocks."""

import asyncio
from collections import Counter

import pytest
from sqlalchemy.exc import DBAPIError

from member_hub import points
from member_hub.ids import MemberId
from member_hub.points.refusals import AlreadyCounted, NotEnoughPoints
from tests.points.desk import Act, Desk

AT_ONCE = 20


async def test_of_twenty_redemptions_of_the_whole_balance_exactly_one_succeeds(desk: Desk) -> None:
    anna = await desk.member()
    await desk.earn(anna, 100)

    done = await asyncio.gather(
        *(desk.do(points.redeem, anna, amount=100) for _ in range(AT_ONCE)), return_exceptions=True
    )

    assert Counter(type(one).__name__ for one in done) == {"Receipt": 1, "NotEnoughPoints": AT_ONCE - 1}
    assert await desk.pots(anna) == (0, 0, 0, 0)
    assert await desk.faults() == []


async def test_of_twenty_that_redeem_a_part_as_many_succeed_as_there_is_for(desk: Desk) -> None:
    anna = await desk.member()
    for _ in range(3):
        await desk.earn(anna, 30)

    done = await asyncio.gather(
        *(desk.do(points.redeem, anna, amount=20) for _ in range(AT_ONCE)), return_exceptions=True
    )

    assert sum(not isinstance(one, NotEnoughPoints) for one in done) == 4
    assert await desk.pots(anna) == (10, 0, 0, 0)
    assert await desk.faults() == []


async def test_twenty_that_ask_the_same_under_one_key_get_one_answer(desk: Desk) -> None:
    anna = await desk.member()
    await desk.earn(anna, 1_000)

    done = await asyncio.gather(
        *(desk.do(points.redeem, anna, amount=10, asked=desk.asked("k")) for _ in range(AT_ONCE))
    )

    assert len({one.operation_id for one in done}) == 1
    assert await desk.pots(anna) == (990, 0, 0, 0)


async def test_a_hot_account_loses_no_earning_and_is_made_once(desk: Desk) -> None:
    anna = await desk.member()

    await asyncio.gather(*(desk.earn(anna, 7) for _ in range(100)))

    assert await desk.pots(anna) == (700, 0, 0, 0)
    (account,) = await desk.rows("points_account")
    assert (account.version, account.sequence) == (100, 200)
    assert await desk.faults() == []


async def test_an_order_line_brought_by_twenty_counts_once(desk: Desk) -> None:
    anna, bert = await desk.member(), await desk.member()

    done = await asyncio.gather(
        *(desk.buy((anna, bert)[number % 2], "O1", 10_000) for number in range(AT_ONCE)), return_exceptions=True
    )

    assert sum(not isinstance(one, AlreadyCounted) for one in done) == 1
    assert sum([(await desk.balance(row.member_id)).pots.pending for row in await desk.rows("points_account")]) == 100
    assert await desk.faults() == []


async def test_refunds_at_once_never_take_more_than_the_line(desk: Desk) -> None:
    anna = await desk.member()
    await desk.buy(anna, "O1", 10_000)

    done = await asyncio.gather(
        *(desk.refund(anna, "O1", f"R{number}", 3_000) for number in range(10)), return_exceptions=True
    )

    assert sum(type(one).__name__ == "Receipt" for one in done) == 3
    assert await desk.pots(anna) == (0, 10, 0, 0)
    assert await desk.faults() == []


async def test_transfers_both_ways_at_once_do_not_deadlock(desk: Desk) -> None:
    anna, bert = await desk.member(), await desk.member()
    for one in (anna, bert):
        await desk.earn(one, 1_000)

    await asyncio.gather(*(desk.do(points.transfer, a, to=b, amount=10) for a, b in _both_ways(anna, bert)))

    assert await desk.pots(anna) == (1_000, 0, 0, 0)
    assert await desk.pots(bert) == (1_000, 0, 0, 0)
    assert await desk.faults() == []


async def test_whoever_acts_while_a_merge_commits_acts_on_the_root(desk: Desk) -> None:
    anna, twin = await desk.member(), await desk.member()
    await desk.earn(twin, 1_000)

    async def merge() -> None:
        await asyncio.sleep(0.01)
        await desk.merge(anna, twin)

    acts = [desk.earn(twin, 1) for _ in range(40)] + [desk.do(points.redeem, twin, amount=1) for _ in range(40)]
    done = await asyncio.gather(merge(), *acts)

    assert {one.member_id for one in done[1:] if one is not None} <= {anna, twin}
    assert await desk.pots(anna) == (1_000, 0, 0, 0)
    assert await desk.faults() == []


async def test_merging_while_both_transfer_to_each_other_neither_deadlocks_nor_loses(desk: Desk) -> None:
    people = [await desk.member() for _ in range(4)]
    for one in people:
        await desk.earn(one, 1_000)

    async def transfer(a: MemberId, b: MemberId) -> object:
        return await desk.do(points.transfer, a, to=b, amount=1)

    pairs = [(a, b) for a in people for b in people if a != b] * 3
    done = await asyncio.gather(
        desk.merge(people[3], people[0]), *(transfer(*pair) for pair in pairs), return_exceptions=True
    )

    assert [one for one in done if isinstance(one, DBAPIError)] == []
    assert sum([sum(await desk.pots(one)) for one in people]) == 4_000
    assert await desk.faults() == []


async def test_two_clockworks_at_once_do_everything_once(desk: Desk) -> None:
    people = [await desk.member() for _ in range(10)]
    for number, one in enumerate(people):
        await desk.buy(one, f"O{number}", 10_000)
    desk.later(days=10)

    done = await asyncio.gather(*(desk.settle() for _ in range(4)))

    assert sum(done) == 10
    assert await desk.faults() == []


@pytest.mark.parametrize("act", [points.freeze, points.close])
async def test_nothing_slips_in_behind_a_freeze(desk: Desk, act: Act) -> None:
    anna = await desk.member()
    await desk.earn(anna, 1_000)

    done = await asyncio.gather(
        *(desk.earn(anna, 1) for _ in range(10)),
        desk.do(act, anna),
        *(desk.earn(anna, 1) for _ in range(10)),
        return_exceptions=True,
    )

    entries = await desk.rows("points_entry")
    assert entries[-1].act == act.__name__
    came = sum(entry.act == "earn" for entry in entries) - 1
    assert sum(type(one).__name__ == "Receipt" for one in done) == came + 1
    assert await desk.faults() == []


def _both_ways(one: MemberId, other: MemberId) -> list[tuple[MemberId, MemberId]]:
    return [(one, other), (other, one)] * AT_ONCE
