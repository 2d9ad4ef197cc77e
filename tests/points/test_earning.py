"""Earning by rule, once for each order line; activation, expiry, refunds."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from member_hub import points
from member_hub.organisation import UnknownPlace
from member_hub.points import Earning, Line, LotKind
from member_hub.points.refusals import (
    AlreadyCounted,
    BadLine,
    BadReason,
    OccurredTooFar,
    OrderLineUnknown,
    OverLimit,
    RefundTooLarge,
)
from member_hub.points.rules import Campaign
from member_hub.points.words import NegativeBalance
from tests.points.desk import HUB, Desk, lot_of


async def test_a_purchase_waits_for_the_return_window_and_then_is_active(desk: Desk) -> None:
    anna = await desk.member()

    done = await desk.buy(anna, "O1", 12_399)

    assert (done.points, done.balance) == (123, 0)
    assert await desk.pots(anna) == (0, 123, 0, 0)
    (lot,) = await desk.rows("points_lot")
    assert lot.activates_at == datetime(2026, 3, 9, 16, tzinfo=UTC)  # the end of the seventh day, in Shanghai
    assert lot.expires_at == datetime(2027, 12, 31, 16, tzinfo=UTC)
    desk.clock.at = lot.activates_at - timedelta(microseconds=1)
    assert await desk.settle() == 0
    desk.clock.at = lot.activates_at
    assert await desk.settle() == 1
    assert await desk.settle() == 0
    assert await desk.pots(anna) == (123, 0, 0, 0)
    assert await desk.faults() == []


async def test_after_days_of_standstill_everything_falls_due_at_its_own_time(desk: Desk) -> None:
    anna = await desk.member()
    await desk.buy(anna, "O1", 10_000)
    desk.clock.at = datetime(2028, 2, 1, tzinfo=UTC)

    assert await desk.settle() == 2

    entries = await desk.rows("points_entry")
    assert [(e.act, e.amount, e.occurred_at) for e in entries[1:]] == [
        ("activate", 100, datetime(2026, 3, 9, 16, tzinfo=UTC)),
        ("expire", 100, datetime(2027, 12, 31, 16, tzinfo=UTC)),
    ]
    assert {(e.actor, e.actor_kind, e.reason) for e in entries[1:]} == {("jobs", "system", "due")}
    assert (await desk.at(anna, datetime(2026, 3, 9, 16, tzinfo=UTC))).active == 100
    assert (await desk.at(anna, datetime(2027, 12, 31, 15, 59, tzinfo=UTC))).active == 100
    assert (await desk.at(anna, datetime(2027, 12, 31, 16, tzinfo=UTC))).active == 0


async def test_an_order_line_counts_once_whoever_brings_it(desk: Desk) -> None:
    anna, bert = await desk.member(), await desk.member()
    await desk.buy(anna, "O1", 10_000)
    before = await desk.everything()

    for member, amount in ((anna, 10_000), (bert, 10_000), (anna, 20_000)):
        with pytest.raises(AlreadyCounted):
            await desk.buy(member, "O1", amount)

    assert await desk.everything() == before
    await desk.buy(anna, "O1", 10_000, line=2)
    assert await desk.pots(anna) == (0, 200, 0, 0)


async def test_caps_of_order_and_day(desk: Desk) -> None:
    purchase = replace(desk.rules.earn[LotKind.PURCHASE], order_max=150, day_max=200)
    desk.rules = replace(desk.rules, earn={**desk.rules.earn, LotKind.PURCHASE: purchase})
    anna = await desk.member()

    earned = [
        (await desk.buy(anna, order, 10_000, line)).points
        for order, line in (("O1", 1), ("O1", 2), ("O1", 3), ("O2", 1), ("O3", 1))
    ]
    desk.later(hours=12)
    tomorrow = await desk.buy(anna, "O4", 10_000)
    yesterday = await desk.buy(anna, "O5", 10_000, occurred_at=desk.clock.now() - timedelta(hours=12))

    assert earned == [100, 50, 0, 50, 0]
    assert tomorrow.points == 100
    assert (yesterday.points, [entry.act for entry in yesterday.entries]) == (0, ["earn"])
    assert await desk.faults() == []


async def test_tier_and_campaign_multiply_and_round_once(desk: Desk) -> None:
    eleven = Campaign("double_eleven", LotKind.PURCHASE, 15_000, date(2026, 3, 1), date(2026, 3, 2))
    twelve = Campaign("better", LotKind.PURCHASE, 20_000, date(2026, 3, 2), date(2026, 3, 2))
    desk.rules = replace(desk.rules, campaigns=[eleven, twelve])
    anna = await desk.member()

    both = await desk.buy(anna, "O1", 199, tier_bp=12_500)
    first = await desk.buy(anna, "O2", 199, tier_bp=12_500, occurred_at=datetime(2026, 3, 1, 15, 59, tzinfo=UTC))
    none = await desk.buy(anna, "O3", 199, tier_bp=12_500, occurred_at=datetime(2026, 2, 28, 15, 59, tzinfo=UTC))

    assert [both.points, first.points, none.points] == [4, 3, 2]


async def test_less_than_a_point_is_an_entry_of_none_and_its_refund_too(desk: Desk) -> None:
    anna = await desk.member()

    done = await desk.buy(anna, "O1", 99)
    back = await desk.refund(anna, "O1", "R1", 99)

    assert (done.points, done.lot_ids, back.points) == (0, [], 0)
    assert [(e.act, e.amount) for e in await desk.rows("points_entry")] == [("earn", 0), ("reverse", 0)]
    assert await desk.rows("points_lot") == []


async def test_a_till_that_was_offline_may_come_up_to_seven_days_late(desk: Desk) -> None:
    anna = await desk.member()
    now = desk.clock.now()
    await desk.buy(anna, "O1", 10_000, occurred_at=now - timedelta(days=7))
    before = await desk.everything()

    for occurred_at in (
        now - timedelta(days=7, seconds=1),
        now + timedelta(days=7, seconds=1),
        now.replace(tzinfo=None),
    ):
        with pytest.raises(OccurredTooFar):
            await desk.buy(anna, "O2", 10_000, occurred_at=occurred_at)
        with pytest.raises(OccurredTooFar):
            await desk.earn(anna, 10, occurred_at=occurred_at)

    assert await desk.everything() == before


async def test_an_old_order_that_is_imported_earns_what_is_left_of_it_today(desk: Desk) -> None:
    anna = await desk.member()
    line, asked = Line("store", "O1", 1), desk.asked(None)
    said = {"earning": Earning(LotKind.PURCHASE, 10_000, occurred_at=datetime(2024, 5, 1, tzinfo=UTC))}

    done = await desk.do(points.earn_for_order_line, anna, asked=asked, by=HUB, line=line, **said)

    assert [entry.act for entry in done.entries] == ["earn", "activate", "expire"]
    assert await desk.pots(anna) == (0, 0, 0, 0)
    assert await desk.faults() == []


async def test_a_refund_takes_pending_points_from_the_lot_of_its_line(desk: Desk) -> None:
    anna = await desk.member()
    await desk.buy(anna, "O1", 10_000)
    second = await desk.buy(anna, "O1", 10_000, line=2)

    done = await desk.refund(anna, "O1", "R1", 3_333, line=2)

    assert (done.points, lot_of(done)) == (34, lot_of(second))
    assert await desk.pots(anna) == (0, 166, 0, 0)
    assert await desk.faults() == []


async def test_refunds_in_parts_take_as_much_as_one_refund(desk: Desk) -> None:
    anna = await desk.member()
    await desk.buy(anna, "O1", 10_100)

    taken = [(await desk.refund(anna, "O1", f"R{n}", fen)).points for n, fen in enumerate((1, 3_333, 6_766))]

    assert taken == [1, 33, 67]
    assert await desk.pots(anna) == (0, 0, 0, 0)
    (lot,) = await desk.rows("points_lot")
    assert (lot.state, lot.reversed) == ("reversed", 101)
    assert await desk.faults() == []


async def test_a_refund_greater_than_what_is_left_of_the_line_is_refused(desk: Desk) -> None:
    anna = await desk.member()
    await desk.buy(anna, "O1", 10_000)
    await desk.refund(anna, "O1", "R1", 6_000)
    before = await desk.everything()

    with pytest.raises(RefundTooLarge):
        await desk.refund(anna, "O1", "R2", 4_001)
    with pytest.raises(AlreadyCounted):
        await desk.refund(anna, "O1", "R1", 1)

    assert await desk.everything() == before


async def test_a_refund_of_an_unknown_or_another_members_line_is_refused(desk: Desk) -> None:
    anna, bert = await desk.member(), await desk.member()
    await desk.buy(anna, "O1", 10_000)
    await desk.refund(anna, "O1", "R1", 100)
    before = await desk.everything()

    for member, order in ((anna, "O2"), (bert, "O1"), (anna, "R1")):
        with pytest.raises(OrderLineUnknown):
            await desk.refund(member, order, "R2", 100)

    assert await desk.everything() == before


async def _spent_before_refund(desk: Desk, policy: NegativeBalance) -> tuple[int, int, int, int]:
    """100 by the line, of which 70 are spent, 20 by another; then all of the line is refunded."""
    desk.rules = replace(desk.rules, negative_balance=policy)
    anna = await desk.member()
    await desk.buy(anna, "O1", 10_000)
    desk.later(days=10)
    await desk.do(points.redeem, anna, amount=70)
    await desk.earn(anna, 20)

    await desk.refund(anna, "O1", "R1", 10_000)

    assert await desk.faults() == []
    return await desk.pots(anna)


async def test_spent_points_are_not_missed_where_the_policy_is_never(desk: Desk) -> None:
    assert await _spent_before_refund(desk, NegativeBalance.NEVER) == (20, 0, 0, 0)


async def test_spent_points_are_taken_from_others_within_the_balance(desk: Desk) -> None:
    assert await _spent_before_refund(desk, NegativeBalance.WITHIN_BALANCE) == (0, 0, 0, 0)


async def test_spent_points_become_a_debt_that_the_next_active_points_pay(desk: Desk) -> None:
    assert await _spent_before_refund(desk, NegativeBalance.ALLOWED) == (0, 0, 0, 50)
    (account,) = await desk.rows("points_account")

    done = await desk.earn(account.member_id, 80)

    assert [(e.act, e.amount, e.balance) for e in done.entries] == [
        ("earn", 80, -50),
        ("activate", 80, 30),
        ("repay", 50, 30),
    ]
    assert await desk.pots(account.member_id) == (30, 0, 0, 0)
    assert await desk.faults() == []


async def test_expired_points_of_a_refunded_line_are_gone_and_not_owed(desk: Desk) -> None:
    desk.rules = replace(desk.rules, negative_balance=NegativeBalance.ALLOWED)
    anna = await desk.member()
    bought = await desk.buy(anna, "O1", 10_000)
    desk.later(days=10)
    await desk.do(points.redeem, anna, amount=30)
    desk.later(days=700)

    for number in range(2):
        await desk.refund(anna, "O1", f"R{number}", 5_000)

    assert await desk.pots(anna) == (0, 0, 0, 30)
    (lot,) = await desk.rows("points_lot")
    assert (lot.spent, lot.expired, lot.reversed) == (30, 0, 70)
    with pytest.raises(points.NotEnoughPoints):  # and cannot be brought back
        await desk.do(points.reinstate, anna, lot_id=lot_of(bought))
    assert await desk.faults() == []


async def test_an_opening_balance_becomes_a_lot_once(desk: Desk) -> None:
    anna = await desk.member()
    origin = await desk.origin(anna)

    assert await desk.open_balance(anna, 1_234)
    assert not await desk.open_balance(anna, 1_234)
    assert not await desk.open_balance(anna, 5_000)

    assert await desk.pots(anna) == (1_234, 0, 0, 0)
    (lot,) = await desk.rows("points_lot")
    assert (lot.kind, lot.origin_id, lot.state) == ("opening", origin, "active")


async def test_limits_of_one_earning_and_unknown_words(desk: Desk) -> None:
    anna = await desk.member()
    before = await desk.everything()

    with pytest.raises(OverLimit):
        await desk.earn(anna, 10_001)
    with pytest.raises(BadReason):
        await desk.earn(anna, 1, LotKind.OPENING)
    with pytest.raises(UnknownPlace):
        await desk.do(points.earn, anna, earning=Earning(LotKind.TASK, 1), channel="fax")
    line = Line("fax", "O1", 1)
    with pytest.raises(UnknownPlace):
        await desk.do(points.earn_for_order_line, anna, line=line, earning=Earning(LotKind.PURCHASE, 100))

    assert await desk.everything() == before


@pytest.mark.parametrize(
    ("order_no", "line_no"), [("", 1), ("O" * 101, 1), ("O\n1", 1), ("O1", -1), ("O1", 2**31), ("O1", True)]
)
async def test_an_order_line_has_a_plain_number(desk: Desk, order_no: str, line_no: int) -> None:
    anna, line = await desk.member(), Line("store", order_no, line_no)
    await desk.buy(anna, "O1", 100)
    before = await desk.everything()

    said = {"earning": Earning(LotKind.PURCHASE, 100)}
    with pytest.raises(BadLine):
        await desk.do(points.earn_for_order_line, anna, line=line, **said)
    for one, other in ((line, Line("store", "R1", 1)), (Line("store", "O1", 1), line)):
        with pytest.raises(BadLine):
            await desk.do(points.reverse_order_line, anna, line=one, refund=other, refund_fen=1)

    assert await desk.everything() == before


async def test_a_time_without_a_zone_is_refused_from_the_hub_too_and_a_line_is_a_purchase(desk: Desk) -> None:
    anna = await desk.member()
    line, naive = Line("store", "O1", 1), desk.clock.now().replace(tzinfo=None)

    for earning, why in (
        (Earning(LotKind.PURCHASE, 100, occurred_at=naive), OccurredTooFar),
        (Earning(LotKind.TASK, 100), BadReason),
    ):
        with pytest.raises(why):
            await desk.do(points.earn_for_order_line, anna, by=HUB, line=line, earning=earning)


async def test_points_stay_with_the_account_that_earned_them(desk: Desk) -> None:
    anna = await desk.member(accounts=2)
    origin = await desk.origin(anna)

    await desk.earn(anna, 10, origin_id=origin)
    await desk.earn(anna, 20)

    lots = await desk.rows("points_lot")
    assert lots[0].origin_id == origin
    assert None not in {lot.origin_id for lot in lots}
