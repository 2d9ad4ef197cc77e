"""What a refund found spent or on hold is remembered with the lot, and taken when points come back to it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from member_hub import points
from member_hub.ids import MemberId
from member_hub.points import Receipt
from member_hub.points.words import NegativeBalance
from tests.points.desk import Desk

TAKING = (NegativeBalance.WITHIN_BALANCE, NegativeBalance.NEVER)


async def _bought(desk: Desk, policy: NegativeBalance, *orders: str) -> MemberId:
    """A hundred active points for each of these orders."""
    desk.rules = replace(desk.rules, negative_balance=policy)
    anna = await desk.member()
    for order in orders:
        await desk.buy(anna, order, 10_000)
    desk.later(days=10)
    return anna


async def _owed(desk: Desk) -> list[int]:
    return [lot.owed for lot in await desk.rows("points_lot") if lot.owed]


def _taken(receipt: Receipt) -> list[tuple[str, int]]:
    return [(entry.act.value, entry.amount) for entry in receipt.entries]


@pytest.mark.parametrize("policy", TAKING)
async def test_a_refund_takes_what_a_hold_releases(desk: Desk, policy: NegativeBalance) -> None:
    anna = await _bought(desk, policy, "O1")
    held = await desk.do(points.hold, anna, amount=100)
    refund = await desk.refund(anna, "O1", "R1", 10_000)
    assert (refund.points, await desk.pots(anna), await _owed(desk)) == (0, (0, 0, 100, 0), [100])

    released = await desk.do(points.release, anna, hold_id=held.operation_id)

    assert _taken(released) == [("release", 100), ("reverse", 100)]
    assert (released.points, released.taken_back, released.balance) == (100, 100, 0)
    assert (await desk.pots(anna), await _owed(desk)) == ((0, 0, 0, 0), [])
    assert await desk.faults() == []


@pytest.mark.parametrize("policy", TAKING)
async def test_a_refund_takes_what_a_reversal_gives_back(desk: Desk, policy: NegativeBalance) -> None:
    anna = await _bought(desk, policy, "O1")
    spent = await desk.do(points.redeem, anna, amount=100)
    desk.later(minutes=1)
    await desk.refund(anna, "O1", "R1", 4_000)
    await desk.refund(anna, "O1", "R2", 6_000)
    assert await _owed(desk) == [100]

    part = await desk.do(points.reverse, anna, operation_id=spent.operation_id, amount=30)
    rest = await desk.do(points.reverse, anna, operation_id=spent.operation_id)

    assert [(one.points, one.taken_back, one.balance) for one in (part, rest)] == [(30, 30, 0), (70, 70, 0)]
    assert (await desk.pots(anna), await _owed(desk)) == ((0, 0, 0, 0), [])
    assert await desk.faults() == []
    with pytest.raises(points.NotEnoughPoints):
        await desk.do(points.redeem, anna, amount=1)


@pytest.mark.parametrize("policy", TAKING)
async def test_of_a_line_in_two_holds_what_times_out_is_taken_when_it_did(desk: Desk, policy: NegativeBalance) -> None:
    anna = await _bought(desk, policy, "O1")
    for n in (60, 40):
        await desk.do(points.hold, anna, amount=n, lasts=timedelta(hours=n))
    await desk.refund(anna, "O1", "R1", 9_000)
    assert await _owed(desk) == [90]

    desk.later(hours=50)
    assert (await desk.pots(anna), await _owed(desk)) == ((0, 0, 60, 0), [90])  # as it will be written
    desk.later(hours=50)
    shown, then = await desk.pots(anna), desk.clock.now()
    desk.later(hours=1)
    await desk.settle()

    pots = await desk.at(anna, then)
    assert shown == (pots.active, pots.pending, pots.held, pots.debt) == (10, 0, 0, 0)
    assert await _owed(desk) == []
    assert await desk.faults() == []


@pytest.mark.parametrize("policy", TAKING)
async def test_the_rest_of_a_capture_is_taken_and_what_was_captured_is_spent_for_good(
    desk: Desk, policy: NegativeBalance
) -> None:
    anna = await _bought(desk, policy, "O1")
    held = await desk.do(points.hold, anna, amount=100)
    await desk.refund(anna, "O1", "R1", 10_000)

    captured = await desk.do(points.capture, anna, hold_id=held.operation_id, amount=30)

    assert _taken(captured) == [("capture", 30), ("release", 70), ("reverse", 70)]
    assert (await desk.pots(anna), await _owed(desk)) == ((0, 0, 0, 0), [30])
    await desk.earn(anna, 50)  # new points do not pay: that is what a debt is for
    assert await desk.pots(anna) == (50, 0, 0, 0)
    assert (await desk.do(points.reverse, anna, operation_id=captured.operation_id)).taken_back == 30
    assert await desk.pots(anna) == (50, 0, 0, 0)
    assert await desk.faults() == []


@pytest.mark.parametrize(("policy", "left"), [(NegativeBalance.WITHIN_BALANCE, 0), (NegativeBalance.NEVER, 100)])
async def test_other_points_that_a_hold_hid_pay_where_the_policy_takes_from_the_whole_balance(
    desk: Desk, policy: NegativeBalance, left: int
) -> None:
    anna = await _bought(desk, policy, "O1")
    await desk.do(points.redeem, anna, amount=100)
    await desk.earn(anna, 100)
    held = await desk.do(points.hold, anna, amount=100)
    desk.later(minutes=1)
    await desk.refund(anna, "O1", "R1", 10_000)

    released = await desk.do(points.release, anna, hold_id=held.operation_id)

    assert (released.taken_back, await desk.pots(anna)) == (100 - left, (left, 0, 0, 0))
    assert await desk.faults() == []


async def test_what_is_held_after_the_refund_pays_nothing(desk: Desk) -> None:
    anna = await _bought(desk, NegativeBalance.WITHIN_BALANCE, "O1")
    await desk.do(points.redeem, anna, amount=100)
    await desk.refund(anna, "O1", "R1", 10_000)
    desk.later(minutes=1)
    await desk.earn(anna, 100)
    held = await desk.do(points.hold, anna, amount=100)

    released = await desk.do(points.release, anna, hold_id=held.operation_id)

    assert (released.taken_back, await desk.pots(anna), await _owed(desk)) == (0, (100, 0, 0, 0), [100])
    assert await desk.faults() == []


async def test_points_taken_for_another_line_are_not_won_by_refunding_theirs_and_cancelling(desk: Desk) -> None:
    """The first refund takes the second line's points; then the second line is refunded and the spending undone."""
    anna = await _bought(desk, NegativeBalance.WITHIN_BALANCE, "O1", "O2")
    spent = await desk.do(points.redeem, anna, amount=100)
    desk.later(minutes=1)
    for order, refund in (("O1", "R1"), ("O2", "R2")):
        await desk.refund(anna, order, refund, 10_000)
    assert (await desk.pots(anna), await _owed(desk)) == ((0, 0, 0, 0), [100])

    await desk.do(points.reverse, anna, operation_id=spent.operation_id)

    assert (await desk.pots(anna), await _owed(desk)) == ((0, 0, 0, 0), [])
    assert await desk.faults() == []


async def test_what_was_on_hold_and_captured_after_the_refund_pays_when_it_is_cancelled(desk: Desk) -> None:
    anna = await _bought(desk, NegativeBalance.WITHIN_BALANCE, "O1")
    await desk.do(points.redeem, anna, amount=100)
    await desk.earn(anna, 100)
    held = await desk.do(points.hold, anna, amount=100)
    desk.later(minutes=1)
    await desk.refund(anna, "O1", "R1", 10_000)
    desk.later(minutes=1)
    captured = await desk.do(points.capture, anna, hold_id=held.operation_id)

    done = await desk.do(points.reverse, anna, operation_id=captured.operation_id)

    assert (done.points, done.taken_back, await desk.pots(anna)) == (100, 100, (0, 0, 0, 0))
    assert await desk.faults() == []


async def test_where_a_debt_is_allowed_nothing_is_remembered(desk: Desk) -> None:
    anna = await _bought(desk, NegativeBalance.ALLOWED, "O1")
    held = await desk.do(points.hold, anna, amount=100)

    await desk.refund(anna, "O1", "R1", 10_000)

    assert (await desk.pots(anna), await _owed(desk)) == ((0, 0, 100, 100), [])
    released = await desk.do(points.release, anna, hold_id=held.operation_id)
    assert (released.taken_back, await desk.pots(anna)) == (0, (0, 0, 0, 0))


async def test_a_line_refunded_while_pending_owes_nothing(desk: Desk) -> None:
    desk.rules = replace(desk.rules, negative_balance=NegativeBalance.NEVER)
    anna = await desk.member()
    await desk.buy(anna, "O1", 10_000)

    assert (await desk.refund(anna, "O1", "R1", 10_000)).points == 100

    assert (await desk.pots(anna), await _owed(desk)) == ((0, 0, 0, 0), [])


@pytest.mark.parametrize("policy", TAKING)
async def test_what_is_owed_goes_with_a_held_lot_when_members_merge_and_part(
    desk: Desk, policy: NegativeBalance
) -> None:
    twin = await _bought(desk, policy, "O1")
    anna = await desk.member()
    held = await desk.do(points.hold, twin, amount=60)
    await desk.do(points.redeem, twin, amount=40)
    desk.later(minutes=1)
    await desk.refund(twin, "O1", "R1", 10_000)

    await desk.merge(anna, twin)
    assert (await desk.pots(anna), await _owed(desk)) == ((0, 0, 60, 0), [100])
    await desk.split(anna, twin)
    await desk.merge(anna, twin)
    await desk.do(points.release, anna, hold_id=held.operation_id)

    assert (await desk.pots(anna), await _owed(desk)) == ((0, 0, 0, 0), [40])
    assert await desk.faults() == []


@pytest.mark.parametrize("policy", TAKING)
@pytest.mark.parametrize("is_merged_first", [True, False])
async def test_an_empty_lot_left_behind_by_merging_owes_there(
    desk: Desk, policy: NegativeBalance, is_merged_first: bool
) -> None:
    twin = await _bought(desk, policy, "O1")
    anna = await desk.member()
    spent = await desk.do(points.redeem, twin, amount=100)
    desk.later(minutes=1)
    if is_merged_first:
        await desk.merge(anna, twin)
    await desk.refund(twin, "O1", "R1", 10_000)
    if not is_merged_first:
        await desk.merge(anna, twin)
    assert await _owed(desk) == [100]

    done = await desk.do(points.reverse, anna, operation_id=spent.operation_id)

    assert (done.taken_back, await desk.pots(anna), await _owed(desk)) == (100, (0, 0, 0, 0), [])
    assert await desk.faults() == []


async def test_a_hold_of_the_root_pays_for_a_lot_left_behind(desk: Desk) -> None:
    twin = await _bought(desk, NegativeBalance.WITHIN_BALANCE, "O1")
    anna = await desk.member()
    spent = await desk.do(points.redeem, twin, amount=100)
    await desk.merge(anna, twin)
    await desk.earn(anna, 70)
    held = await desk.do(points.hold, anna, amount=70)
    desk.later(minutes=1)
    await desk.refund(twin, "O1", "R1", 10_000)

    desk.later(hours=1)  # it times out

    assert (await desk.pots(anna), await _owed(desk)) == ((0, 0, 0, 0), [100])
    done = await desk.do(points.reverse, anna, operation_id=spent.operation_id)  # the hold is settled just before
    assert (done.points, done.taken_back) == (100, 30)
    assert (await desk.pots(anna), await _owed(desk)) == ((70, 0, 0, 0), [])
    assert {row.act for row in await desk.rows("points_entry") if row.hold_id == held.operation_id} == {
        "hold",
        "release",
    }
    assert await desk.faults() == []
