"""Runs each job when it is due, until told to stop; a job that fails is logged and comes again.

What waits for services of others has a lane of its own, and so has what may take long: neither holds up a seal.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from member_hub.clock import Clock
from member_hub.jobs.job import Job, Lane, Needs
from member_hub.jobs.listing import every_job

TICK_S: Final = 2.0


async def run_forever(hub: Needs, stopping: asyncio.Event) -> None:
    """Until `stopping` is set; then the seals once more, so that nothing stays unsealed that need not."""
    jobs = every_job(hub, stopping.is_set)
    await asyncio.gather(*(_run_lane(lane, jobs, hub.clock, stopping) for lane in Lane))


async def _run_lane(lane: Lane, jobs: Sequence[Job], clock: Clock, stopping: asyncio.Event) -> None:
    mine = [job for job in jobs if job.lane is lane]
    while True:
        is_last = stopping.is_set()
        for job in mine if lane is Lane.SEALS or not is_last else ():
            await job.run_if_due(clock.now())
        if is_last:
            return
        try:
            await asyncio.wait_for(stopping.wait(), TICK_S)
        except TimeoutError:
            continue
