"""The jobs of the served process: each when it is due, a failing one again, and once more before the end."""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from member_hub import benefits, programme, resources, tags
from member_hub.audit import AuditLog, Sealer, SealsBehind
from member_hub.clock import Clock
from member_hub.db import Database, transaction
from member_hub.jobs import Done, Job, Lane, run_forever
from member_hub.jobs.consents import jobs_of_much
from member_hub.jobs.seals import jobs_of
from member_hub.points.watching import Alarm
from member_hub.settings import Settings
from member_hub.tiers import Programme
from tests.audit.logs import NOW, Log
from tests.consent.test_publishing import publish
from tests.graphql.world import StandingClock
from tests.hub import REGISTER
from tests.tiers.desk import SHIPPED

PARTS = programme.read(resources.folder("policies") / programme.FILE)


@dataclass
class Hub:
    """What the jobs take from a hub."""

    log: Log
    clock: Clock
    settings: Settings
    vault: Any = None  # nothing is handed over where there is no sender
    catalogue: Any = None  # nobody decided anything
    ledger: Any = None
    sender: None = None
    organisation: Any = None
    tiers: Any = field(default_factory=lambda: Programme(SHIPPED))
    tags: Any = field(default_factory=lambda: tags.Programme(tags.numbers_of(PARTS["tags"]), REGISTER))
    benefits: Any = field(default_factory=lambda: benefits.rules_of(PARTS["benefits"], SHIPPED))
    loyalty: Any = None  # nothing waits to be counted
    points_alarm: Alarm = field(default_factory=Alarm)

    @property
    def database(self) -> Database:
        return self.log.database

    @property
    def audit(self) -> AuditLog:
        return self.log.writing

    @property
    def sealer(self) -> Sealer:
        return self.log.sealer


@pytest.fixture
def hub(database: Database, settings: Settings) -> Hub:
    return Hub(Log.of(database, settings), StandingClock(NOW), settings)


async def test_being_told_to_stop_seals_what_is_left(hub: Hub) -> None:
    await hub.log.write(3)
    stopping = asyncio.Event()
    stopping.set()

    await run_forever(hub, stopping)

    report = await hub.log.report()
    assert (report.findings, report.entries, report.unsealed) == ([], 3, 0)


async def test_it_runs_until_it_is_told_to_stop(hub: Hub) -> None:
    stopping = asyncio.Event()
    running = asyncio.create_task(run_forever(hub, stopping))
    await asyncio.sleep(0)
    assert not running.done()

    await hub.log.write(2)
    stopping.set()
    await running

    assert (await hub.log.report()).unsealed == 0


async def test_a_month_whose_retention_is_over_goes_by_itself(hub: Hub) -> None:
    await hub.log.write(2, happened_at=NOW - timedelta(days=1300))
    stopping = asyncio.Event()
    stopping.set()

    await run_forever(hub, stopping)

    assert [(row.caller, row.operation) for row in await hub.log.rows("audit_entry")] == [("jobs", "audit expire")]


async def test_partitions_are_made_by_themselves(hub: Hub) -> None:
    async with transaction(hub.database.login) as tx:
        await tx.execute(text("DROP TABLE hub.audit_entry_default"))
    stopping = asyncio.Event()
    stopping.set()

    await run_forever(hub, stopping)

    assert await hub.log.rows("audit_entry_default") == []


async def test_a_job_that_fails_is_logged_and_comes_again(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    calls = []

    async def fails(_now: object) -> Done:
        calls.append(1)
        raise SealsBehind(7)

    job = Job("audit seals", timedelta(seconds=10), fails, Lane.SEALS)

    with caplog.at_level(logging.ERROR):
        for seconds in (0, 5, 10):
            await job.run_if_due(NOW + timedelta(seconds=seconds))

    assert len(calls) == 2
    assert "The job audit seals failed (SealsBehind): The audit head outside knows seal 7" in caplog.text


async def test_a_job_of_hours_that_failed_comes_again_within_a_minute_and_then_in_hours(hub: Hub) -> None:
    calls = []

    async def fails_once(now: datetime) -> Done:
        calls.append(now - NOW)
        if len(calls) == 1:
            raise TimeoutError
        return Done()

    job = Job("audit months", timedelta(hours=6), fails_once, Lane.SEALS)
    for minutes in (0, 0.9, 1, 2, 360, 361):
        await job.run_if_due(NOW + timedelta(minutes=minutes))

    assert calls == [timedelta(0), timedelta(minutes=1), timedelta(minutes=361)]


async def test_bits_that_a_newer_notice_replaced_are_given_back(hub: Hub) -> None:
    await publish(hub.database, "members-1", at=NOW - timedelta(days=2), purposes=["marketing"])
    later = {"purposes": ["marketing"], "changed": ["marketing"]}
    await publish(hub.database, "members-2", at=NOW - timedelta(days=1), **later)

    for job in jobs_of_much(hub):
        await job.run_if_due(NOW)

    async with transaction(hub.database.app) as tx:
        freed = await tx.execute(text("SELECT bit FROM hub.consent_gate WHERE freed_at IS NOT NULL ORDER BY bit"))
        assert list(freed.scalars()) == [0, 1]


async def test_without_a_database_the_jobs_go_on(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    async with transaction(hub.database.login) as tx:
        await tx.execute(text("ALTER TABLE hub.audit_seal RENAME TO seal_away"))

    for job in jobs_of(hub):
        await job.run_if_due(NOW)

    assert [record.levelname for record in caplog.records] == ["ERROR"] * 3
