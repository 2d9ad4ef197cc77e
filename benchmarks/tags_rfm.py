"""RFM, lifecycle stage and churn risk over 200,000 members, hub and database together on one core.

Rounds as the clock runs them: the first gives every tag, the same day again has nothing to change, the next day changes
what a day changes, and a further one has three rules of the operator to evaluate besides, one of them over activity.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text

from benchmarks.hub import Hub, fresh_hub, to_one_core
from benchmarks.tables import print_table
from member_hub import organisation, programme, resources, tags
from member_hub.audit import AuditKeys, AuditLog
from member_hub.clock import Clock
from member_hub.db import Database, transaction
from member_hub.db.bulk import table_of
from member_hub.members.taggings import TagKind
from member_hub.privacy import DataClass, Purpose
from member_hub.settings import Settings
from member_hub.tags.programme import numbers_of
from member_hub.tags.tables import Tag

MEMBERS: Final = 200_000
BAR_S: Final = 60
NOW: Final = datetime(2026, 11, 22, 4, tzinfo=UTC)
_POLICIES: Final = resources.folder("policies")
# Ids are digests, as random as real ones in order; up to seven orders each, some of two lines, one in ten refunded.
_PEOPLE: Final = f"""
create temp table one as select n, md5('m' || n)::uuid as member_id, md5('o' || n)::uuid as origin_id
from generate_series(1, {MEMBERS}) n;
insert into hub.member (member_id, status, handler, joined_at, channels, age_band, created_at, updated_at)
select member_id, 'active', 'brand', '2024-01-01', 1, 'adult', now(), now() from one;
insert into hub.channel_account (member_id, origin_id, filed_under, channel, namespace, handler, first_seen_at,
                                 last_seen_at, account)
select member_id, origin_id, member_id, 'store', 'brand', 'brand', now(), now(), '' from one;
insert into hub.order_line (member_id, channel, order_no, line_no, origin_id, amount_fen, ordered_at, status)
select member_id, 'store', 'S' || n || '-' || k, l, origin_id, 500 + (n * 7919 + k * 104729) % 90000,
       timestamptz '2026-11-21 12:00+08' - make_interval(hours => ((n * 31 + k * 2969) % 17000)::int), 'paid'
from one, generate_series(1, 7) k, generate_series(1, 2) l where k <= n % 8 and (l = 1 or (n + k) % 3 = 0);
insert into hub.order_line (member_id, channel, order_no, line_no, origin_id, amount_fen, ordered_at, status,
                            refund_of_order, refund_of_line)
select member_id, channel, 'R' || order_no, line_no, origin_id, -amount_fen, ordered_at + interval '3 days', 'refunded',
       order_no, line_no from hub.order_line where amount_fen % 10 = 0;
insert into hub.activity (member_id, origin_id, day, kind, count)
select member_id, origin_id, date '2026-11-21' - (n % 13 + 7 * k)::int,
       (array['visit', 'check_in', 'review'])[1 + k % 3], 1 + n % 3 from one, generate_series(0, 4) k
"""
_RULES: Final = {
    "lapsing": {"all": [{"figure": "lifecycle_stage", "one_of": ["dormant", "active"]},
                        {"figure": "churn_risk", "equals": "high"}]},
    "top_tenth": {"figure": "monetary_12m_fen", "at_quantile": 90},
    "browses": {"all": [{"figure": "visit_30d", "at_least": 2}, {"not": {"figure": "frequency_12m", "at_least": 1}}]},
}  # fmt: skip


@dataclass
class _Clock(Clock):
    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


def main() -> None:
    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    to_one_core()  # the server is a child: it stays on that core, too
    try:
        with fresh_hub() as hub:
            asyncio.run(_measure(hub))
    finally:
        if before is not None:
            os.sched_setaffinity(0, before)


async def _measure(hub: Hub) -> None:
    database = Database.open(hub.url)
    settings = Settings.from_environ(os.environ | hub.environ)
    audit = AuditLog(database, AuditKeys.open(settings.key_dir))
    register = organisation.load(_POLICIES / "organisation.toml")
    numbers = numbers_of(programme.read(_POLICIES / "programme.toml")["tags"])
    clock, run_by = _Clock(), tags.Programme(numbers, register)

    async def a_round() -> tags.Ran:
        return await tags.run(database, audit, run_by, clock)

    async with transaction(database.owner) as tx:
        for statement in _PEOPLE.split(";"):
            await tx.execute(text(statement))
        await tx.execute(text("analyze"))
        lines = await tx.scalar(text("select count(*) from hub.order_line"))
    rows = [await _timed("first round", a_round)]
    rows.append(await _timed("the same day again", a_round))
    clock.at += timedelta(days=1)
    rows.append(await _timed("the next day", a_round))
    await _define(database)
    clock.at += timedelta(days=1)
    rows.append(await _timed("with three rules", a_round))
    await audit.close()
    await database.close()
    title = f"Tags: {MEMBERS:,} members, {lines:,} order lines, one core (bar {BAR_S} s)"
    print_table(title, ("round", "seconds", "CPU seconds", "members", "given or changed", "ended"), rows)


async def _timed(name: str, work: Callable[[], Awaitable[tags.Ran]]) -> list[str]:
    started, cpu_s = time.perf_counter(), _cpu_s()
    ran = await work()
    took, cpu_s, done = time.perf_counter() - started, _cpu_s() - cpu_s, ran.evaluated
    return [name, f"{took:.1f}", f"{cpu_s:.1f}", f"{done.members:,}", f"{done.given:,}", f"{done.ended:,}"]


def _cpu_s() -> float:
    """Of this process and the server below it: what else runs on the core is not the hub's. 0 where nobody tells."""
    ticks, parents = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text("ascii", "replace").rpartition(")")[2].split()
        except OSError:
            continue  # ended meanwhile
        parents[int(stat.parent.name)] = int(words[1])
        ticks[int(stat.parent.name)] = sum(int(word) for word in words[11:15])
    ours = {os.getpid()}
    for _ in range(5):
        ours |= {one for one, parent in parents.items() if parent in ours}
    return sum(ticks.get(one, 0) for one in ours) / os.sysconf("SC_CLK_TCK")


async def _define(database: Database) -> None:
    said: dict[str, Any] = {"version": 1, "kind": TagKind.RULE, "tag_group": "rules", "owner": "benchmark"}
    said |= {"data_class": DataClass.COMMERCE, "purpose": Purpose.MEMBER_SERVICE, "is_profiling": True}
    said |= {"is_service": False, "is_restrictive": False, "is_retired": False, "handler": "brand"}
    said |= {"proposed_by": "E1", "proposed_at": NOW, "approved_by": "E2", "approved_at": NOW}
    rules = [{"code": code, "zh": code, "en": code, "rule": rule} for code, rule in _RULES.items()]
    async with transaction(database.app) as tx:
        await tx.execute(table_of(Tag).insert(), [said | one for one in rules])


if __name__ == "__main__":
    main()
