"""Points by the clock: activation at the end of the return window and expiry by every rule, to the moment; whether the
clockwork ran or stood still, read as Member.points shows it and at any moment of the past."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from member_hub.ids import MemberId
from tests.graphql.pointing import done, earn, faults, points_of, pots
from tests.graphql.recording import a_member, an_order, record
from tests.graphql.ruling import purchases, tasks
from tests.graphql.test_points_read import asked, ledger, nodes
from tests.graphql.working import run_jobs
from tests.graphql.world import World

INSTANT = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
DUE = "points due"


def at(world: World, moment: str | datetime) -> datetime:
    world.clock.at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return world.clock.at


async def balances(world: World, member: MemberId, *moments: datetime) -> list[int]:
    fields = " ".join(f'm{n}: at(moment: "{moment.isoformat()}")' for n, moment in enumerate(moments))
    return list((await asked(world, member, fields)).values())


async def newest(world: World, member: MemberId, number: int = 1) -> list[tuple[str, int, int, str]]:
    page = await ledger(world, member, first=number)
    return [(*entry, edge["node"]["occurredAt"]) for entry, edge in zip(nodes(page), page["edges"], strict=True)]


@pytest.mark.parametrize(
    ("ruled", "bought", "activates"),
    [
        ({}, "2026-11-22T15:59:59Z", "2026-11-29T16:00:00Z"),  # seven whole days after that of buying
        ({}, "2026-11-22T16:00:00Z", "2026-11-30T16:00:00Z"),
        (purchases(pending_days=1), "2026-12-31T04:00:00Z", "2027-01-01T16:00:00Z"),
        (purchases(pending_days=30), "2027-01-30T04:00:00Z", "2027-03-01T16:00:00Z"),
    ],
    ids=["last-of-the-day", "first-of-the-next", "one-day", "thirty-days"],
)
async def test_points_of_a_purchase_are_active_at_the_end_of_the_return_window(
    world: World, ruled: object, bought: str, activates: str
) -> None:
    member = await a_member(world)
    began, due = at(world, bought), datetime.fromisoformat(activates)
    receipt, _ = await record(world, an_order(member))
    assert receipt is not None
    (lot,) = (await asked(world, member, "lots { activatesAt state }"))["lots"]
    assert lot == {"activatesAt": activates, "state": "PENDING"}

    at(world, due - INSTANT)
    assert await run_jobs(world, DUE) == {}
    before = await pots(world, member)
    at(world, due)
    unwritten = (await pots(world, member), await newest(world, member))
    ran = await run_jobs(world, DUE), await run_jobs(world, DUE)

    assert (before, unwritten[0], ran) == ((0, 123, 0, 0), (123, 0, 0, 0), ({DUE: 1}, {}))
    assert [unwritten[1][0][0], *await newest(world, member, 2)] == [
        "EARN",
        ("ACTIVATE", 123, 123, activates),
        ("EARN", 123, 0, began.isoformat().replace("+00:00", "Z")),
    ]
    assert await balances(world, member, began, due - INSTANT, due) == [0, 0, 123]
    assert [row.member_ids for row in await world.audited() if row.operation == "jobs points"] == [[member]]
    assert await faults(world) == []


@pytest.mark.parametrize("ruled", [purchases(pending_days=0)], ids=["no-window"])
async def test_without_a_return_window_they_are_active_at_once(world: World, ruled: object) -> None:
    member = await a_member(world)
    await record(world, an_order(member))

    assert await pots(world, member) == (123, 0, 0, 0)
    assert [entry[:3] for entry in await newest(world, member, 2)] == [("ACTIVATE", 123, 123), ("EARN", 123, 0)]


async def test_a_refund_in_the_return_window_leaves_the_rest_to_become_active(world: World) -> None:
    member = await a_member(world)
    await record(world, an_order(member))
    at(world, "2026-11-29T15:59:59Z")
    back = {"lineNo": 2, "amountFen": 12_245, "refundOf": {"lineNo": 1}}
    receipt, errors = await record(world, an_order(member, back), key="back")

    assert (receipt and receipt["takenBack"], errors) == (123, [])  # of 1 yuan of 123.45 less than a point is kept
    at(world, "2026-11-29T16:00:00Z")
    assert await run_jobs(world, DUE) == {}
    assert await pots(world, member) == (0, 0, 0, 0)


def lasting(unit: str, months: int) -> Any:
    return tasks(expiry=unit, expiry_months=months)


EXPIRIES = [
    # unit, months, the day of earning, the moment from which on they are gone
    ("rolling", 6, "2026-11-22", "2027-05-22T16:00:00Z"),
    ("rolling", 3, "2026-11-30", "2027-02-28T16:00:00Z"),  # there is no 30 February
    ("rolling", 15, "2026-11-29", "2028-02-29T16:00:00Z"),
    ("end_of_month", 1, "2026-11-22", "2026-12-31T16:00:00Z"),
    ("end_of_month", 3, "2026-11-30", "2027-02-28T16:00:00Z"),
    ("end_of_quarter", 1, "2026-11-30", "2026-12-31T16:00:00Z"),
    ("end_of_quarter", 2, "2026-11-22", "2027-03-31T16:00:00Z"),
    ("end_of_year", 1, "2026-11-22", "2026-12-31T16:00:00Z"),
    ("end_of_year", 2, "2026-11-22", "2027-12-31T16:00:00Z"),
]


@pytest.mark.parametrize(
    ("ruled", "day", "ends"),
    [(lasting(unit, months), day, ends) for unit, months, day, ends in EXPIRIES],
    ids=[f"{unit}-{months}-{day}" for unit, months, day, _ in EXPIRIES],
)
async def test_points_are_gone_at_the_end_of_their_last_day(world: World, ruled: object, day: str, ends: str) -> None:
    member = await a_member(world)
    earned, due = at(world, f"{day}T04:00:00Z"), datetime.fromisoformat(ends)
    await earn(world, member, 100)
    at(world, earned + SECOND)
    await done(world, "pointsRedeem", "app_checkout", member=member, amount=30)
    assert (await points_of(world, member))["expiringNext"] == {"at": ends, "points": 70}

    at(world, due - INSTANT)
    assert await run_jobs(world, DUE) == {}
    before = await pots(world, member)
    at(world, due)
    unwritten = (await pots(world, member), (await newest(world, member))[0][0])
    at(world, due + timedelta(days=3))  # the clockwork stood still meanwhile
    ran = await run_jobs(world, DUE), await run_jobs(world, DUE)

    assert (before, unwritten, ran) == ((70, 0, 0, 0), ((0, 0, 0, 0), "REDEEM"), ({DUE: 1}, {}))
    assert await newest(world, member) == [("EXPIRE", 70, 0, ends)]
    found = await points_of(world, member)
    assert (found["active"], found["expiringNext"]) == (0, None)
    assert await balances(world, member, earned - INSTANT, earned, earned + SECOND, due - INSTANT, due) == [
        0, 100, 70, 70, 0,
    ]  # fmt: skip
    assert await faults(world) == []


@pytest.mark.parametrize("ruled", [lasting("end_of_month", 1)], ids=["end_of_month"])
async def test_what_expires_first_is_spent_first_and_each_lot_ends_on_its_own_day(world: World, ruled: object) -> None:
    member = await a_member(world)
    moments = ["2026-11-30T15:59:59Z", "2026-11-30T16:00:00Z", "2026-12-31T15:59:59Z", "2026-12-31T16:00:00Z"]
    for moment in moments:  # the last of November, the first and the last of December, the first of January
        at(world, moment)
        await earn(world, member, 100)
    await done(world, "pointsRedeem", "app_checkout", member=member, amount=150)

    lots = (await asked(world, member, "lots { remaining expiresAt }"))["lots"]
    at(world, "2027-01-31T16:00:00Z")
    january = await pots(world, member)
    ran = await run_jobs(world)  # as `jobs run` does it: all of them
    at(world, "2027-02-28T16:00:00Z")
    await run_jobs(world)

    assert [(one["remaining"], one["expiresAt"]) for one in lots] == [
        (50, "2027-01-31T16:00:00Z"),  # of two lots; that of November was gone at the moment at which the last began
        (100, "2027-02-28T16:00:00Z"),
    ]
    assert (january, ran[DUE]) == ((100, 0, 0, 0), 1)
    assert await pots(world, member) == (0, 0, 0, 0)
    assert await faults(world) == []


@pytest.mark.parametrize("ruled", [tasks(pending_days=20, expiry="end_of_month", expiry_months=1)], ids=["long"])
async def test_a_window_and_a_term_that_both_ended_in_a_standstill_are_written_at_their_times(
    world: World, ruled: object
) -> None:
    member = await a_member(world)
    await earn(world, member, 100)
    moments = [datetime.fromisoformat(one) for one in ("2026-12-12T16:00:00Z", "2026-12-31T16:00:00Z")]

    at(world, "2027-06-01T00:00:00Z")
    assert (await run_jobs(world))[DUE] == 1

    assert await newest(world, member, 2) == [
        ("EXPIRE", 100, 0, "2026-12-31T16:00:00Z"),
        ("ACTIVATE", 100, 100, "2026-12-12T16:00:00Z"),
    ]
    assert await balances(world, member, *(one - INSTANT for one in moments), *moments) == [0, 100, 100, 0]
    assert await faults(world) == []
