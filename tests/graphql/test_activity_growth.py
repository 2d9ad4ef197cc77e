"""Growth by activity through the API: of whom, and how much of a day, whatever the account."""

from datetime import timedelta
from typing import Any

import pytest

from member_hub.jobs import every_job
from tests.graphql.benefits import rows
from tests.graphql.recording import a_member, active
from tests.graphql.test_objections import lift
from tests.graphql.test_objections import place as object_to
from tests.graphql.world import NOW, People, World


async def grown(world: World) -> list[int]:
    return [row.amount for row in await rows(world, "hub.growth_entry") if row.source == "activity"]


@pytest.mark.parametrize("scope", [{"purposes": ["ACTIVITY_EVALUATION"]}, {"profiling": True}])
async def test_who_objected_grows_by_no_activity_until_that_is_lifted(world: World, scope: dict[str, Any]) -> None:
    member = await a_member(world)
    placed, errors = await object_to(world, "member", scope, member=member)
    assert errors == []

    assert await active(world, member, count=3) == {"growth": 0, "userErrors": []}
    assert await grown(world) == []
    await lift(world, "member", placed["id"], member=member)
    world.clock.at = NOW + timedelta(hours=1)
    for job in every_job(world.hub):
        if job.name == "counting":
            await job.run_if_due(world.clock.at)

    assert await grown(world) == [1]


async def test_a_day_grows_at_most_so_much_by_each_account(world: World, people: People) -> None:
    """So it does not matter in which order accounts turn out to be one person, or which of them counts first."""
    said = [await active(world, people.whole, key=one, channel=one, count=3) for one in ("STORE", "APP", "WEBSITE")]

    assert [one["growth"] for one in said] == [1, 1, 1]
    assert await grown(world) == [1, 1, 1]
