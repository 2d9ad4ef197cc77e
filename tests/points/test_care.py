"""What people decide: adjusting, transferring, bringing back, extending, freezing, closing."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import postgresql

from member_hub import points
from member_hub.db import transaction
from member_hub.errors import NotFound
from member_hub.ids import uuid7
from member_hub.points import Reason
from member_hub.points.care import SameMember
from member_hub.points.daily import of_day
from member_hub.points.refusals import (
    BadAmount,
    BadEnd,
    BadReason,
    HoldsOpen,
    LotExpired,
    NeedsApproval,
    NotEnoughPoints,
    NothingExpired,
    OverLimit,
    PointsClosed,
    PointsFrozen,
)
from member_hub.points.words import Act
from tests.points.desk import Desk, lot_of, staff


async def test_an_adjustment_says_who_and_why(desk: Desk) -> None:
    anna = await desk.member()

    more = await desk.do(points.adjust, anna, amount=500, reason=Reason.GOODWILL)
    less = await desk.do(points.adjust, anna, amount=-200, reason=Reason.CORRECTION, by=staff("E0002"))

    assert (more.balance, less.balance) == (500, 300)
    said = [(e.act, e.amount, e.reason, e.actor_kind, e.actor, e.approved_by) for e in await desk.rows("points_entry")]
    assert said == [
        ("adjust", 500, "goodwill", "staff", "E0001", None),
        ("adjust", 200, "correction", "staff", "E0002", None),
    ]
    assert await desk.faults() == []


@pytest.mark.parametrize("amount", [1_001, -1_001])
@pytest.mark.parametrize("approved_by", [None, "", "E0001"])
async def test_above_a_limit_a_second_person_approves(desk: Desk, amount: int, approved_by: str | None) -> None:
    anna = await desk.member()
    await desk.earn(anna, 5_000)
    before = await desk.everything()

    with pytest.raises(NeedsApproval):
        await desk.do(points.adjust, anna, amount=amount, reason=Reason.GOODWILL, approved_by=approved_by)

    assert await desk.everything() == before
    done = await desk.do(points.adjust, anna, amount=amount, reason=Reason.GOODWILL, approved_by="E0002")
    assert done.balance == 5_000 + amount
    assert (await desk.rows("points_entry"))[-1].approved_by == "E0002"


async def test_an_adjustment_has_limits_and_takes_no_more_than_there_is(desk: Desk) -> None:
    anna = await desk.member()
    await desk.earn(anna, 100)
    before = await desk.everything()

    refused = [
        (desk.rules.adjustment_max + 1, Reason.GOODWILL, OverLimit),
        (-101, Reason.CORRECTION, NotEnoughPoints),
        (0, Reason.GOODWILL, BadAmount),
        (10, Reason.PURCHASE, BadReason),
    ]
    for amount, reason, why in refused:
        with pytest.raises(why):
            await desk.do(points.adjust, anna, amount=amount, reason=reason, approved_by="E0002")

    assert await desk.everything() == before


async def test_transferred_points_expire_when_they_would_have(desk: Desk) -> None:
    anna, bert = await desk.member(), await desk.member()
    await desk.earn(anna, 100, occurred_at=desk.clock.now() - timedelta(days=3))
    await desk.earn(anna, 100)

    done = await desk.do(points.transfer, anna, to=bert, amount=150)

    assert (done.member_id, done.points, done.balance) == (anna, 150, 50)
    assert await desk.pots(bert) == (150, 0, 0, 0)
    lots = await desk.rows("points_lot")
    ends = sorted((lot.expires_at, lot.earned) for lot in lots if lot.member_id == bert)
    assert ends == sorted((lot.expires_at, lot.spent) for lot in lots if lot.member_id == anna)
    assert await desk.faults() == []


async def test_a_transfer_asked_for_again_gives_the_payers_receipt(desk: Desk) -> None:
    anna, bert = await desk.member(), await desk.member()
    await desk.earn(anna, 100)

    first, again = [await desk.do(points.transfer, anna, to=bert, amount=70, asked=desk.asked("k")) for _ in range(2)]

    assert again == first
    assert await desk.pots(bert) == (70, 0, 0, 0)


async def test_transfers_have_limits(desk: Desk) -> None:
    anna, bert = await desk.member(), await desk.member()
    for _ in range(2):
        await desk.earn(anna, 10_000)
        desk.later(days=1)
    for _ in range(2):
        await desk.do(points.transfer, anna, to=bert, amount=5_000)
    before = await desk.everything()

    for amount in (1, 5_001):  # of the day, of one
        with pytest.raises(OverLimit):
            await desk.do(points.transfer, anna, to=bert, amount=amount)
    with pytest.raises(SameMember):
        await desk.do(points.transfer, anna, to=anna, amount=1)
    with pytest.raises(NotFound):
        await desk.do(points.transfer, anna, to=uuid7(), amount=1)
    assert await desk.everything() == before

    desk.later(days=1)
    assert (await desk.do(points.transfer, anna, to=bert, amount=1)).points == 1


async def test_nobody_gives_to_a_frozen_account_or_to_himself_under_another_id(desk: Desk) -> None:
    anna, bert, twin = await desk.member(), await desk.member(), await desk.member()
    await desk.earn(anna, 100)
    await desk.do(points.freeze, bert)
    await desk.merge(anna, twin)
    before = await desk.everything()

    with pytest.raises(PointsFrozen):
        await desk.do(points.transfer, anna, to=bert, amount=10)
    with pytest.raises(SameMember):
        await desk.do(points.transfer, anna, to=twin, amount=10)

    assert await desk.everything() == before


async def test_expired_points_come_back_for_a_while(desk: Desk) -> None:
    anna = await desk.member()
    earned = await desk.earn(anna, 100)
    desk.later(days=200)

    part = await desk.do(points.reinstate, anna, lot_id=lot_of(earned), amount=40)
    rest = await desk.do(points.reinstate, anna, lot_id=lot_of(earned))

    assert (part.points, rest.points, rest.balance) == (40, 60, 100)
    with pytest.raises(NothingExpired, match="Nothing of this lot is expired"):
        await desk.do(points.reinstate, anna, lot_id=lot_of(earned))
    assert await desk.faults() == []
    desk.later(days=desk.rules.reinstated_days + 1)
    assert await desk.pots(anna) == (0, 0, 0, 0)


async def test_points_that_expired_too_long_ago_are_gone(desk: Desk) -> None:
    anna, bert = await desk.member(), await desk.member()
    earned = await desk.earn(anna, 100)
    desk.later(days=185 + desk.rules.reinstate_within.days)
    before = await desk.everything()

    with pytest.raises(OverLimit):
        await desk.do(points.reinstate, anna, lot_id=lot_of(earned))
    with pytest.raises(NotFound):
        await desk.do(points.reinstate, bert, lot_id=lot_of(earned))

    assert await desk.everything() == before


async def test_a_lot_is_extended_within_limits(desk: Desk) -> None:
    anna = await desk.member()
    earned = await desk.earn(anna, 100)
    (lot,) = await desk.rows("points_lot")
    until = lot.expires_at + timedelta(days=30)

    await desk.do(points.extend, anna, lot_id=lot_of(earned), until=until)

    assert (await desk.balance(anna)).expires_next_at == until
    for end, why in (
        (until, BadEnd),
        (desk.clock.now() + desk.rules.extend_max + timedelta(seconds=1), OverLimit),
        (until.replace(tzinfo=None), OverLimit),
    ):
        with pytest.raises(why):
            await desk.do(points.extend, anna, lot_id=lot_of(earned), until=end)
    desk.clock.at = until - timedelta(seconds=1)
    assert await desk.pots(anna) == (100, 0, 0, 0)
    desk.clock.at = until
    assert await desk.pots(anna) == (0, 0, 0, 0)
    await desk.settle()
    assert await desk.faults() == []


async def test_a_frozen_account_takes_part_in_nothing_but_time(desk: Desk) -> None:
    anna, bert = await desk.member(), await desk.member()
    await desk.earn(bert, 100)
    earned = await desk.earn(anna, 100)
    held = await desk.do(points.hold, anna, amount=10)
    await desk.do(points.freeze, anna)
    before = await desk.everything()

    tried = [
        (points.redeem, {"amount": 1}),
        (points.hold, {"amount": 1}),
        (points.capture, {"hold_id": held.operation_id}),
        (points.release, {"hold_id": held.operation_id}),
        (points.reverse, {"operation_id": earned.operation_id}),
        (points.adjust, {"amount": 1, "reason": Reason.GOODWILL}),
        (points.transfer, {"to": bert, "amount": 1}),
        (points.reinstate, {"lot_id": lot_of(earned)}),
        (points.extend, {"lot_id": lot_of(earned), "until": desk.clock.now() + timedelta(days=300)}),
        (points.freeze, {}),
    ]
    for act, said in tried:
        with pytest.raises(PointsFrozen):
            await desk.do(act, anna, **said)
    with pytest.raises(PointsFrozen):
        await desk.earn(anna, 1)
    assert await desk.everything() == before

    desk.later(days=1)
    assert await desk.settle() == 1  # the hold's time is over
    await desk.do(points.unfreeze, anna)
    assert (await desk.do(points.redeem, anna, amount=100)).balance == 0
    assert await desk.faults() == []


async def test_a_closed_account_has_forfeited_everything_for_good(desk: Desk) -> None:
    anna = await desk.member()
    await desk.earn(anna, 100)
    await desk.buy(anna, "O1", 10_000)
    held = await desk.do(points.hold, anna, amount=10)
    with pytest.raises(HoldsOpen):
        await desk.do(points.close, anna)
    await desk.do(points.release, anna, hold_id=held.operation_id)

    done = await desk.do(points.close, anna)

    assert [(e.act, e.amount) for e in done.entries] == [("forfeit", 100), ("forfeit", 100), ("close", 0)]
    assert await desk.pots(anna) == (0, 0, 0, 0)
    assert await desk.faults() == []
    before = await desk.everything()
    for act, said in ((points.redeem, {"amount": 1}), (points.unfreeze, {}), (points.close, {})):
        with pytest.raises(PointsClosed):
            await desk.do(act, anna, **said)
    desk.clock.at = datetime(2030, 1, 1, tzinfo=UTC)
    assert await desk.settle() == 0
    assert await desk.everything() == before


async def test_undoing_one_spent_point_does_not_bring_back_those_that_expired_long_ago(desk: Desk) -> None:
    anna = await desk.member()
    earned = await desk.earn(anna, 100)
    spent = await desk.do(points.redeem, anna, amount=1)
    desk.later(days=600)
    await desk.settle()
    await desk.do(points.reverse, anna, operation_id=spent.operation_id)
    before = await desk.everything()

    with pytest.raises(OverLimit):
        await desk.do(points.reinstate, anna, lot_id=lot_of(earned))
    assert await desk.everything() == before

    desk.later(days=desk.rules.reinstated_days + 1)  # that one point expires, too
    for amount in (2, 99):
        with pytest.raises(OverLimit):
            await desk.do(points.reinstate, anna, lot_id=lot_of(earned), amount=amount)
    assert (await desk.do(points.reinstate, anna, lot_id=lot_of(earned))).points == 1
    assert await desk.pots(anna) == (1, 0, 0, 0)
    assert await desk.faults() == []


async def test_what_was_reinstated_and_expired_again_did_so_the_last_time(desk: Desk) -> None:
    anna = await desk.member()
    earned = await desk.earn(anna, 100)
    desk.later(days=260)
    await desk.do(points.reinstate, anna, lot_id=lot_of(earned), amount=40)
    desk.later(days=desk.rules.reinstated_days + 1)

    done = await desk.do(points.reinstate, anna, lot_id=lot_of(earned))

    assert (done.points, await desk.pots(anna)) == (40, (40, 0, 0, 0))
    assert await desk.faults() == []


async def test_a_lot_that_expired_before_its_account_was_merged_is_brought_back(desk: Desk) -> None:
    anna, twin = await desk.member(), await desk.member()
    earned = await desk.earn(twin, 100)
    desk.later(days=200)
    await desk.settle()
    await desk.merge(anna, twin)

    assert (await desk.do(points.reinstate, anna, lot_id=lot_of(earned))).points == 100
    assert await desk.faults() == []


async def test_a_lot_whose_time_is_over_is_not_extended_for_what_is_held_of_it(desk: Desk) -> None:
    anna = await desk.member()
    earned = await desk.earn(anna, 100)
    (lot,) = await desk.rows("points_lot")
    desk.clock.at = lot.expires_at - timedelta(hours=1)
    held = await desk.do(points.hold, anna, amount=60, lasts=timedelta(days=7))
    desk.later(days=2)
    await desk.settle()
    before = await desk.everything()

    with pytest.raises(LotExpired):
        await desk.do(points.extend, anna, lot_id=lot_of(earned), until=desk.clock.now() + timedelta(days=30))

    assert await desk.everything() == before
    await desk.do(points.release, anna, hold_id=held.operation_id)
    assert await desk.pots(anna) == (0, 0, 0, 0)
    assert await desk.faults() == []


async def test_the_limit_of_the_day_is_looked_up_by_time(desk: Desk) -> None:
    """Not by reading every entry of the account, of which there may be a hundred thousand."""
    anna, bert = await desk.member(), await desk.member()
    for _ in range(30):
        await desk.earn(anna, 10)
    await desk.do(points.transfer, anna, to=bert, amount=40)
    wanted = of_day([anna], Act.TRANSFER_OUT, desk.clock.now() - timedelta(hours=1))
    asked = wanted.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})  # type: ignore[no-untyped-call]

    async with transaction(desk.database.owner) as tx:
        await tx.execute(text("analyze hub.points_entry"))
        await tx.execute(text("set local enable_seqscan = off"))
        plan = "\n".join((await tx.execute(text(f"explain {str(asked).replace('])', ']::uuid[])')}"))).scalars())
        assert await tx.scalar(wanted) == 40

    assert "ix_points_entry_of_day" in plan
