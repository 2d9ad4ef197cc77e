"""A hub with members who grow: what happens goes in through the part's front door, each in a transaction of its own."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Row, update

from member_hub import organisation, programme, resources, tiers
from member_hub.access import system_caller
from member_hub.db import Database, snapshot, transaction
from member_hub.db.bulk import insert_rows
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.orders.tables import Activity, OrderLine
from member_hub.organisation import Section
from member_hub.privacy import Purpose
from member_hub.settings import Settings
from member_hub.tables import METADATA
from member_hub.tiers import Grown, PlacingReason, Programme, Source, TierRules
from member_hub.tiers.growth.measuring import measure
from member_hub.tiers.holder import TiersHolder
from member_hub.tiers.rules.criteria import Ask
from tests.points import desk as points_desk

NOW = points_desk.NOW  # 2 March 2026, noon in Shanghai
SHIPPED = tiers.rules_of(programme.read(resources.folder("policies") / "programme.toml")["tiers"])
TABLES = [name for name in METADATA.tables if name.startswith(("hub.tier_", "hub.growth_"))]
HUB = system_caller(subject="jobs", purpose=Purpose.SYSTEM_OPERATION, request_id=uuid7())
_numbers = itertools.count(1)


def rules_of(text: str) -> TierRules:
    return tiers.rules_of(organisation.toml("rules.toml", text))


@dataclass(slots=True)
class Desk(points_desk.Desk):
    tier_rules: TierRules = SHIPPED

    @classmethod
    async def open(cls, database: Database, settings: Settings) -> "Desk":
        return await super(Desk, cls).open(database, settings)  # type: ignore[return-value]

    @property
    def holder(self) -> TiersHolder:  # type: ignore[override]
        return TiersHolder(self.clock)

    async def grow(
        self,
        member_id: MemberId,
        amount: int,
        source: Source = Source.ORDER,
        *,
        key: bytes = b"",
        at: datetime | None = None,
        origin: OriginId | None = None,
    ) -> int:
        """By its own channel account, under a key of its own unless one is given."""
        given = Grown(
            member_id,
            origin or await self.origin(member_id),
            source,
            key or b"key-%d" % next(_numbers),
            amount,
            at or self.clock.now(),
        )
        return await self.grow_all([given])

    async def grow_all(self, grown: Sequence[Grown]) -> int:
        async with transaction(self.database.app) as tx:
            return await tiers.grow(tx, grown, now=self.clock.now())

    async def touch(self, *member_ids: MemberId) -> int:
        async with transaction(self.database.app) as tx:
            return await tiers.touch(tx, member_ids, now=self.clock.now())

    async def due(self) -> Sequence[MemberId]:
        async with snapshot(self.database.app) as tx:
            return await tiers.due_members(tx, now=self.clock.now())

    async def standing(self, member_id: MemberId) -> tiers.Standing:
        async with snapshot(self.database.app) as tx:
            return (await tiers.standings(tx, [member_id], now=self.clock.now()))[member_id]

    async def held_at(self, *pairs: tuple[MemberId, datetime]) -> list[str]:
        async with snapshot(self.database.app) as tx:
            return await tiers.held_at(tx, pairs)

    @property
    def programme(self) -> Programme:
        return Programme(self.tier_rules)

    async def review(self, *member_ids: MemberId) -> int:
        async with transaction(self.database.app) as tx:
            return await tiers.review(tx, self.programme, member_ids, now=self.clock.now(), caller=HUB)

    async def work(self) -> int:
        """The clockwork: what the day asks for, then everybody who is due."""
        changed = 0
        async with transaction(self.database.app) as tx:
            await tiers.prepare(tx, self.programme, now=self.clock.now())
        while due := await self.due():
            changed += await self.review(*due)
        return changed

    async def place(self, member_id: MemberId, tier: str, until: str, **said: Any) -> tiers.Standing:
        placement = tiers.Placement(tier, at(until), said.pop("reason", PlacingReason.GOODWILL))
        async with transaction(self.database.app) as tx:
            return await tiers.place(
                tx, said.pop("by", points_desk.staff()), member_id, programme=self.programme, placement=placement,
                approved_by="E0002", now=self.clock.now(),
            )  # fmt: skip

    async def placed(self, member_id: MemberId) -> tuple[str, str]:
        standing = await self.standing(member_id)
        return standing.tier, standing.reason.value

    async def changes(self, member_id: MemberId) -> list[tuple[str, str, str]]:
        rows = [row for row in await self.rows("tier_change") if row.member_id == member_id]
        return [(row.from_tier, row.to_tier, row.reason) for row in sorted(rows, key=lambda row: row.changed_at)]

    async def order(
        self,
        member_id: MemberId,
        order_no: str,
        amount_fen: int,
        *,
        line: int = 1,
        of: str | None = None,
        when: datetime | None = None,
    ) -> None:
        """An order line as the orders part files it; a refund where `of` names an order."""
        columns = (
            "member_id", "channel", "order_no", "line_no", "origin_id", "amount_fen", "ordered_at", "status",
            "refund_of_order", "refund_of_line",
        )  # fmt: skip
        status = "paid" if of is None else "refunded"
        back = (None, None) if of is None else (of, 1)
        origin = await self.origin(member_id)
        row = (member_id, "store", order_no, line, origin, amount_fen, when or self.clock.now(), status, *back)
        async with transaction(self.database.app) as tx:
            await insert_rows(tx, OrderLine, columns, [row])

    async def active(self, member_id: MemberId, kind: str, *days: date, count: int = 1) -> None:
        origin = await self.origin(member_id)
        rows = [(member_id, origin, day, kind, count) for day in days]
        async with transaction(self.database.app) as tx:
            await insert_rows(tx, Activity, ("member_id", "origin_id", "day", "kind", "count"), rows)

    async def object_to(self, member_id: MemberId, bits: int) -> None:
        async with transaction(self.database.app) as tx:
            whose = points_desk.member_t.c.member_id == member_id
            await tx.execute(update(points_desk.member_t).where(whose).values(restriction_bits=bits))

    async def measured(self, member_id: MemberId, *asks: Ask) -> list[int]:
        async with snapshot(self.database.app) as tx:
            found = await measure(tx, {member_id: asks})
            return [found[member_id][ask] for ask in asks]

    async def entries(self, member_id: MemberId) -> list[tuple[str, int, int]]:
        """(source, number, amount) of the entries that are filed under a member, as they were written."""
        rows = await self.rows("growth_entry")
        return [(row.source, row.number, row.amount) for row in rows if row.member_id == member_id]

    async def everything(self) -> dict[str, list[Row[Any]]]:
        return {table: await self.rows(table.partition(".")[2]) for table in TABLES}


def section(text: str) -> Section:
    return organisation.toml("rules.toml", text)


def at(text: str) -> datetime:
    """A moment, as it is written in Shanghai."""
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)
