"""Two members turn out to be one, and back again: points go along by lot, and come back as far as they are left."""

from dataclasses import replace

import pytest

from member_hub import points
from member_hub.db import snapshot, transaction
from member_hub.errors import NotFound
from member_hub.points.holder import BY_ACCOUNT
from member_hub.points.queries import balances
from member_hub.points.refusals import PointsFrozen
from member_hub.points.words import NegativeBalance
from member_hub.privacy import Person
from tests.points.desk import Desk, lot_of


async def test_lots_move_as_they_are_and_the_old_id_acts_on_its_root(desk: Desk) -> None:
    anna, twin = await desk.member(), await desk.member()
    await desk.earn(anna, 10)
    await desk.earn(twin, 100)
    await desk.buy(twin, "O1", 10_000)
    lots = {lot.lot_id: (lot.expires_at, lot.activates_at, lot.origin_id) for lot in await desk.rows("points_lot")}
    desk.later(minutes=1)

    await desk.merge(anna, twin)

    assert await desk.pots(anna) == (110, 100, 0, 0)
    assert await desk.pots(twin) == (0, 0, 0, 0)
    there = [lot for lot in await desk.rows("points_lot") if lot.member_id == anna]
    assert {lot.lot_id: (lot.expires_at, lot.activates_at, lot.origin_id) for lot in there} == lots
    assert (await desk.do(points.redeem, twin, amount=110)).member_id == anna
    assert await desk.faults() == []


async def test_what_is_left_of_ones_own_lots_comes_back(desk: Desk) -> None:
    anna, twin = await desk.member(), await desk.member()
    await desk.earn(anna, 100)
    await desk.earn(twin, 100)
    await desk.merge(anna, twin)
    spent = await desk.do(points.redeem, anna, amount=130)
    left = {entry.lot_id: 100 - entry.amount for entry in spent.entries}

    await desk.split(anna, twin)

    (own,) = [lot for lot in await desk.rows("points_lot") if lot.member_id == twin]
    assert await desk.pots(twin) == (left[own.lot_id], 0, 0, 0)
    assert await desk.pots(anna) == (70 - left[own.lot_id], 0, 0, 0)
    assert await desk.faults() == []
    assert (await desk.earn(twin, 5)).member_id == twin


async def test_merging_and_splitting_ten_times_changes_nothing(desk: Desk) -> None:
    anna, twin = await desk.member(), await desk.member()
    await desk.earn(anna, 100)
    await desk.buy(twin, "O1", 10_000)
    held = await desk.do(points.hold, anna, amount=30)
    before = await desk.pots(anna), await desk.pots(twin)

    for _ in range(10):
        await desk.merge(anna, twin)
        assert await desk.pots(anna) == (70, 100, 30, 0)
        await desk.split(anna, twin)

    assert (await desk.pots(anna), await desk.pots(twin)) == before
    assert await desk.faults() == []
    await desk.do(points.capture, anna, hold_id=held.operation_id)
    assert await desk.faults() == []


async def test_an_open_hold_goes_along_and_back(desk: Desk) -> None:
    anna, twin = await desk.member(), await desk.member()
    await desk.earn(twin, 100)
    held = await desk.do(points.hold, twin, amount=60)

    await desk.merge(anna, twin)
    await desk.do(points.capture, twin, hold_id=held.operation_id, amount=20, keeps_rest=True)
    assert await desk.pots(anna) == (40, 0, 40, 0)
    await desk.split(anna, twin)

    assert await desk.pots(twin) == (40, 0, 40, 0)
    await desk.do(points.release, twin, hold_id=held.operation_id)
    with pytest.raises(Exception, match="ended"):
        await desk.do(points.release, anna, hold_id=held.operation_id)
    assert await desk.pots(twin) == (80, 0, 0, 0)
    assert await desk.faults() == []


async def test_the_points_of_one_pay_the_debt_of_the_other(desk: Desk) -> None:
    desk.rules = replace(desk.rules, negative_balance=NegativeBalance.ALLOWED)
    anna, twin = await desk.member(), await desk.member()
    await desk.earn(anna, 30)
    await desk.buy(twin, "O1", 10_000)
    desk.later(days=10)
    await desk.do(points.redeem, twin, amount=100)
    await desk.refund(twin, "O1", "R1", 10_000)
    assert await desk.pots(twin) == (0, 0, 0, 100)

    await desk.merge(anna, twin)

    assert await desk.pots(anna) == (0, 0, 0, 70)
    assert await desk.pots(twin) == (0, 0, 0, 0)
    assert await desk.faults() == []


async def test_a_refund_finds_the_lot_wherever_merging_and_splitting_took_it(desk: Desk) -> None:
    anna, twin = await desk.member(), await desk.member()
    bought = await desk.buy(twin, "O1", 10_000)
    await desk.earn(anna, 50)

    await desk.merge(anna, twin)
    merged = await desk.refund(twin, "O1", "R1", 3_000)
    await desk.split(anna, twin)
    apart = await desk.refund(twin, "O1", "R2", 7_000)

    assert (merged.member_id, merged.points, lot_of(merged)) == (anna, 30, lot_of(bought))
    assert (apart.member_id, apart.points, lot_of(apart)) == (twin, 70, lot_of(bought))
    assert (await desk.pots(anna), await desk.pots(twin)) == ((50, 0, 0, 0), (0, 0, 0, 0))
    assert await desk.faults() == []


async def test_a_redemption_before_the_merge_is_reversed_after_it(desk: Desk) -> None:
    anna, twin = await desk.member(), await desk.member()
    await desk.earn(twin, 100)
    spent = await desk.do(points.redeem, twin, amount=100)  # to the end: the lot does not move
    await desk.merge(anna, twin)

    for amount in (40, 60):
        await desk.do(points.reverse, twin, operation_id=spent.operation_id, amount=amount)

    assert await desk.pots(anna) == (100, 0, 0, 0)
    with pytest.raises(Exception, match="reversed"):
        await desk.do(points.reverse, anna, operation_id=spent.operation_id)
    assert await desk.faults() == []


async def test_a_redemption_is_reversed_whole_though_its_lot_went_to_somebody_who_parted_again(desk: Desk) -> None:
    """What had remained of the lot was spent there; to whoever they are one with now it never came."""
    anna, bert, cora = [await desk.member() for _ in range(3)]
    await desk.earn(anna, 100)
    desk.later(days=40)
    await desk.earn(anna, 100)
    held = await desk.do(points.hold, anna, amount=40)
    spent = await desk.do(points.redeem, anna, amount=100)  # 60 of the first lot, 40 of the second
    await desk.do(points.release, anna, hold_id=held.operation_id)
    await desk.merge(bert, anna)
    await desk.do(points.redeem, bert, amount=40)
    await desk.split(bert, anna)
    await desk.merge(cora, anna)
    assert await desk.pots(cora) == (60, 0, 0, 0)

    done = await desk.do(points.reverse, cora, operation_id=spent.operation_id)

    assert (done.points, sorted(entry.amount for entry in done.entries)) == (100, [40, 60])
    assert await desk.pots(cora) == (160, 0, 0, 0)
    await desk.split(cora, anna)
    for one in (cora, anna):
        with pytest.raises(Exception, match="reversed"):
            await desk.do(points.reverse, one, operation_id=spent.operation_id)
    assert (await desk.pots(anna), await desk.pots(bert), await desk.pots(cora)) == (
        (160, 0, 0, 0),
        *[(0, 0, 0, 0)] * 2,
    )
    assert await desk.faults() == []


async def test_what_two_spent_of_one_lot_comes_back_to_each_and_is_one_again(desk: Desk) -> None:
    """The lot that came back to one of them knows of nothing that the other one spent."""
    anna, bert = await desk.member(), await desk.member()
    await desk.earn(anna, 100)
    before = await desk.do(points.redeem, anna, amount=60)
    await desk.merge(bert, anna)
    merged = await desk.do(points.redeem, bert, amount=40)
    await desk.split(bert, anna)
    await desk.do(points.reverse, anna, operation_id=before.operation_id)
    await desk.merge(bert, anna)

    back = [await desk.do(points.reverse, bert, operation_id=merged.operation_id, amount=n) for n in (30, 10)]

    assert [one.points for one in back] == [30, 10]
    assert await desk.pots(bert) == (100, 0, 0, 0)
    with pytest.raises(Exception, match="reversed"):
        await desk.do(points.reverse, bert, operation_id=merged.operation_id)
    assert await desk.faults() == []


async def test_the_past_of_a_merged_member_is_that_of_all_its_parts(desk: Desk) -> None:
    anna, twin = await desk.member(), await desk.member()
    await desk.earn(anna, 10)
    await desk.earn(twin, 100)
    apart = desk.clock.now()
    desk.later(hours=1)
    await desk.merge(anna, twin)
    desk.later(hours=1)
    await desk.do(points.redeem, anna, amount=20)

    for member in (anna, twin):
        assert [(await desk.at(member, at)).active for at in (apart, desk.clock.now())] == [110, 90]


async def test_a_frozen_side_freezes_the_whole_and_is_frozen_again_after_the_split(desk: Desk) -> None:
    anna, twin = await desk.member(), await desk.member()
    await desk.earn(anna, 10)
    await desk.earn(twin, 100)
    await desk.do(points.freeze, twin)

    await desk.merge(anna, twin)
    with pytest.raises(PointsFrozen):
        await desk.do(points.redeem, anna, amount=1)
    await desk.do(points.unfreeze, anna)
    await desk.split(anna, twin)

    assert (await desk.do(points.redeem, anna, amount=10)).balance == 0
    with pytest.raises(PointsFrozen):
        await desk.do(points.redeem, twin, amount=1)
    assert await desk.faults() == []


async def test_an_opening_balance_counts_once_over_merging_and_splitting(desk: Desk) -> None:
    anna, twin = await desk.member(), await desk.member()
    origin = await desk.origin(twin)
    assert await desk.open_balance(twin, 50)

    await desk.merge(anna, twin)
    assert not await desk.open_balance(anna, 50, origin_id=origin)
    await desk.do(points.redeem, anna, amount=50)
    await desk.split(anna, twin)

    assert not await desk.open_balance(twin, 50)
    assert await desk.pots(twin) == (0, 0, 0, 0)


async def test_a_member_who_never_had_points_merges_without_an_account(desk: Desk) -> None:
    anna, twin = await desk.member(), await desk.member()

    await desk.merge(anna, twin)
    await desk.split(anna, twin)

    assert await desk.rows("points_account") == []
    await desk.merge(anna, twin)
    assert (await desk.earn(twin, 10)).member_id == anna
    with pytest.raises(NotFound):
        await desk.do(points.release, twin, hold_id=twin)


async def test_erasing_one_of_two_who_parted_leaves_the_other_what_their_accounts_brought(desk: Desk) -> None:
    """Or the opening balance would be counted again, and no refund would find the line."""
    anna, twin = await desk.member(), await desk.member()
    origin, own = await desk.origin(twin), await desk.origin(anna)
    await desk.merge(anna, twin)
    await desk.open_balance(anna, 50, origin_id=origin)
    await desk.buy(anna, "O1", 10_000, origin_id=origin)
    await desk.buy(anna, "O2", 20_000, origin_id=own)
    await desk.split(anna, twin)
    person = Person(anna, [], [own], [], [])

    async with snapshot(desk.database.app) as tx:
        told = [held async for held in desk.holder.export_for(tx, person) if held.model in BY_ACCOUNT]
    async with transaction(desk.database.app) as tx:
        await desk.holder.erase_for(tx, person)

    assert [held.record["order_no"] for held in told] == ["O2"]
    assert [(row.origin_id, row.points) for row in await desk.rows("points_opening")] == [(origin, 50)]
    lines = {(row.origin_id, row.order_no) for row in await desk.rows("points_line")}
    assert lines == {(origin, "O1"), (None, None)}
    await desk.refund(twin, "O1", "R1", 10_000)
    assert await desk.pots(twin) == (50, 0, 0, 0)
    assert await desk.faults() == []


async def test_a_hold_of_which_one_lot_is_spent_goes_along_and_ends_there(desk: Desk) -> None:
    anna, twin = await desk.member(), await desk.member()
    for _ in range(2):
        await desk.earn(twin, 50)
        desk.later(days=1)
    held = await desk.do(points.hold, twin, amount=100)
    await desk.do(points.capture, twin, hold_id=held.operation_id, amount=60, keeps_rest=True)

    await desk.merge(anna, twin)
    await desk.do(points.capture, anna, hold_id=held.operation_id, amount=10, keeps_rest=True)
    assert await desk.pots(anna) == (0, 0, 30, 0)
    await desk.split(anna, twin)
    assert await desk.pots(twin) == (0, 0, 30, 0)
    await desk.merge(anna, twin)
    desk.later(days=30)

    assert await desk.pots(anna) == (30, 0, 0, 0)
    await desk.settle()
    assert await desk.pots(anna) == (30, 0, 0, 0)
    assert await desk.faults() == []


async def test_a_hold_that_moved_and_came_back_times_out_for_whoever_looks_at_both(desk: Desk) -> None:
    anna, twin = await desk.member(), await desk.member()
    await desk.earn(twin, 50)
    await desk.do(points.hold, twin, amount=50)
    await desk.merge(anna, twin)
    await desk.split(anna, twin)
    desk.later(days=30)

    async with snapshot(desk.database.app) as tx:
        found = await balances(tx, [anna, twin], now=desk.clock.now())

    assert {one: (b.pots.active, b.pots.held) for one, b in found.items()} == {anna: (0, 0), twin: (50, 0)}


async def test_holds_that_share_a_lot_stay_together_when_members_part(desk: Desk) -> None:
    """One hold is on the lot of who leaves alone, another on the rest of it and on a lot of who stays."""
    anna, bela = await desk.member(), await desk.member()
    await desk.buy(anna, "A1", 10_000)
    desk.later(minutes=1)
    await desk.buy(bela, "B1", 10_000)
    desk.later(days=10)
    await desk.merge(bela, anna)
    holds = [await desk.do(points.hold, bela, amount=amount) for amount in (30, 150)]

    await desk.split(bela, anna)

    assert await desk.faults([anna, bela]) == []
    for hold in holds:
        await desk.do(points.release, bela, hold_id=hold.operation_id)
    assert (await desk.pots(anna), await desk.pots(bela)) == ((0, 0, 0, 0), (200, 0, 0, 0))
    assert await desk.faults([anna, bela]) == []
