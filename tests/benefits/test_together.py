"""Many at once on real connections: nothing is counted twice, nothing is lost, nobody deadlocks."""

import asyncio
from collections import Counter

from member_hub.ids import MemberId
from tests.benefits.desk import Desk

AT_ONCE = 20


async def test_of_twenty_uses_of_the_last_one_exactly_one_succeeds(desk: Desk) -> None:
    anna = await desk.member()

    done = await asyncio.gather(*(desk.use(anna) for _ in range(AT_ONCE)), return_exceptions=True)

    assert Counter(type(one).__name__ for one in done) == {"Used": 1, "UsedUp": AT_ONCE - 1}
    assert await desk.has(anna) == {"gift_wrapping": (1, 1)}
    assert len(await desk.rows("benefit_use")) == 1


async def test_of_twenty_uses_of_three_coupons_three_succeed(desk: Desk) -> None:
    anna = await desk.member()
    for _ in range(3):
        await desk.issue(anna)

    done = await asyncio.gather(*(desk.use(anna, "goodwill_coupon") for _ in range(AT_ONCE)), return_exceptions=True)

    assert Counter(type(one).__name__ for one in done) == {"Used": 3, "UsedUp": AT_ONCE - 3}
    assert [row.used for row in await desk.rows("entitlement")] == [1, 1, 1]


async def test_uses_and_a_merge_at_once_take_turns(desk: Desk) -> None:
    anna, berta = await desk.member(), await desk.member()
    await desk.use(berta)

    async def used(member_id: MemberId) -> str:
        try:
            return type(await desk.use(member_id)).__name__
        except Exception as refused:  # noqa: BLE001 - which one it is is what is counted
            return type(refused).__name__

    done = await asyncio.gather(desk.merge(anna, berta), *(used(one) for one in (anna, berta) * 5))

    names = Counter(done[1:])
    assert set(names) <= {"Used", "UsedUp", "NotFound"}
    assert names["Used"] <= 1
    (shown,) = [one for one in await desk.entitled(anna) if one.benefit.code == "gift_wrapping"]
    assert (shown.quantity, shown.used) == (1, 1 + names["Used"])
    assert {row.member_id for row in await desk.rows("entitlement")} == {anna}
