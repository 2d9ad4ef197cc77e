"""orderRecord: what is refused, by its code, with nothing changed and on record."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.members.tables import Member, MemberStatus
from member_hub.points.tables import PointsAccount
from tests.graphql.recording import RECORD, a_member, active, an_order, counts, record, refuses
from tests.graphql.world import NOW, World


async def test_the_same_line_with_another_amount_is_a_conflict(world: World) -> None:
    member = await a_member(world)
    await record(world, an_order(member))

    stated = an_order(member, {"lineNo": 2, "amountFen": 5_000}, {"lineNo": 1, "amountFen": 12_346})
    await refuses(world, stated, ("lines.1", "CONFLICT"), member)


async def test_the_same_refund_with_another_amount_is_a_conflict(world: World) -> None:
    member = await a_member(world)
    await record(world, an_order(member))
    back = {"lineNo": 2, "refundOf": {"lineNo": 1}}
    receipt, _ = await record(world, an_order(member, {**back, "amountFen": 4_115}), key="k2")
    assert receipt is not None

    stated = an_order(member, {**back, "amountFen": 4_116})
    await refuses(world, stated, ("lines.0", "CONFLICT"), member)


async def test_a_line_of_another_member_is_a_conflict(world: World) -> None:
    await record(world, an_order(await a_member(world)))
    other = await a_member(world, "8800000002")

    await refuses(world, an_order(other), ("lines.0", "CONFLICT"), other)


@pytest.mark.parametrize(
    ("stated", "field", "text"),
    [
        ({"store": None}, "store", "An order that was bought in a store says in which one."),
        ({"store": "SH999"}, "store", "The organisation register does not know this store or channel."),
        (
            {"lines": [{"lineNo": -1, "amountFen": 1}]},
            "lines.0.lineNo",
            (
                "An order number has 1 to 64 letters, digits or signs of . : @ | + = / ~ _ -, "
                "a line number is a whole number from 0 to 1000000."
            ),
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


REFUSED: list[tuple[str, dict[str, Any], tuple[str, str]]] = [
    ("no lines", {"lines": []}, ("lines", "BAD_USER_INPUT")),
    ("one number twice", {"lines": [{"lineNo": 1, "amountFen": 1}] * 2}, ("lines", "BAD_USER_INPUT")),
    (
        "too many lines",
        {"lines": [{"lineNo": n, "amountFen": 1} for n in range(1, 102)]},
        ("lines", "BAD_USER_INPUT"),
    ),
    ("an amount of nothing", {"lines": [{"lineNo": 1, "amountFen": 0}]}, ("lines.0.amountFen", "BAD_USER_INPUT")),
    ("below zero", {"lines": [{"lineNo": 1, "amountFen": -5}]}, ("lines.0.amountFen", "BAD_USER_INPUT")),
    ("beyond 2^53", {"lines": [{"lineNo": 1, "amountFen": 2**53 + 1}]}, ("lines.0.amountFen", "BAD_USER_INPUT")),
    ("a line below zero", {"lines": [{"lineNo": -1, "amountFen": 1}]}, ("lines.0.lineNo", "BAD_USER_INPUT")),
    ("no number", {"orderNo": ""}, ("orderNo", "BAD_USER_INPUT")),
    ("an unknown store", {"store": "SH999"}, ("store", "BAD_USER_INPUT")),
    ("a store of the website", {"channel": "WEBSITE"}, ("store", "BAD_USER_INPUT")),
    ("a store of the app", {"channel": "APP"}, ("store", "BAD_USER_INPUT")),
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
        {"lines": [{"lineNo": 1, "amountFen": 1}, {"lineNo": 2, "amountFen": 1, "refundOf": {"lineNo": 9}}]},
        ("lines.1.refundOf", "ORDER_LINE_UNKNOWN"),
    ),
    (
        "more than the line",
        {
            "lines": [
                {"lineNo": 1, "amountFen": 500},
                {"lineNo": 2, "amountFen": 501, "refundOf": {"lineNo": 1}},
            ]
        },
        ("lines.1.amountFen", "REFUND_TOO_LARGE"),
    ),
    ("nobody", {"member": "00000000-0000-7000-8000-000000000000"}, ("member", "NOT_FOUND")),
    ("an account of nobody", {"account": {"channel": "STORE", "id": "8899999999"}}, ("account", "NOT_FOUND")),
]


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

    await refuses(world, an_order(other, back, store=None), ("lines.0.refundOf", "ORDER_LINE_UNKNOWN"), other)


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


@pytest.mark.parametrize("key", ["", " k", "k" * 101, "a\nb"])
async def test_a_key_that_is_none_is_refused_beside_the_order_and_the_day(world: World, key: str) -> None:
    member = await a_member(world)
    before = await counts(world)

    assert await record(world, an_order(member), key=key) == (None, [("idempotencyKey", "BAD_USER_INPUT")])
    came = await active(world, member, key)

    assert came == {"growth": None, "userErrors": [{"field": "idempotencyKey", "code": "BAD_USER_INPUT"}]}
    assert await counts(world) == before
    assert [(row.operation, row.outcome) for row in (await world.audited())[-2:]] == [
        ("orderRecord", "BAD_USER_INPUT"),
        ("activityRecord", "BAD_USER_INPUT"),
    ]
