"""The jobs of the audit log: partitions ahead, retention, seals."""

from datetime import datetime, timedelta
from typing import Final

from member_hub.audit import expire
from member_hub.db import partitions
from member_hub.jobs.job import CALLER, Done, Job, Lane, Needs

THOROUGH_EVERY: Final = timedelta(minutes=10)
MONTHS_EVERY: Final = timedelta(hours=6)


def jobs_of(hub: Needs) -> list[Job]:
    """In the order in which they run when all are due: a month has its partition before anything is sealed in it."""

    async def months(now: datetime) -> Done:
        await partitions.make_ahead(hub.database)
        return Done(len(await expire(hub.audit, hub.sealer, now, caller=CALLER)))

    async def thorough(now: datetime) -> Done:
        return Done(await hub.sealer.run(now, thorough=True))

    async def seals(now: datetime) -> Done:
        return Done(await hub.sealer.run(now))

    return [
        Job("audit months", MONTHS_EVERY, months, Lane.SEALS),
        Job("audit seals of all months", THOROUGH_EVERY, thorough, Lane.SEALS),
        Job("audit seals", timedelta(0), seals, Lane.SEALS),
    ]
