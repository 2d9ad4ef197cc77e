"""What became of a member between the purchase and the counting, and between the look and the lock."""

from datetime import UTC, datetime

from sqlalchemy import select, update

from member_hub.counting.backfill import count_waiting
from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.ids import uuid7
from member_hub.ingest.words import Source
from member_hub.members.tables import Channel, ChannelAccount
from member_hub.orders.tables import OrderLine
from member_hub.points.tables import PointsAccount
from member_hub.points.words import AccountState
from member_hub.tiers.tables import TierChange
from tests.hub import NOW, Hub, order, tally, website
from tests.merging.test_erased_meanwhile import begun

account_t, channel_t, order_t = table_of(PointsAccount), table_of(ChannelAccount), table_of(OrderLine)


async def test_a_line_of_a_file_earns_by_the_tier_held_when_it_was_bought(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    became = datetime(2026, 11, 4, tzinfo=UTC)
    change = {"from_tier": "base", "to_tier": "vip", "reason": "earned", "rules_version": 0, "facts": {}}
    made = {"actor_kind": "system", "actor": "jobs", "change_id": uuid7(), "changed_at": became}
    member = await hub.member_of(Channel.WEBSITE, "W1")
    async with transaction(hub.database.app) as tx:
        await tx.execute(table_of(TierChange).insert().values(member_id=member, **change, **made))

    await hub.deliver(
        Source.ORDERS, order("W1", "O1", "100.00", at="2026-11-03"), order("W1", "O2", "100.00", at="2026-11-05")
    )

    assert [(row.order_no, row.points) for row in await lines(hub)] == [("O1", 100), ("O2", 150)]


async def test_a_line_whose_account_freezes_while_it_is_counted_waits(hub: Hub) -> None:
    """The look says open, the lock says frozen: the claim is given up, and the line counts when it is open again."""
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    await hub.deliver(Source.ORDERS, order("W1", "O1", "10.00", at="2026-11-03"))

    async with transaction(hub.database.app) as tx:
        await tx.execute(update(account_t).values(state=AccountState.FROZEN))
        task = await begun(hub, hub.deliver(Source.ORDERS, order("W1", "O2", "10.00", at="2026-11-03")))
    summary = await task

    assert tally(summary) == {"read": 1, "applied": 1, "lines_not_counted_yet": 1}
    assert [row.order_no for row in await lines(hub)] == ["O1"]
    async with transaction(hub.database.app) as tx:
        await tx.execute(update(account_t).values(state=AccountState.OPEN))
    await counted(hub)
    assert [row.order_no for row in await lines(hub)] == ["O1", "O2"]
    assert [row.pending for row in await hub.rows("hub.points_account")] == [20]


async def test_counting_tries_again_where_a_merge_took_the_same_rows_the_other_way_round(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    await hub.deliver(Source.ORDERS, order("W1", "O1", "10.00", at="2026-11-03"))
    async with transaction(hub.database.app) as tx:
        await tx.execute(update(order_t).values(counted_at=None))

    async with transaction(hub.database.app) as tx:
        await tx.execute(select(channel_t).with_for_update())
        task = await begun(hub, counted(hub))
        await tx.execute(update(order_t).values(store=order_t.c.store))  # in a circle: whoever waited first is ended
    await task

    assert [row.counted_at for row in await hub.rows("hub.order_line")] == [NOW]


async def counted(hub: Hub) -> None:
    async for _ in count_waiting(hub.database, hub.loyalty, now=NOW):
        pass


async def lines(hub: Hub) -> list[object]:
    return sorted(await hub.rows("hub.points_line"), key=lambda row: row.order_no)
