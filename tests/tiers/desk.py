"""A hub with members who grow: what happens goes in through the part's front door, each in a transaction of its own."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, select

from member_hub import organisation, programme, resources, tiers
from member_hub.access import system_caller
from member_hub.db import Database, snapshot, transaction
from member_hub.ids import MemberId, OriginId, uuid7
from member_hub.organisation import Section
from member_hub.privacy import Purpose
from member_hub.settings import Settings
from member_hub.tables import METADATA
from member_hub.tiers import Grown, Programme, Source, TierRules
from member_hub.tiers.holder import TiersHolder
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
    programme: Programme = Programme(SHIPPED)

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

    async def entries(self, member_id: MemberId) -> list[tuple[str, int, int]]:
        """(source, number, amount) of the entries that are filed under a member, as they were written."""
        rows = await self.rows("growth_entry")
        return [(row.source, row.number, row.amount) for row in rows if row.member_id == member_id]

    async def everything(self) -> dict[str, list[Row[Any]]]:
        return {table: await self.rows(table.partition(".")[2]) for table in TABLES}

    async def all_of(self, table: str) -> list[Row[Any]]:
        found = METADATA.tables[f"hub.{table}"]
        async with snapshot(self.database.app) as tx:
            return list((await tx.execute(select(found))).all())


def section(text: str) -> Section:
    return organisation.toml("rules.toml", text)


def at(text: str) -> datetime:
    """A moment, as it is written in Shanghai."""
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)
