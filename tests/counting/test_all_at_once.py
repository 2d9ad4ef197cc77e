"""Files, tills, gifts, merges, splits, the clock and erasures at the same moment: what is left adds up exactly."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import count
from uuid import UUID

from sqlalchemy import func, select

from member_hub import points
from member_hub.counting import hub_caller
from member_hub.counting.backfill import count_waiting
from member_hub.crypto import Ledger
from member_hub.db import snapshot, transaction
from member_hub.db.base import Tx
from member_hub.db.bulk import table_of
from member_hub.db.contention import patiently
from member_hub.errors import Refused
from member_hub.holders import HOLDERS
from member_hub.idempotency import RequestKey
from member_hub.ids import MemberId
from member_hub.ingest.recording import RecordedLine, RecordedOrder, record_order
from member_hub.ingest.words import Source
from member_hub.members.tables import Channel, Member, MemberStatus
from member_hub.merging.apart import keep_apart
from member_hub.points import Asked, Earning, LotKind
from member_hub.points.checking import self_check
from member_hub.points.clockwork import settle_all
from member_hub.points.words import LineAct
from member_hub.rights import erase, hold_person
from member_hub.settings import Settings
from tests.hub import FILES, NOW, ORDERS_HEADER, Hub, app, order, verified, website

PEOPLE, GOING, APART = 8, 2, 2  # the last are erased meanwhile, of the first both accounts are kept apart
ORDERS, SOLD, BACK = 6, 4, 2  # of each account in files and at tills, and of the former how many are refunded
BEGAN = 1_000  # points of each account to begin with
DESKS = 6  # acts at once; files, the clock and the rest need connections, too
MOST_S = 60

member_t = table_of(Member)
_keys = count(1)


class Shop:
    """What tills and apps do, each act in a transaction of its own, with the member's row held as the API holds it."""

    def __init__(self, hub: Hub, ids: dict[str, MemberId]) -> None:
        self.hub, self.ids = hub, ids
        self.desks = asyncio.Semaphore(DESKS)
        self.spent, self.refused = 0, set[str]()

    def asked(self) -> Asked:
        return Asked(self.hub.loyalty.points, NOW, RequestKey("till", f"k-{next(_keys)}", b"same"))

    async def act(self, account: str, work: Callable[[Tx, MemberId], Awaitable[int]]) -> int:
        """How many points it came to; none where it was refused."""
        member = self.ids[account]

        async def attempt() -> int:
            async with transaction(self.hub.database.app) as tx:
                root = func.coalesce(member_t.c.merged_into, member_t.c.member_id)
                roots = select(root).where(member_t.c.member_id == member)
                held = select(member_t.c.member_id).where(member_t.c.member_id.in_(roots))
                await tx.execute(held.with_for_update(read=True))
                return await work(tx, member)

        try:
            async with self.desks:
                return await patiently(attempt)
        except Refused as refused:
            self.refused.add(refused.code)
            return 0

    async def earn(self, account: str, amount: int) -> None:
        async def work(tx: Tx, member: MemberId) -> int:
            earning = Earning(LotKind.TASK, amount)
            return (await points.earn(tx, hub_caller(), member, asked=self.asked(), earning=earning)).points

        await self.act(account, work)

    async def redeem(self, account: str, amount: int, *, undoes: bool) -> None:
        async def work(tx: Tx, member: MemberId) -> int:
            receipt = await points.redeem(tx, hub_caller(), member, asked=self.asked(), amount=amount)
            operations.append(receipt.operation_id)
            return receipt.points

        async def undo(tx: Tx, member: MemberId) -> int:
            operation = operations[-1]
            undone = await points.reverse(tx, hub_caller(), member, asked=self.asked(), operation_id=operation)
            return undone.points

        operations: list[UUID] = []
        spent = await self.act(account, work)
        if undoes and operations:
            spent -= await self.act(account, undo)
        self.spent += spent

    async def give(self, account: str, to: str, amount: int) -> None:
        async def work(tx: Tx, member: MemberId) -> int:
            payee = self.ids[to]
            return (await points.transfer(tx, hub_caller(), member, asked=self.asked(), to=payee, amount=amount)).points

        await self.act(account, work)

    async def sell(self, account: str, number: str) -> None:
        async def work(tx: Tx, member: MemberId) -> int:
            root = await tx.scalar(
                select(func.coalesce(member_t.c.merged_into, member_t.c.member_id)).where(
                    member_t.c.member_id == member
                )
            )
            order_ = RecordedOrder(Channel.STORE, number, "SH007", None, [RecordedLine(1, 1_000)])
            came = await record_order(
                tx,
                hub_caller(),
                root,
                order=order_,
                origin_id=None,
                loyalty=self.hub.loyalty,
                organisation=self.hub.organisation,
                now=NOW,
            )
            return came.points

        assert await self.act(account, work) > 0


async def _people(hub: Hub) -> dict[str, MemberId]:
    """Two accounts of each person, which nobody knows to be of one yet."""
    numbers = [str(13_911_110_000 + n) for n in range(PEOPLE)]
    await hub.deliver(Source.WEBSITE, *(website(f"W{n}", "2026-10-01") for n in range(PEOPLE)))
    await hub.deliver(Source.APP, *(app(f"A{n}", "2026-10-02", mobile=numbers[n]) for n in range(PEOPLE)))
    found = {}
    for n in range(PEOPLE):
        found[f"W{n}"] = await hub.member_of(Channel.WEBSITE, f"W{n}")
        found[f"A{n}"] = await hub.member_of(Channel.APP, f"A{n}")
    assert len(set(found.values())) == 2 * PEOPLE
    return found


async def _file(hub: Hub, source: Source, name: str, rows: list[object]) -> None:
    folder = hub.folder / name
    folder.mkdir()
    file = folder / FILES[source]
    lines = [ORDERS_HEADER, *map(str, rows)] if source is Source.ORDERS else [*map(str, rows)]
    file.write_text("\n".join(lines) + "\n", "utf-8")
    await hub.ingest(source, file)


def _orders(part: int) -> list[object]:
    """The refunds of the other file's orders, too: they come before or after."""
    accounts = [f"{kind}{n}" for kind in "WA" for n in range(PEOPLE)]
    bought = [order(a, f"O-{a}-{part}-{n}", "10.00", at="2026-11-03") for a in accounts for n in range(ORDERS // 2)]
    back = [
        order(a, f"R-{a}-{part}-{n}", "-10.00", at="2026-11-04", refund_of=f"O-{a}-{1 - part}-{n}/1")
        for a in accounts
        for n in range(BACK // 2)
    ]
    return [*back, *bought]


async def _erased(hub: Hub, settings: Settings, member: MemberId) -> None:
    async def attempt() -> None:
        async with transaction(hub.database.app) as tx:
            person = await hold_person(tx, hub.vault, member)
            await erase(tx, hub.vault, Ledger.open(settings.ledger_dir), HOLDERS, person, now=NOW)

    await patiently(attempt)


async def _clockwork(hub: Hub) -> None:
    async def on_page(_ids: object) -> None:
        """Nobody listens."""

    for _ in range(3):
        await settle_all(hub.database, hub_caller(), now=NOW, on_page=on_page)
        async for _counted in count_waiting(hub.database, hub.loyalty, now=NOW):
            pass
        await asyncio.sleep(0.05)


async def test_everything_at_once_adds_up(hub: Hub, settings: Settings) -> None:
    ids = await _people(hub)
    shop = Shop(hub, ids)
    staying = [f"{kind}{n}" for kind in "WA" for n in range(PEOPLE - GOING)]
    for account in staying:
        await shop.earn(account, BEGAN)
    origins = {
        row.origin_id for row in await hub.rows("hub.channel_account") if row.filed_under in map(ids.get, staying)
    }
    met = [website(f"W{n}", "2026-11-05", **verified("2026-11-05", str(13_911_110_000 + n))) for n in range(PEOPLE)]

    async def apart() -> None:
        for n in range(APART):
            pair = (Channel.WEBSITE, f"W{n}"), (Channel.APP, f"A{n}")
            await keep_apart(hub.database, hub.resolver, *pair, reason="said so", said_by="S-1", now=NOW)

    async with asyncio.timeout(MOST_S):
        await asyncio.gather(
            _file(hub, Source.ORDERS, "one", _orders(0)),
            _file(hub, Source.ORDERS, "two", _orders(1)),
            hub.deliver(Source.WEBSITE, *met),
            apart(),
            _clockwork(hub),
            *(_erased(hub, settings, ids[f"W{n}"]) for n in range(PEOPLE - GOING, PEOPLE)),
            *(shop.redeem(a, 10 + n, undoes=n % 2 == 0) for a in staying for n in range(4)),
            *(shop.give(a, staying[(i + step) % len(staying)], 7) for i, a in enumerate(staying) for step in (1, 5)),
            *(shop.sell(a, f"T-{a}-{n}") for a in staying for n in range(SOLD)),
        )
        await _clockwork(hub)

    accounts = await hub.rows("hub.points_account")
    async with snapshot(hub.database.app) as tx:
        assert await self_check(tx, [row.member_id for row in accounts]) == []
    lines = [row for row in await hub.rows("hub.points_line") if row.origin_id is not None]  # not of the erased
    earned = sum(row.points if row.act == LineAct.PAID else -row.points for row in lines)
    left = sum(row.active + row.pending + row.held - row.debt for row in accounts)
    assert left == BEGAN * len(staying) + earned - shop.spent
    assert shop.spent >= len(staying) * (11 + 13)
    assert shop.refused <= {"NOT_REVERSIBLE"}  # what one spent while they were one is in the ledger of the other
    assert Counter(row.act for row in lines if row.origin_id in origins) == {
        LineAct.PAID: len(staying) * (ORDERS + SOLD), LineAct.REFUNDED: len(staying) * BACK,
    }  # fmt: skip
    growth = sum(row.amount for row in await hub.rows("hub.growth_entry") if row.origin_id in origins)
    assert growth == len(staying) * (ORDERS + SOLD - BACK) * 10
    merged = [row for row in await hub.rows("hub.member") if row.status == MemberStatus.MERGED]
    assert len(merged) >= PEOPLE - GOING - APART
    gone = [row for row in await hub.rows("hub.member") if row.status == MemberStatus.ERASED]
    assert {row.member_id for row in gone} >= {ids[f"W{n}"] for n in range(PEOPLE - GOING, PEOPLE)}
