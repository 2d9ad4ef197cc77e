"""Members with orders, activity and points, put straight into the tables; tags by the front door."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, update

from member_hub import organisation, programme, resources, tags
from member_hub.clock import Clock
from member_hub.db import Database, snapshot, transaction
from member_hub.db.base import Tx
from member_hub.db.bulk import insert_rows, table_of
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.members.tables import AgeBand, ChannelAccount, Member, MemberStatus
from member_hub.orders.tables import Activity, OrderLine
from member_hub.tables import METADATA
from member_hub.tags.holder import TagsHolder
from member_hub.tags.programme import numbers_of

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)  # noon in Shanghai
TODAY = date(2026, 11, 22)
REGISTER = organisation.load(resources.folder("policies") / "organisation.toml")
NUMBERS = numbers_of(programme.read(resources.folder("policies") / "programme.toml")["tags"])
PROGRAMME = tags.Programme(NUMBERS, REGISTER)
BEGAN = NOW - timedelta(days=500)

member_t, account_t = table_of(Member), table_of(ChannelAccount)


class MovedClock(Clock):
    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


@dataclass(frozen=True)
class Someone:
    member_id: MemberId
    origins: Sequence[OriginId]


@dataclass(slots=True)
class Desk:
    database: Database
    clock: MovedClock = field(default_factory=MovedClock)
    numbered: int = 0

    @property
    def holder(self) -> TagsHolder:
        return TagsHolder(self.clock)

    async def member(self, *, accounts: int = 1, band: AgeBand = AgeBand.ADULT, **more: Any) -> Someone:
        async with transaction(self.database.app) as tx:
            return await new_member(tx, accounts=accounts, band=band, **more)

    async def buys(self, who: Someone, *, days_ago: int, fen: int = 10_000, account: int = 0) -> str:
        """An order of one line, at noon so many business days ago."""
        self.numbered += 1
        order = f"O{self.numbered}"
        async with transaction(self.database.app) as tx:
            await lines(tx, [line(who, order, 1, fen, self.clock.at - timedelta(days=days_ago), account=account)])
        return order

    async def refunds(self, who: Someone, order: str, fen: int) -> None:
        self.numbered += 1
        async with transaction(self.database.app) as tx:
            await lines(tx, [line(who, f"R{self.numbered}", 1, -fen, self.clock.at, refund_of=(order, 1))])

    async def evaluate(self, *people: Someone) -> tags.Evaluated:
        async with transaction(self.database.app) as tx:
            members = [one.member_id for one in people]
            return await tags.evaluate(tx, PROGRAMME, members, now=self.clock.now())

    async def tags(self, who: Someone) -> dict[str, str | None]:
        """What the hub itself gave, as it is stored."""
        return {row.tag: row.value for row in await self.taggings(who)}

    async def taggings(self, who: Someone) -> list[Row[Any]]:
        return [row for row in await self.rows("tagging") if row.member_id == who.member_id]

    async def rows(self, table: str) -> list[Row[Any]]:
        found = METADATA.tables[f"hub.{table}"]
        async with snapshot(self.database.app) as tx:
            return list((await tx.execute(select(found).order_by(*found.primary_key))).all())

    async def change(self, who: Someone, **values: Any) -> None:
        async with transaction(self.database.app) as tx:
            await tx.execute(update(member_t).where(member_t.c.member_id == who.member_id).values(**values))

    async def merge(self, kept: Someone, gone: Someone) -> None:
        async with transaction(self.database.app) as tx:
            await self.holder.absorb(tx, kept=kept.member_id, gone=gone.member_id)
            merged = update(member_t).where(member_t.c.member_id == gone.member_id)
            await tx.execute(merged.values(status=MemberStatus.MERGED, merged_into=kept.member_id))
            moved = update(account_t).where(account_t.c.member_id == gone.member_id)
            await tx.execute(moved.values(member_id=kept.member_id))

    async def split(self, kept: Someone, back: Someone) -> None:
        async with transaction(self.database.app) as tx:
            await self.split_in(tx, kept, back)

    async def split_in(self, tx: Tx, kept: Someone, back: Someone) -> None:
        held = select(member_t.c.member_id).where(member_t.c.member_id.in_([kept.member_id, back.member_id]))
        await tx.execute(held.order_by(member_t.c.member_id).with_for_update())
        awake = update(member_t).where(member_t.c.member_id == back.member_id)
        await tx.execute(awake.values(status=MemberStatus.ACTIVE, merged_into=None))
        await self.holder.give_back(tx, kept=kept.member_id, back=back.member_id, origins=back.origins)
        moved = update(account_t).where(account_t.c.origin_id.in_(back.origins))
        await tx.execute(moved.values(member_id=back.member_id))


async def new_member(
    tx: Tx,
    *,
    accounts: int = 1,
    band: AgeBand = AgeBand.ADULT,
    status: MemberStatus = MemberStatus.ACTIVE,
    handler: str = "brand",
    joined_at: datetime = BEGAN,
    home_store: str | None = None,
    channels: int = 4,
    restriction_bits: int = 0,
) -> Someone:
    member_id, origins = MemberId(uuid7()), [OriginId(uuid7()) for _ in range(accounts)]
    row = {
        "member_id": member_id,
        "status": status.value,
        "handler": handler,
        "joined_at": joined_at,
        "home_store": home_store,
        "channels": channels,
        "age_band": band.value,
        "restriction_bits": restriction_bits,
        "created_at": joined_at,
        "updated_at": joined_at,
    }
    await insert_rows(tx, Member, tuple(row), [tuple(row.values())])
    columns = (
        "member_id", "origin_id", "filed_under", "channel", "namespace", "handler", "first_seen_at", "last_seen_at",
        "account",
    )  # fmt: skip
    held = [(member_id, one, member_id, "store", "brand", handler, joined_at, joined_at, b"") for one in origins]
    await insert_rows(tx, ChannelAccount, columns, held)
    return Someone(member_id, origins)


def line(
    who: Someone,
    order: str,
    number: int,
    fen: int,
    at: datetime,
    *,
    account: int = 0,
    channel: str = "store",
    refund_of: tuple[str, int] | None = None,
) -> tuple[Any, ...]:
    status = "refunded" if refund_of else "paid"
    origin: UUID = who.origins[account]
    return (who.member_id, channel, order, number, origin, fen, at, status, *(refund_of or (None, None)))


async def lines(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> None:
    columns = (
        "member_id", "channel", "order_no", "line_no", "origin_id", "amount_fen", "ordered_at", "status",
        "refund_of_order", "refund_of_line",
    )  # fmt: skip
    await insert_rows(tx, OrderLine, columns, rows)


async def acted(tx: Tx, rows: Sequence[tuple[Someone, int, date, str, int]]) -> None:
    """Counts of activity: whose, by which account, day, kind, how often."""
    stored = [(who.member_id, who.origins[account], day, kind, count) for who, account, day, kind, count in rows]
    await insert_rows(tx, Activity, ("member_id", "origin_id", "day", "kind", "count"), stored)
