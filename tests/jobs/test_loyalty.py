"""The loyalty programme by the clock, beside points (tests/points/test_clockwork.py): tiers are decided."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from sqlalchemy import text

from member_hub.db import Database, transaction
from member_hub.jobs import Done, every_job
from member_hub.points.refusals import ClockJumped
from member_hub.settings import Settings
from member_hub.tags import rounds
from member_hub.tiers.standing import marking
from tests.conftest import Run
from tests.graphql.world import NOW, World, open_world
from tests.tiers.desk import Desk

VIP = 5_000


@pytest.fixture
def world(database: Database, settings: Settings, run: Run) -> Iterator[World]:
    stack = AsyncExitStack()
    yield run(stack.enter_async_context(open_world(database, settings)))
    run(stack.aclose())


@pytest.fixture
def desk(world: World) -> Desk:
    opened = Desk(world.hub.database, world.hub.vault)
    opened.clock.at = NOW - timedelta(days=1)
    return opened


async def run_job(world: World, name: str) -> Done:
    (job,) = [job for job in every_job(world.hub) if job.name == name]
    return await job.work(world.clock.at)


async def test_who_has_grown_is_promoted_and_everybody_is_looked_at_once(world: World, desk: Desk) -> None:
    anna, bert = await desk.member(), await desk.member()
    await desk.grow(anna, VIP)
    assert await run_job(world, "tier thresholds") == Done(2)
    assert await run_job(world, "tier thresholds") == Done(0)

    assert await run_job(world, "tier review") == Done(2)
    assert await run_job(world, "tier review") == Done(0)

    desk.clock.at = NOW
    assert [(await desk.standing(one)).tier for one in (anna, bert)] != ["base", "base"]
    assert (await desk.standing(bert)).tier == "base"
    (change,) = await desk.rows("tier_change")
    assert (change.member_id, change.actor) == (anna, "jobs")
    (entry,) = [row for row in await world.audited() if row.operation == "jobs tiers"]
    assert (entry.caller, entry.member_ids) == ("jobs", sorted([anna, bert]))


LOYALTY = ["tier thresholds", "tier review", "tier notices", "points due", "tags", "gifts for promotions"]


async def test_while_the_clock_is_behind_nobody_is_decided_on_and_it_is_logged_once(
    world: World, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    anna, bert = await desk.member(), await desk.member()
    await desk.grow(anna, VIP)
    await run_job(world, "tier thresholds")
    await run_job(world, "tier review")
    jobs = {job.name: job for job in every_job(world.hub)}
    desk.clock.at = NOW - timedelta(days=1)
    await desk.grow(bert, VIP)
    await desk.touch(bert)
    before = await desk.everything()

    for name in LOYALTY:
        with pytest.raises(ClockJumped):
            await jobs[name].work(NOW - timedelta(minutes=30))
        await jobs[name].run_if_due(NOW - timedelta(minutes=30))

    assert await desk.everything() == before
    assert [row.message for row in caplog.records if row.levelname == "ERROR"] == [
        "The clock is behind what was decided before: the jobs of the programme wait."
    ]
    assert await jobs["points self-check"].work(NOW - timedelta(minutes=30)) == Done()
    assert (await jobs["tier review"].work(NOW - timedelta(minutes=5))).count == 1
    assert caplog.records[-1].message == "The clock has caught up: the jobs of the programme go on."


async def test_four_reviews_at_once_decide_once(world: World, desk: Desk) -> None:
    members = [await desk.member() for _ in range(20)]
    for one in members:
        await desk.grow(one, VIP)
    await run_job(world, "tier thresholds")

    await asyncio.gather(*(run_job(world, "tier review") for _ in range(4)))

    assert sorted(row.member_id for row in await desk.rows("tier_change")) == sorted(members)


async def test_members_whose_review_fails_hold_up_nobody(
    world: World, desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(marking, "DUE_MAX", 2)
    members = [await desk.member() for _ in range(5)]
    for one in members:
        await desk.grow(one, VIP)
    await run_job(world, "tier thresholds")
    broken = sorted(members)[:2]  # a whole page of them, and they are due longest
    no = " and ".join(f"member_id <> '{one}'" for one in broken)
    async with transaction(desk.database.login) as tx:
        await tx.execute(text(f"alter table hub.tier_change add constraint no check ({no})"))

    assert await run_job(world, "tier review") == Done(3, failed=2)

    assert sorted(row.member_id for row in await desk.rows("tier_change")) == sorted(set(members) - set(broken))
    for one in broken:
        assert f"What is due of member {one} could not be done (IntegrityError)." in caplog.text


async def test_tags_say_that_there_is_more_and_how_many_failed(
    world: World, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "BATCH", 1)
    monkeypatch.setattr(rounds, "BATCHES_MAX", 2)
    members = sorted([await desk.member() for _ in range(3)])
    async with transaction(desk.database.login) as tx:
        await tx.execute(text(f"alter table hub.tagging add constraint no check (member_id <> '{members[0]}')"))
        await tx.execute(text("update hub.member set age_band = 'adult'"))

    assert await run_job(world, "tags") == Done(1, has_more=True, failed=1)
    assert await run_job(world, "tags") == Done(1)
    assert {row.member_id for row in await desk.rows("tagging")} == set(members[1:])


async def test_a_handler_whose_preparing_fails_holds_up_no_other(world: World, desk: Desk) -> None:
    anna, bert = await desk.member(), await desk.member()
    async with transaction(desk.database.login) as tx:
        await tx.execute(text(f"update hub.member set handler = 'another' where member_id = '{anna}'"))
        await tx.execute(text("alter table hub.tier_review_day add constraint no check (handler <> 'another')"))

    assert await run_job(world, "tier thresholds") == Done(1, failed=1)

    assert [row.member_id for row in await desk.rows("tier_standing") if row.due_at is not None] == [bert]
