"""What was earned or spent is undone once, and exactly, wherever merging and splitting left its lot meanwhile."""

from dataclasses import replace

import pytest

from member_hub import points
from member_hub.ids import MemberId
from member_hub.points.refusals import NotReversible
from member_hub.points.words import NegativeBalance
from tests.points.desk import Desk

LONG = 800  # days, after which everything has expired


async def _owing(desk: Desk, points_owed: int) -> MemberId:
    member_id = await desk.member()
    await desk.open_balance(member_id, -points_owed)
    return member_id


async def test_two_redemptions_of_one_lot_are_undone_after_a_merge(desk: Desk) -> None:
    anna, twin = await desk.member(), await desk.member()
    await desk.earn(twin, 100)
    first = await desk.do(points.redeem, twin, amount=60)
    second = await desk.do(points.redeem, twin, amount=40)
    await desk.merge(anna, twin)

    await desk.do(points.reverse, anna, operation_id=first.operation_id, amount=20)
    await desk.do(points.reverse, anna, operation_id=second.operation_id)
    await desk.do(points.reverse, anna, operation_id=first.operation_id)

    assert await desk.pots(anna) == (100, 0, 0, 0)
    assert await desk.faults() == []


async def test_a_redemption_of_two_lots_is_undone_in_parts_after_a_merge(desk: Desk) -> None:
    anna, twin = await desk.member(), await desk.member()
    for _ in range(2):
        await desk.earn(twin, 50)
        desk.later(days=1)
    spent = await desk.do(points.redeem, twin, amount=100)
    await desk.merge(anna, twin)

    await desk.do(points.reverse, anna, operation_id=spent.operation_id, amount=30)  # of the lot that lasts longer
    assert await desk.pots(anna) == (30, 0, 0, 0)
    await desk.do(points.reverse, anna, operation_id=spent.operation_id)

    assert await desk.pots(anna) == (100, 0, 0, 0)
    assert {row.member_id for row in await desk.rows("points_lot") if row.remaining} == {anna}
    assert await desk.faults() == []


async def test_what_came_back_while_merged_does_not_come_back_again_after_a_split(desk: Desk) -> None:
    anna, twin = await desk.member(), await desk.member()
    await desk.earn(twin, 200)
    spent = await desk.do(points.redeem, twin, amount=150)
    await desk.merge(anna, twin)
    await desk.do(points.reverse, anna, operation_id=spent.operation_id, amount=100)
    await desk.split(anna, twin)

    with pytest.raises(NotReversible):
        await desk.do(points.reverse, twin, operation_id=spent.operation_id, amount=51)
    await desk.do(points.reverse, twin, operation_id=spent.operation_id)

    assert await desk.pots(twin) == (200, 0, 0, 0)
    with pytest.raises(NotReversible):
        await desk.do(points.reverse, twin, operation_id=spent.operation_id)
    assert await desk.faults() == []


async def test_a_lot_that_was_here_and_there_is_one_again_after_merging_again(desk: Desk) -> None:
    anna, twin = await desk.member(), await desk.member()
    await desk.earn(twin, 100)
    await desk.merge(anna, twin)
    spent = await desk.do(points.redeem, anna, amount=60)
    await desk.split(anna, twin)
    await desk.do(points.reverse, anna, operation_id=spent.operation_id)
    assert (await desk.pots(anna), await desk.pots(twin)) == ((60, 0, 0, 0), (40, 0, 0, 0))

    await desk.merge(anna, twin)

    assert await desk.pots(anna) == (100, 0, 0, 0)
    assert await desk.faults() == []
    assert (await desk.do(points.redeem, anna, amount=100)).balance == 0


async def test_a_refund_takes_nothing_for_points_that_expired_before_the_merge(desk: Desk) -> None:
    desk.rules = replace(desk.rules, negative_balance=NegativeBalance.ALLOWED)
    anna, twin = await desk.member(), await desk.member()
    await desk.buy(twin, "O1", 10_000)
    desk.later(days=LONG)
    await desk.settle()
    await desk.merge(anna, twin)
    await desk.earn(anna, 500)

    receipt = await desk.refund(anna, "O1", "R1", 10_000)

    assert (receipt.points, receipt.balance) == (100, 500)
    assert await desk.pots(anna) == (500, 0, 0, 0)
    assert await desk.faults() == []


async def test_points_earned_that_expired_before_the_merge_are_not_taken_from_others(desk: Desk) -> None:
    desk.rules = replace(desk.rules, negative_balance=NegativeBalance.ALLOWED)
    anna, twin = await desk.member(), await desk.member()
    earned = await desk.earn(twin, 100)
    desk.later(days=LONG)
    await desk.settle()
    await desk.merge(anna, twin)
    await desk.earn(anna, 500)

    await desk.do(points.reverse, anna, operation_id=earned.operation_id)

    assert await desk.pots(anna) == (500, 0, 0, 0)
    assert await desk.faults() == []


async def test_a_debt_that_refunded_points_had_paid_is_owed_again(desk: Desk) -> None:
    anna = await _owing(desk, 100)
    await desk.buy(anna, "O1", 30_000)
    desk.later(days=30)
    await desk.settle()
    await desk.do(points.redeem, anna, amount=150)
    assert await desk.pots(anna) == (50, 0, 0, 0)

    await desk.refund(anna, "O1", "R1", 30_000)

    assert await desk.pots(anna) == (0, 0, 0, 100)
    assert await desk.faults() == []


@pytest.mark.parametrize("parts", [(10_000,), (5_000, 5_000)])
async def test_where_the_policy_is_never_only_the_debt_is_owed_again_and_once(desk: Desk, parts: list[int]) -> None:
    """What is active pays of it at once; of a reward nothing is taken, in however many parts the line goes back."""
    desk.rules = replace(desk.rules, negative_balance=NegativeBalance.NEVER)
    anna = await _owing(desk, 30)
    await desk.buy(anna, "O1", 10_000)
    desk.later(days=10)
    await desk.settle()
    await desk.do(points.redeem, anna, amount=70)
    await desk.earn(anna, 20)

    taken = [(await desk.refund(anna, "O1", f"R{n}", fen)).points for n, fen in enumerate(parts)]

    assert sum(taken) == 30
    assert await desk.pots(anna) == (0, 0, 0, 10)
    assert await desk.faults() == []


async def test_a_debt_that_points_taken_back_had_paid_is_owed_again(desk: Desk) -> None:
    anna = await _owing(desk, 100)
    earned = await desk.earn(anna, 100)
    assert await desk.pots(anna) == (0, 0, 0, 0)

    await desk.do(points.reverse, anna, operation_id=earned.operation_id)

    assert await desk.pots(anna) == (0, 0, 0, 100)
    assert await desk.faults() == []
