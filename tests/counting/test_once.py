"""A line counts once: in two processes, from the file and the till, killed in the middle, and by the back-fill."""

import asyncio
from random import Random

from sqlalchemy import null, update

from member_hub.access import CallerKind
from member_hub.counting import hub_caller
from member_hub.counting.backfill import count_waiting, something_waits
from member_hub.db import Database, snapshot, transaction
from member_hub.db.bulk import table_of
from member_hub.db.contention import patiently
from member_hub.ids import MemberId
from member_hub.ingest.recording import RecordedLine, RecordedOrder, record_order
from member_hub.ingest.words import Source
from member_hub.members.tables import Channel, ChannelAccount
from member_hub.orders.tables import Activity, OrderLine
from member_hub.points.checking import self_check
from member_hub.points.tables import PointsAccount, PointsEntry, PointsLine, PointsLot, PointsOpening
from member_hub.tiers.tables import GrowthEntry
from tests.hub import FILES, NOW, ORDERS_HEADER, Hub, card, order, website

LINES = 60


async def is_sound(hub: Hub) -> bool:
    async with snapshot(hub.database.app) as tx:
        return not await self_check(tx, [r.member_id for r in await hub.rows("hub.points_account")])


async def settled(hub: Hub) -> None:
    """Who waits: nobody."""
    async for _ in count_waiting(hub.database, hub.loyalty, now=NOW):
        pass


async def test_two_files_with_the_same_lines_at_the_same_moment(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, *(website(f"W{n}", "2025-01-01") for n in range(5)))
    rows = [order(f"W{n % 5}", f"O{n}", "10.00", at="2026-11-03") for n in range(LINES)]
    rows += [order(f"W{n % 5}", f"R{n}", "-4.00", at="2026-11-04", refund_of=f"O{n}/1") for n in range(0, LINES, 3)]
    paths = []
    for seed in range(4):
        Random(seed).shuffle(rows)
        paths.append(hub.folder / f"{seed}.csv")
        paths[-1].write_text("\n".join([ORDERS_HEADER, *rows]) + "\n", "utf-8")

    summaries = await asyncio.gather(*(hub.ingest(Source.ORDERS, path) for path in paths))
    await settled(hub)

    assert sum(one.counts["applied"] for one in summaries) == len(rows)
    assert sum(r.pending for r in await hub.rows("hub.points_account")) == LINES * 10 - LINES // 3 * 4
    assert sum(r.amount for r in await hub.rows("hub.growth_entry")) == LINES * 10 - LINES // 3 * 4
    assert len(await hub.rows("hub.points_line")) == len(rows)
    assert await is_sound(hub)


async def test_the_till_and_the_file_bring_the_same_lines_at_the_same_moment(hub: Hub) -> None:
    await hub.deliver(Source.STORE, card("C1", "2025-01-01"))
    member = await hub.member_of(Channel.STORE, "C1")
    file = hub.folder / FILES[Source.ORDERS]
    rows = [order("C1", f"O{n}", "10.00", at="2026-11-07") for n in range(LINES)]
    file.write_text("\n".join([ORDERS_HEADER, *rows]) + "\n", "utf-8")

    await asyncio.gather(hub.ingest(Source.ORDERS, file), *(sold(hub, member, f"O{n}") for n in range(LINES)))
    await settled(hub)

    assert sum(r.amount for r in await hub.rows("hub.growth_entry")) == LINES * 10  # points: by the tier of the moment
    assert [len(await hub.rows(f"hub.{name}")) for name in ("order_line", "points_line", "points_lot")] == [LINES] * 3
    assert await is_sound(hub)


async def sold(hub: Hub, member: MemberId, number: str) -> None:
    said = RecordedOrder(Channel.STORE, number, "SH007", None, [RecordedLine(1, 1_000)])
    assert hub_caller().kind is CallerKind.SYSTEM

    async def attempt() -> None:
        async with transaction(hub.database.app) as tx:
            await record_order(
                tx,
                hub_caller(),
                member,
                order=said,
                origin_id=None,
                loyalty=hub.loyalty,
                organisation=hub.organisation,
                now=NOW,
            )

    await patiently(attempt)


async def uncount(database: Database) -> None:
    """As an earlier version left it: lines are stored and nothing is counted."""
    async with transaction(database.owner) as tx:
        for model in (PointsEntry, PointsLot, PointsLine, PointsAccount, PointsOpening, GrowthEntry):
            await tx.execute(table_of(model).delete())
        await tx.execute(update(table_of(OrderLine)).values(counted_at=null()))
        await tx.execute(update(table_of(Activity)).values(counted=null()))
        await tx.execute(update(table_of(ChannelAccount)).values(opened_at=null()))


async def test_what_is_counted_is_not_looked_for_again(hub: Hub) -> None:
    """And what an earlier version counted is found out once, and opened a second time by nobody."""
    await hub.deliver(Source.STORE, card("C1", "2025-01-01", balance="50"))
    async with snapshot(hub.database.app) as tx:
        assert not await something_waits(tx)
    async with transaction(hub.database.owner) as tx:
        await tx.execute(update(table_of(ChannelAccount)).values(opened_at=null()))
    before = await hub.rows("hub.points_entry")
    async with snapshot(hub.database.app) as tx:
        assert await something_waits(tx)

    await settled(hub)

    assert await hub.rows("hub.points_entry") == before
    async with snapshot(hub.database.app) as tx:
        assert not await something_waits(tx)


async def test_the_back_fill_comes_to_what_the_import_would_have_and_twice_is_once(hub: Hub) -> None:
    await hub.deliver(Source.STORE, *(card(f"C{n}", "2025-01-01", balance=str(n)) for n in range(5)))
    await hub.deliver(
        Source.ORDERS,
        *(order(f"C{n % 5}", f"O{n}", "10.00", at="2026-11-03") for n in range(LINES)),
        *(order(f"C{n % 5}", f"A{n}", "-4.00", at="2026-11-04", refund_of=f"O{n}/1") for n in range(0, LINES, 3)),
    )
    await hub.deliver(Source.ACTIVITY, *(f"store,C{n},2026-11-01,check_in,1" for n in range(5)))
    counted = await hub.picture()
    await uncount(hub.database)
    assert (await hub.picture()).points == {}

    await asyncio.gather(*(settled(hub) for _ in range(3)))
    await settled(hub)

    filled = await hub.picture()
    assert (filled.points, filled.lots, filled.growth) == (counted.points, counted.lots, counted.growth)
    assert filled.uncounted == frozenset()
    assert await is_sound(hub)


async def test_the_back_fill_beside_a_running_import_counts_once(hub: Hub) -> None:
    await hub.deliver(Source.WEBSITE, website("W1", "2025-01-01"))
    await hub.deliver(Source.ORDERS, *(order("W1", f"O{n}", "10.00", at="2026-11-03") for n in range(LINES)))
    await uncount(hub.database)
    file = hub.folder / "more.csv"
    rows = [order("W1", f"P{n}", "10.00", at="2026-11-03") for n in range(LINES)]
    file.write_text("\n".join([ORDERS_HEADER, *rows]) + "\n", "utf-8")

    await asyncio.gather(hub.ingest(Source.ORDERS, file), settled(hub), settled(hub))
    await settled(hub)

    assert [r.pending for r in await hub.rows("hub.points_account")] == [LINES * 20]
    assert await is_sound(hub)
