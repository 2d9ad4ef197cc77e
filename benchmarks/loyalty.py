"""Loyalty by night: what the clock does with every member of a hub, on the core that it shares with its server.

The members are made in SQL: accounts, a year and a half of order lines with growth, activity. A row is a work that goes
over all of them: it takes the opened hub, and answers how many members it looked at. The second review is that of a day
on which nothing is due but everybody is looked at, as when a quantile moved.
"""

import asyncio
import os
import resource
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import text

from benchmarks.hub import Hub, fresh_hub, to_one_core
from benchmarks.tables import print_table
from member_hub import programme, resources, tiers
from member_hub.access import system_caller
from member_hub.db import Database, transaction
from member_hub.ids import uuid7
from member_hub.privacy import Purpose
from member_hub.tiers.standing.backtesting import backtest

MEMBERS: Final = 200_000
BAR_S: Final = 60
NOW: Final = datetime(2026, 11, 7, 16, tzinfo=UTC)  # 8 November, midnight in Shanghai
_HUB: Final = system_caller(subject="benchmark", purpose=Purpose.SYSTEM_OPERATION, request_id=uuid7())
_ID: Final = "lpad(to_hex({}), 32, '0')::uuid"
# Of ten members three bought nothing, three once, the rest up to 40 lines: (m * 7919 % 1000) draws without chance.
_PEOPLE: Final = f"""
insert into hub.member (member_id, status, handler, joined_at, channels, created_at, updated_at)
select {_ID.format("m")}, 'active', 'brand', timestamptz '2026-11-07 16:00Z' - (m % 1500) * interval '1 day', 1,
       now(), now() from generate_series(1, {MEMBERS}) m;
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
insert into hub.activity (member_id, origin_id, day, kind, count)
select {_ID.format("m")}, {_ID.format("m + 16777216")}, date '2026-11-08' - d * 9, 'check_in', 1
from generate_series(1, {MEMBERS}) m, generate_series(1, 6) d where m % 2 = 0
"""


@dataclass(frozen=True, slots=True)
class Work:
    """What the clock does with everybody."""

    name: str
    run: Callable[[Database], Awaitable[int]]


def main() -> None:
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    to_one_core()  # the server is started below, and stays there too
    with fresh_hub() as hub:
        rows = asyncio.run(_measured(hub))
    if cores is not None:
        os.sched_setaffinity(0, cores)
    title = f"Loyalty by night: {MEMBERS} members, the process and its server on one core (bar {BAR_S} s)"
    print_table(title, ("", "seconds", "of these Python", "members", "changed"), rows)


async def _measured(hub: Hub) -> list[Sequence[str]]:
    database = Database.open(hub.url)
    async with transaction(database.owner) as tx:
        for statement in _PEOPLE.split(";"):
            await tx.execute(text(statement))
        await tx.execute(text("analyze"))
    rows = []
    for work in WORKS:
        began, cpu = time.perf_counter(), _cpu_s()
        changed = await work.run(database)
        seconds = time.perf_counter() - began
        rows.append([work.name, f"{seconds:.1f}", f"{_cpu_s() - cpu:.1f}", str(MEMBERS), str(changed)])
    await database.close()
    return rows


async def _review(database: Database) -> int:
    """The thresholds of the day and everybody's tier, in the batches of the clock."""
    async with transaction(database.app) as tx:
        await tx.execute(text("delete from hub.tier_review_day"))
        await tiers.prepare(tx, _PROGRAMME, now=NOW)
    changed = 0
    while True:
        async with transaction(database.app) as tx:
            due = await tiers.due_members(tx, now=NOW)
            if not due:
                return changed
            changed += await tiers.review(tx, _PROGRAMME, due, now=NOW, caller=_HUB)


async def _backtest(database: Database) -> int:
    async with transaction(database.app) as tx:
        found = await backtest(tx, _PROGRAMME.rules, now=NOW)
    return found.moves.total()


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


_PROGRAMME: Final = tiers.Programme(
    tiers.rules_of(programme.read(resources.folder("policies") / "programme.toml")["tiers"])
)
WORKS: Final = (
    Work("tier review, everybody for the first time", _review),
    Work("tier review, everybody again", _review),
    Work("back-test of the rules in force", _backtest),
)
