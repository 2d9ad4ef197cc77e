"""A hub of 200,000 members for what the clock does with everybody by night: how they come about, and what a work is.

They are made in SQL: accounts, a year and a half of order lines with growth, one in ten refunded, and activity: every
other one checks in, every third visits, buyers or not.
"""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import text

from benchmarks.hub import Hub
from member_hub.audit import AuditKeys, AuditLog
from member_hub.clock import Clock
from member_hub.db import Database, transaction
from member_hub.settings import Settings

MEMBERS: Final = 200_000
NOW: Final = datetime(2026, 11, 7, 16, tzinfo=UTC)  # 8 November, midnight in Shanghai
_ID: Final = "lpad(to_hex({}), 32, '0')::uuid"
# Of ten members three bought nothing, three once, the rest up to 40 lines: (m * 7919 % 1000) draws without chance.
_PEOPLE: Final = f"""
insert into hub.member (member_id, status, handler, joined_at, channels, age_band, created_at, updated_at)
select {_ID.format("m")}, 'active', 'brand', timestamptz '2026-11-07 16:00Z' - (m % 1500) * interval '1 day', 1,
       'adult', now(), now() from generate_series(1, {MEMBERS}) m;
insert into hub.channel_account (member_id, origin_id, filed_under, channel, namespace, handler, first_seen_at,
                                 last_seen_at, account)
select {_ID.format("m")}, {_ID.format("m + 16777216 * c")}, {_ID.format("m")},
       (array['store', 'app'])[c], 'brand', 'brand', now(), now(), ''
from generate_series(1, {MEMBERS}) m, generate_series(1, 2) c where c = 1 or m % 3 = 0;
insert into hub.order_line (member_id, channel, order_no, line_no, origin_id, amount_fen, ordered_at, status)
select {_ID.format("m")}, 'store', 'O' || m || '-' || n, 1, {_ID.format("m + 16777216")},
       100 + (m * 104729::bigint + n * 7919) % 90000,
       timestamptz '2026-11-07 16:00Z' - ((m * 31 + n * 97) % 540) * interval '1 day', 'paid'
from generate_series(1, {MEMBERS}::bigint) m,
     generate_series(1, case when m * 7919 % 10 < 3 then 0 when m * 7919 % 10 < 6 then 1 else 4 + m % 37 end) n;
insert into hub.growth_entry (member_id, source, source_key, number, origin_id, amount, occurred_at, recorded_at)
select member_id, 'order', convert_to(order_no, 'UTF8'), 1, origin_id, amount_fen / 100, ordered_at, now()
from hub.order_line where amount_fen >= 100;
insert into hub.order_line (member_id, channel, order_no, line_no, origin_id, amount_fen, ordered_at, status,
                            refund_of_order, refund_of_line)
select member_id, channel, 'R' || order_no, line_no, origin_id, -amount_fen, ordered_at + interval '3 days', 'refunded',
       order_no, line_no from hub.order_line where amount_fen % 10 = 0;
insert into hub.activity (member_id, origin_id, day, kind, count)
select {_ID.format("m")}, {_ID.format("m + 16777216")}, date '2026-11-08' - d * 9, 'check_in', 1
from generate_series(1, {MEMBERS}) m, generate_series(1, 6) d where m % 2 = 0;
insert into hub.activity (member_id, origin_id, day, kind, count)
select {_ID.format("m")}, {_ID.format("m + 16777216")}, date '2026-11-08' - d * (3 + m % 7), 'visit', 1 + m % 3
from generate_series(1, {MEMBERS}) m, generate_series(1, 5) d where m % 3 = 0
"""


@dataclass
class MovedClock(Clock):
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


@dataclass(frozen=True, slots=True)
class Night:
    """The opened hub, and its clock, which a work may move on."""

    database: Database
    audit: AuditLog
    clock: MovedClock = field(default_factory=MovedClock)

    @classmethod
    async def fall(cls, hub: Hub) -> "Night":
        """With everybody there; to be ended with `end`."""
        database = Database.open(hub.url)
        async with transaction(database.owner) as tx:
            for statement in _PEOPLE.split(";"):
                await tx.execute(text(statement))
            await tx.execute(text("analyze"))
        settings = Settings.from_environ(os.environ | hub.environ)
        return cls(database, AuditLog(database, AuditKeys.open(settings.key_dir)))

    async def end(self) -> None:
        await self.audit.close()
        await self.database.close()


@dataclass(frozen=True, slots=True)
class Work:
    """What the clock does with everybody; it answers how many changes it made."""

    name: str
    run: Callable[[Night], Awaitable[int]]
