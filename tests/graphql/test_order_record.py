"""orderRecord and activityRecord: all or nothing, once by channel, order and line, on record; refusals by code."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.idempotency.tables import DoneRequest
from member_hub.ids import MemberId
from member_hub.ingest.tables import Inbox
from member_hub.members.bits import PURPOSE_BITS
from member_hub.members.tables import Channel, Member, MemberStatus
from member_hub.orders.tables import Activity, OrderLine
from member_hub.points.tables import PointsAccount, PointsEntry, PointsLine, PointsLot
from member_hub.privacy import Purpose
from member_hub.tiers.tables import GrowthEntry, TierChange, TierStanding
from tests.graphql.pointing import done
from tests.graphql.world import NOW, World, line, said

RECORD = """mutation ($input: OrderRecordInput!, $key: String!) {
  orderRecord(input: $input, idempotencyKey: $key) {
    member { id } receipt { points takenBack growth linesAtMost duplicates tier } userErrors { field code message }
  }
}"""
ACTIVE = """mutation ($input: ActivityRecordInput!, $key: String!) {
  activityRecord(input: $input, idempotencyKey: $key) { growth userErrors { field code } }
}"""
ENROL = """mutation ($input: MemberEnrolInput!, $key: String!) {
  memberEnrol(input: $input, idempotencyKey: $key) { member { id } userErrors { code } }
}"""
WRITTEN = (
    OrderLine, Activity, Inbox, DoneRequest, PointsAccount, PointsLot, PointsEntry, PointsLine, GrowthEntry,
    TierChange, TierStanding,
)  # fmt: skip
CARD = {"channel": "STORE", "id": "8800000001"}


async def a_member(world: World, number: str = "8800000001") -> MemberId:
    return (await world.resolve(said(Channel.STORE, number, home_store="SH001")))[0]


def an_order(of: MemberId | None = None, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    whose = {} if of is None else {"member": str(of)}
    sold = list(lines) or [{"lineNo": 1, "amountFen": 12_345}]
    return {"channel": "STORE", "orderNo": "T1", "store": "SH001", "lines": sold, **whose, **more}


async def record(
    world: World, stated: dict[str, Any], role: str = "app_checkout", key: str = "k1", **about: Any
) -> tuple[dict[str, Any] | None, list[tuple[str, str]]]:
    variables = {"input": stated, "key": key}
    found = (await world.ask(role, RECORD, variables=variables, **about))["orderRecord"]
    assert (found["member"] is None) is (found["receipt"] is None)
    return found["receipt"], [(e["field"], e["code"]) for e in found["userErrors"]]


async def counts(world: World) -> dict[str, int]:
    async with transaction(world.hub.database.app) as tx:
        tables = [table_of(model) for model in WRITTEN]
        return {t.name: int(await tx.scalar(select(func.count()).select_from(t)) or 0) for t in tables}


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


async def test_the_same_line_with_another_amount_is_a_conflict(world: World) -> None:
    member = await a_member(world)
    await record(world, an_order(member))

    stated = an_order(member, {"lineNo": 2, "amountFen": 5_000}, {"lineNo": 1, "amountFen": 12_346})
    await refuses(world, stated, ("lines", "CONFLICT"), member)


async def test_a_line_of_another_member_is_a_conflict(world: World) -> None:
    await record(world, an_order(await a_member(world)))
    other = await a_member(world, "8800000002")

    await refuses(world, an_order(other), ("lines", "CONFLICT"), other)


@pytest.mark.parametrize(
    ("stated", "field", "text"),
    [
        ({"store": None}, "store", "An order that was bought in a store says in which one."),
        ({"store": "SH999"}, "store", "The organisation register does not know this store or channel."),
        (
            {"lines": [{"lineNo": -1, "amountFen": 1}]},
            "lines[0].lineNo",
            "An order number has 1 to 100 visible characters, a line number is a whole number from 0 on.",
        ),
        (
            {"member": None},
            "member",
            "It is not said whose it is: name `member` or `account`, or ask as an app does for its member.",
        ),
    ],
)
async def test_the_text_says_what_is_missing(world: World, stated: dict[str, Any], field: str, text: str) -> None:
    variables = {"input": an_order(await a_member(world)) | stated, "key": "k1"}
    before = await counts(world)

    found = (await world.ask("app_checkout", RECORD, variables=variables))["orderRecord"]

    assert found["userErrors"] == [{"field": field, "code": "BAD_USER_INPUT", "message": text}]
    assert await counts(world) == before
    assert (await world.audited())[-1].outcome == "BAD_USER_INPUT"


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


REFUSED: list[tuple[str, dict[str, Any], tuple[str, str]]] = [
    ("no lines", {"lines": []}, ("lines", "BAD_USER_INPUT")),
    ("one number twice", {"lines": [{"lineNo": 1, "amountFen": 1}] * 2}, ("lines", "BAD_USER_INPUT")),
    (
        "too many lines",
        {"lines": [{"lineNo": n, "amountFen": 1} for n in range(1, 102)]},
        ("lines", "BAD_USER_INPUT"),
    ),
    ("an amount of nothing", {"lines": [{"lineNo": 1, "amountFen": 0}]}, ("lines[0].amountFen", "BAD_USER_INPUT")),
    ("below zero", {"lines": [{"lineNo": 1, "amountFen": -5}]}, ("lines[0].amountFen", "BAD_USER_INPUT")),
    ("beyond 2^53", {"lines": [{"lineNo": 1, "amountFen": 2**53 + 1}]}, ("lines[0].amountFen", "BAD_USER_INPUT")),
    ("a line below zero", {"lines": [{"lineNo": -1, "amountFen": 1}]}, ("lines[0].lineNo", "BAD_USER_INPUT")),
    ("no number", {"orderNo": ""}, ("orderNo", "BAD_USER_INPUT")),
    ("an unknown store", {"store": "SH999"}, ("store", "BAD_USER_INPUT")),
    ("no store", {"store": None}, ("store", "BAD_USER_INPUT")),
    (
        "eight days ago",
        {"occurredAt": (NOW - timedelta(days=7, seconds=1)).isoformat()},
        ("occurredAt", "OCCURRED_AT_OUT_OF_RANGE"),
    ),
    (
        "in the future",
        {"occurredAt": (NOW + timedelta(minutes=6)).isoformat()},
        ("occurredAt", "OCCURRED_AT_OUT_OF_RANGE"),
    ),
    (
        "a refund of nothing known",
        {"lines": [{"lineNo": 2, "amountFen": 1, "refundOf": {"lineNo": 9}}]},
        ("refundOf", "ORDER_LINE_UNKNOWN"),
    ),
    (
        "more than the line",
        {
            "lines": [
                {"lineNo": 1, "amountFen": 500},
                {"lineNo": 2, "amountFen": 501, "refundOf": {"lineNo": 1}},
            ]
        },
        ("amountFen", "REFUND_TOO_LARGE"),
    ),
    ("nobody", {"member": "00000000-0000-7000-8000-000000000000"}, ("member", "NOT_FOUND")),
    ("an account of nobody", {"account": {"channel": "STORE", "id": "8899999999"}}, ("account", "NOT_FOUND")),
]


async def refuses(world: World, stated: dict[str, Any], error: tuple[str, str], about: MemberId | None) -> None:
    before, entries = await counts(world), len(await world.audited())

    receipt, errors = await record(world, stated, key="refused")

    assert (receipt, errors) == (None, [error])
    assert await counts(world) == before
    entry = (await world.audited())[entries]
    assert (entry.operation, entry.outcome) == ("orderRecord", error[1])
    assert entry.member_ids == ([] if about is None else [about])


@pytest.mark.parametrize(("change", "error"), [(c, e) for _, c, e in REFUSED], ids=[name for name, _, _ in REFUSED])
async def test_what_cannot_be_recorded_changes_nothing(
    world: World, change: dict[str, Any], error: tuple[str, str]
) -> None:
    member = await a_member(world)
    named = error != ("member", "NOT_FOUND")

    await refuses(world, an_order(member, **change), error, member if named else None)


@pytest.mark.parametrize("status", [MemberStatus.FROZEN, MemberStatus.RESTRICTED])
async def test_a_member_who_is_not_active_records_nothing(world: World, status: MemberStatus) -> None:
    member = await a_member(world)
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(update(table_of(Member)).values(status=status))

    await refuses(world, an_order(member), ("member", "POINTS_FROZEN"), member)


async def test_a_frozen_points_account_records_nothing(world: World) -> None:
    member = await a_member(world)
    await record(world, an_order(member))
    async with transaction(world.hub.database.app) as tx:
        await tx.execute(update(table_of(PointsAccount)).values(state="frozen"))

    await refuses(world, an_order(member, orderNo="T2"), ("member", "POINTS_FROZEN"), member)


async def test_a_refund_of_what_another_member_bought_is_refused(world: World) -> None:
    await record(world, an_order(await a_member(world)))
    other = await a_member(world, "8800000002")
    back = {"lineNo": 5, "amountFen": 100, "refundOf": {"lineNo": 1}}

    await refuses(world, an_order(other, back, store=None), ("refundOf", "ORDER_LINE_UNKNOWN"), other)


async def test_an_account_names_the_member_for_whoever_may_look_it_up(world: World) -> None:
    member = await a_member(world)

    receipt, errors = await record(world, an_order(account=CARD))

    assert errors == []
    assert receipt is not None
    entry = (await world.audited())[-1]
    assert entry.member_ids == [member]
    assert "key:account" in entry.fields


async def test_the_mini_program_records_for_its_own_member_and_nobody_else(world: World) -> None:
    member, other = await a_member(world), await a_member(world, "8800000002")

    own, errors = await record(world, an_order(), "app_mini_program", member=str(member))
    _, others = await record(world, an_order(other, orderNo="T9"), "app_mini_program", "k2", member=str(member))
    _, looked_up = await record(world, an_order(account=CARD, orderNo="T9"), "app_mini_program", "k3")

    assert errors == []
    assert own is not None
    assert others == [("member", "NOT_FOUND")]
    assert looked_up == [("account", "FORBIDDEN")]


@pytest.mark.parametrize("role", ["member", "sales_associate", "store_manager", "support_agent", "dpo", "auditor"])
async def test_nobody_else_records(world: World, role: str) -> None:
    member = await a_member(world)
    about = {"member": str(member)} if role == "member" else {}
    before = await counts(world)

    codes = await world.refused(role, RECORD, variables={"input": an_order(member), "key": "k"}, **about)

    assert codes == ["FORBIDDEN"]
    assert await counts(world) == before


async def test_twenty_tills_with_one_line_count_it_once(world: World) -> None:
    member = await a_member(world)

    came = await asyncio.gather(*(record(world, an_order(member), key=f"k{n}") for n in range(20)))

    assert [errors for _, errors in came] == [[]] * 20
    assert {receipt["points"] for receipt, _ in came if receipt} == {123}
    assert (await counts(world))["points_lot"] == 1
    async with transaction(world.hub.database.app) as tx:
        assert (await tx.execute(select(table_of(PointsAccount).c.pending))).scalar_one() == 123


async def active(world: World, whose: MemberId, key: str = "k1", **more: Any) -> Any:
    stated = {"channel": "STORE", "kind": "CHECK_IN", "count": 1, "member": str(whose), **more}
    return (await world.ask("app_checkout", ACTIVE, variables={"input": stated, "key": key}))["activityRecord"]


async def test_a_days_activity_replaces_what_was_said_and_grows_by_the_difference(world: World) -> None:
    member = await a_member(world)

    one = await active(world, member)
    none = await active(world, member, "k2", count=0)
    again = await active(world, member, "k3")

    assert one["userErrors"] == []
    assert one["growth"] > 0
    assert none["growth"] == 0
    assert again["growth"] == one["growth"]
    async with transaction(world.hub.database.app) as tx:
        amounts = (await tx.execute(select(func.sum(table_of(GrowthEntry).c.amount)))).scalar_one()
    assert amounts == one["growth"]


async def test_who_objected_to_activity_evaluation_grows_by_none_of_it(world: World) -> None:
    member = await a_member(world)
    async with transaction(world.hub.database.app) as tx:
        bit = PURPOSE_BITS[Purpose.ACTIVITY_EVALUATION]
        await tx.execute(update(table_of(Member)).values(restriction_bits=bit))

    came = await active(world, member)

    assert came == {"growth": 0, "userErrors": []}
    assert (await counts(world))["growth_entry"] == 0


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"count": -1}, ("count", "BAD_USER_INPUT")),
        ({"count": 32_768}, ("count", "BAD_USER_INPUT")),
        ({"day": "2026-11-14"}, ("day", "OCCURRED_AT_OUT_OF_RANGE")),
        ({"day": "2026-11-23"}, ("day", "OCCURRED_AT_OUT_OF_RANGE")),
        ({"member": "00000000-0000-7000-8000-000000000000"}, ("member", "NOT_FOUND")),
    ],
)
async def test_activity_that_cannot_be_recorded_changes_nothing(
    world: World, change: dict[str, Any], error: tuple[str, str]
) -> None:
    member = await a_member(world)
    before = await counts(world)

    came = await active(world, member, **change)

    assert came == {"growth": None, "userErrors": [{"field": error[0], "code": error[1]}]}
    assert await counts(world) == before
    entry = (await world.audited())[-1]
    assert (entry.operation, entry.outcome) == ("activityRecord", error[1])


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


async def test_an_order_at_a_clock_that_jumped_back_is_refused_until_it_is_there_again(world: World) -> None:
    member = await a_member(world)
    await record(world, an_order(member, orderNo="T0"), key="k0")
    before = await counts(world)
    world.clock.at -= timedelta(minutes=6)

    assert await record(world, an_order(member)) == (None, [(None, "CLOCK_JUMPED")])

    assert await counts(world) == before
    assert [(row.operation, row.outcome, row.member_ids) for row in await world.audited()][-1] == (
        "orderRecord",
        "CLOCK_JUMPED",
        [member],
    )
    world.clock.at += timedelta(minutes=6)
    receipt, _ = await record(world, an_order(member))
    assert receipt is not None
