"""orderRecord of lines that a file brought before: told, taken over, counted now, or another's; never twice."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from member_hub.db import snapshot, transaction
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId
from member_hub.ingest.summary import Count
from member_hub.members.tables import Member, MemberStatus
from member_hub.orders.tables import OrderLine, WaitingLine
from member_hub.points.tables import PointsLine
from member_hub.tables import METADATA
from member_hub.tiers.tables import GrowthEntry
from tests.graphql.pointing import faults, pots
from tests.graphql.recording import a_member, an_order, imported, record, refuses
from tests.graphql.world import World

UNKNOWN, AT = "7700000001", "2026-11-21T12:00:00+08:00"
ENROL = """mutation ($input: MemberEnrolInput!, $key: String!) {
  memberEnrol(input: $input, idempotencyKey: $key) { member { id } userErrors { code } }
}"""


def row(order: str, key: str = f"store_card,{UNKNOWN}", yuan: str = "123.45", line: int = 1, of: str = "") -> str:
    status = "refunded" if of else "paid"
    return f"{order},{line},store,SH001,{key},{yuan},{AT},{status},{of}"


async def comes(world: World, account: str = UNKNOWN, channel: str = "STORE") -> MemberId:
    """The account that was awaited is enrolled; whose it is."""
    stated = {"channel": channel, "account": account, "name": "周杰"}
    found = (await world.ask("app_crm", ENROL, variables={"input": stated, "key": f"comes-{account}"}))["memberEnrol"]
    assert found["userErrors"] == []
    async with snapshot(world.hub.database.app) as tx:
        newest = select(table_of(Member).c.member_id).order_by(table_of(Member).c.joined_at.desc()).limit(1)
        return MemberId((await tx.execute(newest)).scalar_one())


async def rows(world: World, model: Any) -> list[Any]:
    async with snapshot(world.hub.database.app) as tx:
        return list((await tx.execute(select(table_of(model)))).all())


async def keys_of(world: World, subject: Any) -> list[int]:
    key_t = METADATA.tables["vault.data_key"]
    async with snapshot(world.hub.database.app) as tx:
        return list((await tx.execute(select(key_t.c.version).where(key_t.c.subject == subject))).scalars())


@pytest.mark.parametrize("key", [f"store_card,{UNKNOWN}", "website_account,W770", "app_user,app-770"])
async def test_a_line_that_waits_for_an_unknown_account_is_of_who_stands_at_the_till(
    world: World, tmp_path: Path, key: str
) -> None:
    member = await a_member(world)
    assert (await imported(world, tmp_path, row("T1", key)))[Count.WAITING] == 1
    (waiting,) = await rows(world, WaitingLine)

    receipt, errors = await record(world, an_order(member))

    assert errors == []
    assert receipt is not None
    assert (receipt["points"], receipt["growth"], receipt["duplicates"]) == (123, 123, 0)
    assert (await pots(world, member))[1] == 123
    assert (await rows(world, WaitingLine), await keys_of(world, waiting.subject_id)) == ([], [])


@pytest.mark.parametrize(
    ("channel", "account", "key"), [("STORE", UNKNOWN, ""), ("WEBSITE", "W770", "website_account,W770")]
)
async def test_when_that_account_comes_later_nothing_is_counted_twice(
    world: World, tmp_path: Path, channel: str, account: str, key: str
) -> None:
    member, key = await a_member(world), key or f"store_card,{account}"
    await imported(world, tmp_path, row("T1", key), row("T2", key, "50.00"))
    await record(world, an_order(member))

    other = await comes(world, account, channel)
    again = await imported(world, tmp_path, row("T1", key), row("T2", key, "50.00"))

    assert other != member
    assert again[Count.DUPLICATE] == 2
    assert ((await pots(world, member))[1], (await pots(world, other))[1]) == (123, 50)  # what waited on still opens
    assert sorted(r.order_no for r in await rows(world, OrderLine)) == ["T1", "T2"]
    assert sum(r.amount for r in await rows(world, GrowthEntry)) == 173
    assert await faults(world) == []


async def test_the_line_and_its_account_come_at_the_same_moment_and_count_once(world: World, tmp_path: Path) -> None:
    member = await a_member(world)
    numbers = range(12)
    await imported(world, tmp_path, *(row(f"T{n}", f"store_card,77000000{n:02}") for n in numbers))

    came = await asyncio.gather(
        *(record(world, an_order(member, orderNo=f"T{n}"), key=f"k{n}") for n in numbers),
        *(comes(world, f"77000000{n:02}") for n in numbers),
    )

    refused = [one for one in came[:12] if one[1]]  # type: ignore[index]
    assert {tuple(one[1]) for one in refused} <= {(("lines.0", "CONFLICT"),)}  # type: ignore[index]
    counted = await rows(world, PointsLine)
    assert len(counted) == len(numbers)
    theirs = [one.points for one in counted if one.member_id == member]
    assert len(theirs) == len(numbers) - len(refused)
    assert (await pots(world, member))[1] == sum(theirs)
    assert sum(r.amount for r in await rows(world, GrowthEntry)) == 123 * len(numbers)
    assert (await rows(world, WaitingLine), await faults(world)) == ([], [])


async def test_a_waiting_line_with_another_amount_is_refused_and_waits_on(world: World, tmp_path: Path) -> None:
    member = await a_member(world)
    await imported(world, tmp_path, row("T1", yuan="123.46"))
    before = await rows(world, WaitingLine)

    await refuses(world, an_order(member), ("lines.0", "CONFLICT"), member)

    assert await rows(world, WaitingLine) == before


async def test_a_refund_that_waits_for_an_unknown_account_is_taken_over_too(world: World, tmp_path: Path) -> None:
    member = await a_member(world)
    await record(world, an_order(member))
    await imported(world, tmp_path, row("R1", yuan="-123.45", of="T1/1"))
    back = {"lineNo": 1, "amountFen": 12_345, "refundOf": {"lineNo": 1, "orderNo": "T1"}}

    receipt, errors = await record(world, an_order(member, back, orderNo="R1", store=None), key="k2")

    assert errors == []
    assert receipt is not None
    assert (receipt["takenBack"], receipt["growth"], receipt["duplicates"]) == (123, -123, 0)
    assert await rows(world, WaitingLine) == []


async def test_a_line_that_a_file_counted_for_another_member_stays_theirs(world: World, tmp_path: Path) -> None:
    other = await a_member(world, "8800000002")
    await imported(world, tmp_path, row("T1", "store_card,8800000002"))
    member = await a_member(world)

    await refuses(world, an_order(member), ("lines.0", "CONFLICT"), member)
    assert (await pots(world, other))[1] == 123


async def test_a_line_that_waits_to_be_counted_for_another_member_stays_theirs(world: World, tmp_path: Path) -> None:
    other = await a_member(world, "8800000002")
    await turn(world, other, MemberStatus.FROZEN)
    assert (await imported(world, tmp_path, row("T1", "store_card,8800000002")))[Count.UNCOUNTED] == 1
    member = await a_member(world)

    await refuses(world, an_order(member), ("lines.0", "CONFLICT"), member)
    assert [r.counted_at for r in await rows(world, OrderLine)] == [None]


async def test_the_member_s_own_line_that_waits_is_counted_now(world: World, tmp_path: Path) -> None:
    member = await a_member(world)
    await turn(world, member, MemberStatus.FROZEN)
    await imported(world, tmp_path, row("T1", "store_card,8800000001"))
    await refuses(world, an_order(member), ("member", "POINTS_FROZEN"), member)
    await turn(world, member, MemberStatus.ACTIVE)

    receipt, errors = await record(world, an_order(member))

    assert errors == []
    assert receipt is not None
    assert (receipt["points"], receipt["growth"], receipt["duplicates"]) == (123, 123, 0)
    assert [r.counted_at for r in await rows(world, OrderLine)] == [world.clock.now()]
    assert (await pots(world, member))[1] == 123


async def test_the_member_s_own_refund_that_waits_for_its_line_is_refused_until_that_comes(
    world: World, tmp_path: Path
) -> None:
    member = await a_member(world)
    await imported(world, tmp_path, row("R1", "store_card,8800000001", "-123.45", of="T1/1"))
    back = {"lineNo": 1, "amountFen": 12_345, "refundOf": {"lineNo": 1, "orderNo": "T1"}}
    refund = an_order(member, back, orderNo="R1", store=None)

    await refuses(world, refund, ("lines.0.refundOf", "ORDER_LINE_UNKNOWN"), member)

    await record(world, an_order(member), key="k2")
    receipt, _ = await record(world, refund, key="k3")
    assert receipt is not None
    assert receipt["takenBack"] == 123
    assert (await pots(world, member))[1] == 0


async def turn(world: World, member: MemberId, status: MemberStatus) -> None:
    async with transaction(world.hub.database.app) as tx:
        member_t = table_of(Member)
        await tx.execute(update(member_t).where(member_t.c.member_id == member).values(status=status))
