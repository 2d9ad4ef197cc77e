"""The loyalty programme by the clock.

Each part of the programme has a function here that makes its jobs; PARTS is the order in which they run when all are
due: what waited is counted, points fall due, tiers follow from growth, tags and benefits from all of it. While the
clock of this machine is behind what was decided before, none of them does anything; the proof of the ledger goes on.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from member_hub import tiers
from member_hub.access import system_caller
from member_hub.audit import Entry
from member_hub.audit.entry import MEMBER_IDS_MAX
from member_hub.counting import is_behind
from member_hub.db.base import snapshot, transaction
from member_hub.db.engines import Database
from member_hub.ids import MemberId, uuid7
from member_hub.jobs.job import CALLER, Done, Job, Lane, Needs, Work
from member_hub.jobs.rounds import benefit_jobs, counting_jobs, tag_jobs
from member_hub.points import watching
from member_hub.points.clockwork import is_without_database, settle_all
from member_hub.points.refusals import ClockJumped
from member_hub.privacy import Purpose

DUE_EVERY: Final = timedelta(minutes=1)
CHECK_EVERY: Final = timedelta(minutes=1)
THRESHOLDS_EVERY: Final = timedelta(minutes=10)  # once a business day, and soon after other rules come into force
REVIEW_EVERY: Final = timedelta(minutes=1)
REVIEWS_MAX: Final = 20  # batches of one round

_log = logging.getLogger(__name__)


SELF_CHECK: Final = "points self-check"


def loyalty_jobs_of(hub: Needs) -> list[Job]:
    door = _Door(hub.database)
    jobs = [job for part in PARTS for job in part(hub)]
    return [job if job.name == SELF_CHECK else replace(job, work=door.before(job.work)) for job in jobs]


@dataclass(slots=True)
class _Door:
    """Shut while the clock is behind; that it is, and that it is not any more, is logged once for all jobs."""

    database: Database
    is_shut: bool = False

    def before(self, work: Work) -> Work:
        async def work_by_the_clock(now: datetime) -> Done:
            async with snapshot(self.database.app) as tx:
                behind = await is_behind(tx, now=now)
            if behind and not self.is_shut:
                _log.error("The clock is behind what was decided before: the jobs of the programme wait.")
            if self.is_shut and not behind:
                _log.warning("The clock has caught up: the jobs of the programme go on.")
            self.is_shut = behind
            if behind:
                raise ClockJumped
            return await work(now)

        return work_by_the_clock


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
        Job(SELF_CHECK, CHECK_EVERY, check, Lane.LOYALTY, keeps_pace=True),
    ]


def _tiers(hub: Needs) -> Sequence[Job]:
    """Quantiles of the day and who has to be looked at; looking at them; telling those who fall soon."""
    caller = system_caller(subject=CALLER, purpose=Purpose.SYSTEM_OPERATION, request_id=uuid7())

    async def prepare(now: datetime) -> Done:
        async with transaction(hub.database.app) as tx:
            prepared = await tiers.prepare(tx, hub.tiers, now=now)
        return Done(prepared.marked, failed=prepared.failed)

    async def decide(members: Sequence[MemberId], now: datetime) -> None:
        said = Entry.of_command("jobs tiers", caller=CALLER, now=hub.clock.now())
        for start in range(0, len(members), MEMBER_IDS_MAX):
            await hub.audit.write(replace(said, member_ids=tuple(members[start : start + MEMBER_IDS_MAX])))
        async with transaction(hub.database.app) as tx:
            await tiers.review(tx, hub.tiers, members, now=now, caller=caller)

    async def review(now: datetime) -> Done:
        looked, failed = 0, set[MemberId]()
        async with transaction(hub.database.app) as tx:
            await tiers.rank_ends(tx, hub.tiers, now=now)
        for _ in range(REVIEWS_MAX):
            async with snapshot(hub.database.app) as tx:
                members = await tiers.due_members(tx, now=now, but=failed)
            if not members:
                return Done(looked, failed=len(failed))
            wrong = await apart(decide, members, now)
            failed, looked = failed | wrong, looked + len(members) - len(wrong)
        return Done(looked, has_more=True, failed=len(failed))

    async def notices(now: datetime) -> Done:
        asked = 0
        for _ in range(REVIEWS_MAX):
            async with transaction(hub.database.app) as tx:
                number = await tiers.ask_notices(tx, now=now)
            asked += number
            if not number:
                return Done(asked)
        return Done(asked, has_more=True)

    return [
        Job("tier thresholds", THRESHOLDS_EVERY, prepare, Lane.LOYALTY),
        Job("tier review", REVIEW_EVERY, review, Lane.LOYALTY),
        Job("tier notices", REVIEW_EVERY, notices, Lane.LOYALTY),
    ]


async def apart(
    work: Callable[[Sequence[MemberId], datetime], Awaitable[None]], members: Sequence[MemberId], now: datetime
) -> set[MemberId]:
    """Do a batch; where that fails, each by itself, so that one member holds up nobody. Returns who failed, logged."""
    try:
        await work(members, now)
    except Exception as error:
        if is_without_database(error):
            raise
        if len(members) == 1:
            _log.error("What is due of member %s could not be done (%s).", members[0], type(error).__name__)
            return set(members)
    else:
        return set()
    return {member for one in members for member in await apart(work, [one], now)}


PARTS: Final[Sequence[Callable[[Needs], Sequence[Job]]]] = (
    counting_jobs,
    _points,
    _tiers,
    tag_jobs,
    benefit_jobs,
)
