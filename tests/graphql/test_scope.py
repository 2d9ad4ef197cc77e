"""Who is in reach of whom: not found and out of reach look the same."""

import pytest

from tests.graphql.conftest import Town
from tests.graphql.world import WHOLE

BY = "query ($by: MemberKey!) { member(by: $by) { id } }"
LIST = "{ memberList(first: 100) { edges { node { id } } } }"
NODE = "query ($id: ID!) { node(id: $id) { id ... on Member { version } } }"
PHONES = {"southern": "13912345671", "visitor": "13912345672", "former": "13912345673"}


async def ids(town: Town, role: str, **about: object) -> set[str]:
    found = await town.ask(role, LIST, **about)
    return {edge["node"]["id"] for edge in found["memberList"]["edges"]}


async def global_id(town: Town, who: str) -> str:
    found = await town.ask("dpo", BY, variables={"by": {"id": str(getattr(town.people, who))}})
    return str(found["member"]["id"])


@pytest.mark.parametrize("who", ["southern", "former"])
async def test_a_store_does_not_reach_members_of_other_stores(town: Town, who: str) -> None:
    seen = await town.ask("store_manager", BY, variables={"by": {"phone": PHONES[who]}})
    unknown = await town.ask("store_manager", BY, variables={"by": {"phone": "13912349999"}})

    assert seen == unknown == {"member": None}


async def test_a_store_reaches_who_bought_there_within_twelve_months(town: Town) -> None:
    found = await town.ask("store_manager", BY, variables={"by": {"phone": PHONES["visitor"]}})

    assert found == {"member": {"id": await global_id(town, "visitor")}}


async def test_a_list_of_a_store_has_its_own_and_its_visitors(town: Town) -> None:
    expected = {await global_id(town, "whole"), await global_id(town, "visitor")}

    assert await ids(town, "sales_associate") == expected


async def test_a_list_of_another_store_has_others(town: Town) -> None:
    expected = {await global_id(town, who) for who in ("southern", "visitor", "former")}

    assert await ids(town, "sales_associate", stores=["SH014"]) == expected


async def test_a_region_is_all_of_its_stores(town: Town) -> None:
    eastern = {await global_id(town, "whole"), await global_id(town, "visitor")}
    southern = {await global_id(town, who) for who in ("southern", "visitor", "former")}

    assert await ids(town, "region_manager", regions=["east"]) == eastern
    assert await ids(town, "region_manager", regions=["south"]) == southern
    assert await ids(town, "region_manager", regions=["north"]) == set()


async def test_nobody_is_in_reach_of_staff_without_a_store(town: Town) -> None:
    assert await ids(town, "sales_associate", stores=[], handler="brand") == set()
    found = await town.ask(
        "sales_associate", BY, variables={"by": {"phone": WHOLE["phone"]}}, stores=[], handler="brand"
    )
    assert found == {"member": None}


async def test_a_node_is_under_the_same_reach(town: Town) -> None:
    mine, theirs = await global_id(town, "whole"), await global_id(town, "southern")

    assert (await town.ask("store_manager", NODE, variables={"id": mine}))["node"]["id"] == mine
    assert await town.ask("store_manager", NODE, variables={"id": theirs}) == {"node": None}


async def test_a_member_reaches_only_herself(town: Town) -> None:
    mine, theirs = await global_id(town, "whole"), await global_id(town, "southern")

    found = await town.ask("member", NODE, variables={"id": mine}, member=town.people.whole)
    assert found == {"node": {"id": mine, "version": found["node"]["version"]}}
    assert await town.ask("member", NODE, variables={"id": theirs}, member=town.people.whole) == {"node": None}


async def test_a_member_with_a_merged_id_is_who_it_went_into(town: Town) -> None:
    mine = await global_id(town, "whole")

    assert await town.ask("member", "{ me { id } }", member=town.people.merged) == {"me": {"id": mine}}


async def test_the_mini_program_reaches_only_the_member_for_whom_it_asks(town: Town) -> None:
    by = {"by": {"unionid": WHOLE["unionid"]}}
    mine = await global_id(town, "whole")

    assert await town.ask("app_mini_program", BY, variables=by, member=town.people.whole) == {"member": {"id": mine}}
    assert await town.ask("app_mini_program", BY, variables=by, member=town.people.southern) == {"member": None}


async def test_the_mini_program_reaches_nobody_by_id_before_it_knows_for_whom(town: Town) -> None:
    mine = await global_id(town, "whole")

    assert await town.ask("app_mini_program", NODE, variables={"id": mine}) == {"node": None}
    found = await town.ask("app_mini_program", NODE, variables={"id": mine}, member=town.people.merged)
    assert found["node"]["id"] == mine


async def test_a_merged_id_answers_as_the_member_it_went_into(town: Town) -> None:
    assert town.people.merged != town.people.whole
    assert await global_id(town, "merged") == await global_id(town, "whole")
