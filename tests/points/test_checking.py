"""The self-check finds whatever somebody's hand does to the tables; and the app may not touch the ledger."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from member_hub import points
from member_hub.db import transaction
from member_hub.ids import MemberId
from member_hub.points.checking import BATCH, Fault
from tests.points.desk import Desk

TAMPERING = {
    "update hub.points_account set active = active + 1": {Fault.POTS, Fault.LOTS},
    "update hub.points_account set pending = pending + 1": {Fault.POTS, Fault.LOTS},
    "update hub.points_account set sequence = sequence + 1": {Fault.SEQUENCE},
    "update hub.points_account set version = version + 1": {Fault.VERSION},
    "update hub.points_lot set remaining = remaining + 1, earned = earned + 1": {Fault.LOT, Fault.LOTS},
    "update hub.points_lot set held = held - 1 where held > 0": {Fault.LOT, Fault.LOTS, Fault.HOLD},
    "update hub.points_lot set state = 'pending'": {Fault.LOTS, Fault.DUE},
    "delete from hub.points_lot": {Fault.LOT, Fault.LOTS},
    "update hub.points_hold_lot set held = held - 1": {Fault.HOLD},
    "update hub.points_hold set state = 'released'": {Fault.HOLD},
    "delete from hub.points_entry where act = 'redeem'": {
        Fault.POTS, Fault.SEQUENCE, Fault.VERSION, Fault.BALANCE, Fault.LOT,
    },
    "update hub.points_entry set active = active + 1 where act = 'redeem'": {Fault.POTS, Fault.BALANCE, Fault.LOT},
    "update hub.points_entry set balance = balance + 1 where act = 'redeem'": {Fault.BALANCE},
    "update hub.points_entry set active = active + 1 where act = 'transfer_in'": {
        Fault.POTS, Fault.BALANCE, Fault.LOT, Fault.BETWEEN,
    },
    "update hub.points_entry set version = version + 1 where act = 'redeem'": {Fault.VERSION},
    "update hub.points_lot set owed = 1 where spent > 0": {Fault.OWED},
    "update hub.points_account set due_at = null": {Fault.DUE},
    "update hub.points_account set due_at = due_at + interval '1 minute'": {Fault.DUE},
    "update hub.points_hold set expires_at = created_at": {Fault.DUE},
}  # fmt: skip


async def _world(desk: Desk) -> MemberId:
    """Anna has earned, redeemed and holds; Bert gave her some."""
    anna, bert = await desk.member(), await desk.member()
    await desk.earn(anna, 100)
    await desk.earn(bert, 100)
    await desk.do(points.transfer, bert, to=anna, amount=100)
    await desk.do(points.redeem, anna, amount=30)
    await desk.do(points.hold, anna, amount=20)
    return anna


@pytest.mark.parametrize("hand", TAMPERING)
async def test_every_tampering_is_found_at_whose_account_it_was(desk: Desk, hand: str) -> None:
    anna = await _world(desk)
    assert await desk.faults() == []

    async with transaction(desk.database.owner) as tx:
        where = " and " if " where " in hand else " where "
        done = await tx.execute(text(f"{hand}{where}member_id = '{anna}'"))
        assert done.rowcount > 0

    assert {found.fault for found in await desk.faults() if found.member_id == anna} == TAMPERING[hand]


async def test_one_account_in_many_is_found(desk: Desk) -> None:
    people = [await desk.member() for _ in range(BATCH // 50)]
    for one in people:
        await desk.earn(one, 10)
    async with transaction(desk.database.owner) as tx:
        await tx.execute(text(f"update hub.points_account set held = 1 where member_id = '{people[3]}'"))

    assert {finding.member_id for finding in await desk.faults()} == {people[3]}


@pytest.mark.parametrize("statement", ["update hub.points_entry set amount = 0", "delete from hub.points_entry"])
async def test_the_app_can_neither_change_nor_remove_an_entry(desk: Desk, statement: str) -> None:
    await desk.earn(await desk.member(), 10)

    with pytest.raises(ProgrammingError, match="permission denied"):
        async with transaction(desk.database.app) as tx:
            await tx.execute(text(statement))
