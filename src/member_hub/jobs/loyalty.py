"""The loyalty programme by the clock.

Each part of the programme has a function here that makes its jobs; PARTS is the order in which they run when all are
due. Points that fall due come first, so that whatever looks at balances finds them done.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from member_hub.access import system_caller
from member_hub.audit import Entry
from member_hub.ids import MemberId, uuid7
from member_hub.jobs.job import CALLER, Done, Job, Lane, Needs
from member_hub.points import watching
from member_hub.points.clockwork import settle_all
from member_hub.privacy import Purpose

DUE_EVERY: Final = timedelta(minutes=1)
CHECK_EVERY: Final = timedelta(minutes=1)


def loyalty_jobs_of(hub: Needs) -> list[Job]:
    return [job for part in PARTS for job in part(hub)]


def _points(hub: Needs) -> Sequence[Job]:
    """What falls due, and the proof that everything adds up."""

    async def due(now: datetime) -> Done:
        caller = system_caller(subject=CALLER, purpose=Purpose.SYSTEM_OPERATION, request_id=uuid7())

        async def on_page(member_ids: Sequence[MemberId]) -> None:
            said = Entry.of_command("jobs points", member_ids=member_ids, caller=CALLER, now=hub.clock.now())
            await hub.audit.write(said)

        settled = await settle_all(hub.database, caller, now=now, on_page=on_page)
        return Done(settled.accounts, has_more=settled.has_more, failed=settled.failed)

    async def check(now: datetime) -> Done:
        looked, goes_on = await watching.watch(hub.database, hub.points_alarm, now=now)
        return Done(looked, has_more=goes_on)

    return [
        Job("points due", DUE_EVERY, due, Lane.LOYALTY),
        Job("points self-check", CHECK_EVERY, check, Lane.LOYALTY, keeps_pace=True),
    ]


PARTS: Final[Sequence[Callable[[Needs], Sequence[Job]]]] = (_points,)
