"""What is earned under the rules that an operator states: caps, campaigns and rounding, by every way of earning."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest

from member_hub.ids import MemberId
from tests.graphql.pointing import act, earn, errors, faults, pots
from tests.graphql.recording import a_member, an_order, record
from tests.graphql.ruling import campaigns, purchases, tasks
from tests.graphql.world import World

_numbers = count(1)
Way = Callable[[World, MemberId, int], Awaitable[int]]


async def by_amount(world: World, member: MemberId, fen: int, **more: Any) -> int:
    return int((await earn(world, member, fen, "PURCHASE", **more))["points"])


async def by_line(world: World, member: MemberId, fen: int, **more: Any) -> int:
    of = {"line": {"orderNo": f"L{next(_numbers)}", "lineNo": 1}, "channel": "STORE"} | more
    return int((await earn(world, member, fen, "PURCHASE", **of))["points"])


async def by_order(world: World, member: MemberId, fen: int, **more: Any) -> int:
    return (await by_lines(world, member, f"R{next(_numbers)}", fen, **more))[0]


async def recorded(world: World, stated: dict[str, Any]) -> dict[str, Any]:
    receipt, refused = await record(world, stated, key=f"r-{next(_numbers)}")
    assert refused == []
    assert receipt is not None
    return receipt


async def by_lines(world: World, member: MemberId, order_no: str, *fen: int, first: int = 1, **more: Any) -> list[int]:
    """Points and growth of lines of one order; growth knows no cap."""
    lines = [{"lineNo": first + n, "amountFen": one} for n, one in enumerate(fen)]
    stated = an_order(member, *lines, orderNo=order_no, **more)
    receipt = await recorded(world, stated)
    return [receipt["points"], receipt["growth"]]


WAYS: dict[str, Way] = {"pointsEarn": by_amount, "pointsEarn-line": by_line, "orderRecord": by_order}
each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


def at(world: World, moment: str) -> None:
    world.clock.at = datetime.fromisoformat(moment)


# Caps.


@pytest.mark.parametrize("ruled", [purchases(order_max=150)], ids=["order_max"])
async def test_an_order_earns_no_more_than_its_cap_whenever_its_lines_come(world: World, ruled: object) -> None:
    member = await a_member(world)

    together = await by_lines(world, member, "O1", 10_000, 3_999, 10_000)  # 100, 39 and 11 of 100: the tier is base
    later = await by_lines(world, member, "O1", 500, first=4)
    other = await by_lines(world, member, "O2", 12_400)  # 148.8 at 1.2
    reached, past = [
        await earn(world, member, 10_000, "PURCHASE", line={"orderNo": "O2", "lineNo": n}, channel="STORE")
        for n in (2, 3)
    ]

    assert (together, later, other) == ([150, 239], [0, 5], [148, 124])
    assert [(one["points"], [entry["act"] for entry in one["entries"]]) for one in (reached, past)] == [
        (2, ["EARN"]),
        (0, ["EARN"]),
    ]
    assert await pots(world, member) == (0, 300, 0, 0)
    assert await faults(world) == []


@pytest.mark.parametrize("ruled", [purchases(order_max=150)], ids=["order_max"])
async def test_of_a_line_that_was_cut_a_refund_takes_its_share_of_what_was_earned(world: World, ruled: object) -> None:
    member = await a_member(world)
    await by_lines(world, member, "O1", 10_000, 10_000)  # 100 and 50

    back = [{"lineNo": n, "amountFen": 5_000, "refundOf": {"lineNo": of}} for n, of in ((3, 1), (4, 2))]
    receipt = await recorded(world, an_order(member, *back, orderNo="O1"))

    assert (receipt["takenBack"], receipt["growth"]) == (50 + 25, -100)
    assert await by_lines(world, member, "O1", 10_000, first=5) == [0, 100]  # what went back frees nothing of the cap
    assert await pots(world, member) == (0, 75, 0, 0)
    assert await faults(world) == []


@each_way
@pytest.mark.parametrize("ruled", [purchases(day_max=150, is_multiplied=0)], ids=["day_max"])
async def test_a_day_earns_no_more_than_its_cap_and_ends_at_midnight_in_shanghai(
    world: World, ruled: object, way: Way
) -> None:
    member, other = await a_member(world), await a_member(world, "8800000002")

    at(world, "2026-11-22T15:59:58Z")
    first = await way(world, member, 14_900)
    at(world, "2026-11-22T15:59:59Z")
    last = [await way(world, member, 200), await way(world, member, 200), await way(world, other, 200)]
    at(world, "2026-11-22T16:00:00Z")
    next_day = [await way(world, member, 14_000), await way(world, member, 2_000)]
    at(world, "2026-11-23T15:59:59.999999Z")
    still = await way(world, member, 100)
    at(world, "2026-11-23T16:00:00Z")
    day_after = await way(world, member, 16_000)

    assert (first, last, next_day, still, day_after) == (149, [1, 0, 2], [140, 10], 0, 150)
    assert await pots(world, member) == (0, 450, 0, 0)
    assert await faults(world) == []


@each_way
@pytest.mark.parametrize("ruled", [purchases(day_max=150, is_multiplied=0)], ids=["day_max"])
async def test_what_a_till_brings_later_counts_for_the_day_on_which_it_was_bought(
    world: World, ruled: object, way: Callable[..., Awaitable[int]]
) -> None:
    member = await a_member(world)
    at(world, "2026-11-24T04:00:00Z")

    came = [
        await way(world, member, fen, occurredAt=moment)
        for fen, moment in (
            (10_000, "2026-11-23T15:59:59Z"),
            (10_000, "2026-11-23T16:00:00Z"),
            (10_000, "2026-11-22T16:00:00Z"),
            (10_000, "2026-11-22T15:59:59Z"),
            (10_000, "2026-11-24T03:59:59Z"),
        )
    ]

    assert came == [100, 100, 50, 100, 50]
    assert await faults(world) == []


@pytest.mark.parametrize("ruled", [purchases(order_max=150, day_max=200, is_multiplied=0)], ids=["both"])
async def test_of_two_caps_the_one_that_is_reached_first_holds(world: World, ruled: object) -> None:
    member = await a_member(world)

    first = await by_lines(world, member, "O1", 10_000, 10_000)
    second = await by_lines(world, member, "O2", 10_000, 100)
    world.clock.at += timedelta(days=1)
    next_day = [
        await by_lines(world, member, "O1", 10_000, first=3),
        await by_lines(world, member, "O2", 20_000, first=3),
    ]

    assert (first, second, next_day) == ([150, 200], [50, 101], [[0, 100], [100, 200]])
    assert await pots(world, member) == (0, 300, 0, 0)


@pytest.mark.parametrize("ruled", [tasks(day_max=150, single_max=120)], ids=["tasks"])
async def test_kinds_are_capped_apart_and_a_single_act_above_its_own_most_is_refused(
    world: World, ruled: object
) -> None:
    member = await a_member(world)

    refused = await act(world, "pointsEarn", "app_checkout", member=member, amount=121, kind="TASK")
    came = [(await earn(world, member, 100))["points"] for _ in range(2)]
    interaction = [(await earn(world, member, 150, "INTERACTION"))["points"] for _ in range(2)]  # 200 a day as shipped
    bought = await by_amount(world, member, 100_000)

    assert errors(refused) == [("amount", "POINTS_LIMIT")]
    assert (came, interaction, bought) == ([100, 50], [150, 50], 1_000)
    outcomes = [row.outcome for row in await world.audited() if row.operation == "pointsEarn"]
    assert outcomes == ["POINTS_LIMIT", "ok", "ok", "ok", "ok", "ok"]
    assert await pots(world, member) == (350, 1_000, 0, 0)


@each_way
@pytest.mark.parametrize("ruled", [purchases(day_max=150, is_multiplied=0)], ids=["day_max"])
async def test_tills_that_earn_at_once_come_to_no_more_than_the_cap_of_the_day(
    world: World, ruled: object, way: Way
) -> None:
    member = await a_member(world)

    came = await asyncio.gather(*(way(world, member, 4_000) for _ in range(8)))

    assert sorted(came) == [0, 0, 0, 0, 30, 40, 40, 40]
    assert await pots(world, member) == (0, 150, 0, 0)
    assert await faults(world) == []


@pytest.mark.parametrize("ruled", [purchases(order_max=150, is_multiplied=0)], ids=["order_max"])
async def test_lines_of_one_order_that_come_at_once_earn_no_more_than_its_cap(world: World, ruled: object) -> None:
    member = await a_member(world)

    came = await asyncio.gather(
        *(by_lines(world, member, "O1", 4_000, first=n) for n in range(4)),
        *(by_line(world, member, 4_000, line={"orderNo": "O1", "lineNo": n}) for n in range(4, 8)),
    )

    points = [one if isinstance(one, int) else one[0] for one in came]
    assert sorted(points) == [0, 0, 0, 0, 30, 40, 40, 40]
    assert await pots(world, member) == (0, 150, 0, 0)
    assert await faults(world) == []


# Campaigns.

TWO_AND_THREE = campaigns(
    ("purchase", 20_000, "2026-11-24", "2026-11-26"),
    ("purchase", 30_000, "2026-11-26", "2026-11-28"),
    ("purchase", 15_000, "2026-11-25", "2026-11-30"),
    ("task", 90_000, "2026-11-01", "2026-12-31"),
    ("interaction", 50_000, "2026-11-01", "2026-12-31"),
)
DAYS = [
    ("2026-11-23T15:59:59.999999Z", 10),  # the last moment of the 23rd in Shanghai
    ("2026-11-23T16:00:00Z", 21),
    ("2026-11-25T15:59:59Z", 21),  # of 2 and 1.5 the greater
    ("2026-11-25T16:00:00Z", 32),  # of 2, 3 and 1.5 the greatest
    ("2026-11-26T16:00:00Z", 32),
    ("2026-11-28T15:59:59.999999Z", 32),
    ("2026-11-28T16:00:00Z", 16),
    ("2026-11-30T15:59:59.999999Z", 16),
    ("2026-11-30T16:00:00Z", 10),
]


@each_way
@pytest.mark.parametrize("ruled", [TWO_AND_THREE], ids=["campaigns"])
async def test_a_campaign_begins_and_ends_at_midnight_in_shanghai_and_of_several_the_greatest_counts(
    world: World, ruled: object, way: Way
) -> None:
    came = []
    for number, (moment, _) in enumerate(DAYS):
        member = await a_member(world, f"88000000{number:02}")  # each of its own: nobody rises
        at(world, moment)
        came.append((moment, await way(world, member, 1_099)))

    assert came == [(moment, points) for moment, points in DAYS]
    assert (await earn(world, member, 100))["points"] == 100  # tasks are not multiplied, whatever a campaign says
    assert await faults(world) == []


@each_way
@pytest.mark.parametrize("ruled", [TWO_AND_THREE], ids=["campaigns"])
async def test_a_campaign_is_that_of_the_day_on_which_it_was_bought(
    world: World, ruled: object, way: Callable[..., Awaitable[int]]
) -> None:
    at(world, "2026-11-29T04:00:00Z")  # 1.5
    members = [await a_member(world, f"880000000{n}") for n in range(3)]

    came = [
        await way(world, member, 1_099, occurredAt=moment)
        for member, moment in zip(
            members, ("2026-11-23T15:59:59Z", "2026-11-25T16:00:00Z", "2026-11-28T16:00:00Z"), strict=True
        )
    ]

    assert came == [10, 32, 16]


@pytest.mark.parametrize(
    "ruled",
    [tasks(is_multiplied=1, single_max=150) | campaigns(("task", 15_000, "2026-11-22", "2026-11-22"))],
    ids=["tasks"],
)
async def test_a_task_that_is_multiplied_has_its_campaign_its_tier_and_its_own_most(
    world: World, ruled: object
) -> None:
    base, core = await a_member(world), await a_member(world, "8800000002")
    await by_order(world, core, 4_000)
    world.clock.at += timedelta(minutes=1)

    most = [await earn(world, base, 100), await earn(world, base, 99), await earn(world, core, 83)]
    too_many = [
        await act(world, "pointsEarn", "app_checkout", member=member, amount=amount, kind="TASK")
        for member, amount in ((base, 101), (core, 84))
    ]

    assert [one["points"] for one in most] == [150, 148, 149]  # 148.5 and 149.4
    assert [errors(one) for one in too_many] == [[("amount", "POINTS_LIMIT")]] * 2
    world.clock.at += timedelta(days=1)
    assert [(await earn(world, base, 101))["points"], (await earn(world, core, 84))["points"]] == [101, 100]


# Rounding: all multipliers at once, down once, per line.

WITH_CAMPAIGN = campaigns(("purchase", 15_000, "2026-11-01", "2026-12-31"))
ODD_RATE = purchases(rate_bp=12_345)


@each_way
@pytest.mark.parametrize(
    ("ruled", "worth"),
    [
        # (fen, points of who is base, points of who is core: 1.2)
        ({}, [(99, 0, 1), (100, 1, 1), (199, 1, 2), (83, 0, 0), (84, 0, 1), (166, 1, 1), (167, 1, 2)]),
        (WITH_CAMPAIGN, [(55, 0, 0), (56, 0, 1), (66, 0, 1), (67, 1, 1), (111, 1, 1), (112, 1, 2), (199, 2, 3)]),
        (ODD_RATE, [(67, 0, 0), (68, 0, 1), (81, 0, 1), (82, 1, 1), (10_000, 123, 148), (49_999, 617, 740)]),
    ],
    ids=["tier", "tier-and-campaign", "odd-rate"],
)
async def test_points_are_counted_exactly_and_rounded_down_once(
    world: World, ruled: object, way: Way, worth: list[tuple[int, int, int]]
) -> None:
    core = await a_member(world)
    await by_order(world, core, 4_000)  # 40 of growth: core from now on, and all of these together do not come to more
    world.clock.at += timedelta(minutes=1)

    came = []
    for number, (fen, _, _) in enumerate(worth):
        base = await a_member(world, f"89000000{number:02}")  # each of its own: nobody rises
        came.append((fen, await way(world, base, fen), await way(world, core, fen)))

    assert came == worth
    assert await faults(world) == []


async def test_each_line_is_rounded_by_itself_and_a_refund_in_parts_takes_what_the_whole_would(world: World) -> None:
    member = await a_member(world)

    lines = await by_lines(world, member, "O1", 150, 150, 199)
    whole = await by_amount(world, member, 499)
    parts = [{"lineNo": n, "amountFen": fen, "refundOf": {"lineNo": 3}} for n, fen in ((4, 98), (5, 1), (6, 100))]
    taken = [(await recorded(world, an_order(member, part, orderNo="O1")))["takenBack"] for part in parts]

    assert (lines, whole) == ([3, 3], 4)
    assert taken == [1, 0, 0]  # of 199 fen 101 are left, and keep of the one point less than one: none
    assert await pots(world, member) == (0, 6, 0, 0)
    assert await faults(world) == []
