"""Who is told of a guardian: the one who is asked to be one, and the young member who decides alone from now on."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from member_hub.db import transaction
from member_hub.db.bulk import table_of
from member_hub.ids import MemberId
from member_hub.telling.tables import NoticeTask
from tests.graphql.world import NOW
from tests.guardians.family import TURNS, Family

task_t = table_of(NoticeTask)


async def told(family: Family, kind: str) -> list[tuple[MemberId, UUID | None, Any]]:
    """Who is to be told of the kind, about which link, since when."""
    statement = select(task_t).where(task_t.c.kind == kind).order_by(task_t.c.created_at, task_t.c.task_id)
    async with transaction(family.world.hub.database.app) as tx:
        return [(MemberId(row.member_id), row.subject_ref, row.created_at) for row in await tx.execute(statement)]


async def link_id(family: Family) -> UUID:
    (row,) = await family.links()
    return UUID(str(row.link_id))


async def test_whoever_is_said_to_be_a_guardian_is_told_once(family: Family) -> None:
    for _ in range(2):
        assert (await family.proposes(family.mother, family.daughter))[1] == []

    assert await told(family, "guardian_asked") == [(family.mother, await link_id(family), NOW)]
    assert await told(family, "guardian_ended") == []


async def test_a_proposal_that_is_refused_tells_nobody(family: Family) -> None:
    (_, errors) = await family.proposes(family.daughter, family.boy)

    assert errors == [("guardian", "NOT_AN_ADULT")]
    assert await told(family, "guardian_asked") == []


async def test_the_child_is_told_that_the_guardian_is_out_and_decides_alone(family: Family) -> None:
    await family.linked()
    await family.at(TURNS - timedelta(seconds=1))
    await family.jobs()
    assert await told(family, "guardian_ended") == []

    await family.at(TURNS)
    await family.jobs()
    await family.at(TURNS + timedelta(days=1))
    await family.jobs()

    assert await told(family, "guardian_ended") == [(family.daughter, await link_id(family), TURNS)]


async def test_who_turns_fourteen_without_a_guardian_is_told_nothing(family: Family) -> None:
    await family.at(TURNS)
    await family.jobs()

    assert await family.band_of(family.daughter) == "minor"
    assert await told(family, "guardian_ended") == []
