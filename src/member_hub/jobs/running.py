"""Runs each job when it is due, until told to stop; a job that fails is logged and comes again.

What waits for services of others has a lane of its own, and so has what may take long: neither holds up a seal.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from member_hub.audit import expire
from member_hub.clock import Clock
from member_hub.consent.notice import informing
from member_hub.db import partitions
from member_hub.db.base import transaction
from member_hub.jobs.consents import jobs_of_much, jobs_of_time
from member_hub.jobs.job import CALLER, Job, Needs
from member_hub.telling import Notices

TICK_S: Final = 2.0
THOROUGH_EVERY: Final = timedelta(minutes=10)
MONTHS_EVERY: Final = timedelta(hours=6)
NOTICES_EVERY: Final = timedelta(minutes=1)


async def run_forever(hub: Needs, stopping: asyncio.Event) -> None:
    """Until `stopping` is set; then once more, so that nothing stays unsealed that need not."""
    await asyncio.gather(
        _run(jobs_of(hub), hub.clock, stopping, ends_with_a_round=True),
        _run(jobs_of_time(hub), hub.clock, stopping, ends_with_a_round=False),
        _run(jobs_of_much(hub), hub.clock, stopping, ends_with_a_round=False),
        _run(calling_jobs_of(hub, stopping), hub.clock, stopping, ends_with_a_round=False),
    )


async def _run(jobs: Sequence[Job], clock: Clock, stopping: asyncio.Event, *, ends_with_a_round: bool) -> None:
    while True:
        is_last = stopping.is_set()
        for job in jobs if ends_with_a_round or not is_last else ():
            await job.run_if_due(clock.now())
        if is_last:
            return
        try:
            await asyncio.wait_for(stopping.wait(), TICK_S)
        except TimeoutError:
            continue


def jobs_of(hub: Needs) -> list[Job]:
    """In the order in which they run when all are due: a month has its partition before anything is sealed in it."""

    async def thorough(now: datetime) -> None:
        await hub.sealer.run(now, thorough=True)

    async def months(now: datetime) -> None:
        await partitions.make_ahead(hub.database)
        await expire(hub.audit, hub.sealer, now, caller=CALLER)

    return [
        Job("audit months", MONTHS_EVERY, months),
        Job("audit seals of all months", THOROUGH_EVERY, thorough),
        Job("audit seals", timedelta(0), hub.sealer.run),
    ]


def calling_jobs_of(hub: Needs, stopping: asyncio.Event) -> list[Job]:
    """Those that ask services of others; a long run of one ends when the hub does."""

    async def notices(_now: datetime) -> None:
        async with transaction(hub.database.app) as tx:
            is_published = await informing.has_notice(tx)
        address = informing.address_of(hub.settings)
        telling = Notices(
            hub.database,
            hub.vault,
            hub.clock,
            hub.sender,
            address,
            on_told=informing.noting(hub.catalogue),
            tells_bulk=is_published and address is not None,  # else nobody can be pointed to it
        )
        await telling.tell_waiting(stopping.is_set)

    return [Job("notices", NOTICES_EVERY, notices)]
