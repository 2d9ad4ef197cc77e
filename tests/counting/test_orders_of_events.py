"""A line and its refund come by two ways, from the till by order line and from the files: in every order the same."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import permutations

import pytest

from member_hub import points
from member_hub.counting import hub_caller
from member_hub.db import transaction
from member_hub.ids import MemberId, OriginId
from member_hub.ingest.words import Source
from member_hub.members.tables import Channel
from member_hub.points.refusals import AlreadyCounted, OrderLineUnknown
from tests.counting.test_imported import catch_up, is_sound
from tests.hub import NOW, Hub, app, order, tally, verified, website

TILL_EARNS, TILL_REVERSES, FILE_LINE, FILE_REFUND = "till earns", "till reverses", "file's line", "file's refund"
ORDERS = list(permutations((TILL_EARNS, TILL_REVERSES, FILE_LINE, FILE_REFUND)))


async def till_earns(
    hub: Hub, member: MemberId, number: str, channel: str = "website", *, origin: OriginId | None = None
) -> None:
    async with transaction(hub.database.app) as tx:
        await points.earn_for_order_line(
            tx,
            hub_caller(),
            member,
            asked=hub.loyalty.asked(NOW),
            line=points.Line(channel, number, 1),
            earning=points.Earning(points.LotKind.PURCHASE, 10_000, origin_id=origin),
        )


async def till_reverses(hub: Hub, member: MemberId, number: str, *, of: str, fen: int = 3_050) -> None:
    async with transaction(hub.database.app) as tx:
        await points.reverse_order_line(
            tx,
            hub_caller(),
            member,
            asked=hub.loyalty.asked(NOW),
            line=points.Line("website", of, 1),
            refund=points.Line("website", number, 1),
            refund_fen=fen,
        )


async def stands(hub: Hub, account: str) -> tuple[int, int]:
    """Points and growth of an account's member."""
    member = await hub.member_of(Channel.WEBSITE, account)
    pending = [r.pending for r in await hub.rows("hub.points_account") if r.member_id == member]
    return sum(pending), sum(r.amount for r in await hub.rows("hub.growth_entry") if r.member_id == member)


async def uncounted(hub: Hub) -> int:
    return sum(r.counted_at is None for r in await hub.rows("hub.order_line"))


async def test_in_every_order_of_till_and_files_both_count_once(hub: Hub) -> None:
    accounts = [f"W{n}" for n in range(len(ORDERS))]
    await hub.deliver(Source.WEBSITE, *(website(one, "2025-01-01") for one in accounts))
    member = {one: await hub.member_of(Channel.WEBSITE, one) for one in accounts}

    for turn in range(4):
        rows = []
        for n, (account, events) in enumerate(zip(accounts, ORDERS, strict=True)):
            if events[turn] == FILE_LINE:
                rows.append(order(account, f"O{n}", "100.00", at="2026-11-07"))
            elif events[turn] == FILE_REFUND:
                rows.append(order(account, f"R{n}", "-30.50", at="2026-11-07", refund_of=f"O{n}/1"))
            elif events[turn] == TILL_EARNS:
                with suppress(AlreadyCounted):
                    await till_earns(hub, member[account], f"O{n}")
            else:
                with suppress(AlreadyCounted, OrderLineUnknown):
                    await till_reverses(hub, member[account], f"R{n}", of=f"O{n}")
        await hub.deliver(Source.ORDERS, *rows)

    assert [await stands(hub, one) for one in accounts] == [(69, 69)] * len(ORDERS)
    assert await uncounted(hub) == 0
    assert await is_sound(hub)


async def test_a_refund_of_a_line_that_only_the_till_told_of_waits_with_its_growth_alone(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    await till_earns(hub, await hub.member_of(Channel.WEBSITE, "W1"), "O1")

    early = await hub.deliver(Source.ORDERS, order("W1", "R1", "-30.50", at="2026-11-07", refund_of="O1/1"))
    before = (await stands(hub, "W1"), await catch_up(hub), await uncounted(hub))
    late = await hub.deliver(Source.ORDERS, order("W1", "O1", "100.00", at="2026-11-07"))

    assert tally(early) == {"read": 1, "applied": 1, "lines_not_counted_yet": 1, "points_taken_back": 31}
    assert before == ((69, 0), 0, 1)
    assert tally(late) == {"read": 1, "applied": 1, "lines_counted": 2}
    assert (await stands(hub, "W1"), await uncounted(hub)) == ((69, 69), 0)


Act = Callable[[Hub, MemberId], Awaitable[object]]


async def reversed_first(hub: Hub, member: MemberId) -> None:
    await till_reverses(hub, member, "R1", of="O1", fen=3_025)
    await hub.deliver(Source.ORDERS, order("W1", "R2", "-20.25", at="2026-11-07", refund_of="O1/1"))
    await hub.deliver(Source.ORDERS, order("W1", "R1", "-30.25", at="2026-11-07", refund_of="O1/1"))


async def reversed_last(hub: Hub, member: MemberId) -> None:
    await hub.deliver(Source.ORDERS, order("W1", "R2", "-20.25", at="2026-11-07", refund_of="O1/1"))
    await till_reverses(hub, member, "R1", of="O1", fen=3_025)
    await hub.deliver(Source.ORDERS, order("W1", "R1", "-30.25", at="2026-11-07", refund_of="O1/1"))


async def in_one_file(hub: Hub, member: MemberId) -> None:
    await till_reverses(hub, member, "R1", of="O1", fen=3_025)
    rows = [("R1", "-30.25"), ("R2", "-20.25")]
    await hub.deliver(Source.ORDERS, *(order("W1", n, y, at="2026-11-07", refund_of="O1/1") for n, y in rows))


@pytest.mark.parametrize("refunds", [reversed_first, reversed_last, in_one_file])
async def test_refunds_in_parts_by_two_ways_leave_the_same_share_of_points_and_growth(hub: Hub, refunds: Act) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    await hub.deliver(Source.ORDERS, order("W1", "O1", "100.50", at="2026-11-07"))

    await refunds(hub, await hub.member_of(Channel.WEBSITE, "W1"))

    assert (await stands(hub, "W1"), await uncounted(hub)) == ((49, 49), 0)  # 100 * 50.00 / 100.50, rounded down
    assert await is_sound(hub)


async def test_the_line_of_one_account_is_found_where_the_till_took_another_of_the_same_member(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-02-01", **verified("2025-02-01", "13911110001")))
    await hub.deliver(Source.APP, app("A1", "2025-03-01", mobile="13911110001"))
    member = await hub.member_of(Channel.WEBSITE, "W1")
    assert member == await hub.member_of(Channel.APP, "A1")
    first = await hub.origin_of(Channel.WEBSITE, "W1")
    await till_earns(hub, member, "O1", channel="app", origin=first)
    await hub.deliver(Source.ORDERS, order("A1", "O1", "100.00", at="2026-11-07"))

    await hub.deliver(Source.ORDERS, order("A1", "R1", "-30.50", at="2026-11-07", refund_of="O1/1"))

    assert {row.origin_id for row in await hub.rows("hub.points_line")} == {first}
    assert sum(r.amount for r in await hub.rows("hub.growth_entry")) == 69
    assert await uncounted(hub) == 0


async def test_goods_that_another_member_brings_back_in_parts_take_the_buyers_growth(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, *(website(f"W{n}", "2025-01-01") for n in (1, 2, 3)))
    await hub.deliver(Source.ORDERS, order("W1", "O1", "100.50", at="2026-11-07"))

    for account, number, yuan in (("W2", "R1", "-30.25"), ("W3", "R2", "-20.25"), ("W2", "R3", "-50.00")):
        await hub.deliver(Source.ORDERS, order(account, number, yuan, at="2026-11-07", refund_of="O1/1"))

    assert [await stands(hub, one) for one in ("W1", "W2", "W3")] == [(0, 0)] * 3
    takes = [r.amount for r in await hub.rows("hub.growth_entry") if r.source == "refund"]
    assert sorted(takes) == [-49, -31, -20]
    assert await uncounted(hub) == 0
