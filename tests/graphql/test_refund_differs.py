"""A refund whose points were taken back by another amount than it has: refused at a till, made up by a file."""

import asyncio
from pathlib import Path
from typing import Any

from sqlalchemy import select

from member_hub import points
from member_hub.counting import hub_caller
from member_hub.counting.backfill import count_waiting
from member_hub.db import snapshot, transaction
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId
from member_hub.ingest.summary import Count
from member_hub.points import Line
from member_hub.points.claiming import Refund
from member_hub.points.tables import PointsLine
from member_hub.points.words import AccountState
from tests.graphql.pointing import done, faults, freeze, pots
from tests.graphql.recording import a_member, an_order, imported, record, refuses
from tests.graphql.world import World

BOUGHT = 20_000
AT = "2026-11-22T12:00:00+08:00"


async def bought(world: World, fen: int = BOUGHT) -> MemberId:
    """A member with a line of 200 yuan, 200 points."""
    member = await a_member(world)
    await record(world, an_order(member, {"lineNo": 1, "amountFen": fen}), key="bought")
    return member


async def reversed_by_till(world: World, member: MemberId, fen: int, refund: str = "R1", of: str = "T1") -> int:
    line = {"of": {"orderNo": of, "lineNo": 1}, "refund": {"orderNo": refund, "lineNo": 1}, "refundFen": fen}
    receipt = await done(world, "pointsReverse", "app_checkout", member=member, line=line, channel="STORE")
    taken: int = receipt["points"]
    return taken


def row(yuan: str, refund: str = "R1", of: str = "T1/1") -> str:
    return f"{refund},1,store,SH001,store_card,8800000001,-{yuan},{AT},refunded,{of}"


async def refunds(world: World) -> list[tuple[str, int, int, int]]:
    """What stands of refunds, and of lines what is refunded."""
    line_t = table_of(PointsLine)
    async with snapshot(world.hub.database.app) as tx:
        rows = await tx.execute(select(line_t).order_by(line_t.c.order_no))
        return [(r.order_no, r.amount_fen, r.refunded_fen, r.points) for r in rows]


async def test_at_a_till_another_amount_is_refused(world: World) -> None:
    member = await bought(world)
    assert await reversed_by_till(world, member, 100) == 1
    back: dict[str, Any] = {"lineNo": 1, "refundOf": {"orderNo": "T1", "lineNo": 1}}

    for fen in (10_000, 99, 101):
        stated = an_order(member, {**back, "amountFen": fen}, orderNo="R1", store=None)
        await refuses(world, stated, ("lines.0", "CONFLICT"), member)

    stated = an_order(member, {**back, "amountFen": 100}, orderNo="R1", store=None)
    receipt, errors = await record(world, stated)
    assert errors == []
    assert receipt is not None
    assert (receipt["takenBack"], receipt["growth"]) == (1, -1)


async def test_a_file_s_refund_takes_what_the_till_did_not(world: World, tmp_path: Path) -> None:
    member = await bought(world)
    assert await reversed_by_till(world, member, 100) == 1

    came = await imported(world, tmp_path, row("100.00"))

    assert (came[Count.COUNTED], came[Count.TAKEN_BACK], came[Count.UNCOUNTED]) == (1, 99, 0)
    assert came[Count.REFUNDS_CUT] == 0
    assert (await pots(world, member))[1] == 100
    assert await refunds(world) == [("R1", 10_000, 0, 100), ("T1", BOUGHT, 10_000, 200)]
    assert (await imported(world, tmp_path, row("100.00"), ""))[Count.TAKEN_BACK] == 0
    assert await reversed_by_till(world, member, 10_000, "R2") == 100  # the rest, and no more
    assert ((await pots(world, member))[1], await faults(world)) == (0, [])


async def test_it_takes_no_more_than_is_left_of_the_line(world: World, tmp_path: Path) -> None:
    member = await bought(world)
    await reversed_by_till(world, member, 100)
    await reversed_by_till(world, member, 15_000, "R2")

    came = await imported(world, tmp_path, row("100.00"))

    assert (came[Count.TAKEN_BACK], came[Count.REFUNDS_CUT]) == (49, 1)

    assert await refunds(world) == [("R1", 5_000, 0, 50), ("R2", 15_000, 0, 150), ("T1", BOUGHT, BOUGHT, 200)]
    assert ((await pots(world, member))[1], await faults(world)) == (0, [])


async def test_a_file_s_smaller_refund_gives_nothing_back(world: World, tmp_path: Path) -> None:
    member = await bought(world)
    await reversed_by_till(world, member, 10_000)

    came = await imported(world, tmp_path, row("1.00"))

    assert (came[Count.COUNTED], came[Count.TAKEN_BACK]) == (1, 0)
    assert await refunds(world) == [("R1", 10_000, 0, 100), ("T1", BOUGHT, 10_000, 200)]


async def test_of_another_line_than_the_till_s_nothing_more_is_taken(world: World, tmp_path: Path) -> None:
    """One number cannot refund two lines; what the till counted under it stands."""
    member = await bought(world)
    await record(world, an_order(member, {"lineNo": 1, "amountFen": BOUGHT}, orderNo="T2"), key="second")
    await reversed_by_till(world, member, 100, of="T2")
    before = await refunds(world)

    assert (await imported(world, tmp_path, row("100.00")))[Count.TAKEN_BACK] == 0
    assert await refunds(world) == before


async def test_it_waits_while_the_account_is_frozen_and_is_taken_once(world: World, tmp_path: Path) -> None:
    member = await bought(world)
    await reversed_by_till(world, member, 100)
    await freeze(world, member)

    came = await imported(world, tmp_path, row("100.00"))

    assert (came[Count.COUNTED], came[Count.TAKEN_BACK], came[Count.UNCOUNTED]) == (0, 0, 1)
    await freeze(world, member, AccountState.OPEN)
    taken = [sum([one.taken_back async for one in catching_up(world)]) for _ in range(2)]
    assert taken == [99, 0]
    assert await refunds(world) == [("R1", 10_000, 0, 100), ("T1", BOUGHT, 10_000, 200)]
    assert ((await pots(world, member))[1], await faults(world)) == (100, [])


async def test_a_bad_refund_that_waits_is_no_reason_to_refuse_a_right_one(world: World, tmp_path: Path) -> None:
    """By several numbers, for lines are taken in an order that nobody can foresee."""
    member = await a_member(world)
    lines: list[dict[str, Any]] = [
        {"lineNo": 1, "amountFen": BOUGHT},
        {"lineNo": 2, "amountFen": 5_000, "refundOf": {"lineNo": 1}},
    ]
    for n in range(6):
        await imported(world, tmp_path, row("300.00", f"R{n}", f"T{n}/1"))
        receipt, errors = await record(world, an_order(member, *lines, orderNo=f"T{n}"), key=f"k{n}")

        assert errors == []
        assert receipt is not None
        assert (receipt["points"], receipt["takenBack"]) == (200, 50)
    assert ((await pots(world, member))[1], await faults(world)) == (0, [])


async def test_several_at_once_take_it_once(world: World) -> None:
    member = await bought(world)
    await reversed_by_till(world, member, 100)
    refund = Refund(Line("store", "R1", 1), Line("store", "T1", 1), 10_000)

    async def once() -> int:
        async with transaction(world.hub.database.app) as tx:
            asked = world.hub.loyalty.asked(world.clock.now())
            counted = await points.count_lines(tx, hub_caller(), asked, [], [refund])
        (taken,) = counted.refunds.values()
        return taken.points if taken.is_new else 0

    taken = await asyncio.gather(*(once() for _ in range(8)))

    assert sorted(taken) == [0] * 7 + [99]
    assert await refunds(world) == [("R1", 10_000, 0, 100), ("T1", BOUGHT, 10_000, 200)]
    assert ((await pots(world, member))[1], await faults(world)) == (100, [])


def catching_up(world: World) -> Any:
    return count_waiting(world.hub.database, world.hub.loyalty, now=world.clock.now())
