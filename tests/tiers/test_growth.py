"""What grows, grows once; activity is told in counts that replace each other."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from member_hub import tiers
from member_hub.ids import MemberId
from member_hub.tiers import Source
from tests.tiers.desk import NOW, SHIPPED, Desk


async def test_an_order_line_grows_once(desk: Desk) -> None:
    anna = await desk.member()

    written = [await desk.grow(anna, 120, key=b"O1/1") for _ in range(2)]
    again = await desk.grow(anna, 70, key=b"O1/1")

    assert (written, again) == ([1, 0], 0)
    assert await desk.entries(anna) == [("order", 1, 120)]


async def test_a_count_of_a_day_replaces_the_one_before_in_whatever_order(desk: Desk) -> None:
    anna = await desk.member()

    for amount in (3, 5, 5, 2, 0, 4):
        await desk.grow(anna, amount, Source.ACTIVITY, key=b"day/visit")

    assert await desk.entries(anna) == [
        ("activity", 1, 3),
        ("activity", 2, 2),
        ("activity", 3, -3),
        ("activity", 4, -2),
        ("activity", 5, 4),
    ]


async def test_ten_at_once_post_one_difference(desk: Desk) -> None:
    anna = await desk.member()
    await desk.grow(anna, 3, Source.ACTIVITY, key=b"day/visit")

    await asyncio.gather(*(desk.grow(anna, 7, Source.ACTIVITY, key=b"day/visit") for _ in range(10)))

    assert await desk.entries(anna) == [("activity", 1, 3), ("activity", 2, 4)]


async def test_marking_twice_marks_once_and_a_merged_id_marks_its_root(desk: Desk) -> None:
    anna, twin = await desk.member(), await desk.member()
    await desk.merge(anna, twin)
    (row,) = await desk.rows("tier_standing")
    assert (row.member_id, row.tier, row.due_at) == (anna, None, NOW)

    assert await desk.touch(twin) == 0
    desk.later(days=-1)

    assert await desk.touch(twin, anna) == 1
    assert [one.member_id for one in await desk.rows("tier_standing")] == [anna]
    assert await desk.due() == [anna]


async def test_a_member_whom_nobody_looked_at_is_at_the_lowest_tier_since_joining(desk: Desk) -> None:
    anna = await desk.member()
    await desk.touch(anna)

    standing = await desk.standing(anna)

    assert (standing.tier, standing.rank, standing.since, standing.reason.value) == ("base", 0, NOW, "joined")
    assert await desk.held_at((anna, NOW), (MemberId(anna), NOW)) == ["base", "base"]


@given(
    amount_fen=st.integers(1, 10**7),
    parts=st.lists(st.integers(1, 10**6), max_size=8),
)
def test_refunds_in_parts_take_what_one_refund_takes(amount_fen: int, parts: list[int]) -> None:
    growth = tiers.of_line(SHIPPED, amount_fen)
    taken = refunded = 0

    for part in parts:
        taken += tiers.taken_back(growth, amount_fen=amount_fen, refunded_fen=refunded, refund_fen=part)
        refunded = min(amount_fen, refunded + part)

    assert taken == tiers.taken_back(growth, amount_fen=amount_fen, refunded_fen=0, refund_fen=sum(parts))
    assert 0 <= taken <= growth
    assert taken == growth or refunded < amount_fen
