"""Runs each job when it is due, until told to stop; a job that fails is logged and comes again.

What waits for services of others has a lane of its own, and so has what may take long: neither holds up a seal.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from member_hub.audit import AuditLog, Entry, Sealer, expire
from member_hub.clock import Clock
from member_hub.consent import recycling, timers
from member_hub.consent.catalogue import Catalogue
from member_hub.consent.coming_of_age import ComingOfAge
from member_hub.consent.filing import Filed
from member_hub.consent.guardian_timers import GuardianTimers
from member_hub.consent.replaying import LATECOMERS, newest_publication, replay
from member_hub.consent.timers import Clockwork
from member_hub.crypto import Vault
from member_hub.db import Database, partitions
from member_hub.errors import HubError
from member_hub.settings import Settings
from member_hub.telling import Notices, Sender

TICK_S: Final = 2.0
THOROUGH_EVERY: Final = timedelta(minutes=10)
MONTHS_EVERY: Final = timedelta(hours=6)
CONSENT_EVERY: Final = timedelta(minutes=1)
NOTICES_EVERY: Final = timedelta(minutes=1)
LINES_EVERY: Final = timedelta(minutes=5)
BITS_EVERY: Final = timedelta(minutes=1)
GUARDIANS_EVERY: Final = timedelta(minutes=1)
CALLER: Final = "jobs"

_log = logging.getLogger(__name__)


class Needs(Protocol):
    """What the jobs take from the hub."""

    @property
    def clock(self) -> Clock: ...
    @property
    def database(self) -> Database: ...
    @property
    def audit(self) -> AuditLog: ...
    @property
    def sealer(self) -> Sealer: ...
    @property
    def vault(self) -> Vault: ...
    @property
    def catalogue(self) -> Catalogue: ...
    @property
    def sender(self) -> Sender | None: ...
    @property
    def settings(self) -> Settings: ...


@dataclass(slots=True)
class Job:
    name: str
    every: timedelta
    work: Callable[[datetime], Awaitable[object]]
    due_at: datetime | None = None  # None: at once

    async def run_if_due(self, now: datetime) -> None:
        if self.due_at is not None and now < self.due_at:
            return
        self.due_at = now + self.every
        try:
            await self.work(now)
        except Exception as error:  # noqa: BLE001 - whatever it was, the other jobs go on and this one comes again
            said = f": {error}" if isinstance(error, HubError) else ""
            _log.error("The job %s failed (%s)%s", self.name, type(error).__name__, said)


async def run_forever(hub: Needs, stopping: asyncio.Event) -> None:
    """Until `stopping` is set; then once more, so that nothing stays unsealed that need not."""
    await asyncio.gather(
        _run(jobs_of(hub), hub.clock, stopping, ends_with_a_round=True),
        _run(consent_jobs_of(hub), hub.clock, stopping, ends_with_a_round=False),
        _run(calling_jobs_of(hub, stopping), hub.clock, stopping, ends_with_a_round=False),
        _run(long_jobs_of(hub), hub.clock, stopping, ends_with_a_round=False),
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

    async def bits(now: datetime) -> None:
        await recycling.free_replaced(hub.database, now=now)

    return [
        Job("audit months", MONTHS_EVERY, months),
        Job("audit seals of all months", THOROUGH_EVERY, thorough),
        Job("audit seals", timedelta(0), hub.sealer.run),
        Job("consent bits", BITS_EVERY, bits),
    ]


def consent_jobs_of(hub: Needs) -> list[Job]:
    """Apart from the seals, for what a standstill left behind may be a million members."""

    async def consent(now: datetime) -> None:
        works = Clockwork(hub.database, hub.vault, hub.catalogue, hub.audit, CALLER)
        await timers.settle_over(works, now=now)
        await timers.run_due(works, now=now)

    return [Job("consent clock", CONSENT_EVERY, consent)]


def calling_jobs_of(hub: Needs, stopping: asyncio.Event) -> list[Job]:
    """Those that ask services of others; a long run of one ends when the hub does."""

    async def notices(_now: datetime) -> None:
        telling = Notices(hub.database, hub.vault, hub.clock, hub.sender, hub.settings.notice_url)
        await telling.tell_waiting(stopping.is_set)

    return [Job("notices", NOTICES_EVERY, notices)]


def long_jobs_of(hub: Needs) -> list[Job]:
    """Those that go through much; they work in batches and hold nothing up."""
    done: list[datetime] = []  # when the last round began

    async def lines(now: datetime) -> None:
        """After a publication, and until no import of before it can still be running, what waited for it."""
        published_at = await newest_publication(hub.database)
        if published_at is None or (done and done[0] > published_at + LATECOMERS):
            return

        async def on_record(filed: Filed) -> None:
            said = Entry.of_command(
                "consent replay", fields=filed.words, member_ids=filed.members, caller=CALLER, now=hub.clock.now()
            )
            await hub.audit.write(said)

        await replay(hub.database, hub.vault, hub.catalogue, hub.clock, on_batch=on_record)
        done[:] = [now]

    consent = (hub.database, hub.vault, hub.catalogue, hub.audit)
    return [
        Job("coming of age", GUARDIANS_EVERY, ComingOfAge(*consent).run),
        Job("guardians", GUARDIANS_EVERY, GuardianTimers(*consent).run),
        Job("consent lines that waited", LINES_EVERY, lines),
    ]
