"""What files bring is counted as it comes: points, growth, opening balances; exactly what, and for whom not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from member_hub import points
from member_hub.counting import hub_caller
from member_hub.counting.backfill import count_waiting
from member_hub.db import snapshot, transaction
from member_hub.db.bulk import table_of
from member_hub.ingest.words import Source
from member_hub.members.bits import PROFILING, PURPOSE_BITS
from member_hub.members.tables import Channel, Member, MemberStatus
from member_hub.orders.forgetting import forget_old_activity
from member_hub.points.checking import self_check
from member_hub.points.tables import PointsAccount
from member_hub.points.words import Act
from member_hub.privacy import Purpose
from tests.hub import NOW, ORDERS_HEADER, Hub, MakeHub, app, card, order, tally, verified, website

LOTS = ("earned", "remaining", "spent", "expired", "reversed", "state")


async def pots(hub: Hub) -> list[tuple[int, int, int, int]]:
    rows = await hub.rows("hub.points_account")
    return [(r.active, r.pending, r.held, r.debt) for r in rows if r.state == "open"]


async def lots(hub: Hub) -> list[tuple[Any, ...]]:
    rows = [r for r in await hub.rows("hub.points_lot") if r.state != "moved"]
    return sorted(tuple(getattr(r, name) for name in LOTS) for r in rows)


async def growth(hub: Hub) -> int:
    return sum(r.amount for r in await hub.rows("hub.growth_entry"))


async def catch_up(hub: Hub) -> int:
    return sum([one.lines async for one in count_waiting(hub.database, hub.loyalty, now=NOW)])


async def is_sound(hub: Hub) -> bool:
    async with snapshot(hub.database.app) as tx:
        return not await self_check(tx, [r.member_id for r in await hub.rows("hub.points_account")])


async def set_members(hub: Hub, **values: object) -> None:
    async with transaction(hub.database.app) as tx:
        await tx.execute(update(table_of(Member)).values(**values))


async def test_a_line_of_2023_has_earned_activated_and_expired_by_now_each_at_its_time(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2023-01-01"))

    summary = await hub.deliver(Source.ORDERS, order("W1", "O1", "240.18", at="2023-02-03"))

    assert tally(summary) == {"read": 1, "applied": 1, "lines_counted": 1, "points_earned": 240}
    assert await lots(hub) == [(240, 0, 0, 240, 0, "expired")]
    entries = [(r.act, r.amount, r.occurred_at) for r in await hub.rows("hub.points_entry")]
    assert entries == [
        (Act.EARN, 240, datetime(2023, 2, 3, 2, 30, tzinfo=UTC)),
        (Act.ACTIVATE, 240, datetime(2023, 2, 10, 16, tzinfo=UTC)),
        (Act.EXPIRE, 240, datetime(2024, 12, 31, 16, tzinfo=UTC)),
    ]
    assert await growth(hub) == 240
    assert await is_sound(hub)


async def test_a_refund_before_its_line_waits_and_takes_back_the_same(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    early = await hub.deliver(Source.ORDERS, order("W1", "R1", "-30.50", at="2026-11-05", refund_of="O1/1"))

    late = await hub.deliver(Source.ORDERS, order("W1", "O1", "100.00", at="2026-11-03"))

    assert tally(early) == {"read": 1, "applied": 1, "lines_not_counted_yet": 1}
    assert tally(late) == {
        "read": 1, "applied": 1, "lines_counted": 2, "points_earned": 100, "points_taken_back": 31,
    }  # fmt: skip
    assert await lots(hub) == [(100, 69, 0, 0, 31, "pending")]
    assert await growth(hub) == 69
    assert await is_sound(hub)


async def test_a_refund_far_before_its_line_in_the_same_file_is_not_told_as_uncounted(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    refund = order("W1", "R1", "-30.50", at="2026-11-05", refund_of="O1/1")
    between = [order("W1", f"X{n}", "1.00", at="2026-11-04") for n in range(1_000)]  # it stands in an earlier batch

    summary = await hub.deliver(Source.ORDERS, refund, *between, order("W1", "O1", "100.00", at="2026-11-03"))

    assert {name: n for name, n in tally(summary).items() if n} == {
        "read": 1_002, "applied": 1_002, "lines_counted": 1_002, "points_earned": 1_100, "points_taken_back": 31,
    }  # fmt: skip


async def test_refunds_of_more_than_is_left_that_came_before_their_line_take_what_is_left(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    await hub.deliver(
        Source.ORDERS,
        order("W1", "R1", "-70.00", at="2026-11-05", refund_of="O1/1"),
        order("W1", "R2", "-70.00", at="2026-11-05", refund_of="O1/1"),
        order("W1", "O1", "100.00", at="2026-11-03"),
    )

    assert await lots(hub) == [(100, 0, 0, 0, 100, "reversed")]
    assert await growth(hub) == 0
    assert [r.refunded_fen for r in await hub.rows("hub.points_line") if r.act == "paid"] == [10_000]


async def test_a_refund_takes_from_whoever_earned_for_the_line(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"), website("W2", "2025-01-01"))
    await hub.deliver(
        Source.ORDERS,
        order("W1", "O1", "100.00", at="2026-11-03"),
        order("W2", "O2", "100.00", at="2026-11-03"),
        order("W2", "R1", "-100.00", at="2026-11-05", refund_of="O1/1"),
    )

    members = {r.member_id: r.pending for r in await hub.rows("hub.points_account")}
    assert members[await hub.member_of(Channel.WEBSITE, "W1")] == 0
    assert members[await hub.member_of(Channel.WEBSITE, "W2")] == 100


async def test_opening_balances_become_lots_once_and_below_zero_a_debt(hub: Hub) -> None:
    await hub.deliver(
        Source.STORE,
        card("C1", "2025-01-01", balance="500"),
        card("C2", "2025-01-01", balance="-50"),
        card("C3", "2025-01-01", balance="0"),
    )
    again = await hub.deliver(Source.STORE, card("C1", "2025-02-01", balance="700"))

    assert again.counts["opening_points"] == 0
    assert sorted(await pots(hub)) == [(0, 0, 0, 50), (500, 0, 0, 0)]
    assert await lots(hub) == [(500, 500, 0, 0, 0, "active")]
    assert len(await hub.rows("hub.points_opening")) == 3
    assert await is_sound(hub)


async def test_a_debt_of_old_takes_the_same_whichever_file_came_first(hub: Hub, make_hub: MakeHub) -> None:
    files = [
        (Source.STORE, card("C1", "2025-01-01", phone="13911110001", balance="-50")),
        (Source.ORDERS, order("C1", "O1", "100.00", at="2026-05-05")),
        (Source.ORDERS, order("C1", "R1", "-100.00", at="2026-06-05", refund_of="O1/1")),
        (Source.ORDERS, order("C1", "O2", "80.00", at="2023-05-05")),  # expired by now: it pays nothing of it
    ]
    found = []
    for turn in range(len(files)):
        other = await make_hub()
        for source, row in files[turn:] + files[:turn]:
            await other.deliver(source, row)
        assert await is_sound(other)
        found.append(await pots(other))

    assert found == [[(0, 0, 0, 50)]] * len(files)


async def test_after_merging_the_root_has_the_points(hub: Hub) -> None:
    phone = verified("2025-02-01", "13911110001")
    await hub.deliver(Source.WEBSITE, website("W1", "2025-02-01", **phone), website("W2", "2025-02-02"))
    await hub.deliver(
        Source.ORDERS,
        order("W1", "O1", "100.00", at="2026-11-03"),
        order("W2", "O2", "33.00", at="2026-11-03"),
    )
    merged = await hub.deliver(Source.APP, app("A1", "2025-03-01", mobile="13911110001"))
    await hub.deliver(Source.ORDERS, order("A1", "O3", "7.00", at="2026-11-03"))

    assert merged.counts["attached"] == 1
    assert sorted(await pots(hub)) == [(0, 33, 0, 0), (0, 107, 0, 0)]
    assert await is_sound(hub)


@pytest.mark.parametrize("status", [MemberStatus.FROZEN, MemberStatus.RESTRICTED])
async def test_a_line_of_a_member_who_is_not_active_waits_until_it_is(hub: Hub, status: MemberStatus) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    await set_members(hub, status=status)

    summary = await hub.deliver(Source.ORDERS, order("W1", "O1", "100.00", at="2026-11-03"))
    waited = (await pots(hub), await catch_up(hub), await growth(hub))
    await set_members(hub, status=MemberStatus.ACTIVE)
    counted = await catch_up(hub)

    assert tally(summary) == {"read": 1, "applied": 1, "lines_not_counted_yet": 1}
    assert waited == ([], 0, 0)
    assert counted == 1
    assert await pots(hub) == [(0, 100, 0, 0)]
    assert await growth(hub) == 100
    assert await catch_up(hub) == 0


async def test_a_frozen_points_account_waits_too(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    await hub.deliver(Source.ORDERS, order("W1", "O1", "100.00", at="2026-11-03"))
    async with transaction(hub.database.app) as tx:
        await tx.execute(update(table_of(PointsAccount)).values(state="frozen"))

    await hub.deliver(Source.ORDERS, order("W1", "O2", "50.00", at="2026-11-03"))

    assert [r.counted_at is None for r in await hub.rows("hub.order_line")] == [False, True]
    assert await growth(hub) == 100


async def test_an_objection_to_marketing_leaves_the_service_as_it_is_and_one_to_everything_ends_it(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    await set_members(hub, restriction_bits=PURPOSE_BITS[Purpose.MARKETING])
    earning = await hub.deliver(Source.ORDERS, order("W1", "O1", "10.00", at="2026-11-03"))
    await set_members(hub, restriction_bits=PURPOSE_BITS[Purpose.MEMBER_SERVICE])
    storing = await hub.deliver(Source.ORDERS, order("W1", "O2", "10.00", at="2026-11-03"))

    assert earning.counts["points_earned"] == 10
    assert tally(storing) == {"read": 1, "applied": 1, "lines_not_counted_yet": 1}


@pytest.mark.parametrize("bit", [PURPOSE_BITS[Purpose.ACTIVITY_EVALUATION], PROFILING])
async def test_who_objected_to_activity_evaluation_or_to_profiles_grows_by_none_until_that_is_lifted(
    hub: Hub, bit: int
) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    await set_members(hub, restriction_bits=bit)

    await hub.deliver(Source.ACTIVITY, "website,W1,2026-11-01,check_in,1")
    none = (await growth(hub), await catch_up(hub))
    await set_members(hub, restriction_bits=0)
    counted = await catch_up(hub)

    assert none == (0, 0)
    assert counted == 1
    assert await growth(hub) > 0


async def test_a_replaced_count_grows_by_the_difference(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    await hub.deliver(Source.ACTIVITY, "website,W1,2026-11-01,check_in,1")
    first = await growth(hub)

    await hub.deliver(Source.ACTIVITY, "website,W1,2026-11-01,check_in,0")
    none = await growth(hub)
    await hub.deliver(Source.ACTIVITY, "website,W1,2026-11-01,check_in,1")

    assert first > 0
    assert (none, await growth(hub)) == (0, first)


async def test_a_child_earns_like_everyone(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01", birthday="2016-05-01"))
    await hub.deliver(Source.ORDERS, order("W1", "O1", "10.00", at="2026-11-03"))

    assert (await hub.rows("hub.member"))[0].age_band == "child"
    assert await pots(hub) == [(0, 10, 0, 0)]


async def test_a_line_worth_more_than_one_line_may_earn_earns_that_and_the_summary_says_so(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"), website("W2", "2025-01-01"))

    summary = await hub.deliver(
        Source.ORDERS,
        order("W1", "O1", "2000000.00", at="2026-11-03"),
        order("W2", "O2", "1000000.00", at="2026-11-03"),
        order("W2", "O3", "10.00", at="2026-11-03"),
    )

    assert tally(summary) == {
        "read": 3, "applied": 3, "lines_counted": 3, "lines_cut": 1, "points_earned": 2_000_010,
    }  # fmt: skip
    assert "lines_cut" in summary.as_json()
    assert await growth(hub) == 3_000_010
    assert await is_sound(hub)


async def test_of_a_line_that_was_cut_a_refund_takes_the_same_share(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    await hub.deliver(Source.ORDERS, order("W1", "O1", "2000000.00", at="2026-11-03"))

    await hub.deliver(Source.ORDERS, order("W1", "R1", "-500000.00", at="2026-11-04", refund_of="O1/1"))

    assert await pots(hub) == [(0, 750_000, 0, 0)]
    assert await growth(hub) == 1_500_000


async def test_of_spent_points_the_summary_tells_those_that_a_refund_took(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    await hub.deliver(Source.ORDERS, order("W1", "O1", "100.00", at="2026-10-03"))
    member, asked = await hub.member_of(Channel.WEBSITE, "W1"), hub.loyalty.asked(NOW)
    async with transaction(hub.database.app) as tx:
        await points.redeem(tx, hub_caller(), member, asked=asked, amount=90)

    summary = await hub.deliver(Source.ORDERS, order("W1", "R1", "-50.00", at="2026-11-04", refund_of="O1/1"))

    assert tally(summary) == {"read": 1, "applied": 1, "lines_counted": 1, "points_taken_back": 10}
    assert await pots(hub) == [(0, 0, 0, 0)]
    assert await growth(hub) == 50
    assert await is_sound(hub)


async def test_a_dry_run_tells_what_it_would_count_and_keeps_nothing(hub: Hub) -> None:
    await hub.deliver(Source.STORE, card("C1", "2025-01-01", balance="5"))
    await hub.deliver(Source.ACTIVITY, "store,C1,2026-11-01,check_in,1")
    before = await hub.counts()
    file = hub.folder / "orders.csv"
    file.write_text(f"{ORDERS_HEADER}\n{order('C1', 'O1', '10.00', at='2026-11-03')}\n", "utf-8")

    summary = await hub.ingest(Source.ORDERS, file, dry_run=True)

    assert summary.counts["points_earned"] == 10
    assert await hub.counts() == before


async def test_activity_older_than_thirteen_months_is_forgotten_and_its_growth_stays(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    await hub.deliver(Source.ACTIVITY, "website,W1,2025-10-08,check_in,1", "website,W1,2026-11-01,check_in,1")
    grown = await growth(hub)

    async with transaction(hub.database.app) as tx:
        none = await forget_old_activity(tx, NOW)
        gone = await forget_old_activity(tx, NOW + timedelta(days=1))

    assert (none, gone) == (0, 1)
    assert [str(r.day) for r in await hub.rows("hub.activity")] == ["2026-11-01"]
    assert await growth(hub) == grown


async def test_what_points_alone_counted_before_earns_nothing_more(hub: Hub) -> None:
    """A till that asked for points by order line before the file came: the file brings the growth."""
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    member = await hub.member_of(Channel.WEBSITE, "W1")
    async with transaction(hub.database.app) as tx:
        await points.earn_for_order_line(
            tx,
            hub_caller(),
            member,
            asked=hub.loyalty.asked(NOW),
            line=points.Line("website", "O1", 1),
            earning=points.Earning(points.LotKind.PURCHASE, 10_000),
        )

    await hub.deliver(Source.ORDERS, order("W1", "O1", "100.00", at="2026-11-03"))

    assert await pots(hub) == [(0, 100, 0, 0)]
    assert await growth(hub) == 100
