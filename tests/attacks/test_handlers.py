"""Members of another legal entity: whoever acts for one handler never meets them, by row or by figure."""

from typing import Any

import pytest
from sqlalchemy import update

from member_hub.db import transaction
from member_hub.members.reading import account_t, member_t
from tests.graphql.crowd import MARCH, several
from tests.graphql.world import People, World

LIST = "{ memberList(first: 100) { edges { node { id } } } }"
BY = "query ($by: MemberKey!) { member(by: $by) { id } }"
COUNT = "{ memberStatistics(groupBy: [STORE]) { groups { store { code } count } } }"
SOUTHERN = {"by": {"phone": "13912345671"}}


async def hand_over(world: World, *member_ids: Any) -> None:
    """These members belong to a sister brand from now on."""
    async with transaction(world.hub.database.app) as tx:
        for table in (member_t, account_t):
            await tx.execute(update(table).where(table.c.member_id.in_(member_ids)).values(handler="sister"))


@pytest.mark.parametrize("role", ["support_agent", "app_crm", "app_checkout", "membership_manager", "region_manager"])
async def test_a_list_ends_where_the_handler_ends(world: World, people: People, role: str) -> None:
    about: dict[str, Any] = {"regions": ["south"]} if role == "region_manager" else {}
    before = len((await world.ask(role, LIST, **about))["memberList"]["edges"])

    await hand_over(world, people.southern)

    assert len((await world.ask(role, LIST, **about))["memberList"]["edges"]) == before - 1


@pytest.mark.parametrize("role", ["support_agent", "app_crm", "app_checkout"])
async def test_a_key_finds_nobody_of_another_handler(world: World, people: People, role: str) -> None:
    assert (await world.ask(role, BY, variables=SOUTHERN))["member"] is not None

    await hand_over(world, people.southern)

    assert await world.ask(role, BY, variables=SOUTHERN) == {"member": None}


async def test_the_officer_reaches_every_handler(world: World, people: People) -> None:
    await hand_over(world, people.southern)

    assert (await world.ask("dpo", BY, variables=SOUTHERN))["member"] is not None


@pytest.mark.parametrize("role", ["marketing_analyst", "membership_manager"])
async def test_figures_count_nobody_of_another_handler(world: World, role: str) -> None:
    ids = await world.resolve(*several("SH003", None, MARCH, 20), *several("SH004", None, MARCH, 20))
    await hand_over(world, ids[0])

    found = await world.ask(role, COUNT)

    assert found["memberStatistics"]["groups"] == [{"store": {"code": "SH004"}, "count": 20}]
