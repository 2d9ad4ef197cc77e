"""orderRecord: all or nothing, once by channel, order and line, with points, growth and tier."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.members.tables import Channel
from member_hub.orders.tables import OrderLine
from member_hub.points.tables import PointsAccount, PointsLot
from tests.graphql.pointing import done, faults, pots
from tests.graphql.recording import a_member, an_order, counts, record
from tests.graphql.world import NOW, World, line

ENROL = """mutation ($input: MemberEnrolInput!, $key: String!) {
  memberEnrol(input: $input, idempotencyKey: $key) { member { id } userErrors { code } }
}"""


async def test_an_order_earns_points_and_growth_and_the_tier_is_told(world: World) -> None:
    member = await a_member(world)

    receipt, errors = await record(
        world, an_order(member, {"lineNo": 1, "amountFen": 12_345}, {"lineNo": 2, "amountFen": 99})
    )

    assert errors == []
    assert receipt == {
        "points": 123, "takenBack": 0, "growth": 123, "linesAtMost": 0, "duplicates": 0, "tier": "core",
    }  # fmt: skip
    entry = (await world.audited())[-1]
    assert (entry.operation, entry.outcome, entry.member_ids) == ("orderRecord", "ok", [member])
    assert "member.orders:WRITE" in entry.fields


async def test_the_same_request_again_gives_the_first_answer_and_changes_nothing(world: World) -> None:
    member = await a_member(world)
    first = await record(world, an_order(member))
    before = await counts(world)
    world.clock.at += timedelta(minutes=1)

    again = await record(world, an_order(member))

    assert again == first
    assert await counts(world) == before


async def test_a_line_that_came_before_is_a_duplicate_with_the_same_answer(world: World) -> None:
    member = await a_member(world)
    await record(world, an_order(member))
    world.clock.at += timedelta(minutes=1)

    receipt, errors = await record(world, an_order(member), key="k2")

    assert errors == []
    assert receipt is not None
    assert (receipt["points"], receipt["growth"], receipt["duplicates"]) == (123, 123, 1)
    assert (await counts(world))["points_lot"] == 1


async def test_a_line_may_have_the_number_nought_as_in_files_and_is_taken_back_by_it(world: World) -> None:
    member = await a_member(world)
    receipt, _ = await record(world, an_order(member, {"lineNo": 0, "amountFen": 12_345}))
    assert receipt is not None
    assert receipt["points"] == 123

    line_of = {"of": {"orderNo": "T1", "lineNo": 0}, "refund": {"orderNo": "T1", "lineNo": 2}, "refundFen": 12_345}
    assert await done(world, "pointsReverse", "app_checkout", member=member, line=line_of, channel="STORE")

    async with transaction(world.hub.database.app) as tx:
        assert (await tx.execute(select(table_of(PointsLot).c.remaining))).scalar_one() == 0


async def test_a_large_order_is_recorded_and_each_line_earns_the_most_that_one_may(world: World) -> None:
    """As of a file; by a member of a tier that multiplies, as by any other. Growth has no such limit."""
    member = await a_member(world)
    await record(world, an_order(member, orderNo="T0"), key="k0")  # core: 1.2 points for a yuan
    lines = [{"lineNo": 1, "amountFen": 100_000_000}, {"lineNo": 2, "amountFen": 10**10}, {"lineNo": 3, "amountFen": 1}]

    came = await record(world, an_order(member, *lines))

    assert came == (
        {
            "points": 2_000_000, "takenBack": 0, "growth": 101_000_000, "linesAtMost": 2, "duplicates": 0,
            "tier": "vip",
        },
        [],
    )  # fmt: skip
    assert await record(world, an_order(member, *lines)) == came
    async with transaction(world.hub.database.app) as tx:
        table = table_of(OrderLine)
        amounts = (await tx.scalars(select(table.c.amount_fen).order_by(table.c.order_no, table.c.line_no))).all()
    assert amounts == [12_345, 100_000_000, 10**10, 1]

    back = {"lineNo": 4, "amountFen": 50_000_000, "refundOf": {"lineNo": 1}}
    receipt, _ = await record(world, an_order(member, back), key="k3")
    assert receipt is not None
    assert receipt["takenBack"] == 500_000  # half of what the line has earned


async def test_refunds_in_parts_take_back_what_the_whole_would(world: World) -> None:
    member = await a_member(world)
    await record(world, an_order(member))
    parts = [{"lineNo": n, "amountFen": 4_115, "refundOf": {"lineNo": 1}} for n in (2, 3)]
    rest = {"lineNo": 1, "amountFen": 4_115, "refundOf": {"lineNo": 1, "orderNo": "T1"}}

    first, _ = await record(world, an_order(member, *parts, store=None), key="k2")
    last, errors = await record(world, an_order(member, rest, store=None, orderNo="T2"), key="k3")

    assert errors == []
    assert first is not None
    assert last is not None
    assert first["takenBack"] + last["takenBack"] == 123
    assert first["growth"] + last["growth"] == -123
    async with transaction(world.hub.database.app) as tx:
        lot = (await tx.execute(select(table_of(PointsLot)))).one()
    assert (lot.earned, lot.remaining, lot.reversed, lot.state) == (123, 0, 123, "reversed")


async def test_twenty_tills_with_one_line_count_it_once(world: World) -> None:
    member = await a_member(world)

    came = await asyncio.gather(*(record(world, an_order(member), key=f"k{n}") for n in range(20)))

    assert [errors for _, errors in came] == [[]] * 20
    assert {receipt["points"] for receipt, _ in came if receipt} == {123}
    assert (await counts(world))["points_lot"] == 1
    async with transaction(world.hub.database.app) as tx:
        assert (await tx.execute(select(table_of(PointsAccount).c.pending))).scalar_one() == 123


async def test_lines_that_waited_for_an_account_count_when_it_is_enrolled(world: World) -> None:
    await world.buy(line("O-9", (Channel.STORE, "7700000001"), store="SH001", fen=10_000, at=NOW - timedelta(days=1)))

    stated = {"channel": "STORE", "account": "7700000001", "name": "周杰"}
    await world.ask("app_crm", ENROL, variables={"input": stated, "key": "k"})

    async with transaction(world.hub.database.app) as tx:
        assert (await tx.execute(select(table_of(PointsAccount).c.pending))).scalar_one() == 100
        assert (await tx.execute(select(table_of(OrderLine).c.counted_at))).scalar_one() == NOW


async def test_a_duplicate_is_a_line_that_changed_nothing(world: World) -> None:
    """Points that were earned for a line before are told; it grows now, and that once."""
    member = await a_member(world)
    earned = {"kind": "PURCHASE", "amount": 12_345, "channel": "STORE", "line": {"orderNo": "T1", "lineNo": 1}}
    await done(world, "pointsEarn", "app_checkout", member=member, **earned)
    world.clock.at += timedelta(minutes=1)

    first = await record(world, an_order(member))
    world.clock.at += timedelta(minutes=1)
    again = await record(world, an_order(member))
    lines = ({"lineNo": 1, "amountFen": 12_345}, {"lineNo": 2, "amountFen": 100})
    more, _ = await record(world, an_order(member, *lines), key="k2")

    receipt, errors = first
    assert errors == []
    assert receipt is not None
    assert more is not None
    assert (receipt["points"], receipt["growth"], receipt["duplicates"]) == (123, 123, 0)
    assert again == first
    assert (more["points"], more["growth"], more["duplicates"]) == (124, 124, 1)


@pytest.mark.parametrize("refunded_fen", [12_345, 20_000])
async def test_a_refund_of_a_file_that_waited_for_the_line_refuses_no_order(world: World, refunded_fen: int) -> None:
    """Larger than the line it is cut to it, as everywhere else: nobody at the till knows of it, or can put it right."""
    member = await a_member(world)
    by = (Channel.STORE, "8800000001")
    await world.buy(line("R1", by, store="SH001", fen=-refunded_fen, at=NOW, refund_of="T1"))

    receipt, errors = await record(world, an_order(member))

    assert errors == []
    assert receipt is not None
    assert (receipt["points"], receipt["takenBack"], receipt["growth"]) == (123, 0, 123)
    assert await pots(world, member) == (0, 0, 0, 0)
    assert await faults(world) == []
