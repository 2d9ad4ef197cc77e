"""Redeeming, holding, capturing, releasing and giving back."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from member_hub import points
from member_hub.db import transaction
from member_hub.errors import NotFound
from member_hub.idempotency import KeyReused
from member_hub.points import LotKind, store
from member_hub.points.refusals import (
    BadHold,
    CaptureTooLarge,
    HoldEnded,
    NotEnoughPoints,
    NotReversible,
    OverLimit,
    TooManyLots,
)
from tests.points.desk import Desk, lot_of


async def test_the_earliest_expiry_is_spent_first_and_then_the_lower_lot(desk: Desk) -> None:
    anna = await desk.member()
    late = await desk.earn(anna, 100)
    earlier = desk.clock.now() - timedelta(days=3)
    early = [await desk.earn(anna, 100, occurred_at=earlier) for _ in range(2)]

    done = await desk.do(points.redeem, anna, amount=210)

    first, second = sorted(lot_of(one) for one in early)
    assert [(e.lot_id, e.amount) for e in done.entries] == [(first, 100), (second, 100), (lot_of(late), 10)]
    assert (done.points, done.balance) == (210, 90)
    assert await desk.pots(anna) == (90, 0, 0, 0)
    assert await desk.faults() == []


async def test_what_would_take_more_lots_than_in_hand_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "LOTS_MAX", 2)
    anna = await desk.member()
    for _ in range(3):
        await desk.earn(anna, 100)
    before = await desk.everything()

    with pytest.raises(TooManyLots):
        await desk.do(points.redeem, anna, amount=201)
    with pytest.raises(NotEnoughPoints):
        await desk.do(points.redeem, anna, amount=301)

    assert await desk.everything() == before
    assert (await desk.do(points.redeem, anna, amount=200)).balance == 100


async def test_more_lots_fall_due_than_are_in_hand_and_all_of_them_expire(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "LOTS_MAX", 2)
    anna = await desk.member()
    for _ in range(7):
        await desk.earn(anna, 10)
    desk.later(days=200)

    assert await desk.settle() == 7

    assert await desk.pots(anna) == (0, 0, 0, 0)
    assert await desk.faults() == []


async def test_redeeming_twice_with_one_key_spends_once_and_answers_the_same(desk: Desk) -> None:
    anna = await desk.member()
    await desk.earn(anna, 100)

    first = await desk.do(points.redeem, anna, amount=30, asked=desk.asked("k"))
    await desk.earn(anna, 500)
    again = await desk.do(points.redeem, anna, amount=30, asked=desk.asked("k"))

    assert again == first
    assert await desk.pots(anna) == (570, 0, 0, 0)


async def test_another_request_under_the_key_is_refused_and_changes_nothing(desk: Desk) -> None:
    anna = await desk.member()
    await desk.earn(anna, 100)
    await desk.do(points.redeem, anna, amount=30, asked=desk.asked("k"))
    before = await desk.everything()

    with pytest.raises(KeyReused):
        await desk.do(points.redeem, anna, amount=31, asked=desk.asked("k", request=b"another"))

    assert await desk.everything() == before


async def test_another_caller_has_keys_of_its_own(desk: Desk) -> None:
    anna = await desk.member()
    await desk.earn(anna, 100)

    for caller in ("till", "app"):
        await desk.do(points.redeem, anna, amount=30, asked=desk.asked("k", caller=caller))

    assert await desk.pots(anna) == (40, 0, 0, 0)


async def test_a_hold_is_captured_in_parts(desk: Desk) -> None:
    anna = await desk.member()
    await desk.earn(anna, 100)

    held = await desk.do(points.hold, anna, amount=80)
    assert await desk.pots(anna) == (20, 0, 80, 0)
    await desk.do(points.capture, anna, hold_id=held.operation_id, amount=30, keeps_rest=True)
    assert await desk.pots(anna) == (20, 0, 50, 0)
    last = await desk.do(points.capture, anna, hold_id=held.operation_id, amount=10)

    assert [(e.act, e.amount) for e in last.entries] == [("capture", 10), ("release", 40)]
    assert await desk.pots(anna) == (60, 0, 0, 0)
    (hold,) = await desk.rows("points_hold")
    assert (hold.state, hold.amount, hold.captured) == ("captured", 80, 40)
    assert await desk.faults() == []


async def test_a_release_makes_points_active_again(desk: Desk) -> None:
    anna = await desk.member()
    await desk.earn(anna, 100)
    held = await desk.do(points.hold, anna, amount=80)

    await desk.do(points.release, anna, hold_id=held.operation_id)

    assert await desk.pots(anna) == (100, 0, 0, 0)
    for ended in (points.capture, points.release):
        before = await desk.everything()
        with pytest.raises(HoldEnded):
            await desk.do(ended, anna, hold_id=held.operation_id)
        assert await desk.everything() == before


async def test_more_than_is_held_is_not_captured(desk: Desk) -> None:
    anna = await desk.member()
    await desk.earn(anna, 100)
    held = await desk.do(points.hold, anna, amount=80)
    before = await desk.everything()

    with pytest.raises(CaptureTooLarge):
        await desk.do(points.capture, anna, hold_id=held.operation_id, amount=81)

    assert await desk.everything() == before


async def test_a_hold_times_out_when_its_time_is_over_whoever_comes_next(desk: Desk) -> None:
    anna = await desk.member()
    await desk.earn(anna, 100)
    held = await desk.do(points.hold, anna, amount=80, lasts=timedelta(minutes=10))
    desk.later(minutes=10)

    assert await desk.pots(anna) == (100, 0, 0, 0)  # a reader sees it before it is written
    done = await desk.do(points.redeem, anna, amount=100)

    assert done.balance == 0
    (hold,) = await desk.rows("points_hold")
    assert hold.state == "timed_out"
    with pytest.raises(HoldEnded):
        await desk.do(points.capture, anna, hold_id=held.operation_id)


async def test_a_hold_of_which_one_lot_is_spent_times_out_for_whoever_only_looks(desk: Desk) -> None:
    anna = await desk.member()
    for _ in range(2):
        await desk.earn(anna, 50)
        desk.later(days=1)
    held = await desk.do(points.hold, anna, amount=100)
    await desk.do(points.capture, anna, hold_id=held.operation_id, amount=60, keeps_rest=True)
    desk.later(days=30)

    assert await desk.pots(anna) == (40, 0, 0, 0)
    await desk.settle()
    assert await desk.pots(anna) == (40, 0, 0, 0)
    assert await desk.faults() == []


async def test_held_points_do_not_expire_until_they_are_released(desk: Desk) -> None:
    anna = await desk.member()
    await desk.earn(anna, 100)  # for six months
    desk.later(days=183)
    held = await desk.do(points.hold, anna, amount=60, lasts=timedelta(days=7))
    desk.later(days=3)
    assert await desk.settle() == 1
    assert await desk.pots(anna) == (0, 0, 60, 0)

    await desk.do(points.capture, anna, hold_id=held.operation_id, amount=50)

    assert await desk.pots(anna) == (0, 0, 0, 0)
    (lot,) = await desk.rows("points_lot")
    assert (lot.state, lot.spent, lot.expired) == ("expired", 50, 50)
    assert await desk.faults() == []


async def test_a_hold_lasts_no_longer_than_the_programme_says(desk: Desk) -> None:
    anna = await desk.member()
    await desk.earn(anna, 100)

    for lasts, refusal in (
        (timedelta(0), BadHold),
        (timedelta(seconds=-1), BadHold),
        (desk.rules.hold_for_max + timedelta(seconds=1), OverLimit),
    ):
        with pytest.raises(refusal):
            await desk.do(points.hold, anna, amount=1, lasts=lasts)


async def test_a_redemption_reversed_goes_back_to_the_lots_it_came_from(desk: Desk) -> None:
    anna = await desk.member()
    await desk.earn(anna, 100, occurred_at=desk.clock.now() - timedelta(days=3))
    await desk.earn(anna, 100)
    before = [(lot.lot_id, lot.remaining, lot.expires_at) for lot in await desk.rows("points_lot")]
    spent = await desk.do(points.redeem, anna, amount=150)

    part = await desk.do(points.reverse, anna, operation_id=spent.operation_id, amount=60)
    rest = await desk.do(points.reverse, anna, operation_id=spent.operation_id)

    # What lives longest comes back first: the member loses nothing by a reversal in parts.
    assert [entry.amount for entry in part.entries] == [50, 10]
    assert rest.points == 90
    assert [(lot.lot_id, lot.remaining, lot.expires_at) for lot in await desk.rows("points_lot")] == before
    assert await desk.faults() == []


async def test_nothing_is_reversed_twice_or_beyond_what_was_spent(desk: Desk) -> None:
    anna = await desk.member()
    await desk.earn(anna, 100)
    spent = await desk.do(points.redeem, anna, amount=50)
    await desk.do(points.reverse, anna, operation_id=spent.operation_id, amount=30)
    before = await desk.everything()

    for amount in (21, 50):
        with pytest.raises(NotReversible):
            await desk.do(points.reverse, anna, operation_id=spent.operation_id, amount=amount)
    assert await desk.everything() == before
    await desk.do(points.reverse, anna, operation_id=spent.operation_id, amount=20)
    with pytest.raises(NotReversible):
        await desk.do(points.reverse, anna, operation_id=spent.operation_id)

    assert await desk.pots(anna) == (100, 0, 0, 0)


async def test_another_members_operation_cannot_be_reversed(desk: Desk) -> None:
    anna, bert = await desk.member(), await desk.member()
    for one in (anna, bert):
        await desk.earn(one, 100)
    spent = await desk.do(points.redeem, anna, amount=50)

    with pytest.raises(NotReversible):
        await desk.do(points.reverse, bert, operation_id=spent.operation_id)


async def test_points_that_come_back_to_an_expired_lot_are_good_for_a_while(desk: Desk) -> None:
    anna = await desk.member()
    await desk.earn(anna, 100)
    spent = await desk.do(points.redeem, anna, amount=50)
    desk.later(days=200)

    await desk.do(points.reverse, anna, operation_id=spent.operation_id)

    assert await desk.pots(anna) == (50, 0, 0, 0)
    desk.later(days=desk.rules.reinstated_days + 1)
    assert await desk.pots(anna) == (0, 0, 0, 0)
    await desk.settle()
    assert await desk.faults() == []


async def test_what_was_earned_without_an_order_is_taken_back_whole_and_once(desk: Desk) -> None:
    anna = await desk.member()
    earned = await desk.earn(anna, 100)
    bought = await desk.buy(anna, "O1", 10_000)

    await desk.do(points.reverse, anna, operation_id=earned.operation_id)

    assert await desk.pots(anna) == (0, 100, 0, 0)
    for operation_id in (earned.operation_id, bought.operation_id):  # an order line is reversed by its refund
        with pytest.raises(NotReversible):
            await desk.do(points.reverse, anna, operation_id=operation_id)
    assert await desk.faults() == []


async def test_an_unknown_hold_is_not_found(desk: Desk) -> None:
    anna, bert = await desk.member(), await desk.member()
    await desk.earn(anna, 100, LotKind.TASK)
    held = await desk.do(points.hold, anna, amount=80)

    with pytest.raises(NotFound):
        await desk.do(points.release, bert, hold_id=held.operation_id)


async def test_pending_points_cannot_be_spent(desk: Desk) -> None:
    anna = await desk.member()
    await desk.buy(anna, "O1", 10_000)

    with pytest.raises(NotEnoughPoints):
        await desk.do(points.redeem, anna, amount=1)


async def test_a_lot_whose_time_is_over_is_not_spent_even_where_nobody_saw_to_it(desk: Desk) -> None:
    anna = await desk.member()
    await desk.earn(anna, 100)
    async with transaction(desk.database.owner) as tx:
        await tx.execute(text(f"update hub.points_account set due_at = null where member_id = '{anna}'"))
    desk.later(days=400)
    before = await desk.everything()

    with pytest.raises(points.NotEnoughPoints):
        await desk.do(points.redeem, anna, amount=100)

    assert await desk.everything() == before


async def test_points_that_are_spent_and_given_back_in_turn_expire_in_the_end(desk: Desk) -> None:
    anna = await desk.member()
    await desk.earn(anna, 100)
    (lot,) = await desk.rows("points_lot")
    most = lot.expires_at + desk.rules.reinstate_within + timedelta(days=desk.rules.reinstated_days)
    goods = []

    for _ in range(9):
        (lot,) = await desk.rows("points_lot")
        desk.clock.at = max(lot.expires_at, desk.clock.at) - timedelta(minutes=1)
        if not (await desk.pots(anna))[0]:
            break
        spent = await desk.do(points.redeem, anna, amount=100)
        desk.later(minutes=2)
        done = await desk.do(points.reverse, anna, operation_id=spent.operation_id)
        goods.append(done.balance)

    assert goods == [100, 100, 100, 100, 0]  # the last time it comes back and expires at once
    (lot,) = await desk.rows("points_lot")
    assert (lot.expired, lot.expires_at <= most) == (100, True)
    assert await desk.pots(anna) == (0, 0, 0, 0)
    assert await desk.faults() == []
