"""Members are told ahead that they fall, and what is still needed: once, and only while it is so."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId
from member_hub.jobs import every_job
from member_hub.telling import By
from member_hub.tiers.tables import TierStanding
from tests.graphql.world import NOW
from tests.sign_in_codes.desk import Front
from tests.telling.members import ask_notice, everything, member_with, run_at, tasks
from tests.telling.test_ways import OPENID, URL, publishing

standing_t = table_of(TierStanding)
FALLS_AT = datetime(2026, 12, 20, 16, tzinfo=UTC)  # midnight in Shanghai: the 21st begins
LOST_AT = datetime(2027, 1, 1, 16, tzinfo=UTC)


async def falling(front: Front, member_id: MemberId, **said: Any) -> None:
    row = {
        "member_id": member_id, "tier": "core", "rank": 2, "own_tier": "core", "own_rank": 2, "since": NOW,
        "reason": "earned", "notice_at": NOW, "notice_until": FALLS_AT, "notice_needed": 12,
    }  # fmt: skip
    async with transaction(front.hub.database.app) as tx:
        await tx.execute(insert(standing_t).values(**(row | said)))


async def asked(front: Front, *names: str) -> None:
    for name in (*names, "tier notices"):
        (job,) = [job for job in every_job(front.hub) if job.name == name]
        await job.run_if_due(front.clock.at)


async def test_who_falls_is_told_the_day_and_what_is_needed_once(front: Front) -> None:
    await falling(front, await everything(front))

    for _ in range(2):
        await asked(front)
        await run_at(publishing(front), NOW)

    (message,) = front.service.taken
    assert (message.by, message.to, message.template) == (By.OPENID, OPENID, "tier_ending.zh")
    assert message.values == {"day": "2026-12-21", "growth": "12"}
    (task,) = await tasks(front)
    assert (task.kind, task.told_by, task.told_at) == ("tier_ending", "openid", NOW)


async def test_the_day_told_is_the_one_on_which_the_review_takes_the_tier_and_it_is_told_once(front: Front) -> None:
    """The term ends on the third of December; the thirty days of grace follow."""
    ends = datetime(2026, 12, 2, 16, tzinfo=UTC)
    plain = {"notice_at": None, "notice_until": None, "notice_needed": None, "until": ends, "due_at": NOW}
    await falling(front, await everything(front), **plain)
    tiers = []

    for at in (NOW, datetime(2026, 12, 3, 4, tzinfo=UTC), datetime(2027, 1, 1, 15, tzinfo=UTC), LOST_AT):
        front.clock.at = at
        await asked(front, "tier review")
        await run_at(publishing(front), at)
        async with transaction(front.hub.database.app) as tx:
            tiers.append((await tx.execute(select(standing_t.c.tier))).scalar_one())

    assert tiers == ["core", "core", "core", "standard"]
    assert [message.values for message in front.service.taken] == [{"day": "2027-01-02", "growth": "30"}]


async def test_where_no_growth_is_missing_none_is_said(front: Front) -> None:
    await falling(front, await everything(front), notice_needed=None)

    await asked(front)
    await run_at(publishing(front), NOW)

    assert [message.values for message in front.service.taken] == [{"day": "2026-12-21"}]


async def test_who_falls_no_more_when_the_message_would_go_out_is_not_told(front: Front) -> None:
    member = await everything(front)
    await falling(front, member)
    await asked(front)
    async with transaction(front.hub.database.app) as tx:
        grown = update(standing_t).where(standing_t.c.member_id == member)
        await tx.execute(grown.values(notice_at=None, notice_until=None, notice_needed=None))

    await run_at(publishing(front), NOW)

    assert front.service.taken == []
    assert [(task.told_by, task.told_at) for task in await tasks(front)] == [("over", NOW)]


@pytest.mark.parametrize("url", [None, URL])
async def test_a_fall_is_told_before_there_is_any_privacy_notice_or_address_of_one(
    unpublished: Front, url: str | None
) -> None:
    """The notice itself waits until there is something to point to."""
    front = replace(
        unpublished, hub=replace(unpublished.hub, settings=replace(unpublished.hub.settings, notice_url=url))
    )
    member = await everything(front)
    await falling(front, member)
    await asked(front)
    await ask_notice(front, member)

    await run_at(front, NOW)

    assert [message.template for message in front.service.taken] == ["tier_ending.zh"]
    assert [(task.kind, task.tries, task.told_at) for task in await tasks(front)] == [
        ("tier_ending", 1, NOW), ("privacy_notice", 0, None)
    ]  # fmt: skip


async def test_a_fall_is_told_where_a_notice_is_in_force_that_has_no_address(front: Front) -> None:
    nowhere = replace(front, hub=replace(front.hub, settings=replace(front.hub.settings, notice_url=None, port=0)))
    member = await everything(nowhere)
    await falling(nowhere, member)
    await asked(nowhere)
    await ask_notice(nowhere, member)

    await run_at(nowhere, NOW)

    assert [message.template for message in nowhere.service.taken] == ["tier_ending.zh"]


async def test_who_cannot_be_told_is_left_to_people(front: Front) -> None:
    await falling(front, await member_with(front))

    await asked(front)
    await run_at(publishing(front), NOW)

    assert [(task.due_at, task.told_at) for task in await tasks(front)] == [(None, None)]
