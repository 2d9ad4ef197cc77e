"""A refund of points that were spent already, under each of the three policies and by each way of refunding: receipts,
pots and the ledger, exactly, as Member.points shows them."""

from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from member_hub.ids import MemberId
from tests.graphql.pointing import done, earn, faults, pots
from tests.graphql.recording import a_member, an_order, record
from tests.graphql.test_points_read import asked, ledger, nodes
from tests.graphql.world import World

POLICIES = ["never", "within_balance", "allowed"]
FIRST = {"orderNo": "T1", "lineNo": 1}
_numbers = count(2)


def under(*policies: str) -> Any:
    """The policies, as the operator's file states them."""
    files = [{"points.negative_balance": f'"{policy}"'} for policy in policies]
    return pytest.mark.parametrize("ruled", files, ids=policies)


def stated(ruled: dict[str, str]) -> str:
    return ruled["points.negative_balance"].strip('"')


async def by_reverse(world: World, member: MemberId, fen: int) -> tuple[int, list[tuple[str, int]]]:
    line = {"of": FIRST, "refund": {"orderNo": "T1", "lineNo": next(_numbers)}, "refundFen": fen}
    receipt = await done(world, "pointsReverse", "app_checkout", member=member, line=line, channel="STORE")
    return receipt["points"], [(one["act"], one["points"]) for one in receipt["entries"]]


async def by_order(world: World, member: MemberId, fen: int) -> tuple[int, list[tuple[str, int]]]:
    """`orderRecord` tells no entries: those that came to the ledger by it."""
    before = len((await ledger(world, member, first=100))["edges"])
    number = next(_numbers)
    back = {"lineNo": number, "amountFen": fen, "refundOf": {"lineNo": 1}}
    receipt, errors = await record(world, an_order(member, back), key=f"back-{number}")
    assert errors == []
    assert receipt is not None
    entries = nodes(await ledger(world, member, first=100))
    return receipt["takenBack"], [(act, n) for act, n, _ in reversed(entries[: len(entries) - before])]


each_way = pytest.mark.parametrize("refund", [by_reverse, by_order], ids=["pointsReverse", "orderRecord"])


async def spent(world: World, *, amount: int = 70, other: int = 20) -> MemberId:
    """100 points by the line T1/1, of which `amount` are spent, and `other` by a task, which expire first."""
    member = await a_member(world)
    receipt, errors = await record(world, an_order(member, {"lineNo": 1, "amountFen": 10_000}), key="bought")
    assert (receipt and receipt["points"], errors) == (100, [])
    world.clock.at += timedelta(days=10)
    await done(world, "pointsRedeem", "app_checkout", member=member, amount=amount)
    if other:
        await earn(world, member, other)
    return member


TAKEN: dict[str, tuple[int, list[tuple[str, int]], tuple[int, int, int, int], int, list[tuple[str, int, int]]]] = {
    # points, entries, (active, pending, held, debt), balance, the newest entries of the ledger with their balances
    "never": (30, [("REVERSE", 30)], (20, 0, 0, 0), 20, [("REVERSE", 30, 20)]),
    "within_balance": (
        50, [("REVERSE", 30), ("REVERSE", 20)], (0, 0, 0, 0), 0, [("REVERSE", 20, 0), ("REVERSE", 30, 20)],
    ),
    "allowed": (
        100, [("REVERSE", 30), ("REVERSE", 20), ("REVERSE", 50)], (0, 0, 0, 50), -50,
        [("REVERSE", 50, -50), ("REVERSE", 20, 0), ("REVERSE", 30, 20)],
    ),
}  # fmt: skip


@each_way
@under(*POLICIES)
async def test_of_spent_points_a_refund_takes_what_the_policy_says(
    world: World, ruled: dict[str, str], refund: Any
) -> None:
    points, entries, left, balance, newest = TAKEN[stated(ruled)]
    member = await spent(world)
    before = world.clock.at
    world.clock.at += timedelta(hours=1)

    assert await refund(world, member, 10_000) == (points, entries)

    assert await pots(world, member) == left
    found = await asked(
        world,
        member,
        f'balance then: at(moment: "{before.isoformat()}") now: at(moment: "{world.clock.at.isoformat()}")',
    )
    assert found == {"balance": balance, "then": 50, "now": balance}
    assert nodes(await ledger(world, member, first=len(newest) + 2)) == [
        *newest, ("ACTIVATE", 20, 50), ("EARN", 20, 30),
    ]  # fmt: skip
    assert await faults(world) == []


@each_way
@under(*POLICIES)
async def test_what_is_left_of_the_line_goes_first_and_of_others_nothing(
    world: World, ruled: dict[str, str], refund: Any
) -> None:
    """30 of the line are left. A fen more takes the 31st point: what is kept is rounded down."""
    member = await spent(world)

    assert await refund(world, member, 3_000) == (30, [("REVERSE", 30)])
    assert await pots(world, member) == (20, 0, 0, 0)

    policy = stated(ruled)
    expected = {
        "never": (0, [("REVERSE", 0)]),
        "within_balance": (1, [("REVERSE", 1)]),
        "allowed": (1, [("REVERSE", 1)]),
    }
    assert await refund(world, member, 1) == expected[policy]
    assert (await pots(world, member))[0] == 20 - expected[policy][0]
    assert await faults(world) == []


@each_way
@under(*POLICIES)
async def test_pending_points_of_the_line_are_taken_alike_by_every_policy(
    world: World, ruled: dict[str, str], refund: Any
) -> None:
    member = await a_member(world)
    await record(world, an_order(member, {"lineNo": 1, "amountFen": 10_000}), key="bought")
    await earn(world, member, 20)

    assert await refund(world, member, 4_000) == (40, [("REVERSE", 40)])

    assert await pots(world, member) == (20, 60, 0, 0)
    world.clock.at += timedelta(days=10)
    assert await pots(world, member) == (80, 0, 0, 0)
    assert await faults(world) == []


@each_way
@under("allowed")
async def test_the_next_active_points_pay_the_debt_first(world: World, ruled: object, refund: Any) -> None:
    member = await spent(world, amount=100, other=0)
    assert await refund(world, member, 6_000) == (60, [("REVERSE", 60)])
    assert await pots(world, member) == (0, 0, 0, 60)

    first = await earn(world, member, 25)
    bought = await earn(world, member, 9_000, "PURCHASE")  # core: 108 points, which wait
    waiting = await pots(world, member)
    world.clock.at += timedelta(days=8)

    assert [(one["act"], one["points"]) for one in first["entries"]] == [("EARN", 25), ("ACTIVATE", 25), ("REPAY", 25)]
    assert (first["points"], first["balance"]) == (25, -35)
    assert (bought["points"], waiting) == (108, (0, 108, 0, 35))
    assert await pots(world, member) == (73, 0, 0, 0)
    await done(world, "pointsRedeem", "app_checkout", member=member, amount=73)
    assert nodes(await ledger(world, member, first=4)) == [
        ("REDEEM", 73, 0), ("REPAY", 35, 73), ("ACTIVATE", 108, 73), ("EARN", 108, -35),
    ]  # fmt: skip
    assert await faults(world) == []


@each_way
@under(*POLICIES)
async def test_points_on_hold_are_not_taken_from_the_purchase_in_hand(
    world: World, ruled: dict[str, str], refund: Any
) -> None:
    member = await spent(world, amount=40, other=0)
    hold = await done(world, "pointsHold", "app_checkout", member=member, amount=50)

    took, _ = await refund(world, member, 10_000)
    captured = await done(world, "pointsCapture", "app_checkout", member=member, hold=hold["operationId"], amount=50)

    owed = 90 if stated(ruled) == "allowed" else 0
    assert (took, captured["points"]) == (10 + owed, 50)
    assert await pots(world, member) == (0, 0, 0, owed)
    assert await faults(world) == []


@under(*POLICIES)
async def test_an_earning_without_a_line_that_is_undone_follows_the_same_policy(
    world: World, ruled: dict[str, str]
) -> None:
    policy = stated(ruled)
    member = await a_member(world)
    earned = await earn(world, member, 100, "TASK")
    await done(world, "pointsRedeem", "app_checkout", member=member, amount=70)
    await earn(world, member, 20, "INTERACTION")

    receipt = await done(
        world, "pointsReverse", "app_checkout", member=member, operation=earned["operationId"], reason="CORRECTION"
    )

    points, entries, left, balance, _ = TAKEN[policy]
    assert (receipt["points"], receipt["balance"]) == (points, balance)
    assert [(one["act"], one["points"], one["reason"]) for one in receipt["entries"]] == [
        (act, n, "CORRECTION") for act, n in entries
    ]
    assert await pots(world, member) == left
    assert await faults(world) == []
