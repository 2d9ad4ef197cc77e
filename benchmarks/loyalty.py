"""Loyalty by night: what the clock does with every member of a hub, on the core that it shares with its server.

A row is a work that goes over all members (night.py). CPU seconds are those of the process and of its server together:
what the work takes of the core, where the clock also counts whatever else runs on the machine. The second review is
that of a day on which nothing is due but everybody is looked at, as when a quantile moved; tags stand in tags_rfm.py.
"""

import asyncio
import os
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import text

from benchmarks import tags_rfm
from benchmarks.hub import Hub, fresh_hub, to_one_core
from benchmarks.night import MEMBERS, Night, Work
from benchmarks.tables import print_table
from member_hub import programme, resources, tiers
from member_hub.access import system_caller
from member_hub.db import transaction
from member_hub.ids import uuid7
from member_hub.privacy import Purpose
from member_hub.tiers.standing.backtesting import backtest

BAR_S: Final = 60
_HUB: Final = system_caller(subject="benchmark", purpose=Purpose.SYSTEM_OPERATION, request_id=uuid7())
_PROGRAMME: Final = tiers.Programme(
    tiers.rules_of(programme.read(resources.folder("policies") / "programme.toml")["tiers"])
)


def main() -> None:
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    to_one_core()  # the server is started below, and stays there too
    try:
        with fresh_hub() as hub:
            rows = asyncio.run(_measured(hub))
    finally:
        if cores is not None:
            os.sched_setaffinity(0, cores)
    title = f"Loyalty by night: {MEMBERS} members, the process and its server on one core (bar {BAR_S} s)"
    print_table(title, ("", "seconds", "CPU seconds", "of these Python", "members", "changed"), rows)


async def _measured(hub: Hub) -> list[Sequence[str]]:
    night = await Night.fall(hub)
    rows: list[Sequence[str]] = []
    for work in WORKS:
        before = _spent_s()
        changed = await work.run(night)
        spent = [after - began for began, after in zip(before, _spent_s(), strict=True)]
        rows.append([work.name, *(f"{seconds:.1f}" for seconds in spent), str(MEMBERS), str(changed)])
    await night.end()
    return rows


async def _review(night: Night) -> int:
    """The thresholds of the day and everybody's tier, in the batches of the clock."""
    now = night.clock.now()
    async with transaction(night.database.app) as tx:
        await tx.execute(text("delete from hub.tier_review_day"))
        await tiers.prepare(tx, _PROGRAMME, now=now)
    changed = 0
    while True:
        async with transaction(night.database.app) as tx:
            due = await tiers.due_members(tx, now=now)
            if not due:
                return changed
            changed += await tiers.review(tx, _PROGRAMME, due, now=now, caller=_HUB)


async def _backtest(night: Night) -> int:
    async with transaction(night.database.app) as tx:
        found = await backtest(tx, _PROGRAMME.rules, now=night.clock.now())
    return found.moves.total()


def _spent_s() -> tuple[float, float, float]:
    """By the clock, of the core, and of that by Python."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), _cpu_s(), used.ru_utime + used.ru_stime


def _cpu_s() -> float:
    """Of this process and the server below it; 0 where nobody tells."""
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


WORKS: Final = (
    Work("tier review, everybody for the first time", _review),
    Work("tier review, everybody again", _review),
    Work("back-test of the rules in force", _backtest),
    *tags_rfm.WORKS,
)
